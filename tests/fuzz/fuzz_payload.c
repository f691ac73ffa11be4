/* SPDX-License-Identifier: Apache-2.0 */
/* The body of a Transaction_payload event, by an NDB reader, whole and in parts. */
#include <assert.h>

#include "binrelay/protocol/epoch_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static struct epoch_transaction read_body(struct epoch_reader *reader,
                                          struct bytes body,
                                          size_t part_bytes)
{
    struct binlog_event_header header = {.type = BINLOG_TRANSACTION_PAYLOAD};
    struct epoch_transaction found;

    epoch_reader_begin_event(reader, header, (uint32_t)body.size);
    for (size_t at = 0; at < body.size; at += part_bytes) {
        size_t left = body.size - at;

        epoch_reader_add(reader, (struct bytes){.data = body.data + at,
                                                .size = left < part_bytes ? left : part_bytes});
    }
    epoch_reader_end_transaction(reader, &found);
    return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct bytes body = {.data = bytes, .size = size};
    struct epoch_rules rules = {.kind = EPOCH_KIND_NDB};
    struct epoch_reader *reader = epoch_reader_new(&rules);
    struct epoch_transaction whole = read_body(reader, body, SIZE_MAX / 2);
    struct epoch_transaction parts = read_body(reader, body, 5);

    assert(whole.has_marker == (whole.epoch != 0));
    /* How much of a broken frame is decompressed depends on how it comes. */
    assert(whole.is_count_partial == parts.is_count_partial);
    if (!whole.is_count_partial) {
        assert(whole.epoch == parts.epoch && whole.inserts == parts.inserts);
        assert(whole.deletes == parts.deletes && whole.updates == parts.updates);
    }
    epoch_reader_free(reader);
    return 0;
}
