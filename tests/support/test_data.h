/* SPDX-License-Identifier: Apache-2.0 */
/* The recorded files in tests/data. */
#pragma once

#include "binrelay/base/bytes.h"

/* Reads a whole file, "mysql97-mixed.binlog"; the caller releases the buffer. */
struct buffer test_data_read(const char *name);

/* The path of a file, to be freed by the caller. */
char *test_data_path(const char *name);
