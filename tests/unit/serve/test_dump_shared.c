/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "check.h"
#include "dump_rig.h"
#include "frame_cache.h"

enum { MEGABYTE = 1024 * 1024, REPLICAS = 8 };

/* Several files of small transactions. */
static void write_log(struct dump_rig *rig, unsigned files, size_t file_bytes)
{
    uint64_t number = 0;

    for (unsigned file = 0; file < files; file++) {
        log_writer_next_file(&rig->log);
        while (rig->log.files[rig->log.file].bytes.size < file_bytes) {
            number++;
            log_writer_transaction(&rig->log, 1, number, 1, 40 + (uint32_t)(number % 100));
        }
    }
    log_writer_publish(&rig->log);
}

static bool are_all_at_end(void *context)
{
    const struct test_replica *replicas = context;
    struct binlog_position end = binlog_store_durable_end(replicas[0].rig->store);

    for (unsigned i = 0; i < REPLICAS; i++) {
        if (binlog_position_compare(replicas[i].position, end) != 0) {
            return false;
        }
    }
    return true;
}

static void serves_eight_replicas_from_the_same_blocks(void)
{
    struct dump_rig rig;
    struct test_replica replicas[REPLICAS];

    rig_open(&rig, false);
    write_log(&rig, 2, 6 * MEGABYTE);
    for (unsigned i = 0; i < REPLICAS; i++) {
        test_replica_open(&replicas[i], &rig, "binlog.000001", 4);
        test_replica_start(&replicas[i]);
    }
    rig_run_until(&rig, are_all_at_end, replicas);
    for (unsigned i = 0; i < REPLICAS; i++) {
        CHECK(gtid_set_equals(replicas[i].got, rig.log.gtids));
        CHECK(replicas[i].heartbeats == 0);
        test_replica_close(&replicas[i]);
    }
    CHECK(frame_cache_bytes(rig.frames) == 0);
    rig_close(&rig);
}

/* Each began at another event, so with another packet number at the blocks they share. */
static void aligns_packet_numbers_by_heartbeats(void)
{
    struct dump_rig rig;
    struct test_replica replicas[REPLICAS];
    unsigned aligned = 0;

    rig_open(&rig, false);
    write_log(&rig, 2, 6 * MEGABYTE);
    for (unsigned i = 0; i < REPLICAS; i++) {
        test_replica_open(&replicas[i], &rig, "binlog.000001",
                          rig.log.files[1].boundaries[1 + 37 * i]);
        replicas[i].request.heartbeat_usec = 3600ULL * 1000 * 1000;
        replicas[i].request.command.flags = i % 2 == 0 ? DUMP_HEARTBEAT_V2 : 0;
        replicas[i].request.is_mariadb = i % 3 == 2;
        replicas[i].request.mariadb_capability = 4;
        test_replica_start(&replicas[i]);
    }
    rig_run_until(&rig, are_all_at_end, replicas);
    for (unsigned i = 0; i < REPLICAS; i++) {
        aligned += replicas[i].heartbeats > 0 ? 1 : 0;
        CHECK(replicas[i].heartbeats <= 255);
        test_replica_close(&replicas[i]);
    }
    CHECK(aligned > 0 && aligned < REPLICAS);
    rig_close(&rig);
}

static void leaves_alone_who_asked_for_no_heartbeats(void)
{
    struct dump_rig rig;
    struct test_replica replicas[REPLICAS];

    rig_open(&rig, false);
    write_log(&rig, 1, 6 * MEGABYTE);
    for (unsigned i = 0; i < REPLICAS; i++) {
        test_replica_open(&replicas[i], &rig, "binlog.000001",
                          rig.log.files[1].boundaries[1 + 37 * i]);
        test_replica_start(&replicas[i]);
    }
    rig_run_until(&rig, are_all_at_end, replicas);
    for (unsigned i = 0; i < REPLICAS; i++) {
        CHECK(replicas[i].heartbeats == 0);
        test_replica_close(&replicas[i]);
    }
    rig_close(&rig);
}

static void follows_a_growing_log_with_all_of_them(void)
{
    struct dump_rig rig;
    struct test_replica replicas[REPLICAS];
    uint64_t number = 0;

    rig_open(&rig, false);
    log_writer_next_file(&rig.log);
    log_writer_transaction(&rig.log, 1, ++number, 1, 100);
    log_writer_publish(&rig.log);
    for (unsigned i = 0; i < REPLICAS; i++) {
        test_replica_open(&replicas[i], &rig, "binlog.000001", 4);
        replicas[i].request.heartbeat_usec = i == 3 ? 1000 : 0;
        test_replica_start(&replicas[i]);
    }
    for (unsigned round = 0; round < 100; round++) {
        if (round % 30 == 29) {
            log_writer_next_file(&rig.log);
        }
        log_writer_transaction(&rig.log, 1, ++number, 1, 100 + round * 20);
        log_writer_publish(&rig.log);
        for (unsigned i = 0; i < REPLICAS; i++) {
            dump_pump(replicas[i].dump);
        }
        rig_run_until(&rig, are_all_at_end, replicas);
    }
    for (unsigned i = 0; i < REPLICAS; i++) {
        CHECK(gtid_set_equals(replicas[i].got, rig.log.gtids));
        test_replica_close(&replicas[i]);
    }
    rig_close(&rig);
}

static bool is_first_at_end(void *context)
{
    const struct test_replica *replicas = context;

    return binlog_position_compare(replicas[0].position,
                                   binlog_store_durable_end(replicas[0].rig->store)) == 0;
}

static void a_slow_replica_holds_little_and_holds_up_nobody(void)
{
    struct dump_rig rig;
    struct test_replica replicas[2];

    rig_open(&rig, false);
    write_log(&rig, 3, 8 * MEGABYTE);
    for (unsigned i = 0; i < 2; i++) {
        test_replica_open(&replicas[i], &rig, "binlog.000001", 4);
        test_replica_start(&replicas[i]);
    }
    test_replica_read(&replicas[1], false);
    rig_run_until(&rig, is_first_at_end, replicas);

    CHECK(connection_queued(replicas[1].connection) > 0);
    CHECK(connection_queued(replicas[1].connection) < 2 * MEGABYTE);
    CHECK(dump_position(replicas[1].dump).file == 1);
    CHECK(frame_cache_bytes(rig.frames) <= FRAME_CACHE_BYTES);

    test_replica_read(&replicas[1], true);
    test_replica_run_to_end(&replicas[1]);
    CHECK(gtid_set_equals(replicas[1].got, rig.log.gtids));
    for (unsigned i = 0; i < 2; i++) {
        test_replica_close(&replicas[i]);
    }
    rig_close(&rig);
}

int main(void)
{
    serves_eight_replicas_from_the_same_blocks();
    aligns_packet_numbers_by_heartbeats();
    leaves_alone_who_asked_for_no_heartbeats();
    follows_a_growing_log_with_all_of_them();
    a_slow_replica_holds_little_and_holds_up_nobody();
    return 0;
}
