/* SPDX-License-Identifier: Apache-2.0 */
/* Commands about leases: which member of a group has the stream. */
#include <string.h>

#include "admin_internal.h"

/* ---- rows ---- */

static json_t *ids_of(const uint32_t *ids, size_t count)
{
    json_t *list = json_array();

    for (size_t at = 0; at < count; at++) {
        (void)json_array_append_new(list, json_integer((json_int_t)ids[at]));
    }
    return list;
}

static json_t *number_or_null(uint64_t number)
{
    return number == 0 ? json_null() : json_integer((json_int_t)number);
}

static json_t *place_or_null(const struct binlog_store *store, struct binlog_position place)
{
    return place.file == 0 ? json_null() : admin_position(store, place);
}

static json_t *row_of(const struct admin_cluster *cluster, const struct lease_facts *lease)
{
    json_t *expires = lease->expires_in_usec == 0
                          ? json_null()
                          : json_real((double)(lease->expires_in_usec / 100000) / 10);

    return json_pack(
        "{s:s,s:s,s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:s}", "cluster", cluster->name,
        "group", lease->group, "state", lease->state, "holder", number_or_null(lease->holder),
        "grant", number_or_null(lease->number), "granted_at", admin_time(lease->granted_usec),
        "start_epoch", admin_epoch(lease->start_epoch.epoch), "start",
        place_or_null(cluster->store, lease->start), "applied_epoch",
        admin_epoch(lease->applied.epoch), "sent", place_or_null(cluster->store, lease->sent),
        "expires_in_seconds", expires, "waiting", ids_of(lease->waiting, lease->waiting_count),
        "fenced", ids_of(lease->fenced, lease->fenced_count), "reason", lease->reason);
}

/* The row of a group; NULL: the cluster has none of that name. */
static enum status find_row(const struct admin_cluster *cluster,
                            const char *group,
                            json_t **row,
                            struct error *error)
{
    struct lease_facts *leases = NULL;
    size_t count = 0;
    enum status status = lease_table_list(cluster->leases, &leases, &count, error);

    *row = NULL;
    for (size_t at = 0; status == STATUS_OK && at < count; at++) {
        if (strcmp(leases[at].group, group) == 0) {
            *row = row_of(cluster, &leases[at]);
        }
    }
    lease_facts_free(leases, count);
    return status;
}

static enum status add_rows(const struct admin_cluster *cluster,
                            json_t *rows,
                            struct error *error)
{
    struct lease_facts *leases = NULL;
    size_t count = 0;
    enum status status = lease_table_list(cluster->leases, &leases, &count, error);

    for (size_t at = 0; status == STATUS_OK && at < count; at++) {
        (void)json_array_append_new(rows, row_of(cluster, &leases[at]));
    }
    lease_facts_free(leases, count);
    return status;
}

enum status command_lease_show(struct admin *admin,
                               const json_t *arguments,
                               json_t **result,
                               struct error *error)
{
    const struct admin_cluster *only = NULL;
    enum status status = admin_named_cluster(admin, arguments, &only, error);
    json_t *rows = json_array();

    for (size_t at = 0; status == STATUS_OK && at < admin->options.cluster_count; at++) {
        const struct admin_cluster *cluster = &admin->clusters[at];

        if (cluster->leases != NULL && (only == NULL || only == cluster)) {
            status = add_rows(cluster, rows, error);
        }
    }
    if (status != STATUS_OK) {
        json_decref(rows);
        return status;
    }
    *result = rows;
    return STATUS_OK;
}

/* ---- changing ---- */

/* What an order names. */
struct lease_order {
    const struct admin_cluster *cluster;
    const char *group; /* borrowed from the arguments */
    uint32_t id;       /* 0: not said */
};

static enum status check_leases(const struct admin_cluster *cluster, struct error *error)
{
    return cluster->leases != NULL
               ? STATUS_OK
               : error_set(error, STATUS_INVALID, "cluster %s has no leases", cluster->name);
}

/* Looks for the group in all clusters: it must be in one. */
static enum status find_cluster(const struct admin *admin,
                                struct lease_order *order,
                                struct error *error)
{
    for (size_t at = 0; at < admin->options.cluster_count; at++) {
        const struct admin_cluster *cluster = &admin->clusters[at];
        json_t *row = NULL;

        if (cluster->leases == NULL) {
            continue;
        }
        if (find_row(cluster, order->group, &row, error) != STATUS_OK) {
            return error->status;
        }
        if (row == NULL) {
            continue;
        }
        json_decref(row);
        if (order->cluster != NULL) {
            return error_set(error, STATUS_INVALID,
                             "clusters %s and %s both have a group %s: say --cluster",
                             order->cluster->name, cluster->name, order->group);
        }
        order->cluster = cluster;
    }
    if (order->cluster == NULL) {
        return error_set(error, STATUS_NOT_FOUND,
                         "no cluster with leases has a group %s; lease show names them",
                         order->group);
    }
    return STATUS_OK;
}

static enum status read_order(const struct admin *admin,
                              const json_t *arguments,
                              struct lease_order *order,
                              struct error *error)
{
    enum status status = admin_named_cluster(admin, arguments, &order->cluster, error);

    if (status == STATUS_OK) {
        status = admin_argument_name(arguments, "group", &order->group, error);
    }
    if (status == STATUS_OK && json_object_get(arguments, "id") != NULL) {
        status = admin_argument_server_id(arguments, &order->id, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    return order->cluster != NULL ? check_leases(order->cluster, error)
                                  : find_cluster(admin, order, error);
}

/* Ends a command that was obeyed: how the group is now. */
static enum status show(const struct lease_order *order, json_t **result, struct error *error)
{
    json_t *row = NULL;
    enum status status = find_row(order->cluster, order->group, &row, error);

    if (status == STATUS_OK) {
        *result = row == NULL ? json_object() : row;
    }
    return status;
}

enum status command_lease_grant(struct admin *admin,
                                const json_t *arguments,
                                json_t **result,
                                struct error *error)
{
    struct lease_order order = {0};
    enum status status = read_order(admin, arguments, &order, error);

    if (status == STATUS_OK) {
        status = lease_table_grant(order.cluster->leases, order.group, order.id, error);
    }
    return status == STATUS_OK ? show(&order, result, error) : status;
}

enum status command_lease_release(struct admin *admin,
                                  const json_t *arguments,
                                  json_t **result,
                                  struct error *error)
{
    struct lease_order order = {0};
    enum status status = read_order(admin, arguments, &order, error);

    if (status == STATUS_OK) {
        status = lease_table_release(order.cluster->leases, order.group, order.id, error);
    }
    return status == STATUS_OK ? show(&order, result, error) : status;
}

enum status command_lease_fence(struct admin *admin,
                                const json_t *arguments,
                                json_t **result,
                                struct error *error)
{
    struct lease_order order = {0};
    uint64_t applied = 0;
    enum status status = read_order(admin, arguments, &order, error);

    if (status == STATUS_OK) {
        status = admin_argument_epoch(arguments, "applied", &applied, error);
    }
    if (status == STATUS_OK) {
        status =
            lease_table_fence(order.cluster->leases, order.group, order.id, applied, error);
    }
    return status == STATUS_OK ? show(&order, result, error) : status;
}
