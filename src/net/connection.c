/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/net/connection.h"

#include <assert.h>
#include <errno.h>
#include <event2/util.h>
#include <string.h>
#include <unistd.h>

#include "binrelay/base/clock.h"
#include "binrelay/base/memory.h"
#include "connection_internal.h"
#include "socket_address.h"

#define TO(state) (1U << CONNECTION_##state)

/* Where each state may go; FAILED is always allowed before it, CLOSED only from there. */
static const unsigned nexts[CONNECTION_STATE_COUNT] = {
    [CONNECTION_DIALING] = TO(OPEN) | TO(FAILED),
    [CONNECTION_OPEN] = TO(SECURING) | TO(FINISHING) | TO(FAILED),
    [CONNECTION_SECURING] = TO(OPEN) | TO(FAILED),
    [CONNECTION_FINISHING] = TO(LINGERING) | TO(FAILED),
    [CONNECTION_LINGERING] = TO(FAILED),
    [CONNECTION_FAILED] = TO(CLOSED),
    [CONNECTION_CLOSED] = 0,
};

static void on_task(void *context);

void connection_move_to(struct connection *connection, enum connection_state next)
{
    assert((nexts[connection->state] & (1U << next)) != 0);
    connection->state = next;
}

void connection_wish(struct connection *connection, unsigned wishes)
{
    connection->wishes |= wishes;
    if (connection->loop != NULL) {
        loop_schedule(connection->loop, &connection->task);
    }
}

static void on_readable(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor;
    (void)what;
    connection_on_readable(context);
}

static void on_writable(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor;
    (void)what;
    connection_on_writable(context);
}

struct connection *connection_blank(struct loop *loop, const char *name, size_t input_bytes)
{
    struct connection *connection = mem_zeroed(sizeof(*connection));

    assert(input_bytes > 0);
    connection->loop = loop;
    connection->descriptor = -1;
    connection->name = mem_text(name);
    connection->input_capacity = input_bytes;
    connection->task = (struct loop_task){.fn = on_task, .context = connection};
    return connection;
}

static void make_events(struct connection *connection)
{
    connection->readable = loop_event(connection->loop, connection->descriptor,
                                      EV_READ | EV_PERSIST, on_readable, connection);
    connection->writable = loop_event(connection->loop, connection->descriptor,
                                      EV_WRITE | EV_PERSIST, on_writable, connection);
}

void connection_adopt(struct connection *connection, int descriptor)
{
    connection->descriptor = descriptor;
    make_events(connection);
}

struct connection *connection_new(struct loop *loop,
                                  int descriptor,
                                  const char *name,
                                  size_t input_bytes)
{
    struct connection *connection = connection_blank(loop, name, input_bytes);

    (void)evutil_make_socket_nonblocking(descriptor);
    socket_prepare_stream(descriptor);
    connection->state = CONNECTION_OPEN;
    connection_adopt(connection, descriptor);
    return connection;
}

static void set_watch(struct connection *connection, struct event *event, bool *is, bool wanted)
{
    if (event == NULL || *is == wanted) {
        return;
    }
    if ((wanted ? event_add(event, NULL) : event_del(event)) != 0) {
        connection_fail_errno(connection, "watch a socket", errno);
        return;
    }
    *is = wanted;
}

void connection_watch(struct connection *connection)
{
    set_watch(connection, connection->readable, &connection->is_reading,
              connection_wants_input(connection));
    set_watch(connection, connection->writable, &connection->is_writing,
              connection->state < CONNECTION_FAILED && connection->awaits_room);
}

bool connection_call(struct connection *connection, void (*fn)(void *context))
{
    bool is_gone = false;

    if (fn != NULL) {
        connection->is_gone = &is_gone;
        fn(connection->context);
        if (is_gone) {
            return false; /* it may live on another thread by now */
        }
        connection->is_gone = NULL;
    }
    return !connection->is_freed;
}

bool connection_tell(struct connection *connection, void (*fn)(void *context))
{
    return connection_call(connection, fn) && connection->state < CONNECTION_FAILED;
}

void connection_set_handler(struct connection *connection,
                            const struct connection_handler *handler,
                            void *context)
{
    connection->handler = handler;
    connection->context = context;
    if (connection->state == CONNECTION_FAILED) {
        connection_wish(connection, 0);
    }
    connection_watch(connection);
}

void connection_drop_events(struct connection *connection)
{
    if (connection->readable != NULL) {
        event_free(connection->readable);
        event_free(connection->writable);
    }
    connection->readable = NULL;
    connection->writable = NULL;
    connection->is_reading = false;
    connection->is_writing = false;
    loop_timer_free(connection->idle_timer);
    loop_timer_free(connection->finish_timer);
    connection->idle_timer = NULL;
    connection->finish_timer = NULL;
}

/* Everything that can still cause an event goes. The memory stays. */
static void disconnect(struct connection *connection)
{
    connection_drop_events(connection);
    dial_free(connection->dial);
    connection->dial = NULL;
    if (connection->descriptor >= 0) {
        (void)close(connection->descriptor);
        connection->descriptor = -1;
    }
}

static struct chunk_pool *chunks_of(struct connection *connection)
{
    return connection->loop == NULL ? NULL : loop_chunks(connection->loop);
}

static void unwatch(struct connection *connection)
{
    if (connection->readable != NULL) {
        (void)event_del(connection->readable);
        (void)event_del(connection->writable);
    }
    connection->is_reading = false;
    connection->is_writing = false;
}

void connection_fail(struct connection *connection, const struct error *why)
{
    if (connection->state >= CONNECTION_FAILED) {
        return;
    }
    connection->failure = mem_raw(sizeof(*connection->failure));
    *connection->failure = *why;
    connection_move_to(connection, CONNECTION_FAILED);
    dial_free(connection->dial);
    connection->dial = NULL;
    output_queue_clear(&connection->output, chunks_of(connection));
    unwatch(connection);
    connection_wish(connection, 0);
}

void connection_fail_errno(struct connection *connection, const char *doing, int code)
{
    struct error error;

    errno = code;
    (void)error_set_errno(&error, "%s", doing);
    if (code == ECONNRESET || code == EPIPE) {
        error.status = STATUS_CLOSED;
    }
    connection_fail(connection, &error);
}

void connection_fail_end(struct connection *connection)
{
    struct error error;

    (void)error_set(&error, STATUS_CLOSED, "the peer closed the connection");
    connection_fail(connection, &error);
}

static void destroy(struct connection *connection)
{
    disconnect(connection);
    tls_stream_free(connection->tls, chunks_of(connection));
    output_queue_clear(&connection->output, chunks_of(connection));
    free(connection->input);
    free(connection->failure);
    free(connection->name);
    free(connection);
}

void connection_free(struct connection *connection)
{
    if (connection == NULL) {
        return;
    }
    if (connection->loop == NULL) {
        destroy(connection);
        return;
    }
    connection->is_freed = true;
    disconnect(connection);
    connection_wish(connection, 0);
}

/* Without a handler there is nobody to tell: it waits for one. */
static void tell_failure(struct connection *connection)
{
    void (*fn)(void *context, const struct error *why) = NULL;

    if (connection->handler == NULL) {
        return;
    }
    if (connection->may_read_rest) {
        connection->may_read_rest = false;
        if (!connection_read_rest(connection)) {
            return;
        }
    }
    connection_move_to(connection, CONNECTION_CLOSED);
    disconnect(connection);
    fn = connection->handler->on_closed;
    if (fn != NULL) {
        fn(connection->context, connection->failure);
    }
}

static bool take_wish(struct connection *connection, enum connection_wish wish)
{
    bool is_wished = (connection->wishes & wish) != 0;

    connection->wishes &= ~(unsigned)wish;
    return is_wished;
}

/*
 * The end of a turn. Each step may be the last: it calls the owner, who may
 * free the connection or give it away; then nothing of it is touched.
 */
static void on_task(void *context)
{
    struct connection *connection = context;
    bool has_news = false;

    if (connection->is_freed) {
        destroy(connection);
        return;
    }
    if (connection->state == CONNECTION_FAILED) {
        tell_failure(connection);
        return;
    }
    has_news = take_wish(connection, WISH_NEWS) && connection->state == CONNECTION_OPEN &&
               connection->handler != NULL && connection->input_end > connection->input_start;
    if (has_news && !connection_tell(connection, connection->handler->on_input)) {
        return;
    }
    if ((connection->wishes & WISH_OUTPUT) != 0 && connection->wishes != WISH_OUTPUT) {
        connection_wish(connection, 0); /* the output's turn is the next round */
    }
    if (take_wish(connection, WISH_INPUT)) {
        connection_on_readable(connection);
        return;
    }
    if (take_wish(connection, WISH_OUTPUT)) {
        connection_write_out(connection);
    }
}

static void on_idle(void *context)
{
    struct connection *connection = context;
    uint64_t now_usec = clock_monotonic_usec(clock_system());
    struct error error;

    if (!connection->is_reading) {
        connection->heard_usec = now_usec; /* it is we who do not listen */
    }
    if (now_usec - connection->heard_usec < connection->idle_usec) {
        loop_timer_set(connection->idle_timer,
                       connection->heard_usec + connection->idle_usec - now_usec);
        return;
    }
    (void)error_set(&error, STATUS_CLOSED, "nothing arrived for %.1f s",
                    (double)connection->idle_usec / 1e6);
    connection_fail(connection, &error);
}

static void start_idle_timer(struct connection *connection)
{
    connection->heard_usec = clock_monotonic_usec(clock_system());
    if (connection->idle_timer == NULL) {
        connection->idle_timer = loop_timer_new(connection->loop, on_idle, connection);
    }
    loop_timer_set(connection->idle_timer, connection->idle_usec);
}

void connection_set_idle_limit(struct connection *connection, uint64_t usec)
{
    connection->idle_usec = usec;
    if (connection->state >= CONNECTION_FAILED || connection->loop == NULL) {
        return;
    }
    if (usec > 0) {
        start_idle_timer(connection);
    } else if (connection->idle_timer != NULL) {
        loop_timer_clear(connection->idle_timer);
    }
}

void connection_leave(struct connection *connection)
{
    assert(connection->state != CONNECTION_DIALING && !connection->is_freed);
    connection_drop_events(connection);
    loop_unschedule(&connection->task);
    connection->loop = NULL;
    if (connection->is_gone != NULL) {
        *connection->is_gone = true;
        connection->is_gone = NULL;
    }
}

void connection_arrive(struct connection *connection, struct loop *loop)
{
    assert(connection->loop == NULL);
    connection->loop = loop;
    if (connection->descriptor >= 0) {
        make_events(connection);
    }
    if (connection->state < CONNECTION_FAILED) {
        if (connection->idle_usec > 0) {
            start_idle_timer(connection);
        }
        if (connection->finish_by_usec > 0) {
            connection_start_finish_timer(connection);
        }
    }
    connection_watch(connection);
    connection_wish(connection, WISH_NEWS | WISH_INPUT | WISH_OUTPUT);
}

const char *connection_name(const struct connection *connection)
{
    return connection->name;
}

void connection_set_name(struct connection *connection, const char *name)
{
    char *copy = mem_text(name);

    free(connection->name);
    connection->name = copy;
}
