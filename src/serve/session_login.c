/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the greeting to the OK packet (manual: "Connection Phase").
 *
 * The greeting goes out at once, before a PROXY header is known to come, so
 * that plain probes never hang. A login of an unknown user takes
 * the same way as one with a wrong password.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "binrelay/base/log.h"
#include "binrelay/net/proxy_header.h"
#include "session.h"
#include "sql/sql_errors.h"

enum {
    LOGIN_PACKET_MOST_BYTES = 64 * 1024, /* nobody has logged in yet */
    NAME_SHOWN_BYTES = 80,
    CHARACTER_SET = 45, /* utf8mb4_general_ci: every client knows it */
    SERVER_STATUS = 2,  /* autocommit */
};

static const uint32_t offered_always =
    CAPABILITY_LONG_PASSWORD | CAPABILITY_FOUND_ROWS | CAPABILITY_LONG_FLAG |
    CAPABILITY_CONNECT_WITH_DB | CAPABILITY_PROTOCOL_41 | CAPABILITY_TRANSACTIONS |
    CAPABILITY_SECURE_CONNECTION | CAPABILITY_MULTI_RESULTS | CAPABILITY_PLUGIN_AUTH |
    CAPABILITY_CONNECT_ATTRIBUTES | CAPABILITY_PLUGIN_AUTH_LENENC | CAPABILITY_DEPRECATE_EOF;

static bool proves_certificate(const struct session *session)
{
    return session->settings->tls != NULL && tls_is_self_signed(session->settings->tls);
}

/*
 * caching_sha2_password, with an auth switch for accounts that want the other,
 * but for one case: MariaDB's clients from 11.4 on leave a
 * server with a self-signed certificate unless the greeting itself names a
 * plugin that can prove the certificate, and of the two only the old one can.
 * MySQL's clients up to 9.7 take either greeting, and are switched.
 */
static enum auth_plugin choose_greeting(const struct session *session)
{
    bool has_native = settings_has_native_account(
        session->settings, session->door->first_cluster, session->door->cluster_count);

    return has_native && proves_certificate(session) ? AUTH_NATIVE : AUTH_CACHING_SHA2;
}

void session_send_greeting(struct session *session)
{
    struct greeting greeting = {.connection_id = (uint32_t)session->id,
                                .server_status = SERVER_STATUS,
                                .character_set = CHARACTER_SET};
    struct result_writer writer;
    size_t begun = 0;

    session->capabilities = offered_always;
    if (session->settings->tls != NULL) {
        session->capabilities |= CAPABILITY_SSL;
    }
    session->greeted = choose_greeting(session);
    auth_challenge_make(session->auth.challenge);
    greeting.capabilities = session->capabilities;
    memcpy(greeting.challenge, session->auth.challenge, sizeof(greeting.challenge));
    (void)snprintf(greeting.version, sizeof(greeting.version), "%s", session->door->version);
    (void)snprintf(greeting.plugin, sizeof(greeting.plugin), "%s",
                   auth_plugin_name(session->greeted));
    writer = session_writer(session);
    begun = packet_begin(writer.output);
    greeting_encode(writer.output, &greeting);
    packet_end(writer.output, begun, &writer.sequence);
    session_send(session, &writer);
}

static void send_payload(struct session *session, struct bytes payload)
{
    struct result_writer writer = session_writer(session);

    packet_add(writer.output, payload, &writer.sequence);
    session_send(session, &writer);
}

/* ---- the PROXY header ---- */

static void fill_peer(struct session_entry *entry, const void *context)
{
    (void)snprintf(entry->facts.peer, sizeof(entry->facts.peer), "%s", (const char *)context);
}

static void take_name(struct session *session, const char *name)
{
    (void)snprintf(session->peer, sizeof(session->peer), "%s", name);
    session->port->set_name(session, name);
    session_directory_update(session->house->directory, session->card, fill_peer, name);
}

static bool is_refused(struct session *session)
{
    uint64_t now_usec = clock_monotonic_usec(session->house->clock);

    return login_limits_refuse(session->house->limits, session->peer, now_usec);
}

/* Returns true once there is no header, or not any more. */
static bool pass_proxy_header(struct session *session)
{
    struct proxy_header header;
    struct error error;
    enum status status = proxy_header_find(session->port->input(session), &header, &error);

    if (status == STATUS_AGAIN) {
        session->port->make_room(session, PROXY_HEADER_BYTES_MAX);
        return false;
    }
    session->may_send_proxy_header = false;
    if (status == STATUS_NOT_FOUND) {
        return true;
    }
    if (status != STATUS_OK) {
        log_warning("session %" PRIu64 " (%s): PROXY header: %s", session->id, session->peer,
                    error.message);
        session_move_to(session, SESSION_CLOSING);
        return false;
    }
    session->port->consume(session, header.size);
    if (!header.is_local) {
        take_name(session, header.source);
        if (is_refused(session)) {
            session->sequence++;
            session_refuse(session, SQL_ERROR_HOST_BLOCKED,
                           "Too many failed logins from this address; try again later");
            return false;
        }
    }
    return true;
}

/* ---- the end of a login ---- */

static void fill_login(struct session_entry *entry, const void *context)
{
    const struct session *session = context;

    (void)snprintf(entry->facts.user, sizeof(entry->facts.user), "%s", session->sql.user);
    if (session->sql.cluster != NULL) {
        (void)snprintf(entry->facts.cluster, sizeof(entry->facts.cluster), "%s",
                       session->sql.cluster->name);
    }
    entry->facts.is_secure = session->is_secure;
}

static struct log_text login_name(const struct session *session)
{
    return log_safe(
        (struct bytes){.data = session->login.data, .size = session->login_user_bytes});
}

/* Without a password it is a probe, not a guess: it may come every second from a balancer. */
static bool has_password(const struct session *session)
{
    return !auth_proof_is_empty(buffer_bytes(&session->proof));
}

static void deny(struct session *session, const char *why)
{
    int shown = session->login_user_bytes > NAME_SHOWN_BYTES ? NAME_SHOWN_BYTES
                                                             : (int)session->login_user_bytes;
    char host[PEER_HOST_BYTES];

    peer_host(session->peer, host);
    log_warning("session %" PRIu64 " (%s): login of %s refused: %s", session->id, session->peer,
                login_name(session).text, why);
    session_refuse(session, SQL_ERROR_ACCESS_DENIED,
                   "Access denied for user '%.*s'@'%s' (using password: %s)", shown,
                   (const char *)session->login.data, host,
                   has_password(session) ? "YES" : "NO");
}

static bool is_tls_enough(const struct session *session)
{
    switch (session->account->tls) {
    case ACCOUNT_TLS_REQUIRED:
        return session->is_secure;
    case ACCOUNT_TLS_X509:
        return session->is_secure && session->port->has_certificate((struct session *)session);
    case ACCOUNT_TLS_OPTIONAL:
    default:
        return true;
    }
}

/* Counts the account's clusters behind this listener that match the name, if there is one. */
static size_t count_clusters(struct session *session, struct bytes name)
{
    const struct account *account = session->account;
    const struct session_door *door = session->door;
    size_t count = 0;

    for (size_t at = 0; at < account->cluster_count; at++) {
        size_t number = account->clusters[at];
        const struct served_cluster *cluster = &session->house->clusters[number];

        if (number >= door->first_cluster &&
            number < door->first_cluster + door->cluster_count &&
            (name.data == NULL || bytes_equal(name, bytes_of_text(cluster->name)))) {
            session->cluster = number;
            count++;
        }
    }
    return count;
}

static enum status choose_cluster(struct session *session, struct error *error)
{
    size_t count = count_clusters(session, session->cluster_name);
    int shown = session->cluster_name.size > NAME_SHOWN_BYTES ? NAME_SHOWN_BYTES
                                                              : (int)session->cluster_name.size;

    if (count == 0) {
        return sql_error_set(error, SQL_ERROR_CLUSTER_DENIED,
                             "Access denied for user '%s' to cluster '%.*s'", session->sql.user,
                             shown, shown == 0 ? "" : (const char *)session->cluster_name.data);
    }
    session->sql.cluster = count == 1 ? &session->house->clusters[session->cluster] : NULL;
    return STATUS_OK;
}

/* What MariaDB's clients check a self-signed certificate by (MDEV-31855). */
static void add_certificate_proof(const struct session *session, struct buffer *info)
{
    if (session->is_secure && proves_certificate(session) &&
        session->auth.plugin == AUTH_NATIVE) {
        auth_certificate_proof_add(info, &session->auth, buffer_bytes(&session->proof),
                                   tls_fingerprint(session->settings->tls));
    }
}

static void accept_login(struct session *session)
{
    struct sql_session *sql = &session->sql;
    struct buffer info = {0};
    struct error error;

    login_limits_note_success(session->house->limits, session->peer);
    if (!is_tls_enough(session)) {
        deny(session, "the account asks for TLS");
        return;
    }
    (void)snprintf(sql->user, sizeof(sql->user), "%s", session->account->user);
    peer_host(session->peer, sql->host);
    sql->rights = session->account->rights;
    sql->account = session->account;
    (void)snprintf(sql->version, sizeof(sql->version), "%s",
                   strncmp(session->door->version, "5.5.5-", 6) == 0
                       ? session->door->version + 6
                       : session->door->version);
    if (choose_cluster(session, &error) != STATUS_OK ||
        (session->database.size > 0 &&
         sql_session_use(sql, session->database, &error) != STATUS_OK)) {
        session_send_error(session, &error);
        session_move_to(session, SESSION_CLOSING);
        return;
    }
    add_certificate_proof(session, &info);
    session_directory_update(session->house->directory, session->card, fill_login, session);
    session_send_ok(session, buffer_bytes(&info));
    buffer_release(&info);
    session_move_to(session, SESSION_READY);
}

/* ---- the proof of the password ---- */

/* Follows the plugin's word. What it wants to say is sent first. */
static enum session_step follow(struct session *session,
                                enum status status,
                                struct buffer *reply,
                                const struct error *error)
{
    (void)error; /* every refusal says the same */
    if (reply->size > 0) {
        send_payload(session, buffer_bytes(reply));
    }
    buffer_release(reply);
    if (status == STATUS_AGAIN) {
        return STEP_AGAIN;
    }
    if (status == STATUS_OK && session->account != NULL) {
        accept_login(session);
    } else {
        deny(session, "wrong user or password");
    }
    return STEP_AGAIN;
}

/*
 * A first proof that does not match counts at once: the answer tells that it
 * was wrong, and who guesses leaves then. One password may follow; if that is
 * right, the login forgets the failure.
 */
static void note_guess(struct session *session, enum status status)
{
    if (status != STATUS_OK && has_password(session)) {
        login_limits_note_failure(session->house->limits, session->peer,
                                  clock_monotonic_usec(session->house->clock));
    }
}

static enum session_step prove_first(struct session *session, struct bytes proof)
{
    struct buffer reply = {0};
    struct error error;
    enum status status = STATUS_OK;

    buffer_clear(&session->proof);
    buffer_add_bytes(&session->proof, proof);
    status = auth_server_first(&session->auth, buffer_bytes(&session->proof), &reply, &error);
    note_guess(session, status);
    return follow(session, status, &reply, &error);
}

static enum session_step switch_plugin(struct session *session)
{
    struct buffer payload = {0};

    if ((session->capabilities & CAPABILITY_PLUGIN_AUTH) == 0) {
        session_refuse(session, SQL_ERROR_PLUGIN_UNKNOWN_TO_CLIENT,
                       "Client does not support authentication protocol requested by server; "
                       "consider upgrading MySQL client");
        return STEP_AGAIN;
    }
    auth_challenge_make(session->auth.challenge);
    auth_switch_encode(&payload, auth_plugin_name(session->auth.plugin),
                       session->auth.challenge);
    send_payload(session, buffer_bytes(&payload));
    buffer_release(&payload);
    session->is_switching = true;
    return STEP_AGAIN;
}

static void keep_login(struct session *session, const struct handshake_response *response)
{
    struct buffer *login = &session->login;

    buffer_clear(login);
    buffer_add_bytes(login, response->user);
    session->login_user_bytes = login->size;
    buffer_add_bytes(login, response->database);
    (void)buffer_room(login, 1); /* so that even an empty one has a place */
    session->database = (struct bytes){.data = login->data + session->login_user_bytes,
                                       .size = response->database.size};
    session->account = settings_find_account(
        session->settings,
        (struct bytes){.data = login->data, .size = session->login_user_bytes},
        &session->cluster_name);
}

static enum session_step begin_proof(struct session *session,
                                     const struct handshake_response *response)
{
    enum auth_plugin named = AUTH_NATIVE;

    if ((response->capabilities & CAPABILITY_PLUGIN_AUTH) != 0) {
        named = auth_plugin_find(response->plugin);
    }
    session->capabilities = response->capabilities;
    keep_login(session, response);
    session->auth.plugin =
        session->account == NULL ? AUTH_CACHING_SHA2 : session->account->plugin;
    session->auth.secrets = session->account == NULL ? NULL : &session->account->secrets;
    session->auth.is_secure = session->is_secure;
    session->auth.rsa_key = session->house->rsa_key;
    session_move_to(session, SESSION_AUTHENTICATING);
    if (named != session->auth.plugin || session->greeted != session->auth.plugin) {
        return switch_plugin(session);
    }
    return prove_first(session, response->proof);
}

static enum session_step begin_tls(struct session *session)
{
    if (session->is_secure || session->settings->tls == NULL) {
        session_refuse(session, SQL_ERROR_BAD_HANDSHAKE, "Bad handshake");
        return STEP_AGAIN;
    }
    session->is_securing = true;
    session->port->start_tls(session, session->settings->tls);
    return STEP_WAIT;
}

void session_secured(struct session *session)
{
    session->is_securing = false;
    session->is_secure = true;
    session_run(session);
}

enum session_step session_greet(struct session *session)
{
    struct handshake_response response;
    struct packet packet;
    struct error error;
    enum session_step step = STEP_WAIT;

    if (session->is_securing) {
        return STEP_WAIT;
    }
    if (session->may_send_proxy_header && !pass_proxy_header(session)) {
        return STEP_WAIT;
    }
    if (session_next_packet(session, LOGIN_PACKET_MOST_BYTES, &packet) != STATUS_OK) {
        return STEP_WAIT;
    }
    if (handshake_response_decode(&response, packet.payload, session->capabilities, &error) !=
        STATUS_OK) {
        session_refuse(session, SQL_ERROR_BAD_HANDSHAKE, "Bad handshake: %s", error.message);
        return STEP_AGAIN;
    }
    if (response.is_ssl_request) {
        session->port->consume(session, packet.taken);
        return begin_tls(session);
    }
    if (!session->is_secure && session->settings->tls_mode == ENDPOINT_TLS_REQUIRED) {
        session_refuse(session, SQL_ERROR_TLS_REQUIRED,
                       "Connections using insecure transport are prohibited while "
                       "--require_secure_transport=ON.");
        return STEP_AGAIN;
    }
    step = begin_proof(session, &response);
    session->port->consume(session, packet.taken);
    return step;
}

enum session_step session_authenticate(struct session *session)
{
    struct buffer reply = {0};
    struct packet packet;
    struct error error;
    enum session_step step = STEP_WAIT;

    if (session_next_packet(session, LOGIN_PACKET_MOST_BYTES, &packet) != STATUS_OK) {
        return STEP_WAIT;
    }
    if (session->is_switching) {
        session->is_switching = false;
        step = prove_first(session, packet.payload);
    } else {
        enum status status = auth_server_next(&session->auth, packet.payload, &reply, &error);

        step = follow(session, status, &reply, &error);
    }
    session->port->consume(session, packet.taken);
    return step;
}
