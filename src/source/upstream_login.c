/* SPDX-License-Identifier: Apache-2.0 */
/* From the greeting to the OK of the login. */
#include <string.h>

#include "binrelay/protocol/packet.h"
#include "upstream_internal.h"

enum {
    LOGIN_MOST_BYTES = 64 * 1024,    /* of any packet before the login is done */
    OUR_MOST_PACKET_BYTES = 1 << 30, /* what we say that we accept: events up to the limit */
    CHARACTER_SET_UTF8MB4 = 45,
};

static uint32_t our_capabilities(const struct upstream *upstream)
{
    uint32_t ours = CAPABILITY_LONG_PASSWORD | CAPABILITY_LONG_FLAG | CAPABILITY_PROTOCOL_41 |
                    CAPABILITY_TRANSACTIONS | CAPABILITY_SECURE_CONNECTION |
                    CAPABILITY_PLUGIN_AUTH | CAPABILITY_PLUGIN_AUTH_LENENC;

    /* MariaDB's greeting leaves LONG_PASSWORD out and means its own extension by that: with it
     * set, as here, we are a plain client. */
    return (ours & upstream->greeting.capabilities) | CAPABILITY_LONG_PASSWORD;
}

static bool wants_tls(const struct upstream *upstream)
{
    bool is_offered = (upstream->greeting.capabilities & CAPABILITY_SSL) != 0;
    enum source_tls_mode mode = upstream->task.source->tls_mode;

    return mode > SOURCE_TLS_PREFERRED || (mode == SOURCE_TLS_PREFERRED && is_offered);
}

static struct handshake_response login_response(const struct upstream *upstream)
{
    return (struct handshake_response){
        .capabilities =
            our_capabilities(upstream) | (wants_tls(upstream) ? CAPABILITY_SSL : 0U),
        .most_packet_bytes = OUR_MOST_PACKET_BYTES,
        .character_set = CHARACTER_SET_UTF8MB4,
    };
}

static void prepare_login(struct upstream *upstream)
{
    struct auth_client *auth = &upstream->auth;

    auth->plugin = auth_plugin_find(bytes_of_text(upstream->greeting.plugin));
    if (auth->plugin == AUTH_UNKNOWN) {
        /* The server's default is not the account's: it will ask for another. */
        auth->plugin = upstream->greeting.is_mariadb ? AUTH_NATIVE : AUTH_CACHING_SHA2;
    }
    auth->password = upstream->task.source->password;
    auth->pinned_key_path = upstream->task.source->public_key;
    memcpy(auth->challenge, upstream->greeting.challenge, sizeof(auth->challenge));
}

void upstream_send_login(struct upstream *upstream)
{
    struct handshake_response response = login_response(upstream);
    struct buffer proof = {0};
    struct buffer payload = {0};

    upstream->auth.is_secure = upstream->is_secure;
    auth_proof_add(&proof, upstream->auth.plugin, upstream->auth.password,
                   upstream->auth.challenge);
    response.user = bytes_of_text(upstream->task.source->user);
    response.proof = buffer_bytes(&proof);
    response.plugin = bytes_of_text(auth_plugin_name(upstream->auth.plugin));
    handshake_response_encode(&payload, &response);
    upstream_send(upstream, &payload);
    buffer_release(&payload);
    buffer_release(&proof);
}

static enum upstream_step begin_tls(struct upstream *upstream)
{
    struct handshake_response response = login_response(upstream);
    struct buffer payload = {0};

    if ((upstream->greeting.capabilities & CAPABILITY_SSL) == 0) {
        (void)error_set(&upstream->error, STATUS_DENIED,
                        "the source offers no TLS, and tls.mode demands it");
        return upstream_fail(upstream, PULL_MISCONFIGURED);
    }
    if (upstream->input.size > 0) { /* must come after the handshake, or it is someone else's */
        (void)error_set(&upstream->error, STATUS_INVALID,
                        "the source sent bytes before the TLS handshake");
        return upstream_fail(upstream, PULL_MISCONFIGURED);
    }
    response.is_ssl_request = true;
    handshake_ssl_request_encode(&payload, &response);
    upstream_send(upstream, &payload);
    buffer_release(&payload);
    upstream_move_to(upstream, UPSTREAM_SECURING);
    return UPSTREAM_SECURE;
}

enum upstream_step upstream_greet(struct upstream *upstream)
{
    const uint32_t needed = CAPABILITY_PROTOCOL_41 | CAPABILITY_SECURE_CONNECTION;
    struct bytes payload;
    enum upstream_step step = upstream_next_payload(upstream, LOGIN_MOST_BYTES, &payload);

    if (step != UPSTREAM_AGAIN) {
        return step;
    }
    if (greeting_decode(&upstream->greeting, payload, &upstream->error) != STATUS_OK) {
        return upstream_fail_answer(upstream, SOURCE_STAGE_LOGIN);
    }
    if ((upstream->greeting.capabilities & needed) != needed) {
        (void)error_set(&upstream->error, STATUS_INVALID, "the source is too old: %s",
                        upstream->greeting.version);
        return upstream_fail(upstream, PULL_MISCONFIGURED);
    }
    prepare_login(upstream);
    if (wants_tls(upstream)) {
        return begin_tls(upstream);
    }
    upstream_move_to(upstream, UPSTREAM_AUTHENTICATING);
    upstream_send_login(upstream);
    return UPSTREAM_AGAIN;
}

enum upstream_step upstream_wait_for_tls(struct upstream *upstream)
{
    (void)upstream;
    return UPSTREAM_WAIT;
}

enum upstream_step upstream_authenticate(struct upstream *upstream)
{
    struct buffer reply = {0};
    struct bytes payload;
    enum status status = STATUS_OK;
    enum upstream_step step = upstream_next_payload(upstream, LOGIN_MOST_BYTES, &payload);

    if (step != UPSTREAM_AGAIN) {
        return step;
    }
    status = auth_client_next(&upstream->auth, payload, &reply, &upstream->error);
    if (status == STATUS_AGAIN && upstream->auth.is_reply_due) {
        upstream_send(upstream, &reply);
    }
    buffer_release(&reply);
    if (status == STATUS_AGAIN) {
        return UPSTREAM_AGAIN;
    }
    if (status != STATUS_OK) {
        return upstream_fail_answer(upstream, SOURCE_STAGE_LOGIN);
    }
    upstream_move_to(upstream, UPSTREAM_ASKING);
    upstream_begin_asking(upstream);
    return UPSTREAM_AGAIN;
}
