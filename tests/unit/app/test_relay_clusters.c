/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "binrelay/base/memory.h"
#include "check.h"
#include "relay_internal.h"
#include "temp_dir.h"

static struct config *read_config(const char *directory, const char *cluster)
{
    autofree char *path = mem_format("%s/config.json", directory);
    FILE *file = fopen(path, "w");
    struct option_faults faults = {0};
    struct config *config = NULL;
    struct error error;

    CHECK(file != NULL);
    CHECK(fprintf(file,
                  "{\"data_dir\": \"%s\", \"clusters\": [{\"name\": \"east\", %s,"
                  " \"sources\": [{\"host\": \"h\", \"user\": \"u\"}]}]}",
                  directory, cluster) > 0);
    CHECK(fclose(file) == 0);
    CHECK_OK(config_read(&config, path, &faults, &error), &error);
    return config;
}

/* As a start does, up to the threads. "" if the clusters could be made, else why not. */
static struct error start(const char *directory, const char *cluster)
{
    struct relay relay = {.config = read_config(directory, cluster)};
    struct error error = {0};

    CHECK_OK(registry_open(&relay.registry, directory, clock_system(), &error), &error);
    if (relay_make_clusters(&relay, &error) == STATUS_OK) {
        error = (struct error){0};
    }
    for (size_t at = 0; at < relay.cluster_count; at++) {
        binlog_store_free(relay.clusters[at].store);
        cluster_board_free(relay.clusters[at].board);
    }
    free(relay.clusters);
    registry_close(relay.registry);
    config_free(relay.config);
    return error;
}

static void check_starts(const char *directory, const char *cluster)
{
    struct error error = start(directory, cluster);

    if (error.status != STATUS_OK) {
        fprintf(stderr, "%s: %s\n", cluster, error.message);
    }
    CHECK(error.status == STATUS_OK);
}

static void check_refuses(const char *directory, const char *cluster, const char *words)
{
    struct error error = start(directory, cluster);

    CHECK(error.status == STATUS_INVALID);
    CHECK(strstr(error.message, words) != NULL);
}

static void put_file(const char *directory, const char *name)
{
    autofree char *folder = mem_format("%s/east", directory);
    autofree char *path = mem_format("%s/%s", folder, name);
    FILE *file = NULL;

    (void)mkdir(folder, 0700); /* it may be there */
    file = fopen(path, "w");
    CHECK(file != NULL && fclose(file) == 0);
}

static const char virtual_199[] =
    "\"server_id\": 199, \"epochs\": \"ndb\", \"identity\": \"virtual\"";
static const char virtual_200[] =
    "\"server_id\": 200, \"epochs\": \"ndb\", \"identity\": \"virtual\"";
static const char upstream_199[] = "\"server_id\": 199, \"epochs\": \"ndb\"";

static void keeps_the_identity_that_a_store_was_begun_with(void)
{
    char *directory = temp_dir_make();

    check_starts(directory, upstream_199);
    check_starts(directory, virtual_199); /* nothing is stored yet */
    put_file(directory, "binlog.000001.epochs");
    check_starts(directory, virtual_200);
    put_file(directory, "binlog.000001");
    check_starts(directory, virtual_200);
    check_refuses(directory, virtual_199, "identity \"virtual\" as server_id 200");
    check_refuses(directory, upstream_199, "identity \"upstream\" does not fit");
    check_starts(directory, virtual_200);
    temp_dir_remove(directory);
}

/* A store of a version that knew no identity, or whose control.db is gone. */
static void takes_a_store_that_nothing_is_known_of_for_an_unchanged_one(void)
{
    char *directory = temp_dir_make();

    put_file(directory, "binlog.000001");
    check_refuses(directory, virtual_199, "identity \"upstream\": set it back");
    check_starts(directory, upstream_199);
    check_starts(directory, "\"server_id\": 199");
    temp_dir_remove(directory);
}

int main(void)
{
    keeps_the_identity_that_a_store_was_begun_with();
    takes_a_store_that_nothing_is_known_of_for_an_unchanged_one();
    return 0;
}
