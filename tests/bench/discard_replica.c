/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A replica that throws everything away: it walks the packet headers of a dump in a large
 * buffer and looks at nothing else, so that the server is what is measured.
 *
 *   discard_replica --port P [--host H] [--user U] [--password W] [--file F] [--position N]
 *                   [--clients N] [--server-id N] [--follow [--stamp]]
 *
 * Prints one line of JSON when the last client has met the end of its stream. With --follow the
 * stream has no end, and --stamp prints the monotonic clock in nanoseconds at each commit.
 */
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "login.h"
#include "wire.h"

enum {
    BUFFER_BYTES = 2 * 1024 * 1024,
    COM_QUERY = 0x03,
    COM_BINLOG_DUMP = 0x12,
    COM_REGISTER_SLAVE = 0x15,
    DUMP_NON_BLOCKING = 1,
    XID_EVENT = 16,
    PEEK_BYTES = 6, /* the packet's OK byte, then an event header as far as its type */
    PACKET_FULL = 0xffffff,
    END_PACKET = 0xfe,
    END_PACKET_MAX_BYTES = 8,
    ERROR_PACKET = 0xff,
    CLIENTS_MAX = 256,
};

struct options {
    const char *host;
    const char *port;
    const char *user;
    const char *password;
    const char *file;
    uint32_t position;
    uint32_t server_id;
    unsigned clients;
    bool follow;
    bool stamp;
};

/* One stream and where its walk stands. */
struct client {
    const struct options *options; /* borrowed from main */
    pthread_barrier_t *start;      /* borrowed from main */
    struct wire wire;
    uint32_t number;
    uint8_t *buffer; /* owned, BUFFER_BYTES */
    size_t filled;   /* bytes of the buffer that are not walked yet */
    size_t to_skip;  /* payload of the present packet that is still to come */
    bool inside;     /* the next packet continues the one before */
    bool ended;
    uint64_t bytes;
    uint64_t packets;
};

static uint64_t now_nsec(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static void ask(struct wire *wire, const char *statement)
{
    struct packet packet = {.size = 0};

    packet_add_number(&packet, COM_QUERY, 1);
    packet_add(&packet, statement, strlen(statement));
    wire_command(wire, &packet);
    wire_receive(wire, &packet);
    packet_refuse_error(&packet, statement);
}

static void become_replica(struct client *client)
{
    uint32_t server_id = client->options->server_id + client->number;
    struct packet packet = {.size = 0};
    char statement[160];

    wire_connect(&client->wire, client->options->host, client->options->port);
    login(&client->wire, client->options->user, client->options->password);
    ask(&client->wire,
        "SET @master_binlog_checksum = 'CRC32', @source_binlog_checksum = 'CRC32'");
    (void)snprintf(statement, sizeof(statement),
                   "SET @slave_uuid = '00000000-0000-0000-0000-%012" PRIx32 "', "
                   "@replica_uuid = '00000000-0000-0000-0000-%012" PRIx32 "'",
                   server_id, server_id);
    ask(&client->wire, statement);
    packet_add_number(&packet, COM_REGISTER_SLAVE, 1);
    packet_add_number(&packet, server_id, 4);
    packet_add_number(&packet, 0, 3); /* empty host, user and password */
    packet_add_number(&packet, 0, 2);
    packet_add_number(&packet, 0, 8);
    wire_command(&client->wire, &packet);
    wire_receive(&client->wire, &packet);
    packet_refuse_error(&packet, "register");
}

static void ask_for_dump(struct client *client)
{
    struct packet packet = {.size = 0};

    packet_add_number(&packet, COM_BINLOG_DUMP, 1);
    packet_add_number(&packet, client->options->position, 4);
    packet_add_number(&packet, client->options->follow ? 0 : DUMP_NON_BLOCKING, 2);
    packet_add_number(&packet, client->options->server_id + client->number, 4);
    packet_add(&packet, client->options->file, strlen(client->options->file));
    wire_command(&client->wire, &packet);
}

/* Looks at the first bytes of a packet: is it the end, an error, a commit? */
static void notice(struct client *client, const uint8_t *payload, size_t size, uint64_t arrived)
{
    if (size > 0 && payload[0] == END_PACKET && size <= END_PACKET_MAX_BYTES) {
        client->ended = true;
    } else if (size > 0 && payload[0] == ERROR_PACKET) {
        give_up("dump: error %u", payload[1] | payload[2] << 8);
    } else if (client->options->stamp && size >= PEEK_BYTES && payload[5] == XID_EVENT) {
        printf("%" PRIu64 "\n", arrived);
        (void)fflush(stdout);
    }
}

/* Walks the packets in the buffer as far as they are there; keeps a cut header for later. */
static void walk(struct client *client, uint64_t arrived)
{
    const uint8_t *next = client->buffer;
    const uint8_t *end = client->buffer + client->filled;

    for (;;) {
        size_t left = (size_t)(end - next);
        size_t skipped = client->to_skip < left ? client->to_skip : left;
        size_t size = 0;
        size_t peeked = 0;

        next += skipped;
        left -= skipped;
        client->to_skip -= skipped;
        if (left < PACKET_HEADER_BYTES) {
            break;
        }
        size = next[0] | (size_t)next[1] << 8 | (size_t)next[2] << 16;
        peeked = size < PEEK_BYTES ? size : PEEK_BYTES;
        if (left < PACKET_HEADER_BYTES + peeked) {
            break;
        }
        if (!client->inside) {
            notice(client, next + PACKET_HEADER_BYTES, size, arrived);
            client->packets++;
        }
        client->inside = size == PACKET_FULL;
        client->to_skip = PACKET_HEADER_BYTES + size;
    }
    client->filled = (size_t)(end - next);
    memmove(client->buffer, next, client->filled);
}

static void *run_client(void *argument)
{
    struct client *client = argument;

    become_replica(client);
    (void)pthread_barrier_wait(client->start);
    ask_for_dump(client);
    while (!client->ended) {
        ssize_t got = recv(client->wire.socket, client->buffer + client->filled,
                           BUFFER_BYTES - client->filled, 0);

        if (got <= 0) {
            give_up("the stream broke after %" PRIu64 " bytes", client->bytes);
        }
        client->bytes += (uint64_t)got;
        client->filled += (size_t)got;
        walk(client, client->options->stamp ? now_nsec() : 0);
    }
    return NULL;
}

static void run_all(const struct options *options)
{
    struct client *clients = calloc(options->clients, sizeof(*clients));
    pthread_t threads[CLIENTS_MAX];
    pthread_barrier_t start;
    uint64_t began = 0;
    uint64_t bytes = 0;
    uint64_t packets = 0;
    double seconds = 0;

    (void)pthread_barrier_init(&start, NULL, options->clients + 1);
    for (unsigned i = 0; i < options->clients && clients != NULL; i++) {
        clients[i] = (struct client){
            .options = options, .start = &start, .number = i, .buffer = malloc(BUFFER_BYTES)};
        if (clients[i].buffer == NULL ||
            pthread_create(&threads[i], NULL, run_client, &clients[i]) != 0) {
            give_up("no memory or thread for client %u", i);
        }
    }
    (void)pthread_barrier_wait(&start); /* all are logged in: the time begins */
    began = now_nsec();
    for (unsigned i = 0; i < options->clients && clients != NULL; i++) {
        (void)pthread_join(threads[i], NULL);
        bytes += clients[i].bytes;
        packets += clients[i].packets;
        free(clients[i].buffer);
    }
    seconds = (double)(now_nsec() - began) / 1e9;
    free(clients);
    printf("{\"clients\": %u, \"bytes\": %" PRIu64 ", \"packets\": %" PRIu64
           ", \"seconds\": %.6f, \"mb_per_s\": %.1f}\n",
           options->clients, bytes, packets, seconds, (double)bytes / 1e6 / seconds);
}

static const struct option long_options[] = {
    {"host", required_argument, NULL, 'h'},
    {"port", required_argument, NULL, 'P'},
    {"user", required_argument, NULL, 'u'},
    {"password", required_argument, NULL, 'p'},
    {"file", required_argument, NULL, 'f'},
    {"position", required_argument, NULL, 'o'},
    {"clients", required_argument, NULL, 'c'},
    {"server-id", required_argument, NULL, 'i'},
    {"follow", no_argument, NULL, 'F'},
    {"stamp", no_argument, NULL, 's'},
    {NULL, 0, NULL, 0},
};

static uint32_t number(const char *text)
{
    char *end = NULL;
    unsigned long value = strtoul(text, &end, 10);

    if (*text == '\0' || *end != '\0' || value > UINT32_MAX) {
        give_up("not a number: %s", text);
    }
    return (uint32_t)value;
}

static void set_option(struct options *options, int option, const char *value)
{
    switch (option) {
    case 'h':
        options->host = value;
        break;
    case 'P':
        options->port = value;
        break;
    case 'u':
        options->user = value;
        break;
    case 'p':
        options->password = value;
        break;
    case 'f':
        options->file = value;
        break;
    case 'o':
        options->position = number(value);
        break;
    case 'c':
        options->clients = number(value);
        break;
    case 'i':
        options->server_id = number(value);
        break;
    case 'F':
        options->follow = true;
        break;
    case 's':
        options->stamp = true;
        break;
    default:
        exit(2);
    }
}

int main(int count, char **arguments)
{
    struct options options = {.host = "127.0.0.1",
                              .user = "root",
                              .password = "",
                              .file = "binlog.000001",
                              .position = 4,
                              .server_id = 900000,
                              .clients = 1};
    int option = 0;

    while ((option = getopt_long(count, arguments, "", long_options, NULL)) != -1) {
        set_option(&options, option, optarg);
    }
    if (options.port == NULL || options.clients == 0 || options.clients > CLIENTS_MAX) {
        give_up("--port, and 1 to %d --clients", CLIENTS_MAX);
    }
    run_all(&options);
    return 0;
}
