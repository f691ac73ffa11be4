/* SPDX-License-Identifier: Apache-2.0 */
/* Commands about clusters: what they do, how far they are, pause and resume. */
#include <string.h>

#include "admin_internal.h"
#include "binrelay/base/memory.h"
#include "binrelay/registry/catch_up.h"
#include "binrelay/serve/endpoint_sessions.h"
#include "binrelay/storage/binlog_files.h"

/* Bytes and count of a cluster's files. */
static void sum_files(struct binlog_store *store, uint64_t *bytes, size_t *count)
{
    struct binlog_file_facts *facts = NULL;

    *count = binlog_files_list(store, &facts);
    *bytes = 0;
    for (size_t at = 0; at < *count; at++) {
        *bytes += facts[at].bytes;
    }
    free(facts);
}

/* Seconds that the newest event is old, or null while nothing is known. */
static json_t *lag_of(const struct admin *admin, const struct cluster_report *report)
{
    uint64_t now = clock_wall_usec(admin->options.clock) / 1000000;

    if (report->last_created_sec == 0) {
        return json_null();
    }
    return json_integer(
        now > report->last_created_sec ? (json_int_t)(now - report->last_created_sec) : 0);
}

static size_t count_streams(const struct admin *admin, const char *cluster)
{
    struct session_facts *facts = NULL;
    size_t count = endpoint_sessions(admin->options.endpoint, &facts);
    size_t streams = 0;

    for (size_t at = 0; at < count; at++) {
        bool is_streaming = strcmp(facts[at].state, "streaming") == 0;

        streams += is_streaming && strcmp(facts[at].cluster, cluster) == 0 ? 1 : 0;
    }
    free(facts);
    return streams;
}

/* What decides on purging, all of it null where nothing is purged. A new reference. */
static json_t *purge_row(const struct admin_cluster *cluster)
{
    struct purge_report report = {.hours_left = -1};
    const char *holder = NULL;
    json_t *row = NULL;

    if (cluster->purger == NULL) {
        return json_pack("{s:n,s:n,s:n,s:n}", "epoch_low_water", "held_by", "store_limit_bytes",
                         "hours_left");
    }
    purger_report(cluster->purger, &report);
    holder = report.hold_count == 0 ? NULL : report.holds[0].who;
    row = json_pack("{s:o,s:o,s:I,s:o}", "epoch_low_water", admin_epoch(report.low_water_epoch),
                    "held_by", holder == NULL ? json_null() : json_string(holder),
                    "store_limit_bytes", (json_int_t)report.limit_bytes, "hours_left",
                    report.hours_left < 0
                        ? json_null()
                        : json_real((double)(int64_t)(report.hours_left * 10) / 10));
    purge_report_release(&report);
    return row;
}

/* A new reference to the row of one cluster. */
static json_t *row_of(const struct admin *admin, const struct admin_cluster *cluster)
{
    struct cluster_report report;
    uint64_t bytes = 0;
    size_t files = 0;
    json_t *row = NULL;
    json_t *purge = purge_row(cluster);

    cluster_board_read(cluster->board, &report);
    sum_files(cluster->store, &bytes, &files);
    row = json_pack(
        "{s:s,s:s,s:s,s:o,s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:I,s:I,s:I}", "cluster", cluster->name,
        "state", pull_state_name(report.state), "reason", report.reason, "since",
        admin_time(report.state_since_usec), "source", report.source, "received",
        admin_position(cluster->store, report.received), "durable",
        admin_position(cluster->store, binlog_store_durable_end(cluster->store)),
        "epoch_received", admin_epoch(report.received_epoch), "epoch_durable",
        admin_epoch(catch_up_newest_epoch(cluster->store)), "last_event",
        admin_time(report.last_event_usec), "last_commit_age_seconds", lag_of(admin, &report),
        "files", (json_int_t)files, "store_bytes", (json_int_t)bytes, "streams",
        (json_int_t)count_streams(admin, cluster->name));
    (void)json_object_update(row, purge); /* fails only for want of memory */
    json_decref(purge);
    return row;
}

static void add_row(json_t *rows,
                    const struct admin *admin,
                    const struct admin_cluster *cluster)
{
    (void)json_array_append_new(rows, row_of(admin, cluster));
}

/* Finds the cluster that the arguments name. */
static enum status cluster_of(const struct admin *admin,
                              const json_t *arguments,
                              const struct admin_cluster **found,
                              struct error *error)
{
    const char *name = json_string_value(json_object_get(arguments, "cluster"));

    *found = admin_find_cluster(admin, name);
    if (*found == NULL) {
        return error_set(error, STATUS_NOT_FOUND,
                         "there is no cluster %s; cluster list names them", name);
    }
    return STATUS_OK;
}

enum status command_status(struct admin *admin,
                           const json_t *arguments,
                           json_t **result,
                           struct error *error)
{
    return admin_list(admin, arguments, add_row, result, error);
}

enum status command_cluster_list(struct admin *admin,
                                 const json_t *arguments,
                                 json_t **result,
                                 struct error *error)
{
    json_t *rows = json_array();

    (void)arguments;
    (void)error;
    for (size_t at = 0; at < admin->options.cluster_count; at++) {
        struct cluster_report report;

        cluster_board_read(admin->clusters[at].board, &report);
        (void)json_array_append_new(rows, json_pack("{s:s,s:s,s:s,s:s}", "cluster",
                                                    admin->clusters[at].name, "state",
                                                    pull_state_name(report.state), "reason",
                                                    report.reason, "source", report.source));
    }
    *result = rows;
    return STATUS_OK;
}

/* What only `cluster show` tells: of the source, and counters since the start. */
static json_t *details_of(const struct admin_cluster *cluster)
{
    struct cluster_report report;

    cluster_board_read(cluster->board, &report);
    return json_pack("{s:s,s:s,s:I,s:s,s:o,s:o,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "source_version",
                     report.facts.server_version, "source_uuid", report.facts.server_uuid,
                     "source_server_id", (json_int_t)report.facts.server_id, "source_gtid_mode",
                     report.facts.gtid_mode, "upstream",
                     admin_position(cluster->store, report.upstream), "first_visible",
                     admin_position(cluster->store, binlog_store_first_visible(cluster->store)),
                     "received_bytes", (json_int_t)report.received_bytes, "received_events",
                     (json_int_t)report.received_events, "connects",
                     (json_int_t)report.connects, "connect_failures",
                     (json_int_t)report.connect_failures, "bad_events",
                     (json_int_t)report.bad_events, "syncs", (json_int_t)report.syncs,
                     "semisync_replies", (json_int_t)report.semisync_replies);
}

enum status command_cluster_show(struct admin *admin,
                                 const json_t *arguments,
                                 json_t **result,
                                 struct error *error)
{
    const struct admin_cluster *cluster = NULL;
    enum status status = cluster_of(admin, arguments, &cluster, error);
    json_t *details = NULL;

    if (status != STATUS_OK) {
        return status;
    }
    details = details_of(cluster);
    *result = row_of(admin, cluster);
    (void)json_object_update(*result, details); /* fails only for want of memory */
    json_decref(details);
    return STATUS_OK;
}

enum status command_cluster_pause(struct admin *admin,
                                  const json_t *arguments,
                                  json_t **result,
                                  struct error *error)
{
    const struct admin_cluster *cluster = NULL;
    enum status status = cluster_of(admin, arguments, &cluster, error);

    if (status != STATUS_OK) {
        return status;
    }
    puller_pause(cluster->puller);
    *result = json_pack("{s:s,s:s}", "cluster", cluster->name, "asked", "pause");
    return STATUS_OK;
}

enum status command_cluster_resume(struct admin *admin,
                                   const json_t *arguments,
                                   json_t **result,
                                   struct error *error)
{
    const struct admin_cluster *cluster = NULL;
    enum status status = cluster_of(admin, arguments, &cluster, error);

    if (status != STATUS_OK) {
        return status;
    }
    puller_resume(cluster->puller);
    *result = json_pack("{s:s,s:s}", "cluster", cluster->name, "asked", "resume");
    return STATUS_OK;
}
