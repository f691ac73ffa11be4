/* SPDX-License-Identifier: Apache-2.0 */
#include "place_search.h"

#include "binrelay/base/log.h"
#include "binrelay/protocol/binlog_control.h"

void place_search_begin(struct place_search *search)
{
    *search = (struct place_search){.checksum = BINLOG_CHECKSUM_CRC32};
}

static enum status take_name(struct place_search *search,
                             struct bytes event,
                             struct error *error)
{
    struct binlog_rotate rotate;

    if (binlog_rotate_decode(&rotate, binlog_event_body(event, search->checksum), error) !=
        STATUS_OK) {
        return error->status;
    }
    if (!binlog_name_split(rotate.file_name, search->base_name, &search->file)) {
        return error_set(error, STATUS_INVALID, "the source's file name \"%s\" is not accepted",
                         log_safe(rotate.file_name).text);
    }
    return STATUS_AGAIN;
}

static enum status take_format(struct place_search *search,
                               struct bytes event,
                               struct error *error)
{
    struct binlog_format format;

    if (binlog_format_decode(&format, event, error) != STATUS_OK) {
        return error->status;
    }
    search->checksum = format.checksum;
    return STATUS_AGAIN;
}

static bool is_right(const struct place_search *search,
                     const struct binlog_event_header *header,
                     struct bytes event)
{
    if (header->event_size != event.size) {
        return false;
    }
    if (search->checksum == BINLOG_CHECKSUM_NONE || header->type == BINLOG_FORMAT_DESCRIPTION) {
        return true;
    }
    return event.size >= BINLOG_EVENT_HEADER_BYTES + BINLOG_CHECKSUM_BYTES &&
           binlog_event_checksum_is_right(event);
}

enum status place_search_take(struct place_search *search,
                              const struct dump_item *item,
                              struct error *error)
{
    struct binlog_event_header header;

    if (item->kind == DUMP_PART) {
        return STATUS_AGAIN; /* no GTID is so long */
    }
    header = binlog_event_header_at(item->bytes.data);
    if (!is_right(search, &header, item->bytes)) {
        return error_set(error, STATUS_CORRUPT, "bad %s event in a dump by GTIDs",
                         binlog_event_type_name(header.type));
    }
    switch (header.type) {
    case BINLOG_ROTATE:
        return (header.flags & BINLOG_FLAG_ARTIFICIAL) != 0
                   ? take_name(search, item->bytes, error)
                   : STATUS_AGAIN;
    case BINLOG_FORMAT_DESCRIPTION:
        return take_format(search, item->bytes, error);
    case BINLOG_GTID:
    case BINLOG_ANONYMOUS_GTID:
    case BINLOG_GTID_TAGGED:
    case BINLOG_MARIADB_GTID:
        break;
    default:
        return STATUS_AGAIN;
    }
    if (search->file == 0 || header.next_position < header.event_size) {
        return error_set(error, STATUS_CORRUPT, "a GTID at no place in a dump by GTIDs");
    }
    search->position = header.next_position - header.event_size;
    return STATUS_OK;
}
