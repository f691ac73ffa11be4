/* SPDX-License-Identifier: Apache-2.0 */
/* The time, behind a seam so that tests can make their own. Any thread. */
#pragma once

#include <stdint.h>

struct clock {
    uint64_t (*monotonic_usec)(void *context); /* never goes back; for timeouts */
    uint64_t (*wall_usec)(void *context);      /* since 1970, UTC; for people */
    void *context;                             /* borrowed */
};

const struct clock *clock_system(void);

uint64_t clock_monotonic_usec(const struct clock *clock);
uint64_t clock_wall_usec(const struct clock *clock);
