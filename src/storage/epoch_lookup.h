/* SPDX-License-Identifier: Apache-2.0 */
/* What epoch_index.c (look-ups) and epoch_cursor.c share: a file's index that is open. */
#pragma once

#include "binrelay/storage/epoch_index.h"
#include "epoch_search.h"
#include "store_internal.h"

/* A file with its index. */
struct epoch_lookup {
    struct binlog_store *store; /* borrowed */
    struct store_file *file;    /* a reference */
    struct epoch_facts facts;   /* a copy, without the gaps */
    struct epoch_search search;
};

enum { EPOCH_LOOKUP_TRIES = 2 }; /* the second one after the index was mended */

/* Under the list's lock: takes a reference and copies what is known. */
void epoch_lookup_take(struct epoch_lookup *lookup,
                       struct binlog_store *store,
                       struct store_file *file);

/* Mends the index where that is needed, and opens it. */
MUST_CHECK enum status epoch_lookup_open(struct epoch_lookup *lookup, struct error *error);

/* After STATUS_CORRUPT: the next open reads the binlog again. */
void epoch_lookup_distrust(struct epoch_lookup *lookup);

/* Accepts a zeroed one. */
void epoch_lookup_close(struct epoch_lookup *lookup);

/* The place of an epoch's record. */
MUST_CHECK enum status epoch_lookup_place(struct epoch_lookup *lookup,
                                          uint64_t number,
                                          const struct epoch_record *record,
                                          struct epoch_place *place,
                                          struct error *error);

/* The first file with an epoch from list place `at` on, or backwards; NULL: none. Under the
 * lock. */
struct store_file *epoch_file_from(struct file_list *list, size_t at, bool is_backwards);

/* The place in the list of a file number, or of the next one behind it. Under the lock. */
size_t epoch_file_place(const struct file_list *list, uint64_t number);

/* True if nothing of the transaction lies in front of what is shown. */
bool epoch_is_visible(const struct binlog_store *store, uint64_t file, uint64_t start);
