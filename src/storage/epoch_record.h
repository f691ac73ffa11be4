/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of LOG_NAME.000001.epochs: a header, records of one size, and in a
 * finished index a seal. docs/file-format.md has the table. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "binrelay/base/error.h"
#include "binrelay/protocol/epoch.h"
#include "binrelay/storage/epoch_index.h"

enum {
    EPOCH_INDEX_VERSION = 1,
    EPOCH_HEADER_BYTES = 640,
    EPOCH_RECORD_BYTES = 72,
};

/* What the log had come to: with it epochs are told to rise or to begin anew. */
struct epoch_state {
    struct epoch_key last; /* incarnation 0: no epoch yet */
    uint64_t latest_usec;  /* the highest commit time */
};

struct epoch_header {
    uint64_t file;
    uint32_t fingerprint; /* of the binlog file: the CRC32 of its format description */
    struct epoch_rules rules;
    struct epoch_state before; /* what the files in front had come to */
};

enum epoch_record_kind {
    EPOCH_RECORD_EPOCH = 1,
    EPOCH_RECORD_GAP = 2,  /* an incident; its key is that of the epoch before it */
    EPOCH_RECORD_SEAL = 3, /* the last one of a finished index: start is the count of records,
                              end the binlog file's bytes, commit_usec the count of gaps */
};

struct epoch_record {
    enum epoch_record_kind kind;
    struct epoch_key key;
    uint64_t start; /* of the transaction in the file */
    uint64_t end;
    uint64_t commit_usec;
    uint64_t latest_usec;
    uint32_t inserts;
    uint32_t updates;
    uint32_t deletes;
    uint32_t schema_ops;
    uint32_t origin;
    bool is_count_partial;
};

void epoch_header_encode(uint8_t bytes[EPOCH_HEADER_BYTES], const struct epoch_header *header);

/* STATUS_CORRUPT for anything but what epoch_header_encode() writes. */
MUST_CHECK enum status epoch_header_decode(struct epoch_header *header,
                                           const uint8_t bytes[EPOCH_HEADER_BYTES],
                                           struct error *error);

void epoch_record_encode(uint8_t bytes[EPOCH_RECORD_BYTES], const struct epoch_record *record);

/* False for anything but what epoch_record_encode() writes. */
bool epoch_record_decode(struct epoch_record *record, const uint8_t bytes[EPOCH_RECORD_BYTES]);

/* Where a record begins in its file. */
static inline uint64_t epoch_record_offset(uint64_t number)
{
    return EPOCH_HEADER_BYTES + number * EPOCH_RECORD_BYTES;
}
