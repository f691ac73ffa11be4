/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one address that replicas, clients and administrators connect to.
 *
 * Listeners, logins and SQL answers live on the control thread's loop; a
 * session moves to one of the serve threads when it asks for a dump.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "binrelay/base/clock.h"
#include "binrelay/base/error.h"
#include "binrelay/net/loop.h"
#include "binrelay/net/tls.h"
#include "binrelay/registry/cluster_board.h"
#include "binrelay/registry/heartbeat_table.h"
#include "binrelay/registry/lease_table.h"
#include "binrelay/registry/registry.h"
#include "binrelay/storage/binlog_store.h"

/* One cluster as replicas see it. All borrowed for the endpoint's life. */
struct served_cluster {
    const char *name;
    uint32_t server_id;
    const char *server_uuid; /* uuid_of_name() of name and server_id */
    struct binlog_store *store;
    struct cluster_board *board;
    bool presents_upstream; /* @@server_id is the source's own, once it is known */
    /* Has the source begin a new binlog, and waits: on the agent thread. NULL: it cannot. */
    enum status (*flush_source)(void *flush_context, struct error *error);
    void *flush_context;
    struct applier_registry *appliers;
    struct lease_table *leases; /* NULL: groups have no lease */
    /* PURGE BINARY LOGS by the rules, and waits: before a file, or what was stored before a
     * wall clock time; the other is 0. NULL: it cannot. */
    enum status (*purge_logs)(void *purge_context,
                              uint64_t before_file,
                              uint64_t before_usec,
                              struct error *error);
    void *purge_context;
};

enum account_right {
    RIGHT_REPLICATE = 1,
    RIGHT_REPORT = 2,
    RIGHT_READ = 4,
    RIGHT_ADMIN = 8,
};

enum account_tls { ACCOUNT_TLS_OPTIONAL, ACCOUNT_TLS_REQUIRED, ACCOUNT_TLS_X509 };

/* Copied. */
struct account_options {
    const char *user;
    const char *password;
    const char *old_password;    /* valid while passwords are changed, or NULL */
    bool is_native;              /* mysql_native_password instead of caching_sha2_password */
    unsigned rights;             /* set of enum account_right */
    const char *const *clusters; /* none: all of them */
    size_t cluster_count;
    enum account_tls tls;
};

struct listener_options {
    const char *address;
    const char *cluster; /* NULL: all */
    const char *version; /* of the greeting; NULL or "auto" */
};

enum endpoint_tls_mode { ENDPOINT_TLS_OFF, ENDPOINT_TLS_OPTIONAL, ENDPOINT_TLS_REQUIRED };

/* What a reload may change. */
struct endpoint_settings {
    const struct account_options *accounts;
    size_t account_count;
    struct tls *tls; /* a reference is taken; NULL with ENDPOINT_TLS_OFF */
    enum endpoint_tls_mode tls_mode;
    const char *const *proxies; /* networks that may send a PROXY header, "10.0.0.5/32" */
    size_t proxy_count;
    unsigned max_connections; /* 0: 1000 */
};

struct endpoint_options {
    struct loop *loop; /* control thread's, borrowed */
    const struct clock *clock;
    const struct listener_options *listeners;
    size_t listener_count;
    const struct served_cluster *clusters;
    size_t cluster_count;
    struct heartbeat_table *heartbeats; /* borrowed; what the heartbeat table shows */
    const char *heartbeat_name;         /* "heartbeat.heartbeat" */
    struct report_router *reports;      /* borrowed; takes what is written to that table */
    struct pin_table *pins;             /* borrowed, as the next; for binrelay.pins, events */
    struct registry *registry;
    unsigned serve_threads;
    const char *rsa_key_path; /* where the key pair for logins without TLS is kept */
    struct endpoint_settings settings;
};

struct endpoint;

/* Listens; connections are accepted once the loop runs. STATUS_INVALID: the settings name a
 * cluster that there is not, an account stands twice, TLS is on without a certificate, ...
 * Takes up to a second: it makes an RSA key. */
MUST_CHECK enum status endpoint_open(struct endpoint **made,
                                     const struct endpoint_options *options,
                                     struct error *error);

/* Replaces the settings. Sessions that are there stay as they are. */
MUST_CHECK enum status endpoint_reload(struct endpoint *endpoint,
                                       const struct endpoint_settings *settings,
                                       struct error *error);

/* Stops listening and ends all sessions: dumps with error 1053, at a packet's end. Joins the
 * serve threads, which give replicas up to two seconds to take it. On the control thread,
 * before its loop is freed. Accepts NULL. */
void endpoint_close(struct endpoint *endpoint);

/* The port of a listener that was given port 0. */
uint16_t endpoint_port(const struct endpoint *endpoint, size_t listener);

/* A cluster published a new durable end. Any thread; cheap while nobody streams it. */
void endpoint_wake(struct endpoint *endpoint, size_t cluster);

/* Turns of the slowest-turning serve loop's counter sum, for the watchdog: one number per
 * thread. */
size_t endpoint_turns(const struct endpoint *endpoint, uint64_t *turns, size_t most);
