/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "binrelay/base/checksum.h"
#include "intake_internal.h"

enum { COMPARE_PIECE_BYTES = 256 * 1024 };

enum status intake_compare(struct intake *intake,
                           uint64_t from,
                           struct bytes bytes,
                           struct error *error)
{
    struct buffer piece = {0};
    enum status status = STATUS_OK;

    for (size_t done = 0; status == STATUS_OK && done < bytes.size; done += piece.size) {
        struct binlog_position where = intake->tail.end;
        size_t left = bytes.size - done;
        size_t size = left < COMPARE_PIECE_BYTES ? left : COMPARE_PIECE_BYTES;

        where.offset = intake->tail.last_event_offset + from + done;
        buffer_clear(&piece);
        status = binlog_store_read(intake->store, where, size, &piece, error);
        if (status != STATUS_OK) {
            intake->blame = PULL_STORE_ERROR;
        } else if (!bytes_equal(buffer_bytes(&piece),
                                (struct bytes){bytes.data + done, size})) {
            status = intake_fail_behind(intake, error, "another event stands");
        }
    }
    buffer_release(&piece);
    return status;
}

/* What is never so large. */
static bool is_control(const struct binlog_event_header *header)
{
    return (header->flags & BINLOG_FLAG_ARTIFICIAL) != 0 || header->type == BINLOG_ROTATE ||
           header->type == BINLOG_FORMAT_DESCRIPTION || header->type == BINLOG_HEARTBEAT ||
           header->type == BINLOG_HEARTBEAT_V2;
}

static enum status begin_large(struct intake *intake, struct bytes first, struct error *error)
{
    struct intake_large *large = &intake->large;
    enum status status = STATUS_OK;

    buffer_release(&large->whole);
    *large = (struct intake_large){.header = binlog_event_header_at(first.data)};
    if (is_control(&large->header) || intake->mode == INTAKE_NAMING) {
        return intake_fail_bad(intake, large->header.type, error,
                               "it comes with more than %d bytes", DUMP_WHOLE_MOST_BYTES);
    }
    status = intake_check_place(intake, &large->header, error);
    if (status == STATUS_OK && intake->mode == INTAKE_COMPARING &&
        large->header.event_size != intake->tail.end.offset - intake->tail.last_event_offset) {
        return intake_fail_behind(intake, error, "another event stands");
    }
    large->is_gathered = intake_wants_whole(intake, large->header.type);
    if (status == STATUS_OK && large->is_gathered) {
        status = intake_check_whole(intake, &large->header, error);
    }
    return status;
}

/* Follows the checksum; the event's last four bytes, which may come in pieces, are put aside.
 */
static enum status check_part(struct intake *intake, struct bytes part, struct error *error)
{
    struct intake_large *large = &intake->large;
    uint32_t covered = large->header.event_size - BINLOG_CHECKSUM_BYTES;
    size_t here = 0;

    if (part.size > large->header.event_size - large->done) {
        return intake_fail_bad(intake, large->header.type, error,
                               "it says it has %u bytes and comes with more",
                               large->header.event_size);
    }
    if (large->done < covered) {
        here = covered - large->done < part.size ? covered - large->done : part.size;
        large->checksum = checksum_crc32(large->checksum, part.data, here);
    }
    for (; here < part.size; here++) {
        large->sent_checksum[large->done + here - covered] = part.data[here];
    }
    large->done += (uint32_t)part.size;
    if (large->done == large->header.event_size && intake->checksum == BINLOG_CHECKSUM_CRC32 &&
        large->checksum != bytes_u32_at(large->sent_checksum)) {
        return intake_fail_bad(intake, large->header.type, error, "its checksum is wrong");
    }
    return STATUS_OK;
}

static enum status store_part(struct intake *intake,
                              const struct dump_item *item,
                              struct error *error)
{
    uint32_t size = intake->large.header.event_size;
    enum status status = STATUS_OK;

    if (item->bytes.size == size) {
        status = binlog_store_append(intake->store, item->bytes, error);
    } else if (item->is_first) {
        status = binlog_store_append_begin(intake->store, item->bytes, size, error);
    } else if (item->bytes.size > 0) {
        status = binlog_store_append_more(intake->store, item->bytes, error);
    }
    return status == STATUS_OK ? STATUS_OK : intake_fail_store(intake, error);
}

/* What was put together is taken as if it had come so. */
static enum status end_gathered(struct intake *intake, bool wants_ack, struct error *error)
{
    struct intake_large *large = &intake->large;
    struct dump_item item = {
        .kind = DUMP_EVENT, .bytes = buffer_bytes(&large->whole), .wants_ack = wants_ack};
    enum status status = intake_take_file_event(intake, &large->header, &item, error);

    buffer_release(&large->whole);
    return status;
}

static enum status end_large(struct intake *intake, bool wants_ack, struct error *error)
{
    struct intake_large *large = &intake->large;

    if (large->done != large->header.event_size) {
        return intake_fail_bad(intake, large->header.type, error,
                               "it says it has %u bytes and comes with %u",
                               large->header.event_size, large->done);
    }
    if (large->is_gathered) {
        return end_gathered(intake, wants_ack, error);
    }
    if (intake->mode == INTAKE_SKIPPING) {
        return intake_skip(intake, large->header.event_size, error);
    }
    if (intake->mode == INTAKE_COMPARING) {
        intake->at = intake->tail.end;
        intake->mode = INTAKE_TAKING;
        return STATUS_OK;
    }
    intake_advance(intake, &large->header, large->header.event_size, wants_ack);
    return STATUS_OK;
}

enum status intake_take_part(struct intake *intake,
                             const struct dump_item *item,
                             struct error *error)
{
    uint32_t before = 0;
    enum status status = item->is_first ? begin_large(intake, item->bytes, error) : STATUS_OK;

    before = intake->large.done;
    if (status == STATUS_OK) {
        status = check_part(intake, item->bytes, error);
    }
    if (status == STATUS_OK && intake->large.is_gathered) {
        buffer_add_bytes(&intake->large.whole, item->bytes);
    } else if (status == STATUS_OK && intake->mode == INTAKE_TAKING) {
        status = store_part(intake, item, error);
    } else if (status == STATUS_OK && intake->mode == INTAKE_COMPARING) {
        status = intake_compare(intake, before, item->bytes, error);
    }
    if (status == STATUS_OK && item->is_last) {
        status = end_large(intake, item->wants_ack, error);
    }
    return status;
}
