/* SPDX-License-Identifier: Apache-2.0 */
/* SELECT without a table, as replicas and clients ask it: what more there is, is the engine's.
 */
#pragma once

#include "sql_session.h"

/* The reader stands behind SELECT. */
MUST_CHECK enum status sql_select(struct sql_statement *statement, struct error *error);

struct sql_limit {
    uint64_t offset;
    uint64_t count;
};

/* Reads LIMIT n, LIMIT m, n and LIMIT n OFFSET m; leaves the limit as it is if there is none.
 */
MUST_CHECK enum status sql_limit_read(struct sql_statement *statement,
                                      struct sql_limit *limit,
                                      struct error *error);
