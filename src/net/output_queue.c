/* SPDX-License-Identifier: Apache-2.0 */
#include "output_queue.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "binrelay/base/memory.h"

enum {
    FIRST_PIECES = 16,
    IDLE_PIECES_MAX = 256, /* an empty queue keeps no more room than that */
    POOL_CHUNKS_MAX = 64,

};

void chunk_pool_release(struct chunk_pool *pool)
{
    while (pool->spare != NULL) {
        struct output_chunk *next = pool->spare->next;

        free(pool->spare);
        pool->spare = next;
    }
    pool->count = 0;
}

static struct output_chunk *new_chunk(size_t capacity)
{
    struct output_chunk *chunk = mem_raw(sizeof(*chunk) + capacity);

    *chunk = (struct output_chunk){.capacity = capacity};
    return chunk;
}

struct output_chunk *chunk_pool_take(struct chunk_pool *pool)
{
    struct output_chunk *chunk = pool == NULL ? NULL : pool->spare;

    if (chunk == NULL) {
        return new_chunk(OUTPUT_CHUNK_BYTES);
    }
    pool->spare = chunk->next;
    pool->count--;
    chunk->used = 0;
    return chunk;
}

void chunk_pool_put(struct chunk_pool *pool, struct output_chunk *chunk)
{
    if (pool == NULL || pool->count >= POOL_CHUNKS_MAX ||
        chunk->capacity != OUTPUT_CHUNK_BYTES) {
        free(chunk);
        return;
    }
    chunk->next = pool->spare;
    pool->spare = chunk;
    pool->count++;
}

static void drop_use(struct output_chunk *chunk, struct chunk_pool *pool)
{
    if (--chunk->users == 0) {
        chunk_pool_put(pool, chunk);
    }
}

static struct output_piece *piece_at(const struct output_queue *queue, size_t at)
{
    return &queue->pieces[(queue->first + at) & (queue->capacity - 1)];
}

static struct output_piece *last_piece(const struct output_queue *queue)
{
    return queue->count == 0 ? NULL : piece_at(queue, queue->count - 1);
}

const struct output_piece *output_queue_first(const struct output_queue *queue)
{
    assert(queue->count > 0);
    return piece_at(queue, 0);
}

static void make_room(struct output_queue *queue)
{
    size_t capacity = queue->capacity == 0 ? FIRST_PIECES : queue->capacity * 2;
    struct output_piece *pieces = NULL;

    if (queue->count < queue->capacity) {
        return;
    }
    pieces = mem_raw(capacity * sizeof(*pieces));
    for (size_t at = 0; at < queue->count; at++) {
        pieces[at] = *piece_at(queue, at);
    }
    free(queue->pieces);
    queue->pieces = pieces;
    queue->capacity = capacity;
    queue->first = 0;
}

static void add_piece(struct output_queue *queue, const struct output_piece *piece)
{
    make_room(queue);
    *piece_at(queue, queue->count) = *piece;
    queue->count++;
    queue->bytes += piece->size;
}

static void lengthen(struct output_queue *queue, struct output_piece *piece, uint64_t size)
{
    piece->size += size;
    queue->bytes += size;
}

static void fill_new_chunk(struct output_queue *queue, struct chunk_pool *pool, size_t wanted)
{
    if (queue->filling != NULL) {
        drop_use(queue->filling, pool);
    }
    queue->filling = wanted > OUTPUT_CHUNK_BYTES ? new_chunk(wanted) : chunk_pool_take(pool);
    queue->filling->users = 1;
}

/* Copies as much as fits into the chunk that is being filled. */
static size_t copy_some(struct output_queue *queue, struct bytes bytes)
{
    struct output_chunk *chunk = queue->filling;
    struct output_piece *last = last_piece(queue);
    uint8_t *target = chunk->data + chunk->used;
    size_t room = chunk->capacity - chunk->used;
    size_t size = bytes.size < room ? bytes.size : room;

    memcpy(target, bytes.data, size);
    chunk->used += size;
    if (last != NULL && last->kind == OUTPUT_COPIED && last->data + last->size == target) {
        lengthen(queue, last, size);
        return size;
    }
    chunk->users++;
    add_piece(queue,
              &(struct output_piece){
                  .kind = OUTPUT_COPIED, .data = target, .size = size, .owner.chunk = chunk});
    return size;
}

void output_queue_copy(struct output_queue *queue, struct chunk_pool *pool, struct bytes bytes)
{
    while (bytes.size > 0) {
        size_t size = 0;

        if (queue->filling == NULL || queue->filling->used == queue->filling->capacity) {
            fill_new_chunk(queue, pool, bytes.size);
        }
        size = copy_some(queue, bytes);
        bytes.data += size;
        bytes.size -= size;
    }
}

void output_queue_share(struct output_queue *queue, struct shared *shared, struct bytes part)
{
    struct output_piece *last = last_piece(queue);

    if (part.size == 0) {
        return;
    }
    if (last != NULL && last->kind == OUTPUT_SHARED && last->owner.shared == shared &&
        last->data + last->size == part.data) {
        lengthen(queue, last, part.size);
        return;
    }
    add_piece(queue, &(struct output_piece){.kind = OUTPUT_SHARED,
                                            .data = part.data,
                                            .size = part.size,
                                            .owner.shared = shared_ref(shared)});
}

void output_queue_file(struct output_queue *queue,
                       struct shared_file *file,
                       uint64_t offset,
                       uint64_t size)
{
    struct output_piece *last = last_piece(queue);

    if (size == 0) {
        return;
    }
    if (last != NULL && last->kind == OUTPUT_FILE && last->owner.file == file &&
        last->offset + last->size == offset) {
        lengthen(queue, last, size);
        return;
    }
    (void)shared_ref(&file->shared);
    add_piece(queue,
              &(struct output_piece){
                  .kind = OUTPUT_FILE, .offset = offset, .size = size, .owner.file = file});
}

int output_queue_gather(const struct output_queue *queue,
                        struct iovec *vectors,
                        int limit,
                        uint64_t bytes,
                        bool *more_follow)
{
    int count = 0;
    size_t at = 0;

    while (at < queue->count && count < limit && bytes > 0) {
        const struct output_piece *piece = piece_at(queue, at);
        uint64_t size = piece->size < bytes ? piece->size : bytes;

        if (piece->kind == OUTPUT_FILE) {
            break;
        }
        vectors[count].iov_base = (void *)piece->data; /* it is only read */
        vectors[count].iov_len = (size_t)size;
        bytes -= size;
        count++;
        at++;
    }
    *more_follow = at < queue->count;
    return count;
}

static enum status peek_file(const struct output_piece *piece,
                             uint8_t *target,
                             size_t size,
                             size_t *copied,
                             struct error *error)
{
    ssize_t got = 0;

    do {
        got = pread(piece->owner.file->descriptor, target, size, (off_t)piece->offset);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return error_set_errno(error, "read a file to send");
    }
    if (got == 0) {
        return error_set(error, STATUS_CORRUPT, "a file to send ends at %llu, too early",
                         (unsigned long long)piece->offset);
    }
    *copied = (size_t)got;
    return STATUS_OK;
}

static enum status peek_piece(const struct output_piece *piece,
                              uint8_t *target,
                              size_t size,
                              size_t *copied,
                              struct error *error)
{
    if (piece->kind == OUTPUT_FILE) {
        return peek_file(piece, target, size, copied, error);
    }
    memcpy(target, piece->data, size);
    *copied = size;
    return STATUS_OK;
}

enum status output_queue_peek(const struct output_queue *queue,
                              uint8_t *target,
                              size_t room,
                              size_t *copied,
                              struct error *error)
{
    size_t used = 0;

    for (size_t at = 0; at < queue->count && used < room; at++) {
        const struct output_piece *piece = piece_at(queue, at);
        size_t size = piece->size < room - used ? (size_t)piece->size : room - used;
        size_t got = 0;
        enum status status = peek_piece(piece, target + used, size, &got, error);

        if (status != STATUS_OK) {
            return status;
        }
        used += got;
        if (got < size) {
            break; /* the rest of the file's range comes with the next call */
        }
    }
    *copied = used;
    return STATUS_OK;
}

static void drop_owner(struct output_piece *piece, struct chunk_pool *pool)
{
    switch (piece->kind) {
    case OUTPUT_COPIED:
        drop_use(piece->owner.chunk, pool);
        break;
    case OUTPUT_SHARED:
        shared_unref(piece->owner.shared);
        break;
    case OUTPUT_FILE:
        shared_unref(&piece->owner.file->shared);
        break;
    }
}

/* An empty queue holds no chunk, and no more room for pieces than is usual. */
static void rest(struct output_queue *queue, struct chunk_pool *pool)
{
    if (queue->filling != NULL) {
        drop_use(queue->filling, pool);
        queue->filling = NULL;
    }
    queue->first = 0;
    if (queue->capacity > IDLE_PIECES_MAX) {
        free(queue->pieces);
        queue->pieces = NULL;
        queue->capacity = 0;
    }
}

void output_queue_take(struct output_queue *queue, struct chunk_pool *pool, uint64_t bytes)
{
    assert(bytes <= queue->bytes);
    queue->bytes -= bytes;
    while (bytes > 0) {
        struct output_piece *piece = piece_at(queue, 0);

        if (piece->size > bytes) {
            piece->size -= bytes;
            piece->offset += bytes;
            piece->data = piece->data == NULL ? NULL : piece->data + bytes;
            return;
        }
        bytes -= piece->size;
        drop_owner(piece, pool);
        queue->first = (queue->first + 1) & (queue->capacity - 1);
        queue->count--;
    }
    if (queue->count == 0) {
        rest(queue, pool);
    }
}

void output_queue_clear(struct output_queue *queue, struct chunk_pool *pool)
{
    output_queue_take(queue, pool, queue->bytes);
    if (queue->filling != NULL) {
        drop_use(queue->filling, pool);
    }
    free(queue->pieces);
    *queue = (struct output_queue){0};
}
