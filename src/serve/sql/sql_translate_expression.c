/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operators, by MySQL's precedence (manual: "Operator Precedence"). What
 * SQLite computes alike is written as its operator; what it would compute
 * otherwise, or compare by other rules, becomes a call.
 */
#include <string.h>

#include "sql_errors.h"
#include "sql_translator.h"

enum level {
    LEVEL_OR,
    LEVEL_XOR,
    LEVEL_AND,
    LEVEL_NOT,
    LEVEL_COMPARE,
    LEVEL_BIT_OR,
    LEVEL_BIT_AND,
    LEVEL_SHIFT,
    LEVEL_SUM,
    LEVEL_PRODUCT,
    LEVEL_BIT_XOR,
    LEVEL_UNARY,
};

/* What comes out: a truth, bits, a whole number, or what arithmetic makes of the operands. */
enum outcome { GIVES_TRUTH, GIVES_BITS, GIVES_WHOLE, GIVES_SUM, GIVES_PRODUCT, GIVES_QUOTIENT };

struct operator_row {
    const char *text;
    bool is_word;
    enum level level;
    const char *native; /* SQLite's own; NULL: a call */
    const char *call;
    enum outcome outcome;
};

static const struct operator_row operators[] = {
    /* clang-format off */
    {"or",  true,  LEVEL_OR,      " OR ",  NULL,              GIVES_TRUTH},
    {"||",  false, LEVEL_OR,      " OR ",  NULL,              GIVES_TRUTH},
    {"xor", true,  LEVEL_XOR,     NULL,    "fn_xor(",         GIVES_TRUTH},
    {"and", true,  LEVEL_AND,     " AND ", NULL,              GIVES_TRUTH},
    {"&&",  false, LEVEL_AND,     " AND ", NULL,              GIVES_TRUTH},
    {"|",   false, LEVEL_BIT_OR,  NULL,    "fn_bit_or(",      GIVES_BITS},
    {"&",   false, LEVEL_BIT_AND, NULL,    "fn_bit_and(",     GIVES_BITS},
    {"<<",  false, LEVEL_SHIFT,   NULL,    "fn_shift_left(",  GIVES_BITS},
    {">>",  false, LEVEL_SHIFT,   NULL,    "fn_shift_right(", GIVES_BITS},
    {"+",   false, LEVEL_SUM,     " + ",   NULL,              GIVES_SUM},
    {"-",   false, LEVEL_SUM,     " - ",   NULL,              GIVES_SUM},
    {"*",   false, LEVEL_PRODUCT, " * ",   NULL,              GIVES_PRODUCT},
    {"/",   false, LEVEL_PRODUCT, NULL,    "fn_divide(",      GIVES_QUOTIENT},
    {"div", true,  LEVEL_PRODUCT, NULL,    "fn_div(",         GIVES_WHOLE},
    {"%",   false, LEVEL_PRODUCT, NULL,    "fn_mod(",         GIVES_SUM},
    {"mod", true,  LEVEL_PRODUCT, NULL,    "fn_mod(",         GIVES_SUM},
    {"^",   false, LEVEL_BIT_XOR, NULL,    "fn_bit_xor(",     GIVES_BITS},
    /* clang-format on */
};

/* Expressions stand in expressions, as deep as SQL_DEPTH_MOST. */
/* NOLINTBEGIN(misc-no-recursion) */

static enum status read_level(struct sql_translator *translator,
                              enum level level,
                              struct sql_fragment *found,
                              struct error *error);

static const struct operator_row *find_operator(const struct sql_reader *reader,
                                                enum level level)
{
    for (size_t at = 0; at < sizeof(operators) / sizeof(operators[0]); at++) {
        const struct operator_row *row = &operators[at];

        if (row->level == level && (row->is_word ? sql_reader_is_word(reader, row->text)
                                                 : sql_reader_is_operator(reader, row->text))) {
            return row;
        }
    }
    return NULL;
}

static void raise(struct sql_fragment *found, const struct sql_fragment *right)
{
    found->height = (found->height > right->height ? found->height : right->height) + 1;
    found->is_column = false;
    found->is_bits = false;
}

/* Text counts as a double in arithmetic; a time as the number of its digits. */
static enum sql_kind numeric_kind(const struct sql_fragment *fragment)
{
    if (fragment->kind == SQL_TEXT) {
        return SQL_REAL;
    }
    return fragment->kind == SQL_DATETIME || fragment->kind == SQL_NULL ? SQL_INTEGER
                                                                        : fragment->kind;
}

static int numeric_scale(enum outcome outcome, int left, int right)
{
    int scale = left > right ? left : right;

    if (outcome == GIVES_PRODUCT) {
        scale = left + right;
    } else if (outcome == GIVES_QUOTIENT) {
        scale = left + 4; /* div_precision_increment */
    }
    return scale > 30 ? 30 : scale;
}

static void conclude(struct sql_fragment *found,
                     const struct sql_fragment *right,
                     enum outcome outcome)
{
    enum sql_kind left_kind = numeric_kind(found);
    enum sql_kind right_kind = numeric_kind(right);

    raise(found, right);
    if (outcome == GIVES_TRUTH || outcome == GIVES_BITS || outcome == GIVES_WHOLE) {
        found->kind = SQL_INTEGER;
        found->is_unsigned = outcome == GIVES_BITS;
        return;
    }
    found->kind = left_kind > right_kind ? left_kind : right_kind;
    found->scale = numeric_scale(outcome, found->scale, right->scale);
    found->is_unsigned = found->is_unsigned || right->is_unsigned;
    if (outcome == GIVES_QUOTIENT && found->kind == SQL_INTEGER) {
        found->kind = SQL_DECIMAL;
    }
}

/* A time in arithmetic is a number of its digits, not the year that its text begins with. */
static void count_time(struct sql_translator *translator,
                       const struct sql_fragment *fragment,
                       enum level level)
{
    if (fragment->kind == SQL_DATETIME && level > LEVEL_COMPARE) {
        sql_write_insert(translator, fragment->begin, "fn_time_number(");
        sql_write_text(translator, ")");
    }
}

/* x + INTERVAL n unit, where the reader stands at INTERVAL. */
static enum status add_interval(struct sql_translator *translator,
                                bool is_minus,
                                struct sql_fragment *found,
                                struct error *error)
{
    sql_write_insert(translator, found->begin, is_minus ? "fn_time_less(" : "fn_time_plus(");
    sql_reader_next(&translator->statement->reader);
    if (sql_translate_interval(translator, error) != STATUS_OK) {
        return error->status;
    }
    sql_write_text(translator, ")");
    found->kind = SQL_DATETIME;
    found->height++;
    found->is_column = false;
    return sql_fragment_check(translator, found, error);
}

/* Operators of one level, left to right. Native ones share a pair of parentheses. */
static enum status read_chain(struct sql_translator *translator,
                              enum level level,
                              struct sql_fragment *found,
                              struct error *error)
{
    struct sql_reader *reader = &translator->statement->reader;
    const struct operator_row *row = find_operator(reader, level);
    bool is_open = false;

    for (; row != NULL; row = find_operator(reader, level)) {
        struct sql_fragment right = {0};

        sql_reader_next(reader);
        if (is_open && (row->native == NULL || sql_reader_is_word(reader, "interval"))) {
            sql_write_text(translator, ")");
            is_open = false;
        }
        if (level == LEVEL_SUM && sql_reader_is_word(reader, "interval")) {
            if (add_interval(translator, row->text[0] == '-', found, error) != STATUS_OK) {
                return error->status;
            }
            continue;
        }
        count_time(translator, found, level);
        (void)sql_write_bits_number(translator, found, translator->into->text.size);
        found->kind = numeric_kind(found); /* counted once */
        if (!is_open) {
            sql_write_insert(translator, found->begin, row->native == NULL ? row->call : "(");
            is_open = row->native != NULL;
        }
        sql_write_text(translator, row->native == NULL ? "," : row->native);
        if (read_level(translator, (enum level)(level + 1), &right, error) != STATUS_OK) {
            return error->status;
        }
        count_time(translator, &right, level);
        (void)sql_write_bits_number(translator, &right, translator->into->text.size);
        if (row->native == NULL) {
            sql_write_text(translator, ")");
        }
        conclude(found, &right, row->outcome);
        if (sql_fragment_check(translator, found, error) != STATUS_OK) {
            return error->status;
        }
    }
    if (is_open) {
        sql_write_text(translator, ")");
    }
    return STATUS_OK;
}

static enum status read_not(struct sql_translator *translator,
                            struct sql_fragment *found,
                            struct error *error)
{
    if (!sql_reader_accept_word(&translator->statement->reader, "not")) {
        return read_level(translator, LEVEL_COMPARE, found, error);
    }
    if (translator->depth == SQL_DEPTH_MOST) {
        return sql_statement_bad(translator->statement, error);
    }
    translator->depth++;
    found->begin = translator->into->text.size;
    sql_write_text(translator, "(NOT ");
    if (read_not(translator, found, error) != STATUS_OK) {
        return error->status;
    }
    translator->depth--;
    found->begin = found->begin - strlen("(NOT ");
    sql_write_text(translator, ")");
    found->kind = SQL_INTEGER;
    found->is_column = false;
    return STATUS_OK;
}

static const char *find_comparison(const struct sql_reader *reader)
{
    static const char *const texts[] = {"=", "<", ">", "<=", ">=", "<>", "!="};

    for (size_t at = 0; at < sizeof(texts) / sizeof(texts[0]); at++) {
        if (sql_reader_is_operator(reader, texts[at])) {
            return texts[at];
        }
    }
    return NULL;
}

/* Text that is compared with a number is the number that it begins with. */
static void count_text(struct sql_translator *translator,
                       const struct sql_fragment *column,
                       const struct sql_fragment *text,
                       size_t begin)
{
    if (column->is_column && column->kind == SQL_INTEGER && text->kind == SQL_TEXT) {
        sql_write_insert(translator, begin, "fn_number(");
        sql_write_text(translator, ")");
    }
}

/* A column is compared by SQLite, with its affinity and by an index; other values by MySQL's
 * rules for mixed types. `text` NULL: <=>. */
static enum status compare(struct sql_translator *translator,
                           const char *text,
                           struct sql_fragment *found,
                           struct error *error)
{
    struct sql_fragment right = {0};
    size_t middle = translator->into->text.size;

    sql_reader_next(&translator->statement->reader);
    if (text == NULL) {
        sql_reader_next(&translator->statement->reader); /* "<=" and ">" */
    }
    if (read_level(translator, LEVEL_BIT_OR, &right, error) != STATUS_OK) {
        return error->status;
    }
    middle += sql_write_bits_like(translator, found, middle, &right);
    (void)sql_write_bits_like(translator, &right, translator->into->text.size, found);
    if (found->is_column || right.is_column) {
        count_text(translator, found, &right, middle);
        sql_write_insert(translator, middle, " ");
        sql_write_insert(translator, middle, text == NULL ? "IS" : text);
        sql_write_insert(translator, middle, " ");
        sql_write_insert(translator, found->begin, "(");
        sql_write_text(translator, ")");
    } else if (text == NULL) {
        sql_write_insert(translator, middle, ",");
        sql_write_insert(translator, found->begin, "fn_same(");
        sql_write_text(translator, ")");
    } else {
        sql_write_insert(translator, middle, ",");
        sql_write_insert(translator, found->begin, "(fn_compare(");
        sql_write_text(translator, ")");
        sql_write_text(translator, text);
        sql_write_text(translator, "0)");
    }
    found->height = found->height > right.height ? found->height : right.height;
    sql_fragment_give_truth(found);
    return sql_fragment_check(translator, found, error);
}

/* "<=>" is read as two tokens that touch. */
static bool is_null_safe(const struct sql_reader *reader)
{
    struct sql_reader ahead = *reader;

    if (!sql_reader_accept_operator(&ahead, "<=")) {
        return false;
    }
    return sql_reader_is_operator(&ahead, ">") &&
           sql_reader_offset(&ahead) == ahead.previous_end;
}

static enum status read_comparison(struct sql_translator *translator,
                                   struct sql_fragment *found,
                                   struct error *error)
{
    struct sql_reader *reader = &translator->statement->reader;
    enum status status = read_level(translator, LEVEL_BIT_OR, found, error);

    while (status == STATUS_OK) {
        const char *text = find_comparison(reader);

        if (is_null_safe(reader)) {
            status = compare(translator, NULL, found, error);
        } else if (text != NULL) {
            status = compare(translator, text, found, error);
        } else if (sql_reader_accept_word(reader, "is")) {
            status = sql_translate_is(translator, found, error);
        } else if (sql_translate_is_predicate(reader)) {
            status = sql_translate_predicate(translator, found, error);
        } else {
            break;
        }
    }
    return status;
}

static enum status read_level(struct sql_translator *translator,
                              enum level level,
                              struct sql_fragment *found,
                              struct error *error)
{
    if (level == LEVEL_UNARY) {
        return sql_translate_primary(translator, found, error);
    }
    found->begin = translator->into->text.size;
    if (level == LEVEL_NOT) {
        return read_not(translator, found, error);
    }
    if (level == LEVEL_COMPARE) {
        return read_comparison(translator, found, error);
    }
    if (read_level(translator, (enum level)(level + 1), found, error) != STATUS_OK) {
        return error->status;
    }
    return read_chain(translator, level, found, error);
}

enum status sql_translate_operand(struct sql_translator *translator,
                                  struct sql_fragment *found,
                                  struct error *error)
{
    return read_level(translator, LEVEL_BIT_OR, found, error);
}

enum status sql_translate_expression(struct sql_translator *translator,
                                     struct sql_fragment *found,
                                     struct error *error)
{
    enum status status = STATUS_OK;

    if (translator->depth >= SQL_DEPTH_MOST) {
        return sql_statement_bad(translator->statement, error);
    }
    translator->depth++;
    *found = (struct sql_fragment){0};
    status = read_level(translator, LEVEL_OR, found, error);
    translator->depth--;
    return status;
}

/* NOLINTEND(misc-no-recursion) */
