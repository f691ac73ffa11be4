/* SPDX-License-Identifier: Apache-2.0 */
/* What an agent says to its source. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "binrelay/base/memory.h"
#include "source_agent_internal.h"

enum { APPLY_STATUS_MOST_ROWS = 10000 };

/* ---- the session ---- */

struct word {
    char text[32];
};

static void take_word(void *context, const struct bytes *values)
{
    struct word *word = context;

    (void)snprintf(word->text, sizeof(word->text), "%.*s", (int)values[0].size,
                   values[0].data == NULL ? "" : (const char *)values[0].data);
}

/*
 * A heartbeat is a marker only as a rows event. Where the server logs
 * statements (MariaDB's default does, for ours), this session must not.
 */
static enum status demand_row_format(struct source_sql *sql, struct error *error)
{
    struct word format = {""};
    const struct source_sql_rows rows = {
        .columns = 1, .most = 1, .take = take_word, .context = &format};

    if (source_sql_ask(sql, "SELECT @@SESSION.binlog_format", &rows, error) != STATUS_OK) {
        /* A server without the variable logs rows. */
        return error->sql_code == SERVER_UNKNOWN_VARIABLE ? STATUS_OK : error->status;
    }
    if (strcasecmp(format.text, "ROW") == 0) {
        return STATUS_OK;
    }
    if (source_sql_run(sql, "SET SESSION binlog_format = 'ROW'", error) != STATUS_OK) {
        return error_wrap(error, "binlog_format is %s, heartbeats need ROW", format.text);
    }
    return STATUS_OK;
}

enum status source_agent_prepare(void *context, struct source_sql *sql, struct error *error)
{
    /* Less than the time limit for an answer: who holds a lock is then named by the source. */
    static const char settings[] = "SET autocommit = 1, lock_wait_timeout = 5,"
                                   " innodb_lock_wait_timeout = 5";
    const struct source_agent *agent = context;
    enum status status = source_sql_run(sql, settings, error);

    /* A server that does not know one of them has its own. */
    if (status != STATUS_OK && status != STATUS_DENIED) {
        return status;
    }
    return agent->options.writes_heartbeats ? demand_row_format(sql, error) : STATUS_OK;
}

/* ---- heartbeats ---- */

/* The documented form of the table. */
static enum status create_table(const struct source_agent *agent,
                                struct source_sql *sql,
                                struct error *error)
{
    autofree char *database = mem_format("CREATE DATABASE IF NOT EXISTS %.*s",
                                         (int)strcspn(agent->table, "."), agent->table);
    autofree char *table =
        mem_format("CREATE TABLE IF NOT EXISTS %s (\n"
                   "  server_id INT UNSIGNED NOT NULL PRIMARY KEY,\n"
                   "  counter BIGINT UNSIGNED NOT NULL DEFAULT 0,\n"
                   "  applied_epoch BIGINT UNSIGNED NULL,\n"
                   "  source_cluster INT UNSIGNED NULL,\n"
                   "  updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE"
                   " CURRENT_TIMESTAMP)",
                   agent->table);

    /* Who may not make the database may make a table in it, where it is there. */
    if (source_sql_run(sql, database, error) == STATUS_CLOSED ||
        source_sql_run(sql, table, error) != STATUS_OK) {
        return error_wrap(error, "make %s", agent->options.heartbeat_table);
    }
    return STATUS_OK;
}

/* Never lowers the counter, and never makes a table that is there: that would be logged. */
static enum status write_heartbeat(void *context, struct source_sql *sql, struct error *error)
{
    const struct source_agent *agent = context;
    autofree char *statement =
        mem_format("INSERT INTO %s (server_id, counter) VALUES (%" PRIu32 ", 1)"
                   " ON DUPLICATE KEY UPDATE counter = counter + 1",
                   agent->table, agent->options.server_id);
    enum status status = source_sql_run(sql, statement, error);

    if (status != STATUS_DENIED || (error->sql_code != SERVER_UNKNOWN_TABLE &&
                                    error->sql_code != SERVER_UNKNOWN_DATABASE)) {
        return status;
    }
    if (create_table(agent, sql, error) != STATUS_OK) {
        return error->status;
    }
    return source_sql_run(sql, statement, error);
}

/* ---- mysql.ndb_apply_status ---- */

enum apply_column { SERVER_ID, EPOCH, LOG_NAME, START_POS, END_POS, APPLY_COLUMNS };

struct apply_rows {
    struct apply_status_row *rows; /* owned */
    size_t count;
    size_t capacity;
};

/* 0 where it is no number: the server computed it, so it is one. */
static uint64_t number_of(struct bytes text)
{
    uint64_t number = 0;

    return source_sql_number(text, &number) ? number : 0;
}

static void take_apply_row(void *context, const struct bytes *values)
{
    struct apply_rows *found = context;
    struct apply_status_row *row = NULL;

    if (found->count == found->capacity) {
        found->rows = mem_grow(found->rows, &found->capacity, sizeof(*found->rows));
    }
    row = &found->rows[found->count++];
    *row = (struct apply_status_row){
        .server_id = (uint32_t)number_of(values[SERVER_ID]),
        .epoch = number_of(values[EPOCH]),
        .start_pos = number_of(values[START_POS]),
        .end_pos = number_of(values[END_POS]),
    };
    (void)snprintf(row->log_name, sizeof(row->log_name), "%.*s", (int)values[LOG_NAME].size,
                   values[LOG_NAME].data == NULL ? "" : (const char *)values[LOG_NAME].data);
}

/* A server without the table is none of NDB's: it has no rows. */
static enum status poll_apply_status(void *context, struct source_sql *sql, struct error *error)
{
    const struct source_agent *agent = context;
    static const char statement[] = "SELECT server_id, epoch, log_name, start_pos, end_pos"
                                    " FROM mysql.ndb_apply_status";
    struct apply_rows found = {0};
    const struct source_sql_rows rows = {.columns = APPLY_COLUMNS,
                                         .most = APPLY_STATUS_MOST_ROWS,
                                         .take = take_apply_row,
                                         .context = &found};
    enum status status = source_sql_ask(sql, statement, &rows, error);

    if (status == STATUS_DENIED && error->sql_code == SERVER_UNKNOWN_TABLE) {
        found.count = 0;
        status = STATUS_OK;
    }
    if (status == STATUS_OK) {
        cluster_board_set_apply_status(agent->options.board, found.rows, found.count,
                                       clock_wall_usec(agent->options.clock));
    }
    free(found.rows);
    return status;
}

size_t source_agent_jobs(const struct source_agent_options *options, struct sql_job *jobs)
{
    size_t count = 0;

    if (options->writes_heartbeats) {
        jobs[count++] = (struct sql_job){
            .run = write_heartbeat,
            .doing = "write heartbeats",
            .failed = "heartbeat.failed",
            .resumed = "heartbeat.resumed",
            .period_usec = options->heartbeat_interval_usec,
        };
    }
    if (options->polls_apply_status) {
        jobs[count++] = (struct sql_job){
            .run = poll_apply_status,
            .doing = "read mysql.ndb_apply_status",
            .failed = "apply_status.failed",
            .resumed = "apply_status.resumed",
            .period_usec = options->poll_interval_usec,
        };
    }
    return count;
}
