/* SPDX-License-Identifier: Apache-2.0 */
/* Functions whose arguments are more than expressions between commas. */
#include <string.h>
#include <strings.h>

#include "sql_errors.h"
#include "sql_translator.h"

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

/* The rest of a call with (unit, a, b). */
static enum status unit_and_two(struct sql_translator *translator,
                                struct sql_fragment *found,
                                struct error *error)
{
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
    return expect(translator, ")", error);
}

static enum status call_timestampdiff(struct sql_translator *translator,
                                      struct sql_fragment *found,
                                      struct error *error)
{
    enum status status = STATUS_OK;

    sql_write_text(translator, "fn_timestampdiff(");
    status = unit_and_two(translator, found, error);
    found->kind = SQL_INTEGER;
    return status;
}

/* TIMESTAMPADD(unit, n, x) is x + INTERVAL n unit. */
static enum status call_timestampadd(struct sql_translator *translator,
                                     struct sql_fragment *found,
                                     struct error *error)
{
    enum status status = STATUS_OK;

    sql_write_text(translator, "fn_timestampadd(");
    status = unit_and_two(translator, found, error);
    found->kind = SQL_DATETIME;
    return status;
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

bool sql_translate_is_form(struct bytes name)
{
    for (size_t at = 0; at < sizeof(forms) / sizeof(forms[0]); at++) {
        if (bytes_equal_text(name, forms[at].name)) {
            return true;
        }
    }
    return false;
}

enum status sql_translate_form(struct sql_translator *translator,
                               struct bytes name,
                               struct sql_fragment *found,
                               struct error *error)
{
    for (size_t at = 0; at < sizeof(forms) / sizeof(forms[0]); at++) {
        if (bytes_equal_text(name, forms[at].name)) {
            return forms[at].call(translator, found, error);
        }
    }
    return sql_statement_bad(translator->statement, error);
}

/* NOLINTEND(misc-no-recursion) */
