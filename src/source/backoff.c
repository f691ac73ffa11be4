/* SPDX-License-Identifier: Apache-2.0 */
#include "backoff.h"

enum { DOUBLINGS_MOST = 16 };

uint64_t backoff_fail(struct backoff *backoff, uint32_t random)
{
    unsigned doublings =
        backoff->failures < DOUBLINGS_MOST ? backoff->failures : DOUBLINGS_MOST;
    uint64_t most =
        backoff->first_usec > BACKOFF_MOST_USEC ? backoff->first_usec : BACKOFF_MOST_USEC;
    uint64_t wait = backoff->first_usec << doublings;

    if (wait > most) {
        wait = most;
    }
    backoff->failures++;
    return wait - wait / 4 + (uint64_t)random % (wait / 2 + 1);
}

void backoff_reset(struct backoff *backoff)
{
    backoff->failures = 0;
}
