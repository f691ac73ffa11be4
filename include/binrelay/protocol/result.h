/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers: OK, error and EOF packets, text result sets; written for replicas
 * and clients, read from sources. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "binrelay/base/bytes.h"
#include "binrelay/base/error.h"

/* ---- written ---- */

/* What the peer of one connection can read. */
struct result_writer {
    struct buffer *output;  /* borrowed; packets are added to it */
    uint8_t sequence;       /* of the next packet */
    uint32_t capabilities;  /* what both sides have */
    uint16_t server_status; /* 2: autocommit */
    uint16_t warnings;      /* of the statement; said by the next OK packet */
};

/* The info may be empty. */
void result_add_ok(struct result_writer *writer, uint64_t affected_rows, struct bytes info);

/* state: the five characters of an SQLSTATE. */
void result_add_error(struct result_writer *writer,
                      uint16_t code,
                      const char *state,
                      const char *message);

/* The EOF packet that ends a dump (whatever the capabilities) or, without DEPRECATE_EOF, parts
 * of a result. */
void result_add_eof(struct result_writer *writer);

/* enum_field_types */
enum result_type {
    RESULT_LONG = 3,
    RESULT_DOUBLE = 5,
    RESULT_TIMESTAMP = 7,
    RESULT_LONGLONG = 8,
    RESULT_DATETIME = 12,
    RESULT_NEW_DECIMAL = 246,
    RESULT_VAR_STRING = 253,
};

struct result_column {
    const char *name; /* borrowed */
    enum result_type type;
    bool is_unsigned;
};

/* Column count and definitions; then rows, then result_end(). */
void result_begin(struct result_writer *writer,
                  const struct result_column *columns,
                  size_t count);

/* values[i].data == NULL is SQL NULL, whatever its size; an empty text has .data. Rows over 16
 * MiB become several packets. */
void result_add_row(struct result_writer *writer, const struct bytes *values, size_t count);
void result_end(struct result_writer *writer);

/* ---- read ---- */

struct result_error {
    uint16_t code;
    char state[6];        /* "HY000" if the server gave none */
    struct bytes message; /* borrowed */
};

/* By first byte and size: true of a packet that stands where one of these may stand, not of a
 * row or an event. */
bool result_is_ok(struct bytes payload);
bool result_is_error(struct bytes payload);
bool result_is_eof(struct bytes payload);

MUST_CHECK enum status result_error_decode(struct result_error *found,
                                           struct bytes payload,
                                           struct error *error);

/* Fills error with STATUS_DENIED, the server's own words, made safe to print, and its error
 * number; STATUS_INVALID if it is no error packet. Returns the status. */
MUST_CHECK enum status result_error_deny(struct bytes payload, struct error *error);

/*
 * Gathers one small text result set from its payloads, without DEPRECATE_EOF.
 * Zeroed is ready. The caller feeds payloads until it is not STATUS_AGAIN.
 */
struct result_set {
    struct buffer bytes; /* owned: the values, one after the other */
    size_t *ends;        /* owned: where each value ends; rows * columns */
    bool *nulls;         /* owned */
    size_t count;        /* values so far */
    size_t capacity;
    size_t columns;
    size_t definitions; /* seen */
    size_t gathered;    /* bytes of all payloads so far */
    int step;           /* result_set.c's own */
};

/* STATUS_OK: whole (an OK packet is an empty set). STATUS_DENIED: an error packet, as
 * result_error_deny(). STATUS_FULL: over `limit` bytes of payload. STATUS_INVALID: broken, or
 * the server asks for a local file. */
MUST_CHECK enum status result_set_next(struct result_set *set,
                                       struct bytes payload,
                                       size_t limit,
                                       struct error *error);
size_t result_set_rows(const struct result_set *set);

/* Borrowed; .data == NULL is SQL NULL, or no such row or column. */
struct bytes result_set_value(const struct result_set *set, size_t row, size_t column);
void result_set_release(struct result_set *set);
