/* SPDX-License-Identifier: Apache-2.0 */
/* What connection_tls.c needs of a struct tls. */
#pragma once

#include <openssl/ssl.h>

#include "binrelay/net/tls.h"

/* A session of one connection, without its BIO. `host` is checked and sent as SNI by a client,
 * NULL for a server. */
SSL *tls_session(struct tls *tls, const char *host);

/* True if a certificate that the peer showed had to pass to get through the handshake. */
bool tls_checks_peers(const struct tls *tls);

/*
 * Makes an error of what OpenSSL's queue holds, and empties the queue. A bad
 * certificate is STATUS_DENIED. `session` may be NULL.
 */
enum status tls_explain(const SSL *session, enum status otherwise, struct error *error);
