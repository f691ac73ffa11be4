/* SPDX-License-Identifier: Apache-2.0 */
#include "backoff.h"

#include "check.h"

static void doubles_up_to_its_limit(void)
{
    struct backoff backoff = {.first_usec = 1000000};
    uint64_t middle = 1000000;

    for (int failure = 0; failure < 100; failure++) {
        uint64_t wait = backoff_fail(&backoff, (uint32_t)failure * 2654435761U);

        CHECK(wait >= middle - middle / 4 && wait <= middle + middle / 4);
        middle = middle * 2 < BACKOFF_MOST_USEC ? middle * 2 : BACKOFF_MOST_USEC;
    }
}

static void varies_with_the_random_number(void)
{
    struct backoff left = {.first_usec = 1000000};
    struct backoff right = {.first_usec = 1000000};

    CHECK(backoff_fail(&left, 1) != backoff_fail(&right, 100000));
}

static void begins_anew_after_success(void)
{
    struct backoff backoff = {.first_usec = 1000};

    for (int failure = 0; failure < 10; failure++) {
        (void)backoff_fail(&backoff, 0);
    }
    backoff_reset(&backoff);
    CHECK(backoff_fail(&backoff, 0) <= 1250);
}

static void keeps_a_first_wait_that_is_over_the_limit(void)
{
    struct backoff backoff = {.first_usec = 2ULL * BACKOFF_MOST_USEC};

    CHECK(backoff_fail(&backoff, 0) >= BACKOFF_MOST_USEC);
    CHECK(backoff_fail(&backoff, 0) <= 3ULL * BACKOFF_MOST_USEC);
}

int main(void)
{
    doubles_up_to_its_limit();
    varies_with_the_random_number();
    begins_anew_after_success();
    keeps_a_first_wait_that_is_over_the_limit();
    return 0;
}
