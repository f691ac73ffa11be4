/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of table maps and rows events, made by hand. */
#pragma once

#include <string.h>

#include "binrelay/base/bytes.h"
#include "binrelay/protocol/table_map.h"

struct made_column {
    uint8_t type;
    uint8_t metadata[2];
    uint8_t metadata_bytes;
    bool is_nullable;
    const char *name; /* NULL in any of them: the map has no names */
};

enum {
    MADE_INT = 3,
    MADE_TIMESTAMP = 7,
    MADE_BIGINT = 8,
    MADE_VARCHAR = 15,
    MADE_TIMESTAMP2 = 17,
};

static inline void made_name(struct buffer *body, const char *name)
{
    buffer_add_number(body, strlen(name), 1);
    buffer_add_text_zero(body, name);
}

static inline void made_column_names(struct buffer *body,
                                     const struct made_column *columns,
                                     size_t count)
{
    struct buffer names = {0};

    for (size_t at = 0; at < count; at++) {
        if (columns[at].name == NULL) {
            buffer_release(&names);
            return;
        }
        buffer_add_lenenc_bytes(&names, bytes_of_text(columns[at].name));
    }
    buffer_add_number(body, 4, 1); /* COLUMN_NAME */
    buffer_add_lenenc_bytes(body, buffer_bytes(&names));
    buffer_release(&names);
}

/* The body is replaced. */
static inline void made_table_map(struct buffer *body,
                                  uint64_t table_id,
                                  const char *database,
                                  const char *table,
                                  const struct made_column *columns,
                                  size_t count)
{
    struct buffer metadata = {0};
    size_t null_bytes = (count + 7) / 8;

    buffer_clear(body);
    buffer_add_number(body, table_id, 6);
    buffer_add_number(body, 1, 2);
    made_name(body, database);
    made_name(body, table);
    buffer_add_lenenc(body, count);
    for (size_t at = 0; at < count; at++) {
        buffer_add_number(body, columns[at].type, 1);
        buffer_add(&metadata, columns[at].metadata, columns[at].metadata_bytes);
    }
    buffer_add_lenenc_bytes(body, buffer_bytes(&metadata));
    buffer_add_zeros(body, null_bytes);
    for (size_t at = 0; at < count; at++) {
        if (columns[at].is_nullable) {
            body->data[body->size - null_bytes + at / 8] |= (uint8_t)(1U << at % 8);
        }
    }
    made_column_names(body, columns, count);
    buffer_release(&metadata);
}

/* The front of a rows event of version 2, with all its columns: rows are added behind it. */
static inline void made_rows(struct buffer *body,
                             uint64_t table_id,
                             bool ends_statement,
                             unsigned columns,
                             unsigned images)
{
    buffer_clear(body);
    buffer_add_number(body, table_id, 6);
    buffer_add_number(body, ends_statement ? 1 : 0, 2);
    buffer_add_number(body, 2, 2);
    buffer_add_lenenc(body, columns);
    for (unsigned image = 0; image < images; image++) {
        for (unsigned left = columns; left > 0; left -= left < 8 ? left : 8) {
            buffer_add_number(body, left < 8 ? (1U << left) - 1 : 0xFF, 1);
        }
    }
}

/* mysql.ndb_apply_status as NDB has it (ndb_apply_status_table.cc). */
static inline void made_apply_status_map(struct buffer *body, uint64_t table_id)
{
    static const struct made_column columns[] = {
        {.type = MADE_INT},
        {.type = MADE_BIGINT},
        {.type = MADE_VARCHAR, .metadata = {255, 0}, .metadata_bytes = 2},
        {.type = MADE_BIGINT},
        {.type = MADE_BIGINT},
    };

    made_table_map(body, table_id, "mysql", "ndb_apply_status", columns, 5);
}

/* Its row as the injector writes it: no log name, no positions. */
static inline void made_apply_status_row(struct buffer *body,
                                         uint32_t server_id,
                                         uint64_t epoch)
{
    buffer_add_number(body, 0, 1);
    buffer_add_number(body, server_id, 4);
    buffer_add_number(body, epoch, 8);
    buffer_add_zeros(body, 1 + 8 + 8);
}
