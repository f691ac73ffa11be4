/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/storage/binlog_position.h"

#include <string.h>

#include "check.h"

static bool splits(const char *name, const char *base_name, uint64_t file)
{
    char found[BINLOG_NAME_MOST_BYTES + 1];
    uint64_t number = 0;

    return binlog_name_split(bytes_of_text(name), found, &number) &&
           strcmp(found, base_name) == 0 && number == file;
}

static bool is_refused(const char *name)
{
    char found[BINLOG_NAME_MOST_BYTES + 1];
    uint64_t number = 0;

    return !binlog_name_split(bytes_of_text(name), found, &number);
}

static void compares_files_before_offsets(void)
{
    struct binlog_position early = {.file = 1, .offset = 900};
    struct binlog_position middle = {.file = 2, .offset = 4};
    struct binlog_position late = {.file = 2, .offset = 5};

    CHECK(binlog_position_compare(early, middle) < 0);
    CHECK(binlog_position_compare(late, middle) > 0);
    CHECK(binlog_position_compare(late, late) == 0);
    CHECK(binlog_position_compare(middle, early) > 0);
}

static void prints_six_digits_and_more(void)
{
    char name[BINLOG_NAME_BYTES];

    binlog_name_print(name, "binlog", 42);
    CHECK(strcmp(name, "binlog.000042") == 0);
    binlog_name_print(name, "mysql-bin.east", 1234567);
    CHECK(strcmp(name, "mysql-bin.east.1234567") == 0);
    binlog_name_print(name, "b", UINT64_MAX);
    CHECK(strcmp(name, "b.18446744073709551615") == 0);
}

static void splits_at_the_last_dot(void)
{
    CHECK(splits("binlog.000042", "binlog", 42));
    CHECK(splits("a.b.c.1000000", "a.b.c", 1000000));
    CHECK(splits("A-z_9.1", "A-z_9", 1));
    CHECK(splits("b.18446744073709551615", "b", UINT64_MAX));
}

static void refuses_what_could_name_something_else(void)
{
    CHECK(is_refused(""));
    CHECK(is_refused("binlog"));
    CHECK(is_refused(".000001"));
    CHECK(is_refused(".hidden.000001"));
    CHECK(is_refused("../binlog.000001"));
    CHECK(is_refused("a/b.000001"));
    CHECK(is_refused("bin log.000001"));
    CHECK(is_refused("bin\xc3\xa4.000001"));
    CHECK(is_refused("binlog."));
    CHECK(is_refused("binlog.00000x"));
    CHECK(is_refused("binlog.-1"));
    CHECK(is_refused("binlog.000000"));
    CHECK(is_refused("binlog.18446744073709551616"));
    CHECK(is_refused("binlog.000001.gtids"));
}

static void takes_names_of_sixty_four_bytes_and_no_more(void)
{
    char name[BINLOG_NAME_MOST_BYTES + 16];

    memset(name, 'a', sizeof(name));
    memcpy(name + BINLOG_NAME_MOST_BYTES, ".000001", 8);
    name[BINLOG_NAME_MOST_BYTES + 7] = '\0';
    CHECK(!is_refused(name));
    memcpy(name + BINLOG_NAME_MOST_BYTES, "a.000001", 9);
    CHECK(is_refused(name));
}

int main(void)
{
    compares_files_before_offsets();
    prints_six_digits_and_more();
    splits_at_the_last_dot();
    refuses_what_could_name_something_else();
    takes_names_of_sixty_four_bytes_and_no_more();
    return 0;
}
