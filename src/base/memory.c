/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void *mem_zeroed(size_t size)
{
    void *memory = calloc(1, size);

    if (memory == NULL) {
        abort();
    }
    return memory;
}

void *mem_raw(size_t size)
{
    void *memory = malloc(size);

    if (memory == NULL) {
        abort();
    }
    return memory;
}

void *mem_grow(void *items, size_t *capacity, size_t item_size)
{
    size_t wanted = *capacity == 0 ? 16 : *capacity * 2;
    void *grown = reallocarray(items, wanted, item_size);

    if (grown == NULL) {
        abort();
    }
    *capacity = wanted;
    return grown;
}

char *mem_text(const char *text)
{
    char *copy = NULL;

    if (text == NULL) {
        return NULL;
    }
    copy = strdup(text);
    if (copy == NULL) {
        abort();
    }
    return copy;
}

char *mem_format(const char *format, ...)
{
    char *text = NULL;
    va_list args;

    va_start(args, format);
    if (vasprintf(&text, format, args) < 0) {
        abort();
    }
    va_end(args);
    return text;
}
