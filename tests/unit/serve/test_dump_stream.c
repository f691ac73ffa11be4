/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "binrelay/protocol/packet.h"
#include "check.h"
#include "dump_rig.h"

enum { MEGABYTE = 1024 * 1024 };

static void streams_a_file_from_its_beginning(void)
{
    struct dump_rig rig;
    struct test_replica replica;

    rig_open(&rig, false);
    log_writer_next_file(&rig.log);
    for (uint64_t i = 1; i <= 100; i++) {
        log_writer_transaction(&rig.log, 1, i, 1, 60);
    }
    log_writer_publish(&rig.log);
    test_replica_open(&replica, &rig, "binlog.000001", 4);
    test_replica_start(&replica);
    test_replica_run_to_end(&replica);

    CHECK(replica.events == rig.log.files[1].boundary_count - 1);
    CHECK(replica.rotates == 1);
    CHECK(replica.formats_for_middle == 0);
    CHECK(gtid_set_equals(replica.got, rig.log.gtids));
    CHECK(binlog_position_compare(dump_position(replica.dump), replica.position) == 0);
    test_replica_close(&replica);
    rig_close(&rig);
}

/* Also inside transactions: that is where a replica by position reconnects. */
static void begins_at_every_boundary(void)
{
    struct dump_rig rig;

    rig_open(&rig, false);
    log_writer_next_file(&rig.log);
    for (uint64_t i = 1; i <= 5; i++) {
        log_writer_transaction(&rig.log, 1, i, 2, 100);
    }
    log_writer_next_file(&rig.log);
    log_writer_transaction(&rig.log, 1, 6, 1, 100);
    log_writer_publish(&rig.log);

    const struct log_file *file = &rig.log.files[1];

    for (size_t i = 0; i < file->boundary_count; i++) {
        struct test_replica replica;

        test_replica_open(&replica, &rig, "binlog.000001", file->boundaries[i]);
        test_replica_start(&replica);
        test_replica_run_to_end(&replica);
        /* The format description is in the file, but only from offset 4 on part of the count.
         */
        uint64_t events_before = i;

        CHECK(replica.events ==
              file->boundary_count - 1 - events_before + rig.log.files[2].boundary_count - 1);
        CHECK(replica.rotates == 2);
        CHECK(replica.formats_for_middle == (i == 0 ? 0 : 1));
        test_replica_close(&replica);
    }
    rig_close(&rig);
}

static void begins_at_the_first_file_where_none_is_named(void)
{
    struct dump_rig rig;
    struct test_replica replica;

    rig_open(&rig, false);
    log_writer_begin_file(&rig.log, 3);
    log_writer_transaction(&rig.log, 1, 1, 1, 100);
    log_writer_next_file(&rig.log);
    log_writer_transaction(&rig.log, 1, 2, 1, 100);
    log_writer_publish(&rig.log);
    test_replica_open(&replica, &rig, "", 4);
    test_replica_start(&replica);
    test_replica_run_to_end(&replica);
    CHECK(gtid_set_equals(replica.got, rig.log.gtids));
    test_replica_close(&replica);
    rig_close(&rig);
}

static void goes_on_as_the_log_grows(void)
{
    struct dump_rig rig;
    struct test_replica replica;
    uint64_t number = 0;

    rig_open(&rig, false);
    log_writer_next_file(&rig.log);
    log_writer_publish(&rig.log);
    test_replica_open(&replica, &rig, "binlog.000001", 4);
    test_replica_start(&replica);
    for (unsigned round = 0; round < 60; round++) {
        if (round % 17 == 5) {
            log_writer_next_file(&rig.log);
        }
        for (unsigned i = 0; i <= round % 5; i++) {
            log_writer_transaction(&rig.log, 1, ++number, 1 + round % 3, 10 + round * 50);
        }
        log_writer_publish(&rig.log);
        dump_pump(replica.dump);
        test_replica_run_to_end(&replica);
    }
    CHECK(gtid_set_equals(replica.got, rig.log.gtids));
    CHECK(rig.log.file == 5 && replica.rotates == 5);
    test_replica_close(&replica);
    rig_close(&rig);
}

/* A source that was killed leaves no Rotate, and numbers may be left out. */
static void goes_on_behind_a_file_without_a_rotate(void)
{
    struct dump_rig rig;
    struct test_replica replica;

    rig_open(&rig, false);
    log_writer_next_file(&rig.log);
    log_writer_transaction(&rig.log, 1, 1, 1, 100);
    log_writer_begin_file(&rig.log, 4);
    log_writer_transaction(&rig.log, 1, 2, 1, 100);
    log_writer_publish(&rig.log);
    test_replica_open(&replica, &rig, "binlog.000001", 4);
    test_replica_start(&replica);
    test_replica_run_to_end(&replica);
    CHECK(replica.position.file == 4);
    CHECK(gtid_set_equals(replica.got, rig.log.gtids));
    test_replica_close(&replica);
    rig_close(&rig);
}

static void streams_megabytes_of_events_of_all_sizes(void)
{
    struct dump_rig rig;
    struct test_replica replica;
    uint64_t number = 0;

    rig_open(&rig, false);
    for (unsigned file = 0; file < 3; file++) {
        log_writer_next_file(&rig.log);
        while (rig.log.files[rig.log.file].bytes.size < 3 * MEGABYTE) {
            number++;
            log_writer_transaction(
                &rig.log, 1, number, 1 + (unsigned)(number % 4),
                (uint32_t)(number * 7919 % (number % 10 == 0 ? 200000 : 900)));
        }
    }
    log_writer_publish(&rig.log);
    test_replica_open(&replica, &rig, "binlog.000001", 4);
    test_replica_start(&replica);
    test_replica_run_to_end(&replica);
    CHECK(gtid_set_equals(replica.got, rig.log.gtids));
    test_replica_close(&replica);
    rig_close(&rig);
}

static void splits_an_event_of_forty_megabytes(void)
{
    static const uint32_t sizes[] = {40 * MEGABYTE, PACKET_MOST_BYTES - 25,
                                     PACKET_MOST_BYTES - 24, PACKET_MOST_BYTES - 23};
    struct dump_rig rig;
    struct test_replica replica;
    uint64_t number = 0;

    rig_open(&rig, false);
    log_writer_next_file(&rig.log);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        log_writer_transaction(&rig.log, 1, ++number, 1, sizes[i]);
    }
    log_writer_publish(&rig.log);
    test_replica_open(&replica, &rig, "binlog.000001", 4);
    test_replica_start(&replica);
    test_replica_run_to_end(&replica);
    CHECK(gtid_set_equals(replica.got, rig.log.gtids));
    test_replica_close(&replica);
    rig_close(&rig);
}

static void ends_with_eof_where_the_log_ends(void)
{
    static const struct {
        uint16_t flags;
        uint32_t server_id;
    } ways[] = {{DUMP_NON_BLOCK, 42}, {0, 0}};

    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        struct dump_rig rig;
        struct test_replica replica;

        rig_open(&rig, false);
        log_writer_next_file(&rig.log);
        log_writer_transaction(&rig.log, 1, 1, 1, 100);
        log_writer_next_file(&rig.log);
        log_writer_transaction(&rig.log, 1, 2, 1, 100);
        log_writer_publish(&rig.log);
        test_replica_open(&replica, &rig, "binlog.000001", 4);
        replica.request.command.flags = ways[i].flags;
        replica.request.command.server_id = ways[i].server_id;
        test_replica_start(&replica);
        test_replica_run_to_eof(&replica);
        CHECK(replica.is_ended && replica.has_eof);
        CHECK(gtid_set_equals(replica.got, rig.log.gtids));
        CHECK(dump_sequence(replica.dump) == replica.sequence);
        test_replica_close(&replica);
        rig_close(&rig);
    }
}

static bool has_three_heartbeats(void *context)
{
    const struct test_replica *replica = context;

    return replica->heartbeats >= 3;
}

static void sends_heartbeats_while_nothing_happens(void)
{
    for (unsigned version = 1; version <= 2; version++) {
        struct dump_rig rig;
        struct test_replica replica;

        rig_open(&rig, false);
        log_writer_next_file(&rig.log);
        log_writer_transaction(&rig.log, 1, 1, 1, 100);
        log_writer_publish(&rig.log);
        test_replica_open(&replica, &rig, "binlog.000001", 4);
        replica.request.command.flags = version == 2 ? DUMP_HEARTBEAT_V2 : 0;
        replica.request.heartbeat_usec = 5000;
        test_replica_start(&replica);
        rig_run_until(&rig, has_three_heartbeats, &replica);

        /* The stream goes on behind them as if they were not there. */
        log_writer_transaction(&rig.log, 1, 2, 1, 100);
        log_writer_publish(&rig.log);
        dump_pump(replica.dump);
        test_replica_run_to_end(&replica);
        CHECK(gtid_set_equals(replica.got, rig.log.gtids));
        test_replica_close(&replica);
        rig_close(&rig);
    }
}

/* A source that died just after it rotated: the replica knows the next file by the Rotate. */
static void names_the_next_file_in_heartbeats_behind_a_rotate(void)
{
    struct dump_rig rig;
    struct test_replica replica;

    rig_open(&rig, false);
    log_writer_next_file(&rig.log);
    log_writer_transaction(&rig.log, 1, 1, 1, 100);
    log_writer_rotate(&rig.log);
    log_writer_publish(&rig.log);
    test_replica_open(&replica, &rig, "binlog.000001", 4);
    replica.request.heartbeat_usec = 5000;
    replica.heartbeat_file = 2;
    test_replica_start(&replica);
    rig_run_until(&rig, has_three_heartbeats, &replica);

    log_writer_begin_file(&rig.log, 2);
    log_writer_transaction(&rig.log, 1, 2, 1, 100);
    log_writer_publish(&rig.log);
    dump_pump(replica.dump);
    test_replica_run_to_end(&replica);
    CHECK(gtid_set_equals(replica.got, rig.log.gtids));
    test_replica_close(&replica);
    rig_close(&rig);
}

static void gives_mariadb_heartbeats_of_the_first_version(void)
{
    struct dump_rig rig;
    struct test_replica replica;

    rig_open(&rig, true);
    log_writer_next_file(&rig.log);
    log_writer_mariadb_group(&rig.log, (struct mariadb_gtid){0, 1, 1}, 1, 100);
    log_writer_publish(&rig.log);
    test_replica_open(&replica, &rig, "binlog.000001", 4);
    replica.request.is_mariadb = true;
    replica.request.mariadb_capability = 4;
    replica.request.command.flags = DUMP_ANNOTATE_ROWS; /* the same bit as DUMP_HEARTBEAT_V2 */
    replica.request.heartbeat_usec = 5000;
    test_replica_start(&replica);
    rig_run_until(&rig, has_three_heartbeats, &replica);
    test_replica_close(&replica);
    rig_close(&rig);
}

static void serves_files_without_checksums(void)
{
    struct dump_rig rig;
    struct test_replica replica;

    rig_open(&rig, false);
    rig.log.checksum = BINLOG_CHECKSUM_NONE;
    log_writer_next_file(&rig.log);
    log_writer_transaction(&rig.log, 1, 1, 1, 100);
    log_writer_next_file(&rig.log);
    log_writer_transaction(&rig.log, 1, 2, 1, 100);
    rig.log.checksum = BINLOG_CHECKSUM_CRC32;
    log_writer_begin_file(&rig.log, 3);
    log_writer_transaction(&rig.log, 1, 3, 1, 100);
    log_writer_publish(&rig.log);
    test_replica_open(&replica, &rig, "binlog.000001", 4);
    test_replica_start(&replica);
    test_replica_run_to_end(&replica);
    CHECK(gtid_set_equals(replica.got, rig.log.gtids));
    test_replica_close(&replica);

    /* Who does not know checksums gets what has none, and no more. */
    test_replica_open(&replica, &rig, "binlog.000001", 4);
    replica.request.knows_checksums = false;
    replica.request.checksum = BINLOG_CHECKSUM_NONE;
    test_replica_start(&replica);
    test_replica_run_to_eof(&replica);
    CHECK(replica.failed_code == 1236);
    CHECK(strstr(replica.failure.message, "checksum that source is configured to log") != NULL);
    CHECK(gtid_set_count(replica.got) == 2);
    test_replica_close(&replica);
    rig_close(&rig);
}

int main(void)
{
    streams_a_file_from_its_beginning();
    begins_at_every_boundary();
    begins_at_the_first_file_where_none_is_named();
    goes_on_as_the_log_grows();
    goes_on_behind_a_file_without_a_rotate();
    streams_megabytes_of_events_of_all_sizes();
    splits_an_event_of_forty_megabytes();
    ends_with_eof_where_the_log_ends();
    sends_heartbeats_while_nothing_happens();
    names_the_next_file_in_heartbeats_behind_a_rotate();
    gives_mariadb_heartbeats_of_the_first_version();
    serves_files_without_checksums();
    return 0;
}
