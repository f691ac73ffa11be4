/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes that are lent, bytes that are owned, and how they are read.
 *
 * MySQL's protocol and binlog are little-endian throughout; so are the readers
 * and writers here. Reading past the end gives zeros and sets overran, so a
 * decoder reads all its fields in a row and checks once.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binrelay/base/compiler.h"

/* Always a borrowed view. */
struct bytes {
    const uint8_t *data;
    size_t size;
};

/* Owns its bytes. Zeroed is empty. */
struct buffer {
    uint8_t *data; /* owned */
    size_t size;
    size_t capacity;
};

struct byte_reader {
    const uint8_t *next; /* borrowed */
    size_t left;
    bool overran;
};

struct bytes bytes_of_text(const char *text);
bool bytes_equal(struct bytes left, struct bytes right);

/* True if they are the same text but for the case of ASCII letters. */
bool bytes_equal_text(struct bytes bytes, const char *text);

void buffer_release(struct buffer *buffer);
void buffer_clear(struct buffer *buffer);

/* Returns room for `size` more bytes behind the ones there; buffer->size is the caller's to
 * raise. */
uint8_t *buffer_room(struct buffer *buffer, size_t size);

void buffer_add(struct buffer *buffer, const void *data, size_t size);
void buffer_add_bytes(struct buffer *buffer, struct bytes bytes);
void buffer_add_zeros(struct buffer *buffer, size_t size);

/* Adds the low `width` bytes (1 to 8) of a number. */
void buffer_add_number(struct buffer *buffer, uint64_t number, size_t width);

/* Adds a length-encoded integer, or a string with one in front of it. */
void buffer_add_lenenc(struct buffer *buffer, uint64_t number);
void buffer_add_lenenc_bytes(struct buffer *buffer, struct bytes bytes);

/* Adds the text without, or with, its terminating zero. */
void buffer_add_text(struct buffer *buffer, const char *text);
void buffer_add_text_zero(struct buffer *buffer, const char *text);
void buffer_add_format(struct buffer *buffer, const char *format, ...) PRINTF_LIKE(2, 3);

struct bytes buffer_bytes(const struct buffer *buffer);

struct byte_reader byte_reader_of(struct bytes bytes);

/* Returns the low `width` bytes (1 to 8) as a number. */
uint64_t byte_reader_number(struct byte_reader *reader, size_t width);

/* The same, most significant byte first. */
uint64_t byte_reader_big_endian(struct byte_reader *reader, size_t width);

uint64_t byte_reader_lenenc(struct byte_reader *reader);
struct bytes byte_reader_take(struct byte_reader *reader, uint64_t size);
struct bytes byte_reader_lenenc_bytes(struct byte_reader *reader);

/* Takes the bytes before the next zero, and the zero; overran if there is none. */
struct bytes byte_reader_until_zero(struct byte_reader *reader);
struct bytes byte_reader_rest(struct byte_reader *reader);
void byte_reader_skip(struct byte_reader *reader, uint64_t size);

/* Reads a number at a place that is known to be there. */
static inline uint32_t bytes_u32_at(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
           (uint32_t)at[3] << 24;
}

static inline uint16_t bytes_u16_at(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

static inline uint64_t bytes_u64_at(const uint8_t *at)
{
    return bytes_u32_at(at) | (uint64_t)bytes_u32_at(at + 4) << 32;
}

static inline void bytes_put_u32(uint8_t *at, uint32_t number)
{
    at[0] = (uint8_t)number;
    at[1] = (uint8_t)(number >> 8);
    at[2] = (uint8_t)(number >> 16);
    at[3] = (uint8_t)(number >> 24);
}
