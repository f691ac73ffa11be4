/* SPDX-License-Identifier: Apache-2.0 */
#include "sql_answer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../session_directory.h"
#include "binrelay/base/log.h"
#include "sql_engine.h"
#include "sql_errors.h"
#include "sql_expression.h"
#include "sql_select.h"
#include "sql_set.h"
#include "sql_show.h"
#include "sql_write.h"

/* The reader stands behind the statement's first word. */
typedef enum status (*statement_fn)(struct sql_statement *statement, struct error *error);

static void skip_rest(struct sql_statement *statement)
{
    while (statement->reader.token.kind != SQL_END &&
           statement->reader.token.kind != SQL_BROKEN) {
        sql_reader_next(&statement->reader);
    }
}

/* START TRANSACTION, COMMIT, LOCK TABLES ...: nothing here is changed by a statement. */
static enum status accept(struct sql_statement *statement, struct error *error)
{
    (void)error;
    skip_rest(statement);
    sql_statement_ok(statement);
    return STATUS_OK;
}

static enum status start(struct sql_statement *statement, struct error *error)
{
    if (!sql_reader_accept_word(&statement->reader, "transaction")) {
        return sql_statement_bad(statement, error);
    }
    return accept(statement, error);
}

static enum status use(struct sql_statement *statement, struct error *error)
{
    struct buffer text = {0};
    struct bytes name;

    sql_token_add_text(&statement->reader.token, &text);
    name = sql_text_take(&statement->memory, &text).text;
    sql_reader_next(&statement->reader);
    if (sql_statement_end(statement, error) != STATUS_OK ||
        sql_session_use(statement->session, name, error) != STATUS_OK) {
        return error->status;
    }
    sql_statement_ok(statement);
    return STATUS_OK;
}

/* KILL [CONNECTION | QUERY] n: a stream is all that a query could be, and it ends with its
 * connection. */
static enum status kill_session(struct sql_statement *statement, struct error *error)
{
    struct sql_reader *reader = &statement->reader;
    enum session_end why = SESSION_END_KILLED;
    uint64_t id = 0;

    if (sql_reader_accept_word(reader, "query")) {
        why = SESSION_END_QUERY;
    } else {
        (void)sql_reader_accept_word(reader, "connection"); /* it may be left out */
    }
    if (reader->token.kind != SQL_NUMBER || !sql_text_to_number(reader->token.text, &id)) {
        return sql_statement_bad(statement, error);
    }
    sql_reader_next(reader);
    if (sql_statement_end(statement, error) != STATUS_OK ||
        sql_session_need_right(statement->session, RIGHT_ADMIN, "admin", error) != STATUS_OK) {
        return error->status;
    }
    if (session_directory_kill(statement->session->directory, id, why, error) != STATUS_OK) {
        return sql_error_set(error, SQL_ERROR_UNKNOWN_THREAD, "Unknown thread id: %" PRIu64,
                             id);
    }
    sql_statement_ok(statement);
    return STATUS_OK;
}

/* What a client is to see of a failure at the source: its number, or a general one. */
static enum status fail_at_source(struct error *error)
{
    char words[sizeof(error->message)];

    if (error->sql_code != 0) {
        return error->status;
    }
    (void)snprintf(words, sizeof(words), "%s", error->message);
    return sql_error_set(error, SQL_ERROR_GENERAL, "%s", words);
}

/* FLUSH [NO_WRITE_TO_BINLOG | LOCAL] [BINARY] LOGS: done by the source. Its files are ours, so
 * there is nothing to be rotated here. */
static enum status flush(struct sql_statement *statement, struct error *error)
{
    struct sql_reader *reader = &statement->reader;
    struct sql_session *session = statement->session;

    if (!sql_reader_accept_word(reader, "no_write_to_binlog")) {
        (void)sql_reader_accept_word(reader, "local"); /* both may be left out */
    }
    (void)sql_reader_accept_word(reader, "binary"); /* as may this */
    if (!sql_reader_accept_word(reader, "logs")) {
        return sql_error_set(error, SQL_ERROR_NOT_SUPPORTED,
                             "This relay flushes nothing but BINARY LOGS, at the source");
    }
    if (sql_statement_end(statement, error) != STATUS_OK ||
        sql_session_need_right(session, RIGHT_ADMIN, "admin", error) != STATUS_OK ||
        sql_session_need_cluster(session, error) != STATUS_OK) {
        return error->status;
    }
    if (session->cluster->flush_source == NULL) {
        return sql_error_set(error, SQL_ERROR_NOT_SUPPORTED,
                             "This relay has nobody who asks the source");
    }
    if (session->cluster->flush_source(session->cluster->flush_context, error) != STATUS_OK) {
        return fail_at_source(error);
    }
    sql_statement_ok(statement);
    return STATUS_OK;
}

static const struct {
    const char *words;
    statement_fn answer;
} statements[] = {
    /* clang-format off */
    {"select",        sql_select},
    {"set",           sql_set},
    {"show",          sql_show},
    {"describe",      sql_describe},
    {"desc",          sql_describe},
    {"use",           use},
    {"kill",          kill_session},
    {"start",         start},
    {"begin",         accept},
    {"commit",        accept},
    {"rollback",      accept},
    {"savepoint",     accept},
    {"lock tables",   accept},
    {"unlock tables", accept},
    {"flush",         flush},
    /* clang-format on */
};

/* Nothing at all is an error, comments alone are not: the mysql client sends them so. */
static enum status answer_nothing(struct sql_statement *statement, struct error *error)
{
    struct bytes text = statement->reader.statement;

    for (size_t at = 0; at < text.size; at++) {
        if (strchr(" \t\r\n;", text.data[at]) == NULL) {
            return accept(statement, error);
        }
    }
    return sql_error_set(error, SQL_ERROR_EMPTY_QUERY, "Query was empty");
}

static enum status answer(struct sql_statement *statement, struct error *error)
{
    for (size_t at = 0; at < sizeof(statements) / sizeof(statements[0]); at++) {
        if (sql_reader_accept_words(&statement->reader, statements[at].words)) {
            return statements[at].answer(statement, error);
        }
    }
    if (sql_reader_is_at_end(&statement->reader)) {
        return answer_nothing(statement, error);
    }
    return sql_statement_bad(statement, error);
}

/* True if the assignments to user variables are all understood without the engine. */
static bool is_plain_set(struct sql_statement *trial)
{
    struct sql_reader *reader = &trial->reader;
    struct error ignored; /* then it is not understood */
    struct sql_value value;

    while (reader->token.kind == SQL_USER_VARIABLE) {
        sql_reader_next(reader);
        if (!sql_reader_accept_operator(reader, "=") &&
            !sql_reader_accept_operator(reader, ":=")) {
            return true; /* an error, which SET itself tells */
        }
        if (sql_expression_read(trial, &value, &ignored) != STATUS_OK) {
            return false;
        }
        if (!sql_reader_accept_operator(reader, ",")) {
            return sql_reader_is_at_end(reader);
        }
    }
    return true;
}

/* True if the engine must answer: tables, operators, functions that the own reader lacks. */
static bool needs_engine(struct sql_session *session, struct bytes text)
{
    struct sql_statement trial = {
        .session = session, .reader = sql_reader_of(text), .is_trial = true};
    bool needs = false;
    struct error error;

    if (sql_write_begins(&trial.reader) || sql_reader_is_word(&trial.reader, "purge") ||
        sql_reader_is_operator(&trial.reader, "(")) {
        return true;
    }
    if (sql_reader_accept_word(&trial.reader, "select")) {
        needs = sql_select(&trial, &error) != STATUS_OK &&
                (error.sql_code == SQL_ERROR_SYNTAX ||
                 error.sql_code == SQL_ERROR_UNKNOWN_FUNCTION ||
                 error.sql_code == SQL_ERROR_UNKNOWN_COLUMN);
    } else if (sql_reader_accept_word(&trial.reader, "set")) {
        needs = !is_plain_set(&trial);
    }
    sql_memory_release(&trial.memory);
    return needs;
}

bool sql_answer_is_slow(struct sql_session *session, struct bytes text)
{
    struct sql_reader reader = sql_reader_of(text);

    return sql_reader_accept_words(&reader, "show binlog events") ||
           sql_reader_accept_word(&reader, "flush") || needs_engine(session, text);
}

void sql_answer(struct sql_session *session,
                struct sql_engine *engine,
                struct bytes text,
                struct result_writer *writer)
{
    struct sql_statement statement = {
        .session = session, .reader = sql_reader_of(text), .writer = writer, .engine = engine};
    const size_t begun = writer->output->size;
    const uint8_t sequence = writer->sequence;
    struct error error;
    enum status status = STATUS_OK;

    if (engine != NULL && needs_engine(session, text)) {
        status = sql_engine_answer(&statement, &error);
    } else {
        status = answer(&statement, &error);
    }
    if (status == STATUS_OK && statement.memory.is_full) {
        status = sql_error_set(&error, SQL_ERROR_PACKET_TOO_LARGE,
                               "The answer would be over %d bytes", SQL_MEMORY_MOST_BYTES);
    }
    if (status != STATUS_OK) {
        writer->output->size = begun; /* what was begun is taken back */
        writer->sequence = sequence;
        log_debug("session %" PRIu64 ": error %d: %s", session->id, error.sql_code,
                  log_safe(bytes_of_text(error.message)).text);
        sql_error_add(writer, &error);
    }
    sql_memory_release(&statement.memory);
}
