/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/protocol/packet.h"

#include <string.h>

#include "check.h"

enum { LIMIT = 64 * 1024 };

static void finds_a_packet_byte_by_byte(void)
{
    const uint8_t input[] = {3, 0, 0, 7, 'a', 'b', 'c', 1, 0, 0, 8, 'd'};
    struct error error = {0};
    struct packet found = {0};

    for (size_t size = 0; size < 7; size++) {
        CHECK(packet_find(&found, (struct bytes){input, size}, LIMIT, &error) == STATUS_AGAIN);
    }
    CHECK_OK(packet_find(&found, (struct bytes){input, sizeof(input)}, LIMIT, &error), &error);
    CHECK(bytes_equal(found.payload, bytes_of_text("abc")));
    CHECK(found.sequence == 7 && found.taken == 7);
}

static void finds_an_empty_payload(void)
{
    const uint8_t input[] = {0, 0, 0, 255};
    struct error error = {0};
    struct packet found = {0};

    CHECK_OK(packet_find(&found, (struct bytes){input, 4}, LIMIT, &error), &error);
    CHECK(found.payload.size == 0 && found.sequence == 255 && found.taken == 4);
}

static void refuses_a_long_packet_by_its_header_alone(void)
{
    const uint8_t input[] = {0x01, 0x00, 0x01, 0}; /* 65537 */
    struct error error = {0};
    struct packet found = {0};

    CHECK(packet_find(&found, (struct bytes){input, 4}, LIMIT, &error) == STATUS_FULL);
    CHECK(strstr(error.message, "65537") != NULL);
    CHECK(packet_find(&found, (struct bytes){input, 4}, LIMIT + 1, &error) == STATUS_AGAIN);
}

/* Adds a payload of so many bytes and walks the packets it became. */
static size_t packets_of(size_t size, size_t *last_bytes)
{
    struct buffer output = {0};
    uint8_t *payload = malloc(size + 1);
    uint8_t sequence = 255; /* wraps */
    uint8_t expected = 255;
    size_t count = 0;
    size_t gathered = 0;

    CHECK(payload != NULL);
    memset(payload, 'x', size + 1);
    packet_add(&output, (struct bytes){payload, size}, &sequence);
    for (size_t at = 0; at < output.size; count++) {
        CHECK(output.size - at >= PACKET_HEADER_BYTES);
        *last_bytes = bytes_u32_at(output.data + at) & PACKET_MOST_BYTES;
        CHECK(output.data[at + 3] == expected++);
        at += PACKET_HEADER_BYTES + *last_bytes;
        CHECK(at <= output.size);
        gathered += *last_bytes;
    }
    CHECK(gathered == size && sequence == expected);
    free(payload);
    buffer_release(&output);
    return count;
}

static void splits_payloads_from_16_mib_less_one(void)
{
    size_t last = 0;

    CHECK(packets_of(0, &last) == 1 && last == 0);
    CHECK(packets_of(PACKET_MOST_BYTES - 1, &last) == 1 && last == PACKET_MOST_BYTES - 1);
    CHECK(packets_of(PACKET_MOST_BYTES, &last) == 2 && last == 0);
    CHECK(packets_of(PACKET_MOST_BYTES + 1, &last) == 2 && last == 1);
    CHECK(packets_of(2 * (size_t)PACKET_MOST_BYTES, &last) == 3 && last == 0);
}

static void builds_a_packet_in_place(void)
{
    struct buffer output = {0};
    uint8_t sequence = 1;
    size_t begun = 0;

    buffer_add_text(&output, "before");
    begun = packet_begin(&output);
    buffer_add_text(&output, "payload");
    packet_end(&output, begun, &sequence);
    CHECK(output.size == 6 + 4 + 7 && sequence == 2);
    CHECK(memcmp(output.data + 6, "\x07\0\0\x01payload", 11) == 0);
    buffer_release(&output);
}

int main(void)
{
    finds_a_packet_byte_by_byte();
    finds_an_empty_payload();
    refuses_a_long_packet_by_its_header_alone();
    splits_payloads_from_16_mib_less_one();
    builds_a_packet_in_place();
    return 0;
}
