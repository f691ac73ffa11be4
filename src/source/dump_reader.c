/* SPDX-License-Identifier: Apache-2.0 */
#include "dump_reader.h"

#include "binrelay/protocol/binlog_event.h"
#include "binrelay/protocol/command.h"
#include "binrelay/protocol/packet.h"

enum {
    STATUS_AT = PACKET_HEADER_BYTES,
    STATUS_EVENT = 0x00,
    STATUS_END = 0xFE,
    STATUS_ERROR = 0xFF,
    END_MOST_BYTES = 8, /* a longer payload that begins with 0xFE is none */
    ERROR_MOST_BYTES = 64 * 1024,
};

static size_t packet_size(const uint8_t *header)
{
    return bytes_u32_at(header) & PACKET_MOST_BYTES;
}

/* Takes what is there of the packet that the reader is in. */
static enum status take_part(struct dump_reader *reader,
                             struct bytes input,
                             size_t skipped,
                             struct dump_item *item)
{
    size_t there = input.size - skipped;
    size_t size = there < reader->left ? there : reader->left;

    reader->left -= size;
    item->kind = DUMP_PART;
    item->bytes = (struct bytes){input.data + skipped, size};
    item->taken = skipped + size;
    item->is_last = reader->left == 0 && !reader->is_packet_full;
    item->wants_ack = item->is_last && reader->wants_ack;
    reader->is_in_parts = !item->is_last;
    return STATUS_OK;
}

static enum status go_on(struct dump_reader *reader, struct bytes input, struct dump_item *item)
{
    if (reader->left > 0) {
        return input.size == 0 ? STATUS_AGAIN : take_part(reader, input, 0, item);
    }
    if (input.size < PACKET_HEADER_BYTES) {
        return STATUS_AGAIN;
    }
    reader->left = packet_size(input.data);
    reader->is_packet_full = reader->left == PACKET_MOST_BYTES;
    return take_part(reader, input, PACKET_HEADER_BYTES, item);
}

/* The bytes between the packet's header and its event. */
static size_t event_prefix(struct dump_reader *reader, const uint8_t *packet)
{
    if (reader->semisync == DUMP_SEMISYNC_ASKED) {
        reader->semisync =
            packet[STATUS_AT + 1] == SEMISYNC_MAGIC ? DUMP_SEMISYNC_ON : DUMP_SEMISYNC_OFF;
    }
    return reader->semisync == DUMP_SEMISYNC_ON ? 1 + SEMISYNC_HEADER_BYTES : 1;
}

static enum status take_event(struct dump_reader *reader,
                              struct bytes input,
                              size_t size,
                              struct dump_item *item,
                              struct error *error)
{
    size_t prefix = 0;

    prefix = size < 2 ? 1 : event_prefix(reader, input.data);
    if (size < prefix + BINLOG_EVENT_HEADER_BYTES) {
        return error_set(error, STATUS_CORRUPT,
                         "a packet of %zu bytes is too short for an event", size);
    }
    if (reader->semisync == DUMP_SEMISYNC_ON) {
        if (input.data[STATUS_AT + 1] != SEMISYNC_MAGIC) {
            return error_set(error, STATUS_CORRUPT, "a packet has no semi-sync header");
        }
        reader->wants_ack = (input.data[STATUS_AT + 2] & 1) != 0;
    }
    if (size > DUMP_WHOLE_MOST_BYTES) {
        reader->left = size - prefix;
        reader->is_packet_full = size == PACKET_MOST_BYTES;
        item->is_first = true;
        return take_part(reader, input, PACKET_HEADER_BYTES + prefix, item);
    }
    item->kind = DUMP_EVENT;
    item->bytes = (struct bytes){input.data + PACKET_HEADER_BYTES + prefix, size - prefix};
    item->taken = PACKET_HEADER_BYTES + size;
    item->wants_ack = reader->wants_ack;
    return STATUS_OK;
}

/* True if so much of the packet is there as its reading needs. */
static bool is_enough(struct bytes input, size_t size)
{
    size_t needed = size > DUMP_WHOLE_MOST_BYTES ? DUMP_FIRST_PART_BYTES : size;

    return input.size >= PACKET_HEADER_BYTES + needed;
}

enum status dump_reader_next(struct dump_reader *reader,
                             struct bytes input,
                             struct dump_item *item,
                             struct error *error)
{
    size_t size = 0;

    *item = (struct dump_item){0};
    if (UNLIKELY(reader->is_in_parts)) {
        return go_on(reader, input, item);
    }
    if (input.size <= PACKET_HEADER_BYTES) {
        return STATUS_AGAIN;
    }
    size = packet_size(input.data);
    if (!is_enough(input, size)) {
        return STATUS_AGAIN;
    }
    if (LIKELY(size > 0 && input.data[STATUS_AT] == STATUS_EVENT)) {
        return take_event(reader, input, size, item, error);
    }
    item->bytes = (struct bytes){input.data + PACKET_HEADER_BYTES, size};
    item->taken = PACKET_HEADER_BYTES + size;
    if (size > 0 && size <= END_MOST_BYTES && input.data[STATUS_AT] == STATUS_END) {
        item->kind = DUMP_END;
        return STATUS_OK;
    }
    if (size > 0 && size <= ERROR_MOST_BYTES && input.data[STATUS_AT] == STATUS_ERROR) {
        item->kind = DUMP_ERROR;
        return STATUS_OK;
    }
    return error_set(error, STATUS_CORRUPT, "a packet of %zu bytes is not of a dump", size);
}
