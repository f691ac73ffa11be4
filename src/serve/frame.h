/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames binlog events as a dump sends them: each event is the payload of one
 * packet, behind a zero byte (manual: "COM_BINLOG_DUMP", "Network Stream").
 *
 *   0        3          4      5
 *   length   sequence   0x00   event ...        length = event_size + 1
 *
 * An event of 16 MiB - 1 or more goes on in further packets without the zero.
 * Small events are copied; large ones stay in the file and only their packet
 * headers are made. The bytes of the file are not believed: a size that does
 * not fit is STATUS_CORRUPT. Pure, but for the reading it is given.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binrelay/base/error.h"
#include "binrelay/protocol/packet.h"

enum {
    /* Blocks end at the first event boundary at or behind a multiple of this, so that streams
     * that began anywhere meet at the same boundaries. */
    FRAME_BLOCK_BYTES = 256 * 1024,
    /* Events from this size on are sent from the file: below, copying takes less time. */
    FRAME_LARGE_BYTES = 64 * 1024,
    FRAME_PREFIX_BYTES = PACKET_HEADER_BYTES + 1,
};

/* Reads up to size bytes of the file at offset. */
typedef enum status (*frame_read_fn)(void *context,
                                     uint64_t offset,
                                     void *data,
                                     size_t size,
                                     size_t *found,
                                     struct error *error);

struct frame_source {
    frame_read_fn read;
    void *context;    /* borrowed */
    size_t read_size; /* of the next read: short behind large events; 0 at first */
};

/* Part of a file: whole events from offset to limit. */
struct frame_range {
    uint64_t offset;
    uint64_t limit;
};

/* A stretch of what is sent. Those in memory stand there one behind the other. */
struct frame_piece {
    uint64_t size;
    uint64_t file_offset; /* FRAME_IN_MEMORY: the next bytes of the memory */
};

enum { FRAME_IN_MEMORY = 0 };

struct frame {
    uint8_t *memory; /* borrowed from who began the frame; frame_memory_bytes() */
    size_t capacity;
    size_t size;                /* used of the memory */
    struct frame_piece *pieces; /* owned; none where all is in memory */
    size_t piece_count;
    size_t piece_capacity;
    uint64_t end;     /* the file offset behind the last event framed */
    uint64_t packets; /* how many sequence numbers it takes */
    uint64_t bytes;   /* to be sent: memory and file together */
};

/* Where a block that begins at offset ends at the latest but for the event that crosses it. */
uint64_t frame_block_stop(uint64_t offset);

/* Memory that frame_events() may need for the range. */
size_t frame_memory_bytes(struct frame_range range);

/*
 * Frames events from range.offset up to frame_block_stop() or the range's
 * limit. frame->memory and capacity are set by the caller, the rest is zero.
 * STATUS_CORRUPT: an event says it is shorter than its header or ends behind
 * the limit, or the file is shorter than that.
 */
MUST_CHECK enum status frame_events(struct frame *frame,
                                    struct frame_source *source,
                                    struct frame_range range,
                                    uint8_t sequence,
                                    struct error *error);

/* Frees the pieces; the memory is the caller's. */
void frame_release(struct frame *frame);
