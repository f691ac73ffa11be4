/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of Prometheus' text format. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "binrelay/base/bytes.h"

struct metrics_label {
    const char *name;
    const char *value; /* any bytes; NULL: the label is left out */
};

void metrics_text_head(struct buffer *text,
                       const char *name,
                       const char *type,
                       const char *help);

/* The labels end with a name of NULL. Whole numbers stay exact: an epoch has more digits than a
 * double. */
void metrics_text_number(struct buffer *text,
                         const char *name,
                         const struct metrics_label *labels,
                         uint64_t value);
void metrics_text_real(struct buffer *text,
                       const char *name,
                       const struct metrics_label *labels,
                       double value);
