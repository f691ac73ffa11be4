/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLite as the evaluator: one connection of one agent thread, with virtual
 * tables over live state and nothing else in it. It may read these tables and
 * call our functions, and no more; time, memory, depth and the size of the
 * answer are bounded (S8). What is written to the heartbeat table is
 * computed here by SELECTs, and written by sql_write.c.
 */
#pragma once

#include <stdatomic.h>

#include "sql_translate.h"

enum { SQL_STATEMENT_MOST_SEC = 10 };

MUST_CHECK enum status sql_engine_new(struct sql_engine **made, struct error *error);

/* Accepts NULL. */
void sql_engine_free(struct sql_engine *engine);

/* A flag that ends what runs when it is set, or NULL; borrowed until the next call. */
void sql_engine_watch(struct sql_engine *engine, const atomic_bool *cancelled);

/* Answers the statement, whose reader stands at its first word. */
MUST_CHECK enum status sql_engine_answer(struct sql_statement *statement, struct error *error);

/* ---- for sql_write.c ---- */

/* Gets one row; false ends the query. */
typedef bool (*sql_row_fn)(void *context, const struct sql_value *values, size_t count);

/* Runs a SELECT with parameters ?1, ?2, ... and gives its rows to `fn`. */
MUST_CHECK enum status sql_engine_run(struct sql_statement *statement,
                                      const struct sql_translation *translation,
                                      const struct sql_value *parameters,
                                      size_t parameter_count,
                                      sql_row_fn fn,
                                      void *context,
                                      struct error *error);

/* ---- for virtual tables and functions ---- */

const struct sql_session *sql_engine_session(const struct sql_engine *engine);
struct sql_statement *sql_engine_statement(const struct sql_engine *engine);

/* Keeps an error with its number: what SQLite then makes of the failure is not shown. Returns
 * SQLITE_ERROR. */
int sql_engine_fail(struct sql_engine *engine, const struct error *error);
