/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream as those see it who decide what is purged: what it holds, and how
 * far its applier has come for certain.
 */
#include "binrelay/registry/applier_registry.h"
#include "session.h"
#include "session_dump.h"

/* mysqlbinlog's id with --stop-never: nobody's, unless it registered itself by it. */
enum { SERVER_ID_NOBODY = 1 };

static uint32_t applier_of(const struct session *session)
{
    uint32_t server_id = session->wish.command.server_id;

    if (server_id == 0) {
        return session->replica_server_id;
    }
    return server_id > SERVER_ID_NOBODY || session->replica_server_id == server_id ? server_id
                                                                                   : 0;
}

void session_stream_prepare(struct session *session)
{
    char uuid[UUID_TEXT_BYTES];

    session_dump_uuid(session, uuid);
    const struct stream_owner owner = {.cluster = session->cluster,
                                       .session = session->id,
                                       .server_id = applier_of(session),
                                       .uuid = uuid,
                                       .peer = session->peer};

    session->stream = (struct session_stream){
        .hold = stream_hold_begin(session->house->holds, &owner),
        .appliers = session->sql.cluster->appliers,
        .applier = owner.server_id,
    };
    if (session->stream.applier == 0) {
        session->stream.appliers = NULL;
    }
}

void session_stream_begin(struct session *session)
{
    struct session_stream *stream = &session->stream;

    stream->got = dump_position(session->dump);
    stream->has_begun = true;
    if (stream->appliers != NULL) {
        applier_registry_stream_began(stream->appliers, stream->applier, stream->got);
    }
}

static void note(struct session_stream *stream, struct binlog_position got)
{
    if (binlog_position_compare(stream->got, got) < 0) {
        stream->got = got;
        if (stream->appliers != NULL) {
            applier_registry_stream_got(stream->appliers, stream->applier, got);
        }
    }
}

void session_stream_look(struct session *session, const struct connection *connection)
{
    if (session->dump != NULL && session->stream.has_begun) {
        note(&session->stream,
             stream_hold_look(session->stream.hold, connection, dump_position(session->dump)));
    }
}

void session_stream_end(struct session *session)
{
    struct session_stream *stream = &session->stream;
    struct binlog_position got = stream_hold_end(stream->hold, stream->has_begun);

    if (stream->has_begun && stream->appliers != NULL) {
        applier_registry_stream_ended(
            stream->appliers, stream->applier,
            binlog_position_compare(stream->got, got) < 0 ? got : stream->got);
    }
    *stream = (struct session_stream){0};
}
