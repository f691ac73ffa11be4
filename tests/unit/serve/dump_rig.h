/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store, and replicas on socket pairs that read its dumps on one loop. Each
 * replica counts its position as servers do: it adds up lengths, an artificial
 * Rotate sets it. Every event is compared with the bytes that the log has at
 * the counted position, so a stream that leaves out or moves anything without
 * saying so fails where it does.
 */
#pragma once

#include "dump.h"
#include "log_writer.h"

struct dump_rig {
    char *directory;               /* owned */
    struct binlog_store *store;    /* owned */
    struct cluster_board *board;   /* owned */
    struct served_cluster cluster; /* of the three above */
    struct frame_cache *frames;    /* owned */
    struct loop *loop;             /* owned */
    struct loop_timer *guard;      /* owned: a test that waits for ever fails */
    struct log_writer log;         /* owned */
    struct clock clock;            /* stands still at wall_usec */
    uint64_t wall_usec;
    bool (*is_done)(void *context); /* what rig_run_until() waits for */
    void *done_context;
};

struct test_replica {
    struct dump_rig *rig;          /* borrowed */
    struct dump_request request;   /* set before test_replica_start() */
    struct connection *connection; /* owned: the relay's side */
    struct dump *dump;             /* owned */
    int descriptor;                /* owned: the replica's side */
    struct loop_watch *watch;      /* owned; NULL: it does not read */
    struct buffer input;           /* owned */
    struct buffer payload;         /* owned: of packets that go on */
    uint8_t sequence;              /* expected next */

    struct binlog_position position; /* counted */
    enum binlog_checksum checksum;   /* of events, by the last format description */
    bool has_format;
    struct gtid_set *got;                 /* owned: GTIDs of MySQL's transactions received */
    struct mariadb_gtid_list mariadb_got; /* owned: in the order received */
    unsigned rotates;                     /* artificial ones */
    unsigned formats_for_middle;          /* past which the stream begins */
    unsigned formats_for_rest;            /* behind which transactions are left out */
    unsigned heartbeats;
    uint64_t
        heartbeat_file;  /* where they must say the replica is: its beginning; 0: as counted */
    unsigned gtid_lists; /* artificial ones */
    uint64_t events;     /* that are in a file */
    uint64_t received_bytes;
    bool is_ended; /* EOF packet and on_end */
    bool has_eof;
    uint16_t failed_code; /* by on_fail */
    struct error failure;
};

void rig_open(struct dump_rig *rig, bool is_mariadb);
void rig_close(struct dump_rig *rig);

/* A loop of its own for the copy of a rig that another thread uses. */
void rig_open_loop(struct dump_rig *rig);
void rig_close_loop(struct dump_rig *rig);

/* The pull streams, since long ago, and has received what is durable. */
void rig_set_caught_up(struct dump_rig *rig);

/* Runs the loop until is_done(context); fails after half a minute. */
void rig_run_until(struct dump_rig *rig, bool (*is_done)(void *context), void *context);

/* A replica of MySQL that knows checksums and asks for `file` and position. */
void test_replica_open(struct test_replica *replica,
                       struct dump_rig *rig,
                       const char *file,
                       uint64_t position);
void test_replica_close(struct test_replica *replica);

/* Starts the dump, which must not be refused, and reads. */
void test_replica_start(struct test_replica *replica);

/* The replica reads, or leaves its socket alone. */
void test_replica_read(struct test_replica *replica, bool reads);

/* Starts a dump that must be refused with this code; the message has both parts in it. */
void test_replica_expect_refusal(struct test_replica *replica,
                                 uint16_t code,
                                 const char *part,
                                 const char *other_part);

/* Runs the loop until the replica has counted up to the durable end. */
void test_replica_run_to_end(struct test_replica *replica);

/* The same until it ended (EOF) or failed. */
void test_replica_run_to_eof(struct test_replica *replica);
