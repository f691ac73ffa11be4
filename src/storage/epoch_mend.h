/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes one file's index hold what its binlog has: what is there is believed
 * as far as it proves right, and the rest is read from the binlog again.
 */
#pragma once

#include "binrelay/base/disk.h"
#include "epoch_facts.h"

/* Who says what the log had come to in front of the file. */
enum epoch_before {
    EPOCH_BEFORE_GIVEN,
    EPOCH_BEFORE_GUESSED, /* the index itself, if it is right; nobody knows better */
    EPOCH_BEFORE_UNKNOWN, /* the index itself; where it does not, it cannot be mended */
};

struct epoch_mend {
    const struct disk *disk; /* borrowed, as the path and the rules */
    const char *path;        /* of the binlog file */
    uint64_t file;
    uint64_t bytes; /* of the binlog file that count */
    const struct epoch_rules *rules;
    struct epoch_state before; /* what the files in front had come to */
    enum epoch_before before_is;
    bool is_closed;  /* the binlog file does not grow any more: the index gets its seal */
    bool is_suspect; /* nothing in the index is believed without reading the binlog */
};

/*
 * Sets the facts. On failure the index could not be written, or the binlog not
 * read (facts->is_complete is false), or it is not known what was in front
 * (facts->is_before_known, too); facts->is_known is false then.
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
