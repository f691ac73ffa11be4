/* SPDX-License-Identifier: Apache-2.0 */
/* How people see the result of each command; JSON is for programs. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* `command` is the request in words: what it begins with says how its result is shown. */
void view_print(FILE *output, const char *command, const json_t *result);

/* A part of the list of events; has_head: the first part. */
void view_print_events(FILE *output, const json_t *events, bool has_head);

/* "3 s", "5 min", "2.1 h", "3.0 d"; "512 B", "1.5 GiB". To be freed. */
char *view_seconds(double seconds);
char *view_bytes(double bytes);
