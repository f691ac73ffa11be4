/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A few descriptors of index files that were read lately, so that a look-up
 * opens no file. Who reads takes one out and puts it back. Any thread.
 */
#pragma once

#include <pthread.h>
#include <stdint.h>

#include "binrelay/base/disk.h"

enum { EPOCH_HANDLES_MOST = 32 };

struct epoch_handle {
    uint64_t file; /* number; 0: the place is free */
    int descriptor;
};

struct epoch_handles {
    const struct disk *disk; /* borrowed */
    pthread_mutex_t lock;
    uint64_t first; /* files in front of it were purged: nothing is kept of them */
    struct epoch_handle kept[EPOCH_HANDLES_MOST]; /* the one used last is the first */
};

void epoch_handles_init(struct epoch_handles *handles, const struct disk *disk);

/* Closes what is kept: files went, or were made anew. */
void epoch_handles_clear(struct epoch_handles *handles);

/* Closes what is kept of files in front of a number, and what of them comes back. */
void epoch_handles_drop_front(struct epoch_handles *handles, uint64_t first);
void epoch_handles_release(struct epoch_handles *handles);

/* A descriptor of a file's index; -1: none is kept. It is the caller's then. */
int epoch_handles_take(struct epoch_handles *handles, uint64_t file);

/* Keeps a descriptor, and closes the one that was not used for longest if there are too many.
 */
void epoch_handles_keep(struct epoch_handles *handles, uint64_t file, int descriptor);
