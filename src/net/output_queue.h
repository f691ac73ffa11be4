/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What waits to be sent on one connection: a ring of pieces, oldest first.
 *
 * Knows memory and files, not sockets. Small copies are gathered in chunks that
 * the connections of a loop share, so that a steady stream allocates nothing.
 * Belongs to its connection.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "binrelay/base/bytes.h"
#include "binrelay/base/error.h"
#include "binrelay/net/shared.h"

enum { OUTPUT_CHUNK_BYTES = 16 * 1024 };

/* Holds copied bytes; goes back to the pool when no piece is in it any more. */
struct output_chunk {
    struct output_chunk *next; /* owned: while it is spare */
    unsigned users;            /* pieces in it, and the queue while it fills it */
    size_t capacity;
    size_t used;
    uint8_t data[];
};

/* Spare chunks of one loop. Zeroed is empty. */
struct chunk_pool {
    struct output_chunk *spare; /* owned */
    unsigned count;
};

void chunk_pool_release(struct chunk_pool *pool);

/* Of OUTPUT_CHUNK_BYTES. The pool may be NULL: then it is made, and freed. */
struct output_chunk *chunk_pool_take(struct chunk_pool *pool);
void chunk_pool_put(struct chunk_pool *pool, struct output_chunk *chunk);

enum output_piece_kind { OUTPUT_COPIED, OUTPUT_SHARED, OUTPUT_FILE };

struct output_piece {
    enum output_piece_kind kind;
    const uint8_t *data; /* borrowed from the owner; NULL for a file */
    uint64_t offset;     /* in the file */
    uint64_t size;
    union {
        struct output_chunk *chunk; /* owned: a use */
        struct shared *shared;      /* owned: a reference */
        struct shared_file *file;   /* owned: a reference */
    } owner;
};

/* Zeroed is empty. */
struct output_queue {
    struct output_piece *pieces; /* owned: a ring */
    size_t capacity;             /* a power of two, or 0 */
    size_t first;
    size_t count;
    struct output_chunk *filling; /* owned: a use; the chunk that copies go to */
    uint64_t bytes;               /* in all pieces */
};

void output_queue_copy(struct output_queue *queue, struct chunk_pool *pool, struct bytes bytes);
void output_queue_share(struct output_queue *queue, struct shared *shared, struct bytes part);
void output_queue_file(struct output_queue *queue,
                       struct shared_file *file,
                       uint64_t offset,
                       uint64_t size);

/* The oldest piece; only where the queue is not empty. */
const struct output_piece *output_queue_first(const struct output_queue *queue);

/*
 * Points `vectors` at the memory that comes before the next file range, at most
 * `bytes` of it. Returns how many it filled; *more_follow if that is not all.
 */
int output_queue_gather(const struct output_queue *queue,
                        struct iovec *vectors,
                        int limit,
                        uint64_t bytes,
                        bool *more_follow);

/* Copies from the front, files too, without taking it away. *copied is at least 1 on success.
 * STATUS_CORRUPT: a file is shorter than it was said to be. */
MUST_CHECK enum status output_queue_peek(const struct output_queue *queue,
                                         uint8_t *target,
                                         size_t room,
                                         size_t *copied,
                                         struct error *error);

/* Takes what was sent from the front. */
void output_queue_take(struct output_queue *queue, struct chunk_pool *pool, uint64_t bytes);

void output_queue_clear(struct output_queue *queue, struct chunk_pool *pool);
