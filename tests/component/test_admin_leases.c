/* SPDX-License-Identifier: Apache-2.0 */
/* The lease commands: which group of which cluster is meant. */
#include "admin_rig.h"
#include "binrelay/registry/lease_table.h"

/* Leases in both clusters. */
static void add_leases(struct admin_rig *rig)
{
    struct applier_registry *appliers[RIG_CLUSTERS] = {rig->appliers};
    struct error error;

    CHECK_OK(registry_open_appliers(
                 rig->registry,
                 &(struct registry_applied){.name = "west",
                                            .server_id = 299,
                                            .store = rig->clusters[RIG_WEST].store,
                                            .board = rig->clusters[RIG_WEST].board},
                 &appliers[RIG_WEST], &error),
             &error);
    for (size_t at = 0; at < RIG_CLUSTERS; at++) {
        const struct lease_options options = {.cluster = rig->clusters[at].served.name,
                                              .store = rig->clusters[at].store,
                                              .appliers = appliers[at],
                                              .ttl_usec = 30 * 1000 * 1000};

        CHECK_OK(registry_open_leases(rig->registry, &options, &rig->leases[at], &error),
                 &error);
    }
}

/* A session that nobody answers. */
static void on_answer(void *context, const struct lease_answer *answer)
{
    (void)context;
    (void)answer;
}

static struct lease_ticket *join(struct admin_rig *rig,
                                 size_t cluster,
                                 const char *group,
                                 uint32_t server_id)
{
    const struct lease_request request = {
        .group = group, .server_id = server_id, .is_by_gtid = true, .answer = on_answer};

    return lease_table_join(rig->leases[cluster], &request);
}

/* The row of a reply is of this cluster, and of this holder. */
static void check_row(json_t *row, const char *cluster, const char *holder)
{
    rig_check(row, "cluster", cluster);
    rig_check(row, "group", "both");
    rig_check(row, "holder", holder);
    json_decref(row);
}

static void a_group_of_two_clusters_is_named_with_its_cluster(void)
{
    struct admin_rig rig;
    struct lease_ticket *tickets[RIG_CLUSTERS];
    json_t *rows = NULL;

    rig_open_with(&rig, add_leases);
    tickets[RIG_EAST] = join(&rig, RIG_EAST, "both", 201);
    tickets[RIG_WEST] = join(&rig, RIG_WEST, "both", 301);
    rows = rig_do(&rig, "lease show");
    CHECK(json_array_size(rows) == RIG_CLUSTERS);
    json_decref(rows);
    rig_refuse(&rig, "lease grant both 201", "invalid",
               "clusters east and west both have a group both: say --cluster");
    rig_refuse(&rig, "lease release both", "invalid", "say --cluster");
    rig_refuse(&rig, "lease fence both 301", "invalid", "say --cluster");
    check_row(rig_do(&rig, "lease grant both 301 --cluster west"), "west", "301");
    check_row(rig_do(&rig, "lease grant both 201 --cluster east"), "east", "201");
    rig_refuse(&rig, "lease grant both 301 --cluster east", "not_found",
               "applier 301 of group both is not connected");
    lease_table_leave(tickets[RIG_EAST], (struct binlog_position){0});
    lease_table_leave(tickets[RIG_WEST], (struct binlog_position){0});
    rig_close(&rig);
}

static void a_group_of_one_cluster_needs_no_cluster(void)
{
    struct admin_rig rig;
    struct lease_ticket *ticket = NULL;
    json_t *row = NULL;

    rig_open_with(&rig, add_leases);
    ticket = join(&rig, RIG_WEST, "both", 301);
    row = rig_do(&rig, "lease grant both 301");
    check_row(row, "west", "301");
    rig_refuse(&rig, "lease grant both 301 --cluster east", "not_found",
               "there is no group both with a lease here");
    rig_refuse(&rig, "lease release none", "not_found",
               "no cluster with leases has a group none");
    rig_refuse(&rig, "lease release both --cluster north", "not_found", "north");
    lease_table_leave(ticket, (struct binlog_position){0});
    rig_close(&rig);
}

static void without_leases_there_are_no_groups(void)
{
    struct admin_rig rig;
    json_t *rows = NULL;

    rig_open(&rig);
    rows = rig_do(&rig, "lease show");
    CHECK(json_is_array(rows) && json_array_size(rows) == 0);
    json_decref(rows);
    rig_refuse(&rig, "lease release both --cluster east", "invalid",
               "cluster east has no leases");
    rig_close(&rig);
}

int main(void)
{
    a_group_of_two_clusters_is_named_with_its_cluster();
    a_group_of_one_cluster_needs_no_cluster();
    without_leases_there_are_no_groups();
    return 0;
}
