/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/protocol/packet.h"
#include "check.h"

enum { LIMIT = 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Walks a stream of packets; each that is found must come out as it went in. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes left = {data, size};
    struct packet packet = {0};
    struct buffer again = {0};
    struct error error = {0};

    while (packet_find(&packet, left, LIMIT, &error) == STATUS_OK) {
        uint8_t sequence = packet.sequence;

        CHECK(packet.taken <= left.size && packet.payload.size <= LIMIT);
        buffer_clear(&again);
        packet_add(&again, packet.payload, &sequence);
        CHECK(bytes_equal(buffer_bytes(&again), (struct bytes){left.data, packet.taken}));
        left.data += packet.taken;
        left.size -= packet.taken;
    }
    buffer_release(&again);
    return 0;
}
