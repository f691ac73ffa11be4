/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of the endpoint's SQL, in the text form in which they are sent, and
 * the memory that they live in while one statement is answered. One thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "binrelay/base/bytes.h"
#include "binrelay/base/compiler.h"

enum sql_kind { SQL_NULL, SQL_INTEGER, SQL_DECIMAL, SQL_REAL, SQL_TEXT, SQL_DATETIME };

struct sql_value {
    enum sql_kind kind;
    struct bytes text; /* borrowed; data is NULL for SQL_NULL and for nothing else */
};

/* Zeroed is ready. What is added stays where it is until the release. */
struct sql_memory {
    struct sql_block *blocks; /* owned */
    size_t used;
    bool is_full; /* something did not fit and was left out: the answer must not be sent */
};

/* One statement's values may not make us grow without bound. */
enum { SQL_MEMORY_MOST_BYTES = 16 * 1024 * 1024 };

void sql_memory_release(struct sql_memory *memory);

/* The copy has a zero behind it. */
struct bytes sql_memory_add(struct sql_memory *memory, struct bytes bytes);
struct bytes sql_memory_format(struct sql_memory *memory, const char *format, ...)
    PRINTF_LIKE(2, 3);

struct sql_value sql_null(void);

/* The text must outlive the value. */
struct sql_value sql_text(const char *text);
struct sql_value sql_text_of(struct bytes text);
struct sql_value sql_text_copy(struct sql_memory *memory, const char *text);
struct sql_value sql_number(struct sql_memory *memory, uint64_t number);

/* The text without a terminating zero, owned by the memory; empties the buffer. */
struct sql_value sql_text_take(struct sql_memory *memory, struct buffer *text);

/* Reads a whole number without a sign, as of "4", " 4" no. False if it is none or over 64 bits.
 */
bool sql_text_to_number(struct bytes text, uint64_t *number);
