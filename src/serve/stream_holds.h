/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the streams of the endpoint need of the logs. Sent is not received: a
 * stream holds from the oldest byte that its peer's TCP has not acknowledged.
 *
 * A stream keeps marks: behind so many bytes handed to its connection the log
 * was at this place. What the peer surely has is what the kernel took, less
 * what waits in the socket (SIOCOUTQ), and the last mark in that is the place
 * that stays. TLS only adds bytes to the socket's queue, so the place is never
 * later than the truth. Marks are set where a file begins and once a second,
 * never for an event.
 *
 * A purge and a stream that begins (S3). The hold begins before the place is
 * looked for, and holds everything until the place is known: a purge that asks
 * for the holds from then on removes nothing that the place could be in. One
 * that asked before may still remove files. Then the dump finds the file that
 * it chose gone, or has it open, reads it to its end and finds the next one
 * gone: either way it ends with error 1053, the replica comes again, and what
 * is here by then decides (dump_open_file(), docs/durability.md).
 *
 * Any thread, but for what says that it belongs to the stream's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binrelay/base/clock.h"
#include "binrelay/net/connection.h"
#include "binrelay/registry/applier.h"
#include "binrelay/storage/binlog_position.h"

struct stream_holds; /* all of the endpoint */
struct stream_hold;  /* one stream's; every function accepts NULL: nobody looks */

/* Whose a stream is. Copied. */
struct stream_owner {
    size_t cluster;
    uint64_t session;
    uint32_t server_id; /* 0: of nobody who could come again */
    const char *uuid;   /* the replica's own, or "" */
    const char *peer;   /* "10.0.0.7:51200" */
};

/* The clock is borrowed. */
struct stream_holds *stream_holds_new(const struct clock *clock);

/* Once all streams have ended. Accepts NULL. */
void stream_holds_free(struct stream_holds *holds);

/* What a cluster's streams need, and those that ended within min_age, the oldest need first;
 * *list is the caller's to free. */
size_t stream_holds_list(struct stream_holds *holds,
                         size_t cluster,
                         uint64_t min_age_usec,
                         struct log_hold **list);

/* A replica lost its place: what its streams have needed up to now holds nothing any more. */
void stream_holds_drop(struct stream_holds *holds, size_t cluster, uint32_t server_id);

/* ---- a stream, on its own thread ---- */

/* A place is about to be looked for: everything stays until it is known. NULL holds: NULL. */
struct stream_hold *stream_hold_begin(struct stream_holds *holds,
                                      const struct stream_owner *owner);

/* The place was decided; again where it is decided anew. What streams of the same replica that
 * have ended needed is over. */
void stream_hold_place(struct stream_hold *hold,
                       const struct connection *connection,
                       struct binlog_position place);

/* All that was before the place is with the connection now. */
void stream_hold_mark(struct stream_hold *hold,
                      const struct connection *connection,
                      struct binlog_position place);

/* Notes how much of it the kernel took. No lock. */
void stream_hold_sent(struct stream_hold *hold, const struct connection *connection);

/* Marks the place that was framed up to, and returns the one up to which the peer surely has
 * all. {0, 0}: the place is not decided. */
struct binlog_position stream_hold_look(struct stream_hold *hold,
                                        const struct connection *connection,
                                        struct binlog_position framed);

/* The stream ended, and the hold is freed. What it needed at last is returned, and goes on to
 * be listed for as long as who asks wants, if the stream had begun. The connection is not used.
 */
struct binlog_position stream_hold_end(struct stream_hold *hold, bool had_begun);
