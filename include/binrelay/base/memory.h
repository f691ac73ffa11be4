/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory for things whose size we choose ourselves.
 *
 * These never return NULL: without memory the process aborts, which the store
 * survives. A size that a peer or a file chose is checked against a limit first.
 */
#pragma once

#include <stdlib.h>

#include "binrelay/base/compiler.h"

void *mem_zeroed(size_t size);

/* Not zeroed: for buffers that are filled at once. */
void *mem_raw(size_t size);

/* Makes room for more items and updates capacity; moves them if it must. */
void *mem_grow(void *items, size_t *capacity, size_t item_size);

/* A copy that the caller frees. mem_text(NULL) is NULL. */
char *mem_text(const char *text);

/* Formats into memory that the caller frees. */
char *mem_format(const char *format, ...) PRINTF_LIKE(1, 2);

/* For locals: frees what the pointer holds when it goes out of scope. */
static inline void mem_free_at(void *pointer)
{
    free(*(void **)pointer);
}

#define autofree __attribute__((cleanup(mem_free_at)))
