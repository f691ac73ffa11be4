/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the relay share. */
#pragma once

#include "binrelay/admin/admin.h"
#include "binrelay/admin/purger.h"
#include "binrelay/base/worker.h"
#include "binrelay/net/loop.h"
#include "binrelay/protocol/uuid.h"
#include "binrelay/registry/registry.h"
#include "binrelay/serve/endpoint.h"
#include "binrelay/source/applier_poll.h"
#include "binrelay/source/puller.h"
#include "binrelay/source/source_agent.h"
#include "binrelay/storage/data_dir.h"
#include "relay.h"

/* All that there is of one cluster. */
struct relay_cluster {
    struct relay *relay; /* borrowed: it holds this */
    size_t number;
    char uuid[UUID_TEXT_BYTES];
    struct registry_cluster kept;      /* what the registry knew at start */
    struct binlog_store *store;        /* owned, as all below */
    struct applier_registry *appliers; /* the registry's, as the next */
    struct lease_table *leases;        /* NULL: its groups have no lease */
    struct cluster_board *board;
    struct puller *puller;
    struct source_agent *agent;
    struct purger *purger;
};

enum { RELAY_SIGNALS = 3 };

struct relay {
    struct config *config; /* owned, as all below; replaced by a reload */
    char *config_path;
    struct loop *loop;
    struct data_dir *data_dir;
    struct registry *registry;
    struct worker *worker; /* for what a reload waits for */
    struct relay_cluster *clusters;
    size_t cluster_count;
    struct applier_poll **polls; /* one for each of the configuration */
    size_t poll_count;
    struct endpoint *endpoint;
    struct admin *admin;
    struct loop_watch *signals[RELAY_SIGNALS];
    struct loop_timer *watchdog;
    uint64_t *turns_seen; /* of every other loop, at the last look */
    size_t turns_count;
    struct message stop; /* posted once */
    bool is_stopping;
};

/* Opens nothing yet. STATUS_INVALID: the configuration does not fit what is stored. */
enum status relay_make_clusters(struct relay *relay, struct error *error);

/* Begins to pull, and to speak with the sources. */
enum status relay_start_clusters(struct relay *relay, struct error *error);

/* For the endpoint: FLUSH BINARY LOGS at the source of a struct relay_cluster. */
enum status relay_flush_source(void *cluster, struct error *error);

/* For the purger: PURGE BINARY LOGS there, up to the file of the number here. */
enum status relay_purge_source(void *cluster, uint64_t file, struct error *error);

/* At start: what is kept of each cluster's appliers, and those of the configuration. Waits for
 * the disk. */
MUST_CHECK enum status relay_open_appliers(struct relay *relay, struct error *error);

/* The appliers of another configuration, soon; takes the configuration. */
void relay_configure_appliers(struct relay *relay, struct config *config);

/* When endpoint and pullers are there. */
MUST_CHECK enum status relay_start_purgers(struct relay *relay, struct error *error);
struct purge_settings relay_purge_settings(const struct config *config,
                                           const struct config_cluster *cluster);

/* When the appliers are there. */
MUST_CHECK enum status relay_start_polls(struct relay *relay, struct error *error);
void relay_interrupt_polls(struct relay *relay);
void relay_stop_polls(struct relay *relay);
void relay_set_poll_passwords(struct relay *relay, const struct config *config);

/* For the endpoint: PURGE BINARY LOGS of a struct relay_cluster. */
enum status relay_purge_logs(void *cluster,
                             uint64_t before_file,
                             uint64_t before_usec,
                             struct error *error);

/* Reads the configuration again and applies what may change while running. */
enum status relay_reload(void *relay, struct error *error);

/* Tells systemd, as often as it wants, that every loop turned since it was told last. */
void relay_start_watchdog(struct relay *relay);
