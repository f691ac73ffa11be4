/* SPDX-License-Identifier: Apache-2.0 */
/* Functions of text that look at bytes: case, digits, lists. */
#include <string.h>

#include "sql_calls.h"

static void call_strcmp(sqlite3_context *context, int count, sqlite3_value **values)
{
    if (!sql_call_has_null(context, count, values)) {
        int order = sqlite3_stricmp((const char *)sqlite3_value_text(values[0]),
                                    (const char *)sqlite3_value_text(values[1]));

        sqlite3_result_int(context, (order > 0) - (order < 0));
    }
}

static void call_ascii(sqlite3_context *context, int count, sqlite3_value **values)
{
    struct bytes text = sql_call_text(values[0]);

    if (!sql_call_has_null(context, count, values)) {
        sqlite3_result_int(context, text.size == 0 ? 0 : text.data[0]);
    }
}

/* Of a number its value, of text its bytes. */
static void call_hex(sqlite3_context *context, int count, sqlite3_value **values)
{
    struct bytes text = sql_call_text(values[0]);
    struct buffer digits = {0};

    if (sql_call_has_null(context, count, values)) {
        return;
    }
    if (sqlite3_value_type(values[0]) == SQLITE_INTEGER) {
        buffer_add_format(&digits, "%llX", (unsigned long long)sqlite3_value_int64(values[0]));
    } else {
        for (size_t at = 0; at < text.size && digits.size <= SQL_VALUE_MOST_BYTES; at++) {
            buffer_add_format(&digits, "%02X", text.data[at]);
        }
    }
    sql_call_give_gathered(context, &digits);
}

static int digit_of(uint8_t byte)
{
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

static void call_unhex(sqlite3_context *context, int count, sqlite3_value **values)
{
    struct bytes digits = sql_call_text(values[0]);
    struct buffer text = {0};
    int byte = 0;

    if (sql_call_has_null(context, count, values)) {
        return;
    }
    for (size_t at = 0; at < digits.size; at++) {
        int digit = digit_of(digits.data[at]);

        if (digit < 0) {
            buffer_release(&text);
            sqlite3_result_null(context);
            return;
        }
        byte = byte << 4 | digit;
        if ((digits.size - at) % 2 == 1) {
            buffer_add_number(&text, (uint64_t)byte, 1);
            byte = 0;
        }
    }
    sql_call_give_gathered(context, &text);
}

static void call_elt(sqlite3_context *context, int count, sqlite3_value **values)
{
    sqlite3_int64 number = sqlite3_value_int64(values[0]);

    if (number < 1 || number >= count) {
        sqlite3_result_null(context);
    } else {
        sqlite3_result_value(context, values[number]);
    }
}

static void call_field(sqlite3_context *context, int count, sqlite3_value **values)
{
    for (int at = 1; at < count && sqlite3_value_type(values[0]) != SQLITE_NULL; at++) {
        if (sqlite3_value_type(values[at]) != SQLITE_NULL &&
            sql_call_compare(values[0], values[at]) == 0) {
            sqlite3_result_int(context, at);
            return;
        }
    }
    sqlite3_result_int(context, 0);
}

static void give_case(sqlite3_context *context, struct bytes text, char from, int shift)
{
    struct buffer changed = {0};

    buffer_add_bytes(&changed, text);
    for (size_t at = 0; at < changed.size; at++) {
        if (changed.data[at] >= from && changed.data[at] < from + 26) {
            changed.data[at] = (uint8_t)(changed.data[at] + shift);
        }
    }
    sql_call_give_gathered(context, &changed);
}

static void call_lower(sqlite3_context *context, int count, sqlite3_value **values)
{
    if (!sql_call_has_null(context, count, values)) {
        give_case(context, sql_call_text(values[0]), 'A', 'a' - 'A');
    }
}

static void call_upper(sqlite3_context *context, int count, sqlite3_value **values)
{
    if (!sql_call_has_null(context, count, values)) {
        give_case(context, sql_call_text(values[0]), 'a', 'A' - 'a');
    }
}

const struct sql_call sql_letter_calls[] = {
    {"fn_ascii", 1, call_ascii}, {"fn_elt", -1, call_elt},    {"fn_field", -1, call_field},
    {"fn_hex", 1, call_hex},     {"fn_lower", 1, call_lower}, {"fn_strcmp", 2, call_strcmp},
    {"fn_unhex", 1, call_unhex}, {"fn_upper", 1, call_upper},
};
const size_t sql_letter_call_count = sizeof(sql_letter_calls) / sizeof(sql_letter_calls[0]);
