/* SPDX-License-Identifier: Apache-2.0 */
#include "exact_frame.h"

#include <stdio.h>
#include <string.h>
#include <zstd.h>

#include "check.h"

static uint32_t random_state = 12345;

static uint32_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state;
}

/* Bytes that compress to about a half. */
static struct buffer some_content(size_t size)
{
    struct buffer content = {0};
    uint8_t *room = buffer_room(&content, size);

    for (size_t i = 0; i < size; i++) {
        room[i] = (uint8_t)(next_random() & 0x0F);
    }
    content.size = size;
    return content;
}

/* In one call, as clients do, and in pieces, as servers do. */
static void check_decompresses(const struct buffer *frame, const struct buffer *content)
{
    struct buffer room = {0};
    uint8_t *out = buffer_room(&room, content->size + 1);
    ZSTD_DCtx *stream = ZSTD_createDCtx();
    ZSTD_outBuffer output = {out, content->size + 1, 0};
    ZSTD_inBuffer input = {frame->data, 0, 0};
    size_t wants = 1;

    CHECK(ZSTD_decompress(out, content->size + 1, frame->data, frame->size) == content->size);
    CHECK(memcmp(out, content->data, content->size) == 0);
    memset(out, 0, content->size);
    while (input.pos < frame->size) {
        input.size = input.size + 7 < frame->size ? input.size + 7 : frame->size;
        wants = ZSTD_decompressStream(stream, &output, &input);
        CHECK(ZSTD_isError(wants) == 0);
    }
    CHECK(wants == 0 && output.pos == content->size);
    CHECK(memcmp(out, content->data, content->size) == 0);
    CHECK(ZSTD_isError(ZSTD_freeDCtx(stream)) == 0);
    buffer_release(&room);
}

/* Of the level that is tried first, and without a content size. */
static size_t smallest_frame(const struct buffer *content)
{
    ZSTD_CCtx *compressor = ZSTD_createCCtx();
    struct buffer frame = {0};
    size_t room = ZSTD_compressBound(content->size);
    size_t size = 0;

    CHECK(ZSTD_isError(ZSTD_CCtx_setParameter(compressor, ZSTD_c_contentSizeFlag, 0)) == 0);
    size = ZSTD_compress2(compressor, buffer_room(&frame, room), room, content->data,
                          content->size);
    CHECK(ZSTD_isError(size) == 0);
    CHECK(ZSTD_isError(ZSTD_freeCCtx(compressor)) == 0);
    buffer_release(&frame);
    return size;
}

static void every_slack_can_be_filled(size_t content_size)
{
    struct exact_frame_maker *maker = exact_frame_maker_new();
    struct buffer content = some_content(content_size);
    struct buffer frame = {0};
    size_t smallest = smallest_frame(&content);
    struct exact_frame_way way;
    struct error error;

    for (size_t slack = 0; slack < 40; slack++) {
        CHECK_OK(exact_frame_make(maker, buffer_bytes(&content), smallest + slack, &frame, &way,
                                  &error),
                 &error);
        CHECK(frame.size == smallest + slack);
        check_decompresses(&frame, &content);
        if (way.has_content_size) {
            CHECK(ZSTD_getFrameContentSize(frame.data, frame.size) == content.size);
        }
    }
    /* With some room, the frame is as clients like it best. */
    CHECK(way.has_content_size && !way.has_dictionary_field && way.empty_blocks == 0);
    buffer_release(&content);
    buffer_release(&frame);
    exact_frame_maker_free(maker);
}

static void a_frame_in_which_nothing_is_slack_is_the_librarys(void)
{
    struct exact_frame_maker *maker = exact_frame_maker_new();
    struct buffer content = some_content(1000);
    struct buffer frame = {0};
    struct exact_frame_way way;
    struct error error;
    uint8_t library[2000];
    size_t size = ZSTD_compress(library, sizeof(library), content.data, content.size, 3);

    CHECK_OK(exact_frame_make(maker, buffer_bytes(&content), size, &frame, &way, &error),
             &error);
    CHECK(way.attempts == 1);
    CHECK(memcmp(frame.data, library, size) == 0);
    buffer_release(&content);
    buffer_release(&frame);
    exact_frame_maker_free(maker);
}

static void what_is_too_small_is_refused_with_both_sizes(void)
{
    struct exact_frame_maker *maker = exact_frame_maker_new();
    struct buffer content = some_content(3000);
    struct buffer frame = {0};
    struct error error;

    CHECK(exact_frame_make(maker, buffer_bytes(&content), 100, &frame, NULL, &error) ==
          STATUS_INVALID);
    CHECK(strstr(error.message, "3000 bytes") != NULL);
    CHECK(strstr(error.message, "to 100") != NULL);
    buffer_release(&content);
    buffer_release(&frame);
    exact_frame_maker_free(maker);
}

int main(void)
{
    static const size_t sizes[] = {1, 100, 255, 256, 1000, 65791, 65792, 200000};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        every_slack_can_be_filled(sizes[i]);
    }
    a_frame_in_which_nothing_is_slack_is_the_librarys();
    what_is_too_small_is_refused_with_both_sizes();
    return 0;
}
