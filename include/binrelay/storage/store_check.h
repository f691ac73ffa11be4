/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store without its relay: verify everything in it, show it, make its
 * indexes anew. The directory is one cluster's, data_dir/CLUSTER.
 *
 * Verify and dump change nothing and may run beside a relay: they look no
 * further than the durable mark said when they began.
 */
#pragma once

#include <stdbool.h>

#include "binrelay/base/bytes.h"
#include "binrelay/base/disk.h"
#include "binrelay/base/error.h"
#include "binrelay/storage/epoch_index.h"

/*
 * One fault. The kinds are few and their words are fixed:
 *
 *   magic        a binlog file that does not begin like one
 *   checksum     an event whose bytes are not those that were written
 *   boundary     an event that may not stand where it is
 *   transaction  one begins inside another, or the file is closed inside one
 *   numbering    a binlog file is missing or of another log, or what was purged is unknown
 *   rotate       a closing Rotate that does not name the next file, or does not close
 *   mark         the durable mark is damaged, or claims what is not there
 *   sidecar      GTIDs kept of a closed file that are not the file's
 *   index        an epoch index that is not its file's
 *   format       data_dir/FORMAT   } told by those who look at a data_dir,
 *   control      data_dir/control.db } not by store_verify()
 */
struct store_fault {
    const char *kind;
    const char *file; /* its name in the directory, "." the directory; borrowed for the call */
    uint64_t offset;  /* in that file */
    const char *message; /* borrowed for the call */
};

typedef void (*store_fault_fn)(void *context, const struct store_fault *fault);

struct store_verify_options {
    const struct disk *disk; /* borrowed */
    const char *directory;   /* borrowed */
    store_fault_fn on_fault; /* the first of each kind in each file */
    void *context;           /* borrowed */

    /* How long it may be waited, for all files together, for what a relay that runs beside
     * writes behind the mark. 0: none runs. */
    unsigned most_wait_msec;
};

struct store_verify_result {
    uint64_t files;
    uint64_t bytes;
    uint64_t events;
    uint64_t transactions;
    uint64_t epochs;
    uint64_t faults;                    /* all, also those that were not told */
    struct binlog_position durable_end; /* {0, 0}: nothing is durable yet */

    /* No faults: what a relay that ended just now, or still runs, has not finished. */
    uint64_t unread_bytes;     /* of binlog files behind the durable end */
    uint64_t unindexed_epochs; /* of the newest file, that its index does not have yet */
};

/* True if the directory holds binlog files or a durable mark. */
bool store_is_there(const char *directory);

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
