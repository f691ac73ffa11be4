/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "binrelay/protocol/binlog_control.h"
#include "binrelay/protocol/gtid_set.h"
#include "epoch_reader_internal.h"
#include "event_wishes.h"
#include "schema_statement.h"

/* What is wanted has changed. */
void epoch_reader_sum_wishes(struct epoch_reader *reader)
{
    for (size_t at = 0; at < sizeof(reader->epoch_types) / sizeof(reader->epoch_types[0]);
         at++) {
        reader->head.wanted_types[at] =
            reader->epoch_types[at] |
            (reader->sightings == NULL ? 0 : reader->sightings->wanted_types[at]);
    }
}

void epoch_reader_want(struct epoch_reader *reader, uint8_t who, bool is_wanted)
{
    event_wishes_set(reader->epoch_types, who, is_wanted);
    epoch_reader_sum_wishes(reader);
}

/* Where only the marker's rows are read, they are wanted as long as its table is mapped. */
void epoch_reader_forget_tables(struct epoch_reader *reader)
{
    if (reader->tables.count == 0) {
        return;
    }
    table_list_clear(&reader->tables);
    if (reader->rules.kind == EPOCH_KIND_HEARTBEAT) {
        epoch_reader_want(reader, WISH_OF_OUR_ROWS, false);
    }
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
        epoch_reader_forget_tables(
            reader); /* its id may be one of them: their rows cannot be trusted */
        return;
    }
    /* Of a table for which there is no room the rows are not counted. */
    if (table_list_add(&reader->tables, &map, role, reader->epoch_name) &&
        reader->rules.kind == EPOCH_KIND_HEARTBEAT) {
        epoch_reader_want(reader, WISH_OF_OUR_ROWS, true);
    }
}

static void read_table_map(struct epoch_reader *reader, struct bytes body)
{
    uint64_t table_id = 0;
    struct bytes database;
    struct bytes table;

    if (!table_map_names(body, &table_id, &database, &table)) {
        epoch_reader_forget_tables(reader);
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

static void read_epoch_start(struct epoch_reader *reader, uint8_t type, struct bytes body)
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

void epoch_reader_see_map(struct epoch_reader *reader, struct bytes body)
{
    if (sighting_reader_wants_map(reader->sightings, body)) {
        sighting_reader_map(reader->sightings, body);
        epoch_reader_sum_wishes(reader);
    }
}

static void read_start(struct epoch_reader *reader,
                       const struct current_event *event,
                       struct bytes body)
{
    uint8_t type = event->header.type;

    if (event->is_of_epochs) {
        read_epoch_start(reader, type, body);
    }
    if (event->is_sighted && type == BINLOG_TABLE_MAP) {
        epoch_reader_see_map(reader, body);
    } else if (event->is_sighted && type == BINLOG_QUERY) {
        sighting_reader_query(reader->sightings, body);
    }
}

/* Reads the beginning at once if it is there, or when it has been collected. */
void epoch_reader_collect(struct epoch_reader *reader,
                          const struct current_event *event,
                          struct bytes part)
{
    size_t here = COLLECT_MOST_BYTES - reader->collected_size;

    if (event->body_left == 0 && reader->collected_size == 0) {
        read_start(reader, event, part);
        return;
    }
    here = here < part.size ? here : part.size;
    memcpy(reader->collected + reader->collected_size, part.data, here);
    reader->collected_size += here;
    if (event->body_left == 0) {
        read_start(reader, event,
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

static void end_epoch_rows(struct epoch_reader *reader)
{
    struct rows_summary summary = rows_reader_end(&reader->rows);

    if (reader->rules.kind == EPOCH_KIND_NDB && !summary.is_of_epochs) {
        count_rows(reader, &summary);
        reader->found.is_count_partial = reader->found.is_count_partial || !summary.is_whole;
    }
    if (summary.ends_statement) {
        epoch_reader_forget_tables(reader);
    }
}

void epoch_reader_begin_rows(struct epoch_reader *reader, const struct current_event *event)
{
    reader->rows_server_id = event->header.server_id;
    if (event->is_of_epochs) {
        rows_reader_begin(&reader->rows, event->header.type);
    }
    if (event->is_sighted) {
        sighting_reader_begin_rows(reader->sightings, event->header);
    }
}

void epoch_reader_add_rows(struct epoch_reader *reader,
                           const struct current_event *event,
                           struct bytes part)
{
    if (event->is_of_epochs) {
        rows_reader_add(&reader->rows, part);
    }
    if (event->is_sighted) {
        rows_reader_add(&reader->sightings->rows, part);
    }
}

void epoch_reader_end_rows(struct epoch_reader *reader, const struct current_event *event)
{
    if (event->is_of_epochs) {
        end_epoch_rows(reader);
    }
    if (event->is_sighted) {
        sighting_reader_end_rows(reader->sightings);
        epoch_reader_sum_wishes(reader);
    }
}
