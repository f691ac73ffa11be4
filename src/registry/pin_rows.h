/* SPDX-License-Identifier: Apache-2.0 */
/* Pins in control.db. The worker's thread, or at start. */
#pragma once

#include "binrelay/registry/pin_table.h"

struct sqlite3;

typedef void (*pin_loaded_fn)(void *context, const struct pin_facts *pin);

/* Gives all of them, in no order. */
MUST_CHECK enum status pin_rows_load(struct sqlite3 *database,
                                     pin_loaded_fn take,
                                     void *context,
                                     struct error *error);
MUST_CHECK enum status pin_rows_put(struct sqlite3 *database,
                                    const struct pin_facts *pin,
                                    struct error *error);
MUST_CHECK enum status pin_rows_remove(struct sqlite3 *database,
                                       const char *name,
                                       struct error *error);
