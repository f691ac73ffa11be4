/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opens the payload of a Transaction_payload event, lets its events be changed
 * in place, and packs them into exactly as many bytes as before (server:
 * libs/mysql/binlog/event/codecs/binary.cpp, Transaction_payload). One thread.
 */
#pragma once

#include "binrelay/base/bytes.h"
#include "binrelay/base/error.h"
#include "exact_frame.h"

/* Decompressed, in memory; payload_reader.h, which needs none, has the limit of the ratio. */
enum { PAYLOAD_REWRITE_MOST_BYTES = 512 * 1024 * 1024 };

struct payload_rewriter;

struct payload_rewriter *payload_rewriter_new(void);

/* Accepts NULL. */
void payload_rewriter_free(struct payload_rewriter *rewriter);

/*
 * Reads the body of an event, without its checksum; *content is the events
 * inside, one behind the other, without checksums. It may be changed until the
 * next call. STATUS_CORRUPT: broken. STATUS_INVALID: a limit, or a compression
 * that we do not know.
 */
MUST_CHECK enum status payload_rewriter_open(struct payload_rewriter *rewriter,
                                             struct bytes body,
                                             struct buffer **content,
                                             struct error *error);

/* Where the payload of the last body is in it. */
struct payload_place {
    size_t at;
    size_t size;
};

struct payload_place payload_rewriter_place(const struct payload_rewriter *rewriter);

/* How a payload was brought to its size. */
struct payload_way {
    struct exact_frame_way frame;
    bool has_no_content_field; /* the event does not say how large the content is */
};

/*
 * Packs the content as it is now: *packed replaces the body from its beginning
 * to the payload's end, has just that size and lives until the next call. Only
 * the payload differs; where it must have some bytes more, the field with the
 * content's size is left out, which servers do without (they decompress up to
 * the end). The way may be NULL. STATUS_INVALID: it does not fit.
 */
MUST_CHECK enum status payload_rewriter_pack(struct payload_rewriter *rewriter,
                                             struct bytes *packed,
                                             struct payload_way *way,
                                             struct error *error);
