/* SPDX-License-Identifier: Apache-2.0 */
#include "sql_report.h"

#include <inttypes.h>
#include <stdio.h>

#include "../settings.h"
#include "binrelay/base/memory.h"
#include "binrelay/registry/registry.h"
#include "sql_errors.h"

/* A row whose epoch the statement did not name is a sign of life: its epoch was reported
 * before. */
static struct heartbeat_row report_of(const struct sql_written *written)
{
    struct heartbeat_row row = written->row;

    if (!written->says_epoch) {
        row.has_applied_epoch = false;
        row.applied_epoch = 0;
    }
    return row;
}

/* The cluster that a report is for; NULL: none, or one of several. */
static const struct served_cluster *find_cluster(const struct sql_world *world,
                                                 const struct heartbeat_row *row)
{
    const struct served_cluster *found = NULL;
    const struct applier_registry *named =
        row->has_source_cluster ? report_router_cluster_of(world->reports, row->source_cluster)
                                : NULL;

    for (size_t at = 0; at < world->cluster_count; at++) {
        const struct served_cluster *cluster = &world->clusters[at];

        if (cluster->appliers == NULL) {
            continue;
        }
        if (row->has_source_cluster) {
            if (cluster->appliers == named) {
                return cluster;
            }
        } else if (applier_registry_knows(cluster->appliers, row->server_id)) {
            if (found != NULL) {
                return NULL;
            }
            found = cluster;
        }
    }
    return found;
}

/* What the router does not tell, as it is of no cluster that it knows: once, for a while. */
static void tell_refusal(const struct sql_world *world,
                         const char *cluster,
                         uint32_t server_id,
                         const char *message)
{
    struct sql_refused *refused = world->refused;
    const size_t most = sizeof(refused->server_ids) / sizeof(refused->server_ids[0]);
    autofree char *told = NULL;

    if (world->registry == NULL) {
        return;
    }
    for (size_t at = 0; at < most; at++) {
        if (refused->server_ids[at] == server_id) { /* 0 is nobody's, and no news */
            return;
        }
    }
    refused->server_ids[refused->next++ % most] = server_id;
    told =
        mem_format("%s (by endpoint)", message); /* as the registry says of what it refuses */
    registry_add_event(world->registry, cluster, "report.refused", told);
}

/* The registry knows no accounts, so this is refused here. */
static enum status check_account(const struct sql_session *session,
                                 const struct heartbeat_row *row,
                                 struct error *error)
{
    const struct served_cluster *cluster = find_cluster(session->world, row);
    struct error why;

    if (cluster == NULL || sql_session_has_cluster(session, cluster)) {
        return STATUS_OK;
    }
    (void)error_set(&why, STATUS_INVALID,
                    "cluster %s, applier %" PRIu32 ": epoch %" PRIu64
                    " is reported by the account '%s', which does not have the cluster",
                    cluster->name, row->server_id, row->applied_epoch, session->user);
    tell_refusal(session->world, cluster->name, row->server_id, why.message);
    return sql_error_set(error, SQL_ERROR_REPORT_REFUSED, "Report refused: %s", why.message);
}

static enum status check_row(struct sql_statement *statement,
                             struct sql_written *written,
                             struct error *error)
{
    struct report_router *reports = statement->session->world->reports;
    struct error why;
    enum status status = report_router_check_row(reports, &written->row, &why);

    if (status == STATUS_NOT_FOUND) {
        return STATUS_OK; /* nobody's: it may stand in the table */
    }
    if (check_account(statement->session, &written->row, error) != STATUS_OK) {
        return error->status;
    }
    if (status == STATUS_OK) {
        return STATUS_OK;
    }
    /* Refused once more, and then it is an event; unless it has become right meanwhile, as an
     * epoch does that has just become durable. */
    written->is_taken =
        report_router_take_row(reports, &written->row, REPORT_ENDPOINT, &why) == STATUS_OK;
    return written->is_taken ? STATUS_OK
                             : sql_error_set(error, SQL_ERROR_REPORT_REFUSED,
                                             "Report refused: %s", why.message);
}

enum status sql_report_check(struct sql_statement *statement,
                             struct sql_written *rows,
                             size_t count,
                             struct error *error)
{
    if (statement->session->world->reports == NULL) {
        return STATUS_OK;
    }
    for (size_t at = 0; at < count; at++) {
        if (rows[at].says_epoch && rows[at].row.has_applied_epoch &&
            check_row(statement, &rows[at], error) != STATUS_OK) {
            return error->status;
        }
    }
    return STATUS_OK;
}

static void warn(struct sql_statement *statement, const struct error *why)
{
    struct sql_warnings *warnings = &statement->session->warnings;

    if (warnings->count == 0) {
        warnings->code = SQL_ERROR_REPORT_REFUSED;
        (void)snprintf(warnings->message, sizeof(warnings->message), "%s", why->message);
    }
    if (warnings->count < UINT16_MAX) {
        warnings->count++;
    }
    statement->writer->warnings = (uint16_t)warnings->count;
}

void sql_report_take(struct sql_statement *statement,
                     const struct sql_written *rows,
                     size_t count)
{
    const struct sql_session *session = statement->session;
    const struct sql_world *world = session->world;

    for (size_t at = 0; world->reports != NULL && at < count; at++) {
        const struct heartbeat_row row = report_of(&rows[at]);
        struct error why;
        enum status status = rows[at].is_taken ? STATUS_OK
                                               : report_router_take_row(world->reports, &row,
                                                                        REPORT_ENDPOINT, &why);

        if (status == STATUS_OK) {
            continue;
        }
        if (status == STATUS_NOT_FOUND) {
            tell_refusal(world, session->cluster != NULL ? session->cluster->name : "",
                         row.server_id, why.message);
        }
        warn(statement, &why);
    }
}
