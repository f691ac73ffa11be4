/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of puller*.c share.
 *
 *   puller.c          start, stop, what other threads post
 *   puller_states.c   what to do next while no connection is there; why
 *   puller_session.c  one connection: socket events to upstream_run() and back
 *   puller_store.c    writing, syncing, recovering
 *   puller_reports.c  what the stream says of appliers
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "backoff.h"
#include "binrelay/net/connection.h"
#include "binrelay/net/loop.h"
#include "binrelay/net/tls.h"
#include "binrelay/protocol/uuid.h"
#include "binrelay/source/puller.h"
#include "syncer.h"
#include "upstream.h"

/* A write to the registry that the pull waits for. */
enum puller_save {
    PULLER_SAVES_NOTHING,
    PULLER_SAVES_PLACE, /* the first visible position of an empty store */
    PULLER_SAVES_SHIFT, /* the numbers part from the source's */
};

struct puller_reply {
    struct registry_reply reply; /* its message is its first field */
    struct puller *puller;       /* borrowed: the one it is part of */
};

struct puller {
    struct puller_options options; /* texts owned, `sources` is &source */
    struct source_options source;  /* texts owned */
    char replica_uuid[UUID_TEXT_BYTES];
    char source_name[300]; /* "host:port" */
    char *next_password;   /* owned; for the next connection, NULL: the same */

    pthread_t thread;
    struct loop *loop;             /* owned */
    struct loop_timer *timer;      /* owned: the next try */
    struct loop_timer *sync_timer; /* owned: sync_mode interval */
    struct syncer syncer;
    bool is_recovered;
    atomic_bool is_recovering; /* read by any thread */
    bool awaits;               /* puller_go_on() waits for the end of a sync or a save */
    bool is_full;              /* the disk was, when the last connection ended */
    bool is_paused;
    bool is_stopping;
    char *no_room; /* owned: why the store may not grow; NULL: it may */

    struct registry_cluster kept; /* what the registry has or is about to have */
    struct puller_reply reply;
    enum puller_save save; /* in flight */
    bool has_first_place;  /* where an empty store begins is known and kept */
    struct dump_place first_place;

    struct connection *connection; /* owned; NULL between tries */
    struct upstream *upstream;     /* owned; NULL between tries */
    struct tls *tls;               /* owned */
    uint64_t idle_limit_usec;      /* set on the connection */
    bool is_streaming;
    bool has_told_facts; /* this connection's facts are on the board */
    bool has_warned_semi_sync;
    uint64_t streaming_since_usec;       /* monotonic */
    struct binlog_position began_behind; /* the store's end when the connection began */
    struct intake_ack ack_in_sync;       /* the newest wanted when the sync began */
    struct binlog_position acknowledged;
    uint64_t sync_began_usec; /* monotonic */

    struct backoff backoff;
    uint32_t random;
    struct cluster_report numbers; /* for the board */
};

/* ---- puller.c ---- */

/* Takes the password that was set last, if one was. */
void puller_take_password(struct puller *puller);

/* ---- puller_states.c ---- */

/* Does what is next while there is no connection: stop, wait, recover, connect. */
void puller_go_on(struct puller *puller);

/* The state with its reason goes to the board and, when it changed, to the log. */
void puller_set_state(struct puller *puller, enum pull_state state, const char *reason);

/* Hangs up and tries again later. */
void puller_fail(struct puller *puller, enum pull_state blame, const struct error *error);

/* Saves puller->kept; puller_on_saved() follows on the loop. */
void puller_save(struct puller *puller, enum puller_save save);
void puller_show_numbers(struct puller *puller);
void puller_add_event(struct puller *puller, const char *event, const char *text);

/* ---- puller_session.c ---- */

void puller_connect(struct puller *puller);

/* Closes the connection, if there is one. What is not whole stays in the store. */
void puller_hang_up(struct puller *puller);

/* After a HOLD: the registry has the new shift. */
void puller_release_hold(struct puller *puller);

/* ---- puller_store.c ---- */

MUST_CHECK enum status puller_recover(struct puller *puller, struct error *error);

/* Writes what was appended and begins a sync where one is due. */
MUST_CHECK enum status puller_flush(struct puller *puller, struct error *error);

/* The same, and waits for it: sync_mode always, and the end. */
MUST_CHECK enum status puller_sync_now(struct puller *puller, struct error *error);

/* Drops what is not whole, writes and syncs the rest: after a connection. */
MUST_CHECK enum status puller_settle(struct puller *puller, struct error *error);

/* ---- puller_reports.c ---- */

/* From now on what becomes durable is reported, if that is wanted. Before a recovery. */
void puller_watch_reports(struct puller *puller);

/* For the syncer and for sync_timer. */
void puller_on_synced(void *context, enum status status, const struct error *error);
void puller_on_sync_due(void *context);
