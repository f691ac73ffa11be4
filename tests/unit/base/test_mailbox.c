/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/base/mailbox.h"

#include <pthread.h>

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

int main(void)
{
    runs_every_message_in_its_posters_order();
    return 0;
}
