/* SPDX-License-Identifier: Apache-2.0 */
/* What goes by itself, on a real store with a real registry. */
#include "binrelay/admin/purger.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "binrelay/base/memory.h"
#include "check.h"
#include "purge_rig.h"
#include "temp_dir.h"

static const uint64_t second = 1000000;

/* Files 1 to 6 with epochs 10 to 120, two in each, a minute apart. */
static struct purge_rig *rig_with_files(void)
{
    struct purge_rig *rig = purge_rig_new();

    for (int file = 1; file <= 6; file++) {
        purge_rig_add_file(rig, 2);
        purge_rig_pass(rig, 60 * second);
    }
    return rig;
}

static void look(struct purge_rig *rig)
{
    purger_look(rig->purger);
}

static void files_go_when_the_last_applier_has_reported(void)
{
    struct purge_rig *rig = rig_with_files();

    purge_rig_add_applier(rig, 201, true, 0);
    purge_rig_add_applier(rig, 202, true, 0);
    purge_rig_report(rig, 201, 120);
    look(rig);
    CHECK(purge_rig_first(rig) == 1);
    purge_rig_report(rig, 202, 30);
    look(rig);
    CHECK(purge_rig_first(rig) == 2);
    purge_rig_report(rig, 202, 40); /* the last one of the file */
    look(rig);
    CHECK(purge_rig_first(rig) == 3);
    purge_rig_report(rig, 202, 120);
    look(rig);
    CHECK(purge_rig_first(rig) == 6);
    CHECK(purge_rig_count_events(rig, "purge.done") == 3);
    CHECK(purge_rig_has_event(rig, "purge.done", "3 files"));
    CHECK(purge_rig_has_event(rig, "purge.done", "binlog.000003 to binlog.000005"));
    purge_rig_free(rig);
}

static void where_nobody_is_known_nothing_goes_by_itself(void)
{
    struct purge_rig *rig = rig_with_files();
    struct purge_report report;

    look(rig);
    CHECK(purge_rig_first(rig) == 1);
    purge_rig_pin(rig, "backup-7", 60, 0);
    look(rig);
    CHECK(purge_rig_first(rig) == 1);
    purger_report(rig->purger, &report);
    CHECK(!report.has_appliers && report.hold_count == 1);
    purge_report_release(&report);
    purge_rig_free(rig);
}

static void by_hand_only_nothing_goes_by_itself(void)
{
    struct purge_rig *rig = rig_with_files();

    rig->settings.is_automatic = false;
    purge_rig_renew(rig);
    purge_rig_add_applier(rig, 201, true, 0);
    purge_rig_report(rig, 201, 120);
    look(rig);
    CHECK(purge_rig_first(rig) == 1);
    rig->settings.is_automatic = true;
    purger_set_settings(rig->purger, &rig->settings);
    look(rig);
    CHECK(purge_rig_first(rig) == 6);
    purge_rig_free(rig);
}

static void age_and_number_keep_files(void)
{
    struct purge_rig *rig = rig_with_files();

    rig->settings.min_age_usec = 180 * second;
    rig->settings.min_files = 3;
    purge_rig_renew(rig);
    purge_rig_add_applier(rig, 201, true, 0);
    purge_rig_report(rig, 201, 120);
    look(rig); /* file 4 was ended when file 5 began, two minutes ago */
    CHECK(purge_rig_first(rig) == 4);
    purge_rig_pass(rig, 3600 * second);
    look(rig);
    CHECK(purge_rig_first(rig) == 4); /* three files stay */
    purge_rig_free(rig);
}

static void pins_and_streams_hold_as_appliers_do(void)
{
    struct purge_rig *rig = rig_with_files();
    struct rig_stream *stream = NULL;
    struct error error;

    purge_rig_add_applier(rig, 201, true, 0);
    stream = purge_rig_stream(rig, 77, (struct binlog_position){2, 4});
    purge_rig_pin(rig, "backup-7", 50, 10 * second);
    purge_rig_report(rig, 201, 120);
    look(rig);
    CHECK(purge_rig_first(rig) == 2);
    purge_rig_move(rig, stream, (struct binlog_position){5, 4});
    look(rig);
    CHECK(purge_rig_first(rig) == 3);
    CHECK_OK(pin_table_remove(rig->pins, "backup-7", &error), &error);
    look(rig);
    CHECK(purge_rig_first(rig) == 5);
    purge_rig_end(rig, stream);
    look(rig);
    CHECK(purge_rig_first(rig) == 6);
    purge_rig_free(rig);
}

static void an_expired_applier_is_warned_of_and_then_passed(void)
{
    struct purge_rig *rig = rig_with_files();

    purge_rig_add_applier(rig, 201, true, 0);
    purge_rig_add_applier(rig, 202, false, 3600 * second);
    purge_rig_report(rig, 202, 30);
    purge_rig_report(rig, 201, 120);
    look(rig);
    CHECK(purge_rig_first(rig) == 2);
    CHECK(purge_rig_count_events(rig, "applier.stranding") == 0);
    purge_rig_pass(rig, 600 * second); /* it is silent, and nobody else needs file 2 */
    look(rig);
    look(rig);
    CHECK(purge_rig_count_events(rig, "applier.stranding") == 1);
    CHECK(purge_rig_has_event(rig, "applier.stranding", "applier 202, stale"));
    CHECK(purge_rig_count_events(rig, "applier.lost") == 0);
    purge_rig_pass(rig, 3600 * second);
    look(rig);
    CHECK(purge_rig_first(rig) == 6);
    look(rig);
    CHECK(purge_rig_count_events(rig, "applier.lost") == 1);
    CHECK(purge_rig_has_event(rig, "applier.lost", "applier 202 cannot catch up"));
    CHECK(purge_rig_count_events(rig, "applier.stranding") == 1);
    purge_rig_free(rig);
}

static void also_who_purges_by_hand_is_told_whom_it_strands(void)
{
    struct purge_rig *rig = rig_with_files();
    struct purge_outcome outcome;
    struct error error;

    rig->settings.is_automatic = false;
    purge_rig_renew(rig);
    purge_rig_add_applier(rig, 202, false, 3600 * second);
    purge_rig_report(rig, 202, 30);
    purge_rig_pass(rig, 7200 * second);
    look(rig);
    CHECK(purge_rig_count_events(rig, "applier.stranding") == 0);
    CHECK_OK(
        purger_purge(rig->purger, &(struct purge_request){.before_file = 4}, &outcome, &error),
        &error);
    CHECK(purge_rig_has_event(rig, "applier.stranding", "applier 202, expired"));
    CHECK(purge_rig_count_events(rig, "applier.stranding") == 1);
    purge_outcome_release(&outcome);
    purge_rig_free(rig);
}

static void a_disk_that_fails_is_told_once_and_tried_again(void)
{
    struct purge_rig *rig = rig_with_files();

    purge_rig_add_applier(rig, 201, true, 0);
    purge_rig_report(rig, 201, 120);
    for (int tries = 0; tries < 3; tries++) {
        fake_disk_fail_at(rig->disk, fake_disk_operations(rig->disk) + 1, FAKE_FAULT_EIO);
        look(rig);
        CHECK(purge_rig_first(rig) == 1);
        look(rig); /* not yet */
        CHECK(purge_rig_first(rig) == 1);
        purge_rig_pass(rig, 60 * second);
    }
    CHECK(purge_rig_count_events(rig, "purge.failed") == 1);
    look(rig);
    CHECK(purge_rig_first(rig) == 6);
    purge_rig_free(rig);
}

static bool is_on_disk(const struct purge_rig *rig, unsigned file)
{
    autofree char *path = mem_format("%s/binlog.%06u", rig->directory, file);

    return access(path, F_OK) == 0;
}

/* Wherever it fails: in the end nothing is left, though nothing more is to be purged. */
static void what_a_failed_purge_left_is_removed_later(void)
{
    bool has_failed = true;

    for (uint64_t operation = 1; has_failed; operation++) {
        struct purge_rig *rig = rig_with_files();

        purge_rig_add_applier(rig, 201, true, 0);
        purge_rig_report(rig, 201, 30);
        fake_disk_fail_at(rig->disk, fake_disk_operations(rig->disk) + operation,
                          FAKE_FAULT_EIO);
        look(rig);
        has_failed = purge_rig_count_events(rig, "purge.failed") > 0;
        purge_rig_pass(rig, 60 * second);
        look(rig);
        CHECK(purge_rig_first(rig) == 2 && !is_on_disk(rig, 1) && is_on_disk(rig, 2));
        purge_rig_free(rig);
    }
}

/* Its room would not be counted any more, one file after the other. */
static void while_a_file_cannot_be_removed_no_other_leaves_the_list(void)
{
    struct purge_rig *rig = rig_with_files();
    autofree char *path = mem_format("%s/binlog.000001", rig->directory);

    purge_rig_add_applier(rig, 201, true, 0);
    purge_rig_report(rig, 201, 120);
    CHECK(unlink(path) == 0 && mkdir(path, 0700) == 0);
    for (int tries = 0; tries < 3; tries++) {
        look(rig);
        CHECK(purge_rig_first(rig) == 2);
        purge_rig_pass(rig, 60 * second);
    }
    CHECK(purge_rig_count_events(rig, "purge.failed") == 1);
    CHECK(rmdir(path) == 0);
    look(rig);
    CHECK(purge_rig_first(rig) == 6);
    purge_rig_free(rig);
}

static void a_restart_finds_the_same_files_and_needs(void)
{
    struct purge_rig *rig = rig_with_files();

    purge_rig_add_applier(rig, 201, true, 0);
    purge_rig_report(rig, 201, 70);
    look(rig);
    CHECK(purge_rig_first(rig) == 4);
    purge_rig_restart(rig);
    look(rig);
    CHECK(purge_rig_first(rig) == 4);
    CHECK(purge_rig_count_events(rig, "applier.lost") == 0);
    purge_rig_report(rig, 201, 90);
    look(rig);
    CHECK(purge_rig_first(rig) == 5);
    purge_rig_free(rig);
}

static void copy_database(const struct purge_rig *rig, const char *to)
{
    autofree char *command = mem_format("cp %s/control.db* %s/", rig->root, to);

    CHECK(system(command) == 0);
}

/* What another process would find after a kill -9 right here. */
static uint64_t find_applied(const struct purge_rig *rig, uint32_t server_id)
{
    char *copy = temp_dir_make();
    struct registry *registry = NULL;
    struct applier_registry *appliers = NULL;
    struct applier_facts *facts = NULL;
    uint64_t applied = 0;
    struct error error;

    copy_database(rig, copy);
    CHECK_OK(registry_open(&registry, copy, &rig->clock, &error), &error);
    CHECK_OK(registry_open_appliers(registry,
                                    &(struct registry_applied){.name = "east",
                                                               .server_id = 199,
                                                               .store = rig->store,
                                                               .board = rig->board},
                                    &appliers, &error),
             &error);
    CHECK_OK(applier_registry_find(appliers, server_id, &facts, &error), &error);
    applied = facts->applied.epoch;
    applier_facts_free(facts, 1);
    registry_close(registry);
    temp_dir_remove(copy);
    return applied;
}

static void a_report_that_a_file_went_by_is_durable(void)
{
    struct purge_rig *rig = rig_with_files();

    purge_rig_add_applier(rig, 201, true, 0);
    for (uint64_t epoch = 10; epoch <= 110; epoch += 10) {
        uint64_t first = purge_rig_first(rig);

        purge_rig_report(rig, 201, epoch);
        look(rig);
        if (purge_rig_first(rig) > first) {
            CHECK(find_applied(rig, 201) == epoch);
        }
    }
    CHECK(purge_rig_first(rig) == 6);
    purge_rig_free(rig);
}

int main(void)
{
    files_go_when_the_last_applier_has_reported();
    where_nobody_is_known_nothing_goes_by_itself();
    by_hand_only_nothing_goes_by_itself();
    age_and_number_keep_files();
    pins_and_streams_hold_as_appliers_do();
    an_expired_applier_is_warned_of_and_then_passed();
    also_who_purges_by_hand_is_told_whom_it_strands();
    a_disk_that_fails_is_told_once_and_tried_again();
    what_a_failed_purge_left_is_removed_later();
    while_a_file_cannot_be_removed_no_other_leaves_the_list();
    a_restart_finds_the_same_files_and_needs();
    a_report_that_a_file_went_by_is_durable();
    return 0;
}
