/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/net/shared.h"

#include <stdatomic.h>
#include <unistd.h>

#include "binrelay/base/memory.h"

void shared_init(struct shared *shared, void (*destroy)(struct shared *shared))
{
    atomic_init(&shared->count, 1);
    shared->destroy = destroy;
}

struct shared *shared_ref(struct shared *shared)
{
    atomic_fetch_add_explicit(&shared->count, 1, memory_order_relaxed);
    return shared;
}

void shared_unref(struct shared *shared)
{
    if (shared == NULL) {
        return;
    }
    /* Release and acquire: what other threads did with it comes before destroy(). */
    if (atomic_fetch_sub_explicit(&shared->count, 1, memory_order_acq_rel) == 1) {
        shared->destroy(shared);
    }
}

static void close_file(struct shared *shared)
{
    struct shared_file *file = (struct shared_file *)shared;

    (void)close(file->descriptor);
    free(file);
}

struct shared_file *shared_file_new(int descriptor)
{
    struct shared_file *file = mem_zeroed(sizeof(*file));

    shared_init(&file->shared, close_file);
    file->descriptor = descriptor;
    return file;
}
