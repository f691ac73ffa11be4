/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of the command phase, read and written (manual: "Command Phase"). Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "binrelay/base/bytes.h"
#include "binrelay/base/error.h"

enum command_code {
    COMMAND_QUIT = 0x01,
    COMMAND_INIT_DB = 0x02,
    COMMAND_QUERY = 0x03,
    COMMAND_STATISTICS = 0x09,
    COMMAND_PING = 0x0E,
    COMMAND_BINLOG_DUMP = 0x12,
    COMMAND_REGISTER_REPLICA = 0x15, /* COM_REGISTER_SLAVE */
    COMMAND_BINLOG_DUMP_GTID = 0x1E,
    COMMAND_RESET_CONNECTION = 0x1F,
};

struct command_register {
    uint32_t server_id;
    struct bytes host; /* borrowed, as the rest: what the replica reports of itself */
    struct bytes user;
    struct bytes password;
    uint16_t port;
    uint32_t source_id;
};

/* Decoders take the payload behind the command byte; encoders write the command byte too.
 * STATUS_INVALID: cut, or a file name of more than 512 bytes. */
MUST_CHECK enum status command_register_decode(struct command_register *command,
                                               struct bytes body,
                                               struct error *error);

/* Each text has at most 255 bytes. */
void command_register_encode(struct buffer *payload, const struct command_register *command);

enum {
    DUMP_NON_BLOCK = 0x1,     /* end with EOF at the end of the log */
    DUMP_ANNOTATE_ROWS = 0x2, /* MariaDB */
    DUMP_HEARTBEAT_V2 = 0x2,  /* MySQL: USE_HEARTBEAT_EVENT_V2 */
    DUMP_THROUGH_GTID = 0x4,
};

struct command_dump {
    uint16_t flags;
    uint32_t server_id;
    uint64_t position;
    struct bytes file_name; /* borrowed; may be empty */
    bool is_by_gtid;        /* COM_BINLOG_DUMP_GTID with a set, even one of no bytes */
    struct bytes gtid_set;  /* borrowed; gtid_set_decode() reads it */
};

/* code: COMMAND_BINLOG_DUMP or COMMAND_BINLOG_DUMP_GTID. */
MUST_CHECK enum status command_dump_decode(struct command_dump *command,
                                           enum command_code code,
                                           struct bytes body,
                                           struct error *error);

/* COM_BINLOG_DUMP_GTID if it is by GTID, else COM_BINLOG_DUMP, whose position has 32 bits. */
void command_dump_encode(struct buffer *payload, const struct command_dump *command);

/* Semi-sync, the replica's side (plugin/semisync/semisync.h). */
enum { SEMISYNC_MAGIC = 0xEF, SEMISYNC_HEADER_BYTES = 2 };

/* The payload of an acknowledgement. */
void semisync_reply_encode(struct buffer *payload, uint64_t position, const char *file_name);
