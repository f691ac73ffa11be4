/* SPDX-License-Identifier: Apache-2.0 */
#include "frame_cache.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "binrelay/base/memory.h"

enum {
    BUCKETS = 1024,
    SPARES = 8,             /* buffers of whole blocks that wait for their next use */
    TRIM_BYTES = 64 * 1024, /* a frame smaller than this does not keep a large buffer */
    BLOCK_OVERHEAD_BYTES = sizeof(struct frame_block) + 64,
};

struct frame_cache {
    pthread_mutex_t lock;
    unsigned references; /* the owner's and one for each block */
    struct frame_member *members;
    struct frame_block *buckets[BUCKETS];
    struct frame_block *newest;
    struct frame_block *oldest;
    uint64_t kept_bytes;
    /* Last in, first out: the one freed last is still in the processor's cache. */
    uint8_t *spares[SPARES]; /* owned; each of spare_bytes() */
    unsigned spare_count;
};

/* Every whole block gets a buffer of the same size, whatever its events. */
static size_t spare_bytes(void)
{
    return frame_memory_bytes((struct frame_range){.offset = 0, .limit = UINT32_MAX});
}

struct frame_cache *frame_cache_new(void)
{
    struct frame_cache *cache = mem_zeroed(sizeof(*cache));

    pthread_mutex_init(&cache->lock, NULL);
    cache->references = 1;
    return cache;
}

/* Gives up a reference; called with the lock held, which it releases. */
static void unref_and_unlock(struct frame_cache *cache)
{
    bool is_last = --cache->references == 0;

    pthread_mutex_unlock(&cache->lock);
    if (!is_last) {
        return;
    }
    for (unsigned i = 0; i < cache->spare_count; i++) {
        free(cache->spares[i]);
    }
    pthread_mutex_destroy(&cache->lock);
    free(cache);
}

static void destroy_block(struct shared *shared)
{
    struct frame_block *block = (struct frame_block *)shared;
    struct frame_cache *cache = block->cache;
    uint8_t *memory = block->frame.memory;

    if (block->opened != NULL) {
        shared_unref(&block->opened->shared);
    }
    frame_release(&block->frame);

    pthread_mutex_lock(&cache->lock);
    if (block->frame.capacity == spare_bytes() && cache->spare_count < SPARES) {
        cache->spares[cache->spare_count++] = memory;
        memory = NULL;
    }
    unref_and_unlock(cache);
    free(memory);
    free(block);
}

void frame_block_unref(struct frame_block *block)
{
    shared_unref(&block->shared);
}

struct frame_block *frame_block_new(struct frame_cache *cache, struct frame_range range)
{
    struct frame_block *block = mem_zeroed(sizeof(*block));
    size_t capacity = frame_memory_bytes(range);

    shared_init(&block->shared, destroy_block);
    block->cache = cache;
    if (capacity >= spare_bytes() / 2 && capacity < spare_bytes()) {
        capacity = spare_bytes();
    }
    block->frame.capacity = capacity;

    pthread_mutex_lock(&cache->lock);
    cache->references++;
    if (capacity == spare_bytes() && cache->spare_count > 0) {
        block->frame.memory = cache->spares[--cache->spare_count];
    }
    pthread_mutex_unlock(&cache->lock);

    if (block->frame.memory == NULL) {
        block->frame.memory = mem_raw(capacity);
    }
    return block;
}

void frame_block_trim(struct frame_block *block)
{
    struct frame *frame = &block->frame;
    struct frame_cache *cache = block->cache;

    if (frame->size > TRIM_BYTES || frame->size > frame->capacity / 2) {
        return;
    }
    uint8_t *large = frame->memory;
    bool is_spare = frame->capacity == spare_bytes();

    frame->capacity = frame->size > 0 ? frame->size : 1;
    frame->memory = mem_raw(frame->capacity);
    memcpy(frame->memory, large, frame->size);

    if (is_spare) {
        pthread_mutex_lock(&cache->lock);
        if (cache->spare_count < SPARES) {
            cache->spares[cache->spare_count++] = large;
            large = NULL;
        }
        pthread_mutex_unlock(&cache->lock);
    }
    free(large);
}

/* ---- under the lock ---- */

static struct frame_block **bucket_of(struct frame_cache *cache, struct binlog_position place)
{
    uint64_t mixed = (place.offset + place.file * 0x9E3779B97F4A7C15U) * 0xD6E8FEB86659FD93U;

    return &cache->buckets[(mixed >> 32) % BUCKETS];
}

static uint64_t cost_of(const struct frame_block *block)
{
    return block->frame.capacity + BLOCK_OVERHEAD_BYTES +
           block->frame.piece_capacity * sizeof(struct frame_piece);
}

/* Takes a block out of the cache; its reference goes to the caller. */
static void forget(struct frame_cache *cache, struct frame_block *block)
{
    struct frame_block **at = bucket_of(cache, block->begin);

    while (*at != block) {
        at = &(*at)->next_in_bucket;
    }
    *at = block->next_in_bucket;
    *(block->newer != NULL ? &block->newer->older : &cache->newest) = block->older;
    *(block->older != NULL ? &block->older->newer : &cache->oldest) = block->newer;
    block->next_in_bucket = NULL;
    block->newer = NULL;
    block->older = NULL;
    block->is_kept = false;
    cache->kept_bytes -= cost_of(block);
}

static void keep(struct frame_cache *cache, struct frame_block *block)
{
    struct frame_block **bucket = bucket_of(cache, block->begin);

    block->next_in_bucket = *bucket;
    *bucket = block;
    block->older = cache->newest;
    *(cache->newest != NULL ? &cache->newest->newer : &cache->oldest) = block;
    cache->newest = block;
    block->is_kept = true;
    cache->kept_bytes += cost_of(block);
    shared_ref(&block->shared);
}

static struct frame_block *find(struct frame_cache *cache, struct binlog_position place)
{
    struct frame_block *block = *bucket_of(cache, place);

    while (block != NULL && binlog_position_compare(block->begin, place) != 0) {
        block = block->next_in_bucket;
    }
    return block;
}

/* True if a dump at `position` is about to come to `place`. */
static bool is_near_behind(struct binlog_position position, struct binlog_position place)
{
    if (position.file + 1 == place.file) {
        return place.offset <= FRAME_NEAR_BYTES;
    }
    return position.file == place.file && position.offset <= place.offset &&
           place.offset - position.offset <= FRAME_NEAR_BYTES;
}

static unsigned count_near_behind(const struct frame_cache *cache,
                                  const struct frame_member *member,
                                  struct binlog_position place)
{
    unsigned count = 0;

    for (const struct frame_member *at = cache->members; at != NULL; at = at->next) {
        if (at != member && is_near_behind(at->position, place)) {
            count++;
        }
    }
    return count;
}

/* Takes blocks out until the kept ones fit. Returns them as a list linked by `older`. */
static struct frame_block *make_room(struct frame_cache *cache, uint64_t most_bytes)
{
    struct frame_block *list = NULL;

    while (cache->kept_bytes > most_bytes) {
        struct frame_block *block = cache->oldest;

        forget(cache, block);
        block->older = list;
        list = block;
    }
    return list;
}

/* Takes out what no dump can come to any more. Returns it as make_room() does. */
static struct frame_block *take_passed(struct frame_cache *cache)
{
    struct frame_block *list = NULL;
    uint64_t first = UINT64_MAX;

    for (const struct frame_member *at = cache->members; at != NULL; at = at->next) {
        first = at->position.file < first ? at->position.file : first;
    }
    for (struct frame_block *block = cache->oldest, *newer = NULL; block != NULL;
         block = newer) {
        newer = block->newer;
        if (block->begin.file < first) {
            forget(cache, block);
            block->older = list;
            list = block;
        }
    }
    return list;
}

/* ---- without the lock ---- */

static void unref_list(struct frame_block *list)
{
    while (list != NULL) {
        struct frame_block *block = list;

        list = block->older;
        block->older = NULL;
        frame_block_unref(block);
    }
}

void frame_cache_free(struct frame_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    assert(cache->members == NULL);
    pthread_mutex_lock(&cache->lock);
    struct frame_block *list = make_room(cache, 0);
    pthread_mutex_unlock(&cache->lock);

    unref_list(list);
    pthread_mutex_lock(&cache->lock);
    unref_and_unlock(cache);
}

void frame_cache_join(struct frame_cache *cache,
                      struct frame_member *member,
                      struct binlog_position position)
{
    pthread_mutex_lock(&cache->lock);
    *member = (struct frame_member){.position = position, .next = cache->members};
    if (cache->members != NULL) {
        cache->members->previous = member;
    }
    cache->members = member;
    pthread_mutex_unlock(&cache->lock);
}

void frame_cache_leave(struct frame_cache *cache, struct frame_member *member)
{
    struct frame_block *list = NULL;
    uint8_t *idle[SPARES];
    unsigned idle_count = 0;

    pthread_mutex_lock(&cache->lock);
    *(member->previous != NULL ? &member->previous->next : &cache->members) = member->next;
    if (member->next != NULL) {
        member->next->previous = member->previous;
    }
    if (cache->members == NULL) {
        /* Nobody streams this cluster: it costs no memory. */
        list = make_room(cache, 0);
        idle_count = cache->spare_count;
        memcpy(idle, cache->spares, sizeof(idle));
        cache->spare_count = 0;
    } else {
        list = take_passed(cache);
    }
    pthread_mutex_unlock(&cache->lock);

    unref_list(list);
    for (unsigned i = 0; i < idle_count; i++) {
        free(idle[i]);
    }
}

void frame_cache_move(struct frame_cache *cache,
                      struct frame_member *member,
                      struct binlog_position position)
{
    pthread_mutex_lock(&cache->lock);
    member->position = position;
    struct frame_block *list = take_passed(cache);
    pthread_mutex_unlock(&cache->lock);

    unref_list(list);
}

struct frame_block *frame_cache_find(struct frame_cache *cache,
                                     struct frame_member *member,
                                     struct binlog_position position)
{
    pthread_mutex_lock(&cache->lock);
    member->position = position;
    struct frame_block *block = find(cache, position);

    if (block != NULL) {
        shared_ref(&block->shared);
        /* The last that was waited for has it: nobody else will come soon. */
        if (--block->takers_left == 0) {
            forget(cache, block);
            shared_unref(&block->shared);
        }
    }
    pthread_mutex_unlock(&cache->lock);
    return block;
}

void frame_cache_add(struct frame_cache *cache,
                     const struct frame_member *member,
                     struct frame_block *block)
{
    struct frame_block *list = NULL;

    pthread_mutex_lock(&cache->lock);
    unsigned takers = count_near_behind(cache, member, block->begin);

    if (takers > 0 && find(cache, block->begin) == NULL) {
        block->takers_left = takers;
        keep(cache, block);
        list = make_room(cache, FRAME_CACHE_BYTES);
    }
    pthread_mutex_unlock(&cache->lock);
    unref_list(list);
}

uint64_t frame_cache_bytes(struct frame_cache *cache)
{
    pthread_mutex_lock(&cache->lock);
    uint64_t bytes = cache->kept_bytes;
    pthread_mutex_unlock(&cache->lock);
    return bytes;
}
