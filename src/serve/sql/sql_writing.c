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
    return sql_session_now_usec(writing->statement->session);
}

/* The row of a key as the statement has left it; false if there is none. */
static bool find_row(const struct sql_writing *writing, uint32_t id, struct heartbeat_row *row)
{
    struct error ignored; /* there is none then */

    for (size_t at = 0; at < writing->count; at++) {
        if (writing->rows[at].row.server_id == id) {
            *row = writing->rows[at].row;
            return true;
        }
    }
    return heartbeat_table_find(table_of(writing), id, row, &ignored) == STATUS_OK;
}

/* The columns of a statement, or of its ON DUPLICATE KEY UPDATE. */
struct columns {
    const size_t *items;
    size_t count;
};

static struct columns columns_of(const struct sql_writing *writing)
{
    return (struct columns){.items = writing->columns, .count = writing->column_count};
}

static bool names_column(struct columns columns, size_t column)
{
    return sql_writing_has_column(columns.items, columns.count, column);
}

/* Notes what the statement leaves: a row that stays as it is, is a sign of life too. */
static enum status keep_row(struct sql_writing *writing,
                            const struct heartbeat_row *row,
                            struct columns columns,
                            bool is_changed)
{
    struct sql_written written = {.row = *row,
                                  .is_changed = is_changed,
                                  .says_epoch =
                                      names_column(columns, HEARTBEAT_APPLIED_EPOCH) ||
                                      names_column(columns, HEARTBEAT_SOURCE_CLUSTER)};

    for (size_t at = 0; at < writing->count; at++) {
        struct sql_written *before = &writing->rows[at];

        if (before->row.server_id == row->server_id) {
            written.is_changed |= before->is_changed;
            written.says_epoch |= before->says_epoch;
            *before = written;
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
    writing->rows[writing->count++] = written;
    return STATUS_OK;
}

/* ON UPDATE CURRENT_TIMESTAMP: a row that changes has a new time, unless it was given one. */
static enum status finish_change(struct sql_writing *writing,
                                 const struct heartbeat_row *old,
                                 struct heartbeat_row *row,
                                 struct columns columns,
                                 uint64_t weight)
{
    writing->matched++;
    if (heartbeat_row_is_same(old, row)) {
        return keep_row(writing, row, columns, false);
    }
    if (old->server_id != row->server_id) {
        return sql_error_set(writing->error, SQL_ERROR_NOT_SUPPORTED,
                             "The server_id of a heartbeat row cannot be changed");
    }
    if (!names_column(columns, HEARTBEAT_UPDATED_AT)) {
        row->updated_usec = now_usec(writing);
    }
    writing->affected += weight;
    return keep_row(writing, row, columns, true);
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
        writing->status = finish_change(
            writing, writing->old, &row,
            (struct columns){.items = writing->change_columns, .count = writing->change_count},
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
    return keep_row(writing, row, columns_of(writing), true);
}

static enum status add_row(struct sql_writing *writing, const struct heartbeat_row *row)
{
    struct heartbeat_row old;

    if (!find_row(writing, row->server_id, &old)) {
        writing->affected++;
        return keep_row(writing, row, columns_of(writing), true);
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
        writing->status = finish_change(writing, &old, &row, columns_of(writing), 1);
    }
    return writing->status == STATUS_OK;
}

static enum status put_changed(struct sql_writing *writing)
{
    autofree struct heartbeat_row *rows = mem_raw((writing->count + 1) * sizeof(*rows));
    size_t count = 0;

    for (size_t at = 0; at < writing->count; at++) {
        if (writing->rows[at].is_changed) {
            rows[count++] = writing->rows[at].row;
        }
    }
    if (count == 0) {
        return STATUS_OK;
    }
    enum status status = heartbeat_table_put(table_of(writing), rows, count, writing->error);

    return status == STATUS_FULL ? sql_error_set(writing->error, SQL_ERROR_TABLE_FULL,
                                                 "The table 'heartbeat' is full")
                                 : status;
}

enum status sql_writing_put(struct sql_writing *writing)
{
    struct sql_statement *statement = writing->statement;
    bool counts_matches = (statement->writer->capabilities & FOUND_ROWS) != 0;

    if (sql_report_check(statement, writing->rows, writing->count, writing->error) !=
            STATUS_OK ||
        put_changed(writing) != STATUS_OK) {
        return writing->error->status;
    }
    sql_report_take(statement, writing->rows, writing->count);
    if (writing->on_duplicate == UPDATE && writing->number == 0) { /* UPDATE itself */
        struct bytes info = sql_memory_format(
            &statement->memory,
            "Rows matched: %" PRIu64 "  Changed: %" PRIu64 "  Warnings: %" PRIu16,
            writing->matched, writing->affected, statement->writer->warnings);

        result_add_ok(statement->writer, counts_matches ? writing->matched : writing->affected,
                      info);
    } else {
        result_add_ok(statement->writer, writing->affected, (struct bytes){0});
    }
    return STATUS_OK;
}
