/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration file, read and checked: values that go down to the rooms.
 * shared by the start, --check-config, --print-config and reload.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "binrelay/base/error.h"
#include "option.h"

/* Choices are the places of their words in the tables of config_tables.c. */
enum { TLS_OFF, TLS_OPTIONAL, TLS_REQUIRED };
enum { EPOCHS_NDB, EPOCHS_HEARTBEAT, EPOCHS_NONE };
enum { LIMIT_STOP_PULLING, LIMIT_DROP_APPLIERS };
enum { LOG_FORMAT_AUTO, LOG_FORMAT_TEXT, LOG_FORMAT_JSON, LOG_FORMAT_JOURNAL };

struct config_listen {
    char *address;
    char *cluster;
    char *version;
};

struct config_endpoint {
    json_t *listen_json;
    struct option_list listen; /* of struct config_listen, made from listen_json */
    char *version;
    struct {
        char *cert;
        char *key;
        char *ca;
        uint64_t mode;
    } tls;
    struct option_list proxies; /* of char * */
    uint64_t max_connections;
};

struct config_account {
    char *user;
    char *password_file;
    char *password;
    char *old_password_file;
    char *old_password;
    uint64_t plugin;
    struct option_list rights;   /* of char * */
    struct option_list clusters; /* of char * */
    uint64_t tls;
    json_t *filter;
};

struct config_source {
    char *host;
    uint64_t port;
    char *user;
    char *password_file;
    char *password;
    char *public_key;
    struct {
        uint64_t mode;
        char *ca;
        char *cert;
        char *key;
    } tls;
};

struct config_applier {
    uint64_t server_id;
    char *group;
    bool is_required;
    uint64_t expire_after_usec;
};

struct config_start {
    char *file;
    uint64_t position;
    uint64_t epoch;
    char *gtid_set;
};

struct config_cluster {
    char *name;
    uint64_t server_id;
    char *log_name;
    uint64_t epochs;
    char *identity;
    bool is_identity_said; /* the file says it; else it was chosen */
    uint64_t position_by;
    json_t *start_json;
    bool is_start_last;
    struct config_start start; /* all zero: "first" or "last" */
    struct option_list sources;
    uint64_t heartbeat_period_usec;
    uint64_t read_timeout_usec;
    uint64_t connect_retry_usec;
    bool semi_sync;
    struct {
        uint64_t grace_usec;
    } cutover;
    uint64_t on_gap;
    struct {
        uint64_t ttl_usec; /* 0: groups have no lease */
    } lease;
    struct option_list appliers;
    struct {
        char *policy;
        uint64_t min_age_usec;
        uint64_t min_files;
        uint64_t max_bytes;
        uint64_t on_limit;
        bool source_purge;
    } purge;
    json_t *filter;
    struct {
        char *command;
        char *fetch;
        bool required_for_purge;
    } archive;
};

struct config_hook {
    char *event;
    char *command;
};

struct config_poll {
    char *cluster;
    struct config_source server;
    uint64_t interval_usec;
};

struct config {
    char *data_dir;
    char *relay_id;
    struct config_endpoint endpoint;
    struct option_list accounts;
    struct option_list clusters;
    struct option_list hooks;
    struct {
        char *table;
        bool write_to_sources;
        uint64_t interval_usec;
        struct option_list polls;
    } heartbeat;
    struct {
        uint64_t sync;
        uint64_t sync_interval_usec;
        uint64_t soft_limit_percent;
        uint64_t hard_limit_percent;
    } store;
    uint64_t serve_threads;
    struct {
        char *socket;
        char *mode_text;
        unsigned mode; /* made from mode_text */
    } admin;
    struct {
        char *listen;
    } http;
    struct {
        uint64_t level;
        uint64_t format;
    } log;
};

extern const struct option_section config_section;
extern const struct option_section config_listen_section;
extern const struct option_section config_start_section;

/*
 * Reads and checks a file. STATUS_INVALID: every fault stands in faults->lines
 * with its path; anything else is in the error. Secrets are read from their files.
 */
MUST_CHECK enum status config_read(struct config **made,
                                   const char *path,
                                   struct option_faults *faults,
                                   struct error *error);

/* Accepts NULL. */
void config_free(struct config *config);

/* The effective configuration as text, secrets left out; the caller frees it. */
char *config_print(const struct config *config);

/* What is configured and this version does not do yet: a line each, into `lines`. */
void config_list_unused(const struct config *config, struct buffer *lines);

static inline struct config_cluster *config_cluster_at(const struct config *config, size_t at)
{
    return (struct config_cluster *)config->clusters.items + at;
}

static inline struct config_account *config_account_at(const struct config *config, size_t at)
{
    return (struct config_account *)config->accounts.items + at;
}

static inline struct config_source *config_source_at(const struct config_cluster *cluster,
                                                     size_t at)
{
    return (struct config_source *)cluster->sources.items + at;
}

static inline struct config_applier *config_applier_at(const struct config_cluster *cluster,
                                                       size_t at)
{
    return (struct config_applier *)cluster->appliers.items + at;
}

static inline struct config_poll *config_poll_at(const struct config *config, size_t at)
{
    return (struct config_poll *)config->heartbeat.polls.items + at;
}

static inline struct config_listen *config_listen_at(const struct config *config, size_t at)
{
    return (struct config_listen *)config->endpoint.listen.items + at;
}

/* The cross checks, called by config_read(). */
void config_check(struct config *config, struct option_faults *faults);
