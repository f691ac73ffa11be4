/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs the syncs of one store on a thread of their own, one at a time, while
 * the pull thread goes on receiving: what arrives during a sync goes with the
 * next. All functions belong to the pull thread.
 */
#pragma once

#include <stdbool.h>

#include "binrelay/base/error.h"
#include "binrelay/base/worker.h"
#include "binrelay/net/loop.h"
#include "binrelay/storage/binlog_store.h"

/* Called on the loop when a sync has ended and was published, or failed. */
typedef void (*syncer_fn)(void *context, enum status status, const struct error *error);

struct syncer_message {
    struct message message;
    struct syncer *syncer; /* borrowed: the one it is part of */
};

struct syncer {
    struct worker *worker;      /* owned */
    struct loop *loop;          /* borrowed */
    struct binlog_store *store; /* borrowed */
    syncer_fn on_end;
    void *context;              /* borrowed: for on_end */
    struct binlog_sync *sync;   /* in flight; NULL: none */
    struct syncer_message run;  /* to the worker */
    struct syncer_message done; /* back to the loop */
};

/* Starts the thread. The other fields (loop, store, on_end, context) are filled before. */
MUST_CHECK enum status syncer_start(struct syncer *syncer,
                                    const char *name,
                                    struct error *error);

/* Ends the thread. Only while it is idle. Accepts one that was not started. */
void syncer_stop(struct syncer *syncer);

/* Begins a sync if none is in flight and there is something to sync. Returns true if it did. */
bool syncer_begin(struct syncer *syncer);

bool syncer_is_busy(const struct syncer *syncer);
