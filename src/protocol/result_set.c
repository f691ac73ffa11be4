/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a text result set. Its payloads, without DEPRECATE_EOF:
 *
 *   column count | definition for each column | EOF | row ... | EOF
 */
#include <assert.h>
#include <stdlib.h>

#include "binrelay/base/memory.h"
#include "binrelay/protocol/result.h"

enum {
    VALUE_NULL = 0xFB,
    HEADER_LOCAL_INFILE = 0xFB,
    COLUMNS_MOST = 4096, /* MAX_FIELDS of the server */
};

enum {
    STEP_COUNT, /* 0: a zeroed set is ready */
    STEP_DEFINITIONS,
    STEP_ROWS,
    STEP_WHOLE,
};

static enum status read_count(struct result_set *set, struct bytes payload, struct error *error)
{
    struct byte_reader reader = byte_reader_of(payload);
    uint64_t columns = 0;

    if (result_is_ok(payload)) {
        set->step = STEP_WHOLE;
        return STATUS_OK;
    }
    if (payload.size > 0 && payload.data[0] == HEADER_LOCAL_INFILE) {
        return error_set(
            error, STATUS_INVALID,
            "the server asks for a local file (LOAD DATA LOCAL), which is refused");
    }
    columns = byte_reader_lenenc(&reader);
    if (reader.overran || reader.left > 0 || columns == 0 || columns > COLUMNS_MOST) {
        return error_set(error, STATUS_INVALID, "broken column count in a result set");
    }
    set->columns = (size_t)columns;
    set->step = STEP_DEFINITIONS;
    return STATUS_AGAIN;
}

static enum status read_definition(struct result_set *set,
                                   struct bytes payload,
                                   struct error *error)
{
    bool is_end = result_is_eof(payload);

    if (is_end != (set->definitions == set->columns)) {
        return error_set(error, STATUS_INVALID,
                         "result set of %zu columns has %s definitions than that", set->columns,
                         is_end ? "fewer" : "more");
    }
    if (is_end) {
        set->step = STEP_ROWS;
    } else {
        set->definitions++;
    }
    return STATUS_AGAIN;
}

static void keep_value(struct result_set *set, struct bytes value, bool is_null)
{
    if (set->count == set->capacity) {
        size_t capacity = set->capacity;

        set->ends = mem_grow(set->ends, &capacity, sizeof(*set->ends));
        set->nulls = mem_grow(set->nulls, &set->capacity, sizeof(*set->nulls));
        assert(capacity == set->capacity);
    }
    buffer_add_bytes(&set->bytes, value);
    set->ends[set->count] = set->bytes.size;
    set->nulls[set->count] = is_null;
    set->count++;
}

static enum status read_row(struct result_set *set, struct bytes payload, struct error *error)
{
    struct byte_reader reader = byte_reader_of(payload);
    size_t count = set->count;
    size_t bytes = set->bytes.size;

    if (result_is_eof(payload)) {
        set->step = STEP_WHOLE;
        return STATUS_OK;
    }
    for (size_t column = 0; column < set->columns && !reader.overran; column++) {
        if (reader.left > 0 && reader.next[0] == VALUE_NULL) {
            byte_reader_skip(&reader, 1);
            keep_value(set, (struct bytes){0}, true);
        } else {
            keep_value(set, byte_reader_lenenc_bytes(&reader), false);
        }
    }
    if (reader.overran || reader.left > 0) {
        set->count = count; /* whole rows only */
        set->bytes.size = bytes;
        return error_set(error, STATUS_INVALID, "row of %zu bytes does not have %zu columns",
                         payload.size, set->columns);
    }
    return STATUS_AGAIN;
}

enum status result_set_next(struct result_set *set,
                            struct bytes payload,
                            size_t limit,
                            struct error *error)
{
    assert(set->step != STEP_WHOLE);
    if (payload.size > limit || set->gathered > limit - payload.size) {
        return error_set(error, STATUS_FULL, "result set of more than %zu bytes", limit);
    }
    set->gathered += payload.size;
    if (result_is_error(payload)) {
        return result_error_deny(payload, error);
    }
    switch (set->step) {
    case STEP_COUNT:
        return read_count(set, payload, error);
    case STEP_DEFINITIONS:
        return read_definition(set, payload, error);
    default:
        return read_row(set, payload, error);
    }
}

size_t result_set_rows(const struct result_set *set)
{
    return set->columns == 0 ? 0 : set->count / set->columns;
}

struct bytes result_set_value(const struct result_set *set, size_t row, size_t column)
{
    size_t at = row * set->columns + column;
    size_t begin = 0;

    if (column >= set->columns || row >= result_set_rows(set) || set->nulls[at]) {
        return (struct bytes){0};
    }
    begin = at == 0 ? 0 : set->ends[at - 1];
    if (set->ends[at] == begin) {
        return bytes_of_text(""); /* not NULL, even if no value has a byte */
    }
    return (struct bytes){.data = set->bytes.data + begin, .size = set->ends[at] - begin};
}

void result_set_release(struct result_set *set)
{
    buffer_release(&set->bytes);
    free(set->ends);
    free(set->nulls);
    *set = (struct result_set){0};
}
