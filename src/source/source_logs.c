/* SPDX-License-Identifier: Apache-2.0 */
#include "source_logs.h"

#include <stdlib.h>
#include <string.h>

#include "answers.h"
#include "binrelay/base/log.h"
#include "binrelay/base/memory.h"

enum { NAME_COLUMN = 0, SIZE_COLUMN = 1 };

enum status source_logs_read(struct source_logs *logs,
                             const struct result_set *answer,
                             struct error *error)
{
    source_logs_release(logs);
    for (size_t row = 0; row < result_set_rows(answer); row++) {
        struct bytes name = result_set_value(answer, row, NAME_COLUMN);
        struct source_log log = {.file = 0};

        if (!binlog_name_split(name, log.base_name, &log.file) ||
            !answer_number(answer, row, SIZE_COLUMN, &log.bytes)) {
            return error_set(error, STATUS_INVALID,
                             "the source's file name \"%s\" is not accepted",
                             log_safe(name).text);
        }
        if (logs->count == logs->capacity) {
            logs->items = mem_grow(logs->items, &logs->capacity, sizeof(*logs->items));
        }
        logs->items[logs->count++] = log;
    }
    return STATUS_OK;
}

void source_logs_release(struct source_logs *logs)
{
    free(logs->items);
    *logs = (struct source_logs){0};
}

const struct source_log *source_logs_find(const struct source_logs *logs,
                                          const char *base_name,
                                          uint64_t file)
{
    for (size_t at = 0; at < logs->count; at++) {
        if (logs->items[at].file == file && strcmp(logs->items[at].base_name, base_name) == 0) {
            return &logs->items[at];
        }
    }
    return NULL;
}

const struct source_log *source_logs_first(const struct source_logs *logs)
{
    return logs->count == 0 ? NULL : &logs->items[0];
}

const struct source_log *source_logs_last(const struct source_logs *logs)
{
    return logs->count == 0 ? NULL : &logs->items[logs->count - 1];
}
