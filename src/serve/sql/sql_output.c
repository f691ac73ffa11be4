/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite's rows as MySQL's result set. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binrelay/base/memory.h"
#include "sql_engine_errors.h"
#include "sql_errors.h"
#include "sql_tables.h"

enum { NUMBER_BYTES = 400 }; /* a double without exponent has up to 309 digits and a fraction */

struct output {
    struct sql_statement *statement;
    sqlite3_stmt *prepared;
    size_t count;
    struct result_column *columns; /* owned, as the next three */
    struct sql_item *items;
    struct bytes *values;
    char (*numbers)[NUMBER_BYTES];
};

static enum result_type type_of(enum sql_kind kind)
{
    switch (kind) {
    case SQL_INTEGER:
        return RESULT_LONGLONG;
    case SQL_DECIMAL:
        return RESULT_NEW_DECIMAL;
    case SQL_REAL:
        return RESULT_DOUBLE;
    case SQL_DATETIME:
        return RESULT_DATETIME;
    case SQL_NULL:
    case SQL_TEXT:
    default:
        return RESULT_VAR_STRING;
    }
}

/* What a value is whose kind the translation does not know. */
static enum sql_kind kind_of_value(sqlite3_stmt *prepared, size_t at)
{
    switch (sqlite3_column_type(prepared, (int)at)) {
    case SQLITE_INTEGER:
        return SQL_INTEGER;
    case SQLITE_FLOAT:
        return SQL_REAL;
    default:
        return SQL_TEXT;
    }
}

/* Gives each column its item: a star stands for as many as are left over. With more than one
 * star nothing is known of them. */
static void match_items(struct output *output, const struct sql_translation *translation)
{
    size_t stars = 0;
    size_t left = 0;
    size_t column = 0;

    for (size_t at = 0; at < translation->item_count; at++) {
        stars += translation->items[at].is_star ? 1 : 0;
    }
    left = output->count + stars - translation->item_count;
    for (size_t at = 0; at < translation->item_count && stars <= 1; at++) {
        size_t width = translation->items[at].is_star ? left : 1;

        for (size_t part = 0; part < width && column < output->count; part++) {
            output->items[column++] = translation->items[at];
        }
    }
}

static void describe(struct output *output, bool has_row)
{
    for (size_t at = 0; at < output->count; at++) {
        const char *type = sqlite3_column_decltype(output->prepared, (int)at);
        struct result_column *column = &output->columns[at];
        struct sql_item *item = &output->items[at];

        if (type != NULL && item->scale == 0) {
            *column = sql_column_of_type(type);
            item->kind = SQL_NULL; /* the value says it */
        } else {
            if (item->kind == SQL_NULL && has_row) {
                item->kind = kind_of_value(output->prepared, at);
            }
            column->type = type_of(item->kind);
            column->is_unsigned = item->is_unsigned;
        }
        column->name = sqlite3_column_name(output->prepared, (int)at);
    }
}

/* MySQL's shortest form of a double: 0.1, 1e20. */
static void print_real(char *text, double real)
{
    char shortest[40];

    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(shortest, sizeof(shortest), "%.*g", digits, real);
        if (strtod(shortest, NULL) == real) {
            break;
        }
    }
    if (strchr(shortest, 'e') != NULL && fabs(real) >= 1 && fabs(real) < 1e15) {
        (void)snprintf(text, NUMBER_BYTES, "%.0f", real);
    } else if (strstr(shortest, "e+") != NULL) {
        char *plus = strstr(shortest, "e+");

        memmove(plus + 1, plus + 2, strlen(plus + 2) + 1);
        (void)snprintf(text, NUMBER_BYTES, "%s", shortest);
    } else {
        (void)snprintf(text, NUMBER_BYTES, "%s", shortest);
    }
}

/* False: what should be a whole number was too large for one. */
static bool print_number(struct output *output, size_t at)
{
    const struct sql_item *item = &output->items[at];
    char *text = output->numbers[at];
    double real = sqlite3_column_double(output->prepared, (int)at);
    bool is_whole = sqlite3_column_type(output->prepared, (int)at) == SQLITE_INTEGER;
    int64_t number = sqlite3_column_int64(output->prepared, (int)at);

    if (is_whole && item->kind == SQL_DECIMAL) {
        (void)snprintf(text, NUMBER_BYTES, "%" PRId64 "%s%.*s", number,
                       item->scale > 0 ? "." : "", item->scale,
                       "000000000000000000000000000000");
    } else if (is_whole && item->is_unsigned && number < 0) {
        (void)snprintf(text, NUMBER_BYTES, "%" PRIu64, (uint64_t)number);
    } else if (is_whole) {
        (void)snprintf(text, NUMBER_BYTES, "%" PRId64, number);
    } else if (item->kind == SQL_DECIMAL && fabs(real) < 1e300) {
        (void)snprintf(text, NUMBER_BYTES, "%.*f", item->scale, real);
    } else if (item->kind == SQL_INTEGER && (fabs(real) >= 0x1p63 || !isfinite(real))) {
        return false;
    } else if (item->kind == SQL_INTEGER) {
        (void)snprintf(text, NUMBER_BYTES, "%.0f", real);
    } else {
        print_real(text, real);
    }
    return true;
}

static bool read_row(struct output *output)
{
    for (size_t at = 0; at < output->count; at++) {
        int type = sqlite3_column_type(output->prepared, (int)at);
        static const uint8_t nothing = 0;

        output->values[at] = (struct bytes){0};
        if (type == SQLITE_INTEGER || type == SQLITE_FLOAT) {
            if (!print_number(output, at)) {
                return false;
            }
            output->values[at] = bytes_of_text(output->numbers[at]);
        } else if (type != SQLITE_NULL) {
            output->values[at].data = sqlite3_column_text(output->prepared, (int)at);
            output->values[at].size = (size_t)sqlite3_column_bytes(output->prepared, (int)at);
            if (output->values[at].data == NULL) {
                output->values[at].data = &nothing;
            }
        }
    }
    return true;
}

/* Returns SQLite's code; SQLITE_ERROR with `failure` filled where it is ours. */
static int write_rows(struct output *output,
                      const struct sql_translation *translation,
                      struct error *failure)
{
    struct result_writer *writer = output->statement->writer;
    const size_t begun = writer->output->size;
    int code = sqlite3_step(output->prepared);

    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        return code;
    }
    match_items(output, translation);
    describe(output, code == SQLITE_ROW);
    result_begin(writer, output->columns, output->count);
    for (; code == SQLITE_ROW; code = sqlite3_step(output->prepared)) {
        if (!read_row(output)) {
            (void)sql_error_set(failure, SQL_ERROR_DATA_OUT_OF_RANGE,
                                "BIGINT value is out of range");
            return SQLITE_ERROR;
        }
        result_add_row(writer, output->values, output->count);
        if (writer->output->size - begun > SQL_MEMORY_MOST_BYTES) {
            (void)sql_error_set(failure, SQL_ERROR_PACKET_TOO_LARGE,
                                "The answer would be over %d bytes: ask with LIMIT",
                                SQL_MEMORY_MOST_BYTES);
            return SQLITE_ERROR;
        }
    }
    if (code == SQLITE_DONE) {
        result_end(writer);
    }
    return code;
}

int sql_output_rows(struct sql_statement *statement,
                    const struct sql_translation *translation,
                    sqlite3_stmt *prepared,
                    struct error *failure)
{
    struct output output = {.statement = statement,
                            .prepared = prepared,
                            .count = (size_t)sqlite3_column_count(prepared)};
    int code = SQLITE_OK;

    output.columns = mem_zeroed(output.count * sizeof(*output.columns));
    output.items = mem_zeroed(output.count * sizeof(*output.items));
    output.values = mem_zeroed(output.count * sizeof(*output.values));
    output.numbers = mem_zeroed(output.count * sizeof(*output.numbers));
    code = write_rows(&output, translation, failure);
    free(output.columns);
    free(output.items);
    free(output.values);
    free(output.numbers);
    return code;
}
