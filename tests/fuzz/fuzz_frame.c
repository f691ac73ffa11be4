/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A binlog file's bytes, whatever they are: framing them and looking for
 * GTIDs in them either fails cleanly or covers the very bytes.
 */
#include <string.h>

#include "../../src/serve/dump_filter.h"
#include "../../src/serve/frame.h"
#include "binrelay/base/memory.h"
#include "binrelay/protocol/binlog_event.h"
#include "check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum status read_input(
    void *context, uint64_t offset, void *data, size_t size, size_t *found, struct error *error)
{
    const struct bytes *input = context;
    size_t left = offset < input->size ? input->size - (size_t)offset : 0;

    (void)error;
    *found = size < left ? size : left;
    if (*found > 0) {
        memcpy(data, input->data + offset, *found);
    }
    return STATUS_OK;
}

/* The packets hold the input's bytes in order, with their zeros and numbers. */
static void check_frame(const struct frame *frame, const struct bytes *input, uint64_t begun)
{
    uint64_t in_memory = frame->size;
    uint64_t in_file = 0;

    for (size_t i = 0; i < frame->piece_count; i++) {
        const struct frame_piece *piece = &frame->pieces[i];

        if (piece->file_offset != FRAME_IN_MEMORY) {
            CHECK(piece->file_offset >= begun);
            CHECK(piece->file_offset + piece->size <= frame->end);
            in_file += piece->size;
        } else {
            CHECK(piece->size <= in_memory);
            in_memory -= piece->size;
        }
    }
    CHECK(frame->piece_count == 0 || in_memory == 0);
    CHECK(frame->bytes == frame->size + in_file);
    CHECK(frame->end > begun && frame->end <= input->size);
    /* Each event has one zero in front, each packet its header. */
    uint64_t zeros = frame->bytes - (frame->end - begun) - frame->packets * PACKET_HEADER_BYTES;

    CHECK(zeros > 0 && zeros <= frame->packets);
}

static void frame_input(struct bytes input)
{
    struct frame_source source = {.read = read_input, .context = &input};
    uint64_t offset = BINLOG_MAGIC_BYTES;
    uint8_t sequence = 0;
    enum status status = STATUS_OK;

    while (status == STATUS_OK && offset < input.size) {
        struct frame_range range = {.offset = offset, .limit = input.size};
        struct frame frame = {.capacity = frame_memory_bytes(range)};
        struct error error;

        frame.memory = mem_raw(frame.capacity);
        status = frame_events(&frame, &source, range, sequence, &error);
        if (status == STATUS_OK) {
            check_frame(&frame, &input, offset);
            sequence = (uint8_t)(sequence + frame.packets);
            offset = frame.end;
        }
        frame_release(&frame);
        free(frame.memory);
    }
}

static void filter_input(struct bytes input, struct dump_filter *filter)
{
    struct frame_source source = {.read = read_input, .context = &input};
    struct frame_range range = {.offset = BINLOG_MAGIC_BYTES, .limit = input.size};
    enum status status = STATUS_OK;

    while (status == STATUS_OK && range.offset < range.limit) {
        struct filter_run run = {0};
        struct error error;

        status = dump_filter_next(filter, &source, range, BINLOG_CHECKSUM_CRC32, &run, &error);
        if (status == STATUS_OK) {
            CHECK(run.end > range.offset && run.end <= range.limit);
            range.offset = run.end;
        }
    }
    dump_filter_free(filter);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = {.data = data, .size = size};
    struct mariadb_gtid item = {.domain_id = 0, .server_id = 1, .sequence = 2};
    struct mariadb_gtid_list position = {.items = &item, .count = 1};
    struct gtid gtid = {.number = 2};
    struct gtid_set *set = gtid_set_new();

    gtid_set_add(set, &gtid);
    frame_input(input);
    filter_input(input, dump_filter_of_gtids(set));
    filter_input(input, dump_filter_of_mariadb(&position, &position, true));
    return 0;
}
