/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/base/mailbox.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "binrelay/base/memory.h"

struct mailbox {
    pthread_mutex_t lock;
    struct message *first; /* owned while they wait */
    struct message **last; /* where the next one is hung */
    int descriptor;
};

enum status mailbox_new(struct mailbox **made, struct error *error)
{
    struct mailbox *mailbox = NULL;
    int descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    if (descriptor < 0) {
        return error_set_errno(error, "make an eventfd");
    }
    mailbox = mem_zeroed(sizeof(*mailbox));
    (void)pthread_mutex_init(&mailbox->lock, NULL); /* cannot fail for a default mutex */
    mailbox->last = &mailbox->first;
    mailbox->descriptor = descriptor;
    *made = mailbox;
    return STATUS_OK;
}

void mailbox_free(struct mailbox *mailbox)
{
    if (mailbox == NULL) {
        return;
    }
    while (mailbox_run(mailbox) > 0) {
    }
    (void)close(mailbox->descriptor);
    (void)pthread_mutex_destroy(&mailbox->lock);
    free(mailbox);
}

void mailbox_post(struct mailbox *mailbox, struct message *message)
{
    const uint64_t one = 1;
    bool was_empty = false;

    message->next = NULL;
    pthread_mutex_lock(&mailbox->lock);
    was_empty = mailbox->first == NULL;
    *mailbox->last = message;
    mailbox->last = &message->next;
    pthread_mutex_unlock(&mailbox->lock);
    if (was_empty) {
        /* Fails only when the counter is full, and then the receiver is awake anyway. */
        (void)!write(mailbox->descriptor, &one, sizeof(one));
    }
}

int mailbox_descriptor(const struct mailbox *mailbox)
{
    return mailbox->descriptor;
}

int mailbox_run(struct mailbox *mailbox)
{
    struct message *message = NULL;
    uint64_t posts = 0;
    int count = 0;

    (void)!read(mailbox->descriptor, &posts, sizeof(posts)); /* empty is fine */
    pthread_mutex_lock(&mailbox->lock);
    message = mailbox->first;
    mailbox->first = NULL;
    mailbox->last = &mailbox->first;
    pthread_mutex_unlock(&mailbox->lock);
    while (message != NULL) {
        struct message *next = message->next; /* run() may free the message */

        message->run(message);
        message = next;
        count++;
    }
    return count;
}

void mailbox_wait(struct mailbox *mailbox)
{
    struct pollfd waiting = {.fd = mailbox->descriptor, .events = POLLIN};

    while (poll(&waiting, 1, -1) < 0 && errno == EINTR) {
    }
}

void mailbox_wait_most(struct mailbox *mailbox, int msec)
{
    struct pollfd waiting = {.fd = mailbox->descriptor, .events = POLLIN};

    (void)poll(&waiting, 1, msec); /* a signal only wakes the caller early */
}
