/* SPDX-License-Identifier: Apache-2.0 */
/* The registry, and how its parts reach one another. */
#pragma once

#include <pthread.h>

#include "binrelay/base/worker.h"
#include "binrelay/registry/registry.h"
#include "database.h"

/* Saves what never waits: soon, and all that has changed in one transaction. */
struct registry_saver {
    struct message asked;     /* first */
    struct timed_message due; /* put off to keep the pace */
    uint64_t last_usec;       /* the worker's: monotonic, when it saved */
    bool is_asked;            /* under the registry's lock, as the next */
    bool is_closing;
};

struct registry {
    struct sqlite3 *database;           /* owned; the worker's once it has a message */
    struct worker *worker;              /* owned */
    struct heartbeat_table *heartbeats; /* owned, as the next two */
    struct pin_table *pins;
    struct report_router *router;
    const struct clock *clock;          /* borrowed from the caller of registry_open() */
    pthread_mutex_t lock;               /* of what follows; nothing else is locked under it */
    struct applier_registry **appliers; /* owned; grows only */
    size_t applier_count;
    size_t applier_capacity;
    size_t events_waiting; /* to be written */
    struct registry_saver saver;
    struct lease_table *leases; /* owned: a list, made at start */
};

/* Any thread: something is to be saved. */
void registry_save_soon(struct registry *registry);

/* A copy of the list; the caller's to free. */
size_t registry_list_appliers(struct registry *registry, struct applier_registry ***appliers);
