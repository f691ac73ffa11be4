/* SPDX-License-Identifier: Apache-2.0 */
/* The appliers that the configuration names, as the registry takes them: at start and at each
 * reload. */
#include <stddef.h>

#include "binrelay/base/log.h"
#include "binrelay/base/memory.h"
#include "relay_internal.h"

/* Borrows from the configuration; freed by the caller. */
static struct applier_setting *list_settings(const struct config_cluster *cluster)
{
    size_t count = cluster->appliers.count;
    struct applier_setting *settings = mem_zeroed((count + 1) * sizeof(*settings));

    for (size_t at = 0; at < count; at++) {
        const struct config_applier *applier = config_applier_at(cluster, at);

        settings[at] =
            (struct applier_setting){.server_id = (uint32_t)applier->server_id,
                                     .group = applier->group,
                                     .is_required = applier->is_required,
                                     .expire_after_usec = applier->expire_after_usec};
    }
    return settings;
}

static enum status configure(struct applier_registry *appliers,
                             const struct config_cluster *cluster,
                             struct error *error)
{
    autofree struct applier_setting *settings = list_settings(cluster);

    return applier_registry_configure(appliers, settings, cluster->appliers.count, error);
}

static enum status open_leases(struct relay_cluster *cluster,
                               const struct config_cluster *config,
                               struct error *error)
{
    struct lease_options options = {.cluster = config->name,
                                    .store = cluster->store,
                                    .appliers = cluster->appliers,
                                    .ttl_usec = config->lease.ttl_usec};

    return config->lease.ttl_usec == 0
               ? STATUS_OK
               : registry_open_leases(cluster->relay->registry, &options, &cluster->leases,
                                      error);
}

enum status relay_open_appliers(struct relay *relay, struct error *error)
{
    for (size_t at = 0; at < relay->cluster_count; at++) {
        const struct config_cluster *config = config_cluster_at(relay->config, at);
        struct relay_cluster *cluster = &relay->clusters[at];
        struct registry_applied applied = {.name = config->name,
                                           .server_id = (uint32_t)config->server_id,
                                           .store = cluster->store,
                                           .board = cluster->board,
                                           .shares_groups = config->lease.ttl_usec != 0};

        if (registry_open_appliers(relay->registry, &applied, &cluster->appliers, error) !=
                STATUS_OK ||
            configure(cluster->appliers, config, error) != STATUS_OK ||
            open_leases(cluster, config, error) != STATUS_OK) {
            return error->status;
        }
    }
    return STATUS_OK;
}

/* ---- a reload: what waits for the disk is not for the control thread ---- */

struct reconfiguration {
    struct message message;
    struct relay *relay;   /* borrowed: ends the worker before itself */
    struct config *config; /* owned */
};

static void on_reconfigure(struct message *message)
{
    struct reconfiguration *work = (struct reconfiguration *)message;
    struct error error;

    for (size_t at = 0; at < work->relay->cluster_count; at++) {
        const struct config_cluster *config = config_cluster_at(work->config, at);
        const struct relay_cluster *cluster = &work->relay->clusters[at];

        /* First who holds, then what may go: no new rule takes what a new applier needs. */
        if (configure(cluster->appliers, config, &error) == STATUS_OK) {
            struct purge_settings settings = relay_purge_settings(work->config, config);

            purger_set_settings(cluster->purger, &settings);
        } else {
            log_error(
                "relay: cluster %s keeps the appliers and the rules of purging it had: %s",
                config->name, error.message);
        }
        purger_poke(cluster->purger);
    }
    config_free(work->config);
    free(work);
}

void relay_configure_appliers(struct relay *relay, struct config *config)
{
    struct reconfiguration *work = mem_zeroed(sizeof(*work));

    *work = (struct reconfiguration){
        .message.run = on_reconfigure, .relay = relay, .config = config};
    worker_post(relay->worker, &work->message);
}
