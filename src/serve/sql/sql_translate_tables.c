/* SPDX-License-Identifier: Apache-2.0 */
/* Tables: their names and rights, joins, derived tables. */
#include "sql_errors.h"
#include "sql_tables.h"
#include "sql_translator.h"

enum { NAME_SHOWN_BYTES = 64, MOST_TABLES = 32 };

bool sql_translate_is_name(const struct sql_reader *reader)
{
    return reader->token.kind == SQL_QUOTED_NAME ||
           (reader->token.kind == SQL_NAME && !sql_word_is_reserved(reader->token.text));
}

bool sql_translate_alias(struct sql_translator *translator,
                         bool may_be_string,
                         struct bytes *alias)
{
    struct sql_reader *reader = &translator->statement->reader;
    bool has_as = sql_reader_accept_word(reader, "as");
    bool is_word = reader->token.kind == SQL_NAME && has_as;

    if (!is_word && !sql_translate_is_name(reader) &&
        !(may_be_string && reader->token.kind == SQL_STRING)) {
        return false;
    }
    *alias = sql_token_value(translator->statement);
    sql_reader_next(reader);
    return true;
}

static enum status deny(struct sql_translator *translator,
                        struct bytes table,
                        struct error *error)
{
    const struct sql_session *session = translator->statement->session;
    int shown = table.size > NAME_SHOWN_BYTES ? NAME_SHOWN_BYTES : (int)table.size;

    return sql_error_set(error, SQL_ERROR_TABLE_DENIED,
                         "SELECT command denied to user '%s'@'%s' for table '%.*s'",
                         session->user, session->host, shown, (const char *)table.data);
}

static const struct sql_table *bad_name(struct sql_statement *statement, struct error *error)
{
    error->status = sql_statement_bad(statement, error);
    return NULL;
}

const struct sql_table *sql_translate_table_name(struct sql_translator *translator,
                                                 struct error *error)
{
    struct sql_statement *statement = translator->statement;
    struct sql_reader *reader = &statement->reader;
    struct bytes database = bytes_of_text(statement->session->database);
    const struct sql_table *table = NULL;
    struct bytes name;

    if (!sql_translate_is_name(reader)) {
        return bad_name(statement, error);
    }
    name = sql_token_value(statement);
    sql_reader_next(reader);
    if (sql_reader_accept_operator(reader, ".")) {
        database = name;
        name = sql_token_value(statement);
        sql_reader_next(reader);
    }
    if (database.size == 0) {
        (void)sql_error_set(error, SQL_ERROR_NO_CLUSTER, "No database selected");
        return NULL;
    }
    table = sql_table_find(statement->session, database, name);
    if (table == NULL && (statement->session->rights & (RIGHT_READ | RIGHT_ADMIN)) == 0) {
        (void)deny(translator, name, error); /* who may not read learns nothing of tables */
    } else if (table == NULL) {
        (void)sql_error_set(error, SQL_ERROR_UNKNOWN_TABLE, "Table '%.*s.%.*s' doesn't exist",
                            database.size > NAME_SHOWN_BYTES ? NAME_SHOWN_BYTES
                                                             : (int)database.size,
                            (const char *)database.data,
                            name.size > NAME_SHOWN_BYTES ? NAME_SHOWN_BYTES : (int)name.size,
                            (const char *)name.data);
    } else if ((statement->session->rights & table->rights) == 0) {
        (void)deny(translator, name, error);
        table = NULL;
    } else if (table->needs_cluster &&
               sql_session_need_cluster(statement->session, error) != STATUS_OK) {
        table = NULL;
    }
    return table;
}

/* USE INDEX (a), FORCE INDEX FOR ORDER BY (b), ...: SQLite chooses by itself. */
static enum status skip_hints(struct sql_translator *translator, struct error *error)
{
    struct sql_reader *reader = &translator->statement->reader;

    while (sql_reader_is_word(reader, "use") || sql_reader_is_word(reader, "force") ||
           sql_reader_is_word(reader, "ignore")) {
        while (reader->token.kind == SQL_NAME) {
            sql_reader_next(reader);
        }
        if (!sql_reader_accept_operator(reader, "(")) {
            return sql_statement_bad(translator->statement, error);
        }
        while (sql_translate_is_name(reader) || sql_reader_is_operator(reader, ",")) {
            sql_reader_next(reader);
        }
        if (!sql_reader_accept_operator(reader, ")")) {
            return sql_statement_bad(translator->statement, error);
        }
    }
    return STATUS_OK;
}

/* Subqueries stand in tables, tables in parentheses, as deep as SQL_DEPTH_MOST. */
/* NOLINTBEGIN(misc-no-recursion) */

static enum status read_derived(struct sql_translator *translator, struct error *error)
{
    struct sql_reader *reader = &translator->statement->reader;
    struct bytes alias;

    sql_write_text(translator, "(");
    if (!sql_reader_accept_word(reader, "select")) {
        if (translator->depth >= SQL_DEPTH_MOST) {
            return sql_statement_bad(translator->statement, error);
        }
        translator->depth++;
        if (sql_translate_tables(translator, error) != STATUS_OK) {
            return error->status;
        }
        translator->depth--;
        sql_write_text(translator, ")");
        return sql_reader_accept_operator(reader, ")")
                   ? STATUS_OK
                   : sql_statement_bad(translator->statement, error);
    }
    if (sql_translate_query(translator, error) != STATUS_OK) {
        return error->status;
    }
    if (!sql_reader_accept_operator(reader, ")") ||
        !sql_translate_alias(translator, false,
                             &alias)) { /* every derived table has an alias */
        return sql_statement_bad(translator->statement, error);
    }
    sql_write_text(translator, ") AS ");
    sql_write_name(translator, alias);
    return STATUS_OK;
}

static enum status read_table(struct sql_translator *translator, struct error *error)
{
    const struct sql_table *table = NULL;
    struct bytes alias;
    struct bytes database;

    if (sql_reader_accept_operator(&translator->statement->reader, "(")) {
        return read_derived(translator, error);
    }
    table = sql_translate_table_name(translator, error);
    if (table == NULL) {
        return error->status;
    }
    sql_table_names(translator->statement->session, table, &database, &alias);
    (void)sql_translate_alias(translator, false, &alias); /* else it has its own name */
    sql_write_name(translator, bytes_of_text(table->module));
    sql_write_text(translator, " AS ");
    sql_write_name(translator, alias);
    return skip_hints(translator, error);
}

/* Reads the words of a join; NULL if there is none. */
static const char *accept_join(struct sql_reader *reader)
{
    static const struct {
        const char *words;
        const char *text;
    } joins[] = {
        {"join", " JOIN "},
        {"inner join", " JOIN "},
        {"cross join", " JOIN "},
        {"straight_join", " JOIN "},
        {"left join", " LEFT JOIN "},
        {"left outer join", " LEFT JOIN "},
        {"right join", " RIGHT JOIN "},
        {"right outer join", " RIGHT JOIN "},
        {"natural join", " NATURAL JOIN "},
        {"natural left join", " NATURAL LEFT JOIN "},
    };

    if (sql_reader_accept_operator(reader, ",")) {
        return ", ";
    }
    for (size_t at = 0; at < sizeof(joins) / sizeof(joins[0]); at++) {
        if (sql_reader_accept_words(reader, joins[at].words)) {
            return joins[at].text;
        }
    }
    return NULL;
}

static enum status read_join_condition(struct sql_translator *translator, struct error *error)
{
    struct sql_reader *reader = &translator->statement->reader;
    struct sql_fragment condition;

    if (sql_reader_accept_word(reader, "on")) {
        sql_write_text(translator, " ON ");
        return sql_translate_expression(translator, &condition, error);
    }
    if (!sql_reader_accept_word(reader, "using")) {
        return STATUS_OK;
    }
    sql_write_text(translator, " USING ");
    if (!sql_reader_accept_operator(reader, "(")) {
        return sql_statement_bad(translator->statement, error);
    }
    sql_write_text(translator, "(");
    do {
        if (!sql_translate_is_name(reader)) {
            return sql_statement_bad(translator->statement, error);
        }
        sql_write_name(translator, sql_token_value(translator->statement));
        sql_reader_next(reader);
        sql_write_text(translator, sql_reader_is_operator(reader, ",") ? "," : ")");
    } while (sql_reader_accept_operator(reader, ","));
    return sql_reader_accept_operator(reader, ")")
               ? STATUS_OK
               : sql_statement_bad(translator->statement, error);
}

enum status sql_translate_tables(struct sql_translator *translator, struct error *error)
{
    const char *join = "";
    int count = 0;

    while (join != NULL) {
        if (++count > MOST_TABLES) {
            return sql_error_set(error, SQL_ERROR_NOT_SUPPORTED,
                                 "Too many tables: the limit is %d", MOST_TABLES);
        }
        sql_write_text(translator, join);
        if (read_table(translator, error) != STATUS_OK ||
            read_join_condition(translator, error) != STATUS_OK) {
            return error->status;
        }
        join = accept_join(&translator->statement->reader);
    }
    return STATUS_OK;
}

/* NOLINTEND(misc-no-recursion) */
