/* SPDX-License-Identifier: Apache-2.0 */
/* `events`: one reply has a part of them, so this asks until there are no more, or for ever. */
#pragma once

#include <stdbool.h>

#include "binrelay/base/bytes.h"

/* `request` is the command in words with its newline. Returns the exit code. */
int binrelayctl_events(const char *socket_path, struct bytes request, bool is_json);
