/* SPDX-License-Identifier: Apache-2.0 */
#include "payload_reader.h"

#include <string.h>
#include <zstd.h>

#include "check.h"

/* What was handed on: headers' sizes and the bodies, one behind the other. */
struct seen {
    unsigned events;
    uint64_t body_bytes; /* that headers spoke of */
    uint64_t part_bytes; /* that came */
    uint8_t last_type;
    uint32_t sum; /* of the bodies' bytes */
};

static void on_event(void *context, struct binlog_event_header header, uint32_t body_size)
{
    struct seen *seen = context;

    CHECK(seen->part_bytes == seen->body_bytes); /* the one before is whole */
    seen->events++;
    seen->body_bytes += body_size;
    seen->last_type = header.type;
}

static void on_part(void *context, struct bytes part)
{
    struct seen *seen = context;

    seen->part_bytes += part.size;
    for (size_t at = 0; at < part.size; at++) {
        seen->sum += part.data[at];
    }
}

static void add_event(struct buffer *events,
                      uint8_t type,
                      size_t body_size,
                      uint8_t filled_with)
{
    struct binlog_event_header header = {
        .type = type, .event_size = (uint32_t)(BINLOG_EVENT_HEADER_BYTES + body_size)};

    binlog_event_header_encode(events, &header);
    memset(buffer_room(events, body_size), filled_with, body_size);
    events->size += body_size;
}

static void add_fields(struct buffer *body,
                       uint64_t compression,
                       uint64_t payload,
                       uint64_t made)
{
    const uint64_t fields[][2] = {{1, payload}, {2, compression}, {3, made}};

    for (size_t at = 0; at < 3; at++) {
        struct buffer value = {0};

        buffer_add_lenenc(&value, fields[at][1]);
        buffer_add_lenenc(body, fields[at][0]);
        buffer_add_lenenc_bytes(body, buffer_bytes(&value));
        buffer_release(&value);
    }
    buffer_add_number(body, 0, 1);
}

static void add_frame(struct buffer *body, struct bytes content, int window_log)
{
    ZSTD_CCtx *zstd = ZSTD_createCCtx();
    size_t most = ZSTD_compressBound(content.size);
    size_t size = 0;

    CHECK(zstd != NULL);
    if (window_log > 0) {
        CHECK(!ZSTD_isError(ZSTD_CCtx_setParameter(zstd, ZSTD_c_windowLog, window_log)));
    }
    size = ZSTD_compress2(zstd, buffer_room(body, most), most, content.data, content.size);
    CHECK(!ZSTD_isError(size));
    body->size += size;
    (void)ZSTD_freeCCtx(zstd);
}

static void add_skippable_frame(struct buffer *body, size_t size)
{
    buffer_add_number(body, 0x184D2A50, 4);
    buffer_add_number(body, size, 4);
    buffer_add_zeros(body, size);
}

/* Reads a body in parts; true if it was whole. */
static bool read_body(const struct buffer *body, size_t part_bytes, struct seen *seen)
{
    struct payload_listener listener = {
        .on_event = on_event, .on_part = on_part, .context = seen};
    struct payload_reader *reader = payload_reader_new(listener);
    bool is_whole = false;

    *seen = (struct seen){0};
    payload_reader_begin(reader);
    for (size_t at = 0; at < body->size; at += part_bytes) {
        size_t left = body->size - at;

        payload_reader_add(reader,
                           (struct bytes){.data = body->data + at,
                                          .size = left < part_bytes ? left : part_bytes});
    }
    is_whole = payload_reader_end(reader);
    payload_reader_free(reader);
    return is_whole;
}

static const size_t part_sizes[] = {SIZE_MAX / 2, 1, 7, 1000};

static void hands_on_whole_events_however_they_come(void)
{
    struct buffer events = {0};

    add_event(&events, 2, 30, 1);
    add_event(&events, 19, 0, 0); /* no body */
    add_event(&events, 30, 500000, 3);
    add_event(&events, 16, 8, 4);
    for (int compression = 0; compression <= 255; compression += 255) {
        struct buffer body = {0};

        add_fields(&body, (uint64_t)compression, 0, events.size);
        if (compression == 0) {
            add_frame(&body, buffer_bytes(&events), 0);
        } else {
            buffer_add_bytes(&body, buffer_bytes(&events));
        }
        for (size_t at = 0; at < 4; at++) {
            struct seen seen;

            CHECK(read_body(&body, part_sizes[at], &seen));
            CHECK(seen.events == 4 && seen.last_type == 16);
            CHECK(seen.part_bytes == 500038 && seen.body_bytes == 500038);
            CHECK(seen.sum == 30 + 3 * 500000 + 4 * 8);
        }
        buffer_release(&body);
    }
    buffer_release(&events);
}

static void takes_several_frames_and_passes_over_skippable_ones(void)
{
    struct buffer events = {0};
    struct buffer body = {0};
    struct seen seen;

    add_event(&events, 2, 1000, 1);
    add_event(&events, 16, 1000, 2);
    add_fields(&body, 0, 0, events.size);
    add_skippable_frame(&body, 10);
    /* The frames part an event in its header, and one in its body. */
    add_frame(&body, (struct bytes){.data = events.data, .size = 500}, 0);
    add_skippable_frame(&body, 0);
    add_frame(&body, (struct bytes){.data = events.data + 500, .size = 525}, 0);
    add_frame(&body, (struct bytes){.data = events.data + 1025, .size = events.size - 1025}, 0);
    add_skippable_frame(&body, 100);
    for (size_t at = 0; at < 4; at++) {
        CHECK(read_body(&body, part_sizes[at], &seen));
        CHECK(seen.events == 2 && seen.part_bytes == 2000 && seen.sum == 3000);
    }
    buffer_release(&events);
    buffer_release(&body);
}

static void says_that_a_payload_is_not_whole(void)
{
    struct buffer events = {0};
    struct buffer body = {0};
    struct seen seen;
    size_t whole = 0;

    add_event(&events, 2, 100, 1);
    add_fields(&body, 0, 0, events.size);
    add_frame(&body, buffer_bytes(&events), 0);
    whole = body.size;
    for (body.size = 1; body.size < whole; body.size++) {
        CHECK(!read_body(&body, 7, &seen));
    }
    body.size = whole;
    CHECK(read_body(&body, 7, &seen));
    body.data[body.size - 5] ^= 0xFF;
    buffer_add_zeros(&body, 10); /* no frame begins so */
    CHECK(!read_body(&body, 7, &seen));

    buffer_clear(&body); /* another compression; fields without an end */
    add_fields(&body, 1, 0, events.size);
    buffer_add_bytes(&body, buffer_bytes(&events));
    CHECK(!read_body(&body, 1000, &seen) && seen.events == 0);
    buffer_clear(&body);
    for (unsigned at = 0; at < 1000; at++) {
        buffer_add_number(&body, 1, 1);
    }
    CHECK(!read_body(&body, 7, &seen) && seen.events == 0);

    buffer_clear(&body); /* an event shorter than its header */
    add_fields(&body, 255, 0, events.size);
    buffer_add_zeros(&body, BINLOG_EVENT_HEADER_BYTES);
    CHECK(!read_body(&body, 7, &seen) && seen.events == 0);
    buffer_release(&events);
    buffer_release(&body);
}

static void does_not_follow_a_payload_that_swells(void)
{
    size_t size = (size_t)128 * 1024 * 1024;
    struct buffer events = {0};
    struct buffer body = {0};
    struct seen seen;

    add_event(&events, 30, size, 0);
    add_fields(&body, 0, 0, events.size);
    add_frame(&body, buffer_bytes(&events), 0);
    CHECK(events.size / body.size > PAYLOAD_MOST_RATIO);
    CHECK(!read_body(&body, SIZE_MAX / 2, &seen));
    CHECK(seen.events == 1 && seen.part_bytes < size / 2 + (size_t)1024 * 1024);
    buffer_release(&events);
    buffer_release(&body);
}

/* A frame's header alone: its window descriptor asks for more than 128 MiB. */
static void does_not_make_a_window_of_any_size(void)
{
    static const uint8_t frame[] = {0x28, 0xB5, 0x2F, 0xFD, 0x00, (28 - 10) << 3, 0x01, 0, 0};
    struct buffer body = {0};
    struct seen seen;

    add_fields(&body, 0, 0, 0);
    buffer_add(&body, frame, sizeof(frame));
    CHECK(!read_body(&body, 1, &seen) && seen.events == 0);
    body.data[body.size - 4] = (PAYLOAD_MOST_WINDOW_LOG - 10) << 3;
    CHECK(read_body(&body, 1, &seen) && seen.events == 0); /* an empty last block */
    buffer_release(&body);
}

int main(void)
{
    hands_on_whole_events_however_they_come();
    takes_several_frames_and_passes_over_skippable_ones();
    says_that_a_payload_is_not_whole();
    does_not_follow_a_payload_that_swells();
    does_not_make_a_window_of_any_size();
    return 0;
}
