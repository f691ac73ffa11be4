/* SPDX-License-Identifier: Apache-2.0 */
/* The servers that are asked what they have applied. */
#include <string.h>

#include "binrelay/base/memory.h"
#include "relay_internal.h"
#include "settings.h"

/* config_check() saw that it is there. */
static size_t cluster_number(const struct config *config, const char *name)
{
    size_t at = 0;

    while (strcmp(config_cluster_at(config, at)->name, name) != 0) {
        at++;
    }
    return at;
}

static enum status start_poll(struct relay *relay, size_t number, struct error *error)
{
    const struct config *config = relay->config;
    const struct config_poll *poll = config_poll_at(config, number);
    size_t cluster = cluster_number(config, poll->cluster);
    struct source_options server = settings_source(&poll->server);
    struct applier_poll_options options = {
        .cluster = poll->cluster,
        .server = &server,
        .heartbeat_table = config->heartbeat.table,
        .interval_usec = poll->interval_usec,
        .reads_gtids = config_cluster_at(config, cluster)->epochs == EPOCHS_NONE,
        .clock = clock_system(),
        .registry = relay->registry,
        .reports = registry_reports(relay->registry),
        .appliers = relay->clusters[cluster].appliers,
    };

    return applier_poll_start(&relay->polls[number], &options, error);
}

enum status relay_start_polls(struct relay *relay, struct error *error)
{
    enum status status = STATUS_OK;

    relay->poll_count = relay->config->heartbeat.polls.count;
    relay->polls = mem_zeroed((relay->poll_count + 1) * sizeof(struct applier_poll *));
    for (size_t at = 0; status == STATUS_OK && at < relay->poll_count; at++) {
        status = start_poll(relay, at, error);
    }
    return status;
}

void relay_interrupt_polls(struct relay *relay)
{
    for (size_t at = 0; at < relay->poll_count; at++) {
        applier_poll_interrupt(relay->polls[at]);
    }
}

void relay_stop_polls(struct relay *relay)
{
    for (size_t at = 0; at < relay->poll_count; at++) {
        applier_poll_stop(relay->polls[at]);
    }
    free(relay->polls);
    relay->polls = NULL;
    relay->poll_count = 0;
}

/* The servers are the same ones. */
void relay_set_poll_passwords(struct relay *relay, const struct config *config)
{
    for (size_t at = 0; at < relay->poll_count; at++) {
        const char *password = config_poll_at(config, at)->server.password;

        applier_poll_set_password(relay->polls[at], password == NULL ? "" : password);
    }
}
