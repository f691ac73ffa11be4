/* SPDX-License-Identifier: Apache-2.0 */
/* Dialing, over real TCP, and connections that move between loops and threads. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>

#include "binrelay/net/listener.h"
#include "peer.h"
#include "temp_dir.h"

enum {
    SMALL_INPUT = 16 * 1024,
    FLOOD_BYTES = 64 * 1024 * 1024,
    MINUTE_USEC = 60 * 1000 * 1000
};

/* Makes a connection of what it accepts. */
struct host {
    struct peer peer;
    struct listener *listener; /* owned */
    size_t input_bytes;
};

static void on_accepted(void *context, int descriptor, const char *name)
{
    struct host *host = context;

    CHECK(host->peer.connection == NULL);
    host->peer.connection =
        connection_new(host->peer.loop, descriptor, name, host->input_bytes);
    connection_set_handler(host->peer.connection, &peer_handler, &host->peer);
    loop_stop(host->peer.loop);
}

static uint16_t open_host(struct host *host, struct loop *loop, const char *address)
{
    struct error error;

    *host = (struct host){.peer.loop = loop, .input_bytes = SMALL_INPUT};
    CHECK_OK(listener_open(&host->listener, loop, address, &error), &error);
    listener_start(host->listener, on_accepted, host);
    return listener_port(host->listener);
}

static void close_host(struct host *host)
{
    peer_release(&host->peer);
    listener_free(host->listener);
}

static void dial(struct peer *peer, const char *host, uint16_t port, uint64_t timeout_usec)
{
    peer->connection = connection_dial(peer->loop, host, port, timeout_usec, SMALL_INPUT);
    connection_set_handler(peer->connection, &peer_handler, peer);
}

static void connects_by_number_and_by_name(void)
{
    static const char *const names[] = {"127.0.0.1", "localhost"};

    for (size_t at = 0; at < sizeof(names) / sizeof(names[0]); at++) {
        struct loop *loop = new_loop();
        struct host host;
        struct peer peer = {.loop = loop};
        uint16_t port = open_host(&host, loop, "127.0.0.1:0");
        char name[64];

        /* "localhost" may be ::1 first, where nobody listens: then the next is tried. */
        dial(&peer, names[at], port, MINUTE_USEC);
        send_text(&peer, "sent before it is connected");
        AWAIT(loop, peer.connects == 1 && host.peer.connection != NULL);
        AWAIT(loop, has_got(&host.peer, "sent before it is connected"));
        (void)snprintf(name, sizeof(name), "%s:%u", names[at], (unsigned)port);
        CHECK(strcmp(connection_name(peer.connection), name) == 0);
        CHECK(strncmp(connection_name(host.peer.connection), "127.0.0.1:", 10) == 0);
        peer_release(&peer);
        close_host(&host);
        loop_free(loop);
    }
}

static void connects_to_a_path(void)
{
    struct loop *loop = new_loop();
    struct host host = {.peer.loop = loop, .input_bytes = SMALL_INPUT};
    struct peer peer = {.loop = loop};
    struct peer none = {.loop = loop};
    char *directory = temp_dir_make();
    char path[256];
    struct error error;

    (void)snprintf(path, sizeof(path), "%s/none", directory);
    dial(&none, path, 0, MINUTE_USEC);
    AWAIT(loop, none.closes == 1);
    CHECK(none.why.status == STATUS_SYSTEM && none.why.os_code == ENOENT);

    (void)snprintf(path, sizeof(path), "%s/socket", directory);
    CHECK_OK(listener_open_unix(&host.listener, loop, path, 0600, &error), &error);
    listener_start(host.listener, on_accepted, &host);
    dial(&peer, path, 0, MINUTE_USEC);
    AWAIT(loop, peer.connects == 1 && host.peer.connection != NULL);
    send_text(&host.peer, "hello");
    AWAIT(loop, has_got(&peer, "hello"));
    peer_release(&none);
    peer_release(&peer);
    close_host(&host);
    loop_free(loop);
    temp_dir_remove(directory);
}

/* A port that was free a moment ago. */
static uint16_t closed_port(struct loop *loop)
{
    struct host host;
    uint16_t port = open_host(&host, loop, "127.0.0.1:0");

    close_host(&host);
    return port;
}

static void says_that_nobody_listens(void)
{
    struct loop *loop = new_loop();
    struct peer peer = {.loop = loop};
    uint16_t port = closed_port(loop);
    char message[64];

    dial(&peer, "127.0.0.1", port, MINUTE_USEC);
    AWAIT(loop, peer.closes == 1);
    (void)snprintf(message, sizeof(message), "connect to 127.0.0.1:%u: Connection refused",
                   (unsigned)port);
    CHECK(peer.why.status == STATUS_SYSTEM && peer.why.os_code == ECONNREFUSED);
    CHECK(strcmp(peer.why.message, message) == 0 && peer.connects == 0);
    peer_release(&peer);
    loop_free(loop);
}

/* There may or may not be a nameserver; in both cases it ends, and says what it looked for. */
static void says_that_a_host_has_no_address(void)
{
    struct loop *loop = new_loop();
    struct peer peer = {.loop = loop};

    dial(&peer, "no-such-host.invalid", 3306, 300 * 1000);
    AWAIT(loop, peer.closes == 1);
    CHECK(peer.connects == 0 && strstr(peer.why.message, "no-such-host.invalid") != NULL);
    CHECK(peer.why.status == STATUS_NOT_FOUND || peer.why.os_code == ETIMEDOUT);
    peer_release(&peer);
    loop_free(loop);
}

static void may_be_freed_while_it_dials(void)
{
    struct loop *loop = new_loop();
    struct peer resolving = {.loop = loop};
    struct peer asking = {.loop = loop};
    struct peer connecting = {.loop = loop};
    struct peer marker = {.loop = loop};

    dial(&resolving, "no-such-host.invalid", 3306, MINUTE_USEC);
    dial(&asking, "no-such-host.invalid", 3306, MINUTE_USEC);
    dial(&connecting, "127.0.0.1", 1, MINUTE_USEC);
    peer_release(&resolving);
    dial(&marker, "127.0.0.1", closed_port(loop), MINUTE_USEC);
    peer_release(&connecting);
    AWAIT(loop, marker.closes == 1);
    CHECK(resolving.closes == 0 && connecting.closes == 0);
    peer_release(&asking); /* answered or not, as the nameserver was quick or is none */
    peer_release(&marker);
    loop_free(loop);
}

/* A listener whose queue is full drops what comes: nothing answers. */
static void gives_up_a_peer_that_does_not_answer(void)
{
    struct loop *loop = new_loop();
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct peer peers[8] = {{0}};
    int silent = 0;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(listener, (struct sockaddr *)&address, size) == 0 && listen(listener, 0) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&address, &size) == 0);
    for (size_t at = 0; at < 8; at++) {
        peers[at].loop = loop;
        dial(&peers[at], "127.0.0.1", ntohs(address.sin_port), 200 * 1000);
        AWAIT(loop, peers[at].connects + peers[at].closes == 1);
        if (peers[at].closes == 1) {
            CHECK(peers[at].why.os_code == ETIMEDOUT);
            silent++;
        }
    }
    CHECK(silent > 0);
    for (size_t at = 0; at < 8; at++) {
        peer_release(&peers[at]);
    }
    (void)close(listener);
    loop_free(loop);
}

static void streams_long_over_tcp(void)
{
    struct loop *loop = new_loop();
    struct host host;
    struct peer peer = {.loop = loop};
    struct flood flood;
    uint16_t port = open_host(&host, loop, "127.0.0.1:0");

    host.peer.only_sums = true;
    host.input_bytes = 4 * 1024 * 1024;
    dial(&peer, "127.0.0.1", port, MINUTE_USEC);
    flood_init(&flood, &peer, FLOOD_BYTES);
    while (host.peer.got_bytes < FLOOD_BYTES) {
        flood_pump(&flood, 1024 * 1024);
        loop_run(loop);
        CHECK(peer.closes + host.peer.closes == 0);
    }
    CHECK(host.peer.got_checksum == flood.checksum);
    peer_release(&peer);
    close_host(&host);
    loop_free(loop);
    flood_release(&flood);
}

static void notices_a_reset(void)
{
    struct loop *loop = new_loop();
    struct host host;
    struct peer peer = {.loop = loop};
    uint16_t port = open_host(&host, loop, "127.0.0.1:0");

    dial(&peer, "127.0.0.1", port, MINUTE_USEC);
    AWAIT(loop, peer.connects == 1 && host.peer.connection != NULL);
    connection_pause_input(host.peer.connection, true);
    send_text(&peer, "never read");
    AWAIT(loop, peer.drains == 1);
    connection_free(host.peer.connection); /* with input unread: the kernel resets */
    host.peer.connection = NULL;
    AWAIT(loop, peer.closes == 1);
    CHECK(peer.why.status == STATUS_CLOSED && peer.why.os_code == ECONNRESET);
    peer_release(&peer);
    close_host(&host);
    loop_free(loop);
}

/* A connection that wanders: after each message its owner gives it to the next loop. */
enum { LOOPS = 3, HOPS = 300 };

struct wanderer {
    struct message message;
    struct peer peer;
    struct loop *loops[LOOPS];
    struct loop *control;
    struct message done;
    int hops;
};

static void on_wanderer_input(void *context);
static void on_never_closed(void *context, const struct error *why);

static const struct connection_handler wanderer_handler = {
    .on_input = on_wanderer_input,
    .on_closed = on_never_closed,
};

static void on_never_closed(void *context, const struct error *why)
{
    (void)context;
    fprintf(stderr, "closed: %s\n", why->message);
    abort();
}

/* Answers one byte of the input, and leaves with the rest unread. */
static void on_wanderer_input(void *context)
{
    struct wanderer *wanderer = context;
    struct connection *connection = wanderer->peer.connection;

    connection_send(connection, (struct bytes){connection_input(connection).data, 1});
    connection_consume(connection, 1);
    wanderer->hops++;
    connection_leave(connection);
    if (wanderer->hops == HOPS) {
        loop_post(wanderer->control, &wanderer->done);
        return;
    }
    loop_post(wanderer->loops[wanderer->hops % LOOPS], &wanderer->message);
}

static void on_arrival(struct message *message)
{
    struct wanderer *wanderer = (struct wanderer *)message;

    connection_arrive(wanderer->peer.connection, wanderer->loops[wanderer->hops % LOOPS]);
}

static void on_home(struct message *message)
{
    struct wanderer *wanderer =
        (struct wanderer *)((char *)message - offsetof(struct wanderer, done));

    connection_set_handler(wanderer->peer.connection, &peer_handler, &wanderer->peer);
    connection_arrive(wanderer->peer.connection, wanderer->control);
    wanderer->peer.loop = wanderer->control;
    loop_stop(wanderer->control);
}

static void *run_loop(void *context)
{
    loop_run(context);
    return NULL;
}

struct wander_tls {
    struct tls *server; /* NULL: in the clear */
    struct tls *client;
};

static void wanders_between_loops_and_threads(struct wander_tls tls)
{
    struct loop *control = new_loop();
    struct wanderer wanderer = {.message.run = on_arrival, .control = control};
    struct peer other = {.loop = control};
    pthread_t threads[LOOPS];
    char text[HOPS + 1] = "";

    wanderer.done.run = on_home;
    wanderer.peer.loop = control;
    peers_connect(&wanderer.peer, &other, SMALL_INPUT);
    if (tls.server != NULL) {
        connection_start_tls_server(wanderer.peer.connection, tls.server);
        connection_start_tls_client(other.connection, tls.client, NULL);
        AWAIT(control, wanderer.peer.secures == 1 && other.secures == 1);
    }
    for (int at = 0; at < LOOPS; at++) {
        wanderer.loops[at] = new_loop();
        CHECK(pthread_create(&threads[at], NULL, run_loop, wanderer.loops[at]) == 0);
    }
    for (int at = 0; at < HOPS; at++) {
        text[at] = (char)('a' + at % 26);
    }
    connection_set_handler(wanderer.peer.connection, &wanderer_handler, &wanderer);
    connection_leave(wanderer.peer.connection);
    loop_post(wanderer.loops[0], &wanderer.message);
    send_text(&other, text);
    AWAIT(control,
          has_got(&other, text) && wanderer.hops == HOPS && wanderer.peer.loop == control);
    send_text(&other, "at home again");
    AWAIT(control, has_got(&wanderer.peer, "at home again"));
    for (int at = 0; at < LOOPS; at++) {
        loop_stop(wanderer.loops[at]);
        CHECK(pthread_join(threads[at], NULL) == 0);
        loop_free(wanderer.loops[at]);
    }
    peer_release(&wanderer.peer);
    peer_release(&other);
    loop_free(control);
}

static void wanders_with_tls(void)
{
    char *directory = temp_dir_make();
    char certificate[256];
    char key[256];
    struct wander_tls tls = {NULL, NULL};
    struct error error;

    (void)snprintf(certificate, sizeof(certificate), "%s/cert", directory);
    (void)snprintf(key, sizeof(key), "%s/key", directory);
    CHECK_OK(tls_make_self_signed(certificate, key, "relay-a", &error), &error);
    CHECK_OK(tls_new_server(&tls.server, (struct tls_files){certificate, key, NULL}, &error),
             &error);
    CHECK_OK(tls_new_client(&tls.client, (struct tls_files){0}, TLS_CHECK_NOTHING, &error),
             &error);
    wanders_between_loops_and_threads(tls);
    tls_unref(tls.server);
    tls_unref(tls.client);
    temp_dir_remove(directory);
}

static void is_freed_between_two_loops(void)
{
    struct loop *loop = new_loop();
    struct peer peer = {.loop = loop};
    int other = peer_connect_raw(&peer, SMALL_INPUT);
    char byte = 0;

    send_text(&peer, "queued");
    connection_leave(peer.connection);
    peer_release(&peer);
    CHECK(read(other, &byte, 1) == 0);
    (void)close(other);
    loop_free(loop);
}

int main(void)
{
    connects_by_number_and_by_name();
    connects_to_a_path();
    says_that_nobody_listens();
    says_that_a_host_has_no_address();
    may_be_freed_while_it_dials();
    gives_up_a_peer_that_does_not_answer();
    streams_long_over_tcp();
    notices_a_reset();
    wanders_between_loops_and_threads((struct wander_tls){NULL, NULL});
    wanders_with_tls();
    is_freed_between_two_loops();
    return 0;
}
