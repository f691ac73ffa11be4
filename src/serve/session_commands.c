/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of a session that is logged in (manual: "Command Phase"). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "binrelay/base/log.h"
#include "session.h"
#include "sql/sql_answer.h"
#include "sql/sql_errors.h"

enum {
    STATEMENT_MOST_BYTES = 1024 * 1024,
    /* A replica's GTID set may be long; it comes in one packet, or not at all. */
    DUMP_MOST_BYTES = PACKET_MOST_BYTES - 1,
    IDLE_SEC = 28800, /* wait_timeout */
};

/* Obeys a command whose code is taken off. The input is consumed by the caller. */
typedef void (*command_fn)(struct session *session, struct bytes body);

static void quit(struct session *session, struct bytes body)
{
    (void)body;
    session_move_to(session, SESSION_CLOSING);
}

static void ping(struct session *session, struct bytes body)
{
    (void)body;
    session_send_ok(session, (struct bytes){0});
}

static void init_database(struct session *session, struct bytes body)
{
    struct error error;

    if (sql_session_use(&session->sql, body, &error) != STATUS_OK) {
        session_send_error(session, &error);
    } else {
        session_send_ok(session, (struct bytes){0});
    }
}

static void statistics(struct session *session, struct bytes body)
{
    const struct session_house *house = session->house;
    struct result_writer writer = session_writer(session);
    uint64_t up_usec = clock_wall_usec(house->clock) - house->started_usec;
    size_t begun = packet_begin(writer.output);

    (void)body;
    buffer_add_format(writer.output, "Uptime: %" PRIu64 "  Threads: %zu", up_usec / 1000000,
                      session_directory_count(house->directory));
    packet_end(writer.output, begun, &writer.sequence);
    session_send(session, &writer);
}

static void reset(struct session *session, struct bytes body)
{
    (void)body;
    sql_assigned_release(&session->sql.assigned);
    session->sql.database[0] = '\0';
    session_send_ok(session, (struct bytes){0});
}

static void query(struct session *session, struct bytes body)
{
    struct result_writer writer;

    if (sql_answer_is_slow(&session->sql, body)) {
        session_move_to(session, SESSION_ANSWERING);
        session->port->start_answer(session, body);
        return;
    }
    writer = session_writer(session);
    sql_answer(&session->sql, NULL, body, &writer);
    session_send(session, &writer);
}

void session_answered(struct session *session, struct bytes packets)
{
    if (session->state != SESSION_ANSWERING) {
        return; /* it is leaving */
    }
    session->port->send(session, packets);
    session_move_to(session, SESSION_READY);
    session_run(session);
}

static bool may_replicate(struct session *session)
{
    struct error error;

    if (sql_session_need_right(&session->sql, RIGHT_REPLICATE, "replicate", &error) ==
        STATUS_OK) {
        return true;
    }
    session_send_error(session, &error);
    return false;
}

static void fill_replica(struct session_entry *entry, const void *context)
{
    const struct command_register *command = context;
    int size = command->host.size < sizeof(entry->replica_host)
                   ? (int)command->host.size
                   : (int)sizeof(entry->replica_host) - 1;

    (void)snprintf(entry->replica_host, sizeof(entry->replica_host), "%.*s", size,
                   size == 0 ? "" : (const char *)command->host.data);
    entry->replica_port = command->port;
    entry->facts.server_id = command->server_id;
}

static void fill_registered(struct session_entry *entry, const void *context)
{
    (void)context;
    entry->is_registered = true;
}

void session_registered(struct session *session)
{
    session_directory_update(session->house->directory, session->card, fill_registered, NULL);
}

static void register_replica(struct session *session, struct bytes body)
{
    const struct served_cluster *cluster = session->sql.cluster;
    struct command_register command;
    struct error error;

    if (!may_replicate(session)) {
        return;
    }
    if (command_register_decode(&command, body, &error) != STATUS_OK) {
        session_send_error(session, &error);
        return;
    }
    session->replica_server_id = command.server_id;
    session_directory_update(session->house->directory, session->card, fill_replica, &command);
    if (command.server_id != 0 && cluster != NULL && cluster->appliers != NULL) {
        session_move_to(session, SESSION_ANSWERING);
        session->port->start_registration(session);
        return;
    }
    session_registered(session);
    session_send_ok(session, (struct bytes){0});
}

/* The file name and the set stay with the session: the dump begins on another thread. */
static void keep_wish(struct session *session, const struct command_dump *command)
{
    struct session_wish *wish = &session->wish;

    buffer_clear(&wish->texts);
    buffer_add_bytes(&wish->texts, command->file_name);
    buffer_add_bytes(&wish->texts, command->gtid_set);
    (void)buffer_room(&wish->texts, 1); /* so that even empty ones have a place */
    wish->command = *command;
    wish->command.file_name.data = wish->texts.data;
    wish->command.gtid_set.data = wish->texts.data + command->file_name.size;
}

/* As on a server, a dump that is refused ends the connection. */
static void dump(struct session *session, enum command_code code, struct bytes body)
{
    struct command_dump command;
    struct error error;

    if (!may_replicate(session)) {
        return;
    }
    if (session->sql.cluster == NULL) {
        session_refuse(session, SQL_ERROR_DUMP,
                       "The account '%s' has several clusters: log in as '%s+CLUSTER' to say "
                       "which one to replicate",
                       session->sql.user, session->sql.user);
        return;
    }
    if (command_dump_decode(&command, code, body, &error) != STATUS_OK) {
        session_refuse(session, SQL_ERROR_DUMP, "%s", error.message);
        return;
    }
    keep_wish(session, &command);
    session_move_to(session, SESSION_STREAMING);
}

static void dump_by_file(struct session *session, struct bytes body)
{
    dump(session, COMMAND_BINLOG_DUMP, body);
}

static void dump_by_gtid(struct session *session, struct bytes body)
{
    dump(session, COMMAND_BINLOG_DUMP_GTID, body);
}

static const struct {
    uint8_t code;
    command_fn obey;
} commands[] = {
    {COMMAND_QUIT, quit},
    {COMMAND_INIT_DB, init_database},
    {COMMAND_QUERY, query},
    {COMMAND_STATISTICS, statistics},
    {COMMAND_PING, ping},
    {COMMAND_BINLOG_DUMP, dump_by_file},
    {COMMAND_REGISTER_REPLICA, register_replica},
    {COMMAND_BINLOG_DUMP_GTID, dump_by_gtid},
    {COMMAND_RESET_CONNECTION, reset},
};

static void obey(struct session *session, struct bytes payload)
{
    uint8_t code = payload.size == 0 ? 0 : payload.data[0];
    struct error error;

    for (size_t at = 0; at < sizeof(commands) / sizeof(commands[0]); at++) {
        if (payload.size > 0 && commands[at].code == code) {
            commands[at].obey(
                session, (struct bytes){.data = payload.data + 1, .size = payload.size - 1});
            return;
        }
    }
    (void)sql_error_set(&error, SQL_ERROR_UNKNOWN_COMMAND, "Unknown command 0x%02x", code);
    session_send_error(session, &error);
}

/* What the command that arrives may be as long as. */
static size_t limit_of(const struct session *session, struct bytes input)
{
    bool is_dump = input.size > PACKET_HEADER_BYTES &&
                   input.data[PACKET_HEADER_BYTES] == COMMAND_BINLOG_DUMP_GTID;

    return is_dump && (session->sql.rights & RIGHT_REPLICATE) != 0 ? DUMP_MOST_BYTES
                                                                   : STATEMENT_MOST_BYTES;
}

enum session_step session_obey(struct session *session)
{
    struct bytes input = session->port->input(session);
    struct packet packet;

    if (session->port->is_full(session) || input.size <= PACKET_HEADER_BYTES) {
        return STEP_WAIT; /* an empty packet is no command; with the code we know its limit */
    }
    session->sequence = 0;
    if (session_next_packet(session, limit_of(session, input), &packet) != STATUS_OK) {
        return STEP_WAIT;
    }
    session->port->set_deadline(session, IDLE_SEC * UINT64_C(1000000));
    obey(session, packet.payload);
    session->port->consume(session, packet.taken);
    if (session->state == SESSION_STREAMING) {
        session->port->start_dump(session); /* it may be on another thread from here on */
        return STEP_WAIT;
    }
    return STEP_AGAIN;
}
