/* SPDX-License-Identifier: Apache-2.0 */
/* What of SQLite leaves the engine: failures as MySQL's, and rows as a result set. */
#pragma once

#include <sqlite3.h>

#include "sql_translate.h"

/* Fills error by our own failure, if there is one, else by what SQLite says. Returns the
 * status. */
enum status sql_engine_error(sqlite3 *database,
                             int code,
                             const struct error *failure,
                             struct error *error);

/* Steps through the rows and adds the result set. Returns SQLITE_DONE, or SQLite's code; the
 * failure is filled where it is ours. */
int sql_output_rows(struct sql_statement *statement,
                    const struct sql_translation *translation,
                    sqlite3_stmt *prepared,
                    struct error *failure);
