/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"
#include "session_agent.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql/sql_errors.h"

enum { SERVER_STATUS_AUTOCOMMIT = 2 };

static void fill_state(struct session_entry *entry, const void *context)
{
    const struct session *session = context;

    entry->facts.state = session_state_name(session->state);
    entry->state_since_usec = clock_wall_usec(session->house->clock);
    if (session->state != SESSION_STREAMING) {
        entry->is_streaming = false; /* true once the dump has begun */
    }
    (void)snprintf(entry->database, sizeof(entry->database), "%s", session->sql.database);
}

void session_show_state(struct session *session)
{
    session_directory_update(session->house->directory, session->card, fill_state, session);
}

void session_init(struct session *session, struct loop *loop, const char *peer)
{
    struct session_facts facts = {.state = session_state_name(SESSION_GREETING)};

    facts.started_usec = clock_wall_usec(session->house->clock);
    (void)snprintf(session->peer, sizeof(session->peer), "%s", peer);
    (void)snprintf(facts.peer, sizeof(facts.peer), "%s", peer);
    session->card = session_directory_add(session->house->directory, session, loop, &facts);
    session->id = session_card_id(session->card);
    session->sql.clock = session->house->clock;
    session->sql.directory = session->house->directory;
    session->sql.world = session->house->world;
    session->sql.id = session->id;
    session->sql.port = session->door->port;
    session->sql.started_usec = session->house->started_usec;
    session_start(session);
}

void session_release(struct session *session)
{
    session_agent_forget(session);
    session_directory_remove(session->house->directory, session->card);
    session_lease_end(session);
    dump_free(session->dump);
    session_stream_end(session);
    settings_unref(session->settings);
    buffer_release(&session->login);
    buffer_release(&session->proof);
    buffer_release(&session->output);
    buffer_release(&session->wish.texts);
    sql_assigned_release(&session->sql.assigned);
}

struct result_writer session_writer(struct session *session)
{
    buffer_clear(&session->output);
    return (struct result_writer){
        .output = &session->output,
        .sequence = session->sequence,
        .capabilities = session->capabilities,
        .server_status = SERVER_STATUS_AUTOCOMMIT,
    };
}

void session_send(struct session *session, const struct result_writer *writer)
{
    enum { KEPT_BYTES = 64 * 1024 }; /* a large answer's memory is not kept */

    session->sequence = writer->sequence;
    session->port->send(session, buffer_bytes(&session->output));
    if (session->output.capacity > KEPT_BYTES) {
        buffer_release(&session->output);
    }
}

void session_send_ok(struct session *session, struct bytes info)
{
    struct result_writer writer = session_writer(session);

    result_add_ok(&writer, 0, info);
    session_send(session, &writer);
}

void session_send_error(struct session *session, const struct error *error)
{
    struct result_writer writer = session_writer(session);

    sql_error_add(&writer, error);
    session_send(session, &writer);
}

void session_refuse(struct session *session, int code, const char *format, ...)
{
    struct error error;
    char message[sizeof(error.message)];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    (void)sql_error_set(&error, code, "%s", message);
    session_send_error(session, &error);
    session_move_to(session, SESSION_CLOSING);
}

enum status session_next_packet(struct session *session, size_t limit, struct packet *found)
{
    struct bytes input = session->port->input(session);
    struct error error;
    enum status status = packet_find(found, input, limit, &error);

    if (status == STATUS_AGAIN) {
        if (input.size >= PACKET_HEADER_BYTES) {
            size_t size = bytes_u32_at(input.data) & PACKET_MOST_BYTES;

            session->port->make_room(session, PACKET_HEADER_BYTES + size);
        }
        return STATUS_AGAIN;
    }
    if (status != STATUS_OK) {
        session->sequence++;
        session_refuse(session, SQL_ERROR_PACKET_TOO_LARGE,
                       "Got a packet bigger than 'max_allowed_packet' bytes: %s",
                       error.message);
        return status;
    }
    if (found->sequence != session->sequence) {
        session->sequence = (uint8_t)(found->sequence + 1);
        session_refuse(session, SQL_ERROR_PACKET_ORDER, "Got packets out of order");
        return STATUS_INVALID;
    }
    session->sequence++;
    return STATUS_OK;
}

enum session_step session_rest(struct session *session)
{
    (void)session;
    return STEP_WAIT;
}

void session_end(struct session *session, enum session_end why)
{
    if (!session_can_move(session->state, SESSION_CLOSING)) {
        return; /* it is leaving already */
    }
    session_agent_interrupt(session);
    if (why == SESSION_END_QUERY && session->state != SESSION_STREAMING) {
        return; /* other statements are short */
    }
    if (why == SESSION_END_LOST && session->dump != NULL) {
        session->sequence = dump_sequence(session->dump);
        session_refuse(session, SQL_ERROR_SHUTDOWN,
                       "Binlogs that this replica still needs are being purged by force");
    } else if (why == SESSION_END_REPLACED && session->dump != NULL) {
        session->sequence = dump_sequence(session->dump);
        session_refuse(session, SQL_ERROR_DUMP,
                       "A replica with the same server_uuid or server_id has connected to this "
                       "cluster, and has taken over; check that no two replicas share one");
    } else {
        session_move_to(session, SESSION_CLOSING);
    }
}

void session_shut_down(struct session *session)
{
    if (!session_can_move(session->state, SESSION_CLOSING)) {
        return;
    }
    if (session->dump != NULL) {
        session->sequence = dump_sequence(session->dump);
        session_refuse(session, SQL_ERROR_SHUTDOWN, "Server shutdown in progress");
    } else {
        session_move_to(session, SESSION_CLOSING);
    }
}
