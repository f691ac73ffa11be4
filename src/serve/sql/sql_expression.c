/* SPDX-License-Identifier: Apache-2.0 */
#include "sql_expression.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sql_errors.h"
#include "sql_functions.h"
#include "sql_variables.h"

/* Parentheses and arguments inside each other. */
enum { MOST_DEPTH = 16 };

struct expression {
    struct sql_statement *statement; /* borrowed */
    int depth;
};

/* Expressions stand in expressions, as deep as MOST_DEPTH. */
/* NOLINTBEGIN(misc-no-recursion) */

static enum status read_value(struct expression *expression,
                              struct sql_value *found,
                              struct error *error);

static struct bytes token_text(struct sql_statement *statement)
{
    struct buffer text = {0};

    sql_token_add_text(&statement->reader.token, &text);
    return sql_text_take(&statement->memory, &text).text;
}

static struct sql_value number_of(struct sql_statement *statement, bool is_negative)
{
    struct bytes text = statement->reader.token.text;
    bool is_whole = memchr(text.data, '.', text.size) == NULL &&
                    memchr(text.data, 'e', text.size) == NULL &&
                    memchr(text.data, 'E', text.size) == NULL;
    struct buffer number = {0};
    struct sql_value value;

    if (is_negative) {
        buffer_add_text(&number, "-");
    }
    buffer_add_bytes(&number, text);
    value = sql_text_take(&statement->memory, &number);
    value.kind = is_whole ? SQL_INTEGER : SQL_DECIMAL;
    return value;
}

/* Reads @name, or @name := expression. */
static enum status read_user_variable(struct expression *expression,
                                      struct sql_value *found,
                                      struct error *error)
{
    struct sql_statement *statement = expression->statement;
    struct sql_assigned *assigned = &statement->session->assigned;
    struct bytes name = token_text(statement);
    const struct sql_value *known = NULL;

    sql_reader_next(&statement->reader);
    if (sql_reader_accept_operator(&statement->reader, ":=")) {
        if (read_value(expression, found, error) != STATUS_OK) {
            return error->status;
        }
        return statement->is_trial
                   ? STATUS_OK
                   : sql_assigned_set(assigned, SQL_SCOPE_USER, name, *found, error);
    }
    known = sql_assigned_find(assigned, SQL_SCOPE_USER, name);
    *found = known == NULL ? sql_null() : *known;
    if (known != NULL && known->kind != SQL_NULL) {
        found->text = sql_memory_add(&statement->memory, known->text); /* may be set again */
    }
    return STATUS_OK;
}

static enum status read_system_variable(struct sql_statement *statement,
                                        struct sql_value *found,
                                        struct error *error)
{
    struct bytes text = token_text(statement);

    if (sql_variable_select(statement, text, found, error) != STATUS_OK) {
        return error->status;
    }
    if (found->kind != SQL_NULL) {
        found->text = sql_memory_add(&statement->memory, found->text);
    }
    sql_reader_next(&statement->reader);
    return STATUS_OK;
}

static enum status read_arguments(struct expression *expression,
                                  struct sql_arguments *arguments,
                                  struct error *error)
{
    struct sql_reader *reader = &expression->statement->reader;

    if (sql_reader_accept_operator(reader, ")")) {
        return STATUS_OK;
    }
    do {
        if (arguments->count == SQL_MOST_ARGUMENTS) {
            return sql_statement_bad(expression->statement, error);
        }
        if (read_value(expression, &arguments->values[arguments->count], error) != STATUS_OK) {
            return error->status;
        }
        arguments->count++;
    } while (sql_reader_accept_operator(reader, ","));
    if (!sql_reader_accept_operator(reader, ")")) {
        return sql_statement_bad(expression->statement, error);
    }
    return STATUS_OK;
}

/* Reads a function's call, or one of the words that are values by themselves. */
static enum status read_named(struct expression *expression,
                              struct sql_value *found,
                              struct error *error)
{
    struct sql_statement *statement = expression->statement;
    struct sql_arguments arguments = {0};
    struct bytes name = statement->reader.token.text;
    bool is_call = false;

    if (sql_reader_accept_word(&statement->reader, "null")) {
        *found = sql_null();
        return STATUS_OK;
    }
    if (sql_reader_is_word(&statement->reader, "true") ||
        sql_reader_is_word(&statement->reader, "false")) {
        *found = sql_number(&statement->memory,
                            sql_reader_is_word(&statement->reader, "true") ? 1 : 0);
        sql_reader_next(&statement->reader);
        return STATUS_OK;
    }
    sql_reader_next(&statement->reader);
    is_call = sql_reader_accept_operator(&statement->reader, "(");
    if (is_call && read_arguments(expression, &arguments, error) != STATUS_OK) {
        return error->status;
    }
    return sql_function_call(statement, name, is_call ? &arguments : NULL, found, error);
}

static enum status read_signed(struct sql_statement *statement,
                               struct sql_value *found,
                               struct error *error)
{
    bool is_negative = sql_reader_is_operator(&statement->reader, "-");

    sql_reader_next(&statement->reader);
    if (statement->reader.token.kind != SQL_NUMBER) {
        return sql_statement_bad(statement, error);
    }
    *found = number_of(statement, is_negative);
    sql_reader_next(&statement->reader);
    return STATUS_OK;
}

static enum status read_in_parentheses(struct expression *expression,
                                       struct sql_value *found,
                                       struct error *error)
{
    sql_reader_next(&expression->statement->reader);
    if (read_value(expression, found, error) != STATUS_OK) {
        return error->status;
    }
    return sql_reader_accept_operator(&expression->statement->reader, ")")
               ? STATUS_OK
               : sql_statement_bad(expression->statement, error);
}

static enum status read_token(struct expression *expression,
                              struct sql_value *found,
                              struct error *error)
{
    struct sql_statement *statement = expression->statement;
    struct sql_reader *reader = &statement->reader;
    bool is_introducer = reader->token.kind == SQL_NAME && reader->token.text.data[0] == '_';

    if (is_introducer) {
        struct sql_reader ahead = *reader; /* _utf8mb4'text' is the text */

        sql_reader_next(&ahead);
        *reader = ahead.token.kind == SQL_STRING ? ahead : *reader;
    }
    switch ((int)reader->token.kind) {
    case SQL_NUMBER:
        if (memchr(reader->token.text.data, 'e', reader->token.text.size) != NULL ||
            memchr(reader->token.text.data, 'E', reader->token.text.size) != NULL) {
            return sql_statement_bad(statement, error); /* the engine knows doubles */
        }
        *found = number_of(statement, false);
        sql_reader_next(reader);
        return STATUS_OK;
    case SQL_STRING:
        *found = sql_text_of(token_text(statement));
        sql_reader_next(reader);
        return reader->token.kind == SQL_STRING ? sql_statement_bad(statement, error)
                                                : STATUS_OK;
    case SQL_USER_VARIABLE:
        return read_user_variable(expression, found, error);
    case SQL_SYSTEM_VARIABLE:
        return read_system_variable(statement, found, error);
    case SQL_NAME:
        return read_named(expression, found, error);
    default:
        break;
    }
    if (sql_reader_is_operator(reader, "(")) {
        return read_in_parentheses(expression, found, error);
    }
    if (sql_reader_is_operator(reader, "-") || sql_reader_is_operator(reader, "+")) {
        return read_signed(statement, found, error);
    }
    return sql_statement_bad(statement, error);
}

static enum status read_value(struct expression *expression,
                              struct sql_value *found,
                              struct error *error)
{
    enum status status = STATUS_OK;

    if (expression->depth == MOST_DEPTH) {
        return sql_statement_bad(expression->statement, error);
    }
    expression->depth++;
    status = read_token(expression, found, error);
    expression->depth--;
    return status;
}

/* NOLINTEND(misc-no-recursion) */

enum status sql_expression_read(struct sql_statement *statement,
                                struct sql_value *found,
                                struct error *error)
{
    struct expression expression = {.statement = statement};

    return read_value(&expression, found, error);
}
