/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data_dir/CLUSTER/purged: the oldest file that is left, and what the files in
 * front of it held. Written before the first of them goes, so that a start
 * after any end goes on with the purge and knows the GTIDs that are gone.
 */
#pragma once

#include "binrelay/base/bytes.h"
#include "binrelay/base/disk.h"
#include "binrelay/base/error.h"
#include "stored_gtids.h"

struct purge_record {
    uint64_t first; /* 0: there is no record, nothing was ever purged */
    struct stored_gtids held;
};

/* Accepts a zeroed one. */
void purge_record_release(struct purge_record *record);

void purge_record_encode(struct buffer *output,
                         uint64_t first,
                         const struct stored_gtids *held);

/* STATUS_CORRUPT for anything but what purge_record_encode() writes. */
MUST_CHECK enum status purge_record_decode(struct purge_record *record,
                                           struct bytes bytes,
                                           struct error *error);

/* Durable on return. */
MUST_CHECK enum status purge_record_write(const struct disk *disk,
                                          const char *directory,
                                          uint64_t first,
                                          const struct stored_gtids *held,
                                          struct error *error);

/* STATUS_NOT_FOUND: there is none. */
MUST_CHECK enum status purge_record_read(const struct disk *disk,
                                         const char *directory,
                                         struct purge_record *record,
                                         struct error *error);
