/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks a server that applies a cluster's log what it has applied, again and
 * again: the rows of its heartbeat table, mysql.ndb_apply_status, and for a cluster
 * without epochs the GTIDs that it executed. One thread and one kept connection
 * for each polled server (libmysqlclient), with time limits on every call. What
 * the server does not have is no error; trouble is logged once for each reason,
 * with the events poll.failed and poll.ok, and the next round tries again.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "binrelay/base/clock.h"
#include "binrelay/base/error.h"
#include "binrelay/registry/registry.h"
#include "binrelay/source/puller.h"

struct applier_poll_options {
    const char *cluster;                 /* whose log the server applies */
    const struct source_options *server; /* copied, as all texts */
    const char *heartbeat_table;         /* "database.table" */
    uint64_t interval_usec;
    bool reads_gtids;          /* the cluster has no epochs */
    const struct clock *clock; /* borrowed, as all below */
    struct registry *registry;
    struct report_router *reports;
    struct applier_registry *appliers; /* the cluster's */
};

struct applier_poll;

/* STATUS_INVALID: no "database.table". */
MUST_CHECK enum status applier_poll_start(struct applier_poll **made,
                                          const struct applier_poll_options *options,
                                          struct error *error);

/* Ends what is under way, and begins nothing any more, so that several can end together. Any
 * thread. Accepts NULL. */
void applier_poll_interrupt(struct applier_poll *poll);

/* The same, and joins the thread: at once, or where it is connecting within that time limit.
 * Accepts NULL. */
void applier_poll_stop(struct applier_poll *poll);

/* Copied; tried at once. Any thread. */
void applier_poll_set_password(struct applier_poll *poll, const char *password);
