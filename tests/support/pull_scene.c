/* SPDX-License-Identifier: Apache-2.0 */
#include "pull_scene.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "binrelay/base/clock.h"
#include "binrelay/base/memory.h"
#include "check.h"
#include "temp_dir.h"

enum { NAP_NSEC = 2000000, NAPS_MAX = 15000 };

void pull_scene_open(struct pull_scene *scene, struct fake_script script)
{
    memset(scene, 0, sizeof(*scene));
    scene->path = temp_dir_make();
    scene->fake = fake_source_start(script);
    scene->disk = gate_disk_new();
    scene->source = (struct source_options){
        .host = "127.0.0.1",
        .port = fake_source_port(scene->fake),
        .user = "relay",
        .password = "secret",
        .tls_mode = SOURCE_TLS_PREFERRED,
    };
    scene->options = (struct puller_options){
        .cluster = "east",
        .server_id = 199,
        .relay_id = "relay-a",
        .heartbeat_period_usec = 20000,
        .read_timeout_usec = 10000000,
        .connect_retry_usec = 2000,
    };
}

void pull_scene_close(struct pull_scene *scene)
{
    pull_scene_stop(scene);
    fake_source_stop(scene->fake);
    gate_disk_free(scene->disk);
    temp_dir_remove(scene->path);
}

static void open_appliers(struct pull_scene *scene)
{
    struct registry_applied applied = {.name = "east",
                                       .server_id = scene->options.server_id,
                                       .store = scene->store,
                                       .board = scene->board};
    struct error error;

    if (scene->has_appliers) {
        CHECK_OK(registry_open_appliers(scene->registry, &applied, &scene->appliers, &error),
                 &error);
        scene->options.reports = registry_reports(scene->registry);
        scene->options.heartbeat_table = "heartbeat.heartbeat";
    }
}

void pull_scene_start(struct pull_scene *scene)
{
    autofree char *directory = mem_format("%s/east", scene->path);
    struct binlog_store_options store = {.disk = gate_disk_calls(scene->disk),
                                         .clock = clock_system(),
                                         .directory = directory,
                                         .log_name = scene->options.log_name,
                                         .epochs = scene->epochs};
    struct error error = {0};
    enum status status = STATUS_OK;

    CHECK_OK(registry_open(&scene->registry, scene->path, clock_system(), &error), &error);
    scene->board = cluster_board_new();
    scene->store = binlog_store_new(&store);
    memset(&scene->options.kept, 0, sizeof(scene->options.kept));
    status = registry_load_cluster(scene->registry, "east", &scene->options.kept, &error);
    CHECK(status == STATUS_OK || status == STATUS_NOT_FOUND);
    scene->options.sources = &scene->source;
    scene->options.source_count = 1;
    scene->options.clock = clock_system();
    scene->options.store = scene->store;
    scene->options.board = scene->board;
    scene->options.registry = scene->registry;
    open_appliers(scene);
    CHECK_OK(puller_start(&scene->puller, &scene->options, &error), &error);
}

void pull_scene_stop(struct pull_scene *scene)
{
    puller_stop(scene->puller);
    registry_close(scene->registry);
    binlog_store_free(scene->store);
    cluster_board_free(scene->board);
    scene->puller = NULL;
    scene->appliers = NULL;
    scene->store = NULL;
    scene->board = NULL;
    scene->registry = NULL;
}

bool pull_scene_may_wait(unsigned *naps)
{
    const struct timespec nap = {.tv_nsec = NAP_NSEC};

    (void)nanosleep(&nap, NULL);
    return ++*naps < NAPS_MAX;
}

struct cluster_report pull_scene_report(struct pull_scene *scene)
{
    struct cluster_report report;

    cluster_board_read(scene->board, &report);
    return report;
}

static void fail_waiting(struct pull_scene *scene, const char *what)
{
    struct cluster_report report = pull_scene_report(scene);

    fprintf(stderr, "waited in vain for %s; the state is %s: %s; received %llu:%llu\n", what,
            pull_state_name(report.state), report.reason,
            (unsigned long long)report.received.file,
            (unsigned long long)report.received.offset);
    abort();
}

void pull_scene_await_state(struct pull_scene *scene, enum pull_state state)
{
    unsigned naps = 0;

    while (pull_scene_report(scene).state != state) {
        if (!pull_scene_may_wait(&naps)) {
            fail_waiting(scene, pull_state_name(state));
        }
    }
}

void pull_scene_await_durable(struct pull_scene *scene, uint64_t file, uint64_t offset)
{
    struct binlog_position wanted = {file, offset};
    unsigned naps = 0;

    while (binlog_position_compare(binlog_store_durable_end(scene->store), wanted) < 0) {
        if (!pull_scene_may_wait(&naps)) {
            fail_waiting(scene, "the durable end");
        }
    }
    CHECK(binlog_position_compare(binlog_store_durable_end(scene->store), wanted) == 0);
}

void pull_scene_check_reason(struct pull_scene *scene, const char *words)
{
    struct cluster_report report = pull_scene_report(scene);

    if (strstr(report.reason, words) == NULL) {
        fprintf(stderr, "the reason is: %s\n", report.reason);
    }
    CHECK(strstr(report.reason, words) != NULL);
}

void pull_scene_check_file(struct pull_scene *scene, const char *name, struct bytes expected)
{
    autofree char *path = mem_format("%s/east/%s", scene->path, name);
    FILE *file = fopen(path, "rb");
    autofree uint8_t *found = mem_raw(expected.size + 1);

    CHECK(file != NULL);
    CHECK(fread(found, 1, expected.size + 1, file) == expected.size);
    CHECK(memcmp(found, expected.data, expected.size) == 0);
    (void)fclose(file);
}
