/* SPDX-License-Identifier: Apache-2.0 */
/* Each cluster's purger, and what the other rooms do for it. */
#include <string.h>

#include "binrelay/base/memory.h"
#include "binrelay/serve/endpoint_sessions.h"
#include "relay_internal.h"

struct purge_settings relay_purge_settings(const struct config *config,
                                           const struct config_cluster *cluster)
{
    return (struct purge_settings){
        .is_automatic = strcmp(cluster->purge.policy, "applied") == 0,
        .min_age_usec = cluster->purge.min_age_usec,
        .min_files = cluster->purge.min_files,
        .max_bytes = cluster->purge.max_bytes,
        .soft_percent = (unsigned)config->store.soft_limit_percent,
        .hard_percent = (unsigned)config->store.hard_limit_percent,
        .drops_appliers = cluster->purge.on_limit == LIMIT_DROP_APPLIERS,
        .purges_source = cluster->purge.source_purge,
    };
}

/* ---- what the purger asks of others ---- */

static size_t list_stream_holds(void *context, uint64_t min_age_usec, struct log_hold **holds)
{
    const struct relay_cluster *cluster = context;

    return endpoint_stream_holds(cluster->relay->endpoint, cluster->number, min_age_usec,
                                 holds);
}

static void set_room(void *context, bool has_room, const char *reason)
{
    const struct relay_cluster *cluster = context;

    puller_set_room(cluster->puller, has_room, reason);
}

static void end_streams(void *context, uint32_t server_id)
{
    const struct relay_cluster *cluster = context;

    endpoint_end_streams(cluster->relay->endpoint, cluster->number, server_id);
}

enum status relay_start_purgers(struct relay *relay, struct error *error)
{
    enum status status = STATUS_OK;

    for (size_t at = 0; status == STATUS_OK && at < relay->cluster_count; at++) {
        const struct config_cluster *config = config_cluster_at(relay->config, at);
        struct relay_cluster *cluster = &relay->clusters[at];
        autofree char *directory = mem_format("%s/%s", relay->config->data_dir, config->name);
        struct purger_options options = {
            .cluster = config->name,
            .directory = directory,
            .store = cluster->store,
            .appliers = cluster->appliers,
            .pins = registry_pins(relay->registry),
            .registry = relay->registry,
            .clock = clock_system(),
            .disk = disk_system(),
            .settings = relay_purge_settings(relay->config, config),
            .links = {.stream_holds = list_stream_holds,
                      .set_room = set_room,
                      .end_streams = end_streams,
                      .purge_source = relay_purge_source,
                      .context = cluster},
        };

        status = purger_start(&cluster->purger, &options, error);
    }
    return status;
}

/* ---- PURGE BINARY LOGS at the endpoint ---- */

enum status relay_purge_logs(void *context,
                             uint64_t before_file,
                             uint64_t before_usec,
                             struct error *error)
{
    const struct relay_cluster *cluster = context;
    struct purge_request request = {.before_file = before_file, .before_usec = before_usec};
    struct purge_outcome outcome;
    enum status status = STATUS_OK;

    status = purger_purge(cluster->purger, &request, &outcome, error);
    purge_outcome_release(&outcome);
    return status;
}
