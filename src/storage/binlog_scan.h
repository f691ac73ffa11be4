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

enum binlog_scan_fault {
    BINLOG_SCAN_MAGIC,    /* not the first bytes of a binlog file */
    BINLOG_SCAN_BOUNDARY, /* no event begins here that may stand here */
    BINLOG_SCAN_CHECKSUM,
};

/* Who sees what is read, as it is read. A function may be NULL. */
struct binlog_scan_watcher {
    /*
     * An event that may stand at `offset` and has `size` bytes begins with `start`; what it has
     * more follows in parts. Its checksum is checked behind that, where it does not fit in
     * memory.
     */
    void (*on_event)(void *context, uint64_t offset, struct bytes start, uint32_t size);
    void (*on_part)(void *context, struct bytes part);

    /* Behind each event that is right; `whole` if what came so far is whole transactions. */
    void (*on_end)(void *context, bool is_whole);

    /* True to go on behind an event with a wrong checksum; nothing else can be passed over. */
    bool (*on_fault)(void *context,
                     enum binlog_scan_fault fault,
                     uint64_t offset,
                     const char *message);
    void *context;
};

struct binlog_scan {
    /* Set by the caller. */
    const struct disk *disk; /* borrowed */
    int file;
    uint64_t bytes;                            /* how much of the file counts */
    uint64_t durable;                          /* a place where it must be whole; 0: none */
    struct file_follower *follower;            /* borrowed; set up for the file */
    const struct binlog_scan_watcher *watcher; /* borrowed; NULL: nobody */

    /* Found. */
    struct stored_gtids before;  /* owned: what the first file says, and what is not visible */
    struct stored_gtids added;   /* owned */
    struct gtid_set *left_out;   /* owned: of what was added, what the follower left out */
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
