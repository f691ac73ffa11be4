/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of events on mysql.ndb_apply_status, as an NDB binlog server writes them. */
#pragma once

#include "binrelay/base/bytes.h"

enum { APPLY_STATUS_TABLE_ID = 114, APPLY_STATUS_MAP = 19, APPLY_STATUS_WRITE_ROWS = 30 };

/* A table map; the columns are those of mysql.ndb_apply_status. */
static inline void apply_status_map(struct buffer *body, uint64_t table_id, const char *table)
{
    static const uint8_t columns[] = {5, 3, 8, 15, 8, 8, 2, 255, 0, 0};

    buffer_clear(body);
    buffer_add_number(body, table_id, 6);
    buffer_add_number(body, 1, 2);
    buffer_add_number(body, 5, 1);
    buffer_add_text_zero(body, "mysql");
    buffer_add_number(body, bytes_of_text(table).size, 1);
    buffer_add_text_zero(body, table);
    buffer_add(body, columns, sizeof(columns));
}

/* The beginning of Write_rows; rows follow. */
static inline void apply_status_begin_rows(struct buffer *body, uint64_t table_id)
{
    buffer_clear(body);
    buffer_add_number(body, table_id, 6);
    buffer_add_number(body, 0, 2); /* flags */
    buffer_add_number(body, 2, 2); /* no extra info */
    buffer_add_number(body, 5, 1);
    buffer_add_number(body, 0x1F, 1);
}

static inline void apply_status_add_row(struct buffer *body, uint32_t server_id, uint64_t epoch)
{
    buffer_add_number(body, 0, 1); /* nothing is NULL */
    buffer_add_number(body, server_id, 4);
    buffer_add_number(body, epoch, 8);
    buffer_add_number(body, 0, 1); /* log_name */
    buffer_add_zeros(body, 16);    /* start_pos, end_pos */
}
