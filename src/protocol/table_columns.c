/* SPDX-License-Identifier: Apache-2.0 */
#include "table_columns.h"

/* enum_field_types (include/field_types.h); MariaDB's own in its sql/field.h. */
enum {
    TYPE_DECIMAL = 0,
    TYPE_TINY = 1,
    TYPE_SHORT = 2,
    TYPE_LONG = 3,
    TYPE_FLOAT = 4,
    TYPE_DOUBLE = 5,
    TYPE_NULL = 6,
    TYPE_TIMESTAMP = 7,
    TYPE_LONGLONG = 8,
    TYPE_INT24 = 9,
    TYPE_DATE = 10,
    TYPE_TIME = 11,
    TYPE_DATETIME = 12,
    TYPE_YEAR = 13,
    TYPE_NEWDATE = 14,
    TYPE_VARCHAR = 15,
    TYPE_BIT = 16,
    TYPE_TIMESTAMP2 = 17,
    TYPE_DATETIME2 = 18,
    TYPE_TIME2 = 19,
    TYPE_TYPED_ARRAY = 20,
    TYPE_MARIADB_BLOB_COMPRESSED = 140,
    TYPE_MARIADB_VARCHAR_COMPRESSED = 141,
    TYPE_VECTOR = 242,
    TYPE_JSON = COLUMN_TYPE_JSON,
    TYPE_NEWDECIMAL = 246,
    TYPE_ENUM = 247,
    TYPE_SET = 248,
    TYPE_TINY_BLOB = 249,
    TYPE_MEDIUM_BLOB = 250,
    TYPE_LONG_BLOB = 251,
    TYPE_BLOB = 252,
    TYPE_STRING = 254,
    TYPE_GEOMETRY = 255,
};

/* Optional metadata that is looked at (Table_map_event::Optional_metadata_field_type). */
enum { OPTIONAL_SIGNS = 1, OPTIONAL_NAMES = 4, OPTIONAL_PRIMARY_KEY = 8 };

/* Where a value's length is one of 1 to 4 bytes, as a blob's. */
enum { BLOB_MOST_LENGTH_BYTES = 4 };

static struct column_shape fixed(unsigned bytes)
{
    return (struct column_shape){.fixed_bytes = (uint16_t)bytes};
}

static struct column_shape with_length(unsigned length_bytes)
{
    return (struct column_shape){.length_bytes = (uint8_t)length_bytes};
}

static struct column_shape unknown(void)
{
    return (struct column_shape){.length_bytes = COLUMN_SIZE_UNKNOWN};
}

/* Nine digits take four bytes, fewer take as many as they need (strings/decimal.cc). */
static struct column_shape decimal_shape(unsigned precision, unsigned scale)
{
    static const uint8_t bytes_of_digits[9] = {0, 1, 1, 2, 2, 3, 3, 4, 4};
    unsigned whole = 0;

    if (precision == 0 || scale > precision) {
        return unknown();
    }
    whole = precision - scale;
    return fixed(whole / 9 * 4 + bytes_of_digits[whole % 9] + scale / 9 * 4 +
                 bytes_of_digits[scale % 9]);
}

/*
 * CHAR, ENUM and SET: the real type, then a size. Bits 8 and 9 of a CHAR's size
 * stand inverted in bits 4 and 5 of its type (Field_string::do_save_field_metadata()).
 */
static struct column_shape string_shape(unsigned real_type, unsigned size)
{
    unsigned most_bytes = ((real_type << 4 & 0x300U) ^ 0x300U) + size;

    if (real_type == TYPE_ENUM || real_type == TYPE_SET) {
        return fixed(size);
    }
    return with_length(most_bytes > UINT8_MAX ? 2 : 1);
}

static struct column_shape blob_shape(unsigned length_bytes)
{
    if (length_bytes == 0 || length_bytes > BLOB_MOST_LENGTH_BYTES) {
        return unknown();
    }
    return with_length(length_bytes);
}

/* The metadata of an array is its elements' type and theirs; its values are JSON. */
static struct column_shape array_shape(struct byte_reader *metadata)
{
    switch (byte_reader_number(metadata, 1)) {
    case TYPE_VARCHAR:
        byte_reader_skip(metadata, 3);
        break;
    case TYPE_NEWDECIMAL:
    case TYPE_STRING:
    case TYPE_ENUM:
    case TYPE_SET:
    case TYPE_BIT:
        byte_reader_skip(metadata, 2);
        break;
    case TYPE_FLOAT:
    case TYPE_DOUBLE:
    case TYPE_TIME2:
    case TYPE_DATETIME2:
    case TYPE_TIMESTAMP2:
    case TYPE_JSON:
    case TYPE_BLOB:
        byte_reader_skip(metadata, 1);
        break;
    default:
        break;
    }
    return with_length(BLOB_MOST_LENGTH_BYTES);
}

/* Two bytes of metadata; most types put the lower one first. */
static struct column_shape shape_of_two(uint8_t type, unsigned first, unsigned second)
{
    switch (type) {
    case TYPE_NEWDECIMAL:
        return decimal_shape(first, second);
    case TYPE_BIT:
        return fixed(second + (first > 0 ? 1 : 0));
    case TYPE_VARCHAR:
    case TYPE_MARIADB_VARCHAR_COMPRESSED:
        return with_length((first | second << 8) > UINT8_MAX ? 2 : 1);
    default:
        return string_shape(first, second);
    }
}

/* One byte of metadata: a size, or how many digits of a second there are. */
static struct column_shape shape_of_one(uint8_t type, unsigned metadata)
{
    switch (type) {
    case TYPE_FLOAT:
    case TYPE_DOUBLE:
        return fixed(metadata);
    case TYPE_TIME2:
        return fixed(3 + (metadata + 1) / 2);
    case TYPE_TIMESTAMP2:
        return fixed(4 + (metadata + 1) / 2);
    case TYPE_DATETIME2:
        return fixed(5 + (metadata + 1) / 2);
    default:
        return blob_shape(metadata);
    }
}

static struct column_shape shape_without_metadata(uint8_t type)
{
    switch (type) {
    case TYPE_NULL:
        return fixed(0);
    case TYPE_TINY:
    case TYPE_YEAR:
        return fixed(1);
    case TYPE_SHORT:
        return fixed(2);
    case TYPE_INT24:
    case TYPE_DATE:
    case TYPE_NEWDATE:
    case TYPE_TIME:
        return fixed(3);
    case TYPE_LONG:
    case TYPE_TIMESTAMP:
        return fixed(4);
    case TYPE_LONGLONG:
    case TYPE_DATETIME:
        return fixed(8);
    default: /* TYPE_DECIMAL too, whose size no table map tells */
        return unknown();
    }
}

/* calc_field_size() of libs/mysql/binlog/event/binary_log_funcs.cpp, and MariaDB's types. */
static struct column_shape shape_of(uint8_t type, struct byte_reader *metadata)
{
    unsigned first = 0;

    switch (type) {
    case TYPE_VARCHAR:
    case TYPE_MARIADB_VARCHAR_COMPRESSED:
    case TYPE_BIT:
    case TYPE_NEWDECIMAL:
    case TYPE_STRING:
    case TYPE_ENUM:
    case TYPE_SET:
        first = (unsigned)byte_reader_number(metadata, 1);
        return shape_of_two(type, first, (unsigned)byte_reader_number(metadata, 1));
    case TYPE_FLOAT:
    case TYPE_DOUBLE:
    case TYPE_TIME2:
    case TYPE_TIMESTAMP2:
    case TYPE_DATETIME2:
    case TYPE_TINY_BLOB:
    case TYPE_MEDIUM_BLOB:
    case TYPE_LONG_BLOB:
    case TYPE_BLOB:
    case TYPE_JSON:
    case TYPE_GEOMETRY:
    case TYPE_VECTOR:
    case TYPE_MARIADB_BLOB_COMPRESSED:
        return shape_of_one(type, (unsigned)byte_reader_number(metadata, 1));
    case TYPE_TYPED_ARRAY:
        return array_shape(metadata);
    default:
        return shape_without_metadata(type);
    }
}

void column_shapes_of(const struct table_map *map, struct column_shape *shapes)
{
    struct byte_reader metadata = byte_reader_of(map->metadata);
    bool is_known = true;

    for (uint32_t at = 0; at < map->column_count; at++) {
        uint8_t type = map->types.data[at];

        shapes[at] = is_known ? shape_of(type, &metadata) : unknown();
        if (metadata.overran) {
            shapes[at] = unknown();
        }
        shapes[at].type = type;
        is_known = shapes[at].length_bytes != COLUMN_SIZE_UNKNOWN;
    }
}

static bool is_integer(uint8_t type)
{
    return type == TYPE_TINY || type == TYPE_SHORT || type == TYPE_INT24 || type == TYPE_LONG ||
           type == TYPE_LONGLONG;
}

static bool is_nullable(const struct table_map *map, uint32_t column)
{
    return (map->null_bits.data[column / 8] >> column % 8 & 1) != 0;
}

/* The value of an optional field: (type 1, size lenenc, value)...; false if it is not there. */
static bool find_optional(const struct table_map *map,
                          uint8_t wanted,
                          struct byte_reader *found)
{
    struct byte_reader reader = byte_reader_of(map->optional);

    while (reader.left > 0 && !reader.overran) {
        uint64_t type = byte_reader_number(&reader, 1);
        uint64_t size = byte_reader_lenenc(&reader);
        /* The map may have been cut behind its beginning. */
        bool is_cut = size > reader.left;
        struct bytes value = byte_reader_take(&reader, is_cut ? reader.left : size);

        if (type == wanted && !reader.overran) {
            *found = byte_reader_of(value);
            return true;
        }
    }
    return false;
}

static bool find_by_name(const struct table_map *map,
                         const struct column_shape *shapes,
                         const char *wanted,
                         uint16_t *found)
{
    struct byte_reader names;

    if (!find_optional(map, OPTIONAL_NAMES, &names)) {
        return false;
    }
    for (uint32_t at = 0; at < map->column_count; at++) {
        struct bytes name = byte_reader_lenenc_bytes(&names);

        if (names.overran) {
            return false;
        }
        if (is_integer(shapes[at].type) && bytes_equal_text(name, wanted)) {
            *found = (uint16_t)at;
            return true;
        }
    }
    return false;
}

/* A primary key of one integer. */
static bool find_by_key(const struct table_map *map,
                        const struct column_shape *shapes,
                        uint16_t *found)
{
    struct byte_reader key;
    uint64_t column = 0;

    if (!find_optional(map, OPTIONAL_PRIMARY_KEY, &key)) {
        return false;
    }
    column = byte_reader_lenenc(&key);
    if (key.overran || key.left > 0 || column >= map->column_count ||
        !is_integer(shapes[column].type)) {
        return false;
    }
    *found = (uint16_t)column;
    return true;
}

/* The first of the narrowest, or the first at all, that is not `other`. */
static bool find_integer(const struct table_map *map,
                         const struct column_shape *shapes,
                         bool may_be_null,
                         bool is_narrowest,
                         uint32_t other,
                         uint16_t *found)
{
    bool is_found = false;

    for (uint32_t at = 0; at < map->column_count; at++) {
        bool is_wanted =
            at != other && is_integer(shapes[at].type) && is_nullable(map, at) == may_be_null;

        if (is_wanted && (!is_found || (is_narrowest &&
                                        shapes[at].fixed_bytes < shapes[*found].fixed_bytes))) {
            *found = (uint16_t)at;
            is_found = true;
        }
    }
    return is_found;
}

bool marker_columns_find(const struct table_map *map,
                         const struct column_shape *shapes,
                         const char *epoch_name,
                         struct marker_columns *found)
{
    struct marker_columns columns = {.applied_epoch = NO_COLUMN, .source_cluster = NO_COLUMN};
    bool is_found = find_by_name(map, shapes, "server_id", &columns.server_id) &&
                    find_by_name(map, shapes, epoch_name, &columns.epoch);

    if (!is_found) {
        is_found =
            (find_by_key(map, shapes, &columns.server_id) ||
             find_integer(map, shapes, false, true, map->column_count, &columns.server_id)) &&
            (find_integer(map, shapes, false, false, columns.server_id, &columns.epoch) ||
             find_integer(map, shapes, true, false, columns.server_id, &columns.epoch));
    }
    if (is_found) {
        *found = columns;
    }
    return is_found;
}

/* ---- a heartbeat table's ---- */

/* Types that have a sign (is_numeric_type() of sql/log_event.cc): a bit for each, in order. */
static bool has_sign(uint8_t type)
{
    return is_integer(type) || type == TYPE_NEWDECIMAL || type == TYPE_FLOAT ||
           type == TYPE_DOUBLE;
}

/* True only where the map says so. */
static bool is_signed(const struct table_map *map, uint32_t column)
{
    struct byte_reader reader;
    struct bytes bits;
    uint32_t number = 0;

    if (column == NO_COLUMN || !find_optional(map, OPTIONAL_SIGNS, &reader)) {
        return false;
    }
    for (uint32_t at = 0; at < column; at++) {
        number += has_sign(map->types.data[at]) ? 1 : 0;
    }
    bits = byte_reader_rest(&reader);
    return number / 8 < bits.size && (bits.data[number / 8] << number % 8 & 0x80) == 0;
}

static bool is_timestamp(uint8_t type)
{
    return type == TYPE_TIMESTAMP || type == TYPE_TIMESTAMP2 || type == TYPE_DATETIME ||
           type == TYPE_DATETIME2;
}

/* server_id, counter and three more, which are these two and updated_at. */
static bool is_report_form(const struct table_map *map, uint32_t applied_epoch)
{
    uint32_t updated_at = applied_epoch == 2 ? 4 : 2;
    const uint8_t *types = map->types.data;

    return map->column_count == 5 && types[0] == TYPE_LONG && types[1] == TYPE_LONGLONG &&
           is_timestamp(types[updated_at]) && types[applied_epoch] == TYPE_LONGLONG &&
           types[applied_epoch + 1] == TYPE_LONG && !is_nullable(map, 0) &&
           !is_nullable(map, 1) && is_nullable(map, applied_epoch) &&
           is_nullable(map, applied_epoch + 1);
}

static bool find_by_form(const struct table_map *map, struct marker_columns *found)
{
    for (uint16_t applied_epoch = 2; applied_epoch <= 3; applied_epoch++) {
        if (is_report_form(map, applied_epoch)) {
            *found = (struct marker_columns){
                .server_id = 0,
                .epoch = 1,
                .applied_epoch = applied_epoch,
                .source_cluster = (uint16_t)(applied_epoch + 1),
            };
            return true;
        }
    }
    return false;
}

bool heartbeat_columns_find(const struct table_map *map,
                            const struct column_shape *shapes,
                            struct marker_columns *found)
{
    struct marker_columns columns = {0};
    struct byte_reader names;

    if (find_optional(map, OPTIONAL_NAMES, &names)) {
        if (!marker_columns_find(map, shapes, "counter", &columns)) {
            return false;
        }
        (void)find_by_name(map, shapes, "applied_epoch", &columns.applied_epoch);
        (void)find_by_name(map, shapes, "source_cluster", &columns.source_cluster);
    } else if (!find_by_form(map, &columns) &&
               !marker_columns_find(map, shapes, "counter", &columns)) {
        return false;
    }
    columns.signed_columns =
        (uint8_t)((is_signed(map, columns.server_id) ? MARKER_SIGNED_SERVER_ID : 0) |
                  (is_signed(map, columns.applied_epoch) ? MARKER_SIGNED_APPLIED_EPOCH : 0) |
                  (is_signed(map, columns.source_cluster) ? MARKER_SIGNED_SOURCE_CLUSTER : 0));
    *found = columns;
    return true;
}
