/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a connection, and what its sources share.
 *
 *   DIALING -> OPEN <-> SECURING
 *               |
 *               +-> FINISHING -> LINGERING
 *
 *   any of them -> FAILED -> CLOSED
 *
 * connection.c           life: states, callbacks, tasks, idle limit, leave and arrive
 * connection_input.c     socket to input buffer
 * connection_output.c    output queue to socket, finish
 * connection_tls.c       the handshake, and both ways through OpenSSL
 * connection_dial.c      names and addresses to an open socket
 *
 * The owner is called only from the loop: from events, timers and the task. A
 * call of the owner that has a consequence for the owner wishes for the task.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "binrelay/net/connection.h"
#include "loop_internal.h"
#include "output_queue.h"

enum connection_state {
    CONNECTION_DIALING,   /* looks for the host, connects */
    CONNECTION_OPEN,      /* reads and writes */
    CONNECTION_SECURING,  /* the TLS handshake runs, or waits for what is queued in the clear */
    CONNECTION_FINISHING, /* writes what is queued, reads no more */
    CONNECTION_LINGERING, /* has said that it ends; waits for the peer to say so too */
    CONNECTION_FAILED,    /* on_closed is to be called */
    CONNECTION_CLOSED,    /* it was; waits for connection_free() */
    CONNECTION_STATE_COUNT,
};

enum connection_wish {
    WISH_INPUT = 1,  /* look whether there is input, or go on with the handshake */
    WISH_NEWS = 2,   /* tell of the input that is there */
    WISH_OUTPUT = 4, /* write, and tell what comes of it */
};

struct dial;
struct tls_stream;

struct connection {
    struct loop *loop; /* borrowed; NULL between leave and arrive */
    int descriptor;    /* owned; -1: none */
    enum connection_state state;
    bool is_freed;
    bool is_paused;
    bool is_reading;    /* the loop watches for input */
    bool is_writing;    /* the loop watches for room */
    bool awaits_room;   /* the socket was full, or it was somebody else's turn */
    bool is_above_low;  /* on_drained is owed once the queue falls to the mark */
    bool may_read_rest; /* writing failed: what the peer said before may explain it */
    unsigned wishes;    /* set of enum connection_wish */
    struct loop_task task;
    bool *is_gone;          /* borrowed from the frame that calls the owner; NULL: none does */
    struct event *readable; /* owned; NULL: no socket, or no loop */
    struct event *writable; /* owned; likewise */
    const struct connection_handler *handler; /* borrowed; NULL: not set yet */
    void *context;                            /* borrowed */
    char *name;                               /* owned */
    struct error *failure;                    /* owned; NULL: none */

    uint8_t *input; /* owned; NULL while there is none */
    size_t input_capacity;
    size_t input_start; /* of what is not consumed */
    size_t input_end;

    struct output_queue output;
    uint64_t low_mark;
    uint64_t sent;

    struct loop_timer *idle_timer; /* owned; NULL: not needed yet, or no loop */
    uint64_t idle_usec;            /* 0: no limit */
    uint64_t heard_usec;           /* monotonic; when a byte arrived, if there is a limit */

    struct loop_timer *finish_timer; /* owned; likewise */
    uint64_t finish_by_usec;         /* monotonic; 0: does not finish */

    struct tls_stream *tls; /* owned; NULL: in the clear */
    struct dial *dial;      /* owned; NULL: not dialing */
};

/* connection.c */

void connection_move_to(struct connection *connection, enum connection_state next);
void connection_wish(struct connection *connection, unsigned wishes);

/* Brings what the loop watches in line with what is wanted now. */
void connection_watch(struct connection *connection);

/* Calls one of the owner's functions (may be NULL). False if it freed the connection, or gave
 * it to another thread: then nothing of it may be touched. */
bool connection_call(struct connection *connection, void (*fn)(void *context));

/* The same; false also if the connection has failed: then there is nothing more to do. */
bool connection_tell(struct connection *connection, void (*fn)(void *context));

/* Ends it; on_closed follows. The first failure counts. */
void connection_fail(struct connection *connection, const struct error *why);
void connection_fail_errno(struct connection *connection, const char *doing, int code);
void connection_fail_end(struct connection *connection);

/* Takes over a socket that is connected. */
void connection_adopt(struct connection *connection, int descriptor);
struct connection *connection_blank(struct loop *loop, const char *name, size_t input_bytes);
void connection_drop_events(struct connection *connection);

/* connection_input.c */

bool connection_wants_input(const struct connection *connection);
void connection_on_readable(struct connection *connection);

/* Reads and tells what came before a failed write. False as connection_call(). */
bool connection_read_rest(struct connection *connection);
void connection_note_heard(struct connection *connection);

/* connection_output.c */

void connection_on_writable(struct connection *connection);
void connection_write_out(struct connection *connection);
void connection_start_finish_timer(struct connection *connection);
void connection_linger(struct connection *connection);

/* connection_tls.c. The first two are as recv() and send(), but they return 0 for "not now"
 * and -1 when they have failed the connection. */

ssize_t connection_tls_read(struct connection *connection, void *room, size_t size);
ssize_t connection_tls_write(struct connection *connection);
void connection_handshake(struct connection *connection);
void connection_tls_end(struct connection *connection);
void tls_stream_free(struct tls_stream *stream, struct chunk_pool *pool);

/* Input that no readiness of the socket will tell of. */
bool tls_stream_has_more(const struct tls_stream *stream);

/* Bytes that go out in the clear before the handshake. */
uint64_t tls_stream_clear_left(const struct tls_stream *stream);
void tls_stream_clear_sent(struct tls_stream *stream, uint64_t bytes);

/* connection_dial.c */

void dial_free(struct dial *dial);
