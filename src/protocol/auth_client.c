/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's side of a login, from the handshake response on.
 *
 *   FIRST -- auth switch --> SWITCHED
 *     |                         |
 *     +------ more data --------+--> fast: PROVED | full: password sent, PROVED
 *
 * An OK or an error packet may come at any step, and ends it.
 */
#include <string.h>

#include "auth_proof.h"
#include "auth_rsa.h"
#include "binrelay/base/log.h"
#include "binrelay/protocol/auth.h"
#include "binrelay/protocol/result.h"

enum {
    STEP_FIRST,    /* 0: the proof went with the handshake response */
    STEP_SWITCHED, /* it went after an auth switch */
    STEP_PROVED,   /* nothing is left to send */

    HEADER_SWITCH = 0xFE,
    HEADER_ERROR = 0xFF,
};

static enum status refuse_plugin(struct bytes name, struct error *error)
{
    return error_set(
        error, STATUS_DENIED,
        "server asks for the authentication plugin '%s'; binrelay logs in by %s or "
        "%s only",
        log_safe(name).text, auth_plugin_name(AUTH_CACHING_SHA2),
        auth_plugin_name(AUTH_NATIVE));
}

/* AuthSwitchRequest is drawn in handshake.c. */
static enum status follow_switch(struct auth_client *client,
                                 struct byte_reader reader,
                                 struct buffer *reply,
                                 struct error *error)
{
    struct bytes name;
    struct bytes challenge;

    if (reader.left == 0) {
        return error_set(error, STATUS_DENIED,
                         "server asks for the authentication of before MySQL 4.1");
    }
    if (client->step != STEP_FIRST) {
        return error_set(error, STATUS_INVALID, "server asks twice for another plugin");
    }
    name = byte_reader_until_zero(&reader);
    if (reader.overran) {
        return error_set(error, STATUS_INVALID, "broken auth switch request");
    }
    if (auth_plugin_find(name) == AUTH_UNKNOWN) {
        return refuse_plugin(name, error);
    }
    challenge = byte_reader_take(&reader, AUTH_CHALLENGE_BYTES);
    if (reader.overran) {
        return error_set(error, STATUS_INVALID, "auth switch request without a challenge");
    }
    client->plugin = auth_plugin_find(name);
    memcpy(client->challenge, challenge.data, AUTH_CHALLENGE_BYTES);
    auth_proof_add(reply, client->plugin, client->password, client->challenge);
    client->is_reply_due = true;
    client->step = STEP_SWITCHED;
    return STATUS_AGAIN;
}

static enum status send_password(struct auth_client *client,
                                 struct buffer *reply,
                                 struct error *error)
{
    if (client->is_secure) {
        buffer_add_text_zero(reply, client->password);
    } else if (client->pinned_key_path == NULL) {
        return error_set(error, STATUS_DENIED,
                         "server asks for the password itself, which is not sent without TLS: "
                         "turn TLS on, or give the server's RSA key as \"public_key\"");
    } else if (auth_rsa_encrypt(reply, client->pinned_key_path, client->password,
                                client->challenge, error) != STATUS_OK) {
        return error->status;
    }
    client->is_reply_due = true;
    client->step = STEP_PROVED;
    return STATUS_AGAIN;
}

static enum status follow_more(struct auth_client *client,
                               struct byte_reader reader,
                               struct buffer *reply,
                               struct error *error)
{
    struct bytes more = byte_reader_rest(&reader);

    if (client->plugin == AUTH_CACHING_SHA2 && client->step != STEP_PROVED && more.size == 1) {
        if (more.data[0] == AUTH_FULL) {
            return send_password(client, reply, error);
        }
        if (more.data[0] == AUTH_FAST_OK) {
            client->step = STEP_PROVED;
            return STATUS_AGAIN;
        }
    }
    return error_set(error, STATUS_INVALID, "unexpected answer to the login by %s",
                     auth_plugin_name(client->plugin));
}

enum status auth_client_next(struct auth_client *client,
                             struct bytes payload,
                             struct buffer *reply,
                             struct error *error)
{
    struct byte_reader reader = byte_reader_of(payload);
    unsigned header = (unsigned)byte_reader_number(&reader, 1);

    client->is_reply_due = false;
    if (result_is_ok(payload)) {
        return STATUS_OK;
    }
    if (!reader.overran && header == HEADER_ERROR) {
        return result_error_deny(payload, error);
    }
    if (!reader.overran && header == HEADER_SWITCH) {
        return follow_switch(client, reader, reply, error);
    }
    if (!reader.overran && header == AUTH_MORE_DATA) {
        return follow_more(client, reader, reply, error);
    }
    return error_set(error, STATUS_INVALID, "broken answer of %zu bytes to the login",
                     payload.size);
}
