/* SPDX-License-Identifier: Apache-2.0 */
/* The dump of fake_session.h: events out of the script's logs. */
#include <stdio.h>
#include <string.h>

#include "binrelay/protocol/binlog_control.h"
#include "binrelay/protocol/command.h"
#include "binrelay/protocol/result.h"
#include "check.h"
#include "fake_session.h"

enum { FATAL_READING_BINLOG = 1236 };

static const struct fake_log *log_of(const struct fake_session *session)
{
    return &session->script->logs[session->dump.log];
}

static void send_event(struct fake_session *session,
                       struct bytes event,
                       bool wants_ack,
                       struct buffer *output)
{
    struct buffer payload = {0};

    buffer_add_number(&payload, 0, 1);
    if (session->is_semi_sync) {
        buffer_add_number(&payload, SEMISYNC_MAGIC, 1);
        buffer_add_number(&payload, wants_ack, 1);
    }
    buffer_add_bytes(&payload, event);
    fake_session_send(session, buffer_bytes(&payload), output);
    buffer_release(&payload);
}

static void fail_dump(struct fake_session *session, const char *message, struct buffer *output)
{
    fake_session_send_error(session, FATAL_READING_BINLOG, message, output);
    session->dump.is_on = false;
    session->is_over = true;
}

static bool find_log(struct fake_session *session, struct bytes name)
{
    for (size_t at = 0; at < session->script->log_count; at++) {
        if (bytes_equal(name, bytes_of_text(session->script->logs[at].name))) {
            session->dump.log = at;
            return true;
        }
    }
    session->dump.log = 0;
    return name.size == 0 && session->script->log_count > 0;
}

void fake_dump_begin(struct fake_session *session,
                     unsigned command,
                     struct bytes body,
                     struct buffer *output)
{
    struct fake_script *script = session->script;
    struct command_dump asked;
    struct error error = {0};

    CHECK_OK(command_dump_decode(&asked, (enum command_code)command, body, &error), &error);
    script->dumps++;
    script->asked_position = asked.position;
    (void)snprintf(script->asked_name, sizeof(script->asked_name), "%.*s",
                   (int)asked.file_name.size, (const char *)asked.file_name.data);
    if (script->dump_code != 0) {
        fake_session_send_error(session, script->dump_code, script->dump_message, output);
        session->is_over = true;
        return;
    }
    if (asked.is_by_gtid) {
        CHECK_OK(gtid_set_decode(&session->dump.known, asked.gtid_set, &error), &error);
    }
    if (!find_log(session, asked.file_name)) {
        fail_dump(session, "Could not find first log file name in binary log index file",
                  output);
        return;
    }
    if (asked.position > log_of(session)->bytes.size) {
        fail_dump(session,
                  "Client requested source to start replication from position > file "
                  "size",
                  output);
        return;
    }
    session->dump.is_on = true;
    session->dump.offset = asked.position;
    session->dump.is_non_block = (asked.flags & DUMP_NON_BLOCK) != 0;
    session->dump.is_heartbeat_v2 = (asked.flags & DUMP_HEARTBEAT_V2) != 0;
    session->dump.checksum = BINLOG_CHECKSUM_CRC32;
}

static void send_name(struct fake_session *session, struct buffer *output)
{
    struct fake_dump *dump = &session->dump;
    struct binlog_rotate rotate = {dump->offset, bytes_of_text(log_of(session)->name)};
    struct buffer event = {0};

    binlog_rotate_add_artificial(&event, session->script->server_id, rotate, dump->checksum);
    send_event(session, buffer_bytes(&event), false, output);
    buffer_release(&event);
}

static struct bytes event_at(const struct fake_log *log, uint64_t offset)
{
    uint32_t size = 0;

    if (log->bytes.size - offset < BINLOG_EVENT_HEADER_BYTES) {
        return (struct bytes){0};
    }
    size = bytes_u32_at(log->bytes.data + offset + BINLOG_EVENT_SIZE_AT);
    if (size < BINLOG_EVENT_HEADER_BYTES || size > log->bytes.size - offset) {
        return (struct bytes){0};
    }
    return (struct bytes){log->bytes.data + offset, size};
}

static void read_checksum(struct fake_session *session, struct bytes event)
{
    struct binlog_format format;
    struct error error = {0};

    CHECK_OK(binlog_format_decode(&format, event, &error), &error);
    session->dump.checksum = format.checksum;
}

static void begin_log(struct fake_session *session, struct buffer *output)
{
    const struct fake_log *log = log_of(session);
    struct bytes format = event_at(log, BINLOG_MAGIC_BYTES);
    struct buffer event = {0};

    send_name(session, output);
    session->dump.has_begun = true;
    if (session->dump.offset > BINLOG_MAGIC_BYTES && format.size > 0) {
        read_checksum(session, format);
        binlog_format_add_for_middle(&event, format, session->dump.checksum);
        send_event(session, buffer_bytes(&event), false, output);
        buffer_release(&event);
    }
}

/* Leaves out the transactions that the client knows. */
static bool is_left_out(struct fake_session *session, struct bytes event)
{
    uint8_t type = event.data[BINLOG_EVENT_TYPE_AT];
    struct gtid gtid;
    struct error error = {0};

    if (session->dump.known == NULL) {
        return false;
    }
    if (type == BINLOG_GTID) {
        CHECK_OK(gtid_decode_event(&gtid, type,
                                   binlog_event_body(event, session->dump.checksum), &error),
                 &error);
        session->dump.is_skipping = gtid_set_has(session->dump.known, &gtid);
        return session->dump.is_skipping;
    }
    return session->dump.is_skipping && type != BINLOG_ROTATE && type != BINLOG_STOP;
}

static void send_wrong(struct fake_session *session, struct bytes event, struct buffer *output)
{
    struct buffer copy = {0};

    buffer_add_bytes(&copy, event);
    copy.data[session->script->corrupt_at - session->dump.offset] ^= 0x40;
    session->script->corruptions--;
    send_event(session, buffer_bytes(&copy), false, output);
    buffer_release(&copy);
}

static void send_next(struct fake_session *session, struct buffer *output)
{
    struct fake_dump *dump = &session->dump;
    const struct fake_script *script = session->script;
    struct bytes event = event_at(log_of(session), dump->offset);
    bool is_wrong = script->corruptions > 0 && dump->log + 1 == script->log_count &&
                    script->corrupt_at >= dump->offset &&
                    script->corrupt_at < dump->offset + event.size;

    if (event.size == 0) {
        fail_dump(session, "bogus data in log event", output);
        return;
    }
    if (event.data[BINLOG_EVENT_TYPE_AT] == BINLOG_FORMAT_DESCRIPTION) {
        read_checksum(session, event);
    }
    if (is_wrong) {
        send_wrong(session, event, output);
    } else if (!is_left_out(session, event)) {
        send_event(session, event, event.data[BINLOG_EVENT_TYPE_AT] == BINLOG_XID, output);
    }
    dump->offset += event.size;
}

static void end_dump(struct fake_session *session, struct buffer *output)
{
    struct result_writer writer = {
        .output = output, .sequence = session->sequence, .server_status = 2};

    result_add_eof(&writer);
    session->dump.is_on = false;
    session->is_over = !session->dump.is_non_block;
}

void fake_session_pump(struct fake_session *session, struct buffer *output, size_t limit)
{
    struct fake_dump *dump = &session->dump;

    while (dump->is_on && !session->script->is_silent && output->size < limit) {
        if (!dump->has_begun) {
            begin_log(session, output);
        } else if (dump->offset < log_of(session)->bytes.size) {
            send_next(session, output);
        } else if (dump->log + 1 < session->script->log_count) {
            dump->log++;
            dump->offset = BINLOG_MAGIC_BYTES;
            dump->has_begun = false;
        } else if (dump->is_non_block || session->script->ends_dump) {
            end_dump(session, output);
        } else {
            return;
        }
    }
}

void fake_session_heartbeat(struct fake_session *session, struct buffer *output)
{
    struct fake_dump *dump = &session->dump;
    struct binlog_rotate where = {dump->offset, bytes_of_text(log_of(session)->name)};
    struct buffer event = {0};

    if (!dump->is_on || session->script->is_silent) {
        return;
    }
    binlog_heartbeat_add(&event, session->script->server_id, where, dump->checksum,
                         dump->is_heartbeat_v2);
    send_event(session, buffer_bytes(&event), false, output);
    buffer_release(&event);
}
