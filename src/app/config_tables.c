/* SPDX-License-Identifier: Apache-2.0 */
/* Every option of the configuration: this is what docs/configuration.md describes. */
#include <stddef.h>

#include "config.h"

/* clang-format off */
#define AT(type, field) .offset = offsetof(struct type, field)
#define END {NULL, OPTION_TEXT, 0, NULL, 0, 0, NULL, NULL, false}

enum { MSEC = 1000, SEC = 1000000, PORT_MOST = 65535 };

static const struct config_option endpoint_tls_options[] = {
    {"cert", OPTION_TEXT, AT(config_endpoint, tls.cert)},
    {"key",  OPTION_TEXT, AT(config_endpoint, tls.key)},
    {"ca",   OPTION_TEXT, AT(config_endpoint, tls.ca)},
    {"mode", OPTION_CHOICE, AT(config_endpoint, tls.mode), .fallback = "optional", .words = "off|optional|required"},
    END,
};
/* Nested sections read into the struct around them: their offsets count from there. */
static const struct option_section endpoint_tls = {endpoint_tls_options, 0};

static const struct config_option endpoint_options[] = {
    {"listen",              OPTION_JSON,    AT(config_endpoint, listen_json), .fallback = "[\"0.0.0.0:3306\"]"},
    {"version",             OPTION_TEXT,    AT(config_endpoint, version), .fallback = "auto"},
    {"tls",                 OPTION_SECTION, .offset = 0, .section = &endpoint_tls},
    {"proxy_protocol_from", OPTION_TEXTS,   AT(config_endpoint, proxies), .fallback = "[]"},
    {"max_connections",     OPTION_NUMBER,  AT(config_endpoint, max_connections), .fallback = "1000", .least = 1, .most = 100000},
    END,
};
static const struct option_section endpoint_section = {endpoint_options, sizeof(struct config_endpoint)};

static const struct config_option listen_options[] = {
    {"address", OPTION_TEXT, AT(config_listen, address), .is_required = true},
    {"cluster", OPTION_TEXT, AT(config_listen, cluster)},
    {"version", OPTION_TEXT, AT(config_listen, version)},
    END,
};
const struct option_section config_listen_section = {listen_options, sizeof(struct config_listen)};

static const struct config_option account_options[] = {
    {"user",              OPTION_TEXT,   AT(config_account, user), .is_required = true},
    {"password_file",     OPTION_TEXT,   AT(config_account, password_file)},
    {"password",          OPTION_SECRET, AT(config_account, password)},
    {"old_password_file", OPTION_TEXT,   AT(config_account, old_password_file)},
    {"old_password",      OPTION_SECRET, AT(config_account, old_password)},
    {"plugin",            OPTION_CHOICE, AT(config_account, plugin), .fallback = "caching_sha2_password", .words = "caching_sha2_password|mysql_native_password"},
    {"rights",            OPTION_TEXTS,  AT(config_account, rights), .fallback = "[]"},
    {"clusters",          OPTION_TEXTS,  AT(config_account, clusters), .fallback = "[]"},
    {"tls",               OPTION_CHOICE, AT(config_account, tls), .fallback = "optional", .words = "optional|required|x509"},
    {"filter",            OPTION_JSON,   AT(config_account, filter)},
    END,
};
static const struct option_section account_section = {account_options, sizeof(struct config_account)};

static const struct config_option source_tls_options[] = {
    {"mode", OPTION_CHOICE, AT(config_source, tls.mode), .fallback = "preferred", .words = "off|preferred|required|verify_ca|verify_identity"},
    {"ca",   OPTION_TEXT, AT(config_source, tls.ca)},
    {"cert", OPTION_TEXT, AT(config_source, tls.cert)},
    {"key",  OPTION_TEXT, AT(config_source, tls.key)},
    END,
};
static const struct option_section source_tls = {source_tls_options, 0};

static const struct config_option source_options[] = {
    {"host",          OPTION_TEXT,    AT(config_source, host), .is_required = true},
    {"port",          OPTION_NUMBER,  AT(config_source, port), .fallback = "3306", .least = 1, .most = PORT_MOST},
    {"user",          OPTION_TEXT,    AT(config_source, user), .is_required = true},
    {"password_file", OPTION_TEXT,    AT(config_source, password_file)},
    {"password",      OPTION_SECRET,  AT(config_source, password)},
    {"public_key",    OPTION_TEXT,    AT(config_source, public_key)},
    {"tls",           OPTION_SECTION, .offset = 0, .section = &source_tls},
    END,
};
static const struct option_section source_section = {source_options, sizeof(struct config_source)};

static const struct config_option applier_options[] = {
    {"server_id",    OPTION_NUMBER,   AT(config_applier, server_id), .least = 1, .most = UINT32_MAX, .is_required = true},
    {"group",        OPTION_TEXT,     AT(config_applier, group)},
    {"required",     OPTION_BOOL,     AT(config_applier, is_required)},
    {"expire_after", OPTION_DURATION, AT(config_applier, expire_after_usec)},
    END,
};
static const struct option_section applier_section = {applier_options, sizeof(struct config_applier)};

static const struct config_option start_options[] = {
    {"file",     OPTION_TEXT,   AT(config_start, file)},
    {"position", OPTION_NUMBER, AT(config_start, position), .least = 4},
    {"epoch",    OPTION_NUMBER, AT(config_start, epoch), .least = 1},
    {"gtid_set", OPTION_TEXT,   AT(config_start, gtid_set)},
    END,
};
const struct option_section config_start_section = {start_options, sizeof(struct config_start)};

static const struct config_option cutover_options[] = {
    {"grace", OPTION_DURATION, AT(config_cluster, cutover.grace_usec), .fallback = "3s"},
    END,
};
static const struct option_section cutover = {cutover_options, 0};

static const struct config_option lease_options[] = {
    {"ttl", OPTION_DURATION, AT(config_cluster, lease.ttl_usec), .least = SEC, .is_required = true},
    END,
};
static const struct option_section lease = {lease_options, 0};

static const struct config_option purge_options[] = {
    {"policy",       OPTION_TEXT,     AT(config_cluster, purge.policy)},
    {"min_age",      OPTION_DURATION, AT(config_cluster, purge.min_age_usec), .fallback = "10m"},
    {"min_files",    OPTION_NUMBER,   AT(config_cluster, purge.min_files), .fallback = "1", .least = 1},
    {"max_bytes",    OPTION_SIZE,     AT(config_cluster, purge.max_bytes)},
    {"on_limit",     OPTION_CHOICE,   AT(config_cluster, purge.on_limit), .fallback = "stop_pulling", .words = "stop_pulling|drop_appliers"},
    {"source_purge", OPTION_BOOL,     AT(config_cluster, purge.source_purge)},
    END,
};
static const struct option_section purge = {purge_options, 0};

static const struct config_option archive_options[] = {
    {"command",            OPTION_TEXT, AT(config_cluster, archive.command)},
    {"fetch",              OPTION_TEXT, AT(config_cluster, archive.fetch)},
    {"required_for_purge", OPTION_BOOL, AT(config_cluster, archive.required_for_purge)},
    END,
};
static const struct option_section archive = {archive_options, 0};

static const struct config_option cluster_options[] = {
    {"name",             OPTION_TEXT,     AT(config_cluster, name), .is_required = true},
    {"server_id",        OPTION_NUMBER,   AT(config_cluster, server_id), .least = 1, .most = UINT32_MAX, .is_required = true},
    {"log_name",         OPTION_TEXT,     AT(config_cluster, log_name)},
    {"epochs",           OPTION_CHOICE,   AT(config_cluster, epochs), .fallback = "none", .words = "ndb|heartbeat|none"},
    {"identity",         OPTION_TEXT,     AT(config_cluster, identity)},
    {"position_by",      OPTION_CHOICE,   AT(config_cluster, position_by), .fallback = "auto", .words = "auto|gtid|file"},
    {"start",            OPTION_JSON,     AT(config_cluster, start_json), .fallback = "\"first\""},
    {"sources",          OPTION_SECTIONS, AT(config_cluster, sources), .least = 1, .section = &source_section, .is_required = true},
    {"heartbeat_period", OPTION_DURATION, AT(config_cluster, heartbeat_period_usec), .fallback = "1s", .least = MSEC, .most = UINT64_C(3600) * SEC},
    {"read_timeout",     OPTION_DURATION, AT(config_cluster, read_timeout_usec), .fallback = "10s", .least = 10 * MSEC},
    {"connect_retry",    OPTION_DURATION, AT(config_cluster, connect_retry_usec), .fallback = "1s", .least = 10 * MSEC, .most = UINT64_C(3600) * SEC},
    {"semi_sync",        OPTION_BOOL,     AT(config_cluster, semi_sync)},
    {"cutover",          OPTION_SECTION,  .offset = 0, .section = &cutover},
    {"on_gap",           OPTION_CHOICE,   AT(config_cluster, on_gap), .fallback = "hold", .words = "hold|serve"},
    {"lease",            OPTION_CHOSEN,   .offset = 0, .section = &lease},
    {"appliers",         OPTION_SECTIONS, AT(config_cluster, appliers), .section = &applier_section},
    {"purge",            OPTION_SECTION,  .offset = 0, .section = &purge},
    {"filter",           OPTION_JSON,     AT(config_cluster, filter)},
    {"archive",          OPTION_SECTION,  .offset = 0, .section = &archive},
    END,
};
static const struct option_section cluster_section = {cluster_options, sizeof(struct config_cluster)};

static const struct config_option hook_options[] = {
    {"event",   OPTION_TEXT, AT(config_hook, event), .is_required = true},
    {"command", OPTION_TEXT, AT(config_hook, command), .is_required = true},
    END,
};
static const struct option_section hook_section = {hook_options, sizeof(struct config_hook)};

static const struct config_option poll_options[] = {
    {"cluster",       OPTION_TEXT,     AT(config_poll, cluster), .is_required = true},
    {"host",          OPTION_TEXT,     AT(config_poll, server.host), .is_required = true},
    {"port",          OPTION_NUMBER,   AT(config_poll, server.port), .fallback = "3306", .least = 1, .most = PORT_MOST},
    {"user",          OPTION_TEXT,     AT(config_poll, server.user), .is_required = true},
    {"password_file", OPTION_TEXT,     AT(config_poll, server.password_file)},
    {"password",      OPTION_SECRET,   AT(config_poll, server.password)},
    {"public_key",    OPTION_TEXT,     AT(config_poll, server.public_key)},
    {"tls",           OPTION_SECTION,  AT(config_poll, server), .section = &source_tls},
    {"interval",      OPTION_DURATION, AT(config_poll, interval_usec), .fallback = "2s", .least = 10 * MSEC},
    END,
};
static const struct option_section poll_section = {poll_options, sizeof(struct config_poll)};

static const struct config_option heartbeat_options[] = {
    {"table",            OPTION_TEXT,     AT(config, heartbeat.table), .fallback = "heartbeat.heartbeat"},
    {"write_to_sources", OPTION_BOOL,     AT(config, heartbeat.write_to_sources)},
    {"interval",         OPTION_DURATION, AT(config, heartbeat.interval_usec), .fallback = "1s", .least = 10 * MSEC},
    {"poll",             OPTION_SECTIONS, AT(config, heartbeat.polls), .section = &poll_section},
    END,
};
static const struct option_section heartbeat = {heartbeat_options, 0};

static const struct config_option store_options[] = {
    {"sync",          OPTION_CHOICE,   AT(config, store.sync), .fallback = "group", .words = "group|always|interval"},
    {"sync_interval", OPTION_DURATION, AT(config, store.sync_interval_usec), .fallback = "10ms", .least = MSEC, .most = UINT64_C(60) * SEC},
    {"soft_limit",    OPTION_PERCENT,  AT(config, store.soft_limit_percent), .fallback = "80%"},
    {"hard_limit",    OPTION_PERCENT,  AT(config, store.hard_limit_percent), .fallback = "95%"},
    END,
};
static const struct option_section store = {store_options, 0};

static const struct config_option admin_options[] = {
    {"socket", OPTION_TEXT, AT(config, admin.socket), .fallback = "/run/binrelay/admin.sock"},
    {"mode",   OPTION_TEXT, AT(config, admin.mode_text), .fallback = "0660"},
    END,
};
static const struct option_section admin = {admin_options, 0};

static const struct config_option http_options[] = {
    {"listen", OPTION_TEXT, AT(config, http.listen)},
    END,
};
static const struct option_section http = {http_options, 0};

static const struct config_option log_options[] = {
    {"level",  OPTION_CHOICE, AT(config, log.level), .fallback = "info", .words = "error|warning|info|debug"},
    {"format", OPTION_CHOICE, AT(config, log.format), .fallback = "auto", .words = "auto|text|json|journal"},
    END,
};
static const struct option_section log_section = {log_options, 0};

static const struct config_option config_options[] = {
    {"data_dir",      OPTION_TEXT,     AT(config, data_dir), .fallback = "/var/lib/binrelay"},
    {"relay_id",      OPTION_TEXT,     AT(config, relay_id), .fallback = "binrelay"},
    {"endpoint",      OPTION_SECTION,  AT(config, endpoint), .section = &endpoint_section},
    {"accounts",      OPTION_SECTIONS, AT(config, accounts), .section = &account_section},
    {"clusters",      OPTION_SECTIONS, AT(config, clusters), .least = 1, .section = &cluster_section, .is_required = true},
    {"hooks",         OPTION_SECTIONS, AT(config, hooks), .section = &hook_section},
    {"heartbeat",     OPTION_SECTION,  .offset = 0, .section = &heartbeat},
    {"store",         OPTION_SECTION,  .offset = 0, .section = &store},
    {"serve_threads", OPTION_NUMBER,   AT(config, serve_threads), .fallback = "2", .least = 1, .most = 256},
    {"admin",         OPTION_SECTION,  .offset = 0, .section = &admin},
    {"http",          OPTION_SECTION,  .offset = 0, .section = &http},
    {"log",           OPTION_SECTION,  .offset = 0, .section = &log_section},
    END,
};
const struct option_section config_section = {config_options, sizeof(struct config)};
/* clang-format on */
