/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "../session_directory.h"
#include "sql_show.h"

/* What mysqld calls a connection in that state. */
static const char *command_of(const struct session_entry *entry)
{
    if (entry->is_streaming) {
        return entry->facts.is_by_gtid ? "Binlog Dump GTID" : "Binlog Dump";
    }
    return strcmp(entry->facts.state, "ready") == 0 ? "Sleep" : "Connect";
}

static void add_session(struct sql_statement *statement, const struct session_entry *entry)
{
    uint64_t now_usec = clock_wall_usec(statement->session->clock);
    uint64_t seconds =
        now_usec > entry->state_since_usec ? (now_usec - entry->state_since_usec) / 1000000 : 0;
    bool is_own = entry->facts.id == statement->session->id;
    struct bytes row[8] = {{0}};

    row[0] = sql_number(&statement->memory, entry->facts.id).text;
    row[1] = bytes_of_text(entry->facts.user[0] == '\0' ? "unauthenticated user"
                                                        : entry->facts.user);
    row[2] = bytes_of_text(entry->facts.peer);
    if (entry->database[0] != '\0') {
        row[3] = bytes_of_text(entry->database);
    }
    row[4] = bytes_of_text(is_own ? "Query" : command_of(entry));
    row[5] = sql_number(&statement->memory, seconds).text;
    row[6] = bytes_of_text(entry->facts.state);
    if (is_own) {
        row[7] = bytes_of_text("SHOW PROCESSLIST");
    }
    result_add_row(statement->writer, row, 8);
}

enum status sql_show_sessions(struct sql_statement *statement,
                              unsigned flags,
                              struct error *error)
{
    static const struct result_column columns[] = {
        {.name = "Id", .type = RESULT_LONGLONG, .is_unsigned = true},
        {.name = "User", .type = RESULT_VAR_STRING},
        {.name = "Host", .type = RESULT_VAR_STRING},
        {.name = "db", .type = RESULT_VAR_STRING},
        {.name = "Command", .type = RESULT_VAR_STRING},
        {.name = "Time", .type = RESULT_LONG},
        {.name = "State", .type = RESULT_VAR_STRING},
        {.name = "Info", .type = RESULT_VAR_STRING},
    };
    struct session_entry *entries = NULL;
    size_t count = 0;

    (void)flags;
    if (sql_statement_end(statement, error) != STATUS_OK) {
        return error->status;
    }
    count = session_directory_list(statement->session->directory, &entries);
    result_begin(statement->writer, columns, 8);
    for (size_t at = 0; at < count; at++) {
        if (sql_session_sees(statement->session, &entries[at].facts)) {
            add_session(statement, &entries[at]);
        }
    }
    result_end(statement->writer);
    free(entries);
    return STATUS_OK;
}

static void add_replica(struct sql_statement *statement,
                        const struct session_entry *entry,
                        size_t count)
{
    const struct served_cluster *cluster = statement->session->cluster;
    struct bytes row[5];

    row[0] = sql_number(&statement->memory, entry->facts.server_id).text;
    row[1] = bytes_of_text(entry->replica_host);
    row[2] = sql_number(&statement->memory, entry->replica_port).text;
    row[3] = sql_number(&statement->memory, cluster->server_id).text;
    row[4] = bytes_of_text(entry->facts.replica_uuid);
    result_add_row(statement->writer, row, count);
}

/* MariaDB's replicas have no uuid. */
enum status sql_show_replicas(struct sql_statement *statement,
                              unsigned flags,
                              struct error *error)
{
    static const struct result_column columns[] = {
        {.name = "Server_Id", .type = RESULT_LONG, .is_unsigned = true},
        {.name = "Host", .type = RESULT_VAR_STRING},
        {.name = "Port", .type = RESULT_LONG, .is_unsigned = true},
        {.name = "Source_Id", .type = RESULT_LONG, .is_unsigned = true},
        {.name = "Replica_UUID", .type = RESULT_VAR_STRING},
    };
    static const struct result_column old_columns[] = {
        {.name = "Server_id", .type = RESULT_LONG, .is_unsigned = true},
        {.name = "Host", .type = RESULT_VAR_STRING},
        {.name = "Port", .type = RESULT_LONG, .is_unsigned = true},
        {.name = "Master_id", .type = RESULT_LONG, .is_unsigned = true},
        {.name = "Slave_UUID", .type = RESULT_VAR_STRING},
    };
    const struct sql_session *session = statement->session;
    struct session_entry *entries = NULL;
    size_t column_count = 0;
    size_t count = 0;

    if (sql_statement_end(statement, error) != STATUS_OK ||
        sql_session_need_cluster(session, error) != STATUS_OK) {
        return error->status;
    }
    column_count = sql_session_server(session).is_mariadb ? 4 : 5;
    count = session_directory_list(session->directory, &entries);
    result_begin(statement->writer, (flags & SHOW_OLD_NAMES) != 0 ? old_columns : columns,
                 column_count);
    for (size_t at = 0; at < count; at++) {
        if (entries[at].is_registered &&
            strcmp(entries[at].facts.cluster, session->cluster->name) == 0) {
            add_replica(statement, &entries[at], column_count);
        }
    }
    result_end(statement->writer);
    free(entries);
    return STATUS_OK;
}
