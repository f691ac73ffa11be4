/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The relay's metrics as text: Prometheus' exposition format, version 0.0.4
 * (prometheus.io/docs/instrumenting/exposition_formats). Plain values in, text
 * out; docs/metrics.md lists them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binrelay/admin/purger.h"
#include "binrelay/base/bytes.h"
#include "binrelay/registry/cluster_board.h"

struct metrics_applier {
    uint32_t server_id;
    uint64_t epoch_applied; /* 0: none */
    bool has_lag;
    double lag_seconds;
    bool has_place; /* it is known whether it can go on */
    bool can_catch_up;
};

/* What is measured of one cluster. Zeroed is nothing. */
struct metrics_cluster {
    const char *name; /* borrowed */
    struct cluster_report report;
    uint64_t epoch_durable; /* 0: none */
    uint64_t oldest_file;   /* numbers; 0: there is none */
    uint64_t newest_file;
    uint64_t store_bytes;
    uint64_t sessions;
    uint64_t sent_bytes;
    bool has_purge;
    struct purge_report purge;        /* owned */
    struct metrics_applier *appliers; /* owned */
    size_t applier_count;
};

void metrics_cluster_release(struct metrics_cluster *cluster);

/* Adds all families, each with the samples of all clusters. */
void metrics_print(struct buffer *text, const struct metrics_cluster *clusters, size_t count);
