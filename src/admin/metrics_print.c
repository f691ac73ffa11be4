/* SPDX-License-Identifier: Apache-2.0 */
/* The table of metric families: the one place that says which there are. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metrics.h"
#include "metrics_text.h"

typedef void (*add_samples_fn)(struct buffer *text,
                               const char *name,
                               const struct metrics_cluster *cluster);

static void add_number(struct buffer *text,
                       const char *name,
                       const struct metrics_cluster *cluster,
                       uint64_t value)
{
    const struct metrics_label labels[] = {{"cluster", cluster->name}, {NULL, NULL}};

    metrics_text_number(text, name, labels, value);
}

/* ---- one sample of each cluster ---- */

static void add_epoch_received(struct buffer *text,
                               const char *name,
                               const struct metrics_cluster *cluster)
{
    add_number(text, name, cluster, cluster->report.received_epoch);
}

static void add_epoch_durable(struct buffer *text,
                              const char *name,
                              const struct metrics_cluster *cluster)
{
    add_number(text, name, cluster, cluster->epoch_durable);
}

static void add_epoch_low_water(struct buffer *text,
                                const char *name,
                                const struct metrics_cluster *cluster)
{
    if (cluster->has_purge) {
        add_number(text, name, cluster, cluster->purge.low_water_epoch);
    }
}

static void add_purged_files(struct buffer *text,
                             const char *name,
                             const struct metrics_cluster *cluster)
{
    if (cluster->has_purge) {
        add_number(text, name, cluster, cluster->purge.purged_files);
    }
}

static void add_purged_bytes(struct buffer *text,
                             const char *name,
                             const struct metrics_cluster *cluster)
{
    if (cluster->has_purge) {
        add_number(text, name, cluster, cluster->purge.purged_bytes);
    }
}

static void add_store_bytes(struct buffer *text,
                            const char *name,
                            const struct metrics_cluster *cluster)
{
    add_number(text, name, cluster, cluster->store_bytes);
}

static void add_store_limit(struct buffer *text,
                            const char *name,
                            const struct metrics_cluster *cluster)
{
    if (cluster->has_purge) {
        add_number(text, name, cluster, cluster->purge.limit_bytes);
    }
}

static void add_hours_left(struct buffer *text,
                           const char *name,
                           const struct metrics_cluster *cluster)
{
    const struct metrics_label labels[] = {{"cluster", cluster->name}, {NULL, NULL}};

    if (cluster->has_purge && cluster->purge.hours_left >= 0) {
        metrics_text_real(text, name, labels, cluster->purge.hours_left);
    }
}

static void add_sessions(struct buffer *text,
                         const char *name,
                         const struct metrics_cluster *cluster)
{
    add_number(text, name, cluster, cluster->sessions);
}

static void add_received_bytes(struct buffer *text,
                               const char *name,
                               const struct metrics_cluster *cluster)
{
    add_number(text, name, cluster, cluster->report.received_bytes);
}

static void add_sent_bytes(struct buffer *text,
                           const char *name,
                           const struct metrics_cluster *cluster)
{
    add_number(text, name, cluster, cluster->sent_bytes);
}

static void add_connect_failures(struct buffer *text,
                                 const char *name,
                                 const struct metrics_cluster *cluster)
{
    add_number(text, name, cluster, cluster->report.connect_failures);
}

/* ---- samples of each applier ---- */

/* The labels of an applier's samples. */
struct applier_labels {
    char id[16];
    struct metrics_label labels[3];
};

static const struct metrics_label *label_applier(struct applier_labels *labels,
                                                 const struct metrics_cluster *cluster,
                                                 const struct metrics_applier *applier)
{
    (void)snprintf(labels->id, sizeof(labels->id), "%" PRIu32, applier->server_id);
    labels->labels[0] = (struct metrics_label){"cluster", cluster->name};
    labels->labels[1] = (struct metrics_label){"server_id", labels->id};
    labels->labels[2] = (struct metrics_label){NULL, NULL};
    return labels->labels;
}

static void add_epoch_applied(struct buffer *text,
                              const char *name,
                              const struct metrics_cluster *cluster)
{
    for (size_t at = 0; at < cluster->applier_count; at++) {
        const struct metrics_applier *applier = &cluster->appliers[at];
        struct applier_labels labels;

        metrics_text_number(text, name, label_applier(&labels, cluster, applier),
                            applier->epoch_applied);
    }
}

static void add_applier_lag(struct buffer *text,
                            const char *name,
                            const struct metrics_cluster *cluster)
{
    for (size_t at = 0; at < cluster->applier_count; at++) {
        const struct metrics_applier *applier = &cluster->appliers[at];
        struct applier_labels labels;

        if (applier->has_lag) {
            metrics_text_real(text, name, label_applier(&labels, cluster, applier),
                              applier->lag_seconds);
        }
    }
}

static void add_can_catch_up(struct buffer *text,
                             const char *name,
                             const struct metrics_cluster *cluster)
{
    for (size_t at = 0; at < cluster->applier_count; at++) {
        const struct metrics_applier *applier = &cluster->appliers[at];
        struct applier_labels labels;

        if (applier->has_place) {
            metrics_text_number(text, name, label_applier(&labels, cluster, applier),
                                applier->can_catch_up ? 1 : 0);
        }
    }
}

/* ---- who blocks the purge ---- */

/* The files before the newest that a hold needs: none of them may go. */
static uint64_t files_kept(const struct metrics_cluster *cluster, const struct log_hold *hold)
{
    uint64_t from =
        hold->from.file > cluster->oldest_file ? hold->from.file : cluster->oldest_file;

    return cluster->newest_file > from ? cluster->newest_file - from : 0;
}

/* Sessions are one holder, who needs what the neediest needs, which comes first: each would be
 * a series of its own, and they come and go. */
static void add_blocked_by(struct buffer *text,
                           const char *name,
                           const struct metrics_cluster *cluster)
{
    bool has_session = false;

    for (size_t at = 0; at < cluster->purge.hold_count; at++) {
        const struct log_hold *hold = &cluster->purge.holds[at];
        bool is_session = strncmp(hold->who, "session ", sizeof("session ") - 1) == 0;
        char id[16];
        const struct metrics_label labels[] = {{"cluster", cluster->name},
                                               {"server_id", hold->is_applier ? id : NULL},
                                               {"holder", is_session ? "session" : hold->who},
                                               {NULL, NULL}};

        (void)snprintf(id, sizeof(id), "%" PRIu32, hold->server_id);
        if (!is_session || !has_session) {
            metrics_text_number(text, name, labels, files_kept(cluster, hold));
        }
        has_session = has_session || is_session;
    }
}

/* ---- all ---- */

/* clang-format off */
static const struct {
    const char *name;
    const char *type;
    const char *help;
    add_samples_fn add;
} families[] = {
    {"binrelay_epoch_received", "gauge", "The newest epoch that arrived from the source.", add_epoch_received},
    {"binrelay_epoch_durable", "gauge", "The newest epoch that is stored durably.", add_epoch_durable},
    {"binrelay_epoch_low_water", "gauge", "The last epoch that nobody needs any more.", add_epoch_low_water},
    {"binrelay_applier_epoch_applied", "gauge", "The last epoch that an applier reported as applied.", add_epoch_applied},
    {"binrelay_applier_lag_seconds", "gauge", "Age of the oldest epoch that an applier has not applied.", add_applier_lag},
    {"binrelay_applier_can_catch_up", "gauge", "1 if what an applier needs next is here, else 0.", add_can_catch_up},
    {"binrelay_purge_blocked_by", "gauge", "Closed files that may not go because the holder needs them.", add_blocked_by},
    {"binrelay_purged_files_total", "counter", "Files purged since the start.", add_purged_files},
    {"binrelay_purged_bytes_total", "counter", "Bytes purged since the start.", add_purged_bytes},
    {"binrelay_store_bytes", "gauge", "Bytes of the stored binlog files.", add_store_bytes},
    {"binrelay_store_limit_bytes", "gauge", "Bytes that the store may take.", add_store_limit},
    {"binrelay_store_hours_left", "gauge", "Hours until the hard mark at the pace of late.", add_hours_left},
    {"binrelay_sessions", "gauge", "Connections to the endpoint.", add_sessions},
    {"binrelay_received_bytes_total", "counter", "Bytes received from the source.", add_received_bytes},
    {"binrelay_sent_bytes_total", "counter", "Bytes sent to replicas in streams.", add_sent_bytes},
    {"binrelay_cluster_connection_failures_total", "counter", "Connections to a source that failed.", add_connect_failures},
};
/* clang-format on */

void metrics_cluster_release(struct metrics_cluster *cluster)
{
    purge_report_release(&cluster->purge);
    free(cluster->appliers);
    *cluster = (struct metrics_cluster){0};
}

void metrics_print(struct buffer *text, const struct metrics_cluster *clusters, size_t count)
{
    for (size_t at = 0; at < sizeof(families) / sizeof(families[0]); at++) {
        metrics_text_head(text, families[at].name, families[at].type, families[at].help);
        for (size_t cluster = 0; cluster < count; cluster++) {
            families[at].add(text, families[at].name, &clusters[cluster]);
        }
    }
}
