/* SPDX-License-Identifier: Apache-2.0 */
/* What outlives a restart, and what administrators do. */
#include "lease_seats.h"

static void a_fenced_one_is_passed_over_and_comes_back_by_hand(void)
{
    struct lease_scene scene;
    struct seat one;
    struct seat other;
    struct error error;

    open_held(&scene, &one, &other);
    report(&scene, ONE, 5);
    CHECK_OK(lease_desk_fence(scene.desk, SCENE_GROUP, ONE, &error), &error);
    CHECK(was_ended(&one, "is fenced"));
    CHECK(was_told(&other, LEASE_ANSWER_HOLD, 100));
    CHECK(lease_desk_grant(scene.desk, SCENE_GROUP, ONE, &error) == STATUS_AGAIN);
    leave(&scene, &one, behind(8));
    CHECK(was_granted(&other, behind(5)));
    join(&scene, &one, ONE, behind(8));
    CHECK(was_ended(&one, "is fenced"));
    report(&scene, OTHER, 6);
    CHECK_OK(lease_desk_grant(scene.desk, SCENE_GROUP, ONE, &error), &error);
    join(&scene, &one, ONE, behind(4)); /* it was not set up again */
    CHECK(was_ended(&one, "cannot go on from"));
    join(&scene, &one, ONE, behind(5));
    CHECK(was_told(&one, LEASE_ANSWER_HOLD, behind(6)));
    CHECK(scene.fence_count == 1); /* until it has the stream */
    leave(&scene, &other, behind(6));
    pass(&scene, 30 * SECOND);
    CHECK(was_granted(&one, behind(6)) && scene.fence_count == 0);
    lease_scene_close(&scene);
}

static void a_fence_outlives_the_relay_with_what_was_applied(void)
{
    struct lease_scene scene;
    struct seat one;
    struct seat other;
    struct error error;

    open_held(&scene, &one, &other);
    leave(&scene, &one, behind(8));
    report_of_target(&scene, ONE, 7);
    scene.disk = SCENE_DISK_KEEPS; /* and that was the last */
    CHECK(lease_desk_fence(scene.desk, SCENE_GROUP, ONE, &error) == STATUS_SYSTEM);
    scene.reported[ONE] = (struct epoch_key){0}; /* reports need not be durable */
    lease_scene_restart(&scene);
    join(&scene, &one, ONE, behind(8));
    CHECK(was_ended(&one, "is fenced"));
    join(&scene, &other, OTHER, 100);
    CHECK(was_granted(&other, behind(7)));
    lease_scene_close(&scene);
}

static void what_was_applied_outlives_the_one_who_reported_it(void)
{
    struct lease_scene scene;
    struct seat one;
    struct seat other;

    open_held(&scene, &one, &other);
    leave(&scene, &other, 0);
    report(&scene, ONE, 8);
    leave(&scene, &one, behind(8));
    pass(&scene, 30 * SECOND);
    CHECK(is_in_state(&scene, "free", 0));
    scene.reported[ONE] = (struct epoch_key){0}; /* reports need not be durable */
    lease_scene_restart(&scene);
    join(&scene, &other, OTHER, 100);
    CHECK(was_granted(&other, behind(8)));
    lease_scene_close(&scene);
}

static void the_holder_of_before_a_restart_counts_as_sent_everything(void)
{
    struct lease_scene scene;
    struct seat one;
    struct seat other;

    open_held(&scene, &one, &other);
    report(&scene, ONE, 5);
    lease_scene_restart(&scene);
    join(&scene, &other, OTHER, 100);
    CHECK(was_told(&other, LEASE_ANSWER_HOLD, behind(5)));
    pass(&scene, 29 * SECOND); /* its time starts anew */
    CHECK(is_in_state(&scene, "away", ONE));
    pass(&scene, 1 * SECOND);
    CHECK(is_in_state(&scene, "over", ONE));
    report_of_target(&scene, OTHER, 8);
    CHECK(is_in_state(&scene, "over", ONE)); /* 9 are stored */
    join(&scene, &one, ONE, behind(9));
    CHECK(was_granted(&one, behind(9)));
    lease_scene_close(&scene);
}

static void a_restart_waits_for_the_store(void)
{
    struct lease_scene scene;
    struct seat one;
    struct seat other;
    uint64_t end = 0;

    open_held(&scene, &one, &other);
    report(&scene, ONE, 9);
    end = scene.end;
    scene.end = 0;
    lease_scene_restart(&scene);
    join(&scene, &other, OTHER, 100);
    pass(&scene, 100 * SECOND);
    CHECK(other.count == 0);
    scene.end = end;
    pass(&scene, 0);
    CHECK(was_granted(&other, behind(9)));
    lease_scene_close(&scene);
}

static void a_write_that_fails_grants_nothing_and_is_tried_again(void)
{
    struct lease_scene scene;
    struct seat one;

    lease_scene_open(&scene);
    scene.disk = SCENE_DISK_LOSES;
    join(&scene, &one, ONE, 100);
    CHECK(one.count == 0 && scene.record.number == 0);
    pass(&scene, SECOND / 2);
    CHECK(one.count == 0);
    pass(&scene, SECOND);
    CHECK(was_granted(&one, 100));
    lease_scene_close(&scene);
}

static bool has_reason(const struct lease_scene *scene, const char *text)
{
    struct lease_facts *facts = NULL;
    size_t count = lease_desk_list(scene->desk, &facts);
    bool has = count == 1 && strstr(facts[0].reason, text) != NULL;

    if (!has && count == 1) {
        fprintf(stderr, "reason: %s\n", facts[0].reason);
    }
    lease_facts_free(facts, count);
    return has;
}

static void a_group_that_waits_says_what_is_reported_by_now(void)
{
    struct lease_scene scene;
    struct seat one;
    struct seat other;

    open_held(&scene, &one, &other);
    leave(&scene, &one, behind(9));
    pass(&scene, 30 * SECOND);
    CHECK(is_in_state(&scene, "over", ONE));
    CHECK(has_reason(&scene, "nothing was reported as applied"));
    report_of_target(&scene, OTHER, 5);
    CHECK(is_in_state(&scene, "over", ONE) && has_reason(&scene, "applied epoch 5 is all"));
    report_of_target(&scene, OTHER, 9);
    CHECK(was_granted(&other, behind(9)));
    lease_scene_close(&scene);
}

static void it_is_given_up_to_one_that_waits(void)
{
    struct lease_scene scene;
    struct seat one;
    struct seat other;
    struct seat third;
    struct error error;

    open_held(&scene, &one, &other);
    join(&scene, &third, THIRD, 0);
    report(&scene, ONE, 5);
    CHECK(lease_desk_release(scene.desk, SCENE_GROUP, OTHER, &error) == STATUS_DENIED);
    CHECK_OK(lease_desk_grant(scene.desk, SCENE_GROUP, THIRD, &error), &error);
    CHECK(was_ended(&one, "to another one"));
    leave(&scene, &one, behind(6));
    join(&scene, &one, ONE, behind(6)); /* not while the heir is there */
    CHECK(was_ended(&one, "to another one"));
    report_of_target(&scene, ONE, 6);
    CHECK(was_granted(&third, behind(6)) && was_told(&other, LEASE_ANSWER_HOLD, 100));
    CHECK_OK(lease_desk_release(scene.desk, SCENE_GROUP, 0, &error), &error);
    leave(&scene, &third, behind(6));
    CHECK(was_granted(&other, behind(6)));
    lease_scene_close(&scene);
}

static void one_that_gave_up_to_nobody_may_return(void)
{
    struct lease_scene scene;
    struct seat one;
    struct seat other;
    struct error error;

    open_held(&scene, &one, &other);
    CHECK_OK(lease_desk_grant(scene.desk, SCENE_GROUP, OTHER, &error), &error);
    leave(&scene, &one, behind(6));
    leave(&scene, &other, 0); /* the heir is gone */
    join(&scene, &one, ONE, behind(6));
    CHECK(was_granted(&one, behind(6)));
    lease_scene_close(&scene);
}

/* Epoch 6 was cut off in its middle: nobody can ever report it. */
static void one_that_cannot_finish_returns_when_the_heir_could_not_begin(void)
{
    struct lease_scene scene;
    struct seat one;
    struct seat other;
    struct error error;

    open_held(&scene, &one, &other);
    CHECK_OK(lease_desk_release(scene.desk, SCENE_GROUP, 0, &error), &error);
    leave(&scene, &one, behind(6) - 1);
    report(&scene, ONE, 5);
    join(&scene, &one, ONE, behind(5));
    CHECK(was_ended(&one, "to another one"));
    leave(&scene, &one, 0);
    pass(&scene, SCENE_TTL_USEC);
    CHECK(was_told(&other, LEASE_ANSWER_HOLD, 100));
    join(&scene, &one, ONE, behind(5));
    CHECK(was_granted(&one, behind(5)));
    lease_scene_close(&scene);
}

static void where_nobody_can_tell_any_more_only_the_holder_goes_on(void)
{
    struct lease_scene scene;
    struct seat one;
    struct seat other;
    struct error error;

    open_held(&scene, &one, &other);
    report(&scene, ONE, 5);
    leave(&scene, &one, behind(5));
    scene.lost_to = 7; /* purged by force */
    pass(&scene, 30 * SECOND);
    CHECK(is_in_state(&scene, "over", ONE));
    join(&scene, &one, ONE, behind(5));
    CHECK(was_granted(&one, behind(5)));
    CHECK_OK(lease_desk_fence(scene.desk, SCENE_GROUP, ONE, &error), &error);
    leave(&scene, &one, behind(8));
    CHECK(was_ended(&other, "not here any more"));
    CHECK(other.answers[other.count - 1].is_final);
    lease_scene_close(&scene);
}

static void a_member_that_is_set_back_takes_its_group_with_it(void)
{
    struct lease_scene scene;
    struct seat one;
    struct seat other;
    struct error error;

    open_held(&scene, &one, &other);
    report(&scene, ONE, 8);
    leave(&scene, &one, behind(8));
    pass(&scene, 30 * SECOND);
    CHECK(was_granted(&other, behind(8)));
    leave(&scene, &other, 0);
    pass(&scene, 30 * SECOND);
    CHECK(is_in_state(&scene, "free", 0));
    /* The target was restored, and an administrator says how far it is. */
    scene.reported[ONE] = (struct epoch_key){1, 4};
    CHECK_OK(lease_desk_set_epoch(scene.desk, SCENE_GROUP, scene.reported[ONE], &error),
             &error);
    lease_scene_restart(&scene);
    join(&scene, &other, OTHER, 0);
    CHECK(was_granted(&other, behind(4)));
    lease_scene_close(&scene);
}

static void one_that_cannot_be_set_back_durably_stays(void)
{
    struct lease_scene scene;
    struct seat one;
    struct seat other;
    struct error error;

    open_held(&scene, &one, &other);
    report(&scene, ONE, 8);
    scene.disk = SCENE_DISK_LOSES;
    CHECK(lease_desk_set_epoch(scene.desk, SCENE_GROUP, (struct epoch_key){1, 4}, &error) ==
          STATUS_SYSTEM);
    leave(&scene, &one, behind(8));
    pass(&scene, 30 * SECOND);
    CHECK(was_granted(&other, behind(8)));
    lease_scene_close(&scene);
}

static void one_that_is_forgotten_leaves_what_it_applied(void)
{
    struct lease_scene scene;
    struct seat one;
    struct seat other;

    open_held(&scene, &one, &other);
    report(&scene, ONE, 8);
    scene.reported[ONE] = (struct epoch_key){0};
    leave(&scene, &one, behind(8));
    pass(&scene, 30 * SECOND);
    CHECK(was_granted(&other, behind(8)));
    lease_scene_close(&scene);
}

/* Nor is it lost with the relay, when the holder is still to be passed over. */
static void what_one_applied_that_is_forgotten_outlives_the_relay(void)
{
    struct lease_scene scene;
    struct seat one;
    struct seat other;
    struct error error;

    open_held(&scene, &one, &other);
    report(&scene, ONE, 8);
    scene.reported[ONE] = (struct epoch_key){0};
    pass(&scene, SECOND);
    lease_scene_restart(&scene);
    CHECK_OK(lease_desk_fence(scene.desk, SCENE_GROUP, ONE, &error), &error);
    join(&scene, &other, OTHER, 100);
    CHECK(was_granted(&other, behind(8)));
    lease_scene_close(&scene);
}

/* Another look may come between a report and the lease's turn. */
static void what_the_target_applied_renews_the_lease_whoever_saw_it_first(void)
{
    struct lease_scene scene;
    struct seat one;
    struct seat other;

    open_held(&scene, &one, &other);
    report(&scene, ONE, 5);
    pass(&scene, 29 * SECOND);
    scene.reported[ONE] = (struct epoch_key){1, 6};
    pass(&scene, 0);
    report_of_target(&scene, ONE, 6);
    pass(&scene, 2 * SECOND);
    CHECK(is_in_state(&scene, "held", ONE));
    report_of_target(&scene, ONE, 6); /* the same again is no sign of the holder */
    pass(&scene, 28 * SECOND);
    CHECK(is_in_state(&scene, "closing", ONE));
    lease_scene_close(&scene);
}

static void one_whose_fence_was_lifted_gets_the_stream_by_hand(void)
{
    struct lease_scene scene;
    struct seat one;
    struct seat other;
    struct error error;

    open_held(&scene, &one, &other);
    report(&scene, ONE, 5);
    leave(&scene, &one, behind(5));
    CHECK_OK(lease_desk_fence(scene.desk, SCENE_GROUP, ONE, &error), &error);
    CHECK(was_granted(&other, behind(5)));
    CHECK_OK(lease_desk_grant(scene.desk, SCENE_GROUP, ONE, &error), &error);
    CHECK_OK(lease_desk_grant(scene.desk, SCENE_GROUP, ONE, &error), &error); /* it is lifted */
    join(&scene, &one, ONE, behind(5));
    CHECK(was_told(&one, LEASE_ANSWER_HOLD, behind(5)));
    CHECK_OK(lease_desk_grant(scene.desk, SCENE_GROUP, ONE, &error), &error);
    CHECK(was_ended(&other, "to another one"));
    leave(&scene, &other, 0);
    CHECK(was_granted(&one, behind(5)) && scene.fence_count == 0);
    lease_scene_close(&scene);
}

static void a_group_that_never_reported_is_waited_for(void)
{
    struct lease_scene scene;
    struct seat one;
    struct seat other;
    struct error error;

    open_held(&scene, &one, &other);
    leave(&scene, &one, 0); /* it was sent nothing */
    pass(&scene, 30 * SECOND);
    CHECK(was_ended(&other, "cannot go on from")); /* it asks for what is not here */
    join(&scene, &one, ONE, 200);
    CHECK(was_granted(&one, 200)); /* it may ask anew, as the first of all */
    leave(&scene, &one, 300);
    pass(&scene, 30 * SECOND);
    join(&scene, &other, OTHER, 500);
    CHECK(was_told(&other, LEASE_ANSWER_HOLD, 200));
    CHECK_OK(lease_desk_fence(scene.desk, SCENE_GROUP, ONE, &error), &error);
    CHECK(was_granted(&other, 200)); /* not where it asks: that was another's to apply */
    lease_scene_close(&scene);
}

int main(void)
{
    a_fenced_one_is_passed_over_and_comes_back_by_hand();
    a_fence_outlives_the_relay_with_what_was_applied();
    what_was_applied_outlives_the_one_who_reported_it();
    the_holder_of_before_a_restart_counts_as_sent_everything();
    a_restart_waits_for_the_store();
    a_write_that_fails_grants_nothing_and_is_tried_again();
    a_group_that_waits_says_what_is_reported_by_now();
    it_is_given_up_to_one_that_waits();
    one_that_gave_up_to_nobody_may_return();
    one_that_cannot_finish_returns_when_the_heir_could_not_begin();
    where_nobody_can_tell_any_more_only_the_holder_goes_on();
    a_member_that_is_set_back_takes_its_group_with_it();
    one_that_cannot_be_set_back_durably_stays();
    one_that_is_forgotten_leaves_what_it_applied();
    what_one_applied_that_is_forgotten_outlives_the_relay();
    what_the_target_applied_renews_the_lease_whoever_saw_it_first();
    one_whose_fence_was_lifted_gets_the_stream_by_hand();
    a_group_that_never_reported_is_waited_for();
    return 0;
}
