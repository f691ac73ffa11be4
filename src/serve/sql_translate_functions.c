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

/* Reads one argument behind the name's own special word, writes it. */
static enum status argument(struct sql_translator *translator,
                            struct sql_fragment *found,
                            struct error *error)
{
    struct sql_fragment part;

    if (sql_translate_expression(translator, &part, error) != STATUS_OK) {
        return error->status;
    }
    sql_fragment_join(found, &part);
    return STATUS_OK;
}

static enum status expect(struct sql_translator *translator,
                          const char *text,
                          struct error *error)
{
    struct sql_reader *reader = &translator->statement->reader;

    if (sql_reader_accept_operator(reader, text) || sql_reader_accept_word(reader, text)) {
        return STATUS_OK;
    }
    return sql_statement_bad(translator->statement, error);
}

/* COUNT(*), COUNT(x), COUNT(DISTINCT x). */
static enum status call_count(struct sql_translator *translator,
                              struct sql_fragment *found,
                              struct error *error)
{
    struct sql_reader *reader = &translator->statement->reader;

    if (sql_reader_accept_operator(reader, "*")) {
        sql_write_text(translator, "count(*");
    } else {
        sql_write_text(translator, sql_reader_accept_word(reader, "distinct")
                                       ? "count(DISTINCT "
                                       : "count(");
        if (argument(translator, found, error) != STATUS_OK) {
            return error->status;
        }
    }
    sql_write_text(translator, ")");
    found->kind = SQL_INTEGER;
    return expect(translator, ")", error);
}

/* GROUP_CONCAT([DISTINCT] x [SEPARATOR 's']): SQLite has no order in it, and with DISTINCT the
 * comma only. */
static enum status call_group_concat(struct sql_translator *translator,
                                     struct sql_fragment *found,
                                     struct error *error)
{
    struct sql_reader *reader = &translator->statement->reader;
    bool is_distinct = sql_reader_accept_word(reader, "distinct");

    sql_write_text(translator, is_distinct ? "group_concat(DISTINCT " : "group_concat(");
    if (argument(translator, found, error) != STATUS_OK) {
        return error->status;
    }
    if (!is_distinct && sql_reader_accept_word(reader, "separator")) {
        if (reader->token.kind != SQL_STRING) {
            return sql_statement_bad(translator->statement, error);
        }
        sql_write_text(translator, ",");
        sql_write_string(translator, sql_token_value(translator->statement));
        sql_reader_next(reader);
    }
    sql_write_text(translator, ")");
    found->kind = SQL_TEXT;
    return expect(translator, ")", error);
}

/* Reads "(n)" or "(n, m)" behind a type; *second is m. */
static enum status type_size(struct sql_translator *translator,
                             uint64_t *second,
                             struct error *error)
{
    struct sql_reader *reader = &translator->statement->reader;
    uint64_t first = 0;

    if (!sql_reader_accept_operator(reader, "(")) {
        return STATUS_OK;
    }
    if (!sql_text_to_number(reader->token.text, &first)) {
        return sql_statement_bad(translator->statement, error);
    }
    sql_reader_next(reader);
    if (sql_reader_accept_operator(reader, ",")) {
        if (!sql_text_to_number(reader->token.text, second) || *second > 30) {
            return sql_statement_bad(translator->statement, error);
        }
        sql_reader_next(reader);
    }
    return expect(translator, ")", error);
}

/* The type behind CAST(x AS, or CONVERT(x,: writes ",'type',scale". */
static enum status cast_type(struct sql_translator *translator,
                             struct sql_fragment *found,
                             struct error *error)
{
    static const struct {
        const char *word;
        const char *type;
        enum sql_kind kind;
    } types[] = {
        {"signed", "signed", SQL_INTEGER},
        {"unsigned", "unsigned", SQL_INTEGER},
        {"char", "char", SQL_TEXT},
        {"nchar", "char", SQL_TEXT},
        {"binary", "char", SQL_TEXT},
        {"decimal", "decimal", SQL_DECIMAL},
        {"datetime", "datetime", SQL_DATETIME},
        {"date", "date", SQL_TEXT},
        {"double", "double", SQL_REAL},
        {"float", "double", SQL_REAL},
        {"real", "double", SQL_REAL},
    };
    struct sql_reader *reader = &translator->statement->reader;

    for (size_t at = 0; at < sizeof(types) / sizeof(types[0]); at++) {
        uint64_t scale = 0;

        if (!sql_reader_accept_word(reader, types[at].word)) {
            continue;
        }
        if (type_size(translator, &scale, error) != STATUS_OK) {
            return error->status;
        }
        if (!sql_reader_accept_word(reader, "integer") &&
            !sql_reader_accept_word(reader, "int") &&
            sql_reader_accept_words(reader, "character set")) {
            sql_reader_next(reader); /* there is one for all */
        }
        buffer_add_format(&translator->into->text, ",'%s',%d)", types[at].type, (int)scale);
        found->kind = types[at].kind;
        found->scale = (int)scale;
        found->is_unsigned = strcmp(types[at].type, "unsigned") == 0;
        return STATUS_OK;
    }
    return sql_statement_bad(translator->statement, error);
}

static enum status call_cast(struct sql_translator *translator,
                             struct sql_fragment *found,
                             struct error *error)
{
    sql_write_text(translator, "fn_cast(");
    if (argument(translator, found, error) != STATUS_OK ||
        expect(translator, "as", error) != STATUS_OK ||
        cast_type(translator, found, error) != STATUS_OK) {
        return error->status;
    }
    return expect(translator, ")", error);
}

static enum status call_convert(struct sql_translator *translator,
                                struct sql_fragment *found,
                                struct error *error)
{
    struct sql_reader *reader = &translator->statement->reader;

    sql_write_text(translator, "fn_cast(");
    if (argument(translator, found, error) != STATUS_OK) {
        return error->status;
    }
    if (sql_reader_accept_word(reader, "using")) {
        sql_reader_next(reader); /* there is one character set for all */
        sql_write_text(translator, ",'char',0)");
        found->kind = SQL_TEXT;
    } else if (expect(translator, ",", error) != STATUS_OK ||
               cast_type(translator, found, error) != STATUS_OK) {
        return error->status;
    }
    return expect(translator, ")", error);
}

/* TIMESTAMPDIFF(unit, a, b). */
static enum status call_timestampdiff(struct sql_translator *translator,
                                      struct sql_fragment *found,
                                      struct error *error)
{
    sql_write_text(translator, "fn_timestampdiff(");
    if (sql_translate_unit(translator, error) != STATUS_OK) {
        return error->status;
    }
    for (int at = 0; at < 2; at++) {
        sql_write_text(translator, ",");
        if (expect(translator, ",", error) != STATUS_OK ||
            argument(translator, found, error) != STATUS_OK) {
            return error->status;
        }
    }
    sql_write_text(translator, ")");
    found->kind = SQL_INTEGER;
    return expect(translator, ")", error);
}

/* TIMESTAMPADD(unit, n, x) is x + INTERVAL n unit. */
static enum status call_timestampadd(struct sql_translator *translator,
                                     struct sql_fragment *found,
                                     struct error *error)
{
    sql_write_text(translator, "fn_timestampadd(");
    if (sql_translate_unit(translator, error) != STATUS_OK) {
        return error->status;
    }
    for (int at = 0; at < 2; at++) {
        sql_write_text(translator, ",");
        if (expect(translator, ",", error) != STATUS_OK ||
            argument(translator, found, error) != STATUS_OK) {
            return error->status;
        }
    }
    sql_write_text(translator, ")");
    found->kind = SQL_DATETIME;
    return expect(translator, ")", error);
}

static enum status call_date_add(struct sql_translator *translator,
                                 struct sql_fragment *found,
                                 struct error *error)
{
    sql_write_text(translator, "fn_time_plus(");
    if (argument(translator, found, error) != STATUS_OK ||
        expect(translator, ",", error) != STATUS_OK ||
        expect(translator, "interval", error) != STATUS_OK ||
        sql_translate_interval(translator, error) != STATUS_OK) {
        return error->status;
    }
    sql_write_text(translator, ")");
    found->kind = SQL_DATETIME;
    return expect(translator, ")", error);
}

static enum status call_date_sub(struct sql_translator *translator,
                                 struct sql_fragment *found,
                                 struct error *error)
{
    sql_write_text(translator, "fn_time_less(");
    if (argument(translator, found, error) != STATUS_OK ||
        expect(translator, ",", error) != STATUS_OK ||
        expect(translator, "interval", error) != STATUS_OK ||
        sql_translate_interval(translator, error) != STATUS_OK) {
        return error->status;
    }
    sql_write_text(translator, ")");
    found->kind = SQL_DATETIME;
    return expect(translator, ")", error);
}

/* TRIM([BOTH | LEADING | TRAILING] [what] FROM x), TRIM(x): written as (x, what). */
static enum status call_trim(struct sql_translator *translator,
                             struct sql_fragment *found,
                             struct error *error)
{
    struct sql_reader *reader = &translator->statement->reader;
    const char *call = "fn_trim(";
    bool has_side = true;

    if (sql_reader_accept_word(reader, "leading")) {
        call = "fn_ltrim(";
    } else if (sql_reader_accept_word(reader, "trailing")) {
        call = "fn_rtrim(";
    } else {
        has_side = sql_reader_accept_word(reader, "both");
    }
    sql_write_text(translator, call);
    if (has_side && sql_reader_accept_word(reader, "from")) {
        if (argument(translator, found, error) != STATUS_OK) {
            return error->status;
        }
    } else {
        if (argument(translator, found, error) != STATUS_OK) {
            return error->status;
        }
        if (sql_reader_accept_word(reader, "from")) {
            sql_write_text(translator, ",");
            if (argument(translator, found, error) != STATUS_OK) {
                return error->status;
            }
        }
    }
    sql_write_text(translator, ")");
    found->kind = SQL_TEXT;
    return expect(translator, ")", error);
}

static const struct {
    const char *name;
    enum status (*call)(struct sql_translator *translator,
                        struct sql_fragment *found,
                        struct error *error);
} forms[] = {
    {"adddate", call_date_add},
    {"cast", call_cast},
    {"convert", call_convert},
    {"count", call_count},
    {"date_add", call_date_add},
    {"date_sub", call_date_sub},
    {"group_concat", call_group_concat},
    {"subdate", call_date_sub},
    {"timestampadd", call_timestampadd},
    {"timestampdiff", call_timestampdiff},
    {"trim", call_trim},
};

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
            if (expect(translator, ",", error) != STATUS_OK) {
                return error->status;
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

    for (size_t at = 0; at < sizeof(forms) / sizeof(forms[0]); at++) {
        if (bytes_equal_text(name, forms[at].name)) {
            enum status status = forms[at].call(translator, found, error);

            found->is_column = false;
            return status;
        }
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

enum status sql_translate_unit(struct sql_translator *translator, struct error *error)
{
    static const char *const units[] = {"microsecond", "second", "minute",  "hour", "day",
                                        "week",        "month",  "quarter", "year"};
    struct sql_reader *reader = &translator->statement->reader;
    struct bytes word = reader->token.text;

    if (word.size > strlen("sql_tsi_") &&
        strncasecmp((const char *)word.data, "sql_tsi_", strlen("sql_tsi_")) == 0) {
        word.data += strlen("sql_tsi_");
        word.size -= strlen("sql_tsi_");
    }
    for (size_t at = 0; at < sizeof(units) / sizeof(units[0]); at++) {
        if (bytes_equal_text(word, units[at])) {
            sql_write_string(translator, bytes_of_text(units[at]));
            sql_reader_next(reader);
            return STATUS_OK;
        }
    }
    return sql_statement_bad(translator->statement, error);
}

enum status sql_translate_interval(struct sql_translator *translator, struct error *error)
{
    struct sql_fragment number;

    sql_write_text(translator, ",");
    if (sql_translate_expression(translator, &number, error) != STATUS_OK) {
        return error->status;
    }
    sql_write_text(translator, ",");
    return sql_translate_unit(translator, error);
}
