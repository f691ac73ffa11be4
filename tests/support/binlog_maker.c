/* SPDX-License-Identifier: Apache-2.0 */
#include "binlog_maker.h"

#include <stdlib.h>
#include <string.h>

#include "binrelay/base/checksum.h"

enum {
    POST_HEADER_TYPES = 42,
    ROWS_TYPE = 30, /* Write_rows */
};

static void add_format(struct binlog_maker *maker)
{
    const char *version = maker->is_mariadb ? "10.11.14-MariaDB-log" : "9.7.4";
    enum binlog_checksum checksum = maker->checksum;
    struct buffer body = {0};

    buffer_add_number(&body, 4, 2);
    buffer_add_text(&body, version);
    buffer_add_zeros(&body, 50 - strlen(version));
    buffer_add_number(&body, maker->created_at_sec, 4);
    buffer_add_number(&body, BINLOG_EVENT_HEADER_BYTES, 1);
    buffer_add_zeros(&body, POST_HEADER_TYPES);
    buffer_add_number(&body, (uint64_t)checksum, 1);
    maker->checksum = BINLOG_CHECKSUM_CRC32; /* has one always */
    (void)binlog_maker_add(maker, BINLOG_FORMAT_DESCRIPTION, buffer_bytes(&body));
    maker->checksum = checksum;
    buffer_release(&body);
}

void binlog_maker_begin(struct binlog_maker *maker)
{
    buffer_clear(&maker->file);
    buffer_add(&maker->file, BINLOG_MAGIC, BINLOG_MAGIC_BYTES);
    if (maker->server_id == 0) {
        maker->server_id = 1;
    }
    if (maker->created_at_sec == 0) {
        maker->created_at_sec = 1700000000;
    }
    add_format(maker);
}

void binlog_maker_release(struct binlog_maker *maker)
{
    buffer_release(&maker->file);
}

struct bytes binlog_maker_add(struct binlog_maker *maker, uint8_t type, struct bytes body)
{
    struct buffer *file = &maker->file;
    size_t start = file->size;
    size_t size = BINLOG_EVENT_HEADER_BYTES + body.size;

    if (maker->checksum == BINLOG_CHECKSUM_CRC32) {
        size += BINLOG_CHECKSUM_BYTES;
    }
    buffer_add_number(file, maker->created_at_sec++, 4);
    buffer_add_number(file, type, 1);
    buffer_add_number(file, maker->server_id, 4);
    buffer_add_number(file, size, 4);
    buffer_add_number(file, (uint32_t)(start + size), 4);
    buffer_add_number(file, 0, 2);
    buffer_add_bytes(file, body);
    if (maker->checksum == BINLOG_CHECKSUM_CRC32) {
        buffer_add_number(file, checksum_crc32(0, file->data + start, file->size - start), 4);
    }
    return (struct bytes){.data = file->data + start, .size = size};
}

static struct bytes add_body(struct binlog_maker *maker, uint8_t type, struct buffer *body)
{
    struct bytes event = binlog_maker_add(maker, type, buffer_bytes(body));

    buffer_release(body);
    return event;
}

struct bytes binlog_maker_gtid(struct binlog_maker *maker, uint8_t source, uint64_t number)
{
    struct buffer body = {0};

    buffer_add_number(&body, 1, 1);
    memset(buffer_room(&body, 16), source, 16);
    body.size += 16;
    buffer_add_number(&body, number, 8);
    buffer_add_number(&body, 2, 1); /* logical timestamps */
    buffer_add_zeros(&body, 16);
    return add_body(maker, BINLOG_GTID, &body);
}

struct bytes binlog_maker_mariadb_gtid(struct binlog_maker *maker,
                                       struct mariadb_gtid gtid,
                                       uint8_t flags)
{
    struct buffer body = {0};

    maker->server_id = gtid.server_id;
    buffer_add_number(&body, gtid.sequence, 8);
    buffer_add_number(&body, gtid.domain_id, 4);
    buffer_add_number(&body, flags, 1);
    buffer_add_zeros(&body, 6);
    return add_body(maker, BINLOG_MARIADB_GTID, &body);
}

struct bytes binlog_maker_query(struct binlog_maker *maker, const char *statement)
{
    struct buffer body = {0};

    buffer_add_number(&body, 7, 4); /* thread */
    buffer_add_number(&body, 0, 4); /* execution time */
    buffer_add_number(&body, 4, 1); /* size of the database's name */
    buffer_add_number(&body, 0, 2); /* error code */
    buffer_add_number(&body, 0, 2); /* size of the status variables */
    buffer_add_text_zero(&body, "shop");
    buffer_add_text(&body, statement);
    return add_body(maker, BINLOG_QUERY, &body);
}

struct bytes binlog_maker_rows(struct binlog_maker *maker, size_t size, unsigned seed)
{
    struct buffer body = {0};
    uint8_t *room = buffer_room(&body, size);

    for (size_t at = 0; at < size; at++) {
        room[at] = (uint8_t)rand_r(&seed);
    }
    body.size = size;
    return add_body(maker, ROWS_TYPE, &body);
}

struct bytes binlog_maker_xid(struct binlog_maker *maker)
{
    return binlog_maker_add(maker, BINLOG_XID, bytes_of_text("12345678"));
}

struct bytes binlog_maker_rotate(struct binlog_maker *maker, const char *next)
{
    struct buffer body = {0};

    buffer_add_number(&body, BINLOG_MAGIC_BYTES, 8);
    buffer_add_text(&body, next);
    return add_body(maker, BINLOG_ROTATE, &body);
}

struct bytes binlog_maker_stop(struct binlog_maker *maker)
{
    return binlog_maker_add(maker, BINLOG_STOP, (struct bytes){0});
}

void binlog_maker_transaction(struct binlog_maker *maker,
                              uint8_t source,
                              uint64_t number,
                              size_t size)
{
    (void)binlog_maker_gtid(maker, source, number);
    (void)binlog_maker_query(maker, "BEGIN");
    (void)binlog_maker_rows(maker, size, (unsigned)number);
    (void)binlog_maker_xid(maker);
}
