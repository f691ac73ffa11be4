/* SPDX-License-Identifier: Apache-2.0 */
/* Socket to input buffer: read in place, consumed from the front, moved only when short. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "binrelay/base/clock.h"
#include "binrelay/base/memory.h"
#include "connection_internal.h"

enum {
    /* Then it is another connection's turn; the loop comes back. */
    READ_BYTES_PER_TURN = 4 * 1024 * 1024,

    /* Buffers up to this size are given back while nothing is in them: sessions idle by the
     * thousand. Bigger ones belong to pulls, which never do. */
    KEPT_INPUT_BYTES = 64 * 1024,

    DISCARD_BYTES = 4096,
    DISCARDS_PER_TURN = 64,
};

static size_t unread(const struct connection *connection)
{
    return connection->input_end - connection->input_start;
}

bool connection_wants_input(const struct connection *connection)
{
    switch (connection->state) {
    case CONNECTION_OPEN:
        return connection->handler != NULL && !connection->is_paused &&
               unread(connection) < connection->input_capacity;
    case CONNECTION_SECURING:
        return tls_stream_clear_left(connection->tls) == 0;
    case CONNECTION_LINGERING:
        return true;
    case CONNECTION_DIALING:
    case CONNECTION_FINISHING:
    case CONNECTION_FAILED:
    case CONNECTION_CLOSED:
    case CONNECTION_STATE_COUNT:
        break;
    }
    return false;
}

/* Moves the unread bytes to the front only when the room behind them runs short. Then they are
 * usually the few of one packet that is not whole yet. */
static size_t make_room(struct connection *connection)
{
    size_t room = connection->input_capacity - connection->input_end;

    if (connection->input == NULL) {
        connection->input = mem_raw(connection->input_capacity);
    }
    if (room >= connection->input_capacity / 4 || connection->input_start == 0) {
        return room;
    }
    memmove(connection->input, connection->input + connection->input_start, unread(connection));
    connection->input_end = unread(connection);
    connection->input_start = 0;
    return connection->input_capacity - connection->input_end;
}

void connection_note_heard(struct connection *connection)
{
    if (connection->idle_usec > 0) {
        connection->heard_usec = clock_monotonic_usec(clock_system());
    }
}

/* As recv(), but 0 is "not now" and -1 means that the connection has failed. */
static ssize_t read_clear(struct connection *connection, void *room, size_t size)
{
    ssize_t got = 0;

    do {
        got = recv(connection->descriptor, room, size, 0);
    } while (got < 0 && errno == EINTR);
    if (got > 0) {
        return got;
    }
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        return 0;
    }
    if (got == 0) {
        connection_fail_end(connection);
    } else {
        connection_fail_errno(connection, "read", errno);
    }
    return -1;
}

/* Reads what there is, within the buffer and the bound of a turn. STATUS_CLOSED: it failed
 * before anything came; what came before a failure is STATUS_OK, the failure shows later. */
static enum status fill(struct connection *connection)
{
    size_t total = 0;
    ssize_t got = 0;

    while (total < READ_BYTES_PER_TURN) {
        size_t room = make_room(connection);
        uint8_t *target = connection->input + connection->input_end;

        if (room == 0) {
            break;
        }
        got = connection->tls != NULL ? connection_tls_read(connection, target, room)
                                      : read_clear(connection, target, room);
        if (got <= 0) {
            break;
        }
        connection->input_end += (size_t)got;
        total += (size_t)got;
        if (connection->tls == NULL && (size_t)got < room) {
            break; /* the socket is empty: to ask again would be a call for nothing */
        }
    }
    if (total > 0) {
        connection_note_heard(connection);
        return STATUS_OK;
    }
    return got < 0 ? STATUS_CLOSED : STATUS_AGAIN;
}

/* Decrypted bytes do not make the socket readable: they need a wish. */
static void look_again(struct connection *connection)
{
    connection_watch(connection);
    if (connection->tls != NULL && tls_stream_has_more(connection->tls) &&
        connection_wants_input(connection)) {
        connection_wish(connection, WISH_INPUT);
    }
}

static void release_if_idle(struct connection *connection)
{
    if (unread(connection) == 0 && connection->input_capacity <= KEPT_INPUT_BYTES) {
        free(connection->input);
        connection->input = NULL;
        connection->input_start = 0;
        connection->input_end = 0;
    }
}

static void read_and_tell(struct connection *connection)
{
    enum status status = STATUS_AGAIN;

    if (!connection_wants_input(connection)) {
        return; /* the owner changed its mind after the loop had noticed */
    }
    status = fill(connection);
    if (status == STATUS_OK && !connection_tell(connection, connection->handler->on_input)) {
        return;
    }
    if (connection->tls != NULL && connection->output.bytes > 0 && !connection->awaits_room) {
        connection_wish(connection, WISH_OUTPUT); /* OpenSSL may have waited for input */
    }
    release_if_idle(connection);
    look_again(connection);
}

/* Nobody wants it any more; but to close with input unread would reset the connection, and the
 * peer could lose our last words. */
static void discard(struct connection *connection)
{
    uint8_t bytes[DISCARD_BYTES];

    for (int reads = 0; reads < DISCARDS_PER_TURN; reads++) {
        if (read_clear(connection, bytes, sizeof(bytes)) <= 0) {
            return;
        }
    }
}

void connection_on_readable(struct connection *connection)
{
    switch (connection->state) {
    case CONNECTION_OPEN:
        read_and_tell(connection);
        break;
    case CONNECTION_SECURING:
        connection_handshake(connection);
        break;
    case CONNECTION_LINGERING:
        discard(connection);
        break;
    case CONNECTION_DIALING:
    case CONNECTION_FINISHING:
    case CONNECTION_FAILED:
    case CONNECTION_CLOSED:
    case CONNECTION_STATE_COUNT:
        break;
    }
}

bool connection_read_rest(struct connection *connection)
{
    if (connection->is_paused || fill(connection) != STATUS_OK) {
        return true;
    }
    return connection_call(connection, connection->handler->on_input);
}

enum status connection_read_more(struct connection *connection)
{
    enum status status = STATUS_AGAIN;

    if (connection->state >= CONNECTION_FAILED) {
        return STATUS_CLOSED;
    }
    if (connection->state != CONNECTION_OPEN ||
        unread(connection) == connection->input_capacity) {
        return STATUS_AGAIN;
    }
    status = fill(connection);
    look_again(connection);
    return status;
}

struct bytes connection_input(const struct connection *connection)
{
    if (connection->input == NULL) {
        return (struct bytes){NULL, 0};
    }
    return (struct bytes){connection->input + connection->input_start, unread(connection)};
}

void connection_consume(struct connection *connection, size_t size)
{
    assert(size <= unread(connection));
    connection->input_start += size;
    if (connection->input_start == connection->input_end) {
        connection->input_start = 0;
        connection->input_end = 0;
    }
    if (!connection->is_reading) {
        look_again(connection);
    }
}

void connection_set_input_bytes(struct connection *connection, size_t input_bytes)
{
    uint8_t *grown = NULL;

    if (input_bytes <= connection->input_capacity) {
        return;
    }
    if (connection->input != NULL) {
        grown = mem_raw(input_bytes);
        memcpy(grown, connection->input + connection->input_start, unread(connection));
        free(connection->input);
        connection->input = grown;
        connection->input_end = unread(connection);
        connection->input_start = 0;
    }
    connection->input_capacity = input_bytes;
    look_again(connection);
}

void connection_pause_input(struct connection *connection, bool is_paused)
{
    connection->is_paused = is_paused;
    look_again(connection);
}
