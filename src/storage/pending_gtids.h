/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The GTIDs that were appended and are not published yet, in their order.
 *
 * The writer adds one for each GTID event, so this is on the hot path: what
 * follows on the run before it, as nearly every GTID does, only moves that
 * run's end. A place in the list can be remembered and cut back to, as the
 * file is when a transaction stays unfinished. One thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stored_gtids.h"

enum pending_gtid_kind {
    PENDING_GTID_NUMBERS, /* first to last of one source */
    PENDING_GTID_MARIADB, /* the last one of a (domain, server) */
    PENDING_GTID_STORED,  /* what runs were settled into, and what a first file says was before
                             it */
};

struct pending_gtid {
    enum pending_gtid_kind kind;
    bool is_before;   /* was there before what is shown begins: counts as purged */
    bool is_left_out; /* of incidents in front of the first epoch, which nobody is sent */
    uint64_t file;    /* that the events stand in */
    union {
        struct {
            struct gtid_source source;
            uint64_t first;
            uint64_t last;
        } numbers;
        struct mariadb_gtid mariadb;
        struct stored_gtids stored; /* owned */
    };
};

/* Zeroed is empty. */
struct pending_gtids {
    struct pending_gtid *items; /* owned */
    size_t count;
    size_t capacity;
};

/* The end of the list at some time: how many runs, and how far the last one had come. */
struct pending_gtids_place {
    size_t count;
    uint64_t reached;
};

/* What was done to the front of the list, for moving places behind it along. */
struct pending_gtids_change {
    struct pending_gtids_place upto;
    size_t left;   /* runs that are in front now */
    bool is_split; /* the last of the front went on behind the place: it is two runs now */
};

void pending_gtids_release(struct pending_gtids *runs);
void pending_gtids_clear(struct pending_gtids *runs);

void pending_gtids_add(struct pending_gtids *runs,
                       uint64_t file,
                       bool is_before,
                       const struct gtid *gtid);
void pending_gtids_add_mariadb(struct pending_gtids *runs,
                               uint64_t file,
                               bool is_before,
                               struct mariadb_gtid gtid);

/* The GTID that was added last is left out of what is served. */
void pending_gtids_leave_out_last(struct pending_gtids *runs);

/* Takes over what `stored` owns. */
void pending_gtids_add_before(struct pending_gtids *runs,
                              uint64_t file,
                              struct stored_gtids *stored);

struct pending_gtids_place pending_gtids_end(const struct pending_gtids *runs);

/* Forgets what was added behind a place. */
void pending_gtids_cut(struct pending_gtids *runs, struct pending_gtids_place place);

/* Moves what is in front of a place to `taken`, which is empty. */
struct pending_gtids_change pending_gtids_take(struct pending_gtids *runs,
                                               struct pending_gtids_place upto,
                                               struct pending_gtids *taken);

/* Makes what is in front of a place short: for each file one run, and one for what was before.
 */
struct pending_gtids_change pending_gtids_compact(struct pending_gtids *runs,
                                                  struct pending_gtids_place upto);

/* Where a place that is not in front of `upto` stands after a change. */
struct pending_gtids_place pending_gtids_moved(struct pending_gtids_place place,
                                               struct pending_gtids_change change);

/* Adds one run to what was stored. */
void pending_gtid_settle(const struct pending_gtid *run, struct stored_gtids *into);

/* Adds one run to what is left out, if it is that. */
void pending_gtid_settle_left_out(const struct pending_gtid *run, struct gtid_set *left_out);
