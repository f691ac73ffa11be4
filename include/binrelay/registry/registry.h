/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data_dir/control.db: what must outlive a restart and is in no binlog.
 *
 * Files on disk are the truth; this is brought in line with them at start.
 * Reading happens at start, before threads; every write runs
 * on the registry's own thread and says so through a message when it is
 * durable.
 */
#pragma once

#include "binrelay/base/clock.h"
#include "binrelay/base/error.h"
#include "binrelay/base/mailbox.h"
#include "binrelay/registry/cluster_board.h"
#include "binrelay/registry/heartbeat_table.h"

struct registry;

/* STATUS_INVALID: a newer schema. An older one is brought up to date. STATUS_CORRUPT: not a
 * database, or damaged. */
MUST_CHECK enum status registry_open(struct registry **made,
                                     const char *data_dir,
                                     const struct clock *clock,
                                     struct error *error);

/* Finishes the writes that wait. Accepts NULL. */
void registry_close(struct registry *registry);

/* What is kept of one cluster. */
struct registry_cluster {
    struct binlog_position first_visible; /* {0, 0}: all that is stored */
    int64_t upstream_shift;   /* number of a file here minus its number at the source ... */
    uint64_t shift_from_file; /* ... from this file here on; before, previous_shift holds */
    int64_t previous_shift;
    uint32_t identity; /* server_id that epoch markers were given; 0: they are the source's */
    struct source_facts facts; /* server_version "" : never connected */
};

/* STATUS_NOT_FOUND: a cluster that is new. At start only. */
MUST_CHECK enum status registry_load_cluster(struct registry *registry,
                                             const char *name,
                                             struct registry_cluster *found,
                                             struct error *error);

/* Tells how a write went, on the thread that posted it or wherever `deliver` takes it. */
struct registry_reply {
    struct message message; /* set message.run; it is delivered with status filled */
    void (*deliver)(void *where, struct message *message); /* e.g. posts to a loop */
    void *where;                                           /* borrowed */
    enum status status;
    struct error error;
};

/* Saves (name, cluster). The reply may be NULL where nobody waits; it is the caller's memory.
 */
void registry_save_cluster(struct registry *registry,
                           const char *name,
                           const struct registry_cluster *cluster,
                           struct registry_reply *reply);

/* Appends to the numbered events: "source.connected", "event.bad", ... */
void registry_add_event(struct registry *registry,
                        const char *cluster,
                        const char *event,
                        const char *text);

/* What the heartbeat table of the endpoint holds; the registry's. */
struct heartbeat_table *registry_heartbeats(struct registry *registry);
