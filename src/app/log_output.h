/* SPDX-License-Identifier: Apache-2.0 */
/* Where log lines go: text or JSON on standard error, or systemd's priorities. */
#pragma once

#include <stdbool.h>

/* A format of config.h: auto is the journal's when systemd reads standard error, else text. */
void log_output_set(unsigned format, unsigned level);
