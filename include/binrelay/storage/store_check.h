/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store without its relay: verify everything in it, show it, make its
 * indexes anew. The directory is one cluster's, data_dir/CLUSTER.
 */
#pragma once

#include "binrelay/base/disk.h"
#include "binrelay/base/error.h"
#include "binrelay/storage/epoch_index.h"

/* One fault. The kinds are few and their words are fixed ("checksum", "boundary", "index",
 * ...). */
struct store_fault {
    const char *kind;
    const char *file; /* its name in the directory; borrowed for the call */
    uint64_t offset;  /* in that file */
    const char *message;
};

struct store_verify_options {
    const struct disk *disk;
    const char *directory;
    void (*on_fault)(void *context, const struct store_fault *fault); /* the first of each kind
                                                                         in each file */
    void *context;
};

struct store_verify_result {
    uint64_t files;
    uint64_t bytes;
    uint64_t events;
    uint64_t transactions;
    uint64_t epochs;
    uint64_t faults; /* all, also those that were not told */
};

/* Reads every byte. Faults are told, not returned; a status other than OK: it could not be
 * read. */
MUST_CHECK enum status store_verify(const struct store_verify_options *options,
                                    struct store_verify_result *result,
                                    struct error *error);

/* Makes all epoch indexes anew. rules NULL: those that the indexes there were made by.
 * STATUS_INVALID: there are none, so they must be said. */
MUST_CHECK enum status store_reindex(const struct disk *disk,
                                     const char *directory,
                                     const struct epoch_rules *rules,
                                     uint64_t *files,
                                     uint64_t *epochs,
                                     struct error *error);
