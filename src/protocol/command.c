/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/protocol/command.h"

#include <assert.h>
#include <string.h>

enum {
    FILE_NAME_MOST_BYTES = 512, /* FN_REFLEN of the server */
    SHORT_TEXT_MOST_BYTES = 255,
};

static struct bytes read_short_text(struct byte_reader *reader)
{
    return byte_reader_take(reader, byte_reader_number(reader, 1));
}

static void add_short_text(struct buffer *payload, struct bytes text)
{
    assert(text.size <= SHORT_TEXT_MOST_BYTES);
    buffer_add_number(payload, text.size, 1);
    buffer_add_bytes(payload, text);
}

/*
 * COM_REGISTER_SLAVE
 *     1  0x15
 *     4  server id
 *   1+n  host      \
 *   1+n  user       | one byte of size each
 *   1+n  password  /
 *     2  port
 *     4  rank: unused
 *     4  server id of the source, or 0
 */
enum status command_register_decode(struct command_register *command,
                                    struct bytes body,
                                    struct error *error)
{
    struct byte_reader reader = byte_reader_of(body);
    struct command_register read = {0};

    read.server_id = (uint32_t)byte_reader_number(&reader, 4);
    read.host = read_short_text(&reader);
    read.user = read_short_text(&reader);
    read.password = read_short_text(&reader);
    read.port = (uint16_t)byte_reader_number(&reader, 2);
    byte_reader_skip(&reader, 4);
    read.source_id = (uint32_t)byte_reader_number(&reader, 4);
    if (reader.overran) {
        return error_set(error, STATUS_INVALID, "broken COM_REGISTER_SLAVE of %zu bytes",
                         body.size);
    }
    *command = read;
    return STATUS_OK;
}

void command_register_encode(struct buffer *payload, const struct command_register *command)
{
    buffer_add_number(payload, COMMAND_REGISTER_REPLICA, 1);
    buffer_add_number(payload, command->server_id, 4);
    add_short_text(payload, command->host);
    add_short_text(payload, command->user);
    add_short_text(payload, command->password);
    buffer_add_number(payload, command->port, 2);
    buffer_add_number(payload, 0, 4);
    buffer_add_number(payload, command->source_id, 4);
}

/* A server takes the name for text that ends in zero, and some clients fill it with zeros
 * where they mean none: python-mysql-replication sends three. */
static struct bytes cut_at_zero(struct bytes name)
{
    const uint8_t *zero = name.size == 0 ? NULL : memchr(name.data, 0, name.size);

    if (zero != NULL) {
        name.size = (size_t)(zero - name.data);
    }
    return name;
}

/*
 * COM_BINLOG_DUMP
 *   1  0x12
 *   4  position
 *   2  flags
 *   4  server id
 *   n  file name, to the end; may be empty
 */
static void read_dump(struct command_dump *command, struct byte_reader *reader)
{
    command->position = byte_reader_number(reader, 4);
    command->flags = (uint16_t)byte_reader_number(reader, 2);
    command->server_id = (uint32_t)byte_reader_number(reader, 4);
    command->file_name = byte_reader_rest(reader);
}

/*
 * COM_BINLOG_DUMP_GTID (server: sql/rpl_source.cc)
 *   1  0x1E
 *   2  flags
 *   4  server id
 *   4  size of the file name
 *   n  file name; may be empty
 *   8  position
 *   4  size of the GTID set   \ the manual leaves these out without
 *   n  the set                / BINLOG_THROUGH_GTID
 */
static void read_dump_gtid(struct command_dump *command, struct byte_reader *reader)
{
    command->flags = (uint16_t)byte_reader_number(reader, 2);
    command->server_id = (uint32_t)byte_reader_number(reader, 4);
    command->file_name = byte_reader_take(reader, byte_reader_number(reader, 4));
    command->position = byte_reader_number(reader, 8);
    if (reader->left > 0) {
        command->is_by_gtid = true;
        command->gtid_set = byte_reader_take(reader, byte_reader_number(reader, 4));
    }
}

enum status command_dump_decode(struct command_dump *command,
                                enum command_code code,
                                struct bytes body,
                                struct error *error)
{
    struct byte_reader reader = byte_reader_of(body);
    struct command_dump read = {0};

    assert(code == COMMAND_BINLOG_DUMP || code == COMMAND_BINLOG_DUMP_GTID);
    if (code == COMMAND_BINLOG_DUMP) {
        read_dump(&read, &reader);
    } else {
        read_dump_gtid(&read, &reader);
    }
    if (reader.overran) {
        return error_set(error, STATUS_INVALID, "broken %s of %zu bytes",
                         code == COMMAND_BINLOG_DUMP ? "COM_BINLOG_DUMP"
                                                     : "COM_BINLOG_DUMP_GTID",
                         body.size);
    }
    if (read.file_name.size > FILE_NAME_MOST_BYTES) {
        return error_set(error, STATUS_INVALID, "binlog file name of %zu bytes",
                         read.file_name.size);
    }
    read.file_name = cut_at_zero(read.file_name);
    *command = read;
    return STATUS_OK;
}

void command_dump_encode(struct buffer *payload, const struct command_dump *command)
{
    if (command->is_by_gtid) {
        buffer_add_number(payload, COMMAND_BINLOG_DUMP_GTID, 1);
        buffer_add_number(payload, command->flags, 2);
        buffer_add_number(payload, command->server_id, 4);
        buffer_add_number(payload, command->file_name.size, 4);
        buffer_add_bytes(payload, command->file_name);
        buffer_add_number(payload, command->position, 8);
        buffer_add_number(payload, command->gtid_set.size, 4);
        buffer_add_bytes(payload, command->gtid_set);
    } else {
        assert(command->position <= UINT32_MAX);
        buffer_add_number(payload, COMMAND_BINLOG_DUMP, 1);
        buffer_add_number(payload, command->position, 4);
        buffer_add_number(payload, command->flags, 2);
        buffer_add_number(payload, command->server_id, 4);
        buffer_add_bytes(payload, command->file_name);
    }
}

/*
 * Acknowledgement (server: plugin/semisync/semisync_replica.cc)
 *   1  0xEF
 *   8  position behind the event
 *   n  file name, to the end
 */
void semisync_reply_encode(struct buffer *payload, uint64_t position, const char *file_name)
{
    buffer_add_number(payload, SEMISYNC_MAGIC, 1);
    buffer_add_number(payload, position, 8);
    buffer_add_text(payload, file_name);
}
