/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which rows of a SHOW are wanted: LIKE 'pattern', or WHERE with = , LIKE and
 * IN on its first column, joined by OR, as old connectors ask. Pure.
 */
#pragma once

#include <stdbool.h>

#include "sql_session.h"

enum { SQL_FILTER_MOST_TERMS = 64 };

/* Any of the terms; all rows if there is none. */
struct sql_filter {
    struct {
        bool is_pattern;
        struct bytes text; /* borrowed from the statement's memory */
    } terms[SQL_FILTER_MOST_TERMS];
    size_t count;
};

/* Reads what follows, if anything does. `column` is what WHERE may name. */
MUST_CHECK enum status sql_filter_read(struct sql_statement *statement,
                                       const char *column,
                                       struct sql_filter *filter,
                                       struct error *error);

bool sql_filter_matches(const struct sql_filter *filter, struct bytes text);

/* LIKE without case: % for any bytes, _ for one, backslash before what stands for itself. */
bool sql_text_is_like(struct bytes text, struct bytes pattern);
