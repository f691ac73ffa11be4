/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of source_agent*.c share.
 *
 *   source_agent.c        life, and what others ask of it
 *   source_agent_jobs.c   what is said to the source again and again
 *   source_agent_purge.c  PURGE BINARY LOGS at the source
 */
#pragma once

#include "binrelay/source/source_agent.h"
#include "sql_thread.h"

struct source_agent {
    struct source_agent_options options; /* texts owned; no sources: the thread has the first */
    char *table;                         /* owned: quoted for SQL */
    struct sql_thread *thread;           /* owned */
};

/* The jobs that the options ask for, up to SQL_THREAD_JOBS_MOST. */
size_t source_agent_jobs(const struct source_agent_options *options, struct sql_job *jobs);

/* A sql_thread_fn for a struct source_agent: sets up the session. */
enum status source_agent_prepare(void *agent, struct source_sql *sql, struct error *error);
