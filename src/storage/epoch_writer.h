/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Brings one index file to hold given records. What the file has already is
 * compared and kept as far as it is right; from the first difference on it is
 * cut and written. So an index that lacks its end, or has a bad byte, is mended
 * in place, and one that is right costs only its reading. One thread.
 */
#pragma once

#include "binrelay/base/disk.h"
#include "epoch_record.h"

struct epoch_writer {
    const struct disk *disk; /* borrowed */
    int descriptor;          /* -1: a call failed, and nothing is done any more */
    uint64_t count;          /* records that were given */
    uint64_t found;          /* bytes that the file has; 0 once something differed */
    uint8_t *page;           /* owned: records as read, or gathered for writing */
    uint64_t page_first;     /* number of the first record in it */
    size_t page_count;
};

/* Opens the file, or makes it. Of a file with another head nothing is kept. */
MUST_CHECK enum status epoch_writer_open(struct epoch_writer *writer,
                                         const struct disk *disk,
                                         const char *path,
                                         const struct epoch_header *header,
                                         struct error *error);

/* Goes on behind `count` records that are there; 0: makes the file, whatever was there. */
MUST_CHECK enum status epoch_writer_open_at(struct epoch_writer *writer,
                                            const struct disk *disk,
                                            const char *path,
                                            const struct epoch_header *header,
                                            uint64_t count,
                                            struct error *error);

/* The next record. */
MUST_CHECK enum status epoch_writer_put(struct epoch_writer *writer,
                                        const struct epoch_record *record,
                                        struct error *error);

/* The file ends behind the last record. */
MUST_CHECK enum status epoch_writer_finish(struct epoch_writer *writer, struct error *error);

/* Accepts a zeroed one, and one that was not opened. */
void epoch_writer_close(struct epoch_writer *writer);
