/* SPDX-License-Identifier: Apache-2.0 */
/* What each applier holds, and when it holds nothing. */
#include <string.h>

#include "check.h"
#include "registry_scene.h"

enum { DAY_SEC = 24 * 60 * 60 };

static const struct binlog_position everything = {0};
static const struct binlog_position in_file_1 = {1, 200};
static const struct binlog_position in_file_2 = {2, 300};
static const struct binlog_position in_file_3 = {3, 400};

static struct applier_registry *east(struct scene *scene)
{
    return scene->appliers[SCENE_EAST];
}

static void one_that_never_reported_holds_by_what_it_is(void)
{
    const struct applier_setting settings[] = {{.server_id = 201, .is_required = true},
                                               {.server_id = 202}};
    struct scene scene;

    scene_open(&scene);
    scene_configure(&scene, settings, 2);
    scene_add(&scene, 203, NULL, true);
    scene_add(&scene, 204, NULL, false);
    scene_register(&scene, 205);
    CHECK(scene_holds_from(&scene, 201, everything) && scene_holds_nothing(&scene, 202));
    CHECK(scene_holds_from(&scene, 203, everything) && scene_holds_nothing(&scene, 204));
    CHECK(scene_holds_from(&scene, 205, everything));
    for (uint32_t server_id = 201; server_id <= 205; server_id++) {
        applier_registry_stream_began(east(&scene), server_id, in_file_1);
        applier_registry_stream_got(east(&scene), server_id, in_file_2);
        applier_registry_stream_ended(east(&scene), server_id, in_file_2);
    }
    CHECK(scene_holds_from(&scene, 201, everything));
    CHECK(scene_holds_from(&scene, 202, in_file_2));
    CHECK(scene_holds_from(&scene, 203, everything));
    CHECK(scene_holds_from(&scene, 204, in_file_2));
    CHECK(scene_holds_from(&scene, 205, in_file_2));
    scene_pass(&scene, DAY_SEC + 1);
    CHECK(scene_holds_from(&scene, 204, in_file_2));
    CHECK(scene_holds_nothing(&scene, 205));
    scene_restart(&scene);
    CHECK(scene_holds_from(&scene, 202, in_file_2));
    CHECK(scene_holds_from(&scene, 204, in_file_2));
    scene_close(&scene);
}

static void a_stream_tells_the_place_and_the_lowest_of_several(void)
{
    struct scene scene;

    scene_open(&scene);
    scene_register(&scene, 201);
    applier_registry_stream_got(east(&scene), 201, in_file_3); /* it has none yet */
    CHECK(scene_holds_from(&scene, 201, everything));
    applier_registry_stream_began(east(&scene), 201, in_file_1);
    CHECK(scene_holds_from(&scene, 201, in_file_1));
    applier_registry_stream_got(east(&scene), 201, in_file_2);
    CHECK(scene_holds_from(&scene, 201, in_file_2));
    applier_registry_stream_began(east(&scene), 201, in_file_1);
    CHECK(scene_holds_from(&scene, 201, in_file_1));
    applier_registry_stream_got(east(&scene), 201, in_file_3); /* whichever it was */
    CHECK(scene_holds_from(&scene, 201, in_file_1));
    applier_registry_stream_ended(east(&scene), 201, in_file_3);
    CHECK(scene_holds_from(&scene, 201, in_file_1));
    applier_registry_stream_got(east(&scene), 201, in_file_2);
    CHECK(scene_holds_from(&scene, 201, in_file_2));
    applier_registry_stream_ended(east(&scene), 201, in_file_3);
    CHECK(scene_holds_from(&scene, 201, in_file_3));
    applier_registry_stream_began(east(&scene), 201, in_file_1); /* it lost what it got */
    CHECK(scene_holds_from(&scene, 201, in_file_1));
    CHECK(scene_facts(&scene, 201).sent.file == 1);
    scene_close(&scene);
}

static void tells_the_last_epoch_that_was_sent(void)
{
    struct binlog_position end = {0};
    struct scene scene;

    scene_open(&scene);
    scene_register(&scene, 201);
    CHECK(scene_facts(&scene, 201).sent_epoch.epoch == 0);
    applier_registry_stream_began(east(&scene), 201, (struct binlog_position){1, 4});
    CHECK(scene_facts(&scene, 201).sent_epoch.epoch == 0);
    applier_registry_stream_got(east(&scene), 201, (struct binlog_position){2, 4});
    CHECK(scene_facts(&scene, 201).sent_epoch.epoch == 20);
    end = scene_log_epoch(&scene.logs[SCENE_EAST], 70);
    applier_registry_stream_got(east(&scene), 201, end);
    CHECK(scene_facts(&scene, 201).sent_epoch.epoch == 70);
    end.offset--;
    applier_registry_stream_got(east(&scene), 201, end);
    CHECK(scene_facts(&scene, 201).sent_epoch.epoch == 60);
    scene_close(&scene);
}

/* ---- lost and found ---- */

static void a_lost_one_holds_nothing_until_it_has_a_place_again(void)
{
    struct scene scene;
    struct log_hold hold;

    scene_open(&scene);
    scene_add(&scene, 201, NULL, true);
    scene_report(&scene, 201, 10);
    scene_lose(&scene, 201);
    scene_lose(&scene, 201);
    CHECK(scene_holds_nothing(&scene, 201));
    scene_restart(&scene);
    CHECK(scene_facts(&scene, 201).is_lost && scene_holds_nothing(&scene, 201));
    scene_log_purge(&scene.logs[SCENE_EAST], 2);
    scene_report(&scene, 201, 15); /* of what is gone: it is believed, and is no place */
    CHECK(scene_facts(&scene, 201).applied.epoch == 15);
    CHECK(scene_facts(&scene, 201).is_lost && scene_holds_nothing(&scene, 201));
    scene_report(&scene, 201, 20); /* with which what is gone ended */
    CHECK(!scene_facts(&scene, 201).is_lost && scene_hold(&scene, 201, &hold));
    CHECK(hold.from.file == 2 && hold.from.offset == 4 && hold.epoch.epoch == 20);
    scene_report(&scene, 201, 40);
    CHECK(scene_hold(&scene, 201, &hold) && hold.from.file == 2 && hold.epoch.epoch == 40);
    scene_close(&scene);
}

static void a_stream_gives_a_lost_one_its_place_until_it_reports(void)
{
    struct scene scene;

    scene_open(&scene);
    scene_add(&scene, 201, NULL, true);
    scene_report(&scene, 201, 10);
    scene_lose(&scene, 201);
    scene_log_purge(&scene.logs[SCENE_EAST], 2);
    applier_registry_stream_began(east(&scene), 201, in_file_3);
    CHECK(scene_holds_from(&scene, 201, in_file_3));
    applier_registry_stream_ended(east(&scene), 201, (struct binlog_position){3, 900});
    applier_registry_stream_began(east(&scene), 201, in_file_2);
    applier_registry_stream_ended(east(&scene), 201, in_file_3);
    CHECK(scene_holds_from(&scene, 201, in_file_2));
    scene_restart(&scene);
    CHECK(scene_holds_from(&scene, 201, in_file_2));
    scene_report(&scene, 201, 60);
    CHECK(!scene_holds_from(&scene, 201, in_file_2) && !scene_holds_nothing(&scene, 201));
    scene_close(&scene);
}

static void an_administrator_sets_any_epoch_that_can_be_gone_on_from(void)
{
    struct scene scene;
    struct error error;

    scene_open(&scene);
    scene_add(&scene, 201, NULL, true);
    scene_report(&scene, 201, 60);
    scene_set_epoch(&scene, 201, 20);
    CHECK(scene_facts(&scene, 201).applied.epoch == 20);
    CHECK(scene_facts(&scene, 201).way == REPORT_ADMIN);
    scene_report(&scene, 201, 30);
    CHECK(applier_registry_set_epoch(east(&scene), 201, 61, &error) == STATUS_INVALID);
    CHECK(strstr(error.message, "above") != NULL);
    scene_lose(&scene, 201);
    scene_log_purge(&scene.logs[SCENE_EAST], 2);
    CHECK(applier_registry_set_epoch(east(&scene), 201, 10, &error) == STATUS_INVALID);
    CHECK(strstr(error.message, "older than the first") != NULL);
    CHECK(scene_facts(&scene, 201).is_lost && scene_facts(&scene, 201).applied.epoch == 30);
    scene_set_epoch(&scene, 201, 45);
    CHECK(!scene_facts(&scene, 201).is_lost);
    scene_set_epoch(&scene, 201, 0);
    CHECK(scene_facts(&scene, 201).applied.epoch == 0);
    CHECK(scene_facts(&scene, 201).reported_usec == 0);
    CHECK(scene_holds_from(&scene, 201, everything));
    scene_restart(&scene);
    CHECK(scene_holds_from(&scene, 201, everything));
    scene_close(&scene);
}

/* ---- groups ---- */

static void members_of_a_group_hold_each_for_itself_without_a_lease(void)
{
    struct scene scene;

    scene_open(&scene);
    scene_add(&scene, 201, "west", true);
    scene_add(&scene, 202, "west", true);
    scene_report(&scene, 201, 60);
    CHECK(scene_holds_from(&scene, 202, everything));
    CHECK(applier_registry_group_applied(east(&scene), "west").epoch == 60);
    CHECK(applier_registry_group_applied(east(&scene), "south").epoch == 0);
    scene_close(&scene);
}

static void members_of_a_group_are_at_one_place_with_a_lease(void)
{
    struct log_hold of_201;
    struct log_hold of_202;
    struct scene scene;

    scene_open(&scene);
    scene_stop(&scene);
    scene.shares_groups = true;
    scene_start(&scene);
    scene_add(&scene, 201, "west", true);
    scene_add(&scene, 202, "west", true);
    scene_add(&scene, 203, "south", true);
    scene_add(&scene, 204, NULL, true);
    scene_report(&scene, 201, 20);
    CHECK(scene_hold(&scene, 201, &of_201) && scene_hold(&scene, 202, &of_202));
    CHECK(of_201.epoch.epoch == 20 && of_202.epoch.epoch == 20);
    CHECK(binlog_position_compare(of_201.from, of_202.from) == 0);
    CHECK(strncmp(of_202.why, "its group by applier 201: applied epoch 20", 42) == 0);
    CHECK(scene_holds_from(&scene, 203, everything));
    CHECK(scene_holds_from(&scene, 204, everything));
    scene_report(&scene, 202, 50);
    CHECK(scene_hold(&scene, 201, &of_201) && of_201.epoch.epoch == 50);
    CHECK(applier_registry_group_applied(east(&scene), "west").epoch == 50);
    scene_report(&scene, 201, 30); /* its own went on, the group's is higher */
    CHECK(applier_registry_group_applied(east(&scene), "west").epoch == 50);
    scene_set_epoch(&scene, 201, 20); /* the target was set back */
    CHECK(applier_registry_group_applied(east(&scene), "west").epoch == 20);
    CHECK(scene_facts(&scene, 202).applied.epoch == 20);
    CHECK(scene_hold(&scene, 202, &of_202) && of_202.epoch.epoch == 20);
    scene_close(&scene);
}

int main(void)
{
    one_that_never_reported_holds_by_what_it_is();
    a_stream_tells_the_place_and_the_lowest_of_several();
    tells_the_last_epoch_that_was_sent();
    a_lost_one_holds_nothing_until_it_has_a_place_again();
    a_stream_gives_a_lost_one_its_place_until_it_reports();
    an_administrator_sets_any_epoch_that_can_be_gone_on_from();
    members_of_a_group_hold_each_for_itself_without_a_lease();
    members_of_a_group_are_at_one_place_with_a_lease();
    return 0;
}
