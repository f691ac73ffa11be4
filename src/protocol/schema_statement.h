/* SPDX-License-Identifier: Apache-2.0 */
/* Which statements mysql.ndb_binlog_index counts as schemaops. */
#pragma once

#include <stdbool.h>

#include "binrelay/base/bytes.h"

/* True if its first word, behind blanks and comments, is DROP or ALTER, and there are more. */
bool statement_drops_or_alters(struct bytes statement);
