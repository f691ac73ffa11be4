/* SPDX-License-Identifier: Apache-2.0 */
#include "varlen.h"

#include "check.h"

static void checks_both_ways(uint64_t number, struct bytes encoded)
{
    struct buffer output = {0};
    struct byte_reader reader = byte_reader_of(encoded);

    varlen_add(&output, number);
    CHECK(bytes_equal(buffer_bytes(&output), encoded));
    CHECK(varlen_read(&reader) == number && reader.left == 0 && !reader.overran);
    for (size_t size = 0; size < encoded.size; size++) {
        reader = byte_reader_of((struct bytes){encoded.data, size});
        (void)varlen_read(&reader);
        CHECK(reader.overran);
    }
    buffer_release(&output);
}

static void writes_and_reads_numbers_of_every_size(void)
{
    static const struct {
        uint64_t number;
        size_t size;
        uint8_t bytes[9];
    } numbers[] = {
        {0, 1, {0x00}},
        {1, 1, {0x02}},
        {127, 1, {0xFE}},
        {128, 2, {0x01, 0x02}},
        {0x3FFF, 2, {0xFD, 0xFF}},
        {0x4000, 3, {0x03, 0x00, 0x02}},
        {65535, 3, {0xFB, 0xFF, 0x07}},
        {UINT64_C(0x1FFFFFFFFFFFF), 7, {0xBF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}},
        {UINT64_C(0x2000000000000), 8, {0x7F, 0, 0, 0, 0, 0, 0, 0x02}},
        {UINT64_C(0xFFFFFFFFFFFFFF), 8, {0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}},
        {UINT64_C(0x100000000000000), 9, {0xFF, 0, 0, 0, 0, 0, 0, 0, 0x01}},
        {UINT64_MAX, 9, {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}},
    };

    for (size_t at = 0; at < sizeof(numbers) / sizeof(numbers[0]); at++) {
        checks_both_ways(numbers[at].number,
                         (struct bytes){numbers[at].bytes, numbers[at].size});
    }
}

static void reads_what_it_writes_for_every_power_of_two(void)
{
    for (unsigned bit = 0; bit < 64; bit++) {
        for (uint64_t around = 0; around < 3; around++) {
            uint64_t number = (UINT64_C(1) << bit) + around - 1;
            struct buffer output = {0};
            struct byte_reader reader;

            varlen_add(&output, number);
            reader = byte_reader_of(buffer_bytes(&output));
            CHECK(varlen_read(&reader) == number && reader.left == 0);
            buffer_release(&output);
        }
    }
}

int main(void)
{
    writes_and_reads_numbers_of_every_size();
    reads_what_it_writes_for_every_power_of_two();
    return 0;
}
