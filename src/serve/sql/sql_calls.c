/* SPDX-License-Identifier: Apache-2.0 */
/* Comparison, choice and variables. */
#include "sql_calls.h"

#include <stdlib.h>
#include <string.h>

#include "sql_engine.h"

struct bytes sql_call_text(sqlite3_value *value)
{
    struct bytes text = {.data = sqlite3_value_text(value)};

    if (text.data != NULL) {
        text.size = (size_t)sqlite3_value_bytes(value);
    }
    return text;
}

void sql_call_give(sqlite3_context *context, struct bytes text)
{
    sqlite3_result_text64(context, text.size == 0 ? "" : (const char *)text.data, text.size,
                          SQLITE_TRANSIENT, SQLITE_UTF8);
}

void sql_call_give_gathered(sqlite3_context *context, struct buffer *text)
{
    if (text->size > SQL_VALUE_MOST_BYTES) {
        sqlite3_result_error_toobig(context);
    } else {
        sql_call_give(context, buffer_bytes(text));
    }
    buffer_release(text);
}

bool sql_call_has_null(sqlite3_context *context, int count, sqlite3_value **values)
{
    for (int at = 0; at < count; at++) {
        if (sqlite3_value_type(values[at]) == SQLITE_NULL) {
            sqlite3_result_null(context);
            return true;
        }
    }
    return false;
}

static int order_of(double left, double right)
{
    return left < right ? -1 : left > right ? 1 : 0;
}

int sql_call_compare(sqlite3_value *left, sqlite3_value *right)
{
    int left_type = sqlite3_value_type(left);
    int right_type = sqlite3_value_type(right);

    if (left_type == SQLITE_TEXT && right_type == SQLITE_TEXT) {
        struct bytes one = sql_call_text(left);
        struct bytes other = sql_call_text(right);
        size_t shorter = one.size < other.size ? one.size : other.size;
        int order =
            sqlite3_strnicmp((const char *)one.data, (const char *)other.data, (int)shorter);

        return order != 0 ? order : (one.size > other.size) - (one.size < other.size);
    }
    if (left_type == SQLITE_INTEGER && right_type == SQLITE_INTEGER) {
        sqlite3_int64 one = sqlite3_value_int64(left);
        sqlite3_int64 other = sqlite3_value_int64(right);

        return (one > other) - (one < other);
    }
    return order_of(sqlite3_value_double(left), sqlite3_value_double(right));
}

uint64_t sql_call_now_usec(sqlite3_context *context)
{
    return sql_session_now_usec(sql_engine_session(sqlite3_user_data(context)));
}

static void call_compare(sqlite3_context *context, int count, sqlite3_value **values)
{
    if (!sql_call_has_null(context, count, values)) {
        sqlite3_result_int(context, sql_call_compare(values[0], values[1]));
    }
}

/* NULL-safe equality. */
static void call_same(sqlite3_context *context, int count, sqlite3_value **values)
{
    bool left_is_null = sqlite3_value_type(values[0]) == SQLITE_NULL;
    bool right_is_null = sqlite3_value_type(values[1]) == SQLITE_NULL;

    (void)count;
    if (left_is_null || right_is_null) {
        sqlite3_result_int(context, left_is_null && right_is_null);
    } else {
        sqlite3_result_int(context, sql_call_compare(values[0], values[1]) == 0);
    }
}

static void call_between(sqlite3_context *context, int count, sqlite3_value **values)
{
    bool low_is_null = sqlite3_value_type(values[1]) == SQLITE_NULL;
    bool high_is_null = sqlite3_value_type(values[2]) == SQLITE_NULL;
    bool is_below = false;
    bool is_above = false;

    if (sql_call_has_null(context, 1, values)) {
        return;
    }
    is_below = !low_is_null && sql_call_compare(values[0], values[1]) < 0;
    is_above = !high_is_null && sql_call_compare(values[0], values[2]) > 0;
    (void)count;
    if (!is_below && !is_above && (low_is_null || high_is_null)) {
        sqlite3_result_null(context);
    } else {
        sqlite3_result_int(context, !is_below && !is_above);
    }
}

static void call_in(sqlite3_context *context, int count, sqlite3_value **values)
{
    bool has_null = false;

    if (sql_call_has_null(context, 1, values)) {
        return;
    }
    for (int at = 1; at < count; at++) {
        if (sqlite3_value_type(values[at]) == SQLITE_NULL) {
            has_null = true;
        } else if (sql_call_compare(values[0], values[at]) == 0) {
            sqlite3_result_int(context, 1);
            return;
        }
    }
    if (has_null) {
        sqlite3_result_null(context);
    } else {
        sqlite3_result_int(context, 0);
    }
}

static void call_coalesce(sqlite3_context *context, int count, sqlite3_value **values)
{
    for (int at = 0; at < count; at++) {
        if (sqlite3_value_type(values[at]) != SQLITE_NULL) {
            sqlite3_result_value(context, values[at]);
            return;
        }
    }
    sqlite3_result_null(context);
}

static void call_if(sqlite3_context *context, int count, sqlite3_value **values)
{
    bool is_true = sqlite3_value_type(values[0]) != SQLITE_NULL &&
                   (sqlite3_value_double(values[0]) < 0 || sqlite3_value_double(values[0]) > 0);

    (void)count;
    sqlite3_result_value(context, is_true ? values[1] : values[2]);
}

static void call_nullif(sqlite3_context *context, int count, sqlite3_value **values)
{
    bool has_null = sqlite3_value_type(values[0]) == SQLITE_NULL ||
                    sqlite3_value_type(values[1]) == SQLITE_NULL;

    (void)count;
    if (!has_null && sql_call_compare(values[0], values[1]) == 0) {
        sqlite3_result_null(context);
    } else {
        sqlite3_result_value(context, values[0]);
    }
}

static void call_isnull(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    sqlite3_result_int(context, sqlite3_value_type(values[0]) == SQLITE_NULL);
}

static void give_extreme(sqlite3_context *context, int count, sqlite3_value **values, int sign)
{
    sqlite3_value *found = values[0];

    if (sql_call_has_null(context, count, values)) {
        return;
    }
    for (int at = 1; at < count; at++) {
        if (sql_call_compare(values[at], found) * sign > 0) {
            found = values[at];
        }
    }
    sqlite3_result_value(context, found);
}

static void call_greatest(sqlite3_context *context, int count, sqlite3_value **values)
{
    give_extreme(context, count, values, 1);
}

static void call_least(sqlite3_context *context, int count, sqlite3_value **values)
{
    give_extreme(context, count, values, -1);
}

static void call_xor(sqlite3_context *context, int count, sqlite3_value **values)
{
    if (!sql_call_has_null(context, count, values)) {
        bool left = sqlite3_value_double(values[0]) < 0 || sqlite3_value_double(values[0]) > 0;
        bool right = sqlite3_value_double(values[1]) < 0 || sqlite3_value_double(values[1]) > 0;

        sqlite3_result_int(context, left != right);
    }
}

/* A whole number within 63 bits; the others stay text, as in the tables. */
static void give_value(sqlite3_context *context, const struct sql_value *value)
{
    struct bytes text = value->text;
    bool is_negative = value->kind == SQL_INTEGER && text.size > 1 && text.data[0] == '-';
    uint64_t number = 0;

    if (is_negative) {
        text.data++;
        text.size--;
    }
    if (value->kind == SQL_INTEGER && sql_text_to_number(text, &number) &&
        number <= INT64_MAX) {
        sqlite3_result_int64(context,
                             is_negative ? -(sqlite3_int64)number : (sqlite3_int64)number);
    } else if (value->kind == SQL_DECIMAL || value->kind == SQL_REAL) {
        char digits[64];
        size_t size = text.size < sizeof(digits) - 1 ? text.size : sizeof(digits) - 1;

        memcpy(digits, text.data, size);
        digits[size] = '\0';
        sqlite3_result_double(context, strtod(digits, NULL));
    } else {
        sql_call_give(context, value->text);
    }
}

static void call_variable(sqlite3_context *context, int count, sqlite3_value **values)
{
    const struct sql_session *session = sql_engine_session(sqlite3_user_data(context));
    const struct sql_value *value =
        sql_assigned_find(&session->assigned, SQL_SCOPE_USER, sql_call_text(values[0]));

    (void)count;
    if (value == NULL || value->kind == SQL_NULL) {
        sqlite3_result_null(context);
    } else {
        give_value(context, value);
    }
}

/* What a variable keeps of a value: its type, unless the expression's is known better. */
static struct sql_value kept_value(sqlite3_value *value, int kind)
{
    struct sql_value kept = {.text = sql_call_text(value)};

    switch (sqlite3_value_type(value)) {
    case SQLITE_NULL:
        return sql_null();
    case SQLITE_INTEGER:
        kept.kind = SQL_INTEGER;
        break;
    case SQLITE_FLOAT:
        kept.kind = kind == SQL_DECIMAL ? SQL_DECIMAL : SQL_REAL;
        break;
    default:
        kept.kind = SQL_TEXT;
        break;
    }
    return kept;
}

/* (name, value, kind, scale) */
static void call_assign(sqlite3_context *context, int count, sqlite3_value **values)
{
    struct sql_engine *engine = sqlite3_user_data(context);
    int kind = sqlite3_value_int(values[2]);
    struct sql_value value;
    struct error error;
    char text[64];

    (void)count;
    value = kept_value(values[1], kind);
    if (value.kind == SQL_DECIMAL) {
        (void)sqlite3_snprintf(sizeof(text), text, "%.*f", sqlite3_value_int(values[3]),
                               sqlite3_value_double(values[1]));
        value.text = bytes_of_text(text);
    }
    if (sql_assigned_set(&sql_engine_statement(engine)->session->assigned, SQL_SCOPE_USER,
                         sql_call_text(values[0]), value, &error) != STATUS_OK) {
        (void)sql_engine_fail(engine, &error);
        sqlite3_result_error(context, error.message, -1);
        return;
    }
    sqlite3_result_value(context, values[1]);
}

const struct sql_call sql_compare_calls[] = {
    {"fn_assign", 4, call_assign},
    {"fn_between", 3, call_between},
    {"fn_coalesce", -1, call_coalesce},
    {"fn_compare", 2, call_compare},
    {"fn_greatest", -1, call_greatest},
    {"fn_if", 3, call_if},
    {"fn_in", -1, call_in},
    {"fn_isnull", 1, call_isnull},
    {"fn_least", -1, call_least},
    {"fn_nullif", 2, call_nullif},
    {"fn_same", 2, call_same},
    {"fn_variable", 1, call_variable},
    {"fn_xor", 2, call_xor},
};
const size_t sql_compare_call_count = sizeof(sql_compare_calls) / sizeof(sql_compare_calls[0]);

static enum status attach(sqlite3 *database,
                          struct sql_engine *engine,
                          const struct sql_call *calls,
                          size_t count)
{
    for (size_t at = 0; at < count; at++) {
        if (sqlite3_create_function_v2(database, calls[at].name, calls[at].arguments,
                                       SQLITE_UTF8, engine, calls[at].call, NULL, NULL,
                                       NULL) != SQLITE_OK) {
            return STATUS_SYSTEM;
        }
    }
    return STATUS_OK;
}

enum status sql_calls_attach(sqlite3 *database, struct sql_engine *engine, struct error *error)
{
    if (attach(database, engine, sql_compare_calls, sql_compare_call_count) != STATUS_OK ||
        attach(database, engine, sql_number_calls, sql_number_call_count) != STATUS_OK ||
        attach(database, engine, sql_text_calls, sql_text_call_count) != STATUS_OK ||
        attach(database, engine, sql_letter_calls, sql_letter_call_count) != STATUS_OK ||
        attach(database, engine, sql_time_calls, sql_time_call_count) != STATUS_OK) {
        return error_set(error, STATUS_SYSTEM, "SQL engine: %s", sqlite3_errmsg(database));
    }
    return STATUS_OK;
}
