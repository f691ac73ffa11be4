/* SPDX-License-Identifier: Apache-2.0 */
/* Which binlog files a store's directory has. */
#pragma once

#include "binrelay/base/error.h"
#include "binrelay/storage/binlog_position.h"

struct store_listing {
    char log_name[BINLOG_NAME_MOST_BYTES + 1]; /* "" if there is no file */
    uint64_t *files;                           /* owned; ascending */
    size_t count;
    size_t capacity;
};

/*
 * Reads the directory. What is not named like a binlog file is not ours to
 * judge. STATUS_INVALID: files of two logs, or of another than `log_name`
 * (which may be NULL).
 */
MUST_CHECK enum status store_listing_read(struct store_listing *listing,
                                          const char *directory,
                                          const char *log_name,
                                          struct error *error);

/* Forgets the files in front of a number. Returns how many they were. */
size_t store_listing_drop_front(struct store_listing *listing, uint64_t first);

/* Accepts a zeroed one. */
void store_listing_release(struct store_listing *listing);
