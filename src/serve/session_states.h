/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of one connection, as states.
 *
 *   GREETING -> AUTHENTICATING -> READY <-> ANSWERING
 *       |             |            ^ |
 *       |             |            | v
 *       |             |          STREAMING
 *       +-------------+------------+-+--> CLOSING -> CLOSED
 *
 * Any state may fall to CLOSED when the socket dies. Nothing here knows of
 * sockets or loops: session_connection.c turns their events into calls of
 * session_run(), and unit tests call it with a script of bytes.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum session_state {
    SESSION_GREETING,       /* our greeting is sent; the login is not here yet */
    SESSION_AUTHENTICATING, /* the password is being proved */
    SESSION_READY,          /* logged in; waits for a command */
    SESSION_ANSWERING,      /* a statement is with the agent thread */
    SESSION_STREAMING,      /* a dump has the connection */
    SESSION_CLOSING,        /* sends what is queued, then leaves */
    SESSION_CLOSED,         /* waits for the end of this turn to be freed */
    SESSION_STATE_COUNT,
};

/* What a state's step tells the driver. */
enum session_step {
    STEP_AGAIN, /* there is more to do now */
    STEP_WAIT,  /* nothing to do before the next event; the session may be elsewhere by now */
};

struct session;

/* The first state: greets. */
void session_start(struct session *session);

/* Runs steps until one waits, or until it is fair to let other sessions run. */
void session_run(struct session *session);

/* The only way to change state. Asserts that the move is one of the table. */
void session_move_to(struct session *session, enum session_state next);

/* True if the table allows it. */
bool session_can_move(enum session_state from, enum session_state next);

const char *session_state_name(enum session_state state);

/* The table as a graph in Graphviz's language, for docs/architecture.md. The caller frees it.
 */
char *session_states_draw(void);
