/* SPDX-License-Identifier: Apache-2.0 */
/* An epoch reader that looks for sightings, and rows of the heartbeat table for it. */
#pragma once

#include "binrelay/protocol/epoch_reader.h"
#include "epoch_scene.h"

enum { WRITE_ROWS = 30, UPDATE_ROWS = 31, DELETE_ROWS = 32 };
enum { HEARTBEAT_TABLE = 92, STATUS_TABLE = 93, USER_TABLE = 94 };
enum { OWN = 199, PARTS_MOST = 12 };

static const struct sighting_rules watched = {
    .server_id = OWN, .database = "heartbeat", .table = "heartbeat"};

static const struct epoch_rules kinds[] = {
    {.kind = EPOCH_KIND_NONE},
    {.kind = EPOCH_KIND_NDB},
    {.kind = EPOCH_KIND_HEARTBEAT,
     .server_id = OWN,
     .database = "heartbeat",
     .table = "heartbeat"},
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static inline struct scene watching(const struct epoch_rules *rules)
{
    struct scene scene = scene_of(rules);

    epoch_reader_watch(scene.reader, &watched);
    return scene;
}

/* ---- tables ---- */

#define STAMP                                                                                  \
    {                                                                                          \
        .type = MADE_TIMESTAMP2, .metadata = {0}, .metadata_bytes = 1                          \
    }

static const struct made_column field_form[] = {
    {.type = MADE_INT}, {.type = MADE_BIGINT}, STAMP};
static const struct made_column our_form[] = {{.type = MADE_INT},
                                              {.type = MADE_BIGINT},
                                              {.type = MADE_BIGINT, .is_nullable = true},
                                              {.type = MADE_INT, .is_nullable = true},
                                              STAMP};
static const struct made_column added_form[] = {{.type = MADE_INT},
                                                {.type = MADE_BIGINT},
                                                STAMP,
                                                {.type = MADE_BIGINT, .is_nullable = true},
                                                {.type = MADE_INT, .is_nullable = true}};

static inline void give_map(struct scene *scene,
                            const struct made_column *columns,
                            size_t count)
{
    made_table_map(&scene->body, HEARTBEAT_TABLE, "heartbeat", "heartbeat", columns, count);
    give(scene, BINLOG_TABLE_MAP, 1);
}

static inline void begin_rows(struct scene *scene, unsigned columns, unsigned images)
{
    made_rows(&scene->body, HEARTBEAT_TABLE, true, columns, images);
}

enum { NULL_APPLIED = 4, NULL_SOURCE = 8 };

static inline void add_ours(
    struct scene *scene, unsigned nulls, uint32_t server_id, uint64_t applied, uint32_t source)
{
    buffer_add_number(&scene->body, nulls, 1);
    buffer_add_number(&scene->body, server_id, 4);
    buffer_add_number(&scene->body, 7, 8);
    if ((nulls & NULL_APPLIED) == 0) {
        buffer_add_number(&scene->body, applied, 8);
    }
    if ((nulls & NULL_SOURCE) == 0) {
        buffer_add_number(&scene->body, source, 4);
    }
    buffer_add_number(&scene->body, 0x12345678, 4);
}

static inline void give_report(struct scene *scene, uint32_t server_id, uint64_t applied)
{
    give_map(scene, our_form, 5);
    begin_rows(scene, 5, 1);
    add_ours(scene, 0, server_id, applied, 198);
    give(scene, WRITE_ROWS, 1);
}

static inline size_t see(struct scene *scene, const struct sighting **found)
{
    (void)end(scene);
    return epoch_reader_sightings(scene->reader, found);
}
