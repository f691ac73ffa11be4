/* SPDX-License-Identifier: Apache-2.0 */
/* Prints JSON results for people: lists of objects as tables, an object as lines. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* A flag for printing JSON: what a double keeps of decimals, so that 0.1 is 0.1 again. */
#define TABLE_REALS JSON_REAL_PRECISION(15)

/* Every member is a column, or a line. An empty list is "none". */
void table_print(FILE *output, const json_t *result);

/* One column that people see. A list of them ends with a heading of NULL. */
struct table_column {
    const char *heading;
    const char *key; /* of the row's member */
    /* The cell's text, to be freed; NULL: the member as it is. */
    char *(*text)(const json_t *row, const char *key);
    bool is_right; /* aligned: numbers */
};

/* Without headings if has_head is false: what goes on below an earlier one. */
void table_print_columns(FILE *output,
                         const json_t *rows,
                         const struct table_column *columns,
                         bool has_head);

/* The text of a value, to be freed: "-" for null. No control character gets to the terminal. */
char *table_text(const json_t *value);
