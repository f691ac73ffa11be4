/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MySQL's words, one after the other. Comments are skipped; what
 * stands in a version comment is read as if the comment were not there. Nothing
 * is copied: tokens point into the statement. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "binrelay/base/bytes.h"

enum sql_token_kind {
    SQL_END,
    SQL_NAME,            /* a keyword or an unquoted name */
    SQL_QUOTED_NAME,     /* `name` */
    SQL_STRING,          /* 'text' or "text" */
    SQL_NUMBER,          /* without a sign */
    SQL_BITS,            /* 0xFF, x'4D', 0b01, b'01': bytes that may count as a number */
    SQL_USER_VARIABLE,   /* @name, @'name' */
    SQL_SYSTEM_VARIABLE, /* @@name, @@global.name */
    SQL_OPERATOR,        /* one or two characters */
    SQL_BROKEN,          /* a string or name without its end */
};

struct sql_token {
    enum sql_token_kind kind;
    struct bytes text; /* as written, quotes and @ included; borrowed from the statement */
};

/* A plain value: copy it to look ahead. */
struct sql_reader {
    struct bytes statement; /* borrowed */
    size_t at;              /* behind the current token */
    size_t previous_end;    /* behind the token before */
    bool is_in_version_comment;
    struct sql_token token; /* the current one */
};

/* Reads the first token. */
struct sql_reader sql_reader_of(struct bytes statement);
void sql_reader_next(struct sql_reader *reader);

/* Where the current token begins. */
size_t sql_reader_offset(const struct sql_reader *reader);

bool sql_reader_is_word(const struct sql_reader *reader, const char *word);
bool sql_reader_is_operator(const struct sql_reader *reader, const char *text);

/* Step over the token if it is that one. */
bool sql_reader_accept_word(struct sql_reader *reader, const char *word);
bool sql_reader_accept_operator(struct sql_reader *reader, const char *text);

/* Steps over all of "words separated by blanks", or over none. */
bool sql_reader_accept_words(struct sql_reader *reader, const char *words);

/* True at the end, with or without semicolons before it. */
bool sql_reader_is_at_end(struct sql_reader *reader);

/* Adds what a string, a name or a variable's name says, without quotes and escapes; of bits the
 * bytes. */
void sql_token_add_text(const struct sql_token *token, struct buffer *output);
