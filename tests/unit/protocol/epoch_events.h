/* SPDX-License-Identifier: Apache-2.0 */
/* Gives events to an epoch reader, in parts of a chosen size. */
#pragma once

#include "binlog_file.h"
#include "binrelay/protocol/epoch_reader.h"
#include "binrelay/protocol/transaction.h"

/* part_bytes 0: the event in one piece, and only if the reader wants it. */
static inline void epoch_events_give(struct epoch_reader *reader,
                                     struct binlog_event_header header,
                                     struct bytes body,
                                     size_t part_bytes)
{
    if (part_bytes == 0 && !epoch_reader_wants(reader, header.type)) {
        return;
    }
    epoch_reader_begin_event(reader, header, (uint32_t)body.size);
    if (part_bytes == 0) {
        epoch_reader_add(reader, body);
        return;
    }
    for (size_t at = 0; at < body.size; at += part_bytes) {
        size_t left = body.size - at;

        epoch_reader_add(reader, (struct bytes){.data = body.data + at,
                                                .size = left < part_bytes ? left : part_bytes});
    }
}

struct epoch_events_walk {
    struct binlog_file file; /* owned */
    struct transaction_tracker tracker;
    struct epoch_reader *reader; /* borrowed */
    size_t part_bytes;           /* 0: each event whole */
    uint64_t offset;             /* behind the last event */
};

static inline struct epoch_events_walk epoch_events_open(const char *name,
                                                         struct epoch_reader *reader,
                                                         size_t part_bytes)
{
    struct epoch_events_walk walk = {
        .file = binlog_file_open(name),
        .reader = reader,
        .part_bytes = part_bytes,
    };

    epoch_reader_reset(reader);
    walk.offset = walk.file.image.size - walk.file.walk.left.size;
    return walk;
}

/* Reads the next transaction; false at the end of the file. */
static inline bool epoch_events_next(struct epoch_events_walk *walk,
                                     struct epoch_transaction *found)
{
    struct binlog_file_event event;

    while (binlog_file_next(&walk->file, &event)) {
        bool was_outside = walk->tracker.place == TRANSACTION_OUTSIDE;
        bool is_outside =
            transaction_tracker_follow(&walk->tracker, event.header.type, event.body);

        walk->offset += event.whole.size;
        if (walk->part_bytes == 0) {
            epoch_reader_event(walk->reader, event.whole, walk->file.format.checksum);
        } else {
            epoch_events_give(walk->reader, event.header, event.body, walk->part_bytes);
        }
        if (is_outside && (!was_outside || event.header.type == BINLOG_QUERY)) {
            epoch_reader_end_transaction(walk->reader, found);
            return true;
        }
    }
    return false;
}
