/* SPDX-License-Identifier: Apache-2.0 */
/* IS, BETWEEN, IN and LIKE. */
#include "sql_errors.h"
#include "sql_translator.h"

void sql_fragment_give_truth(struct sql_fragment *found)
{
    found->kind = SQL_INTEGER;
    found->scale = 0;
    found->is_unsigned = false;
    found->is_column = false;
    found->is_bits = false;
    found->height++;
}

/* Operands are expressions, which hold predicates, as deep as SQL_DEPTH_MOST. */
/* NOLINTBEGIN(misc-no-recursion) */

enum status sql_translate_is(struct sql_translator *translator,
                             struct sql_fragment *found,
                             struct error *error)
{
    struct sql_reader *reader = &translator->statement->reader;
    bool is_not = sql_reader_accept_word(reader, "not");
    const char *what = NULL;

    if (sql_reader_accept_word(reader, "null") || sql_reader_accept_word(reader, "unknown")) {
        what = is_not ? " IS NOT NULL)" : " IS NULL)";
    } else if (sql_reader_accept_word(reader, "true")) {
        what = is_not ? " IS NOT TRUE)" : " IS TRUE)";
    } else if (sql_reader_accept_word(reader, "false")) {
        what = is_not ? " IS NOT FALSE)" : " IS FALSE)";
    } else {
        return sql_statement_bad(translator->statement, error);
    }
    sql_write_insert(translator, found->begin, "(");
    sql_write_text(translator, what);
    sql_fragment_give_truth(found);
    return sql_fragment_check(translator, found, error);
}

static enum status between(struct sql_translator *translator,
                           struct sql_fragment *found,
                           struct error *error)
{
    struct sql_fragment bound = {0};
    bool is_column = found->is_column;

    sql_write_insert(translator, found->begin, is_column ? "(" : "fn_between(");
    sql_write_text(translator, is_column ? " BETWEEN " : ",");
    if (sql_translate_operand(translator, &bound, error) != STATUS_OK) {
        return error->status;
    }
    (void)sql_write_bits_like(translator, &bound, translator->into->text.size, found);
    if (!sql_reader_accept_word(&translator->statement->reader, "and")) {
        return sql_statement_bad(translator->statement, error);
    }
    sql_write_text(translator, is_column ? " AND " : ",");
    if (sql_translate_operand(translator, &bound, error) != STATUS_OK) {
        return error->status;
    }
    (void)sql_write_bits_like(translator, &bound, translator->into->text.size, found);
    sql_write_text(translator, ")");
    sql_fragment_give_truth(found);
    return sql_fragment_check(translator, found, error);
}

static enum status in_list(struct sql_translator *translator,
                           struct sql_fragment *found,
                           struct error *error)
{
    struct sql_reader *reader = &translator->statement->reader;
    struct sql_fragment item = {0};
    bool is_query = false;
    bool is_native = false;

    if (!sql_reader_accept_operator(reader, "(")) {
        return sql_statement_bad(translator->statement, error);
    }
    is_query = sql_reader_accept_word(reader, "select");
    is_native = found->is_column || is_query;
    sql_write_insert(translator, found->begin, is_native ? "(" : "fn_in(");
    sql_write_text(translator, is_native ? " IN (" : ",");
    if (is_query) {
        if (sql_translate_query(translator, error) != STATUS_OK) {
            return error->status;
        }
    } else {
        do {
            if (sql_translate_expression(translator, &item, error) != STATUS_OK) {
                return error->status;
            }
            (void)sql_write_bits_like(translator, &item, translator->into->text.size, found);
            sql_write_text(translator, sql_reader_is_operator(reader, ",") ? "," : "");
        } while (sql_reader_accept_operator(reader, ","));
    }
    if (!sql_reader_accept_operator(reader, ")")) {
        return sql_statement_bad(translator->statement, error);
    }
    sql_write_text(translator, is_native ? "))" : ")");
    sql_fragment_give_truth(found);
    return sql_fragment_check(translator, found, error);
}

/* A backslash escapes, unless the statement names another character. */
static enum status like(struct sql_translator *translator,
                        struct sql_fragment *found,
                        struct error *error)
{
    struct sql_reader *reader = &translator->statement->reader;
    struct sql_fragment pattern = {0};

    sql_write_insert(translator, found->begin, "fn_like(");
    sql_write_text(translator, ",");
    if (sql_translate_operand(translator, &pattern, error) != STATUS_OK) {
        return error->status;
    }
    sql_write_text(translator, ",");
    if (sql_reader_accept_word(reader, "escape")) {
        if (reader->token.kind != SQL_STRING) {
            return sql_statement_bad(translator->statement, error);
        }
        sql_write_string(translator, sql_token_value(translator->statement));
        sql_reader_next(reader);
    } else {
        sql_write_text(translator, "'\\'");
    }
    sql_write_text(translator, ")");
    sql_fragment_give_truth(found);
    return sql_fragment_check(translator, found, error);
}

enum status sql_translate_predicate(struct sql_translator *translator,
                                    struct sql_fragment *found,
                                    struct error *error)
{
    struct sql_reader *reader = &translator->statement->reader;
    bool is_not = sql_reader_accept_word(reader, "not");
    enum status status = STATUS_OK;

    if (sql_reader_accept_word(reader, "between")) {
        status = between(translator, found, error);
    } else if (sql_reader_accept_word(reader, "in")) {
        status = in_list(translator, found, error);
    } else if (sql_reader_accept_word(reader, "like")) {
        status = like(translator, found, error);
    } else if (sql_reader_is_word(reader, "regexp") || sql_reader_is_word(reader, "rlike")) {
        return sql_error_set(error, SQL_ERROR_NOT_SUPPORTED,
                             "This endpoint has no regular expressions: use LIKE");
    } else {
        return sql_statement_bad(translator->statement, error);
    }
    if (status == STATUS_OK && is_not) {
        sql_write_insert(translator, found->begin, "(NOT ");
        sql_write_text(translator, ")");
    }
    return status;
}

bool sql_translate_is_predicate(const struct sql_reader *reader)
{
    return sql_reader_is_word(reader, "not") || sql_reader_is_word(reader, "between") ||
           sql_reader_is_word(reader, "in") || sql_reader_is_word(reader, "like") ||
           sql_reader_is_word(reader, "regexp") || sql_reader_is_word(reader, "rlike");
}

/* NOLINTEND(misc-no-recursion) */
