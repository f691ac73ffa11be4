/* SPDX-License-Identifier: Apache-2.0 */
/* What no single option can say: names that must exist, pairs that must fit. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "binrelay/base/memory.h"
#include "binrelay/net/tls.h"
#include "binrelay/storage/binlog_position.h"
#include "config.h"

static struct config_cluster *find_cluster(const struct config *config, const char *name)
{
    for (size_t at = 0; at < config->clusters.count; at++) {
        struct config_cluster *cluster = config_cluster_at(config, at);

        if (cluster->name != NULL && strcmp(cluster->name, name) == 0) {
            return cluster;
        }
    }
    return NULL;
}

static void check_cluster_exists(const struct config *config,
                                 const char *name,
                                 const char *path,
                                 struct option_faults *faults)
{
    if (name != NULL && find_cluster(config, name) == NULL) {
        option_fault(faults, path, "there is no cluster %s", name);
    }
}

/* A cluster's name is a directory's name, and a word in logins. */
static void check_name(const char *name, const char *path, struct option_faults *faults)
{
    size_t plain =
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

    if (name[0] == '\0' || name[0] == '.' || name[plain] != '\0' ||
        strlen(name) > BINLOG_NAME_MOST_BYTES - 1) {
        option_fault(faults, path,
                     "must be 1 to %d of A-Z a-z 0-9 . _ - and not begin with a dot",
                     BINLOG_NAME_MOST_BYTES - 1);
    } else if (strcmp(name, "control.db") == 0 || strcmp(name, "FORMAT") == 0) {
        option_fault(faults, path, "is taken by a file of data_dir");
    }
}

static void check_purge(struct config_cluster *cluster,
                        const char *path,
                        struct option_faults *faults)
{
    autofree char *where = mem_format("%s.purge.policy", path);

    if (cluster->purge.policy == NULL) {
        cluster->purge.policy = mem_text(cluster->epochs == EPOCHS_NONE ? "manual" : "applied");
    }
    if (strcmp(cluster->purge.policy, "applied") != 0 &&
        strcmp(cluster->purge.policy, "manual") != 0) {
        option_fault(faults, where, "must be one of applied|manual");
    }
}

/* Purging by applied position without epochs needs somebody who says what was applied. */
static void check_purge_has_reports(const struct config *config,
                                    const struct config_cluster *cluster,
                                    const char *path,
                                    struct option_faults *faults)
{
    autofree char *where = mem_format("%s.purge.policy", path);

    if (cluster->epochs != EPOCHS_NONE || cluster->purge.policy == NULL ||
        strcmp(cluster->purge.policy, "applied") != 0) {
        return;
    }
    for (size_t at = 0; at < config->heartbeat.polls.count; at++) {
        const char *polled = config_poll_at(config, at)->cluster;

        if (polled != NULL && cluster->name != NULL && strcmp(polled, cluster->name) == 0) {
            return;
        }
    }
    option_fault(faults, where,
                 "\"applied\" with \"epochs\": \"none\" needs a heartbeat.poll of the cluster");
}

static void check_identity(struct config_cluster *cluster,
                           const char *path,
                           struct option_faults *faults)
{
    autofree char *where = mem_format("%s.identity", path);
    bool is_virtual = cluster->epochs == EPOCHS_NDB && cluster->sources.count > 1;

    cluster->is_identity_said = cluster->identity != NULL;
    if (cluster->identity == NULL) {
        cluster->identity = mem_text(is_virtual ? "virtual" : "upstream");
    }
    if (strcmp(cluster->identity, "virtual") != 0 &&
        strcmp(cluster->identity, "upstream") != 0) {
        option_fault(faults, where, "must be one of virtual|upstream");
    }
}

static void check_sources(const struct config_cluster *cluster,
                          const char *path,
                          struct option_faults *faults)
{
    autofree char *list = mem_format("%s.sources", path);

    if (cluster->sources.count > 1 && cluster->epochs == EPOCHS_NONE &&
        cluster->position_by == 2) {
        option_fault(faults, list,
                     "several sources need GTIDs or epochs to change between them");
    }
    for (size_t at = 0; at < cluster->sources.count; at++) {
        const struct config_source *source = config_source_at(cluster, at);

        if (source->tls.cert != NULL && source->tls.key == NULL) {
            option_fault(faults, list, "[%zu].tls: a cert needs its key", at);
        }
    }
}

static void check_start(const struct config_cluster *cluster,
                        const char *path,
                        struct option_faults *faults)
{
    autofree char *where = mem_format("%s.start.epoch", path);

    if (cluster->start.epoch != 0 && cluster->epochs != EPOCHS_NDB) {
        /* An NDB source has a table that says where an epoch is; for a counter in some row of
         * the stream, all of it would have to be read. */
        option_fault(faults, where,
                     "needs \"epochs\": \"ndb\"; elsewhere start at a file or at a gtid_set");
    }
}

/* As the admin socket takes them, where they can be named again. */
static bool is_group(const char *name)
{
    enum { GROUP_MOST_BYTES = 64 };
    size_t plain =
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

    return name[plain] == '\0' && plain <= GROUP_MOST_BYTES;
}

static void check_appliers(const struct config_cluster *cluster,
                           const char *path,
                           struct option_faults *faults)
{
    for (size_t at = 0; at < cluster->appliers.count; at++) {
        const struct config_applier *applier = config_applier_at(cluster, at);
        autofree char *id_path = mem_format("%s.appliers[%zu].server_id", path, at);
        autofree char *group_path = mem_format("%s.appliers[%zu].group", path, at);

        if (applier->server_id != 0 && applier->server_id == cluster->server_id) {
            option_fault(faults, id_path, "is the cluster's own: whose row is no report");
        }
        for (size_t other = 0; other < at; other++) {
            if (config_applier_at(cluster, other)->server_id == applier->server_id) {
                option_fault(faults, id_path, "is that of appliers[%zu], too", other);
            }
        }
        if (applier->group != NULL && !is_group(applier->group)) {
            option_fault(faults, group_path, "must be up to 64 of A-Z a-z 0-9 . _ -");
        }
    }
}

/* Who may follow a holder is told by what was applied, in epochs. */
static void check_lease(const struct config_cluster *cluster,
                        const char *path,
                        struct option_faults *faults)
{
    autofree char *where = mem_format("%s.lease", path);

    if (cluster->lease.ttl_usec != 0 && cluster->epochs == EPOCHS_NONE) {
        option_fault(faults, where, "needs \"epochs\": \"ndb\" or \"heartbeat\"");
    }
}

static void check_cluster(struct config *config, size_t at, struct option_faults *faults)
{
    struct config_cluster *cluster = config_cluster_at(config, at);
    autofree char *path = mem_format("$.clusters[%zu]", at);
    autofree char *name_path = mem_format("%s.name", path);
    autofree char *log_path = mem_format("%s.log_name", path);
    autofree char *id_path = mem_format("%s.server_id", path);
    autofree char *read_path = mem_format("%s.read_timeout", path);

    if (cluster->name != NULL) {
        check_name(cluster->name, name_path, faults);
        if (find_cluster(config, cluster->name) != cluster) {
            option_fault(faults, name_path, "stands twice: %s", cluster->name);
        }
    }
    if (cluster->log_name != NULL) {
        check_name(cluster->log_name, log_path, faults);
    }
    for (size_t other = 0; other < at; other++) {
        if (config_cluster_at(config, other)->server_id == cluster->server_id) {
            option_fault(faults, id_path, "is that of $.clusters[%zu], too", other);
        }
    }
    if (cluster->read_timeout_usec <= cluster->heartbeat_period_usec) {
        option_fault(faults, read_path, "must be longer than heartbeat_period");
    }
    check_purge(cluster, path, faults);
    check_purge_has_reports(config, cluster, path, faults);
    check_identity(cluster, path, faults);
    check_sources(cluster, path, faults);
    check_start(cluster, path, faults);
    check_lease(cluster, path, faults);
    check_appliers(cluster, path, faults);
}

static void check_rights(const struct config_account *account,
                         const char *path,
                         struct option_faults *faults)
{
    static const char *const known[] = {"replicate", "report", "read", "admin"};

    for (size_t at = 0; at < account->rights.count; at++) {
        const char *right = ((char **)account->rights.items)[at];
        bool is_known = false;

        for (size_t word = 0; word < sizeof(known) / sizeof(known[0]); word++) {
            is_known = is_known || (right != NULL && strcmp(right, known[word]) == 0);
        }
        if (!is_known) {
            option_fault(faults, path,
                         "rights[%zu]: must be one of replicate|report|read|admin", at);
        }
    }
}

static void check_account(const struct config *config, size_t at, struct option_faults *faults)
{
    const struct config_account *account = config_account_at(config, at);
    autofree char *path = mem_format("$.accounts[%zu]", at);
    autofree char *user_path = mem_format("%s.user", path);

    if (account->user != NULL && strchr(account->user, '+') != NULL) {
        option_fault(faults, user_path, "must not hold a '+', which is for USER+CLUSTER");
    }
    for (size_t other = 0; account->user != NULL && other < at; other++) {
        const char *user = config_account_at(config, other)->user;

        if (user != NULL && strcmp(user, account->user) == 0) {
            option_fault(faults, user_path, "stands twice: %s", user);
        }
    }
    if (account->password == NULL && account->password_file == NULL) {
        option_fault(faults, path, "needs a password or a password_file");
    }
    check_rights(account, path, faults);
    for (size_t number = 0; number < account->clusters.count; number++) {
        autofree char *where = mem_format("%s.clusters[%zu]", path, number);

        check_cluster_exists(config, ((char **)account->clusters.items)[number], where, faults);
    }
}

/* "host:port" or "[address]:port". */
static bool is_address(const char *text)
{
    const char *colon = strrchr(text, ':');
    unsigned port = 0;
    int used = 0;

    return colon != NULL && colon != text && sscanf(colon + 1, "%5u%n", &port, &used) == 1 &&
           colon[1 + used] == '\0' && port <= UINT16_MAX;
}

/* Loads what is configured, to say now what would keep the relay from starting. */
static void check_tls(const struct config *config, struct option_faults *faults)
{
    const struct tls_files files = {.certificate = config->endpoint.tls.cert,
                                    .key = config->endpoint.tls.key,
                                    .ca = config->endpoint.tls.ca};
    struct tls *tls = NULL;
    struct error error;

    if ((files.certificate == NULL) != (files.key == NULL)) {
        option_fault(faults, "$.endpoint.tls", "cert and key go together");
    } else if (files.certificate != NULL && config->endpoint.tls.mode != TLS_OFF) {
        if (tls_new_server(&tls, files, &error) != STATUS_OK) {
            option_fault(faults, "$.endpoint.tls", "%s", error.message);
        } else {
            tls_unref(tls);
        }
    }
}

static void check_endpoint(const struct config *config, struct option_faults *faults)
{
    for (size_t at = 0; at < config->endpoint.listen.count; at++) {
        const struct config_listen *listen = config_listen_at(config, at);
        autofree char *cluster_path = mem_format("$.endpoint.listen[%zu].cluster", at);
        autofree char *address_path = mem_format("$.endpoint.listen[%zu].address", at);

        check_cluster_exists(config, listen->cluster, cluster_path, faults);
        if (listen->address != NULL && !is_address(listen->address)) {
            option_fault(faults, address_path, "must be host:port");
        }
    }
    check_tls(config, faults);
}

static void check_admin(struct config *config, struct option_faults *faults)
{
    unsigned mode = 0;
    int used = 0;
    const char *text = config->admin.mode_text;

    if (text == NULL || sscanf(text, "%4o%n", &mode, &used) != 1 || text[used] != '\0' ||
        mode > 0777) {
        option_fault(faults, "$.admin.mode", "must be an octal mode such as \"0660\"");
    }
    config->admin.mode = mode;
}

/* A name as MySQL takes it in backquotes, without what would need more than that. */
static bool is_table_part(const char *name, size_t size)
{
    enum { NAME_MOST_CHARACTERS = 64 };
    size_t characters = 0;

    for (size_t at = 0; at < size; at++) {
        unsigned char byte = (unsigned char)name[at];

        if (byte <= ' ' || byte == 0x7F || strchr("./\\`'\"", byte) != NULL) {
            return false;
        }
        characters += (byte & 0xC0) != 0x80; /* the first byte of one in UTF-8 */
    }
    return characters > 0 && characters <= NAME_MOST_CHARACTERS;
}

static bool is_own_database(const char *name, size_t size)
{
    static const char *const taken[] = {"mysql", "binrelay", "information_schema",
                                        "performance_schema", "sys"};

    for (size_t at = 0; at < sizeof(taken) / sizeof(taken[0]); at++) {
        if (strlen(taken[at]) == size && strncasecmp(taken[at], name, size) == 0) {
            return false;
        }
    }
    return true;
}

static void check_heartbeat(const struct config *config, struct option_faults *faults)
{
    static const char path[] = "$.heartbeat.table";
    const char *name = config->heartbeat.table == NULL ? "" : config->heartbeat.table;
    size_t dot = strcspn(name, ".");

    if (name[dot] != '.' || !is_table_part(name, dot) ||
        !is_table_part(name + dot + 1, strlen(name + dot + 1))) {
        option_fault(faults, path, "must be a \"database.table\"");
    } else if (!is_own_database(name, dot)) {
        option_fault(faults, path, "must be in a database of its own, not a server's");
    }
    for (size_t at = 0; at < config->heartbeat.polls.count; at++) {
        const struct config_poll *poll = config_poll_at(config, at);
        autofree char *where = mem_format("$.heartbeat.poll[%zu].cluster", at);
        autofree char *tls = mem_format("$.heartbeat.poll[%zu].tls", at);

        check_cluster_exists(config, poll->cluster, where, faults);
        if (poll->server.tls.cert != NULL && poll->server.tls.key == NULL) {
            option_fault(faults, tls, "a cert needs its key");
        }
    }
}

void config_check(struct config *config, struct option_faults *faults)
{
    for (size_t at = 0; at < config->clusters.count; at++) {
        check_cluster(config, at, faults);
    }
    for (size_t at = 0; at < config->accounts.count; at++) {
        check_account(config, at, faults);
    }
    check_heartbeat(config, faults);
    if (config->data_dir != NULL && config->data_dir[0] == '\0') {
        option_fault(faults, "$.data_dir", "must not be empty");
    }
    check_endpoint(config, faults);
    check_admin(config, faults);
    if (config->store.soft_limit_percent > config->store.hard_limit_percent) {
        option_fault(faults, "$.store.soft_limit", "must not be above hard_limit");
    }
}

static void list_unused_of_cluster(const struct config_cluster *cluster, struct buffer *lines)
{
    const struct {
        bool is_used;
        const char *name;
    } later[] = {
        {cluster->sources.count > 1, "sources after the first"},
        {cluster->filter != NULL, "filter"},
        {cluster->archive.command != NULL, "archive"},
    };

    for (size_t at = 0; at < sizeof(later) / sizeof(later[0]); at++) {
        if (later[at].is_used) {
            buffer_add_format(lines, "cluster %s: %s\n", cluster->name, later[at].name);
        }
    }
}

void config_list_unused(const struct config *config, struct buffer *lines)
{
    for (size_t at = 0; at < config->clusters.count; at++) {
        list_unused_of_cluster(config_cluster_at(config, at), lines);
    }
    for (size_t at = 0; at < config->accounts.count; at++) {
        if (config_account_at(config, at)->filter != NULL) {
            buffer_add_format(lines, "account %s: filter\n",
                              config_account_at(config, at)->user);
        }
    }
    if (config->hooks.count > 0) {
        buffer_add_text(lines, "hooks\n");
    }
    if (config->http.listen != NULL) {
        buffer_add_text(lines, "http\n");
    }
}
