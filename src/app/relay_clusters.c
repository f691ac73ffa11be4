/* SPDX-License-Identifier: Apache-2.0 */
/* What there is of each cluster: store, board, puller and agent, from the configuration and
 * from what the registry kept. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>

#include "binrelay/base/memory.h"
#include "relay_internal.h"
#include "settings.h"

static void on_publish(void *context)
{
    const struct relay_cluster *cluster = context;

    endpoint_wake(cluster->relay->endpoint, cluster->number);
}

/* ---- the identity that the store was begun with ---- */

static enum status look_for_files(const char *directory, bool *has_files, struct error *error)
{
    char base_name[BINLOG_NAME_MOST_BYTES + 1];
    uint64_t number = 0;
    const struct dirent *entry = NULL;
    DIR *listing = opendir(directory);

    *has_files = false;
    if (listing == NULL) {
        return errno == ENOENT ? STATUS_OK : error_set_errno(error, "look into %s", directory);
    }
    while ((entry = readdir(listing)) != NULL) {
        *has_files =
            *has_files || binlog_name_split(bytes_of_text(entry->d_name), base_name, &number);
    }
    (void)closedir(listing); /* was only read */
    return STATUS_OK;
}

static const char *describe(char text[64], uint32_t identity)
{
    if (identity == 0) {
        return "identity \"upstream\"";
    }
    (void)snprintf(text, 64, "identity \"virtual\" as server_id %u", (unsigned)identity);
    return text;
}

/*
 * Appliers know an epoch by the server id in its marker, so one store has one.
 * The first start, or one that finds no files, writes down what holds from then on.
 */
static enum status keep_identity(struct relay *relay,
                                 const struct config_cluster *config,
                                 const char *directory,
                                 struct registry_cluster *kept,
                                 struct error *error)
{
    uint32_t wanted = settings_marker_id(config);
    char texts[2][64];
    bool has_files = false;

    if (kept->identity == wanted) {
        return STATUS_OK;
    }
    if (look_for_files(directory, &has_files, error) != STATUS_OK) {
        return error->status;
    }
    if (has_files) {
        return error_set(error, STATUS_INVALID,
                         "cluster %s: %s does not fit %s, whose epochs were stored with %s: "
                         "set it back, or begin with an empty directory",
                         config->name, describe(texts[0], wanted), directory,
                         describe(texts[1], kept->identity));
    }
    kept->identity = wanted;
    registry_save_cluster(relay->registry, config->name, kept, NULL);
    return STATUS_OK;
}

/* ---- making ---- */

static enum status make_cluster(struct relay *relay, size_t number, struct error *error)
{
    const struct config_cluster *config = config_cluster_at(relay->config, number);
    struct relay_cluster *cluster = &relay->clusters[number];
    autofree char *directory = mem_format("%s/%s", relay->config->data_dir, config->name);
    autofree char *name_and_id = mem_format("%s/%u", config->name, (unsigned)config->server_id);
    struct registry_cluster *kept = &cluster->kept;
    struct binlog_store_options options = {.disk = disk_system(),
                                           .clock = clock_system(),
                                           .directory = directory,
                                           .log_name = config->log_name};
    enum status status = registry_load_cluster(relay->registry, config->name, kept, error);

    if ((status != STATUS_OK && status != STATUS_NOT_FOUND) ||
        keep_identity(relay, config, directory, kept, error) != STATUS_OK) {
        return error->status;
    }
    options.epochs = settings_epochs(relay->config, config, kept->facts.server_id_bits);
    cluster->relay = relay;
    cluster->number = number;
    uuid_of_name(name_and_id, cluster->uuid);
    cluster->board = cluster_board_new();
    cluster_board_set_facts(cluster->board, &kept->facts);
    cluster->store = binlog_store_new(&options);
    binlog_store_set_first_visible(cluster->store, kept->first_visible);
    binlog_store_on_publish(cluster->store, on_publish, cluster);
    return STATUS_OK;
}

enum status relay_make_clusters(struct relay *relay, struct error *error)
{
    enum status status = STATUS_OK;

    relay->cluster_count = relay->config->clusters.count;
    relay->clusters = mem_zeroed(relay->cluster_count * sizeof(*relay->clusters));
    for (size_t at = 0; status == STATUS_OK && at < relay->cluster_count; at++) {
        status = make_cluster(relay, at, error);
    }
    return status;
}

/* ---- pulling ---- */

static struct pull_start start_of(const struct config_cluster *cluster)
{
    const struct config_start *start = &cluster->start;
    enum pull_start_kind kind = cluster->is_start_last ? PULL_FROM_LAST : PULL_FROM_FIRST;

    if (start->file != NULL) {
        kind = PULL_FROM_POSITION;
    } else if (start->gtid_set != NULL) {
        kind = PULL_FROM_GTIDS;
    } else if (start->epoch != 0) {
        kind = PULL_FROM_EPOCH;
    }
    return (struct pull_start){.kind = kind,
                               .file_name = start->file,
                               .position = start->position == 0 ? 4 : start->position,
                               .gtids = start->gtid_set,
                               .epoch = start->epoch};
}

/* Reports are of epochs: where no cluster has any, streams are not looked into. */
static bool has_epochs(const struct config *config)
{
    bool has = false;

    for (size_t at = 0; at < config->clusters.count; at++) {
        has = has || config_cluster_at(config, at)->epochs != EPOCHS_NONE;
    }
    return has;
}

static enum status start_puller(struct relay *relay, size_t number, struct error *error)
{
    const struct config_cluster *config = config_cluster_at(relay->config, number);
    struct relay_cluster *cluster = &relay->clusters[number];
    autofree struct source_options *sources = settings_sources(config);
    autofree char *directory = mem_format("%s/%s", relay->config->data_dir, config->name);
    struct puller_options options = {
        .cluster = config->name,
        .directory = directory,
        .server_id = (uint32_t)config->server_id,
        .relay_id = relay->config->relay_id,
        .sources = sources,
        .source_count = config->sources.count,
        .log_name = config->log_name,
        .start = start_of(config),
        .heartbeat_period_usec = config->heartbeat_period_usec,
        .read_timeout_usec = config->read_timeout_usec,
        .connect_retry_usec = config->connect_retry_usec,
        .semi_sync = config->semi_sync,
        .is_identity_virtual = settings_marker_id(config) != 0,
        .sync_mode = (enum store_sync_mode)relay->config->store.sync,
        .sync_interval_usec = relay->config->store.sync_interval_usec,
        .clock = clock_system(),
        .store = cluster->store,
        .board = cluster->board,
        .registry = relay->registry,
        .reports = has_epochs(relay->config) ? registry_reports(relay->registry) : NULL,
        .heartbeat_table = relay->config->heartbeat.table,
        .kept = cluster->kept,
    };

    return puller_start(&cluster->puller, &options, error);
}

/* ---- speaking with the source ---- */

/* Every cluster has one: without anything to write or to read it only waits for a FLUSH. */
static enum status start_agent(struct relay *relay, size_t number, struct error *error)
{
    const struct config *config = relay->config;
    const struct config_cluster *cluster = config_cluster_at(config, number);
    autofree struct source_options *sources = settings_sources(cluster);
    struct source_agent_options options = {
        .cluster = cluster->name,
        .server_id = (uint32_t)cluster->server_id,
        .sources = sources,
        .source_count = cluster->sources.count,
        .heartbeat_table = config->heartbeat.table,
        .writes_heartbeats =
            config->heartbeat.write_to_sources && cluster->epochs == EPOCHS_HEARTBEAT,
        .heartbeat_interval_usec = config->heartbeat.interval_usec,
        .polls_apply_status = cluster->epochs == EPOCHS_NDB,
        .poll_interval_usec = config->heartbeat.interval_usec,
        .clock = clock_system(),
        .store = relay->clusters[number].store,
        .board = relay->clusters[number].board,
        .registry = relay->registry,
    };

    return source_agent_start(&relay->clusters[number].agent, &options, error);
}

enum status relay_flush_source(void *context, struct error *error)
{
    const struct relay_cluster *cluster = context;

    return source_agent_execute(cluster->agent, "FLUSH BINARY LOGS", error);
}

enum status relay_purge_source(void *context, uint64_t file, struct error *error)
{
    const struct relay_cluster *cluster = context;

    return source_agent_purge(cluster->agent, file, error);
}

enum status relay_start_clusters(struct relay *relay, struct error *error)
{
    enum status status = STATUS_OK;

    for (size_t at = 0; status == STATUS_OK && at < relay->cluster_count; at++) {
        status = start_puller(relay, at, error);
        if (status == STATUS_OK) {
            status = start_agent(relay, at, error);
        }
    }
    return status;
}
