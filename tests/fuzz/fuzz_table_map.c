/* SPDX-License-Identifier: Apache-2.0 */
/* The body of a table map: decoded, and its columns measured. */
#include <assert.h>

#include "binrelay/protocol/table_map.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct bytes body = {.data = bytes, .size = size};
    uint64_t table_id = 0;
    struct bytes database;
    struct bytes table;
    struct table_map map;
    struct error error;
    bool has_names = table_map_names(body, &table_id, &database, &table);

    if (has_names) {
        assert(database.size + table.size < size);
    }
    if (table_map_decode(&map, body, &error) == STATUS_OK) {
        assert(has_names && table_id == map.table_id);
        assert(bytes_equal(database, map.database) && bytes_equal(table, map.table));
        assert(map.column_count <= TABLE_MAP_MOST_COLUMNS);
        assert(map.types.size == map.column_count);
        assert(map.null_bits.size == (map.column_count + 7) / 8);
        assert(map.types.size + map.metadata.size + map.optional.size < size);
    }
    return 0;
}
