/* SPDX-License-Identifier: Apache-2.0 */
#include "varlen.h"

enum { LONGEST_UNARY = 7 }; /* bytes that follow where a number has a bit left in the first */

uint64_t varlen_read(struct byte_reader *reader)
{
    unsigned first = (unsigned)byte_reader_number(reader, 1);
    unsigned more = 0;
    uint64_t rest = 0;

    while (more < 8 && (first >> more & 1) != 0) {
        more++;
    }
    if (more == 0) {
        return first >> 1;
    }
    rest = byte_reader_number(reader, more);
    return more >= LONGEST_UNARY ? rest : first >> (more + 1) | rest << (LONGEST_UNARY - more);
}

void varlen_add(struct buffer *output, uint64_t number)
{
    unsigned more = 0;
    unsigned bits_in_first = 0;

    while (more < 8 && number >> (7 * (more + 1)) != 0) {
        more++;
    }
    if (more >= LONGEST_UNARY) {
        buffer_add_number(output, (1U << more) - 1, 1);
        buffer_add_number(output, number, more);
        return;
    }
    bits_in_first = LONGEST_UNARY - more;
    buffer_add_number(output, number << (more + 1) | ((1U << more) - 1), 1);
    if (more > 0) {
        buffer_add_number(output, number >> bits_in_first, more);
    }
}
