/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PURGE BINARY LOGS TO at the source. What goes must be here for certain: only
 * files in front of one that is being written here or is whole, only while the
 * pull goes on (it has compared what is stored with the source's), and only
 * under a name that the source itself lists.
 */
#include <inttypes.h>
#include <stdio.h>

#include "binrelay/base/memory.h"
#include "binrelay/storage/binlog_position.h"
#include "source_agent_internal.h"

enum { SOURCE_FILES_MOST = 1000000 };

/* What is looked for in SHOW BINARY LOGS. */
struct listing {
    uint64_t wanted; /* number at the source */
    uint64_t first;  /* 0: the list is empty */
    bool is_found;
    char name[BINLOG_NAME_BYTES];
};

static void take_log(void *context, const struct bytes *values)
{
    struct listing *listing = context;
    char base_name[BINLOG_NAME_MOST_BYTES + 1];
    uint64_t number = 0;

    /* The name is put into a statement: it has no quotes, being one that is split. */
    if (!binlog_name_split(values[0], base_name, &number)) {
        return;
    }
    if (listing->first == 0) {
        listing->first = number;
    }
    if (number == listing->wanted) {
        listing->is_found = true;
        (void)snprintf(listing->name, sizeof(listing->name), "%.*s", (int)values[0].size,
                       (const char *)values[0].data);
    }
}

static enum status check_durable(const struct source_agent *agent,
                                 uint64_t file,
                                 struct cluster_report *report,
                                 struct error *error)
{
    const struct binlog_store *store = agent->options.store;

    if (store == NULL || binlog_store_durable_end(store).file < file) {
        return error_set(error, STATUS_AGAIN,
                         "what is in front of file %" PRIu64 " is not known to be durable here",
                         file);
    }
    cluster_board_read(agent->options.board, report);
    if (report->state != PULL_STREAMING) {
        return error_set(error, STATUS_AGAIN, "it is not being pulled from: %s",
                         pull_state_name(report->state));
    }
    if (file < report->shift_from_file || (int64_t)file - report->upstream_shift <= 0) {
        return error_set(error, STATUS_NOT_FOUND,
                         "the source's number of file %" PRIu64 " is not known any more", file);
    }
    return STATUS_OK;
}

struct server_id {
    uint64_t number;
};

static void take_server_id(void *context, const struct bytes *values)
{
    struct server_id *found = context;

    if (!source_sql_number(values[0], &found->number)) {
        found->number = 0;
    }
}

/* The name may lead to another server by now. */
static enum status check_server(struct source_sql *sql, uint32_t wanted, struct error *error)
{
    struct server_id found = {0};
    const struct source_sql_rows rows = {
        .columns = 1, .most = 1, .take = take_server_id, .context = &found};

    if (source_sql_ask(sql, "SELECT @@GLOBAL.server_id", &rows, error) != STATUS_OK) {
        return error->status;
    }
    if (found.number != wanted) {
        return error_set(error, STATUS_AGAIN,
                         "its server_id is %" PRIu64 ", and that of the server that is pulled "
                         "%" PRIu32,
                         found.number, wanted);
    }
    return STATUS_OK;
}

static enum status purge_to(struct source_sql *sql, uint64_t number, struct error *error)
{
    struct listing listing = {.wanted = number};
    const struct source_sql_rows rows = {.columns = 1,
                                         .may_be_wider = true,
                                         .most = SOURCE_FILES_MOST,
                                         .take = take_log,
                                         .context = &listing};
    autofree char *statement = NULL;

    if (source_sql_ask(sql, "SHOW BINARY LOGS", &rows, error) != STATUS_OK) {
        return error->status;
    }
    if (listing.first >= number && listing.first != 0) {
        return STATUS_OK; /* there is nothing in front of it */
    }
    if (!listing.is_found) {
        return error_set(error, STATUS_NOT_FOUND, "it has no file with the number %" PRIu64,
                         number);
    }
    statement = mem_format("PURGE BINARY LOGS TO '%s'", listing.name);
    return source_sql_run(sql, statement, error);
}

/* What a call needs. */
struct purge_task {
    const struct source_agent *agent;
    uint64_t file;
};

static enum status run_purge(void *context, struct source_sql *sql, struct error *error)
{
    const struct purge_task *task = context;
    struct cluster_report report;

    if (check_durable(task->agent, task->file, &report, error) != STATUS_OK ||
        check_server(sql, report.facts.server_id, error) != STATUS_OK) {
        return error->status;
    }
    return purge_to(sql, (uint64_t)((int64_t)task->file - report.upstream_shift), error);
}

enum status source_agent_purge(struct source_agent *agent, uint64_t file, struct error *error)
{
    struct purge_task task = {.agent = agent, .file = file};

    return sql_thread_call(agent->thread, run_purge, &task, error);
}
