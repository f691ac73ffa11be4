/* SPDX-License-Identifier: Apache-2.0 */
/* A dump's events, a block at a time: another dump's if there is one that fits, else its own.
 */
#include <inttypes.h>

#include "dump_internal.h"

enum {
    ALIGN_LEAST_BYTES = 64 * 1024, /* smaller blocks are framed sooner than aligned to */
    ALIGN_EVERY_BYTES = 16 * 1024 * 1024,
};

static void send_block(struct dump *dump, struct frame_block *block)
{
    const struct frame *frame = &block->frame;
    bool was_empty = connection_queued(dump->connection) == 0;
    const uint8_t *memory = frame->memory;

    if (frame->piece_count == 0) {
        connection_send_shared(dump->connection, &block->shared,
                               (struct bytes){.data = memory, .size = frame->size});
    }
    for (size_t i = 0; i < frame->piece_count; i++) {
        const struct frame_piece *piece = &frame->pieces[i];

        if (piece->file_offset == FRAME_IN_MEMORY) {
            connection_send_shared(dump->connection, &block->shared,
                                   (struct bytes){.data = memory, .size = (size_t)piece->size});
            memory += piece->size;
        } else {
            connection_send_file(dump->connection, block->opened, piece->file_offset,
                                 piece->size);
        }
    }
    dump->sequence = (uint8_t)(dump->sequence + frame->packets);
    dump->position.offset = frame->end;
    dump->told = dump->position;
    dump->has_sent = true;
    if (dump->bytes_since_aligned < UINT64_MAX) {
        dump->bytes_since_aligned += frame->end - block->begin.offset;
    }
    /* While the block is still in the processor's cache, if the socket takes it. */
    if (was_empty) {
        connection_flush(dump->connection);
    }
}

/* The file again, for the kernel to send from. */
static enum status open_for_sending(struct dump *dump, struct error *error)
{
    if (dump->opened != NULL) {
        return STATUS_OK;
    }
    int descriptor = binlog_cursor_descriptor(dump->cursor);

    if (descriptor < 0) {
        return error_set_errno(error, "open binlog file %" PRIu64 " again",
                               dump->position.file);
    }
    dump->opened = shared_file_new(descriptor);
    return STATUS_OK;
}

static enum status make_block(struct dump *dump,
                              uint64_t limit,
                              struct frame_block **made,
                              struct error *error)
{
    struct frame_range range = {.offset = dump->position.offset, .limit = limit};
    struct frame_block *block = frame_block_new(dump->frames, range);
    enum status status =
        frame_events(&block->frame, &dump->source, range, dump->sequence, error);

    if (status == STATUS_OK && block->frame.piece_count > 0) {
        status = open_for_sending(dump, error);
    }
    if (status != STATUS_OK) {
        frame_block_unref(block);
        return status;
    }
    if (block->frame.piece_count > 0) {
        block->opened = dump->opened;
        (void)shared_ref(&block->opened->shared);
    }
    block->begin = dump->position;
    block->sequence = dump->sequence;
    frame_block_trim(block);
    *made = block;
    return STATUS_OK;
}

/*
 * Brings the stream to the packet number of somebody else's block: heartbeats
 * move nothing but the number. Tried in the middle of transactions on MySQL 9.7
 * and MariaDB 10.11 and 11.8. Not again and again where streams do not stay
 * together.
 */
static bool align(struct dump *dump, const struct frame_block *block)
{
    uint8_t missing = (uint8_t)(block->sequence - dump->sequence);

    if (missing == 0) {
        return true;
    }
    if (dump->heartbeat_usec == 0 || !dump_can_send_heartbeat(dump) ||
        block->frame.end - block->begin.offset < ALIGN_LEAST_BYTES ||
        dump->bytes_since_aligned < ALIGN_EVERY_BYTES) {
        return false;
    }
    dump_send_heartbeats(dump, missing);
    dump->bytes_since_aligned = 0;
    return true;
}

enum status dump_send_events(struct dump *dump,
                             uint64_t limit,
                             bool is_shared,
                             struct error *error)
{
    struct frame_block *block = frame_cache_find(dump->frames, &dump->member, dump->position);

    if (block != NULL && (block->frame.end > limit || !align(dump, block))) {
        frame_block_unref(block);
        block = NULL;
    }
    if (block == NULL) {
        enum status status = make_block(dump, limit, &block, error);

        if (status != STATUS_OK) {
            return status;
        }
        if (is_shared || block->frame.end < limit) {
            frame_cache_add(dump->frames, &dump->member, block);
        }
    }
    send_block(dump, block);
    frame_block_unref(block);
    return STATUS_OK;
}
