/* SPDX-License-Identifier: Apache-2.0 */
#include "sql_report.h"

#include <inttypes.h>
#include <stdio.h>

#include "binrelay/registry/registry.h"
#include "settings.h"
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

static bool may_use(const struct sql_session *session, const struct served_cluster *cluster)
{
    const struct account *account = session->account;
    size_t number = (size_t)(cluster - session->world->clusters);

    for (size_t at = 0; account != NULL && at < account->cluster_count; at++) {
        if (account->clusters[at] == number) {
            return true;
        }
    }
    return account == NULL;
}

/* The registry knows no accounts, so this is refused here. */
static enum status check_account(const struct sql_session *session,
                                 const struct heartbeat_row *row,
                                 struct error *error)
{
    const struct sql_world *world = session->world;
    const struct served_cluster *cluster = find_cluster(world, row);
    char message[sizeof(error->message)];

    if (cluster == NULL || may_use(session, cluster)) {
        return STATUS_OK;
    }
    (void)snprintf(message, sizeof(message),
                   "Report of applier %" PRIu32 " refused: the account '%s' does not have "
                   "cluster %s, whose epoch %" PRIu64 " that is",
                   row->server_id, session->user, cluster->name, row->applied_epoch);
    if (world->registry != NULL) {
        registry_add_event(world->registry, cluster->name, "report.refused", message);
    }
    return sql_error_set(error, SQL_ERROR_REPORT_REFUSED, "%s", message);
}

static enum status refuse(const struct heartbeat_row *row,
                          const struct error *why,
                          struct error *error)
{
    const struct error copy = *why;

    return sql_error_set(error, SQL_ERROR_REPORT_REFUSED,
                         "Report of applier %" PRIu32 " refused: %s", row->server_id,
                         copy.message);
}

static enum status check_row(struct sql_statement *statement,
                             struct sql_written *written,
                             struct error *error)
{
    struct report_router *reports = statement->session->world->reports;
    const struct heartbeat_row row = report_of(written);
    struct error why;
    enum status status = report_router_check_row(reports, &row, &why);

    if (status == STATUS_NOT_FOUND) {
        return STATUS_OK; /* nobody's: it may stand in the table */
    }
    if (check_account(statement->session, &row, error) != STATUS_OK) {
        return error->status;
    }
    if (status == STATUS_OK) {
        return STATUS_OK;
    }
    /* Refused once more, and then it is an event; unless it has become right meanwhile, as an
     * epoch does that has just become durable. */
    written->is_taken =
        report_router_take_row(reports, &row, REPORT_ENDPOINT, &why) == STATUS_OK;
    return written->is_taken ? STATUS_OK : refuse(&row, &why, error);
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

void sql_report_take(struct sql_statement *statement,
                     const struct sql_written *rows,
                     size_t count)
{
    struct report_router *reports = statement->session->world->reports;

    for (size_t at = 0; reports != NULL && at < count; at++) {
        const struct heartbeat_row row = report_of(&rows[at]);
        struct error ignored; /* the router has made it an event */

        if (!rows[at].is_taken &&
            report_router_take_row(reports, &row, REPORT_ENDPOINT, &ignored) != STATUS_OK &&
            statement->writer->warnings < UINT16_MAX) {
            statement->writer->warnings++;
        }
    }
}
