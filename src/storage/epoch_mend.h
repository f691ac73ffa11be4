/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes one file's index hold what its binlog has: what is there is believed
 * as far as it proves right, and the rest is read from the binlog again.
 */
#pragma once

#include "binrelay/base/disk.h"
#include "epoch_facts.h"

struct epoch_mend {
    const struct disk *disk; /* borrowed, as the path and the rules */
    const char *path;        /* of the binlog file */
    uint64_t file;
    uint64_t bytes; /* of the binlog file that count */
    const struct epoch_rules *rules;
    struct epoch_state before; /* what the files in front had come to ... */
    bool is_first;   /* ... which only the index itself can say: there are none any more */
    bool is_closed;  /* the binlog file does not grow any more: the index gets its seal */
    bool is_suspect; /* nothing in the index is believed without reading the binlog */
};

/*
 * Sets the facts. On failure the binlog could not be read or the index not
 * written; facts->is_known is false then.
 */
MUST_CHECK enum status epoch_mend_run(const struct epoch_mend *mend,
                                      struct epoch_facts *facts,
                                      struct error *error);

/* "NAME.000001.epochs" for a binlog file's path; the caller frees it. */
char *epoch_index_path(const char *binlog_path);

/* What tells a binlog file from others of its number. */
MUST_CHECK enum status epoch_fingerprint(const struct disk *disk,
                                         const char *binlog_path,
                                         uint32_t *fingerprint,
                                         struct error *error);
