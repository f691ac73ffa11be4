/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/source/source_agent.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binrelay/base/log.h"
#include "binrelay/base/memory.h"
#include "source_agent_internal.h"
#include "source_copy.h"

enum { USEC_PER_MSEC = 1000, THREAD_NAME_BYTES = 16, LONGEST_NAP_MSEC = 3600000 };

static uint64_t now_usec(const struct source_agent *agent)
{
    return clock_monotonic_usec(agent->options.clock);
}

/* ---- what is due ---- */

/* The same trouble again is no news. */
static void note_failure(struct source_agent *agent,
                         struct agent_job *job,
                         const struct error *error)
{
    autofree char *code =
        error->sql_code == 0 ? NULL : mem_format(" (error %d)", error->sql_code);
    autofree char *text = mem_format("source %s: cannot %s: %s%s", agent->source_name,
                                     job->doing, error->message, code == NULL ? "" : code);

    if (atomic_load(&agent->is_ending) ||
        (job->last_status == error->status && job->last_code == error->sql_code)) {
        log_debug("cluster %s: %s", agent->options.cluster, text);
        return;
    }
    log_warning("cluster %s: %s", agent->options.cluster, text);
    registry_add_event(agent->options.registry, agent->options.cluster, job->failed, text);
    job->last_status = error->status;
    job->last_code = error->sql_code;
}

static void note_success(struct source_agent *agent, struct agent_job *job)
{
    if (job->last_status != STATUS_OK) {
        autofree char *text =
            mem_format("source %s: can %s again", agent->source_name, job->doing);

        log_info("cluster %s: %s", agent->options.cluster, text);
        registry_add_event(agent->options.registry, agent->options.cluster, job->resumed, text);
    }
    job->last_status = STATUS_OK;
    job->last_code = 0;
    backoff_reset(&job->backoff);
}

static void run_job(struct source_agent *agent, struct agent_job *job)
{
    struct error error = {0};
    enum status status = source_agent_connect(agent, &error);

    if (status == STATUS_OK) {
        status = job->run(agent, &error);
    }
    if (status != STATUS_OK) {
        note_failure(agent, job, &error);
        job->due_usec =
            now_usec(agent) + backoff_fail(&job->backoff, (uint32_t)now_usec(agent));
        return;
    }
    note_success(agent, job);
    job->due_usec += job->period_usec;
    if (job->due_usec < now_usec(agent)) { /* what was missed is not made up for */
        job->due_usec = now_usec(agent) + job->period_usec;
    }
}

static bool has_jobs(const struct source_agent *agent)
{
    return agent->jobs[0].is_wanted || agent->jobs[1].is_wanted;
}

/* Does what is due. Returns how long to sleep then, for poll(2). */
static int work(struct source_agent *agent)
{
    uint64_t wait = (uint64_t)LONGEST_NAP_MSEC * USEC_PER_MSEC;

    for (size_t at = 0; at < AGENT_JOBS; at++) {
        struct agent_job *job = &agent->jobs[at];
        uint64_t now = now_usec(agent);

        if (!job->is_wanted || atomic_load(&agent->is_ending)) {
            continue;
        }
        if (job->due_usec <= now) {
            run_job(agent, job);
            now = now_usec(agent);
        }
        if (job->due_usec < now + wait) {
            wait = job->due_usec > now ? job->due_usec - now : 0;
        }
    }
    return (int)((wait + USEC_PER_MSEC - 1) / USEC_PER_MSEC);
}

static void *run_thread(void *context)
{
    struct source_agent *agent = context;
    struct pollfd mail = {.fd = mailbox_descriptor(agent->mailbox), .events = POLLIN};
    struct error error;

    if (source_sql_enter_thread(&error) != STATUS_OK) {
        abort(); /* want of memory */
    }
    while (!agent->is_over) {
        int wait_msec = work(agent);

        (void)poll(&mail, 1, wait_msec); /* whatever ends it, the loop looks */
        (void)mailbox_run(agent->mailbox);
    }
    source_sql_free(agent->sql);
    agent->sql = NULL;
    source_sql_leave_thread();
    return NULL;
}

/* ---- what others ask for ---- */

struct request {
    struct message message;
    struct source_agent *agent; /* borrowed */
    char *password;             /* owned; NULL but for set_passwords */
};

static void post(struct source_agent *agent,
                 void (*run)(struct message *message),
                 char *password)
{
    struct request *request = mem_zeroed(sizeof(*request));

    *request = (struct request){.message.run = run, .agent = agent, .password = password};
    mailbox_post(agent->mailbox, &request->message);
}

static void run_stop(struct message *message)
{
    struct request *request = (struct request *)message;

    request->agent->is_over = true;
    free(request);
}

static void run_set_password(struct message *message)
{
    struct request *request = (struct request *)message;
    struct source_agent *agent = request->agent;

    source_copy_forget_secret((char *)agent->source.password);
    agent->source.password = request->password;
    if (agent->sql != NULL) {
        source_sql_hang_up(agent->sql);
    }
    for (size_t at = 0; at < AGENT_JOBS; at++) {
        backoff_reset(&agent->jobs[at].backoff);
        agent->jobs[at].due_usec = now_usec(agent);
    }
    free(request);
}

void source_agent_set_passwords(struct source_agent *agent,
                                const char *const *passwords,
                                size_t count)
{
    if (count > 0) {
        post(agent, run_set_password, mem_text(passwords[0]));
    }
}

/* A statement that a caller waits for. */
struct execution {
    struct message message;
    struct source_agent *agent; /* borrowed, as both below */
    const char *statement;
    struct error *error;
    enum status status;
    bool is_done; /* under the lock */
    pthread_mutex_t lock;
    pthread_cond_t done;
};

/* A kept connection may be one that the source has closed: it is asked before. */
static enum status execute(struct source_agent *agent,
                           const char *statement,
                           struct error *error)
{
    enum status status = STATUS_OK;

    if (atomic_load(&agent->is_ending) || agent->sql == NULL) {
        return error_set(error, STATUS_CLOSED, "the relay shuts down");
    }
    if (source_sql_is_connected(agent->sql) &&
        source_sql_run(agent->sql, "DO 0", error) != STATUS_OK) {
        source_sql_hang_up(agent->sql);
    }
    status = source_agent_connect(agent, error);
    if (status == STATUS_OK) {
        status = source_sql_run(agent->sql, statement, error);
    }
    if (!has_jobs(agent)) {
        source_sql_hang_up(agent->sql);
    }
    return status == STATUS_OK ? STATUS_OK : error_wrap(error, "source %s", agent->source_name);
}

static void run_execution(struct message *message)
{
    struct execution *execution = (struct execution *)message;
    enum status status = execute(execution->agent, execution->statement, execution->error);

    pthread_mutex_lock(&execution->lock);
    execution->status = status;
    execution->is_done = true;
    pthread_cond_signal(&execution->done);
    pthread_mutex_unlock(&execution->lock);
}

enum status source_agent_execute(struct source_agent *agent,
                                 const char *statement,
                                 struct error *error)
{
    struct execution execution = {.message.run = run_execution,
                                  .agent = agent,
                                  .statement = statement,
                                  .error = error,
                                  .lock = PTHREAD_MUTEX_INITIALIZER,
                                  .done = PTHREAD_COND_INITIALIZER};

    mailbox_post(agent->mailbox, &execution.message);
    pthread_mutex_lock(&execution.lock);
    while (!execution.is_done) {
        pthread_cond_wait(&execution.done, &execution.lock);
    }
    pthread_mutex_unlock(&execution.lock);
    (void)pthread_cond_destroy(&execution.done);
    (void)pthread_mutex_destroy(&execution.lock);
    return execution.status;
}

/* ---- life ---- */

static void copy_options(struct source_agent *agent, const struct source_agent_options *from)
{
    const char *dot = strchr(from->heartbeat_table, '.');

    agent->options = *from;
    source_copy_make(&agent->source, &from->sources[0]);
    agent->options.sources = &agent->source;
    agent->options.source_count = 1;
    agent->options.cluster = mem_text(from->cluster);
    agent->options.heartbeat_table = mem_text(from->heartbeat_table);
    agent->table = mem_format("`%.*s`.`%s`", (int)(dot - from->heartbeat_table),
                              from->heartbeat_table, dot + 1);
    (void)snprintf(agent->source_name, sizeof(agent->source_name), "%.256s:%u",
                   agent->source.host, agent->source.port);
}

static void agent_free(struct source_agent *agent)
{
    mailbox_free(agent->mailbox);
    source_sql_free(agent->sql);
    source_copy_release(&agent->source);
    free((char *)agent->options.cluster);
    free((char *)agent->options.heartbeat_table);
    free(agent->table);
    free(agent);
}

/* Signals are the control thread's: no other thread may be chosen for them. */
static enum status start_thread(struct source_agent *agent, struct error *error)
{
    char name[THREAD_NAME_BYTES];
    sigset_t all;
    sigset_t before;
    int code = 0;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    code = pthread_create(&agent->thread, NULL, run_thread, agent);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code != 0) {
        return error_set(error, STATUS_SYSTEM, "start the source agent of %s: %s",
                         agent->options.cluster, strerror(code));
    }
    (void)snprintf(name, sizeof(name), "agent-%.9s", agent->options.cluster);
    (void)pthread_setname_np(agent->thread, name); /* only for people */
    return STATUS_OK;
}

static bool is_table_name(const char *name)
{
    const char *dot = strchr(name, '.');

    return dot != NULL && dot != name && dot[1] != '\0' && strpbrk(dot + 1, ".") == NULL &&
           strchr(name, '`') == NULL;
}

enum status source_agent_start(struct source_agent **made,
                               const struct source_agent_options *options,
                               struct error *error)
{
    struct source_agent *agent = NULL;

    if (options->source_count == 0 || !is_table_name(options->heartbeat_table)) {
        return error_set(error, STATUS_INVALID, "cluster %s: no source, or no heartbeat table",
                         options->cluster);
    }
    if (source_sql_prepare_library(error) != STATUS_OK) {
        return error->status;
    }
    agent = mem_zeroed(sizeof(*agent));
    copy_options(agent, options);
    source_agent_set_jobs(agent);
    for (size_t at = 0; at < AGENT_JOBS; at++) {
        agent->jobs[at].due_usec = now_usec(agent);
        agent->jobs[at].backoff.first_usec = agent->jobs[at].period_usec;
    }
    agent->sql = source_sql_new(&agent->source);
    if (mailbox_new(&agent->mailbox, error) != STATUS_OK ||
        start_thread(agent, error) != STATUS_OK) {
        agent_free(agent);
        return error->status;
    }
    *made = agent;
    return STATUS_OK;
}

void source_agent_interrupt(struct source_agent *agent)
{
    if (agent != NULL && !atomic_exchange(&agent->is_ending, true)) {
        source_sql_interrupt(agent->sql);
    }
}

void source_agent_stop(struct source_agent *agent)
{
    if (agent == NULL) {
        return;
    }
    source_agent_interrupt(agent);
    post(agent, run_stop, NULL);
    (void)pthread_join(agent->thread, NULL);
    agent_free(agent);
}
