/* SPDX-License-Identifier: Apache-2.0 */
#include "relay.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>

#include "binrelay/base/log.h"
#include "binrelay/base/memory.h"
#include "notify.h"
#include "relay_internal.h"
#include "settings.h"
#include "version.h"

static void on_publish(void *context)
{
    const struct relay_cluster *cluster = context;

    endpoint_wake(cluster->relay->endpoint, cluster->number);
}

static enum status make_cluster(struct relay *relay, size_t number, struct error *error)
{
    const struct config_cluster *config = config_cluster_at(relay->config, number);
    struct relay_cluster *cluster = &relay->clusters[number];
    autofree char *directory = mem_format("%s/%s", relay->config->data_dir, config->name);
    autofree char *identity = mem_format("%s/%u", config->name, (unsigned)config->server_id);
    struct registry_cluster kept = {0};
    struct binlog_store_options options = {.disk = disk_system(),
                                           .clock = clock_system(),
                                           .directory = directory,
                                           .log_name = config->log_name};
    enum status status = registry_load_cluster(relay->registry, config->name, &kept, error);

    if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
        return status;
    }
    cluster->relay = relay;
    cluster->number = number;
    uuid_of_name(identity, cluster->uuid);
    cluster->board = cluster_board_new();
    cluster_board_set_facts(cluster->board, &kept.facts);
    cluster->store = binlog_store_new(&options);
    binlog_store_set_first_visible(cluster->store, kept.first_visible);
    binlog_store_on_publish(cluster->store, on_publish, cluster);
    return STATUS_OK;
}

static enum status make_clusters(struct relay *relay, struct error *error)
{
    enum status status = STATUS_OK;

    relay->cluster_count = relay->config->clusters.count;
    relay->clusters = mem_zeroed(relay->cluster_count * sizeof(*relay->clusters));
    for (size_t at = 0; status == STATUS_OK && at < relay->cluster_count; at++) {
        status = make_cluster(relay, at, error);
    }
    return status;
}

static enum status open_endpoint(struct relay *relay, struct error *error)
{
    const struct config *config = relay->config;
    autofree struct listener_options *listeners = settings_listeners(config);
    autofree struct served_cluster *served = mem_zeroed(relay->cluster_count * sizeof(*served));
    autofree char *rsa_key_path = mem_format("%s/private-key.pem", config->data_dir);
    struct settings settings = {0};
    enum status status = settings_make(&settings, config, error);

    if (status != STATUS_OK) {
        return status;
    }
    for (size_t at = 0; at < relay->cluster_count; at++) {
        served[at] = (struct served_cluster){
            .name = config_cluster_at(config, at)->name,
            .server_id = (uint32_t)config_cluster_at(config, at)->server_id,
            .server_uuid = relay->clusters[at].uuid,
            .store = relay->clusters[at].store,
            .board = relay->clusters[at].board,
        };
    }
    status = endpoint_open(&relay->endpoint,
                           &(struct endpoint_options){
                               .loop = relay->loop,
                               .clock = clock_system(),
                               .listeners = listeners,
                               .listener_count = config->endpoint.listen.count,
                               .clusters = served,
                               .cluster_count = relay->cluster_count,
                               .serve_threads = (unsigned)config->serve_threads,
                               .rsa_key_path = rsa_key_path,
                               .settings = settings.endpoint,
                           },
                           error);
    settings_release(&settings);
    return status;
}

static struct pull_start start_of(const struct config_cluster *cluster)
{
    const struct config_start *start = &cluster->start;
    enum pull_start_kind kind = cluster->is_start_last ? PULL_FROM_LAST : PULL_FROM_FIRST;

    if (start->file != NULL) {
        kind = PULL_FROM_POSITION;
    } else if (start->gtid_set != NULL) {
        kind = PULL_FROM_GTIDS;
    }
    return (struct pull_start){.kind = kind,
                               .file_name = start->file,
                               .position = start->position == 0 ? 4 : start->position,
                               .gtids = start->gtid_set};
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
        .sync_mode = (enum store_sync_mode)relay->config->store.sync,
        .sync_interval_usec = relay->config->store.sync_interval_usec,
        .clock = clock_system(),
        .store = cluster->store,
        .board = cluster->board,
        .registry = relay->registry,
    };
    enum status status =
        registry_load_cluster(relay->registry, config->name, &options.kept, error);

    if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
        return status;
    }
    return puller_start(&cluster->puller, &options, error);
}

static void on_stop_message(struct message *message)
{
    struct relay *relay = (struct relay *)((char *)message - offsetof(struct relay, stop));

    loop_stop(relay->loop);
}

/* By a message, so that the reply to the administrator who asked is on its way first. */
static void stop(void *context)
{
    struct relay *relay = context;

    if (!relay->is_stopping) {
        relay->is_stopping = true;
        relay->stop.run = on_stop_message;
        loop_post(relay->loop, &relay->stop);
    }
}

static void on_stop_signal(void *context)
{
    log_info("relay: asked to stop by a signal");
    stop(context);
}

static void on_reload_signal(void *context)
{
    struct error error;

    if (relay_reload(context, &error) != STATUS_OK) {
        log_error("relay: not reloaded, all stays as it was: %s", error.message);
    }
}

static enum status open_admin(struct relay *relay, struct error *error)
{
    autofree struct admin_cluster *clusters =
        mem_zeroed(relay->cluster_count * sizeof(*clusters));

    for (size_t at = 0; at < relay->cluster_count; at++) {
        clusters[at] = (struct admin_cluster){
            .name = config_cluster_at(relay->config, at)->name,
            .store = relay->clusters[at].store,
            .board = relay->clusters[at].board,
            .puller = relay->clusters[at].puller,
        };
    }
    return admin_open(
        &relay->admin,
        &(struct admin_options){
            .loop = relay->loop,
            .clock = clock_system(),
            .socket_path = relay->config->admin.socket,
            .socket_mode = relay->config->admin.mode,
            .clusters = clusters,
            .cluster_count = relay->cluster_count,
            .endpoint = relay->endpoint,
            .program = {.reload = relay_reload, .shut_down = stop, .context = relay},
        },
        error);
}

static enum status start_parts(struct relay *relay, struct error *error)
{
    enum status status = loop_new(&relay->loop, error);

    if (status == STATUS_OK) {
        status = data_dir_open(&relay->data_dir, disk_system(), relay->config->data_dir,
                               relay->config->relay_id, error);
    }
    if (status == STATUS_OK) {
        status =
            registry_open(&relay->registry, relay->config->data_dir, clock_system(), error);
    }
    if (status == STATUS_OK) {
        status = make_clusters(relay, error);
    }
    if (status == STATUS_OK) {
        status = open_endpoint(relay, error);
    }
    for (size_t at = 0; status == STATUS_OK && at < relay->cluster_count; at++) {
        status = start_puller(relay, at, error);
    }
    return status == STATUS_OK ? open_admin(relay, error) : status;
}

enum status relay_new(struct relay **made,
                      struct config *config,
                      const char *path,
                      struct error *error)
{
    struct relay *relay = mem_zeroed(sizeof(*relay));
    enum status status = STATUS_OK;

    relay->config = config;
    relay->config_path = mem_text(path);
    status = start_parts(relay, error);
    if (status != STATUS_OK) {
        relay->config = NULL; /* stays the caller's */
        relay_free(relay);
        return status;
    }
    *made = relay;
    return STATUS_OK;
}

void relay_run(struct relay *relay)
{
    relay->signals[0] = loop_watch_signal(relay->loop, SIGTERM, on_stop_signal, relay);
    relay->signals[1] = loop_watch_signal(relay->loop, SIGINT, on_stop_signal, relay);
    relay->signals[2] = loop_watch_signal(relay->loop, SIGHUP, on_reload_signal, relay);
    relay_start_watchdog(relay);
    log_info("relay: binrelay " BINRELAY_VERSION " serves %zu clusters", relay->cluster_count);
    notify_ready();
    loop_run(relay->loop);
    notify_stopping();
    log_info("relay: stopping");
}

/* The pullers end before the endpoint that they wake, and all threads before what they use. */
void relay_free(struct relay *relay)
{
    if (relay == NULL) {
        return;
    }
    for (size_t at = 0; at < RELAY_SIGNALS; at++) {
        if (relay->signals[at] != NULL) {
            loop_watch_free(relay->signals[at]);
        }
    }
    loop_timer_free(relay->watchdog);
    admin_close(relay->admin);
    for (size_t at = 0; at < relay->cluster_count; at++) {
        puller_stop(relay->clusters[at].puller);
    }
    endpoint_close(relay->endpoint);
    for (size_t at = 0; at < relay->cluster_count; at++) {
        binlog_store_free(relay->clusters[at].store);
        cluster_board_free(relay->clusters[at].board);
    }
    registry_close(relay->registry);
    data_dir_close(relay->data_dir);
    loop_free(relay->loop);
    config_free(relay->config);
    free(relay->clusters);
    free(relay->turns_seen);
    free(relay->config_path);
    free(relay);
}
