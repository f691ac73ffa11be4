/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What recovery found out, before it changes anything. recovery_plan.c looks
 * and decides, binlog_recovery.c does it.
 */
#pragma once

#include "binlog_scan.h"
#include "purge_record.h"
#include "store_internal.h"
#include "store_listing.h"

/* The newest file that stays, read to its end. */
struct recovered_tail {
    int descriptor;        /* -1: no file stays */
    uint64_t bytes;        /* that the file has; more than scan.whole: the rest is cut */
    uint64_t written_usec; /* its mtime, before it is cut */
    struct file_follower follower;
    struct pending_gtids gtids; /* owned */
    struct binlog_scan scan;
};

struct recovery {
    struct binlog_store *store;   /* borrowed */
    struct store_listing listing; /* owned; without what a purge left */
    struct purge_record record;   /* owned; first 0: none, or of no use */
    uint64_t *leftovers;          /* owned: files that a purge did not come to */
    size_t leftover_count;
    struct durable_claim durable; /* up to here everything must read back right */
    bool is_unmarked;             /* there is no mark: nothing is known to be durable */
    bool is_again;                /* nothing behind `durable` is believed */
    size_t closed;                /* listed files that were closed and durable before */
    size_t kept;                  /* listed files that stay: the closed, and some behind */
    struct store_file **files;    /* owned array, referenced; of the kept; not if is_again */
    size_t file_count;
    struct stored_gtids purged; /* owned */
    struct purged_end purged_end;
    struct stored_gtids before; /* owned: stored before the closed file that is next */
    struct gtid_set *left_out;  /* owned: of all, what nobody is sent */
    struct recovered_tail tail;
};

/* Looks at everything and changes nothing. STATUS_CORRUPT: what was durable is not there. */
MUST_CHECK enum status recovery_make_plan(struct recovery *recovery, struct error *error);

/* Once all that stays is durable: the epoch indexes are brought into line with it. Fails only
 * if epochs that are appended could not be numbered. */
MUST_CHECK enum status recovery_mend_epochs(struct recovery *recovery, struct error *error);

/* Then: adds to `left_out` what the files that stay have of it. A file that cannot be read adds
 * nothing: replicas must have then what they need not. */
void recovery_find_left_out(struct recovery *recovery);

/* Accepts a zeroed one. */
void recovery_release(struct recovery *recovery);
