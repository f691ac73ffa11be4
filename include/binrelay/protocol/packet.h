/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MySQL packets: three bytes of length, one of sequence, the payload (manual:
 * "MySQL Packets"). A payload of 16 MiB - 1 or more goes on in further packets
 * and ends with one that is shorter. Pure.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "binrelay/base/bytes.h"
#include "binrelay/base/error.h"

enum {
    PACKET_HEADER_BYTES = 4,
    PACKET_MOST_BYTES = 0xFFFFFF, /* of payload in one packet */
};

struct packet {
    struct bytes payload; /* borrowed from the input */
    uint8_t sequence;     /* of the last packet it came in */
    size_t taken;         /* input bytes to consume */
};

/*
 * Finds the first whole payload of up to `limit` bytes (less than
 * PACKET_MOST_BYTES, so that it is never split) in the input. STATUS_AGAIN,
 * without a message, while it is not all there; STATUS_FULL, from the header
 * alone, if it is longer. Whether the sequence is right is the caller's to say.
 */
MUST_CHECK enum status packet_find(struct packet *found,
                                   struct bytes input,
                                   size_t limit,
                                   struct error *error);

static inline void packet_put_header(uint8_t *at, size_t size, uint8_t sequence)
{
    bytes_put_u32(at, (uint32_t)size | (uint32_t)sequence << 24);
}

/* Adds the payload as packets; *sequence is that of the first, and after it of the next. */
void packet_add(struct buffer *output, struct bytes payload, uint8_t *sequence);

/* For a payload that is built in place: begin, add to the buffer, end. It must stay shorter
 * than PACKET_MOST_BYTES. */
size_t packet_begin(struct buffer *output);
void packet_end(struct buffer *output, size_t begun, uint8_t *sequence);
