/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One SQL connection to a source, by libmysqlclient: MariaDB's Connector/C or
 * Oracle's. Every call blocks, within time limits. No statement may ask for a
 * local file, and a password never goes in the clear: over TLS, or by RSA to
 * the key that is pinned, or as a proof.
 *
 * Belongs to one thread, but for source_sql_interrupt().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "binrelay/base/bytes.h"
#include "binrelay/base/error.h"
#include "binrelay/source/puller.h"

/* include/mysqld_error.h of MySQL and MariaDB. */
enum {
    SERVER_UNKNOWN_DATABASE = 1049,
    SERVER_UNKNOWN_COLUMN = 1054,
    SERVER_UNKNOWN_TABLE = 1146,
    SERVER_UNKNOWN_VARIABLE = 1193,
};

struct source_sql;

/* Once for the process before any thread uses the library; again does no harm. */
MUST_CHECK enum status source_sql_prepare_library(struct error *error);

/* At the begin and end of a thread that uses connections. */
MUST_CHECK enum status source_sql_enter_thread(struct error *error);
void source_sql_leave_thread(void);

/* Not connected yet. The options are borrowed and may be changed between calls. */
struct source_sql *source_sql_new(const struct source_options *source);

/* Hangs up. Accepts NULL. */
void source_sql_free(struct source_sql *sql);

/*
 * Connects and logs in, unless it is connected. STATUS_DENIED with the source's
 * sql_code: it refuses us; STATUS_CLOSED: it is away; STATUS_INVALID: it does
 * not do what the options demand.
 */
MUST_CHECK enum status source_sql_connect(struct source_sql *sql, struct error *error);

void source_sql_hang_up(struct source_sql *sql);

bool source_sql_is_connected(const struct source_sql *sql);

/* Runs one statement; connected. STATUS_DENIED with sql_code and the source's own words; the
 * connection stays. STATUS_CLOSED: it is lost. */
MUST_CHECK enum status source_sql_run(struct source_sql *sql,
                                      const char *statement,
                                      struct error *error);

/* The values of a row; .data == NULL is NULL. Borrowed for the call. */
typedef void (*source_sql_row_fn)(void *context, const struct bytes *values);

/* What a SELECT is to answer with. */
struct source_sql_rows {
    size_t columns;    /* another number is STATUS_INVALID */
    bool may_be_wider; /* ... but more are passed over */
    size_t most;       /* more rows are STATUS_FULL, and the end of the connection */
    source_sql_row_fn take;
    void *context;
};

/* The same for a statement that answers with rows. */
MUST_CHECK enum status source_sql_ask(struct source_sql *sql,
                                      const char *statement,
                                      const struct source_sql_rows *rows,
                                      struct error *error);

/* A value that is a number without a sign, and fits. */
bool source_sql_number(struct bytes value, uint64_t *number);

/* Any thread: what runs on the connection ends now, and nothing can be begun any more. */
void source_sql_interrupt(struct source_sql *sql);
