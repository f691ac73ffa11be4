/* SPDX-License-Identifier: Apache-2.0 */
#include "pin_rows.h"

#include <sqlite3.h>
#include <stdio.h>

#include "database.h"

static void read_row(struct sqlite3_stmt *statement, struct pin_facts *pin)
{
    *pin = (struct pin_facts){
        .epoch = {.incarnation = (uint32_t)database_number(statement, 2),
                  .epoch = database_number(statement, 3)},
        .from = {.file = database_number(statement, 4),
                 .offset = database_number(statement, 5)},
        .is_done = database_number(statement, 6) != 0,
        .is_expired = database_number(statement, 7) != 0,
        .created_usec = database_number(statement, 8),
        .expires_usec = database_number(statement, 9),
    };
    (void)snprintf(pin->name, sizeof(pin->name), "%s", database_text(statement, 0));
    (void)snprintf(pin->cluster, sizeof(pin->cluster), "%s", database_text(statement, 1));
}

enum status pin_rows_load(struct sqlite3 *database,
                          pin_loaded_fn take,
                          void *context,
                          struct error *error)
{
    static const char sql[] =
        "SELECT name, cluster, incarnation, epoch, from_file, from_offset,"
        " is_done, is_expired, created_usec, expires_usec FROM pin";
    struct sqlite3_stmt *statement = NULL;
    enum status status = database_prepare(database, &statement, sql, error);

    while (status == STATUS_OK) {
        struct pin_facts pin;

        status = database_step(database, statement, error);
        if (status == STATUS_OK) {
            read_row(statement, &pin);
            take(context, &pin);
        }
    }
    (void)sqlite3_finalize(statement); /* says again what the step said; NULL is fine */
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

enum status pin_rows_put(struct sqlite3 *database,
                         const struct pin_facts *pin,
                         struct error *error)
{
    static const char sql[] =
        "INSERT OR REPLACE INTO pin (name, cluster, incarnation, epoch, from_file, from_offset,"
        " is_done, is_expired, created_usec, expires_usec)"
        " VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)";
    struct sqlite3_stmt *statement = NULL;
    enum status status = database_prepare(database, &statement, sql, error);

    if (status != STATUS_OK) {
        return status;
    }
    database_bind_text(statement, 1, pin->name);
    database_bind_text(statement, 2, pin->cluster);
    database_bind_number(statement, 3, pin->epoch.incarnation);
    database_bind_number(statement, 4, pin->epoch.epoch);
    database_bind_number(statement, 5, pin->from.file);
    database_bind_number(statement, 6, pin->from.offset);
    database_bind_number(statement, 7, pin->is_done ? 1 : 0);
    database_bind_number(statement, 8, pin->is_expired ? 1 : 0);
    database_bind_number(statement, 9, pin->created_usec);
    database_bind_number(statement, 10, pin->expires_usec);
    return database_finish(database, statement, error);
}

enum status pin_rows_remove(struct sqlite3 *database, const char *name, struct error *error)
{
    struct sqlite3_stmt *statement = NULL;
    enum status status =
        database_prepare(database, &statement, "DELETE FROM pin WHERE name = ?1", error);

    if (status != STATUS_OK) {
        return status;
    }
    database_bind_text(statement, 1, name);
    return database_finish(database, statement, error);
}
