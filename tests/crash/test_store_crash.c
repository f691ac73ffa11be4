/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store on a disk that fails, fills up, dies or loses power at each of its
 * operations in turn (docs/durability.md). A puller feeds a script of files;
 * whatever happened, recovery comes back to a prefix of the script and the
 * puller goes on from there to the same bytes.
 *
 * Attacked everywhere, by script_check():
 *   S1 what was shown is on disk, after a power loss too
 *   S2 whole transactions, in order, none twice, none missing
 *   S4 what was shown is not cut and not changed
 * S5 the epochs of the index are those of the script, and none is behind the durable end
 * S3 (nothing goes too early) has its part here that nothing durable is dropped.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binrelay/base/memory.h"
#include "check.h"
#include "fake_disk.h"
#include "store_script.h"
#include "temp_dir.h"

enum { MOST_ATTEMPTS = 4, LOSS_SEEDS = 3, RECOVERY_DEATHS = 12 };

struct world {
    const struct script *script;
    char *root;
    char *directory; /* owned */
    struct fake_disk *fake;
    struct binlog_store *store;
    struct binlog_position shown; /* the furthest that readers ever saw */
};

static struct world world_new(const struct script *script)
{
    struct world world = {.script = script, .root = temp_dir_make()};

    world.directory = mem_format("%s/east", world.root);
    return world;
}

static void world_free(struct world *world)
{
    fake_disk_free(world->fake);
    temp_dir_remove(world->root);
    free(world->directory);
}

/* A process begins: nothing is known but what the directory has. */
static void start(struct world *world)
{
    if (world->fake == NULL) {
        world->fake = fake_disk_new();
    }
    fake_disk_revive(world->fake);
    world->store = binlog_store_new(&(struct binlog_store_options){
        .disk = fake_disk_calls(world->fake),
        .clock = clock_system(),
        .directory = world->directory,
        .gather_bytes = SCRIPT_GATHER_BYTES,
        .epochs = {.kind = EPOCH_KIND_NDB},
    });
}

static void note_shown(struct world *world)
{
    struct binlog_position end = binlog_store_durable_end(world->store);

    CHECK(binlog_position_compare(end, world->shown) >= 0 || world->shown.file == 0);
    if (binlog_position_compare(end, world->shown) > 0) {
        world->shown = end;
    }
}

/* The process ends, and the power with it or not: then what was not synced is as it was. */
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

/*
 * Feeds what is left, as a puller does it: after a full disk it goes on where
 * the store ends, after any other failure it recovers first. False if the
 * process died.
 */
static bool pull(struct world *world)
{
    struct feeder feeder = {.script = world->script};
    struct error error;
    enum status status = STATUS_SYSTEM;

    for (int attempt = 0; attempt < MOST_ATTEMPTS && status != STATUS_OK; attempt++) {
        if (status != STATUS_FULL ||
            binlog_store_cut_unfinished(world->store, &error) != STATUS_OK) {
            status = binlog_store_recover(world->store, &error);
        }
        if (status == STATUS_OK || status == STATUS_FULL) {
            note_shown(world);
            feeder_resume(&feeder, world->store);
            status = feeder_run(&feeder, &error);
            note_shown(world);
        }
        if (fake_disk_is_dead(world->fake)) {
            return false;
        }
    }
    CHECK_OK(status, &error);
    return true;
}

/* All there is to say of a store that was fed to the end, now and after a start. */
static void check_end(struct world *world)
{
    struct binlog_position end = script_end(world->script);
    struct error error;

    script_check(world->script, world->store, world->directory, end);
    stop(world, &(enum fake_loss){FAKE_LOSS_ALL}, 0);
    start(world);
    CHECK_OK(binlog_store_recover(world->store, &error), &error);
    script_check(world->script, world->store, world->directory, end);
    stop(world, NULL, 0);
}

/*
 * Recovers what an end left and checks it. What recovery shows is on disk too:
 * the power goes right behind it. Then goes on to the end of the script.
 */
static void recover_and_go_on(struct world *world)
{
    struct error error;

    for (int again = 0; again < 2; again++) {
        start(world);
        CHECK_OK(binlog_store_recover(world->store, &error), &error);
        script_check(world->script, world->store, world->directory, world->shown);
        note_shown(world);
        if (again == 0) {
            stop(world, &(enum fake_loss){FAKE_LOSS_ALL}, 0);
        }
    }
    CHECK(pull(world));
    check_end(world);
}

static uint64_t count_operations(const struct script *script)
{
    struct world world = world_new(script);
    uint64_t operations = 0;

    start(&world);
    CHECK(pull(&world));
    operations = fake_disk_operations(world.fake);
    check_end(&world);
    world_free(&world);
    return operations;
}

/* S1, S2, S4: the operation fails, and the process goes on; in the end the power goes too. */
static void goes_on_after_a_failed_operation(const struct script *script, uint64_t operations)
{
    static const enum fake_fault faults[] = {FAKE_FAULT_EIO, FAKE_FAULT_FULL,
                                             FAKE_FAULT_SHORT_WRITE};

    for (size_t fault = 0; fault < sizeof(faults) / sizeof(faults[0]); fault++) {
        for (uint64_t operation = 1; operation <= operations; operation++) {
            struct world world = world_new(script);

            start(&world);
            fake_disk_fail_at(world.fake, operation, faults[fault]);
            CHECK(pull(&world));
            check_end(&world);
            world_free(&world);
        }
    }
}

static void die_at(struct world *world, uint64_t operation)
{
    start(world);
    fake_disk_fail_at(world->fake, operation, FAKE_FAULT_DEATH);
    CHECK(!pull(world));
}

/* S1, S2, S4: kill -9. What was written stays, synced or not. */
static void comes_back_after_the_process_died(const struct script *script, uint64_t operations)
{
    for (uint64_t operation = 1; operation <= operations; operation++) {
        struct world world = world_new(script);

        die_at(&world, operation);
        stop(&world, NULL, 0);
        recover_and_go_on(&world);
        world_free(&world);
    }
}

/* S1, S2, S4: a power loss. Nothing but what was synced is sure to stay. */
static void comes_back_after_a_power_loss(const struct script *script, uint64_t operations)
{
    for (uint64_t operation = 1; operation <= operations; operation++) {
        for (unsigned seed = 0; seed <= LOSS_SEEDS; seed++) {
            struct world world = world_new(script);
            enum fake_loss loss = seed == 0 ? FAKE_LOSS_ALL : FAKE_LOSS_SOME;

            die_at(&world, operation);
            stop(&world, &loss, seed + (unsigned)operation * 97);
            recover_and_go_on(&world);
            world_free(&world);
        }
    }
}

/* S1, S2, S4: recovery dies as well, at each of its operations, and is begun again. */
static void comes_back_when_recovery_dies_too(const struct script *script, uint64_t operations)
{
    for (uint64_t operation = 3; operation <= operations; operation += 4) {
        struct world world = world_new(script);
        enum fake_loss loss = FAKE_LOSS_SOME;

        die_at(&world, operation);
        stop(&world, operation % 8 == 3 ? &loss : NULL, (unsigned)operation);
        for (uint64_t death = 1; death <= RECOVERY_DEATHS; death++) {
            struct error error;

            start(&world);
            fake_disk_fail_at(world.fake, death, FAKE_FAULT_DEATH);
            /* The last that it does are the indexes, without which it is recovered too. */
            if (binlog_store_recover(world.store, &error) == STATUS_OK &&
                !fake_disk_is_dead(world.fake)) {
                script_check(script, world.store, world.directory, world.shown);
                note_shown(&world);
            }
            stop(&world, death % 2 == 0 ? &loss : NULL, (unsigned)death);
        }
        recover_and_go_on(&world);
        world_free(&world);
    }
}

/* S1: the disk stays full for a while, at every place; then there is room again. */
static void waits_for_room(const struct script *script, uint64_t operations)
{
    for (uint64_t operation = 1; operation <= operations; operation += 3) {
        struct world world = world_new(script);
        struct feeder feeder = {.script = script};
        struct error error;
        enum status status = STATUS_OK;

        start(&world);
        CHECK_OK(binlog_store_recover(world.store, &error), &error);
        fake_disk_fail_at(world.fake, operation, FAKE_FAULT_FULL);
        feeder_resume(&feeder, world.store);
        status = feeder_run(&feeder, &error);
        note_shown(&world);
        fake_disk_set_full(world.fake, true);
        for (int attempt = 0; attempt < 3 && status == STATUS_FULL; attempt++) {
            if (binlog_store_cut_unfinished(world.store, &error) == STATUS_OK) {
                feeder_resume(&feeder, world.store);
                status = feeder_run(&feeder, &error);
                note_shown(&world); /* what was shown is still to be read */
            }
        }
        fake_disk_set_full(world.fake, false);
        CHECK(pull(&world));
        check_end(&world);
        world_free(&world);
    }
}

int main(void)
{
    struct script script;
    uint64_t operations = 0;

    script_make(&script);
    operations = count_operations(&script);
    printf("the script takes %llu operations\n", (unsigned long long)operations);
    CHECK(operations > 50);
    goes_on_after_a_failed_operation(&script, operations);
    comes_back_after_the_process_died(&script, operations);
    comes_back_after_a_power_loss(&script, operations);
    comes_back_when_recovery_dies_too(&script, operations);
    waits_for_room(&script, operations);
    script_release(&script);
    return 0;
}
