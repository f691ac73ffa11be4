/* SPDX-License-Identifier: Apache-2.0 */
#include "sql_write.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "binrelay/base/memory.h"
#include "sql_engine.h"
#include "sql_errors.h"
#include "sql_heartbeat_row.h"
#include "sql_tables.h"
#include "sql_translator.h"

enum { FOUND_ROWS = 2 /* CLIENT_FOUND_ROWS: rows that match count, changed or not */ };

/* What happens to a row whose key is there. */
enum on_duplicate { FAIL, SKIP, REPLACE, UPDATE };

/* One statement's work. */
struct writing {
    struct sql_statement *statement;
    struct heartbeat_row *rows; /* owned: to be put, in order, each key once */
    size_t count;
    size_t capacity;
    uint64_t affected;
    uint64_t matched;
    enum on_duplicate on_duplicate;
    size_t columns[HEARTBEAT_COLUMNS]; /* that the statement names, in its order */
    size_t column_count;
    size_t number;                           /* of the row in the statement */
    struct sql_translation changes;          /* owned: ON DUPLICATE KEY UPDATE */
    size_t change_columns[HEARTBEAT_COLUMNS]; /* what its expressions are for */
    size_t change_count;
    const struct heartbeat_row *old; /* the row that is changed */
    enum status status;              /* of what was done for a row */
    struct error *error;
};

bool sql_write_begins(const struct sql_reader *reader)
{
    return sql_reader_is_word(reader, "insert") || sql_reader_is_word(reader, "replace") ||
           sql_reader_is_word(reader, "update") || sql_reader_is_word(reader, "delete") ||
           sql_reader_is_word(reader, "truncate");
}

static struct heartbeat_table *table_of(const struct writing *writing)
{
    return writing->statement->session->world->heartbeats;
}

static uint64_t now_usec(const struct writing *writing)
{
    return clock_wall_usec(writing->statement->session->clock);
}

/* The row of a key as the statement has left it; false if there is none. */
static bool find_row(const struct writing *writing, uint32_t id, struct heartbeat_row *row)
{
    struct error ignored; /* there is none then */

    for (size_t at = 0; at < writing->count; at++) {
        if (writing->rows[at].server_id == id) {
            *row = writing->rows[at];
            return true;
        }
    }
    return heartbeat_table_find(table_of(writing), id, row, &ignored) == STATUS_OK;
}

static enum status keep_row(struct writing *writing, const struct heartbeat_row *row)
{
    for (size_t at = 0; at < writing->count; at++) {
        if (writing->rows[at].server_id == row->server_id) {
            writing->rows[at] = *row;
            return STATUS_OK;
        }
    }
    if (writing->count == HEARTBEAT_MOST_ROWS) {
        return sql_error_set(writing->error, SQL_ERROR_TABLE_FULL,
                             "The heartbeat table is full: it takes %d rows",
                             HEARTBEAT_MOST_ROWS);
    }
    if (writing->count == writing->capacity) {
        writing->rows = mem_grow(writing->rows, &writing->capacity, sizeof(*writing->rows));
    }
    writing->rows[writing->count++] = *row;
    return STATUS_OK;
}

/* The database and table names that follow; SQL_ERROR_TABLE_DENIED for any but the heartbeat
 * table, and for accounts that may not report. */
static enum status read_target(struct sql_translator *translator,
                               const char *command,
                               struct error *error)
{
    const struct sql_session *session = translator->statement->session;
    const struct sql_table *table = sql_translate_table_name(translator, error);

    if (table == NULL) {
        return error->status;
    }
    if (strcmp(table->module, "heartbeat") != 0 || strcmp(command, "DELETE") == 0 ||
        (session->rights & (RIGHT_REPORT | RIGHT_ADMIN)) == 0) {
        return sql_error_set(error, SQL_ERROR_TABLE_DENIED,
                             "%s command denied to user '%s'@'%s' for table '%s'", command,
                             session->user, session->host, table->name);
    }
    return STATUS_OK;
}

static enum status read_column(struct sql_translator *translator,
                               size_t *columns,
                               size_t *count,
                               struct error *error)
{
    struct sql_reader *reader = &translator->statement->reader;
    struct bytes name = sql_token_value(translator->statement);
    size_t column = HEARTBEAT_COLUMNS;

    sql_reader_next(reader);
    while (sql_reader_accept_operator(reader, ".")) { /* table.column, database.table.column */
        name = sql_token_value(translator->statement);
        sql_reader_next(reader);
    }
    column = heartbeat_column_find(name);
    if (column == HEARTBEAT_COLUMNS) {
        return sql_error_set(error, SQL_ERROR_UNKNOWN_COLUMN,
                             "Unknown column '%.*s' in 'field list'",
                             name.size > 64 ? 64 : (int)name.size, (const char *)name.data);
    }
    for (size_t at = 0; at < *count; at++) {
        if (columns[at] == column) {
            return sql_error_set(error, SQL_ERROR_COLUMN_TWICE,
                                 "Column '%s' specified twice", heartbeat_column_names[column]);
        }
    }
    columns[(*count)++] = column;
    return STATUS_OK;
}

/* One expression for a column; a time as seconds. */
static enum status read_value(struct sql_translator *translator,
                              size_t column,
                              struct error *error)
{
    struct sql_fragment found;

    if (sql_translate_expression(translator, &found, error) != STATUS_OK) {
        return error->status;
    }
    if (column == HEARTBEAT_UPDATED_AT) {
        sql_write_insert(translator, found.begin, "fn_unix_timestamp(");
        sql_write_text(translator, ")");
    }
    return STATUS_OK;
}

/* column = expression, ...: writes the expressions with a comma before each but the first. */
static enum status read_assignments(struct sql_translator *translator,
                                    size_t *columns,
                                    size_t *count,
                                    struct error *error)
{
    struct sql_reader *reader = &translator->statement->reader;

    do {
        sql_write_text(translator, *count > 0 ? "," : "");
        if (read_column(translator, columns, count, error) != STATUS_OK) {
            return error->status;
        }
        if (!sql_reader_accept_operator(reader, "=") &&
            !sql_reader_accept_operator(reader, ":=")) {
            return sql_statement_bad(translator->statement, error);
        }
        if (read_value(translator, columns[*count - 1], error) != STATUS_OK) {
            return error->status;
        }
    } while (sql_reader_accept_operator(reader, ","));
    return STATUS_OK;
}

/* ---- changing a row ---- */

/* ON UPDATE CURRENT_TIMESTAMP: a row that changes has a new time, unless it was given one. */
static enum status finish_change(struct writing *writing,
                                 const struct heartbeat_row *old,
                                 struct heartbeat_row *row,
                                 bool has_time,
                                 uint64_t weight)
{
    writing->matched++;
    if (heartbeat_row_is_same(old, row)) {
        return STATUS_OK;
    }
    if (old->server_id != row->server_id) {
        return sql_error_set(writing->error, SQL_ERROR_NOT_SUPPORTED,
                             "The server_id of a heartbeat row cannot be changed");
    }
    if (!has_time) {
        row->updated_usec = now_usec(writing);
    }
    writing->affected += weight;
    return keep_row(writing, row);
}

static bool has_column(const size_t *columns, size_t count, size_t column)
{
    for (size_t at = 0; at < count; at++) {
        if (columns[at] == column) {
            return true;
        }
    }
    return false;
}

/* The expressions of ON DUPLICATE KEY UPDATE, computed for the row that is there. */
static bool change_row(void *context, const struct sql_value *values, size_t count)
{
    struct writing *writing = context;
    struct heartbeat_row row = *writing->old;

    for (size_t at = 0; at < count && writing->status == STATUS_OK; at++) {
        writing->status = heartbeat_row_set(&row, writing->change_columns[at], &values[at],
                                            writing->number, writing->error);
    }
    if (writing->status == STATUS_OK) {
        writing->status = finish_change(
            writing, writing->old, &row,
            has_column(writing->change_columns, writing->change_count, HEARTBEAT_UPDATED_AT),
            2);
    }
    return false;
}

static enum status update_duplicate(struct writing *writing,
                                    const struct heartbeat_row *old,
                                    const struct heartbeat_row *row)
{
    struct sql_value parameters[2 * HEARTBEAT_COLUMNS];

    heartbeat_row_values(row, &writing->statement->memory, parameters);
    heartbeat_row_values(old, &writing->statement->memory, parameters + HEARTBEAT_COLUMNS);
    writing->old = old;
    if (sql_engine_run(writing->statement, &writing->changes, parameters, 2 * HEARTBEAT_COLUMNS,
                       change_row, writing, writing->error) != STATUS_OK) {
        return writing->error->status;
    }
    return writing->status;
}

static enum status replace_duplicate(struct writing *writing,
                                     const struct heartbeat_row *old,
                                     const struct heartbeat_row *row)
{
    writing->affected += heartbeat_row_is_same(old, row) ? 1 : 2; /* deleted and inserted */
    return keep_row(writing, row);
}

static enum status add_row(struct writing *writing, const struct heartbeat_row *row)
{
    struct heartbeat_row old;

    if (!find_row(writing, row->server_id, &old)) {
        writing->affected++;
        return keep_row(writing, row);
    }
    switch (writing->on_duplicate) {
    case SKIP:
        return STATUS_OK;
    case REPLACE:
        return replace_duplicate(writing, &old, row);
    case UPDATE:
        return update_duplicate(writing, &old, row);
    case FAIL:
    default:
        return sql_error_set(writing->error, SQL_ERROR_DUPLICATE_KEY,
                             "Duplicate entry '%" PRIu32 "' for key 'heartbeat.PRIMARY'",
                             row->server_id);
    }
}

/* One row of VALUES or of a SELECT. */
static bool insert_row(void *context, const struct sql_value *values, size_t count)
{
    struct writing *writing = context;
    struct heartbeat_row row = {.updated_usec = now_usec(writing)};

    writing->number++;
    if (count != writing->column_count) {
        writing->status = sql_error_set(writing->error, SQL_ERROR_VALUE_COUNT,
                                        "Column count doesn't match value count at row %zu",
                                        writing->number);
        return false;
    }
    for (size_t at = 0; at < count && writing->status == STATUS_OK; at++) {
        writing->status = heartbeat_row_set(&row, writing->columns[at], &values[at],
                                            writing->number, writing->error);
    }
    if (writing->status == STATUS_OK) {
        writing->status = add_row(writing, &row);
    }
    return writing->status == STATUS_OK;
}

/* ---- statements ---- */

static enum status put(struct writing *writing)
{
    struct sql_statement *statement = writing->statement;
    bool counts_matches = (statement->writer->capabilities & FOUND_ROWS) != 0;

    if (writing->count > 0 && heartbeat_table_put(table_of(writing), writing->rows,
                                                  writing->count, writing->error) != STATUS_OK) {
        if (writing->error->status == STATUS_FULL) {
            return sql_error_set(writing->error, SQL_ERROR_TABLE_FULL,
                                 "The table 'heartbeat' is full");
        }
        return writing->error->status;
    }
    if (writing->on_duplicate == UPDATE && writing->number == 0) { /* UPDATE itself */
        struct bytes info =
            sql_memory_format(&statement->memory,
                              "Rows matched: %" PRIu64 "  Changed: %" PRIu64 "  Warnings: 0",
                              writing->matched, writing->affected);

        result_add_ok(statement->writer, counts_matches ? writing->matched : writing->affected,
                      info);
    } else {
        result_add_ok(statement->writer, writing->affected, (struct bytes){0});
    }
    return STATUS_OK;
}

/* The tuples of VALUES as one SELECT each, joined. DEFAULT is NULL where NULL is the default. */
static enum status read_tuples(struct writing *writing,
                               struct sql_translator *translator,
                               struct error *error)
{
    struct sql_reader *reader = &translator->statement->reader;
    bool is_first = true;

    do {
        size_t at = 0;

        if (!sql_reader_accept_operator(reader, "(")) {
            return sql_statement_bad(translator->statement, error);
        }
        sql_write_text(translator, is_first ? "SELECT " : " UNION ALL SELECT ");
        is_first = false;
        do {
            sql_write_text(translator, at > 0 ? "," : "");
            if (at >= writing->column_count) {
                return sql_error_set(error, SQL_ERROR_VALUE_COUNT,
                                     "Column count doesn't match value count at row 1");
            }
            if (sql_reader_accept_word(reader, "default")) {
                static const char *const defaults[HEARTBEAT_COLUMNS] = {
                    "NULL", "0", "NULL", "NULL", "fn_unix_timestamp(fn_now())"};

                sql_write_text(translator, defaults[writing->columns[at]]);
            } else if (read_value(translator, writing->columns[at], error) != STATUS_OK) {
                return error->status;
            }
            at++;
        } while (sql_reader_accept_operator(reader, ","));
        if (!sql_reader_accept_operator(reader, ")")) {
            return sql_statement_bad(translator->statement, error);
        }
        if (at != writing->column_count) {
            return sql_error_set(error, SQL_ERROR_VALUE_COUNT,
                                 "Column count doesn't match value count at row 1");
        }
    } while (sql_reader_accept_operator(reader, ","));
    return STATUS_OK;
}

static enum status read_columns(struct writing *writing,
                                struct sql_translator *translator,
                                struct error *error)
{
    struct sql_reader *reader = &translator->statement->reader;

    if (!sql_reader_accept_operator(reader, "(")) {
        for (size_t at = 0; at < HEARTBEAT_COLUMNS; at++) {
            writing->columns[writing->column_count++] = at;
        }
        return STATUS_OK;
    }
    do {
        if (read_column(translator, writing->columns, &writing->column_count, error) !=
            STATUS_OK) {
            return error->status;
        }
    } while (sql_reader_accept_operator(reader, ","));
    return sql_reader_accept_operator(reader, ")")
               ? STATUS_OK
               : sql_statement_bad(translator->statement, error);
}

/* Behind the table: what is inserted, as a SELECT. */
static enum status read_rows(struct writing *writing,
                             struct sql_translator *translator,
                             struct error *error)
{
    struct sql_reader *reader = &translator->statement->reader;

    if (sql_reader_accept_word(reader, "set")) {
        sql_write_text(translator, "SELECT ");
        return read_assignments(translator, writing->columns, &writing->column_count, error);
    }
    if (read_columns(writing, translator, error) != STATUS_OK) {
        return error->status;
    }
    if (sql_reader_accept_word(reader, "values") || sql_reader_accept_word(reader, "value")) {
        return read_tuples(writing, translator, error);
    }
    if (sql_reader_accept_word(reader, "select")) {
        return sql_translate_query(translator, error);
    }
    return sql_statement_bad(translator->statement, error);
}

/* [AS new] [ON DUPLICATE KEY UPDATE ...]: the old row is parameters 6 to 10, under the names of
 * the table's columns. */
static enum status read_duplicate(struct writing *writing, struct error *error)
{
    struct sql_statement *statement = writing->statement;
    struct sql_translator translator = {
        .statement = statement,
        .into = &writing->changes,
        .new_row = {.columns = heartbeat_column_names, .count = HEARTBEAT_COLUMNS},
    };

    if (sql_reader_accept_word(&statement->reader, "as")) {
        translator.new_row.alias = sql_token_value(statement);
        sql_reader_next(&statement->reader);
    }
    if (!sql_reader_accept_words(&statement->reader, "on duplicate key update")) {
        return STATUS_OK;
    }
    if (writing->on_duplicate == REPLACE) {
        return sql_statement_bad(statement, error);
    }
    writing->on_duplicate = UPDATE;
    sql_write_text(&translator, "SELECT ");
    if (read_assignments(&translator, writing->change_columns, &writing->change_count, error) !=
        STATUS_OK) {
        return error->status;
    }
    sql_write_text(&translator, " FROM (SELECT ");
    for (size_t at = 0; at < HEARTBEAT_COLUMNS; at++) {
        buffer_add_format(&writing->changes.text, "%s?%zu AS \"%s\"", at == 0 ? "" : ",",
                          HEARTBEAT_COLUMNS + at + 1, heartbeat_column_names[at]);
    }
    sql_write_text(&translator, ") AS \"heartbeat\"");
    return STATUS_OK;
}

/* The reader stands behind INSERT or REPLACE. */
static enum status insert(struct writing *writing,
                          struct sql_translation *source,
                          const char *command)
{
    struct sql_statement *statement = writing->statement;
    struct sql_reader *reader = &statement->reader;
    struct sql_translator translator = {.statement = statement, .into = source};
    struct error *error = writing->error;

    while (sql_reader_accept_word(reader, "low_priority") ||
           sql_reader_accept_word(reader, "high_priority") ||
           sql_reader_accept_word(reader, "delayed")) {
    }
    if (sql_reader_accept_word(reader, "ignore") && writing->on_duplicate == FAIL) {
        writing->on_duplicate = SKIP;
    }
    (void)sql_reader_accept_word(reader, "into"); /* it may be left out */
    if (read_target(&translator, command, error) != STATUS_OK ||
        read_rows(writing, &translator, error) != STATUS_OK ||
        read_duplicate(writing, error) != STATUS_OK ||
        sql_statement_end(statement, error) != STATUS_OK) {
        return error->status;
    }
    if (!has_column(writing->columns, writing->column_count, HEARTBEAT_SERVER_ID)) {
        return sql_error_set(error, SQL_ERROR_NO_DEFAULT,
                             "Field 'server_id' doesn't have a default value");
    }
    if (sql_engine_run(statement, source, NULL, 0, insert_row, writing, error) != STATUS_OK) {
        return error->status;
    }
    return writing->status == STATUS_OK ? put(writing) : writing->status;
}

/* A row that UPDATE's condition found: its key, and the values of the expressions. */
static bool update_row(void *context, const struct sql_value *values, size_t count)
{
    struct writing *writing = context;
    struct heartbeat_row old;
    struct heartbeat_row row;
    uint64_t id = 0;

    if (!sql_text_to_number(values[0].text, &id) || !find_row(writing, (uint32_t)id, &old)) {
        return true;
    }
    row = old;
    for (size_t at = 1; at < count && writing->status == STATUS_OK; at++) {
        writing->status = heartbeat_row_set(&row, writing->columns[at - 1], &values[at],
                                            writing->matched + 1, writing->error);
    }
    if (writing->status == STATUS_OK) {
        writing->status = finish_change(
            writing, &old, &row,
            has_column(writing->columns, writing->column_count, HEARTBEAT_UPDATED_AT), 1);
    }
    return writing->status == STATUS_OK;
}

static enum status update(struct writing *writing, struct sql_translation *source)
{
    struct sql_statement *statement = writing->statement;
    struct sql_reader *reader = &statement->reader;
    struct sql_translator translator = {.statement = statement, .into = source};
    struct error *error = writing->error;
    struct bytes database;
    struct bytes alias;

    writing->on_duplicate = UPDATE;
    (void)sql_reader_accept_word(reader, "low_priority");
    (void)sql_reader_accept_word(reader, "ignore"); /* nothing here could be ignored */
    if (read_target(&translator, "UPDATE", error) != STATUS_OK) {
        return error->status;
    }
    sql_table_names(statement->session, sql_tables + 2, &database, &alias);
    if (!sql_reader_is_word(reader, "set")) {
        (void)sql_reader_accept_word(reader, "as");
        alias = sql_token_value(statement);
        sql_reader_next(reader);
    }
    if (!sql_reader_accept_word(reader, "set")) {
        return sql_statement_bad(statement, error);
    }
    sql_write_text(&translator, "SELECT \"server_id\",");
    if (read_assignments(&translator, writing->columns, &writing->column_count, error) !=
        STATUS_OK) {
        return error->status;
    }
    sql_write_text(&translator, " FROM \"heartbeat\" AS ");
    sql_write_name(&translator, alias);
    if (sql_translate_tail(&translator, error) != STATUS_OK ||
        sql_statement_end(statement, error) != STATUS_OK ||
        sql_engine_run(statement, source, NULL, 0, update_row, writing, error) != STATUS_OK) {
        return error->status;
    }
    return writing->status == STATUS_OK ? put(writing) : writing->status;
}

static enum status write_one(struct writing *writing, struct sql_translation *source)
{
    struct sql_statement *statement = writing->statement;
    struct sql_reader *reader = &statement->reader;
    struct sql_translator translator = {.statement = statement, .into = source};

    if (sql_reader_accept_word(reader, "insert")) {
        return insert(writing, source, "INSERT");
    }
    if (sql_reader_accept_word(reader, "replace")) {
        writing->on_duplicate = REPLACE;
        return insert(writing, source, "INSERT");
    }
    if (sql_reader_accept_word(reader, "update")) {
        return update(writing, source);
    }
    sql_reader_next(reader); /* DELETE and TRUNCATE */
    while (sql_reader_accept_word(reader, "low_priority") ||
           sql_reader_accept_word(reader, "quick") || sql_reader_accept_word(reader, "ignore") ||
           sql_reader_accept_word(reader, "from") || sql_reader_accept_word(reader, "table")) {
    }
    return read_target(&translator, "DELETE", writing->error);
}

/* One after the other: what is computed from a row must be what is written over. */
enum status sql_write(struct sql_statement *statement, struct error *error)
{
    struct writing writing = {.statement = statement, .error = error};
    const struct sql_world *world = statement->session->world;
    struct sql_translation source = {0};
    enum status status = STATUS_OK;

    if (world != NULL) {
        (void)pthread_mutex_lock(world->writing);
    }
    status = write_one(&writing, &source);
    if (world != NULL) {
        (void)pthread_mutex_unlock(world->writing);
    }
    sql_translation_release(&source);
    sql_translation_release(&writing.changes);
    free(writing.rows);
    return status;
}
