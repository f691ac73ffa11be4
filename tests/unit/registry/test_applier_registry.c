/* SPDX-License-Identifier: Apache-2.0 */
/* Who is known, in which state, what each holds, and that it lasts. */
#include <stdlib.h>
#include <string.h>

#include "binrelay/base/memory.h"
#include "check.h"
#include "registry_scene.h"

enum { DAY_SEC = 24 * 60 * 60, USEC_IN_SEC = 1000000 };

static const struct binlog_position everything = {0};
static const struct binlog_position in_file_1 = {1, 200};
static const struct binlog_position in_file_2 = {2, 300};

static struct applier_registry *east(struct scene *scene)
{
    return scene->appliers[SCENE_EAST];
}

static enum applier_state state_of(struct scene *scene, uint32_t server_id)
{
    return scene_facts(scene, server_id).state;
}

/* ---- who is known ---- */

static void keeps_what_the_configuration_lists(void)
{
    const struct applier_setting first[] = {
        {.server_id = 202, .group = "west", .expire_after_usec = 7},
        {.server_id = 201, .is_required = true},
    };
    const struct applier_setting second[] = {{.server_id = 202, .is_required = true}};
    struct applier_facts *list = NULL;
    struct scene scene;
    struct error error;

    scene_open(&scene);
    scene_configure(&scene, first, 2);
    CHECK(applier_registry_list(east(&scene), &list) == 2);
    CHECK(list[0].server_id == 201 && list[0].is_required && list[0].group[0] == '\0');
    CHECK(list[1].server_id == 202 && !list[1].is_required);
    CHECK(strcmp(list[1].group, "west") == 0 && list[1].expire_after_usec == 7);
    CHECK(list[0].origin == APPLIER_CONFIGURED && list[0].state == APPLIER_ABSENT);
    applier_facts_free(list, 2);
    CHECK(scene_count_events(&scene, "applier.added", NULL) == 2);
    CHECK(applier_registry_forget(east(&scene), 201, &error) == STATUS_DENIED);

    scene_configure(&scene, second, 1);
    CHECK(scene_facts(&scene, 201).origin == APPLIER_ADDED);
    CHECK(scene_facts(&scene, 201).is_required);
    CHECK(scene_facts(&scene, 202).group[0] == '\0' && scene_facts(&scene, 202).is_required);
    CHECK(scene_count_events(&scene, "applier.added", NULL) == 2);
    CHECK_OK(applier_registry_forget(east(&scene), 201, &error), &error);
    CHECK(!applier_registry_knows(east(&scene), 201));
    CHECK(applier_registry_forget(east(&scene), 201, &error) == STATUS_NOT_FOUND);
    CHECK(scene_count_events(&scene, "applier.forgotten", NULL) == 1);
    scene_close(&scene);
}

static void knows_all_of_it_after_a_restart(void)
{
    const struct applier_setting settings[] = {
        {.server_id = 201, .group = "west", .is_required = true, .expire_after_usec = 99}};
    struct applier_facts before;
    struct applier_facts after;
    struct scene scene;

    scene_open(&scene);
    scene_configure(&scene, settings, 1);
    scene_register(&scene, 4000000000U);
    scene_add(&scene, 202, NULL, false);
    applier_registry_stream_began(east(&scene), 201, in_file_1);
    applier_registry_stream_got(east(&scene), 201, in_file_2);
    scene_pass(&scene, 1);
    scene_report(&scene, 201, 30);
    scene_lose(&scene, 202);
    before = scene_facts(&scene, 201);
    CHECK(before.streams == 1 && before.state == APPLIER_LIVE);
    scene_restart(&scene);

    after = scene_facts(&scene, 201);
    CHECK(after.streams == 0);
    after.streams = 1;
    CHECK(strcmp(after.group, before.group) == 0 && after.origin == before.origin);
    CHECK(after.is_required && after.expire_after_usec == 99);
    CHECK(epoch_key_compare(after.applied, before.applied) == 0 && after.applied.epoch == 30);
    CHECK(binlog_position_compare(after.sent, in_file_2) == 0);
    CHECK(after.way == REPORT_POLL && after.reported_usec == before.reported_usec);
    CHECK(after.seen_usec == before.seen_usec && after.seen_usec == scene.wall_usec);
    CHECK(scene_facts(&scene, 202).is_lost && scene_facts(&scene, 202).origin == APPLIER_ADDED);
    CHECK(scene_facts(&scene, 4000000000U).origin == APPLIER_REGISTERED);
    CHECK(scene_facts(&scene, 4000000000U).expire_after_usec ==
          (uint64_t)DAY_SEC * USEC_IN_SEC);
    CHECK(!applier_registry_knows(scene.appliers[SCENE_WEST], 201));
    scene_close(&scene);
}

static void gives_each_a_heartbeat_row(void)
{
    const struct applier_setting settings[] = {{.server_id = 201}, {.server_id = 202}};
    const struct heartbeat_row reported = {.server_id = 202, .counter = 5};
    struct heartbeat_table *table = NULL;
    struct heartbeat_row row;
    struct scene scene;
    struct error error;

    scene_open(&scene);
    table = registry_heartbeats(scene.registry);
    CHECK_OK(heartbeat_table_put(table, &reported, 1, &error), &error);
    scene_configure(&scene, settings, 2);
    scene_add(&scene, 203, NULL, false);
    scene_register(&scene, 204);
    for (uint32_t server_id = 201; server_id <= 204; server_id++) {
        CHECK_OK(heartbeat_table_find(table, server_id, &row, &error), &error);
        CHECK(!row.has_applied_epoch && row.counter == (server_id == 202 ? 5 : 0));
    }
    scene_close(&scene);
}

/* What is forgotten said nothing for the next one of its id, and leaves room for others. */
static void takes_the_heartbeat_row_of_a_forgotten_one_away(void)
{
    const struct applier_setting of_west = {.server_id = 202};
    struct heartbeat_row rows[] = {{.server_id = 201, .has_applied_epoch = true},
                                   {.server_id = 202, .counter = 5},
                                   {.server_id = 999, .counter = 5}};
    struct heartbeat_table *table = NULL;
    struct heartbeat_row row;
    struct scene scene;
    struct error error;

    rows[0].applied_epoch = 30;
    scene_open(&scene);
    scene_add(&scene, 201, NULL, false);
    scene_add(&scene, 202, NULL, false);
    CHECK_OK(applier_registry_add(scene.appliers[SCENE_WEST], &of_west, &error), &error);
    table = registry_heartbeats(scene.registry);
    CHECK_OK(heartbeat_table_put(table, rows, 3, &error), &error);
    CHECK_OK(applier_registry_forget(east(&scene), 201, &error), &error);
    CHECK_OK(applier_registry_forget(east(&scene), 202, &error), &error);
    for (int round = 0; round < 2; round++) {
        table = registry_heartbeats(scene.registry);
        CHECK(heartbeat_table_find(table, 201, &row, &error) == STATUS_NOT_FOUND);
        CHECK_OK(heartbeat_table_find(table, 202, &row, &error), &error); /* west knows it */
        CHECK_OK(heartbeat_table_find(table, 999, &row, &error), &error);
        scene_restart(&scene);
    }
    scene_register(&scene, 201);
    CHECK_OK(heartbeat_table_find(registry_heartbeats(scene.registry), 201, &row, &error),
             &error);
    CHECK(!row.has_applied_epoch);
    scene_close(&scene);
}

static void refuses_settings_that_cannot_be(void)
{
    char group[APPLIER_GROUP_BYTES + 1] = "";
    struct applier_setting setting = {.server_id = 0};
    struct scene scene;
    struct error error;

    scene_open(&scene);
    CHECK(applier_registry_add(east(&scene), &setting, &error) == STATUS_INVALID);
    CHECK(applier_registry_configure(east(&scene), &setting, 1, &error) == STATUS_INVALID);
    CHECK(applier_registry_register(east(&scene), 0, &error) == STATUS_INVALID);
    memset(group, 'g', APPLIER_GROUP_BYTES);
    setting = (struct applier_setting){.server_id = 1, .group = group};
    CHECK(applier_registry_add(east(&scene), &setting, &error) == STATUS_INVALID);
    group[APPLIER_GROUP_BYTES - 1] = '\0';
    CHECK_OK(applier_registry_add(east(&scene), &setting, &error), &error);
    CHECK(strcmp(scene_facts(&scene, 1).group, group) == 0);
    CHECK(applier_registry_lose(east(&scene), 9, &error) == STATUS_NOT_FOUND);
    CHECK(applier_registry_set_epoch(east(&scene), 9, 10, &error) == STATUS_NOT_FOUND);
    scene_close(&scene);
}

static void takes_no_more_than_it_may_but_for_those_that_expired(void)
{
    struct heartbeat_row row;
    struct scene scene;
    struct error error;
    autofree struct applier_setting *settings = mem_zeroed(APPLIER_MOST * sizeof(*settings));

    scene_open(&scene);
    scene_register(&scene, 20000);
    scene_register(&scene, 20001);
    for (uint32_t at = 0; at < APPLIER_MOST; at++) {
        settings[at].server_id = at + 1;
    }
    CHECK(applier_registry_configure(east(&scene), settings, APPLIER_MOST, &error) ==
          STATUS_FULL);
    CHECK(!applier_registry_knows(east(&scene), 1));
    scene_configure(&scene, settings, APPLIER_MOST - 2);
    CHECK(applier_registry_register(east(&scene), 20002, &error) == STATUS_FULL);
    scene_register(&scene, 20001);
    scene_pass(&scene, DAY_SEC + 1);
    CHECK(scene_holds_nothing(&scene, 20000));
    applier_registry_seen(east(&scene), 20001);
    scene_register(&scene, 20002);
    CHECK(!applier_registry_knows(east(&scene), 20000));
    CHECK(applier_registry_knows(east(&scene), 20001));
    CHECK_OK(heartbeat_table_find(registry_heartbeats(scene.registry), 20002, &row, &error),
             &error);
    CHECK(heartbeat_table_find(registry_heartbeats(scene.registry), 20000, &row, &error) ==
          STATUS_NOT_FOUND);
    CHECK(applier_registry_register(east(&scene), 20003, &error) == STATUS_FULL);
    scene_close(&scene);
}

/* ---- states ---- */

static void a_state_follows_from_signs_of_life(void)
{
    struct scene scene;

    scene_open(&scene);
    scene_add(&scene, 201, NULL, false);
    CHECK(state_of(&scene, 201) == APPLIER_ABSENT);
    applier_registry_stream_began(east(&scene), 201, in_file_1);
    scene_pass(&scene, DAY_SEC);
    CHECK(state_of(&scene, 201) == APPLIER_LIVE && scene_facts(&scene, 201).streams == 1);
    applier_registry_stream_ended(east(&scene), 201, in_file_2);
    CHECK(state_of(&scene, 201) == APPLIER_STALE && scene_facts(&scene, 201).streams == 0);
    scene_report(&scene, 201, 10);
    CHECK(state_of(&scene, 201) == APPLIER_LIVE);
    scene_pass(&scene, 60);
    CHECK(state_of(&scene, 201) == APPLIER_LIVE);
    scene_pass(&scene, 1);
    CHECK(state_of(&scene, 201) == APPLIER_STALE);
    applier_registry_seen(east(&scene), 201);
    CHECK(state_of(&scene, 201) == APPLIER_LIVE);
    CHECK(scene_facts(&scene, 201).seen_usec == scene.wall_usec);
    CHECK(scene_facts(&scene, 201).reported_usec == scene.wall_usec - 61 * USEC_IN_SEC);
    scene_lose(&scene, 201);
    CHECK(state_of(&scene, 201) == APPLIER_EXPIRED);
    scene_close(&scene);
}

static void expires_once_it_was_seen_and_is_silent(void)
{
    const struct applier_setting settings[] = {
        {.server_id = 201,
         .is_required = true,
         .expire_after_usec = 3600 * (uint64_t)USEC_IN_SEC}};
    struct scene scene;

    scene_open(&scene);
    scene_configure(&scene, settings, 1);
    scene_pass(&scene, DAY_SEC);
    CHECK(scene_holds_from(&scene, 201, everything)); /* it was never seen */
    applier_registry_seen(east(&scene), 201);
    scene_pass(&scene, 3600);
    CHECK(scene_holds_from(&scene, 201, everything));
    scene_pass(&scene, 1);
    CHECK(state_of(&scene, 201) == APPLIER_EXPIRED && scene_holds_nothing(&scene, 201));
    CHECK(scene_holds_nothing(&scene, 201));
    CHECK(scene_count_events(&scene, "applier.expired", NULL) == 1);
    scene_restart(&scene);
    CHECK(state_of(&scene, 201) == APPLIER_EXPIRED && scene_holds_nothing(&scene, 201));
    CHECK(scene_count_events(&scene, "applier.expired", NULL) == 1);
    scene_configure(&scene, settings, 1);
    CHECK(state_of(&scene, 201) == APPLIER_EXPIRED);
    scene_report(&scene, 201, 20);
    CHECK(state_of(&scene, 201) == APPLIER_LIVE && !scene_holds_nothing(&scene, 201));
    scene_pass(&scene, 3601);
    CHECK(scene_holds_nothing(&scene, 201));
    CHECK(scene_count_events(&scene, "applier.expired", NULL) == 2);
    scene_add(&scene, 201, NULL, true); /* it may be silent for ever now */
    CHECK(!scene_holds_nothing(&scene, 201));
    scene_close(&scene);
}

static void the_wall_clock_and_a_relay_that_was_off_expire_nobody(void)
{
    struct scene scene;

    scene_open(&scene);
    scene_register(&scene, 201);
    scene.wall_usec += UINT64_C(1000) * DAY_SEC * USEC_IN_SEC;
    CHECK(scene_holds_from(&scene, 201, everything));
    scene_stop(&scene);
    scene_pass(&scene, 3 * DAY_SEC);
    scene_start(&scene);
    CHECK(scene_holds_from(&scene, 201, everything));
    scene_pass(&scene, DAY_SEC + 1);
    CHECK(scene_holds_nothing(&scene, 201));
    scene_close(&scene);
}

/* ---- failures ---- */

static void what_cannot_be_saved_did_not_happen(void)
{
    const struct applier_setting settings[] = {{.server_id = 13}, {.server_id = 14}};
    struct scene scene;
    struct error error;

    scene_open(&scene);
    scene_add(&scene, 201, NULL, true);
    scene_report(&scene, 201, 30);
    scene_sql(&scene, "CREATE TRIGGER no_put BEFORE INSERT ON applier WHEN new.server_id <> 13"
                      " BEGIN SELECT RAISE(ABORT, 'not now'); END;"
                      "CREATE TRIGGER no_remove BEFORE DELETE ON applier"
                      " BEGIN SELECT RAISE(ABORT, 'not now'); END");
    CHECK(applier_registry_set_epoch(east(&scene), 201, 10, &error) == STATUS_SYSTEM);
    CHECK(scene_facts(&scene, 201).applied.epoch == 30);
    CHECK(applier_registry_lose(east(&scene), 201, &error) == STATUS_SYSTEM);
    CHECK(!scene_facts(&scene, 201).is_lost);
    CHECK(applier_registry_forget(east(&scene), 201, &error) == STATUS_SYSTEM);
    CHECK(applier_registry_register(east(&scene), 202, &error) == STATUS_SYSTEM);
    CHECK(!applier_registry_knows(east(&scene), 202));
    CHECK(applier_registry_configure(east(&scene), settings, 2, &error) == STATUS_SYSTEM);
    CHECK(!applier_registry_knows(east(&scene), 13));
    CHECK(scene_count_events(&scene, "applier.registered", NULL) == 0);
    scene_report(&scene, 201, 40); /* needs no disk, and is saved when that is well again */
    scene_sql(&scene, "DROP TRIGGER no_put; DROP TRIGGER no_remove");
    scene_restart(&scene);
    CHECK(scene_facts(&scene, 201).applied.epoch == 40);
    CHECK(!applier_registry_knows(east(&scene), 13));
    scene_close(&scene);
}

static void saves_reports_without_being_asked(void)
{
    static const char sql[] = "SELECT epoch FROM applier WHERE server_id = 201";
    struct scene scene;

    scene_open(&scene);
    scene_add(&scene, 201, NULL, true);
    scene_report(&scene, 201, 10);
    CHECK(scene_number(&scene, sql) == 10);
    scene_report(&scene, 201, 20); /* within a second: put off, and saved at the end */
    scene_report(&scene, 201, 30);
    scene_stop(&scene);
    scene_start(&scene);
    CHECK(scene_number(&scene, sql) == 30);
    scene_close(&scene);
}

static void does_not_open_what_another_version_wrote(void)
{
    struct scene scene;
    struct registry_applied applied = {.name = "east", .server_id = 199};
    struct applier_registry *made = NULL;
    struct error error;

    scene_open(&scene);
    scene_add(&scene, 201, NULL, true);
    scene_stop(&scene);
    scene_sql(&scene, "UPDATE applier SET origin = 'dreamt'");
    CHECK_OK(registry_open(&scene.registry, scene.directory, &scene.clock, &error), &error);
    applied.store = scene.logs[SCENE_EAST].store;
    applied.board = scene.logs[SCENE_EAST].board;
    CHECK(registry_open_appliers(scene.registry, &applied, &made, &error) == STATUS_CORRUPT);
    CHECK(made == NULL);
    scene_close(&scene);
}

static void tells_who_asked_for_it_of_each_report(void *context,
                                                  uint32_t server_id,
                                                  struct epoch_key applied)
{
    uint64_t *sum = context;

    CHECK(server_id == 201);
    *sum += applied.epoch;
}

static void calls_back_for_each_good_report(void)
{
    uint64_t sum = 0;
    struct scene scene;
    struct error error;

    scene_open(&scene);
    scene_add(&scene, 201, NULL, true);
    applier_registry_on_report(east(&scene), tells_who_asked_for_it_of_each_report, &sum);
    scene_report(&scene, 201, 10);
    scene_report(&scene, 201, 30);
    CHECK(applier_registry_report(east(&scene), 201, 20, REPORT_POLL, &error) ==
          STATUS_INVALID);
    CHECK(sum == 40);
    scene_close(&scene);
}

int main(void)
{
    keeps_what_the_configuration_lists();
    knows_all_of_it_after_a_restart();
    gives_each_a_heartbeat_row();
    takes_the_heartbeat_row_of_a_forgotten_one_away();
    refuses_settings_that_cannot_be();
    takes_no_more_than_it_may_but_for_those_that_expired();
    a_state_follows_from_signs_of_life();
    expires_once_it_was_seen_and_is_silent();
    the_wall_clock_and_a_relay_that_was_off_expire_nobody();
    what_cannot_be_saved_did_not_happen();
    saves_reports_without_being_asked();
    does_not_open_what_another_version_wrote();
    calls_back_for_each_good_report();
    return 0;
}
