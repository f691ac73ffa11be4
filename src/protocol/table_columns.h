/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How large the values of a table's columns are in a rows event, and which
 * columns of an epoch table are the server id and the epoch. From a table map
 * alone: its types, metadata and, where a server sends them, names. Pure.
 */
#pragma once

#include "binrelay/protocol/table_map.h"

enum {
    COLUMN_TYPE_JSON = 245,     /* MYSQL_TYPE_JSON */
    COLUMN_SIZE_UNKNOWN = 0xFF, /* as length_bytes: values cannot be passed over */
    COLUMN_INTEGER_MOST_BYTES = 8,
};

/* A value has length_bytes (0 to 4) with the size of what follows, or fixed_bytes. */
struct column_shape {
    uint16_t fixed_bytes;
    uint8_t length_bytes;
    uint8_t type; /* as in the table map */
};

/* Fills a shape for each column. Behind a type that is not known all are COLUMN_SIZE_UNKNOWN.
 */
void column_shapes_of(const struct table_map *map, struct column_shape *shapes);

enum { NO_COLUMN = UINT16_MAX };

/* Which columns of a marker table say whose row it is, its epoch, and what it reports. */
struct marker_columns {
    uint16_t server_id;
    uint16_t epoch;
    uint16_t applied_epoch;  /* NO_COLUMN: there is none, or none was looked for */
    uint16_t source_cluster; /* the same */
    uint8_t signed_columns; /* of a heartbeat table, where the map says it: MARKER_SIGNED_... */
};

enum {
    MARKER_SIGNED_SERVER_ID = 1,
    MARKER_SIGNED_APPLIED_EPOCH = 2,
    MARKER_SIGNED_SOURCE_CLUSTER = 4,
};

/*
 * By their names, server_id and `epoch_name`, where the map has names. Else the
 * server id is the primary key where the map tells it, or the narrowest of the
 * integers that cannot be NULL, and the epoch the next of them in order; what
 * may be NULL (applied_epoch, source_cluster) only if there is nothing else.
 * False: there are no two such columns.
 */
bool marker_columns_find(const struct table_map *map,
                         const struct column_shape *shapes,
                         const char *epoch_name,
                         struct marker_columns *found);

/*
 * The columns of a heartbeat table: by their names where the map has names,
 * else by the orders in which that table is made: server_id and counter, then,
 * where it has them, applied_epoch and source_cluster, in front of updated_at or
 * behind it (added later). A table of another order has the first two alone, as
 * marker_columns_find() finds them.
 */
bool heartbeat_columns_find(const struct table_map *map,
                            const struct column_shape *shapes,
                            struct marker_columns *found);
