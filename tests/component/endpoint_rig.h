/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An endpoint on a control thread of its own, before two clusters that are
 * filled from recordings: "east" is MySQL's and "west" MariaDB's.
 */
#pragma once

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>

#include "binrelay/registry/registry.h"
#include "binrelay/serve/endpoint_sessions.h"
#include "served_cluster.h"
#include "sql_client.h"

enum { EAST, WEST, CLUSTERS };

static const char *const both_clusters[] = {"east", "west"};

static const struct account_options rig_accounts[] = {
    {.user = "repl",
     .password = "secret",
     .rights = RIGHT_REPLICATE,
     .clusters = both_clusters,
     .cluster_count = 1},
    {.user = "maria",
     .password = "secret",
     .is_native = true,
     .rights = RIGHT_REPLICATE,
     .clusters = both_clusters + 1,
     .cluster_count = 1},
    {.user = "many",
     .password = "secret",
     .old_password = "older",
     .rights = RIGHT_REPLICATE | RIGHT_READ,
     .clusters = both_clusters,
     .cluster_count = 2},
    {.user = "admin", .password = "secret", .rights = RIGHT_ADMIN},
    {.user = "reader",
     .password = "secret",
     .rights = RIGHT_READ,
     .clusters = both_clusters,
     .cluster_count = 1,
     .tls = ACCOUNT_TLS_REQUIRED},
    {.user = "holder",
     .password = "secret",
     .rights = RIGHT_READ,
     .clusters = both_clusters,
     .cluster_count = 1,
     .tls = ACCOUNT_TLS_X509},
};

/* A recorded file of a cluster. */
struct rig_file {
    size_t cluster;
    uint64_t file;
    const char *recorded;
};

static const struct rig_file rig_files[] = {
    {EAST, 1, "mysql97-mixed.binlog"},
    {WEST, 1, "mariadb1011-mixed.binlog"},
};

struct rig {
    struct test_cluster clusters[CLUSTERS];
    struct epoch_rules epochs[CLUSTERS];
    const struct clock *clock;    /* borrowed; NULL: the system's */
    const struct rig_file *files; /* borrowed; NULL: rig_files */
    size_t file_count;
    bool has_appliers;       /* opens the registry, too */
    uint64_t lease_ttl_usec; /* groups have leases; 0: none */
    struct registry *registry;
    struct applier_registry *appliers[CLUSTERS]; /* the registry's, as the next */
    struct lease_table *leases[CLUSTERS];
    struct loop *loop;
    pthread_t thread;
    struct endpoint *endpoint;
    struct tls *tls;
    char *rsa_key_path; /* owned */
    struct endpoint_settings settings;
};

/* Work for the control thread that the test waits for. */
struct rig_call {
    struct message message; /* first */
    struct rig *rig;
    void (*fn)(struct rig *rig);
    sem_t done;
};

static inline void run_rig_call(struct message *message)
{
    struct rig_call *call = (struct rig_call *)message;

    call->fn(call->rig);
    CHECK(sem_post(&call->done) == 0);
}

static inline void rig_call(struct rig *rig, void (*fn)(struct rig *rig))
{
    struct rig_call call = {.message.run = run_rig_call, .rig = rig, .fn = fn};

    CHECK(sem_init(&call.done, 0, 0) == 0);
    loop_post(rig->loop, &call.message);
    while (sem_wait(&call.done) != 0) {
    }
    (void)sem_destroy(&call.done);
}

static inline void *run_rig(void *context)
{
    struct rig *rig = context;

    loop_run(rig->loop);
    return NULL;
}

static inline void rig_make_tls(struct rig *rig)
{
    const char *parent = rig->clusters[EAST].parent;
    autofree char *certificate = mem_format("%s/cert.pem", parent);
    autofree char *key = mem_format("%s/key.pem", parent);
    struct error error;

    rig->rsa_key_path = mem_format("%s/private-key.pem", parent);
    CHECK_OK(tls_make_self_signed(certificate, key, "binrelay", &error), &error);
    CHECK_OK(tls_new_server(&rig->tls,
                            (struct tls_files){.certificate = certificate, .key = key}, &error),
             &error);
}

static inline void rig_fill(struct rig *rig)
{
    const struct rig_file *files = rig->files != NULL ? rig->files : rig_files;
    size_t count =
        rig->files != NULL ? rig->file_count : sizeof(rig_files) / sizeof(rig_files[0]);

    for (size_t at = 0; at < count; at++) {
        test_cluster_fill(&rig->clusters[files[at].cluster], files[at].file,
                          files[at].recorded);
    }
}

static inline void rig_open_leases(struct rig *rig, struct served_cluster *served, size_t at)
{
    const struct lease_options options = {.cluster = served->name,
                                          .store = served->store,
                                          .appliers = rig->appliers[at],
                                          .ttl_usec = rig->lease_ttl_usec};
    struct error error;

    if (rig->lease_ttl_usec != 0) {
        CHECK_OK(registry_open_leases(rig->registry, &options, &rig->leases[at], &error),
                 &error);
        served->leases = rig->leases[at];
    }
}

static inline void rig_open_appliers(struct rig *rig,
                                     struct served_cluster *served,
                                     struct endpoint_options *options)
{
    struct error error;

    CHECK_OK(registry_open(&rig->registry, rig->clusters[EAST].parent, options->clock, &error),
             &error);
    for (size_t at = 0; at < CLUSTERS; at++) {
        const struct registry_applied applied = {.name = served[at].name,
                                                 .server_id = served[at].server_id,
                                                 .store = served[at].store,
                                                 .board = served[at].board,
                                                 .shares_groups = rig->lease_ttl_usec != 0};

        CHECK_OK(registry_open_appliers(rig->registry, &applied, &rig->appliers[at], &error),
                 &error);
        served[at].appliers = rig->appliers[at];
        rig_open_leases(rig, &served[at], at);
    }
    options->heartbeats = registry_heartbeats(rig->registry);
    options->heartbeat_name = "heartbeat.heartbeat";
    options->reports = registry_reports(rig->registry);
    options->pins = registry_pins(rig->registry);
    options->registry = rig->registry;
}

/* Settings and files that the test gave stay; accounts and certificate are the rig's. */
static inline void rig_open(struct rig *rig)
{
    const struct listener_options listeners[] = {
        {.address = "127.0.0.1:0"},
        {.address = "127.0.0.1:0", .cluster = "east", .version = "auto"},
        {.address = "127.0.0.1:0", .cluster = "west"},
    };
    struct served_cluster served[CLUSTERS];
    struct endpoint_options options = {.clock =
                                           rig->clock != NULL ? rig->clock : clock_system(),
                                       .listeners = listeners,
                                       .listener_count = 3,
                                       .clusters = served,
                                       .cluster_count = CLUSTERS,
                                       .serve_threads = 2};
    struct error error;

    test_cluster_open_with(&rig->clusters[EAST], "east", 199, rig->epochs[EAST]);
    test_cluster_open_with(&rig->clusters[WEST], "west", 299, rig->epochs[WEST]);
    rig_fill(rig);
    served[EAST] = rig->clusters[EAST].served;
    served[WEST] = rig->clusters[WEST].served;
    if (rig->has_appliers) {
        rig_open_appliers(rig, served, &options);
    }
    rig_make_tls(rig);
    options.rsa_key_path = rig->rsa_key_path;
    rig->settings.accounts = rig_accounts;
    rig->settings.account_count = sizeof(rig_accounts) / sizeof(rig_accounts[0]);
    rig->settings.tls = rig->tls;
    if (rig->settings.tls_mode == ENDPOINT_TLS_OFF) {
        rig->settings.tls_mode = ENDPOINT_TLS_OPTIONAL;
    }
    CHECK_OK(loop_new(&rig->loop, &error), &error);
    options.loop = rig->loop;
    options.settings = rig->settings;
    CHECK_OK(endpoint_open(&rig->endpoint, &options, &error), &error);
    CHECK(pthread_create(&rig->thread, NULL, run_rig, rig) == 0);
}

static inline void rig_close_endpoint(struct rig *rig)
{
    endpoint_close(rig->endpoint);
    rig->endpoint = NULL;
    loop_stop(rig->loop);
}

/* Closes the endpoint; what clients have got by then they can still read. */
static inline void rig_stop(struct rig *rig)
{
    rig_call(rig, rig_close_endpoint);
    CHECK(pthread_join(rig->thread, NULL) == 0);
    loop_free(rig->loop);
    rig->loop = NULL;
}

static inline void rig_close(struct rig *rig)
{
    if (rig->loop != NULL) {
        rig_stop(rig);
    }
    registry_close(rig->registry);
    tls_unref(rig->tls);
    free(rig->rsa_key_path);
    test_cluster_close(&rig->clusters[EAST]);
    test_cluster_close(&rig->clusters[WEST]);
}

static inline uint16_t rig_port(const struct rig *rig, size_t listener)
{
    return endpoint_port(rig->endpoint, listener);
}

/* Connects to the first listener and logs in with the password "secret"; CHECKs that it works.
 */
static inline struct sql_client rig_login(const struct rig *rig, const char *user)
{
    const struct login login = {.user = user, .password = "secret"};
    struct sql_client client = client_dial(rig_port(rig, 0), "127.0.0.1");

    client_greet(&client);
    CHECK(client_login(&client, &login) == 0);
    return client;
}

/* Waits until the user has one session (the one before may still be leaving), and returns it.
 */
static inline void rig_find(struct rig *rig, const char *user, struct session_facts *found)
{
    for (size_t matches = 0; matches != 1;) {
        struct session_facts *facts = NULL;
        size_t count = endpoint_sessions(rig->endpoint, &facts);

        matches = 0;
        for (size_t at = 0; at < count; at++) {
            if (strcmp(facts[at].user, user) == 0) {
                *found = facts[at];
                matches++;
            }
        }
        free(facts);
        (void)sched_yield();
    }
}

/* Waits until the endpoint has noticed that clients left. */
static inline void rig_await_sessions(struct rig *rig, size_t count)
{
    struct session_facts *facts = NULL;

    while (endpoint_sessions(rig->endpoint, &facts) != count) {
        free(facts);
        (void)sched_yield();
    }
    free(facts);
}
