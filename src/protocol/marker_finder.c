/* SPDX-License-Identifier: Apache-2.0 */
/* The body of a rows event is described in rows_reader.c. */
#include "marker_finder.h"

enum { WRITE_ROWS_V1 = 23, WRITE_ROWS = 30 };

enum { TABLE_ID_BYTES = 6, TABLE_FLAGS_BYTES = 2, EXTRA_SIZE_BYTES = 2 };

/* One row as it is walked. */
struct marker_row_walk {
    uint64_t server_id;
    uint64_t epoch;
    struct marker_place server_id_place; /* size 0: the row has none */
};

void marker_finder_reset(struct marker_finder *finder)
{
    finder->is_found = false;
    finder->has_table = false;
}

static bool is_marker_table(struct bytes database, struct bytes table)
{
    return bytes_equal(table, bytes_of_text("ndb_apply_status")) &&
           bytes_equal(database, bytes_of_text("mysql"));
}

static void follow_table_map(struct marker_finder *finder, struct bytes body)
{
    struct table_map map;
    struct error ignored; /* the rows of what cannot be read are no markers */
    uint64_t table_id = 0;
    struct bytes database;
    struct bytes table;

    if (!table_map_names(body, &table_id, &database, &table)) {
        return;
    }
    if (!is_marker_table(database, table)) {
        finder->has_table = finder->has_table && finder->table_id != table_id;
        return;
    }
    finder->has_table = table_map_decode(&map, body, &ignored) == STATUS_OK &&
                        map.column_count <= MARKER_TABLE_MOST_COLUMNS;
    if (finder->has_table) {
        column_shapes_of(&map, finder->shapes);
        finder->table_id = table_id;
        finder->column_count = map.column_count;
        finder->has_table =
            marker_columns_find(&map, finder->shapes, "epoch", &finder->columns);
    }
}

static bool bit_is_set(struct bytes bits, uint32_t at)
{
    return (bits.data[at / 8] >> at % 8 & 1) != 0;
}

static void read_value(const struct marker_finder *finder,
                       uint32_t column,
                       struct byte_reader *reader,
                       size_t at,
                       struct marker_row_walk *row)
{
    struct column_shape shape = finder->shapes[column];

    if (shape.length_bytes == COLUMN_SIZE_UNKNOWN) {
        reader->overran = true;
    } else if (column == finder->columns.server_id) {
        row->server_id_place = (struct marker_place){.at = at, .size = shape.fixed_bytes};
        row->server_id = byte_reader_number(reader, shape.fixed_bytes);
    } else if (column == finder->columns.epoch) {
        row->epoch = byte_reader_number(reader, shape.fixed_bytes);
    } else if (shape.length_bytes > 0) {
        byte_reader_skip(reader, byte_reader_number(reader, shape.length_bytes));
    } else {
        byte_reader_skip(reader, shape.fixed_bytes);
    }
}

/* Walks over one row; the reader overruns if it is broken. */
static void walk_row(const struct marker_finder *finder,
                     struct bytes present,
                     struct bytes body,
                     struct byte_reader *reader,
                     struct marker_row_walk *row)
{
    uint32_t present_count = 0;
    uint32_t null_at = 0;
    struct bytes nulls;

    for (uint32_t column = 0; column < finder->column_count; column++) {
        present_count += bit_is_set(present, column) ? 1 : 0;
    }
    *row = (struct marker_row_walk){0};
    nulls = byte_reader_take(reader, (present_count + 7) / 8);
    for (uint32_t column = 0; column < finder->column_count && !reader->overran; column++) {
        if (bit_is_set(present, column) && !bit_is_set(nulls, null_at++)) {
            read_value(finder, column, reader, body.size - reader->left, row);
        }
    }
    /* A row of no bytes would never end. */
    reader->overran = reader->overran || present_count == 0;
}

static bool find_in_rows(const struct marker_finder *finder,
                         const struct binlog_event_header *header,
                         struct bytes body,
                         struct marker_place *place)
{
    uint32_t writer = header->server_id & epoch_server_id_mask(finder->rules);
    struct byte_reader reader = byte_reader_of(body);
    struct marker_row_walk row;
    struct bytes present;

    if (byte_reader_number(&reader, TABLE_ID_BYTES) != finder->table_id) {
        return false;
    }
    byte_reader_skip(&reader, TABLE_FLAGS_BYTES);
    if (header->type == WRITE_ROWS) {
        uint64_t extra_bytes = byte_reader_number(&reader, EXTRA_SIZE_BYTES);

        reader.overran = reader.overran || extra_bytes < EXTRA_SIZE_BYTES;
        byte_reader_skip(&reader, reader.overran ? 0 : extra_bytes - EXTRA_SIZE_BYTES);
    }
    if (byte_reader_lenenc(&reader) != finder->column_count) {
        return false;
    }
    present = byte_reader_take(&reader, (finder->column_count + 7) / 8);
    while (!reader.overran && reader.left > 0) {
        walk_row(finder, present, body, &reader, &row);
        if (!reader.overran && row.server_id_place.size > 0 && row.server_id == writer &&
            row.epoch != 0) {
            *place = row.server_id_place;
            return true;
        }
    }
    return false;
}

bool marker_finder_follow(struct marker_finder *finder,
                          const struct binlog_event_header *header,
                          struct bytes body,
                          struct marker_place *place)
{
    if (finder->is_found) {
        return false;
    }
    if (header->type == BINLOG_TABLE_MAP) {
        follow_table_map(finder, body);
        return false;
    }
    if (finder->has_table && (header->type == WRITE_ROWS || header->type == WRITE_ROWS_V1)) {
        finder->is_found = find_in_rows(finder, header, body, place);
    }
    return finder->is_found;
}
