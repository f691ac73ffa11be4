/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/net/loop.h"

#include <assert.h>
#include <event2/thread.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>

#include "binrelay/base/log.h"
#include "binrelay/base/memory.h"
#include "loop_internal.h"
#include "output_queue.h"
#include "resolver.h"

enum {
    USEC_PER_SEC = 1000 * 1000,

    /* Tasks schedule tasks: what a message brings is sent in the same turn, but a task that
     * always comes back must not keep the loop from its descriptors. */
    TASK_ROUNDS_PER_TURN = 8,
};

struct deferred {
    struct loop_task task;
    struct loop *loop; /* borrowed */
    loop_fn fn;
    void *context;               /* borrowed */
    struct deferred *next_spare; /* owned: while it is in loop->spare */
};

struct loop {
    struct event_base *base;   /* owned */
    struct mailbox *mailbox;   /* owned */
    struct event *posted;      /* owned: the mailbox has messages */
    struct event *tick;        /* owned */
    struct resolver *resolver; /* owned; NULL until it is asked for */
    struct chunk_pool chunks;
    struct loop_task tasks; /* the head of the ring */
    struct deferred *spare; /* owned */
    _Atomic uint64_t turns;
    _Atomic bool is_stopping;
};

struct loop_timer {
    struct event *event; /* owned */
    loop_fn fn;
    void *context; /* borrowed */
};

struct loop_watch {
    struct event *event; /* owned */
    loop_fn fn;
    void *context; /* borrowed */
};

static void on_libevent_log(int severity, const char *message)
{
    if (severity >= EVENT_LOG_ERR) {
        log_error("libevent: %s", message);
    } else {
        log_debug("libevent: %s", message);
    }
}

/*
 * What is the process's and not the loop's. SIGPIPE is ignored because
 * sendfile() has no flag to ask for EPIPE alone.
 */
static void prepare_process(void)
{
    if (evthread_use_pthreads() != 0) {
        abort();
    }
    event_set_log_callback(on_libevent_log);
    (void)signal(SIGPIPE, SIG_IGN);
}

struct event *loop_event(
    struct loop *loop, int descriptor, short what, event_callback_fn fn, void *context)
{
    struct event *event = event_new(loop->base, descriptor, what, fn, context);

    if (event == NULL) {
        abort(); /* out of memory, as in mem_raw() */
    }
    return event;
}

struct event_base *loop_base(struct loop *loop)
{
    return loop->base;
}

struct chunk_pool *loop_chunks(struct loop *loop)
{
    return &loop->chunks;
}

struct resolver *loop_resolver(struct loop *loop)
{
    if (loop->resolver == NULL) {
        loop->resolver = resolver_new(loop);
    }
    return loop->resolver;
}

static void on_posted(evutil_socket_t descriptor, short what, void *context)
{
    struct loop *loop = context;

    (void)descriptor;
    (void)what;
    (void)mailbox_run(loop->mailbox);
}

static void on_tick(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor;
    (void)what;
    (void)context; /* it is enough that the loop turns */
}

static struct event_base *new_base(void)
{
    struct event_config *config = event_config_new();
    struct event_base *base = NULL;

    if (config == NULL) {
        return NULL;
    }
    /* A turn may be long: a timer set late in it must not count from its beginning. */
    (void)event_config_set_flag(config, EVENT_BASE_FLAG_NO_CACHE_TIME);
    base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

static enum status start_events(struct loop *loop, struct error *error)
{
    const struct timeval second = {.tv_sec = 1};

    loop->base = new_base();
    if (loop->base == NULL) {
        return error_set(error, STATUS_SYSTEM, "make an event loop");
    }
    loop->posted = loop_event(loop, mailbox_descriptor(loop->mailbox), EV_READ | EV_PERSIST,
                              on_posted, loop);
    loop->tick = loop_event(loop, -1, EV_PERSIST, on_tick, loop);
    if (event_add(loop->posted, NULL) != 0 || event_add(loop->tick, &second) != 0) {
        return error_set_errno(error, "start an event loop");
    }
    return STATUS_OK;
}

enum status loop_new(struct loop **made, struct error *error)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct loop *loop = mem_zeroed(sizeof(*loop));
    enum status status = STATUS_OK;

    (void)pthread_once(&once, prepare_process);
    loop->tasks.next = &loop->tasks;
    loop->tasks.previous = &loop->tasks;
    status = mailbox_new(&loop->mailbox, error);
    if (status == STATUS_OK) {
        status = start_events(loop, error);
    }
    if (status != STATUS_OK) {
        loop_free(loop);
        return status;
    }
    *made = loop;
    return STATUS_OK;
}

static bool has_tasks(const struct loop *loop)
{
    return loop->tasks.next != &loop->tasks;
}

void loop_schedule(struct loop *loop, struct loop_task *task)
{
    if (task->next != NULL) {
        return;
    }
    task->next = &loop->tasks;
    task->previous = loop->tasks.previous;
    task->previous->next = task;
    loop->tasks.previous = task;
}

void loop_unschedule(struct loop_task *task)
{
    if (task->next == NULL) {
        return;
    }
    task->previous->next = task->next;
    task->next->previous = task->previous;
    task->next = NULL;
    task->previous = NULL;
}

/* Runs the tasks that wait now. What they schedule waits for the next round. */
static void run_round(struct loop *loop)
{
    struct loop_task round = loop->tasks;

    round.next->previous = &round;
    round.previous->next = &round;
    loop->tasks.next = &loop->tasks;
    loop->tasks.previous = &loop->tasks;
    while (round.next != &round) {
        struct loop_task *task = round.next;

        loop_unschedule(task);
        task->fn(task->context);
    }
}

void loop_run(struct loop *loop)
{
    while (!atomic_exchange(&loop->is_stopping, false)) {
        int rounds = 0;

        if (event_base_loop(loop->base, has_tasks(loop) ? EVLOOP_NONBLOCK : EVLOOP_ONCE) < 0) {
            log_error("event loop: the kernel refuses to wait for events");
            abort();
        }
        while (has_tasks(loop) && rounds++ < TASK_ROUNDS_PER_TURN) {
            run_round(loop);
        }
        atomic_fetch_add_explicit(&loop->turns, 1, memory_order_relaxed);
    }
}

void loop_stop(struct loop *loop)
{
    atomic_store(&loop->is_stopping, true);
    /* Unlike event_base_loopbreak(), this is not forgotten when the loop is just going in. */
    event_active(loop->tick, EV_TIMEOUT, 0);
}

/* What was deferred, or posted late, must still be done: it frees things. */
static void run_the_rest(struct loop *loop)
{
    do {
        while (has_tasks(loop)) {
            run_round(loop);
        }
    } while (loop->mailbox != NULL && mailbox_run(loop->mailbox) > 0);
}

void loop_free(struct loop *loop)
{
    if (loop == NULL) {
        return;
    }
    run_the_rest(loop);
    resolver_free(loop->resolver);
    run_the_rest(loop); /* resolutions that were cancelled */
    while (loop->spare != NULL) {
        struct deferred *next = loop->spare->next_spare;

        free(loop->spare);
        loop->spare = next;
    }
    chunk_pool_release(&loop->chunks);
    if (loop->posted != NULL) {
        event_free(loop->posted);
    }
    if (loop->tick != NULL) {
        event_free(loop->tick);
    }
    if (loop->base != NULL) {
        event_base_free(loop->base);
    }
    mailbox_free(loop->mailbox);
    free(loop);
}

void loop_post(struct loop *loop, struct message *message)
{
    mailbox_post(loop->mailbox, message);
}

uint64_t loop_turns(const struct loop *loop)
{
    return atomic_load_explicit(&loop->turns, memory_order_relaxed);
}

static void run_deferred(void *context)
{
    struct deferred *deferred = context;
    struct loop *loop = deferred->loop;
    loop_fn fn = deferred->fn;

    context = deferred->context;
    deferred->next_spare = loop->spare;
    loop->spare = deferred;
    fn(context);
}

void loop_defer(struct loop *loop, loop_fn fn, void *context)
{
    struct deferred *deferred = loop->spare;

    if (deferred == NULL) {
        deferred = mem_zeroed(sizeof(*deferred));
        deferred->loop = loop;
        deferred->task.fn = run_deferred;
        deferred->task.context = deferred;
    } else {
        loop->spare = deferred->next_spare;
    }
    deferred->fn = fn;
    deferred->context = context;
    loop_schedule(loop, &deferred->task);
}

/* The timer may be freed by its own fn: nothing of it is touched after. */
static void on_timer(evutil_socket_t descriptor, short what, void *context)
{
    struct loop_timer *timer = context;

    (void)descriptor;
    (void)what;
    timer->fn(timer->context);
}

struct loop_timer *loop_timer_new(struct loop *loop, loop_fn fn, void *context)
{
    struct loop_timer *timer = mem_zeroed(sizeof(*timer));

    timer->fn = fn;
    timer->context = context;
    timer->event = loop_event(loop, -1, 0, on_timer, timer);
    return timer;
}

void loop_timer_set(struct loop_timer *timer, uint64_t usec)
{
    const struct timeval delay = {
        .tv_sec = (time_t)(usec / USEC_PER_SEC),
        .tv_usec = (suseconds_t)(usec % USEC_PER_SEC),
    };

    if (event_add(timer->event, &delay) != 0) {
        abort(); /* a timer needs nothing but memory */
    }
}

void loop_timer_clear(struct loop_timer *timer)
{
    (void)event_del(timer->event); /* one that is not set is fine */
}

void loop_timer_free(struct loop_timer *timer)
{
    if (timer == NULL) {
        return;
    }
    event_free(timer->event);
    free(timer);
}

static void on_watch(evutil_socket_t descriptor, short what, void *context)
{
    struct loop_watch *watch = context;

    (void)descriptor;
    (void)what;
    watch->fn(watch->context);
}

static struct loop_watch *new_watch(
    struct loop *loop, int watched, short what, loop_fn fn, void *context)
{
    struct loop_watch *watch = mem_zeroed(sizeof(*watch));
    int code = 0;

    watch->fn = fn;
    watch->context = context;
    watch->event = loop_event(loop, watched, (short)(what | EV_PERSIST), on_watch, watch);
    code = event_add(watch->event, NULL);
    assert(code == 0); /* else it was no descriptor that can be watched, or no signal */
    (void)code;
    return watch;
}

struct loop_watch *loop_watch_readable(struct loop *loop,
                                       int descriptor,
                                       loop_fn fn,
                                       void *context)
{
    return new_watch(loop, descriptor, EV_READ, fn, context);
}

struct loop_watch *loop_watch_signal(struct loop *loop, int signal, loop_fn fn, void *context)
{
    return new_watch(loop, signal, EV_SIGNAL, fn, context);
}

void loop_watch_free(struct loop_watch *watch)
{
    if (watch == NULL) {
        return;
    }
    event_free(watch->event);
    free(watch);
}
