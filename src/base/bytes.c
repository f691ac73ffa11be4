/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/base/bytes.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The first byte of a length-encoded integer says how many follow (manual:
 * "Protocol::LengthEncodedInteger"). */
enum { LENENC_TWO = 0xFC, LENENC_THREE = 0xFD, LENENC_EIGHT = 0xFE };

struct bytes bytes_of_text(const char *text)
{
    return (struct bytes){.data = (const uint8_t *)text, .size = strlen(text)};
}

bool bytes_equal(struct bytes left, struct bytes right)
{
    return left.size == right.size &&
           (left.size == 0 || memcmp(left.data, right.data, left.size) == 0);
}

bool bytes_equal_text(struct bytes bytes, const char *text)
{
    return bytes.size == strlen(text) &&
           (bytes.size == 0 || strncasecmp((const char *)bytes.data, text, bytes.size) == 0);
}

void buffer_release(struct buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct buffer){0};
}

void buffer_clear(struct buffer *buffer)
{
    buffer->size = 0;
}

uint8_t *buffer_room(struct buffer *buffer, size_t size)
{
    assert(size <= SIZE_MAX / 2 - buffer->size);
    if (buffer->data == NULL || buffer->capacity - buffer->size < size) {
        size_t wanted = buffer->capacity * 2;

        if (wanted < buffer->size + size) {
            wanted = buffer->size + size;
        }
        wanted = wanted < 64 ? 64 : wanted;
        buffer->data = realloc(buffer->data, wanted);
        if (buffer->data == NULL) {
            abort();
        }
        buffer->capacity = wanted;
    }
    return buffer->data + buffer->size;
}

void buffer_add(struct buffer *buffer, const void *data, size_t size)
{
    if (size > 0) {
        memcpy(buffer_room(buffer, size), data, size);
        buffer->size += size;
    }
}

void buffer_add_bytes(struct buffer *buffer, struct bytes bytes)
{
    buffer_add(buffer, bytes.data, bytes.size);
}

void buffer_add_zeros(struct buffer *buffer, size_t size)
{
    memset(buffer_room(buffer, size), 0, size);
    buffer->size += size;
}

void buffer_add_number(struct buffer *buffer, uint64_t number, size_t width)
{
    uint8_t *at = buffer_room(buffer, width);

    assert(width >= 1 && width <= 8);
    for (size_t byte = 0; byte < width; byte++) {
        at[byte] = (uint8_t)(number >> (8 * byte));
    }
    buffer->size += width;
}

void buffer_add_lenenc(struct buffer *buffer, uint64_t number)
{
    if (number < 0xFB) {
        buffer_add_number(buffer, number, 1);
    } else if (number <= 0xFFFF) {
        buffer_add_number(buffer, LENENC_TWO, 1);
        buffer_add_number(buffer, number, 2);
    } else if (number <= 0xFFFFFF) {
        buffer_add_number(buffer, LENENC_THREE, 1);
        buffer_add_number(buffer, number, 3);
    } else {
        buffer_add_number(buffer, LENENC_EIGHT, 1);
        buffer_add_number(buffer, number, 8);
    }
}

void buffer_add_lenenc_bytes(struct buffer *buffer, struct bytes bytes)
{
    buffer_add_lenenc(buffer, bytes.size);
    buffer_add_bytes(buffer, bytes);
}

void buffer_add_text(struct buffer *buffer, const char *text)
{
    buffer_add(buffer, text, strlen(text));
}

void buffer_add_text_zero(struct buffer *buffer, const char *text)
{
    buffer_add(buffer, text, strlen(text) + 1);
}

void buffer_add_format(struct buffer *buffer, const char *format, ...)
{
    va_list args;
    va_list again;
    int size = 0;

    va_start(args, format);
    va_copy(again, args);
    size = vsnprintf(NULL, 0, format, args);
    assert(size >= 0);
    /* vsnprintf() ends the text with a zero, which needs room but is no part of it. */
    (void)vsnprintf((char *)buffer_room(buffer, (size_t)size + 1), (size_t)size + 1, format,
                    again);
    buffer->size += (size_t)size;
    va_end(again);
    va_end(args);
}

struct bytes buffer_bytes(const struct buffer *buffer)
{
    return (struct bytes){.data = buffer->data, .size = buffer->size};
}

struct byte_reader byte_reader_of(struct bytes bytes)
{
    return (struct byte_reader){.next = bytes.data, .left = bytes.size};
}

struct bytes byte_reader_take(struct byte_reader *reader, uint64_t size)
{
    struct bytes taken = {.data = reader->next, .size = (size_t)size};

    if (size > reader->left) {
        reader->overran = true;
        return (struct bytes){.data = reader->next, .size = 0};
    }
    if (size > 0) {
        reader->next += size;
        reader->left -= size;
    }
    return taken;
}

uint64_t byte_reader_number(struct byte_reader *reader, size_t width)
{
    struct bytes field = byte_reader_take(reader, width);
    uint64_t number = 0;

    assert(width >= 1 && width <= 8);
    for (size_t at = field.size; at-- > 0;) {
        number = number << 8 | field.data[at];
    }
    return number;
}

uint64_t byte_reader_big_endian(struct byte_reader *reader, size_t width)
{
    struct bytes field = byte_reader_take(reader, width);
    uint64_t number = 0;

    assert(width >= 1 && width <= 8);
    for (size_t at = 0; at < field.size; at++) {
        number = number << 8 | field.data[at];
    }
    return number;
}

uint64_t byte_reader_lenenc(struct byte_reader *reader)
{
    uint64_t first = byte_reader_number(reader, 1);

    switch (first) {
    case LENENC_TWO:
        return byte_reader_number(reader, 2);
    case LENENC_THREE:
        return byte_reader_number(reader, 3);
    case LENENC_EIGHT:
        return byte_reader_number(reader, 8);
    case 0xFB: /* NULL in a row, 0xFF an error packet: neither is a number */
    case 0xFF:
        reader->overran = true;
        return 0;
    default:
        return first;
    }
}

struct bytes byte_reader_lenenc_bytes(struct byte_reader *reader)
{
    return byte_reader_take(reader, byte_reader_lenenc(reader));
}

struct bytes byte_reader_until_zero(struct byte_reader *reader)
{
    const uint8_t *end = reader->left == 0 ? NULL : memchr(reader->next, 0, reader->left);
    struct bytes found;

    if (end == NULL) {
        reader->overran = true;
        return (struct bytes){.data = reader->next, .size = 0};
    }
    found = byte_reader_take(reader, (uint64_t)(end - reader->next));
    byte_reader_skip(reader, 1);
    return found;
}

struct bytes byte_reader_rest(struct byte_reader *reader)
{
    return byte_reader_take(reader, reader->left);
}

void byte_reader_skip(struct byte_reader *reader, uint64_t size)
{
    (void)byte_reader_take(reader, size);
}
