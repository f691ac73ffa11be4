/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of a dump share. dump_start*.c check what was asked and find
 * the place, dump_lease.c keeps those quiet that wait for it, dump.c streams, dump_filter.c
 * leaves out what the replica has by the rules of dump_gtid.c or dump_mariadb.c, dump_block.c
 * sends what is in the files and dump_packet.c what is in none.
 */
#pragma once

#include "binrelay/storage/binlog_cursor.h"
#include "dump.h"
#include "dump_filter.h"
#include "frame.h"
#include "frame_cache.h"

struct dump {
    const struct served_cluster *cluster; /* borrowed, as the next three */
    struct frame_cache *frames;
    struct connection *connection;
    struct loop *loop;
    struct stream_hold *hold;           /* borrowed: is told what is with the connection */
    const struct dump_handler *handler; /* borrowed */
    void *handler_context;              /* borrowed */

    bool is_blocking;
    bool is_by_position; /* the place was asked for, with a GTID set or without */
    bool is_mariadb;
    bool knows_checksums;
    bool is_heartbeat_v2;
    uint64_t heartbeat_usec;

    struct binlog_cursor *cursor; /* owned: of position.file */
    struct shared_file
        *opened; /* a reference: the same file, for sendfile; NULL until needed */
    struct frame_source source; /* reads the cursor */
    struct frame_member member; /* this dump in `frames` */
    bool is_member;
    struct dump_filter *filter; /* owned; NULL once nothing can be left out any more */
    struct filter_run run;      /* what it found at `position` */
    struct binlog_position first_visible; /* nothing before is sent, */
    struct binlog_position begin_at;      /* nor before this: others of the group applied it */

    /* The next event to be looked at. Offset 4: the file is not announced yet. */
    struct binlog_position position;
    /* Where the replica counts itself: behind what was sent last. */
    struct binlog_position told;
    uint8_t sequence;              /* of the next packet */
    enum binlog_checksum checksum; /* of the next event that is in no file */
    uint64_t bytes_since_aligned;  /* UINT64_MAX: never was */
    bool is_ended;
    bool is_held; /* sends heartbeats only */
    bool sends_whole_epochs;
    struct binlog_position whole_end; /* of the last whole epoch, at this turn */
    bool has_sent;                    /* since the heartbeat timer was set */

    struct loop_timer *heartbeat_timer; /* owned */
    struct loop_timer *turn_timer;      /* owned: goes on after others had their turn */
};

/* ---- dump_block.c ---- */

/* Sends events from the position up to the limit, or a block's worth of them. Others may send
 * the same block: `is_shared`, unless the limit ended it early. */
MUST_CHECK enum status dump_send_events(struct dump *dump,
                                        uint64_t limit,
                                        bool is_shared,
                                        struct error *error);

/* ---- dump_packet.c ---- */

/* Says where the replica is: an artificial Rotate to dump->told. */
void dump_send_rotate(struct dump *dump);

/*
 * Opens the file's stream: artificial Rotate to dump->told, then the format
 * description, as stored if that is offset 4. A dump by GTID begins at offset 4
 * too, were its first transactions left out. STATUS_INVALID, and nothing is
 * sent: it has checksums that the replica does not know.
 */
MUST_CHECK enum status dump_send_file_begin(struct dump *dump, struct error *error);

/* True if a heartbeat can say where the replica is: version 1 has 32 bits, and the name must
 * be known to it. */
bool dump_can_send_heartbeat(const struct dump *dump);
void dump_send_heartbeats(struct dump *dump, unsigned count);

/* MariaDB's own way to move a replica's position by GTID: an artificial Gtid_list. */
void dump_send_gtid_list(struct dump *dump, const struct mariadb_gtid_list *state);

void dump_send_eof(struct dump *dump);

/* ---- dump.c ---- */

/* A dump of the request that is nowhere yet. */
struct dump *dump_new(const struct dump_request *request,
                      const struct dump_handler *handler,
                      void *context);

/* Opens a file that was there a moment ago and stands before its first event. STATUS_AGAIN: it
 * was purged since. */
MUST_CHECK enum status dump_open_file(struct dump *dump, uint64_t file, struct error *error);

/* The MySQL error number of a failure: 1236 for what never heals, else 1053. */
uint16_t dump_error_code(enum status status);

/* ---- dump_start.c ---- */

/* Is there anything, and is the replica one that can be served? */
MUST_CHECK enum status dump_check_request(const struct dump_request *request,
                                          struct error *error);

/* True if the replica goes on by GTID, from no file that it names. */
bool dump_goes_by_gtid(const struct dump_request *request);

/* True if what the store lacks now is not about to come. */
bool dump_is_caught_up(const struct dump_request *request);

/* The oldest place that is shown. */
struct binlog_position dump_find_first(const struct dump_request *request);

/* dump_oldest.c: the oldest binlog and epoch that are left, and what a replica needs that is
 * older; for error 1236. */
struct oldest_text {
    char text[450];
};
struct oldest_text dump_oldest(const struct dump_request *request);

/* Fails with STATUS_INVALID if the pull has caught up, else with STATUS_AGAIN. */
enum status dump_refuse_for_now(const struct dump_request *request,
                                struct error *error,
                                const char *format,
                                ...) PRINTF_LIKE(3, 4);

/*
 * The three ways to ask for a place. They open its file in `dump` and set
 * dump->position and told to where events are looked at first: offset 4 for a
 * whole file.
 */
MUST_CHECK enum status dump_find_by_file(struct dump *dump,
                                         const struct dump_request *request,
                                         struct error *error);

/*
 * Opens the file that a replica by GTID begins with, and gives the dump the
 * filter. Where something of the file is left out, the stream begins behind
 * its format description, which then does not reset the replica's temporary
 * tables.
 */
MUST_CHECK enum status dump_begin_filtered(struct dump *dump,
                                           uint64_t file,
                                           struct dump_filter *filter,
                                           struct error *error);

/* ---- dump_start_epoch.c ---- */

/* True for "epoch.4711" and its like, were the log not called so itself. */
bool dump_asks_for_lookup(const struct dump_request *request);

/* Finds the place that such a name stands for. The error's text names the epochs. */
MUST_CHECK enum status dump_look_up(const struct dump_request *request,
                                    struct binlog_position *found,
                                    struct error *error);

/* True if an NDB cluster's first epoch is still to come. */
bool dump_awaits_first_epoch(const struct dump_request *request);

/* ---- dump_start_gtid.c ---- */

MUST_CHECK enum status dump_find_by_gtids(struct dump *dump,
                                          const struct dump_request *request,
                                          struct error *error);

/* ---- dump_start_mariadb.c ---- */

MUST_CHECK enum status dump_find_by_mariadb(struct dump *dump,
                                            const struct dump_request *request,
                                            struct error *error);
