/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A purge whose disk fails, whose process dies or whose power goes at each of
 * its operations in turn: a file is listed and there, or neither; nothing that
 * was to stay goes (S3); and the log still knows what it held.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "binrelay/base/memory.h"
#include "binrelay/storage/binlog_purge.h"
#include "check.h"
#include "fake_disk.h"
#include "store_script.h"
#include "temp_dir.h"

enum { PURGE_BEFORE = 4, LOSS_SEEDS = 6 };

struct world {
    const struct script *script;
    char *root;
    char *directory; /* owned */
    struct fake_disk *fake;
    struct binlog_store *store;
};

static void start(struct world *world)
{
    struct error error;

    if (world->fake == NULL) {
        world->fake = fake_disk_new();
    }
    fake_disk_revive(world->fake);
    fake_disk_fail_at(world->fake, 0, FAKE_FAULT_EIO);
    world->store = binlog_store_new(&(struct binlog_store_options){
        .disk = fake_disk_calls(world->fake),
        .clock = clock_system(),
        .directory = world->directory,
        .gather_bytes = SCRIPT_GATHER_BYTES,
    });
    CHECK_OK(binlog_store_recover(world->store, &error), &error);
}

static void stop(struct world *world, const enum fake_loss *loss, unsigned seed)
{
    binlog_store_free(world->store);
    world->store = NULL;
    if (loss != NULL) {
        fake_disk_lose_power(world->fake, *loss, seed);
        fake_disk_free(world->fake);
        world->fake = NULL;
    }
}

/* A store that has the whole script. */
static struct world world_new(const struct script *script)
{
    struct world world = {.script = script, .root = temp_dir_make()};
    struct feeder feeder = {.script = script};
    struct error error;

    world.directory = mem_format("%s/east", world.root);
    start(&world);
    feeder_resume(&feeder, world.store);
    CHECK_OK(feeder_run(&feeder, &error), &error);
    stop(&world, NULL, 0);
    start(&world);
    return world;
}

static void world_free(struct world *world)
{
    stop(world, NULL, 0);
    fake_disk_free(world->fake);
    temp_dir_remove(world->root);
    free(world->directory);
}

static bool is_there(const struct world *world, uint64_t file, const char *suffix)
{
    autofree char *path =
        mem_format("%s/%s.%06u%s", world->directory, binlog_store_log_name(world->store),
                   (unsigned)file, suffix);
    struct stat facts;

    return stat(path, &facts) == 0;
}

static bool is_same(struct gtid_set *left, struct gtid_set *right)
{
    bool is_same = gtid_set_contains(left, right) && gtid_set_contains(right, left);

    gtid_set_free(left);
    gtid_set_free(right);
    return is_same;
}

/* The first file is `first`, and list, directory and GTIDs say so. */
static void check_first(struct world *world, uint64_t first)
{
    struct binlog_file_facts *facts = NULL;
    size_t count = binlog_files_list(world->store, &facts);

    CHECK(count == SCRIPT_FILES - (size_t)first + 1);
    for (size_t at = 0; at < count; at++) {
        CHECK(facts[at].file == first + at);
        CHECK(facts[at].bytes == world->script->files[first + at - 1].bytes.size);
    }
    free(facts);
    for (uint64_t file = 1; file <= SCRIPT_FILES; file++) {
        CHECK(is_there(world, file, "") == (file >= first));
        CHECK(file >= first || !is_there(world, file, ".gtids"));
    }
    CHECK(is_same(binlog_files_gtids_purged(world->store),
                  script_gtids(world->script, (struct binlog_position){first, 4})));
    CHECK(is_same(binlog_files_gtids(world->store),
                  script_gtids(world->script, script_end(world->script))));
    CHECK(binlog_position_compare(binlog_store_durable_end(world->store),
                                  script_end(world->script)) == 0);
}

static enum status purge(struct world *world, uint64_t before, struct error *error)
{
    struct binlog_purged purged;

    return binlog_store_purge(world->store, before, &purged, error);
}

static uint64_t first_listed(const struct world *world)
{
    struct binlog_file_facts *facts = NULL;
    uint64_t first = binlog_files_list(world->store, &facts) == 0 ? 0 : facts[0].file;

    free(facts);
    return first;
}

static uint64_t count_operations(const struct script *script)
{
    struct world world = world_new(script);
    uint64_t before = fake_disk_operations(world.fake);
    uint64_t operations = 0;
    struct error error;

    CHECK_OK(purge(&world, PURGE_BEFORE, &error), &error);
    operations = fake_disk_operations(world.fake) - before;
    check_first(&world, PURGE_BEFORE);
    world_free(&world);
    return operations;
}

/* What is left is what was, or what was to be; another purge comes to the same end. */
static void check_after_restart(struct world *world)
{
    uint64_t first = first_listed(world);
    struct error error;

    CHECK(first == 1 || first == PURGE_BEFORE);
    check_first(world, first);
    CHECK_OK(purge(world, PURGE_BEFORE, &error), &error);
    check_first(world, PURGE_BEFORE);
    stop(world, &(enum fake_loss){FAKE_LOSS_ALL}, 0);
    start(world);
    check_first(world, PURGE_BEFORE);
}

/* The operation fails, the process goes on and tries again. */
static void goes_on_after_a_failed_operation(const struct script *script, uint64_t operations)
{
    for (uint64_t operation = 1; operation <= operations; operation++) {
        struct world world = world_new(script);
        struct error error;
        uint64_t first = 0;

        fake_disk_fail_at(world.fake, fake_disk_operations(world.fake) + operation,
                          FAKE_FAULT_EIO);
        CHECK(purge(&world, PURGE_BEFORE, &error) != STATUS_OK);
        first = first_listed(&world);
        CHECK(first == 1 || first == PURGE_BEFORE);
        CHECK_OK(purge(&world, PURGE_BEFORE + 1, &error), &error);
        check_first(&world, PURGE_BEFORE + 1);
        world_free(&world);
    }
}

/* What is listed behind a failure somebody may come to need: a start must not take it for
 * purged. */
static void a_start_behind_a_failure_lists_no_less(const struct script *script,
                                                   uint64_t operations)
{
    for (uint64_t operation = 1; operation <= operations; operation++) {
        struct world world = world_new(script);
        struct error error;
        uint64_t first = 0;

        fake_disk_fail_at(world.fake, fake_disk_operations(world.fake) + operation,
                          FAKE_FAULT_EIO);
        CHECK(purge(&world, PURGE_BEFORE, &error) != STATUS_OK);
        first = first_listed(&world);
        stop(&world, operation % 2 == 0 ? &(enum fake_loss){FAKE_LOSS_ALL} : NULL, 0);
        start(&world);
        CHECK(first_listed(&world) <= first);
        world_free(&world);
    }
}

/* And the next purge takes what a failed one left, though it has nothing to do of its own. */
static void the_next_purge_takes_what_was_left(const struct script *script, uint64_t operations)
{
    for (uint64_t operation = 1; operation <= operations; operation++) {
        struct world world = world_new(script);
        struct error error;

        fake_disk_fail_at(world.fake, fake_disk_operations(world.fake) + operation,
                          FAKE_FAULT_EIO);
        CHECK(purge(&world, PURGE_BEFORE, &error) != STATUS_OK);
        CHECK_OK(purge(&world, PURGE_BEFORE, &error), &error);
        check_first(&world, PURGE_BEFORE);
        world_free(&world);
    }
}

static void remove_derived(const struct world *world)
{
    for (unsigned file = 1; file <= SCRIPT_FILES; file++) {
        autofree char *path = mem_format("%s/%s.%06u.gtids", world->directory,
                                         binlog_store_log_name(world->store), file);

        (void)disk_remove(fake_disk_calls(world->fake), path);
    }
}

/* Not a block is free, and there are leftovers of what failed for that before. */
static void a_full_disk_is_purged(const struct script *script)
{
    struct world world = world_new(script);
    struct error error;

    fake_disk_set_blocks(world.fake, 0);
    for (uint64_t before = 2; before <= SCRIPT_FILES; before++) {
        CHECK_OK(purge(&world, before, &error), &error);
        check_first(&world, before);
        fake_disk_set_blocks(world.fake, 0); /* somebody else took it */
    }
    stop(&world, &(enum fake_loss){FAKE_LOSS_ALL}, 0);
    start(&world);
    check_first(&world, SCRIPT_FILES);
    world_free(&world);
}

/* Where there is nothing to make room with, all stays as it is. */
static void a_full_disk_may_stay_full(const struct script *script)
{
    struct world world = world_new(script);
    struct error error;

    remove_derived(&world);
    fake_disk_set_blocks(world.fake, 0);
    CHECK(purge(&world, PURGE_BEFORE, &error) == STATUS_FULL);
    CHECK(first_listed(&world) == 1 && !is_there(&world, 1, ".gtids"));
    stop(&world, NULL, 0);
    fake_disk_set_blocks(world.fake, UINT64_MAX);
    start(&world);
    check_first(&world, 1);
    fake_disk_set_blocks(world.fake, 1);
    CHECK_OK(purge(&world, PURGE_BEFORE, &error), &error);
    check_first(&world, PURGE_BEFORE);
    world_free(&world);
}

static void comes_back_after_an_end(const struct script *script,
                                    uint64_t operation,
                                    const enum fake_loss *loss,
                                    unsigned seed)
{
    struct world world = world_new(script);
    struct error error;

    fake_disk_fail_at(world.fake, fake_disk_operations(world.fake) + operation,
                      FAKE_FAULT_DEATH);
    CHECK(purge(&world, PURGE_BEFORE, &error) != STATUS_OK);
    stop(&world, loss, seed);
    start(&world);
    check_after_restart(&world);
    world_free(&world);
}

static void comes_back_after_each_end(const struct script *script, uint64_t operations)
{
    static const enum fake_loss losses[] = {FAKE_LOSS_ALL, FAKE_LOSS_SOME};

    for (uint64_t operation = 1; operation <= operations; operation++) {
        comes_back_after_an_end(script, operation, NULL, 0);
        for (unsigned seed = 0; seed < LOSS_SEEDS; seed++) {
            comes_back_after_an_end(script, operation, &losses[seed > 0],
                                    seed + (unsigned)operation * 97);
        }
    }
}

static void the_newest_file_stays(const struct script *script)
{
    struct world world = world_new(script);
    struct error error;

    CHECK_OK(purge(&world, UINT64_MAX, &error), &error);
    check_first(&world, SCRIPT_FILES);
    stop(&world, NULL, 0);
    start(&world);
    check_first(&world, SCRIPT_FILES);
    world_free(&world);
}

static void a_damaged_record_loses_no_file(const struct script *script)
{
    struct world world = world_new(script);
    autofree char *path = mem_format("%s/purged", world.directory);
    struct error error;
    FILE *file = NULL;

    CHECK_OK(purge(&world, PURGE_BEFORE, &error), &error);
    stop(&world, NULL, 0);
    file = fopen(path, "r+");
    CHECK(file != NULL && fseek(file, 12, SEEK_SET) == 0 && fputc(0x7f, file) != EOF);
    CHECK(fclose(file) == 0);
    start(&world);
    CHECK(first_listed(&world) == PURGE_BEFORE);
    world_free(&world);
}

int main(void)
{
    struct script script;
    uint64_t operations = 0;

    script_make(&script);
    operations = count_operations(&script);
    CHECK(operations >= 3 + 3);
    goes_on_after_a_failed_operation(&script, operations);
    a_start_behind_a_failure_lists_no_less(&script, operations);
    the_next_purge_takes_what_was_left(&script, operations);
    comes_back_after_each_end(&script, operations);
    the_newest_file_stays(&script);
    a_full_disk_is_purged(&script);
    a_full_disk_may_stay_full(&script);
    a_damaged_record_loses_no_file(&script);
    script_release(&script);
    return 0;
}
