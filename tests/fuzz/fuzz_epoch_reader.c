/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events of a transaction, behind a byte that says by which rules they are
 * read: whole and in small parts the reader finds the same.
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
enum { RULES_COUNT = sizeof(rules) / sizeof(rules[0]) };

static struct epoch_transaction read_events(struct epoch_reader *reader,
                                            struct bytes events,
                                            size_t part_bytes)
{
    struct binlog_walk walk = binlog_walk_of(events);
    struct epoch_transaction found;
    struct bytes event;
    struct error error;

    while (binlog_walk_next(&walk, &event, &error) == STATUS_OK) {
        struct bytes body = binlog_event_body(event, BINLOG_CHECKSUM_NONE);

        epoch_reader_begin_event(reader, binlog_event_header_at(event.data),
                                 (uint32_t)body.size);
        for (size_t at = 0; at < body.size; at += part_bytes) {
            size_t left = body.size - at;

            epoch_reader_add(reader,
                             (struct bytes){.data = body.data + at,
                                            .size = left < part_bytes ? left : part_bytes});
        }
    }
    epoch_reader_end_transaction(reader, &found);
    return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct bytes events = {.data = bytes + 1, .size = size - 1};
    struct epoch_reader *reader = NULL;
    struct epoch_transaction whole;
    struct epoch_transaction parts;

    if (size == 0) {
        return 0;
    }
    reader = epoch_reader_new(&rules[bytes[0] % RULES_COUNT]);
    whole = read_events(reader, events, SIZE_MAX / 2);
    parts = read_events(reader, events, 1 + bytes[0] / RULES_COUNT % 16);
    assert(whole.is_count_partial == parts.is_count_partial);
    assert(whole.is_incident == parts.is_incident);
    assert(whole.epoch == parts.epoch && whole.origin == parts.origin);
    assert(whole.inserts == parts.inserts && whole.updates == parts.updates);
    assert(whole.deletes == parts.deletes && whole.schema_ops == parts.schema_ops);
    assert(whole.has_marker == (whole.epoch != 0));
    epoch_reader_free(reader);
    return 0;
}
