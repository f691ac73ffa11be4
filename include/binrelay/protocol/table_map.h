/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Table_map events: which table the rows events of a number belong to and how
 * its columns are laid out (server: libs/mysql/binlog/event/rows_event.h).
 * Decoding copies nothing; a map points into the event it was read from.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "binrelay/base/bytes.h"
#include "binrelay/base/error.h"

enum { TABLE_MAP_MOST_COLUMNS = 4096 };

struct table_map {
    uint64_t table_id; /* 48 bits */
    struct bytes database;
    struct bytes table;
    uint32_t column_count;
    struct bytes types;     /* one byte a column */
    struct bytes metadata;  /* of all columns, one after the other */
    struct bytes null_bits; /* one bit a column */
    struct bytes optional;  /* optional metadata (names, signs, ...), may be empty */
};

/* STATUS_CORRUPT: not a table map, or one without columns or with more than
 * TABLE_MAP_MOST_COLUMNS. */
MUST_CHECK enum status table_map_decode(struct table_map *map,
                                        struct bytes body,
                                        struct error *error);

/* Only the names, for passing over other tables quickly. False: broken. */
bool table_map_names(struct bytes body,
                     uint64_t *table_id,
                     struct bytes *database,
                     struct bytes *table);
