/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the SQL of one session knows: who asks, of which cluster, and what it
 * has set. No socket and no loop, so that tests and fuzzers ask without one.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "binrelay/base/clock.h"
#include "binrelay/protocol/result.h"
#include "binrelay/serve/endpoint.h"
#include "sql_assigned.h"
#include "sql_tokens.h"

struct account;
struct session_facts;
struct session_directory;
struct sql_engine;

/* Whose reports were refused here of late, so that a script that goes on does not fill the
 * events. Zeroed is ready. */
struct sql_refused {
    uint32_t server_ids[64];
    size_t next; /* the oldest, which the next one takes the place of */
};

/* What tables show beside the session's own cluster. All borrowed. */
struct sql_world {
    const struct served_cluster *clusters;
    size_t cluster_count;
    struct heartbeat_table *heartbeats; /* NULL: there is no heartbeat table */
    const char *heartbeat_name;         /* "heartbeat.heartbeat" */
    pthread_mutex_t *writing;           /* held while heartbeats are changed */
    struct report_router *reports;      /* takes what is written to them; NULL: nobody */
    struct registry *registry;          /* its events; NULL: none */
    struct pin_table *pins;             /* NULL: none */
    struct sql_refused *refused;        /* used while `writing` is held */
    atomic_bool *is_purging;            /* a session's PURGE is being carried out */
};

/* What the last write left to be said, for SHOW WARNINGS. */
struct sql_warnings {
    unsigned count;
    int code; /* of the first one, as the next */
    char message[512];
};

struct sql_session {
    const struct clock *clock;            /* borrowed */
    struct session_directory *directory;  /* borrowed */
    const struct sql_world *world;        /* borrowed; NULL: no tables but the cluster's */
    const struct served_cluster *cluster; /* borrowed; NULL: none chosen at login */
    uint64_t id;
    unsigned rights;               /* set of enum account_right */
    const struct account *account; /* borrowed from settings that outlive it; NULL: any */
    char version[64]; /* of the greeting: VERSION() while the cluster's is not known */
    char user[81];
    char host[64];
    char database[65];
    uint16_t port;                /* of the listener */
    uint64_t started_usec;        /* wall clock: when the endpoint opened */
    struct sql_assigned assigned; /* owned */
    struct sql_warnings warnings;
};

/* One statement while it is answered. */
struct sql_statement {
    struct sql_session *session; /* borrowed */
    struct sql_reader reader;
    struct sql_memory memory;     /* owned: what values point to */
    struct sql_engine *engine;    /* borrowed; NULL on a thread that may not wait */
    bool is_trial;                /* only to see whether it is understood: nothing is set */
    struct result_writer *writer; /* borrowed */
};

/* What kind of server the session's cluster is: of its source, else of its last file. */
struct sql_server {
    bool is_mariadb;
    bool is_known;  /* the source was met once, or there are files of it */
    bool has_gtids; /* gtid_mode, where the source did not say it */
    char version[64];
    char gtid_mode[24];
    enum binlog_checksum checksum; /* of the last file */
};

struct sql_server sql_session_server(const struct sql_session *session);

/* @@server_id: the cluster's, or its source's own where that is presented; 0 without one. */
uint32_t sql_session_server_id(const struct sql_session *session);

/* The wall clock as the cluster's source has it: what NOW() is. */
uint64_t sql_session_now_usec(const struct sql_session *session);

/* True if the account has the cluster, which is one of the session's world. */
bool sql_session_has_cluster(const struct sql_session *session,
                             const struct served_cluster *cluster);

/* True if the account may see the session: its own ones, with `read` those of the cluster that
 * was chosen at login, with `admin` those of all its clusters. */
bool sql_session_sees(const struct sql_session *session, const struct session_facts *other);

/* SQL_ERROR_NO_CLUSTER, with what to do about it, if the login chose none. */
MUST_CHECK enum status sql_session_need_cluster(const struct sql_session *session,
                                                struct error *error);

/* SQL_ERROR_RIGHT_MISSING if the account has none of `rights`; `words` name them. */
MUST_CHECK enum status sql_session_need_right(const struct sql_session *session,
                                              unsigned rights,
                                              const char *words,
                                              struct error *error);

/* The names that USE and the login accept. */
extern const char *const sql_databases[];
extern const size_t sql_database_count;
/* Makes it the session's database. SQL_ERROR_UNKNOWN_DATABASE. */
MUST_CHECK enum status sql_session_use(struct sql_session *session,
                                       struct bytes name,
                                       struct error *error);

/* MySQL's text for what cannot be read: the statement from there on. Consumes nothing. */
MUST_CHECK enum status sql_statement_bad(const struct sql_statement *statement,
                                         struct error *error);

/* STATUS_OK if nothing but semicolons is left. */
MUST_CHECK enum status sql_statement_end(struct sql_statement *statement, struct error *error);

/* Adds the OK packet. */
void sql_statement_ok(struct sql_statement *statement);
