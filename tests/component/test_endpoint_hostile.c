/* SPDX-License-Identifier: Apache-2.0 */
/* Peers that do not keep to the protocol, at every stage (S8). */
#include "endpoint_rig.h"

static void serves_others_still(struct rig *rig)
{
    struct sql_client client = rig_login(rig, "repl");

    CHECK(client_query(&client, "SELECT 1") == 0);
    client_close(&client);
}

/* Sends bytes in place of a login, and reads until the connection ends. */
static int greet_with(const struct rig *rig, struct bytes bytes)
{
    struct sql_client client = client_dial(rig_port(rig, 0), "127.0.0.3");
    int code = 0;

    client_greet(&client);
    client_send_bytes(&client, bytes);
    (void)shutdown(client.socket, SHUT_WR);
    client.sequence = 2;
    if (client_next(&client)) {
        code = client_error(&client);
        CHECK(!client_next(&client));
    }
    client_close(&client);
    return code;
}

#define BYTES_OF(literal) ((struct bytes){(const uint8_t *)(literal), sizeof(literal) - 1})

static void closes_on_a_broken_login(struct rig *rig)
{
    CHECK(greet_with(rig, BYTES_OF("")) == 0);
    CHECK(greet_with(rig, BYTES_OF("\x05\0")) == 0);
    CHECK(greet_with(rig, BYTES_OF("\0\0\0\x01")) == 1043);
    CHECK(greet_with(rig, BYTES_OF("\x04\0\0\x01"
                                   "abcd")) == 1043);
    CHECK(greet_with(rig, BYTES_OF("\x40\0\0\x01"
                                   "abcd")) == 0);
    CHECK(greet_with(rig, BYTES_OF("\x01\0\x01\x01"
                                   "abcd")) == 1153); /* 64 KiB and one */
    CHECK(greet_with(rig, BYTES_OF("\xff\xff\xff\x01"
                                   "abcd")) == 1153);
    CHECK(greet_with(rig, BYTES_OF("GET / HTTP/1.1\r\n\r\n")) != 0);
}

static void closes_on_packets_out_of_order(struct rig *rig)
{
    struct sql_client client = client_dial(rig_port(rig, 0), "127.0.0.3");

    client_greet(&client);
    client_send_bytes(&client, BYTES_OF("\x01\0\0\x05x"));
    client.sequence = 6;
    CHECK(client_next(&client) && client_error(&client) == 1156);
    CHECK(!client_next(&client));
    client_close(&client);
    client = rig_login(rig, "repl");
    client_send_bytes(&client, BYTES_OF("\x01\0\0\x01\x0e"));
    client.sequence = 2;
    CHECK(client_next(&client) && client_error(&client) == 1156);
    CHECK(!client_next(&client));
    client_close(&client);
}

static void closes_on_plain_bytes_where_tls_was_asked_for(struct rig *rig)
{
    struct sql_client client = client_dial(rig_port(rig, 0), "127.0.0.3");
    const struct handshake_response request = {
        .capabilities = CAPABILITY_SSL | CAPABILITY_PROTOCOL_41 | CAPABILITY_SECURE_CONNECTION,
        .is_ssl_request = true};
    struct buffer payload = {0};

    client_greet(&client);
    handshake_ssl_request_encode(&payload, &request);
    client_send(&client, buffer_bytes(&payload));
    client_send(&client, BYTES_OF("\x0e and this is no ClientHello"));
    while (client_read_more(&client)) {
    }
    buffer_release(&payload);
    client_close(&client);
}

static void closes_on_a_statement_that_is_too_long(struct rig *rig)
{
    struct sql_client client = rig_login(rig, "repl");

    client_send_bytes(&client, BYTES_OF("\x01\0\x10\0\x03"));
    client.sequence = 1;
    CHECK(client_next(&client) && client_error(&client) == 1153);
    CHECK(!client_next(&client));
    client_close(&client);
}

static void leaves_in_the_middle_of_everything(struct rig *rig)
{
    struct sql_client client = client_dial(rig_port(rig, 0), "127.0.0.3");
    struct login login = {.user = "repl", .password = "x", .wants_tls = true};

    client_close(&client);
    client = client_dial(rig_port(rig, 0), "127.0.0.3");
    client_greet(&client);
    send_response(&client, &login);
    client_close(&client);
    client = rig_login(rig, "repl");
    client_send_bytes(&client, BYTES_OF("\x10\0\0\0\x03SELE"));
    client_close(&client);
    rig_await_sessions(rig, 0);
}

/* What is not read is not made without end: the statements wait. */
static void a_client_that_does_not_read_is_bounded(struct rig *rig)
{
    enum { STATEMENTS = 20000 };
    struct sql_client client = rig_login(rig, "repl");
    const int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    struct buffer packet = {0};
    uint8_t sequence = 0;
    int sent = 0;

    packet_add(&packet, BYTES_OF("\x03SHOW VARIABLES"), &sequence);
    while (sent < STATEMENTS &&
           send(client.socket, packet.data, packet.size, flags) == (ssize_t)packet.size) {
        sent++;
    }
    CHECK(sent > 0);
    serves_others_still(rig);
    buffer_release(&packet);
    client_close(&client);
    rig_await_sessions(rig, 0);
}

static void talks_through_a_proxy(struct rig *rig)
{
    struct sql_client client = client_dial(rig_port(rig, 0), "127.0.0.77");
    const struct login login = {.user = "many+west", .password = "secret"};
    struct session_facts facts;

    client_greet(&client);
    client_send_bytes(&client, BYTES_OF("PROXY TCP4 10.9.8.7 10.1.1.1 51234 3306\r\n"));
    CHECK(client_login(&client, &login) == 0);
    rig_find(rig, "many", &facts);
    CHECK(strcmp(facts.peer, "10.9.8.7:51234") == 0);
    CHECK(client_query(&client, "SELECT USER()") == 0 && client_got(&client, "many@10.9.8.7"));
    client_close(&client);
    client = client_dial(rig_port(rig, 0), "127.0.0.77"); /* the header is optional */
    client_greet(&client);
    CHECK(client_login(&client, &login) == 0);
    client_close(&client);
    client = client_dial(rig_port(rig, 0), "127.0.0.77");
    client_greet(&client);
    client_send_bytes(&client, BYTES_OF("PROXY NONSENSE\r\n"));
    CHECK(!client_next(&client));
    client_close(&client);
    client = client_dial(rig_port(rig, 0), "127.0.0.78"); /* nobody's proxy */
    client_greet(&client);
    client_send_bytes(&client, BYTES_OF("PROXY TCP4 10.9.8.7 10.1.1.1 51234 3306\r\n"));
    client.sequence = 2;
    while (client_read_more(&client)) {
    }
    client_close(&client);
}

int main(void)
{
    static const char *const proxy = "127.0.0.77/32";
    struct rig rig = {.settings = {.proxies = &proxy, .proxy_count = 1}};

    rig_open(&rig);
    closes_on_a_broken_login(&rig);
    closes_on_packets_out_of_order(&rig);
    closes_on_plain_bytes_where_tls_was_asked_for(&rig);
    closes_on_a_statement_that_is_too_long(&rig);
    serves_others_still(&rig);
    rig_await_sessions(&rig, 0);
    leaves_in_the_middle_of_everything(&rig);
    a_client_that_does_not_read_is_bounded(&rig);
    talks_through_a_proxy(&rig);
    serves_others_still(&rig);
    rig_close(&rig);
    return 0;
}
