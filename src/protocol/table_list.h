/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables that the rows events of one statement belong to: table ids mean
 * nothing behind its end. Bounded, and its memory is used again. One thread.
 */
#pragma once

#include <stddef.h>

#include "table_columns.h"

enum {
    TABLE_LIST_MOST_TABLES = 4096,
    TABLE_LIST_MOST_COLUMNS = 256 * 1024, /* of all tables together */
};

/* What a table is to the epochs. */
enum table_role {
    TABLE_OF_USER,
    TABLE_OF_EPOCHS,     /* mysql.ndb_apply_status, the heartbeat table */
    TABLE_OF_HEARTBEATS, /* the heartbeat table, with what its rows report */
    TABLE_OF_NO_EPOCHS,  /* has the name of these, and not their columns */
};

struct mapped_table {
    uint64_t table_id;
    enum table_role role;
    struct marker_columns marker; /* TABLE_OF_EPOCHS, TABLE_OF_HEARTBEATS */
    uint32_t first_shape;         /* in table_list.shapes */
    uint16_t column_count;
    uint16_t json_columns;
    uint16_t next; /* of the same bucket, plus one; 0: none */
};

/* True if its rows have a server id, and more that matters. */
static inline bool mapped_table_has_markers(const struct mapped_table *table)
{
    return table->role == TABLE_OF_EPOCHS || table->role == TABLE_OF_HEARTBEATS;
}

enum { TABLE_LIST_BUCKETS = 256 };

/* Zeroed is empty. */
struct table_list {
    struct mapped_table *tables; /* owned */
    size_t count;
    size_t capacity;
    struct column_shape *shapes; /* owned */
    size_t shape_count;
    size_t shape_capacity;
    uint16_t buckets[TABLE_LIST_BUCKETS]; /* index plus one; 0: empty */
};

void table_list_release(struct table_list *list);
void table_list_clear(struct table_list *list);

/*
 * Remembers a table, in place of one with its id; its marker columns are looked
 * for if the role is TABLE_OF_EPOCHS (the epoch by its name) or
 * TABLE_OF_HEARTBEATS. False: there is no room, and the id is not in the list.
 */
bool table_list_add(struct table_list *list,
                    const struct table_map *map,
                    enum table_role role,
                    const char *epoch_name);

void table_list_remove(struct table_list *list, uint64_t table_id);

/* NULL if it is not there; borrowed until the list changes. */
const struct mapped_table *table_list_find(const struct table_list *list, uint64_t table_id);

static inline const struct column_shape *table_list_shapes(const struct table_list *list,
                                                           const struct mapped_table *table)
{
    return list->shapes + table->first_shape;
}
