/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the transactions of a stream say of appliers: rows of the heartbeat
 * table, and rows of mysql.ndb_apply_status other than the stream's own
 * markers (those of another cluster: its epochs were applied where the stream
 * comes from). Plain values.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "binrelay/protocol/epoch.h"

/* Rows of one transaction that are kept; of more, the last ones. */
enum { SIGHTINGS_MOST = 256 };

struct sighting_rules {
    uint32_t server_id; /* whose heartbeat row is no report: the cluster's own; 0: nobody's */
    /* Of the heartbeat table. */
    char database[EPOCH_NAME_MOST_BYTES + 1];
    char table[EPOCH_NAME_MOST_BYTES + 1];
};

enum sighting_kind { SIGHTING_HEARTBEAT, SIGHTING_APPLY_STATUS };

/* A row as it is after the change. */
struct sighting {
    enum sighting_kind kind;
    uint32_t server_id;      /* HEARTBEAT: the applier's. APPLY_STATUS: whose epoch it is */
    uint64_t counter;        /* HEARTBEAT; 0 where the row did not change it */
    bool has_epoch;          /* APPLY_STATUS: always */
    uint64_t epoch;          /* that was applied */
    bool has_source_cluster; /* HEARTBEAT: the row names the cluster whose epoch that is */
    uint32_t source_cluster;
    uint32_t written_sec; /* wall clock of the server */
};
