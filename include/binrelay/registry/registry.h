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
#include "binrelay/registry/applier_registry.h"
#include "binrelay/registry/cluster_board.h"
#include "binrelay/registry/heartbeat_table.h"
#include "binrelay/registry/pin_table.h"
#include "binrelay/registry/report_router.h"

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

/* Appends to the numbered events: "source.connected", "event.bad", ... Never waits; of what
 * comes faster than it can be written some thousands wait, and the rest is dropped. */
void registry_add_event(struct registry *registry,
                        const char *cluster,
                        const char *event,
                        const char *text);

/* What the heartbeat table of the endpoint holds; the registry's, as the next two. */
struct heartbeat_table *registry_heartbeats(struct registry *registry);
struct pin_table *registry_pins(struct registry *registry);
struct report_router *registry_reports(struct registry *registry);

/* A cluster whose appliers are kept. All borrowed for the registry's life, but the struct. */
struct registry_applied {
    const char *name;
    uint32_t server_id;
    struct binlog_store *store;
    struct cluster_board *board; /* the source's server_id is taken from it */
    bool shares_groups; /* it has a lease: the members of a group are at the group's place */
};

/* Loads what is kept of a cluster's appliers; the registry's. At start, before any of their
 * functions. */
MUST_CHECK enum status registry_open_appliers(struct registry *registry,
                                              const struct registry_applied *cluster,
                                              struct applier_registry **made,
                                              struct error *error);

/*
 * All that appliers reported and pins became until now is durable when it
 * returns. Waits. Before a file goes, so that after a crash nobody is found at
 * a place that was purged since.
 */
MUST_CHECK enum status registry_settle(struct registry *registry, struct error *error);

/* One of the numbered events. */
struct registry_event {
    uint64_t id;
    uint64_t at_usec; /* wall clock */
    char cluster[65];
    char event[65];
    char message[1024];
};

/* Events behind a number and not before a time, oldest first, at most so many; waits. *events
 * is the caller's to free. */
MUST_CHECK enum status registry_list_events(struct registry *registry,
                                            uint64_t after_id,
                                            uint64_t since_usec,
                                            size_t most,
                                            struct registry_event **events,
                                            size_t *count,
                                            struct error *error);
