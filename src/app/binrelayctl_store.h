/* SPDX-License-Identifier: Apache-2.0 */
/* binrelayctl store ...: what an administrator does with a store when no relay is asked. */
#pragma once

#include <stdbool.h>

/* Exit codes of binrelayctl. */
enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* arguments[0] is "store". Returns an exit code. */
int binrelayctl_store(int count, char **arguments, bool is_json);
