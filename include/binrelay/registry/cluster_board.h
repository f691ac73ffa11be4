/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one cluster is doing now, for whoever asks: the pull thread writes,
 * SHOW REPLICA STATUS, status, metrics and readiness read. Behind a lock of
 * its own; what is read is a copy. Any thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "binrelay/protocol/uuid.h"
#include "binrelay/storage/binlog_position.h"
#include "binrelay/storage/binlog_store.h"

/* Why the pull is where it is. The words of pull_state_name() are what status shows. */
enum pull_state {
    PULL_STARTING,   /* the store is being recovered */
    PULL_CONNECTING, /* resolve, connect, log in, ask */
    PULL_STREAMING,
    PULL_WAITING,       /* between tries: the source is away */
    PULL_PAUSED,        /* by an administrator */
    PULL_DENIED,        /* wrong user or password, or a missing right */
    PULL_MISCONFIGURED, /* equal server ids, binlog off, another kind of server, TLS refused ...
                         */
    PULL_SOURCE_PURGED, /* the source has no longer what we need next */
    PULL_SOURCE_BEHIND, /* the source lost what is stored here */
    PULL_STORE_FULL,    /* no room on the disk */
    PULL_STORE_ERROR,   /* a write or sync failed, or the store is damaged */
    PULL_STOPPED,       /* shutting down */
    PULL_STATE_COUNT,
};

/* "streaming", "source_behind", ... */
const char *pull_state_name(enum pull_state state);

/* What is known of the source; kept over restarts by the registry. */
struct source_facts {
    char server_version[64]; /* "9.7.0", "10.11.14-MariaDB-log" */
    char server_uuid[UUID_TEXT_BYTES];
    uint32_t server_id;
    char gtid_mode[24]; /* "ON", "OFF", ...; "" for MariaDB */
    bool is_mariadb;
    uint8_t server_id_bits; /* of NDB's composite ids; 0: not known, or all */
};

/* A row of the source's mysql.ndb_apply_status. */
struct apply_status_row {
    uint32_t server_id;
    uint64_t epoch;
    char log_name[256];
    uint64_t start_pos;
    uint64_t end_pos;
};

struct cluster_report {
    enum pull_state state;
    char reason[512];          /* "" while all is well */
    uint64_t state_since_usec; /* wall clock */
    char source[300];          /* "host:port" in use or tried last */
    struct source_facts facts;
    struct binlog_position received; /* behind the last event that arrived */
    struct binlog_position upstream; /* the same by the source's own file number */
    int64_t upstream_shift;    /* number of a file here minus its number at the source ... */
    uint64_t shift_from_file;  /* ... from this file here on */
    uint64_t received_epoch;   /* the last one in what arrived; 0: none */
    uint64_t last_event_usec;  /* wall clock of the last arrival, heartbeats too; 0: none */
    uint32_t last_created_sec; /* the last event's own time; 0: none */
    uint64_t received_bytes;
    uint64_t received_events;
    uint64_t connects;
    uint64_t connect_failures;
    uint64_t bad_events;
    uint64_t syncs;
    uint64_t semisync_replies;
};

struct cluster_board;

struct cluster_board *cluster_board_new(void);
void cluster_board_free(struct cluster_board *board);

void cluster_board_read(struct cluster_board *board, struct cluster_report *report);

/* The source's mysql.ndb_apply_status as it was read last; *rows is the caller's to free.
 * *read_usec: wall clock; 0: it was never read. */
size_t cluster_board_apply_status(struct cluster_board *board,
                                  struct apply_status_row **rows,
                                  uint64_t *read_usec);

/* The agent thread. Copied. */
void cluster_board_set_apply_status(struct cluster_board *board,
                                    const struct apply_status_row *rows,
                                    size_t count,
                                    uint64_t read_usec);

/* By how much the source's clock is ahead of ours; 0 while it was never measured. */
int64_t cluster_board_clock_offset(struct cluster_board *board);

/* The pull thread, as the source said. What is less than a network's delays changes nothing, so
 * that the time at the endpoint does not tremble. */
void cluster_board_set_clock_offset(struct cluster_board *board, int64_t offset_usec);

/* ---- the pull thread ---- */

/* Sets state and reason; state_since_usec changes only if the state does. Returns true then. */
bool cluster_board_set_state(struct cluster_board *board,
                             enum pull_state state,
                             const char *reason,
                             uint64_t now_usec);
void cluster_board_set_source(struct cluster_board *board, const char *source);
void cluster_board_set_facts(struct cluster_board *board, const struct source_facts *facts);

/* Replaces the positions, times and counters by those of `numbers`. */
void cluster_board_set_numbers(struct cluster_board *board,
                               const struct cluster_report *numbers);
