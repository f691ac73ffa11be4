/* SPDX-License-Identifier: Apache-2.0 */
/* An epoch reader that is given events made by hand. */
#pragma once

#include "epoch_events.h"
#include "rows_maker.h"

/* A reader and the body of the next event. */
struct scene {
    struct epoch_reader *reader; /* owned */
    struct buffer body;          /* owned */
    size_t part_bytes;
};

static inline struct scene scene_of(const struct epoch_rules *rules)
{
    return (struct scene){.reader = epoch_reader_new(rules)};
}

static inline void close_scene(struct scene *scene)
{
    epoch_reader_free(scene->reader);
    buffer_release(&scene->body);
}

static inline void give(struct scene *scene, uint8_t type, uint32_t server_id)
{
    struct binlog_event_header header = {
        .created_at_sec = 1000, .type = type, .server_id = server_id};

    epoch_events_give(scene->reader, header, buffer_bytes(&scene->body), scene->part_bytes);
}

static inline struct epoch_transaction end(struct scene *scene)
{
    struct epoch_transaction found;

    epoch_reader_end_transaction(scene->reader, &found);
    return found;
}
