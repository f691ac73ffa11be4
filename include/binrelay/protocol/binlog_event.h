/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frame of every binlog event, format version 4 (libs/mysql/binlog/event,
 * "Common-Header"; mariadb sql/log_event.h).
 *
 *   0        4    5          9           13       17     19
 *   created  type server_id  event_size  log_pos  flags  body ... [crc32]
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binrelay/base/bytes.h"
#include "binrelay/base/error.h"

enum {
    BINLOG_EVENT_HEADER_BYTES = 19,
    BINLOG_CHECKSUM_BYTES = 4,
    BINLOG_MAGIC_BYTES = 4,
    BINLOG_EVENT_TYPE_AT = 4,
    BINLOG_EVENT_SERVER_ID_AT = 5,
    BINLOG_EVENT_SIZE_AT = 9,
    BINLOG_EVENT_POSITION_AT = 13,
    BINLOG_EVENT_FLAGS_AT = 17,
};

/* The first bytes of a binlog file. */
#define BINLOG_MAGIC                                                                           \
    "\xfe"                                                                                     \
    "bin"

enum binlog_event_type {
    BINLOG_QUERY = 2,
    BINLOG_STOP = 3,
    BINLOG_ROTATE = 4,
    BINLOG_INTVAR = 5,
    BINLOG_RAND = 13,
    BINLOG_USER_VAR = 14,
    BINLOG_FORMAT_DESCRIPTION = 15,
    BINLOG_XID = 16,
    BINLOG_TABLE_MAP = 19,
    BINLOG_INCIDENT = 26,
    BINLOG_HEARTBEAT = 27,
    BINLOG_GTID = 33,
    BINLOG_ANONYMOUS_GTID = 34,
    BINLOG_PREVIOUS_GTIDS = 35,
    BINLOG_XA_PREPARE = 38,
    BINLOG_TRANSACTION_PAYLOAD = 40,
    BINLOG_HEARTBEAT_V2 = 41,
    BINLOG_GTID_TAGGED = 42,
    BINLOG_MARIADB_ANNOTATE_ROWS = 160,
    BINLOG_MARIADB_CHECKPOINT = 161,
    BINLOG_MARIADB_GTID = 162,
    BINLOG_MARIADB_GTID_LIST = 163,
    BINLOG_MARIADB_START_ENCRYPTION = 164,
    BINLOG_MARIADB_QUERY_COMPRESSED = 165,
};

enum {
    BINLOG_FLAG_IN_USE = 0x1,      /* LOG_EVENT_BINLOG_IN_USE_F */
    BINLOG_FLAG_ARTIFICIAL = 0x20, /* LOG_EVENT_ARTIFICIAL_F: in no file */
    BINLOG_FLAG_IGNORABLE = 0x80,  /* LOG_EVENT_IGNORABLE_F */
};

enum binlog_checksum { BINLOG_CHECKSUM_NONE = 0, BINLOG_CHECKSUM_CRC32 = 1 };

struct binlog_event_header {
    uint32_t created_at_sec;
    uint8_t type;
    uint32_t server_id;
    uint32_t event_size; /* of the whole event, header and checksum included */
    uint32_t
        next_position; /* log_pos: low 32 bits of the file offset behind it; 0 on no file */
    uint16_t flags;
};

/* Reads a header from at least BINLOG_EVENT_HEADER_BYTES that are known to be there. */
struct binlog_event_header binlog_event_header_at(const uint8_t *bytes);

/* STATUS_CORRUPT if fewer bytes, or an event that says it is shorter than its header. */
MUST_CHECK enum status binlog_event_header_decode(struct binlog_event_header *header,
                                                  struct bytes bytes,
                                                  struct error *error);

void binlog_event_header_encode(struct buffer *output,
                                const struct binlog_event_header *header);

/*
 * The CRC32 of a whole event without its last four bytes, at least
 * BINLOG_EVENT_HEADER_BYTES + BINLOG_CHECKSUM_BYTES long. A format
 * description's is that of its form without BINLOG_FLAG_IN_USE, as the server's.
 */
uint32_t binlog_event_checksum(struct bytes event);

/* True if the last four bytes are that checksum. */
bool binlog_event_checksum_is_right(struct bytes event);

/* What is between header and checksum. The event is whole and at least that long, or the result
 * is empty. */
struct bytes binlog_event_body(struct bytes event, enum binlog_checksum checksum);

/* "Rotate", "Gtid": the manual's name, for logs; "unknown" for a type that we do not know. */
const char *binlog_event_type_name(uint8_t type);
