/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pulls one cluster: a thread with its own loop that connects to the source,
 * receives its binlogs by file and position, and gives them to the store; and
 * a thread that syncs what it wrote. A puller never gives up: whatever is
 * wrong stands on the cluster's board with its reason and is tried again.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "binrelay/base/clock.h"
#include "binrelay/base/error.h"
#include "binrelay/registry/cluster_board.h"
#include "binrelay/registry/registry.h"
#include "binrelay/storage/binlog_store.h"

enum source_tls_mode {
    SOURCE_TLS_OFF,
    SOURCE_TLS_PREFERRED,
    SOURCE_TLS_REQUIRED,
    SOURCE_TLS_VERIFY_CA,
    SOURCE_TLS_VERIFY_IDENTITY,
};

/* All texts are copied by puller_start(). */
struct source_options {
    const char *host;
    uint16_t port;
    const char *user;
    const char *password;
    enum source_tls_mode tls_mode;
    const char *tls_ca; /* paths, or NULL */
    const char *tls_certificate;
    const char *tls_key;
    const char *public_key; /* pinned RSA key of the source, or NULL */
};

enum pull_start_kind {
    PULL_FROM_FIRST,
    PULL_FROM_LAST,
    PULL_FROM_POSITION,
    PULL_FROM_GTIDS, /* MySQL's set or MariaDB's position, as text */
    PULL_FROM_EPOCH, /* behind an applied epoch, by the source's mysql.ndb_binlog_index */
};

struct pull_start {
    enum pull_start_kind kind;
    const char *file_name;
    uint64_t position;
    const char *gtids;
    uint64_t epoch;
};

enum store_sync_mode { STORE_SYNC_GROUP, STORE_SYNC_ALWAYS, STORE_SYNC_INTERVAL };

struct puller_options {
    const char *cluster;
    uint32_t server_id;
    const char *relay_id;
    const struct source_options *sources; /* in order of preference; only the first is used */
    size_t source_count;
    const char *log_name;  /* NULL: the source's */
    const char *directory; /* the store's, to see when a full disk has room; NULL: just try */
    struct pull_start start;
    uint64_t heartbeat_period_usec;
    uint64_t read_timeout_usec;
    uint64_t connect_retry_usec;
    bool semi_sync;
    bool is_identity_virtual; /* epoch markers get server_id, before they are stored */
    enum store_sync_mode sync_mode;
    uint64_t sync_interval_usec;
    const struct clock *clock; /* borrowed, as all below, for the puller's life */
    struct binlog_store *store;
    struct cluster_board *board;
    struct registry *registry;
    struct report_router *reports; /* NULL: the stream is not looked into for reports */
    const char *heartbeat_table;   /* "database.table", where reports stand; else not needed */
    struct registry_cluster kept;  /* what the registry knew at start */
};

struct puller;

/* Starts the threads. The store is recovered on the pull thread. */
MUST_CHECK enum status puller_start(struct puller **made,
                                    const struct puller_options *options,
                                    struct error *error);

/* Syncs what is whole, then joins the threads. Accepts NULL. */
void puller_stop(struct puller *puller);

/* ---- any thread ---- */

void puller_pause(struct puller *puller);
void puller_resume(struct puller *puller);

/*
 * Whether the store may grow: without room the pull stops at a transaction's end, in the state
 * store_full with the reason, and goes on when it is said that there is room. Without a
 * connection to the source meanwhile; what comes, a pause or the end, comes as ever. Saying the
 * same again does nothing.
 */
void puller_set_room(struct puller *puller, bool has_room, const char *reason);

/* New passwords, one for each source, copied; used at the next connect. Sources that wait try
 * at once. */
void puller_set_passwords(struct puller *puller, const char *const *passwords, size_t count);

/* Turns of its loop, for the watchdog. */
uint64_t puller_turns(const struct puller *puller);

/* True while the store is being recovered, which may take long: the loop stands still then. */
bool puller_is_recovering(const struct puller *puller);
