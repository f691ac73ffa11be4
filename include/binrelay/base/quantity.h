/* SPDX-License-Identifier: Apache-2.0 */
/* Durations and sizes as the configuration writes them: "500ms", "2d", "512M". Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* "10ms", "30s", "10m", "12h", "7d"; also "250us". False if it is none, or too large. */
bool duration_parse(uint64_t *usec, const char *text);

/* "4096", "64K", "512M", "100G", "2T" (powers of 1024). */
bool size_parse(uint64_t *bytes, const char *text);

enum { QUANTITY_TEXT_BYTES = 32 };

/* The shortest text that parses back to the same. */
void duration_print(char text[QUANTITY_TEXT_BYTES], uint64_t usec);
void size_print(char text[QUANTITY_TEXT_BYTES], uint64_t bytes);
