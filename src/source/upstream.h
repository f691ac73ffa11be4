/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of one connection to a source, as states.
 *
 *   GREETING -> [SECURING ->] AUTHENTICATING -> ASKING -> REGISTERING -> DUMPING -> STREAMING
 *                                                  +----> LOCATING
 *
 * GREETING includes the connecting before it. A connection either finds the
 * place where an empty store begins (LOCATING) and ends, or it pulls. Nothing
 * here knows of sockets: the puller lends the bytes that came, sends the
 * output, and does what the step says; unit tests do it with scripts of bytes.
 *
 * Belongs to the pull thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "binrelay/protocol/auth.h"
#include "binrelay/protocol/handshake.h"
#include "binrelay/protocol/result.h"
#include "binrelay/source/puller.h"
#include "dump_reader.h"
#include "intake.h"
#include "place_search.h"
#include "source_fault.h"
#include "source_logs.h"

enum upstream_state {
    UPSTREAM_GREETING,       /* the source speaks first */
    UPSTREAM_SECURING,       /* the driver does the TLS handshake */
    UPSTREAM_AUTHENTICATING, /* until the source says OK */
    UPSTREAM_ASKING,         /* one question after the other: upstream_ask.c */
    UPSTREAM_LOCATING,       /* an empty store: where `start` is */
    UPSTREAM_REGISTERING,    /* COM_REGISTER_SLAVE is sent */
    UPSTREAM_DUMPING,        /* the dump is asked for; names its file, repeats our last event */
    UPSTREAM_STREAMING,      /* what comes is stored */
    UPSTREAM_STATE_COUNT,
};

/* What the driver has to do now. */
enum upstream_step {
    UPSTREAM_AGAIN,   /* inside only: the next state has something to do */
    UPSTREAM_WAIT,    /* lend more input when there is some */
    UPSTREAM_SECURE,  /* send the output, begin TLS, call upstream_secured(), run again */
    UPSTREAM_HOLD,    /* keep intake.wanted_shift, call upstream_kept(), run again */
    UPSTREAM_WHOLE,   /* one_at_a_time: a transaction is whole; sync, run again */
    UPSTREAM_LOCATED, /* `located` and `first_visible` are found: hang up */
    UPSTREAM_FAILED,  /* `blame` and `error` say why: hang up */
};

/* What the connection is for. All is borrowed and outlives it. */
struct upstream_task {
    const char *cluster;
    uint32_t server_id;
    const char *replica_uuid;
    const struct source_options *source;
    const struct pull_start *start;
    uint64_t heartbeat_period_usec;
    bool semi_sync;
    bool one_at_a_time;
    bool is_identity_virtual; /* epoch markers get server_id */
    const char *log_name;
    struct binlog_store *store;
    const struct registry_cluster *kept;
    const struct dump_place
        *first_place; /* where an empty store begins; NULL: not located yet */
};

struct upstream {
    struct upstream_task task;
    enum upstream_state state;
    struct bytes input;   /* lent by the driver while upstream_run() runs */
    struct buffer output; /* owned; the driver sends it and clears it */
    uint8_t sequence;     /* of the next packet we send */
    struct greeting greeting;
    struct auth_client auth;
    bool is_secure;

    unsigned question;        /* upstream_ask.c: which one is being answered */
    struct result_set answer; /* owned */
    struct source_facts facts;
    bool has_facts;       /* facts are those of this connection */
    bool has_other_uuid;  /* than the registry kept */
    uint64_t source_usec; /* the source's wall clock, just now; 0: it did not say */
    bool lacks_semi_sync; /* it was wanted, and the source has it off */
    bool is_log_on;
    char log_base_name[BINLOG_NAME_MOST_BYTES + 1]; /* @@log_bin_basename; "" if unknown */
    struct source_logs logs;                        /* owned; empty where listing is denied */
    struct error logs_denied;                       /* why */
    struct pull_start start;            /* the task's; an epoch becomes a position */
    char start_file[BINLOG_NAME_BYTES]; /* of that position */

    struct dump_reader reader;
    struct intake intake;
    struct place_search search;
    bool is_searching; /* the dump by GTIDs is asked for */
    struct dump_place located;
    uint64_t first_visible; /* offset in the located file; 0: all of it */

    enum pull_state blame;
    struct error error;
};

/* Prepares a zeroed struct. */
void upstream_begin(struct upstream *upstream, const struct upstream_task *task);
void upstream_release(struct upstream *upstream);

/* Runs on what came; *taken of it is to be consumed. The output is to be sent after each run.
 */
enum upstream_step upstream_run(struct upstream *upstream, struct bytes input, size_t *taken);

void upstream_secured(struct upstream *upstream);

/* The registry keeps intake.wanted_shift now. */
void upstream_kept(struct upstream *upstream);

/* Adds an acknowledgement of upstream events up to `ack` to the output. */
void upstream_acknowledge(struct upstream *upstream, const struct intake_ack *ack);

const char *upstream_state_name(enum upstream_state state);

/* True if the table lets the state follow. */
bool upstream_may_move(enum upstream_state from, enum upstream_state next);
