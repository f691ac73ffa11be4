/* SPDX-License-Identifier: Apache-2.0 */
/* What a row of an epoch table, or of the heartbeat table, says. Pure. */
#pragma once

#include "table_columns.h"

enum rows_kind { ROWS_WRITTEN, ROWS_UPDATED, ROWS_DELETED };

/*
 * Of the image behind the change, or the deleted one. A server id that the image
 * leaves out did not change, and is that of the image before. There is no epoch
 * where an update left it as it was.
 */
struct marker_row {
    enum rows_kind kind;
    bool has_server_id;
    bool has_epoch;
    uint64_t server_id;
    uint64_t epoch;
    /* Of a heartbeat table. An update may leave them out of both images: then they are not
     * there, as one that is NULL. */
    bool has_applied_epoch;
    bool has_source_cluster;
    uint64_t applied_epoch;
    uint64_t source_cluster;
};

/* True if the column is one that a marker row is made of. */
static inline bool marker_row_has_column(const struct marker_columns *columns, uint32_t column)
{
    return column == columns->server_id || column == columns->epoch ||
           column == columns->applied_epoch || column == columns->source_cluster;
}

/* Takes the value of such a column: an integer of `size` bytes, up to 8. One below zero is as
 * good as none. */
void marker_row_take(struct marker_row *row,
                     const struct marker_columns *columns,
                     uint32_t column,
                     const uint8_t *value,
                     size_t size);

/* Which columns the image of a row has. */
struct row_image {
    const uint8_t *present; /* a bit for each column; borrowed */
    uint32_t width;         /* in columns */
};

/* An update of a row leaves out of `image` what it did not change: that is as it was before. */
void marker_row_keep(struct marker_row *row,
                     const struct marker_row *before,
                     const struct marker_columns *columns,
                     struct row_image image);
