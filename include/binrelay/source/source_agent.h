/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a cluster's relay says to its source in SQL: advances the heartbeat row,
 * reads mysql.ndb_apply_status, forwards FLUSH BINARY LOGS, purges. One thread and one
 * kept connection per cluster (libmysqlclient), with time limits on every call, so
 * that a source that hangs stops nothing else. Whatever is wrong is logged once,
 * and tried again.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "binrelay/base/clock.h"
#include "binrelay/base/error.h"
#include "binrelay/registry/cluster_board.h"
#include "binrelay/registry/registry.h"
#include "binrelay/source/puller.h"

struct source_agent_options {
    const char *cluster;
    uint32_t server_id;                   /* the cluster's: whose row is advanced */
    const struct source_options *sources; /* the first is used */
    size_t source_count;
    const char *heartbeat_table; /* "database.table" */
    bool writes_heartbeats;
    uint64_t heartbeat_interval_usec;
    bool polls_apply_status;
    uint64_t poll_interval_usec;
    const struct clock *clock;  /* borrowed, as all below */
    struct binlog_store *store; /* for source_agent_purge(); NULL: it purges nothing */
    struct cluster_board *board;
    struct registry *registry;
};

struct source_agent;

MUST_CHECK enum status source_agent_start(struct source_agent **made,
                                          const struct source_agent_options *options,
                                          struct error *error);

/* Ends what is under way, and begins nothing any more: source_agent_execute() fails at once,
 * for who waits in it, too. So that several can end together. Any thread. Accepts NULL. */
void source_agent_interrupt(struct source_agent *agent);

/* The same, and joins the thread: at once, or where it is connecting within that time limit.
 * When nobody else uses it any more. Accepts NULL. */
void source_agent_stop(struct source_agent *agent);

/* New passwords, as of puller_set_passwords(). Any thread. */
void source_agent_set_passwords(struct source_agent *agent,
                                const char *const *passwords,
                                size_t count);

/* Runs one statement that returns no rows, and waits for it: from a thread that may wait. The
 * error is the source's own, with its sql_code; STATUS_CLOSED without one: it is away. */
MUST_CHECK enum status source_agent_execute(struct source_agent *agent,
                                            const char *statement,
                                            struct error *error);

/*
 * PURGE BINARY LOGS at the source up to the file that has this number here,
 * which stays: all in front of it are durable here. Waits, as above. STATUS_OK
 * also where the source has none of them any more. STATUS_AGAIN: not now, as the
 * source is not being pulled from or the file is not known to be durable.
 * STATUS_NOT_FOUND: it is not known which file of the source that is.
 */
MUST_CHECK enum status source_agent_purge(struct source_agent *agent,
                                          uint64_t file,
                                          struct error *error);
