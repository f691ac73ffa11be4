/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a file that ends with an epoch, but for the event that closes it:
 * who applied that epoch needs the next file and not this one, while it is here
 * and, by what the purge record says of it, when it is gone.
 */
#pragma once

#include "binrelay/storage/epoch_index.h"
#include "file_list.h"

/* How a file ends that is to be purged; file 0: not with an epoch. */
void epoch_find_purged_end(struct binlog_store *store, uint64_t file, struct purged_end *end);

/* The beginning of the first file, if the key is that of the epoch with which what was purged
 * ended. */
bool epoch_find_behind_purged(struct binlog_store *store,
                              struct epoch_key key,
                              struct binlog_position *found);
