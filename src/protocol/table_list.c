/* SPDX-License-Identifier: Apache-2.0 */
#include "table_list.h"

#include <string.h>

#include "binrelay/base/memory.h"

/* What no table has: a table id is of six bytes. */
#define NO_TABLE_ID UINT64_MAX

void table_list_release(struct table_list *list)
{
    free(list->tables);
    free(list->shapes);
    *list = (struct table_list){0};
}

static uint16_t *bucket_of(struct table_list *list, uint64_t table_id)
{
    return &list->buckets[table_id % TABLE_LIST_BUCKETS];
}

void table_list_clear(struct table_list *list)
{
    for (size_t at = 0; at < list->count; at++) {
        *bucket_of(list, list->tables[at].table_id) = 0;
    }
    list->count = 0;
    list->shape_count = 0;
}

static struct mapped_table *find_entry(const struct table_list *list, uint64_t table_id)
{
    uint16_t next = list->buckets[table_id % TABLE_LIST_BUCKETS];

    while (next != 0) {
        struct mapped_table *table = &list->tables[next - 1];

        if (table->table_id == table_id) {
            return table;
        }
        next = table->next;
    }
    return NULL;
}

const struct mapped_table *table_list_find(const struct table_list *list, uint64_t table_id)
{
    return find_entry(list, table_id);
}

/* Makes room for so many shapes behind those there. */
static bool have_shapes(struct table_list *list, size_t count)
{
    if (count > TABLE_LIST_MOST_COLUMNS - list->shape_count) {
        return false;
    }
    while (list->shape_capacity - list->shape_count < count) {
        list->shapes = mem_grow(list->shapes, &list->shape_capacity, sizeof(*list->shapes));
    }
    return true;
}

/* A new entry at the head of its bucket, without columns. */
static struct mapped_table *add_entry(struct table_list *list, uint64_t table_id)
{
    struct mapped_table *table = NULL;

    if (list->count == TABLE_LIST_MOST_TABLES) {
        return NULL;
    }
    if (list->count == list->capacity) {
        list->tables = mem_grow(list->tables, &list->capacity, sizeof(*list->tables));
    }
    table = &list->tables[list->count];
    *table = (struct mapped_table){.table_id = table_id, .next = *bucket_of(list, table_id)};
    list->count++;
    *bucket_of(list, table_id) = (uint16_t)list->count;
    return table;
}

static uint16_t count_json(const struct column_shape *shapes, uint32_t count)
{
    uint16_t found = 0;

    for (uint32_t at = 0; at < count; at++) {
        if (shapes[at].type == COLUMN_TYPE_JSON) {
            found++;
        }
    }
    return found;
}

bool table_list_add(struct table_list *list,
                    const struct table_map *map,
                    enum table_role role,
                    const char *epoch_name)
{
    struct mapped_table *table = find_entry(list, map->table_id);
    struct column_shape *shapes = NULL;

    if (table == NULL) {
        table = add_entry(list, map->table_id);
    }
    if (table == NULL) {
        return false;
    }
    if (table->column_count < map->column_count) { /* else the old place is large enough */
        if (!have_shapes(list, map->column_count)) {
            table_list_remove(list, map->table_id);
            return false;
        }
        table->first_shape = (uint32_t)list->shape_count;
        list->shape_count += map->column_count;
    }
    table->column_count = (uint16_t)map->column_count;
    shapes = list->shapes + table->first_shape;
    column_shapes_of(map, shapes);
    table->json_columns = count_json(shapes, map->column_count);
    table->role = role;
    if ((role == TABLE_OF_EPOCHS &&
         !marker_columns_find(map, shapes, epoch_name, &table->marker)) ||
        (role == TABLE_OF_HEARTBEATS && !heartbeat_columns_find(map, shapes, &table->marker))) {
        table->role = TABLE_OF_NO_EPOCHS;
    }
    return true;
}

/* The entry stays where it is, for others are found by their place; only its id is gone. */
void table_list_remove(struct table_list *list, uint64_t table_id)
{
    uint16_t *link = bucket_of(list, table_id);

    while (*link != 0) {
        struct mapped_table *table = &list->tables[*link - 1];

        if (table->table_id == table_id) {
            *link = table->next;
            table->table_id = NO_TABLE_ID;
            return;
        }
        link = &table->next;
    }
}
