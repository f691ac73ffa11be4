/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/protocol/binlog_event.h"

#include "binrelay/base/checksum.h"

/* The manual's names, without "_EVENT" (libs/mysql/binlog/event/binlog_event.h, mariadb
 * sql/log_event.h). */
static const char *const names[UINT8_MAX + 1] = {
    [1] = "Start_v3",
    [BINLOG_QUERY] = "Query",
    [BINLOG_STOP] = "Stop",
    [BINLOG_ROTATE] = "Rotate",
    [BINLOG_INTVAR] = "Intvar",
    [6] = "Load",
    [7] = "Slave",
    [8] = "Create_file",
    [9] = "Append_block",
    [10] = "Exec_load",
    [11] = "Delete_file",
    [12] = "New_load",
    [BINLOG_RAND] = "Rand",
    [BINLOG_USER_VAR] = "User_var",
    [BINLOG_FORMAT_DESCRIPTION] = "Format_description",
    [BINLOG_XID] = "Xid",
    [17] = "Begin_load_query",
    [18] = "Execute_load_query",
    [BINLOG_TABLE_MAP] = "Table_map",
    [20] = "Write_rows_v0",
    [21] = "Update_rows_v0",
    [22] = "Delete_rows_v0",
    [23] = "Write_rows_v1",
    [24] = "Update_rows_v1",
    [25] = "Delete_rows_v1",
    [BINLOG_INCIDENT] = "Incident",
    [BINLOG_HEARTBEAT] = "Heartbeat",
    [28] = "Ignorable",
    [29] = "Rows_query",
    [30] = "Write_rows",
    [31] = "Update_rows",
    [32] = "Delete_rows",
    [BINLOG_GTID] = "Gtid",
    [BINLOG_ANONYMOUS_GTID] = "Anonymous_gtid",
    [BINLOG_PREVIOUS_GTIDS] = "Previous_gtids",
    [36] = "Transaction_context",
    [37] = "View_change",
    [BINLOG_XA_PREPARE] = "Xa_prepare",
    [39] = "Partial_update_rows",
    [BINLOG_TRANSACTION_PAYLOAD] = "Transaction_payload",
    [BINLOG_HEARTBEAT_V2] = "Heartbeat_v2",
    [BINLOG_GTID_TAGGED] = "Gtid_tagged",
    [BINLOG_MARIADB_ANNOTATE_ROWS] = "Annotate_rows",
    [BINLOG_MARIADB_CHECKPOINT] = "Binlog_checkpoint",
    [BINLOG_MARIADB_GTID] = "Gtid",
    [BINLOG_MARIADB_GTID_LIST] = "Gtid_list",
    [BINLOG_MARIADB_START_ENCRYPTION] = "Start_encryption",
    [BINLOG_MARIADB_QUERY_COMPRESSED] = "Query_compressed",
    [166] = "Write_rows_compressed_v1",
    [167] = "Update_rows_compressed_v1",
    [168] = "Delete_rows_compressed_v1",
    [169] = "Write_rows_compressed",
    [170] = "Update_rows_compressed",
    [171] = "Delete_rows_compressed",
};

struct binlog_event_header binlog_event_header_at(const uint8_t *bytes)
{
    return (struct binlog_event_header){
        .created_at_sec = bytes_u32_at(bytes),
        .type = bytes[BINLOG_EVENT_TYPE_AT],
        .server_id = bytes_u32_at(bytes + BINLOG_EVENT_SERVER_ID_AT),
        .event_size = bytes_u32_at(bytes + BINLOG_EVENT_SIZE_AT),
        .next_position = bytes_u32_at(bytes + BINLOG_EVENT_POSITION_AT),
        .flags = bytes_u16_at(bytes + BINLOG_EVENT_FLAGS_AT),
    };
}

enum status binlog_event_header_decode(struct binlog_event_header *header,
                                       struct bytes bytes,
                                       struct error *error)
{
    struct binlog_event_header found;

    if (bytes.size < BINLOG_EVENT_HEADER_BYTES) {
        return error_set(error, STATUS_CORRUPT, "an event header of %zu bytes", bytes.size);
    }
    found = binlog_event_header_at(bytes.data);
    if (found.event_size < BINLOG_EVENT_HEADER_BYTES) {
        return error_set(error, STATUS_CORRUPT, "an event of type %u that says it has %u bytes",
                         found.type, found.event_size);
    }
    *header = found;
    return STATUS_OK;
}

void binlog_event_header_encode(struct buffer *output, const struct binlog_event_header *header)
{
    buffer_add_number(output, header->created_at_sec, 4);
    buffer_add_number(output, header->type, 1);
    buffer_add_number(output, header->server_id, 4);
    buffer_add_number(output, header->event_size, 4);
    buffer_add_number(output, header->next_position, 4);
    buffer_add_number(output, header->flags, 2);
}

uint32_t binlog_event_checksum(struct bytes event)
{
    const uint8_t *behind_flags = event.data + BINLOG_EVENT_FLAGS_AT + 2;
    size_t left = event.size - BINLOG_EVENT_HEADER_BYTES - BINLOG_CHECKSUM_BYTES;
    uint16_t flags = bytes_u16_at(event.data + BINLOG_EVENT_FLAGS_AT);
    uint8_t cleared[2];
    uint32_t checksum = 0;

    if (event.data[BINLOG_EVENT_TYPE_AT] != BINLOG_FORMAT_DESCRIPTION ||
        (flags & BINLOG_FLAG_IN_USE) == 0) {
        return checksum_crc32(0, event.data, event.size - BINLOG_CHECKSUM_BYTES);
    }
    /* The server sets and clears the flag in the file without making the checksum new. */
    cleared[0] = (uint8_t)(flags & ~BINLOG_FLAG_IN_USE);
    cleared[1] = (uint8_t)(flags >> 8);
    checksum = checksum_crc32(0, event.data, BINLOG_EVENT_FLAGS_AT);
    checksum = checksum_crc32(checksum, cleared, sizeof(cleared));
    return checksum_crc32(checksum, behind_flags, left);
}

bool binlog_event_checksum_is_right(struct bytes event)
{
    return event.size >= BINLOG_EVENT_HEADER_BYTES + BINLOG_CHECKSUM_BYTES &&
           bytes_u32_at(event.data + event.size - BINLOG_CHECKSUM_BYTES) ==
               binlog_event_checksum(event);
}

struct bytes binlog_event_body(struct bytes event, enum binlog_checksum checksum)
{
    size_t around = BINLOG_EVENT_HEADER_BYTES;

    if (checksum == BINLOG_CHECKSUM_CRC32) {
        around += BINLOG_CHECKSUM_BYTES;
    }
    if (event.size < around) {
        return (struct bytes){.data = event.data, .size = 0};
    }
    return (struct bytes){.data = event.data + BINLOG_EVENT_HEADER_BYTES,
                          .size = event.size - around};
}

const char *binlog_event_type_name(uint8_t type)
{
    return names[type] == NULL ? "unknown" : names[type];
}
