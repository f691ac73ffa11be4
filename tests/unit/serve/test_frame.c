/* SPDX-License-Identifier: Apache-2.0 */
#include "frame.h"

#include <inttypes.h>
#include <string.h>

#include "binrelay/base/memory.h"
#include "binrelay/protocol/binlog_event.h"
#include "check.h"

/* A file's bytes in memory. */
struct image {
    uint8_t *bytes;
    size_t size;
    size_t capacity;
    size_t cut; /* reading ends here, as in a file that lost its tail */
    unsigned reads;
};

static struct image image_new(size_t capacity)
{
    struct image image = {.bytes = mem_raw(capacity), .capacity = capacity, .cut = SIZE_MAX};

    memcpy(image.bytes, BINLOG_MAGIC, BINLOG_MAGIC_BYTES);
    image.size = BINLOG_MAGIC_BYTES;
    return image;
}

/* Adds an event of so many bytes whose body can be told from any other. */
static void image_add(struct image *image, uint32_t size)
{
    uint8_t *event = image->bytes + image->size;

    CHECK(image->size + size <= image->capacity);
    for (uint32_t i = 0; i < size; i++) {
        event[i] = (uint8_t)(image->size * 31 + i * 7 + (i >> 8));
    }
    bytes_put_u32(event + BINLOG_EVENT_SIZE_AT, size);
    image->size += size;
}

static enum status read_image(
    void *context, uint64_t offset, void *data, size_t size, size_t *found, struct error *error)
{
    struct image *image = context;
    size_t end = image->cut < image->size ? image->cut : image->size;

    (void)error;
    image->reads++;
    *found = 0;
    if (offset < end) {
        *found = end - offset < size ? (size_t)(end - offset) : size;
        memcpy(data, image->bytes + offset, *found);
    }
    return STATUS_OK;
}

static struct frame frame_for(struct frame_range range)
{
    struct frame frame = {.capacity = frame_memory_bytes(range)};

    frame.memory = mem_raw(frame.capacity);
    return frame;
}

static void frame_drop(struct frame *frame)
{
    frame_release(frame);
    free(frame->memory);
}

/* What the frame sends, in one piece. */
static struct buffer bytes_on_wire(const struct frame *frame, const struct image *image)
{
    struct buffer wire = {0};
    size_t at = 0;

    if (frame->piece_count == 0) {
        buffer_add(&wire, frame->memory, frame->size);
        at = frame->size;
    }
    for (size_t i = 0; i < frame->piece_count; i++) {
        const struct frame_piece *piece = &frame->pieces[i];

        CHECK(piece->size > 0);
        if (piece->file_offset == FRAME_IN_MEMORY) {
            buffer_add(&wire, frame->memory + at, (size_t)piece->size);
            at += (size_t)piece->size;
        } else {
            CHECK(piece->file_offset + piece->size <= image->size);
            buffer_add(&wire, image->bytes + piece->file_offset, (size_t)piece->size);
        }
    }
    CHECK(at == frame->size);
    CHECK(wire.size == frame->bytes);
    return wire;
}

/* Takes the packets apart and compares each payload with the image's next event. */
static void check_wire(const struct buffer *wire,
                       const struct image *image,
                       struct frame_range covered,
                       uint8_t *sequence,
                       uint64_t *packets)
{
    const uint8_t *at = wire->data;
    const uint8_t *end = wire->data + wire->size;
    uint64_t offset = covered.offset;

    while (at < end) {
        uint32_t size = bytes_u32_at(image->bytes + offset + BINLOG_EVENT_SIZE_AT);
        uint64_t checked = 0;
        uint32_t payload = 0;

        do {
            payload = bytes_u32_at(at) & 0xFFFFFF;
            CHECK(at[3] == (*sequence)++);
            (*packets)++;
            at += PACKET_HEADER_BYTES;
            CHECK(payload <= (size_t)(end - at));
            size_t zero = checked == 0 && payload > 0 ? 1 : 0;

            CHECK(zero == 0 || at[0] == 0);
            CHECK(checked + payload - zero <= size);
            CHECK(memcmp(at + zero, image->bytes + offset + checked, payload - zero) == 0);
            checked += payload - zero;
            at += payload;
        } while (payload == PACKET_MOST_BYTES);
        CHECK(checked == size);
        offset += size;
    }
    CHECK(offset == covered.limit);
}

/* Frames the whole image from `offset` block by block, and checks every byte. */
static void check_image(struct image *image, uint64_t offset, uint8_t sequence)
{
    struct frame_source source = {.read = read_image, .context = image};

    while (offset < image->size) {
        struct frame_range range = {.offset = offset, .limit = image->size};
        struct frame frame = frame_for(range);
        struct error error;
        uint8_t checked_sequence = sequence;
        uint64_t packets = 0;

        CHECK_OK(frame_events(&frame, &source, range, sequence, &error), &error);
        CHECK(frame.end > offset);
        CHECK(frame.end == image->size || frame.end >= frame_block_stop(offset));

        struct buffer wire = bytes_on_wire(&frame, image);

        check_wire(&wire, image, (struct frame_range){offset, frame.end}, &checked_sequence,
                   &packets);
        CHECK(packets == frame.packets);
        sequence = checked_sequence;
        offset = frame.end;
        buffer_release(&wire);
        frame_drop(&frame);
    }
}

static void frames_events_of_any_size(void)
{
    static const uint32_t sizes[] = {19, 20, 31, 32, 33, 60, 64, 300, 8192, 16383, 16384};
    struct image image = image_new(4 * 1024 * 1024);

    for (unsigned i = 0; image.size < 3 * 1024 * 1024; i++) {
        image_add(&image, sizes[(i * 7 + i / 11) % (sizeof(sizes) / sizeof(sizes[0]))]);
    }
    check_image(&image, BINLOG_MAGIC_BYTES, 3);
    free(image.bytes);
}

static void frames_blocks_full_of_the_smallest_events(void)
{
    struct image image = image_new(2 * 1024 * 1024);

    while (image.size < 1024 * 1024) {
        image_add(&image, BINLOG_EVENT_HEADER_BYTES);
    }
    check_image(&image, BINLOG_MAGIC_BYTES, 250);
    free(image.bytes);
}

static void frames_random_files(void)
{
    uint64_t state = 88172645463325252U;

    for (unsigned round = 0; round < 40; round++) {
        struct image image = image_new(8 * 1024 * 1024);

        while (image.size < 1024 * 1024) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            uint32_t most = 1U << (5 + state % 15);

            image_add(&image, BINLOG_EVENT_HEADER_BYTES + (uint32_t)((state >> 20) % most));
        }
        check_image(&image, BINLOG_MAGIC_BYTES, (uint8_t)state);
        free(image.bytes);
    }
}

static void splits_events_over_packets(void)
{
    static const uint32_t sizes[] = {PACKET_MOST_BYTES - 2,     PACKET_MOST_BYTES - 1,
                                     PACKET_MOST_BYTES,         2 * PACKET_MOST_BYTES - 1,
                                     2 * PACKET_MOST_BYTES + 5, 40 * 1024 * 1024};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct image image = image_new(sizes[i] + 1024);

        image_add(&image, 100);
        image_add(&image, sizes[i]);
        image_add(&image, 31);
        check_image(&image, BINLOG_MAGIC_BYTES, 254);
        free(image.bytes);
    }
}

static void does_not_read_what_is_sent_from_the_file(void)
{
    struct image image = image_new(64 * 1024 * 1024);
    uint64_t events = 200;

    for (uint64_t i = 0; i < events; i++) {
        image_add(&image, 60);
        image_add(&image, 100 * 1024);
    }
    check_image(&image, BINLOG_MAGIC_BYTES, 0);
    CHECK(image.reads < 3 * events);
    free(image.bytes);
}

/* Wherever a stream begins, its blocks soon end where all others' do. */
static void ends_blocks_at_the_same_boundaries(void)
{
    struct image image = image_new(2 * 1024 * 1024);
    struct frame_source source = {.read = read_image, .context = &image};
    struct error error;

    while (image.size < 1024 * 1024) {
        image_add(&image, 19 + (uint32_t)(image.size % 977));
    }
    struct frame_range range = {BINLOG_MAGIC_BYTES, image.size};
    struct frame whole = frame_for(range);

    CHECK_OK(frame_events(&whole, &source, range, 0, &error), &error);
    while (range.offset < whole.end) {
        struct frame frame = frame_for(range);

        CHECK_OK(frame_events(&frame, &source, range, 7, &error), &error);
        CHECK(frame.end == whole.end);
        frame_drop(&frame);
        range.offset += bytes_u32_at(image.bytes + range.offset + BINLOG_EVENT_SIZE_AT);
    }
    CHECK(range.offset == whole.end);
    frame_drop(&whole);
    free(image.bytes);
}

static void stops_at_the_limit(void)
{
    struct image image = image_new(4096);
    struct frame_source source = {.read = read_image, .context = &image};
    struct error error;

    for (unsigned i = 0; i < 10; i++) {
        image_add(&image, 50);
    }
    struct frame_range range = {BINLOG_MAGIC_BYTES, BINLOG_MAGIC_BYTES + 150};
    struct frame frame = frame_for(range);

    CHECK_OK(frame_events(&frame, &source, range, 0, &error), &error);
    CHECK(frame.end == range.limit);
    CHECK(frame.packets == 3);
    frame_drop(&frame);
    free(image.bytes);
}

static void expect_corrupt(struct image *image, uint64_t limit, const char *part)
{
    struct frame_source source = {.read = read_image, .context = image};
    struct frame_range range = {BINLOG_MAGIC_BYTES, limit};
    struct frame frame = frame_for(range);
    struct error error = {0};

    CHECK(frame_events(&frame, &source, range, 0, &error) == STATUS_CORRUPT);
    CHECK(strstr(error.message, part) != NULL);
    frame_drop(&frame);
}

static void refuses_damaged_sizes(void)
{
    static const uint32_t bad[] = {0, 1, 18, 5000, 0x7FFFFFFF, UINT32_MAX};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct image image = image_new(8192);

        image_add(&image, 100);
        image_add(&image, 100);
        image_add(&image, 100);
        bytes_put_u32(image.bytes + BINLOG_MAGIC_BYTES + 100 + BINLOG_EVENT_SIZE_AT, bad[i]);
        expect_corrupt(&image, image.size, "the event at 104 says");
        free(image.bytes);
    }
}

static void refuses_a_cut_header(void)
{
    struct image image = image_new(8192);

    image_add(&image, 100);
    image_add(&image, 19);
    expect_corrupt(&image, BINLOG_MAGIC_BYTES + 110, "the event at 104 is cut");
    free(image.bytes);
}

static void notices_that_the_file_lost_bytes(void)
{
    struct image image = image_new(8192);

    image_add(&image, 100);
    image_add(&image, 100);
    image.cut = 120;
    expect_corrupt(&image, image.size, "is not all in the file");
    free(image.bytes);
}

int main(void)
{
    frames_events_of_any_size();
    frames_blocks_full_of_the_smallest_events();
    frames_random_files();
    splits_events_over_packets();
    does_not_read_what_is_sent_from_the_file();
    ends_blocks_at_the_same_boundaries();
    stops_at_the_limit();
    refuses_damaged_sizes();
    refuses_a_cut_header();
    notices_that_the_file_lost_bytes();
    return 0;
}
