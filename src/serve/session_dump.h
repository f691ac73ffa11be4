/* SPDX-License-Identifier: Apache-2.0 */
/* What a replica's user variables and its command say together. */
#pragma once

#include "binrelay/protocol/uuid.h"
#include "session.h"

/* Fills all but connection and loop. Texts are borrowed from the session. */
void session_dump_request(const struct session *session, struct dump_request *request);

/*
 * Begins the stream of the request, on the loop where the session lives, or has the replica
 * wait for its lease: packets go on from request->sequence. On failure the session is closing.
 */
void session_start_stream(struct session *session, struct dump_request *request);
void session_hold_stream(struct session *session, struct dump_request *request);

/* Lists it among the streams, and ends those of the same replica. */
void session_list_stream(struct session *session);

/* Sends the error with the code, and leaves. */
void session_fail_stream(struct session *session, uint16_t code, const struct error *error);

/* @replica_uuid or @slave_uuid, "" if it is none. */
void session_dump_uuid(const struct session *session, char text[UUID_TEXT_BYTES]);
