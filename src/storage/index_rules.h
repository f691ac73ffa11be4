/* SPDX-License-Identifier: Apache-2.0 */
/* By which rules the epoch indexes of a directory were made. */
#pragma once

#include "binrelay/base/disk.h"
#include "epoch_record.h"
#include "store_listing.h"

/* "NAME.000001.epochs" of a listed file, in its directory; the caller frees it. */
char *index_path(const char *directory, const struct store_listing *listing, size_t at);

/*
 * The head of a listed file's index. STATUS_NOT_FOUND: there is no such file.
 * STATUS_CORRUPT: it has none that can be read.
 */
MUST_CHECK enum status index_read_head(const struct disk *disk,
                                       const char *path,
                                       struct epoch_header *head,
                                       struct error *error);

/* What the newest index says whose head can be read. STATUS_NOT_FOUND: none says anything. */
MUST_CHECK enum status index_rules_find(const struct disk *disk,
                                        const char *directory,
                                        const struct store_listing *listing,
                                        struct epoch_rules *found,
                                        struct error *error);
