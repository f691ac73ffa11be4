/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thread's event loop: descriptors, timers, messages of other threads.
 *
 * All functions belong to the loop's thread, but for loop_post() and
 * loop_stop(), which any thread may call. Callbacks must not block.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "binrelay/base/error.h"
#include "binrelay/base/mailbox.h"

struct loop;
struct loop_timer;
struct loop_watch;

typedef void (*loop_fn)(void *context);

/* The first one also makes the process ignore SIGPIPE, which sendfile() would raise. */
MUST_CHECK enum status loop_new(struct loop **made, struct error *error);

/* After loop_run() has returned and all that lives on the loop is freed. What was deferred, and
 * messages that still wait, are run first. Accepts NULL. */
void loop_free(struct loop *loop);

/* Runs until loop_stop(). */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* Runs message->run() on the loop's thread. Any thread. */
void loop_post(struct loop *loop, struct message *message);

/* Calls fn at the end of this turn of the loop, once; for freeing what is still on the stack.
 * What fn defers runs in the same turn too, within reason. */
void loop_defer(struct loop *loop, loop_fn fn, void *context);

/* Counts turns, at least one a second while the loop is not stuck; a watchdog compares. Any
 * thread. */
uint64_t loop_turns(const struct loop *loop);

/* A timer that is not set. Calls fn each time it runs out. It counts in the kernel's ticks: it
 * may be some milliseconds off either way. */
struct loop_timer *loop_timer_new(struct loop *loop, loop_fn fn, void *context);

/* Runs out once, `usec` from now; set again it forgets the earlier time. */
void loop_timer_set(struct loop_timer *timer, uint64_t usec);
void loop_timer_clear(struct loop_timer *timer);

/* May be called from its own callback. Accepts NULL. */
void loop_timer_free(struct loop_timer *timer);

/* Calls fn while the descriptor is readable (borrowed; outlives the watch). */
struct loop_watch *loop_watch_readable(struct loop *loop,
                                       int descriptor,
                                       loop_fn fn,
                                       void *context);
/* May be called from its own callback. Accepts NULL. */
void loop_watch_free(struct loop_watch *watch);

/* Calls fn on the loop for a signal of the process. One loop only. */
struct loop_watch *loop_watch_signal(struct loop *loop, int signal, loop_fn fn, void *context);
