/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks over the rows of one rows event, in parts of any size, and counts them
 * (libs/mysql/binlog/event/rows_event.h; sql/rpl_record.cc, unpack_row()).
 * Rows of an epoch table are handed on with the two values that matter. An
 * event that cannot be walked is counted up to there. One thread.
 */
#pragma once

#include "marker_row.h"
#include "table_list.h"

typedef void marker_row_fn(void *context, const struct marker_row *row);

/* What comes next in the event. */
enum rows_place {
    ROWS_AT_HEADER,
    ROWS_AT_EXTRA_INFO,
    ROWS_AT_WIDTH,
    ROWS_AT_LONG_WIDTH,
    ROWS_AT_PRESENT_COLUMNS, /* once for each image */
    ROWS_AT_OPTIONS,         /* PARTIAL_UPDATE_ROWS: what the image behind says of itself */
    ROWS_AT_PARTIAL_BITS,
    ROWS_AT_NULL_BITS,
    ROWS_AT_VALUES,
    ROWS_LOST, /* the rest is passed over */
};

enum { ROWS_BITMAP_BYTES = TABLE_MAP_MOST_COLUMNS / 8, ROWS_IMAGES = 2 };

/* Which columns an image has: the same in all rows of an event. */
struct row_image_columns {
    uint8_t bits[ROWS_BITMAP_BYTES];
    uint32_t count; /* of the bits that are set */
};

struct rows_reader {
    const struct table_list *tables; /* borrowed */
    marker_row_fn *on_marker_row;
    void *context; /* borrowed: on_marker_row's */

    enum rows_place place;
    enum rows_kind kind;
    bool is_partial_update;
    uint8_t header_bytes;
    uint8_t image_count;
    uint8_t image; /* which one is read: 0, or 1 for the second of an update */
    uint16_t flags;
    uint64_t table_id;
    const struct mapped_table *table;  /* borrowed from tables */
    const struct column_shape *shapes; /* borrowed from tables */
    uint32_t width;                    /* columns of the event */
    uint32_t rows;

    uint32_t column;     /* the next value's */
    uint32_t null_at;    /* its bit in null_bits */
    uint32_t pass_bytes; /* of a value, or of what is of no interest, still to come */
    struct marker_row values[ROWS_IMAGES];

    size_t gathered_size;
    struct row_image_columns present[ROWS_IMAGES];
    uint8_t null_bits[ROWS_BITMAP_BYTES];
    uint8_t gathered[ROWS_BITMAP_BYTES]; /* of a field that is cut at the end of a part */
};

/* True for the types that can be walked: 23 to 25, 30 to 32 and 39. */
bool rows_reader_knows(uint8_t event_type);

/* Sets up; borrowed things live as long as the reader. */
void rows_reader_init(struct rows_reader *reader,
                      const struct table_list *tables,
                      marker_row_fn *on_marker_row,
                      void *context);

void rows_reader_begin(struct rows_reader *reader, uint8_t event_type);
void rows_reader_add(struct rows_reader *reader, struct bytes part);

/* What a rows event was. */
struct rows_summary {
    enum rows_kind kind;
    bool is_of_epochs;   /* of an epoch table, whose rows do not count */
    bool is_whole;       /* all its rows were counted */
    bool ends_statement; /* STMT_END_F: its table ids mean nothing from here */
    uint32_t rows;
};

struct rows_summary rows_reader_end(const struct rows_reader *reader);
