/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS on a connection: OpenSSL on a BIO of ours, driven by the loop.
 *
 * Our BIO first gives OpenSSL the bytes that the input buffer held when TLS
 * began, then those of the socket: a MySQL client sends its ClientHello right
 * behind the SSL request. This is not the STARTTLS injection of other protocols.
 * There, plain text that an attacker put behind the request is obeyed after the
 * handshake as if it had come through TLS; here what stood behind the request
 * is only ever read as TLS records, where it either is the peer's handshake or
 * fails it.
 */
#include <assert.h>
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>

#include "binrelay/base/memory.h"
#include "connection_internal.h"
#include "tls_internal.h"

enum {
    RECORD_BYTES = SSL3_RT_MAX_PLAIN_LENGTH,

    /* Connections with a large input buffer decrypt several records for one recv(). */
    LARGE_INPUT_BYTES = 256 * 1024,
    LARGE_READ_BYTES = 128 * 1024,
};

struct tls_stream {
    struct tls *tls;             /* owned: a reference */
    SSL *session;                /* owned; owns its BIO */
    BIO_METHOD *method;          /* owned; of the BIO */
    struct buffer early;         /* what had arrived before TLS began */
    size_t early_taken;          /* by OpenSSL */
    uint64_t clear_left;         /* queued before TLS began: goes out first, in the clear */
    struct output_chunk *staged; /* owned; NULL if empty: a copy of the queue's front */
    size_t staged_start;
    bool is_done;   /* the handshake */
    bool has_more;  /* OpenSSL may have input that it was not asked for */
    bool is_at_end; /* the socket has ended */
    int os_code;    /* why the socket failed, or 0 */
};

static int take_early(struct tls_stream *stream, char *data, int size)
{
    size_t left = stream->early.size - stream->early_taken;
    size_t taken = left < (size_t)size ? left : (size_t)size;

    memcpy(data, stream->early.data + stream->early_taken, taken);
    stream->early_taken += taken;
    if (stream->early_taken == stream->early.size) {
        buffer_release(&stream->early);
        stream->early_taken = 0;
    }
    return (int)taken;
}

static int on_bio_read(BIO *bio, char *data, int size)
{
    struct connection *connection = BIO_get_data(bio);
    struct tls_stream *stream = connection->tls;
    ssize_t got = 0;

    BIO_clear_retry_flags(bio);
    if (size <= 0) {
        return 0;
    }
    if (stream->early.size > 0) {
        return take_early(stream, data, size);
    }
    do {
        got = recv(connection->descriptor, data, (size_t)size, 0);
    } while (got < 0 && errno == EINTR);
    if (got == 0) {
        stream->is_at_end = true;
    } else if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        BIO_set_retry_read(bio);
    } else if (got < 0) {
        stream->os_code = errno;
    }
    return (int)got;
}

static int on_bio_write(BIO *bio, const char *data, int size)
{
    struct connection *connection = BIO_get_data(bio);
    ssize_t written = 0;

    BIO_clear_retry_flags(bio);
    if (size <= 0) {
        return 0;
    }
    do {
        written = send(connection->descriptor, data, (size_t)size, MSG_NOSIGNAL);
    } while (written < 0 && errno == EINTR);
    if (written < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        BIO_set_retry_write(bio);
    } else if (written < 0) {
        connection->tls->os_code = errno;
    }
    return (int)written;
}

static long on_bio_control(BIO *bio, int command, long number, void *pointer)
{
    struct connection *connection = BIO_get_data(bio);

    (void)number;
    (void)pointer;
    if (command == BIO_CTRL_FLUSH) {
        return 1; /* nothing is held back */
    }
    return command == BIO_CTRL_EOF && connection->tls->is_at_end;
}

static BIO *new_bio(struct connection *connection, BIO_METHOD **method)
{
    BIO *bio = NULL;

    *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "binrelay connection");
    if (*method == NULL || BIO_meth_set_read(*method, on_bio_read) != 1 ||
        BIO_meth_set_write(*method, on_bio_write) != 1 ||
        BIO_meth_set_ctrl(*method, on_bio_control) != 1) {
        abort(); /* out of memory */
    }
    bio = BIO_new(*method);
    if (bio == NULL) {
        abort();
    }
    BIO_set_data(bio, connection);
    BIO_set_init(bio, 1);
    return bio;
}

void tls_stream_free(struct tls_stream *stream, struct chunk_pool *pool)
{
    if (stream == NULL) {
        return;
    }
    SSL_free(stream->session);
    BIO_meth_free(stream->method);
    tls_unref(stream->tls);
    if (stream->staged != NULL) {
        chunk_pool_put(pool, stream->staged);
    }
    buffer_release(&stream->early);
    free(stream);
}

bool tls_stream_has_more(const struct tls_stream *stream)
{
    return stream->has_more;
}

uint64_t tls_stream_clear_left(const struct tls_stream *stream)
{
    return stream->clear_left;
}

void tls_stream_clear_sent(struct tls_stream *stream, uint64_t bytes)
{
    assert(bytes <= stream->clear_left);
    stream->clear_left -= bytes;
}

/* Why OpenSSL, the socket or the peer gave up. */
static void fail(struct connection *connection, int reason, const char *doing)
{
    struct tls_stream *stream = connection->tls;
    struct error error;

    if (stream->is_at_end || reason == SSL_ERROR_ZERO_RETURN) {
        if (stream->is_done) {
            connection_fail_end(connection);
            return;
        }
        (void)error_set(&error, STATUS_CLOSED,
                        "the peer closed the connection during the TLS handshake");
    } else if (stream->os_code != 0) {
        connection_fail_errno(connection, doing, stream->os_code);
        return;
    } else {
        (void)tls_explain(stream->session, STATUS_INVALID, &error);
    }
    connection_fail(connection, &error);
}

void connection_handshake(struct connection *connection)
{
    struct tls_stream *stream = connection->tls;
    int result = 0;
    int reason = 0;

    if (stream->clear_left > 0) {
        return;
    }
    ERR_clear_error();
    result = SSL_do_handshake(stream->session);
    reason = SSL_get_error(stream->session, result);
    connection_note_heard(connection);
    if (result == 1) {
        stream->is_done = true;
        connection_move_to(connection, CONNECTION_OPEN);
        connection_watch(connection);
        connection_wish(connection, WISH_INPUT | WISH_OUTPUT); /* some may be there already */
        (void)connection_tell(
            connection, connection->handler == NULL ? NULL : connection->handler->on_secure);
        return;
    }
    if (reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE) {
        connection->awaits_room = reason == SSL_ERROR_WANT_WRITE;
        connection_watch(connection);
        return;
    }
    fail(connection, reason, "TLS handshake");
}

ssize_t connection_tls_read(struct connection *connection, void *room, size_t size)
{
    struct tls_stream *stream = connection->tls;
    size_t got = 0;
    int reason = SSL_ERROR_NONE;

    ERR_clear_error();
    stream->has_more = true;
    if (SSL_read_ex(stream->session, room, size, &got) == 1) {
        return (ssize_t)got;
    }
    stream->has_more = false;
    reason = SSL_get_error(stream->session, 0);
    if (reason == SSL_ERROR_WANT_READ) {
        return 0;
    }
    if (reason == SSL_ERROR_WANT_WRITE) {
        connection->awaits_room = true; /* connection_on_writable() reads again */
        return 0;
    }
    fail(connection, reason, "read");
    return -1;
}

/*
 * What the next record is made of: large pieces where they lie, small ones and
 * files from a copy. When OpenSSL could not write it all, the next call gives
 * it the same bytes: the copy is kept, and a large piece stays the first.
 */
static bool next_record(struct connection *connection, struct bytes *record)
{
    struct tls_stream *stream = connection->tls;
    const struct output_piece *first = output_queue_first(&connection->output);
    struct error error;
    size_t copied = 0;

    if (stream->staged == NULL && first->kind != OUTPUT_FILE && first->size >= RECORD_BYTES) {
        *record = (struct bytes){first->data, RECORD_BYTES};
        return true;
    }
    if (stream->staged == NULL) {
        stream->staged = chunk_pool_take(loop_chunks(connection->loop));
        stream->staged_start = 0;
        if (output_queue_peek(&connection->output, stream->staged->data, OUTPUT_CHUNK_BYTES,
                              &copied, &error) != STATUS_OK) {
            connection_fail(connection, &error);
            return false;
        }
        stream->staged->used = copied;
    }
    *record = (struct bytes){stream->staged->data + stream->staged_start,
                             stream->staged->used - stream->staged_start};
    return true;
}

static void note_written(struct connection *connection, size_t written)
{
    struct tls_stream *stream = connection->tls;

    if (stream->staged == NULL) {
        return;
    }
    stream->staged_start += written;
    if (stream->staged_start == stream->staged->used) {
        chunk_pool_put(loop_chunks(connection->loop), stream->staged);
        stream->staged = NULL;
    }
}

ssize_t connection_tls_write(struct connection *connection)
{
    struct tls_stream *stream = connection->tls;
    struct bytes record = {NULL, 0};
    size_t written = 0;
    int reason = SSL_ERROR_NONE;

    if (!next_record(connection, &record)) {
        return -1;
    }
    ERR_clear_error();
    if (SSL_write_ex(stream->session, record.data, record.size, &written) == 1) {
        note_written(connection, written);
        return (ssize_t)written;
    }
    reason = SSL_get_error(stream->session, 0);
    if (reason == SSL_ERROR_WANT_WRITE || reason == SSL_ERROR_WANT_READ) {
        return 0;
    }
    fail(connection, reason, "write");
    return -1;
}

/* Says good-bye once; whether the peer hears it is its own affair. */
void connection_tls_end(struct connection *connection)
{
    ERR_clear_error();
    (void)SSL_shutdown(connection->tls->session);
    ERR_clear_error();
}

static void take_early_input(struct connection *connection, struct tls_stream *stream)
{
    struct bytes input = connection_input(connection);

    if (input.size > 0) {
        buffer_add_bytes(&stream->early, input);
        connection_consume(connection, input.size);
    }
}

static void start_tls(struct connection *connection, struct tls *tls, const char *host)
{
    struct tls_stream *stream = NULL;
    BIO *bio = NULL;

    if (connection->state != CONNECTION_OPEN) {
        return; /* it ends already: on_closed is on its way */
    }
    assert(connection->tls == NULL);
    stream = mem_zeroed(sizeof(*stream));
    bio = new_bio(connection, &stream->method);
    stream->tls = tls_ref(tls);
    stream->session = tls_session(tls, host);
    SSL_set_bio(stream->session, bio, bio);
    if (connection->input_capacity >= LARGE_INPUT_BYTES) {
        SSL_set_default_read_buffer_len(stream->session, LARGE_READ_BYTES);
    }
    stream->clear_left = connection->output.bytes;
    take_early_input(connection, stream);
    connection->tls = stream;
    connection_move_to(connection, CONNECTION_SECURING);
    connection_watch(connection);
    connection_wish(connection, WISH_INPUT | WISH_OUTPUT);
}

void connection_start_tls_server(struct connection *connection, struct tls *tls)
{
    start_tls(connection, tls, NULL);
    if (connection->tls != NULL) {
        SSL_set_accept_state(connection->tls->session);
    }
}

void connection_start_tls_client(struct connection *connection,
                                 struct tls *tls,
                                 const char *host)
{
    start_tls(connection, tls, host);
    if (connection->tls != NULL) {
        SSL_set_connect_state(connection->tls->session);
    }
}

bool connection_is_secure(const struct connection *connection)
{
    return connection->tls != NULL && connection->tls->is_done;
}

bool connection_peer_is_verified(const struct connection *connection)
{
    const struct tls_stream *stream = connection->tls;

    return connection_is_secure(connection) && tls_checks_peers(stream->tls) &&
           SSL_get0_peer_certificate(stream->session) != NULL &&
           SSL_get_verify_result(stream->session) == X509_V_OK;
}
