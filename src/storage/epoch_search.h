/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads one file's epoch index: records by their number, and by halves. Each
 * record is checked when it is read. Any thread, one at a time.
 */
#pragma once

#include "epoch_handles.h"
#include "epoch_record.h"
#include "file_list.h"

struct epoch_search {
    struct epoch_handles *handles; /* borrowed */
    uint64_t file;
    int descriptor;   /* owned */
    uint64_t records; /* that count */
    uint8_t *page;    /* owned; NULL until records are read one after the other */
    uint64_t page_first;
    size_t page_count;
};

/* STATUS_CORRUPT, as from all below: the index has to be mended. */
MUST_CHECK enum status epoch_search_open(struct epoch_search *search,
                                         struct epoch_handles *handles,
                                         const struct store_file *file,
                                         uint64_t records,
                                         struct error *error);

/* The descriptor is kept for the next one. Accepts a zeroed one. */
void epoch_search_close(struct epoch_search *search);

/* The same, and the descriptor is not kept: something was wrong with what it read. */
void epoch_search_drop(struct epoch_search *search);

/* One record; neighbours that are read next come from the same page. */
MUST_CHECK enum status epoch_search_read(struct epoch_search *search,
                                         uint64_t number,
                                         struct epoch_record *record,
                                         struct error *error);

/* True for the records behind the ones that are looked for; false, then true, over a file. */
typedef bool (*epoch_test_fn)(const struct epoch_record *record, const void *context);

/* The number of the first record that the test is true for, or the count of records. */
MUST_CHECK enum status epoch_search_first(struct epoch_search *search,
                                          epoch_test_fn test,
                                          const void *context,
                                          uint64_t *number,
                                          struct error *error);
