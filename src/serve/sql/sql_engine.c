/* SPDX-License-Identifier: Apache-2.0 */
#include "sql_engine.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "binrelay/base/memory.h"
#include "sql_calls.h"
#include "sql_engine_errors.h"
#include "sql_errors.h"
#include "sql_purge.h"
#include "sql_tables.h"
#include "sql_write.h"

enum {
    PROGRESS_STEPS = 2000, /* of SQLite's machine between two looks at the clock */
    /* What SQLite may hold in all threads, sorts above all: seen at the next look. The
     * registry's connection is among them, so that a hard limit would hit it too. */
    HEAP_MOST_BYTES = 256 * 1024 * 1024,
    VALUE_MOST_BYTES = 1024 * 1024,
};

struct sql_engine {
    sqlite3 *database;               /* owned */
    struct sql_statement *statement; /* borrowed; NULL between statements */
    const atomic_bool *cancelled;    /* borrowed, or NULL */
    uint64_t deadline_usec;          /* monotonic */
    struct error failure;            /* sql_code 0: none */
};

/* What was asked for fails by our own word, whatever SQLite calls it. */
int sql_engine_fail(struct sql_engine *engine, const struct error *error)
{
    if (engine->failure.status == STATUS_OK) {
        engine->failure = *error;
    }
    return SQLITE_ERROR;
}

const struct sql_session *sql_engine_session(const struct sql_engine *engine)
{
    return engine->statement->session;
}

struct sql_statement *sql_engine_statement(const struct sql_engine *engine)
{
    return engine->statement;
}

void sql_engine_watch(struct sql_engine *engine, const atomic_bool *cancelled)
{
    engine->cancelled = cancelled;
}

static int on_progress(void *context)
{
    struct sql_engine *engine = context;
    struct error error = {0};

    if (engine->statement == NULL) {
        return 0;
    }
    if (engine->cancelled != NULL && atomic_load(engine->cancelled)) {
        (void)sql_error_set(&error, SQL_ERROR_INTERRUPTED, "Query execution was interrupted");
    } else if (clock_monotonic_usec(engine->statement->session->clock) >=
               engine->deadline_usec) {
        (void)sql_error_set(&error, SQL_ERROR_TIMEOUT,
                            "Query execution was interrupted, maximum statement execution "
                            "time exceeded: it is %d seconds here",
                            SQL_STATEMENT_MOST_SEC);
    } else if (sqlite3_memory_used() > HEAP_MOST_BYTES) {
        (void)sql_error_set(&error, SQL_ERROR_OUT_OF_MEMORY,
                            "The statement needs more memory than this endpoint gives");
    }
    return error.status == STATUS_OK ? 0 : sql_engine_fail(engine, &error);
}

/* Reading our tables and calling our functions, and no more. */
static int on_authorize(void *context,
                        int action,
                        const char *first,
                        const char *second,
                        const char *third,
                        const char *fourth)
{
    static const char *const natives[] = {"avg", "count", "group_concat", "max", "min", "sum"};

    (void)context;
    (void)first;
    (void)third;
    (void)fourth;
    if (action == SQLITE_SELECT || action == SQLITE_READ) {
        return SQLITE_OK;
    }
    if (action == SQLITE_FUNCTION && second != NULL) {
        for (size_t at = 0; at < sizeof(natives) / sizeof(natives[0]); at++) {
            if (strcmp(second, natives[at]) == 0) {
                return SQLITE_OK;
            }
        }
        return strncmp(second, "fn_", 3) == 0 ? SQLITE_OK : SQLITE_DENY;
    }
    return SQLITE_DENY;
}

static int compare_text(
    void *context, int left_size, const void *left, int right_size, const void *right)
{
    int shorter = left_size < right_size ? left_size : right_size;
    int order = sqlite3_strnicmp(left, right, shorter);

    (void)context;
    return order != 0 ? order : left_size - right_size;
}

static void set_limits(sqlite3 *database)
{
    (void)sqlite3_limit(database, SQLITE_LIMIT_LENGTH, VALUE_MOST_BYTES + 1024);
    (void)sqlite3_limit(database, SQLITE_LIMIT_SQL_LENGTH, VALUE_MOST_BYTES);
    (void)sqlite3_limit(database, SQLITE_LIMIT_EXPR_DEPTH, 600);
    (void)sqlite3_limit(database, SQLITE_LIMIT_ATTACHED, 0);
    (void)sqlite3_limit(database, SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000);
    (void)sqlite3_limit(database, SQLITE_LIMIT_TRIGGER_DEPTH, 1);
    (void)sqlite3_limit(database, SQLITE_LIMIT_WORKER_THREADS, 0);
    (void)sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(database, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    (void)sqlite3_db_config(database, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    (void)sqlite3_db_config(database, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
}

static enum status open_database(struct sql_engine *engine, struct error *error)
{
    sqlite3 *database = NULL;
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;

    if (sqlite3_open_v2(":memory:", &engine->database, flags, NULL) != SQLITE_OK) {
        return error_set(error, STATUS_SYSTEM, "SQL engine: no memory");
    }
    database = engine->database;
    set_limits(database);
    /* Nothing goes to temporary files; and what has no collation is compared as text is. */
    if (sqlite3_exec(database, "PRAGMA temp_store = 2", NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_create_collation(database, "BINARY", SQLITE_UTF8, NULL, compare_text) !=
            SQLITE_OK ||
        sql_calls_attach(database, engine, error) != STATUS_OK ||
        sql_tables_attach(database, engine, error) != STATUS_OK ||
        sqlite3_set_authorizer(database, on_authorize, engine) != SQLITE_OK) {
        return error_set(error, STATUS_SYSTEM, "SQL engine: %s", sqlite3_errmsg(database));
    }
    sqlite3_progress_handler(database, PROGRESS_STEPS, on_progress, engine);
    return STATUS_OK;
}

enum status sql_engine_new(struct sql_engine **made, struct error *error)
{
    struct sql_engine *engine = mem_zeroed(sizeof(*engine));

    if (open_database(engine, error) != STATUS_OK) {
        sql_engine_free(engine);
        return error->status;
    }
    *made = engine;
    return STATUS_OK;
}

void sql_engine_free(struct sql_engine *engine)
{
    if (engine == NULL) {
        return;
    }
    (void)sqlite3_close(engine->database);
    free(engine);
}

/* ---- running ---- */

static void bind(sqlite3_stmt *prepared, int at, const struct sql_value *value)
{
    uint64_t number = 0;

    if (value->kind == SQL_NULL) {
        (void)sqlite3_bind_null(prepared, at);
    } else if (value->kind == SQL_INTEGER && sql_text_to_number(value->text, &number) &&
               number <= INT64_MAX) {
        (void)sqlite3_bind_int64(prepared, at, (sqlite3_int64)number);
    } else {
        (void)sqlite3_bind_text64(prepared, at, (const char *)value->text.data,
                                  value->text.size, SQLITE_TRANSIENT, SQLITE_UTF8);
    }
}

static enum status prepare(struct sql_engine *engine,
                           const struct sql_translation *translation,
                           sqlite3_stmt **prepared,
                           struct error *error)
{
    int code = sqlite3_prepare_v2(engine->database, (const char *)translation->text.data,
                                  (int)translation->text.size, prepared, NULL);

    if (code != SQLITE_OK || *prepared == NULL) {
        return sql_engine_error(engine->database, code, &engine->failure, error);
    }
    return STATUS_OK;
}

/* One statement begins; the clock runs for it. */
static void begin(struct sql_engine *engine, struct sql_statement *statement)
{
    engine->statement = statement;
    engine->failure = (struct error){0};
    engine->deadline_usec = clock_monotonic_usec(statement->session->clock) +
                            SQL_STATEMENT_MOST_SEC * UINT64_C(1000000);
}

static struct sql_value plain_value(struct sql_statement *statement,
                                    sqlite3_stmt *prepared,
                                    int at)
{
    const struct bytes text = {.data = sqlite3_column_text(prepared, at),
                               .size = (size_t)sqlite3_column_bytes(prepared, at)};
    struct sql_value value = sql_text_of(sql_memory_add(&statement->memory, text));

    switch (sqlite3_column_type(prepared, at)) {
    case SQLITE_NULL:
        return sql_null();
    case SQLITE_INTEGER:
        value.kind = SQL_INTEGER;
        break;
    case SQLITE_FLOAT:
        value.kind = SQL_REAL;
        break;
    default:
        break;
    }
    return value;
}

static enum status step_all(struct sql_statement *statement,
                            sqlite3_stmt *prepared,
                            sql_row_fn fn,
                            void *context,
                            struct error *error)
{
    struct sql_engine *engine = statement->engine;
    size_t count = (size_t)sqlite3_column_count(prepared);
    struct sql_value *values = mem_zeroed((count + 1) * sizeof(*values));
    int code = sqlite3_step(prepared);
    bool wants_more = true;

    while (code == SQLITE_ROW && wants_more) {
        for (size_t at = 0; at < count; at++) {
            values[at] = plain_value(statement, prepared, (int)at);
        }
        wants_more = fn(context, values, count);
        code = wants_more ? sqlite3_step(prepared) : SQLITE_DONE;
    }
    free(values);
    return code == SQLITE_DONE
               ? STATUS_OK
               : sql_engine_error(engine->database, code, &engine->failure, error);
}

enum status sql_engine_run(struct sql_statement *statement,
                           const struct sql_translation *translation,
                           const struct sql_value *parameters,
                           size_t parameter_count,
                           sql_row_fn fn,
                           void *context,
                           struct error *error)
{
    sqlite3_stmt *prepared = NULL;
    enum status status = prepare(statement->engine, translation, &prepared, error);

    if (status == STATUS_OK) {
        for (size_t at = 0; at < parameter_count; at++) {
            bind(prepared, (int)at + 1, &parameters[at]);
        }
        status = step_all(statement, prepared, fn, context, error);
    }
    (void)sqlite3_finalize(prepared);
    return status;
}

/* ---- statements ---- */

static enum status select_rows(struct sql_statement *statement,
                               const struct sql_translation *translation,
                               struct error *error)
{
    struct sql_engine *engine = statement->engine;
    sqlite3_stmt *prepared = NULL;
    enum status status = prepare(engine, translation, &prepared, error);

    if (status == STATUS_OK) {
        int code = sql_output_rows(statement, translation, prepared, &engine->failure);

        status = code == SQLITE_DONE
                     ? STATUS_OK
                     : sql_engine_error(engine->database, code, &engine->failure, error);
    }
    (void)sqlite3_finalize(prepared);
    return status;
}

/* The values of SELECT ... INTO's one row. */
struct into_row {
    struct sql_statement *statement;
    const struct sql_translation *translation;
    size_t rows;
    enum status status;
    struct error *error;
};

static bool keep_row(void *context, const struct sql_value *values, size_t count)
{
    struct into_row *row = context;
    const char *name = (const char *)row->translation->names.data;

    if (row->rows++ > 0 || count != row->translation->name_count) {
        row->status = sql_error_set(
            row->error, row->rows > 1 ? SQL_ERROR_TOO_MANY_ROWS : SQL_ERROR_COLUMN_COUNT,
            row->rows > 1 ? "Result consisted of more than one row"
                          : "The used SELECT statements have a "
                            "different number of columns");
        return false;
    }
    for (size_t at = 0; at < count && row->status == STATUS_OK; at++) {
        row->status = sql_assigned_set(&row->statement->session->assigned, SQL_SCOPE_USER,
                                       bytes_of_text(name), values[at], row->error);
        name += strlen(name) + 1;
    }
    return row->status == STATUS_OK;
}

static enum status select_into(struct sql_statement *statement,
                               const struct sql_translation *translation,
                               struct error *error)
{
    struct into_row row = {.statement = statement, .translation = translation, .error = error};

    if (sql_engine_run(statement, translation, NULL, 0, keep_row, &row, error) != STATUS_OK) {
        return error->status;
    }
    if (row.status == STATUS_OK) {
        result_add_ok(statement->writer, row.rows, (struct bytes){0});
    }
    return row.status;
}

static enum status answer_select(struct sql_statement *statement, struct error *error)
{
    struct sql_translation translation = {0};
    enum status status = sql_translate_select(statement, &translation, error);

    if (status == STATUS_OK) {
        status = translation.name_count > 0 ? select_into(statement, &translation, error)
                                            : select_rows(statement, &translation, error);
    }
    sql_translation_release(&translation);
    return status;
}

static bool ignore_row(void *context, const struct sql_value *values, size_t count)
{
    (void)context;
    (void)values;
    (void)count;
    return true;
}

static enum status answer_set(struct sql_statement *statement, struct error *error)
{
    struct sql_translation translation = {0};
    enum status status = sql_translate_set(statement, &translation, error);

    if (status == STATUS_OK) {
        status = sql_engine_run(statement, &translation, NULL, 0, ignore_row, NULL, error);
    }
    if (status == STATUS_OK) {
        sql_statement_ok(statement);
    }
    sql_translation_release(&translation);
    return status;
}

enum status sql_engine_answer(struct sql_statement *statement, struct error *error)
{
    struct sql_reader *reader = &statement->reader;
    enum status status = STATUS_OK;

    begin(statement->engine, statement);
    if (sql_reader_accept_word(reader, "purge")) {
        status = sql_purge(statement, error);
    } else if (sql_reader_accept_word(reader, "set")) {
        status = answer_set(statement, error);
    } else if (sql_write_begins(reader)) {
        status = sql_write(statement, error);
    } else {
        status = answer_select(statement, error);
    }
    statement->engine->statement = NULL;
    return status;
}
