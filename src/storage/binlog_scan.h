/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a binlog file from its start and finds how far it is right: magic,
 * headers, checksums, boundaries of transactions, GTIDs. Every byte is hostile
 * until it is checked. Memory is bounded whatever the file says.
 */
#pragma once

#include "binrelay/base/disk.h"
#include "file_follower.h"
#include "stored_gtids.h"

struct binlog_scan {
    /* Set by the caller. */
    const struct disk *disk; /* borrowed */
    int file;
    uint64_t bytes;                 /* how much of the file counts */
    uint64_t durable;               /* a place where it must be whole; 0: none */
    struct file_follower *follower; /* borrowed; set up for the file */

    /* Found. */
    struct stored_gtids before;  /* owned: what the first file says, and what is not visible */
    struct stored_gtids added;   /* owned */
    struct follower_place whole; /* behind the last whole transaction; offset 0: none */
    bool is_complete;            /* all bytes are events */
    bool has_durable;            /* the file is whole at `durable` */
    struct error why;            /* if it is not complete: what is wrong behind `whole` */
};

/* Fails only if the file cannot be read; what is wrong in it is `why`. */
MUST_CHECK enum status binlog_scan_run(struct binlog_scan *scan, struct error *error);

/* Accepts a zeroed one. */
void binlog_scan_release(struct binlog_scan *scan);

/*
 * True if the CRC32 at the end of the event is that of the bytes before. Reads
 * the event in pieces. At least header and checksum must be there.
 */
MUST_CHECK enum status binlog_scan_checksum(const struct disk *disk,
                                            int file,
                                            uint64_t offset,
                                            uint32_t size,
                                            bool *is_right,
                                            struct error *error);
