/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_binlog.h"

#include <string.h>

#include "binrelay/protocol/binlog_event.h"
#include "check.h"

enum { EVENT_TYPE_COUNT = 42, WRITE_ROWS = 30 };

static const uint8_t source_uuid[16] = "\x32\x54\x77\xb7\xe5\x40\x11\xf1\xbc\x6f\x02\xfc\x01";

static uint64_t add_event(struct fake_binlog *binlog,
                          uint8_t type,
                          struct bytes body,
                          bool has_checksum)
{
    size_t start = binlog->bytes.size;
    size_t size =
        BINLOG_EVENT_HEADER_BYTES + body.size + (has_checksum ? BINLOG_CHECKSUM_BYTES : 0);
    struct binlog_event_header header = {
        .created_at_sec = FAKE_BINLOG_CREATED_SEC,
        .type = type,
        .server_id = FAKE_BINLOG_SERVER_ID,
        .event_size = (uint32_t)size,
        .next_position = (uint32_t)(start + size),
    };

    binlog_event_header_encode(&binlog->bytes, &header);
    buffer_add_bytes(&binlog->bytes, body);
    if (has_checksum) {
        buffer_add_zeros(&binlog->bytes, BINLOG_CHECKSUM_BYTES);
        bytes_put_u32(binlog->bytes.data + start + size - BINLOG_CHECKSUM_BYTES,
                      binlog_event_checksum((struct bytes){binlog->bytes.data + start, size}));
    }
    return start;
}

static void add_format(struct fake_binlog *binlog)
{
    struct buffer body = {0};
    char version[50] = "8.0.40-fake";

    buffer_add_number(&body, 4, 2);
    buffer_add(&body, version, sizeof(version));
    buffer_add_number(&body, FAKE_BINLOG_CREATED_SEC, 4);
    buffer_add_number(&body, BINLOG_EVENT_HEADER_BYTES, 1);
    buffer_add_zeros(&body, EVENT_TYPE_COUNT);
    buffer_add_number(&body, binlog->checksum, 1);
    (void)add_event(binlog, BINLOG_FORMAT_DESCRIPTION, buffer_bytes(&body), true);
    buffer_release(&body);
}

void fake_binlog_begin(struct fake_binlog *binlog)
{
    static const uint8_t no_gtids[8] = {0};

    buffer_clear(&binlog->bytes);
    buffer_add(&binlog->bytes, BINLOG_MAGIC, BINLOG_MAGIC_BYTES);
    add_format(binlog);
    (void)fake_binlog_add(binlog, BINLOG_PREVIOUS_GTIDS,
                          (struct bytes){no_gtids, sizeof(no_gtids)});
    if (binlog->next_gtid == 0) {
        binlog->next_gtid = 1;
    }
}

void fake_binlog_release(struct fake_binlog *binlog)
{
    buffer_release(&binlog->bytes);
}

uint64_t fake_binlog_add(struct fake_binlog *binlog, uint8_t type, struct bytes body)
{
    return add_event(binlog, type, body, binlog->checksum == BINLOG_CHECKSUM_CRC32);
}

static uint64_t add_gtid(struct fake_binlog *binlog)
{
    struct buffer body = {0};
    uint64_t offset = 0;

    buffer_add_number(&body, 1, 1);
    buffer_add(&body, source_uuid, sizeof(source_uuid));
    buffer_add_number(&body, binlog->next_gtid, 8);
    buffer_add_number(&body, 2, 1);
    buffer_add_number(&body, binlog->next_gtid - 1, 8);
    buffer_add_number(&body, binlog->next_gtid, 8);
    offset = fake_binlog_add(binlog, BINLOG_GTID, buffer_bytes(&body));
    binlog->next_gtid++;
    buffer_release(&body);
    return offset;
}

static void add_query(struct fake_binlog *binlog, const char *statement)
{
    struct buffer body = {0};

    buffer_add_zeros(&body, 4 + 4);
    buffer_add_number(&body, 4, 1);
    buffer_add_zeros(&body, 2 + 2);
    buffer_add_text_zero(&body, "test");
    buffer_add_text(&body, statement);
    (void)fake_binlog_add(binlog, BINLOG_QUERY, buffer_bytes(&body));
    buffer_release(&body);
}

uint64_t fake_binlog_add_transaction(struct fake_binlog *binlog, size_t row_bytes)
{
    uint64_t offset = add_gtid(binlog);
    struct buffer body = {0};
    uint8_t *row = buffer_room(&body, row_bytes);

    for (size_t at = 0; at < row_bytes; at++) {
        row[at] = (uint8_t)(at * 31 + binlog->next_gtid * 7 + (at >> 8));
    }
    body.size = row_bytes;
    add_query(binlog, "BEGIN");
    (void)fake_binlog_add(binlog, WRITE_ROWS, buffer_bytes(&body));
    buffer_clear(&body);
    buffer_add_number(&body, binlog->next_gtid, 8);
    (void)fake_binlog_add(binlog, BINLOG_XID, buffer_bytes(&body));
    buffer_release(&body);
    return offset;
}

void fake_binlog_add_rotate(struct fake_binlog *binlog, const char *next_name)
{
    struct buffer body = {0};

    buffer_add_number(&body, BINLOG_MAGIC_BYTES, 8);
    buffer_add_text(&body, next_name);
    (void)fake_binlog_add(binlog, BINLOG_ROTATE, buffer_bytes(&body));
    buffer_release(&body);
}

void fake_binlog_add_stop(struct fake_binlog *binlog)
{
    (void)fake_binlog_add(binlog, BINLOG_STOP, (struct bytes){0});
}

struct bytes fake_binlog_event(const struct fake_binlog *binlog, uint64_t offset)
{
    uint32_t size = 0;

    CHECK(offset + BINLOG_EVENT_HEADER_BYTES <= binlog->bytes.size);
    size = bytes_u32_at(binlog->bytes.data + offset + BINLOG_EVENT_SIZE_AT);
    CHECK(offset + size <= binlog->bytes.size);
    return (struct bytes){binlog->bytes.data + offset, size};
}

void fake_binlog_add_artificial(struct buffer *output,
                                uint8_t type,
                                uint32_t position,
                                struct bytes body,
                                enum binlog_checksum checksum)
{
    size_t start = output->size;
    size_t tail = checksum == BINLOG_CHECKSUM_CRC32 ? BINLOG_CHECKSUM_BYTES : 0;
    struct binlog_event_header header = {
        .type = type,
        .server_id = FAKE_BINLOG_SERVER_ID,
        .event_size = (uint32_t)(BINLOG_EVENT_HEADER_BYTES + body.size + tail),
        .next_position = position,
        .flags = BINLOG_FLAG_ARTIFICIAL,
    };

    binlog_event_header_encode(output, &header);
    buffer_add_bytes(output, body);
    buffer_add_zeros(output, tail);
    if (tail > 0) {
        bytes_put_u32(
            output->data + output->size - tail,
            binlog_event_checksum((struct bytes){output->data + start, header.event_size}));
    }
}
