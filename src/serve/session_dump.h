/* SPDX-License-Identifier: Apache-2.0 */
/* What a replica's user variables and its command say together. */
#pragma once

#include "binrelay/protocol/uuid.h"
#include "session.h"

/* Fills all but connection and loop. Texts are borrowed from the session. */
void session_dump_request(const struct session *session, struct dump_request *request);

/* @replica_uuid or @slave_uuid, "" if it is none. */
void session_dump_uuid(const struct session *session, char text[UUID_TEXT_BYTES]);
