/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where threads meet: one thread's queue of work that other threads post.
 *
 * A message belongs to whoever holds it: to the poster before, to the mailbox
 * while it waits, to its run() after. Messages of one poster run in the order
 * they were posted. The descriptor is readable while messages wait.
 */
#pragma once

#include "binrelay/base/error.h"

/* The first field of what is posted. run() gets the message back, on the receiving thread. */
struct message {
    struct message *next; /* the mailbox's */
    void (*run)(struct message *message);
};

struct mailbox;

MUST_CHECK enum status mailbox_new(struct mailbox **made, struct error *error);

/* Only when nobody posts any more. Messages that still wait are run. Accepts NULL. */
void mailbox_free(struct mailbox *mailbox);

/* Any thread. */
void mailbox_post(struct mailbox *mailbox, struct message *message);

/* An eventfd for the receiving thread's loop. */
int mailbox_descriptor(const struct mailbox *mailbox);

/* The receiving thread: runs what waits now. Returns how many ran. */
int mailbox_run(struct mailbox *mailbox);

/* The receiving thread: sleeps until something waits. For threads without a loop. */
void mailbox_wait(struct mailbox *mailbox);

/* The same, but at most so many milliseconds. */
void mailbox_wait_most(struct mailbox *mailbox, int msec);
