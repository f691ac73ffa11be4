/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/storage/binlog_store.h"

#include "fake_disk.h"
#include "store_fixture.h"

static void keeps_the_bytes_as_they_came(void)
{
    struct fixture fixture = fixture_new();
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32};
    struct binlog_store_tail tail;

    CHECK(binlog_store_tail(fixture.store).is_empty);
    CHECK(*binlog_store_log_name(fixture.store) == '\0');
    binlog_maker_begin(&maker);
    binlog_maker_transaction(&maker, 1, 1, 100);
    binlog_maker_transaction(&maker, 1, 2, 3000);
    store_file_whole(fixture.store, &maker, 7);
    CHECK(binlog_store_is_whole(fixture.store));
    CHECK(is_at(binlog_store_durable_end(fixture.store), 0, 0));
    sync_store(fixture.store);
    CHECK(is_at(binlog_store_durable_end(fixture.store), 7, maker.file.size));
    CHECK(strcmp(binlog_store_log_name(fixture.store), "binlog") == 0);
    CHECK(file_has(&fixture, "binlog.000007", buffer_bytes(&maker.file)));
    tail = binlog_store_tail(fixture.store);
    CHECK(is_at(tail.end, 7, maker.file.size) && !tail.is_closed && !tail.is_empty);
    CHECK(tail.checksum == BINLOG_CHECKSUM_CRC32);
    CHECK(tail.last_event_offset == maker.file.size - 31);
    binlog_maker_release(&maker);
    fixture_free(&fixture);
}

static void shows_nothing_that_is_not_a_whole_transaction(void)
{
    struct fixture fixture = fixture_new();
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32};
    uint64_t whole = 0;

    binlog_maker_begin(&maker);
    binlog_maker_transaction(&maker, 1, 1, 100);
    whole = maker.file.size;
    (void)binlog_maker_gtid(&maker, 1, 2);
    (void)binlog_maker_query(&maker, "BEGIN");
    store_file_whole(fixture.store, &maker, 1);
    CHECK(!binlog_store_is_whole(fixture.store));
    sync_store(fixture.store);
    CHECK(is_at(binlog_store_durable_end(fixture.store), 1, whole));
    CHECK(set_is(binlog_files_gtids(fixture.store), "01010101-0101-0101-0101-010101010101:1"));
    binlog_maker_release(&maker);
    fixture_free(&fixture);
}

/* The unfinished part is in memory only, or in the file already. */
static void cuts_off(bool is_written)
{
    struct fixture fixture = fixture_new();
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32};
    struct error error;
    size_t whole = 0;

    binlog_maker_begin(&maker);
    binlog_maker_transaction(&maker, 1, 1, 100);
    whole = maker.file.size;
    binlog_maker_transaction(&maker, 1, 2, 100);
    CHECK_OK(binlog_store_begin_file(fixture.store, "binlog", 1, &error), &error);
    maker.file.size -= 31; /* without the Xid */
    append_from(fixture.store, &maker, BINLOG_MAGIC_BYTES);
    maker.file.size += 31;
    if (is_written) {
        CHECK_OK(binlog_store_write(fixture.store, &error), &error);
    }
    CHECK_OK(binlog_store_cut_unfinished(fixture.store, &error), &error);
    CHECK(binlog_store_is_whole(fixture.store));
    CHECK(is_at(binlog_store_tail(fixture.store).end, 1, whole));
    append_from(fixture.store, &maker, whole);
    sync_store(fixture.store);
    CHECK(file_has(&fixture, "binlog.000001", buffer_bytes(&maker.file)));
    CHECK(
        set_is(binlog_files_gtids(fixture.store), "01010101-0101-0101-0101-010101010101:1-2"));
    binlog_maker_release(&maker);
    fixture_free(&fixture);
}

static void cuts_off_an_unfinished_transaction(void)
{
    cuts_off(false);
    cuts_off(true);
}

static void cuts_back_to_the_magic_of_a_file_that_has_nothing_whole(void)
{
    struct fixture fixture = fixture_new();
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32};
    struct binlog_store_tail tail;
    struct error error;

    binlog_maker_begin(&maker);
    CHECK_OK(binlog_store_begin_file(fixture.store, "binlog", 1, &error), &error);
    CHECK_OK(binlog_store_append_begin(fixture.store,
                                       (struct bytes){.data = maker.file.data + 4, .size = 19},
                                       (uint32_t)maker.file.size - 4, &error),
             &error);
    CHECK_OK(binlog_store_cut_unfinished(fixture.store, &error), &error);
    tail = binlog_store_tail(fixture.store);
    CHECK(is_at(tail.end, 1, 4) && tail.last_event_offset == 0 && !tail.is_closed);
    sync_store(fixture.store);
    CHECK(is_at(binlog_store_durable_end(fixture.store), 0, 0)); /* there is nothing to show */
    append_from(fixture.store, &maker, BINLOG_MAGIC_BYTES);
    sync_store(fixture.store);
    CHECK(is_at(binlog_store_durable_end(fixture.store), 1, maker.file.size));
    binlog_maker_release(&maker);
    fixture_free(&fixture);
}

static void goes_on_in_the_next_file(void)
{
    struct fixture fixture = fixture_new();
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32};
    struct error error;
    uint64_t next = 0;
    struct binlog_cursor *cursor = NULL;
    uint64_t first_bytes = 0;

    binlog_maker_begin(&maker);
    binlog_maker_transaction(&maker, 1, 1, 10);
    (void)binlog_maker_rotate(&maker, "binlog.000002");
    first_bytes = maker.file.size;
    store_file_whole(fixture.store, &maker, 1);
    CHECK(binlog_store_tail(fixture.store).is_closed);
    sync_store(fixture.store);
    CHECK_OK(binlog_cursor_open(&cursor, fixture.store, 1, &error), &error);
    CHECK(!binlog_cursor_is_finished(cursor, &next));
    binlog_maker_begin(&maker);
    binlog_maker_transaction(&maker, 1, 2, 10);
    store_file_whole(fixture.store, &maker, 2);
    CHECK(is_at(binlog_store_durable_end(fixture.store), 1, first_bytes));
    sync_store(fixture.store);
    CHECK(is_at(binlog_store_durable_end(fixture.store), 2, maker.file.size));
    CHECK(binlog_cursor_is_finished(cursor, &next) && next == 2);
    CHECK(binlog_cursor_readable(cursor) == first_bytes);
    CHECK(binlog_store_begin_file(fixture.store, "binlog", 2, &error) == STATUS_INVALID);
    binlog_cursor_close(cursor);
    binlog_maker_release(&maker);
    fixture_free(&fixture);
}

/* A server that died leaves a transaction without its end, and a new file. */
static void lets_a_file_end_inside_a_transaction(void)
{
    struct fixture fixture = fixture_new();
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32};
    struct error error;
    uint64_t whole = 0;
    struct binlog_file_facts facts;

    binlog_maker_begin(&maker);
    binlog_maker_transaction(&maker, 1, 1, 10);
    whole = maker.file.size;
    (void)binlog_maker_gtid(&maker, 1, 2);
    (void)binlog_maker_query(&maker, "BEGIN");
    store_file_whole(fixture.store, &maker, 1);
    CHECK_OK(binlog_store_begin_file(fixture.store, "binlog", 2, &error), &error);
    CHECK(binlog_store_is_whole(fixture.store));
    sync_store(fixture.store);
    CHECK(is_at(binlog_store_durable_end(fixture.store), 1, whole));
    for (int start = 0; start < 2; start++) {
        if (start == 1) {
            struct binlog_maker second = {.checksum = BINLOG_CHECKSUM_CRC32};

            binlog_maker_begin(&second);
            append_from(fixture.store, &second, BINLOG_MAGIC_BYTES);
            sync_store(fixture.store);
            binlog_maker_release(&second);
            CHECK_OK(fixture_restart(&fixture, &error), &error);
            CHECK_OK(binlog_files_find(fixture.store, 1, &facts, &error), &error);
            CHECK(facts.bytes == maker.file.size); /* with the tail: the source's file has it */
            CHECK(binlog_store_durable_end(fixture.store).file == 2);
        }
        CHECK(set_is(binlog_files_gtids(fixture.store),
                     "01010101-0101-0101-0101-010101010101:1"));
    }
    binlog_maker_release(&maker);
    fixture_free(&fixture);
}

static void takes_events_in_parts(void)
{
    struct fixture fixture = {
        .disk = disk_system(), .root = temp_dir_make(), .gather_bytes = 8192};
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32};
    struct error error;
    size_t large = 0;
    size_t size = 0;

    fixture.directory = mem_format("%s/east", fixture.root);
    fixture_make_store(&fixture);
    CHECK_OK(binlog_store_recover(fixture.store, &error), &error);
    binlog_maker_begin(&maker);
    (void)binlog_maker_gtid(&maker, 1, 1);
    (void)binlog_maker_query(&maker, "BEGIN");
    store_file_whole(fixture.store, &maker, 1);
    large = maker.file.size;
    (void)binlog_maker_rows(&maker, 300000, 5);
    size = maker.file.size - large;
    CHECK_OK(binlog_store_append_begin(
                 fixture.store,
                 (struct bytes){.data = maker.file.data + large, .size = 72 * 1024},
                 (uint32_t)size, &error),
             &error);
    CHECK(!binlog_store_is_whole(fixture.store));
    CHECK(binlog_store_append(fixture.store, buffer_bytes(&maker.file), &error) ==
          STATUS_INVALID);
    for (size_t done = 72 * 1024; done < size;) {
        size_t part = size - done < 5000 ? size - done : 5000;

        CHECK_OK(binlog_store_append_more(
                     fixture.store,
                     (struct bytes){.data = maker.file.data + large + done, .size = part},
                     &error),
                 &error);
        done += part;
    }
    CHECK(binlog_store_append_more(fixture.store, bytes_of_text("x"), &error) ==
          STATUS_INVALID);
    size = maker.file.size;
    (void)binlog_maker_xid(&maker);
    append_from(fixture.store, &maker, size);
    sync_store(fixture.store);
    CHECK(is_at(binlog_store_durable_end(fixture.store), 1, maker.file.size));
    CHECK(file_has(&fixture, "binlog.000001", buffer_bytes(&maker.file)));
    CHECK_OK(fixture_restart(&fixture, &error), &error);
    CHECK(is_at(binlog_store_durable_end(fixture.store), 1, maker.file.size));
    binlog_maker_release(&maker);
    fixture_free(&fixture);
}

static void refuses_events_that_may_not_stand_there(void)
{
    struct fixture fixture = fixture_new();
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32};
    uint8_t event[31];
    struct error error;
    struct bytes bytes = {.data = event, .size = sizeof(event)};
    size_t before = 0;

    binlog_maker_begin(&maker);
    before = maker.file.size;
    CHECK(binlog_store_append(fixture.store, buffer_bytes(&maker.file), &error) ==
          STATUS_INVALID); /* no file */
    CHECK(binlog_store_begin_file(fixture.store, "../binlog", 1, &error) == STATUS_INVALID);
    memcpy(event, binlog_maker_xid(&maker).data, sizeof(event));
    CHECK_OK(binlog_store_begin_file(fixture.store, "binlog", 1, &error), &error);
    CHECK(binlog_store_append(fixture.store, bytes, &error) == STATUS_INVALID); /* no format */
    maker.file.size = before;
    append_from(fixture.store, &maker, BINLOG_MAGIC_BYTES);
    event[BINLOG_EVENT_POSITION_AT]++; /* another place */
    CHECK(binlog_store_append(fixture.store, bytes, &error) == STATUS_INVALID);
    event[BINLOG_EVENT_POSITION_AT]--;
    event[BINLOG_EVENT_FLAGS_AT] = BINLOG_FLAG_ARTIFICIAL;
    CHECK(binlog_store_append(fixture.store, bytes, &error) == STATUS_INVALID);
    event[BINLOG_EVENT_FLAGS_AT] = 0;
    event[BINLOG_EVENT_TYPE_AT] = BINLOG_HEARTBEAT;
    CHECK(binlog_store_append(fixture.store, bytes, &error) == STATUS_INVALID);
    event[BINLOG_EVENT_TYPE_AT] = BINLOG_GTID; /* too short for one */
    CHECK(binlog_store_append(fixture.store, bytes, &error) == STATUS_INVALID);
    event[BINLOG_EVENT_TYPE_AT] = BINLOG_XID;
    bytes.size--;
    CHECK(binlog_store_append(fixture.store, bytes, &error) == STATUS_INVALID);
    bytes.size++;
    CHECK_OK(binlog_store_append(fixture.store, bytes, &error), &error);
    binlog_maker_release(&maker);
    fixture_free(&fixture);
}

static void reads_back_what_is_written_and_what_is_only_gathered(void)
{
    struct fixture fixture = fixture_new();
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32};
    struct buffer found = {0};
    struct error error;
    size_t written = 0;

    binlog_maker_begin(&maker);
    binlog_maker_transaction(&maker, 1, 1, 100);
    store_file_whole(fixture.store, &maker, 1);
    CHECK_OK(binlog_store_write(fixture.store, &error), &error);
    written = maker.file.size;
    binlog_maker_transaction(&maker, 1, 2, 100);
    append_from(fixture.store, &maker, written);
    for (size_t from = 0; from < maker.file.size; from += 37) {
        for (size_t size = 1; from + size <= maker.file.size; size += 53) {
            struct binlog_position position = {.file = 1, .offset = from};

            CHECK_OK(binlog_store_read(fixture.store, position, size, &found, &error), &error);
            CHECK(found.size == size && memcmp(found.data, maker.file.data + from, size) == 0);
        }
    }
    CHECK(binlog_store_read(fixture.store,
                            (struct binlog_position){.file = 1, .offset = maker.file.size - 1},
                            2, &found, &error) == STATUS_NOT_FOUND);
    buffer_release(&found);
    binlog_maker_release(&maker);
    fixture_free(&fixture);
}

static void goes_on_after_a_full_disk(void)
{
    struct fake_disk *fake = fake_disk_new();
    struct fixture fixture = {.disk = fake_disk_calls(fake), .root = temp_dir_make()};
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32};
    struct error error;
    size_t whole = 0;

    fixture.directory = mem_format("%s/east", fixture.root);
    fixture_make_store(&fixture);
    CHECK_OK(binlog_store_recover(fixture.store, &error), &error);
    binlog_maker_begin(&maker);
    binlog_maker_transaction(&maker, 1, 1, 100);
    store_file_whole(fixture.store, &maker, 1);
    CHECK_OK(binlog_store_write(fixture.store, &error), &error);
    whole = maker.file.size;
    binlog_maker_transaction(&maker, 1, 2, 5000);
    binlog_maker_transaction(&maker, 1, 3, 5000);
    for (int again = 0; again < 2; again++) {
        append_from(fixture.store, &maker, whole);
        fake_disk_set_full(fake, true);
        CHECK(binlog_store_write(fixture.store, &error) == STATUS_FULL);
        CHECK(is_at(binlog_store_tail(fixture.store).end, 1, whole));
        CHECK(binlog_store_is_whole(fixture.store));
        CHECK_OK(binlog_store_cut_unfinished(fixture.store, &error), &error);
        sync_store(fixture.store); /* what was written before is shown */
        CHECK(is_at(binlog_store_durable_end(fixture.store), 1, whole));
        CHECK(binlog_store_begin_file(fixture.store, "binlog", 2, &error) == STATUS_FULL);
        fake_disk_set_full(fake, false);
    }
    append_from(fixture.store, &maker, whole);
    sync_store(fixture.store);
    CHECK(file_has(&fixture, "binlog.000001", buffer_bytes(&maker.file)));
    CHECK(
        set_is(binlog_files_gtids(fixture.store), "01010101-0101-0101-0101-010101010101:1-3"));
    CHECK_OK(binlog_store_begin_file(fixture.store, "binlog", 2, &error), &error);
    binlog_maker_release(&maker);
    fixture_free(&fixture);
    fake_disk_free(fake);
}

static void refuses_everything_after_a_failed_sync_until_it_recovers(void)
{
    struct fake_disk *fake = fake_disk_new();
    struct fixture fixture = {.disk = fake_disk_calls(fake), .root = temp_dir_make()};
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32};
    struct binlog_sync *sync = NULL;
    struct error error;
    size_t shown = 0;

    fixture.directory = mem_format("%s/east", fixture.root);
    fixture_make_store(&fixture);
    CHECK(binlog_store_begin_file(fixture.store, "binlog", 1, &error) == STATUS_SYSTEM);
    CHECK_OK(binlog_store_recover(fixture.store, &error), &error);
    binlog_maker_begin(&maker);
    store_file_whole(fixture.store, &maker, 1);
    sync_store(fixture.store);
    shown = maker.file.size;
    binlog_maker_transaction(&maker, 1, 1, 100);
    append_from(fixture.store, &maker, shown);
    CHECK_OK(binlog_store_write(fixture.store, &error), &error);
    CHECK(binlog_store_sync_begin(fixture.store, &sync) == STATUS_OK);
    fake_disk_fail_at(fake, fake_disk_operations(fake) + 1, FAKE_FAULT_EIO);
    binlog_sync_run(sync);
    CHECK(binlog_store_sync_end(fixture.store, sync, &error) == STATUS_SYSTEM);
    CHECK(is_at(binlog_store_durable_end(fixture.store), 1, shown));
    CHECK(binlog_store_write(fixture.store, &error) == STATUS_SYSTEM);
    CHECK(binlog_store_append(fixture.store, buffer_bytes(&maker.file), &error) ==
          STATUS_SYSTEM);
    CHECK(binlog_store_cut_unfinished(fixture.store, &error) == STATUS_SYSTEM);
    CHECK(binlog_store_sync_begin(fixture.store, &sync) == STATUS_NOT_FOUND);
    CHECK_OK(binlog_store_recover(fixture.store, &error), &error);
    CHECK(is_at(binlog_store_tail(fixture.store).end, 1, shown)); /* the rest is not believed */
    append_from(fixture.store, &maker, shown);
    sync_store(fixture.store);
    CHECK(file_has(&fixture, "binlog.000001", buffer_bytes(&maker.file)));
    binlog_maker_release(&maker);
    fixture_free(&fixture);
    fake_disk_free(fake);
}

static void count_one(void *context)
{
    ++*(int *)context;
}

static void goes_on_appending_while_a_sync_runs(void)
{
    struct fixture fixture = fixture_new();
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32};
    struct binlog_sync *sync = NULL;
    struct error error;
    int published = 0;
    size_t first = 0;

    binlog_store_on_publish(fixture.store, count_one, &published);
    binlog_maker_begin(&maker);
    binlog_maker_transaction(&maker, 1, 1, 100);
    store_file_whole(fixture.store, &maker, 1);
    CHECK(binlog_store_sync_begin(fixture.store, &sync) == STATUS_NOT_FOUND); /* not written */
    CHECK_OK(binlog_store_write(fixture.store, &error), &error);
    CHECK(binlog_store_sync_begin(fixture.store, &sync) == STATUS_OK);
    first = maker.file.size;
    binlog_maker_transaction(&maker, 1, 2, 100);
    binlog_maker_transaction(&maker, 2, 1, 100);
    append_from(fixture.store, &maker, first);
    CHECK_OK(binlog_store_write(fixture.store, &error), &error);
    binlog_sync_run(sync);
    CHECK(published == 0);
    CHECK_OK(binlog_store_sync_end(fixture.store, sync, &error), &error);
    CHECK(published == 1 && is_at(binlog_store_durable_end(fixture.store), 1, first));
    CHECK(set_is(binlog_files_gtids(fixture.store), "01010101-0101-0101-0101-010101010101:1"));
    sync_store(fixture.store);
    CHECK(published == 2 && is_at(binlog_store_durable_end(fixture.store), 1, maker.file.size));
    CHECK(set_is(binlog_files_gtids(fixture.store),
                 "01010101-0101-0101-0101-010101010101:1-2,\n"
                 "02020202-0202-0202-0202-020202020202:1"));
    sync_store(fixture.store); /* nothing to do is no fault */
    CHECK(published == 2);
    binlog_maker_release(&maker);
    fixture_free(&fixture);
}

static void begins_more_files_than_it_keeps_open(void)
{
    struct fixture fixture = fixture_new();
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32};
    struct binlog_file_facts *facts = NULL;

    for (uint64_t number = 1; number <= 200; number++) {
        binlog_maker_begin(&maker);
        binlog_maker_transaction(&maker, 1, number, 10);
        (void)binlog_maker_stop(&maker);
        store_file_whole(fixture.store, &maker, number);
    }
    sync_store(fixture.store);
    CHECK(binlog_files_list(fixture.store, &facts) == 200);
    CHECK(facts[199].file == 200 && facts[0].bytes == maker.file.size);
    CHECK(set_is(binlog_files_gtids_before(fixture.store, 100),
                 "01010101-0101-0101-0101-010101010101:1-99"));
    free(facts);
    binlog_maker_release(&maker);
    fixture_free(&fixture);
}

/* `log_name` of the configuration, or what the log was called at first, wins over the source's.
 */
static void keeps_the_name_that_it_was_told(void)
{
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32};
    struct fixture fixture = {.disk = disk_system(), .root = temp_dir_make()};
    struct error error;

    fixture.directory = mem_format("%s/east", fixture.root);
    fixture.store =
        binlog_store_new(&(struct binlog_store_options){.disk = fixture.disk,
                                                        .clock = clock_system(),
                                                        .directory = fixture.directory,
                                                        .log_name = "east-bin"});
    CHECK_OK(binlog_store_recover(fixture.store, &error), &error);
    CHECK(*binlog_store_log_name(fixture.store) == '\0'); /* there is no file */
    binlog_maker_begin(&maker);
    store_file_whole(fixture.store, &maker, 1);
    CHECK(strcmp(binlog_store_log_name(fixture.store), "east-bin") == 0);
    CHECK_OK(binlog_store_begin_file(fixture.store, "renamed-at-the-source", 2, &error),
             &error);
    sync_store(fixture.store);
    CHECK(file_has(&fixture, "east-bin.000001", buffer_bytes(&maker.file)));
    CHECK(file_has(&fixture, "east-bin.000002", bytes_of_text(BINLOG_MAGIC)));
    binlog_maker_release(&maker);
    fixture_free(&fixture);
}

int main(void)
{
    keeps_the_bytes_as_they_came();
    shows_nothing_that_is_not_a_whole_transaction();
    cuts_off_an_unfinished_transaction();
    cuts_back_to_the_magic_of_a_file_that_has_nothing_whole();
    goes_on_in_the_next_file();
    lets_a_file_end_inside_a_transaction();
    takes_events_in_parts();
    refuses_events_that_may_not_stand_there();
    reads_back_what_is_written_and_what_is_only_gathered();
    goes_on_after_a_full_disk();
    refuses_everything_after_a_failed_sync_until_it_recovers();
    goes_on_appending_while_a_sync_runs();
    begins_more_files_than_it_keeps_open();
    keeps_the_name_that_it_was_told();
    return 0;
}
