/* SPDX-License-Identifier: Apache-2.0 */
/* Which functions may be called, with how many arguments, and what comes out. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "sql_errors.h"
#include "sql_translator.h"

enum { NAME_SHOWN_BYTES = 64, ANY = 16 };

/* What the result is: of a kind, or of what the arguments are. */
enum result { WHOLE, TEXT, TIME, REAL, AS_FIRST, AS_ALL, AS_ALL_BUT_FIRST, AS_AVERAGE };

struct function_row {
    const char *name;
    int least; /* arguments */
    int most;
    const char *call; /* SQLite's or ours, with "(" */
    enum result result;
};

static const struct function_row rows[] = {
    /* clang-format off */
    {"abs",               1, 1,   "fn_abs(",               AS_FIRST},
    {"any_value",         1, 1,   "fn_coalesce(",          AS_FIRST},
    {"ascii",             1, 1,   "fn_ascii(",             WHOLE},
    {"avg",               1, 1,   "avg(",                  AS_AVERAGE},
    {"bit_count",         1, 1,   "fn_bit_count(",         WHOLE},
    {"ceil",              1, 1,   "fn_ceil(",              WHOLE},
    {"ceiling",           1, 1,   "fn_ceil(",              WHOLE},
    {"char_length",       1, 1,   "fn_char_length(",       WHOLE},
    {"character_length",  1, 1,   "fn_char_length(",       WHOLE},
    {"coalesce",          1, ANY, "fn_coalesce(",          AS_ALL},
    {"concat",            1, ANY, "fn_concat(",            TEXT},
    {"concat_ws",         2, ANY, "fn_concat_ws(",         TEXT},
    {"conv",              3, 3,   "fn_conv(",              TEXT},
    {"curdate",           0, 0,   "fn_curdate(",           TEXT},
    {"current_date",      0, 0,   "fn_curdate(",           TEXT},
    {"current_time",      0, 1,   "fn_curtime(",           TEXT},
    {"current_timestamp", 0, 1,   "fn_now(",               TIME},
    {"curtime",           0, 1,   "fn_curtime(",           TEXT},
    {"date",              1, 1,   "fn_date(",              TEXT},
    {"date_format",       2, 2,   "fn_date_format(",       TEXT},
    {"datediff",          2, 2,   "fn_datediff(",          WHOLE},
    {"day",               1, 1,   "fn_day(",               WHOLE},
    {"dayofmonth",        1, 1,   "fn_day(",               WHOLE},
    {"elt",               2, ANY, "fn_elt(",               TEXT},
    {"field",             2, ANY, "fn_field(",             WHOLE},
    {"floor",             1, 1,   "fn_floor(",             WHOLE},
    {"from_unixtime",     1, 2,   "fn_from_unixtime(",     TIME},
    {"greatest",          2, ANY, "fn_greatest(",          AS_ALL},
    {"hex",               1, 1,   "fn_hex(",               TEXT},
    {"hour",              1, 1,   "fn_hour(",              WHOLE},
    {"if",                3, 3,   "fn_if(",                AS_ALL_BUT_FIRST},
    {"ifnull",            2, 2,   "fn_coalesce(",          AS_ALL},
    {"instr",             2, 2,   "fn_instr(",             WHOLE},
    {"isnull",            1, 1,   "fn_isnull(",            WHOLE},
    {"lcase",             1, 1,   "fn_lower(",             TEXT},
    {"least",             2, ANY, "fn_least(",             AS_ALL},
    {"left",              2, 2,   "fn_left(",              TEXT},
    {"length",            1, 1,   "fn_length(",            WHOLE},
    {"localtime",         0, 1,   "fn_now(",               TIME},
    {"localtimestamp",    0, 1,   "fn_now(",               TIME},
    {"locate",            2, 3,   "fn_locate(",            WHOLE},
    {"lower",             1, 1,   "fn_lower(",             TEXT},
    {"lpad",              3, 3,   "fn_lpad(",              TEXT},
    {"ltrim",             1, 1,   "fn_ltrim(",             TEXT},
    {"max",               1, 1,   "max(",                  AS_FIRST},
    {"mid",               2, 3,   "fn_substring(",         TEXT},
    {"min",               1, 1,   "min(",                  AS_FIRST},
    {"minute",            1, 1,   "fn_minute(",            WHOLE},
    {"mod",               2, 2,   "fn_mod(",               AS_ALL},
    {"month",             1, 1,   "fn_month(",             WHOLE},
    {"now",               0, 1,   "fn_now(",               TIME},
    {"nullif",            2, 2,   "fn_nullif(",            AS_FIRST},
    {"octet_length",      1, 1,   "fn_length(",            WHOLE},
    {"pow",               2, 2,   "fn_pow(",               REAL},
    {"power",             2, 2,   "fn_pow(",               REAL},
    {"repeat",            2, 2,   "fn_repeat(",            TEXT},
    {"replace",           3, 3,   "fn_replace(",           TEXT},
    {"reverse",           1, 1,   "fn_reverse(",           TEXT},
    {"right",             2, 2,   "fn_right(",             TEXT},
    {"round",             1, 2,   "fn_round(",             AS_FIRST},
    {"rpad",              3, 3,   "fn_rpad(",              TEXT},
    {"rtrim",             1, 1,   "fn_rtrim(",             TEXT},
    {"second",            1, 1,   "fn_second(",            WHOLE},
    {"sign",              1, 1,   "fn_sign(",              WHOLE},
    {"strcmp",            2, 2,   "fn_strcmp(",            WHOLE},
    {"substr",            2, 3,   "fn_substring(",         TEXT},
    {"substring",         2, 3,   "fn_substring(",         TEXT},
    {"substring_index",   3, 3,   "fn_substring_index(",   TEXT},
    {"sum",               1, 1,   "sum(",                  AS_FIRST},
    {"sysdate",           0, 1,   "fn_now(",               TIME},
    {"time",              1, 1,   "fn_time(",              TEXT},
    {"truncate",          2, 2,   "fn_truncate(",          AS_FIRST},
    {"ucase",             1, 1,   "fn_upper(",             TEXT},
    {"unhex",             1, 1,   "fn_unhex(",             TEXT},
    {"unix_timestamp",    1, 1,   "fn_unix_timestamp(",    WHOLE},
    {"upper",             1, 1,   "fn_upper(",             TEXT},
    {"utc_timestamp",     0, 1,   "fn_now(",               TIME},
    {"year",              1, 1,   "fn_year(",              WHOLE},
    /* clang-format on */
};

/* Arguments are expressions, which may call. */
/* NOLINTBEGIN(misc-no-recursion) */

static void give(const struct function_row *row, struct sql_fragment *found)
{
    switch (row->result) {
    case WHOLE:
        found->kind = SQL_INTEGER;
        found->is_unsigned = false;
        break;
    case TEXT:
        found->kind = SQL_TEXT;
        break;
    case TIME:
        found->kind = SQL_DATETIME;
        break;
    case REAL:
        found->kind = SQL_REAL;
        break;
    case AS_AVERAGE:
        found->kind =
            found->kind == SQL_REAL || found->kind == SQL_TEXT ? SQL_REAL : SQL_DECIMAL;
        found->scale += 4; /* div_precision_increment */
        break;
    case AS_FIRST:
    case AS_ALL:
    case AS_ALL_BUT_FIRST:
    default:
        break;
    }
}

/* ROUND(x, 2) and TRUNCATE(x, 2) have two digits, ROUND(x) has none. */
static void give_digits(const struct function_row *row,
                        struct bytes second,
                        struct sql_fragment *found)
{
    uint64_t digits = 0;
    bool is_known = second.size == 0 || sql_text_to_number(second, &digits);

    if (strcmp(row->name, "round") != 0 && strcmp(row->name, "truncate") != 0) {
        return;
    }
    if (found->kind == SQL_TEXT) {
        found->kind = SQL_REAL;
    }
    if (found->kind == SQL_DECIMAL && is_known) {
        found->scale = digits < (uint64_t)found->scale ? (int)digits : found->scale;
    }
}

static enum status call_row(struct sql_translator *translator,
                            const struct function_row *row,
                            struct sql_fragment *found,
                            struct error *error)
{
    struct sql_reader *reader = &translator->statement->reader;
    struct sql_fragment part;
    struct bytes second = {0};
    int count = 0;

    sql_write_text(translator, row->call);
    while (!sql_reader_accept_operator(reader, ")")) {
        if (count > 0) {
            sql_write_text(translator, ",");
            if (!sql_reader_accept_operator(reader, ",")) {
                return sql_statement_bad(translator->statement, error);
            }
        }
        second = count == 1 ? reader->token.text : second;
        if (sql_translate_expression(translator, &part, error) != STATUS_OK) {
            return error->status;
        }
        if (count == 0 ? row->result != AS_ALL_BUT_FIRST : row->result != AS_FIRST) {
            sql_fragment_join(found, &part);
        }
        count++;
    }
    sql_write_text(translator, ")");
    if (count < row->least || count > row->most) {
        return sql_error_set(error, SQL_ERROR_ARGUMENT_COUNT,
                             "Incorrect parameter count in the call to native function '%s'",
                             row->name);
    }
    give(row, found);
    give_digits(row, second, found);
    found->is_column = false;
    found->height++;
    return STATUS_OK;
}

enum status sql_translate_call(struct sql_translator *translator,
                               struct bytes name,
                               struct sql_fragment *found,
                               struct error *error)
{
    int shown = name.size > NAME_SHOWN_BYTES ? NAME_SHOWN_BYTES : (int)name.size;

    if (sql_translate_is_form(name)) {
        enum status status = sql_translate_form(translator, name, found, error);

        found->is_column = false;
        return status;
    }
    for (size_t at = 0; at < sizeof(rows) / sizeof(rows[0]); at++) {
        if (bytes_equal_text(name, rows[at].name)) {
            return call_row(translator, &rows[at], found, error);
        }
    }
    return sql_error_set(error, SQL_ERROR_UNKNOWN_FUNCTION, "FUNCTION %.*s does not exist",
                         shown, (const char *)name.data);
}

/* NOLINTEND(misc-no-recursion) */
