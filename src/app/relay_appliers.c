/* SPDX-License-Identifier: Apache-2.0 */
/* The heartbeat rows of the appliers that the configuration names: they report by UPDATE. */
#include "binrelay/base/memory.h"
#include "relay_internal.h"

static bool is_there(const struct heartbeat_row *rows, size_t count, uint32_t server_id)
{
    for (size_t at = 0; at < count; at++) {
        if (rows[at].server_id == server_id) {
            return true;
        }
    }
    return false;
}

enum status relay_add_heartbeat_rows(struct relay *relay, struct error *error)
{
    struct heartbeat_table *table = registry_heartbeats(relay->registry);
    autofree struct heartbeat_row *present = NULL;
    size_t present_count = heartbeat_table_list(table, &present);
    size_t applier_count = 0;
    size_t count = 0;

    for (size_t at = 0; at < relay->cluster_count; at++) {
        applier_count += config_cluster_at(relay->config, at)->appliers.count;
    }
    autofree struct heartbeat_row *missing = mem_zeroed((applier_count + 1) * sizeof(*missing));

    for (size_t at = 0; at < relay->cluster_count; at++) {
        const struct option_list *appliers = &config_cluster_at(relay->config, at)->appliers;

        for (size_t number = 0; number < appliers->count; number++) {
            const struct config_applier *applier =
                (const struct config_applier *)appliers->items + number;
            uint32_t server_id = (uint32_t)applier->server_id;

            /* One applier may follow several clusters. */
            if (!is_there(present, present_count, server_id) &&
                !is_there(missing, count, server_id)) {
                missing[count++] = (struct heartbeat_row){
                    .server_id = server_id, .updated_usec = clock_wall_usec(clock_system())};
            }
        }
    }
    return count > 0 ? heartbeat_table_put(table, missing, count, error) : STATUS_OK;
}
