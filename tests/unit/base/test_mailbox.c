/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/base/mailbox.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binrelay/base/clock.h"
#include "binrelay/base/worker.h"
#include "check.h"

enum { POSTERS = 4, POSTS = 2000 };

struct numbered {
    struct message message;
    int poster;
    int number;
    int *last_of_posters; /* borrowed; the receiving thread's */
};

static void keep_order(struct message *message)
{
    struct numbered *numbered = (struct numbered *)message;

    CHECK(numbered->number == numbered->last_of_posters[numbered->poster] + 1);
    numbered->last_of_posters[numbered->poster] = numbered->number;
    free(numbered);
}

struct poster {
    struct worker *worker;
    int number;
    int *last_of_posters;
};

static void *post_many(void *context)
{
    struct poster *poster = context;

    for (int number = 1; number <= POSTS; number++) {
        struct numbered *numbered = calloc(1, sizeof(*numbered));

        CHECK(numbered != NULL);
        numbered->message.run = keep_order;
        numbered->poster = poster->number;
        numbered->number = number;
        numbered->last_of_posters = poster->last_of_posters;
        worker_post(poster->worker, &numbered->message);
    }
    return NULL;
}

static void runs_every_message_in_its_posters_order(void)
{
    int last_of_posters[POSTERS] = {0};
    struct poster posters[POSTERS];
    pthread_t threads[POSTERS];
    struct worker *worker = NULL;
    struct error error;

    CHECK_OK(worker_start(&worker, "test", &error), &error);
    for (int at = 0; at < POSTERS; at++) {
        posters[at] = (struct poster){worker, at, last_of_posters};
        CHECK(pthread_create(&threads[at], NULL, post_many, &posters[at]) == 0);
    }
    for (int at = 0; at < POSTERS; at++) {
        CHECK(pthread_join(threads[at], NULL) == 0);
    }
    worker_stop(worker);
    for (int at = 0; at < POSTERS; at++) {
        CHECK(last_of_posters[at] == POSTS);
    }
}

/* ---- later ---- */

enum { PUT_OFF_TIMES = 3, FAR_USEC = 1800 * 1000000 };

struct timer {
    struct timed_message timed; /* first */
    struct message asked;
    struct worker *worker; /* borrowed */
    uint64_t after_usec;
    uint64_t asked_usec; /* monotonic */
    int runs;
    pthread_mutex_t lock; /* of the next */
    pthread_cond_t ended;
    bool is_over;
};

static void on_due(struct message *message)
{
    struct timer *timer = (struct timer *)message;
    uint64_t now_usec = clock_monotonic_usec(clock_system());

    timer->runs++;
    if (timer->after_usec < (uint64_t)FAR_USEC) {
        CHECK(now_usec - timer->asked_usec >= timer->after_usec);
    }
    if (timer->runs < PUT_OFF_TIMES) {
        timer->asked_usec = now_usec;
        worker_run_later(timer->worker, &timer->timed, timer->after_usec);
        return;
    }
    pthread_mutex_lock(&timer->lock);
    timer->is_over = true;
    pthread_cond_signal(&timer->ended);
    pthread_mutex_unlock(&timer->lock);
}

static void on_asked(struct message *message)
{
    struct timer *timer = (struct timer *)((char *)message - offsetof(struct timer, asked));

    timer->asked_usec = clock_monotonic_usec(clock_system());
    worker_run_later(timer->worker, &timer->timed, timer->after_usec);
}

static struct timer make_timer(struct worker *worker, uint64_t after_usec)
{
    return (struct timer){.timed.message.run = on_due,
                          .asked.run = on_asked,
                          .worker = worker,
                          .after_usec = after_usec,
                          .lock = PTHREAD_MUTEX_INITIALIZER,
                          .ended = PTHREAD_COND_INITIALIZER};
}

static void runs_a_message_when_its_time_has_passed(void)
{
    struct worker *worker = NULL;
    struct timer soon;
    struct timer far;
    struct error error;

    CHECK_OK(worker_start(&worker, "test", &error), &error);
    soon = make_timer(worker, 2000);
    far = make_timer(worker, FAR_USEC);
    worker_post(worker, &far.asked);
    worker_post(worker, &soon.asked);
    pthread_mutex_lock(&soon.lock);
    while (!soon.is_over) {
        CHECK(pthread_cond_wait(&soon.ended, &soon.lock) == 0);
    }
    pthread_mutex_unlock(&soon.lock);
    CHECK(soon.runs == PUT_OFF_TIMES);
    worker_stop(worker); /* does not wait for the other one: it runs as often as it asks */
    CHECK(far.runs == PUT_OFF_TIMES);
}

int main(void)
{
    runs_a_message_when_its_time_has_passed();
    runs_every_message_in_its_posters_order();
    return 0;
}
