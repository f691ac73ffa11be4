/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events about the log itself: format description, rotate, heartbeat, previous
 * GTIDs' place, incident. Decoders take the body (binlog_event_body), encoders
 * make whole events, with checksum where asked. Pure.
 */
#pragma once

#include "binrelay/base/bytes.h"
#include "binrelay/protocol/binlog_event.h"

/* Format_description_event. */
struct binlog_format {
    char server_version[51];
    uint32_t created_at_sec;
    uint8_t header_bytes;          /* 19 */
    enum binlog_checksum checksum; /* of the events behind it in the file */
    bool is_mariadb;               /* by the version text */
};

/* Takes the WHOLE event: where its checksum byte stands does not follow from the body. */
MUST_CHECK enum status binlog_format_decode(struct binlog_format *format,
                                            struct bytes event,
                                            struct error *error);

/*
 * Copies a format description, which binlog_format_decode() took, as a dump
 * that begins past it sends it: created 0, log_pos 0, not in use, `checksum` as
 * the algorithm of the events behind it. It has a checksum itself with NONE too.
 */
void binlog_format_add_for_middle(struct buffer *output,
                                  struct bytes event,
                                  enum binlog_checksum checksum);

/*
 * The same for a dump by GTID that begins with the file and leaves out what the replica has:
 * log_pos stays. By it a replica knows that the transaction it had begun is coming whole again,
 * and rolls its half back (sql/rpl_replica.cc, exec_relay_log_event).
 */
void binlog_format_add_for_rest(struct buffer *output,
                                struct bytes event,
                                enum binlog_checksum checksum);

/* Also a place in a binlog: what a heartbeat says. */
struct binlog_rotate {
    uint64_t position;
    struct bytes file_name; /* borrowed */
};

MUST_CHECK enum status binlog_rotate_decode(struct binlog_rotate *rotate,
                                            struct bytes body,
                                            struct error *error);

/* An artificial Rotate: created 0, log_pos 0. */
void binlog_rotate_add_artificial(struct buffer *output,
                                  uint32_t server_id,
                                  struct binlog_rotate rotate,
                                  enum binlog_checksum checksum);

/*
 * A heartbeat of version 1 (type 27) or 2 (type 41), position is the replica's.
 * Version 1 has only the low 32 bits of it.
 */
void binlog_heartbeat_add(struct buffer *output,
                          uint32_t server_id,
                          struct binlog_rotate where,
                          enum binlog_checksum checksum,
                          bool is_version_2);

/*
 * Decodes the heartbeat of either type: position from the header (v1) or the
 * body (v2, and MariaDB's v1 past 4 GiB). STATUS_CORRUPT if there is no file name.
 */
MUST_CHECK enum status binlog_heartbeat_decode(struct binlog_rotate *where,
                                               struct binlog_event_header header,
                                               struct bytes body,
                                               struct error *error);

/* Query_event: what we need of it. */
struct binlog_query {
    struct bytes database;  /* borrowed */
    struct bytes statement; /* borrowed; may be cut when the body is only its beginning */
};

/*
 * The body may be cut at its end (a long statement): the statement is then what
 * is there. STATUS_CORRUPT if it is cut before the statement.
 */
MUST_CHECK enum status binlog_query_decode(struct binlog_query *query,
                                           struct bytes body,
                                           struct error *error);

struct binlog_incident {
    uint16_t kind; /* 1: LOST_EVENTS */
    struct bytes message;
};

MUST_CHECK enum status binlog_incident_decode(struct binlog_incident *incident,
                                              struct bytes body,
                                              struct error *error);
