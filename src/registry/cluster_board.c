/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/registry/cluster_board.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "binrelay/base/memory.h"

enum { CLOCK_STEP_USEC = 50000 }; /* less is no news */

struct cluster_board {
    pthread_mutex_t lock;
    struct cluster_report report;
    struct apply_status_row *apply_status; /* owned */
    size_t apply_status_count;
    uint64_t apply_status_usec; /* wall clock; 0: never read */
    int64_t clock_offset_usec;  /* of the source */
};

static const char *const names[PULL_STATE_COUNT] = {
    [PULL_STARTING] = "starting",
    [PULL_CONNECTING] = "connecting",
    [PULL_STREAMING] = "streaming",
    [PULL_WAITING] = "waiting",
    [PULL_PAUSED] = "paused",
    [PULL_DENIED] = "denied",
    [PULL_MISCONFIGURED] = "misconfigured",
    [PULL_SOURCE_PURGED] = "source_purged",
    [PULL_SOURCE_BEHIND] = "source_behind",
    [PULL_STORE_FULL] = "store_full",
    [PULL_STORE_ERROR] = "store_error",
    [PULL_STOPPED] = "stopped",
};

const char *pull_state_name(enum pull_state state)
{
    assert(state < PULL_STATE_COUNT);
    return names[state];
}

struct cluster_board *cluster_board_new(void)
{
    struct cluster_board *board = mem_zeroed(sizeof(*board));

    (void)pthread_mutex_init(&board->lock, NULL); /* cannot fail for a default mutex */
    return board;
}

void cluster_board_free(struct cluster_board *board)
{
    if (board == NULL) {
        return;
    }
    (void)pthread_mutex_destroy(&board->lock);
    free(board->apply_status);
    free(board);
}

void cluster_board_read(struct cluster_board *board, struct cluster_report *report)
{
    pthread_mutex_lock(&board->lock);
    *report = board->report;
    pthread_mutex_unlock(&board->lock);
}

bool cluster_board_set_state(struct cluster_board *board,
                             enum pull_state state,
                             const char *reason,
                             uint64_t now_usec)
{
    bool is_other = false;

    pthread_mutex_lock(&board->lock);
    is_other = board->report.state != state || board->report.state_since_usec == 0;
    if (is_other) {
        board->report.state = state;
        board->report.state_since_usec = now_usec;
    }
    (void)snprintf(board->report.reason, sizeof(board->report.reason), "%s", reason);
    pthread_mutex_unlock(&board->lock);
    return is_other;
}

void cluster_board_set_source(struct cluster_board *board, const char *source)
{
    pthread_mutex_lock(&board->lock);
    (void)snprintf(board->report.source, sizeof(board->report.source), "%s", source);
    pthread_mutex_unlock(&board->lock);
}

void cluster_board_set_facts(struct cluster_board *board, const struct source_facts *facts)
{
    pthread_mutex_lock(&board->lock);
    board->report.facts = *facts;
    pthread_mutex_unlock(&board->lock);
}

void cluster_board_set_numbers(struct cluster_board *board,
                               const struct cluster_report *numbers)
{
    pthread_mutex_lock(&board->lock);
    board->report.received = numbers->received;
    board->report.upstream = numbers->upstream;
    board->report.upstream_shift = numbers->upstream_shift;
    board->report.shift_from_file = numbers->shift_from_file;
    board->report.received_epoch = numbers->received_epoch;
    board->report.last_event_usec = numbers->last_event_usec;
    board->report.last_created_sec = numbers->last_created_sec;
    board->report.received_bytes = numbers->received_bytes;
    board->report.received_events = numbers->received_events;
    board->report.connects = numbers->connects;
    board->report.connect_failures = numbers->connect_failures;
    board->report.bad_events = numbers->bad_events;
    board->report.syncs = numbers->syncs;
    board->report.semisync_replies = numbers->semisync_replies;
    pthread_mutex_unlock(&board->lock);
}

static struct apply_status_row *copy_rows(const struct apply_status_row *rows, size_t count)
{
    struct apply_status_row *copy = mem_raw((count + 1) * sizeof(*copy));

    if (count > 0) {
        memcpy(copy, rows, count * sizeof(*copy));
    }
    return copy;
}

size_t cluster_board_apply_status(struct cluster_board *board,
                                  struct apply_status_row **rows,
                                  uint64_t *read_usec)
{
    size_t count = 0;

    pthread_mutex_lock(&board->lock);
    count = board->apply_status_count;
    *rows = copy_rows(board->apply_status, count);
    *read_usec = board->apply_status_usec;
    pthread_mutex_unlock(&board->lock);
    return count;
}

void cluster_board_set_apply_status(struct cluster_board *board,
                                    const struct apply_status_row *rows,
                                    size_t count,
                                    uint64_t read_usec)
{
    struct apply_status_row *copy = copy_rows(rows, count);
    struct apply_status_row *before = NULL;

    pthread_mutex_lock(&board->lock);
    before = board->apply_status;
    board->apply_status = copy;
    board->apply_status_count = count;
    board->apply_status_usec = read_usec;
    pthread_mutex_unlock(&board->lock);
    free(before);
}

int64_t cluster_board_clock_offset(struct cluster_board *board)
{
    int64_t offset_usec = 0;

    pthread_mutex_lock(&board->lock);
    offset_usec = board->clock_offset_usec;
    pthread_mutex_unlock(&board->lock);
    return offset_usec;
}

void cluster_board_set_clock_offset(struct cluster_board *board, int64_t offset_usec)
{
    pthread_mutex_lock(&board->lock);
    if (offset_usec - board->clock_offset_usec >= CLOCK_STEP_USEC ||
        board->clock_offset_usec - offset_usec >= CLOCK_STEP_USEC) {
        board->clock_offset_usec = offset_usec;
    }
    pthread_mutex_unlock(&board->lock);
}
