/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of store_verify() share: store_verify.c (the directory and
 * the mark), store_verify_file.c (one binlog file), store_verify_sidecar.c and
 * store_verify_index.c (what is kept of it).
 */
#pragma once

#include "binlog_scan.h"
#include "binrelay/storage/store_check.h"
#include "durable_mark.h"
#include "epoch_track.h"
#include "store_listing.h"

enum fault_kind {
    FAULT_MAGIC,
    FAULT_CHECKSUM,
    FAULT_BOUNDARY,
    FAULT_TRANSACTION,
    FAULT_NUMBERING,
    FAULT_ROTATE,
    FAULT_MARK,
    FAULT_SIDECAR,
    FAULT_INDEX,
    FAULT_KIND_COUNT,
};

struct verify {
    const struct store_verify_options *options; /* borrowed */
    struct store_verify_result *result;         /* borrowed */
    struct store_listing listing;               /* owned */
    struct durable_claim durable;
    bool is_marked;

    /* The files in front of the first were purged, and a record says what they held: so the
     * first is no other than the rest. */
    bool is_purged;
    enum epoch_kind purged_epochs; /* NONE: it does not say what they came to */
    struct epoch_state purged_state;

    /* What was stored before the file that is next, as far as it is known. */
    struct stored_gtids before; /* owned */
    bool is_before_known;

    /* Epochs, by the rules of the indexes that are there. */
    struct epoch_rules rules; /* kind NONE: there are no indexes */
    struct epoch_track epochs;
    bool is_state_known; /* epochs.now is what the files in front had come to */

    unsigned waited_msec;
    unsigned told; /* bits of the kinds that were told of the file that is looked at */
};

/* One binlog file, once it was read. */
struct verified_file {
    size_t at; /* in the listing */
    char name[BINLOG_NAME_BYTES];
    int descriptor;
    uint64_t bytes; /* how much of it counts */
    bool is_closed; /* the durable end is in a later file */
    bool is_sound;  /* no fault was found in it */

    char index_name[BINLOG_NAME_BYTES + 8];
    int index;              /* -1: not open */
    bool is_index_compared; /* so far it is right */
    bool is_index_late;     /* the epochs that are found now are not in it yet */
    uint64_t index_records; /* that were compared */
    uint64_t gaps;

    struct file_follower follower;
    struct pending_gtids gtids; /* owned */
    struct binlog_scan scan;
};

void verify_fault(struct verify *verify,
                  enum fault_kind kind,
                  const char *file,
                  uint64_t offset,
                  const char *message);

/*
 * Waits a moment for what a relay that runs writes behind the mark. False: it
 * was waited long enough, for all files together.
 */
bool verify_wait(struct verify *verify);

/* True if a relay that runs has purged the file since its directory was read. */
bool verify_is_gone(const struct verify *verify, const struct verified_file *file);

/* Reads one file of the listing and what belongs to it. */
MUST_CHECK enum status verify_file(struct verify *verify, size_t at, struct error *error);

/* True for the file that has to say itself what was stored before it. */
static inline bool verify_is_first(const struct verify *verify,
                                   const struct verified_file *file)
{
    return file->at == 0 && !verify->is_purged;
}

/* The sidecar of a closed file against what the file says; and what is before the next. */
MUST_CHECK enum status verify_sidecar(struct verify *verify,
                                      const struct verified_file *file,
                                      struct error *error);

/* By what rules the indexes were made. */
MUST_CHECK enum status verify_find_rules(struct verify *verify, struct error *error);

/* Around the reading of a file, and behind each whole transaction in it. */
MUST_CHECK enum status verify_index_begin(struct verify *verify,
                                          struct verified_file *file,
                                          struct error *error);
MUST_CHECK enum status verify_index_whole(struct verify *verify,
                                          struct verified_file *file,
                                          struct error *error);
MUST_CHECK enum status verify_index_end(struct verify *verify,
                                        struct verified_file *file,
                                        struct error *error);
