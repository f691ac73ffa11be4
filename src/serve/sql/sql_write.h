/* SPDX-License-Identifier: Apache-2.0 */
/*
 * INSERT, REPLACE and UPDATE of the heartbeat table, the only one that may be
 * written (manual: "INSERT Statement"). Values are computed by the engine;
 * the rows are durable when the statement is answered.
 */
#pragma once

#include "sql_session.h"

/* True if the statement changes something. */
bool sql_write_begins(const struct sql_reader *reader);

/* The reader stands at the first word. */
MUST_CHECK enum status sql_write(struct sql_statement *statement, struct error *error);
