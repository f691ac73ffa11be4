/* SPDX-License-Identifier: Apache-2.0 */
/* The endpoint's sessions: who is connected, what their streams need, and how to end them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binrelay/base/error.h"
#include "binrelay/registry/applier.h"
#include "binrelay/storage/binlog_position.h"

struct endpoint;

/* One connection, as `sessions` and SHOW PROCESSLIST show it. */
struct session_facts {
    uint64_t id;
    char user[81];
    char peer[64];
    char cluster[64];
    const char *state;  /* "greeting", "ready", "streaming", ... */
    uint32_t server_id; /* what the replica says of itself; 0: nothing */
    char replica_uuid[37];
    struct binlog_position position; /* framed for sending up to here */
    uint64_t sent_bytes;
    uint64_t queued_bytes;
    uint64_t started_usec; /* wall clock */
    bool is_secure;
    bool is_by_gtid;
};

/* Copies the facts of all sessions; *facts is the caller's to free. Any thread. */
size_t endpoint_sessions(struct endpoint *endpoint, struct session_facts **facts);

/*
 * What the streams of a cluster need: from the oldest byte that a peer's TCP has
 * not acknowledged on, and for min_age after a stream ended. The oldest need first;
 * *holds is the caller's to free. Any thread.
 */
size_t endpoint_stream_holds(struct endpoint *endpoint,
                             size_t cluster,
                             uint64_t min_age_usec,
                             struct log_hold **holds);

/* Ends the streams of an applier that lost its place. Any thread. */
void endpoint_end_streams(struct endpoint *endpoint, size_t cluster, uint32_t server_id);

/* Bytes that the streams of a cluster sent since the start. Any thread. */
uint64_t endpoint_sent_bytes(struct endpoint *endpoint, const char *cluster);

/* Ends one. STATUS_NOT_FOUND if there is none. Any thread. */
MUST_CHECK enum status endpoint_kill(struct endpoint *endpoint,
                                     uint64_t id,
                                     struct error *error);
