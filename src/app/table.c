/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "binrelay/base/memory.h"

enum { COLUMNS_MOST = 32 };

/* Text of one value, to be freed. Control characters cannot get to the terminal: JSON escapes
 * them. */
static char *text_of(const json_t *value)
{
    char *text = NULL;

    if (value == NULL || json_is_null(value)) {
        return mem_text("-");
    }
    if (json_is_boolean(value)) {
        return mem_text(json_is_true(value) ? "yes" : "no");
    }
    text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_ENSURE_ASCII);
    if (json_is_string(value) && text != NULL) {
        size_t size = strlen(text);

        memmove(text, text + 1, size - 2); /* without the quotes */
        text[size - 2] = '\0';
    }
    return text == NULL ? mem_text("?") : text;
}

static void print_cell(FILE *output, const json_t *value, size_t width, bool is_last)
{
    autofree char *text = text_of(value);
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
        autofree char *text = text_of(json_object_get(json_array_get(rows, at), name));

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
        autofree char *text = text_of(value);

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
        autofree char *text = text_of(result);

        (void)fprintf(output, "%s\n", text);
    }
}
