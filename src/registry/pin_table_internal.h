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

/* Which ones have expired, saved as applier_registry_collect() and what is behind it do. */
size_t pin_table_collect(struct pin_table *pins);
MUST_CHECK enum status pin_table_write(struct pin_table *pins, struct error *error);
void pin_table_written(struct pin_table *pins, bool is_saved);
