/* SPDX-License-Identifier: Apache-2.0 */
#include "sql_session.h"

#include <stdio.h>
#include <string.h>

#include "../settings.h"
#include "binrelay/serve/endpoint_sessions.h"
#include "binrelay/storage/binlog_files.h"
#include "sql_errors.h"
#include "sql_tables.h"

/* How much of a statement an error shows. */
enum { SHOWN_BYTES = 80 };

const char *const sql_databases[] = {"binrelay", "heartbeat", "information_schema", "mysql",
                                     "performance_schema"};
const size_t sql_database_count = sizeof(sql_databases) / sizeof(sql_databases[0]);

static void learn_from_last_file(struct binlog_store *store, struct sql_server *server)
{
    struct binlog_file_facts facts;
    struct error error;
    uint64_t last = binlog_store_durable_end(store).file;

    if (last == 0 || binlog_files_find(store, last, &facts, &error) != STATUS_OK) {
        return;
    }
    server->is_known = true;
    server->is_mariadb = facts.is_mariadb;
    server->has_gtids = facts.has_gtids;
    server->checksum = facts.checksum;
    (void)snprintf(server->version, sizeof(server->version), "%s", facts.server_version);
}

struct sql_server sql_session_server(const struct sql_session *session)
{
    struct sql_server server = {.checksum = BINLOG_CHECKSUM_CRC32};
    struct cluster_report report;

    if (session->cluster != NULL) {
        learn_from_last_file(session->cluster->store, &server);
        cluster_board_read(session->cluster->board, &report);
        if (report.facts.server_version[0] != '\0') {
            server.is_known = true;
            server.is_mariadb = report.facts.is_mariadb;
            memcpy(server.version, report.facts.server_version, sizeof(server.version));
            memcpy(server.gtid_mode, report.facts.gtid_mode, sizeof(server.gtid_mode));
        }
    }
    if (server.version[0] == '\0') {
        memcpy(server.version, session->version, sizeof(server.version));
    }
    if (server.gtid_mode[0] == '\0') {
        (void)snprintf(server.gtid_mode, sizeof(server.gtid_mode), "%s",
                       server.has_gtids ? "ON" : "OFF");
    }
    return server;
}

uint32_t sql_session_server_id(const struct sql_session *session)
{
    struct cluster_report report;

    if (session->cluster == NULL) {
        return 0;
    }
    if (session->cluster->presents_upstream) {
        cluster_board_read(session->cluster->board, &report);
        if (report.facts.server_id != 0) {
            return report.facts.server_id;
        }
    }
    return session->cluster->server_id;
}

uint64_t sql_session_now_usec(const struct sql_session *session)
{
    int64_t offset_usec =
        session->cluster == NULL ? 0 : cluster_board_clock_offset(session->cluster->board);

    return clock_wall_usec(session->clock) + (uint64_t)offset_usec;
}

bool sql_session_has_cluster(const struct sql_session *session,
                             const struct served_cluster *cluster)
{
    const struct account *account = session->account;
    size_t number = (size_t)(cluster - session->world->clusters);

    for (size_t at = 0; account != NULL && at < account->cluster_count; at++) {
        if (account->clusters[at] == number) {
            return true;
        }
    }
    return account == NULL;
}

/* One that has chosen no cluster is nobody's, and every administrator's. */
static bool has_cluster_named(const struct sql_session *session, const char *name)
{
    const struct sql_world *world = session->world;

    for (size_t at = 0; world != NULL && at < world->cluster_count; at++) {
        if (strcmp(world->clusters[at].name, name) == 0) {
            return sql_session_has_cluster(session, &world->clusters[at]);
        }
    }
    return true;
}

bool sql_session_sees(const struct sql_session *session, const struct session_facts *other)
{
    if (strcmp(other->user, session->user) == 0) {
        return true;
    }
    if ((session->rights & RIGHT_ADMIN) != 0) {
        return has_cluster_named(session, other->cluster);
    }
    return (session->rights & RIGHT_READ) != 0 && session->cluster != NULL &&
           strcmp(session->cluster->name, other->cluster) == 0;
}

enum status sql_session_need_cluster(const struct sql_session *session, struct error *error)
{
    if (session->cluster == NULL) {
        return sql_error_set(error, SQL_ERROR_NO_CLUSTER,
                             "No cluster selected: log in as '%s+CLUSTER'", session->user);
    }
    return STATUS_OK;
}

enum status sql_session_need_right(const struct sql_session *session,
                                   unsigned rights,
                                   const char *words,
                                   struct error *error)
{
    if ((session->rights & rights) == 0) {
        return sql_error_set(error, SQL_ERROR_RIGHT_MISSING,
                             "Access denied; you need (at least one of) the %s right(s) for "
                             "this operation",
                             words);
    }
    return STATUS_OK;
}

enum status sql_session_use(struct sql_session *session, struct bytes name, struct error *error)
{
    int shown = name.size > SHOWN_BYTES ? SHOWN_BYTES : (int)name.size;

    if (name.size < sizeof(session->database) && sql_database_is_known(session, name)) {
        for (size_t at = 0; at < name.size; at++) { /* the names are in small letters */
            uint8_t byte = name.data[at];

            session->database[at] = (char)(byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte);
        }
        session->database[name.size] = '\0';
        return STATUS_OK;
    }
    return sql_error_set(error, SQL_ERROR_UNKNOWN_DATABASE, "Unknown database '%.*s'", shown,
                         (const char *)name.data);
}

enum status sql_statement_bad(const struct sql_statement *statement, struct error *error)
{
    const struct sql_reader *reader = &statement->reader;
    size_t offset = sql_reader_offset(reader);
    size_t left = reader->statement.size - offset;
    int shown = left > SHOWN_BYTES ? SHOWN_BYTES : (int)left;

    return sql_error_set(error, SQL_ERROR_SYNTAX,
                         "You have an error in your SQL syntax, or this endpoint does not "
                         "know the statement, near '%.*s'",
                         shown, (const char *)reader->statement.data + offset);
}

enum status sql_statement_end(struct sql_statement *statement, struct error *error)
{
    return sql_reader_is_at_end(&statement->reader) ? STATUS_OK
                                                    : sql_statement_bad(statement, error);
}

void sql_statement_ok(struct sql_statement *statement)
{
    result_add_ok(statement->writer, 0, (struct bytes){0});
}
