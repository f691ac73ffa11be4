/* SPDX-License-Identifier: Apache-2.0 */
#include "registry_scene.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "binrelay/base/memory.h"
#include "binrelay/protocol/binlog_walk.h"
#include "binrelay/storage/binlog_purge.h"
#include "check.h"
#include "temp_dir.h"

enum { START_SEC = 1700000000, USEC_IN_SEC = 1000000 };

/* ---- a log ---- */

void scene_log_open(struct scene_log *log, enum epoch_kind kind, uint32_t server_id)
{
    autofree char *directory = NULL;
    struct error error;

    *log = (struct scene_log){.root = temp_dir_make(), .board = cluster_board_new()};
    directory = mem_format("%s/log", log->root);
    log->maker.server_id = server_id;
    log->maker.created_at_sec = START_SEC;
    log->store = binlog_store_new(&(struct binlog_store_options){
        .disk = disk_system(),
        .clock = clock_system(),
        .directory = directory,
        .epochs = {.kind = kind},
    });
    CHECK_OK(binlog_store_recover(log->store, &error), &error);
}

void scene_log_close(struct scene_log *log)
{
    binlog_store_free(log->store);
    cluster_board_free(log->board);
    binlog_maker_release(&log->maker);
    temp_dir_remove(log->root);
}

/* Stores and publishes what the maker has more. */
static struct binlog_position publish(struct scene_log *log)
{
    struct binlog_walk walk =
        binlog_walk_of((struct bytes){.data = log->maker.file.data + log->stored,
                                      .size = log->maker.file.size - log->stored});
    struct bytes event;
    struct error error;

    while (binlog_walk_next(&walk, &event, &error) == STATUS_OK) {
        CHECK_OK(binlog_store_append(log->store, event, &error), &error);
    }
    CHECK(walk.left.size == 0);
    CHECK_OK(binlog_store_sync(log->store, &error), &error);
    log->stored = log->maker.file.size;
    return (struct binlog_position){.file = log->file, .offset = log->stored};
}

void scene_log_file(struct scene_log *log)
{
    struct error error;

    if (log->file > 0) {
        autofree char *next = mem_format("binlog.%06u", (unsigned)log->file + 1);

        (void)binlog_maker_rotate(&log->maker, next);
        (void)publish(log);
    }
    binlog_maker_begin(&log->maker);
    log->file++;
    log->stored = BINLOG_MAGIC_BYTES;
    CHECK_OK(binlog_store_begin_file(log->store, "binlog", log->file, &error), &error);
    (void)publish(log);
}

struct binlog_position scene_log_epoch(struct scene_log *log, uint64_t epoch)
{
    (void)epoch_maker_ndb(&log->maker, epoch, 1);
    return publish(log);
}

void scene_log_gap(struct scene_log *log)
{
    (void)epoch_maker_incident(&log->maker);
    (void)publish(log);
}

void scene_log_gtid(struct scene_log *log, uint8_t source, uint64_t number)
{
    binlog_maker_transaction(&log->maker, source, number, 100);
    (void)publish(log);
}

void scene_log_mariadb(struct scene_log *log, struct mariadb_gtid gtid)
{
    (void)binlog_maker_mariadb_gtid(&log->maker, gtid, MARIADB_GTID_STANDALONE);
    (void)binlog_maker_query(&log->maker, "CREATE TABLE t (a INT)");
    (void)publish(log);
}

void scene_log_purge(struct scene_log *log, uint64_t before)
{
    struct binlog_purged purged;
    struct error error;

    CHECK_OK(binlog_store_purge(log->store, before, &purged, &error), &error);
}

/* ---- a registry ---- */

static uint64_t monotonic_usec(void *context)
{
    return ((const struct scene *)context)->monotonic_usec;
}

static uint64_t wall_usec(void *context)
{
    return ((const struct scene *)context)->wall_usec;
}

void scene_prepare(struct scene *scene)
{
    *scene = (struct scene){
        .directory = temp_dir_make(),
        .clock = {.monotonic_usec = monotonic_usec, .wall_usec = wall_usec, .context = scene},
        .wall_usec = (uint64_t)START_SEC * USEC_IN_SEC,
        .monotonic_usec = USEC_IN_SEC,
    };
    scene_log_open(&scene->logs[SCENE_EAST], EPOCH_KIND_NDB, 101);
    scene_log_open(&scene->logs[SCENE_WEST], EPOCH_KIND_NDB, 102);
}

void scene_start(struct scene *scene)
{
    static const char *const names[] = {"east", "west"};
    struct error error;

    CHECK_OK(registry_open(&scene->registry, scene->directory, &scene->clock, &error), &error);
    for (uint32_t at = 0; at < SCENE_CLUSTERS; at++) {
        struct source_facts facts = {.server_id = 101 + at};
        struct registry_applied applied = {.name = names[at],
                                           .server_id = 199 + 100 * at,
                                           .store = scene->logs[at].store,
                                           .board = scene->logs[at].board,
                                           .shares_groups = scene->shares_groups};

        cluster_board_set_facts(scene->logs[at].board, &facts);
        CHECK_OK(
            registry_open_appliers(scene->registry, &applied, &scene->appliers[at], &error),
            &error);
    }
}

void scene_stop(struct scene *scene)
{
    registry_close(scene->registry);
    scene->registry = NULL;
}

void scene_release(struct scene *scene)
{
    for (int at = 0; at < SCENE_CLUSTERS; at++) {
        scene_log_close(&scene->logs[at]);
    }
    temp_dir_remove(scene->directory);
}

void scene_open(struct scene *scene)
{
    scene_prepare(scene);
    for (uint64_t epoch = 10; epoch <= 60; epoch += 10) {
        if (epoch % 20 != 0) {
            scene_log_file(&scene->logs[SCENE_EAST]);
        }
        (void)scene_log_epoch(&scene->logs[SCENE_EAST], epoch);
    }
    scene_start(scene);
}

void scene_close(struct scene *scene)
{
    scene_stop(scene);
    scene_release(scene);
}

void scene_restart(struct scene *scene)
{
    scene_stop(scene);
    scene_start(scene);
}

void scene_pass(struct scene *scene, uint64_t sec)
{
    scene->wall_usec += sec * USEC_IN_SEC;
    scene->monotonic_usec += sec * USEC_IN_SEC;
}

void scene_sql(struct scene *scene, const char *sql)
{
    autofree char *path = mem_format("%s/control.db", scene->directory);
    struct sqlite3 *database = NULL;

    CHECK(sqlite3_open(path, &database) == SQLITE_OK);
    CHECK(sqlite3_busy_timeout(database, 5000) == SQLITE_OK);
    CHECK(sqlite3_exec(database, sql, NULL, NULL, NULL) == SQLITE_OK);
    CHECK(sqlite3_close(database) == SQLITE_OK);
}

long long scene_number(struct scene *scene, const char *sql)
{
    autofree char *path = mem_format("%s/control.db", scene->directory);
    struct sqlite3 *database = NULL;
    struct sqlite3_stmt *statement = NULL;
    long long number = 0;

    (void)scene_count_events(scene, "", NULL); /* comes behind it on the registry's thread */
    CHECK(sqlite3_open(path, &database) == SQLITE_OK);
    CHECK(sqlite3_busy_timeout(database, 5000) == SQLITE_OK);
    CHECK(sqlite3_prepare_v2(database, sql, -1, &statement, NULL) == SQLITE_OK);
    CHECK(sqlite3_step(statement) == SQLITE_ROW);
    number = sqlite3_column_int64(statement, 0);
    CHECK(sqlite3_finalize(statement) == SQLITE_OK);
    CHECK(sqlite3_close(database) == SQLITE_OK);
    return number;
}

size_t scene_count_events(struct scene *scene, const char *event, char text[1024])
{
    autofree struct registry_event *events = NULL;
    size_t count = 0;
    size_t found = 0;
    struct error error;

    CHECK_OK(registry_list_events(scene->registry, 0, 0, SIZE_MAX, &events, &count, &error),
             &error);
    for (size_t at = 0; at < count; at++) {
        if (strcmp(events[at].event, event) == 0) {
            found++;
            if (text != NULL) {
                (void)snprintf(text, 1024, "%s", events[at].message);
            }
        }
    }
    return found;
}

/* ---- short ways ---- */

void scene_add(struct scene *scene, uint32_t server_id, const char *group, bool is_required)
{
    struct applier_setting setting = {
        .server_id = server_id, .group = group, .is_required = is_required};
    struct error error;

    CHECK_OK(applier_registry_add(scene->appliers[SCENE_EAST], &setting, &error), &error);
}

void scene_register(struct scene *scene, uint32_t server_id)
{
    struct error error;

    CHECK_OK(applier_registry_register(scene->appliers[SCENE_EAST], server_id, &error), &error);
}

void scene_configure(struct scene *scene, const struct applier_setting *settings, size_t count)
{
    struct error error;

    CHECK_OK(applier_registry_configure(scene->appliers[SCENE_EAST], settings, count, &error),
             &error);
}

void scene_set_epoch(struct scene *scene, uint32_t server_id, uint64_t epoch)
{
    struct error error;

    CHECK_OK(applier_registry_set_epoch(scene->appliers[SCENE_EAST], server_id, epoch, &error),
             &error);
}

void scene_lose(struct scene *scene, uint32_t server_id)
{
    struct error error;

    CHECK_OK(applier_registry_lose(scene->appliers[SCENE_EAST], server_id, &error), &error);
}

void scene_report(struct scene *scene, uint32_t server_id, uint64_t epoch)
{
    struct error error;

    CHECK_OK(applier_registry_report(scene->appliers[SCENE_EAST], server_id, epoch, REPORT_POLL,
                                     &error),
             &error);
}

struct applier_facts scene_facts(struct scene *scene, uint32_t server_id)
{
    struct applier_facts *found = NULL;
    struct applier_facts facts;
    struct error error;

    CHECK_OK(applier_registry_find(scene->appliers[SCENE_EAST], server_id, &found, &error),
             &error);
    facts = *found;
    facts.applied_gtids = NULL;
    applier_facts_free(found, 1);
    return facts;
}

bool scene_hold(struct scene *scene, uint32_t server_id, struct log_hold *hold)
{
    autofree struct log_hold *holds = NULL;
    size_t count = applier_registry_holds(scene->appliers[SCENE_EAST], &holds);
    bool is_found = false;

    for (size_t at = 0; at < count; at++) {
        CHECK(at == 0 || binlog_position_compare(holds[at - 1].from, holds[at].from) <= 0);
        if (holds[at].server_id == server_id) {
            *hold = holds[at];
            is_found = true;
        }
    }
    return is_found;
}

bool scene_holds_from(struct scene *scene, uint32_t server_id, struct binlog_position from)
{
    struct log_hold hold;

    return scene_hold(scene, server_id, &hold) && hold.is_applier &&
           binlog_position_compare(hold.from, from) == 0;
}

bool scene_holds_nothing(struct scene *scene, uint32_t server_id)
{
    struct log_hold ignored;

    return !scene_hold(scene, server_id, &ignored);
}
