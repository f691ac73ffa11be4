/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of control.db, and how those of older versions become them. */
#pragma once

#include "binrelay/base/error.h"

struct sqlite3;

/*
 * Makes the tables, or brings older ones up to date: one transaction for each
 * version, so that a crash leaves one version or the next. STATUS_INVALID,
 * and nothing is changed: a newer version wrote it.
 */
MUST_CHECK enum status schema_prepare(struct sqlite3 *database, struct error *error);

/* Changes nothing. STATUS_INVALID as above; STATUS_CORRUPT: no version at all. */
MUST_CHECK enum status schema_check(struct sqlite3 *database, struct error *error);
