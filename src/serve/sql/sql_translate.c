/* SPDX-License-Identifier: Apache-2.0 */
/* SELECT: its list, tables, conditions, order and limit. */
#include "sql_translate.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "binrelay/base/memory.h"
#include "sql_errors.h"
#include "sql_select.h"
#include "sql_tables.h"
#include "sql_translator.h"

enum { NAME_SHOWN_BYTES = 64, MOST_COLUMNS = 512, MOST_TABLES = 32 };

void sql_translation_release(struct sql_translation *translation)
{
    buffer_release(&translation->text);
    buffer_release(&translation->names);
    free(translation->items);
    *translation = (struct sql_translation){0};
}

static enum status bad(struct sql_translator *translator, struct error *error)
{
    return sql_statement_bad(translator->statement, error);
}

/* Only the first select list of the statement is the answer's. */
static enum status add_item(struct sql_translator *translator,
                            const struct sql_fragment *found,
                            bool is_star,
                            struct error *error)
{
    struct sql_translation *into = translator->into;

    if (translator->selects > 1) {
        return STATUS_OK;
    }
    if (into->item_count == MOST_COLUMNS) {
        return sql_error_set(error, SQL_ERROR_GENERAL, "Too many columns: the limit is %d",
                             MOST_COLUMNS);
    }
    if (into->item_count == into->item_capacity) {
        into->items = mem_grow(into->items, &into->item_capacity, sizeof(*into->items));
    }
    into->items[into->item_count++] = (struct sql_item){.kind = found->kind,
                                                        .scale = found->scale,
                                                        .is_unsigned = found->is_unsigned,
                                                        .is_star = is_star};
    return STATUS_OK;
}

/* Reads *, table.* or database.table.*; false if it is none. */
static bool accept_star(struct sql_translator *translator)
{
    struct sql_reader *reader = &translator->statement->reader;
    struct sql_reader before = *reader;
    struct bytes table = {0};

    while (sql_translate_is_name(reader)) {
        table = sql_token_value(translator->statement);
        sql_reader_next(reader);
        if (!sql_reader_accept_operator(reader, ".")) {
            *reader = before;
            return false;
        }
    }
    if (!sql_reader_accept_operator(reader, "*")) {
        *reader = before;
        return false;
    }
    if (table.data != NULL) {
        sql_write_name(translator, table);
        sql_write_text(translator, ".");
    }
    sql_write_text(translator, "*");
    return true;
}

/* A column is called by its alias, else by its name, else by what was written. */
static struct bytes label_of(struct sql_translator *translator,
                             const struct sql_fragment *found,
                             struct sql_reader first)
{
    struct sql_statement *statement = translator->statement;
    struct sql_reader *reader = &statement->reader;
    size_t begin = sql_reader_offset(&first);
    struct bytes written = {.data = reader->statement.data + begin,
                            .size = reader->previous_end - begin};
    struct buffer text = {0};

    if (first.token.kind == SQL_STRING) {
        sql_token_add_text(&first.token, &text);
        return sql_text_take(&statement->memory, &text).text;
    }
    if (!found->is_column) {
        return written;
    }
    while (sql_reader_offset(&first) < begin + written.size) {
        buffer_clear(&text);
        sql_token_add_text(&first.token, &text);
        sql_reader_next(&first);
    }
    return sql_text_take(&statement->memory, &text).text;
}

static enum status read_item(struct sql_translator *translator, struct error *error)
{
    struct sql_reader first = translator->statement->reader;
    struct sql_fragment found = {0};
    struct bytes label;

    if (accept_star(translator)) {
        return add_item(translator, &found, true, error);
    }
    if (sql_translate_expression(translator, &found, error) != STATUS_OK) {
        return error->status;
    }
    label = label_of(translator, &found, first);
    (void)sql_translate_alias(translator, true, &label); /* else it stays */
    sql_write_text(translator, " AS ");
    sql_write_name(translator, label);
    return add_item(translator, &found, false, error);
}

static enum status read_list(struct sql_translator *translator, struct error *error)
{
    static const char *const ignored[] = {"all",
                                          "high_priority",
                                          "straight_join",
                                          "sql_small_result",
                                          "sql_big_result",
                                          "sql_buffer_result",
                                          "sql_no_cache",
                                          "sql_cache",
                                          "sql_calc_found_rows"};
    struct sql_reader *reader = &translator->statement->reader;

    sql_write_text(translator, "SELECT ");
    for (size_t at = 0; at < sizeof(ignored) / sizeof(ignored[0]);) {
        if (sql_reader_accept_word(reader, "distinct") ||
            sql_reader_accept_word(reader, "distinctrow")) {
            sql_write_text(translator, "DISTINCT ");
        }
        at = sql_reader_accept_word(reader, ignored[at]) ? 0 : at + 1;
    }
    do {
        if (read_item(translator, error) != STATUS_OK) {
            return error->status;
        }
        sql_write_text(translator, sql_reader_is_operator(reader, ",") ? "," : "");
    } while (sql_reader_accept_operator(reader, ","));
    return STATUS_OK;
}

/* Subqueries stand in expressions and tables, as deep as SQL_DEPTH_MOST. */
/* NOLINTBEGIN(misc-no-recursion) */

static enum status read_orders(struct sql_translator *translator, struct error *error)
{
    struct sql_reader *reader = &translator->statement->reader;
    struct sql_fragment found;

    do {
        if (sql_translate_expression(translator, &found, error) != STATUS_OK) {
            return error->status;
        }
        if (sql_reader_accept_word(reader, "desc")) {
            sql_write_text(translator, " DESC");
        } else {
            (void)sql_reader_accept_word(reader, "asc"); /* that is what it is without */
        }
        sql_write_text(translator, sql_reader_is_operator(reader, ",") ? "," : "");
    } while (sql_reader_accept_operator(reader, ","));
    return STATUS_OK;
}

static enum status read_condition(struct sql_translator *translator,
                                  const char *word,
                                  const char *text,
                                  struct error *error)
{
    struct sql_fragment condition;

    if (!sql_reader_accept_word(&translator->statement->reader, word)) {
        return STATUS_OK;
    }
    sql_write_text(translator, text);
    return sql_translate_expression(translator, &condition, error);
}

static enum status read_group(struct sql_translator *translator, struct error *error)
{
    if (!sql_reader_accept_words(&translator->statement->reader, "group by")) {
        return STATUS_OK;
    }
    sql_write_text(translator, " GROUP BY ");
    return read_orders(translator, error);
}

static enum status read_order_and_limit(struct sql_translator *translator, struct error *error)
{
    struct sql_limit limit = {.count = UINT64_MAX};

    if (sql_reader_accept_words(&translator->statement->reader, "order by")) {
        sql_write_text(translator, " ORDER BY ");
        if (read_orders(translator, error) != STATUS_OK) {
            return error->status;
        }
    }
    if (sql_limit_read(translator->statement, &limit, error) != STATUS_OK) {
        return error->status;
    }
    if (limit.count <= INT64_MAX) {
        buffer_add_format(&translator->into->text, " LIMIT %" PRIu64, limit.count);
    } else if (limit.offset > 0) {
        sql_write_text(translator, " LIMIT -1"); /* all */
    }
    if (limit.offset > 0) {
        buffer_add_format(&translator->into->text, " OFFSET %" PRIu64,
                          limit.offset > INT64_MAX ? (uint64_t)INT64_MAX : limit.offset);
    }
    return STATUS_OK;
}

/* FOR UPDATE, LOCK IN SHARE MODE, ...: nothing here is locked. */
static void skip_locks(struct sql_reader *reader)
{
    while (sql_reader_accept_words(reader, "for update") ||
           sql_reader_accept_words(reader, "for share") ||
           sql_reader_accept_words(reader, "lock in share mode") ||
           sql_reader_accept_word(reader, "nowait") ||
           sql_reader_accept_words(reader, "skip locked")) {
    }
}

/* SELECT ... INTO @a, @b, in the outermost only. */
static enum status read_into(struct sql_translator *translator, struct error *error)
{
    struct sql_reader *reader = &translator->statement->reader;
    struct sql_translation *into = translator->into;

    if (into->name_count > 0 || !sql_reader_accept_word(reader, "into")) {
        return STATUS_OK;
    }
    if (translator->selects > 1) {
        return bad(translator, error);
    }
    do {
        if (reader->token.kind != SQL_USER_VARIABLE) {
            return sql_error_set(error, SQL_ERROR_NOT_SUPPORTED,
                                 "SELECT ... INTO takes user variables only");
        }
        buffer_add_text_zero(&into->names,
                             (const char *)sql_token_value(translator->statement).data);
        into->name_count++;
        sql_reader_next(reader);
    } while (sql_reader_accept_operator(reader, ","));
    return STATUS_OK;
}

/* One SELECT without ORDER BY and LIMIT, which a UNION has once. */
static enum status read_block(struct sql_translator *translator, struct error *error)
{
    struct sql_reader *reader = &translator->statement->reader;

    if (read_list(translator, error) != STATUS_OK ||
        read_into(translator, error) != STATUS_OK) {
        return error->status;
    }
    if (sql_reader_accept_word(reader, "from") && !sql_reader_accept_word(reader, "dual")) {
        sql_write_text(translator, " FROM ");
        if (sql_translate_tables(translator, error) != STATUS_OK) {
            return error->status;
        }
    }
    if (read_condition(translator, "where", " WHERE ", error) != STATUS_OK ||
        read_group(translator, error) != STATUS_OK) {
        return error->status;
    }
    return read_condition(translator, "having", " HAVING ", error);
}

static enum status read_query(struct sql_translator *translator, struct error *error)
{
    struct sql_reader *reader = &translator->statement->reader;

    if (read_block(translator, error) != STATUS_OK) {
        return error->status;
    }
    while (sql_reader_accept_word(reader, "union")) {
        sql_write_text(translator,
                       sql_reader_accept_word(reader, "all") ? " UNION ALL " : " UNION ");
        (void)sql_reader_accept_word(reader, "distinct"); /* that is what it is without */
        if (!sql_reader_accept_word(reader, "select")) {
            return bad(translator, error);
        }
        translator->selects++; /* its list is not the answer's */
        if (read_block(translator, error) != STATUS_OK) {
            return error->status;
        }
        translator->selects--;
    }
    if (read_order_and_limit(translator, error) != STATUS_OK ||
        read_into(translator, error) != STATUS_OK) {
        return error->status;
    }
    skip_locks(reader);
    return STATUS_OK;
}

enum status sql_translate_query(struct sql_translator *translator, struct error *error)
{
    enum status status = STATUS_OK;

    if (translator->depth >= SQL_DEPTH_MOST) {
        return bad(translator, error);
    }
    translator->depth++;
    translator->selects++;
    status = read_query(translator, error);
    translator->selects--;
    translator->depth--;
    return status;
}

enum status sql_translate_tail(struct sql_translator *translator, struct error *error)
{
    if (read_condition(translator, "where", " WHERE ", error) != STATUS_OK) {
        return error->status;
    }
    return read_order_and_limit(translator, error);
}

/* NOLINTEND(misc-no-recursion) */

enum status sql_translate_select(struct sql_statement *statement,
                                 struct sql_translation *translation,
                                 struct error *error)
{
    struct sql_translator translator = {.statement = statement, .into = translation};
    int open = 0;

    while (sql_reader_accept_operator(&statement->reader, "(")) {
        open++;
    }
    if (!sql_reader_accept_word(&statement->reader, "select")) {
        return bad(&translator, error);
    }
    if (sql_translate_query(&translator, error) != STATUS_OK) {
        return error->status;
    }
    for (; open > 0; open--) {
        if (!sql_reader_accept_operator(&statement->reader, ")")) {
            return bad(&translator, error);
        }
    }
    return sql_statement_end(statement, error);
}

enum status sql_translate_set(struct sql_statement *statement,
                              struct sql_translation *translation,
                              struct error *error)
{
    struct sql_translator translator = {.statement = statement, .into = translation};
    struct sql_reader *reader = &statement->reader;
    struct sql_fragment found;

    sql_write_text(&translator, "SELECT ");
    do {
        struct bytes name = sql_token_value(statement);

        if (reader->token.kind != SQL_USER_VARIABLE) {
            return bad(&translator, error);
        }
        sql_reader_next(reader);
        if (!sql_reader_accept_operator(reader, "=") &&
            !sql_reader_accept_operator(reader, ":=")) {
            return bad(&translator, error);
        }
        sql_write_text(&translator, "fn_assign(");
        sql_write_string(&translator, name);
        sql_write_text(&translator, ",");
        if (sql_translate_expression(&translator, &found, error) != STATUS_OK) {
            return error->status;
        }
        buffer_add_format(&translation->text, ",%d,%d)", (int)found.kind, found.scale);
        sql_write_text(&translator, sql_reader_is_operator(reader, ",") ? "," : "");
    } while (sql_reader_accept_operator(reader, ","));
    return sql_statement_end(statement, error);
}
