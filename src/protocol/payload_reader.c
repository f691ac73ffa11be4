/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The body: fields (type lenenc, size lenenc, value) up to one of type 0, which
 * has neither size nor value; then the payload. Compressed, that is one or more
 * zstd frames, skippable ones among them; the events in it follow one another
 * as in a file, without checksums.
 */
#include "payload_reader.h"

#include <string.h>
#include <zstd.h>

#include "binrelay/base/memory.h"

/* transaction_payload_event's fields; numbers are lenenc too. */
enum { FIELD_END = 0, FIELD_COMPRESSION = 2 };
enum { COMPRESSION_ZSTD = 0, COMPRESSION_NONE = 255 };

enum {
    HEADER_MOST_BYTES = 256,   /* a server's has 12 to 20 */
    OUTPUT_BYTES = 128 * 1024, /* ZSTD_DStreamOutSize() */
};

enum payload_place {
    PAYLOAD_AT_HEADER,
    PAYLOAD_AT_FRAMES,
    PAYLOAD_AT_PLAIN,
    PAYLOAD_LOST, /* the rest is not read */
};

/* Where one is in the stream of events. */
struct inner_events {
    uint8_t header[BINLOG_EVENT_HEADER_BYTES];
    size_t header_size;
    uint32_t body_left;
};

struct payload_reader {
    struct payload_listener listener;
    enum payload_place place;
    bool is_in_frame;
    uint64_t taken_bytes; /* of the payload, as it comes */
    uint64_t made_bytes;
    struct inner_events events;
    size_t header_size;
    uint8_t header[HEADER_MOST_BYTES];
    ZSTD_DCtx *zstd; /* owned */
    uint8_t output[OUTPUT_BYTES];
};

struct payload_reader *payload_reader_new(struct payload_listener listener)
{
    struct payload_reader *reader = mem_zeroed(sizeof(*reader));

    reader->listener = listener;
    reader->zstd = ZSTD_createDCtx();
    if (reader->zstd == NULL) {
        abort(); /* out of memory, as in mem_zeroed() */
    }
    /* It cannot fail: the limit is within zstd's own. */
    (void)ZSTD_DCtx_setParameter(reader->zstd, ZSTD_d_windowLogMax, PAYLOAD_MOST_WINDOW_LOG);
    return reader;
}

void payload_reader_free(struct payload_reader *reader)
{
    if (reader != NULL) {
        (void)ZSTD_freeDCtx(reader->zstd);
        free(reader);
    }
}

void payload_reader_begin(struct payload_reader *reader)
{
    reader->place = PAYLOAD_AT_HEADER;
    reader->is_in_frame = false;
    reader->taken_bytes = 0;
    reader->made_bytes = 0;
    reader->header_size = 0;
    reader->events = (struct inner_events){0};
    (void)ZSTD_DCtx_reset(reader->zstd, ZSTD_reset_session_only);
}

static void advance(struct bytes *part, size_t size)
{
    part->data += size;
    part->size -= size;
}

/* Takes what is missing of an event's header; false if the event cannot be one. */
static bool read_event_header(struct payload_reader *reader, struct bytes *part)
{
    struct inner_events *events = &reader->events;
    size_t here = BINLOG_EVENT_HEADER_BYTES - events->header_size;
    struct binlog_event_header header;

    here = here < part->size ? here : part->size;
    memcpy(events->header + events->header_size, part->data, here);
    events->header_size += here;
    advance(part, here);
    if (events->header_size < BINLOG_EVENT_HEADER_BYTES) {
        return true;
    }
    header = binlog_event_header_at(events->header);
    if (header.event_size < BINLOG_EVENT_HEADER_BYTES) {
        return false;
    }
    events->header_size = 0;
    events->body_left = header.event_size - BINLOG_EVENT_HEADER_BYTES;
    reader->listener.on_event(reader->listener.context, header, events->body_left);
    return true;
}

/* Hands on the events of the next decompressed bytes; false if they are none. */
static bool split_events(struct payload_reader *reader, struct bytes part)
{
    struct inner_events *events = &reader->events;

    while (part.size > 0) {
        struct bytes body = part;

        if (events->body_left == 0) {
            if (!read_event_header(reader, &part)) {
                return false;
            }
            continue;
        }
        body.size = events->body_left < part.size ? events->body_left : part.size;
        events->body_left -= (uint32_t)body.size;
        reader->listener.on_part(reader->listener.context, body);
        advance(&part, body.size);
    }
    return true;
}

static bool is_within_limits(const struct payload_reader *reader)
{
    return reader->made_bytes <= PAYLOAD_MOST_BYTES &&
           (reader->made_bytes <= PAYLOAD_RATIO_FREE_BYTES ||
            reader->made_bytes / PAYLOAD_MOST_RATIO <= reader->taken_bytes);
}

/* Decompresses all that the part holds; false if it is broken or too much. */
static bool decompress(struct payload_reader *reader, struct bytes part)
{
    ZSTD_inBuffer input = {.src = part.data, .size = part.size};
    ZSTD_outBuffer output;

    do {
        size_t left = 0;

        output = (ZSTD_outBuffer){.dst = reader->output, .size = sizeof(reader->output)};
        left = ZSTD_decompressStream(reader->zstd, &output, &input);
        if (ZSTD_isError(left)) {
            return false;
        }
        reader->is_in_frame = left != 0;
        reader->made_bytes += output.pos;
        if (!split_events(reader, (struct bytes){.data = reader->output, .size = output.pos}) ||
            !is_within_limits(reader)) {
            return false;
        }
        /* A full output may have more behind it. */
    } while (input.pos < input.size || (output.pos == output.size && reader->is_in_frame));
    return true;
}

static enum payload_place place_of(uint64_t compression)
{
    switch (compression) {
    case COMPRESSION_ZSTD:
        return PAYLOAD_AT_FRAMES;
    case COMPRESSION_NONE:
        return PAYLOAD_AT_PLAIN;
    default:
        return PAYLOAD_LOST;
    }
}

/* Where the payload begins and what it is; 0 if the header is not whole. */
static size_t read_fields(struct bytes header, enum payload_place *found)
{
    struct byte_reader reader = byte_reader_of(header);
    enum payload_place place = PAYLOAD_LOST;

    while (!reader.overran) {
        uint64_t type = byte_reader_lenenc(&reader);
        struct byte_reader value;

        if (type == FIELD_END && !reader.overran) {
            *found = place;
            return header.size - reader.left;
        }
        value = byte_reader_of(byte_reader_lenenc_bytes(&reader));
        if (type == FIELD_COMPRESSION && !reader.overran) {
            uint64_t compression = byte_reader_lenenc(&value);

            place = value.overran ? PAYLOAD_LOST : place_of(compression);
        }
    }
    return 0;
}

/* Gathers the header, and leaves in the part what is behind it. */
static void read_header(struct payload_reader *reader, struct bytes *part)
{
    size_t had = reader->header_size;
    size_t here = HEADER_MOST_BYTES - had;
    size_t header_bytes = 0;

    here = here < part->size ? here : part->size;
    memcpy(reader->header + had, part->data, here);
    reader->header_size += here;
    header_bytes = read_fields(
        (struct bytes){.data = reader->header, .size = reader->header_size}, &reader->place);
    if (header_bytes > 0) {
        advance(part, header_bytes - had);
        return;
    }
    advance(part, here);
    if (reader->header_size == HEADER_MOST_BYTES) {
        reader->place = PAYLOAD_LOST;
    }
}

void payload_reader_add(struct payload_reader *reader, struct bytes part)
{
    bool is_fine = true;

    if (part.size > 0 && reader->place == PAYLOAD_AT_HEADER) {
        read_header(reader, &part);
    }
    if (part.size == 0) {
        return;
    }
    reader->taken_bytes += part.size;
    if (reader->place == PAYLOAD_AT_FRAMES) {
        is_fine = decompress(reader, part);
    } else if (reader->place == PAYLOAD_AT_PLAIN) {
        is_fine = split_events(reader, part);
    }
    if (!is_fine) {
        reader->place = PAYLOAD_LOST;
    }
}

bool payload_reader_end(const struct payload_reader *reader)
{
    return (reader->place == PAYLOAD_AT_FRAMES || reader->place == PAYLOAD_AT_PLAIN) &&
           reader->taken_bytes > 0 && !reader->is_in_frame && reader->events.header_size == 0 &&
           reader->events.body_left == 0;
}
