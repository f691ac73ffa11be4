/* SPDX-License-Identifier: Apache-2.0 */
#include "settings.h"

#include <stdlib.h>
#include <string.h>

#include "binrelay/base/memory.h"

enum { CONNECTIONS_BY_DEFAULT = 1000 };

static void wipe(char *secret)
{
    if (secret != NULL) {
        explicit_bzero(secret, strlen(secret));
        free(secret);
    }
}

static void destroy(struct shared *shared)
{
    struct settings *settings = (struct settings *)shared;

    for (size_t at = 0; at < settings->account_count; at++) {
        struct account *account = &settings->accounts[at];

        free(account->user);
        wipe(account->passwords[0]);
        wipe(account->passwords[1]);
        free(account->clusters);
    }
    free(settings->accounts);
    tls_unref(settings->tls);
    free(settings->proxies);
    free(settings);
}

/* Returns the cluster's number, or count if there is none of that name. */
static size_t find_cluster(const struct served_cluster *clusters,
                           size_t count,
                           const char *name)
{
    size_t at = 0;

    while (at < count && strcmp(clusters[at].name, name) != 0) {
        at++;
    }
    return at;
}

static enum status add_clusters(struct account *account,
                                const struct account_options *wanted,
                                const struct served_cluster *clusters,
                                size_t cluster_count,
                                struct error *error)
{
    bool is_all = wanted->cluster_count == 0;
    size_t count = is_all ? cluster_count : wanted->cluster_count;

    account->clusters = mem_zeroed((count + 1) * sizeof(*account->clusters));
    for (size_t at = 0; at < count; at++) {
        size_t found =
            is_all ? at : find_cluster(clusters, cluster_count, wanted->clusters[at]);

        if (found == cluster_count) {
            return error_set(error, STATUS_INVALID, "account %s: there is no cluster %s",
                             wanted->user, wanted->clusters[at]);
        }
        account->clusters[account->cluster_count++] = found;
    }
    return STATUS_OK;
}

static enum status add_account(struct settings *settings,
                               const struct account_options *wanted,
                               const struct served_cluster *clusters,
                               size_t cluster_count,
                               struct error *error)
{
    struct account *account = &settings->accounts[settings->account_count++];

    account->user = mem_text(wanted->user);
    account->passwords[0] = mem_text(wanted->password == NULL ? "" : wanted->password);
    account->passwords[1] = mem_text(wanted->old_password);
    account->secrets.passwords[0] = account->passwords[0];
    account->secrets.passwords[1] = account->passwords[1];
    account->plugin = wanted->is_native ? AUTH_NATIVE : AUTH_CACHING_SHA2;
    account->rights = wanted->rights;
    account->tls = wanted->tls;
    for (size_t at = 0; at + 1 < settings->account_count; at++) {
        if (strcmp(settings->accounts[at].user, wanted->user) == 0) {
            return error_set(error, STATUS_INVALID, "account %s stands twice", wanted->user);
        }
    }
    return add_clusters(account, wanted, clusters, cluster_count, error);
}

static enum status add_proxies(struct settings *settings,
                               const struct endpoint_settings *wanted,
                               struct error *error)
{
    settings->proxies = mem_zeroed((wanted->proxy_count + 1) * sizeof(*settings->proxies));
    for (size_t at = 0; at < wanted->proxy_count; at++) {
        if (network_parse(&settings->proxies[at], wanted->proxies[at], error) != STATUS_OK) {
            return error->status;
        }
        settings->proxy_count++;
    }
    return STATUS_OK;
}

static enum status fill(struct settings *settings,
                        const struct endpoint_settings *wanted,
                        const struct served_cluster *clusters,
                        size_t cluster_count,
                        struct error *error)
{
    settings->accounts = mem_zeroed((wanted->account_count + 1) * sizeof(struct account));
    for (size_t at = 0; at < wanted->account_count; at++) {
        if (add_account(settings, &wanted->accounts[at], clusters, cluster_count, error) !=
            STATUS_OK) {
            return error->status;
        }
    }
    settings->tls_mode = wanted->tls_mode;
    if (wanted->tls_mode != ENDPOINT_TLS_OFF) {
        if (wanted->tls == NULL) {
            return error_set(error, STATUS_INVALID, "TLS is on and there is no certificate");
        }
        settings->tls = tls_ref(wanted->tls);
    }
    settings->max_connections =
        wanted->max_connections == 0 ? CONNECTIONS_BY_DEFAULT : wanted->max_connections;
    return add_proxies(settings, wanted, error);
}

enum status settings_new(struct settings **made,
                         const struct endpoint_settings *wanted,
                         const struct served_cluster *clusters,
                         size_t cluster_count,
                         struct error *error)
{
    struct settings *settings = mem_zeroed(sizeof(*settings));

    shared_init(&settings->shared, destroy);
    if (fill(settings, wanted, clusters, cluster_count, error) != STATUS_OK) {
        settings_unref(settings);
        return error->status;
    }
    *made = settings;
    return STATUS_OK;
}

struct settings *settings_ref(struct settings *settings)
{
    (void)shared_ref(&settings->shared);
    return settings;
}

void settings_unref(struct settings *settings)
{
    if (settings != NULL) {
        shared_unref(&settings->shared);
    }
}

static const struct account *find(const struct settings *settings, struct bytes user)
{
    for (size_t at = 0; at < settings->account_count; at++) {
        if (bytes_equal(user, bytes_of_text(settings->accounts[at].user))) {
            return &settings->accounts[at];
        }
    }
    return NULL;
}

const struct account *settings_find_account(const struct settings *settings,
                                            struct bytes login,
                                            struct bytes *cluster)
{
    const struct account *account = find(settings, login);

    *cluster = (struct bytes){0};
    for (size_t at = login.size; account == NULL && at > 0; at--) {
        if (login.data[at - 1] == '+') {
            *cluster = (struct bytes){.data = login.data + at, .size = login.size - at};
            return find(settings, (struct bytes){.data = login.data, .size = at - 1});
        }
    }
    return account;
}

bool settings_trusts_proxy(const struct settings *settings, const char *peer)
{
    for (size_t at = 0; at < settings->proxy_count; at++) {
        if (network_contains(&settings->proxies[at], peer)) {
            return true;
        }
    }
    return false;
}

static bool has_cluster(const struct account *account, size_t first, size_t count)
{
    for (size_t at = 0; at < account->cluster_count; at++) {
        if (account->clusters[at] >= first && account->clusters[at] < first + count) {
            return true;
        }
    }
    return false;
}

bool settings_has_native_account(const struct settings *settings, size_t first, size_t count)
{
    for (size_t at = 0; at < settings->account_count; at++) {
        if (settings->accounts[at].plugin == AUTH_NATIVE &&
            has_cluster(&settings->accounts[at], first, count)) {
            return true;
        }
    }
    return false;
}
