/* SPDX-License-Identifier: Apache-2.0 */
/* The list of tables, and the virtual table that shows gathered rows. */
#include "sql_tables.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "binrelay/base/memory.h"
#include "sql_engine.h"
#include "sql_errors.h"

struct virtual_table {
    sqlite3_vtab base; /* first: is turned back into the table */
    const struct sql_table_use *use;
};

struct rows_cursor {
    sqlite3_vtab_cursor base; /* first */
    struct sql_rows rows;     /* owned */
    size_t at;                /* row */
};

/* ---- rows ---- */

void sql_rows_add(struct sql_rows *rows, struct sql_value value)
{
    if (rows->count == rows->capacity) {
        rows->values = mem_grow(rows->values, &rows->capacity, sizeof(*rows->values));
    }
    rows->values[rows->count++] = value;
}

void sql_rows_add_text(struct sql_rows *rows, const char *text)
{
    sql_rows_add(rows, sql_text_copy(&rows->memory, text));
}

void sql_rows_add_number(struct sql_rows *rows, uint64_t number)
{
    sql_rows_add(rows, sql_number(&rows->memory, number));
}

void sql_rows_add_time(struct sql_rows *rows, uint64_t usec)
{
    time_t seconds = (time_t)(usec / 1000000);
    struct tm parts;
    char text[32] = "";

    if (usec == 0 || gmtime_r(&seconds, &parts) == NULL) {
        sql_rows_add(rows, sql_null());
        return;
    }
    (void)strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &parts);
    sql_rows_add_text(rows, text);
}

void sql_rows_release(struct sql_rows *rows)
{
    free(rows->values);
    sql_memory_release(&rows->memory);
    *rows = (struct sql_rows){0};
}

const struct served_cluster *sql_rows_next_cluster(const struct sql_rows *rows, size_t *at)
{
    const struct sql_session *session = rows->session;
    bool sees_all = (session->rights & RIGHT_ADMIN) != 0 && session->world != NULL;

    if (!sees_all) {
        return (*at)++ == 0 ? session->cluster : NULL;
    }
    while (*at < session->world->cluster_count) {
        const struct served_cluster *cluster = &session->world->clusters[(*at)++];

        if (sql_session_has_cluster(session, cluster)) {
            return cluster;
        }
    }
    return NULL;
}

/* ---- names ---- */

/* Splits "heartbeat.heartbeat" at its point; false if there is no heartbeat table. */
static bool heartbeat_names(const struct sql_session *session,
                            struct bytes *database,
                            struct bytes *name)
{
    const char *both = session->world == NULL || session->world->heartbeats == NULL
                           ? NULL
                           : session->world->heartbeat_name;
    const char *point = both == NULL ? NULL : strchr(both, '.');

    if (point == NULL) {
        return false;
    }
    *database = (struct bytes){.data = (const uint8_t *)both, .size = (size_t)(point - both)};
    *name = bytes_of_text(point + 1);
    return true;
}

static bool is_heartbeat(const struct sql_table *table)
{
    return strcmp(table->module, "heartbeat") == 0;
}

void sql_table_names(const struct sql_session *session,
                     const struct sql_table *table,
                     struct bytes *database,
                     struct bytes *name)
{
    if (!is_heartbeat(table) || !heartbeat_names(session, database, name)) {
        *database = bytes_of_text(table->database);
        *name = bytes_of_text(table->name);
    }
}

static bool is_same(struct bytes left, struct bytes right)
{
    return left.size == right.size &&
           (left.size == 0 || sqlite3_strnicmp((const char *)left.data,
                                               (const char *)right.data, (int)left.size) == 0);
}

const struct sql_table *sql_table_find(const struct sql_session *session,
                                       struct bytes database,
                                       struct bytes name)
{
    for (size_t at = 0; at < sql_table_count; at++) {
        const struct sql_table *table = &sql_tables[at];
        struct bytes its_database;
        struct bytes its_name;

        if (is_heartbeat(table) && !heartbeat_names(session, &its_database, &its_name)) {
            continue;
        }
        sql_table_names(session, table, &its_database, &its_name);
        if (is_same(database, its_database) && is_same(name, its_name)) {
            return table;
        }
    }
    return NULL;
}

bool sql_database_is_known(const struct sql_session *session, struct bytes name)
{
    struct bytes database;
    struct bytes table;

    for (size_t at = 0; at < sql_database_count; at++) {
        if (bytes_equal_text(name, sql_databases[at])) {
            return true;
        }
    }
    return heartbeat_names(session, &database, &table) && is_same(name, database);
}

struct result_column sql_column_of_type(const char *type)
{
    struct result_column column = {.type = RESULT_VAR_STRING};

    if (type == NULL) {
        return column;
    }
    if (strncmp(type, "INT", 3) == 0) {
        column.type = RESULT_LONG;
    } else if (strncmp(type, "BIGINT", 6) == 0) {
        column.type = RESULT_LONGLONG;
    } else if (strcmp(type, "TIMESTAMP") == 0) {
        column.type = RESULT_TIMESTAMP;
    } else if (strcmp(type, "DATETIME") == 0) {
        column.type = RESULT_DATETIME;
    }
    column.is_unsigned = strstr(type, "UNSIGNED") != NULL;
    return column;
}

static enum sql_kind kind_of(const char *type)
{
    switch (sql_column_of_type(type).type) {
    case RESULT_LONG:
    case RESULT_LONGLONG:
        return SQL_INTEGER;
    case RESULT_TIMESTAMP:
    case RESULT_DATETIME:
        return SQL_DATETIME;
    case RESULT_DOUBLE:
    case RESULT_NEW_DECIMAL:
    case RESULT_VAR_STRING:
    default:
        return SQL_TEXT;
    }
}

/* Columns of the same name have the same kind in all tables. */
enum sql_kind sql_column_kind(struct bytes name, bool *is_unsigned)
{
    for (size_t at = 0; at < sql_table_count; at++) {
        for (size_t column = 0; column < sql_tables[at].column_count; column++) {
            const struct sql_table_column *found = &sql_tables[at].columns[column];

            if (bytes_equal_text(name, found->name)) {
                *is_unsigned = sql_column_of_type(found->type).is_unsigned;
                return kind_of(found->type);
            }
        }
    }
    return SQL_NULL;
}

/* CREATE TABLE as sqlite3_declare_vtab() wants it. The caller frees it. */
static char *declare(const struct sql_table *table)
{
    /* MIN(epoch) is looked up only where no epoch can be NULL. */
    const char *constraint = table->fill == NULL ? " NOT NULL" : "";
    struct buffer text = {0};

    buffer_add_text(&text, "CREATE TABLE x(");
    for (size_t at = 0; at < table->column_count; at++) {
        buffer_add_format(&text, "%s\"%s\" %s COLLATE NOCASE%s", at == 0 ? "" : ",",
                          table->columns[at].name, table->columns[at].type, constraint);
    }
    buffer_add_text_zero(&text, ")");
    return (char *)text.data;
}

/* ---- the virtual table ---- */

int sql_table_connect(sqlite3 *database,
                      void *context,
                      int count,
                      const char *const *arguments,
                      sqlite3_vtab **made,
                      char **message)
{
    const struct sql_table_use *use = context;
    autofree char *declaration = declare(use->table);
    int code = sqlite3_declare_vtab(database, declaration);
    struct virtual_table *table = NULL;

    (void)count;
    (void)arguments;
    (void)message;
    if (code != SQLITE_OK) {
        return code;
    }
    table = mem_zeroed(sizeof(*table));
    table->use = use;
    *made = &table->base;
    return SQLITE_OK;
}

int sql_table_disconnect(sqlite3_vtab *base)
{
    free(base);
    return SQLITE_OK;
}

const struct sql_table_use *sql_table_use_of(const sqlite3_vtab *base)
{
    return ((const struct virtual_table *)base)->use;
}

static int rows_plan(sqlite3_vtab *base, sqlite3_index_info *plan)
{
    (void)base;
    plan->estimatedCost = 1000;
    plan->estimatedRows = 100;
    return SQLITE_OK;
}

static int rows_open(sqlite3_vtab *base, sqlite3_vtab_cursor **made)
{
    struct rows_cursor *cursor = mem_zeroed(sizeof(*cursor));

    (void)base;
    *made = &cursor->base;
    return SQLITE_OK;
}

static int rows_close(sqlite3_vtab_cursor *base)
{
    struct rows_cursor *cursor = (struct rows_cursor *)base;

    sql_rows_release(&cursor->rows);
    free(cursor);
    return SQLITE_OK;
}

static const struct sql_table_use *use_of(const struct rows_cursor *cursor)
{
    return sql_table_use_of(cursor->base.pVtab);
}

/* What was gathered stays for the cursor's life: a join reads one moment. */
static int rows_filter(
    sqlite3_vtab_cursor *base, int number, const char *text, int count, sqlite3_value **values)
{
    struct rows_cursor *cursor = (struct rows_cursor *)base;
    const struct sql_table_use *use = use_of(cursor);

    (void)number;
    (void)text;
    (void)count;
    (void)values;
    cursor->at = 0;
    if (cursor->rows.session == NULL) {
        cursor->rows.session = sql_engine_session(use->engine);
        use->table->fill(&cursor->rows);
    }
    return cursor->rows.memory.is_full ? SQLITE_TOOBIG : SQLITE_OK;
}

static int rows_next(sqlite3_vtab_cursor *base)
{
    ((struct rows_cursor *)base)->at++;
    return SQLITE_OK;
}

static int rows_eof(sqlite3_vtab_cursor *base)
{
    const struct rows_cursor *cursor = (const struct rows_cursor *)base;

    return cursor->at * use_of(cursor)->table->column_count >= cursor->rows.count;
}

static int rows_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int number)
{
    const struct rows_cursor *cursor = (const struct rows_cursor *)base;
    const struct sql_value *value =
        &cursor->rows.values[cursor->at * use_of(cursor)->table->column_count + (size_t)number];
    uint64_t integer = 0;

    if (value->kind == SQL_NULL) {
        sqlite3_result_null(context);
    } else if (value->kind == SQL_INTEGER && sql_text_to_number(value->text, &integer) &&
               integer <= INT64_MAX) {
        sqlite3_result_int64(context, (sqlite3_int64)integer);
    } else {
        sqlite3_result_text64(context, (const char *)value->text.data, value->text.size,
                              SQLITE_TRANSIENT, SQLITE_UTF8);
    }
    return SQLITE_OK;
}

static int rows_number(sqlite3_vtab_cursor *base, sqlite3_int64 *number)
{
    *number = (sqlite3_int64)((const struct rows_cursor *)base)->at;
    return SQLITE_OK;
}

static const sqlite3_module rows_module = {
    .iVersion = 1,
    .xConnect = sql_table_connect,
    .xBestIndex = rows_plan,
    .xDisconnect = sql_table_disconnect,
    .xOpen = rows_open,
    .xClose = rows_close,
    .xFilter = rows_filter,
    .xNext = rows_next,
    .xEof = rows_eof,
    .xColumn = rows_column,
    .xRowid = rows_number,
};

/* Declares the table now, as its CREATE TABLE would be refused later. */
static int connect_table(sqlite3 *database, const struct sql_table *table)
{
    autofree char *text = mem_format("SELECT * FROM \"%s\"", table->module);
    sqlite3_stmt *prepared = NULL;
    int code = sqlite3_prepare_v2(database, text, -1, &prepared, NULL);

    (void)sqlite3_finalize(prepared);
    return code;
}

enum status sql_tables_attach(sqlite3 *database, struct sql_engine *engine, struct error *error)
{
    for (size_t at = 0; at < sql_table_count; at++) {
        const struct sql_table *table = &sql_tables[at];
        struct sql_table_use *use = mem_zeroed(sizeof(*use));

        *use = (struct sql_table_use){.table = table, .engine = engine};
        if (sqlite3_create_module_v2(database, table->module,
                                     table->fill == NULL ? &sql_epochs_module : &rows_module,
                                     use, free) != SQLITE_OK ||
            connect_table(database, table) != SQLITE_OK) {
            return error_set(error, STATUS_SYSTEM, "SQL engine: %s", sqlite3_errmsg(database));
        }
    }
    return STATUS_OK;
}
