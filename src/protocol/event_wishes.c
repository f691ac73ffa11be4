/* SPDX-License-Identifier: Apache-2.0 */
#include "event_wishes.h"

#include "binrelay/protocol/binlog_event.h"

/* Rows events have no names here: 20 to 39 are MySQL's and older servers', 166 to 171
 * MariaDB's. */
static const uint8_t wishes[UINT8_MAX + 1] = {
    [BINLOG_GTID] = WISH_OF_NDB | WISH_OF_HEARTBEAT,
    [BINLOG_ANONYMOUS_GTID] = WISH_OF_NDB | WISH_OF_HEARTBEAT,
    [BINLOG_GTID_TAGGED] = WISH_OF_NDB | WISH_OF_HEARTBEAT,
    [BINLOG_QUERY] = WISH_OF_NDB | WISH_OF_OUR_END,
    [BINLOG_XA_PREPARE] = WISH_OF_OUR_END,
    [BINLOG_XID] = WISH_OF_NDB,
    [BINLOG_TABLE_MAP] = WISH_OF_NDB | WISH_OF_HEARTBEAT | WISH_OF_SIGHTINGS,
    [20] = WISH_OF_NDB, /* rows of servers before 5.1.18, not counted */
    [21] = WISH_OF_NDB,
    [22] = WISH_OF_NDB,
    [23] = WISH_OF_NDB | WISH_OF_OUR_ROWS,
    [24] = WISH_OF_NDB | WISH_OF_OUR_ROWS,
    [25] = WISH_OF_NDB | WISH_OF_OUR_ROWS,
    [30] = WISH_OF_NDB | WISH_OF_OUR_ROWS,
    [31] = WISH_OF_NDB | WISH_OF_OUR_ROWS,
    [32] = WISH_OF_NDB | WISH_OF_OUR_ROWS,
    [39] = WISH_OF_NDB | WISH_OF_OUR_ROWS,
    [166] = WISH_OF_NDB, /* MariaDB's compressed rows, not counted */
    [167] = WISH_OF_NDB,
    [168] = WISH_OF_NDB,
    [169] = WISH_OF_NDB,
    [170] = WISH_OF_NDB,
    [171] = WISH_OF_NDB,
    [BINLOG_TRANSACTION_PAYLOAD] = WISH_OF_NDB | WISH_OF_HEARTBEAT | WISH_OF_SIGHTINGS,
    [BINLOG_INCIDENT] = WISH_OF_NONE | WISH_OF_NDB | WISH_OF_HEARTBEAT,
};

void event_wishes_set(uint64_t types[4], uint8_t who, bool is_wanted)
{
    for (unsigned type = 0; type <= UINT8_MAX; type++) {
        uint64_t bit = UINT64_C(1) << type % 64;

        if ((wishes[type] & who) != 0) {
            types[type / 64] &= ~bit;
            types[type / 64] |= is_wanted ? bit : 0;
        }
    }
}
