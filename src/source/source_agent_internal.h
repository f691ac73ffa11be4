/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of source_agent*.c share.
 *
 *   source_agent.c       the thread, what others ask of it, when what is due
 *   source_agent_jobs.c  what is said to the source
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "backoff.h"
#include "binrelay/base/mailbox.h"
#include "binrelay/source/source_agent.h"
#include "source_sql.h"

/* What is done again and again. */
struct agent_job {
    enum status (*run)(struct source_agent *agent, struct error *error);
    const char *doing;       /* "write heartbeats" */
    const char *failed;      /* the events */
    const char *resumed;     /* */
    bool is_wanted;          /* all below is nothing without */
    uint64_t period_usec;    /* */
    uint64_t due_usec;       /* monotonic */
    struct backoff backoff;  /* of failures in a row */
    enum status last_status; /* what was said of the last failure; STATUS_OK: all is well */
    int last_code;
};

enum { AGENT_JOBS = 2 };

struct source_agent {
    struct source_agent_options options; /* texts owned, `sources` is &source */
    struct source_options source;        /* owned */
    char source_name[300];               /* "host:port" */
    char *table;                         /* owned: quoted for SQL */
    struct source_sql *sql;              /* owned */
    struct mailbox *mailbox;             /* owned */
    pthread_t thread;
    struct agent_job jobs[AGENT_JOBS];
    atomic_bool is_ending; /* nothing is begun any more */
    bool is_over;          /* the thread's own: leaves its loop */
};

/* What each job is. Before the thread. */
void source_agent_set_jobs(struct source_agent *agent);

/* Connects, unless it is connected, and sets up the session. */
MUST_CHECK enum status source_agent_connect(struct source_agent *agent, struct error *error);
