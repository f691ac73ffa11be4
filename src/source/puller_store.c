/* SPDX-License-Identifier: Apache-2.0 */
/* The store's side of a puller: write, sync, acknowledge, recover. */
#include <inttypes.h>
#include <stdio.h>

#include "binrelay/base/log.h"
#include "binrelay/storage/epoch_index.h"
#include "puller_internal.h"

static void begin_sync(struct puller *puller)
{
    uint64_t now = clock_monotonic_usec(puller->options.clock);
    uint64_t due = puller->sync_began_usec + puller->options.sync_interval_usec;

    if (puller->options.sync_mode == STORE_SYNC_INTERVAL && now < due) {
        if (!syncer_is_busy(&puller->syncer)) {
            loop_timer_set(puller->sync_timer, due - now);
        }
        return;
    }
    if (syncer_begin(&puller->syncer)) {
        puller->sync_began_usec = now;
        puller->ack_in_sync =
            puller->upstream != NULL ? puller->upstream->intake.ack : (struct intake_ack){0};
    }
}

void puller_on_sync_due(void *context)
{
    begin_sync(context);
}

/* Acknowledges the newest event that is durable and wants it (S1). */
static void acknowledge(struct puller *puller)
{
    struct binlog_position durable = binlog_store_durable_end(puller->options.store);
    const struct intake_ack *newest = NULL;

    if (!puller->is_streaming) {
        return;
    }
    newest = &puller->upstream->intake.ack;
    if (binlog_position_compare(newest->stored, durable) > 0) {
        newest = &puller->ack_in_sync;
    }
    if (newest->stored.file == 0 || binlog_position_compare(newest->stored, durable) > 0 ||
        binlog_position_compare(newest->stored, puller->acknowledged) <= 0) {
        return;
    }
    upstream_acknowledge(puller->upstream, newest);
    connection_send(puller->connection, buffer_bytes(&puller->upstream->output));
    connection_flush(puller->connection);
    buffer_clear(&puller->upstream->output);
    puller->acknowledged = newest->stored;
    puller->numbers.semisync_replies++;
}

void puller_on_synced(void *context, enum status status, const struct error *error)
{
    struct puller *puller = context;

    puller->numbers.syncs++;
    if (status != STATUS_OK) {
        /* What the system wrote is not believed any more: only recovery may go on. */
        puller->is_recovered = false;
        puller_fail(puller, PULL_STORE_ERROR, error);
        return;
    }
    acknowledge(puller);
    puller_show_numbers(puller);
    begin_sync(puller);
    if (puller->awaits) {
        puller_go_on(puller);
    }
}

/* What an operator must know: nothing of it is skipped in silence. */
static void on_epoch_notice(void *context, const struct epoch_notice *notice)
{
    struct puller *puller = context;
    char text[256];

    if (notice->kind == EPOCH_NOTICE_GAP) {
        (void)snprintf(text, sizeof(text),
                       "events were lost behind epoch %" PRIu64 ": an incident in file %" PRIu64
                       " at %" PRIu64,
                       notice->before.epoch, notice->at.file, notice->at.offset);
        puller_add_event(puller, "gap.detected", text);
    } else {
        (void)snprintf(text, sizeof(text),
                       "epoch %" PRIu64 " follows on epoch %" PRIu64 ": incarnation %" PRIu32
                       " begins in file %" PRIu64 " at %" PRIu64,
                       notice->key.epoch, notice->before.epoch, notice->key.incarnation,
                       notice->at.file, notice->at.offset);
        puller_add_event(puller, "epoch.incarnation", text);
    }
    log_warning("cluster %s: %s", puller->options.cluster, text);
}

enum status puller_flush(struct puller *puller, struct error *error)
{
    if (binlog_store_write(puller->options.store, error) != STATUS_OK) {
        return error->status;
    }
    if (puller->options.sync_mode != STORE_SYNC_ALWAYS) {
        begin_sync(puller);
    }
    return STATUS_OK;
}

enum status puller_sync_now(struct puller *puller, struct error *error)
{
    if (binlog_store_write(puller->options.store, error) != STATUS_OK ||
        binlog_store_sync(puller->options.store, error) != STATUS_OK) {
        return error->status;
    }
    puller->numbers.syncs++;
    acknowledge(puller);
    return STATUS_OK;
}

enum status puller_settle(struct puller *puller, struct error *error)
{
    if (!puller->is_recovered) {
        return STATUS_OK;
    }
    if (binlog_store_cut_unfinished(puller->options.store, error) != STATUS_OK) {
        return error->status;
    }
    if (puller->options.sync_mode == STORE_SYNC_ALWAYS) {
        return puller_sync_now(puller, error);
    }
    return puller_flush(puller, error);
}

enum status puller_recover(struct puller *puller, struct error *error)
{
    struct binlog_store *store = puller->options.store;
    struct binlog_store_tail tail;

    if (puller->kept.first_visible.file != 0) {
        binlog_store_set_first_visible(store, puller->kept.first_visible);
    }
    epoch_index_on_notice(store, on_epoch_notice, puller);
    puller_watch_reports(puller);
    if (binlog_store_recover(store, error) != STATUS_OK) {
        return error->status;
    }
    puller->is_recovered = true;
    tail = binlog_store_tail(store);
    puller->numbers.received = tail.end;
    puller->numbers.upstream = tail.end;
    if (!tail.is_empty) {
        bool is_shifted = tail.end.file >= puller->kept.shift_from_file;

        puller->numbers.upstream.file =
            (uint64_t)((int64_t)tail.end.file - (is_shifted ? puller->kept.upstream_shift
                                                            : puller->kept.previous_shift));
    }
    return STATUS_OK;
}
