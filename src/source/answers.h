/* SPDX-License-Identifier: Apache-2.0 */
/* Values out of a source's answers. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "binrelay/protocol/result.h"

/* False if the value is no decimal number that fits. */
bool answer_number(const struct result_set *answer, size_t row, size_t column, uint64_t *found);

/* Copies the value of a variable out of SHOW VARIABLES; "" if it is not there or too long. */
void answer_variable(const struct result_set *answer,
                     const char *name,
                     char *value,
                     size_t capacity);

/* True if the variable is there and says ON or 1. */
bool answer_is_on(const struct result_set *answer, const char *name);
