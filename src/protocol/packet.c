/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/protocol/packet.h"

#include <assert.h>

/*
 *   offset  bytes
 *        0      3  payload size, at most 0xFFFFFF
 *        3      1  sequence: counts packets from each command, wraps at 256
 *        4      n  payload
 */
enum status packet_find(struct packet *found,
                        struct bytes input,
                        size_t limit,
                        struct error *error)
{
    size_t size = 0;

    assert(limit < PACKET_MOST_BYTES);
    if (input.size < PACKET_HEADER_BYTES) {
        return STATUS_AGAIN;
    }
    size = bytes_u32_at(input.data) & PACKET_MOST_BYTES;
    if (size > limit) {
        return error_set(error, STATUS_FULL, "packet of %zu bytes, the limit is %zu", size,
                         limit);
    }
    if (input.size - PACKET_HEADER_BYTES < size) {
        return STATUS_AGAIN;
    }
    *found = (struct packet){
        .payload = {.data = input.data + PACKET_HEADER_BYTES, .size = size},
        .sequence = input.data[3],
        .taken = PACKET_HEADER_BYTES + size,
    };
    return STATUS_OK;
}

static void add_one(struct buffer *output, struct bytes part, uint8_t *sequence)
{
    uint8_t *header = buffer_room(output, PACKET_HEADER_BYTES + part.size);

    packet_put_header(header, part.size, (*sequence)++);
    output->size += PACKET_HEADER_BYTES;
    buffer_add_bytes(output, part);
}

void packet_add(struct buffer *output, struct bytes payload, uint8_t *sequence)
{
    while (payload.size >= PACKET_MOST_BYTES) {
        add_one(output, (struct bytes){payload.data, PACKET_MOST_BYTES}, sequence);
        payload.data += PACKET_MOST_BYTES;
        payload.size -= PACKET_MOST_BYTES;
    }
    /* Empty if the size is a multiple: only a packet that is not full ends a payload. */
    add_one(output, payload, sequence);
}

size_t packet_begin(struct buffer *output)
{
    size_t begun = output->size;

    buffer_add_zeros(output, PACKET_HEADER_BYTES);
    return begun;
}

void packet_end(struct buffer *output, size_t begun, uint8_t *sequence)
{
    size_t size = output->size - begun - PACKET_HEADER_BYTES;

    assert(size < PACKET_MOST_BYTES);
    packet_put_header(output->data + begun, size, (*sequence)++);
}
