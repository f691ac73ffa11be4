/* SPDX-License-Identifier: Apache-2.0 */
/* Dumps of one cluster on several serve threads at once. */
#include <pthread.h>

#include "check.h"
#include "dump_rig.h"
#include "frame_cache.h"

enum { MEGABYTE = 1024 * 1024, THREADS = 3, REPLICAS = 3 };

struct server {
    struct dump_rig rig; /* the store's, with a loop of its own */
    unsigned number;
    pthread_t thread;
};

static bool are_all_over(void *context)
{
    const struct test_replica *replicas = context;

    for (unsigned i = 0; i < REPLICAS; i++) {
        if (!replicas[i].has_eof || !replicas[i].is_ended) {
            return false;
        }
    }
    return true;
}

static void *serve(void *context)
{
    struct server *server = context;
    struct test_replica replicas[REPLICAS];
    const uint64_t *boundaries = server->rig.log.files[1].boundaries;

    for (unsigned i = 0; i < REPLICAS; i++) {
        unsigned first = server->number % 2 == 0 ? 0 : 1 + 11 * (server->number + i);

        test_replica_open(&replicas[i], &server->rig, "binlog.000001", boundaries[first]);
        replicas[i].request.command.flags = DUMP_NON_BLOCK;
        replicas[i].request.heartbeat_usec = 3600ULL * 1000 * 1000;
        test_replica_start(&replicas[i]);
    }
    rig_run_until(&server->rig, are_all_over, replicas);
    for (unsigned i = 0; i < REPLICAS; i++) {
        CHECK(binlog_position_compare(replicas[i].position,
                                      binlog_store_durable_end(server->rig.store)) == 0);
        test_replica_close(&replicas[i]);
    }
    return NULL;
}

static void share_blocks_across_threads(void)
{
    struct dump_rig rig;
    struct server servers[THREADS];

    rig_open(&rig, false);
    for (uint64_t number = 0; rig.log.file < 2;) {
        log_writer_next_file(&rig.log);
        while (rig.log.files[rig.log.file].bytes.size < 4 * MEGABYTE) {
            number++;
            log_writer_transaction(&rig.log, 1, number, 1,
                                   number % 100 == 0 ? 100000 : 40 + (uint32_t)(number % 90));
        }
    }
    log_writer_publish(&rig.log);
    for (unsigned i = 0; i < THREADS; i++) {
        servers[i] = (struct server){.rig = rig, .number = i};
        rig_open_loop(&servers[i].rig);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&servers[i].thread, NULL, serve, &servers[i]) == 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        CHECK(pthread_join(servers[i].thread, NULL) == 0);
        rig_close_loop(&servers[i].rig);
    }
    CHECK(frame_cache_bytes(rig.frames) == 0);
    rig_close(&rig);
}

int main(void)
{
    share_blocks_across_threads();
    return 0;
}
