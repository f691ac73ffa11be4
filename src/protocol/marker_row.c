/* SPDX-License-Identifier: Apache-2.0 */
#include "marker_row.h"

static uint64_t number_of(const uint8_t *value, size_t size)
{
    uint64_t number = 0;

    for (size_t at = size; at-- > 0;) {
        number = number << 8 | value[at];
    }
    return number;
}

void marker_row_take(struct marker_row *row,
                     const struct marker_columns *columns,
                     uint32_t column,
                     const uint8_t *value,
                     size_t size)
{
    uint64_t number = number_of(value, size);
    bool is_below_zero = size > 0 && (value[size - 1] & 0x80) != 0;
    uint8_t negative = is_below_zero ? columns->signed_columns : 0;

    if (column == columns->server_id) {
        row->server_id = number;
        row->has_server_id = (negative & MARKER_SIGNED_SERVER_ID) == 0;
    } else if (column == columns->epoch) {
        row->epoch = number;
        row->has_epoch = true;
    } else if (column == columns->applied_epoch) {
        row->applied_epoch = number;
        row->has_applied_epoch = (negative & MARKER_SIGNED_APPLIED_EPOCH) == 0;
    } else {
        row->source_cluster = number;
        row->has_source_cluster = (negative & MARKER_SIGNED_SOURCE_CLUSTER) == 0;
    }
}

static bool is_left_out(struct row_image image, uint32_t column)
{
    return column >= image.width || (image.present[column / 8] >> column % 8 & 1) == 0;
}

void marker_row_keep(struct marker_row *row,
                     const struct marker_row *before,
                     const struct marker_columns *columns,
                     struct row_image image)
{
    if (!row->has_server_id) {
        row->server_id = before->server_id;
        row->has_server_id = before->has_server_id;
    }
    if (is_left_out(image, columns->applied_epoch)) {
        row->applied_epoch = before->applied_epoch;
        row->has_applied_epoch = before->has_applied_epoch;
    }
    if (is_left_out(image, columns->source_cluster)) {
        row->source_cluster = before->source_cluster;
        row->has_source_cluster = before->has_source_cluster;
    }
}
