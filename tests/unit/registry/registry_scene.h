/* SPDX-License-Identifier: Apache-2.0 */
/* A registry over real stores, with a clock that stands still until it is moved. */
#pragma once

#include "binlog_maker.h"
#include "binrelay/registry/registry.h"
#include "binrelay/storage/binlog_store.h"
#include "epoch_maker.h"

/* A cluster's log, filled by the test. */
struct scene_log {
    char *root; /* owned: a temporary directory */
    struct binlog_store *store;
    struct cluster_board *board;
    struct binlog_maker maker;
    uint64_t file; /* the newest; 0: none */
    size_t stored; /* of the maker's file */
};

/* Recovered and empty; its markers are of the server. */
void scene_log_open(struct scene_log *log, enum epoch_kind kind, uint32_t server_id);
void scene_log_close(struct scene_log *log);

/* Begins the next file. Called before anything is added. */
void scene_log_file(struct scene_log *log);

/* Adds an epoch, with a row for each thousand if it is to be large, and publishes it; returns
 * where it ends. */
struct binlog_position scene_log_epoch(struct scene_log *log, uint64_t epoch);

/* A LOST_EVENTS incident. */
void scene_log_gap(struct scene_log *log);

/* A transaction with the GTID of a source, as binlog_maker.h has them. */
void scene_log_gtid(struct scene_log *log, uint8_t source, uint64_t number);
void scene_log_mariadb(struct scene_log *log, struct mariadb_gtid gtid);

/* Removes the files before one. */
void scene_log_purge(struct scene_log *log, uint64_t before);

enum { SCENE_CLUSTERS = 2, SCENE_EAST = 0, SCENE_WEST = 1 };

/* Cluster "east" of server_id 199, its source's 101, and "west" of 299 and 102. */
struct scene {
    char *directory; /* owned: of control.db */
    struct clock clock;
    _Atomic uint64_t wall_usec; /* asked for on the registry's thread too */
    _Atomic uint64_t monotonic_usec;
    bool shares_groups;
    struct scene_log logs[SCENE_CLUSTERS];
    struct registry *registry;
    struct applier_registry *appliers[SCENE_CLUSTERS];
};

/* Never moved: its clock refers to it. Epochs are NDB's; for other logs close and open them
 * before scene_start(). */
void scene_prepare(struct scene *scene);
void scene_start(struct scene *scene);
void scene_stop(struct scene *scene);
void scene_release(struct scene *scene);

/* Prepares and starts one; east has the epochs 10, 20, ... 60, two in each of three files. */
void scene_open(struct scene *scene);
void scene_close(struct scene *scene);

/* As after the end of the process: what waits to be saved is saved. */
void scene_restart(struct scene *scene);

/* Moves both clocks. */
void scene_pass(struct scene *scene, uint64_t sec);

/* Runs statements in control.db, as a person could. */
void scene_sql(struct scene *scene, const char *sql);

/* What a query of one number says; behind all that was asked to be saved before, if it need not
 * wait for the pace. */
long long scene_number(struct scene *scene, const char *sql);

/* How many events of a name there are; the text of the last in `text`, if that is not NULL. */
size_t scene_count_events(struct scene *scene, const char *event, char text[1024]);

/* ---- short ways to the appliers of east; where a call fails, so does the test ---- */

void scene_add(struct scene *scene, uint32_t server_id, const char *group, bool is_required);
void scene_configure(struct scene *scene, const struct applier_setting *settings, size_t count);
void scene_register(struct scene *scene, uint32_t server_id);
void scene_set_epoch(struct scene *scene, uint32_t server_id, uint64_t epoch);
void scene_lose(struct scene *scene, uint32_t server_id);
void scene_report(struct scene *scene, uint32_t server_id, uint64_t epoch);

/* Of east; its gtids are not kept. */
struct applier_facts scene_facts(struct scene *scene, uint32_t server_id);

/* Finds the hold of an applier of east. False: it holds nothing. */
bool scene_hold(struct scene *scene, uint32_t server_id, struct log_hold *hold);

/* True if the applier of east holds from exactly there. */
bool scene_holds_from(struct scene *scene, uint32_t server_id, struct binlog_position from);
bool scene_holds_nothing(struct scene *scene, uint32_t server_id);
