/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The endpoint's SQL: one statement in, one answer out. What it knows is what
 * replicas, clients and connectors ask; anything else is an error packet, never
 * a closed connection.
 */
#pragma once

#include "sql_session.h"

/* True if answering reads files, tables or what only the engine understands: such a statement
 * belongs on a thread that may wait. */
bool sql_answer_is_slow(struct sql_session *session, struct bytes text);

/* Adds exactly one answer to the writer. The engine is the thread's own, or NULL on one that
 * may not wait. */
void sql_answer(struct sql_session *session,
                struct sql_engine *engine,
                struct bytes text,
                struct result_writer *writer);
