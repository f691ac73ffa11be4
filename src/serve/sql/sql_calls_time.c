/* SPDX-License-Identifier: Apache-2.0 */
/* Times are text, "2026-11-20 12:00:00" with or without a fraction, in UTC. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sql_calls.h"
#include "sql_moment.h"

enum { DAY_SEC = 86400 };

static const char *const month_names[] = {"January",   "February", "March",    "April",
                                          "May",       "June",     "July",     "August",
                                          "September", "October",  "November", "December"};
static const char *const day_names[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                        "Thursday", "Friday", "Saturday"};

static void call_now(sqlite3_context *context, int count, sqlite3_value **values)
{
    struct sql_moment moment = {
        .usec = (int64_t)(sql_call_now_usec(context) / SQL_SECOND_USEC) * SQL_SECOND_USEC};

    if (count > 0 && sqlite3_value_int64(values[0]) > 0) {
        moment.usec = (int64_t)sql_call_now_usec(context);
        moment.has_fraction = true;
    }
    sql_moment_give(context, &moment);
}

static void call_curdate(sqlite3_context *context, int count, sqlite3_value **values)
{
    const struct sql_moment moment = {.usec = (int64_t)sql_call_now_usec(context),
                                      .is_date = true};

    (void)count;
    (void)values;
    sql_moment_give(context, &moment);
}

static void give_clock(sqlite3_context *context, int64_t usec)
{
    char text[16];
    int fraction = 0;
    struct tm parts = sql_moment_split(usec, &fraction);

    (void)strftime(text, sizeof(text), "%H:%M:%S", &parts);
    sql_call_give(context, bytes_of_text(text));
}

static void call_curtime(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    (void)values;
    give_clock(context, (int64_t)sql_call_now_usec(context));
}

static void call_unix_timestamp(sqlite3_context *context, int count, sqlite3_value **values)
{
    struct sql_moment moment = {0};

    (void)count;
    if (!sql_moment_of(context, values[0], &moment)) {
        return;
    }
    if (moment.has_fraction) {
        sqlite3_result_double(context, (double)moment.usec / SQL_SECOND_USEC);
    } else {
        sqlite3_result_int64(context, moment.usec < 0 ? 0 : moment.usec / SQL_SECOND_USEC);
    }
}

static void call_date(sqlite3_context *context, int count, sqlite3_value **values)
{
    struct sql_moment moment = {0};

    (void)count;
    if (sql_moment_of(context, values[0], &moment)) {
        moment.is_date = true;
        moment.has_fraction = false;
        sql_moment_give(context, &moment);
    }
}

static void call_time(sqlite3_context *context, int count, sqlite3_value **values)
{
    struct sql_moment moment = {0};

    (void)count;
    if (sql_moment_of(context, values[0], &moment)) {
        give_clock(context, moment.usec);
    }
}

static void give_part(sqlite3_context *context, sqlite3_value *value, char part)
{
    struct sql_moment moment = {0};
    int fraction = 0;
    struct tm parts;

    if (!sql_moment_of(context, value, &moment)) {
        return;
    }
    parts = sql_moment_split(moment.usec, &fraction);
    sqlite3_result_int(context, part == 'Y'   ? parts.tm_year + 1900
                                : part == 'm' ? parts.tm_mon + 1
                                : part == 'd' ? parts.tm_mday
                                : part == 'H' ? parts.tm_hour
                                : part == 'i' ? parts.tm_min
                                              : parts.tm_sec);
}

static void call_year(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    give_part(context, values[0], 'Y');
}

static void call_month(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    give_part(context, values[0], 'm');
}

static void call_day(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    give_part(context, values[0], 'd');
}

static void call_hour(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    give_part(context, values[0], 'H');
}

static void call_minute(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    give_part(context, values[0], 'i');
}

static void call_second(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    give_part(context, values[0], 's');
}

static void call_datediff(sqlite3_context *context, int count, sqlite3_value **values)
{
    struct sql_moment left = {0};
    struct sql_moment right = {0};
    const int64_t day = (int64_t)DAY_SEC * SQL_SECOND_USEC;

    (void)count;
    if (sql_moment_of(context, values[0], &left) && sql_moment_of(context, values[1], &right)) {
        int64_t left_day = (left.usec - (left.usec % day + day) % day) / day;
        int64_t right_day = (right.usec - (right.usec % day + day) % day) / day;

        sqlite3_result_int64(context, left_day - right_day);
    }
}

/* 20261120120000: what a time is in arithmetic. */
static void call_time_number(sqlite3_context *context, int count, sqlite3_value **values)
{
    struct sql_moment moment = {0};
    int fraction = 0;
    struct tm parts;

    (void)count;
    if (!sql_moment_of(context, values[0], &moment)) {
        return;
    }
    parts = sql_moment_split(moment.usec, &fraction);
    sqlite3_result_int64(
        context,
        ((((parts.tm_year + 1900) * INT64_C(100) + parts.tm_mon + 1) * 100 + parts.tm_mday) *
             100 +
         parts.tm_hour) *
                10000 +
            parts.tm_min * 100 + parts.tm_sec);
}

/* ---- units ---- */

/* Microseconds of a unit that always has as many; 0 for months and what is made of them. */
static int64_t unit_usec(const char *unit)
{
    static const struct {
        const char *name;
        int64_t usec;
    } units[] = {
        {"microsecond", 1},
        {"second", SQL_SECOND_USEC},
        {"minute", INT64_C(60) * SQL_SECOND_USEC},
        {"hour", INT64_C(3600) * SQL_SECOND_USEC},
        {"day", INT64_C(86400) * SQL_SECOND_USEC},
        {"week", INT64_C(604800) * SQL_SECOND_USEC},
    };

    for (size_t at = 0; at < sizeof(units) / sizeof(units[0]); at++) {
        if (strcmp(unit, units[at].name) == 0) {
            return units[at].usec;
        }
    }
    return 0;
}

static int64_t unit_months(const char *unit)
{
    return strcmp(unit, "year") == 0 ? 12 : strcmp(unit, "quarter") == 0 ? 3 : 1;
}

static int month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return days[month] + (month == 1 && is_leap ? 1 : 0);
}

static int64_t add_months(int64_t usec, int64_t months)
{
    int fraction = 0;
    struct tm parts = sql_moment_split(usec, &fraction);
    int64_t month = (parts.tm_year + INT64_C(1900)) * 12 + parts.tm_mon + months;

    if (month < 0 || month >= INT64_C(10000) * 12) {
        return INT64_MAX; /* no time at all */
    }
    parts.tm_year = (int)(month / 12) - 1900;
    parts.tm_mon = (int)(month % 12);
    if (parts.tm_mday > month_days(parts.tm_year + 1900, parts.tm_mon)) {
        parts.tm_mday = month_days(parts.tm_year + 1900, parts.tm_mon);
    }
    return sql_moment_make(&parts, fraction);
}

static void add_units(sqlite3_context *context,
                      sqlite3_value *value,
                      double number,
                      const char *unit)
{
    struct sql_moment moment = {0};
    int64_t usec = unit_usec(unit);

    if (!sql_moment_of(context, value, &moment)) {
        return;
    }
    if (number > 1e17 || number < -1e17 || number * (double)usec > 9e17 ||
        number * (double)usec < -9e17) {
        sqlite3_result_null(context);
        return;
    }
    if (usec == 0) {
        moment.usec = add_months(moment.usec, (int64_t)number * unit_months(unit));
    } else {
        moment.usec += (int64_t)(number * (double)usec);
        moment.is_date = moment.is_date && usec >= (int64_t)DAY_SEC * SQL_SECOND_USEC;
        moment.has_fraction = moment.has_fraction || moment.usec % SQL_SECOND_USEC != 0;
    }
    sql_moment_give(context, &moment);
}

/* (time, number, unit) */
static void call_time_plus(sqlite3_context *context, int count, sqlite3_value **values)
{
    if (!sql_call_has_null(context, count, values)) {
        add_units(context, values[0], sqlite3_value_double(values[1]),
                  (const char *)sqlite3_value_text(values[2]));
    }
}

static void call_time_less(sqlite3_context *context, int count, sqlite3_value **values)
{
    if (!sql_call_has_null(context, count, values)) {
        add_units(context, values[0], -sqlite3_value_double(values[1]),
                  (const char *)sqlite3_value_text(values[2]));
    }
}

/* (unit, number, time) */
static void call_timestampadd(sqlite3_context *context, int count, sqlite3_value **values)
{
    if (!sql_call_has_null(context, count, values)) {
        add_units(context, values[2], sqlite3_value_double(values[1]),
                  (const char *)sqlite3_value_text(values[0]));
    }
}

/* Whole months from one moment to a later one. */
static int64_t months_between(int64_t from, int64_t to)
{
    int fraction = 0;
    struct tm first = sql_moment_split(from, &fraction);
    struct tm last = sql_moment_split(to, &fraction);
    int64_t months = (last.tm_year - first.tm_year) * INT64_C(12) + last.tm_mon - first.tm_mon;
    int64_t day = (int64_t)DAY_SEC * SQL_SECOND_USEC;
    int64_t from_in_month = (first.tm_mday * day) + ((from % day + day) % day);
    int64_t to_in_month = (last.tm_mday * day) + ((to % day + day) % day);

    return months - (to_in_month < from_in_month ? 1 : 0);
}

/* (unit, from, to) */
static void call_timestampdiff(sqlite3_context *context, int count, sqlite3_value **values)
{
    struct sql_moment from = {0};
    struct sql_moment to = {0};
    const char *unit = NULL;
    int64_t usec = 0;

    if (sql_call_has_null(context, count, values) ||
        !sql_moment_of(context, values[1], &from) || !sql_moment_of(context, values[2], &to)) {
        return;
    }
    unit = (const char *)sqlite3_value_text(values[0]);
    usec = unit_usec(unit);
    if (usec > 0) {
        sqlite3_result_int64(context, (to.usec - from.usec) / usec);
    } else {
        bool is_back = to.usec < from.usec;
        int64_t months =
            is_back ? -months_between(to.usec, from.usec) : months_between(from.usec, to.usec);

        sqlite3_result_int64(context, months / unit_months(unit));
    }
}

/* ---- formats ---- */

/* A specifier of DATE_FORMAT that is a number: its value and its digits; false for others. */
static bool find_number(char letter, const struct tm *parts, int *number, int *digits)
{
    const int hour = (parts->tm_hour + 11) % 12 + 1;
    const struct {
        char letter;
        int number;
        int digits;
    } numbers[] = {
        {'Y', parts->tm_year + 1900, 4},
        {'y', parts->tm_year % 100, 2},
        {'m', parts->tm_mon + 1, 2},
        {'c', parts->tm_mon + 1, 1},
        {'d', parts->tm_mday, 2},
        {'e', parts->tm_mday, 1},
        {'j', parts->tm_yday + 1, 3},
        {'w', parts->tm_wday, 1},
        {'H', parts->tm_hour, 2},
        {'k', parts->tm_hour, 1},
        {'h', hour, 2},
        {'I', hour, 2},
        {'l', hour, 1},
        {'i', parts->tm_min, 2},
        {'s', parts->tm_sec, 2},
        {'S', parts->tm_sec, 2},
    };

    for (size_t at = 0; at < sizeof(numbers) / sizeof(numbers[0]); at++) {
        if (numbers[at].letter == letter) {
            *number = numbers[at].number;
            *digits = numbers[at].digits;
            return true;
        }
    }
    return false;
}

/* One specifier of DATE_FORMAT (manual: "Date and Time Functions"). */
static void add_specifier(struct buffer *text, char letter, const struct tm *parts, int usec)
{
    const char *half = parts->tm_hour < 12 ? "AM" : "PM";
    int number = 0;
    int digits = 0;

    if (find_number(letter, parts, &number, &digits)) {
        buffer_add_format(text, "%0*d", digits, number);
        return;
    }
    switch (letter) {
    case 'M':
        buffer_add_text(text, month_names[parts->tm_mon]);
        break;
    case 'b':
        buffer_add_format(text, "%.3s", month_names[parts->tm_mon]);
        break;
    case 'W':
        buffer_add_text(text, day_names[parts->tm_wday]);
        break;
    case 'a':
        buffer_add_format(text, "%.3s", day_names[parts->tm_wday]);
        break;
    case 'p':
        buffer_add_text(text, half);
        break;
    case 'T':
        buffer_add_format(text, "%02d:%02d:%02d", parts->tm_hour, parts->tm_min, parts->tm_sec);
        break;
    case 'r':
        buffer_add_format(text, "%02d:%02d:%02d %s", (parts->tm_hour + 11) % 12 + 1,
                          parts->tm_min, parts->tm_sec, half);
        break;
    case 'f':
        buffer_add_format(text, "%06d", usec);
        break;
    default:
        buffer_add_number(text, (uint8_t)letter, 1);
        break;
    }
}

static void give_formatted(sqlite3_context *context, int64_t usec, struct bytes format)
{
    struct buffer text = {0};
    int fraction = 0;
    struct tm parts;

    if (!sql_moment_is_in_range(usec)) {
        sqlite3_result_null(context);
        return;
    }
    parts = sql_moment_split(usec, &fraction);
    for (size_t at = 0; at < format.size; at++) {
        if (format.data[at] == '%' && at + 1 < format.size) {
            add_specifier(&text, (char)format.data[++at], &parts, fraction);
        } else {
            buffer_add_number(&text, format.data[at], 1);
        }
    }
    sql_call_give(context, buffer_bytes(&text));
    buffer_release(&text);
}

static void call_date_format(sqlite3_context *context, int count, sqlite3_value **values)
{
    struct sql_moment moment = {0};

    if (!sql_call_has_null(context, count, values) &&
        sql_moment_of(context, values[0], &moment)) {
        give_formatted(context, moment.usec, sql_call_text(values[1]));
    }
}

/* (seconds) or (seconds, format) */
static void call_from_unixtime(sqlite3_context *context, int count, sqlite3_value **values)
{
    double seconds = sqlite3_value_double(values[0]);
    struct sql_moment moment = {0};

    if (sql_call_has_null(context, count, values)) {
        return;
    }
    if (seconds < 0 || seconds > 32536771199.0) {
        sqlite3_result_null(context);
        return;
    }
    moment.usec = sqlite3_value_type(values[0]) == SQLITE_FLOAT
                      ? (int64_t)(seconds * SQL_SECOND_USEC + 0.5)
                      : sqlite3_value_int64(values[0]) * SQL_SECOND_USEC;
    moment.has_fraction = moment.usec % SQL_SECOND_USEC != 0;
    if (count > 1) {
        give_formatted(context, moment.usec, sql_call_text(values[1]));
    } else {
        sql_moment_give(context, &moment);
    }
}

const struct sql_call sql_time_calls[] = {
    {"fn_curdate", 0, call_curdate},
    {"fn_curtime", -1, call_curtime},
    {"fn_date", 1, call_date},
    {"fn_date_format", 2, call_date_format},
    {"fn_datediff", 2, call_datediff},
    {"fn_day", 1, call_day},
    {"fn_from_unixtime", -1, call_from_unixtime},
    {"fn_hour", 1, call_hour},
    {"fn_minute", 1, call_minute},
    {"fn_month", 1, call_month},
    {"fn_now", -1, call_now},
    {"fn_second", 1, call_second},
    {"fn_time", 1, call_time},
    {"fn_time_less", 3, call_time_less},
    {"fn_time_number", 1, call_time_number},
    {"fn_time_plus", 3, call_time_plus},
    {"fn_timestampadd", 3, call_timestampadd},
    {"fn_timestampdiff", 3, call_timestampdiff},
    {"fn_unix_timestamp", 1, call_unix_timestamp},
    {"fn_year", 1, call_year},
};
const size_t sql_time_call_count = sizeof(sql_time_calls) / sizeof(sql_time_calls[0]);
