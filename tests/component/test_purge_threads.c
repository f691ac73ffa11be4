/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams that begin at the oldest file while files go, as fast as they can: one
 * that has found its first file finds every next one, too (S3).
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "binlog_maker.h"
#include "binrelay/admin/purger.h"
#include "binrelay/base/log.h"
#include "binrelay/base/memory.h"
#include "binrelay/protocol/binlog_walk.h"
#include "binrelay/storage/binlog_cursor.h"
#include "binrelay/storage/binlog_files.h"
#include "check.h"
#include "epoch_maker.h"
#include "temp_dir.h"

enum { READERS = 3, FILES = 150, FILES_OF_STREAM = 3, APPLIER = 201 };

struct scene;

struct reader {
    struct scene *scene; /* borrowed */
    pthread_t thread;
    unsigned number;
    bool is_holding; /* this and the next under the scene's lock */
    struct binlog_position from;
    unsigned streams;
    unsigned refused;
};

struct scene {
    char *root;
    char *directory;
    struct binlog_store *store;
    struct cluster_board *board;
    struct registry *registry;
    struct applier_registry *appliers;
    struct purger *purger;
    struct binlog_maker maker;
    uint64_t file;
    pthread_mutex_t lock;
    struct reader readers[READERS];
    atomic_bool is_over;
};

/* ---- what a stream does, in the order of the endpoint ---- */

static size_t stream_holds(void *context, uint64_t min_age_usec, struct log_hold **holds)
{
    struct scene *scene = context;
    size_t count = 0;

    (void)min_age_usec;
    *holds = mem_zeroed(READERS * sizeof(**holds));
    pthread_mutex_lock(&scene->lock);
    for (size_t at = 0; at < READERS; at++) {
        if (scene->readers[at].is_holding) {
            (*holds)[count].from = scene->readers[at].from;
            (void)snprintf((*holds)[count].who, sizeof((*holds)[count].who), "session %u",
                           scene->readers[at].number);
            count++;
        }
    }
    pthread_mutex_unlock(&scene->lock);
    return count;
}

static void hold(struct reader *reader, bool is_holding, uint64_t file)
{
    pthread_mutex_lock(&reader->scene->lock);
    reader->is_holding = is_holding;
    reader->from = file == 0 ? (struct binlog_position){0} : (struct binlog_position){file, 4};
    pthread_mutex_unlock(&reader->scene->lock);
}

static uint64_t find_oldest(struct scene *scene)
{
    struct binlog_file_facts *files = NULL;
    uint64_t oldest = binlog_files_list(scene->store, &files) == 0 ? 0 : files[0].file;

    free(files);
    return oldest;
}

static void read_on(struct reader *reader, struct binlog_cursor *cursor)
{
    struct error error;
    uint64_t next = 0;

    for (int file = 1; file < FILES_OF_STREAM && binlog_cursor_is_finished(cursor, &next);
         file++) {
        binlog_cursor_close(cursor);
        CHECK_OK(binlog_cursor_open(&cursor, reader->scene->store, next, &error), &error);
        hold(reader, true, next);
        (void)sched_yield();
    }
    binlog_cursor_close(cursor);
}

static void *read_all_the_time(void *context)
{
    struct reader *reader = context;
    struct scene *scene = reader->scene;
    struct binlog_cursor *cursor = NULL;
    uint64_t oldest = 0;
    struct error error;

    while (!atomic_load(&scene->is_over)) {
        hold(reader, true, 0); /* everything, until the place is known */
        oldest = find_oldest(scene);
        hold(reader, true, oldest);
        if (binlog_cursor_open(&cursor, scene->store, oldest, &error) == STATUS_OK) {
            reader->streams++;
            read_on(reader, cursor);
        } else {
            CHECK(error.status == STATUS_NOT_FOUND);
            reader->refused++; /* it went in between */
        }
        hold(reader, false, 0);
        for (int turn = 0; turn < 20; turn++) {
            (void)sched_yield();
        }
    }
    return NULL;
}

/* ---- the log and its applier ---- */

static void publish(struct scene *scene, size_t from)
{
    struct binlog_walk walk = binlog_walk_of((struct bytes){
        .data = scene->maker.file.data + from, .size = scene->maker.file.size - from});
    struct bytes event;
    struct error error;

    while (binlog_walk_next(&walk, &event, &error) == STATUS_OK) {
        CHECK_OK(binlog_store_append(scene->store, event, &error), &error);
    }
    CHECK_OK(binlog_store_sync(scene->store, &error), &error);
}

static void add_file(struct scene *scene)
{
    struct error error;

    scene->file++;
    CHECK_OK(binlog_store_begin_file(scene->store, "binlog", scene->file, &error), &error);
    binlog_maker_begin(&scene->maker);
    (void)epoch_maker_ndb(&scene->maker, scene->file, 1);
    publish(scene, BINLOG_MAGIC_BYTES);
    CHECK_OK(
        applier_registry_report(scene->appliers, APPLIER, scene->file, REPORT_POLL, &error),
        &error);
    purger_poke(scene->purger);
}

static void open_store_and_registry(struct scene *scene)
{
    struct error error;

    scene->root = temp_dir_make();
    scene->directory = mem_format("%s/east", scene->root);
    scene->store =
        binlog_store_new(&(struct binlog_store_options){.disk = disk_system(),
                                                        .clock = clock_system(),
                                                        .directory = scene->directory,
                                                        .epochs = {.kind = EPOCH_KIND_NDB}});
    CHECK_OK(binlog_store_recover(scene->store, &error), &error);
    scene->board = cluster_board_new();
    CHECK_OK(registry_open(&scene->registry, scene->root, clock_system(), &error), &error);
    CHECK_OK(registry_open_appliers(scene->registry,
                                    &(struct registry_applied){.name = "east",
                                                               .server_id = 199,
                                                               .store = scene->store,
                                                               .board = scene->board},
                                    &scene->appliers, &error),
             &error);
    CHECK_OK(applier_registry_add(scene->appliers,
                                  &(struct applier_setting){.server_id = APPLIER}, &error),
             &error);
}

static void start(struct scene *scene)
{
    struct purger_options options = {.cluster = "east",
                                     .directory = scene->directory,
                                     .store = scene->store,
                                     .appliers = scene->appliers,
                                     .pins = registry_pins(scene->registry),
                                     .registry = scene->registry,
                                     .clock = clock_system(),
                                     .disk = disk_system(),
                                     .settings = {.is_automatic = true, .min_files = 1},
                                     .links = {.stream_holds = stream_holds, .context = scene}};
    struct error error;

    for (unsigned at = 0; at < READERS; at++) {
        scene->readers[at] = (struct reader){.scene = scene, .number = at + 1};
    }
    CHECK_OK(purger_start(&scene->purger, &options, &error), &error);
    for (size_t at = 0; at < READERS; at++) {
        CHECK(pthread_create(&scene->readers[at].thread, NULL, read_all_the_time,
                             &scene->readers[at]) == 0);
    }
}

static void stop(struct scene *scene)
{
    struct purge_outcome outcome;
    unsigned streams = 0;
    unsigned refused = 0;
    struct error error;

    atomic_store(&scene->is_over, true);
    for (size_t at = 0; at < READERS; at++) {
        CHECK(pthread_join(scene->readers[at].thread, NULL) == 0);
        streams += scene->readers[at].streams;
        refused += scene->readers[at].refused;
    }
    CHECK_OK(purger_purge(scene->purger, &(struct purge_request){0}, &outcome, &error), &error);
    purge_outcome_release(&outcome);
    CHECK(find_oldest(scene) == scene->file && streams > 0);
    fprintf(stderr, "%u streams, %u refused\n", streams, refused);
    purger_stop(scene->purger);
    purger_free(scene->purger);
    registry_close(scene->registry);
    cluster_board_free(scene->board);
    binlog_store_free(scene->store);
    binlog_maker_release(&scene->maker);
    free(scene->directory);
    temp_dir_remove(scene->root);
}

static void a_stream_that_found_its_first_file_finds_every_next_one(void)
{
    struct scene scene = {.lock = PTHREAD_MUTEX_INITIALIZER,
                          .maker = {.checksum = BINLOG_CHECKSUM_CRC32}};
    struct purge_outcome outcome;
    struct error error;

    open_store_and_registry(&scene);
    start(&scene);
    for (int file = 0; file < FILES; file++) {
        add_file(&scene);
        if (file % 5 == 4) { /* the thread rests now and then */
            CHECK_OK(purger_purge(scene.purger, &(struct purge_request){0}, &outcome, &error),
                     &error);
            purge_outcome_release(&outcome);
        }
    }
    stop(&scene);
}

int main(void)
{
    log_set_level(LOG_ERROR);
    a_stream_that_found_its_first_file_finds_every_next_one();
    return 0;
}
