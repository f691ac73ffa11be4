/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/net/loop.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "check.h"

static struct loop *new_loop(void)
{
    struct loop *loop = NULL;
    struct error error;

    CHECK_OK(loop_new(&loop, &error), &error);
    return loop;
}

/* What ran, in order, as letters. */
struct story {
    struct loop *loop;
    struct loop_timer *timer;
    struct loop_watch *watch;
    char text[64];
    size_t size;
};

static void tell(struct story *story, char letter)
{
    CHECK(story->size + 1 < sizeof(story->text));
    story->text[story->size++] = letter;
}

static void on_first(void *context)
{
    tell(context, 'a');
}

static void on_second(void *context)
{
    struct story *story = context;

    tell(story, 'b');
    loop_stop(story->loop);
}

static void runs_timers_in_the_order_of_their_time(void)
{
    struct story story = {.loop = new_loop()};
    struct loop_timer *late = loop_timer_new(story.loop, on_second, &story);
    struct loop_timer *early = loop_timer_new(story.loop, on_first, &story);

    loop_timer_set(late, 60 * 1000);
    loop_timer_set(early, 1000);
    loop_run(story.loop);
    CHECK(strcmp(story.text, "ab") == 0);
    loop_timer_free(early);
    loop_timer_free(late);
    loop_free(story.loop);
}

static void forgets_a_timer_that_is_cleared_or_set_again(void)
{
    struct story story = {.loop = new_loop()};
    struct loop_timer *cleared = loop_timer_new(story.loop, on_first, &story);
    struct loop_timer *again = loop_timer_new(story.loop, on_second, &story);

    loop_timer_set(cleared, 1000);
    loop_timer_set(again, 3600ULL * 1000 * 1000);
    loop_timer_clear(cleared);
    loop_timer_set(again, 20 * 1000);
    loop_run(story.loop);
    CHECK(strcmp(story.text, "b") == 0);
    loop_timer_free(cleared);
    loop_timer_free(again);
    loop_free(story.loop);
}

static void on_own_end(void *context)
{
    struct story *story = context;

    loop_timer_free(story->timer);
    loop_watch_free(story->watch);
    tell(story, 'x');
    loop_stop(story->loop);
}

static void lets_a_timer_and_a_watch_free_themselves(void)
{
    struct story story = {.loop = new_loop()};
    int ends[2];

    story.timer = loop_timer_new(story.loop, on_own_end, &story);
    loop_timer_set(story.timer, 0);
    loop_run(story.loop);
    story.timer = NULL;

    CHECK(pipe(ends) == 0 && write(ends[1], "1", 1) == 1);
    story.watch = loop_watch_readable(story.loop, ends[0], on_own_end, &story);
    loop_run(story.loop);
    CHECK(strcmp(story.text, "xx") == 0);
    loop_free(story.loop);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void on_deferred_stop(void *context)
{
    struct story *story = context;

    tell(story, 'c');
    loop_stop(story->loop);
}

static void on_deferred(void *context)
{
    struct story *story = context;

    tell(story, 'd');
    loop_defer(story->loop, on_deferred_stop, story);
    tell(story, 'e');
}

static void on_defer_timer(void *context)
{
    struct story *story = context;

    tell(story, 'a');
    loop_defer(story->loop, on_deferred, story);
    loop_defer(story->loop, on_first, story);
    tell(story, 'b');
}

static void defers_to_the_end_of_the_turn(void)
{
    struct story story = {.loop = new_loop()};
    uint64_t turns = 0;

    story.timer = loop_timer_new(story.loop, on_defer_timer, &story);
    loop_timer_set(story.timer, 0);
    loop_run(story.loop);
    turns = loop_turns(story.loop);
    CHECK(strcmp(story.text, "abdeac") == 0);
    CHECK(turns > 0);
    loop_timer_free(story.timer);
    loop_free(story.loop);
}

static void runs_what_was_deferred_when_it_is_freed(void)
{
    struct story story = {.loop = new_loop()};

    loop_defer(story.loop, on_first, &story);
    loop_free(story.loop);
    CHECK(strcmp(story.text, "a") == 0);
}

static void on_stop(void *context)
{
    struct story *story = context;

    tell(story, 's');
    loop_stop(story->loop);
}

/* Comes back until the timer has run. */
static void on_again(void *context)
{
    struct story *story = context;

    if (story->size == 0) {
        loop_defer(story->loop, on_again, story);
    }
}

static void runs_timers_beside_a_task_that_always_comes_back(void)
{
    struct story story = {.loop = new_loop()};

    story.timer = loop_timer_new(story.loop, on_stop, &story);
    loop_timer_set(story.timer, 5000);
    loop_defer(story.loop, on_again, &story);
    loop_run(story.loop);
    CHECK(loop_turns(story.loop) > 1);
    loop_timer_free(story.timer);
    loop_free(story.loop);
}

static void turns_while_nothing_happens(void)
{
    struct story story = {.loop = new_loop()};
    struct loop_timer *timer = loop_timer_new(story.loop, on_stop, &story);

    loop_timer_set(timer, 2500 * 1000);
    loop_run(story.loop);
    CHECK(loop_turns(story.loop) >= 3); /* two ticks, and the timer */
    loop_timer_free(timer);
    loop_free(story.loop);
}

enum { POSTERS = 4, POSTS = 5000 };

struct posting {
    struct message message;
    struct loop *loop;
    int *left; /* the loop's thread's */
};

static void on_post(struct message *message)
{
    struct posting *posting = (struct posting *)message;

    if (--*posting->left == 0) {
        loop_stop(posting->loop);
    }
    free(posting);
}

struct poster {
    struct loop *loop;
    int *left;
};

static void *post_many(void *context)
{
    struct poster *poster = context;

    for (int at = 0; at < POSTS; at++) {
        struct posting *posting = calloc(1, sizeof(*posting));

        CHECK(posting != NULL);
        posting->message.run = on_post;
        posting->loop = poster->loop;
        posting->left = poster->left;
        loop_post(poster->loop, &posting->message);
    }
    return NULL;
}

static void runs_the_messages_of_other_threads(void)
{
    struct loop *loop = new_loop();
    int left = POSTERS * POSTS;
    struct poster poster = {loop, &left};
    pthread_t threads[POSTERS];

    for (int at = 0; at < POSTERS; at++) {
        CHECK(pthread_create(&threads[at], NULL, post_many, &poster) == 0);
    }
    loop_run(loop);
    CHECK(left == 0);
    for (int at = 0; at < POSTERS; at++) {
        CHECK(pthread_join(threads[at], NULL) == 0);
    }
    loop_free(loop);
}

static void *stop_it(void *context)
{
    loop_stop(context);
    return NULL;
}

static void stops_from_another_thread_even_before_it_runs(void)
{
    struct loop *loop = new_loop();

    for (int round = 0; round < 200; round++) {
        pthread_t thread;

        CHECK(pthread_create(&thread, NULL, stop_it, loop) == 0);
        if (round % 2 == 0) {
            CHECK(pthread_join(thread, NULL) == 0);
        }
        loop_run(loop);
        if (round % 2 == 1) {
            CHECK(pthread_join(thread, NULL) == 0);
        }
    }
    loop_free(loop);
}

static void watches_signals(void)
{
    struct story story = {.loop = new_loop()};
    struct loop_watch *watch = loop_watch_signal(story.loop, SIGUSR1, on_second, &story);

    CHECK(raise(SIGUSR1) == 0);
    loop_run(story.loop);
    CHECK(strcmp(story.text, "b") == 0);
    loop_watch_free(watch);
    loop_free(story.loop);
}

int main(void)
{
    runs_timers_in_the_order_of_their_time();
    forgets_a_timer_that_is_cleared_or_set_again();
    lets_a_timer_and_a_watch_free_themselves();
    defers_to_the_end_of_the_turn();
    runs_what_was_deferred_when_it_is_freed();
    runs_timers_beside_a_task_that_always_comes_back();
    turns_while_nothing_happens();
    runs_the_messages_of_other_threads();
    stops_from_another_thread_even_before_it_runs();
    watches_signals();
    return 0;
}
