/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/protocol/packet.h"
#include "binrelay/protocol/result.h"
#include "check.h"

enum { LIMIT = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Looks at every byte of every value, so that a bad one is noticed. */
static size_t sum_of(const struct result_set *set)
{
    size_t sum = 0;

    for (size_t row = 0; row < result_set_rows(set); row++) {
        for (size_t column = 0; column < set->columns; column++) {
            struct bytes value = result_set_value(set, row, column);

            CHECK(value.data != NULL || value.size == 0);
            for (size_t at = 0; at < value.size; at++) {
                sum += value.data[at];
            }
        }
    }
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes left = {data, size};
    struct packet packet = {0};
    struct result_set set = {0};
    struct error error = {0};
    enum status status = STATUS_AGAIN;

    while (status == STATUS_AGAIN && packet_find(&packet, left, LIMIT, &error) == STATUS_OK) {
        status = result_set_next(&set, packet.payload, LIMIT, &error);
        left.data += packet.taken;
        left.size -= packet.taken;
    }
    CHECK(sum_of(&set) <= (size_t)LIMIT * UINT8_MAX);
    CHECK(set.bytes.size <= LIMIT);
    result_set_release(&set);
    return 0;
}
