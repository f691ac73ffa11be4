/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which event types say something to a reader of epochs or of sightings, by what it looks for.
 * All others cost it the test of one bit.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* A set. OUR_ROWS: only while a table is mapped whose rows are looked for; OUR_END: only in a
 * transaction that had such a row. */
enum event_wish {
    WISH_OF_NONE = 1,
    WISH_OF_NDB = 2,
    WISH_OF_HEARTBEAT = 4,
    WISH_OF_OUR_ROWS = 8,
    WISH_OF_SIGHTINGS = 16,
    WISH_OF_OUR_END = 32,
};

/* Sets or clears the bits of the types that somebody of `who` wants. */
void event_wishes_set(uint64_t types[4], uint8_t who, bool is_wanted);
