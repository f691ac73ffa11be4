/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/protocol/binlog_walk.h"

struct binlog_walk binlog_walk_of(struct bytes bytes)
{
    return (struct binlog_walk){.left = bytes};
}

enum status binlog_walk_next(struct binlog_walk *walk, struct bytes *event, struct error *error)
{
    struct binlog_event_header header;
    enum status status = STATUS_OK;

    if (walk->left.size < BINLOG_EVENT_HEADER_BYTES) {
        return STATUS_AGAIN;
    }
    status = binlog_event_header_decode(&header, walk->left, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (header.event_size > walk->left.size) {
        return STATUS_AGAIN;
    }
    *event = (struct bytes){.data = walk->left.data, .size = header.event_size};
    walk->left.data += header.event_size;
    walk->left.size -= header.event_size;
    return STATUS_OK;
}
