/* SPDX-License-Identifier: Apache-2.0 */
#include "frame_cache.h"

#include <pthread.h>
#include <string.h>

#include "binrelay/base/memory.h"
#include "check.h"

static struct binlog_position at(uint64_t offset)
{
    return (struct binlog_position){.file = 1, .offset = offset};
}

/* A block of so many bytes that begins at `offset`, as a dump would frame it. */
static struct frame_block *make_block(struct frame_cache *cache, uint64_t offset, size_t size)
{
    struct frame_block *block =
        frame_block_new(cache, (struct frame_range){.offset = offset, .limit = offset + size});

    memset(block->frame.memory, (int)offset, size);
    block->frame.size = size;
    block->frame.bytes = size;
    block->frame.end = offset + size;
    block->begin = at(offset);
    return block;
}

static void keeps_a_block_for_those_who_are_behind(void)
{
    struct frame_cache *cache = frame_cache_new();
    struct frame_member leader;
    struct frame_member follower;

    frame_cache_join(cache, &leader, at(4));
    frame_cache_join(cache, &follower, at(4));
    struct frame_block *block = make_block(cache, 4, 100);

    frame_cache_add(cache, &leader, block);
    CHECK(frame_cache_bytes(cache) > 100);
    struct frame_block *found = frame_cache_find(cache, &follower, at(4));

    CHECK(found == block);
    CHECK(frame_cache_bytes(cache) == 0); /* nobody else was waited for */
    CHECK(frame_cache_find(cache, &follower, at(4)) == NULL);

    frame_block_unref(found);
    frame_block_unref(block);
    frame_cache_leave(cache, &leader);
    frame_cache_leave(cache, &follower);
    frame_cache_free(cache);
}

static void keeps_nothing_for_one_alone(void)
{
    struct frame_cache *cache = frame_cache_new();
    struct frame_member alone;
    struct frame_member far_behind;

    frame_cache_join(cache, &alone, at(4));
    frame_cache_join(cache, &far_behind, at(4));
    (void)frame_cache_find(cache, &alone, at(FRAME_NEAR_BYTES + 1000));
    struct frame_block *block = make_block(cache, FRAME_NEAR_BYTES + 1000, 100);

    frame_cache_add(cache, &alone, block);
    CHECK(frame_cache_bytes(cache) == 0);

    frame_block_unref(block);
    frame_cache_leave(cache, &alone);
    frame_cache_leave(cache, &far_behind);
    frame_cache_free(cache);
}

static void keeps_a_block_for_those_at_the_end_of_the_file_before(void)
{
    struct frame_cache *cache = frame_cache_new();
    struct frame_member leader;
    struct frame_member follower;

    frame_cache_join(cache, &leader, (struct binlog_position){2, 4});
    frame_cache_join(cache, &follower, at(1000));
    struct frame_block *block = make_block(cache, 4, 100);

    block->begin.file = 2;
    frame_cache_add(cache, &leader, block);
    CHECK(frame_cache_bytes(cache) > 0);
    frame_block_unref(block);
    frame_cache_leave(cache, &follower);
    CHECK(frame_cache_bytes(cache) > 0);
    frame_cache_leave(cache, &leader);
    CHECK(frame_cache_bytes(cache) == 0); /* nobody streams any more */
    frame_cache_free(cache);
}

/* Waited for, and taken by nobody: the dump that was near ends its blocks elsewhere. */
static void keeps_nothing_of_a_file_that_all_have_left(void)
{
    struct frame_cache *cache = frame_cache_new();
    struct frame_member members[3];

    for (size_t each = 0; each < 3; each++) {
        frame_cache_join(cache, &members[each], at(4));
    }
    struct frame_block *block = make_block(cache, 4, 100);

    frame_cache_add(cache, &members[0], block);
    frame_block_unref(block);
    frame_cache_move(cache, &members[0], (struct binlog_position){2, 4});
    frame_cache_move(cache, &members[1], (struct binlog_position){2, 4});
    CHECK(frame_cache_bytes(cache) > 0); /* one may still come to it */
    frame_cache_move(cache, &members[2], (struct binlog_position){2, 4});
    CHECK(frame_cache_bytes(cache) == 0);

    block = make_block(cache, 4, 100);
    block->begin.file = 2;
    frame_cache_add(cache, &members[0], block);
    frame_block_unref(block);
    frame_cache_move(cache, &members[0], (struct binlog_position){3, 4});
    frame_cache_move(cache, &members[1], (struct binlog_position){3, 4});
    CHECK(frame_cache_bytes(cache) > 0);
    frame_cache_leave(cache, &members[2]); /* the last that was in it */
    CHECK(frame_cache_bytes(cache) == 0);
    frame_cache_leave(cache, &members[1]);
    frame_cache_leave(cache, &members[0]);
    frame_cache_free(cache);
}

static void never_keeps_more_than_its_bound(void)
{
    enum { BLOCK = 64 * 1024, BLOCKS = 400 };
    struct frame_cache *cache = frame_cache_new();
    struct frame_member leader;
    struct frame_member follower;
    unsigned found_count = 0;

    frame_cache_join(cache, &leader, at(4));
    frame_cache_join(cache, &follower, at(4));
    for (uint64_t i = 0; i < BLOCKS; i++) {
        struct frame_block *block = make_block(cache, 4 + i * BLOCK, BLOCK);

        (void)frame_cache_find(cache, &follower, at(3 + i * BLOCK)); /* always near */
        frame_cache_add(cache, &leader, block);
        frame_block_unref(block);
        CHECK(frame_cache_bytes(cache) <= FRAME_CACHE_BYTES);
    }
    for (uint64_t i = 0; i < BLOCKS; i++) {
        struct frame_block *found = frame_cache_find(cache, &follower, at(4 + i * BLOCK));

        if (found != NULL) {
            found_count++;
            CHECK(found->begin.offset == 4 + i * BLOCK);
            CHECK(found->frame.memory[0] == (uint8_t)(4 + i * BLOCK));
            frame_block_unref(found);
        } else {
            CHECK(found_count == 0); /* the oldest went first */
        }
    }
    CHECK(found_count > 50 && found_count < BLOCKS);
    frame_cache_leave(cache, &leader);
    frame_cache_leave(cache, &follower);
    frame_cache_free(cache);
}

static void a_block_in_flight_outlives_the_cache(void)
{
    struct frame_cache *cache = frame_cache_new();
    struct frame_block *block = make_block(cache, 4, 1000);

    frame_cache_free(cache);
    CHECK(block->frame.memory[999] == 4);
    frame_block_unref(block);
}

static void a_small_frame_gives_its_large_buffer_back(void)
{
    struct frame_cache *cache = frame_cache_new();
    struct frame_block *block =
        frame_block_new(cache, (struct frame_range){.offset = 4, .limit = 1 << 30});
    uint8_t *large = block->frame.memory;

    memcpy(block->frame.memory, "events", 6);
    block->frame.size = 6;
    frame_block_trim(block);
    CHECK(block->frame.capacity == 6);
    CHECK(memcmp(block->frame.memory, "events", 6) == 0);

    struct frame_block *next =
        frame_block_new(cache, (struct frame_range){.offset = 4, .limit = 1 << 30});

    CHECK(next->frame.memory == large);
    frame_block_unref(next);
    frame_block_unref(block);
    frame_cache_free(cache);
}

/* ---- threads ---- */

enum { THREADS = 4, PLACES = 2000, PLACE_BYTES = 500 };

struct walker {
    struct frame_cache *cache;
    uint64_t taken;
};

/* Walks the same places as the others: takes what is there, adds what is not. */
static void *walk(void *context)
{
    struct walker *walker = context;
    struct frame_member member;

    frame_cache_join(walker->cache, &member, at(4));
    for (uint64_t i = 0; i < PLACES; i++) {
        uint64_t offset = 4 + i * PLACE_BYTES;
        struct frame_block *block = frame_cache_find(walker->cache, &member, at(offset));

        if (block != NULL) {
            walker->taken++;
        } else {
            block = make_block(walker->cache, offset, PLACE_BYTES);
            frame_cache_add(walker->cache, &member, block);
        }
        CHECK(block->begin.offset == offset);
        CHECK(block->frame.memory[PLACE_BYTES - 1] == (uint8_t)offset);
        frame_block_unref(block);
    }
    frame_cache_leave(walker->cache, &member);
    return NULL;
}

static void is_shared_between_threads(void)
{
    struct frame_cache *cache = frame_cache_new();
    struct walker walkers[THREADS];
    pthread_t threads[THREADS];

    for (unsigned i = 0; i < THREADS; i++) {
        walkers[i] = (struct walker){.cache = cache};
        CHECK(pthread_create(&threads[i], NULL, walk, &walkers[i]) == 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    CHECK(frame_cache_bytes(cache) == 0);
    frame_cache_free(cache);
}

int main(void)
{
    keeps_a_block_for_those_who_are_behind();
    keeps_nothing_for_one_alone();
    keeps_a_block_for_those_at_the_end_of_the_file_before();
    keeps_nothing_of_a_file_that_all_have_left();
    never_keeps_more_than_its_bound();
    a_block_in_flight_outlives_the_cache();
    a_small_frame_gives_its_large_buffer_back();
    is_shared_between_threads();
    return 0;
}
