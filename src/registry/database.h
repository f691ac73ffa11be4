/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLite as the registry uses it: one connection, statements that are prepared,
 * run once and dropped. Belongs to one thread at a time.
 */
#pragma once

#include <stdint.h>

#include "binrelay/base/error.h"

struct sqlite3;
struct sqlite3_stmt;

/* Opens or makes the file, in WAL mode with full syncs, and checks that it is sound. */
MUST_CHECK enum status database_open(struct sqlite3 **made,
                                     const char *path,
                                     struct error *error);

/* Accepts NULL. */
void database_close(struct sqlite3 *database);

/* Runs statements that return nothing. */
MUST_CHECK enum status database_run(struct sqlite3 *database,
                                    const char *sql,
                                    struct error *error);

MUST_CHECK enum status database_prepare(struct sqlite3 *database,
                                        struct sqlite3_stmt **made,
                                        const char *sql,
                                        struct error *error);

/* STATUS_OK: a row is there; STATUS_NOT_FOUND: the statement is done. */
MUST_CHECK enum status database_step(struct sqlite3 *database,
                                     struct sqlite3_stmt *statement,
                                     struct error *error);

/* Steps a statement that returns nothing, and drops it. */
MUST_CHECK enum status database_finish(struct sqlite3 *database,
                                       struct sqlite3_stmt *statement,
                                       struct error *error);
