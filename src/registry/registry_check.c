/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/registry/registry_check.h"

#include <sqlite3.h>
#include <stddef.h>
#include <unistd.h>

#include "binrelay/base/memory.h"
#include "database.h"
#include "schema.h"

/* How long a look waits for a relay that has just the moment to itself. */
enum { BUSY_MSEC = 5000 };

/*
 * Without a write-ahead log nobody has the file open, and SQLite need not make
 * its files beside it; with one it must be read together with the log.
 */
static enum status open_to_look(struct sqlite3 **made,
                                const char *data_dir,
                                struct error *error)
{
    autofree char *path = mem_format("%s/control.db", data_dir);
    autofree char *log_path = mem_format("%s-wal", path);
    struct sqlite3 *database = NULL;
    struct sqlite3_str *uri = sqlite3_str_new(NULL);
    char *text = NULL;
    int code = SQLITE_OK;

    if (access(path, F_OK) != 0) {
        sqlite3_free(sqlite3_str_finish(uri));
        return error_set(error, STATUS_NOT_FOUND, "control.db is missing");
    }
    sqlite3_str_appendall(uri, "file:");
    for (const char *at = path; *at != '\0'; at++) {
        sqlite3_str_appendf(uri, *at == '%' || *at == '?' || *at == '#' ? "%%%02x" : "%c", *at);
    }
    sqlite3_str_appendall(uri, access(log_path, F_OK) == 0 ? "?mode=ro" : "?immutable=1");
    text = sqlite3_str_finish(uri);
    code = sqlite3_open_v2(text, &database, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL);
    sqlite3_free(text);
    if (code != SQLITE_OK) {
        (void)error_set(error, STATUS_SYSTEM, "open control.db: %s",
                        database == NULL ? "out of memory" : sqlite3_errmsg(database));
        database_close(database);
        return STATUS_SYSTEM;
    }
    (void)sqlite3_busy_timeout(database, BUSY_MSEC); /* cannot fail on an open database */
    *made = database;
    return STATUS_OK;
}

/* Pages, indexes, and that every value is as its column says. */
static enum status check_pages(struct sqlite3 *database, struct error *error)
{
    struct sqlite3_stmt *statement = NULL;
    enum status status =
        database_prepare(database, &statement, "PRAGMA integrity_check(1)", error);
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

/* That it is the registry's: its tables answer. */
static enum status check_tables(struct sqlite3 *database, struct error *error)
{
    struct sqlite3_stmt *statement = NULL;
    enum status status = database_prepare(
        database, &statement,
        "SELECT (SELECT count(first_visible_file) FROM cluster), (SELECT max(id) FROM event)",
        error);

    if (status == STATUS_OK) {
        status = database_step(database, statement, error);
        (void)sqlite3_finalize(statement); /* it answered, or the step said why not */
        return status;
    }
    /* A table or column that is not there is no failure of the system. */
    error->status = status == STATUS_SYSTEM ? STATUS_CORRUPT : status;
    return error->status;
}

enum status registry_check(const char *data_dir, struct error *error)
{
    struct sqlite3 *database = NULL;
    enum status status = open_to_look(&database, data_dir, error);

    if (status != STATUS_OK) {
        return status;
    }
    status = check_pages(database, error);
    if (status == STATUS_OK) {
        status = schema_check(database, error);
    }
    if (status == STATUS_OK) {
        status = check_tables(database, error);
    }
    database_close(database);
    return status;
}
