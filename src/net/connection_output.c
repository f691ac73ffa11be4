/* SPDX-License-Identifier: Apache-2.0 */
/* Output queue to socket, many pieces in one call, and the end of a connection. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include "binrelay/base/clock.h"
#include "connection_internal.h"

enum {
    VECTORS_MAX = 64,

    /* Then it is another connection's turn, however fast the peer takes it. */
    WRITE_BYTES_PER_TURN = 4 * 1024 * 1024,

    /* How long the peer may take to say that it has seen the end. */
    LINGER_USEC = 1000 * 1000,
};

/* For the writers below: more than 0 written, 0 the socket is full, -1 the connection failed.
 */
static ssize_t judge(struct connection *connection, ssize_t written, const char *doing)
{
    if (written > 0) {
        return written;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
        return 0;
    }
    connection->may_read_rest = connection->state == CONNECTION_OPEN;
    connection_fail_errno(connection, doing, errno);
    return -1;
}

static ssize_t write_memory(struct connection *connection, uint64_t limit)
{
    struct iovec vectors[VECTORS_MAX];
    struct msghdr message = {.msg_iov = vectors};
    bool more_follow = false;
    int count =
        output_queue_gather(&connection->output, vectors, VECTORS_MAX, limit, &more_follow);
    /* What follows in a clear stream that is to be secured comes after a handshake. */
    bool is_last = connection->state == CONNECTION_SECURING;
    ssize_t written = 0;

    message.msg_iovlen = (size_t)count;
    do {
        written = sendmsg(connection->descriptor, &message,
                          MSG_NOSIGNAL | (more_follow && !is_last ? MSG_MORE : 0));
    } while (written < 0 && errno == EINTR);
    return judge(connection, written, "write");
}

static ssize_t write_file(struct connection *connection, uint64_t limit)
{
    const struct output_piece *piece = output_queue_first(&connection->output);
    uint64_t size = piece->size < limit ? piece->size : limit;
    off_t offset = (off_t)piece->offset;
    struct error error;
    ssize_t written = 0;

    do {
        written = sendfile(connection->descriptor, piece->owner.file->descriptor, &offset,
                           (size_t)size);
    } while (written < 0 && errno == EINTR);
    if (written == 0) {
        (void)error_set(&error, STATUS_CORRUPT, "a file to send ends at %" PRIu64 ", too early",
                        piece->offset);
        connection_fail(connection, &error);
        return -1;
    }
    return judge(connection, written, "send a file");
}

static ssize_t write_clear(struct connection *connection, uint64_t limit)
{
    return output_queue_first(&connection->output)->kind == OUTPUT_FILE
               ? write_file(connection, limit)
               : write_memory(connection, limit);
}

/* Writes some of the queue. What was queued before TLS began goes in the clear, before it. */
static ssize_t write_some(struct connection *connection, uint64_t limit)
{
    uint64_t clear = 0;
    ssize_t written = 0;

    if (connection->tls == NULL) {
        return write_clear(connection, limit);
    }
    if (connection->state != CONNECTION_SECURING) {
        return connection_tls_write(connection);
    }
    clear = tls_stream_clear_left(connection->tls);
    written = write_clear(connection, clear < limit ? clear : limit);
    if (written > 0) {
        tls_stream_clear_sent(connection->tls, (uint64_t)written);
    }
    return written;
}

static bool may_write(const struct connection *connection)
{
    if (connection->output.bytes == 0 || connection->awaits_room || connection->loop == NULL) {
        return false;
    }
    if (connection->state == CONNECTION_SECURING) {
        return tls_stream_clear_left(connection->tls) > 0;
    }
    return connection->state == CONNECTION_OPEN || connection->state == CONNECTION_FINISHING;
}

static void write_now(struct connection *connection)
{
    uint64_t left = WRITE_BYTES_PER_TURN;

    while (may_write(connection)) {
        ssize_t written = left > 0 ? write_some(connection, left) : 0;

        if (written < 0) {
            return;
        }
        if (written == 0) {
            connection->awaits_room = true;
            break;
        }
        left -= (uint64_t)written < left ? (uint64_t)written : left;
        connection->sent += (uint64_t)written;
        output_queue_take(&connection->output, loop_chunks(connection->loop),
                          (uint64_t)written);
    }
    connection_watch(connection);
}

static bool is_drained(const struct connection *connection)
{
    return connection->is_above_low && connection->output.bytes <= connection->low_mark;
}

static bool may_handshake(const struct connection *connection)
{
    return connection->state == CONNECTION_SECURING &&
           tls_stream_clear_left(connection->tls) == 0;
}

static bool is_finished(const struct connection *connection)
{
    return connection->state == CONNECTION_FINISHING && connection->output.bytes == 0;
}

void connection_write_out(struct connection *connection)
{
    bool could_handshake = may_handshake(connection);

    write_now(connection);
    if (connection->state >= CONNECTION_FAILED) {
        return;
    }
    if (!could_handshake && may_handshake(connection)) {
        connection_wish(connection, WISH_INPUT);
    }
    if (is_drained(connection)) {
        connection->is_above_low = false;
        if (connection->handler != NULL &&
            !connection_tell(connection, connection->handler->on_drained)) {
            return;
        }
    }
    if (is_finished(connection)) {
        connection_linger(connection);
    }
}

void connection_on_writable(struct connection *connection)
{
    connection->awaits_room = false;
    if (may_handshake(connection)) {
        connection_handshake(connection);
        return;
    }
    if (connection->tls != NULL) {
        connection_wish(connection, WISH_INPUT); /* OpenSSL may have waited for room to read */
    }
    connection_write_out(connection);
}

void connection_flush(struct connection *connection)
{
    if (!may_write(connection)) {
        return;
    }
    write_now(connection);
    if (is_drained(connection) || is_finished(connection) || may_handshake(connection)) {
        connection_wish(connection, WISH_OUTPUT | WISH_INPUT); /* told from the loop */
    }
}

static bool may_queue(const struct connection *connection)
{
    return connection->state <= CONNECTION_SECURING;
}

/* After something was added to the queue. */
static void note_queued(struct connection *connection)
{
    if (connection->output.bytes > connection->low_mark) {
        connection->is_above_low = true;
    }
    if (!connection->awaits_room) {
        connection_wish(connection, WISH_OUTPUT);
    }
}

void connection_send(struct connection *connection, struct bytes bytes)
{
    if (may_queue(connection)) {
        output_queue_copy(&connection->output, loop_chunks(connection->loop), bytes);
        note_queued(connection);
    }
}

void connection_send_shared(struct connection *connection,
                            struct shared *shared,
                            struct bytes part)
{
    if (may_queue(connection)) {
        output_queue_share(&connection->output, shared, part);
        note_queued(connection);
    }
}

void connection_send_file(struct connection *connection,
                          struct shared_file *file,
                          uint64_t offset,
                          uint64_t size)
{
    if (may_queue(connection)) {
        output_queue_file(&connection->output, file, offset, size);
        note_queued(connection);
    }
}

uint64_t connection_queued(const struct connection *connection)
{
    return connection->output.bytes;
}

void connection_set_low_mark(struct connection *connection, uint64_t bytes)
{
    connection->low_mark = bytes;
    connection->is_above_low = connection->output.bytes > bytes;
}

uint64_t connection_sent(const struct connection *connection)
{
    return connection->sent;
}

bool connection_is_open(const struct connection *connection)
{
    return may_queue(connection);
}

int connection_duplicate(const struct connection *connection)
{
    return fcntl(connection->descriptor, F_DUPFD_CLOEXEC, 0);
}

static void on_finish_timeout(void *context)
{
    struct connection *connection = context;
    struct error error;

    if (connection->output.bytes > 0) {
        (void)error_set(&error, STATUS_CLOSED,
                        "closed before the peer took the last %" PRIu64 " bytes",
                        connection->output.bytes);
    } else {
        (void)error_set(&error, STATUS_CLOSED, "closed");
    }
    connection_fail(connection, &error);
}

void connection_start_finish_timer(struct connection *connection)
{
    uint64_t now_usec = clock_monotonic_usec(clock_system());

    if (connection->finish_timer == NULL) {
        connection->finish_timer =
            loop_timer_new(connection->loop, on_finish_timeout, connection);
    }
    loop_timer_set(connection->finish_timer, connection->finish_by_usec > now_usec
                                                 ? connection->finish_by_usec - now_usec
                                                 : 0);
}

void connection_linger(struct connection *connection)
{
    uint64_t by_usec = clock_monotonic_usec(clock_system()) + LINGER_USEC;

    if (connection->tls != NULL) {
        connection_tls_end(connection);
    }
    (void)shutdown(connection->descriptor, SHUT_WR); /* fails if the peer has gone: we notice */
    connection_move_to(connection, CONNECTION_LINGERING);
    if (by_usec < connection->finish_by_usec) {
        connection->finish_by_usec = by_usec;
        connection_start_finish_timer(connection);
    }
    connection_watch(connection);
}

void connection_finish(struct connection *connection, uint64_t timeout_usec)
{
    struct error error;

    if (connection->state == CONNECTION_DIALING || connection->state == CONNECTION_SECURING) {
        (void)error_set(&error, STATUS_CLOSED, "closed before it was ready");
        connection_fail(connection, &error);
        return;
    }
    if (connection->state != CONNECTION_OPEN) {
        return; /* it ends already */
    }
    connection_move_to(connection, CONNECTION_FINISHING);
    connection->finish_by_usec = clock_monotonic_usec(clock_system()) + timeout_usec;
    connection_start_finish_timer(connection);
    connection_watch(connection);
    connection_wish(connection, WISH_OUTPUT);
}
