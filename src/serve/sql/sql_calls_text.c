/* SPDX-License-Identifier: Apache-2.0 */
/* Functions of text, which is UTF-8: places and lengths count characters, as in MySQL. */
#include <stdlib.h>
#include <string.h>

#include "sql_calls.h"

static bool begins_character(uint8_t byte)
{
    return (byte & 0xC0) != 0x80;
}

static size_t count_characters(struct bytes text)
{
    size_t count = 0;

    for (size_t at = 0; at < text.size; at++) {
        count += begins_character(text.data[at]) ? 1 : 0;
    }
    return count;
}

/* Where character number `count` begins; the end if there are not so many. */
static size_t offset_of(struct bytes text, uint64_t count)
{
    size_t at = 0;

    while (at < text.size && count > 0) {
        at++;
        while (at < text.size && !begins_character(text.data[at])) {
            at++;
        }
        count--;
    }
    return at;
}

static struct bytes part_of(struct bytes text, size_t begin, size_t end)
{
    return (struct bytes){.data = text.data + begin, .size = end - begin};
}

static bool is_at(struct bytes text, size_t at, struct bytes what, bool ignores_case)
{
    if (what.size > text.size - at) {
        return false;
    }
    return ignores_case ? sqlite3_strnicmp((const char *)text.data + at,
                                           (const char *)what.data, (int)what.size) == 0
                        : memcmp(text.data + at, what.data, what.size) == 0;
}

/* The next place of `what` from `at` on; the size of the text + 1 if there is none. */
static size_t find(struct bytes text, size_t at, struct bytes what, bool ignores_case)
{
    for (; at + what.size <= text.size; at++) {
        if (is_at(text, at, what, ignores_case)) {
            return at;
        }
    }
    return text.size + 1;
}

static void call_concat(sqlite3_context *context, int count, sqlite3_value **values)
{
    struct buffer text = {0};

    if (sql_call_has_null(context, count, values)) {
        return;
    }
    for (int at = 0; at < count; at++) {
        buffer_add_bytes(&text, sql_call_text(values[at]));
    }
    sql_call_give_gathered(context, &text);
}

/* NULLs behind the separator are left out. */
static void call_concat_ws(sqlite3_context *context, int count, sqlite3_value **values)
{
    struct buffer text = {0};
    bool is_first = true;

    if (sql_call_has_null(context, 1, values)) {
        return;
    }
    for (int at = 1; at < count; at++) {
        if (sqlite3_value_type(values[at]) == SQLITE_NULL) {
            continue;
        }
        if (!is_first) {
            buffer_add_bytes(&text, sql_call_text(values[0]));
        }
        buffer_add_bytes(&text, sql_call_text(values[at]));
        is_first = false;
    }
    sql_call_give_gathered(context, &text);
}

/* What is before the count-th delimiter, from the left or, below zero, from the right. */
static void call_substring_index(sqlite3_context *context, int count, sqlite3_value **values)
{
    struct bytes text = sql_call_text(values[0]);
    struct bytes delimiter = sql_call_text(values[1]);
    sqlite3_int64 wanted = sqlite3_value_int64(values[2]);
    size_t at = 0;

    if (sql_call_has_null(context, count, values)) {
        return;
    }
    if (wanted == 0 || delimiter.size == 0) {
        sql_call_give(context, (struct bytes){0});
        return;
    }
    if (wanted > 0) {
        for (at = find(text, 0, delimiter, false); at <= text.size && --wanted > 0;) {
            at = find(text, at + delimiter.size, delimiter, false);
        }
        sql_call_give(context, at > text.size ? text : part_of(text, 0, at));
        return;
    }
    for (at = text.size + 1; at-- > 0;) {
        if (is_at(text, at, delimiter, false)) {
            if (++wanted == 0) {
                sql_call_give(context, part_of(text, at + delimiter.size, text.size));
                return;
            }
            at = at >= delimiter.size - 1 ? at - (delimiter.size - 1) : 0;
        }
    }
    sql_call_give(context, text);
}

/* Places count from 1, below zero from the end. */
static void call_substring(sqlite3_context *context, int count, sqlite3_value **values)
{
    struct bytes text = sql_call_text(values[0]);
    sqlite3_int64 place = sqlite3_value_int64(values[1]);
    sqlite3_int64 wanted = count > 2 ? sqlite3_value_int64(values[2]) : INT64_MAX;
    sqlite3_int64 characters = 0;
    size_t begin = 0;

    if (sql_call_has_null(context, count, values)) {
        return;
    }
    characters = (sqlite3_int64)count_characters(text);
    if (place == 0 || wanted <= 0 || place > characters || place < -characters) {
        sql_call_give(context, (struct bytes){0});
        return;
    }
    begin = offset_of(text, (uint64_t)(place > 0 ? place - 1 : characters + place));
    text = part_of(text, begin, text.size);
    sql_call_give(context, part_of(text, 0, offset_of(text, (uint64_t)wanted)));
}

static void call_left(sqlite3_context *context, int count, sqlite3_value **values)
{
    struct bytes text = sql_call_text(values[0]);
    sqlite3_int64 wanted = sqlite3_value_int64(values[1]);

    if (!sql_call_has_null(context, count, values)) {
        sql_call_give(context,
                      part_of(text, 0, wanted <= 0 ? 0 : offset_of(text, (uint64_t)wanted)));
    }
}

static void call_right(sqlite3_context *context, int count, sqlite3_value **values)
{
    struct bytes text = sql_call_text(values[0]);
    sqlite3_int64 wanted = sqlite3_value_int64(values[1]);
    sqlite3_int64 characters = 0;

    if (sql_call_has_null(context, count, values)) {
        return;
    }
    characters = (sqlite3_int64)count_characters(text);
    wanted = wanted < 0 ? 0 : wanted > characters ? characters : wanted;
    sql_call_give(context,
                  part_of(text, offset_of(text, (uint64_t)(characters - wanted)), text.size));
}

static void call_length(sqlite3_context *context, int count, sqlite3_value **values)
{
    if (!sql_call_has_null(context, count, values)) {
        sqlite3_result_int64(context, (sqlite3_int64)sql_call_text(values[0]).size);
    }
}

static void call_char_length(sqlite3_context *context, int count, sqlite3_value **values)
{
    if (!sql_call_has_null(context, count, values)) {
        sqlite3_result_int64(context,
                             (sqlite3_int64)count_characters(sql_call_text(values[0])));
    }
}

/* (text) or (what, text): what is taken off is a blank, or `what`. */
static void trim(
    sqlite3_context *context, int count, sqlite3_value **values, bool at_begin, bool at_end)
{
    struct bytes what = count > 1 ? sql_call_text(values[0]) : bytes_of_text(" ");
    struct bytes text = sql_call_text(values[count - 1]);

    if (sql_call_has_null(context, count, values)) {
        return;
    }
    while (at_begin && what.size > 0 && text.size >= what.size && is_at(text, 0, what, false)) {
        text = part_of(text, what.size, text.size);
    }
    while (at_end && what.size > 0 && text.size >= what.size &&
           is_at(text, text.size - what.size, what, false)) {
        text.size -= what.size;
    }
    sql_call_give(context, text);
}

static void call_trim(sqlite3_context *context, int count, sqlite3_value **values)
{
    trim(context, count, values, true, true);
}

static void call_ltrim(sqlite3_context *context, int count, sqlite3_value **values)
{
    trim(context, count, values, true, false);
}

static void call_rtrim(sqlite3_context *context, int count, sqlite3_value **values)
{
    trim(context, count, values, false, true);
}

static void pad(sqlite3_context *context, int count, sqlite3_value **values, bool is_left)
{
    struct bytes text = sql_call_text(values[0]);
    sqlite3_int64 wanted = sqlite3_value_int64(values[1]);
    struct bytes with = sql_call_text(values[2]);
    sqlite3_int64 characters = 0;
    struct buffer padding = {0};
    struct buffer padded = {0};

    if (sql_call_has_null(context, count, values)) {
        return;
    }
    characters = (sqlite3_int64)count_characters(text);
    if (wanted < 0 || wanted > SQL_VALUE_MOST_BYTES ||
        (wanted > characters && with.size == 0)) {
        sqlite3_result_null(context);
        return;
    }
    if (wanted <= characters) {
        sql_call_give(context, part_of(text, 0, offset_of(text, (uint64_t)wanted)));
        return;
    }
    while ((sqlite3_int64)padding.size < (wanted - characters) * 4 &&
           padding.size < SQL_VALUE_MOST_BYTES) {
        buffer_add_bytes(&padding, with); /* a character has up to four bytes */
    }
    padding.size = offset_of(buffer_bytes(&padding), (uint64_t)(wanted - characters));
    buffer_add_bytes(&padded, is_left ? buffer_bytes(&padding) : text);
    buffer_add_bytes(&padded, is_left ? text : buffer_bytes(&padding));
    buffer_release(&padding);
    sql_call_give_gathered(context, &padded);
}

static void call_lpad(sqlite3_context *context, int count, sqlite3_value **values)
{
    pad(context, count, values, true);
}

static void call_rpad(sqlite3_context *context, int count, sqlite3_value **values)
{
    pad(context, count, values, false);
}

static void call_replace(sqlite3_context *context, int count, sqlite3_value **values)
{
    struct bytes text = sql_call_text(values[0]);
    struct bytes from = sql_call_text(values[1]);
    struct buffer changed = {0};
    size_t at = 0;

    if (sql_call_has_null(context, count, values)) {
        return;
    }
    while (at < text.size && changed.size <= SQL_VALUE_MOST_BYTES) {
        size_t next = from.size == 0 ? text.size : find(text, at, from, false);

        if (next > text.size || from.size == 0) {
            next = text.size;
        }
        buffer_add_bytes(&changed, part_of(text, at, next));
        if (next < text.size) {
            buffer_add_bytes(&changed, sql_call_text(values[2]));
            next += from.size;
        }
        at = next;
    }
    sql_call_give_gathered(context, &changed);
}

static void call_repeat(sqlite3_context *context, int count, sqlite3_value **values)
{
    struct bytes text = sql_call_text(values[0]);
    sqlite3_int64 times = sqlite3_value_int64(values[1]);
    struct buffer repeated = {0};

    if (sql_call_has_null(context, count, values)) {
        return;
    }
    for (; text.size > 0 && times > 0 && repeated.size <= SQL_VALUE_MOST_BYTES; times--) {
        buffer_add_bytes(&repeated, text);
    }
    sql_call_give_gathered(context, &repeated);
}

static void call_reverse(sqlite3_context *context, int count, sqlite3_value **values)
{
    struct bytes text = sql_call_text(values[0]);
    struct buffer turned = {0};
    size_t end = text.size;

    if (sql_call_has_null(context, count, values)) {
        return;
    }
    for (size_t at = text.size; at-- > 0;) {
        if (begins_character(text.data[at])) {
            buffer_add_bytes(&turned, part_of(text, at, end));
            end = at;
        }
    }
    sql_call_give_gathered(context, &turned);
}

/* Gives the number of the character where `what` begins, from a place on; 0: nowhere. */
static void locate(sqlite3_context *context,
                   struct bytes what,
                   struct bytes text,
                   sqlite3_int64 from)
{
    size_t at = 0;

    if (from < 1 || (uint64_t)from > count_characters(text) + 1) {
        sqlite3_result_int(context, 0);
        return;
    }
    at = find(text, offset_of(text, (uint64_t)from - 1), what, true);
    sqlite3_result_int64(
        context,
        at > text.size ? 0 : (sqlite3_int64)count_characters(part_of(text, 0, at)) + 1);
}

static void call_instr(sqlite3_context *context, int count, sqlite3_value **values)
{
    if (!sql_call_has_null(context, count, values)) {
        locate(context, sql_call_text(values[1]), sql_call_text(values[0]), 1);
    }
}

static void call_locate(sqlite3_context *context, int count, sqlite3_value **values)
{
    if (!sql_call_has_null(context, count, values)) {
        locate(context, sql_call_text(values[0]), sql_call_text(values[1]),
               count > 2 ? sqlite3_value_int64(values[2]) : 1);
    }
}

/* True if the text is like the pattern: % any text, _ one character, without case. Goes back
 * only to the last %, so that it takes no more than size times size steps. */
static bool is_like(struct bytes text, struct bytes pattern, int escape)
{
    size_t at = 0;
    size_t place = 0;
    size_t percent = SIZE_MAX;
    size_t resume = 0;

    while (at < text.size) {
        bool is_escaped = place + 1 < pattern.size && pattern.data[place] == escape;
        size_t letter = place + (is_escaped ? 1 : 0);

        if (place < pattern.size && !is_escaped && pattern.data[place] == '%') {
            percent = ++place;
            resume = at;
        } else if (place < pattern.size && !is_escaped && pattern.data[place] == '_') {
            at += offset_of(part_of(text, at, text.size), 1);
            place++;
        } else if (letter < pattern.size &&
                   is_at(text, at, part_of(pattern, letter, letter + 1), true)) {
            at++;
            place = letter + 1;
        } else if (percent != SIZE_MAX) {
            place = percent;
            at = ++resume;
        } else {
            return false;
        }
    }
    while (place < pattern.size && pattern.data[place] == '%') {
        place++;
    }
    return place == pattern.size;
}

/* (text, pattern, escape) */
static void call_like(sqlite3_context *context, int count, sqlite3_value **values)
{
    struct bytes escape = sql_call_text(values[2]);
    struct bytes pattern = sql_call_text(values[1]);
    enum { PATTERN_MOST_BYTES = 1024 };

    if (sql_call_has_null(context, count, values)) {
        return;
    }
    if (pattern.size > PATTERN_MOST_BYTES) {
        sqlite3_result_error_toobig(context);
        return;
    }
    sqlite3_result_int(context, is_like(sql_call_text(values[0]), pattern,
                                        escape.size == 0 ? -1 : escape.data[0]));
}

const struct sql_call sql_text_calls[] = {
    {"fn_char_length", 1, call_char_length},
    {"fn_concat", -1, call_concat},
    {"fn_concat_ws", -1, call_concat_ws},
    {"fn_instr", 2, call_instr},
    {"fn_left", 2, call_left},
    {"fn_length", 1, call_length},
    {"fn_like", 3, call_like},
    {"fn_locate", -1, call_locate},
    {"fn_lpad", 3, call_lpad},
    {"fn_ltrim", -1, call_ltrim},
    {"fn_repeat", 2, call_repeat},
    {"fn_replace", 3, call_replace},
    {"fn_reverse", 1, call_reverse},
    {"fn_right", 2, call_right},
    {"fn_rpad", 3, call_rpad},
    {"fn_rtrim", -1, call_rtrim},
    {"fn_substring", -1, call_substring},
    {"fn_substring_index", 3, call_substring_index},
    {"fn_trim", -1, call_trim},
};
const size_t sql_text_call_count = sizeof(sql_text_calls) / sizeof(sql_text_calls[0]);
