/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The body of a rows event:
 *
 *   0         6      8
 *   table_id  flags  [extra_size 2, extra info]   the size counts itself; not in version 1
 *   width lenenc   columns present in the image before (or the only one), a bit each
 *                  [the same of the image behind, of an update]
 *   rows: images, each   [options lenenc, partial bits]   only PARTIAL_UPDATE_ROWS, behind
 *                        a NULL bit for each present column, values that are not NULL
 */
#include "rows_reader.h"

#include <string.h>

enum {
    WRITE_ROWS_V1 = 23,
    UPDATE_ROWS_V1 = 24,
    DELETE_ROWS_V1 = 25,
    WRITE_ROWS = 30,
    UPDATE_ROWS = 31,
    DELETE_ROWS = 32,
    PARTIAL_UPDATE_ROWS = 39,
};

enum {
    TABLE_ID_BYTES = 6,
    HEADER_V1_BYTES = TABLE_ID_BYTES + 2,
    HEADER_V2_BYTES = HEADER_V1_BYTES + 2,
    EXTRA_SIZE_BYTES = 2,
    STMT_END_F = 1,
    LENENC_LONG = 0xFC,
    LENENC_MOST_SHORT = 0xFA,
    PARTIAL_JSON_UPDATES = 1,
};

/* Tables of an event that has no rows, and is there for its STMT_END_F (sql/log_event.h). */
#define DUMMY_TABLE_ID UINT64_C(0xFFFFFF)
#define DUMMY_TABLE_ID_LONG UINT64_C(0xFFFFFFFFFFFF)

bool rows_reader_knows(uint8_t event_type)
{
    return (event_type >= WRITE_ROWS_V1 && event_type <= DELETE_ROWS_V1) ||
           (event_type >= WRITE_ROWS && event_type <= DELETE_ROWS) ||
           event_type == PARTIAL_UPDATE_ROWS;
}

void rows_reader_init(struct rows_reader *reader,
                      const struct table_list *tables,
                      marker_row_fn *on_marker_row,
                      void *context)
{
    *reader = (struct rows_reader){
        .tables = tables,
        .on_marker_row = on_marker_row,
        .context = context,
        .place = ROWS_LOST,
    };
}

static enum rows_kind kind_of(uint8_t event_type)
{
    switch (event_type) {
    case WRITE_ROWS_V1:
    case WRITE_ROWS:
        return ROWS_WRITTEN;
    case DELETE_ROWS_V1:
    case DELETE_ROWS:
        return ROWS_DELETED;
    default:
        return ROWS_UPDATED;
    }
}

void rows_reader_begin(struct rows_reader *reader, uint8_t event_type)
{
    reader->place = ROWS_AT_HEADER;
    reader->kind = kind_of(event_type);
    reader->is_partial_update = event_type == PARTIAL_UPDATE_ROWS;
    reader->header_bytes = event_type < WRITE_ROWS ? HEADER_V1_BYTES : HEADER_V2_BYTES;
    reader->image_count = reader->kind == ROWS_UPDATED ? 2 : 1;
    reader->image = 0;
    reader->flags = 0;
    reader->table_id = 0;
    reader->table = NULL;
    reader->rows = 0;
    reader->pass_bytes = 0;
    reader->gathered_size = 0;
}

static void advance(struct bytes *part, size_t size)
{
    part->data += size;
    part->size -= size;
}

/* Gathers a field that is cut at the end of a part; NULL until all of it is there. */
static const uint8_t *gather(struct rows_reader *reader, struct bytes *part, size_t size)
{
    size_t here = size - reader->gathered_size;

    here = here < part->size ? here : part->size;
    memcpy(reader->gathered + reader->gathered_size, part->data, here);
    reader->gathered_size += here;
    advance(part, here);
    if (reader->gathered_size < size) {
        return NULL;
    }
    reader->gathered_size = 0;
    return reader->gathered;
}

/* Takes a field of so many bytes, which mostly are there. */
static inline const uint8_t *take(struct rows_reader *reader, struct bytes *part, size_t size)
{
    const uint8_t *field = part->data;

    if (UNLIKELY(reader->gathered_size != 0 || part->size < size)) {
        return gather(reader, part, size);
    }
    advance(part, size);
    return field;
}

/* Passes over pass_bytes; false if there are more than the part has. */
static bool pass_over(struct rows_reader *reader, struct bytes *part)
{
    size_t here = reader->pass_bytes < part->size ? reader->pass_bytes : part->size;

    advance(part, here);
    reader->pass_bytes -= (uint32_t)here;
    return reader->pass_bytes == 0;
}

static bool bit_is_set(const uint8_t *bits, uint32_t at)
{
    return (bits[at / 8] >> at % 8 & 1) != 0;
}

static size_t bitmap_bytes(uint32_t bits)
{
    return (bits + 7) / 8;
}

static void lose(struct rows_reader *reader)
{
    reader->place = ROWS_LOST;
}

static bool read_header(struct rows_reader *reader, struct bytes *part)
{
    const uint8_t *field = take(reader, part, reader->header_bytes);
    uint16_t extra_bytes = EXTRA_SIZE_BYTES;

    if (field == NULL) {
        return false;
    }
    reader->table_id = (uint64_t)bytes_u32_at(field) | (uint64_t)bytes_u16_at(field + 4) << 32;
    reader->flags = bytes_u16_at(field + TABLE_ID_BYTES);
    reader->table = table_list_find(reader->tables, reader->table_id);
    if (reader->header_bytes == HEADER_V2_BYTES) {
        extra_bytes = bytes_u16_at(field + HEADER_V1_BYTES);
    }
    if (reader->table == NULL || extra_bytes < EXTRA_SIZE_BYTES) {
        lose(reader);
        return true;
    }
    reader->shapes = table_list_shapes(reader->tables, reader->table);
    reader->pass_bytes = extra_bytes - EXTRA_SIZE_BYTES;
    reader->place = ROWS_AT_EXTRA_INFO;
    return true;
}

static void set_width(struct rows_reader *reader, uint32_t width)
{
    if (width == 0 || width > reader->table->column_count) {
        lose(reader);
        return;
    }
    reader->width = width;
    reader->place = ROWS_AT_PRESENT_COLUMNS;
}

/* A length-encoded number, which up to TABLE_MAP_MOST_COLUMNS has one byte, or a mark and two.
 */
static bool read_width(struct rows_reader *reader, struct bytes *part)
{
    const uint8_t *field = take(reader, part, 1);

    if (field == NULL) {
        return false;
    }
    if (field[0] == LENENC_LONG) {
        reader->place = ROWS_AT_LONG_WIDTH;
    } else if (field[0] <= LENENC_MOST_SHORT) {
        set_width(reader, field[0]);
    } else {
        lose(reader);
    }
    return true;
}

static bool read_long_width(struct rows_reader *reader, struct bytes *part)
{
    const uint8_t *field = take(reader, part, 2);

    if (field != NULL) {
        set_width(reader, bytes_u16_at(field));
    }
    return field != NULL;
}

static uint32_t count_bits(const uint8_t *bits, uint32_t count)
{
    uint32_t found = 0;

    for (uint32_t at = 0; at < count / 8; at++) {
        found += (uint32_t)__builtin_popcount(bits[at]);
    }
    if (count % 8 > 0) {
        found += (uint32_t)__builtin_popcount(bits[count / 8] & ((1U << count % 8) - 1));
    }
    return found;
}

/* The image that is read now begins. */
static void begin_image(struct rows_reader *reader)
{
    bool has_options = reader->is_partial_update && reader->image == 1;

    reader->values[reader->image] = (struct marker_row){.kind = reader->kind};
    reader->place = has_options ? ROWS_AT_OPTIONS : ROWS_AT_NULL_BITS;
}

static bool read_present_columns(struct rows_reader *reader, struct bytes *part)
{
    size_t size = bitmap_bytes(reader->width);
    const uint8_t *field = take(reader, part, size);
    struct row_image_columns *present = &reader->present[reader->image];

    if (field == NULL) {
        return false;
    }
    memcpy(present->bits, field, size);
    present->count = count_bits(present->bits, reader->width);
    reader->image++;
    if (reader->image < reader->image_count) {
        return true;
    }
    reader->image = 0;
    /* Rows of no bytes would never end. */
    if (reader->present[0].count == 0 &&
        (reader->image_count == 1 || reader->present[1].count == 0)) {
        lose(reader);
        return true;
    }
    begin_image(reader);
    return true;
}

static bool read_options(struct rows_reader *reader, struct bytes *part)
{
    const uint8_t *field = take(reader, part, 1);

    if (field == NULL) {
        return false;
    }
    if (field[0] > PARTIAL_JSON_UPDATES) {
        lose(reader);
        return true;
    }
    if (field[0] == PARTIAL_JSON_UPDATES) {
        /* Differences have the size in front that a whole document has. */
        reader->pass_bytes = (uint32_t)bitmap_bytes(reader->table->json_columns);
    }
    reader->place = ROWS_AT_PARTIAL_BITS;
    return true;
}

static bool read_null_bits(struct rows_reader *reader, struct bytes *part)
{
    size_t size = bitmap_bytes(reader->present[reader->image].count);
    const uint8_t *field = take(reader, part, size);

    if (field == NULL) {
        return false;
    }
    memcpy(reader->null_bits, field, size);
    reader->column = 0;
    reader->null_at = 0;
    reader->place = ROWS_AT_VALUES;
    return true;
}

/* Moves on to the next column that has a value; false at the end of the image. */
static bool find_value(struct rows_reader *reader)
{
    const uint8_t *present = reader->present[reader->image].bits;

    for (; reader->column < reader->width; reader->column++) {
        if (!bit_is_set(present, reader->column)) {
            continue;
        }
        if (!bit_is_set(reader->null_bits, reader->null_at)) {
            return true;
        }
        reader->null_at++;
    }
    return false;
}

static uint64_t number_at(const uint8_t *field, size_t size)
{
    uint64_t number = 0;

    for (size_t at = size; at-- > 0;) {
        number = number << 8 | field[at];
    }
    return number;
}

static bool is_marker_column(const struct rows_reader *reader)
{
    return mapped_table_has_markers(reader->table) &&
           marker_row_has_column(&reader->table->marker, reader->column);
}

/* Marker columns are integers: fixed_bytes is 1 to 8. */
static bool read_marker_value(struct rows_reader *reader, struct bytes *part)
{
    size_t size = reader->shapes[reader->column].fixed_bytes;
    const uint8_t *field = take(reader, part, size);

    if (field == NULL) {
        return false;
    }
    marker_row_take(&reader->values[reader->image], &reader->table->marker, reader->column,
                    field, size);
    return true;
}

/* Reads a value or, of most, its size only; false if more bytes are needed. */
static bool read_value(struct rows_reader *reader, struct bytes *part)
{
    struct column_shape shape = reader->shapes[reader->column];
    const uint8_t *field = NULL;

    if (is_marker_column(reader)) {
        if (!read_marker_value(reader, part)) {
            return false;
        }
    } else if (shape.length_bytes == 0) {
        reader->pass_bytes = shape.fixed_bytes;
    } else if (shape.length_bytes == COLUMN_SIZE_UNKNOWN) {
        lose(reader);
        return true;
    } else {
        field = take(reader, part, shape.length_bytes);
        if (field == NULL) {
            return false;
        }
        reader->pass_bytes = (uint32_t)number_at(field, shape.length_bytes);
    }
    reader->column++;
    reader->null_at++;
    return true;
}

static void end_row(struct rows_reader *reader)
{
    const struct marker_row *before = &reader->values[0];
    struct marker_row row = reader->values[reader->image_count - 1];
    struct row_image image = {.present = reader->present[reader->image_count - 1].bits,
                              .width = reader->width};

    reader->rows++;
    if (!mapped_table_has_markers(reader->table)) {
        return;
    }
    marker_row_keep(&row, before, &reader->table->marker, image);
    if (reader->kind == ROWS_UPDATED && before->has_epoch && before->epoch == row.epoch) {
        row.has_epoch = false;
    }
    reader->on_marker_row(reader->context, &row);
}

static void end_image(struct rows_reader *reader)
{
    reader->image++;
    if (reader->image == reader->image_count) {
        end_row(reader);
        reader->image = 0;
    }
    begin_image(reader);
}

static bool read_values(struct rows_reader *reader, struct bytes *part)
{
    while (reader->place == ROWS_AT_VALUES) {
        if (!pass_over(reader, part)) {
            return false;
        }
        if (!find_value(reader)) {
            end_image(reader);
            return true;
        }
        if (!read_value(reader, part)) {
            return false;
        }
    }
    return true;
}

static bool read_passed(struct rows_reader *reader, struct bytes *part, enum rows_place next)
{
    if (!pass_over(reader, part)) {
        return false;
    }
    reader->place = next;
    return true;
}

/* Reads what comes next; false if the part ends before that does. */
static bool read_next(struct rows_reader *reader, struct bytes *part)
{
    switch (reader->place) {
    case ROWS_AT_HEADER:
        return read_header(reader, part);
    case ROWS_AT_EXTRA_INFO:
        return read_passed(reader, part, ROWS_AT_WIDTH);
    case ROWS_AT_WIDTH:
        return read_width(reader, part);
    case ROWS_AT_LONG_WIDTH:
        return read_long_width(reader, part);
    case ROWS_AT_PRESENT_COLUMNS:
        return read_present_columns(reader, part);
    case ROWS_AT_OPTIONS:
        return read_options(reader, part);
    case ROWS_AT_PARTIAL_BITS:
        return read_passed(reader, part, ROWS_AT_NULL_BITS);
    case ROWS_AT_NULL_BITS:
        return read_null_bits(reader, part);
    case ROWS_AT_VALUES:
        return read_values(reader, part);
    case ROWS_LOST:
        return false;
    }
    return false;
}

void rows_reader_add(struct rows_reader *reader, struct bytes part)
{
    if (part.size == 0) {
        return;
    }
    /* Also with nothing left, for the last values of a row may take no bytes. */
    while (read_next(reader, &part)) {
    }
}

/* An image before without columns takes no bytes, and is passed at once. */
static bool is_between_rows(const struct rows_reader *reader)
{
    bool is_at_image = reader->place == ROWS_AT_NULL_BITS || reader->place == ROWS_AT_OPTIONS;

    return is_at_image && reader->gathered_size == 0 &&
           (reader->image == 0 || reader->present[0].count == 0);
}

struct rows_summary rows_reader_end(const struct rows_reader *reader)
{
    bool is_dummy = reader->table == NULL && (reader->table_id == DUMMY_TABLE_ID ||
                                              reader->table_id == DUMMY_TABLE_ID_LONG);

    return (struct rows_summary){
        .kind = reader->kind,
        .is_of_epochs = reader->table != NULL && reader->table->role != TABLE_OF_USER,
        .is_whole = is_dummy || is_between_rows(reader),
        .ends_statement = (reader->flags & STMT_END_F) != 0,
        .rows = reader->rows,
    };
}
