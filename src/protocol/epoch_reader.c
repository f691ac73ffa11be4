/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/protocol/epoch_reader.h"

#include <string.h>

#include "binrelay/base/memory.h"
#include "binrelay/protocol/gtid_set.h"
#include "epoch_reader_internal.h"
#include "event_wishes.h"

enum { USEC_IN_SEC = 1000000 };

static void take_marker(struct epoch_reader *reader, const struct marker_row *row)
{
    reader->found.has_marker = true;
    reader->found.epoch = row->epoch;
    reader->found.origin = (uint32_t)row->server_id;
}

static void on_marker_row(void *context, const struct marker_row *row)
{
    struct epoch_reader *reader = context;
    uint32_t writer = reader->rows_server_id & epoch_server_id_mask(&reader->rules);

    if (!row->has_server_id || !row->has_epoch || row->epoch == 0) {
        return;
    }
    if (reader->rules.kind == EPOCH_KIND_HEARTBEAT) {
        if (row->kind != ROWS_DELETED && row->server_id == reader->rules.server_id) {
            take_marker(reader, row); /* the last one is the transaction's */
        }
        return;
    }
    /* Rows of other servers are other clusters' (ndb_log_apply_status), and so is a second one.
     */
    if (row->kind == ROWS_WRITTEN && row->server_id == writer && !reader->found.has_marker) {
        take_marker(reader, row);
    }
}

static void choose_table(struct epoch_reader *reader)
{
    bool is_ndb = reader->rules.kind == EPOCH_KIND_NDB;

    reader->database = bytes_of_text(is_ndb ? "mysql" : reader->rules.database);
    reader->table = bytes_of_text(is_ndb ? "ndb_apply_status" : reader->rules.table);
    reader->epoch_name = is_ndb ? "epoch" : "counter";
    map_names_set(&reader->names, (const char *)reader->database.data,
                  (const char *)reader->table.data);
}

struct epoch_reader *epoch_reader_new(const struct epoch_rules *rules)
{
    static const uint8_t who[EPOCH_KIND_COUNT] = {
        [EPOCH_KIND_NONE] = WISH_OF_NONE,
        [EPOCH_KIND_NDB] = WISH_OF_NDB,
        [EPOCH_KIND_HEARTBEAT] = WISH_OF_HEARTBEAT,
    };
    struct epoch_reader *reader = mem_zeroed(sizeof(*reader));

    reader->rules = *rules;
    choose_table(reader);
    rows_reader_init(&reader->rows, &reader->tables, on_marker_row, reader);
    epoch_reader_want(reader, who[rules->kind], true);
    return reader;
}

void epoch_reader_free(struct epoch_reader *reader)
{
    if (reader != NULL) {
        table_list_release(&reader->tables);
        sighting_reader_free(reader->sightings);
        payload_reader_free(reader->payload);
        free(reader);
    }
}

void epoch_reader_watch(struct epoch_reader *reader, const struct sighting_rules *rules)
{
    sighting_reader_free(reader->sightings);
    reader->sightings = sighting_reader_new(rules, &reader->rules);
    epoch_reader_sum_wishes(reader);
}

void epoch_reader_reset(struct epoch_reader *reader)
{
    epoch_reader_forget_tables(reader);
    if (reader->sightings != NULL) {
        sighting_reader_reset(reader->sightings);
        epoch_reader_sum_wishes(reader);
    }
    reader->event = (struct current_event){0};
    reader->inner = (struct current_event){0};
    reader->found = (struct epoch_transaction){0};
    reader->last_sec = 0;
}

/* ---- the event, of the stream or in a payload ---- */

/* What is done with an event of a type that is wanted. */
static enum reading reading_of(uint8_t type)
{
    switch (type) {
    case BINLOG_GTID:
    case BINLOG_ANONYMOUS_GTID:
    case BINLOG_GTID_TAGGED:
    case BINLOG_QUERY:
    case BINLOG_TABLE_MAP:
        return READING_START;
    case BINLOG_TRANSACTION_PAYLOAD:
        return READING_PAYLOAD;
    default:
        return rows_reader_knows(type) ? READING_ROWS : READING_NOTHING;
    }
}

/* Rows events that no reader knows are wanted for what they make of the count. */
static void note_type(struct epoch_reader *reader, const struct current_event *event)
{
    uint8_t type = event->header.type;

    if (event->is_sighted) {
        sighting_reader_event(reader->sightings, type);
    }
    if (!event->is_of_epochs) {
        return;
    }
    if (type == BINLOG_INCIDENT) {
        reader->found.is_incident = true;
    } else if (type != BINLOG_XID) {
        reader->found.is_count_partial = true;
    }
}

static void distrust_sightings(struct epoch_reader *reader)
{
    if (reader->sightings != NULL) {
        sighting_reader_distrust(reader->sightings);
        epoch_reader_sum_wishes(reader);
    }
}

/* How far a broken payload could be read depends on how it came: it says nothing. */
static void forget_payload(struct epoch_reader *reader)
{
    reader->found = reader->before_payload;
    reader->found.is_count_partial = true;
    reader->last_sec = reader->event.header.created_at_sec;
    epoch_reader_forget_tables(reader);
    distrust_sightings(reader);
}

static void end_event(struct epoch_reader *reader, struct current_event *event)
{
    if (event->reading == READING_ROWS) {
        epoch_reader_end_rows(reader, event);
    } else if (event->reading == READING_PAYLOAD && !payload_reader_end(reader->payload)) {
        forget_payload(reader);
    }
    event->reading = READING_NOTHING;
}

/* One that ends before its body does was not read whole. */
static void drop_event(struct epoch_reader *reader, struct current_event *event)
{
    if (event->reading != READING_NOTHING && event->body_left > 0) {
        if (event->reading == READING_PAYLOAD) {
            forget_payload(reader);
        }
        reader->found.is_count_partial = reader->found.is_count_partial || event->is_of_epochs;
        distrust_sightings(reader);
    }
    *event = (struct current_event){0};
}

static void begin_event(struct epoch_reader *reader,
                        struct current_event *event,
                        struct binlog_event_header header,
                        uint32_t body_size)
{
    drop_event(reader, event);
    *event = (struct current_event){
        .header = header,
        .body_left = body_size,
        .is_of_epochs = epoch_reader_reads_for_epochs(reader, header.type),
        .is_sighted =
            reader->sightings != NULL && sighting_reader_wants(reader->sightings, header.type),
    };
    /* What only the sightings want must not make another transaction of it. */
    if (event->is_of_epochs || !event->is_sighted || event == &reader->inner) {
        reader->last_sec = header.created_at_sec;
    }
    if (!event->is_of_epochs && !event->is_sighted) {
        return;
    }
    event->reading = reading_of(header.type);
    switch (event->reading) {
    case READING_NOTHING:
        note_type(reader, event);
        return;
    case READING_START:
        reader->collected_size = 0;
        break;
    case READING_ROWS:
        epoch_reader_begin_rows(reader, event);
        break;
    case READING_PAYLOAD:
        reader->before_payload = reader->found;
        payload_reader_begin(reader->payload);
        break;
    }
    if (body_size == 0) {
        end_event(reader, event);
    }
}

/* Takes a part of the body; what is behind the body is passed over. */
static void add_part(struct epoch_reader *reader,
                     struct current_event *event,
                     struct bytes part)
{
    if (part.size > event->body_left) {
        part.size = event->body_left;
    }
    if (part.size == 0) {
        return;
    }
    event->body_left -= (uint32_t)part.size;
    switch (event->reading) {
    case READING_NOTHING:
        return;
    case READING_START:
        epoch_reader_collect(reader, event, part);
        break;
    case READING_ROWS:
        epoch_reader_add_rows(reader, event, part);
        break;
    case READING_PAYLOAD:
        payload_reader_add(reader->payload, part);
        break;
    }
    if (event->body_left == 0) {
        end_event(reader, event);
    }
}

static void on_inner_event(void *context, struct binlog_event_header header, uint32_t body_size)
{
    struct epoch_reader *reader = context;

    if (header.type == BINLOG_TRANSACTION_PAYLOAD) { /* there is none in another */
        reader->found.is_count_partial = true;
        reader->inner = (struct current_event){0};
        return;
    }
    begin_event(reader, &reader->inner, header, body_size);
}

static void on_inner_part(void *context, struct bytes part)
{
    struct epoch_reader *reader = context;

    add_part(reader, &reader->inner, part);
}

void epoch_reader_begin_event(struct epoch_reader *reader,
                              struct binlog_event_header header,
                              uint32_t body_size)
{
    if (header.type == BINLOG_TRANSACTION_PAYLOAD && reader->payload == NULL) {
        reader->payload = payload_reader_new((struct payload_listener){
            .on_event = on_inner_event,
            .on_part = on_inner_part,
            .context = reader,
        });
    }
    reader->inner = (struct current_event){0};
    begin_event(reader, &reader->event, header, body_size);
}

void epoch_reader_add(struct epoch_reader *reader, struct bytes part)
{
    add_part(reader, &reader->event, part);
}

/* Apart, so that an event that says little costs no more than its test. */
static __attribute__((noinline)) void read_whole(struct epoch_reader *reader,
                                                 struct bytes event,
                                                 struct bytes body)
{
    epoch_reader_begin_event(reader, binlog_event_header_at(event.data), (uint32_t)body.size);
    epoch_reader_add(reader, body);
}

/* Most table maps are of other tables, and none of theirs is remembered. */
static bool is_other_table(const struct epoch_reader *reader, struct bytes body)
{
    if (reader->rules.kind == EPOCH_KIND_HEARTBEAT) {
        return reader->tables.count == 0 && !map_names_match(&reader->names, body);
    }
    return reader->rules.kind == EPOCH_KIND_NONE;
}

void epoch_reader_event(struct epoch_reader *reader,
                        struct bytes event,
                        enum binlog_checksum checksum)
{
    size_t around = BINLOG_EVENT_HEADER_BYTES +
                    (checksum == BINLOG_CHECKSUM_CRC32 ? BINLOG_CHECKSUM_BYTES : 0);
    uint8_t type = event.data[BINLOG_EVENT_TYPE_AT];
    struct bytes body = {.data = event.data + BINLOG_EVENT_HEADER_BYTES};

    if (!epoch_reader_wants(reader, type)) {
        return;
    }
    body.size = event.size < around ? 0 : event.size - around;
    if (type == BINLOG_GTID || type == BINLOG_ANONYMOUS_GTID) {
        (void)gtid_event_commit_usec(type, body, &reader->found.commit_usec);
    } else if (type != BINLOG_TABLE_MAP || !is_other_table(reader, body)) {
        read_whole(reader, event, body);
    } else if (reader->sightings != NULL) {
        epoch_reader_see_map(reader, body);
    }
}

void epoch_reader_end_transaction(struct epoch_reader *reader, struct epoch_transaction *found)
{
    drop_event(reader, &reader->event);
    *found = reader->found;
    if (found->commit_usec == 0) {
        found->commit_usec = (uint64_t)reader->last_sec * USEC_IN_SEC;
    }
    reader->found = (struct epoch_transaction){0};
    epoch_reader_forget_tables(reader);
    if (reader->sightings != NULL && sighting_reader_is_busy(reader->sightings)) {
        sighting_reader_end_transaction(reader->sightings);
        epoch_reader_sum_wishes(reader);
    }
}

size_t epoch_reader_sightings(const struct epoch_reader *reader, const struct sighting **found)
{
    *found = reader->sightings == NULL ? NULL : reader->sightings->found;
    return reader->sightings == NULL ? 0 : reader->sightings->ended_count;
}
