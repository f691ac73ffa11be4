/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Table_map_event (libs/mysql/binlog/event/rows_event.h), the body:
 *
 *   0         6      8
 *   table_id  flags  (size 1, name, 0) of database and table  column_count lenenc
 *   types  metadata size lenenc  metadata  null_bits  [optional metadata]
 */
#include "binrelay/protocol/table_map.h"

#include <inttypes.h>

enum {
    TABLE_ID_BYTES = 6,
    TABLE_FLAGS_BYTES = 2,
    NAMES_AT = TABLE_ID_BYTES + TABLE_FLAGS_BYTES
};

/* A size of one byte, the name, and a zero. */
static struct bytes read_name(struct byte_reader *reader)
{
    struct bytes name = byte_reader_take(reader, byte_reader_number(reader, 1));

    byte_reader_skip(reader, 1);
    return name;
}

enum status table_map_decode(struct table_map *map, struct bytes body, struct error *error)
{
    struct byte_reader reader = byte_reader_of(body);
    struct table_map found = {.table_id = byte_reader_number(&reader, TABLE_ID_BYTES)};
    uint64_t columns = 0;

    byte_reader_skip(&reader, TABLE_FLAGS_BYTES);
    found.database = read_name(&reader);
    found.table = read_name(&reader);
    columns = byte_reader_lenenc(&reader);
    if (!reader.overran && (columns == 0 || columns > TABLE_MAP_MOST_COLUMNS)) {
        return error_set(error, STATUS_CORRUPT, "a table map of %" PRIu64 " columns", columns);
    }
    found.types = byte_reader_take(&reader, columns);
    found.metadata = byte_reader_lenenc_bytes(&reader);
    found.null_bits = byte_reader_take(&reader, (columns + 7) / 8);
    found.optional = byte_reader_rest(&reader);
    if (reader.overran) {
        return error_set(error, STATUS_CORRUPT, "a table map that is cut at %zu bytes",
                         body.size);
    }
    found.column_count = (uint32_t)columns;
    *map = found;
    return STATUS_OK;
}

bool table_map_names(struct bytes body,
                     uint64_t *table_id,
                     struct bytes *database,
                     struct bytes *table)
{
    size_t database_bytes = 0;
    size_t table_at = 0;

    if (body.size <= NAMES_AT) {
        return false;
    }
    database_bytes = body.data[NAMES_AT];
    table_at = NAMES_AT + 1 + database_bytes + 1;
    if (body.size <= table_at || body.size - table_at - 1 < (size_t)body.data[table_at] + 1) {
        return false;
    }
    *table_id = (uint64_t)bytes_u32_at(body.data) | (uint64_t)bytes_u16_at(body.data + 4) << 32;
    *database = (struct bytes){.data = body.data + NAMES_AT + 1, .size = database_bytes};
    *table = (struct bytes){.data = body.data + table_at + 1, .size = body.data[table_at]};
    return true;
}
