/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/registry/report_router.h"

#include <inttypes.h>
#include <string.h>

#include "applier_registry_internal.h"
#include "binrelay/base/memory.h"
#include "report_router_internal.h"

struct report_router {
    struct registry *registry; /* borrowed */
};

/* Where a row belongs. */
struct route {
    struct applier_registry *appliers; /* NULL: nobody knows the applier, or it was refused */
    struct applier_registry *teller;   /* refused: one that knows it, and tells */
    enum report_fault fault;
};

/* ---- whose epochs ---- */

static struct applier_registry *find_cluster(struct report_router *router, uint32_t server_id)
{
    autofree struct applier_registry **appliers = NULL;
    size_t count = registry_list_appliers(router->registry, &appliers);

    for (size_t at = 0; at < count; at++) {
        if (appliers[at]->server_id == server_id) {
            return appliers[at];
        }
    }
    return NULL;
}

/* What its source calls itself, or the markers that are stored are of. Without epochs it has
 * none that could be meant. */
static bool is_source_of(const struct applier_registry *appliers, uint32_t origin)
{
    struct epoch_rules rules = epoch_index_rules(appliers->store);
    uint32_t mask = epoch_server_id_mask(&rules);
    struct cluster_report report;

    if (rules.kind == EPOCH_KIND_NONE) {
        return false;
    }
    cluster_board_read(appliers->board, &report);
    if (report.facts.server_id != 0 && ((report.facts.server_id ^ origin) & mask) == 0) {
        return true;
    }
    return applier_is_origin(appliers->store, origin);
}

struct applier_registry *report_router_cluster_of(struct report_router *router, uint32_t origin)
{
    struct applier_registry *found = find_cluster(router, origin);
    autofree struct applier_registry **appliers = NULL;
    size_t count = 0;

    if (found != NULL || origin == 0) {
        return found;
    }
    count = registry_list_appliers(router->registry, &appliers);
    for (size_t at = 0; at < count; at++) {
        if (!is_source_of(appliers[at], origin)) {
            continue;
        }
        if (found != NULL) {
            return NULL; /* the epochs of either would look plausible for the other */
        }
        found = appliers[at];
    }
    return found;
}

/* ---- rows of the heartbeat table ---- */

static enum status refuse_route(struct route *route,
                                struct applier_registry *teller,
                                const struct heartbeat_row *row,
                                const char *why,
                                struct error *error)
{
    *route = (struct route){.teller = teller, .fault = REPORT_CLUSTER};
    return error_set(error, STATUS_INVALID, "applier %" PRIu32 ", epoch %" PRIu64 ": %s",
                     row->server_id, row->applied_epoch, why);
}

/* The one that knows the applier; *count says how many do. NULL: none does. */
static struct applier_registry *find_knower(struct report_router *router,
                                            uint32_t server_id,
                                            size_t *knowers)
{
    autofree struct applier_registry **appliers = NULL;
    size_t count = registry_list_appliers(router->registry, &appliers);
    struct applier_registry *found = NULL;

    *knowers = 0;
    for (size_t at = 0; at < count; at++) {
        if (applier_registry_knows(appliers[at], server_id)) {
            found = found == NULL ? appliers[at] : found;
            (*knowers)++;
        }
    }
    return found;
}

static enum status find_route(struct report_router *router,
                              const struct heartbeat_row *row,
                              struct route *route,
                              struct error *error)
{
    size_t knowers = 0;
    struct applier_registry *knower = find_knower(router, row->server_id, &knowers);
    struct applier_registry *named = NULL;

    *route = (struct route){.appliers = knower};
    if (knower == NULL) {
        return error_set(error, STATUS_NOT_FOUND, "no cluster knows applier %" PRIu32,
                         row->server_id);
    }
    if (!row->has_applied_epoch) {
        return STATUS_OK;
    }
    if (!row->has_source_cluster) {
        return knowers == 1 ? STATUS_OK
                            : refuse_route(route, knower, row,
                                           "several clusters know it, and source_cluster does "
                                           "not say which is meant",
                                           error);
    }
    named = report_router_cluster_of(router, row->source_cluster);
    if (named == NULL) {
        return refuse_route(route, knower, row,
                            "source_cluster is the server_id of no cluster here, nor of one "
                            "cluster's source alone",
                            error);
    }
    if (!applier_registry_knows(named, row->server_id)) {
        return refuse_route(route, knower, row,
                            "it is no applier of the cluster that source_cluster names", error);
    }
    route->appliers = named;
    return STATUS_OK;
}

enum status report_router_check_row(struct report_router *router,
                                    const struct heartbeat_row *row,
                                    struct error *error)
{
    struct route route;
    enum status status = find_route(router, row, &route, error);

    if (status != STATUS_OK || !row->has_applied_epoch) {
        return status;
    }
    return applier_registry_check(route.appliers, row->server_id, row->applied_epoch, error);
}

static void note_sign(struct report_router *router, uint32_t server_id)
{
    autofree struct applier_registry **appliers = NULL;
    size_t count = registry_list_appliers(router->registry, &appliers);

    for (size_t at = 0; at < count; at++) {
        applier_registry_seen(appliers[at], server_id);
    }
}

enum status report_router_take_row(struct report_router *router,
                                   const struct heartbeat_row *row,
                                   enum report_way way,
                                   struct error *error)
{
    struct route route;
    enum status status = find_route(router, row, &route, error);

    if (status == STATUS_OK && row->has_applied_epoch) {
        return applier_registry_report(route.appliers, row->server_id, row->applied_epoch, way,
                                       error);
    }
    if (status == STATUS_OK) {
        note_sign(router, row->server_id);
    } else if (route.teller != NULL) {
        applier_registry_refuse(route.teller, row->server_id, way, route.fault, error);
    }
    return status;
}

/* ---- rows of mysql.ndb_apply_status ---- */

enum status report_router_take_apply_status(struct report_router *router,
                                            const char *stream_cluster,
                                            uint32_t origin,
                                            uint64_t epoch,
                                            struct error *error)
{
    struct applier_registry *appliers = report_router_cluster_of(router, origin);
    autofree uint32_t *ids = NULL;
    enum status status = STATUS_OK;
    size_t count = 0;

    if (appliers == NULL || strcmp(appliers->cluster, stream_cluster) == 0) {
        return STATUS_OK;
    }
    count = applier_registry_members(appliers, stream_cluster, &ids);
    for (size_t at = 0; at < count; at++) {
        struct error of_one;

        if (applier_registry_report(appliers, ids[at], epoch, REPORT_STATUS, &of_one) !=
                STATUS_OK &&
            status == STATUS_OK) {
            *error = of_one; /* the first is told, the others get their report */
            status = of_one.status;
        }
    }
    return status;
}

/* ---- life ---- */

struct report_router *report_router_new(struct registry *registry)
{
    struct report_router *router = mem_zeroed(sizeof(*router));

    router->registry = registry;
    return router;
}

void report_router_free(struct report_router *router)
{
    free(router);
}
