/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Follows a binlog file event by event, from its first: is the event one that
 * may stand here, is everything whole behind it, and what does it tell of
 * GTIDs and times.
 *
 * The writer asks it before an event is stored and recovery asks it when the
 * file is read again, so what one accepted the other accepts. Checksums are
 * the callers'. One thread.
 */
#pragma once

#include "binrelay/base/bytes.h"
#include "binrelay/protocol/binlog_control.h"
#include "binrelay/protocol/binlog_event.h"
#include "binrelay/protocol/transaction.h"
#include "pending_gtids.h"

enum {
    /* No Query event has its statement further behind than this (transaction.h). */
    FOLLOWER_START_BYTES = 70 * 1024,
    /* A Previous_gtids of GTID_SET_MOST_INTERVALS intervals, and some. */
    FOLLOWER_MOST_COLLECTED_BYTES = 80 * 1024 * 1024,
};

/* What changes with the events: a plain value, copied to remember a place. */
struct follower_place {
    uint64_t offset;            /* behind the last event */
    uint64_t last_event_offset; /* where it begins; 0: there is only the magic */
    struct pending_gtids_place gtids;
    uint32_t first_created_sec;
    uint32_t last_created_sec;
    struct transaction_tracker tracker;
    bool is_closed;      /* the last event is a Rotate or Stop */
    bool is_rotated;     /* it is a Rotate */
    bool is_behind_gtid; /* it is a GTID, no anonymous one */
    bool has_gtids;
};

struct file_follower {
    uint64_t file;
    bool is_first;         /* of its store: says what was stored before it */
    uint64_t visible_from; /* GTIDs of events before this offset count as before the store */
    bool is_opening; /* an incident has no epoch in front of it, of which it could miss some */
    struct pending_gtids *runs; /* borrowed: where GTIDs go */
    struct binlog_format format;
    struct follower_place now;
};

/* Sets up for the place behind the magic. The fields that say which file it is stay. */
void file_follower_begin(struct file_follower *follower);

/*
 * Follows the next event. `start` is the whole event of `size` bytes or, of one
 * that is longer, at least FOLLOWER_START_BYTES. STATUS_INVALID, and nothing is
 * changed, if it may not stand here.
 */
MUST_CHECK enum status file_follower_event(struct file_follower *follower,
                                           struct bytes start,
                                           uint32_t size,
                                           struct error *error);

/* True for an event type that file_follower_event() must be given whole, however long it is. */
bool file_follower_needs_whole(const struct file_follower *follower, uint8_t type);

/* True if what came so far is whole transactions. */
static inline bool follower_place_is_whole(const struct follower_place *place)
{
    return place->tracker.place == TRANSACTION_OUTSIDE;
}
