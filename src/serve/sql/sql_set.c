/* SPDX-License-Identifier: Apache-2.0 */
#include "sql_set.h"

#include "sql_errors.h"
#include "sql_expression.h"
#include "sql_variables.h"

/* True if what was read is followed by the next assignment or the end. */
static bool is_assignment_over(struct sql_reader reader)
{
    return sql_reader_is_operator(&reader, ",") || sql_reader_is_at_end(&reader);
}

/* Steps over a value that is not understood, to the comma or end behind it. */
static void skip_value(struct sql_reader *reader)
{
    int open = 0;

    while (reader->token.kind != SQL_END && reader->token.kind != SQL_BROKEN) {
        if (open == 0 && is_assignment_over(*reader)) {
            return;
        }
        if (sql_reader_is_operator(reader, "(")) {
            open++;
        } else if (sql_reader_is_operator(reader, ")")) {
            open--;
        }
        sql_reader_next(reader);
    }
}

static bool accept_equals(struct sql_reader *reader)
{
    return sql_reader_accept_operator(reader, "=") || sql_reader_accept_operator(reader, ":=");
}

static enum status set_user_variable(struct sql_statement *statement, struct error *error)
{
    struct sql_value value;
    struct buffer text = {0};
    struct bytes name;

    sql_token_add_text(&statement->reader.token, &text);
    name = sql_text_take(&statement->memory, &text).text;
    sql_reader_next(&statement->reader);
    if (!accept_equals(&statement->reader)) {
        return sql_statement_bad(statement, error);
    }
    if (sql_expression_read(statement, &value, error) != STATUS_OK) {
        return error->status;
    }
    return sql_assigned_set(&statement->session->assigned, SQL_SCOPE_USER, name, value, error);
}

/* Reads a value, or a bare word: ON, DEFAULT, utf8mb4. False if it is neither. */
static bool read_session_value(struct sql_statement *statement, struct sql_value *value)
{
    struct sql_reader before = statement->reader;
    struct error ignored; /* an expression that is not understood is skipped */

    if (before.token.kind == SQL_NAME) {
        sql_reader_next(&statement->reader);
        if (is_assignment_over(statement->reader)) {
            *value = bytes_equal_text(before.token.text, "null")
                         ? sql_null()
                         : sql_text_of(sql_memory_add(&statement->memory, before.token.text));
            return true;
        }
        statement->reader = before;
    }
    if (sql_expression_read(statement, value, &ignored) == STATUS_OK &&
        is_assignment_over(statement->reader)) {
        return true;
    }
    statement->reader = before;
    skip_value(&statement->reader);
    return false;
}

static struct sql_value normalise(const struct sql_variable *variable, struct sql_value value)
{
    if (variable->kind != SQL_VARIABLE_SWITCH || value.kind == SQL_NULL) {
        return value;
    }
    if (bytes_equal_text(value.text, "1") || bytes_equal_text(value.text, "true") ||
        bytes_equal_text(value.text, "on")) {
        return sql_text("ON");
    }
    return sql_text("OFF");
}

static enum status refuse_global(struct sql_statement *statement, struct error *error)
{
    if (sql_session_need_right(statement->session, RIGHT_ADMIN, "admin", error) != STATUS_OK) {
        return error->status;
    }
    return sql_error_set(error, SQL_ERROR_NOT_SUPPORTED,
                         "Global variables are set by the relay's configuration");
}

static enum status set_session_variable(struct sql_statement *statement,
                                        struct sql_variable_name name,
                                        struct error *error)
{
    const struct sql_variable *variable =
        sql_variable_find(name.name, sql_session_server(statement->session).is_mariadb);
    struct sql_value value;
    int shown = name.name.size > SQL_ASSIGNED_NAME_MOST_BYTES ? SQL_ASSIGNED_NAME_MOST_BYTES
                                                              : (int)name.name.size;

    if (!accept_equals(&statement->reader)) {
        return sql_statement_bad(statement, error);
    }
    if (variable == NULL) {
        return sql_error_set(error, SQL_ERROR_UNKNOWN_VARIABLE,
                             "Unknown system variable '%.*s'", shown,
                             (const char *)name.name.data);
    }
    if (name.is_global) {
        return refuse_global(statement, error);
    }
    if ((variable->flags & SQL_VARIABLE_SETTABLE) == 0) {
        return sql_error_set(error, SQL_ERROR_READ_ONLY_VARIABLE,
                             "Variable '%s' is a read only variable", variable->name);
    }
    if (!read_session_value(statement, &value)) {
        return STATUS_OK;
    }
    if (value.kind == SQL_TEXT && bytes_equal_text(value.text, "default")) {
        sql_assigned_remove(&statement->session->assigned, SQL_SCOPE_SESSION, name.name);
        return STATUS_OK;
    }
    return sql_assigned_set(&statement->session->assigned, SQL_SCOPE_SESSION,
                            bytes_of_text(variable->name), normalise(variable, value), error);
}

/* SET NAMES x [COLLATE y] and SET CHARACTER SET x. */
static enum status set_names(struct sql_statement *statement, struct error *error)
{
    static const char *const names[] = {"character_set_client", "character_set_connection",
                                        "character_set_results"};
    struct sql_assigned *assigned = &statement->session->assigned;
    struct sql_reader *reader = &statement->reader;
    struct buffer text = {0};
    struct sql_value value;

    if (reader->token.kind != SQL_NAME && reader->token.kind != SQL_STRING &&
        reader->token.kind != SQL_QUOTED_NAME) {
        return sql_statement_bad(statement, error);
    }
    sql_token_add_text(&reader->token, &text);
    value = sql_text_take(&statement->memory, &text);
    sql_reader_next(reader);
    for (size_t at = 0; at < sizeof(names) / sizeof(names[0]); at++) {
        if (bytes_equal_text(value.text, "default")) {
            sql_assigned_remove(assigned, SQL_SCOPE_SESSION, bytes_of_text(names[at]));
        } else if (sql_assigned_set(assigned, SQL_SCOPE_SESSION, bytes_of_text(names[at]),
                                    value, error) != STATUS_OK) {
            return error->status;
        }
    }
    if (sql_reader_accept_word(reader, "collate")) {
        sql_reader_next(reader);
    }
    return STATUS_OK;
}

static enum status set_by_name(struct sql_statement *statement, struct error *error)
{
    struct sql_reader *reader = &statement->reader;
    struct sql_variable_name name = {0};
    struct buffer text = {0};

    if (sql_reader_accept_word(reader, "global") || sql_reader_accept_word(reader, "persist") ||
        sql_reader_accept_word(reader, "persist_only")) {
        name.is_global = true;
    } else if (!sql_reader_accept_word(reader, "session")) {
        (void)sql_reader_accept_word(reader, "local"); /* either may be left out */
    }
    if (sql_reader_accept_word(reader, "transaction")) {
        skip_value(reader);
        while (sql_reader_accept_operator(reader, ",")) {
            skip_value(reader); /* ISOLATION LEVEL x, READ ONLY */
        }
        return STATUS_OK;
    }
    if (reader->token.kind != SQL_NAME && reader->token.kind != SQL_QUOTED_NAME) {
        return sql_statement_bad(statement, error);
    }
    sql_token_add_text(&reader->token, &text);
    name.name = sql_text_take(&statement->memory, &text).text;
    sql_reader_next(reader);
    return set_session_variable(statement, name, error);
}

static enum status set_one(struct sql_statement *statement, struct error *error)
{
    struct sql_reader *reader = &statement->reader;
    struct sql_variable_name name;
    struct buffer text = {0};

    if (reader->token.kind == SQL_USER_VARIABLE) {
        return set_user_variable(statement, error);
    }
    if (reader->token.kind == SQL_SYSTEM_VARIABLE) {
        sql_token_add_text(&reader->token, &text);
        name = sql_variable_name_of(sql_text_take(&statement->memory, &text).text);
        sql_reader_next(reader);
        return set_session_variable(statement, name, error);
    }
    if (sql_reader_accept_word(reader, "names") || sql_reader_accept_word(reader, "charset") ||
        sql_reader_accept_words(reader, "character set")) {
        return set_names(statement, error);
    }
    return set_by_name(statement, error);
}

enum status sql_set(struct sql_statement *statement, struct error *error)
{
    do {
        if (set_one(statement, error) != STATUS_OK) {
            return error->status;
        }
    } while (sql_reader_accept_operator(&statement->reader, ","));
    if (sql_statement_end(statement, error) != STATUS_OK) {
        return error->status;
    }
    sql_statement_ok(statement);
    return STATUS_OK;
}
