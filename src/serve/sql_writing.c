/* SPDX-License-Identifier: Apache-2.0 */
#include "sql_writing.h"

#include <inttypes.h>

#include "binrelay/base/memory.h"
#include "sql_engine.h"
#include "sql_errors.h"

enum { FOUND_ROWS = 2 /* CLIENT_FOUND_ROWS: rows that match count, changed or not */ };

static struct heartbeat_table *table_of(const struct sql_writing *writing)
{
    return writing->statement->session->world->heartbeats;
}

static uint64_t now_usec(const struct sql_writing *writing)
{
    return clock_wall_usec(writing->statement->session->clock);
}

/* The row of a key as the statement has left it; false if there is none. */
static bool find_row(const struct sql_writing *writing, uint32_t id, struct heartbeat_row *row)
{
    struct error ignored; /* there is none then */

    for (size_t at = 0; at < writing->count; at++) {
        if (writing->rows[at].server_id == id) {
            *row = writing->rows[at];
            return true;
        }
    }
    return heartbeat_table_find(table_of(writing), id, row, &ignored) == STATUS_OK;
}

static enum status keep_row(struct sql_writing *writing, const struct heartbeat_row *row)
{
    for (size_t at = 0; at < writing->count; at++) {
        if (writing->rows[at].server_id == row->server_id) {
            writing->rows[at] = *row;
            return STATUS_OK;
        }
    }
    if (writing->count == HEARTBEAT_MOST_ROWS) {
        return sql_error_set(writing->error, SQL_ERROR_TABLE_FULL,
                             "The heartbeat table is full: it takes %d rows",
                             HEARTBEAT_MOST_ROWS);
    }
    if (writing->count == writing->capacity) {
        writing->rows = mem_grow(writing->rows, &writing->capacity, sizeof(*writing->rows));
    }
    writing->rows[writing->count++] = *row;
    return STATUS_OK;
}

/* ON UPDATE CURRENT_TIMESTAMP: a row that changes has a new time, unless it was given one. */
static enum status finish_change(struct sql_writing *writing,
                                 const struct heartbeat_row *old,
                                 struct heartbeat_row *row,
                                 bool has_time,
                                 uint64_t weight)
{
    writing->matched++;
    if (heartbeat_row_is_same(old, row)) {
        return STATUS_OK;
    }
    if (old->server_id != row->server_id) {
        return sql_error_set(writing->error, SQL_ERROR_NOT_SUPPORTED,
                             "The server_id of a heartbeat row cannot be changed");
    }
    if (!has_time) {
        row->updated_usec = now_usec(writing);
    }
    writing->affected += weight;
    return keep_row(writing, row);
}

bool sql_writing_has_column(const size_t *columns, size_t count, size_t column)
{
    for (size_t at = 0; at < count; at++) {
        if (columns[at] == column) {
            return true;
        }
    }
    return false;
}

/* The expressions of ON DUPLICATE KEY UPDATE, computed for the row that is there. */
static bool change_row(void *context, const struct sql_value *values, size_t count)
{
    struct sql_writing *writing = context;
    struct heartbeat_row row = *writing->old;

    for (size_t at = 0; at < count && writing->status == STATUS_OK; at++) {
        writing->status = heartbeat_row_set(&row, writing->change_columns[at], &values[at],
                                            writing->number, writing->error);
    }
    if (writing->status == STATUS_OK) {
        writing->status =
            finish_change(writing, writing->old, &row,
                          sql_writing_has_column(writing->change_columns, writing->change_count,
                                                 HEARTBEAT_UPDATED_AT),
                          2);
    }
    return false;
}

static enum status update_duplicate(struct sql_writing *writing,
                                    const struct heartbeat_row *old,
                                    const struct heartbeat_row *row)
{
    struct sql_value parameters[2 * HEARTBEAT_COLUMNS];

    heartbeat_row_values(row, &writing->statement->memory, parameters);
    heartbeat_row_values(old, &writing->statement->memory, parameters + HEARTBEAT_COLUMNS);
    writing->old = old;
    if (sql_engine_run(writing->statement, &writing->changes, parameters, 2 * HEARTBEAT_COLUMNS,
                       change_row, writing, writing->error) != STATUS_OK) {
        return writing->error->status;
    }
    return writing->status;
}

static enum status replace_duplicate(struct sql_writing *writing,
                                     const struct heartbeat_row *old,
                                     const struct heartbeat_row *row)
{
    writing->affected += heartbeat_row_is_same(old, row) ? 1 : 2; /* deleted and inserted */
    return keep_row(writing, row);
}

static enum status add_row(struct sql_writing *writing, const struct heartbeat_row *row)
{
    struct heartbeat_row old;

    if (!find_row(writing, row->server_id, &old)) {
        writing->affected++;
        return keep_row(writing, row);
    }
    switch (writing->on_duplicate) {
    case SKIP:
        return STATUS_OK;
    case REPLACE:
        return replace_duplicate(writing, &old, row);
    case UPDATE:
        return update_duplicate(writing, &old, row);
    case FAIL:
    default:
        return sql_error_set(writing->error, SQL_ERROR_DUPLICATE_KEY,
                             "Duplicate entry '%" PRIu32 "' for key 'heartbeat.PRIMARY'",
                             row->server_id);
    }
}

bool sql_writing_insert(void *context, const struct sql_value *values, size_t count)
{
    struct sql_writing *writing = context;
    struct heartbeat_row row = {.updated_usec = now_usec(writing)};

    writing->number++;
    if (count != writing->column_count) {
        writing->status =
            sql_error_set(writing->error, SQL_ERROR_VALUE_COUNT,
                          "Column count doesn't match value count at row %zu", writing->number);
        return false;
    }
    for (size_t at = 0; at < count && writing->status == STATUS_OK; at++) {
        writing->status = heartbeat_row_set(&row, writing->columns[at], &values[at],
                                            writing->number, writing->error);
    }
    if (writing->status == STATUS_OK) {
        writing->status = add_row(writing, &row);
    }
    return writing->status == STATUS_OK;
}

bool sql_writing_update(void *context, const struct sql_value *values, size_t count)
{
    struct sql_writing *writing = context;
    struct heartbeat_row old;
    struct heartbeat_row row;
    uint64_t id = 0;

    if (!sql_text_to_number(values[0].text, &id) || !find_row(writing, (uint32_t)id, &old)) {
        return true;
    }
    row = old;
    for (size_t at = 1; at < count && writing->status == STATUS_OK; at++) {
        writing->status = heartbeat_row_set(&row, writing->columns[at - 1], &values[at],
                                            writing->matched + 1, writing->error);
    }
    if (writing->status == STATUS_OK) {
        writing->status =
            finish_change(writing, &old, &row,
                          sql_writing_has_column(writing->columns, writing->column_count,
                                                 HEARTBEAT_UPDATED_AT),
                          1);
    }
    return writing->status == STATUS_OK;
}

enum status sql_writing_put(struct sql_writing *writing)
{
    struct sql_statement *statement = writing->statement;
    bool counts_matches = (statement->writer->capabilities & FOUND_ROWS) != 0;

    if (writing->count > 0 &&
        heartbeat_table_put(table_of(writing), writing->rows, writing->count, writing->error) !=
            STATUS_OK) {
        if (writing->error->status == STATUS_FULL) {
            return sql_error_set(writing->error, SQL_ERROR_TABLE_FULL,
                                 "The table 'heartbeat' is full");
        }
        return writing->error->status;
    }
    if (writing->on_duplicate == UPDATE && writing->number == 0) { /* UPDATE itself */
        struct bytes info = sql_memory_format(
            &statement->memory, "Rows matched: %" PRIu64 "  Changed: %" PRIu64 "  Warnings: 0",
            writing->matched, writing->affected);

        result_add_ok(statement->writer, counts_matches ? writing->matched : writing->affected,
                      info);
    } else {
        result_add_ok(statement->writer, writing->affected, (struct bytes){0});
    }
    return STATUS_OK;
}
