/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the first transaction stands that a dump by GTIDs begins with. The
 * dump only finds the place; the pull itself goes by file and position.
 * Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "binrelay/base/error.h"
#include "binrelay/protocol/binlog_event.h"
#include "binrelay/storage/binlog_position.h"
#include "dump_reader.h"

struct place_search {
    char base_name[BINLOG_NAME_MOST_BYTES + 1];
    uint64_t file; /* 0: not named yet */
    uint64_t position;
    enum binlog_checksum checksum;
};

void place_search_begin(struct place_search *search);

/* Looks at an event. STATUS_OK: file and position are the place; STATUS_AGAIN: go on;
 * STATUS_CORRUPT: the event is broken; STATUS_INVALID: a file name that is not accepted. */
MUST_CHECK enum status place_search_take(struct place_search *search,
                                         const struct dump_item *item,
                                         struct error *error);
