/* SPDX-License-Identifier: Apache-2.0 */
#include "epoch_track.h"

#include <stdlib.h>
#include <string.h>

#include "binrelay/base/memory.h"

void epoch_track_init(struct epoch_track *track, const struct epoch_rules *rules)
{
    *track = (struct epoch_track){0};
    epoch_track_set_rules(track, rules);
}

void epoch_track_release(struct epoch_track *track)
{
    epoch_reader_free(track->reader);
    sighting_list_release(&track->seen);
    free(track->pending);
    *track = (struct epoch_track){0};
}

void epoch_track_set_rules(struct epoch_track *track, const struct epoch_rules *rules)
{
    epoch_reader_free(track->reader);
    track->reader = NULL;
    if (rules->kind != EPOCH_KIND_NONE || track->is_watching) {
        track->reader = epoch_reader_new(rules);
    }
    if (track->is_watching) {
        epoch_reader_watch(track->reader, &track->watched);
    }
}

void epoch_track_watch(struct epoch_track *track,
                       const struct epoch_rules *epochs,
                       const struct sighting_rules *watched)
{
    track->watched = *watched;
    track->is_watching = true;
    epoch_track_set_rules(track, epochs);
}

static void reset_reader(struct epoch_track *track)
{
    if (track->reader != NULL) {
        epoch_reader_reset(track->reader);
    }
}

void epoch_track_begin_file(struct epoch_track *track, uint64_t file, uint64_t whole)
{
    track->file = file;
    track->whole = whole;
    reset_reader(track);
}

void epoch_track_restart(struct epoch_track *track, struct epoch_state state)
{
    track->count = 0;
    track->taken = state;
    track->now = state;
    reset_reader(track);
}

void epoch_track_event(struct epoch_track *track,
                       struct bytes start,
                       uint32_t size,
                       enum binlog_checksum checksum)
{
    struct binlog_event_header header;
    uint32_t around = BINLOG_EVENT_HEADER_BYTES;

    if (track->reader == NULL ||
        !epoch_reader_wants(track->reader, start.data[BINLOG_EVENT_TYPE_AT])) {
        return;
    }
    if (start.size == size) {
        epoch_reader_event(track->reader, start, checksum);
        return;
    }
    header = binlog_event_header_at(start.data);
    around += checksum == BINLOG_CHECKSUM_CRC32 ? BINLOG_CHECKSUM_BYTES : 0;
    epoch_reader_begin_event(track->reader, header, size < around ? 0 : size - around);
    epoch_reader_add(track->reader,
                     (struct bytes){.data = start.data + BINLOG_EVENT_HEADER_BYTES,
                                    .size = start.size - BINLOG_EVENT_HEADER_BYTES});
}

void epoch_track_part(struct epoch_track *track, struct bytes part)
{
    if (track->reader != NULL) {
        epoch_reader_add(track->reader, part);
    }
}

static void add(struct epoch_track *track, const struct epoch_record *record)
{
    if (track->count == track->capacity) {
        track->pending =
            mem_grow(track->pending, &track->capacity, sizeof(struct epoch_pending));
    }
    track->pending[track->count++] =
        (struct epoch_pending){.file = track->file, .record = *record, .after = track->now};
}

/* An epoch that does not rise is the first of a cluster that was started anew. */
static void move_on(struct epoch_state *state, const struct epoch_transaction *found)
{
    if (state->last.incarnation == 0 || found->epoch <= state->last.epoch) {
        state->last.incarnation++;
    }
    state->last.epoch = found->epoch;
    if (found->commit_usec > state->latest_usec) {
        state->latest_usec = found->commit_usec;
    }
}

static void take(struct epoch_track *track,
                 const struct epoch_transaction *found,
                 enum epoch_record_kind kind,
                 uint64_t end)
{
    struct epoch_record record = {
        .kind = kind,
        .key = track->now.last,
        .start = track->whole,
        .end = end,
        .commit_usec = found->commit_usec,
        .latest_usec = track->now.latest_usec,
        .inserts = found->inserts,
        .updates = found->updates,
        .deletes = found->deletes,
        .schema_ops = found->schema_ops,
        .origin = found->origin,
        .is_count_partial = found->is_count_partial,
    };

    add(track, &record);
}

static void take_sightings(struct epoch_track *track, uint64_t end)
{
    const struct sighting *found = NULL;
    size_t count = epoch_reader_sightings(track->reader, &found);

    for (size_t at = 0; at < count; at++) {
        sighting_list_add(&track->seen, &(struct sighting_seen){
                                            .file = track->file,
                                            .end = end,
                                            .sighting = found[at],
                                        });
    }
}

void epoch_track_whole(struct epoch_track *track, uint64_t end)
{
    struct epoch_transaction found;

    if (track->reader != NULL) {
        epoch_reader_end_transaction(track->reader, &found);
        take_sightings(track, end);
        if (found.has_marker) {
            move_on(&track->now, &found);
            take(track, &found, EPOCH_RECORD_EPOCH, end);
        } else if (found.is_incident && track->now.last.incarnation != 0) {
            /* In front of the first epoch nothing can be missing between two. */
            take(track, &found, EPOCH_RECORD_GAP, end);
        }
    }
    track->whole = end;
}

void epoch_track_cut(struct epoch_track *track, uint64_t file, uint64_t end)
{
    size_t stays = epoch_track_count(track, file, end);

    track->count = stays;
    track->now = stays == 0 ? track->taken : track->pending[stays - 1].after;
    sighting_list_cut(&track->seen, file, end);
    epoch_track_begin_file(track, file, end);
}

size_t epoch_track_count(const struct epoch_track *track, uint64_t file, uint64_t end)
{
    size_t count = track->count;

    while (count > 0 && (track->pending[count - 1].file > file ||
                         (track->pending[count - 1].file == file &&
                          track->pending[count - 1].record.end > end))) {
        count--;
    }
    return count;
}

void epoch_track_drop(struct epoch_track *track, size_t count)
{
    if (count == 0) {
        return;
    }
    track->taken = track->pending[count - 1].after;
    track->count -= count;
    memmove(track->pending, track->pending + count,
            track->count * sizeof(struct epoch_pending));
}
