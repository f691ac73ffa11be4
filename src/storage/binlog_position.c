/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/storage/binlog_position.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

int binlog_position_compare(struct binlog_position left, struct binlog_position right)
{
    if (left.file != right.file) {
        return left.file < right.file ? -1 : 1;
    }
    if (left.offset != right.offset) {
        return left.offset < right.offset ? -1 : 1;
    }
    return 0;
}

void binlog_name_print(char name[BINLOG_NAME_BYTES], const char *base_name, uint64_t file)
{
    (void)snprintf(name, BINLOG_NAME_BYTES, "%.*s.%06" PRIu64, BINLOG_NAME_MOST_BYTES,
                   base_name, file);
}

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_name_byte(uint8_t byte)
{
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || is_digit(byte) ||
           byte == '.' || byte == '_' || byte == '-';
}

static bool is_base_name(struct bytes name)
{
    if (name.size == 0 || name.size > BINLOG_NAME_MOST_BYTES || name.data[0] == '.') {
        return false;
    }
    for (size_t at = 0; at < name.size; at++) {
        if (!is_name_byte(name.data[at])) {
            return false;
        }
    }
    return true;
}

/* Reads digits only. False for none, for 0 (nowhere) and for what 64 bits do not hold. */
static bool read_number(struct bytes digits, uint64_t *number)
{
    uint64_t read = 0;

    for (size_t at = 0; at < digits.size; at++) {
        uint64_t digit = (uint64_t)digits.data[at] - '0';

        if (!is_digit(digits.data[at]) || read > (UINT64_MAX - digit) / 10) {
            return false;
        }
        read = read * 10 + digit;
    }
    *number = read;
    return read > 0;
}

bool binlog_name_split(struct bytes name,
                       char base_name[BINLOG_NAME_MOST_BYTES + 1],
                       uint64_t *file)
{
    const uint8_t *dot = name.size == 0 ? NULL : memrchr(name.data, '.', name.size);
    struct bytes base = {.data = name.data};
    struct bytes digits = {0};
    uint64_t number = 0;

    if (dot == NULL) {
        return false;
    }
    base.size = (size_t)(dot - name.data);
    digits = (struct bytes){.data = dot + 1, .size = name.size - base.size - 1};
    if (!is_base_name(base) || !read_number(digits, &number)) {
        return false;
    }
    memcpy(base_name, base.data, base.size);
    base_name[base.size] = '\0';
    *file = number;
    return true;
}
