/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of the heartbeat table as the endpoint shows them, durable in
 * control.db. Reading copies under a lock; writing waits for the disk and so
 * belongs on an agent thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binrelay/base/error.h"

struct heartbeat_table;

enum { HEARTBEAT_MOST_ROWS = 10000 };

struct heartbeat_row {
    uint32_t server_id; /* the key: of the applier that reports */
    uint64_t counter;
    bool has_applied_epoch;
    uint64_t applied_epoch;
    bool has_source_cluster;
    uint32_t source_cluster; /* server_id of the cluster whose epoch that is */
    uint64_t updated_usec;   /* wall clock */
};

/* Ordered by server_id; *rows is the caller's to free. */
size_t heartbeat_table_list(struct heartbeat_table *table, struct heartbeat_row **rows);

/* STATUS_NOT_FOUND: no such row. */
MUST_CHECK enum status heartbeat_table_find(struct heartbeat_table *table,
                                            uint32_t server_id,
                                            struct heartbeat_row *row,
                                            struct error *error);

/* Inserts or replaces the rows, all or none, and returns when they are durable.
 * STATUS_FULL: more than HEARTBEAT_MOST_ROWS. */
MUST_CHECK enum status heartbeat_table_put(struct heartbeat_table *table,
                                           const struct heartbeat_row *rows,
                                           size_t count,
                                           struct error *error);
