/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shows what a store holds, from its binlog files alone: epochs, statements
 * that change what tables there are, and incidents, in the order of their
 * positions. Changes nothing and may run beside a relay, as store_check.h
 * says. The directory is one cluster's, data_dir/CLUSTER.
 */
#pragma once

#include <stdbool.h>

#include "binrelay/base/bytes.h"
#include "binrelay/base/disk.h"
#include "binrelay/base/error.h"
#include "binrelay/storage/epoch_index.h"

enum store_entry_kind {
    STORE_ENTRY_EPOCH,
    STORE_ENTRY_STATEMENT, /* one that is a transaction of its own, or DDL inside one */
    STORE_ENTRY_INCIDENT,  /* LOST_EVENTS, or another that its source wrote */
    STORE_ENTRY_COUNT,
};

struct store_entry {
    enum store_entry_kind kind;
    const char *log_name; /* borrowed for the call, as all below */
    struct binlog_position
        begin; /* an epoch's as in struct epoch_place; else its transaction's */
    struct binlog_position end; /* behind its last event */
    uint64_t at_usec;           /* wall clock */
    struct epoch_key epoch;     /* this one, or the last before it; {0, 0}: none yet */

    struct epoch_place place; /* EPOCH: all of it */
    struct bytes database;    /* STATEMENT: the default database, may be empty */
    struct bytes text;        /* STATEMENT: itself; INCIDENT: its message. Any bytes */
    bool is_text_cut;         /* STATEMENT: it is longer, or compressed and not here at all */
    uint16_t incident;        /* INCIDENT: 1 is LOST_EVENTS */
};

struct store_dump_options {
    const struct disk *disk; /* borrowed */
    const char *directory;   /* borrowed */
    /* Borrowed; NULL: those that the indexes there were made by, or none. */
    const struct epoch_rules *rules;

    /* Both ends count. What is no epoch counts by the last one before it. */
    uint64_t from_epoch;
    uint64_t to_epoch;
    uint64_t since_usec;
    uint64_t until_usec;

    void (*on_entry)(void *context, const struct store_entry *entry);
    void *context; /* borrowed */
};

/* STATUS_CORRUPT: something is wrong with the store, and what is behind it was not shown. */
MUST_CHECK enum status store_dump(const struct store_dump_options *options,
                                  struct error *error);
