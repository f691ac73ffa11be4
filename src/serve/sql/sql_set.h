/* SPDX-License-Identifier: Apache-2.0 */
/* SET: user variables are kept, session variables are kept and change nothing. */
#pragma once

#include "sql_session.h"

/* The reader stands behind SET. */
MUST_CHECK enum status sql_set(struct sql_statement *statement, struct error *error);
