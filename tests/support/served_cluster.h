/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cluster to be served, in a directory of its own: a real store filled from
 * recorded binlogs, and its board. For tests that link the rooms up to serve.
 */
#pragma once

#include "binrelay/base/memory.h"
#include "binrelay/protocol/binlog_walk.h"
#include "binrelay/protocol/uuid.h"
#include "binrelay/registry/cluster_board.h"
#include "binrelay/serve/endpoint.h"
#include "binrelay/storage/binlog_store.h"
#include "check.h"
#include "temp_dir.h"
#include "test_data.h"

struct test_cluster {
    char *parent;    /* owned: a temporary directory */
    char *directory; /* owned: the store's, in it */
    struct binlog_store *store;
    struct cluster_board *board;
    char uuid[UUID_TEXT_BYTES];
    struct served_cluster served; /* what to give to an endpoint */
};

/* `name` is borrowed. The store is recovered, and empty. */
static inline void test_cluster_open_with(struct test_cluster *cluster,
                                          const char *name,
                                          uint32_t id,
                                          struct epoch_rules epochs)
{
    struct binlog_store_options options = {
        .disk = disk_system(), .clock = clock_system(), .epochs = epochs};
    struct error error;

    *cluster = (struct test_cluster){.parent = temp_dir_make()};
    cluster->directory = mem_format("%s/%s", cluster->parent, name);
    options.directory = cluster->directory;
    cluster->store = binlog_store_new(&options);
    CHECK_OK(binlog_store_recover(cluster->store, &error), &error);
    cluster->board = cluster_board_new();
    uuid_of_name(name, cluster->uuid);
    cluster->served = (struct served_cluster){.name = name,
                                              .server_id = id,
                                              .server_uuid = cluster->uuid,
                                              .store = cluster->store,
                                              .board = cluster->board};
}

static inline void test_cluster_open(struct test_cluster *cluster,
                                     const char *name,
                                     uint32_t id)
{
    test_cluster_open_with(cluster, name, id, (struct epoch_rules){.kind = EPOCH_KIND_NONE});
}

static inline void test_cluster_close(struct test_cluster *cluster)
{
    binlog_store_free(cluster->store);
    cluster_board_free(cluster->board);
    free(cluster->directory);
    temp_dir_remove(cluster->parent);
}

/* Stores a whole binlog as the file of that number, and publishes. */
static inline void test_cluster_store(struct test_cluster *cluster,
                                      uint64_t file,
                                      struct bytes bytes)
{
    struct binlog_walk walk = binlog_walk_of((struct bytes){
        .data = bytes.data + BINLOG_MAGIC_BYTES, .size = bytes.size - BINLOG_MAGIC_BYTES});
    struct bytes event;
    struct error error;

    CHECK_OK(binlog_store_begin_file(cluster->store, "binlog", file, &error), &error);
    while (binlog_walk_next(&walk, &event, &error) == STATUS_OK) {
        CHECK_OK(binlog_store_append(cluster->store, event, &error), &error);
    }
    CHECK_OK(binlog_store_write(cluster->store, &error), &error);
    CHECK_OK(binlog_store_sync(cluster->store, &error), &error);
}

/* The same with a recorded file, "mysql97-mixed.binlog". */
static inline void test_cluster_fill(struct test_cluster *cluster,
                                     uint64_t file,
                                     const char *recorded)
{
    struct buffer bytes = test_data_read(recorded);

    test_cluster_store(cluster, file, buffer_bytes(&bytes));
    buffer_release(&bytes);
}

/* What the pull would say of its source. */
static inline void test_cluster_connect(struct test_cluster *cluster,
                                        const char *version,
                                        const char *gtid_mode,
                                        bool is_mariadb)
{
    struct source_facts facts = {.server_id = 77, .is_mariadb = is_mariadb};

    (void)snprintf(facts.server_version, sizeof(facts.server_version), "%s", version);
    (void)snprintf(facts.gtid_mode, sizeof(facts.gtid_mode), "%s", gtid_mode);
    (void)snprintf(facts.server_uuid, sizeof(facts.server_uuid),
                   "5d7a1f1e-0000-11f1-8000-000000000077");
    cluster_board_set_facts(cluster->board, &facts);
    cluster_board_set_source(cluster->board, "10.1.0.5:3307");
    (void)cluster_board_set_state(cluster->board, PULL_STREAMING, "", 1000000);
}
