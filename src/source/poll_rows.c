/* SPDX-License-Identifier: Apache-2.0 */
#include "poll_rows.h"

#include <stdlib.h>

#include "binrelay/base/memory.h"
#include "source_sql.h"

#define USEC_IN_SEC UINT64_C(1000000)

void poll_rows_release(struct poll_rows *rows)
{
    free(rows->rows);
    free(rows->found);
    *rows = (struct poll_rows){0};
}

void poll_rows_begin(struct poll_rows *rows)
{
    rows->found_count = 0;
}

/* True if the value is a number up to `most`, or NULL, which leaves it 0. */
static bool take_number(struct bytes value, uint64_t most, uint64_t *number, bool *is_there)
{
    *number = 0;
    *is_there = value.data != NULL;
    return !*is_there || (source_sql_number(value, number) && *number <= most);
}

void poll_rows_take(void *context, const struct bytes *values)
{
    struct poll_rows *rows = context;
    struct heartbeat_row row = {0};
    uint64_t server_id = 0;
    uint64_t source_cluster = 0;
    uint64_t updated_sec = 0;
    bool is_there[POLL_COLUMNS];

    if (!take_number(values[POLL_SERVER_ID], UINT32_MAX, &server_id,
                     &is_there[POLL_SERVER_ID]) ||
        !take_number(values[POLL_COUNTER], UINT64_MAX, &row.counter, &is_there[POLL_COUNTER]) ||
        !take_number(values[POLL_APPLIED_EPOCH], UINT64_MAX, &row.applied_epoch,
                     &is_there[POLL_APPLIED_EPOCH]) ||
        !take_number(values[POLL_SOURCE_CLUSTER], UINT32_MAX, &source_cluster,
                     &is_there[POLL_SOURCE_CLUSTER]) ||
        server_id == 0) {
        return;
    }
    if (!take_number(values[POLL_UPDATED], UINT32_MAX, &updated_sec, &is_there[POLL_UPDATED])) {
        updated_sec = 0; /* some servers give it a fraction; it is not needed */
    }
    row.server_id = (uint32_t)server_id;
    row.has_applied_epoch = is_there[POLL_APPLIED_EPOCH];
    row.has_source_cluster = is_there[POLL_SOURCE_CLUSTER];
    row.source_cluster = (uint32_t)source_cluster;
    row.updated_usec = updated_sec * USEC_IN_SEC;
    if (rows->found_count == rows->found_capacity) {
        rows->found = mem_grow(rows->found, &rows->found_capacity, sizeof(*rows->found));
    }
    rows->found[rows->found_count++] = row;
}

static int by_server_id(const void *left, const void *right)
{
    const struct heartbeat_row *one = left;
    const struct heartbeat_row *other = right;

    return (one->server_id > other->server_id) - (one->server_id < other->server_id);
}

static bool is_same(const struct heartbeat_row *one, const struct heartbeat_row *other)
{
    return one->counter == other->counter && one->updated_usec == other->updated_usec &&
           one->has_applied_epoch == other->has_applied_epoch &&
           one->applied_epoch == other->applied_epoch &&
           one->has_source_cluster == other->has_source_cluster &&
           one->source_cluster == other->source_cluster;
}

/* This round becomes the one before, with so many rows. */
static void turn(struct poll_rows *rows, size_t count)
{
    free(rows->rows);
    rows->rows = rows->found;
    rows->count = count;
    rows->found = NULL;
    rows->found_count = 0;
    rows->found_capacity = 0;
}

static bool is_known(const struct poll_rows *rows, const struct heartbeat_row *row)
{
    const struct heartbeat_row *before =
        rows->count == 0
            ? NULL
            : bsearch(row, rows->rows, rows->count, sizeof(*rows->rows), by_server_id);

    return before != NULL && is_same(row, before);
}

void poll_rows_end(struct poll_rows *rows, uint32_t always, poll_row_fn fn, void *context)
{
    size_t taken = 0;

    if (rows->found_count > 0) {
        qsort(rows->found, rows->found_count, sizeof(*rows->found), by_server_id);
    }
    for (size_t at = 0; at < rows->found_count; at++) {
        const struct heartbeat_row row = rows->found[at];

        if ((row.server_id != always && is_known(rows, &row)) || fn(context, &row)) {
            rows->found[taken++] = row;
        }
    }
    turn(rows, taken);
}
