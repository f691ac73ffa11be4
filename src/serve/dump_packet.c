/* SPDX-License-Identifier: Apache-2.0 */
/* The packets of a dump that are in no file. */
#include <inttypes.h>

#include "binrelay/protocol/binlog_control.h"
#include "binrelay/protocol/packet.h"
#include "binrelay/protocol/result.h"
#include "dump_internal.h"

/* Events of our own are short: names have up to BINLOG_NAME_BYTES, lists what servers have. */
static void send_packet(struct dump *dump, const struct buffer *payload)
{
    struct buffer packet = {0};

    packet_add(&packet, buffer_bytes(payload), &dump->sequence);
    connection_send(dump->connection, buffer_bytes(&packet));
    dump->has_sent = true;
    buffer_release(&packet);
}

/* The zero byte that stands before each event. */
static struct buffer begin_payload(void)
{
    struct buffer payload = {0};

    buffer_add_zeros(&payload, 1);
    return payload;
}

struct place_name {
    char name[BINLOG_NAME_BYTES];
};

static struct binlog_rotate place_of(const struct dump *dump, struct place_name *name)
{
    binlog_name_print(name->name, binlog_store_log_name(dump->cluster->store), dump->told.file);
    return (struct binlog_rotate){.position = dump->told.offset,
                                  .file_name = bytes_of_text(name->name)};
}

void dump_send_rotate(struct dump *dump)
{
    struct place_name name;
    struct buffer payload = begin_payload();

    binlog_rotate_add_artificial(&payload, dump->cluster->server_id, place_of(dump, &name),
                                 dump->checksum);
    send_packet(dump, &payload);
    buffer_release(&payload);
}

enum status dump_send_file_begin(struct dump *dump, struct error *error)
{
    struct bytes event;
    struct binlog_format format;
    enum status status = binlog_cursor_format(dump->cursor, &event, error);

    if (status != STATUS_OK) {
        return status;
    }
    status = binlog_format_decode(&format, event, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (format.checksum == BINLOG_CHECKSUM_CRC32 && !dump->knows_checksums) {
        return error_set(error, STATUS_INVALID,
                         "Replica can not handle replication events with the checksum that "
                         "source is configured to log");
    }

    bool is_by_position = dump->told.offset > BINLOG_MAGIC_BYTES && dump->is_by_position;
    bool is_whole = dump->told.offset == BINLOG_MAGIC_BYTES;

    if (!is_by_position) {
        dump->told.offset = BINLOG_MAGIC_BYTES;
    }
    dump_send_rotate(dump);
    dump->checksum = format.checksum;

    struct buffer payload = begin_payload();

    if (is_by_position) {
        binlog_format_add_for_middle(&payload, event, format.checksum);
    } else if (is_whole) {
        buffer_add_bytes(&payload, event);
    } else {
        binlog_format_add_for_rest(&payload, event, format.checksum);
    }
    if (!is_by_position) {
        dump->told.offset += event.size;
        dump->position = dump->told;
    }
    send_packet(dump, &payload);
    buffer_release(&payload);
    return STATUS_OK;
}

bool dump_can_send_heartbeat(const struct dump *dump)
{
    /* At offset 4 no Rotate has said the file's name yet. */
    return dump->told.offset > BINLOG_MAGIC_BYTES &&
           (dump->is_heartbeat_v2 || dump->told.offset <= UINT32_MAX);
}

void dump_send_heartbeats(struct dump *dump, unsigned count)
{
    struct place_name name;
    struct buffer payload = begin_payload();
    struct buffer packets = {0};

    binlog_heartbeat_add(&payload, dump->cluster->server_id, place_of(dump, &name),
                         dump->checksum, dump->is_heartbeat_v2);
    for (unsigned i = 0; i < count; i++) {
        packet_add(&packets, buffer_bytes(&payload), &dump->sequence);
    }
    connection_send(dump->connection, buffer_bytes(&packets));
    dump->has_sent = true;
    buffer_release(&packets);
    buffer_release(&payload);
}

void dump_send_gtid_list(struct dump *dump, const struct mariadb_gtid_list *state)
{
    struct buffer body = {0};
    struct buffer payload = begin_payload();
    size_t checksum_bytes = dump->checksum == BINLOG_CHECKSUM_CRC32 ? BINLOG_CHECKSUM_BYTES : 0;

    mariadb_gtid_list_encode(state, &body);

    struct binlog_event_header header = {
        .type = BINLOG_MARIADB_GTID_LIST,
        .server_id = dump->cluster->server_id,
        .event_size = (uint32_t)(BINLOG_EVENT_HEADER_BYTES + body.size + checksum_bytes),
        .next_position = (uint32_t)dump->told.offset,
        .flags = BINLOG_FLAG_ARTIFICIAL,
    };

    binlog_event_header_encode(&payload, &header);
    buffer_add_bytes(&payload, buffer_bytes(&body));
    if (checksum_bytes > 0) {
        buffer_add_zeros(&payload, checksum_bytes);
        struct bytes event = {.data = payload.data + 1, .size = payload.size - 1};

        bytes_put_u32(payload.data + payload.size - checksum_bytes,
                      binlog_event_checksum(event));
    }
    send_packet(dump, &payload);
    buffer_release(&payload);
    buffer_release(&body);
}

void dump_send_eof(struct dump *dump)
{
    enum { SERVER_STATUS_AUTOCOMMIT = 2 };
    struct buffer packet = {0};
    struct result_writer writer = {.output = &packet,
                                   .sequence = dump->sequence,
                                   .capabilities = 0,
                                   .server_status = SERVER_STATUS_AUTOCOMMIT};

    result_add_eof(&writer);
    dump->sequence = writer.sequence;
    connection_send(dump->connection, buffer_bytes(&packet));
    buffer_release(&packet);
}
