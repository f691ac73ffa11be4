/* SPDX-License-Identifier: Apache-2.0 */
/* GTIDs as bytes: in their events, and sets in Previous_gtids and COM_BINLOG_DUMP_GTID. */
#include <string.h>

#include "binrelay/protocol/binlog_event.h"
#include "gtid_set_body.h"
#include "varlen.h"

/* Fields of the tagged event, in ascending order (Gtid_event::define_fields() in
 * control_events.h). Those behind the commit time are of no interest here. */
enum {
    FIELD_FLAGS = 0,
    FIELD_UUID = 1,
    FIELD_NUMBER = 2,
    FIELD_TAG = 3,
    FIELD_COMMIT_USEC = 6, /* immediate_commit_timestamp */
};

/* The untagged event: see read_untagged(). */
enum {
    CLOCK_TYPE_AT = 1 + GTID_UUID_BYTES + 8,
    CLOCK_TYPE = 2, /* LOGICAL_TIMESTAMP_TYPECODE */
    COMMIT_USEC_AT = CLOCK_TYPE_AT + 1 + 8 + 8,
    COMMIT_USEC_BYTES = 7,
    COMMIT_USEC_BITS = 55, /* the highest says that the original one follows */
};

enum { TAGGED_EVENT_VERSION = 1 };

/* The first number of a set: a count of sources, with a mark where each has a tag
 * (Gtid_set::encode() in sql/rpl_gtid_set.cc). */
enum { SET_TAGGED = 1, SET_COUNT_AT = 8, SET_FORMAT_AT = 56 };
#define SET_TAGGED_COUNT_MASK ((UINT64_C(1) << 48) - 1)

enum { RUN_BYTES = 8 + 8, SOURCE_LEAST_BYTES = GTID_UUID_BYTES + 8 };

static bool is_tag_character(uint8_t character, bool is_first)
{
    return character == '_' || (character >= 'a' && character <= 'z') ||
           (!is_first && character >= '0' && character <= '9');
}

bool gtid_tag_is_valid(struct bytes tag)
{
    if (tag.size == 0 || tag.size > GTID_TAG_MOST_BYTES) {
        return false;
    }
    for (size_t at = 0; at < tag.size; at++) {
        if (!is_tag_character(tag.data[at], at == 0)) {
            return false;
        }
    }
    return true;
}

/* Reads a tag with its size in front; none is a tag of no bytes. */
static bool read_tag(struct gtid_source *source, struct byte_reader *reader)
{
    struct bytes tag = byte_reader_take(reader, varlen_read(reader));

    if (reader->overran || (tag.size > 0 && !gtid_tag_is_valid(tag))) {
        return false;
    }
    memset(source->tag, 0, sizeof(source->tag));
    if (tag.size > 0) {
        memcpy(source->tag, tag.data, tag.size);
    }
    return true;
}

/*
 * Gtid_event (control_events.h):
 *
 *   0      1     17      25          26              34               42
 *   flags  uuid  number  clock_type  last_committed  sequence_number  commit_usec ...
 */
static bool read_untagged(struct gtid *found, struct byte_reader *reader)
{
    struct bytes uuid;

    byte_reader_skip(reader, 1);
    uuid = byte_reader_take(reader, GTID_UUID_BYTES);
    found->number = byte_reader_number(reader, 8);
    if (reader->overran) {
        return false;
    }
    memcpy(found->source.uuid, uuid.data, GTID_UUID_BYTES);
    return true;
}

static void read_uuid_numbers(uint8_t uuid[GTID_UUID_BYTES], struct byte_reader *reader)
{
    for (size_t at = 0; at < GTID_UUID_BYTES; at++) {
        uuid[at] = (uint8_t)varlen_read(reader);
    }
}

/*
 * The tagged form is a message of the serialization library
 * (libs/mysql/serialization/readme.md), all numbers varlen:
 *
 *   version  size  last_non_ignorable_field  (field_id value)...
 *
 * The UUID is sixteen numbers, and the GTID's number is signed: its lowest bit
 * is the sign.
 */
static bool read_tagged(struct gtid *found, struct byte_reader *reader)
{
    bool has_uuid = false;
    uint64_t field = 0;
    uint64_t number = 0;

    if (varlen_read(reader) != TAGGED_EVENT_VERSION) {
        return false;
    }
    (void)varlen_read(reader);
    (void)varlen_read(reader);
    for (field = varlen_read(reader); field < FIELD_TAG && !reader->overran;
         field = varlen_read(reader)) {
        if (field == FIELD_UUID) {
            read_uuid_numbers(found->source.uuid, reader);
            has_uuid = true;
            continue;
        }
        number = varlen_read(reader);
        if (field == FIELD_NUMBER) {
            found->number = (number & 1) == 0 ? number >> 1 : 0; /* none is negative */
        }
    }
    return !reader->overran && has_uuid && field == FIELD_TAG &&
           read_tag(&found->source, reader);
}

enum status gtid_decode_event(struct gtid *found,
                              uint8_t event_type,
                              struct bytes body,
                              struct error *error)
{
    struct byte_reader reader = byte_reader_of(body);
    struct gtid gtid = {0};
    bool is_whole = false;

    if (event_type == BINLOG_ANONYMOUS_GTID) {
        return STATUS_NOT_FOUND;
    }
    is_whole = event_type == BINLOG_GTID_TAGGED ? read_tagged(&gtid, &reader)
                                                : read_untagged(&gtid, &reader);
    if (!is_whole) {
        return error_set(error, STATUS_CORRUPT, "a GTID event of %zu bytes without a GTID",
                         body.size);
    }
    if (gtid.number < 1 || gtid.number >= GTID_NUMBER_END) {
        return error_set(error, STATUS_CORRUPT, "a GTID event with the number %llu",
                         (unsigned long long)gtid.number);
    }
    *found = gtid;
    return STATUS_OK;
}

/* Passes over the value of a field before the commit time. */
static void skip_field(struct byte_reader *reader, uint64_t field)
{
    uint8_t uuid[GTID_UUID_BYTES];

    if (field == FIELD_UUID) {
        read_uuid_numbers(uuid, reader);
    } else if (field == FIELD_TAG) {
        byte_reader_skip(reader, varlen_read(reader));
    } else {
        (void)varlen_read(reader);
    }
}

static bool tagged_commit_usec(struct bytes body, uint64_t *usec)
{
    struct byte_reader whole = byte_reader_of(body);
    struct byte_reader *reader = &whole;
    uint64_t found = 0;
    uint64_t field = 0;

    if (varlen_read(reader) != TAGGED_EVENT_VERSION) {
        return false;
    }
    (void)varlen_read(reader);
    (void)varlen_read(reader);
    for (field = varlen_read(reader); field < FIELD_COMMIT_USEC && !reader->overran;
         field = varlen_read(reader)) {
        skip_field(reader, field);
    }
    found = varlen_read(reader);
    if (reader->overran || field != FIELD_COMMIT_USEC) {
        return false;
    }
    *usec = found;
    return true;
}

bool gtid_event_commit_usec(uint8_t event_type, struct bytes body, uint64_t *usec)
{
    if (event_type == BINLOG_GTID_TAGGED) {
        return tagged_commit_usec(body, usec);
    }
    if (body.size < COMMIT_USEC_AT + COMMIT_USEC_BYTES ||
        body.data[CLOCK_TYPE_AT] != CLOCK_TYPE) {
        return false;
    }
    /* The byte in front of it is there, and read to have eight. */
    *usec = bytes_u64_at(body.data + COMMIT_USEC_AT - 1) >> 8 &
            ((UINT64_C(1) << COMMIT_USEC_BITS) - 1);
    return true;
}

static enum status set_is_cut(struct error *error)
{
    return error_set(error, STATUS_CORRUPT, "a GTID set that is cut short");
}

/* Reads the intervals of a source: their count, then (first, behind the last) of each. */
static enum status read_runs(struct gtid_set *set,
                             const struct gtid_source *source,
                             struct byte_reader *reader,
                             struct error *error)
{
    uint64_t count = byte_reader_number(reader, 8);

    if (reader->overran || count > reader->left / RUN_BYTES) {
        return set_is_cut(error);
    }
    for (uint64_t at = 0; at < count; at++) {
        struct gtid_run run = {.first = byte_reader_number(reader, 8)};
        enum status status = STATUS_OK;

        run.end = byte_reader_number(reader, 8);
        if (run.first < 1 || run.end <= run.first || run.end > GTID_NUMBER_END) {
            return error_set(error, STATUS_CORRUPT, "a GTID set with an impossible interval");
        }
        status = gtid_set_gather(set, source, run, error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

/*
 *   0                       8
 *   count (56 bits)   0     (uuid 16, intervals)...
 *   1  count (48 bits)  1   (uuid 16, tag size varlen, tag, intervals)...
 */
static enum status read_set(struct gtid_set *set,
                            struct byte_reader *reader,
                            struct error *error)
{
    uint64_t head = byte_reader_number(reader, 8);
    bool is_tagged = head >> SET_FORMAT_AT == SET_TAGGED && (head & UINT8_MAX) == SET_TAGGED;
    uint64_t count = is_tagged ? head >> SET_COUNT_AT & SET_TAGGED_COUNT_MASK : head;

    if (reader->overran || count > reader->left / SOURCE_LEAST_BYTES) {
        return set_is_cut(error);
    }
    for (uint64_t at = 0; at < count; at++) {
        struct bytes uuid = byte_reader_take(reader, GTID_UUID_BYTES);
        struct gtid_source source = {0};
        enum status status = STATUS_OK;

        if (reader->overran) {
            return set_is_cut(error);
        }
        memcpy(source.uuid, uuid.data, GTID_UUID_BYTES);
        if (is_tagged && !read_tag(&source, reader)) {
            return error_set(error, STATUS_CORRUPT, "a GTID set with an impossible tag");
        }
        status = read_runs(set, &source, reader, error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    if (reader->left > 0) {
        return error_set(error, STATUS_CORRUPT, "a GTID set with %zu bytes behind it",
                         reader->left);
    }
    return STATUS_OK;
}

enum status gtid_set_decode(struct gtid_set **made, struct bytes body, struct error *error)
{
    struct byte_reader reader = byte_reader_of(body);
    struct gtid_set *set = gtid_set_new();
    enum status status = read_set(set, &reader, error);

    if (status != STATUS_OK) {
        gtid_set_free(set);
        return status;
    }
    gtid_set_settle(set);
    *made = set;
    return STATUS_OK;
}

static bool has_tags(const struct gtid_set *set)
{
    for (size_t at = 0; at < set->count; at++) {
        if (set->entries[at].source.tag[0] != '\0') {
            return true;
        }
    }
    return false;
}

void gtid_set_encode(const struct gtid_set *set, struct buffer *output)
{
    bool is_tagged = has_tags(set);
    uint64_t head = set->count;

    if (is_tagged) {
        head = (uint64_t)SET_TAGGED << SET_FORMAT_AT | head << SET_COUNT_AT | SET_TAGGED;
    }
    buffer_add_number(output, head, 8);
    for (size_t at = 0; at < set->count; at++) {
        const struct gtid_set_entry *entry = &set->entries[at];

        buffer_add(output, entry->source.uuid, GTID_UUID_BYTES);
        if (is_tagged) {
            varlen_add(output, strlen(entry->source.tag));
            buffer_add_text(output, entry->source.tag);
        }
        buffer_add_number(output, entry->runs.count, 8);
        for (size_t run = 0; run < entry->runs.count; run++) {
            buffer_add_number(output, entry->runs.items[run].first, 8);
            buffer_add_number(output, entry->runs.items[run].end, 8);
        }
    }
}
