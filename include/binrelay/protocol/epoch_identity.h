/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One identity for all binlog servers of an NDB cluster: the server id in the
 * epoch markers becomes the cluster's, in the marker's row and in the header of
 * that rows event, and nothing else changes. An NDB applier knows an epoch
 * only by that id (server: ndb_applier.cc).
 *
 * Every event keeps its length: inside a compressed payload the frame is
 * compressed again and brought to its old length.
 */
#pragma once

#include "binrelay/base/bytes.h"
#include "binrelay/base/error.h"
#include "binrelay/protocol/binlog_event.h"
#include "binrelay/protocol/epoch.h"

struct epoch_identity;

/* server_id replaces the source's, in the bits that rules->server_id_bits says. */
struct epoch_identity *epoch_identity_new(const struct epoch_rules *rules, uint32_t server_id);

/* Accepts NULL. */
void epoch_identity_free(struct epoch_identity *identity);

/* Forgets the transaction that is being followed: a connection or a file ended. */
void epoch_identity_reset(struct epoch_identity *identity);

/* From the next event on: how many bits of a server id count, as the source says. */
void epoch_identity_set_server_id_bits(struct epoch_identity *identity, uint8_t bits);

/* True if events of the type must be given whole: a payload may be larger than what comes at
 * once. */
bool epoch_identity_needs_whole(uint8_t event_type);

/*
 * Follows the next event of the file; *stored is the event itself, or its new
 * form with its checksum, which lives until the next call.
 * STATUS_INVALID: the marker's payload cannot be brought to its old length, or is too large.
 * STATUS_CORRUPT: a payload that cannot be read.
 */
MUST_CHECK enum status epoch_identity_event(struct epoch_identity *identity,
                                            struct bytes event,
                                            enum binlog_checksum checksum,
                                            struct bytes *stored,
                                            struct error *error);

/*
 * True if two new forms are of the same event: they are equal, or payloads
 * with the same events inside, which another version of the compressor
 * compressed. Neither may be what the last epoch_identity_event() gave, but
 * for `right`.
 */
bool epoch_identity_is_same(struct epoch_identity *identity,
                            struct bytes left,
                            struct bytes right,
                            enum binlog_checksum checksum);
