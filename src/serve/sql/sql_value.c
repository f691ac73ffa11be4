/* SPDX-License-Identifier: Apache-2.0 */
#include "sql_value.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binrelay/base/memory.h"

struct sql_block {
    struct sql_block *next;
    uint8_t data[];
};

void sql_memory_release(struct sql_memory *memory)
{
    while (memory->blocks != NULL) {
        struct sql_block *next = memory->blocks->next;

        free(memory->blocks);
        memory->blocks = next;
    }
    memory->used = 0;
    memory->is_full = false;
}

/* Returns room for `size` bytes and a zero; for nothing but the zero when it is full. */
static uint8_t *add_block(struct sql_memory *memory, size_t *size)
{
    struct sql_block *block = NULL;

    if (*size > SQL_MEMORY_MOST_BYTES - memory->used) {
        memory->is_full = true;
        *size = 0;
    }
    block = mem_raw(sizeof(*block) + *size + 1);
    block->next = memory->blocks;
    memory->blocks = block;
    memory->used += *size;
    block->data[*size] = 0;
    return block->data;
}

struct bytes sql_memory_add(struct sql_memory *memory, struct bytes bytes)
{
    size_t size = bytes.size;
    uint8_t *room = add_block(memory, &size);

    if (size > 0) {
        memcpy(room, bytes.data, size);
    }
    return (struct bytes){.data = room, .size = size};
}

struct bytes sql_memory_format(struct sql_memory *memory, const char *format, ...)
{
    char text[1024];
    va_list args;
    int size = 0;

    va_start(args, format);
    size = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (size < 0) {
        size = 0;
    }
    if ((size_t)size >= sizeof(text)) {
        size = sizeof(text) - 1;
    }
    return sql_memory_add(memory,
                          (struct bytes){.data = (const uint8_t *)text, .size = (size_t)size});
}

struct sql_value sql_null(void)
{
    return (struct sql_value){.kind = SQL_NULL};
}

struct sql_value sql_text(const char *text)
{
    return (struct sql_value){.kind = SQL_TEXT, .text = bytes_of_text(text)};
}

struct sql_value sql_text_of(struct bytes text)
{
    static const uint8_t nothing = 0;

    if (text.data == NULL) {
        text.data = &nothing; /* empty, not NULL */
    }
    return (struct sql_value){.kind = SQL_TEXT, .text = text};
}

struct sql_value sql_text_copy(struct sql_memory *memory, const char *text)
{
    return sql_text_of(sql_memory_add(memory, bytes_of_text(text)));
}

struct sql_value sql_number(struct sql_memory *memory, uint64_t number)
{
    return (struct sql_value){.kind = SQL_INTEGER,
                              .text = sql_memory_format(memory, "%" PRIu64, number)};
}

struct sql_value sql_text_take(struct sql_memory *memory, struct buffer *text)
{
    struct sql_value value = sql_text_of(sql_memory_add(memory, buffer_bytes(text)));

    buffer_release(text);
    return value;
}

bool sql_text_to_number(struct bytes text, uint64_t *number)
{
    uint64_t found = 0;

    if (text.size == 0) {
        return false;
    }
    for (size_t at = 0; at < text.size; at++) {
        uint64_t digit = (uint64_t)text.data[at] - '0';

        if (text.data[at] < '0' || digit > 9 || found > (UINT64_MAX - digit) / 10) {
            return false;
        }
        found = found * 10 + digit;
    }
    *number = found;
    return true;
}
