/* SPDX-License-Identifier: Apache-2.0 */
/* The heartbeat table as the registry makes and ends it. */
#pragma once

#include "binrelay/registry/heartbeat_table.h"

struct sqlite3;
struct worker;

/* Loads the rows. Writes run on the worker, which owns the database from now on; both are
 * borrowed. */
MUST_CHECK enum status heartbeat_table_open(struct heartbeat_table **made,
                                            struct sqlite3 *database,
                                            struct worker *worker,
                                            struct error *error);

/* The worker's thread: makes the rows that are not there yet, without an epoch. */
MUST_CHECK enum status heartbeat_table_add_missing(struct heartbeat_table *table,
                                                   const uint32_t *server_ids,
                                                   size_t count,
                                                   uint64_t now_usec,
                                                   struct error *error);

/* The worker's thread: removes a row, if it is there. */
MUST_CHECK enum status heartbeat_table_remove(struct heartbeat_table *table,
                                              uint32_t server_id,
                                              struct error *error);

/* When the worker has ended and nobody reads any more. Accepts NULL. */
void heartbeat_table_close(struct heartbeat_table *table);
