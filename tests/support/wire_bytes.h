/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of a packet as a test writes them down. */
#pragma once

#include <string.h>

#include "binrelay/base/bytes.h"
#include "check.h"

/* A view of a literal with zeros in it. */
#define BYTES(literal) ((struct bytes){(const uint8_t *)(literal), sizeof(literal) - 1})

/* For bytes captured from other programs: replaces what the buffer holds by the bytes of pairs
 * of hexadecimal digits. */
static inline struct bytes hex_bytes(struct buffer *buffer, const char *digits)
{
    size_t count = strlen(digits);

    CHECK(count % 2 == 0);
    buffer_clear(buffer);
    for (size_t at = 0; at < count; at += 2) {
        char pair[3] = {digits[at], digits[at + 1], '\0'};
        char *end = NULL;

        buffer_add_number(buffer, strtoul(pair, &end, 16), 1);
        CHECK(*end == '\0');
    }
    return buffer_bytes(buffer);
}
