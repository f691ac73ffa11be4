/* SPDX-License-Identifier: Apache-2.0 */
/* What a directory on the command line is: one cluster's, or a data_dir with all of them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "binrelay/base/error.h"

struct placed_cluster {
    char *name; /* owned */
    char *path; /* owned */
};

struct store_place {
    char *data_dir;                  /* owned; NULL: the directory is one cluster's */
    struct placed_cluster *clusters; /* owned; by name */
    size_t count;
    size_t capacity;
};

/* STATUS_NOT_FOUND: neither of the two. */
MUST_CHECK enum status store_place_find(struct store_place *place,
                                        const char *directory,
                                        struct error *error);

/* Accepts a zeroed one. */
void store_place_release(struct store_place *place);
