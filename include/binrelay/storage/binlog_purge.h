/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removes whole files from the front of a store. What may go is decided
 * elsewhere (S3): this only sees to it that a file is either listed and there,
 * or neither, whenever the process or the power ends, and that the log still
 * knows which transactions it held.
 */
#pragma once

#include <stdint.h>

#include "binrelay/base/error.h"
#include "binrelay/storage/binlog_store.h"

struct binlog_purged {
    uint64_t files; /* that left the list */
    uint64_t bytes; /* of them */
    uint64_t first; /* the oldest file that is left; 0: the store has none */
};

/*
 * Removes the files in front of the file `before`, oldest first, but never the
 * newest. Who has a file open reads it to its end. Waits for the disk: any
 * thread that may wait. A failure leaves files that are on the list no more, or all of
 * them; the next call and the next start go on with it. *purged is set in any case.
 *
 * Needs no room on a disk that is full: there the sidecars and indexes of the
 * files that go are removed first, which makes it. Should that not do either
 * (STATUS_FULL), all files are listed as before.
 */
MUST_CHECK enum status binlog_store_purge(struct binlog_store *store,
                                          uint64_t before,
                                          struct binlog_purged *purged,
                                          struct error *error);

/*
 * On a disk that is full, for who must write something down before the files in
 * front of `before` go: removes what was derived from them, as a purge does for
 * its own record. The files stay as they are, and what was removed is made anew
 * where it is needed. Any thread that may wait.
 */
MUST_CHECK enum status binlog_store_make_room(struct binlog_store *store,
                                              uint64_t before,
                                              struct error *error);
