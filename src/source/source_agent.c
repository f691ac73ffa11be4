/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/source/source_agent.h"

#include <stdlib.h>

#include "binrelay/base/memory.h"
#include "source_agent_internal.h"

static void agent_free(struct source_agent *agent)
{
    free((char *)agent->options.cluster);
    free((char *)agent->options.heartbeat_table);
    free(agent->table);
    free(agent);
}

enum status source_agent_start(struct source_agent **made,
                               const struct source_agent_options *options,
                               struct error *error)
{
    struct source_agent *agent = NULL;
    struct sql_job jobs[SQL_THREAD_JOBS_MOST];
    struct sql_thread_options thread = {.cluster = options->cluster,
                                        .role = "source",
                                        .name = "agent",
                                        .server = options->sources,
                                        .jobs = jobs,
                                        .job_count = source_agent_jobs(options, jobs),
                                        .prepare = source_agent_prepare,
                                        .clock = options->clock,
                                        .registry = options->registry};
    char *table = sql_table_quoted(options->heartbeat_table);

    if (options->source_count == 0 || table == NULL) {
        free(table);
        return error_set(error, STATUS_INVALID, "cluster %s: no source, or no heartbeat table",
                         options->cluster);
    }
    agent = mem_zeroed(sizeof(*agent));
    agent->options = *options;
    agent->options.sources = NULL;
    agent->options.source_count = 0;
    agent->options.cluster = mem_text(options->cluster);
    agent->options.heartbeat_table = mem_text(options->heartbeat_table);
    agent->table = table;
    thread.context = agent;
    if (sql_thread_start(&agent->thread, &thread, error) != STATUS_OK) {
        agent_free(agent);
        return error->status;
    }
    *made = agent;
    return STATUS_OK;
}

void source_agent_interrupt(struct source_agent *agent)
{
    if (agent != NULL) {
        sql_thread_interrupt(agent->thread);
    }
}

void source_agent_stop(struct source_agent *agent)
{
    if (agent != NULL) {
        sql_thread_stop(agent->thread);
        agent_free(agent);
    }
}

void source_agent_set_passwords(struct source_agent *agent,
                                const char *const *passwords,
                                size_t count)
{
    if (count > 0) {
        sql_thread_set_password(agent->thread, passwords[0]);
    }
}

static enum status run_statement(void *context, struct source_sql *sql, struct error *error)
{
    return source_sql_run(sql, context, error);
}

enum status source_agent_execute(struct source_agent *agent,
                                 const char *statement,
                                 struct error *error)
{
    return sql_thread_call(agent->thread, run_statement, (char *)statement, error);
}
