/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A relay's store, registry and purger in a process that may end at any time,
 * and a model of what must be there after that: it stands in memory that the
 * processes share, and says of each thing what was acknowledged, and of what it
 * is not known whether it happened.
 */
#pragma once

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/admin/purger_internal.h"
#include "binrelay/base/log.h"
#include "binrelay/base/memory.h"
#include "binrelay/protocol/binlog_walk.h"
#include "binrelay/storage/epoch_locate.h"
#include "check.h"
#include "epoch_maker.h"
#include "fake_disk.h"

enum { MODEL_APPLIERS = 6, MODEL_FIRST_ID = 201, MODEL_PINS = 3, WORLD_SERVER_ID = 5 };

struct model_applier {
    bool is_uncertain; /* a change was begun and not acknowledged: what is found counts */
    bool is_known;
    bool is_required;
    bool may_be_lost;   /* what it needs was purged by force */
    uint64_t applied;   /* the highest epoch it reported; 0: none */
    uint64_t held_from; /* required: what was here when it was added stays until it reports */
    uint64_t late_from; /* it reported what is too old for what was here then: that stays */
};

struct model_pin {
    bool is_uncertain;
    bool is_there;
    bool is_passed; /* by force */
    uint64_t epoch;
};

struct model {
    uint64_t durable; /* the last epoch that was shown */
    struct binlog_position end;
    struct model_applier appliers[MODEL_APPLIERS];
    struct model_pin pins[MODEL_PINS];

    /* How much was tried, so that a test that tries nothing fails. */
    uint64_t steps;
    uint64_t purged_files;
    uint64_t forced;
    uint64_t reports;
    uint64_t ends;
};

struct world {
    struct model *model;   /* shared */
    const char *root;      /* borrowed: data_dir */
    const char *directory; /* borrowed: the store's */
    unsigned seed;
    struct fake_disk *disk;
    struct binlog_store *store;
    struct cluster_board *board;
    struct registry *registry;
    struct applier_registry *appliers;
    struct pin_table *pins;
    struct purger *purger;
};

static inline void world_open(struct world *world, enum fake_fault fault, uint64_t fault_at)
{
    struct error error;

    world->disk = fake_disk_new();
    fake_disk_fail_at(world->disk, 0, fault);
    world->store = binlog_store_new(&(struct binlog_store_options){
        .disk = fake_disk_calls(world->disk),
        .clock = clock_system(),
        .directory = world->directory,
        .epochs = {.kind = EPOCH_KIND_NDB},
    });
    CHECK_OK(binlog_store_recover(world->store, &error), &error);
    world->board = cluster_board_new();
    CHECK_OK(registry_open(&world->registry, world->root, clock_system(), &error), &error);
    CHECK_OK(registry_open_appliers(world->registry,
                                    &(struct registry_applied){.name = "east",
                                                               .server_id = 199,
                                                               .store = world->store,
                                                               .board = world->board},
                                    &world->appliers, &error),
             &error);
    world->pins = registry_pins(world->registry);
    world->purger = purger_new(&(struct purger_options){
        .cluster = "east",
        .directory = world->directory,
        .store = world->store,
        .appliers = world->appliers,
        .pins = world->pins,
        .registry = world->registry,
        .clock = clock_system(),
        .disk = fake_disk_calls(world->disk),
        .settings =
            {.is_automatic = true, .min_files = 1, .soft_percent = 100, .hard_percent = 100},
    });
    fake_disk_fail_at(world->disk, fake_disk_operations(world->disk) + fault_at, fault);
}

static inline void world_close(struct world *world)
{
    purger_free(world->purger);
    registry_close(world->registry);
    cluster_board_free(world->board);
    binlog_store_free(world->store);
    fake_disk_free(world->disk);
}

/* The first epoch that is here, or the one behind all that was. */
static inline uint64_t world_first(const struct world *world)
{
    struct epoch_place found;
    struct error error;
    enum status status =
        epoch_index_at_or_after(world->store, (struct epoch_key){0}, &found, &error);

    CHECK(status == STATUS_OK || status == STATUS_NOT_FOUND);
    return status == STATUS_OK ? found.key.epoch : world->model->durable + 1;
}

/* ---- what must be so ---- */

/* All epochs from the first to the last, and none that was shown is gone behind the first. */
static inline void check_epochs(const struct world *world)
{
    struct epoch_cursor *cursor = epoch_cursor_open(world->store, false);
    uint64_t next = world_first(world);
    struct epoch_place found;
    struct error error;
    enum status status = epoch_cursor_next(cursor, &found, &error);

    for (; status == STATUS_OK; next++) {
        CHECK(found.key.epoch == next && found.key.incarnation == 1);
        status = epoch_cursor_next(cursor, &found, &error);
    }
    CHECK(status == STATUS_NOT_FOUND);
    CHECK(next == world->model->durable + 1);
    epoch_cursor_close(cursor);
}

/* A file is listed and there, or neither, and with it what belongs to it. */
static inline void check_files(const struct world *world)
{
    struct binlog_file_facts *facts = NULL;
    size_t count = binlog_files_list(world->store, &facts);
    DIR *directory = opendir(world->directory);
    size_t found = 0;

    CHECK(directory != NULL);
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        char base_name[BINLOG_NAME_MOST_BYTES + 1];
        char *dot = strrchr(entry->d_name, '.');
        bool is_derived =
            dot != NULL && (strcmp(dot, ".gtids") == 0 || strcmp(dot, ".epochs") == 0);
        uint64_t file = 0;

        if (is_derived) {
            *dot = '\0';
        }
        if (!binlog_name_split(bytes_of_text(entry->d_name), base_name, &file)) {
            continue;
        }
        found += is_derived ? 0 : 1;
        CHECK(count > 0 && file >= facts[0].file && file <= facts[count - 1].file);
    }
    CHECK(closedir(directory) == 0);
    CHECK(found == count);
    free(facts);
}

/* Behind a restart: what was begun and not acknowledged is as it is found. */
static inline void settle_applier(struct model_applier *applier,
                                  const struct applier_facts *facts,
                                  uint64_t first)
{
    applier->is_uncertain = false;
    applier->is_known = facts != NULL;
    if (facts != NULL) {
        applier->is_required = facts->is_required;
        applier->applied = facts->applied.epoch;
        applier->held_from = first;
        applier->late_from = first;
        applier->may_be_lost = applier->may_be_lost || facts->is_lost;
    }
}

/* It is lost and was let go of by force, or all that follows its place is here. */
static inline void check_place(const struct model_applier *applier,
                               const struct applier_facts *facts,
                               uint64_t first)
{
    CHECK(facts->is_required == applier->is_required);
    CHECK(facts->applied.epoch <= applier->applied);
    if (facts->is_lost) {
        CHECK(applier->may_be_lost);
    } else if (facts->applied.epoch > 0) {
        CHECK(first <= facts->applied.epoch + 1 || first <= applier->late_from);
    } else if (facts->is_required) {
        CHECK(first <= applier->held_from);
    }
}

static inline void check_appliers(const struct world *world, bool is_restarted)
{
    uint64_t first = world_first(world);

    for (uint32_t at = 0; at < MODEL_APPLIERS; at++) {
        struct model_applier *applier = &world->model->appliers[at];
        struct applier_facts *facts = NULL;
        struct error error;
        enum status status =
            applier_registry_find(world->appliers, MODEL_FIRST_ID + at, &facts, &error);

        CHECK(status == STATUS_OK || status == STATUS_NOT_FOUND);
        if (applier->is_uncertain && is_restarted) {
            settle_applier(applier, facts, first);
        }
        if (!applier->is_uncertain) {
            CHECK((facts != NULL) == applier->is_known);
        }
        if (!applier->is_uncertain && facts != NULL) {
            check_place(applier, facts, first);
        }
        applier_facts_free(facts, facts == NULL ? 0 : 1);
    }
}

static inline void pin_name(char name[PIN_NAME_BYTES], size_t at)
{
    (void)snprintf(name, PIN_NAME_BYTES, "pin-%zu", at);
}

static inline void check_pins(const struct world *world, bool is_restarted)
{
    uint64_t first = world_first(world);

    for (size_t at = 0; at < MODEL_PINS; at++) {
        struct model_pin *pin = &world->model->pins[at];
        struct pin_facts facts = {0};
        char name[PIN_NAME_BYTES];
        struct error error;
        bool is_there = false;

        pin_name(name, at);
        is_there = pin_table_find(world->pins, name, &facts, &error) == STATUS_OK;
        if (pin->is_uncertain && is_restarted) {
            *pin = (struct model_pin){
                .is_there = is_there, .epoch = facts.epoch.epoch, .is_passed = pin->is_passed};
        }
        if (pin->is_uncertain) {
            continue;
        }
        CHECK(is_there == pin->is_there);
        CHECK(!is_there || facts.epoch.epoch == pin->epoch);
        CHECK(!is_there || pin->is_passed || first <= pin->epoch + 1);
    }
}

/* All that the store and the registry say agrees with the model and with each other. */
static inline void world_check(const struct world *world, bool is_restarted)
{
    if (is_restarted) {
        uint64_t last = epoch_index_received(world->store).epoch;

        /* Nothing that was shown is gone; what was not yet may be there. */
        CHECK(last >= world->model->durable);
        CHECK(binlog_position_compare(binlog_store_durable_end(world->store),
                                      world->model->end) >= 0);
        world->model->durable = last;
        world->model->end = binlog_store_durable_end(world->store);
        check_files(world);
    }
    check_epochs(world);
    check_appliers(world, is_restarted);
    check_pins(world, is_restarted);
}
