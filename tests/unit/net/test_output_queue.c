/* SPDX-License-Identifier: Apache-2.0 */
#include "output_queue.h"

#include <string.h>
#include <unistd.h>

#include "check.h"

struct counted {
    struct shared shared;
    int *destroyed;
    uint8_t data[1000];
};

static void count_destroyed(struct shared *shared)
{
    struct counted *counted = (struct counted *)shared;

    (*counted->destroyed)++;
    free(counted);
}

static struct counted *new_counted(int *destroyed)
{
    struct counted *counted = malloc(sizeof(*counted));

    CHECK(counted != NULL);
    shared_init(&counted->shared, count_destroyed);
    counted->destroyed = destroyed;
    for (size_t at = 0; at < sizeof(counted->data); at++) {
        counted->data[at] = (uint8_t)(at * 7);
    }
    return counted;
}

static struct shared_file *new_file(const char *text)
{
    char path[] = "/tmp/binrelay-test.XXXXXX";
    int descriptor = mkstemp(path);

    CHECK(descriptor >= 0 && unlink(path) == 0);
    CHECK(write(descriptor, text, strlen(text)) == (ssize_t)strlen(text));
    return shared_file_new(descriptor);
}

/* Takes `step` bytes at a time from the front until it is empty. */
static struct buffer drain(struct output_queue *queue, struct chunk_pool *pool, size_t step)
{
    struct buffer all = {0};

    while (queue->bytes > 0) {
        struct error error;
        size_t copied = 0;
        uint8_t *room = buffer_room(&all, step);

        CHECK_OK(output_queue_peek(queue, room, step, &copied, &error), &error);
        CHECK(copied > 0 && copied <= step && copied <= queue->bytes);
        all.size += copied;
        output_queue_take(queue, pool, copied);
    }
    return all;
}

static void keeps_order_over_all_kinds_of_pieces(void)
{
    for (size_t step = 1; step < 3000; step = step * 3 + 1) {
        struct chunk_pool pool = {0};
        struct output_queue queue = {0};
        int destroyed = 0;
        struct counted *counted = new_counted(&destroyed);
        struct shared_file *file = new_file("0123456789");
        struct buffer expected = {0};
        struct buffer got = {0};

        for (int round = 0; round < 40; round++) {
            output_queue_copy(&queue, &pool, bytes_of_text("head"));
            buffer_add_text(&expected, "head");
            output_queue_share(&queue, &counted->shared, (struct bytes){counted->data, 900});
            buffer_add(&expected, counted->data, 900);
            output_queue_file(&queue, file, 3, 5);
            buffer_add_text(&expected, "34567");
        }
        shared_unref(&counted->shared);
        shared_unref(&file->shared);
        CHECK(destroyed == 0 && queue.bytes == expected.size);
        got = drain(&queue, &pool, step);
        CHECK(bytes_equal(buffer_bytes(&got), buffer_bytes(&expected)));
        CHECK(destroyed == 1 && queue.count == 0);
        output_queue_clear(&queue, &pool);
        chunk_pool_release(&pool);
        buffer_release(&got);
        buffer_release(&expected);
    }
}

static void joins_what_lies_together(void)
{
    struct chunk_pool pool = {0};
    struct output_queue queue = {0};
    int destroyed = 0;
    struct counted *counted = new_counted(&destroyed);
    struct shared_file *file = new_file("0123456789");

    output_queue_copy(&queue, &pool, bytes_of_text("one"));
    output_queue_copy(&queue, &pool, bytes_of_text("two"));
    CHECK(queue.count == 1);
    output_queue_share(&queue, &counted->shared, (struct bytes){counted->data, 100});
    output_queue_share(&queue, &counted->shared, (struct bytes){counted->data + 100, 50});
    CHECK(queue.count == 2);
    output_queue_share(&queue, &counted->shared, (struct bytes){counted->data + 200, 50});
    CHECK(queue.count == 3);
    output_queue_file(&queue, file, 0, 4);
    output_queue_file(&queue, file, 4, 4);
    CHECK(queue.count == 4);
    output_queue_file(&queue, file, 4, 4);
    CHECK(queue.count == 5);
    shared_unref(&counted->shared);
    shared_unref(&file->shared);
    output_queue_clear(&queue, &pool);
    CHECK(destroyed == 1);
    chunk_pool_release(&pool);
}

static void gathers_memory_up_to_the_next_file(void)
{
    struct output_queue queue = {0};
    int destroyed = 0;
    struct counted *counted = new_counted(&destroyed);
    struct shared_file *file = new_file("0123456789");
    struct iovec vectors[4];
    bool more_follow = false;

    output_queue_copy(&queue, NULL, bytes_of_text("head"));
    output_queue_share(&queue, &counted->shared, (struct bytes){counted->data, 100});
    output_queue_file(&queue, file, 0, 4);
    output_queue_copy(&queue, NULL, bytes_of_text("tail"));
    CHECK(output_queue_gather(&queue, vectors, 4, UINT64_MAX, &more_follow) == 2);
    CHECK(more_follow && vectors[0].iov_len == 4 && vectors[1].iov_len == 100);
    CHECK(output_queue_gather(&queue, vectors, 4, 50, &more_follow) == 2);
    CHECK(vectors[1].iov_len == 46);
    CHECK(output_queue_gather(&queue, vectors, 1, UINT64_MAX, &more_follow) == 1);
    output_queue_take(&queue, NULL, 108);
    CHECK(output_queue_gather(&queue, vectors, 4, UINT64_MAX, &more_follow) == 1);
    CHECK(!more_follow && memcmp(vectors[0].iov_base, "tail", 4) == 0);
    shared_unref(&counted->shared);
    shared_unref(&file->shared);
    output_queue_clear(&queue, NULL);
}

static void takes_chunks_back_for_the_next_sends(void)
{
    struct chunk_pool pool = {0};
    struct output_queue queue = {0};
    struct output_chunk *chunk = NULL;
    struct output_piece *pieces = NULL;

    output_queue_copy(&queue, &pool, bytes_of_text("first"));
    chunk = queue.filling;
    pieces = queue.pieces;
    output_queue_take(&queue, &pool, queue.bytes);
    CHECK(queue.filling == NULL && pool.count == 1 && pool.spare == chunk);
    for (int round = 0; round < 1000; round++) {
        output_queue_copy(&queue, &pool, bytes_of_text("again"));
        CHECK(queue.filling == chunk && queue.pieces == pieces);
        output_queue_take(&queue, &pool, queue.bytes);
    }
    output_queue_clear(&queue, &pool);
    chunk_pool_release(&pool);
}

static void copies_what_is_larger_than_a_chunk(void)
{
    struct chunk_pool pool = {0};
    struct output_queue queue = {0};
    struct buffer large = {0};
    struct buffer got = {0};

    for (uint64_t number = 0; large.size < 300000; number++) {
        buffer_add_number(&large, number * 0x9e3779b97f4a7c15, 8);
    }
    output_queue_copy(&queue, &pool, (struct bytes){large.data, 10});
    output_queue_copy(&queue, &pool, (struct bytes){large.data + 10, large.size - 10});
    CHECK(queue.count <= 2);
    got = drain(&queue, &pool, 4096);
    CHECK(bytes_equal(buffer_bytes(&got), buffer_bytes(&large)));
    output_queue_clear(&queue, &pool);
    chunk_pool_release(&pool);
    buffer_release(&large);
    buffer_release(&got);
}

static void says_that_a_file_is_too_short(void)
{
    struct output_queue queue = {0};
    struct shared_file *file = new_file("0123");
    struct error error;
    uint8_t room[16];
    size_t copied = 0;

    output_queue_file(&queue, file, 0, 10);
    shared_unref(&file->shared);
    CHECK_OK(output_queue_peek(&queue, room, sizeof(room), &copied, &error), &error);
    CHECK(copied == 4);
    output_queue_take(&queue, NULL, 4);
    CHECK(output_queue_peek(&queue, room, sizeof(room), &copied, &error) == STATUS_CORRUPT);
    output_queue_clear(&queue, NULL);
}

static void ignores_what_is_empty(void)
{
    struct output_queue queue = {0};
    int destroyed = 0;
    struct counted *counted = new_counted(&destroyed);
    struct shared_file *file = new_file("0");

    output_queue_copy(&queue, NULL, (struct bytes){NULL, 0});
    output_queue_share(&queue, &counted->shared, (struct bytes){counted->data, 0});
    output_queue_file(&queue, file, 0, 0);
    CHECK(queue.count == 0 && queue.bytes == 0);
    shared_unref(&counted->shared);
    shared_unref(&file->shared);
    CHECK(destroyed == 1);
    output_queue_clear(&queue, NULL);
}

int main(void)
{
    keeps_order_over_all_kinds_of_pieces();
    joins_what_lies_together();
    gathers_memory_up_to_the_next_file();
    takes_chunks_back_for_the_next_sends();
    copies_what_is_larger_than_a_chunk();
    says_that_a_file_is_too_short();
    ignores_what_is_empty();
    return 0;
}
