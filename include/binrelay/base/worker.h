/* SPDX-License-Identifier: Apache-2.0 */
/* A thread that runs messages one after the other: for calls that block. */
#pragma once

#include <stdint.h>

#include "binrelay/base/error.h"
#include "binrelay/base/mailbox.h"

struct worker;

/* `name` is what the thread is called in ps and gdb (15 characters at most). */
MUST_CHECK enum status worker_start(struct worker **made,
                                    const char *name,
                                    struct error *error);

/* Any thread. */
void worker_post(struct worker *worker, struct message *message);

/* A message that is to run later. */
struct timed_message {
    struct message message;
    uint64_t due_usec; /* the worker's: on the monotonic clock */
};

/* The worker's own thread: runs it here when so much time has passed, or when the worker stops.
 * Once until it has run. */
void worker_run_later(struct worker *worker, struct timed_message *timed, uint64_t after_usec);

/* Runs what waits, what is to run later too, then ends and joins the thread. Accepts NULL. */
void worker_stop(struct worker *worker);
