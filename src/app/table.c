/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

#include <stdlib.h>
#include <string.h>

#include "binrelay/base/memory.h"

enum { COLUMNS_MOST = 32 };

/* JSON escapes control characters. */
char *table_text(const json_t *value)
{
    char *text = NULL;

    if (value == NULL || json_is_null(value)) {
        return mem_text("-");
    }
    if (json_is_boolean(value)) {
        return mem_text(json_is_true(value) ? "yes" : "no");
    }
    text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_ENSURE_ASCII | TABLE_REALS);
    if (json_is_string(value) && text != NULL) {
        size_t size = strlen(text);

        memmove(text, text + 1, size - 2); /* without the quotes */
        text[size - 2] = '\0';
    }
    return text == NULL ? mem_text("?") : text;
}

static void print_cell(FILE *output, const json_t *value, size_t width, bool is_last)
{
    autofree char *text = table_text(value);
    int padding = is_last ? 0 : (int)(width - strlen(text));

    (void)fprintf(output, "%s%*s%s", text, padding, "", is_last ? "\n" : "  ");
}

static size_t collect_names(const json_t *row, const char **names)
{
    size_t count = 0;
    const char *name = NULL;
    json_t *value = NULL;

    json_object_foreach((json_t *)row, name, value)
    {
        if (count < COLUMNS_MOST) {
            names[count++] = name;
        }
    }
    return count;
}

static size_t width_of(const json_t *rows, const char *name)
{
    size_t width = strlen(name);

    for (size_t at = 0; at < json_array_size(rows); at++) {
        autofree char *text = table_text(json_object_get(json_array_get(rows, at), name));

        width = strlen(text) > width ? strlen(text) : width;
    }
    return width;
}

static void print_rows(FILE *output, const json_t *rows)
{
    const char *names[COLUMNS_MOST];
    size_t widths[COLUMNS_MOST];
    size_t count = collect_names(json_array_get(rows, 0), names);

    for (size_t column = 0; column < count; column++) {
        bool is_last = column + 1 == count;

        widths[column] = width_of(rows, names[column]);
        (void)fprintf(output, "%-*s%s", is_last ? 0 : (int)widths[column], names[column],
                      is_last ? "\n" : "  ");
    }
    for (size_t at = 0; at < json_array_size(rows); at++) {
        for (size_t column = 0; column < count; column++) {
            print_cell(output, json_object_get(json_array_get(rows, at), names[column]),
                       widths[column], column + 1 == count);
        }
    }
}

static void print_object(FILE *output, const json_t *object)
{
    const char *name = NULL;
    json_t *value = NULL;
    size_t width = 0;

    json_object_foreach((json_t *)object, name, value)
    {
        width = strlen(name) > width ? strlen(name) : width;
    }
    json_object_foreach((json_t *)object, name, value)
    {
        autofree char *text = table_text(value);

        (void)fprintf(output, "%-*s  %s\n", (int)width, name, text);
    }
}

void table_print(FILE *output, const json_t *result)
{
    if (json_is_array(result) && json_is_object(json_array_get(result, 0))) {
        print_rows(output, result);
    } else if (json_is_array(result) && json_array_size(result) == 0) {
        (void)fputs("none\n", output);
    } else if (json_is_object(result)) {
        print_object(output, result);
    } else {
        autofree char *text = table_text(result);

        (void)fprintf(output, "%s\n", text);
    }
}

/* ---- chosen columns ---- */

static char *cell_of(const json_t *row, const struct table_column *column)
{
    return column->text != NULL ? column->text(row, column->key)
                                : table_text(json_object_get(row, column->key));
}

static size_t column_width(const json_t *rows, const struct table_column *column, bool has_head)
{
    size_t width = has_head ? strlen(column->heading) : 0;

    for (size_t at = 0; at < json_array_size(rows); at++) {
        autofree char *text = cell_of(json_array_get(rows, at), column);

        width = strlen(text) > width ? strlen(text) : width;
    }
    return width;
}

static void print_aligned(FILE *output, const char *text, size_t width, bool is_right)
{
    (void)fprintf(output, is_right ? "%*s" : "%-*s", (int)width, text);
}

/* The last column has no blanks behind it. */
static void print_line(FILE *output,
                       const json_t *row,
                       const struct table_column *columns,
                       const size_t *widths)
{
    for (size_t at = 0; columns[at].heading != NULL; at++) {
        autofree char *text =
            row == NULL ? mem_text(columns[at].heading) : cell_of(row, &columns[at]);
        bool is_last = columns[at + 1].heading == NULL;

        print_aligned(output, text, is_last && !columns[at].is_right ? 0 : widths[at],
                      columns[at].is_right);
        (void)fputs(is_last ? "\n" : "  ", output);
    }
}

void table_print_columns(FILE *output,
                         const json_t *rows,
                         const struct table_column *columns,
                         bool has_head)
{
    size_t widths[COLUMNS_MOST] = {0};

    for (size_t at = 0; columns[at].heading != NULL && at < COLUMNS_MOST; at++) {
        widths[at] = column_width(rows, &columns[at], has_head);
    }
    if (has_head) {
        print_line(output, NULL, columns, widths);
    }
    for (size_t at = 0; at < json_array_size(rows); at++) {
        print_line(output, json_array_get(rows, at), columns, widths);
    }
}
