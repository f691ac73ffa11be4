/* SPDX-License-Identifier: Apache-2.0 */
/* Whether an applier can go on, and how late it is. East has the epochs 10 to 60. */
#include "binrelay/registry/catch_up.h"

#include <string.h>

#include "check.h"
#include "registry_scene.h"

static struct binlog_store *store_of(const struct scene *scene)
{
    return scene->logs[SCENE_EAST].store;
}

static struct catch_up place_of(const struct scene *scene, const struct applier_facts *applier)
{
    return catch_up_of(store_of(scene), applier);
}

static void goes_on_behind_what_it_applied(void)
{
    struct applier_facts applier = {.applied = {.epoch = 30}};
    struct catch_up place;
    struct scene scene;

    scene_open(&scene);
    place = place_of(&scene, &applier);
    CHECK(place.is_possible && !place.is_hopeless && place.reason[0] == '\0');
    CHECK(place.from.file == 2 && place.oldest_epoch == 10);
    applier.applied.epoch = 35; /* between two that are here */
    CHECK(place_of(&scene, &applier).is_possible);
    CHECK(binlog_position_compare(place_of(&scene, &applier).from, place.from) == 0);
    scene_log_purge(&scene.logs[SCENE_EAST], 3);
    place = place_of(&scene, &applier);
    CHECK(!place.is_possible && place.is_hopeless && place.oldest_epoch == 50);
    CHECK(strstr(place.reason, "35") != NULL);
    scene_close(&scene);
}

static void what_is_to_come_is_not_hopeless(void)
{
    const struct applier_facts ahead = {.applied = {.epoch = 70}};
    const struct applier_facts any = {.applied_gtids = "", .server_id = 1};
    struct binlog_store *west = NULL;
    struct scene scene;

    scene_open(&scene);
    CHECK(!place_of(&scene, &ahead).is_possible && !place_of(&scene, &ahead).is_hopeless);
    west = scene.logs[SCENE_WEST].store; /* empty */
    CHECK(!catch_up_of(west, &ahead).is_possible && !catch_up_of(west, &ahead).is_hopeless);
    CHECK(!catch_up_of(west, &any).is_possible && !catch_up_of(west, &any).is_hopeless);
    CHECK(catch_up_of(west, &ahead).oldest_epoch == 0);
    scene_close(&scene);
}

static void without_an_epoch_its_streams_tell_the_place(void)
{
    struct applier_facts applier = {.sent = {.file = 2, .offset = 4}};
    struct catch_up place;
    struct scene scene;

    scene_open(&scene);
    place = place_of(&scene, &applier);
    CHECK(place.is_possible && place.from.file == 2 && place.from.offset == 4);
    scene_log_purge(&scene.logs[SCENE_EAST], 3);
    CHECK(place_of(&scene, &applier).is_hopeless);
    CHECK(strstr(place_of(&scene, &applier).reason, "binlog.000002:4") != NULL);
    scene_close(&scene);
}

static void one_of_which_nothing_is_known_needs_the_beginning(void)
{
    const struct applier_facts unknown = {.server_id = 201};
    struct catch_up place;
    struct scene scene;

    scene_open(&scene);
    place = place_of(&scene, &unknown);
    CHECK(place.is_possible && place.from.file == 1 && place.from.offset == 4);
    scene_log_purge(&scene.logs[SCENE_EAST], 2);
    CHECK(place_of(&scene, &unknown).is_hopeless);
    scene_close(&scene);
}

static void gtids_find_a_file(void)
{
    struct applier_facts applier = {.applied_gtids = "nonsense"};
    struct binlog_position found = {0};
    struct error error;
    struct scene scene;

    scene_open(&scene);
    CHECK(!place_of(&scene, &applier).is_possible && !place_of(&scene, &applier).is_hopeless);
    CHECK_OK(catch_up_by_gtids(store_of(&scene), "", &found, &error), &error);
    CHECK(found.file >= 1 && found.offset == 4);
    scene_close(&scene);
}

static void lag_is_the_age_of_the_oldest_that_is_missing(void)
{
    struct applier_facts applier = {.applied = {.epoch = 60}};
    struct epoch_place next;
    struct error error;
    uint64_t second = 1000000;
    double lag = -1;
    struct scene scene;

    scene_open(&scene);
    CHECK_OK(
        epoch_index_at_or_after(store_of(&scene), (struct epoch_key){1, 40}, &next, &error),
        &error);
    applier.applied.incarnation = next.key.incarnation;
    CHECK(catch_up_lag(store_of(&scene), &applier, UINT64_MAX, &lag) && lag <= 0 && lag >= 0);
    applier.applied.epoch = 30;
    CHECK(catch_up_lag(store_of(&scene), &applier, next.commit_usec + 7 * second, &lag));
    CHECK(lag > 6.9 && lag < 7.1);
    CHECK(catch_up_lag(store_of(&scene), &applier, next.commit_usec - second, &lag));
    CHECK(lag <= 0 && lag >= 0); /* the source's clock is ahead of ours */
    applier.applied.epoch = UINT64_MAX;
    CHECK(catch_up_lag(store_of(&scene), &applier, UINT64_MAX, &lag) && lag <= 0);
    applier.applied.epoch = 0;
    CHECK(!catch_up_lag(store_of(&scene), &applier, UINT64_MAX, &lag));
    scene_close(&scene);
}

static void a_member_is_where_its_group_is_if_groups_share_a_place(void)
{
    struct applier_facts member;
    struct scene scene;

    for (int shares = 0; shares < 2; shares++) {
        scene_open(&scene);
        if (shares == 1) {
            scene_stop(&scene);
            scene.shares_groups = true;
            scene_start(&scene);
        }
        scene_add(&scene, 201, "far", true);
        scene_add(&scene, 202, "far", true);
        scene_add(&scene, 203, NULL, true);
        scene_report(&scene, 202, 40);
        member = scene_facts(&scene, 201);
        member = catch_up_member(scene.appliers[SCENE_EAST], &member);
        CHECK(member.applied.epoch == (shares == 1 ? 40 : 0));
        member = scene_facts(&scene, 203);
        CHECK(catch_up_member(scene.appliers[SCENE_EAST], &member).applied.epoch == 0);
        scene_close(&scene);
    }
}

int main(void)
{
    goes_on_behind_what_it_applied();
    what_is_to_come_is_not_hopeless();
    without_an_epoch_its_streams_tell_the_place();
    one_of_which_nothing_is_known_needs_the_beginning();
    gtids_find_a_file();
    lag_is_the_age_of_the_oldest_that_is_missing();
    a_member_is_where_its_group_is_if_groups_share_a_place();
    return 0;
}
