/* SPDX-License-Identifier: Apache-2.0 */
/* PURGE BINARY LOGS, by the rules that hold for the relay's own purges. */
#pragma once

#include "sql_session.h"

/* The reader stands behind PURGE. Waits: with an engine. */
MUST_CHECK enum status sql_purge(struct sql_statement *statement, struct error *error);
