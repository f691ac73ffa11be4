/* SPDX-License-Identifier: Apache-2.0 */
#include "applier_changes.h"

#include <inttypes.h>

#include "applier_rows.h"
#include "binrelay/base/log.h"
#include "binrelay/base/memory.h"
#include "heartbeat_rows.h"

void applier_changes_add(struct applier_changes *changes, struct applier_change change)
{
    if (changes->count == changes->capacity) {
        changes->changes =
            mem_grow(changes->changes, &changes->capacity, sizeof(*changes->changes));
    }
    changes->changes[changes->count++] = change;
}

static void make(struct applier *applier,
                 const struct applier_change *change,
                 struct applier_time now)
{
    switch (change->kind) {
    case CHANGE_SETTING:
        applier_take_setting(applier, change->setting, change->origin, now);
        if (change->drops_report) {
            applier_drop_report(applier);
        }
        break;
    case CHANGE_UNLIST:
        applier->facts.origin = APPLIER_ADDED;
        break;
    case CHANGE_REGISTER:
        applier_take_sign(applier, now);
        break;
    case CHANGE_EPOCH:
        applier_set_epoch(applier, change->key, now);
        break;
    case CHANGE_LOSE:
        applier_lose(applier);
        break;
    case CHANGE_FORGET:
        break;
    }
}

/* The copy that a change was made to. */
static struct applier draft_of(struct applier_registry *appliers,
                               struct applier_change *change,
                               struct applier_time now)
{
    const struct applier *found = NULL;
    struct applier draft;

    pthread_mutex_lock(&appliers->lock);
    found = applier_table_find(&appliers->table, change->server_id);
    change->is_new = found == NULL;
    draft = found == NULL ? applier_new(change->server_id, change->origin, now)
                          : applier_copy(found);
    pthread_mutex_unlock(&appliers->lock);
    make(&draft, change, now);
    return draft;
}

static enum status write_changes(struct applier_changes *changes,
                                 struct applier_time now,
                                 struct error *error)
{
    struct applier_registry *appliers = changes->appliers;
    struct sqlite3 *database = appliers->registry->database;
    enum status status = database_begin(database, error);

    if (status != STATUS_OK) {
        return status;
    }
    for (size_t at = 0; status == STATUS_OK && at < changes->count; at++) {
        struct applier_change *change = &changes->changes[at];
        struct applier draft = draft_of(appliers, change, now);

        status =
            change->kind == CHANGE_FORGET
                ? applier_rows_remove(database, appliers->cluster, change->server_id, error)
                : applier_rows_put(database, appliers->cluster, &draft, error);
        applier_release(&draft);
    }
    return database_end(database, status, error);
}

static void apply_changes(struct applier_changes *changes, struct applier_time now)
{
    struct applier_table *table = &changes->appliers->table;

    pthread_mutex_lock(&changes->appliers->lock);
    for (size_t at = 0; at < changes->count; at++) {
        const struct applier_change *change = &changes->changes[at];
        struct applier *applier = applier_table_find(table, change->server_id);

        if (change->kind == CHANGE_FORGET) {
            applier_table_remove(table, change->server_id);
            continue;
        }
        if (applier == NULL) {
            struct applier made = applier_new(change->server_id, change->origin, now);

            applier = applier_table_insert(table, &made);
        }
        make(applier, change, now);
    }
    pthread_mutex_unlock(&changes->appliers->lock);
}

void applier_changes_add_rows(struct applier_registry *appliers,
                              const uint32_t *server_ids,
                              size_t count)
{
    struct applier_time now = applier_registry_now(appliers);
    struct error error;

    /* By the source's clock, as all times of that table. */
    uint64_t source_usec =
        now.wall_usec + (uint64_t)cluster_board_clock_offset(appliers->board);

    if (heartbeat_table_add_missing(appliers->registry->heartbeats, server_ids, count,
                                    source_usec, &error) != STATUS_OK) {
        log_error("cluster %s: appliers without a heartbeat row: %s", appliers->cluster,
                  error.message);
    }
}

void applier_changes_remove_row(struct applier_registry *appliers, uint32_t server_id)
{
    autofree struct applier_registry **all = NULL;
    size_t count = registry_list_appliers(appliers->registry, &all);
    struct error error;

    for (size_t at = 0; at < count; at++) {
        if (applier_registry_knows(all[at], server_id)) {
            return;
        }
    }
    if (heartbeat_table_remove(appliers->registry->heartbeats, server_id, &error) !=
        STATUS_OK) {
        log_error("cluster %s: the heartbeat row of applier %" PRIu32 " stays: %s",
                  appliers->cluster, server_id, error.message);
    }
}

static enum status check_room(const struct applier_changes *changes, struct error *error)
{
    const struct applier_table *table = &changes->appliers->table;
    size_t added = 0;
    size_t removed = 0;

    for (size_t at = 0; at < changes->count; at++) {
        bool is_there = applier_table_find(table, changes->changes[at].server_id) != NULL;

        if (changes->changes[at].kind == CHANGE_FORGET) {
            removed += is_there ? 1 : 0;
        } else {
            added += is_there ? 0 : 1;
        }
    }
    if (added > 0 && table->count + added - removed > APPLIER_MOST) {
        return error_set(error, STATUS_FULL,
                         "cluster %s knows %zu appliers, %d are the most: forget some of them",
                         changes->appliers->cluster, table->count, APPLIER_MOST);
    }
    return STATUS_OK;
}

enum status applier_changes_commit(struct applier_changes *changes, struct error *error)
{
    struct applier_time now = applier_registry_now(changes->appliers);
    enum status status = STATUS_OK;

    if (changes->count == 0) {
        return STATUS_OK;
    }
    status = check_room(changes, error);
    if (status != STATUS_OK) {
        return status;
    }
    status = write_changes(changes, now, error);
    if (status != STATUS_OK) {
        log_error("cluster %s: appliers are not saved: %s", changes->appliers->cluster,
                  error->message);
        return status;
    }
    apply_changes(changes, now);
    return STATUS_OK;
}
