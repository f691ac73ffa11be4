/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic and bits. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql_calls.h"

static bool is_whole(sqlite3_value *value)
{
    return sqlite3_value_numeric_type(value) == SQLITE_INTEGER;
}

static void call_divide(sqlite3_context *context, int count, sqlite3_value **values)
{
    double divisor = 0;

    if (sql_call_has_null(context, count, values)) {
        return;
    }
    divisor = sqlite3_value_double(values[1]);
    if (fpclassify(divisor) == FP_ZERO) {
        sqlite3_result_null(context);
    } else {
        sqlite3_result_double(context, sqlite3_value_double(values[0]) / divisor);
    }
}

/* A double as a whole number where it is one that fits, else as it is: the answer then fails.
 */
static void give_whole(sqlite3_context *context, double number)
{
    if (fabs(number) < 0x1p63) {
        sqlite3_result_int64(context, (sqlite3_int64)number);
    } else {
        sqlite3_result_double(context, number);
    }
}

static void call_div(sqlite3_context *context, int count, sqlite3_value **values)
{
    if (sql_call_has_null(context, count, values)) {
        return;
    }
    if (is_whole(values[0]) && is_whole(values[1])) {
        sqlite3_int64 number = sqlite3_value_int64(values[0]);
        sqlite3_int64 divisor = sqlite3_value_int64(values[1]);

        if (divisor == 0) {
            sqlite3_result_null(context);
        } else if (divisor == -1) {
            give_whole(context, -(double)number);
        } else {
            sqlite3_result_int64(context, number / divisor);
        }
        return;
    }
    if (fpclassify(sqlite3_value_double(values[1])) == FP_ZERO) {
        sqlite3_result_null(context);
    } else {
        give_whole(context,
                   trunc(sqlite3_value_double(values[0]) / sqlite3_value_double(values[1])));
    }
}

static void call_mod(sqlite3_context *context, int count, sqlite3_value **values)
{
    if (sql_call_has_null(context, count, values)) {
        return;
    }
    if (is_whole(values[0]) && is_whole(values[1])) {
        sqlite3_int64 divisor = sqlite3_value_int64(values[1]);

        if (divisor == 0) {
            sqlite3_result_null(context);
        } else {
            sqlite3_result_int64(context,
                                 divisor == -1 ? 0 : sqlite3_value_int64(values[0]) % divisor);
        }
        return;
    }
    if (fpclassify(sqlite3_value_double(values[1])) == FP_ZERO) {
        sqlite3_result_null(context);
    } else {
        sqlite3_result_double(
            context, fmod(sqlite3_value_double(values[0]), sqlite3_value_double(values[1])));
    }
}

/* 64 bits of a value: long whole numbers are text here. */
static uint64_t bits_of(sqlite3_value *value)
{
    uint64_t number = 0;

    if (sqlite3_value_type(value) == SQLITE_TEXT &&
        sql_text_to_number(sql_call_text(value), &number)) {
        return number;
    }
    return (uint64_t)sqlite3_value_int64(value);
}

static void give_bits(sqlite3_context *context, uint64_t bits)
{
    char text[24];
    int size = 0;

    if (bits <= INT64_MAX) {
        sqlite3_result_int64(context, (sqlite3_int64)bits);
        return;
    }
    size = snprintf(text, sizeof(text), "%" PRIu64, bits);
    sqlite3_result_text(context, text, size, SQLITE_TRANSIENT);
}

/* The last eight bytes of a literal of bits, the first of them the highest. */
static void call_bits_number(sqlite3_context *context, int count, sqlite3_value **values)
{
    struct bytes text = sql_call_text(values[0]);
    uint64_t bits = 0;

    (void)count;
    for (size_t at = 0; at < text.size; at++) {
        bits = bits << 8 | text.data[at];
    }
    give_bits(context, bits);
}

static void call_shift_left(sqlite3_context *context, int count, sqlite3_value **values)
{
    if (!sql_call_has_null(context, count, values)) {
        uint64_t by = bits_of(values[1]);

        give_bits(context, by > 63 ? 0 : bits_of(values[0]) << by);
    }
}

static void call_shift_right(sqlite3_context *context, int count, sqlite3_value **values)
{
    if (!sql_call_has_null(context, count, values)) {
        uint64_t by = bits_of(values[1]);

        give_bits(context, by > 63 ? 0 : bits_of(values[0]) >> by);
    }
}

static void call_bit_xor(sqlite3_context *context, int count, sqlite3_value **values)
{
    if (!sql_call_has_null(context, count, values)) {
        give_bits(context, bits_of(values[0]) ^ bits_of(values[1]));
    }
}

static void call_bit_or(sqlite3_context *context, int count, sqlite3_value **values)
{
    if (!sql_call_has_null(context, count, values)) {
        give_bits(context, bits_of(values[0]) | bits_of(values[1]));
    }
}

static void call_bit_and(sqlite3_context *context, int count, sqlite3_value **values)
{
    if (!sql_call_has_null(context, count, values)) {
        give_bits(context, bits_of(values[0]) & bits_of(values[1]));
    }
}

static void call_bit_not(sqlite3_context *context, int count, sqlite3_value **values)
{
    if (!sql_call_has_null(context, count, values)) {
        give_bits(context, ~bits_of(values[0]));
    }
}

static void call_bit_count(sqlite3_context *context, int count, sqlite3_value **values)
{
    if (!sql_call_has_null(context, count, values)) {
        sqlite3_result_int(context, __builtin_popcountll(bits_of(values[0])));
    }
}

static void call_abs(sqlite3_context *context, int count, sqlite3_value **values)
{
    if (sql_call_has_null(context, count, values)) {
        return;
    }
    if (is_whole(values[0]) && sqlite3_value_int64(values[0]) > INT64_MIN) {
        sqlite3_result_int64(context, llabs(sqlite3_value_int64(values[0])));
    } else {
        sqlite3_result_double(context, fabs(sqlite3_value_double(values[0])));
    }
}

static void call_ceil(sqlite3_context *context, int count, sqlite3_value **values)
{
    if (sql_call_has_null(context, count, values)) {
        return;
    }
    if (is_whole(values[0])) {
        sqlite3_result_int64(context, sqlite3_value_int64(values[0]));
    } else {
        give_whole(context, ceil(sqlite3_value_double(values[0])));
    }
}

static void call_floor(sqlite3_context *context, int count, sqlite3_value **values)
{
    if (sql_call_has_null(context, count, values)) {
        return;
    }
    if (is_whole(values[0])) {
        sqlite3_result_int64(context, sqlite3_value_int64(values[0]));
    } else {
        give_whole(context, floor(sqlite3_value_double(values[0])));
    }
}

static void give_rounded(sqlite3_context *context,
                         int count,
                         sqlite3_value **values,
                         double (*how)(double))
{
    sqlite3_int64 digits = count > 1 ? sqlite3_value_int64(values[1]) : 0;
    double scale = pow(10, (double)(digits > 30 ? 30 : digits < -30 ? -30 : digits));

    if (sql_call_has_null(context, count, values)) {
        return;
    }
    if (is_whole(values[0]) && digits >= 0) {
        sqlite3_result_int64(context, sqlite3_value_int64(values[0]));
    } else if (is_whole(values[0])) {
        give_whole(context, how(sqlite3_value_double(values[0]) * scale) / scale);
    } else {
        sqlite3_result_double(context, how(sqlite3_value_double(values[0]) * scale) / scale);
    }
}

static void call_round(sqlite3_context *context, int count, sqlite3_value **values)
{
    give_rounded(context, count, values, round);
}

static void call_truncate(sqlite3_context *context, int count, sqlite3_value **values)
{
    give_rounded(context, count, values, trunc);
}

static void call_pow(sqlite3_context *context, int count, sqlite3_value **values)
{
    if (!sql_call_has_null(context, count, values)) {
        sqlite3_result_double(
            context, pow(sqlite3_value_double(values[0]), sqlite3_value_double(values[1])));
    }
}

static void call_sign(sqlite3_context *context, int count, sqlite3_value **values)
{
    if (!sql_call_has_null(context, count, values)) {
        double number = sqlite3_value_double(values[0]);

        sqlite3_result_int(context, (number > 0) - (number < 0));
    }
}

/* CONV(number, from, to), bases 2 to 36. */
static void call_conv(sqlite3_context *context, int count, sqlite3_value **values)
{
    sqlite3_int64 from = sqlite3_value_int64(values[1]);
    sqlite3_int64 to = sqlite3_value_int64(values[2]);
    char digits[72];
    size_t at = sizeof(digits) - 1;
    uint64_t number = 0;

    if (sql_call_has_null(context, count, values)) {
        return;
    }
    if (from < 2 || from > 36 || to < 2 || to > 36) {
        sqlite3_result_null(context);
        return;
    }
    number = strtoull((const char *)sqlite3_value_text(values[0]), NULL, (int)from);
    digits[at] = '\0';
    do {
        digits[--at] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[number % (uint64_t)to];
        number /= (uint64_t)to;
    } while (number > 0);
    sql_call_give(context, bytes_of_text(digits + at));
}

/* CAST(x AS UNSIGNED): text up to where it is no number, a double rounded; as 64 bits. */
static void cast_whole(sqlite3_context *context, sqlite3_value *value, bool is_unsigned)
{
    bool is_text = sqlite3_value_type(value) == SQLITE_TEXT;
    uint64_t bits = 0;

    if (is_text && !is_unsigned) {
        bits = (uint64_t)strtoll((const char *)sqlite3_value_text(value), NULL, 10);
    } else if (is_text) {
        bits = strtoull((const char *)sqlite3_value_text(value), NULL, 10);
    } else if (sqlite3_value_type(value) == SQLITE_INTEGER) {
        bits = (uint64_t)sqlite3_value_int64(value);
    } else {
        double number = round(sqlite3_value_double(value));

        bits = number < 0         ? (uint64_t)(number > -0x1p63 ? (int64_t)number : INT64_MIN)
               : number >= 0x1p64 ? UINT64_MAX
                                  : (uint64_t)number;
    }
    if (is_unsigned) {
        give_bits(context, bits);
    } else {
        sqlite3_result_int64(context, (sqlite3_int64)bits);
    }
}

/* (x, type, scale) */
static void call_cast(sqlite3_context *context, int count, sqlite3_value **values)
{
    const char *type = (const char *)sqlite3_value_text(values[1]);
    struct bytes text;

    (void)count;
    if (sql_call_has_null(context, 1, values)) {
        return;
    }
    if (strcmp(type, "signed") == 0 || strcmp(type, "unsigned") == 0) {
        cast_whole(context, values[0], type[0] == 'u');
        return;
    }
    if (strcmp(type, "decimal") == 0 || strcmp(type, "double") == 0) {
        sqlite3_result_double(context, sqlite3_value_double(values[0]));
        return;
    }
    text = sql_call_text(values[0]);
    if (strcmp(type, "date") == 0 && text.size > 10) {
        text.size = 10;
    }
    sql_call_give(context, text);
}

/* What text is where a number is wanted; a long whole number stays text. */
static void call_number(sqlite3_context *context, int count, sqlite3_value **values)
{
    uint64_t number = 0;

    (void)count;
    if (sqlite3_value_type(values[0]) != SQLITE_TEXT) {
        sqlite3_result_value(context, values[0]);
    } else if (sql_text_to_number(sql_call_text(values[0]), &number)) {
        give_bits(context, number);
    } else {
        sqlite3_result_double(context, sqlite3_value_double(values[0]));
    }
}

const struct sql_call sql_number_calls[] = {
    {"fn_number", 1, call_number},
    {"fn_abs", 1, call_abs},
    {"fn_bit_and", 2, call_bit_and},
    {"fn_bit_count", 1, call_bit_count},
    {"fn_bit_not", 1, call_bit_not},
    {"fn_bit_or", 2, call_bit_or},
    {"fn_bit_xor", 2, call_bit_xor},
    {"fn_bits_number", 1, call_bits_number},
    {"fn_cast", 3, call_cast},
    {"fn_ceil", 1, call_ceil},
    {"fn_conv", 3, call_conv},
    {"fn_div", 2, call_div},
    {"fn_divide", 2, call_divide},
    {"fn_floor", 1, call_floor},
    {"fn_mod", 2, call_mod},
    {"fn_pow", 2, call_pow},
    {"fn_round", -1, call_round},
    {"fn_shift_left", 2, call_shift_left},
    {"fn_shift_right", 2, call_shift_right},
    {"fn_sign", 1, call_sign},
    {"fn_truncate", 2, call_truncate},
};
const size_t sql_number_call_count = sizeof(sql_number_calls) / sizeof(sql_number_calls[0]);
