/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/storage/data_dir.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake_disk.h"
#include "store_fixture.h"

static enum status open_as(const char *path, const char *relay_id, struct error *error)
{
    struct data_dir *directory = NULL;
    enum status status = data_dir_open(&directory, disk_system(), path, relay_id, error);

    if (status == STATUS_OK) {
        CHECK(strcmp(data_dir_path(directory), path) == 0);
        data_dir_close(directory);
    }
    return status;
}

static bool format_is(const char *path, const char *text)
{
    autofree char *format = mem_format("%s/FORMAT", path);
    struct buffer bytes = read_whole(format);
    bool is_same = bytes_equal(buffer_bytes(&bytes), bytes_of_text(text));

    buffer_release(&bytes);
    return is_same;
}

static void makes_a_directory_that_is_its_own(void)
{
    char *root = temp_dir_make();
    autofree char *path = mem_format("%s/data", root);
    struct stat facts;
    struct error error;

    CHECK_OK(open_as(path, "relay-1", &error), &error);
    CHECK(stat(path, &facts) == 0 && (facts.st_mode & 0777) == 0700);
    CHECK(format_is(path, "binrelay 1\nrelay_id relay-1\n"));
    CHECK_OK(open_as(path, "relay-1", &error), &error);
    temp_dir_remove(root);
}

static void closes_a_directory_that_others_could_read(void)
{
    char *root = temp_dir_make();
    struct stat facts;
    struct error error;

    CHECK(chmod(root, 0755) == 0);
    CHECK_OK(open_as(root, "relay-1", &error), &error);
    CHECK(stat(root, &facts) == 0 && (facts.st_mode & 0777) == 0700);
    temp_dir_remove(root);
}

/* S6: another relay's data is not taken over. */
static void refuses_another_relay(void)
{
    char *root = temp_dir_make();
    struct error error;

    CHECK_OK(open_as(root, "relay-1", &error), &error);
    CHECK(open_as(root, "relay-2", &error) == STATUS_INVALID);
    CHECK(strstr(error.message, "relay-1") != NULL);
    CHECK(open_as(root, "relay", &error) == STATUS_INVALID);
    temp_dir_remove(root);
}

static void refuses_a_newer_format(void)
{
    char *root = temp_dir_make();
    autofree char *format = mem_format("%s/FORMAT", root);
    struct error error;

    write_whole(format, "binrelay 2\nrelay_id relay-1\nmore\n", 33);
    CHECK(open_as(root, "relay-1", &error) == STATUS_INVALID);
    CHECK(strstr(error.message, "format 2") != NULL);
    temp_dir_remove(root);
}

static void refuses_what_is_no_format(void)
{
    static const char *const texts[] = {
        "",
        "binrelay",
        "binrelay \n",
        "binrelay 0\nrelay_id relay-1\n",
        "binrelay 1x\nrelay_id relay-1\n",
        "binrelay 99999999999999999999\nrelay_id relay-1\n",
        "binrelay 1\n",
        "binrelay 1\nrelay_id relay-1",
        "binrelay 1\nrelay relay-1\n",
        "something else\n",
    };

    for (size_t at = 0; at < sizeof(texts) / sizeof(texts[0]); at++) {
        char *root = temp_dir_make();
        autofree char *format = mem_format("%s/FORMAT", root);
        struct error error;

        write_whole(format, texts[at], strlen(texts[at]));
        CHECK(open_as(root, "relay-1", &error) == STATUS_INVALID);
        temp_dir_remove(root);
    }
}

static void refuses_a_directory_of_something_else(void)
{
    char *root = temp_dir_make();
    autofree char *other = mem_format("%s/ibdata1", root);
    autofree char *lock = mem_format("%s/lock", root);
    struct error error;

    write_whole(other, "x", 1);
    CHECK(open_as(root, "relay-1", &error) == STATUS_INVALID);
    CHECK(strstr(error.message, "ibdata1") != NULL);
    CHECK(access(lock, F_OK) != 0); /* nothing was left there */
    temp_dir_remove(root);
}

static void refuses_a_relay_id_that_is_not_one_line(void)
{
    char *root = temp_dir_make();
    struct error error;

    CHECK(open_as(root, "", &error) == STATUS_INVALID);
    CHECK(open_as(root, "a\nb", &error) == STATUS_INVALID);
    temp_dir_remove(root);
}

static void refuses_a_second_process(void)
{
    char *root = temp_dir_make();
    struct data_dir *directory = NULL;
    struct error error;
    pid_t child = 0;
    int how = 0;

    CHECK_OK(data_dir_open(&directory, disk_system(), root, "relay-1", &error), &error);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        _exit(open_as(root, "relay-1", &error) == STATUS_DENIED ? 0 : 1);
    }
    CHECK(waitpid(child, &how, 0) == child && WIFEXITED(how) && WEXITSTATUS(how) == 0);
    data_dir_close(directory);
    CHECK_OK(open_as(root, "relay-1", &error), &error);
    temp_dir_remove(root);
}

/* Each operation fails once; what is left is opened without fault. */
static void is_made_whole_or_made_again(void)
{
    for (uint64_t operation = 1; operation <= 9; operation++) {
        char *root = temp_dir_make();
        autofree char *path = mem_format("%s/data", root);
        struct fake_disk *fake = fake_disk_new();
        struct data_dir *directory = NULL;
        struct error error;

        fake_disk_fail_at(fake, operation, FAKE_FAULT_DEATH);
        if (data_dir_open(&directory, fake_disk_calls(fake), path, "relay-1", &error) ==
            STATUS_OK) {
            CHECK(!fake_disk_is_dead(fake));
            data_dir_close(directory);
        }
        fake_disk_free(fake);
        CHECK_OK(open_as(path, "relay-1", &error), &error);
        CHECK(format_is(path, "binrelay 1\nrelay_id relay-1\n"));
        temp_dir_remove(root);
    }
}

static void checks_every_byte_but_those_of_the_name(void)
{
    static const char right[] = "binrelay 1\nrelay_id relay-1\n";
    const size_t name_at = strlen("binrelay 1\nrelay_id ");
    const size_t name_end = sizeof(right) - 2;
    char *root = temp_dir_make();
    autofree char *path = mem_format("%s/FORMAT", root);
    struct error error;

    CHECK(data_dir_check(disk_system(), root, &error) == STATUS_NOT_FOUND);
    write_whole(path, right, sizeof(right) - 1);
    CHECK_OK(data_dir_check(disk_system(), root, &error), &error);
    for (size_t at = 0; at + 1 < sizeof(right); at++) {
        char text[sizeof(right)];
        bool is_name = at >= name_at && at < name_end;

        memcpy(text, right, sizeof(right));
        text[at] ^= 1;
        write_whole(path, text, sizeof(right) - 1);
        CHECK((data_dir_check(disk_system(), root, &error) == STATUS_OK) == is_name);
        write_whole(path, right, at);
        CHECK(data_dir_check(disk_system(), root, &error) == STATUS_INVALID);
    }
    write_whole(path, "binrelay 1\nrelay_id relay-1\n\n", sizeof(right));
    CHECK(data_dir_check(disk_system(), root, &error) == STATUS_INVALID);
    temp_dir_remove(root);
}

static void locks_for_a_tool_what_no_relay_has(void)
{
    char *root = temp_dir_make();
    struct data_dir *relay = NULL;
    struct data_dir *tool = NULL;
    struct error error;

    CHECK(data_dir_lock(&tool, disk_system(), root, &error) == STATUS_NOT_FOUND);
    CHECK_OK(data_dir_open(&relay, disk_system(), root, "relay-1", &error), &error);
    CHECK(data_dir_lock(&tool, disk_system(), root, &error) == STATUS_DENIED);
    CHECK_OK(data_dir_check(disk_system(), root, &error), &error);
    data_dir_close(relay);
    CHECK_OK(data_dir_lock(&tool, disk_system(), root, &error), &error);
    CHECK(data_dir_open(&relay, disk_system(), root, "relay-1", &error) == STATUS_DENIED);
    data_dir_close(tool);
    temp_dir_remove(root);
}

int main(void)
{
    checks_every_byte_but_those_of_the_name();
    locks_for_a_tool_what_no_relay_has();
    makes_a_directory_that_is_its_own();
    closes_a_directory_that_others_could_read();
    refuses_another_relay();
    refuses_a_newer_format();
    refuses_what_is_no_format();
    refuses_a_directory_of_something_else();
    refuses_a_relay_id_that_is_not_one_line();
    refuses_a_second_process();
    is_made_whole_or_made_again();
    return 0;
}
