/* SPDX-License-Identifier: Apache-2.0 */
/* Leases as the registry ends them. */
#pragma once

#include "binrelay/registry/lease_table.h"

/* Before the worker ends: they look at the time no longer. */
void lease_tables_stop(struct lease_table *first);

/* When the worker has ended. Accepts NULL. */
void lease_tables_close(struct lease_table *first);
