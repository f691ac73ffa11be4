/* SPDX-License-Identifier: Apache-2.0 */
/* What the pulled stream says of appliers goes to the registry. */
#include <stdio.h>
#include <string.h>

#include "binrelay/base/log.h"
#include "binrelay/storage/sightings.h"
#include "puller_internal.h"

#define USEC_IN_SEC UINT64_C(1000000)

/* A report that is refused, or is of nobody that is known, is the router's to tell. */
static void on_sighting(void *context, const struct sighting *sighting)
{
    const struct puller *puller = context;
    struct report_router *reports = puller->options.reports;
    struct heartbeat_row row = {
        .server_id = sighting->server_id,
        .counter = sighting->counter,
        .has_applied_epoch = sighting->has_epoch,
        .applied_epoch = sighting->epoch,
        .has_source_cluster = sighting->has_source_cluster,
        .source_cluster = sighting->source_cluster,
        .updated_usec = sighting->written_sec * USEC_IN_SEC,
    };
    struct error error = {0};
    enum status status = STATUS_OK;

    if (sighting->kind == SIGHTING_HEARTBEAT) {
        status = report_router_take_row(reports, &row, REPORT_STREAM, &error);
    } else {
        status = report_router_take_apply_status(reports, puller->options.cluster,
                                                 sighting->server_id, sighting->epoch, &error);
    }
    if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
        log_debug("cluster %s: a report in the stream: %s", puller->options.cluster,
                  error.message);
    }
}

void puller_watch_reports(struct puller *puller)
{
    const char *table = puller->options.heartbeat_table;
    const char *dot = table == NULL ? NULL : strchr(table, '.');
    struct sighting_rules rules = {.server_id = puller->options.server_id};

    if (puller->options.reports == NULL || dot == NULL) {
        return;
    }
    (void)snprintf(rules.database, sizeof(rules.database), "%.*s", (int)(dot - table), table);
    (void)snprintf(rules.table, sizeof(rules.table), "%s", dot + 1);
    binlog_store_on_sighting(puller->options.store, &rules, on_sighting, puller);
}
