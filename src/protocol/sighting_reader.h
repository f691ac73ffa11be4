/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds sightings (sighting.h) in the events of transactions: a part of
 * epoch_reader.h, which hands on to it the events that it wants. Table maps of
 * other tables cost it the comparison of a name, and their rows nothing. What it finds
 * has no say in what an epoch is. Bounded; never fails. One thread.
 */
#pragma once

#include <string.h>

#include "binrelay/base/memory.h"
#include "binrelay/protocol/binlog_event.h"
#include "binrelay/protocol/sighting.h"
#include "rows_reader.h"
#include "table_list.h"

/* Names of a table as they stand in its map, and where (table_map.c). */
enum { MAP_NAMES_AT = 8 };
struct map_names {
    size_t size;
    uint8_t bytes[2 * (1 + EPOCH_NAME_MOST_BYTES + 1)];
};

void map_names_set(struct map_names *names, const char *database, const char *table);

/* True for the beginning of such a table's map. */
static inline bool map_names_match(const struct map_names *names, struct bytes map)
{
    return map.size >= MAP_NAMES_AT + names->size &&
           map.data[MAP_NAMES_AT] == names->bytes[0] &&
           memcmp(map.data + MAP_NAMES_AT, names->bytes, names->size) == 0;
}

struct sighting_reader {
    uint64_t wanted_types[4]; /* now */
    struct sighting_rules rules;
    bool is_ndb;             /* the stream has markers in mysql.ndb_apply_status */
    uint32_t server_id_mask; /* of the bits of a header's id that count */
    struct map_names heartbeats;
    struct map_names apply_status;
    struct table_list tables; /* owned */
    struct rows_reader rows;
    struct binlog_event_header header; /* of the rows event that is read */
    bool has_marker;                   /* the stream's own was seen in this transaction */
    bool is_undone;                    /* the transaction came to nothing, or not yet */
    size_t count;
    size_t ended_count;                    /* of the transaction that ended last */
    struct sighting found[SIGHTINGS_MOST]; /* of either: the one is handed over first */
};

struct sighting_reader *sighting_reader_new(const struct sighting_rules *rules,
                                            const struct epoch_rules *epochs);

/* Accepts NULL. */
void sighting_reader_free(struct sighting_reader *reader);

/* Forgets the transaction that is being read. */
void sighting_reader_reset(struct sighting_reader *reader);

static inline bool sighting_reader_wants(const struct sighting_reader *reader, uint8_t type)
{
    return (reader->wanted_types[type / 64] >> type % 64 & 1) != 0;
}

/* Of a table map: false if it says nothing. */
static inline bool sighting_reader_wants_map(const struct sighting_reader *reader,
                                             struct bytes map)
{
    return UNLIKELY(reader->tables.count > 0) || map_names_match(&reader->heartbeats, map) ||
           map_names_match(&reader->apply_status, map);
}

/* The beginning of a table map's body; a statement; that of an event of another type. */
void sighting_reader_map(struct sighting_reader *reader, struct bytes map);
void sighting_reader_query(struct sighting_reader *reader, struct bytes body);
void sighting_reader_event(struct sighting_reader *reader, uint8_t type);

/* A rows event: begin, parts of its body, end. */
void sighting_reader_begin_rows(struct sighting_reader *reader,
                                struct binlog_event_header header);
void sighting_reader_end_rows(struct sighting_reader *reader);

/* What was read of the transaction is not to be believed. */
void sighting_reader_distrust(struct sighting_reader *reader);

/* False: nothing is there, and nothing is to be handed over or forgotten. */
static inline bool sighting_reader_is_busy(const struct sighting_reader *reader)
{
    return reader->tables.count > 0 || reader->count > 0 || reader->ended_count > 0 ||
           reader->has_marker || reader->is_undone;
}

/* Hands over what the transaction had: in found, up to ended_count, until the next event. */
void sighting_reader_end_transaction(struct sighting_reader *reader);
