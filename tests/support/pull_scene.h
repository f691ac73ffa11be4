/* SPDX-License-Identifier: Apache-2.0 */
/* A puller with its store, registry and board in a directory of its own, and a fake source. */
#pragma once

#include <stdbool.h>

#include "binrelay/registry/cluster_board.h"
#include "binrelay/registry/registry.h"
#include "binrelay/source/puller.h"
#include "binrelay/storage/binlog_store.h"
#include "fake_source.h"
#include "gate_disk.h"

struct pull_scene {
    struct epoch_rules epochs; /* of the store; as options */
    char *path;
    struct fake_source *fake;
    struct gate_disk *disk;
    struct source_options source;
    bool has_appliers;             /* it keeps appliers, who report in the stream */
    struct puller_options options; /* changed between stop and start as a test likes */

    /* While it runs: */
    struct registry *registry;
    struct cluster_board *board;
    struct applier_registry *appliers; /* of cluster east; NULL: none are kept */
    struct binlog_store *store;
    struct puller *puller;
};

/* Takes the script over. Nothing runs yet; tries are some milliseconds apart. */
void pull_scene_open(struct pull_scene *scene, struct fake_script script);
void pull_scene_close(struct pull_scene *scene);

/* As a start and an orderly end of the daemon. */
void pull_scene_start(struct pull_scene *scene);
void pull_scene_stop(struct pull_scene *scene);

/* These wait until it is so, and fail the test after half a minute. */
void pull_scene_await_state(struct pull_scene *scene, enum pull_state state);
void pull_scene_await_durable(struct pull_scene *scene, uint64_t file, uint64_t offset);

/* For other conditions: true until the test has waited too long. Naps a little. */
bool pull_scene_may_wait(unsigned *naps);

struct cluster_report pull_scene_report(struct pull_scene *scene);

/* The state's reason holds the words. */
void pull_scene_check_reason(struct pull_scene *scene, const char *words);

/* The file as it is on disk is just these bytes. */
void pull_scene_check_file(struct pull_scene *scene, const char *name, struct bytes expected);
