/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/protocol/result.h"

#include <assert.h>
#include <string.h>

#include "binrelay/base/log.h"
#include "binrelay/protocol/handshake.h"
#include "binrelay/protocol/packet.h"

enum {
    HEADER_OK = 0x00,
    HEADER_EOF = 0xFE,
    HEADER_ERROR = 0xFF,
    VALUE_NULL = 0xFB,

    OK_LEAST_BYTES = 7, /* header, two lenenc integers, status, warnings */
    EOF_MOST_BYTES = 8, /* longer, 0xFE begins a length-encoded value */
    STATE_BYTES = 5,    /* an SQLSTATE */
    LENENC_MOST_BYTES = 9,

    COLLATION_UTF8MB4 = 45, /* utf8mb4_general_ci: every client has it */
    COLLATION_BINARY = 63,
    COLUMN_FIXED_BYTES = 0x0C, /* what follows the names in a definition */
    COLUMN_UNSIGNED = 32,      /* UNSIGNED_FLAG */
    COLUMN_BINARY = 128,       /* BINARY_FLAG */
    DECIMALS_NOT_FIXED = 31,
    DECIMALS_MOST = 30, /* DECIMAL_MAX_SCALE */
};

/* How a column of each type describes itself. */
struct column_shape {
    uint32_t most_bytes;
    uint16_t collation;
    uint8_t decimals;
};

static struct column_shape shape_of(enum result_type type)
{
    switch (type) {
    case RESULT_LONG:
        return (struct column_shape){11, COLLATION_BINARY, 0};
    case RESULT_LONGLONG:
        return (struct column_shape){20, COLLATION_BINARY, 0};
    case RESULT_DOUBLE:
        return (struct column_shape){22, COLLATION_BINARY, DECIMALS_NOT_FIXED};
    case RESULT_TIMESTAMP:
    case RESULT_DATETIME:
        return (struct column_shape){26, COLLATION_BINARY, 6};
    case RESULT_NEW_DECIMAL:
        return (struct column_shape){67, COLLATION_BINARY, DECIMALS_MOST};
    case RESULT_VAR_STRING:
        break;
    }
    return (struct column_shape){65535, COLLATION_UTF8MB4, DECIMALS_NOT_FIXED};
}

static bool has_deprecate_eof(const struct result_writer *writer)
{
    return (writer->capabilities & CAPABILITY_DEPRECATE_EOF) != 0;
}

/*
 * OK_Packet                       OK                     end of a result set
 *     1  header                   0x00                   0xFE
 *   1-9  affected rows            length-encoded
 *   1-9  last insert id           length-encoded
 *     2  status flags
 *     2  warnings
 *     n  info                     length-encoded string, left out if empty
 *
 * The manual gives info a length only with CLIENT_SESSION_TRACK, and else lets it run to the
 * end; servers write, and clients read, the length always.
 */
static void add_ok_packet(struct result_writer *writer,
                          uint8_t header,
                          uint64_t affected_rows,
                          struct bytes info)
{
    size_t begun = packet_begin(writer->output);

    buffer_add_number(writer->output, header, 1);
    buffer_add_lenenc(writer->output, affected_rows);
    buffer_add_lenenc(writer->output, 0);
    buffer_add_number(writer->output, writer->server_status, 2);
    buffer_add_number(writer->output, writer->warnings, 2);
    if (info.size > 0) {
        buffer_add_lenenc_bytes(writer->output, info);
    }
    packet_end(writer->output, begun, &writer->sequence);
}

void result_add_ok(struct result_writer *writer, uint64_t affected_rows, struct bytes info)
{
    add_ok_packet(writer, HEADER_OK, affected_rows, info);
}

/*
 * ERR_Packet
 *   1  0xFF
 *   2  error number
 *   1  '#'            \ left out by a server that does not know yet
 *   5  SQLSTATE       / what the client can read
 *   n  text, to the end
 */
void result_add_error(struct result_writer *writer,
                      uint16_t code,
                      const char *state,
                      const char *message)
{
    size_t begun = packet_begin(writer->output);

    assert(strlen(state) == STATE_BYTES);
    buffer_add_number(writer->output, HEADER_ERROR, 1);
    buffer_add_number(writer->output, code, 2);
    buffer_add_text(writer->output, "#");
    buffer_add_text(writer->output, state);
    buffer_add_text(writer->output, message);
    packet_end(writer->output, begun, &writer->sequence);
}

/*
 * EOF_Packet
 *   1  0xFE
 *   2  warnings
 *   2  status flags
 */
void result_add_eof(struct result_writer *writer)
{
    size_t begun = packet_begin(writer->output);

    buffer_add_number(writer->output, HEADER_EOF, 1);
    buffer_add_number(writer->output, 0, 2);
    buffer_add_number(writer->output, writer->server_status, 2);
    packet_end(writer->output, begun, &writer->sequence);
}

/*
 * ColumnDefinition41: six length-encoded strings (catalog, schema, table,
 * table's own name, name, column's own name), then
 *   1  0x0C: bytes that follow
 *   2  collation
 *   4  display width in bytes
 *   1  type
 *   2  flags
 *   1  decimals
 *   2  zeros
 */
static void add_column(struct result_writer *writer, const struct result_column *column)
{
    struct column_shape shape = shape_of(column->type);
    unsigned flags = (shape.collation == COLLATION_BINARY ? COLUMN_BINARY : 0U) |
                     (column->is_unsigned ? COLUMN_UNSIGNED : 0U);
    const struct bytes none = {0};
    struct buffer *output = writer->output;
    size_t begun = packet_begin(output);

    buffer_add_lenenc_bytes(output, bytes_of_text("def"));
    buffer_add_lenenc_bytes(output, none);
    buffer_add_lenenc_bytes(output, none);
    buffer_add_lenenc_bytes(output, none);
    buffer_add_lenenc_bytes(output, bytes_of_text(column->name));
    buffer_add_lenenc_bytes(output, none);
    buffer_add_number(output, COLUMN_FIXED_BYTES, 1);
    buffer_add_number(output, shape.collation, 2);
    buffer_add_number(output, shape.most_bytes, 4);
    buffer_add_number(output, column->type, 1);
    buffer_add_number(output, flags, 2);
    buffer_add_number(output, shape.decimals, 1);
    buffer_add_zeros(output, 2);
    packet_end(output, begun, &writer->sequence);
}

void result_begin(struct result_writer *writer,
                  const struct result_column *columns,
                  size_t count)
{
    size_t begun = packet_begin(writer->output);

    assert(count > 0);
    buffer_add_lenenc(writer->output, count);
    packet_end(writer->output, begun, &writer->sequence);
    for (size_t at = 0; at < count; at++) {
        add_column(writer, &columns[at]);
    }
    if (!has_deprecate_eof(writer)) {
        result_add_eof(writer);
    }
}

static void add_values(struct buffer *output, const struct bytes *values, size_t count)
{
    for (size_t at = 0; at < count; at++) {
        if (values[at].data == NULL) {
            buffer_add_number(output, VALUE_NULL, 1);
        } else {
            buffer_add_lenenc_bytes(output, values[at]);
        }
    }
}

/* ProtocolText::ResultsetRow: each value a length-encoded string, or 0xFB for NULL. */
void result_add_row(struct result_writer *writer, const struct bytes *values, size_t count)
{
    size_t most = 0;

    for (size_t at = 0; at < count; at++) {
        most += LENENC_MOST_BYTES + values[at].size;
    }
    if (most < PACKET_MOST_BYTES) {
        size_t begun = packet_begin(writer->output);

        add_values(writer->output, values, count);
        packet_end(writer->output, begun, &writer->sequence);
    } else {
        struct buffer row = {0};

        add_values(&row, values, count);
        packet_add(writer->output, buffer_bytes(&row), &writer->sequence);
        buffer_release(&row);
    }
}

void result_end(struct result_writer *writer)
{
    if (has_deprecate_eof(writer)) {
        add_ok_packet(writer, HEADER_EOF, 0, (struct bytes){0});
    } else {
        result_add_eof(writer);
    }
}

bool result_is_ok(struct bytes payload)
{
    return payload.size >= OK_LEAST_BYTES && payload.data[0] == HEADER_OK;
}

bool result_is_error(struct bytes payload)
{
    return payload.size > 0 && payload.data[0] == HEADER_ERROR;
}

bool result_is_eof(struct bytes payload)
{
    return payload.size > 0 && payload.size <= EOF_MOST_BYTES && payload.data[0] == HEADER_EOF;
}

enum status result_error_decode(struct result_error *found,
                                struct bytes payload,
                                struct error *error)
{
    struct byte_reader reader = byte_reader_of(payload);
    struct result_error read = {.state = "HY000"};
    uint8_t header = (uint8_t)byte_reader_number(&reader, 1);

    read.code = (uint16_t)byte_reader_number(&reader, 2);
    if (reader.overran || header != HEADER_ERROR) {
        return error_set(error, STATUS_INVALID, "broken error packet of %zu bytes",
                         payload.size);
    }
    if (reader.left > STATE_BYTES && reader.next[0] == '#') {
        memcpy(read.state, reader.next + 1, STATE_BYTES);
        byte_reader_skip(&reader, 1 + STATE_BYTES);
    }
    read.message = byte_reader_rest(&reader);
    *found = read;
    return STATUS_OK;
}

enum status result_error_deny(struct bytes payload, struct error *error)
{
    struct result_error found = {0};

    if (result_error_decode(&found, payload, error) != STATUS_OK) {
        return error->status;
    }
    if (found.message.size == 0) {
        (void)error_set(error, STATUS_DENIED, "error %u, without a text", found.code);
    } else {
        (void)error_set(error, STATUS_DENIED, "%s", log_safe(found.message).text);
    }
    error->sql_code = found.code;
    return STATUS_DENIED;
}
