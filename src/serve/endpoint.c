/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/serve/endpoint.h"
#include "binrelay/serve/endpoint_sessions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "binrelay/base/log.h"
#include "binrelay/base/memory.h"
#include "binrelay/net/listener.h"
#include "greeting_version.h"
#include "serve_thread.h"
#include "sql/sql_agents.h"
#include "sql/sql_errors.h"

/* One address that we listen on. */
struct gate {
    struct endpoint *endpoint; /* borrowed */
    struct listener *listener; /* owned */
    char *version;             /* owned; as configured */
    struct session_door door;
};

struct endpoint {
    struct served_cluster *clusters; /* owned; what they point to is borrowed */
    size_t cluster_count;
    struct frame_cache **frames; /* owned: one for each cluster */
    struct session_house house;
    struct session_home home; /* of the control thread */
    struct gate *gates;       /* owned */
    size_t gate_count;
    struct settings *settings;    /* a reference: those of logins from now on */
    struct auth_rsa_key *rsa_key; /* owned */
    struct sql_agents *agents;    /* owned */
    struct sql_world world;
    char *heartbeat_name;    /* owned */
    pthread_mutex_t writing; /* of heartbeats */
    struct sql_refused refused;
    atomic_bool is_purging;
    struct serve_threads *threads; /* owned */
};

/*
 * An error packet in place of the greeting. Without an SQLSTATE: what the
 * client can read is not known yet, and it takes the state for text.
 */
static void turn_away(int descriptor, uint16_t code, const char *message)
{
    struct buffer packet = {0};
    uint8_t sequence = 0;
    size_t begun = packet_begin(&packet);

    buffer_add_number(&packet, 0xFF, 1);
    buffer_add_number(&packet, code, 2);
    buffer_add_text(&packet, message);
    packet_end(&packet, begun, &sequence);
    (void)!send(descriptor, packet.data, packet.size, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)close(descriptor);
    buffer_release(&packet);
}

static void on_accept(void *context, int descriptor, const char *peer)
{
    struct gate *gate = context;
    struct endpoint *endpoint = gate->endpoint;
    struct settings *settings = endpoint->settings;
    struct session_origin origin = {
        .house = &endpoint->house, .settings = settings, .door = &gate->door};

    if (session_directory_count(endpoint->house.directory) >= settings->max_connections) {
        log_warning("endpoint: %s turned away: all %u connections are in use", peer,
                    settings->max_connections);
        turn_away(descriptor, SQL_ERROR_TOO_MANY_CONNECTIONS, "Too many connections");
        return;
    }
    origin.may_send_proxy_header = settings_trusts_proxy(settings, peer);
    if (!origin.may_send_proxy_header &&
        login_limits_refuse(endpoint->house.limits, peer,
                            clock_monotonic_usec(endpoint->house.clock))) {
        turn_away(descriptor, SQL_ERROR_HOST_BLOCKED,
                  "Too many failed logins from this address; try again later");
        return;
    }
    greeting_version_choose(gate->version, endpoint->clusters + gate->door.first_cluster,
                            gate->door.cluster_count, gate->door.version);
    session_home_add(&endpoint->home, &origin, descriptor, peer);
}

static enum status find_clusters(struct endpoint *endpoint,
                                 const struct listener_options *options,
                                 struct session_door *door,
                                 struct error *error)
{
    door->cluster_count = endpoint->cluster_count;
    if (options->cluster == NULL) {
        return STATUS_OK;
    }
    door->cluster_count = 1;
    for (size_t at = 0; at < endpoint->cluster_count; at++) {
        if (strcmp(endpoint->clusters[at].name, options->cluster) == 0) {
            door->first_cluster = at;
            return STATUS_OK;
        }
    }
    return error_set(error, STATUS_INVALID, "listen on %s: there is no cluster %s",
                     options->address, options->cluster);
}

static enum status open_gates(struct endpoint *endpoint,
                              const struct endpoint_options *options,
                              struct error *error)
{
    endpoint->gates = mem_zeroed((options->listener_count + 1) * sizeof(*endpoint->gates));
    for (size_t at = 0; at < options->listener_count; at++) {
        struct gate *gate = &endpoint->gates[endpoint->gate_count++];
        const struct listener_options *wanted = &options->listeners[at];

        gate->endpoint = endpoint;
        gate->version = mem_text(wanted->version);
        if (find_clusters(endpoint, wanted, &gate->door, error) != STATUS_OK ||
            listener_open(&gate->listener, options->loop, wanted->address, error) !=
                STATUS_OK) {
            return error->status;
        }
        gate->door.port = listener_port(gate->listener);
    }
    for (size_t at = 0; at < endpoint->gate_count; at++) {
        listener_start(endpoint->gates[at].listener, on_accept, &endpoint->gates[at]);
    }
    return STATUS_OK;
}

static void copy_clusters(struct endpoint *endpoint, const struct endpoint_options *options)
{
    size_t count = options->cluster_count;

    endpoint->cluster_count = count;
    endpoint->clusters = mem_zeroed((count + 1) * sizeof(*endpoint->clusters));
    endpoint->frames = mem_zeroed((count + 1) * sizeof(struct frame_cache *));
    for (size_t at = 0; at < count; at++) {
        endpoint->clusters[at] = options->clusters[at];
        endpoint->frames[at] = frame_cache_new();
    }
}

static void make_world(struct endpoint *endpoint, const struct endpoint_options *options)
{
    endpoint->heartbeat_name = mem_text(options->heartbeat_name);
    (void)pthread_mutex_init(&endpoint->writing, NULL);
    endpoint->world = (struct sql_world){
        .clusters = endpoint->clusters,
        .cluster_count = endpoint->cluster_count,
        .heartbeats = endpoint->heartbeat_name == NULL ? NULL : options->heartbeats,
        .heartbeat_name = endpoint->heartbeat_name,
        .writing = &endpoint->writing,
        .pins = options->pins,
        .reports = options->reports,
        .registry = options->registry,
        .refused = &endpoint->refused,
        .is_purging = &endpoint->is_purging,
    };
}

static enum status fill(struct endpoint *endpoint,
                        const struct endpoint_options *options,
                        struct error *error)
{
    copy_clusters(endpoint, options);
    make_world(endpoint, options);
    if (auth_rsa_key_keep(&endpoint->rsa_key, options->rsa_key_path, error) != STATUS_OK) {
        return error->status;
    }
    endpoint->house = (struct session_house){
        .clock = options->clock,
        .world = &endpoint->world,
        .directory = session_directory_new(session_end),
        .limits = login_limits_new(),
        .rsa_key = endpoint->rsa_key,
        .clusters = endpoint->clusters,
        .cluster_count = endpoint->cluster_count,
        .frames = endpoint->frames,
        .holds = stream_holds_new(options->clock),
        .started_usec = clock_wall_usec(options->clock),
    };
    if (settings_new(&endpoint->settings, &options->settings, endpoint->clusters,
                     endpoint->cluster_count, error) != STATUS_OK ||
        sql_agents_start(&endpoint->agents, error) != STATUS_OK ||
        serve_threads_start(&endpoint->threads, options->serve_threads, endpoint->cluster_count,
                            endpoint->agents, error) != STATUS_OK) {
        return error->status;
    }
    endpoint->home = (struct session_home){
        .loop = options->loop, .threads = endpoint->threads, .agents = endpoint->agents};
    return open_gates(endpoint, options, error);
}

enum status endpoint_open(struct endpoint **made,
                          const struct endpoint_options *options,
                          struct error *error)
{
    struct endpoint *endpoint = mem_zeroed(sizeof(*endpoint));

    if (fill(endpoint, options, error) != STATUS_OK) {
        endpoint_close(endpoint);
        return error->status;
    }
    *made = endpoint;
    return STATUS_OK;
}

enum status endpoint_reload(struct endpoint *endpoint,
                            const struct endpoint_settings *settings,
                            struct error *error)
{
    struct settings *made = NULL;

    if (settings_new(&made, settings, endpoint->clusters, endpoint->cluster_count, error) !=
        STATUS_OK) {
        return error->status;
    }
    settings_unref(endpoint->settings);
    endpoint->settings = made;
    return STATUS_OK;
}

void endpoint_close(struct endpoint *endpoint)
{
    if (endpoint == NULL) {
        return;
    }
    for (size_t at = 0; at < endpoint->gate_count; at++) {
        listener_free(endpoint->gates[at].listener);
        free(endpoint->gates[at].version);
    }
    session_home_drop(&endpoint->home);
    serve_threads_stop(endpoint->threads);
    sql_agents_stop(endpoint->agents); /* its last answers go to loops that are still there */
    serve_threads_free(endpoint->threads);
    for (size_t at = 0; at < endpoint->cluster_count; at++) {
        frame_cache_free(endpoint->frames[at]);
    }
    stream_holds_free(endpoint->house.holds);
    session_directory_unref(endpoint->house.directory);
    login_limits_free(endpoint->house.limits);
    settings_unref(endpoint->settings);
    auth_rsa_key_free(endpoint->rsa_key);
    (void)pthread_mutex_destroy(&endpoint->writing);
    free(endpoint->heartbeat_name);
    free(endpoint->gates);
    free(endpoint->frames);
    free(endpoint->clusters);
    free(endpoint);
}

uint16_t endpoint_port(const struct endpoint *endpoint, size_t listener)
{
    return listener < endpoint->gate_count ? endpoint->gates[listener].door.port : 0;
}

void endpoint_wake(struct endpoint *endpoint, size_t cluster)
{
    serve_threads_wake(endpoint->threads, cluster);
}

size_t endpoint_sessions(struct endpoint *endpoint, struct session_facts **facts)
{
    struct session_entry *entries = NULL;
    size_t count = session_directory_list(endpoint->house.directory, &entries);

    *facts = mem_raw((count + 1) * sizeof(**facts));
    for (size_t at = 0; at < count; at++) {
        (*facts)[at] = entries[at].facts;
    }
    free(entries);
    return count;
}

size_t endpoint_stream_holds(struct endpoint *endpoint,
                             size_t cluster,
                             uint64_t min_age_usec,
                             struct log_hold **holds)
{
    return stream_holds_list(endpoint->house.holds, cluster, min_age_usec, holds);
}

void endpoint_end_streams(struct endpoint *endpoint, size_t cluster, uint32_t server_id)
{
    if (server_id != 0 && cluster < endpoint->cluster_count) {
        stream_holds_drop(endpoint->house.holds, cluster, server_id);
        session_directory_end_streams(endpoint->house.directory,
                                      endpoint->clusters[cluster].name, server_id,
                                      SESSION_END_LOST);
    }
}

uint64_t endpoint_sent_bytes(struct endpoint *endpoint, const char *cluster)
{
    return session_directory_sent(endpoint->house.directory, cluster);
}

enum status endpoint_kill(struct endpoint *endpoint, uint64_t id, struct error *error)
{
    return session_directory_kill(endpoint->house.directory, id, SESSION_END_KILLED, error);
}

size_t endpoint_turns(const struct endpoint *endpoint, uint64_t *turns, size_t most)
{
    return serve_threads_turns(endpoint->threads, turns, most);
}
