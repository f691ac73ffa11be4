/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an epoch is in a stream, and which transaction carries it.
 *
 * NDB: the first rows event of a transaction on mysql.ndb_apply_status whose
 * row says the same server id as the event's header is the epoch's marker
 * (server: ha_ndbcluster_binlog.cc, inject_apply_status_write). Elsewhere the
 * cluster's own row of the heartbeat table is, and its counter is the epoch.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum epoch_kind {
    EPOCH_KIND_NONE,
    EPOCH_KIND_NDB,
    EPOCH_KIND_HEARTBEAT,
    EPOCH_KIND_COUNT,
};

enum { EPOCH_NAME_MOST_BYTES = 64 * 4 }; /* of a database or table: 64 characters of UTF-8 */

/* A plain value. */
struct epoch_rules {
    enum epoch_kind kind;
    uint32_t server_id;     /* HEARTBEAT: whose row of the table is the marker */
    uint8_t server_id_bits; /* NDB: bits of a header's id that count; 7 to 32; 0: all 32 */
    char database[EPOCH_NAME_MOST_BYTES + 1]; /* HEARTBEAT: of the table */
    char table[EPOCH_NAME_MOST_BYTES + 1];
};

/* The bits of a header's server_id that say who it is. */
static inline uint32_t epoch_server_id_mask(const struct epoch_rules *rules)
{
    return rules->server_id_bits == 0 || rules->server_id_bits >= 32
               ? UINT32_MAX
               : (UINT32_C(1) << rules->server_id_bits) - 1;
}

/* What one transaction turned out to be. */
struct epoch_transaction {
    bool has_marker;
    uint64_t epoch;
    uint32_t origin; /* server_id of the marker's row */
    uint64_t
        commit_usec;  /* wall clock; from the GTID event where that says it, else its second */
    uint32_t inserts; /* rows written, without those of mysql.ndb_apply_status; NDB logs
                         updates so too. HEARTBEAT: neither rows nor statements are counted */
    uint32_t updates;
    uint32_t deletes;
    uint32_t schema_ops;   /* DROP and ALTER statements */
    bool is_count_partial; /* some rows could not be counted */
    bool is_incident;      /* LOST_EVENTS */
};
