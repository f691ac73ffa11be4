/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a reload may change, as a sealed copy: sessions hold the one that they
 * logged in by. Counted; what is in it never changes. Any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "binrelay/net/network.h"
#include "binrelay/net/shared.h"
#include "binrelay/protocol/auth.h"
#include "binrelay/serve/endpoint.h"

struct account {
    char *user;                  /* owned */
    char *passwords[2];          /* owned; wiped at the end */
    struct auth_secrets secrets; /* points to the passwords */
    enum auth_plugin plugin;
    unsigned rights;  /* set of enum account_right */
    size_t *clusters; /* owned: numbers in the endpoint's list */
    size_t cluster_count;
    enum account_tls tls;
};

struct settings {
    struct shared shared;     /* first: is turned back into the settings */
    struct account *accounts; /* owned */
    size_t account_count;
    struct tls *tls; /* a reference, or NULL */
    enum endpoint_tls_mode tls_mode;
    struct network *proxies; /* owned */
    size_t proxy_count;
    unsigned max_connections;
};

/* STATUS_INVALID: an account names a cluster that there is not, a network is none, ... An
 * account that names no cluster has all of them. */
MUST_CHECK enum status settings_new(struct settings **made,
                                    const struct endpoint_settings *wanted,
                                    const struct served_cluster *clusters,
                                    size_t cluster_count,
                                    struct error *error);
struct settings *settings_ref(struct settings *settings);
void settings_unref(struct settings *settings);

/* Finds the account of a login name USER or USER+CLUSTER; *cluster is what follows the plus,
 * empty without one. NULL if there is none. */
const struct account *settings_find_account(const struct settings *settings,
                                            struct bytes login,
                                            struct bytes *cluster);

/* True if a peer of that name may send a PROXY header. */
bool settings_trusts_proxy(const struct settings *settings, const char *peer);

/* True if an account logs in by mysql_native_password to one of `count` clusters from `first`.
 */
bool settings_has_native_account(const struct settings *settings, size_t first, size_t count);
