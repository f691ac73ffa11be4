/* SPDX-License-Identifier: Apache-2.0 */
#include "frame.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "binrelay/base/memory.h"
#include "binrelay/protocol/binlog_event.h"

enum {
    COPY_STEP = 32,     /* bytes moved at once; both sides have so much to spare */
    SLACK_BYTES = 64,   /* kept between what is read and what is written */
    READ_LEAST = 4096,  /* behind a large event: the few small ones before the next */
    READ_BEHIND = 1024, /* past the block's stop, where its last event mostly ends */
    READ_GROWTH = 4,
};

/* A frame being made. The file's bytes are read into the same memory, some way behind what is
 * framed: events only move forward by their prefix, so neither runs into the other. */
struct run {
    struct frame *frame;
    struct frame_source *source;
    uint64_t stop;
    uint64_t limit;
    uint64_t offset;    /* in the file, of the event at raw */
    const uint8_t *raw; /* read and not framed yet */
    const uint8_t *raw_end;
    size_t piece_begun; /* where in memory the piece begins that is not in the list yet */
    uint8_t sequence;   /* of the next packet */
};

uint64_t frame_block_stop(uint64_t offset)
{
    return (offset / FRAME_BLOCK_BYTES + 1) * FRAME_BLOCK_BYTES;
}

static uint64_t smaller(uint64_t left, uint64_t right)
{
    return left < right ? left : right;
}

/* The prefixes of as many events as so many bytes can hold, and room to copy in steps. */
static size_t prefix_room(uint64_t raw_size)
{
    return (size_t)(raw_size / BINLOG_EVENT_HEADER_BYTES + 1) * FRAME_PREFIX_BYTES +
           SLACK_BYTES;
}

size_t frame_memory_bytes(struct frame_range range)
{
    uint64_t last = smaller(range.limit, frame_block_stop(range.offset) + FRAME_LARGE_BYTES);
    uint64_t raw_size = last - range.offset;
    /* Of the one event that may end behind the stop: it has up to 4 GiB. */
    uint64_t more_packets = smaller(range.limit - range.offset, UINT32_MAX) / PACKET_MOST_BYTES;

    return (size_t)raw_size + prefix_room(raw_size) + SLACK_BYTES +
           (size_t)more_packets * PACKET_HEADER_BYTES;
}

/*
 * Frames small events while they are there whole: the loop all speed comes
 * from. Stops before whatever is not a whole small event.
 */
static void copy_small_events(struct run *run)
{
    const uint8_t *from = run->raw;
    const uint8_t *begun = from;
    uint8_t *to = run->frame->memory + run->frame->size;
    uint64_t to_stop = run->stop - run->offset;
    size_t left = (size_t)(run->raw_end - from);
    const uint8_t *stop = from + (to_stop < left ? (size_t)to_stop : left);
    uint8_t sequence = run->sequence;
    uint64_t packets = 0;

    while (from < stop && run->raw_end - from >= BINLOG_EVENT_HEADER_BYTES) {
        uint32_t size = bytes_u32_at(from + BINLOG_EVENT_SIZE_AT);

        if (UNLIKELY(size < BINLOG_EVENT_HEADER_BYTES || size >= FRAME_LARGE_BYTES ||
                     size > (size_t)(run->raw_end - from))) {
            break;
        }
        packet_put_header(to, size + 1, sequence++);
        to[PACKET_HEADER_BYTES] = 0;
        to += FRAME_PREFIX_BYTES;
        for (uint32_t at = 0; at < size; at += COPY_STEP) {
            memcpy(to + at, from + at, COPY_STEP);
        }
        to += size;
        from += size;
        packets++;
    }

    run->raw = from;
    run->offset += (uint64_t)(from - begun);
    run->sequence = sequence;
    run->frame->packets += packets;
    run->frame->size = (size_t)(to - run->frame->memory);
}

static enum status complain(const struct run *run, struct error *error, const char *what)
{
    return error_set(error, STATUS_CORRUPT, "the event at %" PRIu64 " %s", run->offset, what);
}

/* Reads on from the event at run->offset, of which at least `least` bytes are wanted. */
static enum status read_more(struct run *run, size_t least, struct error *error)
{
    struct frame *frame = run->frame;
    struct frame_source *source = run->source;
    size_t found = 0;

    if (source->read_size == 0) {
        source->read_size = FRAME_BLOCK_BYTES;
    }
    uint64_t wanted = smaller(source->read_size, run->stop - run->offset + READ_BEHIND);
    wanted = smaller(wanted < least ? least : wanted, run->limit - run->offset);

    uint8_t *at = frame->memory + frame->size + prefix_room(wanted);
    assert((size_t)(at - frame->memory) + wanted + COPY_STEP <= frame->capacity);

    enum status status =
        source->read(source->context, run->offset, at, (size_t)wanted, &found, error);

    if (status != STATUS_OK) {
        return status;
    }
    if (found < wanted) {
        return complain(run, error, "is not all in the file");
    }
    run->raw = at;
    run->raw_end = at + wanted;
    source->read_size = (size_t)smaller(source->read_size * READ_GROWTH, FRAME_BLOCK_BYTES);
    return STATUS_OK;
}

static void add_piece(struct frame *frame, uint64_t size, uint64_t file_offset)
{
    if (frame->piece_count == frame->piece_capacity) {
        frame->pieces =
            mem_grow(frame->pieces, &frame->piece_capacity, sizeof(struct frame_piece));
    }
    frame->pieces[frame->piece_count++] =
        (struct frame_piece){.size = size, .file_offset = file_offset};
}

/* What was framed into memory since the last piece becomes one. */
static void end_memory_piece(struct run *run)
{
    struct frame *frame = run->frame;

    if (frame->size > run->piece_begun) {
        add_piece(frame, frame->size - run->piece_begun, FRAME_IN_MEMORY);
        run->piece_begun = frame->size;
    }
}

static void add_packet_header(struct run *run, uint64_t size)
{
    struct frame *frame = run->frame;

    packet_put_header(frame->memory + frame->size, (size_t)size, run->sequence++);
    frame->size += PACKET_HEADER_BYTES;
    frame->packets++;
}

/* Frames an event that stays in the file: its packet headers, and where its bytes stand. */
static void add_large_event(struct run *run, uint32_t size)
{
    struct frame *frame = run->frame;
    uint64_t file_offset = run->offset;
    uint64_t left = (uint64_t)size + 1;
    uint64_t zero = 1; /* the byte before the event, in the first packet only */
    uint64_t payload = 0;

    do {
        payload = smaller(left, PACKET_MOST_BYTES);
        add_packet_header(run, payload);
        if (zero == 1) {
            frame->memory[frame->size++] = 0;
        }
        if (payload > zero) {
            end_memory_piece(run);
            add_piece(frame, payload - zero, file_offset);
            frame->bytes += payload - zero;
        }
        file_offset += payload - zero;
        left -= payload;
        zero = 0;
    } while (payload == PACKET_MOST_BYTES);

    run->offset += size;
    if (size > (size_t)(run->raw_end - run->raw)) {
        run->raw = run->raw_end;
        run->source->read_size = READ_LEAST;
    } else {
        run->raw += size;
    }
}

/* Goes on where the loop could not: bytes must be read, the event is large, or it is damaged.
 */
static enum status frame_other(struct run *run, struct error *error)
{
    size_t left = (size_t)(run->raw_end - run->raw);
    uint64_t there = run->limit - run->offset;

    if (there < BINLOG_EVENT_HEADER_BYTES) {
        return complain(run, error, "is cut in its header");
    }
    if (left < BINLOG_EVENT_HEADER_BYTES) {
        return read_more(run, BINLOG_EVENT_HEADER_BYTES, error);
    }

    uint32_t size = bytes_u32_at(run->raw + BINLOG_EVENT_SIZE_AT);

    if (size < BINLOG_EVENT_HEADER_BYTES) {
        return complain(run, error, "says it is shorter than its header");
    }
    if (size > there) {
        return complain(run, error, "says it ends behind the end of the log");
    }
    if (size < FRAME_LARGE_BYTES) {
        return read_more(run, size, error);
    }
    add_large_event(run, size);
    return STATUS_OK;
}

enum status frame_events(struct frame *frame,
                         struct frame_source *source,
                         struct frame_range range,
                         uint8_t sequence,
                         struct error *error)
{
    struct run run = {
        .frame = frame,
        .source = source,
        .stop = smaller(frame_block_stop(range.offset), range.limit),
        .limit = range.limit,
        .offset = range.offset,
        .raw = frame->memory,
        .raw_end = frame->memory,
        .sequence = sequence,
    };

    assert(frame->capacity >= frame_memory_bytes(range));
    while (true) {
        copy_small_events(&run);
        if (run.offset >= run.stop) {
            break;
        }
        enum status status = frame_other(&run, error);

        if (status != STATUS_OK) {
            return status;
        }
    }
    if (frame->piece_count > 0) {
        end_memory_piece(&run);
    }
    frame->end = run.offset;
    frame->bytes += frame->size;
    return STATUS_OK;
}

void frame_release(struct frame *frame)
{
    free(frame->pieces);
    frame->pieces = NULL;
    frame->piece_count = 0;
    frame->piece_capacity = 0;
}
