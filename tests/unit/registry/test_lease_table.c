/* SPDX-License-Identifier: Apache-2.0 */
/* Leases behind a registry: what appliers report, and what is done to them, as a group's
 * members. */
#include <semaphore.h>
#include <string.h>
#include <unistd.h>

#include "binrelay/registry/lease_table.h"
#include "binrelay/storage/epoch_locate.h"
#include "check.h"
#include "registry_internal.h"
#include "registry_scene.h"

enum { FIRST = 201, SECOND = 202, TTL_USEC = 30 * 1000 * 1000 };

#define GROUP "west"

/* A session, and the last that it was told. */
struct seat {
    struct lease_ticket *ticket; /* owned until it leaves */
    unsigned answers;
    struct lease_answer last;
};

static void on_answer(void *context, const struct lease_answer *answer)
{
    struct seat *seat = context;

    seat->answers++;
    seat->last = *answer;
}

static void open_leases(struct scene *scene, struct lease_table **leases)
{
    const struct lease_options options = {.cluster = "east",
                                          .store = scene->logs[SCENE_EAST].store,
                                          .appliers = scene->appliers[SCENE_EAST],
                                          .ttl_usec = TTL_USEC};
    struct error error;

    CHECK_OK(registry_open_leases(scene->registry, &options, leases, &error), &error);
}

/* A group of two, of which the first has reported up to epoch 20. */
static void open_group(struct scene *scene, struct lease_table **leases)
{
    scene_open(scene);
    scene_stop(scene);
    scene->shares_groups = true;
    scene_start(scene);
    open_leases(scene, leases);
    scene_add(scene, FIRST, GROUP, false);
    scene_add(scene, SECOND, GROUP, false);
    scene_report(scene, FIRST, 20);
}

static void restart(struct scene *scene, struct lease_table **leases)
{
    scene_restart(scene);
    open_leases(scene, leases);
}

/* Behind all that was posted before. */
static uint64_t applied_of(struct lease_table *leases)
{
    struct lease_facts *facts = NULL;
    size_t count = 0;
    struct error error;

    CHECK_OK(lease_table_list(leases, &facts, &count, &error), &error);
    CHECK(count == 1 && strcmp(facts->group, GROUP) == 0);
    uint64_t epoch = facts->applied.epoch;

    lease_facts_free(facts, count);
    return epoch;
}

static void join(struct lease_table *leases, struct seat *seat, uint32_t server_id)
{
    const struct lease_request request = {.group = GROUP,
                                          .server_id = server_id,
                                          .is_by_gtid = true,
                                          .answer = on_answer,
                                          .context = seat};

    *seat = (struct seat){.ticket = lease_table_join(leases, &request)};
    (void)applied_of(leases);
}

static void leave(struct lease_table *leases, struct seat *seat)
{
    lease_table_leave(seat->ticket, (struct binlog_position){0});
    (void)applied_of(leases);
}

static bool begins_behind(const struct scene *scene, const struct seat *seat, uint64_t epoch)
{
    struct epoch_key key = {.epoch = epoch};
    struct binlog_position behind;
    struct error error;

    CHECK_OK(epoch_locate_after(scene->logs[SCENE_EAST].store, key, &behind, &error), &error);
    return seat->answers > 0 && seat->last.kind == LEASE_ANSWER_GRANT &&
           binlog_position_compare(seat->last.place, behind) == 0;
}

/* Whoever comes next begins there, were it in the same moment. */
static void a_group_is_set_back_before_the_command_is_answered(void)
{
    struct lease_table *leases = NULL;
    struct scene scene;
    struct seat seat;

    open_group(&scene, &leases);
    CHECK(applied_of(leases) == 20);
    scene_set_epoch(&scene, SECOND, 10);
    join(leases, &seat, FIRST);
    CHECK(begins_behind(&scene, &seat, 10));
    leave(leases, &seat);
    scene_close(&scene);
}

static void a_group_that_was_set_back_stays_so(void)
{
    struct lease_table *leases = NULL;
    struct scene scene;
    struct seat seat;

    open_group(&scene, &leases);
    join(leases, &seat, FIRST); /* saves what is applied with the grant */
    leave(leases, &seat);
    scene_set_epoch(&scene, FIRST, 10);
    restart(&scene, &leases);
    CHECK(applied_of(leases) == 10);
    scene_report(&scene, SECOND, 30);
    CHECK(applied_of(leases) == 30);
    scene_close(&scene);
}

/* Epochs of a member that is known no more, or known anew, are applied all the same. */
static void nobody_but_an_administrator_sets_a_group_back(void)
{
    struct lease_table *leases = NULL;
    struct scene scene;
    struct error error;

    open_group(&scene, &leases);
    scene_report(&scene, SECOND, 10);
    scene_report(&scene, FIRST, 40);
    CHECK(applied_of(leases) == 40);
    CHECK_OK(applier_registry_forget(scene.appliers[SCENE_EAST], FIRST, &error), &error);
    CHECK(applied_of(leases) == 40);
    scene_add(&scene, FIRST, GROUP, false); /* a new machine */
    scene_report(&scene, FIRST, 10);
    CHECK(applied_of(leases) == 40);
    scene_close(&scene);
}

/* What it reported was of its own target. */
static void one_that_comes_from_elsewhere_takes_no_group_further(void)
{
    const struct applier_setting settings[] = {{.server_id = FIRST, .group = GROUP},
                                               {.server_id = 203, .group = GROUP}};
    struct lease_table *leases = NULL;
    struct scene scene;

    open_group(&scene, &leases);
    scene_add(&scene, 203, NULL, false);
    scene_report(&scene, 203, 50);
    scene_configure(&scene, settings, 2);
    CHECK(applied_of(leases) == 20);
    scene_report(&scene, 203, 30); /* below what it had */
    CHECK(applied_of(leases) == 30);
    scene_close(&scene);
}

/* ---- a disk that hangs ---- */

struct pause {
    struct message message;
    sem_t begun;
    sem_t over;
};

static void on_pause(struct message *message)
{
    struct pause *pause = (struct pause *)message;

    CHECK(sem_post(&pause->begun) == 0 && sem_wait(&pause->over) == 0);
}

/* A report that came in time counts, were it looked at late. */
static void a_thread_that_was_held_up_takes_no_lease(void)
{
    struct pause pause = {.message = {.run = on_pause}};
    struct lease_table *leases = NULL;
    struct scene scene;
    struct seat seat;

    open_group(&scene, &leases);
    join(leases, &seat, FIRST);
    CHECK(begins_behind(&scene, &seat, 20));
    CHECK(sem_init(&pause.begun, 0, 0) == 0 && sem_init(&pause.over, 0, 0) == 0);
    worker_post(scene.registry->worker, &pause.message);
    CHECK(sem_wait(&pause.begun) == 0);
    scene_report(&scene, FIRST, 30);
    scene_pass(&scene, 31);
    (void)sleep(2); /* a look is due: that is the machine's time */
    CHECK(sem_post(&pause.over) == 0);
    CHECK(applied_of(leases) == 30);
    (void)sleep(2);
    (void)applied_of(leases);
    CHECK(seat.last.kind == LEASE_ANSWER_GRANT);
    leave(leases, &seat);
    CHECK(sem_destroy(&pause.begun) == 0 && sem_destroy(&pause.over) == 0);
    scene_close(&scene);
}

int main(void)
{
    a_group_is_set_back_before_the_command_is_answered();
    a_group_that_was_set_back_stays_so();
    nobody_but_an_administrator_sets_a_group_back();
    one_that_comes_from_elsewhere_takes_no_group_further();
    a_thread_that_was_held_up_takes_no_lease();
    return 0;
}
