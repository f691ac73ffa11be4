/* SPDX-License-Identifier: Apache-2.0 */
/* A time of SQL: text, "2026-11-20 12:00:00" with or without a fraction, in UTC. */
#pragma once

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

enum { SQL_SECOND_USEC = 1000000 };

struct sql_moment {
    int64_t usec; /* since 1970 */
    bool has_fraction;
    bool is_date; /* no time of day was written */
};

/* Years 0 to 9999. */
bool sql_moment_is_in_range(int64_t usec);

int64_t sql_moment_make(const struct tm *parts, int usec);

/* Splits into parts and the microseconds behind them. */
struct tm sql_moment_split(int64_t usec, int *fraction);

void sql_moment_give(sqlite3_context *context, const struct sql_moment *moment);

/* Reads one from text or digits; false, and the answer is NULL, if it is none. */
bool sql_moment_of(sqlite3_context *context, sqlite3_value *value, struct sql_moment *moment);
