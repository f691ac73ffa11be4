/* SPDX-License-Identifier: Apache-2.0 */
#include "settings.h"

#include <stdio.h>
#include <string.h>

#include "binrelay/base/log.h"
#include "binrelay/base/memory.h"

static unsigned rights_of(const struct config_account *account)
{
    static const struct {
        const char *name;
        unsigned right;
    } known[] = {
        {"replicate", RIGHT_REPLICATE},
        {"report", RIGHT_REPORT},
        {"read", RIGHT_READ},
        {"admin", RIGHT_ADMIN},
    };
    unsigned rights = 0;

    for (size_t at = 0; at < account->rights.count; at++) {
        for (size_t right = 0; right < sizeof(known) / sizeof(known[0]); right++) {
            if (strcmp(known[right].name, ((char **)account->rights.items)[at]) == 0) {
                rights |= known[right].right;
            }
        }
    }
    return rights;
}

static struct account_options account_of(const struct config_account *account)
{
    return (struct account_options){
        .user = account->user,
        .password = account->password,
        .old_password = account->old_password,
        .is_native = account->plugin == 1,
        .rights = rights_of(account),
        .clusters = account->clusters.items,
        .cluster_count = account->clusters.count,
        .tls = (enum account_tls)account->tls,
    };
}

static enum status make_tls(struct tls **made, const struct config *config, struct error *error)
{
    autofree char *own_certificate = mem_format("%s/server-cert.pem", config->data_dir);
    autofree char *own_key = mem_format("%s/server-key.pem", config->data_dir);
    struct tls_files files = {.certificate = config->endpoint.tls.cert,
                              .key = config->endpoint.tls.key,
                              .ca = config->endpoint.tls.ca};
    enum status status = STATUS_OK;

    if (files.certificate == NULL) {
        files.certificate = own_certificate;
        files.key = own_key;
        status = tls_make_self_signed(own_certificate, own_key, config->relay_id, error);
    }
    return status == STATUS_OK ? tls_new_server(made, files, error) : status;
}

enum status settings_make(struct settings *settings,
                          const struct config *config,
                          struct error *error)
{
    struct settings made = {0};

    if (config->endpoint.tls.mode != TLS_OFF) {
        enum status status = make_tls(&made.tls, config, error);

        if (status != STATUS_OK) {
            return error_wrap(error, "endpoint.tls");
        }
    }
    made.accounts = mem_zeroed(config->accounts.count * sizeof(*made.accounts) + 1);
    for (size_t at = 0; at < config->accounts.count; at++) {
        made.accounts[at] = account_of(config_account_at(config, at));
    }
    made.endpoint = (struct endpoint_settings){
        .accounts = made.accounts,
        .account_count = config->accounts.count,
        .tls = made.tls,
        .tls_mode = (enum endpoint_tls_mode)config->endpoint.tls.mode,
        .proxies = config->endpoint.proxies.items,
        .proxy_count = config->endpoint.proxies.count,
        .max_connections = (unsigned)config->endpoint.max_connections,
    };
    *settings = made;
    return STATUS_OK;
}

void settings_release(struct settings *settings)
{
    free(settings->accounts);
    if (settings->tls != NULL) {
        tls_unref(settings->tls);
    }
    *settings = (struct settings){0};
}

struct source_options settings_source(const struct config_source *source)
{
    return (struct source_options){
        .host = source->host,
        .port = (uint16_t)source->port,
        .user = source->user,
        .password = source->password == NULL ? "" : source->password,
        .tls_mode = (enum source_tls_mode)source->tls.mode,
        .tls_ca = source->tls.ca,
        .tls_certificate = source->tls.cert,
        .tls_key = source->tls.key,
        .public_key = source->public_key,
    };
}

struct source_options *settings_sources(const struct config_cluster *cluster)
{
    struct source_options *sources = mem_zeroed(cluster->sources.count * sizeof(*sources));

    for (size_t at = 0; at < cluster->sources.count; at++) {
        sources[at] = settings_source(config_source_at(cluster, at));
    }
    return sources;
}

struct listener_options *settings_listeners(const struct config *config)
{
    size_t count = config->endpoint.listen.count;
    struct listener_options *listeners = mem_zeroed(count * sizeof(*listeners));

    for (size_t at = 0; at < count; at++) {
        const struct config_listen *listen = config_listen_at(config, at);

        listeners[at] = (struct listener_options){
            .address = listen->address, .cluster = listen->cluster, .version = listen->version};
    }
    return listeners;
}

/* The words of the option are in another order. */
static enum epoch_kind kind_of(uint64_t epochs)
{
    switch (epochs) {
    case EPOCHS_NDB:
        return EPOCH_KIND_NDB;
    case EPOCHS_HEARTBEAT:
        return EPOCH_KIND_HEARTBEAT;
    default:
        return EPOCH_KIND_NONE;
    }
}

struct epoch_rules settings_epochs(const struct config *config,
                                   const struct config_cluster *cluster,
                                   uint8_t server_id_bits)
{
    struct epoch_rules rules = {.kind = kind_of(cluster->epochs)};
    const char *dot = strchr(config->heartbeat.table, '.'); /* config_check() saw it */

    /* Indexes keep the rules and are made anew for others: only what counts stands in them. */
    if (rules.kind == EPOCH_KIND_NDB) {
        rules.server_id_bits = server_id_bits;
    }
    if (rules.kind != EPOCH_KIND_HEARTBEAT) {
        return rules;
    }
    rules.server_id = (uint32_t)cluster->server_id;
    (void)snprintf(rules.database, sizeof(rules.database), "%.*s",
                   (int)(dot - config->heartbeat.table), config->heartbeat.table);
    (void)snprintf(rules.table, sizeof(rules.table), "%s", dot + 1);
    return rules;
}

uint32_t settings_marker_id(const struct config_cluster *cluster)
{
    bool is_virtual =
        cluster->epochs == EPOCHS_NDB && strcmp(cluster->identity, "virtual") == 0;

    return is_virtual ? (uint32_t)cluster->server_id : 0;
}

bool settings_presents_upstream(const struct config_cluster *cluster)
{
    return strcmp(cluster->identity, "upstream") == 0 &&
           (cluster->epochs == EPOCHS_NDB || cluster->is_identity_said);
}
