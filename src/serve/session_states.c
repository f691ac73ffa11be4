/* SPDX-License-Identifier: Apache-2.0 */
#include "session_states.h"

#include <assert.h>
#include <inttypes.h>

#include "binrelay/base/bytes.h"
#include "binrelay/base/log.h"
#include "session.h"

/* Long enough to be quick, short enough that no session starves the others. */
enum { STEPS_PER_TURN = 64 };

enum {
    LOGIN_SEC = 10,
    IDLE_SEC = 28800, /* as wait_timeout says */
    LEAVE_SEC = 5,
    UNCHANGED = 1 << 30, /* the time of the state before goes on */
};

#define TO(state) (1U << SESSION_##state)

static const struct {
    const char *name;
    enum session_step (*step)(struct session *session);
    unsigned timeout_sec; /* 0: may stay for ever */
    unsigned next;        /* set of TO(state); CLOSED is always allowed */
} rules[SESSION_STATE_COUNT] = {
    /* clang-format off */
    [SESSION_GREETING]       = {"greeting",       session_greet,        LOGIN_SEC, TO(AUTHENTICATING) | TO(CLOSING)},
    [SESSION_AUTHENTICATING] = {"authenticating", session_authenticate, UNCHANGED, TO(READY) | TO(CLOSING)},
    [SESSION_READY]          = {"ready",          session_obey,         IDLE_SEC,  TO(ANSWERING) | TO(STREAMING) | TO(CLOSING)},
    [SESSION_ANSWERING]      = {"answering",      session_rest,         0,         TO(READY) | TO(CLOSING)},
    [SESSION_STREAMING]      = {"streaming",      session_stream,       0,         TO(READY) | TO(CLOSING)},
    [SESSION_CLOSING]        = {"closing",        session_rest,         LEAVE_SEC, 0},
    [SESSION_CLOSED]         = {"closed",         session_rest,         0,         0},
    /* clang-format on */
};

static_assert(SESSION_STATE_COUNT <= 32, "TO() keeps one bit for each state");

bool session_can_move(enum session_state from, enum session_state next)
{
    return ((rules[from].next | TO(CLOSED)) & (1U << next)) != 0;
}

void session_move_to(struct session *session, enum session_state next)
{
    assert(session_can_move(session->state, next));

    log_debug("session %" PRIu64 ": %s -> %s", session->id, rules[session->state].name,
              rules[next].name);
    if (session->state == SESSION_STREAMING) {
        session_leave_stream(session);
    }
    session->state = next;
    session_show_state(session);
    if (rules[next].timeout_sec != UNCHANGED) {
        session->port->set_deadline(session, rules[next].timeout_sec * UINT64_C(1000000));
    }
    if (next == SESSION_CLOSING) {
        session->port->finish(session, LEAVE_SEC * UINT64_C(1000000));
    }
    if (next == SESSION_CLOSED) {
        session->port->ask_for_turn(session); /* to be freed there */
    }
}

void session_start(struct session *session)
{
    session->port->set_deadline(session,
                                rules[SESSION_GREETING].timeout_sec * UINT64_C(1000000));
    session_send_greeting(session);
}

void session_run(struct session *session)
{
    for (int steps = 0; steps < STEPS_PER_TURN; steps++) {
        if (rules[session->state].step(session) == STEP_WAIT) {
            return;
        }
    }
    session->port->ask_for_turn(session);
}

const char *session_state_name(enum session_state state)
{
    return rules[state].name;
}

static void draw_moves(struct buffer *text, enum session_state from)
{
    for (unsigned next = 0; next < SESSION_STATE_COUNT; next++) {
        if ((rules[from].next & (1U << next)) != 0) {
            buffer_add_format(text, "    %s -> %s;\n", rules[from].name, rules[next].name);
        }
    }
}

char *session_states_draw(void)
{
    struct buffer text = {0};

    buffer_add_text(&text, "digraph session {\n");
    for (unsigned from = 0; from < SESSION_STATE_COUNT; from++) {
        draw_moves(&text, from);
    }
    buffer_add_text_zero(&text, "    any -> closed;\n}\n");
    return (char *)text.data;
}
