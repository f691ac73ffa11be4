/* SPDX-License-Identifier: Apache-2.0 */
#include "intake.h"

#include "intake_scene.h"

static void stores_a_file_byte_for_byte(enum binlog_checksum checksum)
{
    struct scene scene = open_scene();
    struct fake_binlog binlog = {.checksum = checksum};
    struct intake intake = begin(&scene, 7, 4);
    struct error error = {0};

    fake_binlog_begin(&binlog);
    (void)fake_binlog_add_transaction(&binlog, 0);
    (void)fake_binlog_add_transaction(&binlog, 5000);
    fake_binlog_add_stop(&binlog);
    CHECK(take_name(&intake, "binlog.000007", 4) == STATUS_OK);
    CHECK_OK(take_file(&intake, &binlog, 4, &error), &error);
    CHECK_OK(binlog_store_sync(scene.store, &error), &error);
    check_stored(&scene, 7, buffer_bytes(&binlog.bytes));
    CHECK(binlog_store_durable_end(scene.store).offset == binlog.bytes.size);
    intake_tell(&intake, &scene.numbers);
    CHECK(scene.numbers.received.offset == binlog.bytes.size);
    CHECK(scene.numbers.received_bytes == binlog.bytes.size - 4);
    CHECK(scene.numbers.received_events == 11);
    CHECK(scene.numbers.last_created_sec == FAKE_BINLOG_CREATED_SEC);
    intake_release(&intake);
    fake_binlog_release(&binlog);
    close_scene(&scene);
}

static void takes_nothing_before_the_last_stored_event_came_again(void)
{
    struct scene scene = open_scene();
    struct fake_binlog binlog = store_file(&scene, 7, 2);
    struct binlog_store_tail tail = binlog_store_tail(scene.store);
    struct intake intake = begin(&scene, 7, tail.last_event_offset);
    struct error error = {0};

    CHECK(take_name(&intake, "binlog.000007", tail.last_event_offset) == STATUS_OK);
    CHECK(intake.mode == INTAKE_COMPARING);
    (void)fake_binlog_add_transaction(&binlog, 300);
    CHECK_OK(take_file(&intake, &binlog, tail.last_event_offset, &error), &error);
    CHECK(intake.mode == INTAKE_TAKING);
    check_stored(&scene, 7, buffer_bytes(&binlog.bytes));
    intake_release(&intake);
    fake_binlog_release(&binlog);
    close_scene(&scene);
}

static void passes_over_what_is_stored_when_the_dump_begins_earlier(void)
{
    struct scene scene = open_scene();
    struct fake_binlog binlog = store_file(&scene, 7, 3);
    struct intake intake = begin(&scene, 7, 4);
    struct error error = {0};

    CHECK(take_name(&intake, "binlog.000007", 4) == STATUS_OK);
    CHECK(intake.mode == INTAKE_SKIPPING);
    (void)fake_binlog_add_transaction(&binlog, 300);
    CHECK_OK(take_file(&intake, &binlog, 4, &error), &error);
    check_stored(&scene, 7, buffer_bytes(&binlog.bytes));
    intake_release(&intake);
    fake_binlog_release(&binlog);
    close_scene(&scene);
}

static void says_that_a_source_is_behind(void)
{
    struct scene scene = open_scene();
    struct fake_binlog binlog = store_file(&scene, 7, 2);
    struct fake_binlog other = {.checksum = BINLOG_CHECKSUM_CRC32, .next_gtid = 2};
    struct buffer event = {0};
    struct error error = {0};
    uint64_t offset = 0;
    struct intake intake = resume(&scene, &offset);

    fake_binlog_begin(&other); /* as long, with another number in the last event */
    (void)fake_binlog_add_transaction(&other, 100);
    (void)fake_binlog_add_transaction(&other, 100);
    CHECK(take_file(&intake, &other, offset, &error) == STATUS_DENIED);
    CHECK(intake.blame == PULL_SOURCE_BEHIND && !intake.is_bad_event);
    CHECK(strstr(error.message, "another event stands") != NULL);
    intake_release(&intake);

    intake = resume(&scene, &offset); /* its log ends where our last event begins */
    binlog_heartbeat_add(&event, 1,
                         (struct binlog_rotate){offset, bytes_of_text("binlog.000007")},
                         BINLOG_CHECKSUM_CRC32, true);
    CHECK(take(&intake, buffer_bytes(&event), &error) == STATUS_DENIED);
    CHECK(intake.blame == PULL_SOURCE_BEHIND);
    intake_release(&intake);

    intake = resume(&scene, &offset); /* the same, and it has a new file */
    CHECK(take_name(&intake, "binlog.000008", 4) == STATUS_DENIED);
    CHECK(intake.blame == PULL_SOURCE_BEHIND);
    intake_release(&intake);
    CHECK(binlog_store_tail(scene.store).end.offset == binlog.bytes.size);
    buffer_release(&event);
    fake_binlog_release(&other);
    fake_binlog_release(&binlog);
    close_scene(&scene);
}

/* Breaks the last transaction's rows in some way: it must be noticed, and nothing of it kept.
 */
static void check_bad(void (*spoil)(struct fake_binlog *binlog, uint64_t rows),
                      const char *words)
{
    struct scene scene = open_scene();
    struct fake_binlog binlog = store_file(&scene, 7, 2);
    uint64_t whole = binlog.bytes.size;
    uint64_t rows = fake_binlog_add_transaction(&binlog, 100);
    struct error error = {0};
    uint64_t offset = 0;
    struct intake intake = resume(&scene, &offset);

    rows += fake_binlog_event(&binlog, rows).size;
    rows += fake_binlog_event(&binlog, rows).size;
    spoil(&binlog, rows);
    CHECK(take_file(&intake, &binlog, offset, &error) == STATUS_CORRUPT);
    CHECK(intake.is_bad_event && intake.blame == PULL_WAITING);
    CHECK(strstr(error.message, words) != NULL);
    CHECK_OK(binlog_store_cut_unfinished(scene.store, &error), &error);
    CHECK(binlog_store_tail(scene.store).end.offset == whole);
    intake_release(&intake);
    fake_binlog_release(&binlog);
    close_scene(&scene);
}

static void spoil_a_byte(struct fake_binlog *binlog, uint64_t rows)
{
    binlog->bytes.data[rows + 40] ^= 1;
}

static void spoil_the_position(struct fake_binlog *binlog, uint64_t rows)
{
    struct bytes event = fake_binlog_event(binlog, rows);
    uint8_t *at = binlog->bytes.data + rows;

    bytes_put_u32(at + BINLOG_EVENT_POSITION_AT,
                  bytes_u32_at(at + BINLOG_EVENT_POSITION_AT) + 1);
    bytes_put_u32(at + event.size - BINLOG_CHECKSUM_BYTES, binlog_event_checksum(event));
}

static void refuses_bad_events(void)
{
    check_bad(spoil_a_byte, "bad event at binlog.000007:");
    check_bad(spoil_a_byte, "checksum is wrong");
    check_bad(spoil_the_position, "says that it ends at");
}

static void refuses_events_in_the_wrong_order(void)
{
    struct scene scene = open_scene();
    struct fake_binlog binlog = {.checksum = BINLOG_CHECKSUM_CRC32};
    struct intake intake = begin(&scene, 7, 4);
    struct error error = {0};
    uint64_t previous = 0;

    fake_binlog_begin(&binlog);
    previous = 4 + fake_binlog_event(&binlog, 4).size;
    CHECK(take(&intake, fake_binlog_event(&binlog, 4), &error) == STATUS_CORRUPT); /* no name */
    CHECK(take_name(&intake, "binlog.000009", 4) == STATUS_CORRUPT); /* not what was asked */
    CHECK(take_name(&intake, "bin/log.000007", 4) == STATUS_INVALID);
    CHECK(intake.blame == PULL_MISCONFIGURED);
    CHECK(take_name(&intake, "binlog.000007", 4) == STATUS_OK);
    CHECK(take(&intake, fake_binlog_event(&binlog, previous), &error) == STATUS_CORRUPT);
    CHECK(take(&intake, fake_binlog_event(&binlog, 4), &error) == STATUS_OK);
    CHECK(take_name(&intake, "binlog.000007", 4) == STATUS_CORRUPT); /* back in the file */
    intake_release(&intake);
    fake_binlog_release(&binlog);
    close_scene(&scene);
}

static void ignores_what_is_in_no_file(void)
{
    struct scene scene = open_scene();
    struct fake_binlog binlog = {.checksum = BINLOG_CHECKSUM_CRC32};
    struct intake intake = begin(&scene, 7, 4);
    struct buffer event = {0};
    struct error error = {0};

    fake_binlog_begin(&binlog);
    CHECK(take_name(&intake, "binlog.000007", 4) == STATUS_OK);
    CHECK_OK(take_file(&intake, &binlog, 4, &error), &error);
    /* MariaDB's, with a position like a real one's */
    fake_binlog_add_artificial(&event, BINLOG_MARIADB_GTID_LIST, 533,
                               (struct bytes){(const uint8_t *)"\0\0\0\0", 4},
                               BINLOG_CHECKSUM_CRC32);
    CHECK_OK(take(&intake, buffer_bytes(&event), &error), &error);
    CHECK(intake.at.offset == binlog.bytes.size);
    buffer_release(&event);
    intake_release(&intake);
    fake_binlog_release(&binlog);
    close_scene(&scene);
}

static void names_its_own_next_file_in_the_closing_rotate(void)
{
    struct scene scene = open_scene();
    struct fake_binlog theirs = {.checksum = BINLOG_CHECKSUM_CRC32};
    struct fake_binlog ours = {.checksum = BINLOG_CHECKSUM_CRC32};
    struct error error = {0};
    struct intake intake;
    struct binlog_store_tail tail;

    scene.log_name = "east";
    intake = begin(&scene, 7, 4);
    fake_binlog_begin(&theirs);
    fake_binlog_begin(&ours);
    fake_binlog_add_rotate(&theirs, "binlog.000008");
    fake_binlog_add_rotate(&ours, "east.000008");
    CHECK(take_name(&intake, "binlog.000007", 4) == STATUS_OK);
    CHECK_OK(take_file(&intake, &theirs, 4, &error), &error);
    check_stored(&scene, 7, buffer_bytes(&ours.bytes));
    intake_tell(&intake, &scene.numbers);
    CHECK(scene.numbers.received.offset == ours.bytes.size);
    CHECK(scene.numbers.upstream.offset == theirs.bytes.size);
    intake_release(&intake);

    tail = binlog_store_tail(scene.store); /* the source's event is compared as it is stored */
    CHECK(tail.is_closed);
    intake = begin(&scene, 7, tail.last_event_offset);
    CHECK(take_name(&intake, "binlog.000007", tail.last_event_offset) == STATUS_OK);
    CHECK_OK(take_file(&intake, &theirs, tail.last_event_offset, &error), &error);
    CHECK(intake.mode == INTAKE_TAKING);
    CHECK(take_name(&intake, "binlog.000008", 4) == STATUS_OK);
    CHECK(intake.at.file == 8);
    intake_release(&intake);
    fake_binlog_release(&theirs);
    fake_binlog_release(&ours);
    close_scene(&scene);
}

static void goes_on_with_its_own_numbers_where_the_sources_jump(void)
{
    struct scene scene = open_scene();
    struct fake_binlog binlog = store_file(&scene, 7, 1);
    struct error error = {0};
    uint64_t offset = 0;
    struct intake intake = resume(&scene, &offset);

    CHECK_OK(take_file(&intake, &binlog, offset, &error), &error);
    CHECK(take_name(&intake, "binlog.000001", 4) == STATUS_AGAIN);
    CHECK(intake.wanted_shift == 7 && intake.at.file == 7);
    intake.shift = intake.wanted_shift;
    CHECK(take_name(&intake, "binlog.000001", 4) == STATUS_OK);
    CHECK(intake.at.file == 8 && intake.upstream_file == 1);
    CHECK_OK(take_file(&intake, &binlog, 4, &error), &error);
    check_stored(&scene, 8, buffer_bytes(&binlog.bytes));
    intake_tell(&intake, &scene.numbers);
    CHECK(scene.numbers.received.file == 8 && scene.numbers.upstream.file == 1);
    intake_release(&intake);
    fake_binlog_release(&binlog);
    close_scene(&scene);
}

/* A source that crashed may leave such a file, and rolls back in the next. */
static void keeps_a_file_that_ends_inside_a_transaction(void)
{
    struct scene scene = open_scene();
    struct fake_binlog binlog = store_file(&scene, 7, 1);
    struct error error = {0};
    uint64_t offset = 0;
    struct intake intake = resume(&scene, &offset);
    uint64_t whole = binlog.bytes.size;

    (void)fake_binlog_add_transaction(&binlog, 40);
    binlog.bytes.size = whole + fake_binlog_event(&binlog, whole).size; /* the GTID alone */
    CHECK_OK(take_file(&intake, &binlog, offset, &error), &error);
    CHECK(!binlog_store_is_whole(scene.store));
    CHECK(take_name(&intake, "binlog.000008", 4) == STATUS_OK);
    CHECK(binlog_store_is_whole(scene.store) && intake.at.file == 8);
    check_stored(&scene, 7, buffer_bytes(&binlog.bytes));
    intake_release(&intake);
    fake_binlog_release(&binlog);
    close_scene(&scene);
}

int main(void)
{
    stores_a_file_byte_for_byte(BINLOG_CHECKSUM_CRC32);
    stores_a_file_byte_for_byte(BINLOG_CHECKSUM_NONE);
    takes_nothing_before_the_last_stored_event_came_again();
    passes_over_what_is_stored_when_the_dump_begins_earlier();
    says_that_a_source_is_behind();
    refuses_bad_events();
    refuses_events_in_the_wrong_order();
    ignores_what_is_in_no_file();
    names_its_own_next_file_in_the_closing_rotate();
    goes_on_with_its_own_numbers_where_the_sources_jump();
    keeps_a_file_that_ends_inside_a_transaction();
    return 0;
}
