/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/registry/registry.h"

#include <sqlite3.h>
#include <stdio.h>

#include "applier_registry_internal.h"
#include "binrelay/base/log.h"
#include "binrelay/base/memory.h"
#include "heartbeat_rows.h"
#include "lease_table_internal.h"
#include "pin_table_internal.h"
#include "registry_internal.h"
#include "registry_saver.h"
#include "report_router_internal.h"
#include "schema.h"

enum status registry_open(struct registry **made,
                          const char *data_dir,
                          const struct clock *clock,
                          struct error *error)
{
    autofree char *path = mem_format("%s/control.db", data_dir);
    struct registry *registry = mem_zeroed(sizeof(*registry));
    enum status status = database_open(&registry->database, path, error);

    (void)pthread_mutex_init(&registry->lock, NULL); /* cannot fail for a default mutex */
    registry->clock = clock;
    registry_saver_prepare(registry);
    registry->router = report_router_new(registry);
    if (status == STATUS_OK) {
        status = schema_prepare(registry->database, error);
    }
    if (status == STATUS_OK) {
        status = worker_start(&registry->worker, "registry", error);
    }
    if (status == STATUS_OK) {
        status = heartbeat_table_open(&registry->heartbeats, registry->database,
                                      registry->worker, error);
    }
    if (status == STATUS_OK) {
        status = pin_table_open(&registry->pins, registry, error);
    }
    if (status != STATUS_OK) {
        registry_close(registry);
        return status;
    }
    *made = registry;
    return STATUS_OK;
}

void registry_close(struct registry *registry)
{
    if (registry == NULL) {
        return;
    }
    registry_saver_close(registry);
    lease_tables_stop(registry->leases);
    worker_stop(registry->worker);
    if (registry->pins != NULL) { /* it was open */
        registry_saver_save(registry);
    }
    lease_tables_close(registry->leases);
    for (size_t at = 0; at < registry->applier_count; at++) {
        applier_registry_close(registry->appliers[at]);
    }
    free(registry->appliers);
    report_router_free(registry->router);
    pin_table_close(registry->pins);
    heartbeat_table_close(registry->heartbeats);
    database_close(registry->database);
    (void)pthread_mutex_destroy(&registry->lock);
    free(registry);
}

/* Copies a text column, cut to the size of its field. */
static void copy_text(char *field, size_t size, struct sqlite3_stmt *statement, int column)
{
    const unsigned char *text = sqlite3_column_text(statement, column);

    (void)snprintf(field, size, "%s", text == NULL ? "" : (const char *)text);
}

static void read_cluster(struct sqlite3_stmt *statement, struct registry_cluster *found)
{
    struct source_facts *facts = &found->facts;

    *found = (struct registry_cluster){0};
    found->first_visible.file = (uint64_t)sqlite3_column_int64(statement, 0);
    found->first_visible.offset = (uint64_t)sqlite3_column_int64(statement, 1);
    found->upstream_shift = sqlite3_column_int64(statement, 2);
    copy_text(facts->server_version, sizeof(facts->server_version), statement, 3);
    copy_text(facts->server_uuid, sizeof(facts->server_uuid), statement, 4);
    facts->server_id = (uint32_t)sqlite3_column_int64(statement, 5);
    copy_text(facts->gtid_mode, sizeof(facts->gtid_mode), statement, 6);
    facts->is_mariadb = sqlite3_column_int(statement, 7) != 0;
    found->shift_from_file = (uint64_t)sqlite3_column_int64(statement, 8);
    found->previous_shift = sqlite3_column_int64(statement, 9);
    facts->server_id_bits = (uint8_t)sqlite3_column_int(statement, 10);
    found->identity = (uint32_t)sqlite3_column_int64(statement, 11);
}

enum status registry_load_cluster(struct registry *registry,
                                  const char *name,
                                  struct registry_cluster *found,
                                  struct error *error)
{
    static const char sql[] =
        "SELECT first_visible_file, first_visible_offset, upstream_shift, server_version,"
        " server_uuid, server_id, gtid_mode, is_mariadb, shift_from_file, previous_shift,"
        " server_id_bits, identity FROM cluster WHERE name = ?1";
    struct sqlite3_stmt *statement = NULL;
    enum status status = database_prepare(registry->database, &statement, sql, error);

    if (status != STATUS_OK) {
        return status;
    }
    (void)sqlite3_bind_text(statement, 1, name, -1,
                            SQLITE_STATIC); /* fails only for want of memory */
    status = database_step(registry->database, statement, error);
    if (status == STATUS_OK) {
        read_cluster(statement, found);
    } else if (status == STATUS_NOT_FOUND) {
        (void)error_set(error, STATUS_NOT_FOUND, "cluster %s is not in control.db", name);
    }
    (void)sqlite3_finalize(statement); /* the row is taken */
    return status;
}

/* A write on its way to the worker. */
struct cluster_write {
    struct message message;
    struct registry *registry;
    char *name; /* owned */
    struct registry_cluster cluster;
    struct registry_reply *reply; /* the poster's */
};

static enum status write_cluster(struct cluster_write *write, struct error *error)
{
    static const char sql[] =
        "INSERT OR REPLACE INTO cluster (name, first_visible_file, first_visible_offset,"
        " upstream_shift, server_version, server_uuid, server_id, gtid_mode, is_mariadb,"
        " shift_from_file, previous_shift, server_id_bits, identity)"
        " VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13)";
    const struct registry_cluster *cluster = &write->cluster;
    struct sqlite3 *database = write->registry->database;
    struct sqlite3_stmt *statement = NULL;
    enum status status = database_prepare(database, &statement, sql, error);

    if (status != STATUS_OK) {
        return status;
    }
    /* Binding fails only for want of memory, and then the step says so. */
    (void)sqlite3_bind_text(statement, 1, write->name, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(statement, 2, (sqlite3_int64)cluster->first_visible.file);
    (void)sqlite3_bind_int64(statement, 3, (sqlite3_int64)cluster->first_visible.offset);
    (void)sqlite3_bind_int64(statement, 4, cluster->upstream_shift);
    (void)sqlite3_bind_text(statement, 5, cluster->facts.server_version, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(statement, 6, cluster->facts.server_uuid, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(statement, 7, cluster->facts.server_id);
    (void)sqlite3_bind_text(statement, 8, cluster->facts.gtid_mode, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int(statement, 9, cluster->facts.is_mariadb ? 1 : 0);
    (void)sqlite3_bind_int64(statement, 10, (sqlite3_int64)cluster->shift_from_file);
    (void)sqlite3_bind_int64(statement, 11, cluster->previous_shift);
    (void)sqlite3_bind_int(statement, 12, cluster->facts.server_id_bits);
    (void)sqlite3_bind_int64(statement, 13, cluster->identity);
    return database_finish(database, statement, error);
}

static void on_cluster_write(struct message *message)
{
    struct cluster_write *write = (struct cluster_write *)message;
    struct registry_reply *reply = write->reply;
    struct error error = {0};
    enum status status = write_cluster(write, &error);

    if (status != STATUS_OK) {
        log_error("cluster %s: its state is not saved: %s", write->name, error.message);
    }
    if (reply != NULL) {
        reply->status = status;
        reply->error = error;
        reply->deliver(reply->where, &reply->message);
    }
    free(write->name);
    free(write);
}

void registry_save_cluster(struct registry *registry,
                           const char *name,
                           const struct registry_cluster *cluster,
                           struct registry_reply *reply)
{
    struct cluster_write *write = mem_zeroed(sizeof(*write));

    write->message.run = on_cluster_write;
    write->registry = registry;
    write->name = mem_text(name);
    write->cluster = *cluster;
    write->reply = reply;
    worker_post(registry->worker, &write->message);
}

struct heartbeat_table *registry_heartbeats(struct registry *registry)
{
    return registry->heartbeats;
}

struct pin_table *registry_pins(struct registry *registry)
{
    return registry->pins;
}

struct report_router *registry_reports(struct registry *registry)
{
    return registry->router;
}

size_t registry_list_appliers(struct registry *registry, struct applier_registry ***appliers)
{
    size_t count = 0;

    pthread_mutex_lock(&registry->lock);
    count = registry->applier_count;
    *appliers = mem_raw((count + 1) * sizeof(struct applier_registry *));
    for (size_t at = 0; at < count; at++) {
        (*appliers)[at] = registry->appliers[at];
    }
    pthread_mutex_unlock(&registry->lock);
    return count;
}

enum status registry_open_appliers(struct registry *registry,
                                   const struct registry_applied *cluster,
                                   struct applier_registry **made,
                                   struct error *error)
{
    struct applier_registry *appliers = NULL;
    enum status status = applier_registry_open(&appliers, registry, cluster, error);

    if (status != STATUS_OK) {
        return status;
    }
    pthread_mutex_lock(&registry->lock);
    if (registry->applier_count == registry->applier_capacity) {
        registry->appliers = mem_grow(registry->appliers, &registry->applier_capacity,
                                      sizeof(struct applier_registry *));
    }
    registry->appliers[registry->applier_count++] = appliers;
    pthread_mutex_unlock(&registry->lock);
    *made = appliers;
    return STATUS_OK;
}
