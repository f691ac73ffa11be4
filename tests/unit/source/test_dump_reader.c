/* SPDX-License-Identifier: Apache-2.0 */
#include "dump_reader.h"

#include <string.h>

#include "binrelay/protocol/packet.h"
#include "check.h"
#include "wire_bytes.h"

/* One event's bytes as they came out, and what was said of them. */
struct collected {
    struct buffer bytes;
    size_t events;
    size_t acks;
    enum dump_item_kind last;
};

static void add_event_packet(struct buffer *stream, struct bytes event, int semisync)
{
    struct buffer payload = {0};
    uint8_t sequence = 1;

    buffer_add_number(&payload, 0, 1);
    if (semisync >= 0) {
        buffer_add_number(&payload, 0xEF, 1);
        buffer_add_number(&payload, (uint64_t)semisync, 1);
    }
    buffer_add_bytes(&payload, event);
    packet_add(stream, buffer_bytes(&payload), &sequence);
    buffer_release(&payload);
}

static struct bytes make_event(struct buffer *event, size_t size)
{
    uint8_t *room = buffer_room(event, size);

    for (size_t at = 0; at < size; at++) {
        room[at] = (uint8_t)(at * 7 + at / 251);
    }
    memset(room, 0, 4); /* a Rotate that opens a dump was created at 0 */
    event->size = size;
    return buffer_bytes(event);
}

/* Feeds what lies in the stream, `step` bytes at a time. */
static void collect(struct dump_reader *reader,
                    struct bytes stream,
                    size_t step,
                    struct collected *found)
{
    struct error error = {0};
    size_t consumed = 0;
    size_t arrived = 0;

    while (arrived < stream.size) {
        enum status status = STATUS_OK;

        arrived = arrived + step < stream.size ? arrived + step : stream.size;
        while (status == STATUS_OK) {
            struct dump_item item;
            struct bytes input = {stream.data + consumed, arrived - consumed};

            status = dump_reader_next(reader, input, &item, &error);
            if (status != STATUS_OK) {
                break;
            }
            consumed += item.taken;
            CHECK(item.kind != DUMP_PART || item.is_first == (found->last != DUMP_PART));
            found->last = item.kind == DUMP_PART && item.is_last ? DUMP_EVENT : item.kind;
            buffer_add_bytes(&found->bytes, item.bytes);
            found->events += item.kind == DUMP_EVENT || item.is_last;
            found->acks += item.wants_ack;
        }
        CHECK(status == STATUS_AGAIN);
    }
    CHECK(consumed == stream.size);
}

static void finds_events_at_every_split_of_the_bytes(void)
{
    struct buffer event = {0};
    struct buffer stream = {0};
    struct buffer expected = {0};

    for (size_t size = 19; size < 60; size += 13) {
        buffer_clear(&event);
        add_event_packet(&stream, make_event(&event, size), -1);
        buffer_add_bytes(&expected, buffer_bytes(&event));
    }
    for (size_t step = 1; step <= stream.size; step++) {
        struct dump_reader reader = {0};
        struct collected found = {.last = DUMP_EVENT};

        collect(&reader, buffer_bytes(&stream), step, &found);
        CHECK(found.events == 4 && found.acks == 0);
        CHECK(bytes_equal(buffer_bytes(&found.bytes), buffer_bytes(&expected)));
        buffer_release(&found.bytes);
    }
    buffer_release(&event);
    buffer_release(&stream);
    buffer_release(&expected);
}

static void sees_by_the_first_packet_whether_semi_sync_is_on(void)
{
    struct buffer event = {0};
    struct buffer stream = {0};

    make_event(&event, 40);
    add_event_packet(&stream, buffer_bytes(&event), 0);
    add_event_packet(&stream, buffer_bytes(&event), 1);
    for (size_t step = 1; step <= stream.size; step++) {
        struct dump_reader reader = {.semisync = DUMP_SEMISYNC_ASKED};
        struct collected found = {.last = DUMP_EVENT};

        collect(&reader, buffer_bytes(&stream), step, &found);
        CHECK(reader.semisync == DUMP_SEMISYNC_ON);
        CHECK(found.events == 2 && found.acks == 1 && found.bytes.size == 80);
        buffer_release(&found.bytes);
    }
    buffer_clear(&stream);
    add_event_packet(&stream, buffer_bytes(&event), -1);
    for (size_t step = 1; step <= stream.size; step++) {
        struct dump_reader reader = {.semisync = DUMP_SEMISYNC_ASKED};
        struct collected found = {.last = DUMP_EVENT};

        collect(&reader, buffer_bytes(&stream), step, &found);
        CHECK(reader.semisync == DUMP_SEMISYNC_OFF && found.bytes.size == 40);
        buffer_release(&found.bytes);
    }
    buffer_release(&event);
    buffer_release(&stream);
}

static void refuses_a_packet_without_the_semi_sync_header_it_must_have(void)
{
    struct dump_reader reader = {.semisync = DUMP_SEMISYNC_ON};
    struct buffer event = {0};
    struct buffer stream = {0};
    struct dump_item item;
    struct error error = {0};

    add_event_packet(&stream, make_event(&event, 40), -1);
    CHECK(dump_reader_next(&reader, buffer_bytes(&stream), &item, &error) == STATUS_CORRUPT);
    buffer_release(&event);
    buffer_release(&stream);
}

/* An event of exactly so many bytes, with one that is small behind it. */
static void check_large(size_t size, size_t step)
{
    struct buffer event = {0};
    struct buffer stream = {0};
    struct dump_reader reader = {.semisync = DUMP_SEMISYNC_ON};
    struct collected found = {.last = DUMP_EVENT};
    struct buffer small = {0};

    make_event(&event, size);
    make_event(&small, 30);
    add_event_packet(&stream, buffer_bytes(&event), 1);
    add_event_packet(&stream, buffer_bytes(&small), 0);
    buffer_add_bytes(&event, buffer_bytes(&small));
    collect(&reader, buffer_bytes(&stream), step, &found);
    CHECK(found.events == 2 && found.acks == 1);
    CHECK(bytes_equal(buffer_bytes(&found.bytes), buffer_bytes(&event)));
    buffer_release(&found.bytes);
    buffer_release(&event);
    buffer_release(&small);
    buffer_release(&stream);
}

static void gives_a_large_event_in_parts(void)
{
    check_large(DUMP_WHOLE_MOST_BYTES - 3, 100003); /* the last that is whole */
    check_large(DUMP_WHOLE_MOST_BYTES - 2, 100003);
    check_large(3000001, 4096);
    check_large(3000001, DUMP_INPUT_BYTES);
}

static void joins_the_packets_of_an_event_over_16_mib(void)
{
    check_large(PACKET_MOST_BYTES - 3 - 1, 1000003);
    check_large(PACKET_MOST_BYTES - 3, 1000003); /* an empty packet ends it */
    check_large(PACKET_MOST_BYTES - 3 + 1, 1000003);
    check_large(2 * PACKET_MOST_BYTES - 3, 1000003);
    check_large(2 * PACKET_MOST_BYTES + 777, 700001);
}

static void finds_the_end_and_errors(void)
{
    static const struct bytes end = {(const uint8_t *)"\x05\0\0\x07\xfe\0\0\2\0", 9};
    struct dump_reader reader = {.semisync = DUMP_SEMISYNC_ASKED};
    struct bytes refusal = BYTES("\x09\0\0\1\xff\xd4\x04#HY000");
    struct dump_item item;
    struct error error = {0};

    CHECK(dump_reader_next(&reader, end, &item, &error) == STATUS_OK);
    CHECK(item.kind == DUMP_END && item.taken == 9);
    for (size_t size = 0; size < refusal.size; size++) {
        CHECK(dump_reader_next(&reader, (struct bytes){refusal.data, size}, &item, &error) ==
              STATUS_AGAIN);
    }
    CHECK(dump_reader_next(&reader, refusal, &item, &error) == STATUS_OK);
    CHECK(item.kind == DUMP_ERROR && item.bytes.size == 9);
}

static void refuses_what_is_no_dump(void)
{
    static const struct bytes packets[] = {
        {(const uint8_t *)"\x02\0\0\0\0\0", 6},           /* an event without a header */
        {(const uint8_t *)"\x01\0\0\0\0", 5},             /* an OK cut to its first byte */
        {(const uint8_t *)"\x05\0\0\0\x03zzzz", 9},       /* no known first byte */
        {(const uint8_t *)"\x0a\0\0\0\xfezzzzzzzzz", 14}, /* too long for an end */
        {(const uint8_t *)"\0\0\0\0\0", 5},               /* empty */
    };

    for (size_t at = 0; at < sizeof(packets) / sizeof(packets[0]); at++) {
        struct dump_reader reader = {.semisync = DUMP_SEMISYNC_ASKED};
        struct dump_item item;
        struct error error = {0};

        CHECK(dump_reader_next(&reader, packets[at], &item, &error) == STATUS_CORRUPT);
    }
}

int main(void)
{
    finds_events_at_every_split_of_the_bytes();
    sees_by_the_first_packet_whether_semi_sync_is_on();
    refuses_a_packet_without_the_semi_sync_header_it_must_have();
    gives_a_large_event_in_parts();
    joins_the_packets_of_an_event_over_16_mib();
    finds_the_end_and_errors();
    refuses_what_is_no_dump();
    return 0;
}
