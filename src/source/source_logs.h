/* SPDX-License-Identifier: Apache-2.0 */
/* The source's list of binlogs (SHOW BINARY LOGS), oldest first. A plain value; pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "binrelay/base/error.h"
#include "binrelay/protocol/result.h"
#include "binrelay/storage/binlog_position.h"

struct source_log {
    char base_name[BINLOG_NAME_MOST_BYTES + 1];
    uint64_t file;
    uint64_t bytes;
};

struct source_logs {
    struct source_log *items; /* owned */
    size_t count;
    size_t capacity;
};

/* Reads the answer of SHOW BINARY LOGS. STATUS_INVALID for names that are not accepted. */
MUST_CHECK enum status source_logs_read(struct source_logs *logs,
                                        const struct result_set *answer,
                                        struct error *error);
void source_logs_release(struct source_logs *logs);

/* NULL if it is not there. */
const struct source_log *source_logs_find(const struct source_logs *logs,
                                          const char *base_name,
                                          uint64_t file);
const struct source_log *source_logs_first(const struct source_logs *logs);
const struct source_log *source_logs_last(const struct source_logs *logs);
