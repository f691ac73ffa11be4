/* SPDX-License-Identifier: Apache-2.0 */
#include "lease_seats.h"

static void the_first_begins_where_it_asks_and_the_second_waits(void)
{
    struct lease_scene scene;
    struct seat one;
    struct seat other;

    open_held(&scene, &one, &other);
    CHECK(scene.record.number == 1 && scene.record.holder == ONE);
    CHECK(is_in_state(&scene, "held", ONE));
    lease_scene_close(&scene);
}

static void reports_of_the_holder_renew_and_silence_ends_it(void)
{
    struct lease_scene scene;
    struct seat one;
    struct seat other;

    open_held(&scene, &one, &other);
    report(&scene, ONE, 3);
    for (int times = 0; times < 5; times++) {
        pass(&scene, 20 * SECOND);
        report(&scene, ONE, 3); /* a long epoch: it lives, and comes no further */
    }
    CHECK(was_granted(&one, 100));
    pass(&scene, 30 * SECOND);
    CHECK(was_ended(&one, "has run out"));
    CHECK(strcmp(scene.told, "lease.expired") == 0);
    CHECK(was_told(&other, LEASE_ANSWER_HOLD, 100)); /* not before its end is known */
    CHECK(is_in_state(&scene, "closing", ONE));
    leave(&scene, &one, behind(3));
    CHECK(was_granted(&other, behind(3)));
    lease_scene_close(&scene);
}

static void reports_of_the_target_renew_only_where_they_say_more(void)
{
    struct lease_scene scene;
    struct seat one;
    struct seat other;

    open_held(&scene, &one, &other);
    report_of_target(&scene, ONE, 3);
    pass(&scene, 20 * SECOND);
    report_of_target(&scene, OTHER, 4);
    pass(&scene, 20 * SECOND);
    CHECK(was_granted(&one, 100));
    report_of_target(&scene, OTHER, 4); /* the holder may be frozen: the target is not */
    pass(&scene, 10 * SECOND);
    CHECK(was_ended(&one, "has run out"));
    lease_scene_close(&scene);
}

static void one_that_has_applied_all_lives_by_any_sign(void)
{
    struct lease_scene scene;
    struct seat one;
    struct seat other;

    open_held(&scene, &one, &other);
    report_of_target(&scene, ONE, 9);
    for (int times = 0; times < 3; times++) {
        pass(&scene, 20 * SECOND);
        report_of_target(&scene, ONE, 9);
        pass(&scene, 20 * SECOND);
        scene.life[ONE]++; /* a heartbeat without an epoch */
        pass(&scene, 0);
    }
    CHECK(was_granted(&one, 100));
    scene.end = 1100; /* there is more now */
    scene.life[ONE]++;
    pass(&scene, 20 * SECOND);
    scene.life[ONE]++;
    pass(&scene, 10 * SECOND);
    CHECK(was_ended(&one, "has run out"));
    lease_scene_close(&scene);
}

static void a_sign_of_life_from_before_the_grant_is_none(void)
{
    struct lease_scene scene;
    struct seat one;

    lease_scene_open(&scene);
    scene.end = 1000;
    scene.life[ONE] = 4711;
    join(&scene, &one, ONE, 100);
    report_of_target(&scene, ONE, 9);
    pass(&scene, 30 * SECOND);
    CHECK(was_ended(&one, "has run out"));
    lease_scene_close(&scene);
}

static void a_holder_that_breaks_off_keeps_it_while_its_time_runs(void)
{
    struct lease_scene scene;
    struct seat one;
    struct seat other;

    open_held(&scene, &one, &other);
    report(&scene, ONE, 5);
    leave(&scene, &one, behind(5)); /* all it was sent is applied */
    report_of_target(&scene, OTHER, 5);
    pass(&scene, 29 * SECOND);
    CHECK(is_in_state(&scene, "away", ONE));
    join(&scene, &one, ONE, behind(5));
    CHECK(was_granted(&one, behind(5)) && scene.record.number == 2);
    leave(&scene, &one, behind(5));
    pass(&scene, 30 * SECOND);
    CHECK(was_granted(&other, behind(5)));
    CHECK(scene.record.start_epoch.epoch == 5);
    lease_scene_close(&scene);
}

static void what_no_applier_applies_is_no_epoch_that_was_sent(void)
{
    struct lease_scene scene;
    struct seat one;
    struct seat other;

    open_held(&scene, &one, &other);
    report(&scene, ONE, 5);
    leave(&scene, &one, 600); /* up to the beginning of epoch 6 */
    pass(&scene, 30 * SECOND);
    CHECK(was_granted(&other, behind(5)));
    lease_scene_close(&scene);
}

static void one_with_epochs_not_applied_is_waited_for(void)
{
    struct lease_scene scene;
    struct seat one;
    struct seat other;
    struct error error;

    open_held(&scene, &one, &other);
    report(&scene, ONE, 5);
    leave(&scene, &one, 620); /* a fifth of epoch 6 was sent, too */
    pass(&scene, 30 * SECOND);
    CHECK(is_in_state(&scene, "over", ONE));
    CHECK(strcmp(scene.told, "lease.waiting") == 0);
    pass(&scene, 1000 * SECOND);
    CHECK(was_told(&other, LEASE_ANSWER_HOLD, 100));
    CHECK(lease_desk_grant(scene.desk, SCENE_GROUP, OTHER, &error) == STATUS_DENIED);
    CHECK(strstr(error.message, "lease fence west 1") != NULL);
    join(&scene, &one, ONE, 620); /* it returns, late */
    CHECK(was_granted(&one, 620));
    leave(&scene, &one, behind(7));
    pass(&scene, 30 * SECOND);
    report_of_target(&scene, THIRD, 7); /* it has applied all, as somebody says */
    CHECK(was_granted(&other, behind(7)));
    lease_scene_close(&scene);
}

static void a_holder_that_comes_twice_is_closed_first(void)
{
    struct lease_scene scene;
    struct seat one;
    struct seat other;
    struct seat again;

    open_held(&scene, &one, &other);
    join(&scene, &again, ONE, 340);
    CHECK(was_ended(&one, "once more"));
    CHECK(again.count == 0); /* and is not moved meanwhile */
    leave(&scene, &one, behind(4));
    CHECK(was_granted(&again, 340));
    lease_scene_close(&scene);
}

static void a_holder_is_not_given_again_what_the_group_applied(void)
{
    struct lease_scene scene;
    struct seat one;
    struct seat other;

    open_held(&scene, &one, &other);
    leave(&scene, &one, behind(7));
    report_of_target(&scene, OTHER, 6);
    join(&scene, &one, ONE, behind(2)); /* it lost its relay log, and its place */
    CHECK(was_granted(&one, behind(6)));
    leave(&scene, &one, behind(7));
    join_by_gtid(&scene, &one, ONE);
    CHECK(was_granted(&one, behind(6)));
    lease_scene_close(&scene);
}

static void a_holder_that_asks_for_what_it_was_not_sent_is_refused(void)
{
    struct lease_scene scene;
    struct seat one;
    struct seat other;

    open_held(&scene, &one, &other);
    report(&scene, ONE, 5);
    leave(&scene, &one, behind(6));
    join(&scene, &one, ONE, behind(8));
    CHECK(was_ended(&one, "cannot go on from"));
    join(&scene, &one, ONE, 0); /* nor for what is not here */
    CHECK(was_ended(&one, "cannot go on from") && one.answers[0].is_about_place);
    report_of_target(&scene, OTHER, 6);
    join(&scene, &one, ONE, behind(8)); /* it is as good as a new one now */
    CHECK(was_granted(&one, behind(6)));
    lease_scene_close(&scene);
}

int main(void)
{
    the_first_begins_where_it_asks_and_the_second_waits();
    reports_of_the_holder_renew_and_silence_ends_it();
    reports_of_the_target_renew_only_where_they_say_more();
    one_that_has_applied_all_lives_by_any_sign();
    a_sign_of_life_from_before_the_grant_is_none();
    a_holder_that_breaks_off_keeps_it_while_its_time_runs();
    what_no_applier_applies_is_no_epoch_that_was_sent();
    one_with_epochs_not_applied_is_waited_for();
    a_holder_that_comes_twice_is_closed_first();
    a_holder_is_not_given_again_what_the_group_applied();
    a_holder_that_asks_for_what_it_was_not_sent_is_refused();
    return 0;
}
