/* SPDX-License-Identifier: Apache-2.0 */
/* Gathers what is measured. */
#include "metrics.h"

#include <stdlib.h>
#include <string.h>

#include "admin_internal.h"
#include "binrelay/base/memory.h"
#include "binrelay/registry/catch_up.h"
#include "binrelay/serve/endpoint_sessions.h"
#include "binrelay/storage/binlog_files.h"

static void measure_appliers(struct metrics_cluster *measured,
                             const struct admin_cluster *cluster,
                             uint64_t now_usec)
{
    struct applier_facts *appliers = NULL;
    size_t count = applier_registry_list(cluster->appliers, &appliers);

    measured->appliers = mem_zeroed((count + 1) * sizeof(*measured->appliers));
    measured->applier_count = count;
    for (size_t at = 0; at < count; at++) {
        struct metrics_applier *applier = &measured->appliers[at];
        struct applier_facts member = catch_up_member(cluster->appliers, &appliers[at]);
        struct catch_up place = catch_up_of(cluster->store, &member);

        applier->server_id = appliers[at].server_id;
        applier->epoch_applied = appliers[at].applied.epoch;
        applier->has_lag =
            catch_up_lag(cluster->store, &member, now_usec, &applier->lag_seconds);
        applier->can_catch_up = place.is_possible;
        applier->has_place = place.is_possible || place.is_hopeless;
    }
    applier_facts_free(appliers, count);
}

static void measure_files(struct metrics_cluster *measured, struct binlog_store *store)
{
    struct binlog_file_facts *files = NULL;
    size_t count = binlog_files_list(store, &files);

    for (size_t at = 0; at < count; at++) {
        measured->store_bytes += files[at].bytes;
    }
    measured->oldest_file = count == 0 ? 0 : files[0].file;
    measured->newest_file = count == 0 ? 0 : files[count - 1].file;
    free(files);
}

static void measure(struct metrics_cluster *measured,
                    const struct admin_cluster *cluster,
                    uint64_t now_usec)
{
    measured->name = cluster->name;
    cluster_board_read(cluster->board, &measured->report);
    measured->epoch_durable = catch_up_newest_epoch(cluster->store);
    measure_files(measured, cluster->store);
    if (cluster->purger != NULL) {
        measured->has_purge = true;
        purger_report(cluster->purger, &measured->purge);
    }
    if (cluster->appliers != NULL) {
        measure_appliers(measured, cluster, now_usec);
    }
}

static void count_sessions(struct metrics_cluster *measured,
                           size_t count,
                           struct endpoint *endpoint)
{
    struct session_facts *sessions = NULL;
    size_t session_count = endpoint_sessions(endpoint, &sessions);

    for (size_t at = 0; at < session_count; at++) {
        for (size_t cluster = 0; cluster < count; cluster++) {
            bool is_its = strcmp(measured[cluster].name, sessions[at].cluster) == 0;

            measured[cluster].sessions += is_its ? 1 : 0;
        }
    }
    free(sessions);
}

enum status command_metrics(struct admin *admin,
                            const json_t *arguments,
                            json_t **result,
                            struct error *error)
{
    size_t count = admin->options.cluster_count;
    autofree struct metrics_cluster *measured = mem_zeroed((count + 1) * sizeof(*measured));
    uint64_t now_usec = clock_wall_usec(admin->options.clock);
    struct buffer text = {0};

    (void)arguments;
    for (size_t at = 0; at < count; at++) {
        measure(&measured[at], &admin->clusters[at], now_usec);
    }
    count_sessions(measured, count, admin->options.endpoint);
    for (size_t at = 0; at < count; at++) {
        measured[at].sent_bytes =
            endpoint_sent_bytes(admin->options.endpoint, measured[at].name);
    }
    metrics_print(&text, measured, count);
    for (size_t at = 0; at < count; at++) {
        metrics_cluster_release(&measured[at]);
    }
    *result = json_stringn((const char *)text.data, text.size);
    buffer_release(&text);
    return *result != NULL ? STATUS_OK
                           : error_set(error, STATUS_INVALID, "a label is no UTF-8");
}
