/* SPDX-License-Identifier: Apache-2.0 */
#include "sql_thread.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binrelay/base/log.h"
#include "binrelay/base/mailbox.h"
#include "binrelay/base/memory.h"
#include "source_copy.h"

enum { USEC_PER_MSEC = 1000, THREAD_NAME_BYTES = 16, LONGEST_NAP_MSEC = 3600000 };

struct running_job {
    struct sql_job job;
    uint64_t due_usec;       /* monotonic */
    struct backoff backoff;  /* of failures in a row */
    enum status last_status; /* what was said of the last failure; STATUS_OK: all is well */
    int last_code;
};

struct sql_thread {
    struct sql_thread_options options; /* texts owned, `server` is &server */
    struct source_options server;      /* owned */
    char *server_name;                 /* owned: "source 10.1.0.5:3306" */
    struct source_sql *sql;            /* owned */
    struct mailbox *mailbox;           /* owned */
    pthread_t thread;
    struct running_job jobs[SQL_THREAD_JOBS_MOST];
    atomic_bool is_ending; /* nothing is begun any more */
    bool is_over;          /* the thread's own: leaves its loop */
};

static uint64_t now_usec(const struct sql_thread *thread)
{
    return clock_monotonic_usec(thread->options.clock);
}

static enum status connect_and_prepare(struct sql_thread *thread, struct error *error)
{
    if (source_sql_is_connected(thread->sql)) {
        return STATUS_OK;
    }
    if (source_sql_connect(thread->sql, error) != STATUS_OK) {
        return error->status;
    }
    if (thread->options.prepare(thread->options.context, thread->sql, error) != STATUS_OK) {
        source_sql_hang_up(thread->sql);
        return error->status;
    }
    return STATUS_OK;
}

/* ---- what is due ---- */

/* The same trouble again is no news. */
static void note_failure(struct sql_thread *thread,
                         struct running_job *running,
                         const struct error *error)
{
    const struct sql_job *job = &running->job;
    autofree char *code =
        error->sql_code == 0 ? NULL : mem_format(" (error %d)", error->sql_code);
    autofree char *text = mem_format("%s: cannot %s: %s%s", thread->server_name, job->doing,
                                     error->message, code == NULL ? "" : code);

    if (atomic_load(&thread->is_ending) ||
        (running->last_status == error->status && running->last_code == error->sql_code)) {
        log_debug("cluster %s: %s", thread->options.cluster, text);
        return;
    }
    log_warning("cluster %s: %s", thread->options.cluster, text);
    registry_add_event(thread->options.registry, thread->options.cluster, job->failed, text);
    running->last_status = error->status;
    running->last_code = error->sql_code;
}

static void note_success(struct sql_thread *thread, struct running_job *running)
{
    if (running->last_status != STATUS_OK) {
        autofree char *text =
            mem_format("%s: can %s again", thread->server_name, running->job.doing);

        log_info("cluster %s: %s", thread->options.cluster, text);
        registry_add_event(thread->options.registry, thread->options.cluster,
                           running->job.resumed, text);
    }
    running->last_status = STATUS_OK;
    running->last_code = 0;
    backoff_reset(&running->backoff);
}

static uint64_t pause_usec(struct sql_thread *thread, struct running_job *running)
{
    return running->job.is_retried_often
               ? running->job.period_usec
               : backoff_fail(&running->backoff, (uint32_t)now_usec(thread));
}

static void run_job(struct sql_thread *thread, struct running_job *running)
{
    struct error error = {0};
    enum status status = connect_and_prepare(thread, &error);

    if (status == STATUS_OK) {
        status = running->job.run(thread->options.context, thread->sql, &error);
    }
    if (status != STATUS_OK) {
        note_failure(thread, running, &error);
        running->due_usec = now_usec(thread) + pause_usec(thread, running);
        return;
    }
    note_success(thread, running);
    running->due_usec += running->job.period_usec;
    if (running->due_usec < now_usec(thread)) { /* what was missed is not made up for */
        running->due_usec = now_usec(thread) + running->job.period_usec;
    }
}

/* Does what is due. Returns how long to sleep then, for poll(2). */
static int work(struct sql_thread *thread)
{
    uint64_t wait = (uint64_t)LONGEST_NAP_MSEC * USEC_PER_MSEC;

    for (size_t at = 0; at < thread->options.job_count; at++) {
        struct running_job *running = &thread->jobs[at];
        uint64_t now = now_usec(thread);

        if (atomic_load(&thread->is_ending)) {
            continue;
        }
        if (running->due_usec <= now) {
            run_job(thread, running);
            now = now_usec(thread);
        }
        if (running->due_usec < now + wait) {
            wait = running->due_usec > now ? running->due_usec - now : 0;
        }
    }
    return (int)((wait + USEC_PER_MSEC - 1) / USEC_PER_MSEC);
}

static void *run_thread(void *context)
{
    struct sql_thread *thread = context;
    struct pollfd mail = {.fd = mailbox_descriptor(thread->mailbox), .events = POLLIN};
    struct error error;

    if (source_sql_enter_thread(&error) != STATUS_OK) {
        abort(); /* want of memory */
    }
    while (!thread->is_over) {
        int wait_msec = work(thread);

        (void)poll(&mail, 1, wait_msec); /* whatever ends it, the loop looks */
        (void)mailbox_run(thread->mailbox);
    }
    source_sql_free(thread->sql);
    thread->sql = NULL;
    source_sql_leave_thread();
    return NULL;
}

/* ---- what others ask for ---- */

struct request {
    struct message message;
    struct sql_thread *thread; /* borrowed */
    char *password;            /* owned; NULL but for set_password */
};

static void post(struct sql_thread *thread,
                 void (*run)(struct message *message),
                 char *password)
{
    struct request *request = mem_zeroed(sizeof(*request));

    *request = (struct request){.message.run = run, .thread = thread, .password = password};
    mailbox_post(thread->mailbox, &request->message);
}

static void run_stop(struct message *message)
{
    struct request *request = (struct request *)message;

    request->thread->is_over = true;
    free(request);
}

static void run_set_password(struct message *message)
{
    struct request *request = (struct request *)message;
    struct sql_thread *thread = request->thread;

    source_copy_forget_secret((char *)thread->server.password);
    thread->server.password = request->password;
    if (thread->sql != NULL) {
        source_sql_hang_up(thread->sql);
    }
    for (size_t at = 0; at < thread->options.job_count; at++) {
        backoff_reset(&thread->jobs[at].backoff);
        thread->jobs[at].due_usec = now_usec(thread);
    }
    free(request);
}

void sql_thread_set_password(struct sql_thread *thread, const char *password)
{
    post(thread, run_set_password, mem_text(password));
}

/* What a caller waits for. */
struct call {
    struct message message;
    struct sql_thread *thread; /* borrowed, as all below */
    sql_thread_fn run;
    void *context;
    struct error *error;
    enum status status;
    bool is_done; /* under the lock */
    pthread_mutex_t lock;
    pthread_cond_t done;
};

/* A kept connection may be one that the server has closed: it is asked before. */
static enum status do_call(struct call *call)
{
    struct sql_thread *thread = call->thread;
    struct error *error = call->error;
    enum status status = STATUS_OK;

    if (atomic_load(&thread->is_ending) || thread->sql == NULL) {
        return error_set(error, STATUS_CLOSED, "the relay shuts down");
    }
    if (source_sql_is_connected(thread->sql) &&
        source_sql_run(thread->sql, "DO 0", error) != STATUS_OK) {
        source_sql_hang_up(thread->sql);
    }
    status = connect_and_prepare(thread, error);
    if (status == STATUS_OK) {
        status = call->run(call->context, thread->sql, error);
    }
    if (thread->options.job_count == 0) {
        source_sql_hang_up(thread->sql);
    }
    return status == STATUS_OK ? STATUS_OK : error_wrap(error, "%s", thread->server_name);
}

static void run_call(struct message *message)
{
    struct call *call = (struct call *)message;
    enum status status = do_call(call);

    pthread_mutex_lock(&call->lock);
    call->status = status;
    call->is_done = true;
    pthread_cond_signal(&call->done);
    pthread_mutex_unlock(&call->lock);
}

enum status sql_thread_call(struct sql_thread *thread,
                            sql_thread_fn run,
                            void *context,
                            struct error *error)
{
    struct call call = {.message.run = run_call,
                        .thread = thread,
                        .run = run,
                        .context = context,
                        .error = error,
                        .lock = PTHREAD_MUTEX_INITIALIZER,
                        .done = PTHREAD_COND_INITIALIZER};

    mailbox_post(thread->mailbox, &call.message);
    pthread_mutex_lock(&call.lock);
    while (!call.is_done) {
        pthread_cond_wait(&call.done, &call.lock);
    }
    pthread_mutex_unlock(&call.lock);
    (void)pthread_cond_destroy(&call.done);
    (void)pthread_mutex_destroy(&call.lock);
    return call.status;
}

/* ---- life ---- */

static struct sql_thread *make(const struct sql_thread_options *options)
{
    struct sql_thread *thread = mem_zeroed(sizeof(*thread));

    thread->options = *options;
    source_copy_make(&thread->server, options->server);
    thread->options.server = &thread->server;
    thread->options.cluster = mem_text(options->cluster);
    thread->options.role = NULL; /* it stands in server_name; the jobs are copied below */
    thread->options.jobs = NULL;
    thread->server_name =
        mem_format("%s %s:%u", options->role, thread->server.host, thread->server.port);
    for (size_t at = 0; at < options->job_count; at++) {
        thread->jobs[at] = (struct running_job){
            .job = options->jobs[at],
            .due_usec = clock_monotonic_usec(options->clock),
            .backoff.first_usec = options->jobs[at].period_usec,
        };
    }
    thread->sql = source_sql_new(&thread->server);
    return thread;
}

static void thread_free(struct sql_thread *thread)
{
    mailbox_free(thread->mailbox);
    source_sql_free(thread->sql);
    source_copy_release(&thread->server);
    free((char *)thread->options.cluster);
    free(thread->server_name);
    free(thread);
}

/* Signals are the control thread's: no other thread may be chosen for them. */
static enum status start_thread(struct sql_thread *thread,
                                const char *name,
                                struct error *error)
{
    char whole_name[2 * THREAD_NAME_BYTES];
    sigset_t all;
    sigset_t before;
    int code = 0;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    code = pthread_create(&thread->thread, NULL, run_thread, thread);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code != 0) {
        return error_set(error, STATUS_SYSTEM, "start the thread for %s of cluster %s: %s",
                         thread->server_name, thread->options.cluster, strerror(code));
    }
    (void)snprintf(whole_name, sizeof(whole_name), "%.6s-%.15s", name, thread->options.cluster);
    whole_name[THREAD_NAME_BYTES - 1] = '\0';
    (void)pthread_setname_np(thread->thread, whole_name); /* only for people */
    return STATUS_OK;
}

enum status sql_thread_start(struct sql_thread **made,
                             const struct sql_thread_options *options,
                             struct error *error)
{
    struct sql_thread *thread = NULL;

    if (source_sql_prepare_library(error) != STATUS_OK) {
        return error->status;
    }
    thread = make(options);
    if (mailbox_new(&thread->mailbox, error) != STATUS_OK ||
        start_thread(thread, options->name, error) != STATUS_OK) {
        thread_free(thread);
        return error->status;
    }
    *made = thread;
    return STATUS_OK;
}

void sql_thread_interrupt(struct sql_thread *thread)
{
    if (thread != NULL && !atomic_exchange(&thread->is_ending, true)) {
        source_sql_interrupt(thread->sql);
    }
}

void sql_thread_stop(struct sql_thread *thread)
{
    if (thread == NULL) {
        return;
    }
    sql_thread_interrupt(thread);
    post(thread, run_stop, NULL);
    (void)pthread_join(thread->thread, NULL);
    thread_free(thread);
}

/* ---- names ---- */

char *sql_table_quoted(const char *name)
{
    const char *dot = strchr(name, '.');

    if (dot == NULL || dot == name || dot[1] == '\0' || strchr(dot + 1, '.') != NULL ||
        strchr(name, '`') != NULL) {
        return NULL;
    }
    return mem_format("`%.*s`.`%s`", (int)(dot - name), name, dot + 1);
}
