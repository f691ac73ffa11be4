/* SPDX-License-Identifier: Apache-2.0 */
#include "sighting_reader.h"

#include <stdlib.h>

#include "binrelay/protocol/binlog_control.h"
#include "event_wishes.h"

void map_names_set(struct map_names *names, const char *database, const char *table)
{
    const char *parts[] = {database, table};

    names->size = 0;
    for (size_t at = 0; at < sizeof(parts) / sizeof(parts[0]); at++) {
        size_t size = strlen(parts[at]);

        names->bytes[names->size++] = (uint8_t)size;
        memcpy(names->bytes + names->size, parts[at], size + 1); /* its zero, too */
        names->size += size + 1;
    }
}

/* ---- what is wanted ---- */

/* Rows matter while one of the tables is mapped ... */
static void want_rows(struct sighting_reader *reader, bool is_wanted)
{
    event_wishes_set(reader->wanted_types, WISH_OF_OUR_ROWS, is_wanted);
}

/* ... and, once there is a row, how the transaction ends. */
static void want_end(struct sighting_reader *reader, bool is_wanted)
{
    event_wishes_set(reader->wanted_types, WISH_OF_OUR_END, is_wanted);
}

static void forget_tables(struct sighting_reader *reader)
{
    if (reader->tables.count > 0) {
        table_list_clear(&reader->tables);
        want_rows(reader, false);
    }
}

/* ---- rows ---- */

static struct sighting *add(struct sighting_reader *reader)
{
    if (reader->count == SIGHTINGS_MOST) { /* the older half goes: what comes later says more */
        reader->count -= SIGHTINGS_MOST / 2;
        memmove(reader->found, reader->found + SIGHTINGS_MOST / 2,
                reader->count * sizeof(reader->found[0]));
    }
    return &reader->found[reader->count++];
}

static void take_heartbeat(struct sighting_reader *reader, const struct marker_row *row)
{
    if (row->server_id == reader->rules.server_id ||
        (row->has_source_cluster && row->source_cluster > UINT32_MAX)) {
        return;
    }
    *add(reader) = (struct sighting){
        .kind = SIGHTING_HEARTBEAT,
        .server_id = (uint32_t)row->server_id,
        .counter = row->has_epoch ? row->epoch : 0,
        .has_epoch = row->has_applied_epoch,
        .epoch = row->has_applied_epoch ? row->applied_epoch : 0,
        .has_source_cluster = row->has_source_cluster,
        .source_cluster = row->has_source_cluster ? (uint32_t)row->source_cluster : 0,
        .written_sec = reader->header.created_at_sec,
    };
}

/* The marker is the first row with the id of the server that wrote the event. A row that an
 * applier wrote has the same in both, too: but the marker comes first. */
static bool is_marker(struct sighting_reader *reader, const struct marker_row *row)
{
    bool is_first = reader->is_ndb && !reader->has_marker && row->kind == ROWS_WRITTEN &&
                    row->server_id == (reader->header.server_id & reader->server_id_mask);

    reader->has_marker = reader->has_marker || is_first;
    return is_first;
}

static void take_apply_status(struct sighting_reader *reader, const struct marker_row *row)
{
    if (!row->has_epoch || row->epoch == 0 || is_marker(reader, row)) {
        return;
    }
    *add(reader) = (struct sighting){
        .kind = SIGHTING_APPLY_STATUS,
        .server_id = (uint32_t)row->server_id,
        .has_epoch = true,
        .epoch = row->epoch,
        .written_sec = reader->header.created_at_sec,
    };
}

static void on_row(void *context, const struct marker_row *row)
{
    struct sighting_reader *reader = context;

    if (row->kind == ROWS_DELETED || !row->has_server_id || row->server_id == 0 ||
        row->server_id > UINT32_MAX) {
        return;
    }
    if (reader->rows.table->role == TABLE_OF_HEARTBEATS) {
        take_heartbeat(reader, row);
    } else {
        take_apply_status(reader, row);
    }
    want_end(reader, true);
}

void sighting_reader_begin_rows(struct sighting_reader *reader,
                                struct binlog_event_header header)
{
    reader->header = header;
    rows_reader_begin(&reader->rows, header.type);
}

void sighting_reader_end_rows(struct sighting_reader *reader)
{
    if (rows_reader_end(&reader->rows).ends_statement) {
        forget_tables(reader);
    }
}

/* ---- other events ---- */

void sighting_reader_map(struct sighting_reader *reader, struct bytes body)
{
    bool is_heartbeats = map_names_match(&reader->heartbeats, body);
    struct table_map map;
    struct error ignored; /* the rows of what cannot be read say nothing */
    struct bytes names[2];
    uint64_t table_id = 0;

    if (!table_map_names(body, &table_id, &names[0], &names[1])) {
        forget_tables(reader); /* its id may be one of them */
        return;
    }
    if (!is_heartbeats && !map_names_match(&reader->apply_status, body)) {
        table_list_remove(&reader->tables, table_id); /* the id has become another's */
        return;
    }
    if (table_map_decode(&map, body, &ignored) != STATUS_OK) {
        table_list_remove(&reader->tables, table_id);
    } else if (table_list_add(&reader->tables, &map,
                              is_heartbeats ? TABLE_OF_HEARTBEATS : TABLE_OF_EPOCHS, "epoch")) {
        want_rows(reader, true);
    }
}

/* "ROLLBACK TO `savepoint`", too: where a table without transactions was written to, the rows
 * that it takes back stand in front of it, and which ones is not worth to be found out. */
void sighting_reader_query(struct sighting_reader *reader, struct bytes body)
{
    static const char rollback[] = "ROLLBACK";
    struct binlog_query query;
    struct error error;

    if (binlog_query_decode(&query, body, &error) != STATUS_OK ||
        query.statement.size < sizeof(rollback) - 1) {
        return;
    }
    query.statement.size = sizeof(rollback) - 1;
    if (bytes_equal_text(query.statement, rollback)) {
        reader->is_undone = true;
    }
}

void sighting_reader_event(struct sighting_reader *reader, uint8_t type)
{
    if (type == BINLOG_XA_PREPARE) { /* nobody knows yet whether it will be committed */
        reader->is_undone = true;
    }
}

void sighting_reader_distrust(struct sighting_reader *reader)
{
    forget_tables(reader);
    reader->is_undone = true;
}

/* ---- beginning and end ---- */

struct sighting_reader *sighting_reader_new(const struct sighting_rules *rules,
                                            const struct epoch_rules *epochs)
{
    struct sighting_reader *reader = mem_zeroed(sizeof(*reader));

    reader->rules = *rules;
    reader->is_ndb = epochs->kind == EPOCH_KIND_NDB;
    reader->server_id_mask = epoch_server_id_mask(epochs);
    map_names_set(&reader->heartbeats, rules->database, rules->table);
    map_names_set(&reader->apply_status, "mysql", "ndb_apply_status");
    rows_reader_init(&reader->rows, &reader->tables, on_row, reader);
    event_wishes_set(reader->wanted_types, WISH_OF_SIGHTINGS, true);
    return reader;
}

void sighting_reader_free(struct sighting_reader *reader)
{
    if (reader != NULL) {
        table_list_release(&reader->tables);
        free(reader);
    }
}

static void begin_transaction(struct sighting_reader *reader)
{
    forget_tables(reader);
    if (reader->count > 0) {
        want_end(reader, false);
    }
    reader->count = 0;
    reader->has_marker = false;
    reader->is_undone = false;
}

void sighting_reader_reset(struct sighting_reader *reader)
{
    begin_transaction(reader);
    reader->ended_count = 0;
}

void sighting_reader_end_transaction(struct sighting_reader *reader)
{
    reader->ended_count = reader->is_undone ? 0 : reader->count;
    begin_transaction(reader);
}
