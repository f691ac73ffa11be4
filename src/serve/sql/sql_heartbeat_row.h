/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the heartbeat table as values of SQL, and back. Pure. */
#pragma once

#include "binrelay/registry/heartbeat_table.h"
#include "sql_value.h"

enum heartbeat_column {
    HEARTBEAT_SERVER_ID,
    HEARTBEAT_COUNTER,
    HEARTBEAT_APPLIED_EPOCH,
    HEARTBEAT_SOURCE_CLUSTER,
    HEARTBEAT_UPDATED_AT,
    HEARTBEAT_COLUMNS,
};

extern const char *const heartbeat_column_names[HEARTBEAT_COLUMNS];

/* The number of a column; HEARTBEAT_COLUMNS: there is none of that name. */
size_t heartbeat_column_find(struct bytes name);

/* The values live in the memory. */
void heartbeat_row_values(const struct heartbeat_row *row,
                          struct sql_memory *memory,
                          struct sql_value values[HEARTBEAT_COLUMNS]);

/* Checks and sets one column; of updated_at the value is seconds since 1970. `number` is the
 * row's in the statement, for the error: 1048, 1264, 1366. */
MUST_CHECK enum status heartbeat_row_set(struct heartbeat_row *row,
                                         size_t column,
                                         const struct sql_value *value,
                                         size_t number,
                                         struct error *error);

bool heartbeat_row_is_same(const struct heartbeat_row *left, const struct heartbeat_row *right);
