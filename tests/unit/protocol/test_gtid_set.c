/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/protocol/gtid_set.h"

#include <string.h>

#include "binlog_file.h"

#define U "11111111-2222-3333-4444-555555555555"
#define A "aaaaaaaa-2222-3333-4444-555555555555"

static struct gtid_set *set_of(const char *text)
{
    struct gtid_set *set = NULL;
    struct error error;

    CHECK_OK(gtid_set_parse(&set, bytes_of_text(text), &error), &error);
    return set;
}

static bool prints(const struct gtid_set *set, const char *wanted)
{
    struct buffer output = {0};
    bool is_equal = false;

    gtid_set_print(set, &output);
    is_equal = bytes_equal(buffer_bytes(&output), bytes_of_text(wanted));
    if (!is_equal) {
        fprintf(stderr, "printed \"%.*s\"\n", (int)output.size, (const char *)output.data);
    }
    buffer_release(&output);
    return is_equal;
}

/* What MySQL 9.7.4 answers to SELECT GTID_SUBTRACT(text, ''). */
static const struct {
    const char *text;
    const char *canonical; /* NULL: refused */
} answers[] = {
    {"", ""},
    {U ":1-5:7:taga:1-3:tag_b:5", U ":1-5:7:tag_b:5:taga:1-3"},
    {U ":5-3", ""},
    {U, ""},
    {U ":", NULL},
    {U ":1-", NULL},
    {"," U ":1,," U ":2,", U ":1-2"},
    {U ":tag", ""},
    {U ":tag:1," U ":1", U ":1:tag:1"},
    {U ":TAG:1", U ":tag:1"},
    {"  " U " : 1 - 3 : 5 \n", U ":1-3:5"},
    {U ":0", NULL},
    {U ":0-3", NULL},
    {U ":9223372036854775806", U ":9223372036854775806"},
    {U ":9223372036854775807", NULL},
    {U ":1-9223372036854775807", NULL},
    {U ":99999999999999999999", NULL},
    {"11111111222233334444555555555555:1", U ":1"},
    {"{" U "}:1", U ":1"},
    {"{" U ":1", NULL},
    {"11111111-222233334444555555555555:1", NULL},
    {U ":1:1:2", U ":1-2"},
    {U ":tag:1:2:tag:3", U ":tag:1-3"},
    {U ": _x9 : 4", U ":_x9:4"},
    {U ":9x:4", NULL},
    {U ":1," U, U ":1"},
    {U ":tag:1 :5", U ":tag:1:5"},
    {A ":b:1:a:2," U ":c:3:7", U ":c:3:7,\n" A ":a:2:b:1"},
    {U ":1 " U ":2", NULL},
    {U ":abcdefghijabcdefghijabcdefghij12:1", U ":abcdefghijabcdefghijabcdefghij12:1"},
    {U ":abcdefghijabcdefghijabcdefghij123:1", NULL},
    {U ":1;", NULL},
    {U ":\xC3\xA9:1", NULL},
    {"+", NULL},
    {U ":+5", NULL},
    {U ":007", U ":7"},
    {U ":1--2", NULL},
    {U ":3-5," U ":2," U ":1", U ":1-5"},
    {U ":tag:5-3:7", U ":tag:7"},
};

static void reads_the_text_that_mysql_reads(void)
{
    for (size_t at = 0; at < sizeof(answers) / sizeof(answers[0]); at++) {
        struct gtid_set *set = NULL;
        struct error error = {0};
        enum status status = gtid_set_parse(&set, bytes_of_text(answers[at].text), &error);

        if (answers[at].canonical == NULL) {
            CHECK(status == STATUS_INVALID && set == NULL);
            CHECK(strstr(error.message, "is expected at character") != NULL);
        } else {
            CHECK(status == STATUS_OK && prints(set, answers[at].canonical));
        }
        gtid_set_free(set);
    }
}

static void says_where_a_text_is_wrong(void)
{
    struct gtid_set *set = NULL;
    struct error error;

    CHECK(gtid_set_parse(&set, bytes_of_text(U ":1-x"), &error) == STATUS_INVALID);
    CHECK(strstr(error.message, "at character 40 of") != NULL);
    CHECK(gtid_set_parse(&set, (struct bytes){(const uint8_t *)U ":1\0", 39}, &error) ==
          STATUS_INVALID);
}

static struct gtid_set *decoded(const char *bytes, size_t size)
{
    struct gtid_set *set = NULL;
    struct error error;

    CHECK_OK(gtid_set_decode(&set, (struct bytes){(const uint8_t *)bytes, size}, &error),
             &error);
    return set;
}

static bool survives_its_binary_form(const struct gtid_set *set)
{
    struct buffer bytes = {0};
    struct gtid_set *again = NULL;
    bool is_equal = false;

    gtid_set_encode(set, &bytes);
    again = decoded((const char *)bytes.data, bytes.size);
    is_equal = gtid_set_equals(set, again);
    gtid_set_free(again);
    buffer_release(&bytes);
    return is_equal;
}

static void every_text_survives_the_binary_form(void)
{
    for (size_t at = 0; at < sizeof(answers) / sizeof(answers[0]); at++) {
        if (answers[at].canonical != NULL) {
            struct gtid_set *set = set_of(answers[at].canonical);

            CHECK(survives_its_binary_form(set));
            gtid_set_free(set);
        }
    }
}

/* Adds what the GTID events of a file say to what its Previous_gtids says. */
static struct gtid_set *set_of_file(const char *name, bool *encodes_alike)
{
    struct binlog_file file = binlog_file_open(name);
    struct gtid_set *set = NULL;
    struct binlog_file_event event;
    struct buffer encoded = {0};
    struct error error;

    CHECK(binlog_file_find(&file, BINLOG_PREVIOUS_GTIDS, &event));
    CHECK_OK(gtid_set_decode(&set, event.body, &error), &error);
    gtid_set_encode(set, &encoded);
    *encodes_alike = bytes_equal(buffer_bytes(&encoded), event.body);
    buffer_release(&encoded);
    while (binlog_file_next(&file, &event)) {
        if (event.header.type == BINLOG_GTID || event.header.type == BINLOG_GTID_TAGGED) {
            struct gtid gtid;

            CHECK_OK(gtid_decode_event(&gtid, event.header.type, event.body, &error), &error);
            gtid_set_add(set, &gtid);
        }
    }
    binlog_file_close(&file);
    return set;
}

static void finds_what_mysql_had_executed_in_its_files(void)
{
    static const struct {
        const char *name;
        const char *executed; /* @@gtid_executed at the end of the file */
    } files[] = {
        {"mysql97-mixed.binlog", "231d2e16-e542-11f1-a647-02fc00000001:1-51"},
        {"mysql97-tagged.binlog",
         "260119a8-e542-11f1-9bb3-02fc00000001:1-3:_a_tag_of_thirty_two_characters:1-2:night:1-"
         "4,\n"
         "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee:70000:night:9223372036854775806"},
        {"mysql97-compressed.binlog", "2774d735-e542-11f1-aab6-02fc00000001:1-15"},
        {"mysql97-nochecksum.binlog", "28ebf8d2-e542-11f1-95c0-02fc00000001:1-8"},
        {"mysql97-anonymous.binlog", ""},
    };

    for (size_t at = 0; at < sizeof(files) / sizeof(files[0]); at++) {
        bool encodes_alike = false;
        struct gtid_set *set = set_of_file(files[at].name, &encodes_alike);

        CHECK(encodes_alike);
        CHECK(prints(set, files[at].executed));
        gtid_set_free(set);
    }
}

static void prints_a_gtid(void)
{
    struct binlog_file file = binlog_file_open("mysql97-tagged.binlog");
    struct binlog_file_event event;
    struct gtid gtid;
    struct error error;
    char text[GTID_TEXT_BYTES];

    CHECK(binlog_file_find(&file, BINLOG_GTID, &event));
    CHECK_OK(gtid_decode_event(&gtid, BINLOG_GTID, event.body, &error), &error);
    gtid_print(&gtid, text);
    CHECK(strcmp(text, "260119a8-e542-11f1-9bb3-02fc00000001:3") == 0);
    CHECK(binlog_file_find(&file, BINLOG_GTID_TAGGED, &event));
    CHECK_OK(gtid_decode_event(&gtid, BINLOG_GTID_TAGGED, event.body, &error), &error);
    gtid_print(&gtid, text);
    CHECK(strcmp(text, "260119a8-e542-11f1-9bb3-02fc00000001:night:2") == 0);
    binlog_file_close(&file);

    memset(gtid.source.tag, 'x', GTID_TAG_MOST_BYTES);
    gtid.number = UINT64_MAX;
    gtid_print(&gtid, text);
    CHECK(strlen(text) == GTID_TEXT_BYTES - 1);
}

static void refuses_gtid_events_that_are_cut(void)
{
    struct binlog_file file = binlog_file_open("mysql97-tagged.binlog");
    struct binlog_file_event event;
    struct gtid gtid;
    struct error error;

    CHECK(binlog_file_find(&file, BINLOG_GTID, &event));
    for (size_t size = 0; size < 25; size++) {
        CHECK(gtid_decode_event(&gtid, BINLOG_GTID, (struct bytes){event.body.data, size},
                                &error) == STATUS_CORRUPT);
    }
    CHECK(gtid_decode_event(&gtid, BINLOG_ANONYMOUS_GTID, event.body, &error) ==
          STATUS_NOT_FOUND);
    CHECK(binlog_file_find(&file, BINLOG_GTID_TAGGED, &event));
    for (size_t size = 0; size < 30; size++) {
        CHECK(gtid_decode_event(&gtid, BINLOG_GTID_TAGGED,
                                (struct bytes){event.body.data, size},
                                &error) == STATUS_CORRUPT);
    }
    binlog_file_close(&file);
}

static void refuses_gtids_with_impossible_numbers_and_tags(void)
{
    static const uint8_t head[] = {2, 80, 0, 0, 0, 2};
    static const struct {
        char rest[7]; /* of the event, behind the UUID */
        size_t size;
        bool is_good;
    } events[] = {
        {"\x04\x04\x06\x02x", 5, true},
        {"\x04\x00\x06\x02x", 5, false}, /* number 0 */
        {"\x04\x06\x06\x02x", 5, false}, /* a negative number */
        {"\x04\x04\x06\x02X", 5, false},
        {"\x04\x04\x06\x04xx", 6, true},
        {"\x04\x04\x06\x04x-", 6, false},
        {"\x04\x04\x06\x02"
         "9",
         5, false},
    };

    for (size_t at = 0; at < sizeof(events) / sizeof(events[0]); at++) {
        struct buffer body = {0};
        struct gtid gtid;
        struct error error;
        enum status status = STATUS_OK;

        buffer_add(&body, head, sizeof(head));
        buffer_add_zeros(&body, GTID_UUID_BYTES);
        buffer_add(&body, events[at].rest, events[at].size);
        status = gtid_decode_event(&gtid, BINLOG_GTID_TAGGED, buffer_bytes(&body), &error);
        CHECK((status == STATUS_OK) == events[at].is_good);
        buffer_release(&body);
    }
}

/* The binary form of U's intervals, all numbers in 8 bytes. */
static enum status decode_numbers(const uint64_t *numbers, size_t count)
{
    struct buffer body = {0};
    struct gtid_set *set = NULL;
    struct error error;
    enum status status = STATUS_OK;

    buffer_add_number(&body, 1, 8);
    buffer_add_zeros(&body, GTID_UUID_BYTES);
    for (size_t at = 0; at < count; at++) {
        buffer_add_number(&body, numbers[at], 8);
    }
    status = gtid_set_decode(&set, buffer_bytes(&body), &error);
    gtid_set_free(set);
    buffer_release(&body);
    return status;
}

#define DECODE(...)                                                                            \
    decode_numbers((const uint64_t[]){__VA_ARGS__},                                            \
                   sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

static void refuses_binary_sets_that_are_broken(void)
{
    CHECK(DECODE(1, 1, 2) == STATUS_OK);
    CHECK(DECODE(2, 5, 6, 1, 2) == STATUS_OK); /* in any order */
    CHECK(DECODE(0) == STATUS_OK);
    CHECK(DECODE(1, 1, INT64_MAX) == STATUS_OK);
    CHECK(DECODE(1, 1, (uint64_t)INT64_MAX + 1) == STATUS_CORRUPT);
    CHECK(DECODE(1, 0, 2) == STATUS_CORRUPT);
    CHECK(DECODE(1, 2, 2) == STATUS_CORRUPT);
    CHECK(DECODE(1, 3, 2) == STATUS_CORRUPT);
    CHECK(DECODE(2, 1, 2) == STATUS_CORRUPT);          /* cut */
    CHECK(DECODE(UINT64_MAX, 1, 2) == STATUS_CORRUPT); /* cut */
    CHECK(DECODE(1, 1, 2, 3) == STATUS_CORRUPT);       /* more than the set */
}

static void refuses_tagged_binary_sets_that_are_broken(void)
{
    static const char good[] = "\x01\x01\0\0\0\0\0\x01"
                               "0123456789abcdef"
                               "\x04"
                               "ab"
                               "\x01\0\0\0\0\0\0\0"
                               "\x05\0\0\0\0\0\0\0"
                               "\x08\0\0\0\0\0\0\0";
    struct gtid_set *set = decoded(good, sizeof(good) - 1);
    struct error error;

    CHECK(prints(set, "30313233-3435-3637-3839-616263646566:ab:5-7"));
    gtid_set_free(set);
    set = NULL;
    for (size_t size = 0; size < sizeof(good) - 1; size++) {
        CHECK(gtid_set_decode(&set, (struct bytes){(const uint8_t *)good, size}, &error) ==
              STATUS_CORRUPT);
    }
    for (size_t at = 0; at < sizeof(good) - 1; at++) {
        char bad[sizeof(good)];

        memcpy(bad, good, sizeof(good));
        bad[at] = (char)0xFF;
        if (at < 8 || (at >= 24 && at < 35)) { /* not in the UUID, nor low bits of a number */
            CHECK(gtid_set_decode(&set, (struct bytes){(const uint8_t *)bad, sizeof(bad) - 1},
                                  &error) == STATUS_CORRUPT);
        }
    }
    CHECK(set == NULL);
}

static void refuses_more_intervals_than_the_limit(void)
{
    struct buffer body = {0};
    struct gtid_set *set = NULL;
    struct error error;
    size_t count = GTID_SET_MOST_INTERVALS + 1;

    buffer_add_number(&body, 1, 8);
    buffer_add_zeros(&body, GTID_UUID_BYTES);
    buffer_add_number(&body, count, 8);
    for (size_t at = 0; at < count; at++) {
        buffer_add_number(&body, 2 * at + 1, 8);
        buffer_add_number(&body, 2 * at + 2, 8);
    }
    CHECK(gtid_set_decode(&set, buffer_bytes(&body), &error) == STATUS_FULL);
    CHECK(set == NULL);
    buffer_release(&body);
}

/* Would take hours if reading a set inserted one by one. */
static void reads_many_intervals_and_sources_in_reverse(void)
{
    enum { MANY = 300000 };
    struct buffer text = {0};
    struct gtid_set *set = NULL;
    struct error error;

    buffer_add_text(&text, U);
    for (unsigned at = MANY; at > 0; at--) {
        buffer_add_format(&text, ":%u", 2 * at);
    }
    for (unsigned at = MANY; at > 0; at--) {
        buffer_add_format(&text, ",%08x-0000-0000-0000-000000000000:7", at);
    }
    CHECK_OK(gtid_set_parse(&set, buffer_bytes(&text), &error), &error);
    CHECK(gtid_set_count(set) == 2 * MANY);
    CHECK(survives_its_binary_form(set));
    gtid_set_free(set);
    buffer_release(&text);
}

static void adds_gtids_one_by_one(void)
{
    struct gtid_set *set = set_of("");
    struct gtid gtid = {.number = 5};

    memset(gtid.source.uuid, 0x11, GTID_UUID_BYTES);
    gtid_set_add(set, &gtid);
    gtid.number = 6;
    gtid_set_add(set, &gtid);
    gtid.number = 4;
    gtid_set_add(set, &gtid);
    gtid.number = 2;
    gtid_set_add(set, &gtid);
    CHECK(prints(set, "11111111-1111-1111-1111-111111111111:2:4-6"));
    gtid.number = 3;
    gtid_set_add(set, &gtid);
    gtid_set_add(set, &gtid);
    CHECK(prints(set, "11111111-1111-1111-1111-111111111111:2-6"));
    memcpy(gtid.source.tag, "tag", sizeof("tag"));
    gtid_set_add(set, &gtid);
    memset(gtid.source.uuid, 0, GTID_UUID_BYTES);
    gtid_set_add(set, &gtid);
    CHECK(prints(set, "00000000-0000-0000-0000-000000000000:tag:3,\n"
                      "11111111-1111-1111-1111-111111111111:2-6:tag:3"));
    CHECK(gtid_set_has(set, &gtid) && gtid_set_count(set) == 7);
    gtid.number = UINT64_MAX;
    CHECK(!gtid_set_has(set, &gtid));
    gtid_set_free(set);
}

static void keeps_one_uuid(void)
{
    struct gtid_set *set = set_of(U ":1:tag:2," A ":3");
    struct gtid_set *other = set_of(A ":1");
    struct gtid_set *copy = gtid_set_copy(set);
    uint8_t uuid[GTID_UUID_BYTES] = {0};

    for (size_t at = 0; at < 4; at++) {
        uuid[at] = 0x11;
    }
    memcpy(uuid + 4, "\x22\x22\x33\x33\x44\x44\x55\x55\x55\x55\x55\x55", 12);
    gtid_set_keep_uuid(set, uuid);
    CHECK(prints(set, U ":1:tag:2"));
    CHECK(!gtid_set_contains(set, copy) && gtid_set_contains(copy, set));
    gtid_set_keep_uuid(other, uuid);
    CHECK(gtid_set_is_empty(other) && gtid_set_contains(set, other));
    gtid_set_free(copy);
    gtid_set_free(other);
    gtid_set_free(set);
}

static void counts_no_further_than_a_number_goes(void)
{
    struct gtid_set *set = set_of(U ":1-9223372036854775806," A ":1-9223372036854775806");

    CHECK(gtid_set_count(set) == UINT64_MAX - 3);
    gtid_set_free(set);
    set = set_of(U ":1-9223372036854775806:a:1-9223372036854775806:b:1-9223372036854775806");
    CHECK(gtid_set_count(set) == UINT64_MAX);
    gtid_set_free(set);
}

static void reads_when_a_transaction_was_committed(void)
{
    static const struct {
        const char *file;
        uint8_t type;
        uint64_t usec; /* of the first, as mysqlbinlog prints it */
    } cases[] = {
        {"mysql97-types.binlog", BINLOG_GTID, UINT64_C(1795233557126777)},
        {"mysql97-anonymous.binlog", BINLOG_ANONYMOUS_GTID, UINT64_C(1795220767621196)},
        {"mysql97-tagged.binlog", BINLOG_GTID_TAGGED, UINT64_C(1795220770082753)},
    };

    for (size_t at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
        struct binlog_file file = binlog_file_open(cases[at].file);
        struct binlog_file_event event;
        uint64_t usec = 7;

        CHECK(binlog_file_find(&file, cases[at].type, &event));
        for (event.body.size = 0; event.body.size < 42; event.body.size++) {
            CHECK(!gtid_event_commit_usec(cases[at].type, event.body, &usec));
            CHECK(usec == 7);
        }
        event.body = binlog_event_body(event.whole, file.format.checksum);
        CHECK(gtid_event_commit_usec(cases[at].type, event.body, &usec));
        CHECK(usec == cases[at].usec);
        binlog_file_close(&file);
    }
}

int main(void)
{
    reads_when_a_transaction_was_committed();
    reads_the_text_that_mysql_reads();
    says_where_a_text_is_wrong();
    every_text_survives_the_binary_form();
    finds_what_mysql_had_executed_in_its_files();
    prints_a_gtid();
    refuses_gtid_events_that_are_cut();
    refuses_gtids_with_impossible_numbers_and_tags();
    refuses_binary_sets_that_are_broken();
    refuses_tagged_binary_sets_that_are_broken();
    refuses_more_intervals_than_the_limit();
    reads_many_intervals_and_sources_in_reverse();
    adds_gtids_one_by_one();
    keeps_one_uuid();
    counts_no_further_than_a_number_goes();
    gtid_set_free(NULL);
    return 0;
}
