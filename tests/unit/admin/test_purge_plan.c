/* SPDX-License-Identifier: Apache-2.0 */
#include "purge_plan.h"

#include <stdio.h>
#include <string.h>

#include "check.h"

enum { FILES = 6, FILE_BYTES = 1000, MOST_HOLDS = 4 };

static const uint64_t now_usec = 5000000000;
static const uint64_t second = 1000000;

/* Files 11 to 16 of a kilobyte each, the newest written now, the one before a second ago, ...
 */
struct example {
    struct binlog_file_facts files[FILES];
    struct log_hold holds[MOST_HOLDS];
    struct purge_settings settings;
    struct purge_scene scene;
};

static void example_make(struct example *example)
{
    memset(example, 0, sizeof(*example));
    for (size_t at = 0; at < FILES; at++) {
        example->files[at] =
            (struct binlog_file_facts){.file = 11 + at,
                                       .bytes = FILE_BYTES,
                                       .written_usec = now_usec - (FILES - 1 - at) * second};
    }
    example->settings = (struct purge_settings){.min_files = 1};
    example->scene = (struct purge_scene){.files = example->files,
                                          .file_count = FILES,
                                          .holds = example->holds,
                                          .settings = &example->settings,
                                          .now_usec = now_usec};
}

static void example_hold(struct example *example, uint64_t file, uint64_t offset)
{
    example->holds[example->scene.hold_count++].from = (struct binlog_position){file, offset};
}

static struct purge_plan plan_all(const struct example *example)
{
    return purge_plan_make(&example->scene, &(struct purge_ask){.files = SIZE_MAX});
}

static void what_nobody_needs_goes_but_for_the_newest_file(void)
{
    struct example example;
    struct purge_plan plan;

    example_make(&example);
    plan = plan_all(&example);
    CHECK(plan.files == FILES - 1);
    CHECK(plan.bytes == (FILES - 1) * FILE_BYTES);
    CHECK(plan.stop == PURGE_STOP_NEWEST);
}

static void a_file_stays_as_long_as_its_last_byte_is_needed(void)
{
    struct example example;

    for (uint64_t offset = FILE_BYTES - 1; offset <= FILE_BYTES + 1; offset++) {
        example_make(&example);
        example_hold(&example, 13, offset);
        CHECK(plan_all(&example).files == (offset < FILE_BYTES ? 2U : 3U));
        CHECK(plan_all(&example).stop == PURGE_STOP_NEEDED);
    }
}

static void the_lowest_hold_counts(void)
{
    struct example example;

    example_make(&example);
    example_hold(&example, 12, 4);
    example_hold(&example, 14, 4);
    example_hold(&example, 14, 500);
    CHECK(plan_all(&example).files == 1);
    CHECK(purge_plan_needs(&example.scene, 0) == 0);
    CHECK(purge_plan_needs(&example.scene, 1) == 1);
    CHECK(purge_plan_needs(&example.scene, 2) == 1);
    CHECK(purge_plan_needs(&example.scene, 3) == 3);
    CHECK(purge_plan_needs(&example.scene, FILES - 1) == 3);
}

static void who_needs_everything_keeps_everything(void)
{
    struct example example;

    example_make(&example);
    example_hold(&example, 0, 0);
    CHECK(plan_all(&example).files == 0);
    CHECK(plan_all(&example).stop == PURGE_STOP_NEEDED);
}

static void a_place_before_the_first_file_keeps_everything(void)
{
    struct example example;

    example_make(&example);
    example_hold(&example, 3, 900);
    CHECK(plan_all(&example).files == 0);
    CHECK(purge_plan_needs(&example.scene, 0) == 1);
}

static void the_newest_files_stay(void)
{
    struct example example;

    example_make(&example);
    example.settings.min_files = 4;
    CHECK(plan_all(&example).files == FILES - 4);
    CHECK(plan_all(&example).stop == PURGE_STOP_KEPT);
    example.settings.min_files = FILES;
    CHECK(plan_all(&example).files == 0);
    example.settings.min_files = UINT64_MAX;
    CHECK(plan_all(&example).files == 0);
    example.settings.min_files = 0;
    CHECK(plan_all(&example).files == FILES - 1);
}

static void young_files_stay(void)
{
    struct example example;

    example_make(&example);
    example.settings.min_age_usec = 3 * second;
    CHECK(plan_all(&example).files == 3); /* exactly so old is old enough */
    CHECK(plan_all(&example).stop == PURGE_STOP_YOUNG);
    example.settings.min_age_usec = 3 * second + 1;
    CHECK(plan_all(&example).files == 2);
}

static void a_young_file_keeps_the_older_looking_ones_behind_it(void)
{
    struct example example;

    example_make(&example);
    example.settings.min_age_usec = 3 * second;
    example.files[1].written_usec = now_usec - 1;
    CHECK(plan_all(&example).files == 1);
}

static void a_file_from_the_future_is_young(void)
{
    struct example example;

    example_make(&example);
    example.settings.min_age_usec = second;
    example.files[0].written_usec = now_usec + 1;
    CHECK(plan_all(&example).files == 0);
    example.settings.min_age_usec = 0;
    CHECK(plan_all(&example).files == FILES - 1);
}

static void a_file_of_unknown_age_is_old(void)
{
    struct example example;

    example_make(&example);
    example.settings.min_age_usec = UINT64_MAX;
    example.files[0].written_usec = 0;
    CHECK(plan_all(&example).files == 1);
    CHECK(purge_count_before_time(&example.scene, 1) == 1);
}

static void force_passes_all_but_the_newest_file(void)
{
    struct example example;
    struct purge_ask ask = {.files = SIZE_MAX, .passes_age = true, .passes_needs = true};

    example_make(&example);
    example_hold(&example, 0, 0);
    example.settings =
        (struct purge_settings){.min_age_usec = UINT64_MAX, .min_files = UINT64_MAX};
    CHECK(purge_plan_make(&example.scene, &ask).files == FILES - 1);
    CHECK(purge_plan_make(&example.scene, &ask).stop == PURGE_STOP_NEWEST);
    ask.files = 2;
    CHECK(purge_plan_make(&example.scene, &ask).files == 2);
    CHECK(purge_plan_make(&example.scene, &ask).stop == PURGE_STOP_NONE);
}

static void room_is_made_of_young_files_and_not_of_needed_ones(void)
{
    struct example example;
    struct purge_ask ask = {.files = SIZE_MAX, .passes_age = true};

    example_make(&example);
    example_hold(&example, 13, 4);
    example.settings =
        (struct purge_settings){.min_age_usec = UINT64_MAX, .min_files = UINT64_MAX};
    CHECK(purge_plan_make(&example.scene, &ask).files == 2);
    CHECK(purge_plan_make(&example.scene, &ask).stop == PURGE_STOP_NEEDED);
}

static void nothing_goes_of_no_file_and_of_a_single_one(void)
{
    struct example example;

    example_make(&example);
    example.scene.file_count = 0;
    CHECK(plan_all(&example).files == 0);
    CHECK(plan_all(&example).stop == PURGE_STOP_NONE);
    example.scene.file_count = 1;
    CHECK(plan_all(&example).files == 0);
    CHECK(plan_all(&example).stop == PURGE_STOP_NEWEST);
}

static void files_are_counted_by_number_and_by_time(void)
{
    struct example example;

    example_make(&example);
    CHECK(purge_count_before_file(&example.scene, 1) == 0);
    CHECK(purge_count_before_file(&example.scene, 11) == 0);
    CHECK(purge_count_before_file(&example.scene, 13) == 2);
    CHECK(purge_count_before_file(&example.scene, 99) == FILES);
    CHECK(purge_count_before_time(&example.scene, now_usec) == FILES - 1);
    CHECK(purge_count_before_time(&example.scene, now_usec + 1) == FILES);
    CHECK(purge_count_before_time(&example.scene, now_usec - 4 * second) == 1);
}

int main(void)
{
    what_nobody_needs_goes_but_for_the_newest_file();
    a_file_stays_as_long_as_its_last_byte_is_needed();
    the_lowest_hold_counts();
    who_needs_everything_keeps_everything();
    a_place_before_the_first_file_keeps_everything();
    the_newest_files_stay();
    young_files_stay();
    a_young_file_keeps_the_older_looking_ones_behind_it();
    a_file_from_the_future_is_young();
    a_file_of_unknown_age_is_old();
    force_passes_all_but_the_newest_file();
    room_is_made_of_young_files_and_not_of_needed_ones();
    nothing_goes_of_no_file_and_of_a_single_one();
    files_are_counted_by_number_and_by_time();
    return 0;
}
