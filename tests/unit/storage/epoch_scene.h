/* SPDX-License-Identifier: Apache-2.0 */
/* Stores with epochs: how tests fill them, and read all that their index says. */
#pragma once

#include "binrelay/storage/epoch_index.h"
#include "epoch_maker.h"
#include "store_fixture.h"
#include "test_data.h"

enum { SCENE_SERVER_ID = 7 };

static inline struct epoch_rules ndb_rules(void)
{
    return (struct epoch_rules){.kind = EPOCH_KIND_NDB};
}

static inline struct epoch_rules heartbeat_rules(void)
{
    return (struct epoch_rules){.kind = EPOCH_KIND_HEARTBEAT,
                                .server_id = SCENE_SERVER_ID,
                                .database = "heartbeat",
                                .table = "heartbeat"};
}

/* All that an index says. */
struct scene_places {
    struct epoch_place *items; /* owned */
    size_t count;
    size_t capacity;
};

static inline void scene_places_add(struct scene_places *places,
                                    const struct epoch_place *place)
{
    if (places->count == places->capacity) {
        places->items = mem_grow(places->items, &places->capacity, sizeof(struct epoch_place));
    }
    places->items[places->count++] = *place;
}

static inline void scene_places_release(struct scene_places *places)
{
    free(places->items);
    *places = (struct scene_places){0};
}

/* By the cursor, in its order. */
static inline struct scene_places scene_all(struct binlog_store *store, bool is_descending)
{
    struct epoch_cursor *cursor = epoch_cursor_open(store, is_descending);
    struct scene_places places = {0};
    struct epoch_place place;
    struct error error;
    enum status status = epoch_cursor_next(cursor, &place, &error);

    while (status == STATUS_OK) {
        scene_places_add(&places, &place);
        status = epoch_cursor_next(cursor, &place, &error);
    }
    CHECK(status == STATUS_NOT_FOUND);
    epoch_cursor_close(cursor);
    return places;
}

static inline bool scene_is_same(const struct epoch_place *one, const struct epoch_place *other)
{
    return epoch_key_compare(one->key, other->key) == 0 &&
           binlog_position_compare(one->begin, other->begin) == 0 &&
           binlog_position_compare(one->end, other->end) == 0 &&
           one->commit_usec == other->commit_usec && one->latest_usec == other->latest_usec &&
           one->inserts == other->inserts && one->updates == other->updates &&
           one->deletes == other->deletes && one->schema_ops == other->schema_ops &&
           one->origin == other->origin && one->is_count_partial == other->is_count_partial;
}

/* Every way of looking says what the list says; the list is in ascending order. */
static inline void scene_check_lookups(struct binlog_store *store,
                                       const struct scene_places *wanted)
{
    struct epoch_place found;
    struct error error;

    for (size_t at = 0; at < wanted->count; at++) {
        const struct epoch_place *place = &wanted->items[at];
        struct binlog_position inside = place->end;

        inside.offset--;
        CHECK_OK(epoch_index_at_or_before(store, place->key, &found, &error), &error);
        CHECK(scene_is_same(&found, place));
        CHECK_OK(epoch_index_at_or_after(store, place->key, &found, &error), &error);
        CHECK(scene_is_same(&found, place));
        CHECK_OK(epoch_index_by_position(store, inside, &found, &error), &error);
        CHECK(scene_is_same(&found, place));
        CHECK_OK(epoch_index_by_time(store, place->latest_usec, &found, &error), &error);
        CHECK(found.latest_usec >= place->latest_usec);
        CHECK(epoch_key_compare(found.key, place->key) <= 0);
    }
}

static inline void scene_check_all(struct binlog_store *store,
                                   const struct scene_places *wanted)
{
    struct scene_places found = scene_all(store, false);
    struct epoch_summary summary;
    struct error error;

    CHECK(found.count == wanted->count);
    for (size_t at = 0; at < wanted->count; at++) {
        CHECK(scene_is_same(&found.items[at], &wanted->items[at]));
    }
    scene_check_lookups(store, wanted);
    scene_places_release(&found);
    if (wanted->count == 0) {
        CHECK(epoch_index_summary(store, &summary, &error) == STATUS_NOT_FOUND);
        return;
    }
    CHECK_OK(epoch_index_summary(store, &summary, &error), &error);
    CHECK(summary.count == wanted->count);
    CHECK(scene_is_same(&summary.first, &wanted->items[0]));
    CHECK(scene_is_same(&summary.last, &wanted->items[wanted->count - 1]));
}

/* Appends an event, large ones in parts of any size. */
static inline void scene_append_event(struct binlog_store *store,
                                      struct bytes event,
                                      unsigned *seed)
{
    size_t done = 75 * 1024;
    struct error error;

    if (event.size <= done || rand_r(seed) % 2 == 0) {
        CHECK_OK(binlog_store_append(store, event, &error), &error);
        return;
    }
    CHECK_OK(binlog_store_append_begin(store, (struct bytes){.data = event.data, .size = done},
                                       (uint32_t)event.size, &error),
             &error);
    while (done < event.size) {
        size_t part = 1 + (size_t)rand_r(seed) % 40000;

        part = part < event.size - done ? part : event.size - done;
        CHECK_OK(binlog_store_append_more(
                     store, (struct bytes){.data = event.data + done, .size = part}, &error),
                 &error);
        done += part;
    }
}

/* Appends a file's image event by event, with writes, syncs and lost connections at random. */
static inline void scene_append_image(struct binlog_store *store,
                                      uint64_t number,
                                      struct bytes image,
                                      unsigned *seed)
{
    struct binlog_walk walk = binlog_walk_of((struct bytes){
        .data = image.data + BINLOG_MAGIC_BYTES, .size = image.size - BINLOG_MAGIC_BYTES});
    struct bytes event;
    struct error error;

    CHECK_OK(binlog_store_begin_file(store, "binlog", number, &error), &error);
    while (binlog_walk_next(&walk, &event, &error) == STATUS_OK) {
        scene_append_event(store, event, seed);
        if (rand_r(seed) % 7 == 0) {
            CHECK_OK(binlog_store_write(store, &error), &error);
        }
        if (rand_r(seed) % 31 == 0) {
            sync_store(store);
        }
        if (rand_r(seed) % 13 == 0 && !binlog_store_is_whole(store)) {
            uint64_t end = 0;

            CHECK_OK(binlog_store_cut_unfinished(store, &error), &error);
            end = binlog_store_tail(store).end.offset;
            walk = binlog_walk_of(
                (struct bytes){.data = image.data + end, .size = image.size - end});
        }
    }
    CHECK(walk.left.size == 0);
}
