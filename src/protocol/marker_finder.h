/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds where an NDB epoch's marker says its server id, so that it can be
 * changed: in the first row that a transaction writes to
 * mysql.ndb_apply_status and that names the writer of its event. The same row
 * is a marker to epoch_reader.h. Whole events, one thread.
 */
#pragma once

#include <stdbool.h>

#include "binrelay/protocol/binlog_event.h"
#include "binrelay/protocol/epoch.h"
#include "table_columns.h"

enum { MARKER_TABLE_MOST_COLUMNS = 32 };

/* Zeroed, with rules set, is ready. */
struct marker_finder {
    const struct epoch_rules *rules; /* borrowed */
    bool is_found;                   /* in this transaction: what follows is no marker */
    bool has_table;
    uint64_t table_id;
    uint32_t column_count;
    struct column_shape shapes[MARKER_TABLE_MOST_COLUMNS];
    struct marker_columns columns;
};

/* Another transaction begins. */
void marker_finder_reset(struct marker_finder *finder);

/* Where the row's server id is in the event's body, lowest byte first. */
struct marker_place {
    size_t at;
    size_t size; /* 1 to 8 */
};

/* Follows the next event of a transaction; true if it has the marker. */
bool marker_finder_follow(struct marker_finder *finder,
                          const struct binlog_event_header *header,
                          struct bytes body,
                          struct marker_place *place);
