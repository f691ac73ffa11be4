/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which event types say something to a reader of epochs, by what it looks for.
 * All others cost it the test of one bit.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* A set. OUR_ROWS: only while the marker's table is mapped. */
enum event_wish {
    WISH_OF_NONE = 1,
    WISH_OF_NDB = 2,
    WISH_OF_HEARTBEAT = 4,
    WISH_OF_OUR_ROWS = 8,
};

/* Sets or clears the bits of the types that somebody of `who` wants. */
void event_wishes_set(uint64_t types[4], uint8_t who, bool is_wanted);
