/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the translation share. */
#pragma once

#include "sql_translate.h"

enum {
    SQL_DEPTH_MOST = 48,                     /* parentheses and subqueries inside each other */
    SQL_HEIGHT_MOST = 400,                   /* operators behind each other */
    SQL_TRANSLATED_MOST_BYTES = 1024 * 1024, /* of SQLite's text */
};

/* A piece of the output: one expression. */
struct sql_fragment {
    size_t begin; /* in the output */
    enum sql_kind kind;
    int scale;
    bool is_unsigned;
    bool is_column; /* a name of a column, so that SQLite may look it up in an index */
    bool is_bits;   /* x'4D' alone: text, which counts as a number where one is wanted */
    int height;
};

/* What names mean in the expressions of an INSERT: parameters ?1 to ?count. */
struct sql_new_row {
    const char *const *columns; /* NULL: VALUES(column) is not understood */
    size_t count;
    struct bytes alias; /* INSERT ... AS new: new.column; empty: none */
};

struct sql_translator {
    struct sql_statement *statement; /* borrowed */
    struct sql_translation *into;    /* borrowed */
    struct sql_new_row new_row;
    int depth;
    int selects; /* how many are open */
};

/* sql_translate_expression.c */
MUST_CHECK enum status sql_translate_expression(struct sql_translator *translator,
                                                struct sql_fragment *found,
                                                struct error *error);
/* What has only operators that bind at least as strongly as | does: behind BETWEEN, IN. */
MUST_CHECK enum status sql_translate_operand(struct sql_translator *translator,
                                             struct sql_fragment *found,
                                             struct error *error);

/* sql_translate_predicates.c: the left side is written. Behind IS: */
MUST_CHECK enum status sql_translate_is(struct sql_translator *translator,
                                        struct sql_fragment *found,
                                        struct error *error);
/* [NOT] BETWEEN, IN, LIKE: */
bool sql_translate_is_predicate(const struct sql_reader *reader);
MUST_CHECK enum status sql_translate_predicate(struct sql_translator *translator,
                                               struct sql_fragment *found,
                                               struct error *error);

/* sql_translate_primary.c */
MUST_CHECK enum status sql_translate_primary(struct sql_translator *translator,
                                             struct sql_fragment *found,
                                             struct error *error);
/* Reads "n unit" behind INTERVAL and writes ", n, 'unit'". */
MUST_CHECK enum status sql_translate_interval(struct sql_translator *translator,
                                              struct error *error);
/* Reads a unit: SECOND, MINUTE, ...; writes 'second'. */
MUST_CHECK enum status sql_translate_unit(struct sql_translator *translator,
                                          struct error *error);

/* sql_translate_functions.c: the reader stands behind the name and "(". */
MUST_CHECK enum status sql_translate_call(struct sql_translator *translator,
                                          struct bytes name,
                                          struct sql_fragment *found,
                                          struct error *error);

/* sql_translate_forms.c: functions that are read in a way of their own. */
bool sql_translate_is_form(struct bytes name);
MUST_CHECK enum status sql_translate_form(struct sql_translator *translator,
                                          struct bytes name,
                                          struct sql_fragment *found,
                                          struct error *error);

/* sql_translate.c: the reader stands behind SELECT. */
MUST_CHECK enum status sql_translate_query(struct sql_translator *translator,
                                           struct error *error);
/* sql_translate_tables.c: what stands behind FROM. */
MUST_CHECK enum status sql_translate_tables(struct sql_translator *translator,
                                            struct error *error);
/* True at what may be the name of a table or column. */
bool sql_translate_is_name(const struct sql_reader *reader);
/* Reads [AS] alias; false if there is none. */
bool sql_translate_alias(struct sql_translator *translator,
                         bool may_be_string,
                         struct bytes *alias);
/* [WHERE] [ORDER BY] [LIMIT] of an UPDATE. */
MUST_CHECK enum status sql_translate_tail(struct sql_translator *translator,
                                          struct error *error);
/* Reads database.table, checks that it is there and may be read. NULL and an error if not. */
const struct sql_table *sql_translate_table_name(struct sql_translator *translator,
                                                 struct error *error);

/* sql_translate_text.c: writing. */
void sql_write_text(struct sql_translator *translator, const char *text);
void sql_write_name(struct sql_translator *translator, struct bytes name);
void sql_write_string(struct sql_translator *translator, struct bytes text);
void sql_write_value(struct sql_translator *translator, struct sql_value value);
void sql_write_insert(struct sql_translator *translator, size_t at, const char *text);
struct bytes sql_token_value(struct sql_statement *statement);
/* Makes a number of a fragment of bits, which ends at `end`; any other stays. Returns by how
 * much the output grew. */
size_t sql_write_bits_number(struct sql_translator *translator,
                             struct sql_fragment *fragment,
                             size_t end);
/* The same, if it meets a number. */
size_t sql_write_bits_like(struct sql_translator *translator,
                           struct sql_fragment *fragment,
                           size_t end,
                           const struct sql_fragment *other);

/* A word that begins another clause is no alias and no column. */
bool sql_word_is_reserved(struct bytes word);

/* What the two give together, as in IF(x, a, b). */
void sql_fragment_join(struct sql_fragment *into, const struct sql_fragment *other);
/* It is true, false or NULL. */
void sql_fragment_give_truth(struct sql_fragment *found);
MUST_CHECK enum status sql_fragment_check(const struct sql_translator *translator,
                                          const struct sql_fragment *fragment,
                                          struct error *error);
