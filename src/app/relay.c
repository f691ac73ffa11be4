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
            .presents_upstream = settings_presents_upstream(config_cluster_at(config, at)),
            .flush_source = relay_flush_source,
            .flush_context = &relay->clusters[at],
            .appliers = relay->clusters[at].appliers,
            .leases = relay->clusters[at].leases,
            .purge_logs = relay_purge_logs,
            .purge_context = &relay->clusters[at],
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
                               .heartbeats = registry_heartbeats(relay->registry),
                               .heartbeat_name = config->heartbeat.table,
                               .reports = registry_reports(relay->registry),
                               .pins = registry_pins(relay->registry),
                               .registry = relay->registry,
                               .serve_threads = (unsigned)config->serve_threads,
                               .rsa_key_path = rsa_key_path,
                               .settings = settings.endpoint,
                           },
                           error);
    settings_release(&settings);
    return status;
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
            .appliers = relay->clusters[at].appliers,
            .purger = relay->clusters[at].purger,
            .leases = relay->clusters[at].leases,
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
            .registry = relay->registry,
            .pins = registry_pins(relay->registry),
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
        status = worker_start(&relay->worker, "reload", error);
    }
    if (status == STATUS_OK) {
        status = relay_make_clusters(relay, error);
    }
    if (status == STATUS_OK) {
        status = relay_open_appliers(relay, error);
    }
    if (status == STATUS_OK) {
        status = open_endpoint(relay, error);
    }
    if (status == STATUS_OK) {
        status = relay_start_clusters(relay, error);
    }
    if (status == STATUS_OK) {
        status = relay_start_purgers(relay, error);
    }
    if (status == STATUS_OK) {
        status = relay_start_polls(relay, error);
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

/*
 * The pullers end before the endpoint that they wake, and all threads before
 * what they use. The agents end after the endpoint, which may wait for one of
 * them: what they do is broken off first.
 */
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
    relay_interrupt_polls(relay);
    for (size_t at = 0; at < relay->cluster_count; at++) {
        source_agent_interrupt(relay->clusters[at].agent);
    }
    for (size_t at = 0; at < relay->cluster_count; at++) {
        purger_stop(relay->clusters[at].purger); /* breaks off what an administrator purges */
    }
    admin_close(relay->admin);
    worker_stop(relay->worker);
    for (size_t at = 0; at < relay->cluster_count; at++) {
        puller_stop(relay->clusters[at].puller);
    }
    endpoint_close(relay->endpoint);
    relay_stop_polls(relay);
    for (size_t at = 0; at < relay->cluster_count; at++) {
        source_agent_stop(relay->clusters[at].agent);
        purger_free(relay->clusters[at].purger);
    }
    registry_close(relay->registry); /* it looks into stores and boards to its end */
    for (size_t at = 0; at < relay->cluster_count; at++) {
        binlog_store_free(relay->clusters[at].store);
        cluster_board_free(relay->clusters[at].board);
    }
    data_dir_close(relay->data_dir);
    loop_free(relay->loop);
    config_free(relay->config);
    free(relay->clusters);
    free(relay->turns_seen);
    free(relay->config_path);
    free(relay);
}
