/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proving a password: mysql_native_password and caching_sha2_password, as
 * client and as server, as small state machines over payloads. Pure, but for
 * random numbers.
 *
 * caching_sha2_password: the proof of the challenge is tried first (fast). A
 * client whose proof is not accepted that way is asked for the password itself,
 * over TLS as it is, else encrypted with the server's RSA key (full). As a
 * client, a password goes by RSA only to a pinned key (decisions 32).
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
const char *auth_plugin_name(enum auth_plugin plugin);

/* Fills a challenge with random bytes, none of them 0 or '$'. */
void auth_challenge_make(uint8_t challenge[AUTH_CHALLENGE_BYTES]);

/* The client's proof of the password ("" gives the empty proof); added to output. */
void auth_proof_add(struct buffer *output,
                    enum auth_plugin plugin,
                    const char *password,
                    const uint8_t challenge[AUTH_CHALLENGE_BYTES]);

/* ---- server ---- */

struct auth_rsa_key; /* the server's key pair, made once per process; any thread */
struct auth_rsa_key *auth_rsa_key_new(void);
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
 * `reply` is sent as one packet.
 */
struct auth_server {
    enum auth_plugin plugin;
    const struct auth_secrets *secrets; /* borrowed; NULL: no such account, fails as slowly */
    uint8_t challenge[AUTH_CHALLENGE_BYTES];
    bool is_secure;                     /* TLS or UNIX socket */
    const struct auth_rsa_key *rsa_key; /* borrowed; NULL: none */
    int step;                           /* auth.c's own; 0 at first */
};

/* STATUS_OK: proved (caching_sha2: reply is fast_auth_success, to be sent before the OK
 * packet). */
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
 * (MDEV-31855): the text for the OK packet's info field, added to output.
 */
void auth_certificate_proof_add(struct buffer *output,
                                const struct auth_server *server,
                                struct bytes client_proof,
                                struct bytes fingerprint);

/* ---- client ---- */

struct auth_client {
    enum auth_plugin plugin;
    const char *password; /* borrowed */
    uint8_t challenge[AUTH_CHALLENGE_BYTES];
    bool is_secure;
    const char *pinned_key_path; /* borrowed; PEM of the server's RSA key, or NULL */
    int step;
};

/*
 * Follows one payload after the handshake response: OK, error, auth switch,
 * more data. STATUS_OK: logged in. STATUS_AGAIN: send `reply` (if not empty)
 * and feed the next payload. STATUS_DENIED: the server's own words.
 */
MUST_CHECK enum status auth_client_next(struct auth_client *client,
                                        struct bytes payload,
                                        struct buffer *reply,
                                        struct error *error);
