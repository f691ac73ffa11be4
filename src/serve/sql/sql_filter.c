/* SPDX-License-Identifier: Apache-2.0 */
#include "sql_filter.h"

#include "sql_errors.h"

static uint8_t lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte | 0x20) : byte;
}

/* Matches one byte of the pattern at *at, which is not %. Steps over it. */
static bool matches_one(struct bytes pattern, size_t *at, uint8_t byte)
{
    uint8_t wanted = pattern.data[*at];

    (*at)++;
    if (wanted == '_') {
        return true;
    }
    if (wanted == '\\' && *at < pattern.size) {
        wanted = pattern.data[*at];
        (*at)++;
    }
    return lower(wanted) == lower(byte);
}

bool sql_text_is_like(struct bytes text, struct bytes pattern)
{
    size_t at = 0;      /* in the text */
    size_t next = 0;    /* in the pattern */
    size_t retry = 0;   /* where the text goes on if what follows the last % does not match */
    size_t percent = 0; /* behind the last %; 0: none yet */

    while (at < text.size) {
        if (next < pattern.size && pattern.data[next] == '%') {
            percent = ++next;
            retry = at;
        } else if (next < pattern.size && matches_one(pattern, &next, text.data[at])) {
            at++;
        } else if (percent > 0) {
            next = percent;
            at = ++retry;
        } else {
            return false;
        }
    }
    while (next < pattern.size && pattern.data[next] == '%') {
        next++;
    }
    return next == pattern.size;
}

bool sql_filter_matches(const struct sql_filter *filter, struct bytes text)
{
    for (size_t at = 0; at < filter->count; at++) {
        struct bytes wanted = filter->terms[at].text;
        bool is_it = filter->terms[at].is_pattern
                         ? sql_text_is_like(text, wanted)
                         : bytes_equal_text(text, (const char *)wanted.data);

        if (is_it) {
            return true;
        }
    }
    return filter->count == 0;
}

/* Reads the string of one term. */
static enum status read_term(struct sql_statement *statement,
                             bool is_pattern,
                             struct sql_filter *filter,
                             struct error *error)
{
    struct buffer text = {0};

    if (statement->reader.token.kind != SQL_STRING || filter->count == SQL_FILTER_MOST_TERMS) {
        return sql_statement_bad(statement, error);
    }
    sql_token_add_text(&statement->reader.token, &text);
    filter->terms[filter->count].is_pattern = is_pattern;
    filter->terms[filter->count].text = sql_text_take(&statement->memory, &text).text;
    filter->count++;
    sql_reader_next(&statement->reader);
    return STATUS_OK;
}

static enum status read_list(struct sql_statement *statement,
                             struct sql_filter *filter,
                             struct error *error)
{
    do {
        if (read_term(statement, false, filter, error) != STATUS_OK) {
            return error->status;
        }
    } while (sql_reader_accept_operator(&statement->reader, ","));
    if (!sql_reader_accept_operator(&statement->reader, ")")) {
        return sql_statement_bad(statement, error);
    }
    return STATUS_OK;
}

static bool accept_column(struct sql_statement *statement, const char *column)
{
    struct buffer name = {0};
    bool is_it = false;

    if (statement->reader.token.kind != SQL_NAME &&
        statement->reader.token.kind != SQL_QUOTED_NAME) {
        return false;
    }
    sql_token_add_text(&statement->reader.token, &name);
    is_it = bytes_equal_text(buffer_bytes(&name), column);
    buffer_release(&name);
    if (is_it) {
        sql_reader_next(&statement->reader);
    }
    return is_it;
}

static enum status read_condition(struct sql_statement *statement,
                                  const char *column,
                                  struct sql_filter *filter,
                                  struct error *error)
{
    struct sql_reader *reader = &statement->reader;

    if (!accept_column(statement, column)) {
        return sql_statement_bad(statement, error);
    }
    if (sql_reader_accept_operator(reader, "=")) {
        return read_term(statement, false, filter, error);
    }
    if (sql_reader_accept_word(reader, "like")) {
        return read_term(statement, true, filter, error);
    }
    if (sql_reader_accept_word(reader, "in") && sql_reader_accept_operator(reader, "(")) {
        return read_list(statement, filter, error);
    }
    return sql_statement_bad(statement, error);
}

enum status sql_filter_read(struct sql_statement *statement,
                            const char *column,
                            struct sql_filter *filter,
                            struct error *error)
{
    struct sql_reader *reader = &statement->reader;
    int open = 0;

    filter->count = 0;
    if (sql_reader_accept_word(reader, "like")) {
        if (read_term(statement, true, filter, error) != STATUS_OK) {
            return error->status;
        }
        return sql_statement_end(statement, error);
    }
    if (!sql_reader_accept_word(reader, "where")) {
        return sql_statement_end(statement, error);
    }
    do {
        while (sql_reader_accept_operator(reader, "(")) {
            open++;
        }
        if (read_condition(statement, column, filter, error) != STATUS_OK) {
            return error->status;
        }
        while (open > 0 && sql_reader_accept_operator(reader, ")")) {
            open--;
        }
    } while (sql_reader_accept_word(reader, "or"));
    return open > 0 ? sql_statement_bad(statement, error) : sql_statement_end(statement, error);
}
