/* SPDX-License-Identifier: Apache-2.0 */
/* From a host's name to an open socket: all its addresses in turn, within one time. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "binrelay/base/clock.h"
#include "binrelay/base/memory.h"
#include "connection_internal.h"
#include "resolver.h"
#include "socket_address.h"

struct dial {
    struct connection *connection; /* borrowed: it owns this */
    struct resolution *resolution; /* borrowed until it answers */
    struct loop_task task;         /* begins, where there is nothing to resolve */
    struct loop_timer *timer;      /* owned: of this attempt, or of the resolution */
    struct event *event;           /* owned; NULL: no attempt */
    int descriptor;                /* owned; -1: no attempt */
    uint64_t until_usec;           /* monotonic */
    struct socket_address addresses[RESOLVED_ADDRESSES_MAX];
    size_t count;
    size_t next;        /* to be tried */
    struct error error; /* of the last attempt */
};

static void try_next(struct dial *dial);

static void end_attempt(struct dial *dial)
{
    if (dial->event != NULL) {
        event_free(dial->event);
        dial->event = NULL;
    }
    if (dial->descriptor >= 0) {
        (void)close(dial->descriptor);
        dial->descriptor = -1;
    }
}

void dial_free(struct dial *dial)
{
    if (dial == NULL) {
        return;
    }
    if (dial->resolution != NULL) {
        resolution_cancel(dial->resolution);
    }
    loop_unschedule(&dial->task);
    end_attempt(dial);
    loop_timer_free(dial->timer);
    free(dial);
}

/* Frees the dial and tells the owner. */
static void fail(struct dial *dial)
{
    struct connection *connection = dial->connection;
    struct error error = dial->error;

    connection->dial = NULL;
    dial_free(dial);
    connection_fail(connection, &error);
}

static void succeed(struct dial *dial)
{
    struct connection *connection = dial->connection;
    int descriptor = dial->descriptor;

    event_free(dial->event);
    dial->event = NULL;
    dial->descriptor = -1;
    connection->dial = NULL;
    dial_free(dial);
    connection_adopt(connection, descriptor);
    connection_move_to(connection, CONNECTION_OPEN);
    connection_watch(connection);
    connection_wish(connection, WISH_OUTPUT); /* what was queued meanwhile */
    (void)connection_tell(
        connection, connection->handler == NULL ? NULL : connection->handler->on_connected);
}

static const struct socket_address *address_now(const struct dial *dial)
{
    return &dial->addresses[dial->next - 1];
}

/* Notes why an attempt failed: "connect to 10.0.0.5:3306: Connection refused". */
static void note_failure(struct dial *dial, int code)
{
    errno = code;
    (void)error_set_errno(&dial->error, "connect to %s",
                          socket_address_name(address_now(dial)).text);
}

/*
 * On one machine a connect to a port that nobody listens on can meet itself,
 * if the kernel chooses just that port for our end.
 */
static bool met_itself(int descriptor)
{
    struct socket_address ours = {.size = sizeof(ours.storage)};
    struct socket_address theirs = {.size = sizeof(theirs.storage)};

    return getsockname(descriptor, (struct sockaddr *)&ours.storage, &ours.size) == 0 &&
           getpeername(descriptor, (struct sockaddr *)&theirs.storage, &theirs.size) == 0 &&
           ours.storage.ss_family != AF_UNIX && ours.size == theirs.size &&
           memcmp(&ours.storage, &theirs.storage, ours.size) == 0;
}

static void on_attempt(evutil_socket_t descriptor, short what, void *context)
{
    struct dial *dial = context;
    socklen_t size = sizeof(int);
    int code = 0;

    (void)what;
    if (getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size) != 0) {
        code = errno;
    }
    if (code == 0 && met_itself(descriptor)) {
        code = ECONNREFUSED;
    }
    if (code == 0) {
        succeed(dial);
        return;
    }
    note_failure(dial, code);
    end_attempt(dial);
    try_next(dial);
}

static int open_socket(struct dial *dial)
{
    const struct socket_address *address = address_now(dial);
    int code = 0;

    dial->descriptor =
        socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (dial->descriptor < 0) {
        return errno;
    }
    socket_prepare_stream(dial->descriptor);
    code = connect(dial->descriptor, (const struct sockaddr *)&address->storage, address->size);
    return code == 0 || errno == EINPROGRESS ? 0 : errno;
}

/* Each address gets its share of the time that is left, so that one that swallows packets does
 * not use it all up. */
static void set_attempt_timer(struct dial *dial)
{
    uint64_t now_usec = clock_monotonic_usec(clock_system());
    uint64_t left_usec = dial->until_usec > now_usec ? dial->until_usec - now_usec : 0;

    loop_timer_set(dial->timer, left_usec / (dial->count - dial->next + 1));
}

/* Begins the next attempt that can be begun; without one the dial fails. */
static void try_next(struct dial *dial)
{
    while (dial->next < dial->count) {
        int code = 0;

        dial->next++;
        code = open_socket(dial);
        if (code != 0) {
            note_failure(dial, code);
            end_attempt(dial);
            continue;
        }
        dial->event =
            loop_event(dial->connection->loop, dial->descriptor, EV_WRITE, on_attempt, dial);
        if (event_add(dial->event, NULL) != 0) {
            note_failure(dial, errno);
            end_attempt(dial);
            continue;
        }
        set_attempt_timer(dial);
        return;
    }
    fail(dial);
}

static void on_timeout(void *context)
{
    struct dial *dial = context;

    if (dial->resolution != NULL) {
        (void)error_set(&dial->error, STATUS_SYSTEM, "resolve %s: no answer in time",
                        dial->connection->name);
        dial->error.os_code = ETIMEDOUT;
        fail(dial);
        return;
    }
    note_failure(dial, ETIMEDOUT);
    end_attempt(dial);
    try_next(dial);
}

static void on_resolved(void *context,
                        const struct socket_address *addresses,
                        size_t count,
                        const struct error *error)
{
    struct dial *dial = context;

    dial->resolution = NULL; /* the resolver frees it */
    dial->error = *error;
    dial->count = count;
    memcpy(dial->addresses, addresses, count * sizeof(*addresses));
    if (count == 0) {
        fail(dial);
        return;
    }
    try_next(dial);
}

static void begin(void *context)
{
    struct dial *dial = context;

    try_next(dial); /* without an address it fails with the error that is there */
}

static char *name_of(const char *host, uint16_t port)
{
    if (host[0] == '/') {
        return mem_text(host);
    }
    return mem_format(strchr(host, ':') == NULL ? "%s:%u" : "[%s]:%u", host, (unsigned)port);
}

struct connection *connection_dial(struct loop *loop,
                                   const char *host,
                                   uint16_t port,
                                   uint64_t timeout_usec,
                                   size_t input_bytes)
{
    autofree char *name = name_of(host, port);
    struct connection *connection = connection_blank(loop, name, input_bytes);
    struct dial *dial = mem_zeroed(sizeof(*dial));

    connection->state = CONNECTION_DIALING;
    connection->dial = dial;
    dial->connection = connection;
    dial->descriptor = -1;
    dial->until_usec = clock_monotonic_usec(clock_system()) + timeout_usec;
    dial->timer = loop_timer_new(loop, on_timeout, dial);
    dial->task = (struct loop_task){.fn = begin, .context = dial};
    if (host[0] == '/') {
        dial->count =
            socket_address_of_path(&dial->addresses[0], host, &dial->error) == STATUS_OK ? 1
                                                                                         : 0;
        loop_schedule(loop, &dial->task);
        return connection;
    }
    loop_timer_set(dial->timer, timeout_usec);
    dial->resolution = resolver_start(loop_resolver(loop), host, port, on_resolved, dial);
    return connection;
}
