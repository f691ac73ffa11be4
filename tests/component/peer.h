/* SPDX-License-Identifier: Apache-2.0 */
/* Connections whose owner only notes what it is told; tests run the loop until it was told. */
#pragma once

#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "binrelay/base/bytes.h"
#include "binrelay/base/checksum.h"
#include "binrelay/net/connection.h"
#include "check.h"

struct peer {
    struct loop *loop;             /* borrowed */
    struct connection *connection; /* owned */
    bool keeps_input;              /* leaves it in the connection; else it goes to got */
    struct buffer got;
    bool only_sums; /* notes the size and checksum of the input instead */
    uint64_t got_bytes;
    uint32_t got_checksum;
    int inputs;
    int drains;
    int connects;
    int secures;
    int closes;
    struct error why;
};

/* Runs the loop until the claim holds; a test that waits for ever is ended by ctest. */
#define AWAIT(loop, claim)                                                                     \
    do {                                                                                       \
        while (!(claim)) {                                                                     \
            loop_run(loop);                                                                    \
        }                                                                                      \
    } while (0)

static inline void peer_on_input(void *context)
{
    struct peer *peer = context;
    struct bytes input = connection_input(peer->connection);

    CHECK(peer->closes == 0 && input.size > 0);
    peer->inputs++;
    loop_stop(peer->loop);
    if (peer->keeps_input) {
        return;
    }
    if (peer->only_sums) {
        peer->got_bytes += input.size;
        peer->got_checksum = checksum_crc32(peer->got_checksum, input.data, input.size);
    } else {
        buffer_add_bytes(&peer->got, input);
    }
    connection_consume(peer->connection, input.size);
}

static inline void peer_on_drained(void *context)
{
    struct peer *peer = context;

    CHECK(peer->closes == 0);
    peer->drains++;
    loop_stop(peer->loop);
}

static inline void peer_on_connected(void *context)
{
    struct peer *peer = context;

    CHECK(peer->closes == 0);
    peer->connects++;
    loop_stop(peer->loop);
}

static inline void peer_on_secure(void *context)
{
    struct peer *peer = context;

    CHECK(peer->closes == 0);
    peer->secures++;
    loop_stop(peer->loop);
}

static inline void peer_on_closed(void *context, const struct error *why)
{
    struct peer *peer = context;

    CHECK(peer->closes == 0);
    peer->closes++;
    peer->why = *why;
    loop_stop(peer->loop);
}

static const struct connection_handler peer_handler = {
    .on_input = peer_on_input,
    .on_drained = peer_on_drained,
    .on_connected = peer_on_connected,
    .on_secure = peer_on_secure,
    .on_closed = peer_on_closed,
};

static inline struct loop *new_loop(void)
{
    struct loop *loop = NULL;
    struct error error;

    CHECK_OK(loop_new(&loop, &error), &error);
    return loop;
}

/* Two ends of one stream; `first` and `second` have their loop set. */
static inline void peers_connect(struct peer *first, struct peer *second, size_t input_bytes)
{
    int ends[2];

    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    first->connection = connection_new(first->loop, ends[0], "first", input_bytes);
    second->connection = connection_new(second->loop, ends[1], "second", input_bytes);
    connection_set_handler(first->connection, &peer_handler, first);
    connection_set_handler(second->connection, &peer_handler, second);
}

/* One end of a stream; the other is a plain blocking descriptor. */
static inline int peer_connect_raw(struct peer *peer, size_t input_bytes)
{
    int ends[2];

    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    peer->connection = connection_new(peer->loop, ends[0], "peer", input_bytes);
    connection_set_handler(peer->connection, &peer_handler, peer);
    return ends[1];
}

static inline void peer_release(struct peer *peer)
{
    connection_free(peer->connection);
    peer->connection = NULL;
    buffer_release(&peer->got);
}

static inline void send_text(struct peer *peer, const char *text)
{
    connection_send(peer->connection, bytes_of_text(text));
}

static inline bool has_got(const struct peer *peer, const char *text)
{
    return bytes_equal(buffer_bytes(&peer->got), bytes_of_text(text));
}

/*
 * A long stream made of all kinds of output: small copies, shared memory, file
 * ranges. Its checksum is kept as it is queued.
 */
struct flood {
    struct peer *peer; /* borrowed */
    struct block {
        struct shared shared;
        uint8_t data[64 * 1024];
    } * block;                /* owned: a reference */
    struct shared_file *file; /* owned: a reference; holds the block's data */
    uint64_t left;
    uint64_t number;
    uint32_t checksum;
};

static inline void flood_destroy_block(struct shared *shared)
{
    free(shared);
}

static inline void flood_init(struct flood *flood, struct peer *peer, uint64_t bytes)
{
    char path[] = "/tmp/binrelay-test.XXXXXX";
    int descriptor = mkstemp(path);

    *flood = (struct flood){.peer = peer, .left = bytes};
    flood->block = malloc(sizeof(*flood->block));
    CHECK(descriptor >= 0 && unlink(path) == 0 && flood->block != NULL);
    shared_init(&flood->block->shared, flood_destroy_block);
    for (size_t at = 0; at < sizeof(flood->block->data); at++) {
        flood->block->data[at] = (uint8_t)((at * 2654435761U) >> 13);
    }
    CHECK(write(descriptor, flood->block->data, sizeof(flood->block->data)) ==
          (ssize_t)sizeof(flood->block->data));
    flood->file = shared_file_new(descriptor);
}

static inline void flood_release(struct flood *flood)
{
    shared_unref(&flood->block->shared);
    shared_unref(&flood->file->shared);
}

/* Queues one piece; its kind, place and size follow from its number. */
static inline void flood_piece(struct flood *flood)
{
    uint64_t mixed = ++flood->number * 0x9e3779b97f4a7c15ULL;
    size_t offset = (size_t)(mixed >> 40) % 30000;
    size_t size = 1 + (size_t)(mixed >> 20) % (flood->number % 3 == 0 ? 300 : 35000);
    struct bytes part = {flood->block->data + offset, size};
    struct connection *connection = flood->peer->connection;

    part.size = part.size < flood->left ? part.size : (size_t)flood->left;
    flood->checksum = checksum_crc32(flood->checksum, part.data, part.size);
    flood->left -= part.size;
    if (flood->number % 3 == 0) {
        connection_send(connection, part);
    } else if (flood->number % 3 == 1) {
        connection_send_shared(connection, &flood->block->shared, part);
    } else {
        connection_send_file(connection, flood->file, offset, part.size);
    }
}

/* Fills the queue up to a high mark, as a dump does. */
static inline void flood_pump(struct flood *flood, uint64_t high_mark)
{
    while (flood->left > 0 && connection_queued(flood->peer->connection) < high_mark) {
        flood_piece(flood);
    }
}
