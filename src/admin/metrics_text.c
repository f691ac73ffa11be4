/* SPDX-License-Identifier: Apache-2.0 */
#include "metrics_text.h"

#include <inttypes.h>

/* A backslash, a quote and a newline would end the value; other bytes stand as they are. */
static void add_escaped(struct buffer *text, const char *value)
{
    for (; *value != '\0'; value++) {
        switch (*value) {
        case '\\':
            buffer_add_text(text, "\\\\");
            break;
        case '"':
            buffer_add_text(text, "\\\"");
            break;
        case '\n':
            buffer_add_text(text, "\\n");
            break;
        default:
            buffer_add(text, value, 1);
            break;
        }
    }
}

static void add_series(struct buffer *text,
                       const char *name,
                       const struct metrics_label *labels)
{
    const char *before = "{";

    buffer_add_text(text, name);
    for (; labels->name != NULL; labels++) {
        if (labels->value != NULL) {
            buffer_add_format(text, "%s%s=\"", before, labels->name);
            add_escaped(text, labels->value);
            buffer_add_text(text, "\"");
            before = ",";
        }
    }
    buffer_add_text(text, *before == ',' ? "} " : " ");
}

void metrics_text_head(struct buffer *text,
                       const char *name,
                       const char *type,
                       const char *help)
{
    buffer_add_format(text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void metrics_text_number(struct buffer *text,
                         const char *name,
                         const struct metrics_label *labels,
                         uint64_t value)
{
    add_series(text, name, labels);
    buffer_add_format(text, "%" PRIu64 "\n", value);
}

void metrics_text_real(struct buffer *text,
                       const char *name,
                       const struct metrics_label *labels,
                       double value)
{
    add_series(text, name, labels);
    buffer_add_format(text, "%.3f\n", value);
}
