/* SPDX-License-Identifier: Apache-2.0 */
#include "disk_marks.h"

#include "check.h"

static const uint64_t second = 1000000;
static const uint64_t gib = UINT64_C(1) << 30;

static const struct purge_settings settings = {.soft_percent = 80, .hard_percent = 95};

/* A store that may take 1000 bytes. */
static unsigned look(struct disk_marks *marks, uint64_t store_bytes)
{
    return disk_marks_look(marks, &settings,
                           &(struct disk_sample){.now_usec = marks->last_usec + second,
                                                 .store_bytes = store_bytes,
                                                 .limit_bytes = 1000});
}

static void the_limit_is_the_lower_of_the_setting_and_the_disk(void)
{
    CHECK(disk_marks_limit(0, 100, 50) == 150);
    CHECK(disk_marks_limit(120, 100, 50) == 120);
    CHECK(disk_marks_limit(200, 100, 50) == 150);
    CHECK(disk_marks_limit(0, 0, 0) == 0);
}

static void of_a_disk_that_says_nothing_only_the_setting_is_known(void)
{
    CHECK(disk_marks_limit(120, 100, UINT64_MAX) == 120);
    CHECK(disk_marks_limit(0, 100, UINT64_MAX) == 0);
}

static void each_mark_is_told_once_when_it_is_reached(void)
{
    struct disk_marks marks = {0};

    CHECK(look(&marks, 799) == 0);
    CHECK(!marks.is_above_soft);
    CHECK(look(&marks, 800) == DISK_CHANGE_SOFT);
    CHECK(marks.is_above_soft && !marks.is_above_hard);
    CHECK(look(&marks, 949) == 0);
    CHECK(look(&marks, 950) == DISK_CHANGE_HARD);
    CHECK(marks.is_above_soft && marks.is_above_hard);
    CHECK(look(&marks, 2000) == 0);
}

static void a_mark_is_left_a_little_below_it(void)
{
    struct disk_marks marks = {0};

    CHECK(look(&marks, 960) == (DISK_CHANGE_SOFT | DISK_CHANGE_HARD));
    CHECK(look(&marks, 949) == 0);
    CHECK(look(&marks, 940) == 0);
    CHECK(look(&marks, 939) == DISK_CHANGE_OK);
    CHECK(look(&marks, 949) == 0);
    CHECK(look(&marks, 950) == DISK_CHANGE_HARD);
    CHECK(look(&marks, 800) == DISK_CHANGE_OK);
    CHECK(look(&marks, 770) == 0);
    CHECK(marks.is_above_soft);
    CHECK(look(&marks, 769) == DISK_CHANGE_RELAXED);
    CHECK(look(&marks, 800) == DISK_CHANGE_SOFT);
    CHECK(look(&marks, 10) == DISK_CHANGE_RELAXED);
}

static void a_jump_over_both_marks_is_both(void)
{
    struct disk_marks marks = {0};

    CHECK(look(&marks, 1000) == (DISK_CHANGE_SOFT | DISK_CHANGE_HARD));
    CHECK(look(&marks, 0) == (DISK_CHANGE_OK | DISK_CHANGE_RELAXED));
}

static void an_unknown_limit_changes_nothing(void)
{
    struct disk_marks marks = {0};
    struct disk_sample unknown = {.now_usec = 77 * second, .store_bytes = 1};

    CHECK(look(&marks, 960) != 0);
    CHECK(disk_marks_look(&marks, &settings, &unknown) == 0);
    CHECK(marks.is_above_hard);
    CHECK(disk_marks_hours_left(&marks) == 0);
}

static void large_stores_are_counted_right(void)
{
    struct disk_marks marks = {0};
    struct disk_sample sample = {
        .now_usec = second, .store_bytes = UINT64_MAX / 100 * 79, .limit_bytes = UINT64_MAX};

    CHECK(disk_marks_look(&marks, &settings, &sample) == 0);
    sample.store_bytes = UINT64_MAX / 100 * 81;
    sample.now_usec++;
    CHECK(disk_marks_look(&marks, &settings, &sample) == DISK_CHANGE_SOFT);
}

static void other_limits_move_the_marks_at_once(void)
{
    struct disk_marks marks = {0};
    struct purge_settings generous = {.soft_percent = 99, .hard_percent = 100};
    struct disk_sample sample = {.store_bytes = 960, .limit_bytes = 1000};

    CHECK(look(&marks, 960) == (DISK_CHANGE_SOFT | DISK_CHANGE_HARD));
    sample.now_usec = marks.last_usec + second;
    CHECK(disk_marks_look(&marks, &generous, &sample) == DISK_CHANGE_OK);
    sample.limit_bytes = 10000;
    sample.now_usec += second;
    CHECK(disk_marks_look(&marks, &generous, &sample) == DISK_CHANGE_RELAXED);
}

/* ---- the forecast: a store that may take 100 GiB ---- */

static void grow(struct disk_marks *marks, uint64_t *bytes, double per_second, unsigned seconds)
{
    for (unsigned at = 0; at < seconds; at++) {
        *bytes = (uint64_t)((double)*bytes + per_second);
        (void)disk_marks_look(marks, &settings,
                              &(struct disk_sample){.now_usec = marks->last_usec + second,
                                                    .store_bytes = *bytes,
                                                    .limit_bytes = 100 * gib});
    }
}

static bool is_about(double value, double wanted)
{
    return value > wanted * 0.95 && value < wanted * 1.05;
}

static void nothing_is_foretold_at_first(void)
{
    struct disk_marks marks = {0};
    uint64_t bytes = 0;

    CHECK(disk_marks_hours_left(&marks) < 0);
    grow(&marks, &bytes, (double)gib / 60, 30);
    CHECK(disk_marks_hours_left(&marks) < 0);
}

static void steady_growth_is_foretold(void)
{
    struct disk_marks marks = {0};
    uint64_t bytes = 5 * gib;

    grow(&marks, &bytes, (double)gib / 600, 601); /* to 6 GiB; 89 more until the mark */
    CHECK(is_about(disk_marks_hours_left(&marks), 89.0 / 6));
    grow(&marks, &bytes, (double)gib / 600, 6000);
    CHECK(is_about(disk_marks_hours_left(&marks), 79.0 / 6));
}

static void a_new_pace_counts_more_as_it_lasts(void)
{
    struct disk_marks marks = {0};
    uint64_t bytes = 5 * gib;
    double slow = 0;
    double soon = 0;

    grow(&marks, &bytes, (double)gib / 3600, 7200);
    slow = disk_marks_hours_left(&marks);
    grow(&marks, &bytes, (double)gib / 360, 600);
    soon = disk_marks_hours_left(&marks);
    CHECK(soon < slow / 2);
    grow(&marks, &bytes, (double)gib / 360, 7200);
    CHECK(is_about(disk_marks_hours_left(&marks), (95.0 - (double)bytes / (double)gib) / 10));
}

static void a_store_that_shrinks_or_rests_has_no_end(void)
{
    struct disk_marks marks = {0};
    uint64_t bytes = 50 * gib;

    grow(&marks, &bytes, 0, 600);
    CHECK(disk_marks_hours_left(&marks) < 0);
    grow(&marks, &bytes, -(double)gib / 600, 600);
    CHECK(disk_marks_hours_left(&marks) < 0);
}

static void the_growth_is_forgotten_with_other_limits(void)
{
    struct disk_marks marks = {0};
    uint64_t bytes = 0;

    grow(&marks, &bytes, (double)gib / 600, 600);
    CHECK(disk_marks_hours_left(&marks) > 0);
    disk_marks_forget_growth(&marks);
    CHECK(disk_marks_hours_left(&marks) < 0);
}

static void two_looks_at_one_time_are_one(void)
{
    struct disk_marks marks = {0};
    struct disk_sample sample = {.store_bytes = gib, .limit_bytes = 100 * gib};
    uint64_t bytes = gib;
    double before = 0;

    grow(&marks, &bytes, (double)gib / 600, 600);
    before = marks.bytes_per_usec;
    sample.now_usec = marks.last_usec;
    sample.store_bytes = bytes;
    CHECK(disk_marks_look(&marks, &settings, &sample) == 0);
    CHECK(marks.bytes_per_usec == before);
}

int main(void)
{
    the_limit_is_the_lower_of_the_setting_and_the_disk();
    of_a_disk_that_says_nothing_only_the_setting_is_known();
    each_mark_is_told_once_when_it_is_reached();
    a_mark_is_left_a_little_below_it();
    a_jump_over_both_marks_is_both();
    an_unknown_limit_changes_nothing();
    large_stores_are_counted_right();
    other_limits_move_the_marks_at_once();
    nothing_is_foretold_at_first();
    steady_growth_is_foretold();
    a_new_pace_counts_more_as_it_lasts();
    a_store_that_shrinks_or_rests_has_no_end();
    the_growth_is_forgotten_with_other_limits();
    two_looks_at_one_time_are_one();
    return 0;
}
