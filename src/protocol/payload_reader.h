/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a Transaction_payload event in parts and hands on the events in it, in
 * parts as well (libs/mysql/binlog/event/codecs, transaction_payload.h). What
 * it needs of memory does not depend on the payload but for zstd's window,
 * which has a limit as the decompressed size has. One thread.
 */
#pragma once

#include "binrelay/base/bytes.h"
#include "binrelay/protocol/binlog_event.h"

enum {
    /* What ZSTD_CCtx makes at most at any level that MySQL lets one choose: 128 MiB. */
    PAYLOAD_MOST_WINDOW_LOG = 27,
    /* A payload that says little at great length is no transaction. */
    PAYLOAD_MOST_RATIO = 2048,
    PAYLOAD_RATIO_FREE_BYTES =
        64 * 1024 * 1024, /* that may be decompressed whatever its ratio */
};

/* Decompressed, of one payload. */
#define PAYLOAD_MOST_BYTES (UINT64_C(8) * 1024 * 1024 * 1024)

/* To whom the events in a payload go; their bodies have no checksum. */
struct payload_listener {
    void (*on_event)(void *context, struct binlog_event_header header, uint32_t body_size);
    void (*on_part)(void *context, struct bytes part);
    void *context; /* borrowed */
};

struct payload_reader;

struct payload_reader *payload_reader_new(struct payload_listener listener);

/* Accepts NULL. */
void payload_reader_free(struct payload_reader *reader);

/* A payload event begins; what there was of another is forgotten. */
void payload_reader_begin(struct payload_reader *reader);

/* The next part of its body. */
void payload_reader_add(struct payload_reader *reader, struct bytes part);

/* The body ended. True if all events in it were handed on, whole. */
bool payload_reader_end(const struct payload_reader *reader);
