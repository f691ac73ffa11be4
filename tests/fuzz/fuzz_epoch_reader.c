/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events of a transaction, behind a byte that says by which rules they are
 * read: whole and in small parts the reader finds the same, and who looks for
 * sightings, too, finds the same epochs.
 */
#include <assert.h>
#include <string.h>

#include "binrelay/protocol/binlog_walk.h"
#include "binrelay/protocol/epoch_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const struct epoch_rules rules[] = {
    {.kind = EPOCH_KIND_NDB},
    {.kind = EPOCH_KIND_NDB, .server_id_bits = 7},
    {.kind = EPOCH_KIND_HEARTBEAT,
     .server_id = 42,
     .database = "heartbeat",
     .table = "heartbeat"},
};
enum { RULES_COUNT = sizeof(rules) / sizeof(rules[0]), FROM_HERE_NO_EPOCHS = 0xF0 };

static const struct epoch_rules no_epochs = {.kind = EPOCH_KIND_NONE};
static const struct sighting_rules watched = {
    .server_id = 42, .database = "heartbeat", .table = "heartbeat"};

/* Larger than any input. */
#define IN_ONE (SIZE_MAX / 2)

/* What was found in a transaction. */
struct findings {
    struct epoch_transaction transaction;
    struct sighting sightings[SIGHTINGS_MOST];
    size_t count;
};

/* In one part only what the reader wants; else all. */
static void read_events(struct epoch_reader *reader,
                        struct bytes events,
                        size_t part_bytes,
                        struct findings *found)
{
    const struct sighting *sightings = NULL;
    struct binlog_walk walk = binlog_walk_of(events);
    struct bytes event;
    struct error error;

    while (binlog_walk_next(&walk, &event, &error) == STATUS_OK) {
        struct bytes body = binlog_event_body(event, BINLOG_CHECKSUM_NONE);

        if (part_bytes == IN_ONE &&
            !epoch_reader_wants(reader, event.data[BINLOG_EVENT_TYPE_AT])) {
            continue;
        }
        epoch_reader_begin_event(reader, binlog_event_header_at(event.data),
                                 (uint32_t)body.size);
        for (size_t at = 0; at < body.size; at += part_bytes) {
            size_t left = body.size - at;

            epoch_reader_add(reader,
                             (struct bytes){.data = body.data + at,
                                            .size = left < part_bytes ? left : part_bytes});
        }
    }
    epoch_reader_end_transaction(reader, &found->transaction);
    found->count = epoch_reader_sightings(reader, &sightings);
    for (size_t at = 0; at < found->count; at++) {
        found->sightings[at] = sightings[at];
    }
}

static void check_epochs(const struct epoch_transaction *one,
                         const struct epoch_transaction *other)
{
    assert(one->is_count_partial == other->is_count_partial);
    assert(one->is_incident == other->is_incident);
    assert(one->epoch == other->epoch && one->origin == other->origin);
    assert(one->inserts == other->inserts && one->updates == other->updates);
    assert(one->deletes == other->deletes && one->schema_ops == other->schema_ops);
    assert(one->has_marker == (one->epoch != 0));
}

static void check_sightings(const struct findings *one, const struct findings *other)
{
    assert(one->count == other->count && one->count <= SIGHTINGS_MOST);
    for (size_t at = 0; at < one->count; at++) {
        const struct sighting *left = &one->sightings[at];
        const struct sighting *right = &other->sightings[at];

        assert(left->kind == right->kind && left->server_id == right->server_id);
        assert(left->has_epoch == right->has_epoch && left->epoch == right->epoch);
        assert(left->counter == right->counter && left->server_id != 0);
        assert(left->has_source_cluster == right->has_source_cluster);
        assert(left->source_cluster == right->source_cluster);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct findings whole;
    static struct findings parts;
    static struct findings plain;
    struct bytes events = {.data = bytes + 1, .size = size - 1};
    const struct epoch_rules *chosen = NULL;
    struct epoch_reader *reader = NULL;

    if (size == 0) {
        return 0;
    }
    chosen = bytes[0] >= FROM_HERE_NO_EPOCHS ? &no_epochs : &rules[bytes[0] % RULES_COUNT];
    reader = epoch_reader_new(chosen);
    epoch_reader_watch(reader, &watched);
    read_events(reader, events, IN_ONE, &whole);
    read_events(reader, events, 1 + bytes[0] / RULES_COUNT % 16, &parts);
    check_epochs(&whole.transaction, &parts.transaction);
    check_sightings(&whole, &parts);
    epoch_reader_free(reader);
    reader = epoch_reader_new(chosen);
    read_events(reader, events, IN_ONE, &plain);
    assert(plain.count == 0);
    if (chosen->kind != EPOCH_KIND_NONE) { /* else nothing of it is looked at */
        check_epochs(&whole.transaction, &plain.transaction);
        assert(whole.transaction.commit_usec == plain.transaction.commit_usec);
    }
    epoch_reader_free(reader);
    return 0;
}
