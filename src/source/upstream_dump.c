/* SPDX-License-Identifier: Apache-2.0 */
/* Registration, and the dump itself. */
#include <string.h>

#include "binrelay/base/checksum.h"
#include "binrelay/protocol/command.h"
#include "upstream_internal.h"

enum { REPLY_MOST_BYTES = 64 * 1024 };

/* Ids that are made up stay clear of those that people give. */
#define UPPER_HALF UINT32_C(0x80000000)

uint32_t upstream_replica_id(const struct upstream *upstream)
{
    const char *uuid = upstream->task.replica_uuid;

    return upstream->facts.is_mariadb ? checksum_crc32(0, uuid, strlen(uuid)) | UPPER_HALF
                                      : upstream->task.server_id;
}

static void send_dump(struct upstream *upstream)
{
    const struct dump_place *asked = &upstream->intake.asked;
    char name[BINLOG_NAME_BYTES];
    struct buffer payload = {0};
    struct command_dump command = {
        /* The same bit: MariaDB is asked for its annotations, MySQL (which ignores it before
         * 8.0.26) for heartbeats that can tell positions over 4 GiB. */
        .flags = upstream->facts.is_mariadb ? DUMP_ANNOTATE_ROWS : DUMP_HEARTBEAT_V2,
        .server_id = upstream_replica_id(upstream),
        .position = asked->offset,
    };

    binlog_name_print(name, asked->base_name, asked->file);
    command.file_name = bytes_of_text(name);
    command_dump_encode(&payload, &command);
    upstream_send_command(upstream, &payload);
    buffer_release(&payload);
}

enum upstream_step upstream_register(struct upstream *upstream)
{
    struct bytes payload;
    enum upstream_step step = upstream_next_payload(upstream, REPLY_MOST_BYTES, &payload);

    if (step != UPSTREAM_AGAIN) {
        return step;
    }
    if (!result_is_ok(payload)) {
        return upstream_refused(upstream, payload, SOURCE_STAGE_SETUP);
    }
    if (upstream->task.semi_sync && !upstream->lacks_semi_sync) {
        upstream->reader.semisync = DUMP_SEMISYNC_ASKED;
    }
    send_dump(upstream);
    upstream_move_to(upstream, UPSTREAM_DUMPING);
    return UPSTREAM_AGAIN;
}

static enum upstream_step end_of_dump(struct upstream *upstream, const struct dump_item *item)
{
    bool is_proving = upstream->state == UPSTREAM_DUMPING;

    if (item->kind == DUMP_ERROR) {
        return upstream_refused(upstream, item->bytes,
                                is_proving ? SOURCE_STAGE_PROVING : SOURCE_STAGE_STREAM);
    }
    (void)error_set(&upstream->error, STATUS_CLOSED, "the source ended the dump");
    return upstream_fail(upstream, PULL_WAITING);
}

static void consume(struct upstream *upstream, size_t size)
{
    upstream->input.data += size;
    upstream->input.size -= size;
}

static enum upstream_step take_item(struct upstream *upstream, const struct dump_item *item)
{
    enum status status = STATUS_OK;

    if (UNLIKELY(item->kind == DUMP_END || item->kind == DUMP_ERROR)) {
        return end_of_dump(upstream, item);
    }
    status = intake_take(&upstream->intake, item, &upstream->error);
    if (UNLIKELY(status == STATUS_AGAIN)) {
        return UPSTREAM_HOLD; /* it is not consumed: it comes again */
    }
    if (UNLIKELY(status != STATUS_OK)) {
        return upstream_fail(upstream, upstream->intake.blame);
    }
    consume(upstream, item->taken);
    if (UNLIKELY(upstream->state == UPSTREAM_DUMPING &&
                 upstream->intake.mode == INTAKE_TAKING)) {
        upstream_move_to(upstream, UPSTREAM_STREAMING);
    }
    if (UNLIKELY(upstream->task.one_at_a_time) && upstream->intake.has_taken &&
        binlog_store_is_whole(upstream->task.store)) {
        upstream->intake.has_taken = false;
        return UPSTREAM_WHOLE;
    }
    return UPSTREAM_AGAIN;
}

enum upstream_step upstream_dump(struct upstream *upstream)
{
    enum upstream_step step = UPSTREAM_AGAIN;

    while (step == UPSTREAM_AGAIN) {
        struct dump_item item;
        enum status status =
            dump_reader_next(&upstream->reader, upstream->input, &item, &upstream->error);

        if (status == STATUS_AGAIN) {
            return UPSTREAM_WAIT;
        }
        if (UNLIKELY(status != STATUS_OK)) {
            upstream->intake.is_bad_event = true;
            return upstream_fail(upstream, PULL_WAITING);
        }
        step = take_item(upstream, &item);
    }
    return step;
}
