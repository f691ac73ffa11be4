/* SPDX-License-Identifier: Apache-2.0 */
#include "applier_rows.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "binrelay/base/memory.h"
#include "database.h"

static bool read_origin(const char *word, enum applier_origin *origin)
{
    for (int at = 0; at < APPLIER_ORIGIN_COUNT; at++) {
        if (strcmp(word, applier_origin_name((enum applier_origin)at)) == 0) {
            *origin = (enum applier_origin)at;
            return true;
        }
    }
    return false;
}

static bool read_way(const char *word, enum report_way *way)
{
    for (int at = 0; at < REPORT_WAY_COUNT; at++) {
        if (strcmp(word, report_way_name((enum report_way)at)) == 0) {
            *way = (enum report_way)at;
            return true;
        }
    }
    return false;
}

static enum status read_row(struct sqlite3_stmt *statement,
                            struct applier *applier,
                            struct error *error)
{
    struct applier_facts *facts = &applier->facts;
    uint64_t server_id = database_number(statement, 0);

    *applier = (struct applier){0};
    if (server_id == 0 || server_id > UINT32_MAX ||
        !read_origin(database_text(statement, 2), &facts->origin) ||
        !read_way(database_text(statement, 13), &facts->way)) {
        return error_set(error, STATUS_CORRUPT,
                         "control.db: applier %llu is none that this version wrote",
                         (unsigned long long)server_id);
    }
    facts->server_id = (uint32_t)server_id;
    (void)snprintf(facts->group, sizeof(facts->group), "%s", database_text(statement, 1));
    facts->is_required = database_number(statement, 3) != 0;
    facts->expire_after_usec = database_number(statement, 4);
    facts->is_lost = database_number(statement, 5) != 0;
    applier->is_expired = database_number(statement, 6) != 0;
    facts->applied.incarnation = (uint32_t)database_number(statement, 7);
    facts->applied.epoch = database_number(statement, 8);
    if (sqlite3_column_type(statement, 16) != SQLITE_NULL) {
        facts->applied_gtids = mem_text(database_text(statement, 16));
    }
    facts->sent.file = database_number(statement, 9);
    facts->sent.offset = database_number(statement, 10);
    applier->regained.file = database_number(statement, 11);
    applier->regained.offset = database_number(statement, 12);
    facts->reported_usec = database_number(statement, 14);
    facts->seen_usec = database_number(statement, 15);
    applier->alive_usec = facts->reported_usec;
    return STATUS_OK;
}

enum status applier_rows_load(struct sqlite3 *database,
                              const char *cluster,
                              struct applier_table *table,
                              struct error *error)
{
    static const char sql[] =
        "SELECT server_id, member_of, origin, is_required, expire_after_usec, is_lost,"
        " is_expired, incarnation, epoch, sent_file, sent_offset, regained_file,"
        " regained_offset, way, reported_usec, seen_usec, gtids"
        " FROM applier WHERE cluster = ?1 ORDER BY server_id";
    struct sqlite3_stmt *statement = NULL;
    enum status status = database_prepare(database, &statement, sql, error);

    if (status == STATUS_OK) {
        database_bind_text(statement, 1, cluster);
    }
    while (status == STATUS_OK) {
        struct applier applier;

        status = database_step(database, statement, error);
        if (status == STATUS_OK) {
            status = read_row(statement, &applier, error);
        }
        if (status == STATUS_OK) {
            (void)applier_table_insert(table, &applier);
        }
    }
    (void)sqlite3_finalize(statement); /* says again what the step said; NULL is fine */
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

enum status applier_rows_put(struct sqlite3 *database,
                             const char *cluster,
                             const struct applier *applier,
                             struct error *error)
{
    static const char sql[] =
        "INSERT OR REPLACE INTO applier (cluster, server_id, member_of, origin, is_required,"
        " expire_after_usec, is_lost, is_expired, incarnation, epoch, sent_file, sent_offset,"
        " regained_file, regained_offset, way, reported_usec, seen_usec, gtids)"
        " VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18)";
    const struct applier_facts *facts = &applier->facts;
    struct sqlite3_stmt *statement = NULL;
    enum status status = database_prepare(database, &statement, sql, error);

    if (status != STATUS_OK) {
        return status;
    }
    database_bind_text(statement, 1, cluster);
    database_bind_number(statement, 2, facts->server_id);
    database_bind_text(statement, 3, facts->group);
    database_bind_text(statement, 4, applier_origin_name(facts->origin));
    database_bind_number(statement, 5, facts->is_required ? 1 : 0);
    database_bind_number(statement, 6, facts->expire_after_usec);
    database_bind_number(statement, 7, facts->is_lost ? 1 : 0);
    database_bind_number(statement, 8, applier->is_expired ? 1 : 0);
    database_bind_number(statement, 9, facts->applied.incarnation);
    database_bind_number(statement, 10, facts->applied.epoch);
    database_bind_number(statement, 11, facts->sent.file);
    database_bind_number(statement, 12, facts->sent.offset);
    database_bind_number(statement, 13, applier->regained.file);
    database_bind_number(statement, 14, applier->regained.offset);
    database_bind_text(statement, 15, report_way_name(facts->way));
    database_bind_number(statement, 16, facts->reported_usec);
    database_bind_number(statement, 17, facts->seen_usec);
    database_bind_text(statement, 18, facts->applied_gtids);
    return database_finish(database, statement, error);
}

enum status applier_rows_remove(struct sqlite3 *database,
                                const char *cluster,
                                uint32_t server_id,
                                struct error *error)
{
    static const char sql[] = "DELETE FROM applier WHERE cluster = ?1 AND server_id = ?2";
    struct sqlite3_stmt *statement = NULL;
    enum status status = database_prepare(database, &statement, sql, error);

    if (status != STATUS_OK) {
        return status;
    }
    database_bind_text(statement, 1, cluster);
    database_bind_number(statement, 2, server_id);
    return database_finish(database, statement, error);
}
