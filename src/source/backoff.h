/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long to wait before the next try: doubles with each failure up to a
 * limit, and varies by a quarter so that many relays do not come at once. Pure.
 */
#pragma once

#include <stdint.h>

enum { BACKOFF_MOST_USEC = 30000000 };

struct backoff {
    uint64_t first_usec;
    unsigned failures; /* in a row */
};

/* Counts a failure. Returns how long to wait; `random` is any number. */
uint64_t backoff_fail(struct backoff *backoff, uint32_t random);

void backoff_reset(struct backoff *backoff);
