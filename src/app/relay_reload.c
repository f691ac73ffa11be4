/* SPDX-License-Identifier: Apache-2.0 */
/* What a running relay takes from a changed configuration, and the watchdog. */
#include <stdio.h>
#include <string.h>

#include "binrelay/base/log.h"
#include "binrelay/base/memory.h"
#include "log_output.h"
#include "notify.h"
#include "relay_internal.h"
#include "settings.h"

/* A password must not go to another server than the one that it is for. */
static bool is_same_server(const struct config_source *one, const struct config_source *other)
{
    return strcmp(one->host, other->host) == 0 && one->port == other->port;
}

/* One that is asked for another cluster goes on to report for the one it was started for. */
static bool is_same_poll(const struct config_poll *one, const struct config_poll *other)
{
    return strcmp(one->cluster, other->cluster) == 0 &&
           is_same_server(&one->server, &other->server);
}

static bool is_same_cluster(const struct config_cluster *one,
                            const struct config_cluster *other)
{
    bool is_same = strcmp(one->name, other->name) == 0 && one->server_id == other->server_id &&
                   one->epochs == other->epochs &&
                   strcmp(one->identity, other->identity) == 0 &&
                   (one->lease.ttl_usec == 0) == (other->lease.ttl_usec == 0) &&
                   one->sources.count == other->sources.count;

    for (size_t at = 0; is_same && at < one->sources.count; at++) {
        is_same = is_same_server(config_source_at(one, at), config_source_at(other, at));
    }
    return is_same;
}

/* What was started for each of them stays as it is: other ones want a restart. */
static bool has_same_clusters(const struct config *left, const struct config *right)
{
    bool is_same = left->clusters.count == right->clusters.count &&
                   left->heartbeat.polls.count == right->heartbeat.polls.count;

    for (size_t at = 0; is_same && at < left->clusters.count; at++) {
        is_same = is_same_cluster(config_cluster_at(left, at), config_cluster_at(right, at));
    }
    for (size_t at = 0; is_same && at < left->heartbeat.polls.count; at++) {
        is_same = is_same_poll(config_poll_at(left, at), config_poll_at(right, at));
    }
    return is_same;
}

static void set_passwords(struct relay *relay, const struct config *config)
{
    for (size_t at = 0; at < relay->cluster_count; at++) {
        const struct config_cluster *cluster = config_cluster_at(config, at);
        autofree const char **passwords =
            mem_zeroed(cluster->sources.count * sizeof(*passwords));

        for (size_t number = 0; number < cluster->sources.count; number++) {
            const char *password = config_source_at(cluster, number)->password;

            passwords[number] = password == NULL ? "" : password;
        }
        puller_set_passwords(relay->clusters[at].puller, passwords, cluster->sources.count);
        source_agent_set_passwords(relay->clusters[at].agent, passwords,
                                   cluster->sources.count);
    }
    relay_set_poll_passwords(relay, config);
}

static void set_lease_times(struct relay *relay, const struct config *config)
{
    for (size_t at = 0; at < relay->cluster_count; at++) {
        if (relay->clusters[at].leases != NULL) {
            lease_table_set_ttl(relay->clusters[at].leases,
                                config_cluster_at(config, at)->lease.ttl_usec);
        }
    }
}

/* All of them behind what the error says, in its one line, as far as there is room. */
static enum status tell_faults(const struct option_faults *faults, struct error *error)
{
    const struct error found = *error;
    struct buffer line = {0};
    struct log_text told;

    for (size_t at = 0; at + 1 < faults->lines.size; at++) {
        char byte = (char)faults->lines.data[at];

        buffer_add_text(&line, byte == '\n' ? "; " : (char[]){byte, '\0'});
    }
    told = log_safe(buffer_bytes(&line));
    buffer_release(&line);
    return error_set(error, found.status, "%s: %s", found.message, told.text);
}

static enum status read_again(struct relay *relay, struct config **made, struct error *error)
{
    struct option_faults faults = {0};
    enum status status = config_read(made, relay->config_path, &faults, error);

    if (faults.count > 0) {
        status = tell_faults(&faults, error);
    }
    buffer_release(&faults.lines);
    if (status == STATUS_OK && !has_same_clusters(relay->config, *made)) {
        config_free(*made);
        *made = NULL;
        status = error_set(
            error, STATUS_INVALID,
            "the clusters, their server_id, sources, epochs, identity or lease, or the polled "
            "servers differ: restart");
    }
    return status;
}

enum status relay_reload(void *context, struct error *error)
{
    struct relay *relay = context;
    struct config *config = NULL;
    struct settings settings = {0};
    enum status status = read_again(relay, &config, error);

    notify_reloading(clock_monotonic_usec(clock_system()));
    if (status == STATUS_OK) {
        status = settings_make(&settings, config, error);
    }
    if (status == STATUS_OK) {
        status = endpoint_reload(relay->endpoint, &settings.endpoint, error);
    }
    settings_release(&settings);
    if (status == STATUS_OK) {
        set_passwords(relay, config);
        set_lease_times(relay, config);
        log_output_set((unsigned)config->log.format, (unsigned)config->log.level);
        log_info("relay: reloaded: accounts, passwords, certificates, appliers, purge, limits "
                 "and log");
        /* relay->config stays what the parts were started with: the next reload compares with
         * that. */
        relay_configure_appliers(relay, config);
    } else {
        config_free(config);
    }
    notify_ready();
    return status;
}

/* The turns of every loop but this one. A large store takes its time to recover: that is no
 * loop that hangs. */
static size_t read_turns(const struct relay *relay, uint64_t *turns, size_t most)
{
    size_t count = 0;

    for (size_t at = 0; at < relay->cluster_count && count < most; at++) {
        const struct puller *puller = relay->clusters[at].puller;

        turns[count] = puller_turns(puller);
        if (puller_is_recovering(puller)) {
            turns[count] = UINT64_MAX - (relay->turns_seen[count] == UINT64_MAX ? 1 : 0);
        }
        count++;
    }
    return count + endpoint_turns(relay->endpoint, turns + count, most - count);
}

static void say_status(const struct relay *relay)
{
    size_t streaming = 0;
    char text[96];

    for (size_t at = 0; at < relay->cluster_count; at++) {
        struct cluster_report report;

        cluster_board_read(relay->clusters[at].board, &report);
        streaming += report.state == PULL_STREAMING ? 1 : 0;
    }
    (void)snprintf(text, sizeof(text), "%zu of %zu clusters streaming", streaming,
                   relay->cluster_count);
    notify_status(text);
}

static void on_watchdog(void *context)
{
    struct relay *relay = context;
    size_t count = relay->turns_count;
    autofree uint64_t *turns = mem_zeroed(count * sizeof(*turns) + 1);
    bool has_stuck = false;

    count = read_turns(relay, turns, count);
    for (size_t at = 0; at < count; at++) {
        has_stuck = has_stuck || turns[at] == relay->turns_seen[at];
    }
    memcpy(relay->turns_seen, turns, count * sizeof(*turns));
    if (has_stuck) {
        log_warning("relay: a loop has not turned since the last look");
    } else {
        notify_watchdog();
    }
    say_status(relay);
    loop_timer_set(relay->watchdog, notify_watchdog_usec());
}

void relay_start_watchdog(struct relay *relay)
{
    relay->turns_count = relay->cluster_count + (size_t)relay->config->serve_threads + 1;
    relay->turns_seen = mem_zeroed(relay->turns_count * sizeof(*relay->turns_seen));
    relay->watchdog = loop_timer_new(relay->loop, on_watchdog, relay);
    if (notify_watchdog_usec() > 0) {
        loop_timer_set(relay->watchdog, notify_watchdog_usec());
    }
}
