/* SPDX-License-Identifier: Apache-2.0 */
/* What to do next while no connection is there, and what to say about it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "binrelay/base/log.h"
#include "binrelay/storage/epoch_index.h"
#include "puller_internal.h"

enum {
    LIVED_USEC = 5000000,      /* a stream that held so long was a good one */
    BRIEF_USEC = 1000000,      /* one that did not may be the first of many */
    FULL_RETRY_USEC = 1000000, /* between looks whether a full disk has room */
    FULL_ROOM_BYTES = 4 * 1024 * 1024,
};

/* What a state is for whoever reads the log, and the event that keeps it. */
static const struct {
    enum log_level level;
    const char *event; /* NULL: none */
} said[PULL_STATE_COUNT] = {
    [PULL_STARTING] = {LOG_DEBUG, NULL},
    [PULL_CONNECTING] = {LOG_DEBUG, NULL},
    [PULL_STREAMING] = {LOG_INFO, "source.connected"},
    [PULL_WAITING] = {LOG_WARNING, "source.lost"},
    [PULL_PAUSED] = {LOG_INFO, "pull.paused"},
    [PULL_DENIED] = {LOG_ERROR, "source.denied"},
    [PULL_MISCONFIGURED] = {LOG_ERROR, "source.misconfigured"},
    [PULL_SOURCE_PURGED] = {LOG_ERROR, "source.purged"},
    [PULL_SOURCE_BEHIND] = {LOG_ERROR, "source.behind"},
    [PULL_STORE_FULL] = {LOG_ERROR, "store.full"},
    [PULL_STORE_ERROR] = {LOG_ERROR, "store.error"},
    [PULL_STOPPED] = {LOG_INFO, NULL},
};

static void write_log(enum log_level level, const char *line)
{
    switch (level) {
    case LOG_ERROR:
        log_error("%s", line);
        break;
    case LOG_WARNING:
        log_warning("%s", line);
        break;
    case LOG_INFO:
        log_info("%s", line);
        break;
    case LOG_DEBUG:
    case LOG_LEVEL_COUNT:
        log_debug("%s", line);
        break;
    }
}

void puller_add_event(struct puller *puller, const char *event, const char *text)
{
    registry_add_event(puller->options.registry, puller->options.cluster, event, text);
}

void puller_set_state(struct puller *puller, enum pull_state state, const char *reason)
{
    char line[900];
    bool is_new = cluster_board_set_state(puller->options.board, state, reason,
                                          clock_wall_usec(puller->options.clock));

    (void)snprintf(line, sizeof(line), "cluster %s: source %s: %s%s%s", puller->options.cluster,
                   puller->source_name, pull_state_name(state), reason[0] == '\0' ? "" : ": ",
                   reason);
    /* The same trouble again is no news. */
    write_log(is_new ? said[state].level : LOG_DEBUG, line);
    if (is_new && said[state].event != NULL) {
        puller_add_event(puller, said[state].event, reason);
    }
}

void puller_show_numbers(struct puller *puller)
{
    puller->numbers.received_epoch = epoch_index_received(puller->options.store).epoch;
    puller->numbers.upstream_shift = puller->kept.upstream_shift;
    puller->numbers.shift_from_file = puller->kept.shift_from_file;
    cluster_board_set_numbers(puller->options.board, &puller->numbers);
}

/* ---- the registry ---- */

/* The new shift was to be that of a file which was never begun, or was lost in a crash. */
static void take_back_shift(struct puller *puller)
{
    struct registry_cluster *kept = &puller->kept;

    /* Before a recovery it is not known what is there. */
    if (!puller->is_recovered ||
        binlog_store_tail(puller->options.store).end.file >= kept->shift_from_file) {
        return;
    }
    kept->upstream_shift = kept->previous_shift;
    kept->shift_from_file = 0;
    registry_save_cluster(puller->options.registry, puller->options.cluster, kept, NULL);
}

static void on_saved(struct message *message)
{
    struct puller *puller = ((struct puller_reply *)message)->puller;
    struct registry_reply *reply = &puller->reply.reply;
    enum puller_save save = puller->save;

    puller->save = PULLER_SAVES_NOTHING;
    if (reply->status != STATUS_OK) {
        puller->has_first_place = false;
        (void)error_wrap(&reply->error, "control.db");
        puller_fail(puller, PULL_STORE_ERROR, &reply->error);
        return;
    }
    if (save == PULLER_SAVES_SHIFT && puller->upstream != NULL) {
        puller_release_hold(puller);
        return;
    }
    if (save == PULLER_SAVES_SHIFT) {
        take_back_shift(puller); /* the connection did not wait for it */
    } else {
        binlog_store_set_first_visible(puller->options.store, puller->kept.first_visible);
    }
    if (save == PULLER_SAVES_PLACE || puller->awaits) {
        puller_go_on(puller);
    }
}

static void deliver_to_loop(void *where, struct message *message)
{
    loop_post(where, message);
}

void puller_save(struct puller *puller, enum puller_save save)
{
    puller->save = save;
    puller->reply = (struct puller_reply){
        .reply = {.message = {.run = on_saved},
                  .deliver = deliver_to_loop,
                  .where = puller->loop},
        .puller = puller,
    };
    registry_save_cluster(puller->options.registry, puller->options.cluster, &puller->kept,
                          &puller->reply.reply);
}

/* ---- after a failure ---- */

static uint32_t next_random(struct puller *puller)
{
    puller->random ^= puller->random << 13; /* xorshift: only spreads the tries */
    puller->random ^= puller->random >> 17;
    puller->random ^= puller->random << 5;
    return puller->random;
}

/* A stream that brought something, or held, is worth a try at once. */
static uint64_t wait_usec(struct puller *puller, enum pull_state blame, bool was_streaming)
{
    struct binlog_position end = binlog_store_tail(puller->options.store).end;
    uint64_t lived = clock_monotonic_usec(puller->options.clock) - puller->streaming_since_usec;
    bool was_good = was_streaming && (lived > LIVED_USEC ||
                                      binlog_position_compare(end, puller->began_behind) > 0);
    uint64_t wait = 0;

    if (was_good && blame == PULL_WAITING) {
        backoff_reset(&puller->backoff);
        return lived < BRIEF_USEC ? puller->backoff.first_usec / 8 : 0;
    }
    wait = backoff_fail(&puller->backoff, next_random(puller));
    return puller->is_full && wait > FULL_RETRY_USEC ? FULL_RETRY_USEC : wait;
}

void puller_fail(struct puller *puller, enum pull_state blame, const struct error *error)
{
    bool was_streaming = puller->is_streaming;
    struct error settled = {0};
    struct error reason = *error; /* it may lie in what is freed */
    uint64_t wait = 0;

    puller->numbers.connect_failures += puller->upstream != NULL && !was_streaming;
    puller_hang_up(puller);
    if (blame == PULL_STORE_ERROR) {
        puller->is_recovered = false;
    } else if (puller_settle(puller, &settled) != STATUS_OK) {
        blame = store_fault_state(&settled);
        reason = settled;
        puller->is_recovered = puller->is_recovered && blame == PULL_STORE_FULL;
    }
    puller->is_full = blame == PULL_STORE_FULL;
    if (binlog_store_tail(puller->options.store).is_empty) {
        puller->has_first_place = false; /* what was there may be gone: look again */
    }
    if (puller->save == PULLER_SAVES_NOTHING) {
        take_back_shift(puller);
    }
    puller_show_numbers(puller);
    if (puller->is_stopping || puller->is_paused) {
        puller_go_on(puller);
        return;
    }
    wait = wait_usec(puller, blame, was_streaming);
    puller_set_state(puller, blame, reason.message);
    log_debug("cluster %s: next try in %" PRIu64 " ms", puller->options.cluster, wait / 1000);
    loop_timer_set(puller->timer, wait);
}

/* ---- what is next ---- */

static void finish(struct puller *puller)
{
    struct error error = {0};

    if (puller->is_recovered &&
        (binlog_store_cut_unfinished(puller->options.store, &error) != STATUS_OK ||
         puller_sync_now(puller, &error) != STATUS_OK)) {
        log_warning("cluster %s: at the end: %s; the next start recovers",
                    puller->options.cluster, error.message);
    }
    puller_show_numbers(puller);
    puller_set_state(puller, PULL_STOPPED, "");
    loop_stop(puller->loop);
}

static bool recover(struct puller *puller)
{
    struct error error = {0};
    enum status status = STATUS_OK;

    if (puller->is_recovered) {
        return true;
    }
    atomic_store(&puller->is_recovering, true);
    status = puller_recover(puller, &error);
    atomic_store(&puller->is_recovering, false);
    if (status == STATUS_OK) {
        take_back_shift(puller);
        puller_show_numbers(puller);
        return true;
    }
    puller_fail(puller, store_fault_state(&error), &error);
    return false;
}

/* Without a look, every try would pull a little and fail again. */
static bool has_room(struct puller *puller)
{
    uint64_t free_bytes = 0;
    uint64_t all_bytes = 0;
    struct error error;

    if (!puller->is_full || puller->options.directory == NULL ||
        disk_space(disk_system(), puller->options.directory, &free_bytes, &all_bytes, &error) !=
            STATUS_OK ||
        free_bytes >= FULL_ROOM_BYTES) {
        return true;
    }
    loop_timer_set(puller->timer, FULL_RETRY_USEC);
    return false;
}

/* Whoever watches the disk says when there is room again. */
static bool may_grow(struct puller *puller)
{
    if (puller->no_room == NULL) {
        return true;
    }
    loop_timer_clear(puller->timer);
    puller_set_state(puller, PULL_STORE_FULL, puller->no_room);
    return false;
}

/* Both end on the loop and come back to puller_go_on(). */
static bool must_wait(struct puller *puller)
{
    bool is_syncing = syncer_is_busy(&puller->syncer);

    /* To go on pulling while a sync runs is fine; to end or to recover is not. */
    puller->awaits = puller->save != PULLER_SAVES_NOTHING ||
                     (is_syncing && (puller->is_stopping || !puller->is_recovered));
    return puller->awaits;
}

void puller_go_on(struct puller *puller)
{
    if (puller->connection != NULL) {
        return;
    }
    if (puller->is_paused && !puller->is_stopping) {
        loop_timer_clear(puller->timer);
        puller_set_state(puller, PULL_PAUSED, "by an administrator");
        return;
    }
    if (must_wait(puller)) {
        return;
    }
    if (puller->is_stopping) {
        loop_timer_clear(puller->timer);
        finish(puller);
        return;
    }
    /* A store that has no room is recovered all the same: what it has is served. */
    if (has_room(puller) && recover(puller) && may_grow(puller)) {
        loop_timer_clear(puller->timer);
        puller_connect(puller);
    }
}
