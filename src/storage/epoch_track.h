/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Turns the events of a log into the records of its epoch index: what the
 * writer appends and what a scan reads go through here alike, so that an index
 * that is made anew is the same. The records wait here until they are taken;
 * what was cut off the log is cut off here. One thread.
 */
#pragma once

#include "binrelay/protocol/binlog_event.h"
#include "binrelay/protocol/epoch_reader.h"
#include "epoch_record.h"
#include "sighting_list.h"

struct epoch_pending {
    uint64_t file;
    struct epoch_record record;
    struct epoch_state after;
};

struct epoch_track {
    struct epoch_reader *reader; /* owned; NULL: there is nothing to find */
    struct sighting_rules watched;
    bool is_watching;          /* ... and sightings are looked for by these */
    struct sighting_list seen; /* owned: those that wait to be durable */
    struct epoch_state taken;  /* behind the records that were taken */
    struct epoch_state now;
    struct epoch_pending *pending; /* owned */
    size_t count;
    size_t capacity;
    uint64_t file;  /* that is followed */
    uint64_t whole; /* up to there the file was whole transactions */
};

/* Kind NONE: all that follows does nothing, but for sightings once they are watched for. */
void epoch_track_init(struct epoch_track *track, const struct epoch_rules *rules);
void epoch_track_release(struct epoch_track *track);

/* Other rules from here on. What waits stays. */
void epoch_track_set_rules(struct epoch_track *track, const struct epoch_rules *rules);

/* From now on sightings are looked for, too. Both are copied. */
void epoch_track_watch(struct epoch_track *track,
                       const struct epoch_rules *epochs,
                       const struct sighting_rules *watched);

/* Goes on in a file, of which `whole` bytes were followed or are not to be. */
void epoch_track_begin_file(struct epoch_track *track, uint64_t file, uint64_t whole);

/* Forgets all that waits, and goes on from a state. */
void epoch_track_restart(struct epoch_track *track, struct epoch_state state);

/* An event, whole or its beginning, and what follows of it in parts. */
void epoch_track_event(struct epoch_track *track,
                       struct bytes start,
                       uint32_t size,
                       enum binlog_checksum checksum);
void epoch_track_part(struct epoch_track *track, struct bytes part);

/* Transactions are whole up to `end` of the file. */
void epoch_track_whole(struct epoch_track *track, uint64_t end);

/* The log ends at a whole place of this file again. */
void epoch_track_cut(struct epoch_track *track, uint64_t file, uint64_t end);

/* How many of the records in front are in the log up to a place. */
size_t epoch_track_count(const struct epoch_track *track, uint64_t file, uint64_t end);

/* Forgets so many of the records in front: somebody has them now. */
void epoch_track_drop(struct epoch_track *track, size_t count);
