/* SPDX-License-Identifier: Apache-2.0 */
/* The pins as the registry opens, saves and ends them. */
#pragma once

#include "registry_internal.h"

/* Loads them. */
MUST_CHECK enum status pin_table_open(struct pin_table **made,
                                      struct registry *registry,
                                      struct error *error);

/* When the worker has ended. Accepts NULL. */
void pin_table_close(struct pin_table *pins);

/* The worker's thread, in a transaction: writes which ones have expired; how that ended. */
MUST_CHECK enum status pin_table_save(struct pin_table *pins, struct error *error);
void pin_table_saved(struct pin_table *pins, bool is_saved);
