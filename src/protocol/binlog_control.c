/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/protocol/binlog_control.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/*
 * Format_description_event (libs/mysql/binlog/event/control_events.h), the
 * whole event:
 *
 *   0       19       21              71          75            76
 *   header  version  server_version  created_at  header_bytes  lengths ... [alg] [crc32]
 *
 * The post-header lengths are one byte for each event type the server knows.
 * Servers that know checksums put the algorithm and four bytes of checksum
 * behind them, with NONE too.
 */
enum {
    FORMAT_VERSION_AT = 19,
    FORMAT_SERVER_VERSION_AT = 21,
    FORMAT_SERVER_VERSION_BYTES = 50,
    FORMAT_CREATED_AT = 71,
    FORMAT_HEADER_BYTES_AT = 75,
    FORMAT_LENGTHS_AT = 76,
    FORMAT_TAIL_BYTES = 1 + BINLOG_CHECKSUM_BYTES,
    FORMAT_VERSION = 4,
};

/* The first versions that know checksums: MySQL 5.6.1, MariaDB 5.3.0. */
enum { MYSQL_WITH_CHECKSUM = 0x050601, MARIADB_WITH_CHECKSUM = 0x050300 };

/* The servers' FN_REFLEN: no file name is longer. */
enum { NAME_MOST_BYTES = 512 };

/* Heartbeat_log_event_v2 is a list of (type, size, value), all lenenc numbers
 * (codecs/binary.h). */
enum { HEARTBEAT_END = 0, HEARTBEAT_NAME = 1, HEARTBEAT_POSITION = 2 };

/* MariaDB's position in front of the name, where the header's 32 bits do not do
 * (HB_SUB_HEADER_LEN). */
enum { HEARTBEAT_LONG_POSITION_BYTES = 8 };

/* "10.11.14-MariaDB-log" gives 0x0A0B0E, what is no version 0, as with the servers. */
static unsigned long version_number(const char *text)
{
    unsigned long number = 0;
    const char *next = text;

    for (int part = 0; part < 3; part++) {
        char *end = NULL;
        unsigned long value = strtoul(next, &end, 10);

        if (end == next || value > UINT8_MAX) {
            return 0;
        }
        number = number << 8 | value;
        next = *end == '.' ? end + 1 : end;
    }
    return number;
}

static bool has_checksum_field(const struct binlog_format *format)
{
    unsigned long first = format->is_mariadb ? MARIADB_WITH_CHECKSUM : MYSQL_WITH_CHECKSUM;

    return version_number(format->server_version) >= first;
}

static void read_version(struct binlog_format *format, const uint8_t *event)
{
    static_assert(sizeof(format->server_version) > FORMAT_SERVER_VERSION_BYTES,
                  "room for the terminating zero");

    memset(format->server_version, 0, sizeof(format->server_version));
    memcpy(format->server_version, event + FORMAT_SERVER_VERSION_AT,
           FORMAT_SERVER_VERSION_BYTES);
    format->is_mariadb = strcasestr(format->server_version, "MariaDB") != NULL;
}

enum status binlog_format_decode(struct binlog_format *format,
                                 struct bytes event,
                                 struct error *error)
{
    struct binlog_format found = {0};
    unsigned version = 0;
    uint8_t algorithm = BINLOG_CHECKSUM_NONE;

    if (event.size < FORMAT_LENGTHS_AT ||
        event.data[BINLOG_EVENT_TYPE_AT] != BINLOG_FORMAT_DESCRIPTION) {
        return error_set(error, STATUS_CORRUPT, "no format description event");
    }
    version = bytes_u16_at(event.data + FORMAT_VERSION_AT);
    if (version != FORMAT_VERSION) {
        return error_set(error, STATUS_CORRUPT, "binlog format version %u is not known",
                         version);
    }
    read_version(&found, event.data);
    found.created_at_sec = bytes_u32_at(event.data + FORMAT_CREATED_AT);
    found.header_bytes = event.data[FORMAT_HEADER_BYTES_AT];
    if (found.header_bytes != BINLOG_EVENT_HEADER_BYTES) {
        return error_set(error, STATUS_CORRUPT, "event headers of %u bytes are not known",
                         found.header_bytes);
    }
    if (has_checksum_field(&found)) {
        if (event.size < FORMAT_LENGTHS_AT + FORMAT_TAIL_BYTES) {
            return error_set(error, STATUS_CORRUPT, "a format description of %zu bytes",
                             event.size);
        }
        algorithm = event.data[event.size - FORMAT_TAIL_BYTES];
    }
    if (algorithm != BINLOG_CHECKSUM_NONE && algorithm != BINLOG_CHECKSUM_CRC32) {
        return error_set(error, STATUS_CORRUPT, "checksum algorithm %u is not known",
                         algorithm);
    }
    found.checksum = (enum binlog_checksum)algorithm;
    *format = found;
    return STATUS_OK;
}

/* Makes the checksum of the event that begins at `start` new. */
static void set_checksum(struct buffer *output, size_t start)
{
    struct bytes event = {.data = output->data + start, .size = output->size - start};

    bytes_put_u32(output->data + output->size - BINLOG_CHECKSUM_BYTES,
                  binlog_event_checksum(event));
}

/* Copies the event with created 0 and not in use; its checksum is made anew. */
static void add_not_created(struct buffer *output,
                            struct bytes event,
                            enum binlog_checksum checksum,
                            uint32_t next_position)
{
    size_t start = output->size;
    struct binlog_format format;
    uint8_t *copy = NULL;

    assert(event.size >= FORMAT_LENGTHS_AT);
    buffer_add_bytes(output, event);
    copy = output->data + start;
    copy[BINLOG_EVENT_FLAGS_AT] &= (uint8_t)~BINLOG_FLAG_IN_USE;
    bytes_put_u32(copy + BINLOG_EVENT_POSITION_AT, next_position);
    bytes_put_u32(copy + FORMAT_CREATED_AT, 0);
    read_version(&format, copy);
    if (!has_checksum_field(&format) || event.size < FORMAT_LENGTHS_AT + FORMAT_TAIL_BYTES) {
        return;
    }
    copy[event.size - FORMAT_TAIL_BYTES] = (uint8_t)checksum;
    set_checksum(output, start);
}

void binlog_format_add_for_middle(struct buffer *output,
                                  struct bytes event,
                                  enum binlog_checksum checksum)
{
    add_not_created(output, event, checksum, 0);
}

void binlog_format_add_for_rest(struct buffer *output,
                                struct bytes event,
                                enum binlog_checksum checksum)
{
    add_not_created(output, event, checksum, binlog_event_header_at(event.data).next_position);
}

/*
 * Rotate_event: the position of the next file's first event, and the name
 * without a terminating zero.
 *
 *   0         8
 *   position  name ...
 */
enum status binlog_rotate_decode(struct binlog_rotate *rotate,
                                 struct bytes body,
                                 struct error *error)
{
    struct byte_reader reader = byte_reader_of(body);
    struct binlog_rotate found = {.position = byte_reader_number(&reader, 8)};

    found.file_name = byte_reader_rest(&reader);
    if (reader.overran || found.file_name.size == 0 || found.file_name.size > NAME_MOST_BYTES) {
        return error_set(error, STATUS_CORRUPT, "a rotate event with a body of %zu bytes",
                         body.size);
    }
    *rotate = found;
    return STATUS_OK;
}

/* Gives the event that begins at `start` its size, and a checksum where one is asked for. */
static void finish_event(struct buffer *output, size_t start, enum binlog_checksum checksum)
{
    if (checksum == BINLOG_CHECKSUM_CRC32) {
        buffer_add_zeros(output, BINLOG_CHECKSUM_BYTES);
    }
    bytes_put_u32(output->data + start + BINLOG_EVENT_SIZE_AT,
                  (uint32_t)(output->size - start));
    if (checksum == BINLOG_CHECKSUM_CRC32) {
        set_checksum(output, start);
    }
}

void binlog_rotate_add_artificial(struct buffer *output,
                                  uint32_t server_id,
                                  struct binlog_rotate rotate,
                                  enum binlog_checksum checksum)
{
    struct binlog_event_header header = {
        .type = BINLOG_ROTATE,
        .server_id = server_id,
        .flags = BINLOG_FLAG_ARTIFICIAL,
    };
    size_t start = output->size;

    binlog_event_header_encode(output, &header);
    buffer_add_number(output, rotate.position, 8);
    buffer_add_bytes(output, rotate.file_name);
    finish_event(output, start, checksum);
}

static size_t lenenc_bytes(uint64_t number)
{
    if (number < 0xFB) {
        return 1;
    }
    if (number <= 0xFFFF) {
        return 3;
    }
    return number <= 0xFFFFFF ? 4 : 9;
}

void binlog_heartbeat_add(struct buffer *output,
                          uint32_t server_id,
                          struct binlog_rotate where,
                          enum binlog_checksum checksum,
                          bool is_version_2)
{
    struct binlog_event_header header = {
        .type = is_version_2 ? BINLOG_HEARTBEAT_V2 : BINLOG_HEARTBEAT,
        .server_id = server_id,
        .next_position = (uint32_t)where.position,
    };
    size_t start = output->size;

    binlog_event_header_encode(output, &header);
    if (is_version_2) {
        buffer_add_lenenc(output, HEARTBEAT_NAME);
        buffer_add_lenenc_bytes(output, where.file_name);
        buffer_add_lenenc(output, HEARTBEAT_POSITION);
        buffer_add_lenenc(output, lenenc_bytes(where.position));
        buffer_add_lenenc(output, where.position);
        buffer_add_lenenc(output, HEARTBEAT_END);
    } else {
        buffer_add_bytes(output, where.file_name);
    }
    finish_event(output, start, checksum);
}

static void read_heartbeat_fields(struct binlog_rotate *where, struct byte_reader *reader)
{
    while (reader->left > 0 && !reader->overran) {
        uint64_t type = byte_reader_lenenc(reader);
        struct byte_reader value;

        if (type == HEARTBEAT_END) {
            return;
        }
        value = byte_reader_of(byte_reader_lenenc_bytes(reader));
        if (type == HEARTBEAT_NAME) {
            where->file_name = byte_reader_rest(&value);
        } else if (type == HEARTBEAT_POSITION) {
            where->position = byte_reader_lenenc(&value);
            reader->overran = reader->overran || value.overran;
        }
    }
}

/* Such a file would have 2^56 bytes or more; a name has no zero byte. */
static bool has_long_position(struct binlog_event_header header, struct bytes body)
{
    return header.next_position == UINT32_MAX && body.size > HEARTBEAT_LONG_POSITION_BYTES &&
           body.data[HEARTBEAT_LONG_POSITION_BYTES - 1] == 0;
}

enum status binlog_heartbeat_decode(struct binlog_rotate *where,
                                    struct binlog_event_header header,
                                    struct bytes body,
                                    struct error *error)
{
    struct byte_reader reader = byte_reader_of(body);
    struct binlog_rotate found = {.position = header.next_position};

    if (header.type == BINLOG_HEARTBEAT_V2) {
        read_heartbeat_fields(&found, &reader);
    } else {
        if (has_long_position(header, body)) {
            found.position = byte_reader_number(&reader, HEARTBEAT_LONG_POSITION_BYTES);
        }
        found.file_name = byte_reader_rest(&reader);
    }
    if (reader.overran || found.file_name.size == 0 || found.file_name.size > NAME_MOST_BYTES) {
        return error_set(error, STATUS_CORRUPT, "a heartbeat with a body of %zu bytes",
                         body.size);
    }
    *where = found;
    return STATUS_OK;
}

/*
 * Query_event (statement_events.h). MariaDB's has the same beginning.
 *
 *   0          4          8        9           11            13
 *   thread_id  exec_time  db_size  error_code  status_bytes  status ... db 0 statement
 */
enum status binlog_query_decode(struct binlog_query *query,
                                struct bytes body,
                                struct error *error)
{
    struct byte_reader reader = byte_reader_of(body);
    struct binlog_query found;
    uint64_t database_bytes = 0;
    uint64_t status_bytes = 0;

    byte_reader_skip(&reader, 4 + 4);
    database_bytes = byte_reader_number(&reader, 1);
    byte_reader_skip(&reader, 2);
    status_bytes = byte_reader_number(&reader, 2);
    byte_reader_skip(&reader, status_bytes);
    found.database = byte_reader_take(&reader, database_bytes);
    byte_reader_skip(&reader, 1);
    found.statement = byte_reader_rest(&reader);
    if (reader.overran) {
        return error_set(error, STATUS_CORRUPT, "a query event of %zu bytes has no statement",
                         body.size);
    }
    *query = found;
    return STATUS_OK;
}

/*
 * Incident_event (control_events.h):
 *
 *   0     2             3
 *   kind  message_size  message
 */
enum status binlog_incident_decode(struct binlog_incident *incident,
                                   struct bytes body,
                                   struct error *error)
{
    struct byte_reader reader = byte_reader_of(body);
    struct binlog_incident found = {.kind = (uint16_t)byte_reader_number(&reader, 2)};

    found.message = byte_reader_take(&reader, byte_reader_number(&reader, 1));
    if (reader.overran) {
        return error_set(error, STATUS_CORRUPT, "an incident event of %zu bytes", body.size);
    }
    *incident = found;
    return STATUS_OK;
}
