/* SPDX-License-Identifier: Apache-2.0 */
#include "file_follower.h"

#include <inttypes.h>

void file_follower_begin(struct file_follower *follower)
{
    follower->format = (struct binlog_format){0};
    follower->now = (struct follower_place){
        .offset = BINLOG_MAGIC_BYTES,
        .gtids = pending_gtids_end(follower->runs),
    };
}

bool file_follower_needs_whole(const struct file_follower *follower, uint8_t type)
{
    switch (type) {
    case BINLOG_FORMAT_DESCRIPTION:
    case BINLOG_GTID:
    case BINLOG_GTID_TAGGED:
    case BINLOG_MARIADB_GTID:
        return true;
    case BINLOG_PREVIOUS_GTIDS:
    case BINLOG_MARIADB_GTID_LIST:
        return follower->is_first;
    default:
        return false;
    }
}

/* What every event must be to stand at this place, whatever its type. */
static enum status check_header(const struct file_follower *follower,
                                struct binlog_event_header header,
                                uint32_t size,
                                struct error *error)
{
    uint64_t offset = follower->now.offset;
    bool is_format = header.type == BINLOG_FORMAT_DESCRIPTION;
    uint32_t smallest = BINLOG_EVENT_HEADER_BYTES;

    if (follower->format.checksum == BINLOG_CHECKSUM_CRC32) {
        smallest += BINLOG_CHECKSUM_BYTES;
    }
    if (header.event_size != size || size < smallest) {
        return error_set(error, STATUS_INVALID,
                         "an event of %" PRIu32 " bytes at %" PRIu64 " says it has %" PRIu32,
                         size, offset, header.event_size);
    }
    if (is_format != (offset == BINLOG_MAGIC_BYTES)) {
        return error_set(error, STATUS_INVALID,
                         "%s at %" PRIu64
                         ": a file begins with its one and only format description",
                         binlog_event_type_name(header.type), offset);
    }
    /* MariaDB 11.4 and up leave the position 0 inside transactions. */
    if (header.next_position != (uint32_t)(offset + size) &&
        (header.next_position != 0 || is_format)) {
        return error_set(
            error, STATUS_INVALID,
            "%s at %" PRIu64 " says that the next event begins at %" PRIu32 ", not at %" PRIu64,
            binlog_event_type_name(header.type), offset, header.next_position, offset + size);
    }
    if ((header.flags & BINLOG_FLAG_ARTIFICIAL) != 0) {
        return error_set(error, STATUS_INVALID, "an artificial %s at %" PRIu64,
                         binlog_event_type_name(header.type), offset);
    }
    return STATUS_OK;
}

static void note_gtids(struct file_follower *follower)
{
    follower->now.gtids = pending_gtids_end(follower->runs);
    follower->now.has_gtids = true;
}

/* An anonymous one is none. */
static enum status follow_gtid(struct file_follower *follower,
                               uint8_t type,
                               struct bytes body,
                               struct error *error)
{
    struct gtid gtid;
    enum status status = gtid_decode_event(&gtid, type, body, error);

    if (status == STATUS_OK) {
        pending_gtids_add(follower->runs, follower->file,
                          follower->now.offset < follower->visible_from, &gtid);
        note_gtids(follower);
    }
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status follow_mariadb_gtid(struct file_follower *follower,
                                       uint32_t server_id,
                                       struct bytes body,
                                       struct error *error)
{
    struct mariadb_gtid gtid;
    uint8_t flags = 0;
    enum status status = mariadb_gtid_decode_event(&gtid, &flags, server_id, body, error);

    if (status == STATUS_OK) {
        pending_gtids_add_mariadb(follower->runs, follower->file,
                                  follower->now.offset < follower->visible_from, gtid);
        note_gtids(follower);
    }
    return status;
}

/* An incident that stands behind the GTID as serving looks for it (dump_filter.c). */
static void follow_incident(struct file_follower *follower)
{
    if (follower->is_opening && follower->now.is_behind_gtid) {
        pending_gtids_leave_out_last(follower->runs);
        follower->now.gtids = pending_gtids_end(follower->runs);
    }
}

/* The first file says what was before it, and nobody else can. */
static enum status follow_before(struct file_follower *follower,
                                 uint8_t type,
                                 struct bytes body,
                                 struct error *error)
{
    struct stored_gtids before = {0};
    enum status status = STATUS_OK;

    if (!follower->is_first) {
        return STATUS_OK;
    }
    if (type == BINLOG_PREVIOUS_GTIDS) {
        status = gtid_set_decode(&before.set, body, error);
    } else {
        before.set = gtid_set_new();
        status = mariadb_gtid_list_decode(&before.state, body, error);
    }
    if (status == STATUS_OK) {
        pending_gtids_add_before(follower->runs, follower->file, &before);
        follower->now.gtids = pending_gtids_end(follower->runs);
    }
    stored_gtids_release(&before);
    return status;
}

/* What the store keeps of an event, by its type. Most types say nothing. */
static enum status follow_type(struct file_follower *follower,
                               struct binlog_event_header header,
                               struct bytes event,
                               struct bytes body,
                               struct error *error)
{
    switch (header.type) {
    case BINLOG_FORMAT_DESCRIPTION:
        return binlog_format_decode(&follower->format, event, error);
    case BINLOG_GTID:
    case BINLOG_GTID_TAGGED:
        return follow_gtid(follower, header.type, body, error);
    case BINLOG_MARIADB_GTID:
        return follow_mariadb_gtid(follower, header.server_id, body, error);
    case BINLOG_INCIDENT:
        follow_incident(follower);
        return STATUS_OK;
    case BINLOG_PREVIOUS_GTIDS:
    case BINLOG_MARIADB_GTID_LIST:
        return follow_before(follower, header.type, body, error);
    case BINLOG_HEARTBEAT:
    case BINLOG_HEARTBEAT_V2:
        return error_set(error, STATUS_INVALID, "a heartbeat at %" PRIu64,
                         follower->now.offset);
    default:
        return STATUS_OK;
    }
}

static void move_on(struct file_follower *follower,
                    struct binlog_event_header header,
                    struct bytes body)
{
    struct follower_place *now = &follower->now;

    (void)transaction_tracker_follow(&now->tracker, header.type, body);
    now->last_event_offset = now->offset;
    now->offset += header.event_size;
    now->is_behind_gtid = header.type == BINLOG_GTID || header.type == BINLOG_GTID_TAGGED;
    now->is_rotated = header.type == BINLOG_ROTATE;
    now->is_closed = now->is_rotated || header.type == BINLOG_STOP;
    if (header.created_at_sec != 0) {
        now->last_created_sec = header.created_at_sec;
        if (now->first_created_sec == 0) {
            now->first_created_sec = header.created_at_sec;
        }
    }
}

/* To the caller it is one thing, whatever the decoders call it. */
static enum status refused(struct error *error)
{
    error->status = STATUS_INVALID;
    return STATUS_INVALID;
}

enum status file_follower_event(struct file_follower *follower,
                                struct bytes start,
                                uint32_t size,
                                struct error *error)
{
    struct binlog_event_header header;
    struct bytes body;
    enum status status = binlog_event_header_decode(&header, start, error);

    if (status == STATUS_OK) {
        status = check_header(follower, header, size, error);
    }
    if (status != STATUS_OK) {
        return refused(error);
    }
    body = binlog_event_body(start, start.size == size ? follower->format.checksum
                                                       : BINLOG_CHECKSUM_NONE);
    if (start.size < size && (file_follower_needs_whole(follower, header.type) ||
                              start.size < FOLLOWER_START_BYTES)) {
        return error_set(error, STATUS_INVALID, "%s of %" PRIu32 " bytes is too long",
                         binlog_event_type_name(header.type), size);
    }
    status = follow_type(follower, header, start, body, error);
    if (status != STATUS_OK) {
        return refused(error);
    }
    move_on(follower, header, body);
    return STATUS_OK;
}
