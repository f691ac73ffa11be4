/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One replica's stream: from where it asked, through the store's files, to the
 * durable end and on. Belongs to the serve thread its session lives on.
 *
 * A dump writes packets to the session's connection and says when it ended. It
 * knows nothing of logins or SQL: everything the replica set comes in the
 * request.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "binrelay/base/clock.h"
#include "binrelay/net/connection.h"
#include "binrelay/protocol/binlog_event.h"
#include "binrelay/protocol/command.h"
#include "binrelay/serve/endpoint.h"
#include "frame_cache.h"
#include "stream_holds.h"

struct dump;

struct dump_request {
    const struct served_cluster *cluster; /* borrowed */
    struct frame_cache *frames;    /* borrowed: the cluster's, shared by all serve threads */
    struct connection *connection; /* borrowed: the session's */
    struct loop *loop;             /* borrowed: the serve thread's */
    const struct clock *clock;     /* borrowed */
    struct stream_hold *hold;      /* borrowed: outlives the dump; may be NULL */
    struct command_dump command;   /* file_name and gtid_set live until dump_start() returns */
    uint8_t sequence;              /* of the first packet: 1 */
    uint64_t heartbeat_usec;       /* 0: the replica asked for none */
    bool knows_checksums; /* it set @source_binlog_checksum or @master_binlog_checksum */
    enum binlog_checksum checksum; /* what it set, for the first artificial Rotate */
    bool is_mariadb;               /* it set @mariadb_slave_capability */
    int mariadb_capability;
    bool has_connect_state;     /* MariaDB by GTID: it set @slave_connect_state */
    struct bytes connect_state; /* text; lives until dump_start() returns */
    bool is_strict_gtid;        /* @slave_gtid_strict_mode */
    bool has_until;             /* @slave_until_gtid: the stream is to end there */
    /* Where a lease says that the stream begins, whatever was asked; by GTID nothing before it
     * is sent. {0, 0}: where it was asked. */
    struct binlog_position begin_at;
    bool sends_whole_epochs; /* nothing of an epoch before all of it is durable */
};

struct dump_handler {
    /* The end of a non-blocking dump: EOF is sent, the session may take commands again. */
    void (*on_end)(void *context);
    /* The stream cannot go on: the session sends `code` (1236 or 1053) with the message and
     * closes. */
    void (*on_fail)(void *context, uint16_t code, const struct error *error);
};

/*
 * Checks the request and sends the first Rotate and the format description; the
 * rest follows from the loop. On failure nothing was sent, *code is the MySQL
 * error number: 1236 only for what never heals, else 1053.
 */
MUST_CHECK enum status dump_start(struct dump **made,
                                  const struct dump_request *request,
                                  const struct dump_handler *handler,
                                  void *context,
                                  uint16_t *code,
                                  struct error *error);

/* Fills the connection's queue up to the high mark; when it drained, and when the store
 * published. */
void dump_pump(struct dump *dump);

/*
 * A replica that waits for its lease: it is sent the first Rotate and the
 * format description, of request->begin_at if that is somewhere, and heartbeats
 * from there, no event. On failure as dump_start(). dump_lease.c
 */
MUST_CHECK enum status dump_hold(struct dump **made,
                                 const struct dump_request *request,
                                 const struct dump_handler *handler,
                                 void *context,
                                 uint16_t *code,
                                 struct error *error);

/* Finds what a replica by file and position asks for, and sends nothing. On failure as
 * dump_start(). dump_lease.c */
MUST_CHECK enum status dump_find_asked(const struct dump_request *request,
                                       struct binlog_position *found,
                                       uint16_t *code,
                                       struct error *error);

/* Accepts NULL. */
void dump_free(struct dump *dump);

/* What was framed up to now. */
struct binlog_position dump_position(const struct dump *dump);

/* Of the next packet: what the session sends after the dump goes on from here. */
uint8_t dump_sequence(const struct dump *dump);

/* Of the next event that is in no file. */
enum binlog_checksum dump_checksum(const struct dump *dump);
