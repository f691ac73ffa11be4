/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of one applier, and why a part of a log must stay. Plain values. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binrelay/storage/binlog_position.h"
#include "binrelay/storage/epoch_index.h"

enum { APPLIER_GROUP_BYTES = 65, APPLIER_MOST = 10000 };

enum applier_origin {
    APPLIER_CONFIGURED, /* by the configuration */
    APPLIER_ADDED,      /* by an administrator */
    APPLIER_REGISTERED, /* by itself: COM_REGISTER_SLAVE */
    APPLIER_ORIGIN_COUNT,
};

enum applier_state {
    APPLIER_ABSENT,  /* never seen */
    APPLIER_LIVE,    /* has a stream, or reported within APPLIER_LIVE_USEC */
    APPLIER_STALE,   /* was live, and is not any more */
    APPLIER_EXPIRED, /* silent for longer than it may, or it lost its place: holds nothing */
    APPLIER_STATE_COUNT,
};

#define APPLIER_LIVE_USEC (60 * UINT64_C(1000000))

/* How a report came. */
enum report_way {
    REPORT_NONE,
    REPORT_ENDPOINT, /* a write to the heartbeat table at the endpoint */
    REPORT_STREAM,   /* a heartbeat row in a pulled stream */
    REPORT_STATUS,   /* an ndb_apply_status row in a pulled stream */
    REPORT_POLL,     /* read from a server */
    REPORT_ADMIN,
    REPORT_WAY_COUNT,
};

/* "registered", "stale", "endpoint": the words that commands and tables show. */
const char *applier_origin_name(enum applier_origin origin);
const char *applier_state_name(enum applier_state state);
const char *report_way_name(enum report_way way);

struct applier_facts {
    uint32_t server_id;              /* the key within a cluster */
    char group[APPLIER_GROUP_BYTES]; /* ""; what has one target has one group */
    enum applier_origin origin;
    bool is_required;           /* holds everything until it reported */
    uint64_t expire_after_usec; /* 0: never */
    enum applier_state state;
    bool is_lost;                /* what it needs was purged by force or by a limit */
    unsigned streams;            /* that it has now */
    struct epoch_key applied;    /* epoch 0: it reported none */
    char *applied_gtids;         /* owned: text of what it executed, or NULL */
    struct binlog_position sent; /* up to here its streams surely got; {0, 0}: nothing */
    struct epoch_key sent_epoch; /* the last one that ends there or before; epoch 0: none */
    enum report_way way;         /* of the last good report */
    uint64_t reported_usec;      /* wall clock; 0: never */
    uint64_t seen_usec;          /* last sign of life of any kind; 0: never */
};

/* Releases a list of them. Accepts NULL. */
void applier_facts_free(struct applier_facts *facts, size_t count);

/* One reason why the log from a place on must stay. */
struct log_hold {
    char who[128];               /* "applier 201 (group west)", "pin backup-7", "session 12" */
    char why[160];               /* "applied epoch 4711, reported 3 s ago by poll" */
    struct binlog_position from; /* {0, 0}: everything stays */
    struct epoch_key epoch;      /* applied, or pinned; epoch 0: none */
    uint32_t server_id;          /* of an applier; else 0 */
    bool is_applier;             /* the only ones that a limit may drop */
};

/* Sorts holds, the oldest need first. */
void log_holds_sort(struct log_hold *holds, size_t count);
