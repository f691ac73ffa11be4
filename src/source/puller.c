/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/source/puller.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binrelay/base/log.h"
#include "binrelay/base/memory.h"
#include "puller_internal.h"
#include "source_copy.h"

enum { THREAD_NAME_BYTES = 16 };

/* What another thread asks for. */
struct request {
    struct message message;
    struct puller *puller; /* borrowed */
    char *text;            /* owned: a password, or why there is no room; else NULL */
};

static void request_free(struct request *request)
{
    source_copy_forget_secret(request->text);
    free(request);
}

static void post(struct puller *puller, void (*run)(struct message *message), char *text)
{
    struct request *request = mem_zeroed(sizeof(*request));

    request->message.run = run;
    request->puller = puller;
    request->text = text;
    loop_post(puller->loop, &request->message);
}

/* ---- on the pull thread ---- */

/* Hangs up on purpose; what is whole is kept. */
static void break_off(struct puller *puller)
{
    struct error error = {0};

    puller_hang_up(puller);
    if (puller_settle(puller, &error) != STATUS_OK) {
        puller->is_recovered = false;
        log_warning("cluster %s: %s", puller->options.cluster, error.message);
    }
}

static void run_start(struct message *message)
{
    struct request *request = (struct request *)message;

    puller_go_on(request->puller);
    request_free(request);
}

static void run_stop(struct message *message)
{
    struct request *request = (struct request *)message;

    request->puller->is_stopping = true;
    break_off(request->puller);
    puller_go_on(request->puller);
    request_free(request);
}

static void run_pause(struct message *message)
{
    struct request *request = (struct request *)message;

    if (!request->puller->is_paused) {
        request->puller->is_paused = true;
        break_off(request->puller);
        puller_go_on(request->puller);
    }
    request_free(request);
}

static void run_resume(struct message *message)
{
    struct request *request = (struct request *)message;

    if (request->puller->is_paused) {
        request->puller->is_paused = false;
        backoff_reset(&request->puller->backoff);
        puller_go_on(request->puller);
    }
    request_free(request);
}

static void run_set_password(struct message *message)
{
    struct request *request = (struct request *)message;
    struct puller *puller = request->puller;

    source_copy_forget_secret(puller->next_password);
    puller->next_password = request->text;
    request->text = NULL;
    if (puller->connection == NULL) { /* a running login borrows the old one */
        backoff_reset(&puller->backoff);
        puller_go_on(puller);
    }
    request_free(request);
}

/* Without room what is not a whole transaction is dropped, and comes again. */
static void run_set_room(struct message *message)
{
    struct request *request = (struct request *)message;
    struct puller *puller = request->puller;
    bool had_room = puller->no_room == NULL;
    bool is_same = request->text == NULL
                       ? had_room
                       : !had_room && strcmp(request->text, puller->no_room) == 0;

    if (!is_same) {
        free(puller->no_room);
        puller->no_room = request->text;
        request->text = NULL;
        if (had_room) {
            break_off(puller);
        }
        backoff_reset(&puller->backoff);
        puller_go_on(puller);
    }
    request_free(request);
}

void puller_take_password(struct puller *puller)
{
    if (puller->next_password != NULL) {
        source_copy_forget_secret((char *)puller->source.password);
        puller->source.password = puller->next_password;
        puller->next_password = NULL;
    }
}

static void on_retry(void *context)
{
    puller_go_on(context);
}

static void *run_thread(void *context)
{
    struct puller *puller = context;

    loop_run(puller->loop);
    return NULL;
}

/* ---- making and freeing ---- */

static void copy_options(struct puller *puller, const struct puller_options *from)
{
    struct puller_options *copy = &puller->options;

    *copy = *from;
    source_copy_make(&puller->source, &from->sources[0]);
    copy->sources = &puller->source;
    copy->source_count = 1;
    copy->cluster = mem_text(from->cluster);
    copy->relay_id = mem_text(from->relay_id);
    copy->log_name = mem_text(from->log_name);
    copy->directory = mem_text(from->directory);
    copy->heartbeat_table = mem_text(from->heartbeat_table);
    copy->start.file_name =
        mem_text(from->start.file_name != NULL ? from->start.file_name : "");
    copy->start.gtids = mem_text(from->start.gtids != NULL ? from->start.gtids : "");
}

static void free_options(struct puller *puller)
{
    struct puller_options *options = &puller->options;

    source_copy_release(&puller->source);
    source_copy_forget_secret(puller->next_password);
    free(puller->no_room);
    free((char *)options->cluster);
    free((char *)options->relay_id);
    free((char *)options->log_name);
    free((char *)options->directory);
    free((char *)options->heartbeat_table);
    free((char *)options->start.file_name);
    free((char *)options->start.gtids);
}

static void name_things(struct puller *puller)
{
    autofree char *name =
        mem_format("%s/%s", puller->options.relay_id, puller->options.cluster);

    /* Two relays, or two clusters of one, must not end each other's dumps. */
    uuid_of_name(name, puller->replica_uuid);
    (void)snprintf(puller->source_name, sizeof(puller->source_name), "%.256s:%u",
                   puller->source.host, puller->source.port);
    cluster_board_set_source(puller->options.board, puller->source_name);
}

static void puller_free(struct puller *puller)
{
    if (puller->loop != NULL) {
        puller_hang_up(puller);
        syncer_stop(&puller->syncer);
        loop_timer_free(puller->timer);
        loop_timer_free(puller->sync_timer);
        loop_free(puller->loop);
    }
    free_options(puller);
    free(puller);
}

static enum status start_threads(struct puller *puller, struct error *error)
{
    char name[THREAD_NAME_BYTES];
    int code = 0;

    if (loop_new(&puller->loop, error) != STATUS_OK) {
        return error->status;
    }
    puller->timer = loop_timer_new(puller->loop, on_retry, puller);
    puller->sync_timer = loop_timer_new(puller->loop, puller_on_sync_due, puller);
    puller->syncer.loop = puller->loop;
    puller->syncer.store = puller->options.store;
    puller->syncer.on_end = puller_on_synced;
    puller->syncer.context = puller;
    (void)snprintf(name, sizeof(name), "sync-%.10s", puller->options.cluster);
    if (syncer_start(&puller->syncer, name, error) != STATUS_OK) {
        return error->status;
    }
    code = pthread_create(&puller->thread, NULL, run_thread, puller);
    if (code != 0) {
        return error_set(error, STATUS_SYSTEM, "start the pull thread of %s: %s",
                         puller->options.cluster, strerror(code));
    }
    (void)snprintf(name, sizeof(name), "pull-%.10s", puller->options.cluster);
    (void)pthread_setname_np(puller->thread, name); /* only for people */
    return STATUS_OK;
}

enum status puller_start(struct puller **made,
                         const struct puller_options *options,
                         struct error *error)
{
    struct puller *puller = NULL;

    if (options->source_count == 0) {
        return error_set(error, STATUS_INVALID, "cluster %s has no source", options->cluster);
    }
    puller = mem_zeroed(sizeof(*puller));
    copy_options(puller, options);
    puller->kept = options->kept;
    atomic_store(&puller->is_recovering, true); /* the thread begins with that */
    puller->backoff.first_usec = options->connect_retry_usec;
    puller->random = (uint32_t)clock_monotonic_usec(options->clock) | 1U;
    name_things(puller);
    (void)cluster_board_set_state(options->board, PULL_STARTING, "",
                                  clock_wall_usec(options->clock));
    if (start_threads(puller, error) != STATUS_OK) {
        puller_free(puller);
        return error->status;
    }
    post(puller, run_start, NULL);
    *made = puller;
    return STATUS_OK;
}

void puller_stop(struct puller *puller)
{
    if (puller == NULL) {
        return;
    }
    post(puller, run_stop, NULL);
    (void)pthread_join(puller->thread, NULL);
    puller_free(puller);
}

void puller_pause(struct puller *puller)
{
    post(puller, run_pause, NULL);
}

void puller_resume(struct puller *puller)
{
    post(puller, run_resume, NULL);
}

void puller_set_room(struct puller *puller, bool has_room, const char *reason)
{
    post(puller, run_set_room, has_room ? NULL : mem_text(reason == NULL ? "" : reason));
}

void puller_set_passwords(struct puller *puller, const char *const *passwords, size_t count)
{
    if (count > 0) {
        post(puller, run_set_password, mem_text(passwords[0]));
    }
}

uint64_t puller_turns(const struct puller *puller)
{
    return loop_turns(puller->loop);
}

bool puller_is_recovering(const struct puller *puller)
{
    return atomic_load(&puller->is_recovering);
}
