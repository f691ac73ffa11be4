/* SPDX-License-Identifier: Apache-2.0 */
#include "lease_rows.h"

#include <inttypes.h>
#include <sqlite3.h>

#include "database.h"

/* ---- loading ---- */

static void read_lease(struct sqlite3_stmt *row, struct lease_desk *desk)
{
    struct lease_record record = {
        .number = database_number(row, 1),
        .holder = (uint32_t)database_number(row, 2),
        .applied = {(uint32_t)database_number(row, 3), database_number(row, 4)},
        .start_epoch = {(uint32_t)database_number(row, 5), database_number(row, 6)},
        .start = {database_number(row, 7), database_number(row, 8)},
        .base = {database_number(row, 9), database_number(row, 10)},
        .granted_usec = database_number(row, 11),
    };

    lease_desk_load(desk, database_text(row, 0), &record);
}

static void read_fence(struct sqlite3_stmt *row, struct lease_desk *desk)
{
    struct lease_fence fence = {.server_id = (uint32_t)database_number(row, 1),
                                .is_lifted = database_number(row, 2) != 0,
                                .place = {database_number(row, 3), database_number(row, 4)}};

    lease_desk_load_fence(desk, database_text(row, 0), fence);
}

static enum status each_row(struct sqlite3 *database,
                            const char *sql,
                            const char *cluster,
                            struct lease_desk *desk,
                            void (*take)(struct sqlite3_stmt *row, struct lease_desk *desk),
                            struct error *error)
{
    struct sqlite3_stmt *statement = NULL;
    enum status status = database_prepare(database, &statement, sql, error);

    if (status != STATUS_OK) {
        return status;
    }
    database_bind_text(statement, 1, cluster);
    while ((status = database_step(database, statement, error)) == STATUS_OK) {
        take(statement, desk);
    }
    (void)sqlite3_finalize(statement); /* says again what the step said */
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

enum status lease_rows_load(struct sqlite3 *database,
                            const char *cluster,
                            struct lease_desk *desk,
                            struct error *error)
{
    enum status status = each_row(
        database,
        "SELECT member_of, number, holder, incarnation, epoch, start_incarnation, start_epoch,"
        " start_file, start_offset, base_file, base_offset, granted_usec"
        " FROM lease WHERE cluster = ?1",
        cluster, desk, read_lease, error);

    if (status == STATUS_OK) {
        status = each_row(database,
                          "SELECT member_of, server_id, is_lifted, place_file, place_offset "
                          "FROM lease_fence"
                          " WHERE cluster = ?1",
                          cluster, desk, read_fence, error);
    }
    return status;
}

/* ---- saving ---- */

static enum status write_record(struct sqlite3 *database,
                                const char *cluster,
                                const struct lease_write *write,
                                struct error *error)
{
    /* Only over the record that was decided from. */
    static const char sql[] =
        "INSERT INTO lease (cluster, member_of, number, holder, incarnation, epoch,"
        " start_incarnation, start_epoch, start_file, start_offset, base_file, base_offset,"
        " granted_usec) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13)"
        " ON CONFLICT (cluster, member_of) DO UPDATE SET number = ?3, holder = ?4,"
        " incarnation = ?5, epoch = ?6, start_incarnation = ?7, start_epoch = ?8,"
        " start_file = ?9, start_offset = ?10, base_file = ?11, base_offset = ?12,"
        " granted_usec = ?13 WHERE number = ?14";
    const struct lease_record *record = write->record;
    const uint64_t numbers[] = {
        record->number,
        record->holder,
        record->applied.incarnation,
        record->applied.epoch,
        record->start_epoch.incarnation,
        record->start_epoch.epoch,
        record->start.file,
        record->start.offset,
        record->base.file,
        record->base.offset,
        record->granted_usec,
        write->previous_number,
    };
    struct sqlite3_stmt *statement = NULL;
    enum status status = database_prepare(database, &statement, sql, error);

    if (status != STATUS_OK) {
        return status;
    }
    database_bind_text(statement, 1, cluster);
    database_bind_text(statement, 2, write->group);
    for (int at = 0; at < (int)(sizeof(numbers) / sizeof(numbers[0])); at++) {
        database_bind_number(statement, at + 3, numbers[at]);
    }
    status = database_finish(database, statement, error);
    if (status == STATUS_OK && sqlite3_changes(database) != 1) {
        status = error_set(error, STATUS_CORRUPT,
                           "the lease of group %s in control.db is not grant %" PRIu64
                           ": somebody else has written it",
                           write->group, write->previous_number);
    }
    return status;
}

static enum status write_fence(struct sqlite3 *database,
                               const char *cluster,
                               const struct lease_write *write,
                               struct error *error)
{
    const char *sql =
        write->change == LEASE_FENCE_CLEARED
            ? "DELETE FROM lease_fence WHERE cluster = ?1 AND member_of = ?2"
              " AND server_id = ?3"
            : "INSERT OR REPLACE INTO lease_fence"
              " (cluster, member_of, server_id, is_lifted, place_file, place_offset)"
              " VALUES (?1,?2,?3,?4,?5,?6)";
    struct sqlite3_stmt *statement = NULL;
    enum status status = database_prepare(database, &statement, sql, error);

    if (status != STATUS_OK) {
        return status;
    }
    database_bind_text(statement, 1, cluster);
    database_bind_text(statement, 2, write->group);
    database_bind_number(statement, 3, write->fence->server_id);
    if (write->change != LEASE_FENCE_CLEARED) {
        database_bind_number(statement, 4, write->fence->is_lifted ? 1 : 0);
        database_bind_number(statement, 5, write->fence->place.file);
        database_bind_number(statement, 6, write->fence->place.offset);
    }
    return database_finish(database, statement, error);
}

enum status lease_rows_save(struct sqlite3 *database,
                            const char *cluster,
                            const struct lease_write *write,
                            struct error *error)
{
    enum status status = database_begin(database, error);

    if (status != STATUS_OK) {
        return status;
    }
    status = write_record(database, cluster, write, error);
    if (status == STATUS_OK && write->change != LEASE_FENCE_UNCHANGED) {
        status = write_fence(database, cluster, write, error);
    }
    return database_end(database, status, error);
}
