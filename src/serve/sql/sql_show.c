/* SPDX-License-Identifier: Apache-2.0 */
#include "sql_show.h"

#include <inttypes.h>
#include <string.h>

#include "../session_directory.h"
#include "sql_errors.h"
#include "sql_filter.h"
#include "sql_tables.h"
#include "sql_variables.h"

static const struct result_column name_and_value[] = {
    {.name = "Variable_name", .type = RESULT_VAR_STRING},
    {.name = "Value", .type = RESULT_VAR_STRING},
};

static enum status show_variables(struct sql_statement *statement,
                                  unsigned flags,
                                  struct error *error)
{
    const struct sql_server server = sql_session_server(statement->session);
    const unsigned hidden =
        SQL_VARIABLE_HIDDEN | (server.is_mariadb ? SQL_VARIABLE_MYSQL : SQL_VARIABLE_MARIADB);
    struct sql_filter filter;

    if (sql_filter_read(statement, "Variable_name", &filter, error) != STATUS_OK) {
        return error->status;
    }
    result_begin(statement->writer, name_and_value, 2);
    for (size_t at = 0; at < sql_variable_count; at++) {
        const struct sql_variable *variable = &sql_variable_table[at];
        struct bytes row[2] = {bytes_of_text(variable->name)};

        if ((variable->flags & hidden) != 0 || !sql_filter_matches(&filter, row[0])) {
            continue;
        }
        row[1] =
            sql_variable_show(variable, statement, &server, (flags & SHOW_GLOBAL) != 0).text;
        if (row[1].data == NULL) {
            row[1] = bytes_of_text("");
        }
        result_add_row(statement->writer, row, 2);
    }
    result_end(statement->writer);
    return STATUS_OK;
}

static enum status show_status(struct sql_statement *statement,
                               unsigned flags,
                               struct error *error)
{
    struct sql_session *session = statement->session;
    uint64_t up_usec = clock_wall_usec(session->clock) - session->started_usec;
    struct sql_filter filter;
    const struct {
        const char *name;
        uint64_t number;
    } rows[] = {
        {"Threads_connected", session_directory_count(session->directory)},
        {"Uptime", up_usec / 1000000},
    };

    (void)flags;
    if (sql_filter_read(statement, "Variable_name", &filter, error) != STATUS_OK) {
        return error->status;
    }
    result_begin(statement->writer, name_and_value, 2);
    for (size_t at = 0; at < sizeof(rows) / sizeof(rows[0]); at++) {
        const struct bytes row[2] = {bytes_of_text(rows[at].name),
                                     sql_number(&statement->memory, rows[at].number).text};

        if (sql_filter_matches(&filter, row[0])) {
            result_add_row(statement->writer, row, 2);
        }
    }
    result_end(statement->writer);
    return STATUS_OK;
}

static void skip_rest(struct sql_statement *statement)
{
    while (statement->reader.token.kind != SQL_END &&
           statement->reader.token.kind != SQL_BROKEN) {
        sql_reader_next(&statement->reader);
    }
}

static enum status show_nothing(struct sql_statement *statement,
                                const struct result_column *columns,
                                size_t count)
{
    skip_rest(statement);
    result_begin(statement->writer, columns, count);
    result_end(statement->writer);
    return STATUS_OK;
}

static const struct result_column warning_columns[] = {
    {.name = "Level", .type = RESULT_VAR_STRING},
    {.name = "Code", .type = RESULT_LONG, .is_unsigned = true},
    {.name = "Message", .type = RESULT_VAR_STRING},
};

/* The first one stands for all: each is of a row that nobody takes for a report. */
static enum status show_warnings(struct sql_statement *statement,
                                 unsigned flags,
                                 struct error *error)
{
    const struct sql_warnings *warnings = &statement->session->warnings;

    (void)flags;
    (void)error;
    skip_rest(statement);
    result_begin(statement->writer, warning_columns, 3);
    if (warnings->count > 0) {
        const struct bytes row[3] = {
            bytes_of_text("Warning"),
            sql_number(&statement->memory, (uint64_t)warnings->code).text,
            bytes_of_text(warnings->message)};

        result_add_row(statement->writer, row, 3);
    }
    result_end(statement->writer);
    return STATUS_OK;
}

/* An error is told at once, and not again. */
static enum status show_errors(struct sql_statement *statement,
                               unsigned flags,
                               struct error *error)
{
    (void)flags;
    (void)error;
    return show_nothing(statement, warning_columns, 3);
}

static enum status show_engines(struct sql_statement *statement,
                                unsigned flags,
                                struct error *error)
{
    static const struct result_column columns[] = {
        {.name = "Engine", .type = RESULT_VAR_STRING},
        {.name = "Support", .type = RESULT_VAR_STRING},
        {.name = "Comment", .type = RESULT_VAR_STRING},
        {.name = "Transactions", .type = RESULT_VAR_STRING},
        {.name = "XA", .type = RESULT_VAR_STRING},
        {.name = "Savepoints", .type = RESULT_VAR_STRING},
    };
    static const char *const words[] = {"binrelay", "DEFAULT", "Binlogs of the sources",
                                        "NO",       "NO",      "NO"};
    struct bytes row[6];

    (void)flags;
    if (sql_statement_end(statement, error) != STATUS_OK) {
        return error->status;
    }
    for (size_t at = 0; at < 6; at++) {
        row[at] = bytes_of_text(words[at]);
    }
    result_begin(statement->writer, columns, 6);
    result_add_row(statement->writer, row, 6);
    result_end(statement->writer);
    return STATUS_OK;
}

/* The rights in MySQL's words, for connectors that look whether they may replicate. */
static enum status show_grants(struct sql_statement *statement,
                               unsigned flags,
                               struct error *error)
{
    static const struct {
        unsigned right;
        const char *words;
    } grants[] = {{RIGHT_READ, "SELECT"},
                  {RIGHT_ADMIN, "RELOAD, PROCESS, SUPER"},
                  {RIGHT_REPLICATE, "REPLICATION SLAVE, REPLICATION CLIENT"}};
    const char *user = statement->session->user;
    struct result_column column = {.type = RESULT_VAR_STRING};
    struct buffer text = {0};
    struct bytes row;

    (void)flags;
    (void)error;
    column.name =
        (const char *)sql_memory_format(&statement->memory, "Grants for %s@%%", user).data;
    for (size_t at = 0; at < sizeof(grants) / sizeof(grants[0]); at++) {
        if ((statement->session->rights & grants[at].right) != 0) {
            buffer_add_format(&text, "%s%s", text.size == 0 ? "" : ", ", grants[at].words);
        }
    }
    row = sql_memory_format(&statement->memory, "GRANT %.*s ON *.* TO `%s`@`%%`",
                            text.size == 0 ? 5 : (int)text.size,
                            text.size == 0 ? "USAGE" : (const char *)text.data, user);
    buffer_release(&text);
    result_begin(statement->writer, &column, 1);
    result_add_row(statement->writer, &row, 1);
    result_end(statement->writer);
    return STATUS_OK;
}

enum {
    ANYBODY = 0,
    LOOKERS = RIGHT_REPLICATE | RIGHT_READ | RIGHT_ADMIN,
    READERS = RIGHT_READ | RIGHT_ADMIN,
};

static const struct {
    const char *words;
    unsigned rights; /* any of these; ANYBODY: none is asked for */
    unsigned flags;  /* added */
    sql_show_fn show;
} shows[] = {
    /* clang-format off */
    {"variables",          ANYBODY, 0,                          show_variables},
    {"status",             ANYBODY, 0,                          show_status},
    {"master status",      LOOKERS, SHOW_OLD_NAMES,             sql_show_log_status},
    {"binary log status",  LOOKERS, 0,                          sql_show_log_status},
    {"binlog status",      LOOKERS, 0,                          sql_show_log_status},
    {"binary logs",        LOOKERS, 0,                          sql_show_logs},
    {"master logs",        LOOKERS, SHOW_OLD_NAMES,             sql_show_logs},
    {"binlog events",      LOOKERS, 0,                          sql_show_events},
    {"replicas",           LOOKERS, 0,                          sql_show_replicas},
    {"replica hosts",      LOOKERS, SHOW_OLD_NAMES,             sql_show_replicas},
    {"slave hosts",        LOOKERS, SHOW_OLD_NAMES,             sql_show_replicas},
    {"replica status",     READERS, 0,                          sql_show_replica_status},
    {"slave status",       READERS, SHOW_OLD_NAMES,             sql_show_replica_status},
    {"all slaves status",  READERS, SHOW_OLD_NAMES | SHOW_MANY, sql_show_replica_status},
    {"all replicas status", READERS, SHOW_OLD_NAMES | SHOW_MANY, sql_show_replica_status},
    {"processlist",        ANYBODY, 0,                          sql_show_sessions},
    {"databases",          ANYBODY, 0,                          sql_show_databases},
    {"schemas",            ANYBODY, 0,                          sql_show_databases},
    {"tables",             ANYBODY, 0,                          sql_show_tables},
    {"columns",            ANYBODY, 0,                          sql_show_columns},
    {"fields",             ANYBODY, 0,                          sql_show_columns},
    {"collation",          ANYBODY, 0,                          sql_show_collations},
    {"character set",      ANYBODY, 0,                          sql_show_character_sets},
    {"charset",            ANYBODY, 0,                          sql_show_character_sets},
    {"warnings",           ANYBODY, 0,                          show_warnings},
    {"errors",             ANYBODY, 0,                          show_errors},
    {"engines",            ANYBODY, 0,                          show_engines},
    {"storage engines",    ANYBODY, 0,                          show_engines},
    {"grants",             ANYBODY, 0,                          show_grants},
    /* clang-format on */
};

static unsigned read_flags(struct sql_reader *reader)
{
    unsigned flags = 0;

    if (sql_reader_accept_word(reader, "full")) {
        flags |= SHOW_FULL;
    }
    if (sql_reader_accept_word(reader, "global")) {
        flags |= SHOW_GLOBAL;
    } else if (!sql_reader_accept_word(reader, "session")) {
        (void)sql_reader_accept_word(reader, "local"); /* all may be left out */
    }
    return flags;
}

enum status sql_show(struct sql_statement *statement, struct error *error)
{
    unsigned flags = read_flags(&statement->reader);

    for (size_t at = 0; at < sizeof(shows) / sizeof(shows[0]); at++) {
        if (!sql_reader_accept_words(&statement->reader, shows[at].words)) {
            continue;
        }
        if (shows[at].rights != ANYBODY &&
            sql_session_need_right(statement->session, shows[at].rights,
                                   shows[at].rights == LOOKERS ? "replicate, read, admin"
                                                               : "read, admin",
                                   error) != STATUS_OK) {
            return error->status;
        }
        return shows[at].show(statement, flags | shows[at].flags, error);
    }
    return sql_statement_bad(statement, error);
}
