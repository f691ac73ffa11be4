/* SPDX-License-Identifier: Apache-2.0 */
#include "database.h"

#include <sqlite3.h>
#include <stddef.h>

/* How long a write waits for an administrator's sqlite3 that looks into the file. */
enum { BUSY_MSEC = 5000 };

static enum status fail(struct sqlite3 *database, const char *doing, struct error *error)
{
    int code = sqlite3_errcode(database);
    enum status status = code == SQLITE_FULL                               ? STATUS_FULL
                         : code == SQLITE_NOTADB || code == SQLITE_CORRUPT ? STATUS_CORRUPT
                                                                           : STATUS_SYSTEM;

    return error_set(error, status, "control.db: %s: %s", doing, sqlite3_errmsg(database));
}

enum status database_run(struct sqlite3 *database, const char *sql, struct error *error)
{
    if (sqlite3_exec(database, sql, NULL, NULL, NULL) != SQLITE_OK) {
        return fail(database, sql, error);
    }
    return STATUS_OK;
}

enum status database_prepare(struct sqlite3 *database,
                             struct sqlite3_stmt **made,
                             const char *sql,
                             struct error *error)
{
    if (sqlite3_prepare_v2(database, sql, -1, made, NULL) != SQLITE_OK) {
        return fail(database, "prepare", error);
    }
    return STATUS_OK;
}

enum status database_step(struct sqlite3 *database,
                          struct sqlite3_stmt *statement,
                          struct error *error)
{
    int code = sqlite3_step(statement);

    if (code == SQLITE_ROW) {
        return STATUS_OK;
    }
    if (code == SQLITE_DONE) {
        return STATUS_NOT_FOUND;
    }
    return fail(database, sqlite3_sql(statement), error);
}

enum status database_finish(struct sqlite3 *database,
                            struct sqlite3_stmt *statement,
                            struct error *error)
{
    enum status status = database_step(database, statement, error);

    (void)sqlite3_finalize(statement); /* says again what the step said */
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

enum status database_begin(struct sqlite3 *database, struct error *error)
{
    return database_run(database, "BEGIN IMMEDIATE", error);
}

enum status database_end(struct sqlite3 *database, enum status status, struct error *error)
{
    struct error ignored; /* the first failure is what matters */

    if (status == STATUS_OK) {
        status = database_run(database, "COMMIT", error);
    }
    if (status != STATUS_OK) {
        (void)!database_run(database, "ROLLBACK", &ignored);
    }
    return status;
}

void database_bind_number(struct sqlite3_stmt *statement, int place, uint64_t number)
{
    (void)sqlite3_bind_int64(statement, place, (sqlite3_int64)number);
}

void database_bind_text(struct sqlite3_stmt *statement, int place, const char *text)
{
    (void)sqlite3_bind_text(statement, place, text, -1, SQLITE_STATIC);
}

uint64_t database_number(struct sqlite3_stmt *statement, int column)
{
    return (uint64_t)sqlite3_column_int64(statement, column);
}

const char *database_text(struct sqlite3_stmt *statement, int column)
{
    const unsigned char *text = sqlite3_column_text(statement, column);

    return text == NULL ? "" : (const char *)text;
}

/* A damaged file is noticed now and not in the middle of something. */
static enum status check_soundness(struct sqlite3 *database, struct error *error)
{
    struct sqlite3_stmt *statement = NULL;
    enum status status = database_prepare(database, &statement, "PRAGMA quick_check(1)", error);
    const char *verdict = NULL;

    if (status != STATUS_OK) {
        return status;
    }
    status = database_step(database, statement, error);
    if (status == STATUS_OK) {
        verdict = (const char *)sqlite3_column_text(statement, 0);
        if (verdict == NULL || sqlite3_stricmp(verdict, "ok") != 0) {
            status = error_set(error, STATUS_CORRUPT, "control.db is damaged: %s",
                               verdict == NULL ? "no verdict" : verdict);
        }
    }
    (void)sqlite3_finalize(statement); /* the verdict is taken */
    return status;
}

enum status database_open(struct sqlite3 **made, const char *path, struct error *error)
{
    struct sqlite3 *database = NULL;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX;
    int code = sqlite3_open_v2(path, &database, flags, NULL);
    enum status status = STATUS_OK;

    if (code != SQLITE_OK) {
        status = error_set(error, STATUS_SYSTEM, "open %s: %s", path,
                           database == NULL ? "out of memory" : sqlite3_errmsg(database));
    }
    if (status == STATUS_OK) {
        (void)sqlite3_busy_timeout(database, BUSY_MSEC); /* cannot fail on an open database */
        status =
            database_run(database, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL", error);
    }
    if (status == STATUS_OK) {
        status = check_soundness(database, error);
    }
    if (status != STATUS_OK) {
        database_close(database);
        return status;
    }
    *made = database;
    return STATUS_OK;
}

void database_close(struct sqlite3 *database)
{
    (void)sqlite3_close(database); /* every statement was finalized: it cannot be busy */
}
