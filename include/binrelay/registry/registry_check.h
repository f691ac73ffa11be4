/* SPDX-License-Identifier: Apache-2.0 */
/* data_dir/control.db without a registry: is it sound? Any thread. */
#pragma once

#include "binrelay/base/error.h"

/*
 * Reads all of it and changes nothing that counts, beside a relay too.
 * STATUS_NOT_FOUND: there is none. STATUS_CORRUPT: not a database, damaged, or
 * not the registry's. STATUS_INVALID: a newer schema.
 */
MUST_CHECK enum status registry_check(const char *data_dir, struct error *error);
