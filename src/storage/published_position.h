/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A position that one thread sets and any thread reads without a lock.
 *
 * A sequence lock of atomics: the count is odd while the writer is between the
 * two stores, and a reader that saw it odd or changed reads again. Acquire and
 * release stand on the fields themselves, not on fences, which the thread
 * sanitizer does not follow. What was written before a position was set is
 * visible to who has read it.
 */
#pragma once

#include <stdatomic.h>

#include "binrelay/storage/binlog_position.h"

struct published_position {
    _Atomic uint64_t count;
    _Atomic uint64_t file;
    _Atomic uint64_t offset;
};

static inline void published_position_set(struct published_position *published,
                                          struct binlog_position position)
{
    uint64_t count = atomic_load_explicit(&published->count, memory_order_relaxed);

    atomic_store_explicit(&published->count, count + 1, memory_order_relaxed);
    atomic_store_explicit(&published->file, position.file, memory_order_release);
    atomic_store_explicit(&published->offset, position.offset, memory_order_release);
    atomic_store_explicit(&published->count, count + 2, memory_order_release);
}

static inline struct binlog_position published_position_get(
    const struct published_position *published)
{
    struct binlog_position position;
    uint64_t before = 0;
    uint64_t after = 0;

    do {
        before = atomic_load_explicit(&published->count, memory_order_acquire);
        position.file = atomic_load_explicit(&published->file, memory_order_acquire);
        position.offset = atomic_load_explicit(&published->offset, memory_order_acquire);
        after = atomic_load_explicit(&published->count, memory_order_relaxed);
    } while (before != after || before % 2 != 0);
    return position;
}
