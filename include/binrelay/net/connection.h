/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One TCP (or UNIX) stream with its input, its output queue, and TLS.
 *
 * Knows bytes, not MySQL. It belongs to one loop at a time. Callbacks are made
 * from the loop only, never from inside a call of the owner; a connection that
 * is freed in a callback is taken apart at the end of the turn.
 *
 * Input is one contiguous buffer of a fixed capacity that the socket is read
 * into directly: the owner parses it in place and consumes from the front.
 * When it is full, reading stops until something is consumed.
 *
 * Output is a queue of pieces: bytes that were copied, memory that is shared,
 * ranges of files (sendfile where there is no TLS). It is written as soon as
 * connection_flush() is called or the turn ends, many pieces in one call.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binrelay/base/bytes.h"
#include "binrelay/base/error.h"
#include "binrelay/net/loop.h"
#include "binrelay/net/shared.h"
#include "binrelay/net/tls.h"

struct connection;

struct connection_handler {
    /* There is input that was not there before. */
    void (*on_input)(void *context);
    /* The queue fell to the low mark (connection_set_low_mark), after it was above. May be
     * NULL. */
    void (*on_drained)(void *context);
    /* connection_dial: connected. connection_start_tls: the handshake is done. May be NULL. */
    void (*on_connected)(void *context);
    void (*on_secure)(void *context);
    /* The peer left or something failed; called once, nothing is called after. */
    void (*on_closed)(void *context, const struct error *why);
};

/* Takes over a connected, accepted descriptor. `name` is "address:port" for logs (copied). It
 * reads nothing until connection_set_handler(); the input buffer is allocated when it does. */
struct connection *connection_new(struct loop *loop,
                                  int descriptor,
                                  const char *name,
                                  size_t input_bytes);

/*
 * Resolves and connects without blocking; on_connected or on_closed follows,
 * with STATUS_NOT_FOUND for a host that has no address, STATUS_SYSTEM with
 * os_code for one that refuses or does not answer. All addresses are tried in
 * turn within timeout_usec. A host that begins with a slash is the path of a
 * UNIX socket. TCP_NODELAY and keepalive are set on every TCP connection.
 */
struct connection *connection_dial(struct loop *loop,
                                   const char *host,
                                   uint16_t port,
                                   uint64_t timeout_usec,
                                   size_t input_bytes);

/* The handler is borrowed and must outlive the connection; NULL context is fine. */
void connection_set_handler(struct connection *connection,
                            const struct connection_handler *handler,
                            void *context);

/* Closes at once and frees. Queued output is lost. Accepts NULL. May be called in callbacks. */
void connection_free(struct connection *connection);

/* Writes what is queued, then closes; on_closed follows, at the latest after the timeout. Input
 * is ignored from now on, and so is what is sent. */
void connection_finish(struct connection *connection, uint64_t timeout_usec);

/* What has arrived and is not consumed. Valid until more is read: by connection_read_more(), by
 * the loop after the callback has returned, or by connection_set_input_bytes(). */
struct bytes connection_input(const struct connection *connection);
void connection_consume(struct connection *connection, size_t size);

/* Reads more now without waiting for the loop. STATUS_AGAIN if there is nothing, or no room;
 * STATUS_CLOSED at the end (on_closed still follows). */
MUST_CHECK enum status connection_read_more(struct connection *connection);

/* Grows the input buffer; a smaller size changes nothing. */
void connection_set_input_bytes(struct connection *connection, size_t input_bytes);

/* A paused connection does not read; on_input does not come again for what is there. */
void connection_pause_input(struct connection *connection, bool is_paused);

/* Queue output. Copied; shared (a reference is taken); or read from the file when it is sent.
 */
void connection_send(struct connection *connection, struct bytes bytes);
void connection_send_shared(struct connection *connection,
                            struct shared *shared,
                            struct bytes part);
void connection_send_file(struct connection *connection,
                          struct shared_file *file,
                          uint64_t offset,
                          uint64_t size);

/* Writes as much as the socket takes now, and as is fair to others. Called by itself at the end
 * of a turn. */
void connection_flush(struct connection *connection);

/* Bytes that wait in the queue, file ranges included. */
uint64_t connection_queued(const struct connection *connection);
void connection_set_low_mark(struct connection *connection, uint64_t bytes);

/* Bytes the kernel took. */
uint64_t connection_sent(const struct connection *connection);

/* False once what is sent is dropped: it failed, or is about to end. And the socket's
 * descriptor a second time, which the caller closes; -1 with errno. */
bool connection_is_open(const struct connection *connection);
int connection_duplicate(const struct connection *connection);

/* Closes with STATUS_CLOSED if no byte arrives for so long; 0 turns it off. The time while the
 * input is paused or the buffer full does not count. */
void connection_set_idle_limit(struct connection *connection, uint64_t usec);

/*
 * Begin TLS; on_secure or on_closed follows. What is queued already goes out in
 * the clear first. A server calls this when it has consumed the SSL request:
 * the bytes behind it in the input are the client's first TLS records (clients
 * do not wait) and go to OpenSSL, so that nothing that came in the clear can
 * pass for input that came through TLS. What is sent before on_secure waits and
 * goes through TLS. `host` is checked with TLS_CHECK_IDENTITY, and sent as SNI.
 */
void connection_start_tls_server(struct connection *connection, struct tls *tls);
void connection_start_tls_client(struct connection *connection,
                                 struct tls *tls,
                                 const char *host);
bool connection_is_secure(const struct connection *connection);

/* True if the peer showed a certificate that was verified. */
bool connection_peer_is_verified(const struct connection *connection);

/*
 * Gives the connection to another loop, TLS and all, but not while it dials.
 * After leave the old thread may not touch it; the new one calls
 * connection_arrive() before anything else, or connection_free(). Input that
 * waits causes on_input soon after the arrival.
 */
void connection_leave(struct connection *connection);
void connection_arrive(struct connection *connection, struct loop *loop);

/* "10.0.0.7:51200", borrowed. connection_set_name() replaces it (PROXY protocol). */
const char *connection_name(const struct connection *connection);
void connection_set_name(struct connection *connection, const char *name);
