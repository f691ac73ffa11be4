/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread that speaks with one server in SQL over one kept connection: jobs
 * that are done again and again, and what others ask for and wait for. A
 * server that hangs costs only this thread. Trouble with a job is logged and
 * becomes an event when it begins, changes and ends.
 *
 * Who owns one: source_agent (a cluster's source), applier_poll (a server that
 * applies a cluster's log).
 */
#pragma once

#include "backoff.h"
#include "binrelay/base/clock.h"
#include "binrelay/base/error.h"
#include "binrelay/registry/registry.h"
#include "source_sql.h"

/* What is done with the connection, on the thread. */
typedef enum status (*sql_thread_fn)(void *context,
                                     struct source_sql *sql,
                                     struct error *error);

/* What is done again and again. */
struct sql_job {
    sql_thread_fn run;
    const char *doing;     /* "write heartbeats" */
    const char *failed;    /* the events */
    const char *resumed;   /* */
    uint64_t period_usec;  /* */
    bool is_retried_often; /* a failure is tried again after the period, however many there are;
                              else the pauses grow */
};

enum { SQL_THREAD_JOBS_MOST = 2 };

struct sql_thread_options {
    const char *cluster;                 /* of log lines and events */
    const char *role;                    /* what the server is: "source" */
    const char *name;                    /* the thread's, in front of the cluster's */
    const struct source_options *server; /* copied, as all texts but those of jobs */
    const struct sql_job *jobs;          /* copied; their texts are constants */
    size_t job_count;
    sql_thread_fn prepare; /* sets up a session that has just begun */
    void *context;         /* of prepare and of jobs; borrowed */
    const struct clock *clock;
    struct registry *registry; /* borrowed */
};

struct sql_thread;

MUST_CHECK enum status sql_thread_start(struct sql_thread **made,
                                        const struct sql_thread_options *options,
                                        struct error *error);

/* ---- any thread ---- */

/* Ends what is under way, and begins nothing any more. Accepts NULL. */
void sql_thread_interrupt(struct sql_thread *thread);

/* The same, and joins: at once, or where it is connecting within that time limit. When nobody
 * else uses it any more. Accepts NULL. */
void sql_thread_stop(struct sql_thread *thread);

/* Copied; jobs are tried at once. */
void sql_thread_set_password(struct sql_thread *thread, const char *password);

/*
 * Runs `run` on the thread, connected, and waits for it: from a thread that may
 * wait. STATUS_CLOSED: the server is away, or the thread ends.
 */
MUST_CHECK enum status sql_thread_call(struct sql_thread *thread,
                                       sql_thread_fn run,
                                       void *context,
                                       struct error *error);

/* "`database`.`table`" of "database.table", the caller's to free; NULL if it is no such name.
 */
char *sql_table_quoted(const char *name);
