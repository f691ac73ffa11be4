/* SPDX-License-Identifier: Apache-2.0 */
#include "sql_select.h"

#include <stdlib.h>

#include "binrelay/base/memory.h"
#include "sql_errors.h"
#include "sql_expression.h"

enum {
    MOST_COLUMNS = 512,
};

struct select_list {
    struct result_column columns[MOST_COLUMNS];
    struct bytes values[MOST_COLUMNS];
    size_t count;
};

static enum result_type type_of(enum sql_kind kind)
{
    switch (kind) {
    case SQL_INTEGER:
        return RESULT_LONGLONG;
    case SQL_DECIMAL:
        return RESULT_NEW_DECIMAL;
    case SQL_REAL:
        return RESULT_DOUBLE;
    case SQL_DATETIME:
        return RESULT_DATETIME;
    case SQL_NULL:
    case SQL_TEXT:
    default:
        return RESULT_VAR_STRING;
    }
}

/* Reads [AS] alias. A name that begins the next clause is none. */
static bool accept_alias(struct sql_statement *statement, struct bytes *name)
{
    struct sql_reader *reader = &statement->reader;
    bool has_as = sql_reader_accept_word(reader, "as");
    struct buffer text = {0};

    if (reader->token.kind != SQL_QUOTED_NAME && reader->token.kind != SQL_STRING &&
        reader->token.kind != SQL_NAME) {
        return false;
    }
    if (!has_as && (sql_reader_is_word(reader, "from") || sql_reader_is_word(reader, "limit") ||
                    sql_reader_is_word(reader, "for") || sql_reader_is_word(reader, "into"))) {
        return false;
    }
    sql_token_add_text(&reader->token, &text);
    *name = sql_text_take(&statement->memory, &text).text;
    sql_reader_next(reader);
    return true;
}

/* A column is called by its alias, else by what was written; a string by what it says. */
static enum status read_column(struct sql_statement *statement,
                               struct select_list *list,
                               struct error *error)
{
    struct sql_reader *reader = &statement->reader;
    size_t begin = sql_reader_offset(reader);
    bool is_string = reader->token.kind == SQL_STRING;
    struct result_column *column = &list->columns[list->count];
    struct sql_value value;
    struct bytes name;

    if (list->count == MOST_COLUMNS) {
        return sql_error_set(error, SQL_ERROR_GENERAL, "Too many columns: the limit is %d",
                             MOST_COLUMNS);
    }
    if (sql_expression_read(statement, &value, error) != STATUS_OK) {
        return error->status;
    }
    if (!accept_alias(statement, &name)) {
        struct bytes written = {.data = reader->statement.data + begin,
                                .size = reader->previous_end - begin};

        name = sql_memory_add(&statement->memory, is_string ? value.text : written);
    }
    column->name = (const char *)name.data;
    column->type = type_of(value.kind);
    column->is_unsigned = false;
    list->values[list->count] = value.text;
    list->count++;
    return STATUS_OK;
}

static enum status read_count(struct sql_statement *statement,
                              uint64_t *number,
                              struct error *error)
{
    struct sql_reader *reader = &statement->reader;

    if (reader->token.kind != SQL_NUMBER || !sql_text_to_number(reader->token.text, number)) {
        return sql_statement_bad(statement, error);
    }
    sql_reader_next(reader);
    return STATUS_OK;
}

enum status sql_limit_read(struct sql_statement *statement,
                           struct sql_limit *limit,
                           struct error *error)
{
    struct sql_reader *reader = &statement->reader;

    if (!sql_reader_accept_word(reader, "limit")) {
        return STATUS_OK;
    }
    if (read_count(statement, &limit->count, error) != STATUS_OK) {
        return error->status;
    }
    if (sql_reader_accept_operator(reader, ",")) {
        limit->offset = limit->count;
        return read_count(statement, &limit->count, error);
    }
    if (sql_reader_accept_word(reader, "offset")) {
        return read_count(statement, &limit->offset, error);
    }
    return STATUS_OK;
}

static enum status read_list(struct sql_statement *statement,
                             struct select_list *list,
                             struct sql_limit *limit,
                             struct error *error)
{
    struct sql_reader *reader = &statement->reader;

    while (sql_reader_accept_word(reader, "all") ||
           sql_reader_accept_word(reader, "distinct") ||
           sql_reader_accept_word(reader, "sql_no_cache") ||
           sql_reader_accept_word(reader, "sql_calc_found_rows")) {
    }
    do {
        if (read_column(statement, list, error) != STATUS_OK) {
            return error->status;
        }
    } while (sql_reader_accept_operator(reader, ","));
    (void)sql_reader_accept_words(reader, "from dual"); /* says nothing */
    if (sql_limit_read(statement, limit, error) != STATUS_OK) {
        return error->status;
    }
    (void)sql_reader_accept_words(reader, "for update"); /* locks nothing */
    return sql_statement_end(statement, error);
}

enum status sql_select(struct sql_statement *statement, struct error *error)
{
    struct select_list *list = NULL;
    struct sql_limit limit = {.count = UINT64_MAX};

    list = mem_zeroed(sizeof(*list));
    if (read_list(statement, list, &limit, error) != STATUS_OK) {
        free(list);
        return error->status;
    }
    if (statement->is_trial) {
        free(list);
        return STATUS_OK;
    }
    result_begin(statement->writer, list->columns, list->count);
    if (limit.offset == 0 && limit.count > 0) {
        result_add_row(statement->writer, list->values, list->count);
    }
    result_end(statement->writer);
    free(list);
    return STATUS_OK;
}
