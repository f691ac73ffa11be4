/* SPDX-License-Identifier: Apache-2.0 */
/* A replica's wish becomes a dump, and the dump's ends become the session's. */
#include <inttypes.h>
#include <stdio.h>

#include "binrelay/base/log.h"
#include "binrelay/protocol/uuid.h"
#include "session.h"
#include "session_dump.h"
#include "sql/sql_errors.h"

/* While it streams a peer may send a little ahead: COM_QUIT, no more. */
enum { INPUT_MOST_BYTES = 2048, NSEC_PER_USEC = 1000, FIRST_SEQUENCE = 1 };

static const struct sql_value *variable(const struct session *session,
                                        const char *name,
                                        const char *old_name)
{
    return sql_assigned_find_either(&session->sql.assigned, name, old_name);
}

static uint64_t number_of(const struct sql_value *value)
{
    uint64_t number = 0;

    if (value != NULL && value->kind != SQL_NULL) {
        (void)sql_text_to_number(value->text, &number); /* 0 if it is none */
    }
    return number;
}

void session_dump_uuid(const struct session *session, char text[UUID_TEXT_BYTES])
{
    const struct sql_value *value = variable(session, "replica_uuid", "slave_uuid");
    uint8_t uuid[UUID_BYTES];
    struct error error;

    text[0] = '\0';
    if (value != NULL && value->kind == SQL_TEXT &&
        uuid_parse(uuid, value->text, &error) == STATUS_OK) {
        uuid_print(uuid, text);
    }
}

void session_dump_request(const struct session *session, struct dump_request *request)
{
    const struct sql_value *checksum =
        variable(session, "source_binlog_checksum", "master_binlog_checksum");
    const struct sql_value *capability = variable(session, "mariadb_slave_capability", "");
    const struct sql_value *state = variable(session, "slave_connect_state", "");
    const struct sql_value *until = variable(session, "slave_until_gtid", "");

    *request = (struct dump_request){
        .cluster = session->sql.cluster,
        .frames = session->house->frames[session->cluster],
        .clock = session->house->clock,
        .command = session->wish.command,
        .sequence = FIRST_SEQUENCE,
        .heartbeat_usec =
            number_of(variable(session, "source_heartbeat_period", "master_heartbeat_period")) /
            NSEC_PER_USEC,
        .knows_checksums = checksum != NULL,
        .is_mariadb = capability != NULL,
        .is_strict_gtid = number_of(variable(session, "slave_gtid_strict_mode", "")) != 0,
    };
    if (checksum != NULL && checksum->kind == SQL_TEXT &&
        bytes_equal_text(checksum->text, "CRC32")) {
        request->checksum = BINLOG_CHECKSUM_CRC32;
    }
    if (capability != NULL) {
        uint64_t number = number_of(capability);

        request->mariadb_capability = number > INT8_MAX ? INT8_MAX : (int)number;
        request->has_connect_state = state != NULL && state->kind == SQL_TEXT;
        request->has_until = until != NULL && until->kind == SQL_TEXT;
    }
    if (request->has_connect_state) {
        request->connect_state = state->text;
    }
    if (request->command.server_id == 0) {
        request->command.server_id = session->replica_server_id;
    }
}

/* ---- what others see of it ---- */

static void fill_stream(struct session_entry *entry, const void *context)
{
    const struct session *session = context;

    session_dump_uuid(session, entry->facts.replica_uuid);
    entry->facts.server_id = session->wish.command.server_id;
    entry->facts.is_by_gtid = session->wish.command.is_by_gtid ||
                              variable(session, "slave_connect_state", "") != NULL;
    entry->is_streaming = true;
}

static void fill_numbers(struct session_entry *entry, const void *context)
{
    const struct session_numbers *numbers = context;

    entry->facts.position = numbers->position;
    entry->facts.sent_bytes = numbers->sent_bytes;
    entry->facts.queued_bytes = numbers->queued_bytes;
}

static void show_numbers(struct session *session)
{
    struct session_numbers numbers = session->port->numbers(session);

    numbers.position = dump_position(session->dump);
    session_directory_update(session->house->directory, session->card, fill_numbers, &numbers);
}

/* ---- the stream ---- */

static void log_stream(const struct session *session, const char *what)
{
    const struct command_dump *command = &session->wish.command;

    log_info("session %" PRIu64 " (%s): replica %u of cluster %s %s", session->id,
             session->peer, command->server_id, session->sql.cluster->name, what);
}

static void on_end(void *context)
{
    struct session *session = context;

    log_stream(session, "has all there is");
    session_move_to(session, SESSION_READY);
    session->port->ask_for_turn(session);
}

void session_fail_stream(struct session *session, uint16_t code, const struct error *error)
{
    struct error shown = *error;

    shown.sql_code = code;
    log_warning("session %" PRIu64 " (%s): stream of cluster %s ended: %s", session->id,
                session->peer, session->sql.cluster->name, error->message);
    session_send_error(session, &shown);
    session_move_to(session, SESSION_CLOSING);
}

static void on_fail(void *context, uint16_t code, const struct error *error)
{
    struct session *session = context;

    session->sequence = dump_sequence(session->dump);
    session_fail_stream(session, code, error);
}

static const struct dump_handler handler = {.on_end = on_end, .on_fail = on_fail};

void session_list_stream(struct session *session)
{
    session_directory_start_stream(session->house->directory, session->card, fill_stream,
                                   session);
}

void session_start_stream(struct session *session, struct dump_request *request)
{
    struct error error;
    uint16_t code = 0;

    session_stream_prepare(session); /* before the place is looked for */
    request->hold = session->stream.hold;
    session->sequence = request->sequence;
    if (dump_start(&session->dump, request, &handler, session, &code, &error) != STATUS_OK) {
        session_fail_stream(session, code, &error);
        return;
    }
    session_stream_begin(session);
    session_lease_began(session);
    if (session->lease == NULL) { /* or it was listed when it came */
        session_list_stream(session);
    }
    log_stream(session, request->command.is_by_gtid || request->has_connect_state
                            ? "streams by GTID"
                            : "streams by file and position");
    buffer_release(&session->wish.texts);
    session_pump(session);
}

void session_hold_stream(struct session *session, struct dump_request *request)
{
    struct error error;
    uint16_t code = 0;

    session->sequence = request->sequence;
    if (dump_hold(&session->dump, request, &handler, session, &code, &error) != STATUS_OK) {
        session_fail_stream(session, code, &error);
        return;
    }
    log_stream(session, "waits for the lease of its group");
}

void session_begin_dump(struct session *session,
                        struct connection *connection,
                        struct loop *loop)
{
    struct dump_request request;

    if (session_lease_begin(session, connection, loop)) {
        return;
    }
    session_dump_request(session, &request);
    request.connection = connection;
    request.loop = loop;
    session_start_stream(session, &request);
}

void session_pump(struct session *session)
{
    if (session->dump == NULL) {
        return;
    }
    dump_pump(session->dump);
    if (session->dump != NULL) { /* it may have ended */
        show_numbers(session);
    }
}

void session_leave_stream(struct session *session)
{
    session_lease_end(session);
    dump_free(session->dump);
    session->dump = NULL;
    session_stream_end(session);
    session->port->end_stream(session);
}

/* The dump writes by itself. A peer that talks while it streams is none that we know. */
enum session_step session_stream(struct session *session)
{
    if (session->port->input(session).size >= INPUT_MOST_BYTES) {
        log_warning("session %" PRIu64 " (%s): talks while it streams", session->id,
                    session->peer);
        session_move_to(session, SESSION_CLOSING);
    }
    return STEP_WAIT;
}
