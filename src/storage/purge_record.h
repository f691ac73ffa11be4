/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data_dir/CLUSTER/purged: the oldest file that is left, and what the files in
 * front of it held and came to. Written before the first of them goes, so that
 * a start after any end goes on with the purge and knows what is gone.
 */
#pragma once

#include "binrelay/base/bytes.h"
#include "binrelay/base/disk.h"
#include "binrelay/base/error.h"
#include "epoch_record.h"
#include "file_list.h"
#include "stored_gtids.h"

struct purge_record {
    uint64_t first;            /* 0: there is no record, nothing was ever purged */
    struct stored_gtids held;  /* owned */
    struct gtid_set *left_out; /* owned: of what was held, what nobody was ever sent */
    enum epoch_kind epochs;    /* by which the state was found; NONE: it is not known */
    struct epoch_state state;  /* what the files came to, without which no epoch has a key */
    struct purged_end end;     /* of the last of them */
};

/* Holds nothing. */
void purge_record_init(struct purge_record *record);

/* Accepts a zeroed one, and leaves one. */
void purge_record_release(struct purge_record *record);

void purge_record_encode(struct buffer *output, const struct purge_record *record);

/*
 * STATUS_CORRUPT for anything but what purge_record_encode() writes, or wrote
 * as version 1, which knew neither `left_out` nor a state.
 */
MUST_CHECK enum status purge_record_decode(struct purge_record *record,
                                           struct bytes bytes,
                                           struct error *error);

/* Durable on return. */
MUST_CHECK enum status purge_record_write(const struct disk *disk,
                                          const char *directory,
                                          const struct purge_record *record,
                                          struct error *error);

/* STATUS_NOT_FOUND: there is none. */
MUST_CHECK enum status purge_record_read(const struct disk *disk,
                                         const char *directory,
                                         struct purge_record *record,
                                         struct error *error);
