/* SPDX-License-Identifier: Apache-2.0 */
/* What the rest of the room needs of a loop: its libevent base, tasks, and shared stores. */
#pragma once

#include <event2/event.h>

#include "binrelay/net/loop.h"

struct chunk_pool;
struct resolver;

/* Runs once at the end of a turn; embedded in what it works for. Zeroed is not scheduled. */
struct loop_task {
    struct loop_task *next; /* borrowed: the ring of those that wait; NULL: none */
    struct loop_task *previous;
    loop_fn fn;
    void *context; /* borrowed */
};

/* Scheduling what is scheduled changes nothing; so does unscheduling what is not. */
void loop_schedule(struct loop *loop, struct loop_task *task);
void loop_unschedule(struct loop_task *task);

/* An event of this loop; never NULL. The caller frees it with event_free(). */
struct event *loop_event(
    struct loop *loop, int descriptor, short what, event_callback_fn fn, void *context);

struct event_base *loop_base(struct loop *loop);

/* Memory for output that the loop's connections share. */
struct chunk_pool *loop_chunks(struct loop *loop);

/* Made when it is first asked for. */
struct resolver *loop_resolver(struct loop *loop);
