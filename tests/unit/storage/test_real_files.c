/* SPDX-License-Identifier: Apache-2.0 */
/* Files of real servers go through the store and come out as they were. */
#include "store_fixture.h"
#include "test_data.h"

static const char *const names[] = {
    "mysql97-mixed.binlog",      "mysql97-compressed.binlog",     "mysql97-nochecksum.binlog",
    "mysql97-anonymous.binlog",  "mysql97-tagged.binlog",         "mariadb1011-mixed.binlog",
    "mariadb1011-second.binlog", "mariadb1011-compressed.binlog", "ndb/a1/binlog.000002",
    "ndb/a1/binlog.000006",
};

enum { NAMES = sizeof(names) / sizeof(names[0]) };

/* As the dump sends it: the flag that says a server has the file open is cleared. */
static struct binlog_maker read_file(const char *name)
{
    struct binlog_maker maker = {.file = test_data_read(name)};

    CHECK(maker.file.size > BINLOG_MAGIC_BYTES + BINLOG_EVENT_HEADER_BYTES);
    maker.file.data[BINLOG_MAGIC_BYTES + BINLOG_EVENT_FLAGS_AT] &= (uint8_t)~BINLOG_FLAG_IN_USE;
    return maker;
}

static void keeps_each_file_byte_for_byte(void)
{
    for (size_t at = 0; at < NAMES; at++) {
        struct fixture fixture = fixture_new();
        struct binlog_maker maker = read_file(names[at]);
        struct error error;

        store_file_whole(fixture.store, &maker, 1);
        CHECK(binlog_store_is_whole(fixture.store));
        sync_store(fixture.store);
        CHECK(is_at(binlog_store_durable_end(fixture.store), 1, maker.file.size));
        CHECK(file_has(&fixture, "binlog.000001", buffer_bytes(&maker.file)));
        CHECK_OK(fixture_restart(&fixture, &error), &error);
        CHECK(is_at(binlog_store_durable_end(fixture.store), 1, maker.file.size));
        binlog_maker_release(&maker);
        fixture_free(&fixture);
    }
}

static void finds_every_event_again(void)
{
    for (size_t at = 0; at < NAMES; at++) {
        struct fixture fixture = fixture_new();
        struct binlog_maker maker = read_file(names[at]);
        struct binlog_cursor *cursor = NULL;
        size_t next = BINLOG_MAGIC_BYTES;
        struct error error;

        store_file_whole(fixture.store, &maker, 1);
        sync_store(fixture.store);
        CHECK_OK(binlog_cursor_open(&cursor, fixture.store, 1, &error), &error);
        for (size_t offset = BINLOG_MAGIC_BYTES; offset < maker.file.size; offset++) {
            bool is_boundary =
                binlog_cursor_check_boundary(cursor, offset, &error) == STATUS_OK;

            CHECK(is_boundary == (offset == next));
            if (is_boundary) {
                next += bytes_u32_at(maker.file.data + offset + BINLOG_EVENT_SIZE_AT);
            }
        }
        binlog_cursor_close(cursor);
        binlog_maker_release(&maker);
        fixture_free(&fixture);
    }
}

/* A crash at every byte of a real file: recovery ends at a place where mysqlbinlog would, too.
 */
static void comes_back_from_a_cut_anywhere(void)
{
    struct fixture fixture = fixture_new();
    struct binlog_maker maker = read_file("mysql97-tagged.binlog");
    autofree char *path = fixture_path(&fixture, "binlog.000001");
    autofree char *mark_path = fixture_path(&fixture, "durable");
    struct binlog_position last = {0};
    struct buffer mark = read_whole(mark_path);

    for (size_t size = 0; size <= maker.file.size; size += 7) {
        struct binlog_position end;
        struct error error;

        write_whole(path, maker.file.data, size);
        write_whole(mark_path, mark.data, mark.size);
        CHECK_OK(fixture_restart(&fixture, &error), &error);
        end = binlog_store_durable_end(fixture.store);
        CHECK(end.offset <= size && binlog_position_compare(end, last) >= 0);
        last = end;
    }
    CHECK(last.offset > maker.file.size / 2);
    buffer_release(&mark);
    binlog_maker_release(&maker);
    fixture_free(&fixture);
}

int main(void)
{
    keeps_each_file_byte_for_byte();
    finds_every_event_again();
    comes_back_from_a_cut_anywhere();
    return 0;
}
