/* SPDX-License-Identifier: Apache-2.0 */
/* The rows that one statement writes to the heartbeat table, until they are put there. */
#pragma once

#include "sql_heartbeat_row.h"
#include "sql_report.h"
#include "sql_translate.h"

/* What happens to a row whose key is there. */
enum on_duplicate { FAIL, SKIP, REPLACE, UPDATE };

/* One statement's work. */
struct sql_writing {
    struct sql_statement *statement;
    struct sql_written *rows; /* owned: what the statement leaves, in order, each key once */
    size_t count;
    size_t capacity;
    uint64_t affected;
    uint64_t matched;
    enum on_duplicate on_duplicate;
    size_t columns[HEARTBEAT_COLUMNS]; /* that the statement names, in its order */
    size_t column_count;
    size_t number;                            /* of the row in the statement */
    struct sql_translation changes;           /* owned: ON DUPLICATE KEY UPDATE */
    size_t change_columns[HEARTBEAT_COLUMNS]; /* what its expressions are for */
    size_t change_count;
    const struct heartbeat_row *old; /* the row that is changed */
    enum status status;              /* of what was done for a row */
    struct error *error;
};

/* One row of VALUES or of a SELECT. An sql_row_fn, as the next one. */
bool sql_writing_insert(void *context, const struct sql_value *values, size_t count);

/* A row that UPDATE's condition found: its key, and the values of the expressions. */
bool sql_writing_update(void *context, const struct sql_value *values, size_t count);

/* Checks the rows as reports, makes them durable, takes them, and adds the answer. */
MUST_CHECK enum status sql_writing_put(struct sql_writing *writing);

bool sql_writing_has_column(const size_t *columns, size_t count, size_t column);
