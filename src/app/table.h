/* SPDX-License-Identifier: Apache-2.0 */
/* Prints JSON results for people: lists of objects as tables, an object as lines. */
#pragma once

#include <jansson.h>
#include <stdio.h>

void table_print(FILE *output, const json_t *result);
