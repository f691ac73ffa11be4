/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/protocol/epoch_reader.h"

#include <stdio.h>
#include <string.h>

#include "binrelay/base/memory.h"
#include "binrelay/protocol/binlog_control.h"
#include "binrelay/protocol/gtid_set.h"
#include "event_wishes.h"
#include "payload_reader.h"
#include "rows_reader.h"
#include "schema_statement.h"

enum {
    /* A Query's statement begins before that (its status takes 64 KiB at most), and the columns
     * of a table map end. */
    COLLECT_MOST_BYTES = 70 * 1024,
    USEC_IN_SEC = 1000000,
    MAP_NAMES_AT = 8, /* in a table map: see table_map.c */
};

/* What is done with the event that is being read. */
enum reading {
    READING_NOTHING,
    READING_START, /* the body's beginning is collected, and read when it is there */
    READING_ROWS,
    READING_PAYLOAD,
};

struct current_event {
    struct binlog_event_header header;
    uint32_t body_left;
    enum reading reading;
};

struct epoch_reader {
    struct epoch_reader_head head; /* first: see epoch_reader_wants() */
    struct epoch_rules rules;
    struct bytes database; /* of the marker table; borrowed from rules or a constant */
    struct bytes table;
    const char *epoch_name; /* the column's */
    size_t map_names_bytes; /* HEARTBEAT: how both names stand in a table map */
    char map_names[2 * (1 + EPOCH_NAME_MOST_BYTES + 1)];
    struct epoch_transaction found;
    struct epoch_transaction before_payload;
    uint32_t last_sec; /* of the last event */

    struct current_event event;
    struct current_event inner; /* in the payload that event is */
    uint32_t rows_server_id;    /* of the header of the rows event */
    struct table_list tables;   /* owned */
    struct rows_reader rows;
    struct payload_reader *payload; /* owned; NULL until one comes */
    size_t collected_size;
    uint8_t collected[COLLECT_MOST_BYTES];
};

/* Where only the marker's rows are read, they are wanted as long as its table is mapped. */
static void forget_tables(struct epoch_reader *reader)
{
    if (reader->tables.count == 0) {
        return;
    }
    table_list_clear(&reader->tables);
    if (reader->rules.kind == EPOCH_KIND_HEARTBEAT) {
        event_wishes_set(reader->head.wanted_types, WISH_OF_OUR_ROWS, false);
    }
}

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
    reader->map_names_bytes =
        (size_t)snprintf(reader->map_names, sizeof(reader->map_names), "%c%s%c%c%s",
                         (char)reader->database.size, (const char *)reader->database.data, '\0',
                         (char)reader->table.size, (const char *)reader->table.data);
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
    event_wishes_set(reader->head.wanted_types, who[rules->kind], true);
    return reader;
}

void epoch_reader_free(struct epoch_reader *reader)
{
    if (reader != NULL) {
        table_list_release(&reader->tables);
        payload_reader_free(reader->payload);
        free(reader);
    }
}

void epoch_reader_reset(struct epoch_reader *reader)
{
    forget_tables(reader);
    reader->event = (struct current_event){0};
    reader->inner = (struct current_event){0};
    reader->found = (struct epoch_transaction){0};
    reader->last_sec = 0;
}

/* ---- table maps and statements, of which the beginning is enough ---- */

static bool is_marker_table(const struct epoch_reader *reader,
                            struct bytes database,
                            struct bytes table)
{
    return bytes_equal(table, reader->table) && bytes_equal(database, reader->database);
}

static void map_table(struct epoch_reader *reader, struct bytes body, enum table_role role)
{
    struct table_map map;
    struct error error;

    if (table_map_decode(&map, body, &error) != STATUS_OK) {
        forget_tables(reader); /* its id may be one of them: their rows cannot be trusted */
        return;
    }
    /* Of a table for which there is no room the rows are not counted. */
    if (table_list_add(&reader->tables, &map, role, reader->epoch_name) &&
        reader->rules.kind == EPOCH_KIND_HEARTBEAT) {
        event_wishes_set(reader->head.wanted_types, WISH_OF_OUR_ROWS, true);
    }
}

static void read_table_map(struct epoch_reader *reader, struct bytes body)
{
    uint64_t table_id = 0;
    struct bytes database;
    struct bytes table;

    if (!table_map_names(body, &table_id, &database, &table)) {
        forget_tables(reader);
        return;
    }
    if (is_marker_table(reader, database, table)) {
        map_table(reader, body, TABLE_OF_EPOCHS);
    } else if (reader->rules.kind == EPOCH_KIND_NDB) {
        map_table(reader, body, TABLE_OF_USER);
    } else if (reader->tables.count > 0) {
        table_list_remove(&reader->tables, table_id); /* the id has become another's */
    }
}

/* mysql.ndb_binlog_index counts these as schemaops. */
static void read_query(struct epoch_reader *reader, struct bytes body)
{
    struct binlog_query query;
    struct error error;

    if (binlog_query_decode(&query, body, &error) == STATUS_OK &&
        statement_drops_or_alters(query.statement)) {
        reader->found.schema_ops++;
    }
}

static void read_start(struct epoch_reader *reader, uint8_t type, struct bytes body)
{
    switch (type) {
    case BINLOG_TABLE_MAP:
        read_table_map(reader, body);
        break;
    case BINLOG_QUERY:
        read_query(reader, body);
        break;
    default: /* a GTID */
        (void)gtid_event_commit_usec(type, body, &reader->found.commit_usec);
        break;
    }
}

/* Reads the beginning at once if it is there, or when it has been collected. */
static void collect(struct epoch_reader *reader, struct current_event *event, struct bytes part)
{
    size_t here = COLLECT_MOST_BYTES - reader->collected_size;

    if (event->body_left == 0 && reader->collected_size == 0) {
        read_start(reader, event->header.type, part);
        return;
    }
    here = here < part.size ? here : part.size;
    memcpy(reader->collected + reader->collected_size, part.data, here);
    reader->collected_size += here;
    if (event->body_left == 0) {
        read_start(reader, event->header.type,
                   (struct bytes){.data = reader->collected, .size = reader->collected_size});
    }
}

/* ---- rows ---- */

static void count_rows(struct epoch_reader *reader, const struct rows_summary *summary)
{
    struct epoch_transaction *found = &reader->found;
    uint32_t *count = summary->kind == ROWS_WRITTEN   ? &found->inserts
                      : summary->kind == ROWS_UPDATED ? &found->updates
                                                      : &found->deletes;

    if (summary->rows > UINT32_MAX - *count) {
        found->is_count_partial = true;
        return;
    }
    *count += summary->rows;
}

static void end_rows(struct epoch_reader *reader)
{
    struct rows_summary summary = rows_reader_end(&reader->rows);

    if (reader->rules.kind == EPOCH_KIND_NDB && !summary.is_of_epochs) {
        count_rows(reader, &summary);
        reader->found.is_count_partial = reader->found.is_count_partial || !summary.is_whole;
    }
    if (summary.ends_statement) {
        forget_tables(reader);
    }
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
static void note_type(struct epoch_reader *reader, uint8_t type)
{
    if (type == BINLOG_INCIDENT) {
        reader->found.is_incident = true;
    } else if (type != BINLOG_XID) {
        reader->found.is_count_partial = true;
    }
}

/* How far a broken payload could be read depends on how it came: it says nothing. */
static void forget_payload(struct epoch_reader *reader)
{
    reader->found = reader->before_payload;
    reader->found.is_count_partial = true;
    reader->last_sec = reader->event.header.created_at_sec;
    forget_tables(reader);
}

static void end_event(struct epoch_reader *reader, struct current_event *event)
{
    if (event->reading == READING_ROWS) {
        end_rows(reader);
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
        reader->found.is_count_partial = true;
    }
    *event = (struct current_event){0};
}

static void begin_event(struct epoch_reader *reader,
                        struct current_event *event,
                        struct binlog_event_header header,
                        uint32_t body_size)
{
    drop_event(reader, event);
    *event = (struct current_event){.header = header, .body_left = body_size};
    reader->last_sec = header.created_at_sec;
    if (!epoch_reader_wants(reader, header.type)) {
        return;
    }
    event->reading = reading_of(header.type);
    switch (event->reading) {
    case READING_NOTHING:
        note_type(reader, header.type);
        return;
    case READING_START:
        reader->collected_size = 0;
        break;
    case READING_ROWS:
        reader->rows_server_id = header.server_id;
        rows_reader_begin(&reader->rows, header.type);
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
        collect(reader, event, part);
        break;
    case READING_ROWS:
        rows_reader_add(&reader->rows, part);
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
    return reader->rules.kind == EPOCH_KIND_HEARTBEAT && reader->tables.count == 0 &&
           (body.size < reader->map_names_bytes + MAP_NAMES_AT ||
            body.data[MAP_NAMES_AT] != (uint8_t)reader->map_names[0] ||
            memcmp(body.data + MAP_NAMES_AT, reader->map_names, reader->map_names_bytes) != 0);
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
    forget_tables(reader);
}
