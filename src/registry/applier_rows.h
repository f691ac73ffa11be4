/* SPDX-License-Identifier: Apache-2.0 */
/* Appliers in control.db. The worker's thread, or at start. */
#pragma once

#include "applier_table.h"

struct sqlite3;

/* Adds all of a cluster to the table. STATUS_CORRUPT: a row that this version did not write. */
MUST_CHECK enum status applier_rows_load(struct sqlite3 *database,
                                         const char *cluster,
                                         struct applier_table *table,
                                         struct error *error);
MUST_CHECK enum status applier_rows_put(struct sqlite3 *database,
                                        const char *cluster,
                                        const struct applier *applier,
                                        struct error *error);
MUST_CHECK enum status applier_rows_remove(struct sqlite3 *database,
                                           const char *cluster,
                                           uint32_t server_id,
                                           struct error *error);
