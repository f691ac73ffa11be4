/* SPDX-License-Identifier: Apache-2.0 */
/* Turns a connection's events into turns of its session, on the loop where it lives. */
#pragma once

#include "binrelay/base/worker.h"
#include "session.h"

struct serve_thread;
struct serve_threads;

/* The sessions of one loop. Belongs to its thread. */
struct session_home {
    struct loop *loop;             /* borrowed, as the next three */
    struct serve_threads *threads; /* where streams go */
    struct serve_thread *thread;   /* NULL: the control thread */
    struct sql_agents *agents;     /* answer what would hold up a loop */
    struct session_link *first;
    bool is_closing;
    void (*on_empty)(void *context); /* while closing: the last one has left */
    void *on_empty_context;          /* borrowed */
};

/* What a new session is made of. Everything is borrowed, but for the settings, which get a
 * reference. */
struct session_origin {
    const struct session_house *house;
    struct settings *settings;
    const struct session_door *door; /* copied */
    bool may_send_proxy_header;
};

/* Takes over an accepted descriptor and greets. */
void session_home_add(struct session_home *home,
                      const struct session_origin *origin,
                      int descriptor,
                      const char *peer);

/* Looks how far the peers of its streams have come. */
void session_home_look(struct session_home *home);

/* Goes on with the dumps of a cluster. */
void session_home_pump(struct session_home *home, size_t cluster);

/* Asks all sessions to leave; on_empty when the last one has, perhaps at once. */
void session_home_close(struct session_home *home,
                        void (*on_empty)(void *context),
                        void *context);

/* Frees all sessions as they are. Outside of their callbacks. */
void session_home_drop(struct session_home *home);
