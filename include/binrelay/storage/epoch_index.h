/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the epochs of a store begin and end: LOG_NAME.000001.epochs beside
 * each binlog file, appended in step with it and never ahead of its durable
 * end. Derived: what is missing or damaged is made again from the binlog.
 *
 * Epochs rise, but for an NDB cluster that was started anew: then a new
 * incarnation begins. (incarnation, epoch) rises always, over all files, and
 * is the key. Any thread; only what is durable and visible is found; what is
 * returned is a copy. docs/file-format.md has the bytes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binrelay/base/error.h"
#include "binrelay/protocol/epoch.h"
#include "binrelay/storage/binlog_position.h"
#include "binrelay/storage/binlog_store.h"

struct epoch_key {
    uint32_t incarnation; /* 1, 2, ... */
    uint64_t epoch;
};

int epoch_key_compare(struct epoch_key left, struct epoch_key right);

struct epoch_place {
    struct epoch_key key;
    /* NDB: the epoch's own transaction. HEARTBEAT: from the end of the epoch before (which may
     * be in another file) to the end of the transaction with the marker. */
    struct binlog_position begin;
    struct binlog_position end;
    uint64_t commit_usec; /* wall clock */
    uint64_t latest_usec; /* the highest commit_usec up to here */
    uint32_t inserts;     /* see struct epoch_transaction */
    uint32_t updates;
    uint32_t deletes;
    uint32_t schema_ops;
    uint32_t origin; /* server_id of the marker as stored */
    bool is_count_partial;
};

/* A LOST_EVENTS incident behind an epoch: epochs may be missing there. */
struct epoch_gap {
    struct epoch_key before;         /* the last epoch before it */
    struct epoch_key after;          /* the first behind it; epoch 0: none yet */
    struct binlog_position incident; /* where its transaction begins */
    struct binlog_position end;
};

/* The whole range. */
struct epoch_summary {
    uint64_t count;
    struct epoch_place first;
    struct epoch_place last;
};

/* STATUS_NOT_FOUND: there is no epoch. */
MUST_CHECK enum status epoch_index_summary(struct binlog_store *store,
                                           struct epoch_summary *summary,
                                           struct error *error);

/* The same of one file. STATUS_NOT_FOUND: no such file, or no epoch in it. */
MUST_CHECK enum status epoch_index_file_summary(struct binlog_store *store,
                                                uint64_t file,
                                                struct epoch_summary *summary,
                                                struct error *error);

/* The last epoch that is not behind the key; the first that is not before it. Logarithmic.
 * STATUS_NOT_FOUND: there is none. */
MUST_CHECK enum status epoch_index_at_or_before(struct binlog_store *store,
                                                struct epoch_key key,
                                                struct epoch_place *found,
                                                struct error *error);
MUST_CHECK enum status epoch_index_at_or_after(struct binlog_store *store,
                                               struct epoch_key key,
                                               struct epoch_place *found,
                                               struct error *error);

/* The first epoch whose latest_usec reaches the time. Logarithmic. */
MUST_CHECK enum status epoch_index_by_time(struct binlog_store *store,
                                           uint64_t usec,
                                           struct epoch_place *found,
                                           struct error *error);

/* The first epoch that ends behind the position. Logarithmic. */
MUST_CHECK enum status epoch_index_by_position(struct binlog_store *store,
                                               struct binlog_position position,
                                               struct epoch_place *found,
                                               struct error *error);

/* True if no gap lies between two epochs that stand in the index. */
bool epoch_index_is_continuous(struct binlog_store *store,
                               struct epoch_key before,
                               struct epoch_key after);

/* True if the position lies before the end of the first epoch that ever was: none is purged or
 * not visible. Reads no file. */
bool epoch_index_is_opening(struct binlog_store *store, struct binlog_position position);

/* All gaps behind the first epoch, oldest first; *gaps is the caller's to free. */
size_t epoch_index_gaps(struct binlog_store *store, struct epoch_gap **gaps);

/* By what epochs are found; server_id_bits as they are now. */
struct epoch_rules epoch_index_rules(struct binlog_store *store);

/* The writer's thread: how many bits of a server id count, as the source says (NDB). For what
 * is appended from now on. */
void epoch_index_set_server_id_bits(struct binlog_store *store, uint8_t bits);

enum epoch_notice_kind { EPOCH_NOTICE_INCARNATION, EPOCH_NOTICE_GAP };

struct epoch_notice {
    enum epoch_notice_kind kind; /* INCARNATION: an epoch that did not rise */
    struct epoch_key before;     /* the last epoch in front of it */
    struct epoch_key key;        /* INCARNATION: the first of the new one */
    struct binlog_position at;
};

/* Called on the writer's thread when what it speaks of is published; never again for that. */
typedef void (*epoch_notice_fn)(void *context, const struct epoch_notice *notice);
void epoch_index_on_notice(struct binlog_store *store, epoch_notice_fn fn, void *context);

/* The writer's thread: the last epoch that was appended, durable or not; {0, 0}: none. */
struct epoch_key epoch_index_received(const struct binlog_store *store);

/* ---- one after the other ---- */

struct epoch_cursor;

/* Starts before the first epoch (is_descending: behind the last). */
struct epoch_cursor *epoch_cursor_open(struct binlog_store *store, bool is_descending);

/* Accepts NULL. */
void epoch_cursor_close(struct epoch_cursor *cursor);

/* The next one is the first at or after the key (is_descending: at or before). */
MUST_CHECK enum status epoch_cursor_seek(struct epoch_cursor *cursor,
                                         struct epoch_key key,
                                         struct error *error);

/* STATUS_NOT_FOUND at the end. */
MUST_CHECK enum status epoch_cursor_next(struct epoch_cursor *cursor,
                                         struct epoch_place *found,
                                         struct error *error);
