/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The threads that sessions move to when they ask for a dump, and stay on. A
 * publish costs each thread that streams the cluster one wake-up, however many
 * publishes there were since it last looked.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "session_connection.h"

struct serve_threads;
struct serve_thread;

/* The agents answer slow statements of the sessions that live there; borrowed. */
MUST_CHECK enum status serve_threads_start(struct serve_threads **made,
                                           size_t count,
                                           size_t cluster_count,
                                           struct sql_agents *agents,
                                           struct error *error);

/* Ends all sessions there (streams with error 1053) and joins the threads. Messages may still
 * be posted to their loops. Accepts NULL. */
void serve_threads_stop(struct serve_threads *threads);

/* After the stop. Accepts NULL. */
void serve_threads_free(struct serve_threads *threads);

/* The one with the fewest streams, which is given one more, of that cluster. The control
 * thread. */
struct serve_thread *serve_threads_choose(struct serve_threads *threads, size_t cluster);

/* A cluster published. Any thread. */
void serve_threads_wake(struct serve_threads *threads, size_t cluster);

size_t serve_threads_turns(const struct serve_threads *threads, uint64_t *turns, size_t most);

/* Where its sessions live. */
struct session_home *serve_thread_home(struct serve_thread *thread);

/* Counts a stream that begins or ends there. Any thread. */
void serve_thread_add_stream(struct serve_thread *thread, size_t cluster);
void serve_thread_remove_stream(struct serve_thread *thread, size_t cluster);
