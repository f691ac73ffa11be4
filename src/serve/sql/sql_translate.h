/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MySQL's SELECT as SQLite's. The statement is parsed from its tokens and
 * written anew, each expression in parentheses: variables become calls,
 * operators that differ become functions of ours, strings are unescaped,
 * labels come from the original text. What is not understood is error 1064,
 * never passed on.
 */
#pragma once

#include "sql_session.h"

/* One expression of the outermost select list. */
struct sql_item {
    enum sql_kind kind;
    int scale; /* SQL_DECIMAL: digits behind the point */
    bool is_unsigned;
    bool is_star; /* stands for columns that only SQLite counts */
};

/* Zeroed is ready. */
struct sql_translation {
    struct buffer text;     /* owned: SQLite's statement */
    struct sql_item *items; /* owned */
    size_t item_count;
    size_t item_capacity;
    struct buffer names; /* owned: of variables after INTO, each with a zero behind it */
    size_t name_count;
};

void sql_translation_release(struct sql_translation *translation);

/* SELECT, or one in parentheses, to the end of the statement. */
MUST_CHECK enum status sql_translate_select(struct sql_statement *statement,
                                            struct sql_translation *translation,
                                            struct error *error);

/* SET @a = expression, ...: as a SELECT that assigns. The reader stands behind SET. */
MUST_CHECK enum status sql_translate_set(struct sql_statement *statement,
                                         struct sql_translation *translation,
                                         struct error *error);
