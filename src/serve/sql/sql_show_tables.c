/* SPDX-License-Identifier: Apache-2.0 */
/* SHOW of what tables there are and how they look, for clients that look before they ask. */
#include <ctype.h>
#include <string.h>

#include "sql_errors.h"
#include "sql_filter.h"
#include "sql_show.h"
#include "sql_tables.h"
#include "sql_translator.h"

enum { SHOWN_NAME_BYTES = 64 };

enum status sql_show_databases(struct sql_statement *statement,
                               unsigned flags,
                               struct error *error)
{
    static const struct result_column column = {.name = "Database", .type = RESULT_VAR_STRING};
    struct sql_filter filter;

    (void)flags;
    if (sql_filter_read(statement, "Database", &filter, error) != STATUS_OK) {
        return error->status;
    }
    result_begin(statement->writer, &column, 1);
    for (size_t at = 0; at < sql_database_count; at++) {
        const struct bytes name = bytes_of_text(sql_databases[at]);

        if (sql_filter_matches(&filter, name)) {
            result_add_row(statement->writer, &name, 1);
        }
    }
    result_end(statement->writer);
    return STATUS_OK;
}

/* SHOW [FULL] TABLES [FROM database] [LIKE pattern]. */
enum status sql_show_tables(struct sql_statement *statement,
                            unsigned flags,
                            struct error *error)
{
    const struct sql_session *session = statement->session;
    struct sql_reader *reader = &statement->reader;
    struct bytes wanted = bytes_of_text(session->database);
    struct buffer text = {0};
    struct sql_filter filter;
    struct result_column columns[] = {
        {.type = RESULT_VAR_STRING},
        {.name = "Table_type", .type = RESULT_VAR_STRING},
    };

    if (sql_reader_accept_word(reader, "from") || sql_reader_accept_word(reader, "in")) {
        sql_token_add_text(&reader->token, &text);
        wanted = sql_text_take(&statement->memory, &text).text;
        sql_reader_next(reader);
    }
    if (wanted.size == 0) {
        return sql_error_set(error, SQL_ERROR_NO_CLUSTER, "No database selected");
    }
    columns[0].name =
        (const char *)sql_memory_format(&statement->memory, "Tables_in_%.*s", (int)wanted.size,
                                        (const char *)wanted.data)
            .data;
    if (sql_filter_read(statement, columns[0].name, &filter, error) != STATUS_OK) {
        return error->status;
    }
    result_begin(statement->writer, columns, (flags & SHOW_FULL) != 0 ? 2 : 1);
    for (size_t at = 0; at < sql_table_count; at++) {
        struct bytes row[2] = {{0}, bytes_of_text("BASE TABLE")};
        struct bytes database;

        sql_table_names(session, &sql_tables[at], &database, &row[0]);
        if (sql_table_find(session, wanted, row[0]) == &sql_tables[at] &&
            (session->rights & sql_tables[at].rights) != 0 &&
            sql_filter_matches(&filter, row[0])) {
            result_add_row(statement->writer, row, (flags & SHOW_FULL) != 0 ? 2 : 1);
        }
    }
    result_end(statement->writer);
    return STATUS_OK;
}

/* ---- SHOW COLUMNS ---- */

static const struct result_column column_columns[] = {
    {.name = "Field", .type = RESULT_VAR_STRING},
    {.name = "Type", .type = RESULT_VAR_STRING},
    {.name = "Collation", .type = RESULT_VAR_STRING}, /* FULL, as the last two */
    {.name = "Null", .type = RESULT_VAR_STRING},
    {.name = "Key", .type = RESULT_VAR_STRING},
    {.name = "Default", .type = RESULT_VAR_STRING},
    {.name = "Extra", .type = RESULT_VAR_STRING},
    {.name = "Privileges", .type = RESULT_VAR_STRING},
    {.name = "Comment", .type = RESULT_VAR_STRING},
};

enum { ALL_COLUMNS = sizeof(column_columns) / sizeof(column_columns[0]) };

static struct bytes next_name(struct sql_statement *statement)
{
    struct bytes name = sql_token_value(statement);

    sql_reader_next(&statement->reader);
    return name;
}

static bool is_name(const struct sql_reader *reader)
{
    return reader->token.kind == SQL_NAME || reader->token.kind == SQL_QUOTED_NAME;
}

/* table, database.table, or table FROM database. */
static enum status read_table(struct sql_statement *statement,
                              const struct sql_table **table,
                              struct error *error)
{
    struct sql_reader *reader = &statement->reader;
    struct bytes database = bytes_of_text(statement->session->database);
    struct bytes name;

    if (!is_name(reader)) {
        return sql_statement_bad(statement, error);
    }
    name = next_name(statement);
    if (sql_reader_accept_operator(reader, ".")) {
        database = name;
        if (!is_name(reader)) {
            return sql_statement_bad(statement, error);
        }
        name = next_name(statement);
    }
    if (sql_reader_accept_word(reader, "from") || sql_reader_accept_word(reader, "in")) {
        if (!is_name(reader)) {
            return sql_statement_bad(statement, error);
        }
        database = next_name(statement);
    }
    *table = sql_table_find(statement->session, database, name);
    if (*table == NULL) {
        return sql_error_set(
            error, SQL_ERROR_UNKNOWN_TABLE, "Table '%.*s.%.*s' doesn't exist",
            (int)(database.size < SHOWN_NAME_BYTES ? database.size : SHOWN_NAME_BYTES),
            database.data == NULL ? "" : (const char *)database.data,
            (int)(name.size < SHOWN_NAME_BYTES ? name.size : SHOWN_NAME_BYTES),
            (const char *)name.data);
    }
    return sql_session_need_right(statement->session, (*table)->rights, "read, report, admin",
                                  error);
}

static struct bytes lower(struct sql_memory *memory, const char *type)
{
    struct buffer text = {0};

    for (; *type != '\0'; type++) {
        buffer_add_number(&text, (uint8_t)tolower((unsigned char)*type), 1);
    }
    return sql_text_take(memory, &text).text;
}

static void add_column(struct sql_statement *statement,
                       const struct sql_table_column *column,
                       bool is_full)
{
    const struct bytes empty = bytes_of_text("");
    bool is_text = strncmp(column->type, "VARCHAR", strlen("VARCHAR")) == 0;
    struct bytes cells[ALL_COLUMNS] = {
        bytes_of_text(column->name),
        lower(&statement->memory, column->type),
        is_text ? bytes_of_text("utf8mb4_general_ci") : (struct bytes){0},
        bytes_of_text("YES"),
        empty,
        {0},
        empty,
        bytes_of_text("select"),
        empty,
    };
    struct bytes row[ALL_COLUMNS];
    size_t count = 0;

    for (size_t at = 0; at < ALL_COLUMNS; at++) {
        if (is_full || (at != 2 && at < 7)) {
            row[count++] = cells[at];
        }
    }
    result_add_row(statement->writer, row, count);
}

static void begin_columns(struct sql_statement *statement, bool is_full)
{
    struct result_column columns[ALL_COLUMNS];
    size_t count = 0;

    for (size_t at = 0; at < ALL_COLUMNS; at++) {
        if (is_full || (at != 2 && at < 7)) {
            columns[count++] = column_columns[at];
        }
    }
    result_begin(statement->writer, columns, count);
}

static void add_columns(struct sql_statement *statement,
                        const struct sql_table *table,
                        const struct sql_filter *filter,
                        bool is_full)
{
    begin_columns(statement, is_full);
    for (size_t at = 0; at < table->column_count; at++) {
        if (sql_filter_matches(filter, bytes_of_text(table->columns[at].name))) {
            add_column(statement, &table->columns[at], is_full);
        }
    }
    result_end(statement->writer);
}

enum status sql_show_columns(struct sql_statement *statement,
                             unsigned flags,
                             struct error *error)
{
    struct sql_reader *reader = &statement->reader;
    const struct sql_table *table = NULL;
    struct sql_filter filter;

    if (!sql_reader_accept_word(reader, "from") && !sql_reader_accept_word(reader, "in")) {
        return sql_statement_bad(statement, error);
    }
    if (read_table(statement, &table, error) != STATUS_OK ||
        sql_filter_read(statement, "Field", &filter, error) != STATUS_OK) {
        return error->status;
    }
    add_columns(statement, table, &filter, (flags & SHOW_FULL) != 0);
    return STATUS_OK;
}

enum status sql_describe(struct sql_statement *statement, struct error *error)
{
    struct sql_reader *reader = &statement->reader;
    const struct sql_table *table = NULL;
    struct sql_filter filter = {0};

    if (read_table(statement, &table, error) != STATUS_OK) {
        return error->status;
    }
    if (is_name(reader) || reader->token.kind == SQL_STRING) { /* a column, or a pattern */
        filter.count = 1;
        filter.terms[0].is_pattern = true;
        filter.terms[0].text = next_name(statement);
    }
    if (sql_statement_end(statement, error) != STATUS_OK) {
        return error->status;
    }
    add_columns(statement, table, &filter, false);
    return STATUS_OK;
}

/* ---- what text there is ---- */

/* All text here is UTF-8. */
static enum status show_one(struct sql_statement *statement,
                            const struct result_column *columns,
                            const char *const *cells,
                            size_t count,
                            struct error *error)
{
    struct bytes row[8];
    struct sql_filter filter;

    if (sql_filter_read(statement, columns[0].name, &filter, error) != STATUS_OK) {
        return error->status;
    }
    result_begin(statement->writer, columns, count);
    for (size_t at = 0; at < count; at++) {
        row[at] = bytes_of_text(cells[at]);
    }
    if (sql_filter_matches(&filter, row[0])) {
        result_add_row(statement->writer, row, count);
    }
    result_end(statement->writer);
    return STATUS_OK;
}

enum status sql_show_collations(struct sql_statement *statement,
                                unsigned flags,
                                struct error *error)
{
    static const struct result_column columns[] = {
        {.name = "Collation", .type = RESULT_VAR_STRING},
        {.name = "Charset", .type = RESULT_VAR_STRING},
        {.name = "Id", .type = RESULT_LONGLONG, .is_unsigned = true},
        {.name = "Default", .type = RESULT_VAR_STRING},
        {.name = "Compiled", .type = RESULT_VAR_STRING},
        {.name = "Sortlen", .type = RESULT_LONGLONG, .is_unsigned = true},
    };
    static const char *const cells[] = {
        "utf8mb4_general_ci", "utf8mb4", "45", "Yes", "Yes", "1"};

    (void)flags;
    return show_one(statement, columns, cells, sizeof(cells) / sizeof(cells[0]), error);
}

enum status sql_show_character_sets(struct sql_statement *statement,
                                    unsigned flags,
                                    struct error *error)
{
    static const struct result_column columns[] = {
        {.name = "Charset", .type = RESULT_VAR_STRING},
        {.name = "Description", .type = RESULT_VAR_STRING},
        {.name = "Default collation", .type = RESULT_VAR_STRING},
        {.name = "Maxlen", .type = RESULT_LONGLONG, .is_unsigned = true},
    };
    static const char *const cells[] = {"utf8mb4", "UTF-8 Unicode", "utf8mb4_general_ci", "4"};

    (void)flags;
    return show_one(statement, columns, cells, sizeof(cells) / sizeof(cells[0]), error);
}
