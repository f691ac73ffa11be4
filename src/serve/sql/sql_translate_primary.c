/* SPDX-License-Identifier: Apache-2.0 */
/* What operators stand between: literals, variables, columns, calls, CASE, subqueries. */
#include <string.h>

#include "sql_errors.h"
#include "sql_functions.h"
#include "sql_tables.h"
#include "sql_translator.h"
#include "sql_variables.h"

enum { NAME_SHOWN_BYTES = 64 };

static void read_number(struct sql_translator *translator, struct sql_fragment *found)
{
    struct bytes text = translator->statement->reader.token.text;
    const uint8_t *point = memchr(text.data, '.', text.size);
    bool has_exponent =
        memchr(text.data, 'e', text.size) != NULL || memchr(text.data, 'E', text.size) != NULL;
    struct sql_value value = {.kind = SQL_INTEGER, .text = text};

    if (has_exponent) {
        value.kind = SQL_REAL;
    } else if (point != NULL) {
        value.kind = SQL_DECIMAL;
        found->scale = (int)(text.data + text.size - point) - 1;
        found->scale = found->scale > 30 ? 30 : found->scale;
    }
    found->kind = value.kind;
    sql_write_value(translator, value);
    sql_reader_next(&translator->statement->reader);
}

/* Strings that follow each other are one. */
static void read_string(struct sql_translator *translator, struct sql_fragment *found)
{
    struct sql_statement *statement = translator->statement;
    struct buffer text = {0};

    while (statement->reader.token.kind == SQL_STRING) {
        sql_token_add_text(&statement->reader.token, &text);
        sql_reader_next(&statement->reader);
    }
    sql_write_string(translator, sql_text_take(&statement->memory, &text).text);
    found->kind = SQL_TEXT;
}

static void read_bits(struct sql_translator *translator, struct sql_fragment *found)
{
    struct sql_statement *statement = translator->statement;

    sql_write_string(translator, sql_token_value(statement));
    sql_reader_next(&statement->reader);
    found->kind = SQL_TEXT;
    found->is_bits = true;
}

/* @name, or @name := expression. */
static enum status read_user_variable(struct sql_translator *translator,
                                      struct sql_fragment *found,
                                      struct error *error)
{
    struct sql_statement *statement = translator->statement;
    struct bytes name = sql_token_value(statement);
    const struct sql_value *known =
        sql_assigned_find(&statement->session->assigned, SQL_SCOPE_USER, name);

    sql_reader_next(&statement->reader);
    if (!sql_reader_accept_operator(&statement->reader, ":=")) {
        sql_write_text(translator, "fn_variable(");
        sql_write_string(translator, name);
        sql_write_text(translator, ")");
        found->kind = known == NULL ? SQL_NULL : known->kind;
        return STATUS_OK;
    }
    sql_write_text(translator, "fn_assign(");
    sql_write_string(translator, name);
    sql_write_text(translator, ",");
    if (sql_translate_expression(translator, found, error) != STATUS_OK) {
        return error->status;
    }
    buffer_add_format(&translator->into->text, ",%d,%d)", (int)found->kind, found->scale);
    found->is_column = false;
    found->height++;
    return STATUS_OK;
}

static enum status read_system_variable(struct sql_translator *translator,
                                        struct sql_fragment *found,
                                        struct error *error)
{
    struct sql_statement *statement = translator->statement;
    struct sql_value value;

    if (sql_variable_select(statement, sql_token_value(statement), &value, error) !=
        STATUS_OK) {
        return error->status;
    }
    sql_write_value(translator, value);
    found->kind = value.kind;
    sql_reader_next(&statement->reader);
    return STATUS_OK;
}

/* Functions of no arguments are of the session or the moment: their value is written. */
static enum status write_constant(struct sql_translator *translator,
                                  struct bytes name,
                                  bool is_call,
                                  struct sql_fragment *found,
                                  struct error *error)
{
    const struct sql_arguments none = {0};
    struct sql_value value;

    if (sql_function_call(translator->statement, name, is_call ? &none : NULL, &value, error) !=
        STATUS_OK) {
        return error->status;
    }
    sql_write_value(translator, value);
    found->kind = value.kind;
    return STATUS_OK;
}

/* ?n for a column of the new row; false if it has none of that name. */
static bool write_new_column(struct sql_translator *translator,
                             struct bytes name,
                             struct sql_fragment *found)
{
    const struct sql_new_row *row = &translator->new_row;

    for (size_t at = 0; row->columns != NULL && at < row->count; at++) {
        if (bytes_equal_text(name, row->columns[at])) {
            buffer_add_format(&translator->into->text, "?%zu", at + 1);
            found->kind = sql_column_kind(name, &found->is_unsigned);
            return true;
        }
    }
    return false;
}

static enum status unknown_column(struct bytes name, struct error *error)
{
    int shown = name.size > NAME_SHOWN_BYTES ? NAME_SHOWN_BYTES : (int)name.size;

    return sql_error_set(error, SQL_ERROR_UNKNOWN_COLUMN,
                         "Unknown column '%.*s' in 'field list'", shown,
                         (const char *)name.data);
}

/* column, table.column or database.table.column, where the first part is read. SQLite knows
 * tables by their own names or aliases only. */
static enum status read_column(struct sql_translator *translator,
                               struct bytes first,
                               struct sql_fragment *found,
                               struct error *error)
{
    struct sql_reader *reader = &translator->statement->reader;
    struct bytes table = {0};
    struct bytes name = first;

    for (int parts = 1; parts < 3 && sql_reader_accept_operator(reader, "."); parts++) {
        if (reader->token.kind != SQL_NAME && reader->token.kind != SQL_QUOTED_NAME) {
            return sql_statement_bad(translator->statement, error);
        }
        table = name;
        name = sql_token_value(translator->statement);
        sql_reader_next(reader);
    }
    if (table.data != NULL && translator->new_row.alias.size > 0 &&
        table.size == translator->new_row.alias.size &&
        bytes_equal_text(table, (const char *)translator->new_row.alias.data)) {
        return write_new_column(translator, name, found) ? STATUS_OK
                                                         : unknown_column(name, error);
    }
    if (table.data != NULL) {
        sql_write_name(translator, table);
        sql_write_text(translator, ".");
    }
    sql_write_name(translator, name);
    found->kind = sql_column_kind(name, &found->is_unsigned);
    found->is_column = true;
    return STATUS_OK;
}

/* Parts nest as deep as expressions may. */
/* NOLINTBEGIN(misc-no-recursion) */

static enum status read_case(struct sql_translator *translator,
                             struct sql_fragment *found,
                             struct error *error)
{
    struct sql_reader *reader = &translator->statement->reader;
    struct sql_fragment part;
    struct sql_fragment sum = {0};
    bool is_empty = true;

    sql_write_text(translator, "(CASE ");
    if (!sql_reader_is_word(reader, "when")) {
        if (sql_translate_expression(translator, &part, error) != STATUS_OK) {
            return error->status;
        }
        sql_write_text(translator, " COLLATE NOCASE");
    }
    while (sql_reader_accept_word(reader, "when")) {
        sql_write_text(translator, " WHEN ");
        if (sql_translate_expression(translator, &part, error) != STATUS_OK) {
            return error->status;
        }
        if (!sql_reader_accept_word(reader, "then")) {
            return sql_statement_bad(translator->statement, error);
        }
        sql_write_text(translator, " THEN ");
        if (sql_translate_expression(translator, &part, error) != STATUS_OK) {
            return error->status;
        }
        sql_fragment_join(&sum, &part);
        is_empty = false;
    }
    if (sql_reader_accept_word(reader, "else")) {
        sql_write_text(translator, " ELSE ");
        if (sql_translate_expression(translator, &part, error) != STATUS_OK) {
            return error->status;
        }
        sql_fragment_join(&sum, &part);
    }
    if (is_empty || !sql_reader_accept_word(reader, "end")) {
        return sql_statement_bad(translator->statement, error);
    }
    sql_write_text(translator, " END)");
    sum.begin = found->begin;
    *found = sum;
    return STATUS_OK;
}

static enum status read_in_parentheses(struct sql_translator *translator,
                                       struct sql_fragment *found,
                                       struct error *error)
{
    struct sql_reader *reader = &translator->statement->reader;
    size_t begin = found->begin;

    sql_reader_next(reader);
    if (sql_reader_accept_word(reader, "select")) {
        sql_write_text(translator, "(");
        if (sql_translate_query(translator, error) != STATUS_OK) {
            return error->status;
        }
        sql_write_text(translator, ")");
    } else if (sql_translate_expression(translator, found, error) != STATUS_OK) {
        return error->status;
    }
    found->begin = begin;
    if (sql_reader_is_operator(reader, ",")) {
        return sql_error_set(error, SQL_ERROR_NOT_SUPPORTED,
                             "This endpoint does not compare rows");
    }
    return sql_reader_accept_operator(reader, ")")
               ? STATUS_OK
               : sql_statement_bad(translator->statement, error);
}

static enum status read_exists(struct sql_translator *translator,
                               struct sql_fragment *found,
                               struct error *error)
{
    struct sql_reader *reader = &translator->statement->reader;

    if (!sql_reader_accept_operator(reader, "(") || !sql_reader_accept_word(reader, "select")) {
        return sql_statement_bad(translator->statement, error);
    }
    sql_write_text(translator, "EXISTS (");
    if (sql_translate_query(translator, error) != STATUS_OK) {
        return error->status;
    }
    sql_write_text(translator, ")");
    found->kind = SQL_INTEGER;
    return sql_reader_accept_operator(reader, ")")
               ? STATUS_OK
               : sql_statement_bad(translator->statement, error);
}

/* VALUES(column) of an INSERT's update. */
static enum status read_values(struct sql_translator *translator,
                               struct sql_fragment *found,
                               struct error *error)
{
    struct sql_statement *statement = translator->statement;
    struct bytes name = sql_token_value(statement);

    sql_reader_next(&statement->reader);
    if (!sql_reader_accept_operator(&statement->reader, ")")) {
        return sql_statement_bad(statement, error);
    }
    return write_new_column(translator, name, found) ? STATUS_OK : unknown_column(name, error);
}

/* A word, which the reader has passed: a value, a call or a column. */
static enum status read_word(struct sql_translator *translator,
                             struct bytes word,
                             struct sql_fragment *found,
                             struct error *error)
{
    struct sql_reader *reader = &translator->statement->reader;
    struct error ignored; /* it is a column then */

    if (sql_reader_accept_operator(reader, "(")) {
        if (bytes_equal_text(word, "values") && translator->new_row.columns != NULL) {
            return read_values(translator, found, error);
        }
        if (sql_reader_is_operator(reader, ")")) {
            struct sql_reader behind = *reader;

            sql_reader_next(&behind);
            if (write_constant(translator, word, true, found, &ignored) == STATUS_OK) {
                *reader = behind;
                return STATUS_OK;
            }
        }
        return sql_translate_call(translator, word, found, error);
    }
    if (!sql_reader_is_operator(reader, ".") &&
        write_constant(translator, word, false, found, &ignored) == STATUS_OK) {
        return STATUS_OK;
    }
    if (!sql_reader_is_operator(reader, ".") && bytes_equal_text(word, "current_date")) {
        sql_write_text(translator, "fn_curdate()");
        found->kind = SQL_TEXT;
        return STATUS_OK;
    }
    return read_column(translator, word, found, error);
}

static enum status read_named(struct sql_translator *translator,
                              struct sql_fragment *found,
                              struct error *error)
{
    struct sql_statement *statement = translator->statement;
    struct sql_reader *reader = &statement->reader;
    struct bytes word = reader->token.text;

    if (word.data[0] == '_') {
        struct sql_reader ahead = *reader;

        sql_reader_next(&ahead);
        if (ahead.token.kind == SQL_STRING) { /* _utf8mb4'text' is the text */
            *reader = ahead;
            read_string(translator, found);
            return STATUS_OK;
        }
        if (ahead.token.kind == SQL_BITS) { /* _binary x'4D' */
            *reader = ahead;
            read_bits(translator, found);
            found->is_bits = false;
            return STATUS_OK;
        }
    }
    sql_reader_next(reader);
    if (bytes_equal_text(word, "null")) {
        sql_write_text(translator, "NULL");
        return STATUS_OK;
    }
    if (bytes_equal_text(word, "true") || bytes_equal_text(word, "false")) {
        found->kind = SQL_INTEGER;
        sql_write_text(translator, bytes_equal_text(word, "true") ? "1" : "0");
        return STATUS_OK;
    }
    if (bytes_equal_text(word, "case")) {
        return read_case(translator, found, error);
    }
    if (bytes_equal_text(word, "exists")) {
        return read_exists(translator, found, error);
    }
    if (bytes_equal_text(word, "binary")) { /* compared as other text, said in docs/sql.md */
        return sql_translate_primary(translator, found, error);
    }
    if (sql_word_is_reserved(word) &&
        !(sql_reader_is_operator(reader, "(") &&
          (bytes_equal_text(word, "left") || bytes_equal_text(word, "right") ||
           bytes_equal_text(word, "mod")))) {
        return sql_statement_bad(statement, error);
    }
    return read_word(translator, word, found, error);
}

static enum status read_unary(struct sql_translator *translator,
                              struct sql_fragment *found,
                              struct error *error)
{
    struct sql_reader *reader = &translator->statement->reader;
    size_t begin = found->begin;
    char sign = (char)reader->token.text.data[0];

    sql_reader_next(reader);
    sql_write_text(translator, sign == '-'   ? "(-"
                               : sign == '~' ? "fn_bit_not("
                               : sign == '!' ? "(NOT "
                                             : "(+");
    if (sql_translate_primary(translator, found, error) != STATUS_OK) {
        return error->status;
    }
    (void)sql_write_bits_number(translator, found, translator->into->text.size);
    sql_write_text(translator, ")");
    found->begin = begin;
    found->is_column = false;
    found->height++;
    if (sign == '!' || sign == '~') {
        found->kind = SQL_INTEGER;
        found->is_unsigned = sign == '~';
    } else if (found->kind == SQL_TEXT) {
        found->kind = SQL_REAL;
    } else if (sign == '-') {
        found->is_unsigned = false;
    }
    return STATUS_OK;
}

static enum status read_operator(struct sql_translator *translator,
                                 struct sql_fragment *found,
                                 struct error *error)
{
    struct sql_reader *reader = &translator->statement->reader;

    if (sql_reader_is_operator(reader, "(")) {
        return read_in_parentheses(translator, found, error);
    }
    if (sql_reader_is_operator(reader, "-") || sql_reader_is_operator(reader, "+") ||
        sql_reader_is_operator(reader, "!") || sql_reader_is_operator(reader, "~")) {
        return read_unary(translator, found, error);
    }
    return sql_statement_bad(translator->statement, error);
}

static enum status read_token(struct sql_translator *translator,
                              struct sql_fragment *found,
                              struct error *error)
{
    struct sql_statement *statement = translator->statement;
    struct bytes name;

    switch (statement->reader.token.kind) {
    case SQL_NUMBER:
        read_number(translator, found);
        return STATUS_OK;
    case SQL_STRING:
        read_string(translator, found);
        return STATUS_OK;
    case SQL_BITS:
        read_bits(translator, found);
        return STATUS_OK;
    case SQL_USER_VARIABLE:
        return read_user_variable(translator, found, error);
    case SQL_SYSTEM_VARIABLE:
        return read_system_variable(translator, found, error);
    case SQL_NAME:
        return read_named(translator, found, error);
    case SQL_QUOTED_NAME:
        name = sql_token_value(statement);
        sql_reader_next(&statement->reader);
        return read_column(translator, name, found, error);
    case SQL_OPERATOR:
        return read_operator(translator, found, error);
    case SQL_END:
    case SQL_BROKEN:
    default:
        return sql_statement_bad(statement, error);
    }
}

enum status sql_translate_primary(struct sql_translator *translator,
                                  struct sql_fragment *found,
                                  struct error *error)
{
    const struct sql_reader *reader = &translator->statement->reader;
    size_t begin = translator->into->text.size;
    bool is_bare = reader->token.kind == SQL_BITS || sql_reader_is_operator(reader, "(");
    enum status status = STATUS_OK;

    if (translator->depth >= SQL_DEPTH_MOST) {
        return sql_statement_bad(translator->statement, error);
    }
    *found = (struct sql_fragment){.begin = begin};
    translator->depth++;
    status = read_token(translator, found, error);
    translator->depth--;
    found->begin = begin;
    found->is_bits = found->is_bits && is_bare;
    if (status == STATUS_OK &&
        sql_reader_accept_word(&translator->statement->reader, "collate")) {
        sql_reader_next(&translator->statement->reader); /* there is one for all */
    }
    return status == STATUS_OK ? sql_fragment_check(translator, found, error) : status;
}

/* NOLINTEND(misc-no-recursion) */
