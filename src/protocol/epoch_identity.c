/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/protocol/epoch_identity.h"

#include <string.h>

#include "binrelay/base/memory.h"
#include "binrelay/protocol/transaction.h"
#include "marker_finder.h"
#include "payload_rewrite.h"

struct epoch_identity {
    struct epoch_rules rules;
    uint32_t server_id;
    struct transaction_tracker tracker;
    struct marker_finder finder;
    struct payload_rewriter *payload; /* owned; NULL until one comes */
    struct buffer made;               /* owned: the new form of an event */
};

struct epoch_identity *epoch_identity_new(const struct epoch_rules *rules, uint32_t server_id)
{
    struct epoch_identity *identity = mem_zeroed(sizeof(*identity));

    identity->rules = *rules;
    identity->server_id = server_id;
    identity->finder.rules = &identity->rules;
    return identity;
}

void epoch_identity_free(struct epoch_identity *identity)
{
    if (identity == NULL) {
        return;
    }
    payload_rewriter_free(identity->payload);
    buffer_release(&identity->made);
    free(identity);
}

void epoch_identity_reset(struct epoch_identity *identity)
{
    identity->tracker = (struct transaction_tracker){0};
    marker_finder_reset(&identity->finder);
}

void epoch_identity_set_server_id_bits(struct epoch_identity *identity, uint8_t bits)
{
    identity->rules.server_id_bits = bits;
}

bool epoch_identity_needs_whole(uint8_t event_type)
{
    return event_type == BINLOG_TRANSACTION_PAYLOAD;
}

/* The event begins at `event`; its marker row is at the place in its body. */
static void put_server_id(const struct epoch_identity *identity,
                          uint8_t *event,
                          const struct binlog_event_header *header,
                          const struct marker_place *place)
{
    uint32_t mask = epoch_server_id_mask(&identity->rules);
    uint8_t *value = event + BINLOG_EVENT_HEADER_BYTES + place->at;

    bytes_put_u32(event + BINLOG_EVENT_SERVER_ID_AT,
                  (header->server_id & ~mask) | (identity->server_id & mask));
    for (size_t i = 0; i < place->size; i++) {
        value[i] = (uint8_t)((uint64_t)identity->server_id >> 8 * i);
    }
}

static void end_with_checksum(struct buffer *made, enum binlog_checksum checksum)
{
    if (checksum == BINLOG_CHECKSUM_CRC32) {
        bytes_put_u32(made->data + made->size - BINLOG_CHECKSUM_BYTES,
                      binlog_event_checksum(buffer_bytes(made)));
    }
}

/* ---- inside a payload ---- */

/* Looks through the events and changes the marker's; false: there is none. */
static enum status change_content(struct epoch_identity *identity,
                                  struct buffer *content,
                                  bool *is_changed,
                                  struct error *error)
{
    struct marker_place place;
    size_t at = 0;

    *is_changed = false;
    while (at < content->size && !*is_changed) {
        struct binlog_event_header header;
        struct bytes rest = {content->data + at, content->size - at};

        if (binlog_event_header_decode(&header, rest, error) != STATUS_OK) {
            return error_wrap(error, "in a payload");
        }
        if (header.event_size > rest.size) {
            return error_set(error, STATUS_CORRUPT, "in a payload: an event that is cut");
        }
        rest.size = header.event_size;
        if (marker_finder_follow(&identity->finder, &header,
                                 binlog_event_body(rest, BINLOG_CHECKSUM_NONE), &place)) {
            put_server_id(identity, content->data + at, &header, &place);
            *is_changed = true;
        }
        at += header.event_size;
    }
    return STATUS_OK;
}

static enum status change_payload(struct epoch_identity *identity,
                                  struct bytes event,
                                  enum binlog_checksum checksum,
                                  struct bytes *stored,
                                  struct error *error)
{
    struct bytes body = binlog_event_body(event, checksum);
    struct buffer *content = NULL;
    struct bytes packed;
    bool is_changed = false;

    if (identity->payload == NULL) {
        identity->payload = payload_rewriter_new();
    }
    if (payload_rewriter_open(identity->payload, body, &content, error) != STATUS_OK ||
        change_content(identity, content, &is_changed, error) != STATUS_OK) {
        return error->status;
    }
    if (!is_changed) {
        return STATUS_OK;
    }
    if (payload_rewriter_pack(identity->payload, &packed, NULL, error) != STATUS_OK) {
        return error_wrap(error, "an epoch marker in a compressed transaction");
    }
    buffer_clear(&identity->made);
    buffer_add(&identity->made, event.data, BINLOG_EVENT_HEADER_BYTES);
    buffer_add_bytes(&identity->made, packed);
    buffer_add(&identity->made, event.data + identity->made.size,
               event.size - identity->made.size);
    end_with_checksum(&identity->made, checksum);
    *stored = buffer_bytes(&identity->made);
    return STATUS_OK;
}

/* ---- events ---- */

static enum status change_event(struct epoch_identity *identity,
                                struct bytes event,
                                enum binlog_checksum checksum,
                                struct bytes *stored,
                                struct error *error)
{
    struct binlog_event_header header = binlog_event_header_at(event.data);
    struct marker_place place;

    if (header.type == BINLOG_TRANSACTION_PAYLOAD) {
        return change_payload(identity, event, checksum, stored, error);
    }
    if (marker_finder_follow(&identity->finder, &header, binlog_event_body(event, checksum),
                             &place)) {
        buffer_clear(&identity->made);
        buffer_add_bytes(&identity->made, event);
        put_server_id(identity, identity->made.data, &header, &place);
        end_with_checksum(&identity->made, checksum);
        *stored = buffer_bytes(&identity->made);
    }
    return STATUS_OK;
}

enum status epoch_identity_event(struct epoch_identity *identity,
                                 struct bytes event,
                                 enum binlog_checksum checksum,
                                 struct bytes *stored,
                                 struct error *error)
{
    enum status status = STATUS_OK;

    *stored = event;
    if (identity->rules.kind != EPOCH_KIND_NDB || event.size < BINLOG_EVENT_HEADER_BYTES) {
        return STATUS_OK;
    }
    status = change_event(identity, event, checksum, stored, error);
    if (status != STATUS_OK) {
        epoch_identity_reset(identity);
        return status;
    }
    if (transaction_tracker_follow(&identity->tracker, event.data[BINLOG_EVENT_TYPE_AT],
                                   binlog_event_body(event, checksum))) {
        marker_finder_reset(&identity->finder);
    }
    return STATUS_OK;
}

/* ---- comparing ---- */

static struct buffer copy_of(const struct buffer *from)
{
    struct buffer copy = {0};

    buffer_add_bytes(&copy, buffer_bytes(from));
    return copy;
}

/* Headers and what is behind the payload; checksums and how it is packed do not count. */
static bool is_same_around(struct bytes left,
                           struct payload_place left_place,
                           struct bytes right,
                           struct payload_place right_place)
{
    size_t left_end = BINLOG_EVENT_HEADER_BYTES + left_place.at + left_place.size;
    size_t right_end = BINLOG_EVENT_HEADER_BYTES + right_place.at + right_place.size;

    return memcmp(left.data, right.data, BINLOG_EVENT_HEADER_BYTES) == 0 &&
           bytes_equal((struct bytes){left.data + left_end, left.size - left_end},
                       (struct bytes){right.data + right_end, right.size - right_end});
}

static bool is_same_payload(struct epoch_identity *identity,
                            struct bytes left,
                            struct bytes right)
{
    struct buffer *content = NULL;
    struct buffer kept = {0};
    struct payload_place place;
    struct error ignored; /* what cannot be opened is not the same */
    bool is_same = false;

    if (identity->payload == NULL) {
        identity->payload = payload_rewriter_new();
    }
    if (payload_rewriter_open(identity->payload, binlog_event_body(left, BINLOG_CHECKSUM_NONE),
                              &content, &ignored) != STATUS_OK) {
        return false;
    }
    place = payload_rewriter_place(identity->payload);
    kept = copy_of(content);
    is_same =
        payload_rewriter_open(identity->payload, binlog_event_body(right, BINLOG_CHECKSUM_NONE),
                              &content, &ignored) == STATUS_OK &&
        bytes_equal(buffer_bytes(content), buffer_bytes(&kept)) &&
        is_same_around(left, place, right, payload_rewriter_place(identity->payload));
    buffer_release(&kept);
    return is_same;
}

bool epoch_identity_is_same(struct epoch_identity *identity,
                            struct bytes left,
                            struct bytes right,
                            enum binlog_checksum checksum)
{
    size_t checksum_bytes = checksum == BINLOG_CHECKSUM_CRC32 ? BINLOG_CHECKSUM_BYTES : 0;

    if (bytes_equal(left, right)) {
        return true;
    }
    if (left.size != right.size || left.size < BINLOG_EVENT_HEADER_BYTES + checksum_bytes ||
        left.data[BINLOG_EVENT_TYPE_AT] != BINLOG_TRANSACTION_PAYLOAD ||
        identity->rules.kind != EPOCH_KIND_NDB) {
        return false;
    }
    left.size -= checksum_bytes;
    right.size -= checksum_bytes;
    return is_same_payload(identity, left, right);
}
