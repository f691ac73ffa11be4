/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proving a password: mysql_native_password and caching_sha2_password, as
 * client and as server, as small state machines over payloads. Pure, but for
 * random numbers.
 *
 * caching_sha2_password: the proof of the challenge is tried first (fast). A
 * client whose proof is not accepted that way is asked for the password itself,
 * over TLS as it is, else encrypted with the server's RSA key (full). As a
 * client, a password goes by RSA only to a pinned key.
 */
#pragma once

#include <stdbool.h>

#include "binrelay/base/bytes.h"
#include "binrelay/base/error.h"
#include "binrelay/protocol/handshake.h"

enum auth_plugin {
    AUTH_CACHING_SHA2,
    AUTH_NATIVE,
    AUTH_UNKNOWN,
};

enum auth_plugin auth_plugin_find(struct bytes name);

/* "" for AUTH_UNKNOWN. */
const char *auth_plugin_name(enum auth_plugin plugin);

/* Fills a challenge with random bytes, none of them 0 or '$'; aborts if there are none to have.
 */
void auth_challenge_make(uint8_t challenge[AUTH_CHALLENGE_BYTES]);

/* The client's proof of the password; added to output. A password of "" and an unknown plugin
 * give the empty proof. */
void auth_proof_add(struct buffer *output,
                    enum auth_plugin plugin,
                    const char *password,
                    const uint8_t challenge[AUTH_CHALLENGE_BYTES]);

/* ---- server ---- */

struct auth_rsa_key; /* the server's key pair; any thread */

/* Takes up to a second. NULL if OpenSSL cannot. */
struct auth_rsa_key *auth_rsa_key_new(void);

/* Reads the pair from a PEM file; where there is none, makes one and keeps it there, so that
 * clients may pin the public key over restarts. STATUS_CORRUPT: the file is no key. */
MUST_CHECK enum status auth_rsa_key_keep(struct auth_rsa_key **made,
                                         const char *path,
                                         struct error *error);
void auth_rsa_key_free(struct auth_rsa_key *key);

/* One password (the account's current one and, while it is changed, its old one) to check
 * against. */
struct auth_secrets {
    const char *passwords[2]; /* borrowed; NULL where there is none */
};

/*
 * What a server knows of one login. Fill the first part, call
 * auth_server_first() with the client's proof, then auth_server_next() with
 * each payload that follows, until it does not say AGAIN. What is added to
 * `reply`, if anything, is sent as one packet.
 *
 * The proof must be one of this plugin to this challenge: a client that names
 * another plugin, or was greeted with another one, is sent an auth switch first.
 * Every refusal is STATUS_DENIED with the same message, an unknown account's too.
 */
struct auth_server {
    enum auth_plugin plugin;
    const struct auth_secrets *secrets; /* borrowed; NULL: no such account, fails as slowly */
    uint8_t challenge[AUTH_CHALLENGE_BYTES];
    bool is_secure;                     /* TLS or UNIX socket */
    const struct auth_rsa_key *rsa_key; /* borrowed; NULL: none */
    int step;                           /* auth_server.c's own; 0 at first */
};

/* True if the client shows no password. Clients of MySQL send a zero, those of MariaDB nothing.
 */
bool auth_proof_is_empty(struct bytes proof);

/* STATUS_OK: proved (caching_sha2: reply is fast_auth_success, to be sent before the OK
 * packet; nothing after an empty password). */
MUST_CHECK enum status auth_server_first(struct auth_server *server,
                                         struct bytes proof,
                                         struct buffer *reply,
                                         struct error *error);
MUST_CHECK enum status auth_server_next(struct auth_server *server,
                                        struct bytes payload,
                                        struct buffer *reply,
                                        struct error *error);

/*
 * MariaDB 11.4's proof that a self-signed certificate is the right one
 * (MDEV-31855): the text for the OK packet's info field, added to output. The
 * fingerprint is the SHA-256 of the certificate (DER); client_proof is what the
 * client proved itself with, and the challenge what it answered.
 *
 * Works for mysql_native_password with a password that is not empty, and adds
 * nothing otherwise: clients take no such proof for caching_sha2_password. A
 * client that wants one (not on 127.0.0.1, ::1 or a UNIX socket) leaves right
 * after the TLS handshake if the greeting names caching_sha2_password, so the
 * greeting must name mysql_native_password. A client of MySQL 9 may lack that
 * plugin and then fails at such a greeting: it is a choice for each listener.
 */
void auth_certificate_proof_add(struct buffer *output,
                                const struct auth_server *server,
                                struct bytes client_proof,
                                struct bytes fingerprint);

/* ---- client ---- */

/* Fill plugin and challenge from the greeting (another plugin if that one is unknown: the
 * server will ask to switch), and prove the password by auth_proof_add() in the handshake
 * response. */
struct auth_client {
    enum auth_plugin plugin;
    const char *password; /* borrowed */
    uint8_t challenge[AUTH_CHALLENGE_BYTES];
    bool is_secure;              /* TLS or UNIX socket: the password may be sent as it is */
    const char *pinned_key_path; /* borrowed; PEM of the server's RSA key, or NULL */
    bool is_reply_due; /* after STATUS_AGAIN: send `reply`, even if empty (no password) */
    int step;          /* auth_client.c's own; 0 at first */
};

/*
 * Follows one payload after the handshake response: OK, error, auth switch,
 * more data. STATUS_OK: logged in. STATUS_AGAIN: send `reply` if
 * client->is_reply_due, and feed the next payload. STATUS_DENIED: the server's
 * own words, or it asks for what we refuse (another plugin, the password without
 * TLS). STATUS_INVALID: the server breaks the protocol, or the pinned key is bad.
 */
MUST_CHECK enum status auth_client_next(struct auth_client *client,
                                        struct bytes payload,
                                        struct buffer *reply,
                                        struct error *error);
