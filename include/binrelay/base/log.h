/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the operator is told.
 *
 *   error    an operator must act            warning  degraded, goes on
 *   info     life events                     debug    state moves
 *
 * A line begins with its subject, in lower case, without a full stop: "cluster
 * east: source 10.1.0.5:3306: connection refused; next try in 2 s". Bytes that
 * came from a peer go through log_safe(). A format that is used more than a
 * few times a second is held back, and counted. Any thread.
 */
#pragma once

#include <stddef.h>

#include "binrelay/base/bytes.h"
#include "binrelay/base/compiler.h"

enum log_level {
    LOG_ERROR,
    LOG_WARNING,
    LOG_INFO,
    LOG_DEBUG,
    LOG_LEVEL_COUNT,
};

/* Writes one finished line (no newline in it). Called under the log's lock. */
typedef void (*log_sink_fn)(void *context, enum log_level level, const char *line);

/* Replaces the sink, which is standard error at first. Before threads start. */
void log_set_sink(log_sink_fn sink, void *context);

void log_set_level(enum log_level level);
enum log_level log_get_level(void);
const char *log_level_name(enum log_level level);

/* Finds the level of a name. STATUS_NOT_FOUND is said by returning false. */
bool log_level_find(const char *name, enum log_level *found);

void log_error(const char *format, ...) PRINTF_LIKE(1, 2);
void log_warning(const char *format, ...) PRINTF_LIKE(1, 2);
void log_info(const char *format, ...) PRINTF_LIKE(1, 2);
void log_debug(const char *format, ...) PRINTF_LIKE(1, 2);

struct log_text {
    char text[256];
};

/* Makes peers' bytes fit to print: control characters and non-ASCII as \xNN, cut with "...". */
struct log_text log_safe(struct bytes bytes);
