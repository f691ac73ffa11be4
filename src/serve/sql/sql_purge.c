/* SPDX-License-Identifier: Apache-2.0 */
#include "sql_purge.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binrelay/storage/binlog_files.h"
#include "sql_engine.h"
#include "sql_errors.h"
#include "sql_translator.h"

/* What is to go: before a file, or what was stored before a time; the other is 0. */
struct purge_wish {
    uint64_t before_file;
    uint64_t before_usec;
};

/* ---- TO 'name' ---- */

/* A name that is not quoted: up to the next blank or the end. */
static struct bytes read_bare_name(struct sql_reader *reader)
{
    struct bytes rest = reader->statement;
    size_t begin = sql_reader_offset(reader);
    size_t size = 0;

    rest.data += begin;
    rest.size -= begin;
    while (size < rest.size && strchr(" \t\r\n;", rest.data[size]) == NULL) {
        size++;
    }
    while (reader->token.kind != SQL_END && reader->token.kind != SQL_BROKEN &&
           sql_reader_offset(reader) < begin + size) {
        sql_reader_next(reader);
    }
    return (struct bytes){.data = rest.data, .size = size};
}

static struct bytes read_name(struct sql_statement *statement)
{
    struct bytes name = {0};

    if (statement->reader.token.kind != SQL_STRING &&
        statement->reader.token.kind != SQL_QUOTED_NAME) {
        return read_bare_name(&statement->reader);
    }
    name = sql_token_value(statement);
    sql_reader_next(&statement->reader);
    return name;
}

/* As it is written here, and there. */
static bool find_file(struct binlog_store *store, struct bytes name, uint64_t *file)
{
    char base_name[BINLOG_NAME_MOST_BYTES + 1];
    char written[BINLOG_NAME_BYTES];
    struct binlog_file_facts facts;
    struct error ignored; /* it is not there then */

    if (!binlog_name_split(name, base_name, file)) {
        return false;
    }
    binlog_name_print(written, binlog_store_log_name(store), *file);
    return bytes_equal(name, bytes_of_text(written)) &&
           binlog_files_find(store, *file, &facts, &ignored) == STATUS_OK;
}

static enum status read_target(struct sql_statement *statement,
                               struct purge_wish *wish,
                               struct error *error)
{
    struct bytes name = read_name(statement);

    if (sql_statement_end(statement, error) != STATUS_OK) {
        return error->status;
    }
    if (!find_file(statement->session->cluster->store, name, &wish->before_file)) {
        return sql_error_set(error, SQL_ERROR_UNKNOWN_LOG,
                             "Target log not found in binlog index");
    }
    return STATUS_OK;
}

/* ---- BEFORE time ---- */

struct seconds {
    double value;
    bool is_known; /* the expression is a time */
};

static bool take_seconds(void *context, const struct sql_value *values, size_t count)
{
    struct seconds *seconds = context;
    char text[64];

    if (count == 1 && values[0].kind != SQL_NULL && values[0].text.size < sizeof(text)) {
        memcpy(text, values[0].text.data, values[0].text.size);
        text[values[0].text.size] = '\0';
        seconds->value = strtod(text, NULL);
        seconds->is_known = isfinite(seconds->value) && seconds->value >= 0;
    }
    return false;
}

static enum status compute_seconds(struct sql_statement *statement,
                                   struct seconds *seconds,
                                   struct error *error)
{
    struct sql_translation translation = {0};
    struct sql_translator translator = {.statement = statement, .into = &translation};
    struct sql_fragment found;

    sql_write_text(&translator, "SELECT ");
    if (sql_translate_expression(&translator, &found, error) == STATUS_OK) {
        sql_write_insert(&translator, found.begin, "fn_unix_timestamp(");
        sql_write_text(&translator, ")");
        if (sql_statement_end(statement, error) == STATUS_OK) {
            error->status =
                sql_engine_run(statement, &translation, NULL, 0, take_seconds, seconds, error);
        }
    }
    sql_translation_release(&translation);
    return error->status;
}

/* By the clock of the source, as all times here; files were stored by ours. */
static enum status read_time(struct sql_statement *statement,
                             struct purge_wish *wish,
                             struct error *error)
{
    const struct sql_session *session = statement->session;
    struct seconds seconds = {0};
    double usec = 0;

    error->status = STATUS_OK;
    if (compute_seconds(statement, &seconds, error) != STATUS_OK) {
        return error->status;
    }
    if (!seconds.is_known) {
        return sql_error_set(error, SQL_ERROR_WRONG_ARGUMENTS,
                             "Incorrect arguments to PURGE LOGS BEFORE");
    }
    usec = seconds.value * 1e6 - (double)cluster_board_clock_offset(session->cluster->board);
    wish->before_usec = usec >= 1 ? (uint64_t)usec : 1; /* nothing is as old as 1 */
    return STATUS_OK;
}

/* ---- both ---- */

/* What a client is to see of it. */
static enum status fail(struct error *error)
{
    const struct error why = *error;

    if (why.status == STATUS_NOT_FOUND) {
        return sql_error_set(error, SQL_ERROR_UNKNOWN_LOG,
                             "Target log not found in binlog index");
    }
    if (why.status == STATUS_DENIED) {
        return sql_error_set(error, SQL_ERROR_LOG_IN_USE,
                             "A purgeable log is in use, will not purge: %s", why.message);
    }
    return sql_error_set(error, SQL_ERROR_GENERAL, "%s", why.message);
}

static enum status read_wish(struct sql_statement *statement,
                             struct purge_wish *wish,
                             struct error *error)
{
    struct sql_reader *reader = &statement->reader;

    if (sql_reader_accept_word(reader, "to")) {
        return read_target(statement, wish, error);
    }
    if (sql_reader_accept_word(reader, "before")) {
        return read_time(statement, wish, error);
    }
    return sql_statement_bad(statement, error);
}

/* One at a time: on a slow disk it may take long, and others wait for this thread, too. */
static enum status purge_alone(const struct sql_session *session,
                               const struct purge_wish *wish,
                               struct error *error)
{
    const struct served_cluster *cluster = session->cluster;
    atomic_bool *is_purging = session->world->is_purging;

    if (atomic_exchange(is_purging, true)) {
        return sql_error_set(error, SQL_ERROR_LOCK_WAIT,
                             "Another PURGE BINARY LOGS is being carried out here; try again");
    }
    enum status status = cluster->purge_logs(cluster->purge_context, wish->before_file,
                                             wish->before_usec, error);

    atomic_store(is_purging, false);
    return status == STATUS_OK ? STATUS_OK : fail(error);
}

enum status sql_purge(struct sql_statement *statement, struct error *error)
{
    struct sql_reader *reader = &statement->reader;
    const struct sql_session *session = statement->session;
    struct purge_wish wish = {0};

    if (!sql_reader_accept_words(reader, "binary logs") &&
        !sql_reader_accept_words(reader, "master logs")) {
        return sql_statement_bad(statement, error);
    }
    if (sql_session_need_right(session, RIGHT_ADMIN, "admin", error) != STATUS_OK ||
        sql_session_need_cluster(session, error) != STATUS_OK) {
        return error->status;
    }
    if (session->cluster->purge_logs == NULL) {
        return sql_error_set(error, SQL_ERROR_NOT_SUPPORTED,
                             "This relay has nobody who purges the binlogs");
    }
    if (read_wish(statement, &wish, error) != STATUS_OK ||
        purge_alone(session, &wish, error) != STATUS_OK) {
        return error->status;
    }
    sql_statement_ok(statement);
    return STATUS_OK;
}
