/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of a polled heartbeat table, round by round. A row that stays as it
 * was says nothing: it may be of an applier that is long gone. One thread.
 */
#pragma once

#include <stddef.h>

#include "binrelay/base/bytes.h"
#include "binrelay/registry/heartbeat_table.h"

/* What is asked for, in this order. */
enum poll_column {
    POLL_SERVER_ID,
    POLL_COUNTER,
    POLL_APPLIED_EPOCH,
    POLL_SOURCE_CLUSTER,
    POLL_UPDATED, /* seconds since 1970 */
    POLL_COLUMNS
};

struct poll_rows {
    struct heartbeat_row
        *rows; /* owned: those of the round before that were taken, by server_id */
    size_t count;
    struct heartbeat_row *found; /* owned: of this round, as they come */
    size_t found_count;
    size_t found_capacity;
};

/* Accepts a zeroed one, which is empty. */
void poll_rows_release(struct poll_rows *rows);

void poll_rows_begin(struct poll_rows *rows);

/* A row as text; what is no row of that table is passed over. For source_sql_ask(). */
void poll_rows_take(void *rows, const struct bytes *values);

/* Returns true if the row was taken; one that was not is handed on again in the next round. */
typedef bool (*poll_row_fn)(void *context, const struct heartbeat_row *row);

/* The round ended: hands on what is new or changed, and the row of `always` in any case. */
void poll_rows_end(struct poll_rows *rows, uint32_t always, poll_row_fn fn, void *context);
