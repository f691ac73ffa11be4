/* SPDX-License-Identifier: Apache-2.0 */
/* What each small table shows. Columns are called as the admin commands call them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../session_directory.h"
#include "binrelay/base/memory.h"
#include "binrelay/registry/catch_up.h"
#include "binrelay/storage/binlog_files.h"
#include "binrelay/storage/epoch_index.h"
#include "sql_tables.h"

#define COLUMNS(list) list, sizeof(list) / sizeof((list)[0])

void sql_rows_add_position(struct sql_rows *rows,
                           const struct served_cluster *cluster,
                           struct binlog_position position)
{
    char name[BINLOG_NAME_BYTES];

    if (position.file == 0) {
        sql_rows_add_text(rows, "");
        return;
    }
    binlog_name_print(name, binlog_store_log_name(cluster->store), position.file);
    sql_rows_add(rows, sql_text_of(sql_memory_format(&rows->memory, "%s:%" PRIu64, name,
                                                     position.offset)));
}

static void fill_apply_status(struct sql_rows *rows)
{
    struct apply_status_row *found = NULL;
    uint64_t read_usec = 0;
    size_t count =
        cluster_board_apply_status(rows->session->cluster->board, &found, &read_usec);

    for (size_t at = 0; at < count; at++) {
        sql_rows_add_number(rows, found[at].server_id);
        sql_rows_add_number(rows, found[at].epoch);
        sql_rows_add_text(rows, found[at].log_name);
        sql_rows_add_number(rows, found[at].start_pos);
        sql_rows_add_number(rows, found[at].end_pos);
    }
    free(found);
}

void sql_rows_add_if(struct sql_rows *rows, bool is_there, uint64_t number)
{
    if (is_there) {
        sql_rows_add_number(rows, number);
    } else {
        sql_rows_add(rows, sql_null());
    }
}

static void fill_heartbeats(struct sql_rows *rows)
{
    struct heartbeat_row *found = NULL;
    size_t count = heartbeat_table_list(rows->session->world->heartbeats, &found);

    for (size_t at = 0; at < count; at++) {
        sql_rows_add_number(rows, found[at].server_id);
        sql_rows_add_number(rows, found[at].counter);
        sql_rows_add_if(rows, found[at].has_applied_epoch, found[at].applied_epoch);
        sql_rows_add_if(rows, found[at].has_source_cluster, found[at].source_cluster);
        sql_rows_add_time(rows, found[at].updated_usec);
    }
    free(found);
}

static void fill_clusters(struct sql_rows *rows)
{
    const struct served_cluster *cluster = NULL;
    size_t next = 0;

    while ((cluster = sql_rows_next_cluster(rows, &next)) != NULL) {
        struct cluster_report report;
        struct binlog_file_facts *files = NULL;
        size_t count = binlog_files_list(cluster->store, &files);
        uint64_t durable_epoch = catch_up_newest_epoch(cluster->store);
        uint64_t bytes = 0;

        for (size_t at = 0; at < count; at++) {
            bytes += files[at].bytes;
        }
        free(files);
        cluster_board_read(cluster->board, &report);
        sql_rows_add_text(rows, cluster->name);
        sql_rows_add_number(rows, cluster->server_id);
        sql_rows_add_text(rows, pull_state_name(report.state));
        sql_rows_add_text(rows, report.reason);
        sql_rows_add_time(rows, report.state_since_usec);
        sql_rows_add_text(rows, report.source);
        sql_rows_add_position(rows, cluster, report.received);
        sql_rows_add_position(rows, cluster, binlog_store_durable_end(cluster->store));
        sql_rows_add_if(rows, report.received_epoch != 0, report.received_epoch);
        sql_rows_add_if(rows, durable_epoch != 0, durable_epoch);
        sql_rows_add_time(rows, report.last_event_usec);
        sql_rows_add_number(rows, count);
        sql_rows_add_number(rows, bytes);
    }
}

static void fill_sources(struct sql_rows *rows)
{
    const struct served_cluster *cluster = NULL;
    size_t next = 0;

    while ((cluster = sql_rows_next_cluster(rows, &next)) != NULL) {
        struct cluster_report report;

        cluster_board_read(cluster->board, &report);
        sql_rows_add_text(rows, cluster->name);
        sql_rows_add_text(rows, report.source);
        sql_rows_add_text(rows, pull_state_name(report.state));
        sql_rows_add_text(rows, report.facts.server_version);
        sql_rows_add_text(rows, report.facts.server_uuid);
        sql_rows_add_number(rows, report.facts.server_id);
        sql_rows_add_number(rows, report.received_bytes);
        sql_rows_add_number(rows, report.received_events);
        sql_rows_add_number(rows, report.connects);
        sql_rows_add_number(rows, report.connect_failures);
    }
}

static void add_sent(struct sql_rows *rows, const struct session_facts *facts)
{
    const struct sql_world *world = rows->session->world;

    for (size_t at = 0; world != NULL && at < world->cluster_count; at++) {
        if (strcmp(world->clusters[at].name, facts->cluster) == 0) {
            sql_rows_add_position(rows, &world->clusters[at], facts->position);
            return;
        }
    }
    sql_rows_add_text(rows, "");
}

static void fill_sessions(struct sql_rows *rows)
{
    struct session_entry *entries = NULL;
    size_t count = session_directory_list(rows->session->directory, &entries);

    for (size_t at = 0; at < count; at++) {
        const struct session_facts *facts = &entries[at].facts;

        if (!sql_session_sees(rows->session, facts)) {
            continue;
        }
        sql_rows_add_number(rows, facts->id);
        sql_rows_add_text(rows, facts->user);
        sql_rows_add_text(rows, facts->peer);
        sql_rows_add_text(rows, facts->cluster);
        sql_rows_add_text(rows, facts->state);
        sql_rows_add_number(rows, facts->server_id);
        sql_rows_add_text(rows, facts->replica_uuid);
        add_sent(rows, facts);
        sql_rows_add_number(rows, facts->position.file);
        sql_rows_add_number(rows, facts->position.offset);
        sql_rows_add_number(rows, facts->sent_bytes);
        sql_rows_add_number(rows, facts->queued_bytes);
        sql_rows_add_time(rows, facts->started_usec);
        sql_rows_add_number(rows, facts->is_secure ? 1 : 0);
        sql_rows_add_number(rows, facts->is_by_gtid ? 1 : 0);
    }
    free(entries);
}

static void add_file(struct sql_rows *rows,
                     const struct served_cluster *cluster,
                     const struct binlog_file_facts *file)
{
    char name[BINLOG_NAME_BYTES];
    struct epoch_summary epochs;
    struct error ignored; /* a file without epochs is fine */
    bool has_epochs =
        epoch_index_file_summary(cluster->store, file->file, &epochs, &ignored) == STATUS_OK;

    binlog_name_print(name, binlog_store_log_name(cluster->store), file->file);
    sql_rows_add_text(rows, cluster->name);
    sql_rows_add_text(rows, name);
    sql_rows_add_number(rows, file->bytes);
    sql_rows_add_if(rows, has_epochs, has_epochs ? epochs.first.key.epoch : 0);
    sql_rows_add_if(rows, has_epochs, has_epochs ? epochs.last.key.epoch : 0);
    sql_rows_add_number(rows, has_epochs ? epochs.count : 0);
    sql_rows_add_time(rows, (uint64_t)file->first_created_sec * 1000000);
    sql_rows_add_time(rows, (uint64_t)file->last_created_sec * 1000000);
    sql_rows_add_text(rows, file->server_version);
    sql_rows_add_text(rows, file->checksum == BINLOG_CHECKSUM_CRC32 ? "CRC32" : "NONE");
}

static void fill_files(struct sql_rows *rows)
{
    const struct served_cluster *cluster = NULL;
    size_t next = 0;

    while ((cluster = sql_rows_next_cluster(rows, &next)) != NULL) {
        struct binlog_file_facts *files = NULL;
        size_t count = binlog_files_list(cluster->store, &files);

        for (size_t at = 0; at < count; at++) {
            add_file(rows, cluster, &files[at]);
        }
        free(files);
    }
}

static void fill_gaps(struct sql_rows *rows)
{
    const struct served_cluster *cluster = NULL;
    size_t next = 0;

    while ((cluster = sql_rows_next_cluster(rows, &next)) != NULL) {
        struct epoch_gap *gaps = NULL;
        size_t count = epoch_index_gaps(cluster->store, &gaps);

        for (size_t at = 0; at < count; at++) {
            sql_rows_add_text(rows, cluster->name);
            sql_rows_add_number(rows, gaps[at].before.epoch);
            sql_rows_add_if(rows, gaps[at].after.epoch != 0, gaps[at].after.epoch);
            sql_rows_add_position(rows, cluster, gaps[at].incident);
            sql_rows_add_position(rows, cluster, gaps[at].end);
        }
        free(gaps);
    }
}

/* mysql.ndb_binlog_index of NDB Cluster 9. */
static const struct sql_table_column index_columns[] = {
    {"Position", "BIGINT UNSIGNED"},      {"File", "VARCHAR(255)"},
    {"epoch", "BIGINT UNSIGNED"},         {"inserts", "INT UNSIGNED"},
    {"updates", "INT UNSIGNED"},          {"deletes", "INT UNSIGNED"},
    {"schemaops", "INT UNSIGNED"},        {"orig_server_id", "INT UNSIGNED"},
    {"orig_epoch", "BIGINT UNSIGNED"},    {"gci", "INT UNSIGNED"},
    {"next_position", "BIGINT UNSIGNED"}, {"next_file", "VARCHAR(255)"},
};

static const struct sql_table_column apply_status_columns[] = {
    {"server_id", "INT UNSIGNED"},  {"epoch", "BIGINT UNSIGNED"},
    {"log_name", "VARCHAR(255)"},   {"start_pos", "BIGINT UNSIGNED"},
    {"end_pos", "BIGINT UNSIGNED"},
};

static const struct sql_table_column heartbeat_columns[] = {
    {"server_id", "INT UNSIGNED"},        {"counter", "BIGINT UNSIGNED"},
    {"applied_epoch", "BIGINT UNSIGNED"}, {"source_cluster", "INT UNSIGNED"},
    {"updated_at", "TIMESTAMP"},
};

static const struct sql_table_column cluster_columns[] = {
    {"cluster", "VARCHAR(64)"},
    {"server_id", "INT UNSIGNED"},
    {"state", "VARCHAR(32)"},
    {"reason", "VARCHAR(512)"},
    {"since", "DATETIME"},
    {"source", "VARCHAR(300)"},
    {"received", "VARCHAR(300)"},
    {"durable", "VARCHAR(300)"},
    {"epoch_received", "BIGINT UNSIGNED"},
    {"epoch_durable", "BIGINT UNSIGNED"},
    {"last_event", "DATETIME"},
    {"files", "BIGINT UNSIGNED"},
    {"store_bytes", "BIGINT UNSIGNED"},
};

static const struct sql_table_column source_columns[] = {
    {"cluster", "VARCHAR(64)"},
    {"source", "VARCHAR(300)"},
    {"state", "VARCHAR(32)"},
    {"source_version", "VARCHAR(64)"},
    {"source_uuid", "VARCHAR(36)"},
    {"source_server_id", "INT UNSIGNED"},
    {"received_bytes", "BIGINT UNSIGNED"},
    {"received_events", "BIGINT UNSIGNED"},
    {"connects", "BIGINT UNSIGNED"},
    {"connect_failures", "BIGINT UNSIGNED"},
};

static const struct sql_table_column applier_columns[] = {
    {"cluster", "VARCHAR(64)"},
    {"server_id", "INT UNSIGNED"},
    {"applier_group", "VARCHAR(64)"},
    {"state", "VARCHAR(32)"},
    {"required", "INT UNSIGNED"},
    {"origin", "VARCHAR(32)"},
    {"applied_epoch", "BIGINT UNSIGNED"},
    {"applied_gtids", "VARCHAR(16383)"},
    {"lag_seconds", "BIGINT UNSIGNED"},
    {"reported_at", "DATETIME"},
    {"report_way", "VARCHAR(32)"},
    {"holds", "VARCHAR(300)"},
    {"holds_why", "VARCHAR(160)"},
    {"lost", "INT UNSIGNED"},
    {"streams", "INT UNSIGNED"},
    {"sent", "VARCHAR(300)"},
    {"sent_epoch", "BIGINT UNSIGNED"},
    {"seen_at", "DATETIME"},
    {"expire_after_seconds", "BIGINT UNSIGNED"},
};

static const struct sql_table_column session_columns[] = {
    {"id", "BIGINT UNSIGNED"},
    {"user", "VARCHAR(80)"},
    {"peer", "VARCHAR(64)"},
    {"cluster", "VARCHAR(64)"},
    {"state", "VARCHAR(32)"},
    {"server_id", "INT UNSIGNED"},
    {"replica_uuid", "VARCHAR(36)"},
    {"position", "VARCHAR(300)"},
    {"file", "BIGINT UNSIGNED"},
    {"offset", "BIGINT UNSIGNED"},
    {"sent_bytes", "BIGINT UNSIGNED"},
    {"queued_bytes", "BIGINT UNSIGNED"},
    {"since", "DATETIME"},
    {"tls", "INT UNSIGNED"},
    {"gtid", "INT UNSIGNED"},
};

static const struct sql_table_column file_columns[] = {
    {"cluster", "VARCHAR(64)"},        {"name", "VARCHAR(255)"},
    {"bytes", "BIGINT UNSIGNED"},      {"first_epoch", "BIGINT UNSIGNED"},
    {"last_epoch", "BIGINT UNSIGNED"}, {"epochs", "BIGINT UNSIGNED"},
    {"first_event", "DATETIME"},       {"last_event", "DATETIME"},
    {"written_by", "VARCHAR(64)"},     {"checksum", "VARCHAR(8)"},
};

static const struct sql_table_column gap_columns[] = {
    {"cluster", "VARCHAR(64)"},
    {"before_epoch", "BIGINT UNSIGNED"},
    {"after_epoch", "BIGINT UNSIGNED"},
    {"incident", "VARCHAR(300)"},
    {"end", "VARCHAR(300)"},
};

static const struct sql_table_column pin_columns[] = {
    {"name", "VARCHAR(64)"},     {"cluster", "VARCHAR(64)"}, {"epoch", "BIGINT UNSIGNED"},
    {"gcp", "INT UNSIGNED"},     {"state", "VARCHAR(32)"},   {"holds", "VARCHAR(300)"},
    {"expired", "INT UNSIGNED"}, {"created_at", "DATETIME"}, {"expires_at", "DATETIME"},
};

static const struct sql_table_column event_columns[] = {
    {"id", "BIGINT UNSIGNED"}, {"at", "DATETIME"},        {"cluster", "VARCHAR(64)"},
    {"event", "VARCHAR(64)"},  {"text", "VARCHAR(1024)"},
};

enum {
    READERS = RIGHT_READ | RIGHT_ADMIN,
    FOLLOWERS = READERS | RIGHT_REPLICATE | RIGHT_REPORT, /* a position is no secret to them */
};

const struct sql_table sql_tables[] = {
    /* clang-format off */
    {"mysql",     "ndb_binlog_index", "mysql.ndb_binlog_index", COLUMNS(index_columns),        FOLLOWERS, true,  NULL},
    {"mysql",     "ndb_apply_status", "mysql.ndb_apply_status", COLUMNS(apply_status_columns), FOLLOWERS, true,  fill_apply_status},
    {"heartbeat", "heartbeat",        "heartbeat",              COLUMNS(heartbeat_columns),    FOLLOWERS, false, fill_heartbeats},
    {"binrelay",  "appliers",         "binrelay.appliers",      COLUMNS(applier_columns),      READERS,   false, sql_fill_appliers},
    {"binrelay",  "clusters",         "binrelay.clusters",      COLUMNS(cluster_columns),      READERS,   false, fill_clusters},
    {"binrelay",  "events",           "binrelay.events",        COLUMNS(event_columns),        READERS,   false, sql_fill_events},
    {"binrelay",  "files",            "binrelay.files",         COLUMNS(file_columns),         READERS,   false, fill_files},
    {"binrelay",  "gaps",             "binrelay.gaps",          COLUMNS(gap_columns),          READERS,   false, fill_gaps},
    {"binrelay",  "pins",             "binrelay.pins",          COLUMNS(pin_columns),          READERS,   false, sql_fill_pins},
    {"binrelay",  "sessions",         "binrelay.sessions",      COLUMNS(session_columns),      READERS,   false, fill_sessions},
    {"binrelay",  "sources",          "binrelay.sources",       COLUMNS(source_columns),       READERS,   false, fill_sources},
    /* clang-format on */
};
const size_t sql_table_count = sizeof(sql_tables) / sizeof(sql_tables[0]);
