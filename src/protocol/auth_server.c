/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's side of a login.
 *
 *   FIRST --- proof is right, or known to be wrong ---------------> ENDED
 *     |                                                              ^
 *     +- caching_sha2: proof does not match -> FULL -- password -----+
 *                                               |                    |
 *                                               +- wants key -> KEY -+
 */
#include <assert.h>

#include "auth_proof.h"
#include "auth_rsa.h"
#include "binrelay/protocol/auth.h"

enum {
    STEP_FIRST, /* 0: the caller zeroes it */
    STEP_FULL,  /* the client was asked for the password */
    STEP_KEY,   /* it asked for the RSA key, and has it */
    STEP_ENDED,
};

static enum status end(struct auth_server *server, bool is_proved, struct error *error)
{
    server->step = STEP_ENDED;
    if (!is_proved) {
        return error_set(error, STATUS_DENIED, "Access denied");
    }
    return STATUS_OK;
}

static void add_more_data(struct buffer *reply, uint8_t what)
{
    buffer_add_number(reply, AUTH_MORE_DATA, 1);
    buffer_add_number(reply, what, 1);
}

bool auth_proof_is_empty(struct bytes proof)
{
    return proof.size == 0 || (proof.size == 1 && proof.data[0] == 0);
}

enum status auth_server_first(struct auth_server *server,
                              struct bytes proof,
                              struct buffer *reply,
                              struct error *error)
{
    bool is_proved = false;

    assert(server->step == STEP_FIRST && server->plugin != AUTH_UNKNOWN);
    if (auth_proof_is_empty(proof)) {
        return end(server, auth_password_matches(server, (struct bytes){0}) != 0, error);
    }
    is_proved = auth_proof_matches(server, proof) != 0;
    if (server->plugin == AUTH_NATIVE) {
        return end(server, is_proved, error);
    }
    if (is_proved) {
        add_more_data(reply, AUTH_FAST_OK);
        return end(server, true, error);
    }
    if (!server->is_secure && server->rsa_key == NULL) {
        return end(server, false, error); /* no way for the password itself */
    }
    add_more_data(reply, AUTH_FULL);
    server->step = STEP_FULL;
    return STATUS_AGAIN;
}

static bool is_key_request(const struct auth_server *server, struct bytes payload)
{
    return !server->is_secure && server->step == STEP_FULL && payload.size == 1 &&
           payload.data[0] == AUTH_KEY_REQUEST;
}

static bool is_password_encrypted(const struct auth_server *server, struct bytes payload)
{
    struct buffer password = {0};
    bool is_readable = auth_rsa_decrypt(server->rsa_key, server->challenge, payload, &password);
    bool is_password = auth_password_matches(server, buffer_bytes(&password)) != 0;

    auth_rsa_wipe(&password);
    return is_readable && is_password;
}

enum status auth_server_next(struct auth_server *server,
                             struct bytes payload,
                             struct buffer *reply,
                             struct error *error)
{
    assert(server->step == STEP_FULL || server->step == STEP_KEY);
    if (is_key_request(server, payload)) {
        buffer_add_number(reply, AUTH_MORE_DATA, 1);
        buffer_add_bytes(reply, auth_rsa_public_text(server->rsa_key));
        server->step = STEP_KEY;
        return STATUS_AGAIN;
    }
    if (!server->is_secure) {
        return end(server, is_password_encrypted(server, payload), error);
    }
    if (payload.size == 0 || payload.data[payload.size - 1] != '\0') {
        return end(server, false, error);
    }
    payload.size--; /* the zero behind the password */
    return end(server, auth_password_matches(server, payload) != 0, error);
}
