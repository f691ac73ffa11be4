/* SPDX-License-Identifier: Apache-2.0 */
/* Connections through TLS: streams, verification, hostile and silent peers. */
#include "binrelay/net/tls.h"
#include "peer.h"
#include "temp_dir.h"

enum { SMALL_INPUT = 16 * 1024, FLOOD_BYTES = 128 * 1024 * 1024 };

/* Certificates of two hosts, each its own CA. */
struct hosts {
    char *directory; /* owned */
    char certificates[2][256];
    char keys[2][256];
    struct tls *server; /* owned; of the first host */
    struct tls *client; /* owned; checks nothing */
};

static void make_pair(struct hosts *hosts, int at, const char *name)
{
    struct error error;

    (void)snprintf(hosts->certificates[at], 256, "%s/%d.cert", hosts->directory, at);
    (void)snprintf(hosts->keys[at], 256, "%s/%d.key", hosts->directory, at);
    CHECK_OK(tls_make_self_signed(hosts->certificates[at], hosts->keys[at], name, &error),
             &error);
}

static struct tls *new_server(struct tls_files files)
{
    struct tls *tls = NULL;
    struct error error;

    CHECK_OK(tls_new_server(&tls, files, &error), &error);
    return tls;
}

static struct tls *new_client(struct tls_files files, enum tls_check check)
{
    struct tls *tls = NULL;
    struct error error;

    CHECK_OK(tls_new_client(&tls, files, check, &error), &error);
    return tls;
}

static struct tls_files files_of(const struct hosts *hosts, int at)
{
    return (struct tls_files){.certificate = hosts->certificates[at], .key = hosts->keys[at]};
}

static void make_hosts(struct hosts *hosts)
{
    hosts->directory = temp_dir_make();
    make_pair(hosts, 0, "source.example");
    make_pair(hosts, 1, "10.0.0.7");
    hosts->server = new_server(files_of(hosts, 0));
    hosts->client = new_client((struct tls_files){0}, TLS_CHECK_NOTHING);
}

static void release_hosts(struct hosts *hosts)
{
    tls_unref(hosts->server);
    tls_unref(hosts->client);
    temp_dir_remove(hosts->directory);
}

struct session {
    struct loop *loop;
    struct peer server;
    struct peer client;
};

static void open_session(struct session *session, size_t input_bytes)
{
    *session = (struct session){.loop = new_loop()};
    session->server.loop = session->loop;
    session->client.loop = session->loop;
    peers_connect(&session->server, &session->client, input_bytes);
}

static void close_session(struct session *session)
{
    peer_release(&session->server);
    peer_release(&session->client);
    loop_free(session->loop);
}

/* Begins TLS on both ends and waits until both are secure, or one has failed. */
static void secure(struct session *session,
                   struct tls *server,
                   struct tls *client,
                   const char *host)
{
    connection_start_tls_server(session->server.connection, server);
    connection_start_tls_client(session->client.connection, client, host);
    AWAIT(session->loop, session->server.closes + session->client.closes > 0 ||
                             (session->server.secures == 1 && session->client.secures == 1));
}

static void talks_both_ways(const struct hosts *hosts)
{
    struct session session;

    open_session(&session, SMALL_INPUT);
    CHECK(!connection_is_secure(session.client.connection));
    secure(&session, hosts->server, hosts->client, "source.example");
    CHECK(connection_is_secure(session.server.connection));
    CHECK(connection_is_secure(session.client.connection));
    CHECK(!connection_peer_is_verified(session.server.connection));
    CHECK(!connection_peer_is_verified(session.client.connection));
    send_text(&session.client, "question");
    send_text(&session.server, "answer");
    AWAIT(session.loop, has_got(&session.client, "answer"));
    AWAIT(session.loop, has_got(&session.server, "question"));
    CHECK(connection_sent(session.client.connection) == 8);
    close_session(&session);
}

/* Both directions at once, the receivers with a small and a large input buffer. */
static void streams_long(const struct hosts *hosts, size_t input_bytes)
{
    struct session session;
    struct flood up;
    struct flood down;

    open_session(&session, input_bytes);
    session.server.only_sums = true;
    session.client.only_sums = true;
    secure(&session, hosts->server, hosts->client, NULL);
    flood_init(&up, &session.client, FLOOD_BYTES / 2);
    flood_init(&down, &session.server, FLOOD_BYTES);
    while (session.server.got_bytes < FLOOD_BYTES / 2 ||
           session.client.got_bytes < FLOOD_BYTES) {
        flood_pump(&up, 512 * 1024);
        flood_pump(&down, 512 * 1024);
        loop_run(session.loop);
        CHECK(session.server.closes + session.client.closes == 0);
    }
    CHECK(session.server.got_checksum == up.checksum);
    CHECK(session.client.got_checksum == down.checksum);
    close_session(&session);
    flood_release(&up);
    flood_release(&down);
}

/* As a MySQL login has it: the request in the clear, and right behind it the ClientHello. */
static void takes_a_client_hello_that_is_in_the_input_already(const struct hosts *hosts)
{
    struct session session;

    open_session(&session, SMALL_INPUT);
    session.server.keeps_input = true;
    send_text(&session.client, "SSL?");
    connection_start_tls_client(session.client.connection, hosts->client, NULL);
    send_text(&session.client, "through TLS");
    AWAIT(session.loop, connection_input(session.server.connection).size > 4);
    connection_consume(session.server.connection, 4);
    connection_start_tls_server(session.server.connection, hosts->server);
    CHECK(connection_input(session.server.connection).size == 0);
    session.server.keeps_input = false;
    AWAIT(session.loop, has_got(&session.server, "through TLS"));
    close_session(&session);
}

static void obeys_no_plain_text_behind_the_request(const struct hosts *hosts)
{
    struct session session;

    open_session(&session, SMALL_INPUT);
    session.server.keeps_input = true;
    send_text(&session.client, "SSL?DROP TABLE users");
    connection_flush(session.client.connection);
    connection_start_tls_client(session.client.connection, hosts->client, NULL);
    AWAIT(session.loop, connection_input(session.server.connection).size > 20);
    connection_consume(session.server.connection, 4);
    session.server.inputs = 0;
    connection_start_tls_server(session.server.connection, hosts->server);
    AWAIT(session.loop, session.server.closes == 1);
    CHECK(session.server.inputs == 0 && session.server.secures == 0);
    CHECK(session.server.why.status == STATUS_INVALID);
    CHECK(strncmp(session.server.why.message, "TLS: ", 5) == 0);
    AWAIT(session.loop, session.client.closes == 1);
    close_session(&session);
}

/* What the client says of the server's certificate: NULL for nothing. */
static void check_verification(const struct hosts *hosts,
                               int ca,
                               enum tls_check check,
                               const char *host,
                               const char *complaint)
{
    struct tls *client = new_client((struct tls_files){.ca = hosts->certificates[ca]}, check);
    struct session session;

    open_session(&session, SMALL_INPUT);
    secure(&session, hosts->server, client, host);
    if (complaint == NULL) {
        CHECK(session.client.secures == 1);
        CHECK(connection_peer_is_verified(session.client.connection) ==
              (check != TLS_CHECK_NOTHING));
    } else {
        AWAIT(session.loop, session.client.closes == 1 && session.server.closes == 1);
        CHECK(session.client.secures == 0 && session.client.why.status == STATUS_DENIED);
        CHECK(strcmp(session.client.why.message, complaint) == 0);
        CHECK(session.server.why.message[0] != '\0');
    }
    close_session(&session);
    tls_unref(client);
}

static void verifies_the_servers_certificate(const struct hosts *hosts)
{
    static const char *const stranger = "certificate verify failed: self-signed certificate";
    static const char *const other = "certificate verify failed: hostname mismatch";
    static const char *const elsewhere = "certificate verify failed: IP address mismatch";

    check_verification(hosts, 1, TLS_CHECK_NOTHING, "elsewhere.example", NULL);
    check_verification(hosts, 0, TLS_CHECK_CA, "elsewhere.example", NULL);
    check_verification(hosts, 1, TLS_CHECK_CA, "source.example", stranger);
    check_verification(hosts, 0, TLS_CHECK_IDENTITY, "source.example", NULL);
    check_verification(hosts, 0, TLS_CHECK_IDENTITY, "elsewhere.example", other);
    check_verification(hosts, 0, TLS_CHECK_IDENTITY, "10.0.0.7", elsewhere);
    check_verification(hosts, 1, TLS_CHECK_IDENTITY, "source.example", stranger);
}

static void verifies_an_address_too(const struct hosts *hosts)
{
    struct tls *server = new_server(files_of(hosts, 1));
    struct tls *client =
        new_client((struct tls_files){.ca = hosts->certificates[1]}, TLS_CHECK_IDENTITY);
    struct session session;

    open_session(&session, SMALL_INPUT);
    secure(&session, server, client, "10.0.0.7");
    CHECK(connection_peer_is_verified(session.client.connection));
    close_session(&session);
    tls_unref(server);
    tls_unref(client);
}

/* A server with a CA asks for certificates: none, a good one, a strange one. */
static void verifies_a_clients_certificate_if_there_is_one(const struct hosts *hosts)
{
    struct tls_files files = files_of(hosts, 0);
    struct tls *server = NULL;
    struct tls *known = new_client(files_of(hosts, 1), TLS_CHECK_NOTHING);
    struct tls *strange = new_client(files_of(hosts, 0), TLS_CHECK_NOTHING);
    struct session session;

    files.ca = hosts->certificates[1];
    server = new_server(files);
    open_session(&session, SMALL_INPUT);
    secure(&session, server, hosts->client, NULL);
    CHECK(session.server.secures == 1);
    CHECK(!connection_peer_is_verified(session.server.connection));
    close_session(&session);

    open_session(&session, SMALL_INPUT);
    secure(&session, server, strange, NULL);
    AWAIT(session.loop, session.server.closes == 1);
    CHECK(session.server.secures == 0 && session.server.why.status == STATUS_DENIED);
    AWAIT(session.loop, session.client.closes == 1);
    CHECK(strstr(session.client.why.message, "alert") != NULL);
    close_session(&session);

    open_session(&session, SMALL_INPUT);
    secure(&session, server, known, NULL);
    CHECK(connection_peer_is_verified(session.server.connection));
    close_session(&session);
    tls_unref(server);
    tls_unref(known);
    tls_unref(strange);
}

static void fails_a_peer_that_does_not_speak_tls(const struct hosts *hosts)
{
    struct session session;

    open_session(&session, SMALL_INPUT);
    connection_start_tls_server(session.server.connection, hosts->server);
    send_text(&session.client, "GET / HTTP/1.1\r\n\r\n");
    AWAIT(session.loop, session.server.closes == 1);
    CHECK(session.server.why.status == STATUS_INVALID);
    CHECK(strcmp(session.server.why.message, "TLS: http request") == 0);
    close_session(&session);
}

static void ends_a_handshake_that_the_peer_leaves_or_never_begins(const struct hosts *hosts)
{
    struct session session;

    open_session(&session, SMALL_INPUT);
    connection_start_tls_server(session.server.connection, hosts->server);
    connection_free(session.client.connection);
    session.client.connection = NULL;
    AWAIT(session.loop, session.server.closes == 1);
    CHECK(session.server.why.status == STATUS_CLOSED);
    CHECK(strstr(session.server.why.message, "during the TLS handshake") != NULL);
    close_session(&session);

    open_session(&session, SMALL_INPUT);
    connection_start_tls_server(session.server.connection, hosts->server);
    connection_set_idle_limit(session.server.connection, 10 * 1000);
    AWAIT(session.loop, session.server.closes == 1);
    CHECK(strstr(session.server.why.message, "nothing arrived") != NULL);
    close_session(&session);
}

static void finishes_after_the_last_byte_through_tls(const struct hosts *hosts)
{
    struct session session;
    struct flood flood;

    open_session(&session, SMALL_INPUT);
    session.client.only_sums = true;
    secure(&session, hosts->server, hosts->client, NULL);
    flood_init(&flood, &session.server, 4 * 1024 * 1024);
    flood_pump(&flood, UINT64_MAX);
    connection_finish(session.server.connection, 60ULL * 1000 * 1000);
    AWAIT(session.loop, session.client.closes == 1);
    CHECK(session.client.got_bytes == 4 * 1024 * 1024);
    CHECK(session.client.got_checksum == flood.checksum);
    CHECK(strcmp(session.client.why.message, "the peer closed the connection") == 0);
    peer_release(&session.client);
    AWAIT(session.loop, session.server.closes == 1);
    close_session(&session);
    flood_release(&flood);
}

/* What OpenSSL has decrypted but the owner had no room for makes no socket readable. */
static void reads_on_when_a_full_buffer_has_room_again(const struct hosts *hosts)
{
    struct session session;
    struct buffer sent = {0};

    for (uint64_t number = 0; sent.size < 60000; number++) {
        buffer_add_number(&sent, number, 3);
    }
    open_session(&session, 1000);
    secure(&session, hosts->server, hosts->client, NULL);
    session.server.keeps_input = true;
    connection_send(session.client.connection, buffer_bytes(&sent));
    while (session.server.got.size < sent.size) {
        size_t wanted = sent.size - session.server.got.size;
        struct bytes input = {NULL, 0};

        wanted = wanted < 1000 ? wanted : 1000;
        AWAIT(session.loop, connection_input(session.server.connection).size == wanted);
        input = connection_input(session.server.connection);
        buffer_add_bytes(&session.server.got, input);
        connection_consume(session.server.connection, input.size);
    }
    CHECK(bytes_equal(buffer_bytes(&session.server.got), buffer_bytes(&sent)));
    close_session(&session);
    buffer_release(&sent);
}

static void reads_on_after_a_pause(const struct hosts *hosts)
{
    struct session session;

    open_session(&session, SMALL_INPUT);
    secure(&session, hosts->server, hosts->client, NULL);
    connection_pause_input(session.server.connection, true);
    send_text(&session.client, "held");
    AWAIT(session.loop, session.client.drains == 1);
    connection_pause_input(session.server.connection, false);
    AWAIT(session.loop, has_got(&session.server, "held"));
    close_session(&session);
}

int main(void)
{
    struct hosts hosts;

    make_hosts(&hosts);
    talks_both_ways(&hosts);
    streams_long(&hosts, SMALL_INPUT);
    streams_long(&hosts, 4 * 1024 * 1024);
    takes_a_client_hello_that_is_in_the_input_already(&hosts);
    obeys_no_plain_text_behind_the_request(&hosts);
    verifies_the_servers_certificate(&hosts);
    verifies_an_address_too(&hosts);
    verifies_a_clients_certificate_if_there_is_one(&hosts);
    fails_a_peer_that_does_not_speak_tls(&hosts);
    ends_a_handshake_that_the_peer_leaves_or_never_begins(&hosts);
    finishes_after_the_last_byte_through_tls(&hosts);
    reads_on_when_a_full_buffer_has_room_again(&hosts);
    reads_on_after_a_pause(&hosts);
    release_hosts(&hosts);
    return 0;
}
