/* SPDX-License-Identifier: Apache-2.0 */
#include "sql_write.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "binrelay/base/memory.h"
#include "sql_engine.h"
#include "sql_errors.h"
#include "sql_tables.h"
#include "sql_translator.h"
#include "sql_writing.h"

bool sql_write_begins(const struct sql_reader *reader)
{
    return sql_reader_is_word(reader, "insert") || sql_reader_is_word(reader, "replace") ||
           sql_reader_is_word(reader, "update") || sql_reader_is_word(reader, "delete") ||
           sql_reader_is_word(reader, "truncate");
}

/* The database and table names that follow; `name` is the table's. SQL_ERROR_TABLE_DENIED for
 * any but the heartbeat table, and for accounts that may not report. */
static enum status read_target(struct sql_translator *translator,
                               const char *command,
                               struct bytes *name,
                               struct error *error)
{
    const struct sql_session *session = translator->statement->session;
    const struct sql_table *table = sql_translate_table_name(translator, error);
    struct bytes database;

    if (table == NULL) {
        return error->status;
    }
    if (strcmp(table->module, "heartbeat") != 0 || strcmp(command, "DELETE") == 0 ||
        (session->rights & (RIGHT_REPORT | RIGHT_ADMIN)) == 0) {
        return sql_error_set(error, SQL_ERROR_TABLE_DENIED,
                             "%s command denied to user '%s'@'%s' for table '%s'", command,
                             session->user, session->host, table->name);
    }
    sql_table_names(session, table, &database, name);
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
            return sql_error_set(error, SQL_ERROR_COLUMN_TWICE, "Column '%s' specified twice",
                                 heartbeat_column_names[column]);
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
    } else {
        (void)sql_write_bits_number(translator, &found, translator->into->text.size);
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

/* The tuples of VALUES as one SELECT each, joined. DEFAULT is NULL where NULL is the default.
 */
static enum status read_tuples(struct sql_writing *writing,
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

static enum status read_columns(struct sql_writing *writing,
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
static enum status read_rows(struct sql_writing *writing,
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
static enum status read_duplicate(struct sql_writing *writing, struct error *error)
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
static enum status insert(struct sql_writing *writing,
                          struct sql_translation *source,
                          const char *command)
{
    struct sql_statement *statement = writing->statement;
    struct sql_reader *reader = &statement->reader;
    struct sql_translator translator = {.statement = statement, .into = source};
    struct error *error = writing->error;
    struct bytes name;

    while (sql_reader_accept_word(reader, "low_priority") ||
           sql_reader_accept_word(reader, "high_priority") ||
           sql_reader_accept_word(reader, "delayed")) {
    }
    if (sql_reader_accept_word(reader, "ignore") && writing->on_duplicate == FAIL) {
        writing->on_duplicate = SKIP;
    }
    (void)sql_reader_accept_word(reader, "into"); /* it may be left out */
    if (read_target(&translator, command, &name, error) != STATUS_OK ||
        read_rows(writing, &translator, error) != STATUS_OK ||
        read_duplicate(writing, error) != STATUS_OK ||
        sql_statement_end(statement, error) != STATUS_OK) {
        return error->status;
    }
    if (!sql_writing_has_column(writing->columns, writing->column_count, HEARTBEAT_SERVER_ID)) {
        return sql_error_set(error, SQL_ERROR_NO_DEFAULT,
                             "Field 'server_id' doesn't have a default value");
    }
    if (sql_engine_run(statement, source, NULL, 0, sql_writing_insert, writing, error) !=
        STATUS_OK) {
        return error->status;
    }
    return writing->status == STATUS_OK ? sql_writing_put(writing) : writing->status;
}

static enum status update(struct sql_writing *writing, struct sql_translation *source)
{
    struct sql_statement *statement = writing->statement;
    struct sql_reader *reader = &statement->reader;
    struct sql_translator translator = {.statement = statement, .into = source};
    struct error *error = writing->error;
    struct bytes alias;

    writing->on_duplicate = UPDATE;
    (void)sql_reader_accept_word(reader, "low_priority");
    (void)sql_reader_accept_word(reader, "ignore"); /* nothing here could be ignored */
    if (read_target(&translator, "UPDATE", &alias, error) != STATUS_OK) {
        return error->status;
    }
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
        sql_engine_run(statement, source, NULL, 0, sql_writing_update, writing, error) !=
            STATUS_OK) {
        return error->status;
    }
    return writing->status == STATUS_OK ? sql_writing_put(writing) : writing->status;
}

static enum status write_one(struct sql_writing *writing, struct sql_translation *source)
{
    struct sql_statement *statement = writing->statement;
    struct sql_reader *reader = &statement->reader;
    struct sql_translator translator = {.statement = statement, .into = source};
    struct bytes name;

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
           sql_reader_accept_word(reader, "quick") ||
           sql_reader_accept_word(reader, "ignore") || sql_reader_accept_word(reader, "from") ||
           sql_reader_accept_word(reader, "table")) {
    }
    return read_target(&translator, "DELETE", &name, writing->error);
}

/* One after the other: what is computed from a row must be what is written over. */
enum status sql_write(struct sql_statement *statement, struct error *error)
{
    struct sql_writing writing = {.statement = statement, .error = error};
    const struct sql_world *world = statement->session->world;
    struct sql_translation source = {0};
    enum status status = STATUS_OK;

    statement->session->warnings.count = 0;
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
