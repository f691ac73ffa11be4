/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions that the translation calls, all named fn_...: MySQL's
 * functions, and its operators where SQLite's own differ.
 */
#pragma once

#include <sqlite3.h>

#include "sql_session.h"

/* What a function may make. */
enum { SQL_VALUE_MOST_BYTES = 1024 * 1024 };

struct sql_call {
    const char *name;
    int arguments; /* -1: any number; the translation has counted them */
    void (*call)(sqlite3_context *context, int count, sqlite3_value **values);
};

extern const struct sql_call sql_compare_calls[];
extern const size_t sql_compare_call_count;
extern const struct sql_call sql_number_calls[];
extern const size_t sql_number_call_count;
extern const struct sql_call sql_text_calls[];
extern const size_t sql_text_call_count;
extern const struct sql_call sql_letter_calls[];
extern const size_t sql_letter_call_count;
extern const struct sql_call sql_time_calls[];
extern const size_t sql_time_call_count;

MUST_CHECK enum status sql_calls_attach(sqlite3 *database,
                                        struct sql_engine *engine,
                                        struct error *error);

/* ---- among the functions ---- */

/* Text form; .data is NULL for NULL. Borrowed until the function returns. */
struct bytes sql_call_text(sqlite3_value *value);
void sql_call_give(sqlite3_context *context, struct bytes text);

/* Gives what was gathered, if it is not too long, and releases it. */
void sql_call_give_gathered(sqlite3_context *context, struct buffer *text);

/* True, and the answer is NULL, if one of the values is. */
bool sql_call_has_null(sqlite3_context *context, int count, sqlite3_value **values);

/* By MySQL's rules: two texts as texts without case, else as numbers. Neither is NULL. */
int sql_call_compare(sqlite3_value *left, sqlite3_value *right);

/* Now, as the session's clock has it; wall clock. */
uint64_t sql_call_now_usec(sqlite3_context *context);
