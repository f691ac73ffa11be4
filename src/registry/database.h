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

/* A transaction that writes. */
MUST_CHECK enum status database_begin(struct sqlite3 *database, struct error *error);

/* Ends it: commits if all went well, else takes everything back and returns what failed. */
MUST_CHECK enum status database_end(struct sqlite3 *database,
                                    enum status status,
                                    struct error *error);

/* Binds a number with all its 64 bits, or a text that lives until the step; NULL is NULL. It
 * fails only for want of memory, and then the step says so. */
void database_bind_number(struct sqlite3_stmt *statement, int place, uint64_t number);
void database_bind_text(struct sqlite3_stmt *statement, int place, const char *text);

/* The column of the row, numbers as they were bound; "" for NULL, lent until the next step. */
uint64_t database_number(struct sqlite3_stmt *statement, int column);
const char *database_text(struct sqlite3_stmt *statement, int column);
