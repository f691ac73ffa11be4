/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes binlog files in memory, event by event, as a server would write them:
 * right sizes, positions and checksums. One thread.
 */
#pragma once

#include "binrelay/base/bytes.h"
#include "binrelay/protocol/binlog_event.h"
#include "binrelay/protocol/mariadb_gtid.h"

struct binlog_maker {
    struct buffer file; /* owned: the file so far, with its magic */
    enum binlog_checksum checksum;
    bool is_mariadb;
    uint32_t created_at_sec; /* of the next event; grows by one with each */
    uint32_t server_id;
};

/* Begins a file: magic and format description. What the maker had is dropped; settings stay. */
void binlog_maker_begin(struct binlog_maker *maker);
void binlog_maker_release(struct binlog_maker *maker);

/* Adds an event and returns it; borrowed until the next is added. */
struct bytes binlog_maker_add(struct binlog_maker *maker, uint8_t type, struct bytes body);

/* A GTID of the source whose UUID is sixteen times `source`. */
struct bytes binlog_maker_gtid(struct binlog_maker *maker, uint8_t source, uint64_t number);
struct bytes binlog_maker_mariadb_gtid(struct binlog_maker *maker,
                                       struct mariadb_gtid gtid,
                                       uint8_t flags);
struct bytes binlog_maker_query(struct binlog_maker *maker, const char *statement);

/* A rows event with `size` bytes of rows, whose contents follow from the seed. */
struct bytes binlog_maker_rows(struct binlog_maker *maker, size_t size, unsigned seed);
struct bytes binlog_maker_xid(struct binlog_maker *maker);
struct bytes binlog_maker_rotate(struct binlog_maker *maker, const char *next);
struct bytes binlog_maker_stop(struct binlog_maker *maker);

/* GTID, BEGIN, rows, Xid: a transaction of MySQL. */
void binlog_maker_transaction(struct binlog_maker *maker,
                              uint8_t source,
                              uint64_t number,
                              size_t size);
