/* SPDX-License-Identifier: Apache-2.0 */
#include "session_connection.h"

#include <inttypes.h>
#include <stdlib.h>

#include "binrelay/base/log.h"
#include "binrelay/base/memory.h"
#include "serve_thread.h"
#include "session_agent.h"

enum {
    INPUT_FIRST_BYTES = 4096, /* grows for a packet that is longer */
    OUTPUT_LOW_BYTES = 64 * 1024,
    OUTPUT_HIGH_BYTES = 1024 * 1024, /* commands wait while more than this is not taken */
};

/* A session with its connection. */
struct session_link {
    struct session session; /* first: is turned back into the link */
    struct session_door door;
    struct session_home *home; /* borrowed: where it lives */
    struct session_link *next;
    struct session_link *previous;
    struct connection *connection; /* owned */
    struct loop_timer *deadline;   /* owned */
    struct loop_timer *turn;       /* owned: another turn, or the end */
    struct message arrival;        /* while it moves */
};

static struct session_link *link_of(struct session *session)
{
    return (struct session_link *)session;
}

/* ---- the home's list ---- */

static void enter(struct session_home *home, struct session_link *link)
{
    link->home = home;
    link->previous = NULL;
    link->next = home->first;
    if (home->first != NULL) {
        home->first->previous = link;
    }
    home->first = link;
}

static void leave(struct session_link *link)
{
    struct session_home *home = link->home;

    if (link->previous != NULL) {
        link->previous->next = link->next;
    } else {
        home->first = link->next;
    }
    if (link->next != NULL) {
        link->next->previous = link->previous;
    }
    if (home->first == NULL && home->is_closing && home->on_empty != NULL) {
        home->on_empty(home->on_empty_context);
    }
}

static void free_link(struct session_link *link)
{
    leave(link);
    session_release(&link->session);
    connection_free(link->connection);
    loop_timer_free(link->deadline);
    loop_timer_free(link->turn);
    free(link);
}

static void on_deadline(void *context)
{
    struct session *session = context;

    if (session_can_move(session->state, SESSION_CLOSING)) {
        log_debug("session %" PRIu64 ": too long %s", session->id,
                  session_state_name(session->state));
        session_move_to(session, SESSION_CLOSING);
    } else if (session->state != SESSION_CLOSED) {
        session_move_to(session, SESSION_CLOSED);
    }
}

static void on_turn(void *context)
{
    struct session_link *link = context;

    if (link->session.state == SESSION_CLOSED) {
        free_link(link);
        return;
    }
    session_run(&link->session);
}

static void make_timers(struct session_link *link)
{
    link->deadline = loop_timer_new(link->home->loop, on_deadline, &link->session);
    link->turn = loop_timer_new(link->home->loop, on_turn, link);
}

/* ---- the connection's events ---- */

static void on_input(void *context)
{
    session_run(context);
}

static void on_drained(void *context)
{
    struct session *session = context;

    session_pump(session);
    session_run(session);
}

static void on_secure(void *context)
{
    session_secured(context);
}

static void on_closed(void *context, const struct error *why)
{
    struct session *session = context;

    log_debug("session %" PRIu64 " (%s): %s", session->id, session->peer, why->message);
    if (session->state != SESSION_CLOSED) {
        session_move_to(session, SESSION_CLOSED);
    }
}

static const struct connection_handler handler = {
    .on_input = on_input,
    .on_drained = on_drained,
    .on_secure = on_secure,
    .on_closed = on_closed,
};

/* ---- the port ---- */

static struct bytes port_input(struct session *session)
{
    return connection_input(link_of(session)->connection);
}

static void port_consume(struct session *session, size_t size)
{
    if (session->state < SESSION_CLOSING) { /* after, the input is nobody's */
        connection_consume(link_of(session)->connection, size);
    }
}

static void port_make_room(struct session *session, size_t size)
{
    connection_set_input_bytes(link_of(session)->connection, size);
}

static void port_send(struct session *session, struct bytes bytes)
{
    connection_send(link_of(session)->connection, bytes);
}

static bool port_is_full(struct session *session)
{
    return connection_queued(link_of(session)->connection) > OUTPUT_HIGH_BYTES;
}

static void port_start_tls(struct session *session, struct tls *tls)
{
    connection_start_tls_server(link_of(session)->connection, tls);
}

static bool port_has_certificate(struct session *session)
{
    return connection_peer_is_verified(link_of(session)->connection);
}

static void port_set_name(struct session *session, const char *name)
{
    connection_set_name(link_of(session)->connection, name);
}

static void port_set_deadline(struct session *session, uint64_t usec)
{
    struct loop_timer *timer = link_of(session)->deadline;

    if (usec == 0) {
        loop_timer_clear(timer);
    } else {
        loop_timer_set(timer, usec);
    }
}

static void port_ask_for_turn(struct session *session)
{
    loop_timer_set(link_of(session)->turn, 0);
}

static void port_start_answer(struct session *session, struct bytes statement)
{
    struct session_home *home = link_of(session)->home;

    session_agent_ask(home->agents, session, home->loop, statement);
}

static void port_start_registration(struct session *session)
{
    struct session_home *home = link_of(session)->home;

    session_agent_register(home->agents, session, home->loop);
}

/* On the thread where it will live. */
static void arrive(struct message *message)
{
    struct session_link *link =
        (struct session_link *)((char *)message - offsetof(struct session_link, arrival));
    struct session *session = &link->session;

    enter(link->home, link);
    make_timers(link);
    connection_arrive(link->connection, link->home->loop);
    if (link->home->is_closing) {
        session_move_to(session, SESSION_CLOSING);
        return;
    }
    session_begin_dump(session, link->connection, link->home->loop);
}

/* Nothing of the session is touched here after the last line. */
static void move(struct session_link *link)
{
    struct serve_thread *thread =
        serve_threads_choose(link->home->threads, link->session.cluster);

    loop_timer_free(link->deadline);
    loop_timer_free(link->turn);
    leave(link);
    connection_leave(link->connection);
    link->home = serve_thread_home(thread);
    link->arrival.run = arrive;
    session_directory_move(link->session.house->directory, link->session.card, link->home->loop,
                           &link->arrival);
}

static void port_start_dump(struct session *session)
{
    struct session_link *link = link_of(session);

    if (link->home->thread == NULL) {
        move(link);
        return;
    }
    serve_thread_add_stream(link->home->thread, session->cluster);
    session_begin_dump(session, link->connection, link->home->loop);
}

static void port_end_stream(struct session *session)
{
    serve_thread_remove_stream(link_of(session)->home->thread, session->cluster);
}

static struct session_numbers port_numbers(struct session *session)
{
    struct connection *connection = link_of(session)->connection;

    return (struct session_numbers){.sent_bytes = connection_sent(connection),
                                    .queued_bytes = connection_queued(connection)};
}

static void port_finish(struct session *session, uint64_t usec)
{
    connection_finish(link_of(session)->connection, usec);
}

static const struct session_port port = {
    .input = port_input,
    .consume = port_consume,
    .make_room = port_make_room,
    .send = port_send,
    .is_full = port_is_full,
    .start_tls = port_start_tls,
    .has_certificate = port_has_certificate,
    .set_name = port_set_name,
    .set_deadline = port_set_deadline,
    .ask_for_turn = port_ask_for_turn,
    .start_answer = port_start_answer,
    .start_registration = port_start_registration,
    .start_dump = port_start_dump,
    .end_stream = port_end_stream,
    .numbers = port_numbers,
    .finish = port_finish,
};

/* ---- the home ---- */

void session_home_add(struct session_home *home,
                      const struct session_origin *origin,
                      int descriptor,
                      const char *peer)
{
    struct session_link *link = mem_zeroed(sizeof(*link));
    struct session *session = &link->session;

    enter(home, link);
    make_timers(link);
    link->door = *origin->door;
    link->connection = connection_new(home->loop, descriptor, peer, INPUT_FIRST_BYTES);
    connection_set_low_mark(link->connection, OUTPUT_LOW_BYTES);
    session->house = origin->house;
    session->door = &link->door;
    session->port = &port;
    session->settings = settings_ref(origin->settings);
    session->may_send_proxy_header = origin->may_send_proxy_header;
    session_init(session, home->loop, peer);
    connection_set_handler(link->connection, &handler, session);
}

void session_home_look(struct session_home *home)
{
    for (struct session_link *link = home->first; link != NULL; link = link->next) {
        session_stream_look(&link->session, link->connection);
        session_lease_look(&link->session);
    }
}

void session_home_pump(struct session_home *home, size_t cluster)
{
    struct session_link *next = NULL;

    for (struct session_link *link = home->first; link != NULL; link = next) {
        next = link->next; /* a session is freed in a turn of its own, never here */
        if (link->session.cluster == cluster) {
            session_pump(&link->session);
        }
    }
}

void session_home_close(struct session_home *home,
                        void (*on_empty)(void *context),
                        void *context)
{
    struct session_link *next = NULL;

    home->is_closing = true;
    home->on_empty = on_empty;
    home->on_empty_context = context;
    for (struct session_link *link = home->first; link != NULL; link = next) {
        next = link->next;
        session_shut_down(&link->session);
    }
    if (home->first == NULL) {
        on_empty(context);
    }
}

void session_home_drop(struct session_home *home)
{
    struct session_link *next = NULL;

    for (struct session_link *link = home->first; link != NULL; link = next) {
        next = link->next;
        connection_flush(link->connection); /* what the socket takes now */
        free_link(link);
    }
}
