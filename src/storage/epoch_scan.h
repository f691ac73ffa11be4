/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the epochs of a log while its files are scanned one after the other:
 * the reader's transactions get their places and keys. One thread.
 */
#pragma once

#include "binlog_scan.h"
#include "binrelay/protocol/epoch_reader.h"
#include "binrelay/storage/epoch_index.h"

struct epoch_scan {
    struct epoch_rules rules;
    struct epoch_reader *reader; /* owned */

    /* The transaction that is being read, or the last one that was. */
    struct binlog_position begin;
    struct binlog_position end;
    struct epoch_transaction found;

    struct epoch_place last; /* key {0, 0}: no epoch yet */
};

void epoch_scan_init(struct epoch_scan *scan, const struct epoch_rules *rules);

/* Accepts a zeroed one. */
void epoch_scan_release(struct epoch_scan *scan);

/* Another file begins. */
void epoch_scan_begin_file(struct epoch_scan *scan);

/* To be called by the watcher of a binlog_scan, with what that is told and its follower. */
void epoch_scan_event(struct epoch_scan *scan,
                      const struct file_follower *follower,
                      uint64_t offset,
                      struct bytes start,
                      uint32_t size);
void epoch_scan_part(struct epoch_scan *scan, struct bytes part);

/* Behind a whole transaction. True if it was an epoch: `last` is. */
bool epoch_scan_end(struct epoch_scan *scan, const struct file_follower *follower);
