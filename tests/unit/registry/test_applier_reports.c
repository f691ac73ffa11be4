/* SPDX-License-Identifier: Apache-2.0 */
/* Which reports are believed, and what is behind them. */
#include <string.h>

#include "binrelay/storage/epoch_index.h"
#include "check.h"
#include "registry_scene.h"

#define PSEUDO(gcp) (UINT64_C(gcp) << 32 | UINT32_MAX)
#define NDB(gcp, gci) (UINT64_C(gcp) << 32 | (gci))

static const struct binlog_position everything = {0};

static struct scene_log *east(struct scene *scene)
{
    return &scene->logs[SCENE_EAST];
}

/* Where an epoch that is in the log ends. */
static struct binlog_position end_of(struct scene *scene, uint32_t incarnation, uint64_t epoch)
{
    struct epoch_place place;
    struct error error;

    CHECK_OK(epoch_index_at_or_before(east(scene)->store,
                                      (struct epoch_key){incarnation, epoch}, &place, &error),
             &error);
    CHECK(place.key.incarnation == incarnation && place.key.epoch == epoch);
    return place.end;
}

static bool is_refused(struct scene *scene, uint32_t server_id, uint64_t epoch, const char *why)
{
    struct applier_registry *appliers = scene->appliers[SCENE_EAST];
    struct error error = {0};
    struct error checked = {0};
    enum status status =
        applier_registry_report(appliers, server_id, epoch, REPORT_ENDPOINT, &error);

    CHECK(applier_registry_check(appliers, server_id, epoch, &checked) == status);
    CHECK(status == STATUS_OK || status == STATUS_INVALID);
    CHECK(strcmp(error.message, checked.message) == 0);
    return status == STATUS_INVALID && strstr(error.message, why) != NULL;
}

static void refuses_what_cannot_be(void)
{
    struct scene scene;

    scene_open(&scene);
    scene_add(&scene, 201, "west", true);
    CHECK(is_refused(&scene, 77, 10, "does not know applier 77"));
    CHECK(is_refused(&scene, 201, 0, "0 is no epoch"));
    CHECK(is_refused(&scene, 201, 61, "above the newest durable one here, 60"));
    CHECK(is_refused(&scene, 201, UINT64_MAX, "above the newest"));
    CHECK(scene_facts(&scene, 201).applied.epoch == 0);
    CHECK(scene_facts(&scene, 201).reported_usec == 0);
    CHECK(scene_holds_from(&scene, 201, everything));
    scene_report(&scene, 201, 40);
    CHECK(is_refused(&scene, 201, 39, "below 40"));
    CHECK(is_refused(&scene, 201, 0, "0 is no epoch"));
    CHECK(scene_facts(&scene, 201).applied.epoch == 40);
    scene_close(&scene);
}

static void refuses_all_while_nothing_is_stored(void)
{
    struct scene scene;

    scene_prepare(&scene);
    scene_start(&scene);
    scene_add(&scene, 201, NULL, true);
    CHECK(is_refused(&scene, 201, 1, "no epoch is stored here yet"));
    CHECK(scene_holds_from(&scene, 201, everything));
    CHECK(scene_count_events(&scene, "report.refused", NULL) == 0);
    scene_close(&scene);
}

static void an_equal_report_renews_the_time(void)
{
    struct scene scene;
    uint64_t first_usec = 0;

    scene_open(&scene);
    scene_add(&scene, 201, NULL, true);
    scene_report(&scene, 201, 30);
    first_usec = scene_facts(&scene, 201).reported_usec;
    CHECK(first_usec == scene.wall_usec);
    scene_pass(&scene, 5);
    scene_report(&scene, 201, 30);
    CHECK(scene_facts(&scene, 201).reported_usec == first_usec + 5000000);
    CHECK(scene_facts(&scene, 201).way == REPORT_POLL);
    scene_close(&scene);
}

static void a_refused_report_is_told_once_for_each_reason(void)
{
    struct scene scene;
    char text[1024];

    scene_open(&scene);
    scene_add(&scene, 201, NULL, true);
    CHECK(is_refused(&scene, 201, 99, "above"));
    CHECK(is_refused(&scene, 201, 98, "above"));
    CHECK(scene_count_events(&scene, "report.refused", text) == 1);
    CHECK(strstr(text, "applier 201") != NULL && strstr(text, "by endpoint") != NULL);
    CHECK(is_refused(&scene, 201, 0, "0 is no epoch"));
    CHECK(scene_count_events(&scene, "report.refused", NULL) == 2);
    scene_report(&scene, 201, 50); /* of another way: this one is wrong as before */
    CHECK(is_refused(&scene, 201, 0, "0 is no epoch"));
    CHECK(scene_count_events(&scene, "report.refused", NULL) == 2);
    CHECK(is_refused(&scene, 201, 40, "below"));
    CHECK(is_refused(&scene, 201, 40, "below"));
    CHECK(scene_count_events(&scene, "report.refused", NULL) == 3);
    scene_pass(&scene, 3600);
    CHECK(is_refused(&scene, 201, 40, "below"));
    CHECK(scene_count_events(&scene, "report.refused", NULL) == 4);
    scene_close(&scene);
}

static void reasons_that_alternate_do_not_fill_the_events(void)
{
    struct scene scene;

    scene_open(&scene);
    scene_add(&scene, 201, NULL, true);
    for (int hour = 1; hour <= 2; hour++) {
        for (int round = 0; round < 20; round++) {
            struct error error;

            CHECK(is_refused(&scene, 201, 99, "above"));
            CHECK(is_refused(&scene, 201, 0, "0 is no epoch"));
            CHECK_OK(applier_registry_report(scene.appliers[SCENE_EAST], 201, 30,
                                             REPORT_ENDPOINT, &error),
                     &error);
        }
        CHECK(scene_count_events(&scene, "report.refused", NULL) == (size_t)hour * 10);
        scene_pass(&scene, 3600);
    }
    scene_close(&scene);
}

static void holds_what_is_behind_the_applied_epoch(void)
{
    struct scene scene;
    struct log_hold hold;

    scene_open(&scene);
    scene_add(&scene, 201, "west", true);
    for (uint64_t epoch = 10; epoch <= 60; epoch += 10) {
        scene_report(&scene, 201, epoch);
        CHECK(scene_holds_from(&scene, 201, end_of(&scene, 1, epoch)));
    }
    scene_pass(&scene, 3);
    CHECK(scene_hold(&scene, 201, &hold));
    CHECK(strcmp(hold.who, "applier 201 (group west)") == 0);
    CHECK(strcmp(hold.why, "applied epoch 60, reported 3 s ago by poll") == 0);
    CHECK(hold.epoch.epoch == 60 && hold.epoch.incarnation == 1);
    scene_close(&scene);
}

/* Epochs without rows are in no log; an applier can report one that it made up of several. */
static void an_epoch_between_two_is_behind_the_lower_one(void)
{
    struct scene scene;

    scene_open(&scene);
    scene_add(&scene, 201, NULL, true);
    scene_report(&scene, 201, 35);
    CHECK(scene_holds_from(&scene, 201, end_of(&scene, 1, 30)));
    scene_log_gap(east(&scene));
    (void)scene_log_epoch(east(&scene), 70);
    scene_report(&scene, 201, 65); /* in the gap */
    CHECK(scene_holds_from(&scene, 201, end_of(&scene, 1, 60)));
    scene_close(&scene);
}

static void one_below_all_that_is_here_holds_all_of_it(void)
{
    struct scene scene;

    scene_open(&scene);
    scene_add(&scene, 201, NULL, true);
    scene_report(&scene, 201, 5);
    CHECK(scene_holds_from(&scene, 201, (struct binlog_position){1, 4}));
    scene_log_purge(east(&scene), 2);
    CHECK(scene_holds_from(&scene, 201, (struct binlog_position){2, 4}));
    scene_report(&scene, 201,
                 20); /* its file is gone, 30 is here: nothing proves what was between */
    CHECK(scene_holds_from(&scene, 201, (struct binlog_position){2, 4}));
    scene_close(&scene);
}

static void a_restores_pseudo_epoch_counts_by_its_checkpoint(void)
{
    struct scene scene;

    scene_prepare(&scene);
    scene_log_file(east(&scene));
    (void)scene_log_epoch(east(&scene), NDB(115, 7));
    (void)scene_log_epoch(east(&scene), NDB(116, 2));
    scene_start(&scene);
    scene_add(&scene, 201, NULL, true);
    CHECK(is_refused(&scene, 201, PSEUDO(117), "above"));
    CHECK(is_refused(&scene, 201, NDB(116, 3), "above"));
    scene_report(&scene, 201, PSEUDO(115));
    CHECK(scene_holds_from(&scene, 201, end_of(&scene, 1, NDB(115, 7))));
    scene_report(&scene, 201, PSEUDO(116));
    CHECK(scene_holds_from(&scene, 201, end_of(&scene, 1, NDB(116, 2))));
    (void)scene_log_epoch(east(&scene), NDB(116, 9));
    CHECK(scene_holds_from(&scene, 201, end_of(&scene, 1, NDB(116, 9))));
    CHECK(is_refused(&scene, 201, NDB(116, 9), "below"));
    (void)scene_log_epoch(east(&scene), NDB(118, 1));
    scene_report(&scene, 201, NDB(118, 1));
    scene_close(&scene);
}

/* ---- a cluster that was started anew ---- */

/* 10 to 60, then 5 to 45 of a second incarnation. */
static void open_anew(struct scene *scene)
{
    scene_open(scene);
    scene_log_file(east(scene));
    for (uint64_t epoch = 5; epoch <= 45; epoch += 10) {
        (void)scene_log_epoch(east(scene), epoch);
    }
    scene_add(scene, 201, NULL, true);
}

static bool has_applied(struct scene *scene, uint32_t incarnation, uint64_t epoch)
{
    struct applier_facts facts = scene_facts(scene, 201);

    return facts.applied.incarnation == incarnation && facts.applied.epoch == epoch;
}

static void a_lower_epoch_may_be_of_the_next_incarnation(void)
{
    struct scene scene;

    open_anew(&scene);
    scene_report(&scene, 201, 60);
    CHECK(has_applied(&scene, 1, 60));
    CHECK(is_refused(&scene, 201, 3, "below")); /* the second one began at 5 */
    scene_report(&scene, 201, 5);
    CHECK(has_applied(&scene, 2, 5));
    CHECK(scene_holds_from(&scene, 201, end_of(&scene, 2, 5)));
    scene_report(&scene, 201, 45);
    CHECK(has_applied(&scene, 2, 45));
    CHECK(is_refused(&scene, 201, 44, "below"));
    CHECK(is_refused(&scene, 201, 60, "above"));
    scene_close(&scene);
}

/* Both have 30: the lower one holds more. */
static void an_epoch_of_two_incarnations_is_of_the_lower_one(void)
{
    struct scene scene;
    struct error error;

    open_anew(&scene);
    scene_report(&scene, 201, 20);
    scene_report(&scene, 201, 30);
    CHECK(has_applied(&scene, 1, 30));
    scene_report(&scene, 201, 25);
    CHECK(has_applied(&scene, 2, 25));
    CHECK_OK(applier_registry_set_epoch(scene.appliers[SCENE_EAST], 201, 0, &error), &error);
    CHECK_OK(applier_registry_set_epoch(scene.appliers[SCENE_EAST], 201, 30, &error), &error);
    CHECK(has_applied(&scene, 2, 30));
    CHECK_OK(applier_registry_set_epoch(scene.appliers[SCENE_EAST], 201, 60, &error), &error);
    CHECK(has_applied(&scene, 1, 60));
    scene_close(&scene);
}

/* It stopped where the first incarnation ended, which is gone, and says so again and again. */
static void the_same_epoch_again_is_of_the_same_incarnation(void)
{
    const struct binlog_position begin = {4, BINLOG_MAGIC_BYTES};
    struct scene scene;

    open_anew(&scene);
    scene_report(&scene, 201, 60);
    scene_log_purge(east(&scene), 4);
    scene_report(&scene, 201, 60);
    CHECK(has_applied(&scene, 1, 60) && scene_holds_from(&scene, 201, begin));
    (void)scene_log_epoch(east(&scene), 55);
    (void)scene_log_epoch(east(&scene), 65);
    scene_report(&scene, 201, 60);
    CHECK(has_applied(&scene, 1, 60) && scene_holds_from(&scene, 201, begin));
    scene_report(&scene, 201, 65);
    CHECK(has_applied(&scene, 2, 65));
    scene_close(&scene);
}

/* ---- GTIDs ---- */

#define UUID_OF_1 "01010101-0101-0101-0101-010101010101"
#define UUID_OF_2 "02020202-0202-0202-0202-020202020202"

/* Source 1 has 1 and 2 in the first file, 3 and 4 in the second, 5 in the third. */
static void open_gtids(struct scene *scene)
{
    scene_prepare(scene);
    scene_log_close(east(scene));
    scene_log_open(east(scene), EPOCH_KIND_NONE, 101);
    for (uint64_t number = 1; number <= 5; number++) {
        if (number % 2 == 1) {
            scene_log_file(east(scene));
        }
        scene_log_gtid(east(scene), 1, number);
    }
    scene_start(scene);
    scene_add(scene, 201, NULL, true);
}

static enum status report_gtids(struct scene *scene, const char *text, struct error *error)
{
    return applier_registry_report_gtids(scene->appliers[SCENE_EAST], 201, bytes_of_text(text),
                                         REPORT_POLL, error);
}

static bool are_refused(struct scene *scene, const char *text, const char *why)
{
    struct error error = {0};

    return report_gtids(scene, text, &error) == STATUS_INVALID &&
           strstr(error.message, why) != NULL;
}

static void holds_the_first_file_that_executed_gtids_lack(void)
{
    struct applier_facts *found = NULL;
    struct scene scene;
    struct error error;

    open_gtids(&scene);
    CHECK(scene_holds_from(&scene, 201, everything));
    CHECK_OK(report_gtids(&scene, UUID_OF_1 ":1", &error), &error);
    CHECK(scene_holds_from(&scene, 201, (struct binlog_position){1, 4}));
    CHECK_OK(report_gtids(&scene, UUID_OF_1 ":1-2," UUID_OF_2 ":1-99", &error), &error);
    CHECK(scene_holds_from(&scene, 201, (struct binlog_position){2, 4}));
    CHECK_OK(report_gtids(&scene, UUID_OF_1 ":1-5," UUID_OF_2 ":1-99", &error), &error);
    CHECK(scene_holds_from(&scene, 201, (struct binlog_position){3, 4}));
    scene_restart(&scene);
    CHECK(scene_holds_from(&scene, 201, (struct binlog_position){3, 4}));
    CHECK_OK(applier_registry_find(scene.appliers[SCENE_EAST], 201, &found, &error), &error);
    CHECK(strcmp(found->applied_gtids, UUID_OF_1 ":1-5,\n" UUID_OF_2 ":1-99") == 0);
    applier_facts_free(found, 1);
    scene_close(&scene);
}

static void refuses_gtids_that_cannot_be(void)
{
    struct scene scene;
    struct error error;

    open_gtids(&scene);
    CHECK(are_refused(&scene, "what?", "neither a GTID set nor"));
    CHECK(are_refused(&scene, UUID_OF_1 ":1-6", "not durable here"));
    CHECK(are_refused(&scene, "0-1-7", "no transaction with such GTIDs"));
    CHECK_OK(report_gtids(&scene, "", &error), &error);
    CHECK(scene_holds_from(&scene, 201, everything));
    CHECK_OK(report_gtids(&scene, UUID_OF_1 ":1-3", &error), &error);
    CHECK(are_refused(&scene, UUID_OF_1 ":1-2", "lacks GTIDs"));
    CHECK(are_refused(&scene, "", "lacks GTIDs"));
    CHECK(scene_count_events(&scene, "report.refused", NULL) == 4);
    CHECK_OK(applier_registry_set_epoch(scene.appliers[SCENE_EAST], 201, 0, &error), &error);
    CHECK(scene_holds_from(&scene, 201, everything));
    CHECK_OK(report_gtids(&scene, UUID_OF_1 ":1-2", &error), &error);
    scene_close(&scene);
}

static void holds_the_first_file_behind_a_mariadb_position(void)
{
    struct scene scene;
    struct error error;

    scene_prepare(&scene);
    scene_log_close(east(&scene));
    scene_log_open(east(&scene), EPOCH_KIND_NONE, 101);
    east(&scene)->maker.is_mariadb = true;
    for (uint64_t number = 1; number <= 5; number++) {
        if (number % 2 == 1) {
            scene_log_file(east(&scene));
        }
        scene_log_mariadb(east(&scene), (struct mariadb_gtid){0, 1, number});
    }
    scene_start(&scene);
    scene_add(&scene, 201, NULL, true);
    CHECK(are_refused(&scene, UUID_OF_1 ":1", "no transaction with such GTIDs"));
    CHECK(are_refused(&scene, "0-1-6", "not durable here"));
    CHECK(are_refused(&scene, "0-9-1", "not durable here")); /* whose it is nobody knows */
    CHECK_OK(report_gtids(&scene, "0-1-2,7-7-7", &error), &error);
    CHECK(scene_holds_from(&scene, 201, (struct binlog_position){2, 4}));
    CHECK(are_refused(&scene, "0-1-1,7-7-7", "lacks GTIDs"));
    CHECK_OK(report_gtids(&scene, "0-1-5,7-7-7", &error), &error);
    CHECK(scene_holds_from(&scene, 201, (struct binlog_position){3, 4}));
    scene_close(&scene);
}

int main(void)
{
    refuses_what_cannot_be();
    refuses_all_while_nothing_is_stored();
    an_equal_report_renews_the_time();
    a_refused_report_is_told_once_for_each_reason();
    reasons_that_alternate_do_not_fill_the_events();
    holds_what_is_behind_the_applied_epoch();
    an_epoch_between_two_is_behind_the_lower_one();
    one_below_all_that_is_here_holds_all_of_it();
    a_restores_pseudo_epoch_counts_by_its_checkpoint();
    a_lower_epoch_may_be_of_the_next_incarnation();
    an_epoch_of_two_incarnations_is_of_the_lower_one();
    the_same_epoch_again_is_of_the_same_incarnation();
    holds_the_first_file_that_executed_gtids_lack();
    refuses_gtids_that_cannot_be();
    holds_the_first_file_behind_a_mariadb_position();
    return 0;
}
