/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/base/quantity.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A unit and what it stands for; largest first, so that printing finds the shortest text. */
struct unit {
    const char *name;
    uint64_t worth;
};

static const struct unit durations[] = {
    {"d", UINT64_C(86400000000)},
    {"h", UINT64_C(3600000000)},
    {"m", 60000000},
    {"s", 1000000},
    {"ms", 1000},
    {"us", 1},
    {NULL, 0},
};

static const struct unit sizes[] = {
    {"T", UINT64_C(1) << 40},
    {"G", UINT64_C(1) << 30},
    {"M", UINT64_C(1) << 20},
    {"K", UINT64_C(1) << 10},
    {"", 1},
    {NULL, 0},
};

static bool parse(uint64_t *found, const char *text, const struct unit *units)
{
    uint64_t number = 0;
    const char *at = text;

    while (*at >= '0' && *at <= '9') {
        if (number > (UINT64_MAX / 2 - 9) / 10) {
            return false;
        }
        number = number * 10 + (uint64_t)(*at - '0');
        at++;
    }
    if (at == text) {
        return false;
    }
    for (const struct unit *unit = units; unit->name != NULL; unit++) {
        if (strcmp(unit->name, at) == 0 && number <= UINT64_MAX / 2 / unit->worth) {
            *found = number * unit->worth;
            return true;
        }
    }
    return false;
}

static void print(char text[QUANTITY_TEXT_BYTES], uint64_t quantity, const struct unit *units)
{
    const struct unit *unit = units;

    while (quantity % unit->worth != 0 || (quantity == 0 && unit[1].name != NULL)) {
        unit++;
    }
    (void)snprintf(text, QUANTITY_TEXT_BYTES, "%" PRIu64 "%s", quantity / unit->worth,
                   unit->name);
}

bool duration_parse(uint64_t *usec, const char *text)
{
    return parse(usec, text, durations);
}

bool size_parse(uint64_t *bytes, const char *text)
{
    return parse(bytes, text, sizes);
}

void duration_print(char text[QUANTITY_TEXT_BYTES], uint64_t usec)
{
    print(text, usec, durations);
}

void size_print(char text[QUANTITY_TEXT_BYTES], uint64_t bytes)
{
    print(text, bytes, sizes);
}
