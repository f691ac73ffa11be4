/* SPDX-License-Identifier: Apache-2.0 */
/* A thread that runs messages one after the other: for calls that block. */
#pragma once

#include "binrelay/base/error.h"
#include "binrelay/base/mailbox.h"

struct worker;

/* `name` is what the thread is called in ps and gdb (15 characters at most). */
MUST_CHECK enum status worker_start(struct worker **made,
                                    const char *name,
                                    struct error *error);

/* Any thread. */
void worker_post(struct worker *worker, struct message *message);

/* Runs what waits, then ends and joins the thread. Accepts NULL. */
void worker_stop(struct worker *worker);
