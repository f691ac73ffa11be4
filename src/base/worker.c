/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/base/worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "binrelay/base/memory.h"

struct worker {
    struct mailbox *mailbox; /* owned */
    pthread_t thread;
    bool is_started;
    bool is_stopping; /* the thread's own: set by the stop message */
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

static void *work(void *context)
{
    struct worker *worker = context;

    while (!worker->is_stopping) {
        mailbox_wait(worker->mailbox);
        (void)mailbox_run(worker->mailbox);
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
