/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LOG_NAME.000001.gtids: what is known of a closed binlog file, so that a start
 * does not read it whole. Derived: the binlog file is the truth, and a sidecar
 * that is missing, damaged or of another size is made anew from it.
 */
#pragma once

#include "binrelay/base/bytes.h"
#include "binrelay/base/disk.h"
#include "binrelay/base/error.h"
#include "binrelay/storage/binlog_files.h"
#include "stored_gtids.h"

enum { GTID_SIDECAR_MOST_BYTES = 256 * 1024 * 1024 };

struct gtid_sidecar {
    struct binlog_file_facts facts; /* facts.file stands in the name, not in the bytes */
    struct stored_gtids before;     /* owned: what was stored before the file */
    struct stored_gtids added;      /* owned: what the file has */
};

/* Accepts a zeroed one. */
void gtid_sidecar_release(struct gtid_sidecar *sidecar);

void gtid_sidecar_encode(struct buffer *output,
                         const struct binlog_file_facts *facts,
                         const struct stored_gtids *before,
                         const struct stored_gtids *added);

/* STATUS_CORRUPT for anything but what gtid_sidecar_encode() writes. */
MUST_CHECK enum status gtid_sidecar_decode(struct gtid_sidecar *sidecar,
                                           struct bytes bytes,
                                           struct error *error);

/* Reads and decodes a file. STATUS_NOT_FOUND: there is none; STATUS_CORRUPT too if it is too
 * long. */
MUST_CHECK enum status gtid_sidecar_read(struct gtid_sidecar *sidecar,
                                         const struct disk *disk,
                                         const char *path,
                                         struct error *error);
