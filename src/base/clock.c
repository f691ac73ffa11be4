/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/base/clock.h"

#include <stddef.h>
#include <time.h>

static uint64_t read_usec(clockid_t id)
{
    struct timespec now;

    (void)clock_gettime(id, &now); /* fails for unknown clocks only */
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static uint64_t system_monotonic_usec(void *context)
{
    (void)context;
    return read_usec(CLOCK_MONOTONIC);
}

static uint64_t system_wall_usec(void *context)
{
    (void)context;
    return read_usec(CLOCK_REALTIME);
}

const struct clock *clock_system(void)
{
    static const struct clock system = {system_monotonic_usec, system_wall_usec, NULL};

    return &system;
}

uint64_t clock_monotonic_usec(const struct clock *clock)
{
    return clock->monotonic_usec(clock->context);
}

uint64_t clock_wall_usec(const struct clock *clock)
{
    return clock->wall_usec(clock->context);
}
