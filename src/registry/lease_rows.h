/* SPDX-License-Identifier: Apache-2.0 */
/* What control.db keeps of leases. Belongs to the registry's thread; loading, to the start. */
#pragma once

#include "lease_desk.h"

struct sqlite3;

/* Gives all that is kept of a cluster to the desk. */
MUST_CHECK enum status lease_rows_load(struct sqlite3 *database,
                                       const char *cluster,
                                       struct lease_desk *desk,
                                       struct error *error);

/* Returns when it is durable. STATUS_CORRUPT: the record is not the one that it replaces. */
MUST_CHECK enum status lease_rows_save(struct sqlite3 *database,
                                       const char *cluster,
                                       const struct lease_write *write,
                                       struct error *error);
