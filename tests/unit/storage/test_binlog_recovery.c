/* SPDX-License-Identifier: Apache-2.0 */
/* What binlog_store_recover() makes of files that were cut, damaged, added or removed. */
#include <unistd.h>

#include "store_fixture.h"

/* A store of one file whose first transaction was shown, and whose second was only written. */
struct torn {
    struct fixture fixture;
    struct binlog_maker maker;
    size_t shown;
    char *path; /* of the file */
};

static struct torn torn_new(enum binlog_checksum checksum)
{
    struct torn torn = {.fixture = fixture_new(), .maker = {.checksum = checksum}};
    struct error error;

    binlog_maker_begin(&torn.maker);
    binlog_maker_transaction(&torn.maker, 1, 1, 60);
    store_file_whole(torn.fixture.store, &torn.maker, 1);
    sync_store(torn.fixture.store);
    torn.shown = torn.maker.file.size;
    binlog_maker_transaction(&torn.maker, 1, 2, 60);
    append_from(torn.fixture.store, &torn.maker, torn.shown);
    CHECK_OK(binlog_store_write(torn.fixture.store, &error), &error);
    torn.path = fixture_path(&torn.fixture, "binlog.000001");
    return torn;
}

static void torn_free(struct torn *torn)
{
    fixture_free(&torn->fixture);
    binlog_maker_release(&torn->maker);
    free(torn->path);
}

static void cuts_a_torn_tail_back_to_the_last_whole_transaction(void)
{
    struct torn torn = torn_new(BINLOG_CHECKSUM_CRC32);

    for (size_t size = torn.shown; size <= torn.maker.file.size; size++) {
        size_t end = size == torn.maker.file.size ? size : torn.shown;
        autofree char *mark_path = fixture_path(&torn.fixture, "durable");
        struct buffer mark = read_whole(mark_path);
        struct error error;

        write_whole(torn.path, torn.maker.file.data, size);
        CHECK_OK(fixture_restart(&torn.fixture, &error), &error);
        CHECK(is_at(binlog_store_durable_end(torn.fixture.store), 1, end));
        CHECK(is_at(binlog_store_tail(torn.fixture.store).end, 1, end));
        CHECK(file_has(&torn.fixture, "binlog.000001",
                       (struct bytes){.data = torn.maker.file.data, .size = end}));
        write_whole(mark_path, mark.data, mark.size);
        buffer_release(&mark);
    }
    torn_free(&torn);
}

static void cuts_damage_behind_the_durable_end(void)
{
    struct torn torn = torn_new(BINLOG_CHECKSUM_CRC32);

    for (size_t at = torn.shown; at < torn.maker.file.size; at++) {
        struct error error;

        torn.maker.file.data[at] ^= 0x04;
        write_whole(torn.path, torn.maker.file.data, torn.maker.file.size);
        torn.maker.file.data[at] ^= 0x04;
        CHECK_OK(fixture_restart(&torn.fixture, &error), &error);
        CHECK(is_at(binlog_store_durable_end(torn.fixture.store), 1, torn.shown));
    }
    torn_free(&torn);
}

/* S4: nothing is cut, nothing is served, and a person is told. */
static void refuses_damage_in_what_was_durable_and_changes_nothing(void)
{
    struct torn torn = torn_new(BINLOG_CHECKSUM_CRC32);

    for (size_t at = 0; at < torn.shown; at++) {
        struct error error;

        torn.maker.file.data[at] ^= 0x04;
        write_whole(torn.path, torn.maker.file.data, torn.maker.file.size);
        CHECK(fixture_restart(&torn.fixture, &error) == STATUS_CORRUPT);
        CHECK(file_has(&torn.fixture, "binlog.000001", buffer_bytes(&torn.maker.file)));
        CHECK(is_at(binlog_store_durable_end(torn.fixture.store), 0, 0));
        torn.maker.file.data[at] ^= 0x04;
    }
    for (size_t size = 0; size < torn.shown; size += 11) {
        struct error error;

        write_whole(torn.path, torn.maker.file.data, size);
        CHECK(fixture_restart(&torn.fixture, &error) == STATUS_CORRUPT);
        CHECK(file_has(&torn.fixture, "binlog.000001",
                       (struct bytes){.data = torn.maker.file.data, .size = size}));
    }
    torn_free(&torn);
}

static void finds_a_wrong_length_without_checksums_too(void)
{
    struct torn torn = torn_new(BINLOG_CHECKSUM_NONE);
    size_t second = torn.shown + BINLOG_EVENT_SIZE_AT;
    struct error error;

    for (size_t at = second; at < second + 8; at++) { /* event_size and log_pos */
        torn.maker.file.data[at] ^= 0x08;
        write_whole(torn.path, torn.maker.file.data, torn.maker.file.size);
        torn.maker.file.data[at] ^= 0x08;
        CHECK_OK(fixture_restart(&torn.fixture, &error), &error);
        CHECK(is_at(binlog_store_durable_end(torn.fixture.store), 1, torn.shown));
    }
    torn_free(&torn);
}

static void refuses_a_damaged_mark_until_it_is_removed(void)
{
    struct torn torn = torn_new(BINLOG_CHECKSUM_CRC32);
    autofree char *mark_path = fixture_path(&torn.fixture, "durable");
    struct error error;

    write_whole(mark_path, "nothing", 7);
    CHECK(fixture_restart(&torn.fixture, &error) == STATUS_CORRUPT);
    CHECK(file_has(&torn.fixture, "durable", bytes_of_text("nothing")));
    CHECK(disk_remove(disk_system(), mark_path) == 0);
    CHECK_OK(fixture_restart(&torn.fixture, &error), &error);
    CHECK(is_at(binlog_store_durable_end(torn.fixture.store), 1, torn.maker.file.size));
    CHECK_OK(fixture_restart(&torn.fixture, &error), &error); /* there is a mark again */
    CHECK(is_at(binlog_store_durable_end(torn.fixture.store), 1, torn.maker.file.size));
    torn_free(&torn);
}

static void takes_a_directory_of_plain_binlog_files(void)
{
    struct fixture fixture = fixture_new();
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32};
    autofree char *mark_path = fixture_path(&fixture, "durable");
    struct error error;

    CHECK(disk_remove(disk_system(), mark_path) == 0);
    for (uint64_t number = 3; number <= 5; number++) {
        autofree char *path =
            mem_format("%s/log-bin.%06llu", fixture.directory, (unsigned long long)number);

        binlog_maker_begin(&maker);
        binlog_maker_transaction(&maker, 1, number, 10);
        write_whole(path, maker.file.data, number == 5 ? 50 : maker.file.size);
    }
    CHECK_OK(fixture_restart(&fixture, &error), &error);
    CHECK(strcmp(binlog_store_log_name(fixture.store), "log-bin") == 0);
    CHECK(is_at(binlog_store_durable_end(fixture.store), 4, maker.file.size)); /* 5 is none */
    CHECK(
        set_is(binlog_files_gtids(fixture.store), "01010101-0101-0101-0101-010101010101:3-4"));
    binlog_maker_release(&maker);
    fixture_free(&fixture);
}

/* File 1 was shown. Files 2 to 4 were written whole and never synced. */
static struct fixture four_files(struct binlog_maker makers[4])
{
    struct fixture fixture = fixture_new();
    struct error error;

    for (uint64_t at = 0; at < 4; at++) {
        makers[at] = (struct binlog_maker){.checksum = BINLOG_CHECKSUM_CRC32};
        binlog_maker_begin(&makers[at]);
        binlog_maker_transaction(&makers[at], 1, at + 1, 10);
        (void)binlog_maker_rotate(&makers[at], "binlog.next");
        store_file_whole(fixture.store, &makers[at], at + 1);
        if (at == 0) {
            sync_store(fixture.store);
        }
    }
    CHECK_OK(binlog_store_write(fixture.store, &error), &error);
    return fixture;
}

static void four_files_free(struct fixture *fixture, struct binlog_maker makers[4])
{
    for (size_t at = 0; at < 4; at++) {
        binlog_maker_release(&makers[at]);
    }
    fixture_free(fixture);
}

static void keeps_whole_files_that_were_never_synced(void)
{
    struct binlog_maker makers[4];
    struct fixture fixture = four_files(makers);
    struct error error;

    CHECK_OK(fixture_restart(&fixture, &error), &error);
    CHECK(is_at(binlog_store_durable_end(fixture.store), 4, makers[3].file.size));
    CHECK(binlog_store_tail(fixture.store).is_closed);
    four_files_free(&fixture, makers);
}

static void drops_the_files_behind_one_that_is_missing(void)
{
    struct binlog_maker makers[4];
    struct fixture fixture = four_files(makers);
    autofree char *third = fixture_path(&fixture, "binlog.000003");
    autofree char *fourth = fixture_path(&fixture, "binlog.000004");
    struct buffer left = {0};
    struct error error;

    CHECK(disk_remove(disk_system(), third) == 0);
    CHECK_OK(fixture_restart(&fixture, &error), &error);
    CHECK(is_at(binlog_store_durable_end(fixture.store), 2, makers[1].file.size));
    left = read_whole(fourth);
    CHECK(left.size == 0 && left.data == NULL); /* it is gone */
    buffer_release(&left);
    four_files_free(&fixture, makers);
}

static void drops_the_files_behind_one_that_is_not_closed(void)
{
    struct binlog_maker makers[4];
    struct fixture fixture = four_files(makers);
    autofree char *second = fixture_path(&fixture, "binlog.000002");
    size_t whole = makers[1].file.size - 42; /* without the Rotate: at a boundary */
    struct error error;

    write_whole(second, makers[1].file.data, whole);
    CHECK_OK(fixture_restart(&fixture, &error), &error);
    CHECK(binlog_store_durable_end(fixture.store).file == 2);
    CHECK(binlog_store_durable_end(fixture.store).offset <= whole);
    CHECK(
        set_is(binlog_files_gtids(fixture.store), "01010101-0101-0101-0101-010101010101:1-2"));
    four_files_free(&fixture, makers);
}

static void refuses_a_store_whose_durable_file_is_missing(void)
{
    struct torn torn = torn_new(BINLOG_CHECKSUM_CRC32);
    struct error error;

    CHECK(disk_remove(disk_system(), torn.path) == 0);
    CHECK(fixture_restart(&torn.fixture, &error) == STATUS_CORRUPT);
    torn_free(&torn);
}

static void refuses_damage_in_a_closed_file_that_it_must_read(void)
{
    struct binlog_maker makers[4];
    struct fixture fixture = four_files(makers);
    autofree char *first = fixture_path(&fixture, "binlog.000001");
    autofree char *sidecar = fixture_path(&fixture, "binlog.000001.gtids");
    struct error error;

    sync_store(fixture.store);
    makers[0].file.data[200] ^= 1;
    write_whole(first, makers[0].file.data, makers[0].file.size);
    CHECK(disk_remove(disk_system(), sidecar) == 0);
    CHECK(fixture_restart(&fixture, &error) == STATUS_CORRUPT);
    four_files_free(&fixture, makers);
}

static void refuses_files_of_two_logs(void)
{
    struct torn torn = torn_new(BINLOG_CHECKSUM_CRC32);
    autofree char *other = fixture_path(&torn.fixture, "other.000001");
    autofree char *ignored = fixture_path(&torn.fixture, "other.1");
    struct error error;

    write_whole(ignored, "x", 1);
    CHECK_OK(fixture_restart(&torn.fixture, &error), &error);
    write_whole(other, "x", 1);
    CHECK(fixture_restart(&torn.fixture, &error) == STATUS_INVALID);
    torn_free(&torn);
}

static void reads_events_that_are_larger_than_its_buffer(void)
{
    struct fixture fixture = fixture_new();
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32};
    autofree char *path = fixture_path(&fixture, "binlog.000001");
    struct error error;
    size_t shown = 0;

    binlog_maker_begin(&maker);
    shown = maker.file.size;
    store_file_whole(fixture.store, &maker, 1);
    sync_store(fixture.store);
    binlog_maker_transaction(&maker, 1, 1, 3 * 1024 * 1024);
    binlog_maker_transaction(&maker, 1, 2, 1024 * 1024);
    append_from(fixture.store, &maker, shown);
    CHECK_OK(binlog_store_write(fixture.store, &error), &error);
    CHECK_OK(fixture_restart(&fixture, &error), &error);
    CHECK(is_at(binlog_store_durable_end(fixture.store), 1, maker.file.size));
    CHECK_OK(binlog_store_begin_file(fixture.store, "binlog", 2, &error), &error);
    binlog_store_free(fixture.store); /* the mark still says 1 */
    fixture.store = NULL;
    maker.file.data[2 * 1024 * 1024] ^= 1;
    write_whole(path, maker.file.data, maker.file.size);
    CHECK(fixture_restart(&fixture, &error) == STATUS_CORRUPT);
    binlog_maker_release(&maker);
    fixture_free(&fixture);
}

/* MariaDB 11.4 and up: log_pos is 0 inside transactions. */
static void takes_events_that_do_not_say_where_they_are(void)
{
    struct fixture fixture = fixture_new();
    struct binlog_maker maker = {.is_mariadb = true};
    struct mariadb_gtid_list state = {0};
    struct error error;
    size_t first = 0;

    binlog_maker_begin(&maker);
    (void)binlog_maker_mariadb_gtid(&maker,
                                    (struct mariadb_gtid){.server_id = 3, .sequence = 7}, 0);
    first = maker.file.size;
    (void)binlog_maker_rows(&maker, 100, 1);
    bytes_put_u32(maker.file.data + first + BINLOG_EVENT_POSITION_AT, 0);
    (void)binlog_maker_xid(&maker);
    store_file_whole(fixture.store, &maker, 1);
    sync_store(fixture.store);
    CHECK_OK(fixture_restart(&fixture, &error), &error);
    CHECK(is_at(binlog_store_durable_end(fixture.store), 1, maker.file.size));
    binlog_files_mariadb_state(fixture.store, &state);
    CHECK(state.count == 1 && state.items[0].server_id == 3 && state.items[0].sequence == 7);
    mariadb_gtid_list_release(&state);
    binlog_maker_release(&maker);
    fixture_free(&fixture);
}

/* Writes an event's header where a sparse file is to have one. Returns where the next begins.
 */
static uint64_t put_header(int file, uint64_t offset, uint8_t type, uint32_t size)
{
    struct buffer header = {0};
    struct binlog_event_header fields = {.created_at_sec = 1,
                                         .type = type,
                                         .server_id = 1,
                                         .event_size = size,
                                         .next_position = (uint32_t)(offset + size)};

    binlog_event_header_encode(&header, &fields);
    CHECK(pwrite(file, header.data, header.size, (off_t)offset) == (ssize_t)header.size);
    buffer_release(&header);
    return offset + size;
}

/* A transaction of two events of 2 GiB and some, which are holes: log_pos has only 32 bits. */
static void goes_on_past_four_gib(void)
{
    struct fixture fixture = fixture_new();
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_NONE};
    autofree char *path = fixture_path(&fixture, "binlog.000001");
    autofree char *mark_path = fixture_path(&fixture, "durable");
    const uint32_t large = 2147483700;
    struct binlog_cursor *cursor = NULL;
    struct error error;
    uint64_t end = 0;
    uint64_t last = 0;
    int file = -1;

    binlog_maker_begin(&maker);
    (void)binlog_maker_query(&maker, "BEGIN");
    write_whole(path, maker.file.data, maker.file.size);
    CHECK(disk_remove(disk_system(), mark_path) == 0);
    file = disk_open(disk_system(), path, O_RDWR, 0);
    end = put_header(file, maker.file.size, 30, large);
    end = put_header(file, end, 30, large);
    last = end;
    end = put_header(file, end, BINLOG_XID, 27);
    CHECK(ftruncate(file, (off_t)end) == 0);
    CHECK_OK(fixture_restart(&fixture, &error), &error);
    CHECK(end > UINT32_MAX && is_at(binlog_store_durable_end(fixture.store), 1, end));
    CHECK_OK(binlog_cursor_open(&cursor, fixture.store, 1, &error), &error);
    CHECK_OK(binlog_cursor_check_boundary(cursor, last, &error), &error);
    CHECK(binlog_cursor_check_boundary(cursor, last + 1, &error) == STATUS_INVALID);
    binlog_cursor_close(cursor);
    maker.file.size = 0;
    buffer_add_zeros(&maker.file, (size_t)(end & UINT32_MAX));
    CHECK_OK(binlog_store_append(fixture.store, binlog_maker_stop(&maker), &error), &error);
    sync_store(fixture.store);
    CHECK_OK(fixture_restart(&fixture, &error), &error);
    CHECK(binlog_store_tail(fixture.store).is_closed);
    CHECK(is_at(binlog_store_tail(fixture.store).end, 1, end + 19));
    CHECK(disk_close(disk_system(), file) == 0);
    binlog_maker_release(&maker);
    fixture_free(&fixture);
}

static void recovers_twice_to_the_same(void)
{
    struct torn torn = torn_new(BINLOG_CHECKSUM_CRC32);
    struct error error;

    for (int again = 0; again < 3; again++) {
        CHECK_OK(binlog_store_recover(torn.fixture.store, &error), &error);
        CHECK(is_at(binlog_store_durable_end(torn.fixture.store), 1, torn.shown));
        append_from(torn.fixture.store, &torn.maker, torn.shown);
        CHECK_OK(binlog_store_write(torn.fixture.store, &error), &error);
    }
    sync_store(torn.fixture.store);
    CHECK(is_at(binlog_store_durable_end(torn.fixture.store), 1, torn.maker.file.size));
    CHECK(set_is(binlog_files_gtids(torn.fixture.store),
                 "01010101-0101-0101-0101-010101010101:1-2"));
    torn_free(&torn);
}

static void recovers_to_nothing_when_nothing_was_shown(void)
{
    struct fixture fixture = fixture_new();
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32};
    struct error error;

    binlog_maker_begin(&maker);
    store_file_whole(fixture.store, &maker, 1);
    CHECK_OK(binlog_store_write(fixture.store, &error), &error);
    CHECK_OK(binlog_store_recover(fixture.store, &error), &error);
    CHECK(binlog_store_tail(fixture.store).is_empty);
    store_file_whole(fixture.store, &maker, 1);
    sync_store(fixture.store);
    CHECK(file_has(&fixture, "binlog.000001", buffer_bytes(&maker.file)));
    binlog_maker_release(&maker);
    fixture_free(&fixture);
}

int main(void)
{
    cuts_a_torn_tail_back_to_the_last_whole_transaction();
    cuts_damage_behind_the_durable_end();
    refuses_damage_in_what_was_durable_and_changes_nothing();
    finds_a_wrong_length_without_checksums_too();
    refuses_a_damaged_mark_until_it_is_removed();
    takes_a_directory_of_plain_binlog_files();
    keeps_whole_files_that_were_never_synced();
    drops_the_files_behind_one_that_is_missing();
    drops_the_files_behind_one_that_is_not_closed();
    refuses_a_store_whose_durable_file_is_missing();
    refuses_damage_in_a_closed_file_that_it_must_read();
    refuses_files_of_two_logs();
    reads_events_that_are_larger_than_its_buffer();
    takes_events_that_do_not_say_where_they_are();
    goes_on_past_four_gib();
    recovers_twice_to_the_same();
    recovers_to_nothing_when_nothing_was_shown();
    return 0;
}
