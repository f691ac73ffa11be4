/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "binrelay/base/log.h"
#include "binrelay/base/memory.h"
#include "check.h"
#include "dump_rig.h"

/* Two files of a few transactions. */
static void open_with_log(struct dump_rig *rig)
{
    rig_open(rig, false);
    log_writer_begin_file(&rig->log, 3);
    for (uint64_t i = 1; i <= 5; i++) {
        log_writer_transaction(&rig->log, 1, i, 1, 100);
    }
    log_writer_next_file(&rig->log);
    log_writer_transaction(&rig->log, 1, 6, 1, 100);
    log_writer_publish(&rig->log);
}

static void expect(struct dump_rig *rig,
                   const char *file,
                   uint64_t position,
                   uint16_t code,
                   const char *part,
                   const char *other_part)
{
    struct test_replica replica;

    test_replica_open(&replica, rig, file, position);
    test_replica_expect_refusal(&replica, code, part, other_part);
    test_replica_close(&replica);
}

static void refuses_files_that_are_not_here(void)
{
    static const char *const names[] = {"binlog.000002", "binlog.3",  "binlog.0000003",
                                        "other.000003",  "nonsense",  "../../etc/passwd",
                                        "binlog.",       "\x01\xff.1"};
    struct dump_rig rig;

    open_with_log(&rig);
    rig_set_caught_up(&rig);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        expect(&rig, names[i], 4, 1236, "Could not find first log file name",
               "binlog.000003 to binlog.000004");
    }
    expect(&rig, "binlog.000005", 4, 1236, "'binlog.000005'", "last one, binlog.000004");
    rig_close(&rig);
}

/* Where a stream can be looked up by name, and where not. */
static void refuses_names_that_are_not_looked_up(void)
{
    static const char *const names[] = {"epoch.4711", "epoch.", "after-backup.7",
                                        "time.2026-11-20T12:00:00Z"};
    struct dump_rig rig;

    open_with_log(&rig);
    expect(&rig, names[0], 4, 1236, "keeps no epochs", names[0]);
    expect(&rig, names[1], 4, 1236, "Could not find first log file name", "");
    expect(&rig, names[2], 4, 1236, "keeps no epochs", names[2]);
    expect(&rig, names[3], 4, 1236, "keeps no epochs", names[3]);
    expect(&rig, "first", 5, 1236, "impossible position", "'first'");
    expect(&rig, "last", 200, 1236, "impossible position", "'last'");
    expect(&rig, "FIRST", 4, 1236, "Could not find first log file name", "");
    rig_close(&rig);
}

static void begin_at(struct dump_rig *rig, const char *name, uint64_t count, unsigned rotates)
{
    struct test_replica replica;

    test_replica_open(&replica, rig, name, 4);
    test_replica_start(&replica);
    test_replica_run_to_end(&replica);
    CHECK(gtid_set_count(replica.got) == count && replica.rotates == rotates);
    test_replica_close(&replica);
}

static void begins_at_the_first_file_or_the_last(void)
{
    struct dump_rig rig;

    open_with_log(&rig);
    begin_at(&rig, "first", 6, 2);
    begin_at(&rig, "last", 1, 1);
    rig_close(&rig);
}

/* A stream that went on past its end would be worse than none. */
static void refuses_to_stop_at_a_gtid(void)
{
    struct dump_rig rig;
    struct test_replica replica;

    rig_open(&rig, true);
    log_writer_next_file(&rig.log);
    log_writer_mariadb_group(&rig.log, (struct mariadb_gtid){0, 1, 1}, 1, 100);
    log_writer_publish(&rig.log);
    test_replica_open(&replica, &rig, "", 4);
    replica.request.is_mariadb = true;
    replica.request.mariadb_capability = 4;
    replica.request.has_connect_state = true;
    replica.request.has_until = true;
    test_replica_expect_refusal(&replica, 1236, "START SLAVE UNTIL", "GTID");
    test_replica_close(&replica);
    rig_close(&rig);
}

static void refuses_impossible_positions(void)
{
    struct dump_rig rig;

    open_with_log(&rig);
    rig_set_caught_up(&rig);
    expect(&rig, "binlog.000003", 0, 1236, "position < 4", "");
    expect(&rig, "binlog.000003", 3, 1236, "position < 4", "");
    for (uint64_t offset = 5; offset < rig.log.files[3].bytes.size; offset += 7) {
        bool is_boundary = false;

        for (size_t i = 0; i < rig.log.files[3].boundary_count; i++) {
            is_boundary |= rig.log.files[3].boundaries[i] == offset;
        }
        if (!is_boundary) {
            expect(&rig, "binlog.000003", offset, 1236, "impossible position", "binlog.000003");
        }
    }
    rig_close(&rig);
}

static void refuses_positions_behind_the_end(void)
{
    struct dump_rig rig;

    open_with_log(&rig);
    rig_set_caught_up(&rig);
    uint64_t old_size = rig.log.files[3].bytes.size;
    uint64_t size = rig.log.files[4].bytes.size;

    expect(&rig, "binlog.000003", old_size + 1, 1236, "position > file size", "binlog.000003");
    expect(&rig, "binlog.000004", size + 1, 1236, "position after the end", "binlog.000004");
    expect(&rig, "binlog.000004", UINT32_MAX, 1236, "position after the end", "");
    rig_close(&rig);
}

/* What may come soon is no reason to stop a replica for good. */
static void asks_to_come_back_while_it_catches_up(void)
{
    struct dump_rig rig;

    open_with_log(&rig);
    uint64_t size = rig.log.files[4].bytes.size;

    expect(&rig, "binlog.000004", size + 100, 1053, "position after the end", "catching up");
    expect(&rig, "binlog.000005", 4, 1053, "'binlog.000005'", "catching up");

    /* Streams, but only since now. */
    rig_set_caught_up(&rig);
    cluster_board_set_state(rig.board, PULL_WAITING, "source is away", rig.wall_usec);
    expect(&rig, "binlog.000004", size + 100, 1053, "position after the end", "catching up");
    cluster_board_set_state(rig.board, PULL_STREAMING, "", rig.wall_usec);
    expect(&rig, "binlog.000004", size + 100, 1053, "position after the end", "catching up");
    rig.wall_usec += 60 * 1000 * 1000;
    expect(&rig, "binlog.000004", size + 100, 1236, "position after the end", "");

    /* Has received what is not durable yet. */
    struct cluster_report numbers = {.received = {.file = 4, .offset = size + 100}};

    cluster_board_set_numbers(rig.board, &numbers);
    expect(&rig, "binlog.000004", size + 100, 1053, "position after the end", "catching up");

    /* What is wrong for ever is said at once. */
    expect(&rig, "binlog.000003", 5, 1236, "impossible position", "");
    rig_close(&rig);
}

static void asks_to_come_back_while_nothing_is_stored(void)
{
    struct dump_rig rig;

    rig_open(&rig, false);
    cluster_board_set_state(rig.board, PULL_DENIED, "wrong password", rig.wall_usec);
    expect(&rig, "binlog.000001", 4, 1053, "nothing to serve yet", "denied: wrong password");
    rig_close(&rig);
}

static void shows_nothing_before_the_first_visible_place(void)
{
    struct dump_rig rig;

    rig_open(&rig, false);
    log_writer_begin_file(&rig.log, 3);
    for (uint64_t i = 1; i <= 5; i++) {
        log_writer_transaction(&rig.log, 1, i, 1, 100);
    }
    uint64_t visible = rig.log.files[3].bytes.size;

    binlog_store_set_first_visible(rig.store, (struct binlog_position){3, visible});
    log_writer_transaction(&rig.log, 1, 6, 1, 100);
    log_writer_publish(&rig.log);
    rig_set_caught_up(&rig);

    char text[32];

    snprintf(text, sizeof(text), "binlog.000003, %llu", (unsigned long long)visible);
    expect(&rig, "binlog.000003", 4, 1236, "impossible position", text);
    expect(&rig, "binlog.000003", rig.log.files[3].boundaries[4], 1236, "", text);
    begin_at(&rig, "", 1, 1);
    begin_at(&rig, "first", 1, 1);
    begin_at(&rig, "last", 1, 1);
    rig_close(&rig);
}

static void refuses_checksums_to_who_does_not_know_them(void)
{
    struct dump_rig rig;
    struct test_replica replica;

    open_with_log(&rig);
    test_replica_open(&replica, &rig, "binlog.000003", 4);
    replica.request.knows_checksums = false;
    replica.request.checksum = BINLOG_CHECKSUM_NONE;
    test_replica_expect_refusal(&replica, 1236,
                                "Replica can not handle replication events with the checksum",
                                "source is configured to log");
    test_replica_close(&replica);
    rig_close(&rig);
}

/* ---- by GTID ---- */

static void expect_by_gtid(struct dump_rig *rig,
                           const char *set_text,
                           uint16_t code,
                           const char *part,
                           const char *other_part)
{
    struct test_replica replica;
    struct gtid_set *set = NULL;
    struct buffer encoded = {0};
    struct error error;

    CHECK_OK(gtid_set_parse(&set, bytes_of_text(set_text), &error), &error);
    gtid_set_encode(set, &encoded);
    test_replica_open(&replica, rig, "", 4);
    replica.request.command.is_by_gtid = true;
    replica.request.command.gtid_set = buffer_bytes(&encoded);
    test_replica_expect_refusal(&replica, code, part, other_part);
    test_replica_close(&replica);
    buffer_release(&encoded);
    gtid_set_free(set);
}

#define UUID_1 "01010101-0101-0101-0101-010101010101"
#define UUID_2 "02020202-0202-0202-0202-020202020202"

static void refuses_gtids_that_it_never_stored(void)
{
    struct dump_rig rig;

    open_with_log(&rig);
    expect_by_gtid(&rig, UUID_1 ":1-7", 1053, UUID_1 ":7", "catching up");
    rig_set_caught_up(&rig);
    expect_by_gtid(&rig, UUID_1 ":1-7", 1236, UUID_1 ":7", "epoch.N");
    expect_by_gtid(&rig, UUID_1 ":1-9," UUID_2 ":1-3", 1236, UUID_1 ":7-9.", "epoch.N");
    rig_close(&rig);
}

static void names_gtids_that_were_purged(void)
{
    struct dump_rig rig;
    struct gtid before[] = {gtid_of(1, 1), gtid_of(1, 2), gtid_of(2, 7)};

    rig_open(&rig, false);
    for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
        gtid_set_add(rig.log.gtids, &before[i]); /* its first Previous_gtids has them */
    }
    log_writer_begin_file(&rig.log, 3);
    log_writer_transaction(&rig.log, 1, 3, 1, 100);
    log_writer_publish(&rig.log);
    rig_set_caught_up(&rig);
    expect_by_gtid(&rig, UUID_1 ":1-2", 1236, "purged", UUID_2 ":7");
    expect_by_gtid(&rig, UUID_2 ":7," UUID_1 ":3", 1236, "purged", UUID_1 ":1-2");
    expect_by_gtid(&rig, "", 1236, "the oldest here is binlog.000003", "a newer copy");
    rig_close(&rig);
}

static void refuses_gtids_where_the_source_has_none(void)
{
    struct dump_rig rig;
    struct source_facts off = {.gtid_mode = "OFF", .server_version = "9.7.0"};
    struct source_facts mariadb = {.is_mariadb = true, .server_version = "10.11.14-MariaDB"};

    open_with_log(&rig);
    cluster_board_set_facts(rig.board, &off);
    expect_by_gtid(&rig, "", 1236, "AUTO_POSITION", "GTID_MODE = OFF");
    cluster_board_set_facts(rig.board, &mariadb);
    expect_by_gtid(&rig, "", 1236, "AUTO_POSITION", "MariaDB");
    rig_close(&rig);
}

static void refuses_a_set_that_is_none(void)
{
    static const uint8_t bytes[] = {1, 0, 0, 0, 0, 0, 0, 0, 7};
    struct dump_rig rig;
    struct test_replica replica;

    open_with_log(&rig);
    test_replica_open(&replica, &rig, "", 4);
    replica.request.command.is_by_gtid = true;
    replica.request.command.gtid_set = (struct bytes){bytes, sizeof(bytes)};
    test_replica_expect_refusal(&replica, 1236, "GTID set cannot be read", "");
    test_replica_close(&replica);
    rig_close(&rig);
}

/* ---- MariaDB ---- */

static void expect_by_mariadb(struct dump_rig *rig,
                              const char *position,
                              uint16_t code,
                              const char *part,
                              const char *other_part)
{
    struct test_replica replica;

    test_replica_open(&replica, rig, "", 4);
    replica.request.is_mariadb = true;
    replica.request.mariadb_capability = 4;
    replica.request.has_connect_state = true;
    replica.request.connect_state = bytes_of_text(position);
    test_replica_expect_refusal(&replica, code, part, other_part);
    test_replica_close(&replica);
}

static void refuses_positions_of_mariadb_that_are_not_here(void)
{
    struct dump_rig rig;

    rig_open(&rig, true);
    mariadb_gtid_state_update(&rig.log.state, (struct mariadb_gtid){0, 1, 10});
    mariadb_gtid_state_update(&rig.log.state, (struct mariadb_gtid){1, 1, 3});
    log_writer_begin_file(&rig.log, 3);
    log_writer_mariadb_group(&rig.log, (struct mariadb_gtid){0, 1, 11}, 1, 100);
    log_writer_mariadb_group(&rig.log, (struct mariadb_gtid){0, 2, 12}, 1, 100);
    log_writer_publish(&rig.log);

    expect_by_mariadb(&rig, "0-1-13,1-1-3", 1053, "GTID 0-1-13", "catching up");
    rig_set_caught_up(&rig);
    expect_by_mariadb(&rig, "0-1-13,1-1-3", 1236, "GTID 0-1-13", "not in the source's binlog");
    expect_by_mariadb(&rig, "0-3-12,1-1-3", 1236, "GTID 0-3-12", "diverged");
    expect_by_mariadb(&rig, "0-1-9,1-1-3", 1236, "purged", "0-1-10,1-1-3");
    expect_by_mariadb(&rig, "0-1-11", 1236, "purged", "0-1-11");
    expect_by_mariadb(&rig, "0-1-11", 1236, "the oldest here is binlog.", "a newer copy");
    expect_by_mariadb(&rig, "0-1", 1236, "GTID position cannot be read", "");
    rig_close(&rig);
}

static void refuses_servers_of_the_other_kind_by_gtid(void)
{
    struct dump_rig rig;

    open_with_log(&rig);
    rig_set_caught_up(&rig);
    expect_by_mariadb(&rig, "0-1-1", 1236, "MariaDB replica", "MySQL servers");
    rig_close(&rig);
}

static void refuses_mariadb_servers_that_are_too_old(void)
{
    struct dump_rig rig;
    struct test_replica replica;

    open_with_log(&rig);
    test_replica_open(&replica, &rig, "binlog.000003", 4);
    replica.request.is_mariadb = true;
    replica.request.mariadb_capability = 3;
    test_replica_expect_refusal(&replica, 1236, "@mariadb_slave_capability 3", "");
    test_replica_close(&replica);
    rig_close(&rig);
}

/* ---- a damaged store ---- */

static void keep_line(void *context, enum log_level level, const char *line)
{
    char *kept = context;

    if (level == LOG_ERROR) {
        snprintf(kept, 512, "%s", line);
    }
}

static void ends_where_the_file_is_damaged(void)
{
    static const uint8_t zeros[4];
    struct dump_rig rig;
    struct test_replica replica;
    char line[512] = "";

    open_with_log(&rig);
    uint64_t at = rig.log.files[3].boundaries[9];
    char *path = mem_format("%s/binlog.000003", rig.directory);
    int file = open(path, O_RDWR | O_CLOEXEC);

    CHECK(file >= 0);
    CHECK(pwrite(file, zeros, sizeof(zeros), (off_t)(at + BINLOG_EVENT_SIZE_AT)) == 4);
    log_set_sink(keep_line, line);
    test_replica_open(&replica, &rig, "binlog.000003", 4);
    test_replica_start(&replica);
    test_replica_run_to_eof(&replica);
    CHECK(replica.failed_code == 1236);
    CHECK(strstr(line, "shorter than its header") != NULL);
    CHECK(strstr(line, "cluster east") != NULL);
    test_replica_close(&replica);
    free(path);
    (void)close(file);
    rig_close(&rig);
}

int main(void)
{
    refuses_files_that_are_not_here();
    refuses_names_that_are_not_looked_up();
    begins_at_the_first_file_or_the_last();
    refuses_to_stop_at_a_gtid();
    refuses_impossible_positions();
    refuses_positions_behind_the_end();
    asks_to_come_back_while_it_catches_up();
    asks_to_come_back_while_nothing_is_stored();
    shows_nothing_before_the_first_visible_place();
    refuses_checksums_to_who_does_not_know_them();
    refuses_gtids_that_it_never_stored();
    names_gtids_that_were_purged();
    refuses_gtids_where_the_source_has_none();
    refuses_a_set_that_is_none();
    refuses_positions_of_mariadb_that_are_not_here();
    refuses_servers_of_the_other_kind_by_gtid();
    refuses_mariadb_servers_that_are_too_old();
    ends_where_the_file_is_damaged();
    return 0;
}
