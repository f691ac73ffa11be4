/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directory that holds everything: made 0700, locked by one process, and
 * marked with the version of its format (data_dir/FORMAT).
 */
#pragma once

#include "binrelay/base/disk.h"
#include "binrelay/base/error.h"

enum { DATA_DIR_FORMAT_VERSION = 1 };

struct data_dir;

/*
 * Makes it where it is not there. STATUS_DENIED: another process has it.
 * STATUS_INVALID: a newer format, another relay_id, or no relay's directory.
 */
MUST_CHECK enum status data_dir_open(struct data_dir **made,
                                     const struct disk *disk,
                                     const char *path,
                                     const char *relay_id,
                                     struct error *error);

/*
 * Locks one that is there already, whosever it is: for a tool that changes
 * what a relay would. STATUS_NOT_FOUND: no relay's directory. STATUS_DENIED as
 * above.
 */
MUST_CHECK enum status data_dir_lock(struct data_dir **made,
                                     const struct disk *disk,
                                     const char *path,
                                     struct error *error);

/*
 * Changes nothing and takes no lock. STATUS_NOT_FOUND: there is no FORMAT.
 * STATUS_INVALID: it is not as a relay writes it, or newer.
 */
MUST_CHECK enum status data_dir_check(const struct disk *disk,
                                      const char *path,
                                      struct error *error);

/* Unlocks. Accepts NULL. */
void data_dir_close(struct data_dir *directory);

const char *data_dir_path(const struct data_dir *directory);
