/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first byte says how many bits of a server id count, and whether events
 * have checksums; the rest are events, or one payload's body where its highest
 * bit is set. What comes out has the size of what went in, a right checksum, and
 * is the same as itself.
 */
#include <assert.h>
#include <string.h>

#include "binrelay/protocol/binlog_walk.h"
#include "binrelay/protocol/epoch_identity.h"

enum { CLUSTER = 99, BITS_MASK = 0x3F, IS_BARE = 0x40, IS_PAYLOAD = 0x80 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void give(struct epoch_identity *identity,
                 struct bytes event,
                 enum binlog_checksum checksum)
{
    struct bytes stored;
    struct error error;

    if (epoch_identity_event(identity, event, checksum, &stored, &error) != STATUS_OK) {
        assert(error.status == STATUS_CORRUPT || error.status == STATUS_INVALID);
        return;
    }
    assert(stored.size == event.size);
    assert(stored.data == event.data || checksum == BINLOG_CHECKSUM_NONE ||
           binlog_event_checksum_is_right(stored));
    assert(epoch_identity_is_same(identity, stored, stored, checksum));
    (void)epoch_identity_is_same(identity, event, stored, checksum);
}

static void give_payload(struct epoch_identity *identity, struct bytes body)
{
    struct binlog_event_header header = {
        .type = BINLOG_TRANSACTION_PAYLOAD,
        .event_size = (uint32_t)(BINLOG_EVENT_HEADER_BYTES + body.size),
    };
    struct buffer event = {0};

    binlog_event_header_encode(&event, &header);
    buffer_add_bytes(&event, body);
    give(identity, buffer_bytes(&event), BINLOG_CHECKSUM_NONE);
    buffer_release(&event);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct epoch_rules rules = {.kind = EPOCH_KIND_NDB};
    enum binlog_checksum checksum = BINLOG_CHECKSUM_CRC32;
    struct epoch_identity *identity = NULL;
    struct binlog_walk walk;
    struct bytes event;
    struct error error;

    if (size == 0) {
        return 0;
    }
    rules.server_id_bits = bytes[0] & BITS_MASK;
    checksum = (bytes[0] & IS_BARE) != 0 ? BINLOG_CHECKSUM_NONE : BINLOG_CHECKSUM_CRC32;
    identity = epoch_identity_new(&rules, CLUSTER);
    walk = binlog_walk_of((struct bytes){.data = bytes + 1, .size = size - 1});
    if ((bytes[0] & IS_PAYLOAD) != 0) {
        give_payload(identity, walk.left);
        walk.left.size = 0;
    }
    while (binlog_walk_next(&walk, &event, &error) == STATUS_OK) {
        if (checksum == BINLOG_CHECKSUM_NONE ||
            event.size >= BINLOG_EVENT_HEADER_BYTES + BINLOG_CHECKSUM_BYTES) {
            give(identity, event, checksum);
        }
    }
    epoch_identity_free(identity);
    return 0;
}
