/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/base/worker.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "binrelay/base/clock.h"
#include "binrelay/base/memory.h"

enum { USEC_PER_MSEC = 1000 };

struct worker {
    struct mailbox *mailbox; /* owned */
    pthread_t thread;
    bool is_started;
    bool is_stopping;            /* the thread's own, as the next: set by the stop message */
    struct timed_message *timed; /* borrowed, in no order; linked by message.next */
    struct message stop;
};

static struct worker *worker_of(struct message *stop)
{
    return (struct worker *)((char *)stop - offsetof(struct worker, stop));
}

static void on_stop(struct message *message)
{
    worker_of(message)->is_stopping = true;
}

void worker_run_later(struct worker *worker, struct timed_message *timed, uint64_t after_usec)
{
    timed->due_usec = clock_monotonic_usec(clock_system()) + after_usec;
    timed->message.next = worker->timed == NULL ? NULL : &worker->timed->message;
    worker->timed = timed;
}

/* Sleeps until a message waits or a timed one is due. */
static void wait_for_work(struct worker *worker)
{
    uint64_t now_usec = clock_monotonic_usec(clock_system());
    uint64_t rest_usec = UINT64_MAX;

    for (struct timed_message *timed = worker->timed; timed != NULL;
         timed = (struct timed_message *)timed->message.next) {
        uint64_t rest = timed->due_usec > now_usec ? timed->due_usec - now_usec : 0;

        rest_usec = rest < rest_usec ? rest : rest_usec;
    }
    if (rest_usec == UINT64_MAX) {
        mailbox_wait(worker->mailbox);
    } else {
        mailbox_wait_most(worker->mailbox, rest_usec / USEC_PER_MSEC >= INT_MAX
                                               ? INT_MAX
                                               : (int)(rest_usec / USEC_PER_MSEC) + 1);
    }
}

/* Runs the timed messages that are due up to a time; they may put themselves off again. */
static void run_timed(struct worker *worker, uint64_t up_to_usec)
{
    struct timed_message *waiting = worker->timed;

    worker->timed = NULL;
    while (waiting != NULL) {
        struct timed_message *timed = waiting;

        waiting = (struct timed_message *)timed->message.next; /* run() may free it */
        if (timed->due_usec <= up_to_usec) {
            timed->message.run(&timed->message);
        } else {
            timed->message.next = worker->timed == NULL ? NULL : &worker->timed->message;
            worker->timed = timed;
        }
    }
}

static void *work(void *context)
{
    struct worker *worker = context;

    while (!worker->is_stopping) {
        wait_for_work(worker);
        (void)mailbox_run(worker->mailbox);
        run_timed(worker, clock_monotonic_usec(clock_system()));
    }
    while (worker->timed != NULL) {
        run_timed(worker, UINT64_MAX);
    }
    return NULL;
}

/* Signals are the control thread's: no other thread may be chosen for them. */
static int start_thread(struct worker *worker, const char *name)
{
    sigset_t all;
    sigset_t before;
    int code = 0;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    code = pthread_create(&worker->thread, NULL, work, worker);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code == 0) {
        worker->is_started = true;
        (void)pthread_setname_np(worker->thread, name); /* a longer name is only not shown */
    }
    return code;
}

enum status worker_start(struct worker **made, const char *name, struct error *error)
{
    struct worker *worker = mem_zeroed(sizeof(*worker));
    enum status status = mailbox_new(&worker->mailbox, error);

    if (status == STATUS_OK) {
        errno = start_thread(worker, name);
        if (errno != 0) {
            status = error_set_errno(error, "start thread %s", name);
        }
    }
    if (status != STATUS_OK) {
        worker_stop(worker);
        return status;
    }
    *made = worker;
    return STATUS_OK;
}

void worker_post(struct worker *worker, struct message *message)
{
    mailbox_post(worker->mailbox, message);
}

void worker_stop(struct worker *worker)
{
    if (worker == NULL) {
        return;
    }
    if (worker->is_started) {
        worker->stop.run = on_stop;
        mailbox_post(worker->mailbox, &worker->stop);
        (void)pthread_join(worker->thread, NULL);
    }
    mailbox_free(worker->mailbox);
    free(worker);
}
