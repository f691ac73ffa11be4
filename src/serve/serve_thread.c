/* SPDX-License-Identifier: Apache-2.0 */
#include "serve_thread.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "binrelay/base/memory.h"

enum {
    STOP_USEC = 2000000, /* for streams to take their last packet when the endpoint closes */
    LOOK_USEC = 1000000, /* between looks how far the peers of streams have come */
};

/* One cluster's news for one thread. */
struct wake {
    struct message message;      /* first: is turned back into the wake */
    struct serve_thread *thread; /* borrowed */
    size_t cluster;
    atomic_bool is_posted;
    _Atomic size_t streams; /* of the cluster, on the thread */
};

struct serve_thread {
    struct session_home home;
    struct loop *loop; /* owned */
    pthread_t thread;
    bool is_running;
    _Atomic size_t streams;
    struct wake *wakes;            /* owned: one for each cluster */
    struct message stop;           /* posted once */
    struct loop_timer *stop_timer; /* owned; its thread's */
    struct loop_timer *look_timer; /* owned; its thread's */
};

struct serve_threads {
    struct serve_thread *items; /* owned */
    size_t count;
};

static void run_wake(struct message *message)
{
    struct wake *wake = (struct wake *)message;

    /* Before the dumps look: what is published after this posts again. */
    atomic_store(&wake->is_posted, false);
    session_home_pump(&wake->thread->home, wake->cluster);
}

void serve_threads_wake(struct serve_threads *threads, size_t cluster)
{
    /* A stream that is counted too late for this look reads the durable end after it was
     * published: serve_thread_add_stream() has the other fence. */
    atomic_thread_fence(memory_order_seq_cst);
    for (size_t at = 0; at < threads->count; at++) {
        struct wake *wake = &threads->items[at].wakes[cluster];

        if (atomic_load_explicit(&wake->streams, memory_order_relaxed) > 0 &&
            !atomic_exchange(&wake->is_posted, true)) {
            loop_post(threads->items[at].loop, &wake->message);
        }
    }
}

void serve_thread_add_stream(struct serve_thread *thread, size_t cluster)
{
    atomic_fetch_add(&thread->streams, 1);
    atomic_fetch_add(&thread->wakes[cluster].streams, 1);
    atomic_thread_fence(memory_order_seq_cst);
}

void serve_thread_remove_stream(struct serve_thread *thread, size_t cluster)
{
    atomic_fetch_sub(&thread->streams, 1);
    atomic_fetch_sub(&thread->wakes[cluster].streams, 1);
}

struct serve_thread *serve_threads_choose(struct serve_threads *threads, size_t cluster)
{
    struct serve_thread *chosen = &threads->items[0];

    for (size_t at = 1; at < threads->count; at++) {
        if (atomic_load(&threads->items[at].streams) < atomic_load(&chosen->streams)) {
            chosen = &threads->items[at];
        }
    }
    serve_thread_add_stream(chosen, cluster);
    return chosen;
}

struct session_home *serve_thread_home(struct serve_thread *thread)
{
    return &thread->home;
}

size_t serve_threads_turns(const struct serve_threads *threads, uint64_t *turns, size_t most)
{
    size_t count = threads->count < most ? threads->count : most;

    for (size_t at = 0; at < count; at++) {
        turns[at] = loop_turns(threads->items[at].loop);
    }
    return count;
}

static void on_look(void *context)
{
    struct serve_thread *thread = context;

    if (atomic_load(&thread->streams) > 0) {
        session_home_look(&thread->home);
    }
    loop_timer_set(thread->look_timer, LOOK_USEC);
}

static void *run_thread(void *context)
{
    struct serve_thread *thread = context;

    thread->look_timer = loop_timer_new(thread->loop, on_look, thread);
    loop_timer_set(thread->look_timer, LOOK_USEC);
    loop_run(thread->loop);
    return NULL;
}

static void on_empty(void *context)
{
    struct serve_thread *thread = context;

    loop_stop(thread->loop);
}

static void on_stop_timer(void *context)
{
    struct serve_thread *thread = context;

    session_home_drop(&thread->home);
    loop_stop(thread->loop);
}

static void run_stop(struct message *message)
{
    struct serve_thread *thread =
        (struct serve_thread *)((char *)message - offsetof(struct serve_thread, stop));

    thread->stop_timer = loop_timer_new(thread->loop, on_stop_timer, thread);
    loop_timer_set(thread->stop_timer, STOP_USEC);
    session_home_close(&thread->home, on_empty, thread);
}

static enum status start_one(struct serve_threads *threads,
                             size_t number,
                             size_t cluster_count,
                             struct sql_agents *agents,
                             struct error *error)
{
    struct serve_thread *thread = &threads->items[number];
    char name[16];
    int code = 0;

    threads->count++;
    thread->wakes = mem_zeroed((cluster_count + 1) * sizeof(*thread->wakes));
    for (size_t at = 0; at < cluster_count; at++) {
        thread->wakes[at].message.run = run_wake;
        thread->wakes[at].thread = thread;
        thread->wakes[at].cluster = at;
    }
    thread->stop.run = run_stop;
    if (loop_new(&thread->loop, error) != STATUS_OK) {
        return error->status;
    }
    thread->home = (struct session_home){
        .loop = thread->loop, .threads = threads, .thread = thread, .agents = agents};
    code = pthread_create(&thread->thread, NULL, run_thread, thread);
    if (code != 0) {
        errno = code;
        return error_set_errno(error, "start a serve thread");
    }
    thread->is_running = true;
    (void)snprintf(name, sizeof(name), "serve-%zu", number % 1000);
    (void)pthread_setname_np(thread->thread, name); /* only a name */
    return STATUS_OK;
}

enum status serve_threads_start(struct serve_threads **made,
                                size_t count,
                                size_t cluster_count,
                                struct sql_agents *agents,
                                struct error *error)
{
    struct serve_threads *threads = mem_zeroed(sizeof(*threads));

    count = count == 0 ? 1 : count;
    threads->items = mem_zeroed(count * sizeof(*threads->items));
    for (size_t at = 0; at < count; at++) {
        if (start_one(threads, at, cluster_count, agents, error) != STATUS_OK) {
            serve_threads_stop(threads);
            serve_threads_free(threads);
            return error->status;
        }
    }
    *made = threads;
    return STATUS_OK;
}

void serve_threads_stop(struct serve_threads *threads)
{
    if (threads == NULL) {
        return;
    }
    for (size_t at = 0; at < threads->count; at++) {
        if (threads->items[at].is_running) {
            loop_post(threads->items[at].loop, &threads->items[at].stop);
        }
    }
    for (size_t at = 0; at < threads->count; at++) {
        if (threads->items[at].is_running) {
            (void)pthread_join(threads->items[at].thread, NULL);
            threads->items[at].is_running = false;
        }
    }
}

void serve_threads_free(struct serve_threads *threads)
{
    if (threads == NULL) {
        return;
    }
    for (size_t at = 0; at < threads->count; at++) {
        loop_timer_free(threads->items[at].stop_timer);
        loop_timer_free(threads->items[at].look_timer);
        loop_free(threads->items[at].loop);
        free(threads->items[at].wakes);
    }
    free(threads->items);
    free(threads);
}
