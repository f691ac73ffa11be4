/* SPDX-License-Identifier: Apache-2.0 */
/* Goes over the events of a recorded binlog. */
#pragma once

#include "binrelay/protocol/binlog_control.h"
#include "binrelay/protocol/binlog_walk.h"
#include "check.h"
#include "test_data.h"

struct binlog_file {
    struct buffer image; /* owned */
    struct binlog_walk walk;
    struct binlog_format format;
};

static inline struct binlog_file binlog_file_open(const char *name)
{
    struct binlog_file file = {.image = test_data_read(name)};
    struct error error;
    struct bytes event;

    CHECK(file.image.size > BINLOG_MAGIC_BYTES);
    file.walk = binlog_walk_of((struct bytes){.data = file.image.data + BINLOG_MAGIC_BYTES,
                                              .size = file.image.size - BINLOG_MAGIC_BYTES});
    CHECK_OK(binlog_walk_next(&file.walk, &event, &error), &error);
    CHECK_OK(binlog_format_decode(&file.format, event, &error), &error);
    return file;
}

static inline void binlog_file_close(struct binlog_file *file)
{
    buffer_release(&file->image);
}

struct binlog_file_event {
    struct bytes whole; /* borrowed, as the body */
    struct binlog_event_header header;
    struct bytes body;
};

/* Takes the next event behind the format description; false at the end. */
static inline bool binlog_file_next(struct binlog_file *file, struct binlog_file_event *event)
{
    struct error error;

    if (binlog_walk_next(&file->walk, &event->whole, &error) != STATUS_OK) {
        CHECK(file->walk.left.size == 0); /* nothing that cannot be walked */
        return false;
    }
    event->header = binlog_event_header_at(event->whole.data);
    event->body = binlog_event_body(event->whole, file->format.checksum);
    return true;
}

/* Finds the next event of a type. */
static inline bool binlog_file_find(struct binlog_file *file,
                                    uint8_t type,
                                    struct binlog_file_event *event)
{
    while (binlog_file_next(file, event)) {
        if (event->header.type == type) {
            return true;
        }
    }
    return false;
}
