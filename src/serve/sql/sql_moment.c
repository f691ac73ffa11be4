/* SPDX-License-Identifier: Apache-2.0 */
#include "sql_moment.h"

#include <stdio.h>
#include <string.h>

#include "sql_calls.h"

bool sql_moment_is_in_range(int64_t usec)
{
    return usec >= INT64_C(-62167219200) * SQL_SECOND_USEC &&
           usec < INT64_C(253402300800) * SQL_SECOND_USEC; /* years 0 to 9999 */
}

int64_t sql_moment_make(const struct tm *parts, int usec)
{
    struct tm copy = *parts;

    return (int64_t)timegm(&copy) * SQL_SECOND_USEC + usec;
}

/* 20261120 or 20261120120000 as text with points. */
static void spell_digits(const char *digits, char text[32])
{
    size_t size = strlen(digits);

    if (size == 8 || size == 14) {
        (void)snprintf(text, 32, "%.4s-%.2s-%.2s %.2s:%.2s:%.2s", digits, digits + 4,
                       digits + 6, size == 14 ? digits + 8 : "00",
                       size == 14 ? digits + 10 : "00", size == 14 ? digits + 12 : "00");
    }
}

static int read_fraction(const char *text)
{
    int usec = 0;
    int scale = 100000;

    for (; *text >= '0' && *text <= '9' && scale > 0; text++, scale /= 10) {
        usec += (*text - '0') * scale;
    }
    return usec;
}

static bool read_moment(sqlite3_value *value, struct sql_moment *moment)
{
    const char *written = (const char *)sqlite3_value_text(value);
    struct tm parts = {0};
    char text[32] = "";
    char separator = 0;
    int used = 0;
    int count = 0;

    if (written == NULL || strlen(written) > 31) {
        return false;
    }
    (void)snprintf(text, sizeof(text), "%s", written);
    if (strspn(written, "0123456789") == strlen(written)) {
        spell_digits(written, text);
    }
    count =
        sscanf(text, "%4d-%2d-%2d%c%2d:%2d:%2d%n", &parts.tm_year, &parts.tm_mon,
               &parts.tm_mday, &separator, &parts.tm_hour, &parts.tm_min, &parts.tm_sec, &used);
    if (count < 3 || (count > 3 && separator != ' ' && separator != 'T') || parts.tm_mon < 1 ||
        parts.tm_mon > 12 || parts.tm_mday < 1 || parts.tm_mday > 31 || parts.tm_year < 0 ||
        parts.tm_hour < 0 || parts.tm_hour > 23 || parts.tm_min < 0 || parts.tm_min > 59 ||
        parts.tm_sec < 0 || parts.tm_sec > 59) {
        return false;
    }
    parts.tm_year -= 1900;
    parts.tm_mon -= 1;
    moment->is_date = count == 3;
    moment->has_fraction = used > 0 && text[used] == '.';
    moment->usec =
        sql_moment_make(&parts, moment->has_fraction ? read_fraction(text + used + 1) : 0);
    return true;
}

struct tm sql_moment_split(int64_t usec, int *fraction)
{
    int64_t seconds = usec / SQL_SECOND_USEC;
    struct tm parts;
    time_t time = 0;

    *fraction = (int)(usec % SQL_SECOND_USEC);
    if (*fraction < 0) {
        *fraction += SQL_SECOND_USEC;
        seconds--;
    }
    time = (time_t)seconds;
    (void)gmtime_r(&time, &parts);
    return parts;
}

void sql_moment_give(sqlite3_context *context, const struct sql_moment *moment)
{
    char text[80];
    int fraction = 0;
    struct tm parts;

    if (!sql_moment_is_in_range(moment->usec)) {
        sqlite3_result_null(context);
        return;
    }
    parts = sql_moment_split(moment->usec, &fraction);
    (void)snprintf(text, sizeof(text), "%04d-%02d-%02d", parts.tm_year + 1900, parts.tm_mon + 1,
                   parts.tm_mday);
    if (!moment->is_date) {
        (void)snprintf(text + 10, sizeof(text) - 10, " %02d:%02d:%02d", parts.tm_hour,
                       parts.tm_min, parts.tm_sec);
    }
    if (moment->has_fraction) {
        (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), ".%06d", fraction);
    }
    sql_call_give(context, bytes_of_text(text));
}

bool sql_moment_of(sqlite3_context *context, sqlite3_value *value, struct sql_moment *moment)
{
    if (sqlite3_value_type(value) == SQLITE_NULL || !read_moment(value, moment)) {
        sqlite3_result_null(context);
        return false;
    }
    return true;
}
