/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/source/applier_poll.h"

#include <inttypes.h>
#include <stdlib.h>

#include "binrelay/base/log.h"
#include "binrelay/base/memory.h"
#include "poll_rows.h"
#include "sql_thread.h"

enum { ROWS_MOST = HEARTBEAT_MOST_ROWS };

struct applier_poll {
    struct applier_poll_options options; /* texts owned; no server: the thread has it */
    char *asks_for_ours;       /* owned: the statement for the whole form of the table */
    char *asks_for_older;      /* owned: the one for the older form */
    struct sql_thread *thread; /* owned */

    /* The thread's own. */
    struct poll_rows rows; /* owned */
    uint32_t server_id;    /* of the server, in this round */
    uint64_t applied;      /* the epoch that it reported in this round; 0: none */
    bool has_said_unknown; /* that the cluster has no applier of that id */
};

/* ---- what the round has found ---- */

/* One way after the other is tried: that a server lacks one, or keeps it from us, is no error
 * as long as it has another. */
struct round {
    unsigned ways;       /* that said something */
    struct error denied; /* the first that was refused; STATUS_OK: none */
};

/* How a question ended. STATUS_OK: the round goes on. */
static enum status note_way(struct round *round, enum status status, const struct error *error)
{
    if (status == STATUS_OK) {
        round->ways++;
        return STATUS_OK;
    }
    if (status != STATUS_DENIED) {
        return status; /* the connection is lost, or what came is not understood */
    }
    if (error->sql_code != SERVER_UNKNOWN_TABLE && error->sql_code != SERVER_UNKNOWN_DATABASE &&
        round->denied.status == STATUS_OK) {
        round->denied = *error;
    }
    return STATUS_OK;
}

/* Reports are of the applier that runs on the server; others cannot be told by it. */
static bool is_applier(struct applier_poll *poll)
{
    bool is_known = applier_registry_knows(poll->options.appliers, poll->server_id);

    if (!is_known && !poll->has_said_unknown) {
        log_info("cluster %s: the polled server with server_id %" PRIu32
                 " is none of its appliers: of what it says only its heartbeat table counts",
                 poll->options.cluster, poll->server_id);
    }
    poll->has_said_unknown = !is_known;
    return is_known;
}

/* One that is refused is the registry's to tell; rows of whom nobody knows are everywhere. */
static void note_report(const struct applier_poll *poll,
                        enum status status,
                        const struct error *error)
{
    if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
        log_debug("cluster %s: a polled report: %s", poll->options.cluster, error->message);
    }
}

/* ---- the heartbeat table, which is read behind mysql.ndb_apply_status ---- */

/* The row that the server keeps of itself may be older than what was read of it just now. */
static bool is_outdone(const struct applier_poll *poll, const struct heartbeat_row *row)
{
    const struct applier_poll_options *options = &poll->options;

    return row->server_id == poll->server_id && row->has_applied_epoch &&
           row->applied_epoch <= poll->applied &&
           (!row->has_source_cluster ||
            report_router_cluster_of(options->reports, row->source_cluster) ==
                options->appliers);
}

static bool report_row(void *context, const struct heartbeat_row *row)
{
    struct applier_poll *poll = context;
    struct error error = {0};
    enum status status = STATUS_OK;

    if (!is_outdone(poll, row)) {
        status = report_router_take_row(poll->options.reports, row, REPORT_POLL, &error);
        note_report(poll, status, &error);
    }
    return status == STATUS_OK;
}

static enum status ask_heartbeats(struct applier_poll *poll,
                                  struct source_sql *sql,
                                  struct error *error)
{
    const struct source_sql_rows rows = {.columns = POLL_COLUMNS,
                                         .most = ROWS_MOST,
                                         .take = poll_rows_take,
                                         .context = &poll->rows};
    enum status status = STATUS_OK;

    poll_rows_begin(&poll->rows);
    status = source_sql_ask(sql, poll->asks_for_ours, &rows, error);
    if (status == STATUS_DENIED && error->sql_code == SERVER_UNKNOWN_COLUMN) {
        poll_rows_begin(&poll->rows);
        status = source_sql_ask(sql, poll->asks_for_older, &rows, error);
    }
    if (status == STATUS_OK) {
        poll_rows_end(&poll->rows, poll->server_id, report_row, poll);
    }
    return status;
}

/* ---- mysql.ndb_apply_status ---- */

struct applied {
    const struct applier_poll *poll; /* borrowed */
    uint64_t epoch;                  /* the highest of the cluster's; 0: none */
};

/* The sources of a cluster leave a row each, and so does its identity at a relay. */
static void take_applied(void *context, const struct bytes *values)
{
    struct applied *applied = context;
    const struct applier_poll_options *options = &applied->poll->options;
    uint64_t origin = 0;
    uint64_t epoch = 0;

    if (!source_sql_number(values[0], &origin) || origin > UINT32_MAX ||
        !source_sql_number(values[1], &epoch) || epoch <= applied->epoch) {
        return;
    }
    if (report_router_cluster_of(options->reports, (uint32_t)origin) == options->appliers) {
        applied->epoch = epoch;
    }
}

static enum status ask_apply_status(struct applier_poll *poll,
                                    struct source_sql *sql,
                                    struct error *error)
{
    struct applied applied = {.poll = poll};
    const struct source_sql_rows rows = {
        .columns = 2, .most = ROWS_MOST, .take = take_applied, .context = &applied};
    enum status status = source_sql_ask(
        sql, "SELECT server_id, epoch FROM mysql.ndb_apply_status", &rows, error);
    struct error refused = {0};

    poll->applied = 0;
    if (status == STATUS_OK && applied.epoch != 0 && is_applier(poll)) {
        enum status taken = applier_registry_report(poll->options.appliers, poll->server_id,
                                                    applied.epoch, REPORT_POLL, &refused);

        note_report(poll, taken, &refused);
        poll->applied = taken == STATUS_OK ? applied.epoch : 0;
    }
    return status;
}

/* ---- GTIDs ---- */

static void take_gtids(void *context, const struct bytes *values)
{
    struct buffer *gtids = context;

    buffer_clear(gtids);
    buffer_add_bytes(gtids, values[0]);
}

static enum status ask_gtids(struct applier_poll *poll,
                             struct source_sql *sql,
                             struct error *error)
{
    struct buffer gtids = {0};
    const struct source_sql_rows rows = {
        .columns = 1, .most = 1, .take = take_gtids, .context = &gtids};
    enum status status = source_sql_ask(sql, "SELECT @@GLOBAL.gtid_executed", &rows, error);
    struct error refused = {0};

    if (status == STATUS_DENIED && error->sql_code == SERVER_UNKNOWN_VARIABLE) {
        /* MariaDB, whose replication remembers its place, not all that was executed. */
        status = source_sql_ask(sql, "SELECT @@GLOBAL.gtid_slave_pos", &rows, error);
    }
    if (status == STATUS_OK && gtids.size > 0 && is_applier(poll)) {
        note_report(poll,
                    applier_registry_report_gtids(poll->options.appliers, poll->server_id,
                                                  buffer_bytes(&gtids), REPORT_POLL, &refused),
                    &refused);
    }
    buffer_release(&gtids);
    return status;
}

/* ---- the round ---- */

static void take_server_id(void *context, const struct bytes *values)
{
    uint64_t *number = context;

    if (!source_sql_number(values[0], number)) {
        *number = 0;
    }
}

static enum status ask_server_id(struct applier_poll *poll,
                                 struct source_sql *sql,
                                 struct error *error)
{
    uint64_t number = 0;
    const struct source_sql_rows rows = {
        .columns = 1, .most = 1, .take = take_server_id, .context = &number};

    if (source_sql_ask(sql, "SELECT @@GLOBAL.server_id", &rows, error) != STATUS_OK) {
        return error->status;
    }
    if (number == 0 || number > UINT32_MAX) {
        return error_set(error, STATUS_INVALID, "it has no server_id");
    }
    poll->server_id = (uint32_t)number;
    return STATUS_OK;
}

static enum status end_round(const struct applier_poll *poll,
                             const struct round *round,
                             struct error *error)
{
    if (round->ways > 0) {
        return STATUS_OK;
    }
    if (round->denied.status != STATUS_OK) {
        *error = round->denied;
        return error->status;
    }
    return error_set(error, STATUS_NOT_FOUND, "it has neither %s nor mysql.ndb_apply_status",
                     poll->options.heartbeat_table);
}

static enum status run_round(void *context, struct source_sql *sql, struct error *error)
{
    static enum status (*const ways[])(struct applier_poll * poll, struct source_sql * sql,
                                       struct error * error) = {ask_apply_status,
                                                                ask_heartbeats, ask_gtids};
    struct applier_poll *poll = context;
    size_t count = poll->options.reads_gtids ? sizeof(ways) / sizeof(ways[0])
                                             : sizeof(ways) / sizeof(ways[0]) - 1;
    struct round round = {0};
    enum status status = ask_server_id(poll, sql, error);

    for (size_t at = 0; status == STATUS_OK && at < count; at++) {
        status = note_way(&round, ways[at](poll, sql, error), error);
    }
    return status == STATUS_OK ? end_round(poll, &round, error) : status;
}

/* Applied is what is committed, whatever the server lets others see. Less than the time limit
 * for an answer: who holds a lock is then named by the server. */
static enum status prepare(void *context, struct source_sql *sql, struct error *error)
{
    enum status status =
        source_sql_run(sql, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", error);

    (void)context;
    if (status != STATUS_OK) {
        return status;
    }
    status = source_sql_run(sql, "SET autocommit = 1, lock_wait_timeout = 5", error);
    /* A server that does not know one of them has its own. */
    return status == STATUS_DENIED ? STATUS_OK : status;
}

/* ---- life ---- */

static void poll_free(struct applier_poll *poll)
{
    free((char *)poll->options.cluster);
    free((char *)poll->options.heartbeat_table);
    free(poll->asks_for_ours);
    free(poll->asks_for_older);
    poll_rows_release(&poll->rows);
    free(poll);
}

static struct applier_poll *make(const struct applier_poll_options *options, const char *table)
{
    struct applier_poll *poll = mem_zeroed(sizeof(*poll));

    poll->options = *options;
    poll->options.server = NULL;
    poll->options.cluster = mem_text(options->cluster);
    poll->options.heartbeat_table = mem_text(options->heartbeat_table);
    poll->asks_for_ours = mem_format("SELECT server_id, counter, applied_epoch, source_cluster,"
                                     " UNIX_TIMESTAMP(updated_at) FROM %s",
                                     table);
    poll->asks_for_older = mem_format(
        "SELECT server_id, counter, NULL, NULL, UNIX_TIMESTAMP(updated_at) FROM %s", table);
    return poll;
}

enum status applier_poll_start(struct applier_poll **made,
                               const struct applier_poll_options *options,
                               struct error *error)
{
    autofree char *table = sql_table_quoted(options->heartbeat_table);
    struct sql_job job = {.run = run_round,
                          .doing = "read what it applied",
                          .failed = "poll.failed",
                          .resumed = "poll.ok",
                          .period_usec = options->interval_usec,
                          .is_retried_often = true};
    struct sql_thread_options thread = {.cluster = options->cluster,
                                        .role = "polled server",
                                        .name = "poll",
                                        .server = options->server,
                                        .jobs = &job,
                                        .job_count = 1,
                                        .prepare = prepare,
                                        .clock = options->clock,
                                        .registry = options->registry};
    struct applier_poll *poll = NULL;

    if (table == NULL) {
        return error_set(error, STATUS_INVALID, "cluster %s: \"%s\" is no heartbeat table",
                         options->cluster, options->heartbeat_table);
    }
    poll = make(options, table);
    thread.context = poll;
    if (sql_thread_start(&poll->thread, &thread, error) != STATUS_OK) {
        poll_free(poll);
        return error->status;
    }
    *made = poll;
    return STATUS_OK;
}

void applier_poll_interrupt(struct applier_poll *poll)
{
    if (poll != NULL) {
        sql_thread_interrupt(poll->thread);
    }
}

void applier_poll_stop(struct applier_poll *poll)
{
    if (poll != NULL) {
        sql_thread_stop(poll->thread);
        poll_free(poll);
    }
}

void applier_poll_set_password(struct applier_poll *poll, const char *password)
{
    sql_thread_set_password(poll->thread, password);
}
