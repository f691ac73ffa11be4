/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A MySQL client for tests, with blocking calls: what it sends can be anything.
 * A call that waits for what never comes fails after TIMEOUT_SEC.
 */
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "binrelay/base/error.h"
#include "binrelay/protocol/auth.h"
#include "binrelay/protocol/command.h"
#include "binrelay/protocol/packet.h"
#include "binrelay/protocol/result.h"
#include "check.h"

enum { TIMEOUT_SEC = 30, SQL_ANSWER_MOST_BYTES = 64 * 1024 * 1024 };

struct sql_client {
    int socket;
    SSL_CTX *tls;        /* owned; NULL: plain */
    SSL *session;        /* owned */
    struct buffer input; /* owned: not taken yet */
    size_t taken;        /* of the input */
    uint8_t sequence;    /* of the next packet, theirs or ours */
    bool is_closed;      /* the server closed the connection */
    struct greeting greeting;
    struct bytes payload;  /* of the last packet; in the input */
    struct result_set set; /* of the last query */
    struct error error;    /* of the last failure */
};

/* Connects from an address of 127.0.0.0/8: failed logins count by address. */
static inline struct sql_client client_dial(uint16_t port, const char *from)
{
    struct sql_client client = {.socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const struct timeval limit = {.tv_sec = TIMEOUT_SEC};
    struct sockaddr_in address = {.sin_family = AF_INET};

    CHECK(client.socket >= 0);
    CHECK(setsockopt(client.socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0);
    CHECK(setsockopt(client.socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) == 0);
    CHECK(inet_pton(AF_INET, from, &address.sin_addr) == 1);
    CHECK(bind(client.socket, (struct sockaddr *)&address, sizeof(address)) == 0);
    CHECK(inet_pton(AF_INET, "127.0.0.1", &address.sin_addr) == 1);
    address.sin_port = htons(port);
    CHECK(connect(client.socket, (struct sockaddr *)&address, sizeof(address)) == 0);
    return client;
}

static inline void client_close(struct sql_client *client)
{
    SSL_free(client->session);
    SSL_CTX_free(client->tls);
    (void)close(client->socket);
    buffer_release(&client->input);
    result_set_release(&client->set);
    *client = (struct sql_client){.socket = -1};
}

static inline void client_send_bytes(struct sql_client *client, struct bytes bytes)
{
    while (bytes.size > 0) {
        ssize_t sent = client->session != NULL
                           ? SSL_write(client->session, bytes.data, (int)bytes.size)
                           : send(client->socket, bytes.data, bytes.size, MSG_NOSIGNAL);

        if (sent <= 0) {
            client->is_closed = true; /* the server has had enough */
            return;
        }
        bytes.data += sent;
        bytes.size -= (size_t)sent;
    }
}

static inline void client_send(struct sql_client *client, struct bytes payload)
{
    struct buffer packet = {0};

    packet_add(&packet, payload, &client->sequence);
    client_send_bytes(client, buffer_bytes(&packet));
    buffer_release(&packet);
}

/* Reads some more; false at the end of the connection. */
static inline bool client_read_more(struct sql_client *client)
{
    enum { ROOM = 64 * 1024 };
    uint8_t *room = NULL;
    ssize_t got = 0;

    if (client->taken > 0) {
        memmove(client->input.data, client->input.data + client->taken,
                client->input.size - client->taken);
        client->input.size -= client->taken;
        client->taken = 0;
    }
    room = buffer_room(&client->input, ROOM);
    got = client->session != NULL ? SSL_read(client->session, room, ROOM)
                                  : recv(client->socket, room, ROOM, 0);
    if (got <= 0) {
        CHECK(client->session != NULL || got == 0 || errno == ECONNRESET);
        client->is_closed = true;
        return false;
    }
    client->input.size += (size_t)got;
    return true;
}

/* Takes the next packet, whose number must be the next; false at the end. */
static inline bool client_next(struct sql_client *client)
{
    struct packet packet;
    struct error error;

    for (;;) {
        const struct bytes left = {.data = client->input.data + client->taken,
                                   .size = client->input.size - client->taken};

        if (left.size > 0 &&
            packet_find(&packet, left, PACKET_MOST_BYTES - 1, &error) == STATUS_OK) {
            break;
        }
        if (!client_read_more(client)) {
            return false;
        }
    }
    client->taken += packet.taken;
    CHECK(packet.sequence == client->sequence);
    client->sequence++;
    client->payload = packet.payload;
    return true;
}

/* The number of the error packet that was taken last; 0 if it is none. */
static inline int client_error(struct sql_client *client)
{
    if (!result_is_error(client->payload)) {
        return 0;
    }
    CHECK(result_error_deny(client->payload, &client->error) == STATUS_DENIED);
    return client->error.sql_code;
}

static inline void client_greet(struct sql_client *client)
{
    CHECK(client_next(client));
    CHECK_OK(greeting_decode(&client->greeting, client->payload, &client->error),
             &client->error);
}

static inline void client_start_tls(struct sql_client *client)
{
    client->tls = SSL_CTX_new(TLS_client_method());
    client->session = SSL_new(client->tls);
    CHECK(SSL_set_fd(client->session, client->socket) == 1);
    CHECK(SSL_connect(client->session) == 1);
}

struct login {
    const char *user;
    const char *password;
    const char *database;
    enum auth_plugin plugin; /* the client's own: what it answers the greeting with */
    bool wants_tls;
};

static inline void send_response(struct sql_client *client, const struct login *login)
{
    struct handshake_response response = {
        .capabilities = client->greeting.capabilities & ~(uint32_t)CAPABILITY_DEPRECATE_EOF,
        .most_packet_bytes = PACKET_MOST_BYTES,
        .character_set = 45,
        .user = bytes_of_text(login->user),
        .plugin = bytes_of_text(auth_plugin_name(login->plugin)),
    };
    struct buffer payload = {0};
    struct buffer proof = {0};

    if (!login->wants_tls) {
        response.capabilities &= ~(uint32_t)CAPABILITY_SSL;
    }
    if (login->database == NULL) {
        response.capabilities &= ~(uint32_t)CAPABILITY_CONNECT_WITH_DB;
    } else {
        response.database = bytes_of_text(login->database);
    }
    if (login->wants_tls) {
        handshake_ssl_request_encode(&payload, &response);
        client_send(client, buffer_bytes(&payload));
        client_start_tls(client);
        buffer_clear(&payload);
    }
    auth_proof_add(&proof, login->plugin, login->password, client->greeting.challenge);
    response.proof = buffer_bytes(&proof);
    handshake_response_encode(&payload, &response);
    client_send(client, buffer_bytes(&payload));
    buffer_release(&payload);
    buffer_release(&proof);
}

/* Logs in after client_greet(). Returns the error number; 0: logged in; -1: the client itself
 * gave up. */
static inline int client_login(struct sql_client *client, const struct login *login)
{
    struct auth_client auth = {
        .plugin = login->plugin, .password = login->password, .is_secure = login->wants_tls};
    struct buffer reply = {0};
    enum status status = STATUS_AGAIN;

    memcpy(auth.challenge, client->greeting.challenge, sizeof(auth.challenge));
    send_response(client, login);
    while (status == STATUS_AGAIN) {
        CHECK(client_next(client));
        buffer_clear(&reply);
        client->error.sql_code = -1;
        status = auth_client_next(&auth, client->payload, &reply, &client->error);
        if (status == STATUS_AGAIN && auth.is_reply_due) {
            client_send(client, buffer_bytes(&reply));
        }
    }
    buffer_release(&reply);
    return status == STATUS_OK ? 0 : client->error.sql_code;
}

static inline void client_command(struct sql_client *client, uint8_t code, struct bytes body)
{
    struct buffer payload = {0};

    buffer_add_number(&payload, code, 1);
    buffer_add_bytes(&payload, body);
    client->sequence = 0;
    client_send(client, buffer_bytes(&payload));
    buffer_release(&payload);
}

/* Sends a command that is answered by one packet. Returns the error number; -1: closed. */
static inline int client_ask(struct sql_client *client, uint8_t code, const char *body)
{
    client_command(client, code, bytes_of_text(body));
    return client_next(client) ? client_error(client) : -1;
}

/* Gathers the answer to a statement. Returns the error number; -1: closed. */
static inline int client_gather(struct sql_client *client)
{
    enum status status = STATUS_AGAIN;

    result_set_release(&client->set);
    client->set = (struct result_set){0};
    while (status == STATUS_AGAIN) {
        if (!client_next(client)) {
            return -1;
        }
        status = result_set_next(&client->set, client->payload, SQL_ANSWER_MOST_BYTES,
                                 &client->error);
    }
    CHECK(status == STATUS_OK || status == STATUS_DENIED);
    return status == STATUS_OK ? 0 : client->error.sql_code;
}

static inline int client_query(struct sql_client *client, const char *statement)
{
    client_command(client, COMMAND_QUERY, bytes_of_text(statement));
    return client_gather(client);
}

/* True if the last answer's first value is the text. */
static inline bool client_got(const struct sql_client *client, const char *text)
{
    return bytes_equal(result_set_value(&client->set, 0, 0), bytes_of_text(text));
}

static inline bool rows_are(const struct sql_client *client, size_t count)
{
    return result_set_rows(&client->set) == count;
}
