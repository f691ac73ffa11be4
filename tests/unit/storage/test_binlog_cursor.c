/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/storage/binlog_cursor.h"

#include <fcntl.h>
#include <unistd.h>

#include "store_fixture.h"

/* A store of one file with three transactions of which the last is not whole. */
static struct fixture filled(struct binlog_maker *maker, size_t *shown)
{
    struct fixture fixture = fixture_new();

    binlog_maker_begin(maker);
    binlog_maker_transaction(maker, 1, 1, 100);
    binlog_maker_transaction(maker, 1, 2, 100);
    *shown = maker->file.size;
    (void)binlog_maker_gtid(maker, 1, 3);
    store_file_whole(fixture.store, maker, 1);
    sync_store(fixture.store);
    return fixture;
}

static struct binlog_cursor *open_cursor(struct fixture *fixture, uint64_t file)
{
    struct binlog_cursor *cursor = NULL;
    struct error error;

    CHECK_OK(binlog_cursor_open(&cursor, fixture->store, file, &error), &error);
    return cursor;
}

static void reads_up_to_the_durable_end_and_no_further(void)
{
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32};
    size_t shown = 0;
    struct fixture fixture = filled(&maker, &shown);
    struct binlog_cursor *cursor = open_cursor(&fixture, 1);
    autofree uint8_t *room = mem_raw(maker.file.size);
    struct error error;
    uint64_t next = 0;
    size_t found = 0;

    CHECK(binlog_cursor_readable(cursor) == shown);
    CHECK_OK(binlog_cursor_read(cursor, 0, room, maker.file.size, &found, &error), &error);
    CHECK(found == shown && memcmp(room, maker.file.data, shown) == 0);
    CHECK_OK(binlog_cursor_read(cursor, shown - 5, room, 100, &found, &error), &error);
    CHECK(found == 5);
    CHECK_OK(binlog_cursor_read(cursor, shown, room, 100, &found, &error), &error);
    CHECK(found == 0);
    CHECK(!binlog_cursor_is_finished(cursor, &next));
    CHECK(binlog_cursor_open(&cursor, fixture.store, 2, &error) == STATUS_NOT_FOUND);
    binlog_cursor_close(cursor);
    binlog_cursor_close(NULL);
    binlog_maker_release(&maker);
    fixture_free(&fixture);
}

static void gives_the_format_description_as_stored(void)
{
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32};
    size_t shown = 0;
    struct fixture fixture = filled(&maker, &shown);
    struct binlog_cursor *cursor = open_cursor(&fixture, 1);
    struct bytes format;
    struct error error;

    for (int again = 0; again < 2; again++) {
        CHECK_OK(binlog_cursor_format(cursor, &format, &error), &error);
        CHECK(format.size == bytes_u32_at(maker.file.data + 4 + BINLOG_EVENT_SIZE_AT));
        CHECK(memcmp(format.data, maker.file.data + 4, format.size) == 0);
    }
    binlog_cursor_close(cursor);
    binlog_maker_release(&maker);
    fixture_free(&fixture);
}

/* Every offset of the file: exactly the events' first bytes, and the end, are boundaries. */
static void knows_every_boundary(enum binlog_checksum checksum, bool has_positions)
{
    struct binlog_maker maker = {.checksum = checksum, .is_mariadb = !has_positions};
    struct fixture fixture = fixture_new();
    struct binlog_cursor *cursor = NULL;
    size_t next = BINLOG_MAGIC_BYTES;
    struct error error;

    binlog_maker_begin(&maker);
    (void)binlog_maker_mariadb_gtid(&maker, (struct mariadb_gtid){.sequence = 7}, 0);
    next = maker.file.size;
    (void)binlog_maker_rows(&maker, 100, 1);
    if (!has_positions) { /* as MariaDB 11.4 and up; only without a checksum over it here */
        bytes_put_u32(maker.file.data + next + BINLOG_EVENT_POSITION_AT, 0);
    }
    (void)binlog_maker_xid(&maker);
    store_file_whole(fixture.store, &maker, 1);
    sync_store(fixture.store);
    cursor = open_cursor(&fixture, 1);
    next = BINLOG_MAGIC_BYTES;
    for (size_t offset = 0; offset <= maker.file.size + 2; offset++) {
        enum status status = binlog_cursor_check_boundary(cursor, offset, &error);

        if (offset == next) {
            CHECK(status == STATUS_OK);
            next += offset == maker.file.size
                        ? 0
                        : bytes_u32_at(maker.file.data + offset + BINLOG_EVENT_SIZE_AT);
        } else {
            CHECK(status == STATUS_INVALID);
        }
    }
    binlog_cursor_close(cursor);
    binlog_maker_release(&maker);
    fixture_free(&fixture);
}

static void tells_boundaries_from_all_other_places(void)
{
    knows_every_boundary(BINLOG_CHECKSUM_CRC32, true);
    knows_every_boundary(BINLOG_CHECKSUM_NONE, true);
    knows_every_boundary(BINLOG_CHECKSUM_NONE, false);
}

/* A row may hold what looks like an event, position and all; its checksum tells. */
static void is_not_taken_in_by_an_event_inside_a_row(void)
{
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32};
    struct fixture fixture = fixture_new();
    struct binlog_cursor *cursor = NULL;
    struct error error;
    uint8_t rows[100] = {0};
    size_t inside = 0;

    binlog_maker_begin(&maker);
    inside = maker.file.size + BINLOG_EVENT_HEADER_BYTES;
    rows[BINLOG_EVENT_TYPE_AT] = BINLOG_XID;
    bytes_put_u32(rows + BINLOG_EVENT_SIZE_AT, 31);
    bytes_put_u32(rows + BINLOG_EVENT_POSITION_AT, (uint32_t)inside + 31);
    (void)binlog_maker_add(&maker, 30, (struct bytes){.data = rows, .size = sizeof(rows)});
    (void)binlog_maker_xid(&maker);
    store_file_whole(fixture.store, &maker, 1);
    sync_store(fixture.store);
    cursor = open_cursor(&fixture, 1);
    CHECK(binlog_cursor_check_boundary(cursor, inside, &error) == STATUS_INVALID);
    binlog_cursor_close(cursor);
    binlog_maker_release(&maker);
    fixture_free(&fixture);
}

static void lends_a_descriptor_for_sendfile(void)
{
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32};
    size_t shown = 0;
    struct fixture fixture = filled(&maker, &shown);
    struct binlog_cursor *cursor = open_cursor(&fixture, 1);
    int file = binlog_cursor_descriptor(cursor);
    char magic[4];

    binlog_cursor_close(cursor);
    CHECK(file >= 0 && (fcntl(file, F_GETFD) & FD_CLOEXEC) != 0);
    CHECK(pread(file, magic, sizeof(magic), 0) == 4);
    CHECK(memcmp(magic, BINLOG_MAGIC, sizeof(magic)) == 0);
    CHECK(close(file) == 0);
    binlog_maker_release(&maker);
    fixture_free(&fixture);
}

static void says_when_the_file_is_shorter_than_what_was_stored(void)
{
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32};
    size_t shown = 0;
    struct fixture fixture = filled(&maker, &shown);
    autofree char *path = fixture_path(&fixture, "binlog.000001");
    struct binlog_cursor *cursor = open_cursor(&fixture, 1);
    struct error error;
    uint8_t room[64];
    size_t found = 0;

    CHECK(truncate(path, (off_t)shown - 10) == 0);
    CHECK(binlog_cursor_read(cursor, shown - 20, room, 20, &found, &error) == STATUS_CORRUPT);
    binlog_cursor_close(cursor);
    binlog_maker_release(&maker);
    fixture_free(&fixture);
}

int main(void)
{
    reads_up_to_the_durable_end_and_no_further();
    gives_the_format_description_as_stored();
    tells_boundaries_from_all_other_places();
    is_not_taken_in_by_an_event_inside_a_row();
    lends_a_descriptor_for_sendfile();
    says_when_the_file_is_shorter_than_what_was_stored();
    return 0;
}
