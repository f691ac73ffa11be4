/* SPDX-License-Identifier: Apache-2.0 */
/* A cluster with a log and appliers, and a scripted server that is polled for it. */
#pragma once

#include "binrelay/source/applier_poll.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "answering_source.h"
#include "binlog_maker.h"
#include "binrelay/base/memory.h"
#include "binrelay/protocol/binlog_walk.h"
#include "check.h"
#include "epoch_maker.h"
#include "temp_dir.h"

enum { CLUSTER_ID = 199, APPLIER = 201, OTHER = 202, EPOCHS = 10, EVENTS_MOST = 100 };

/* Cluster east with the epochs 1 to 10, or as many GTIDs, its appliers 201 and 202, and a
 * server to poll. */
struct poll_scene {
    struct answering_source server;
    char *directory; /* owned */
    struct registry *registry;
    struct cluster_board *board;
    struct binlog_store *store;
    struct applier_registry *appliers;
    struct applier_poll *poll;
    struct applier_poll_options options;

    pthread_mutex_t lock;
    pthread_cond_t reported;
    uint64_t applied[2]; /* of 201 and 202, as reported last; under the lock */
    unsigned reports[2];
};

static inline void on_report(void *context, uint32_t server_id, struct epoch_key applied)
{
    struct poll_scene *scene = context;

    pthread_mutex_lock(&scene->lock);
    scene->applied[server_id != APPLIER] = applied.epoch;
    scene->reports[server_id != APPLIER]++;
    pthread_cond_broadcast(&scene->reported);
    pthread_mutex_unlock(&scene->lock);
}

static inline void await_epoch(struct poll_scene *scene, uint32_t server_id, uint64_t epoch)
{
    pthread_mutex_lock(&scene->lock);
    while (scene->applied[server_id != APPLIER] != epoch) {
        pthread_cond_wait(&scene->reported, &scene->lock);
    }
    pthread_mutex_unlock(&scene->lock);
}

static inline unsigned reports_of(struct poll_scene *scene, uint32_t server_id)
{
    unsigned count = 0;

    pthread_mutex_lock(&scene->lock);
    count = scene->reports[server_id != APPLIER];
    pthread_mutex_unlock(&scene->lock);
    return count;
}

/* ---- the cluster ---- */

enum log_kind { LOG_OF_EPOCHS, LOG_OF_GTIDS, LOG_OF_MARIADB };

/* The epochs, or as many transactions of source 1 or domain 0. */
static inline void make_log(struct binlog_maker *maker, enum log_kind kind)
{
    binlog_maker_begin(maker);
    for (uint64_t number = 1; number <= EPOCHS; number++) {
        if (kind == LOG_OF_EPOCHS) {
            (void)epoch_maker_heartbeat(maker, CLUSTER_ID, number);
        } else if (kind == LOG_OF_GTIDS) {
            binlog_maker_transaction(maker, 1, number, 100);
        } else {
            (void)binlog_maker_mariadb_gtid(
                maker, (struct mariadb_gtid){.server_id = 1, .sequence = number}, 0);
            (void)binlog_maker_rows(maker, 100, 1);
            (void)binlog_maker_xid(maker);
        }
    }
}

static inline void fill_store(struct binlog_store *store, enum log_kind kind)
{
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32,
                                 .is_mariadb = kind == LOG_OF_MARIADB};
    struct binlog_walk walk;
    struct bytes event;
    struct error error;

    make_log(&maker, kind);
    CHECK_OK(binlog_store_begin_file(store, "binlog", 1, &error), &error);
    walk = binlog_walk_of((struct bytes){.data = maker.file.data + BINLOG_MAGIC_BYTES,
                                         .size = maker.file.size - BINLOG_MAGIC_BYTES});
    while (binlog_walk_next(&walk, &event, &error) == STATUS_OK) {
        CHECK_OK(binlog_store_append(store, event, &error), &error);
    }
    CHECK_OK(binlog_store_sync(store, &error), &error);
    binlog_maker_release(&maker);
}

static inline void open_store(struct poll_scene *scene, enum log_kind kind)
{
    autofree char *directory = mem_format("%s/east", scene->directory);
    struct binlog_store_options options = {
        .disk = disk_system(),
        .clock = clock_system(),
        .directory = directory,
        .epochs = {.kind = kind == LOG_OF_EPOCHS ? EPOCH_KIND_HEARTBEAT : EPOCH_KIND_NONE,
                   .server_id = CLUSTER_ID,
                   .database = "heartbeat",
                   .table = "heartbeat"}};
    struct error error;

    scene->store = binlog_store_new(&options);
    CHECK_OK(binlog_store_recover(scene->store, &error), &error);
    fill_store(scene->store, kind);
}

static inline void open_appliers(struct poll_scene *scene)
{
    struct registry_applied applied = {
        .name = "east", .server_id = CLUSTER_ID, .store = scene->store, .board = scene->board};
    struct applier_setting setting = {.server_id = APPLIER};
    struct error error;

    CHECK_OK(registry_open_appliers(scene->registry, &applied, &scene->appliers, &error),
             &error);
    CHECK_OK(applier_registry_add(scene->appliers, &setting, &error), &error);
    setting.server_id = OTHER;
    CHECK_OK(applier_registry_add(scene->appliers, &setting, &error), &error);
    applier_registry_on_report(scene->appliers, on_report, scene);
}

static inline void open_scene(struct poll_scene *scene, enum log_kind kind)
{
    struct error error;

    memset(scene, 0, sizeof(*scene));
    CHECK(pthread_mutex_init(&scene->lock, NULL) == 0);
    CHECK(pthread_cond_init(&scene->reported, NULL) == 0);
    answering_source_open(&scene->server);
    scene->directory = temp_dir_make();
    scene->board = cluster_board_new();
    CHECK_OK(registry_open(&scene->registry, scene->directory, clock_system(), &error), &error);
    open_store(scene, kind);
    open_appliers(scene);
    scene->options = (struct applier_poll_options){
        .cluster = "east",
        .server = &scene->server.options,
        .heartbeat_table = "beats.of",
        .interval_usec = 2000,
        .reads_gtids = kind != LOG_OF_EPOCHS,
        .clock = clock_system(),
        .registry = scene->registry,
        .reports = registry_reports(scene->registry),
        .appliers = scene->appliers,
    };
}

static inline void begin(struct poll_scene *scene)
{
    struct error error;

    CHECK_OK(applier_poll_start(&scene->poll, &scene->options, &error), &error);
}

static inline void close_scene(struct poll_scene *scene)
{
    applier_poll_stop(scene->poll);
    answering_source_close(&scene->server);
    registry_close(scene->registry);
    binlog_store_free(scene->store);
    cluster_board_free(scene->board);
    temp_dir_remove(scene->directory);
    CHECK(pthread_cond_destroy(&scene->reported) == 0);
    CHECK(pthread_mutex_destroy(&scene->lock) == 0);
}

enum { TEXT_BYTES = sizeof(((struct registry_event *)NULL)->message) };

/* How many events of a kind there are; what the last of them said is copied. */
static inline unsigned events_of(struct poll_scene *scene,
                                 const char *event,
                                 char text[TEXT_BYTES])
{
    struct registry_event *events = NULL;
    size_t count = 0;
    unsigned found = 0;
    struct error error;

    CHECK_OK(registry_list_events(scene->registry, 0, 0, EVENTS_MOST, &events, &count, &error),
             &error);
    for (size_t at = 0; at < count; at++) {
        if (strcmp(events[at].event, event) == 0) {
            memcpy(text, events[at].message, TEXT_BYTES);
            found++;
        }
    }
    free(events);
    return found;
}
