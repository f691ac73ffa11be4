/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes a log as a source would, into a real store and into an image in
 * memory that tests compare with what a replica gets.
 */
#pragma once

#include "binrelay/protocol/gtid_set.h"
#include "binrelay/protocol/mariadb_gtid.h"
#include "binrelay/storage/binlog_store.h"

enum { LOG_FILES_MOST = 16, LOG_SERVER_ID = 101 };

struct log_file {
    struct buffer bytes;  /* owned: the whole file */
    uint64_t *boundaries; /* owned: where events begin, and the end */
    size_t boundary_count;
    size_t boundary_capacity;
};

struct log_writer {
    struct binlog_store *store; /* borrowed */
    bool is_mariadb;
    enum binlog_checksum checksum;
    uint64_t file; /* being written; 0: none */
    struct log_file files[LOG_FILES_MOST];
    struct gtid_set *gtids;         /* owned: MySQL's written so far */
    struct mariadb_gtid_list state; /* owned: MariaDB's binlog state */
};

struct log_writer log_writer_of(struct binlog_store *store, bool is_mariadb);
void log_writer_release(struct log_writer *writer);

/* Ends the file with a Rotate; the next one does not begin. */
void log_writer_rotate(struct log_writer *writer);

/* Closes the file that is open with a Rotate, begins the next with its format description and
 * the list of GTIDs before it. */
void log_writer_next_file(struct log_writer *writer);

/* The same with a number of the caller's, without a closing Rotate. */
void log_writer_begin_file(struct log_writer *writer, uint64_t file);

/* Adds one event with this body. */
void log_writer_event(struct log_writer *writer, uint8_t type, struct bytes body);

/* Adds a transaction of five events: GTID, BEGIN, table map, `rows` rows events of so many
 * bytes, XID. The UUID of the GTID is made of `source`. */
void log_writer_transaction(struct log_writer *writer,
                            uint8_t source,
                            uint64_t number,
                            unsigned rows,
                            uint32_t row_bytes);

/* The same for MariaDB: GTID, table map, rows, XID. */
void log_writer_mariadb_group(struct log_writer *writer,
                              struct mariadb_gtid gtid,
                              unsigned rows,
                              uint32_t row_bytes);

/* A MariaDB group that is one statement. */
void log_writer_mariadb_statement(struct log_writer *writer, struct mariadb_gtid gtid);

/* Makes what is written durable and readable. */
void log_writer_publish(struct log_writer *writer);

struct gtid gtid_of(uint8_t source, uint64_t number);
