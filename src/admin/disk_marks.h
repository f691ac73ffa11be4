/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How full a store is, as states with two marks, and how long it will last. Pure.
 *
 *            soft_percent              hard_percent
 *   QUIET ------------------> WARNED -----------------> STOPPED
 *         <------------------        <-----------------
 *          a little below it           a little below it
 *
 * A state is left a little below the mark that led into it, so that what swings
 * around a mark is told once.
 */
#pragma once

#include "binrelay/admin/purger.h"

/* One look, at a time of the monotonic clock. */
struct disk_sample {
    uint64_t now_usec;
    uint64_t store_bytes;
    uint64_t limit_bytes; /* what the store may take; 0: not known, and nothing changes */
};

struct disk_marks {
    bool is_above_soft;
    bool is_above_hard;
    /* The forecast: what is left below the hard mark, and how fast it gets less. */
    uint64_t first_usec; /* of the monotonic clock; 0: no look yet */
    uint64_t last_usec;
    double left_bytes;
    double bytes_per_usec;
};

/* What a look changed: a set. */
enum disk_change {
    DISK_CHANGE_SOFT = 1,    /* rose above the soft mark */
    DISK_CHANGE_HARD = 2,    /* above the hard mark */
    DISK_CHANGE_OK = 4,      /* fell below the hard mark */
    DISK_CHANGE_RELAXED = 8, /* below the soft mark */
};

/* max_bytes (0: none), or what the store has and the system would still give. Of a file system
 * that nobody can ask the free bytes are UINT64_MAX; 0: no limit is known. */
uint64_t disk_marks_limit(uint64_t max_bytes, uint64_t store_bytes, uint64_t free_bytes);

/* Returns the changes. */
unsigned disk_marks_look(struct disk_marks *marks,
                         const struct purge_settings *settings,
                         const struct disk_sample *sample);

/* The limits are others now: what was seen of the growth says nothing any more. */
void disk_marks_forget_growth(struct disk_marks *marks);

/* Until the hard mark at the pace of late; 0 above it; negative: not known, or it does not come
 * nearer. */
double disk_marks_hours_left(const struct disk_marks *marks);
