/* SPDX-License-Identifier: Apache-2.0 */
/* What somebody asks to be purged, by the rules and by force, on a real store. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binrelay/base/memory.h"
#include "check.h"
#include "purge_rig.h"

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

static enum status ask(struct purge_rig *rig,
                       struct purge_request request,
                       struct purge_outcome *outcome,
                       struct error *error)
{
    return purger_purge(rig->purger, &request, outcome, error);
}

static void asked_for_without_a_place_what_nobody_needs_goes(void)
{
    struct purge_rig *rig = rig_with_files();
    struct purge_outcome outcome;
    struct error error;

    rig->settings.is_automatic = false;
    purge_rig_renew(rig);
    purge_rig_add_applier(rig, 201, true, 0);
    purge_rig_report(rig, 201, 50);
    CHECK_OK(ask(rig, (struct purge_request){.is_dry_run = true}, &outcome, &error), &error);
    CHECK(outcome.files == 2 && outcome.first == 3);
    CHECK(outcome.bytes == rig->file_bytes[1] + rig->file_bytes[2]);
    CHECK(outcome.blocker_count == 1 && outcome.blockers[0].server_id == 201);
    CHECK(purge_rig_first(rig) == 1);
    purge_outcome_release(&outcome);
    CHECK_OK(ask(rig, (struct purge_request){0}, &outcome, &error), &error);
    CHECK(outcome.files == 2 && outcome.first == 3 && purge_rig_first(rig) == 3);
    CHECK(outcome.bytes == rig->file_bytes[1] + rig->file_bytes[2]);
    purge_outcome_release(&outcome);
    purge_rig_free(rig);
}

static void what_is_needed_is_refused_as_a_whole(void)
{
    struct purge_rig *rig = rig_with_files();
    const struct purge_request requests[] = {
        {.before_file = 5},
        {.to_epoch = 90},
        {.before_usec = UINT64_MAX},
    };
    struct purge_outcome outcome;
    struct error error;

    rig->settings.is_automatic = false;
    purge_rig_renew(rig);
    purge_rig_add_applier(rig, 201, true, 0);
    purge_rig_report(rig, 201, 50);
    for (size_t at = 0; at < sizeof(requests) / sizeof(requests[0]); at++) {
        struct purge_request dry = requests[at];

        CHECK(ask(rig, requests[at], &outcome, &error) == STATUS_DENIED);
        CHECK(strstr(error.message, "applier 201") != NULL);
        CHECK(strstr(error.message, "binlog.000003:") != NULL);
        CHECK(purge_rig_first(rig) == 1 && outcome.files == 0 && outcome.first == 1);
        CHECK(outcome.blocker_count == 1);
        purge_outcome_release(&outcome);
        dry.is_dry_run = true;
        CHECK_OK(ask(rig, dry, &outcome, &error), &error);
        CHECK(outcome.files == 0 && outcome.blocker_count == 1);
        purge_outcome_release(&outcome);
    }
    CHECK_OK(ask(rig, (struct purge_request){.before_file = 3}, &outcome, &error), &error);
    CHECK(outcome.files == 2 && purge_rig_first(rig) == 3);
    purge_outcome_release(&outcome);
    purge_rig_free(rig);
}

static void files_are_asked_for_by_epoch(void)
{
    struct purge_rig *rig = rig_with_files();
    struct purge_outcome outcome;
    struct error error;
    static const struct {
        uint64_t epoch;
        uint64_t first;
    } cases[] = {{9, 1},  {10, 1}, {20, 2},   {30, 2},        {39, 2},
                 {40, 3}, {50, 3}, {1000, 6}, {UINT64_MAX, 6}};

    rig->settings.is_automatic = false;
    purge_rig_renew(rig);
    for (size_t at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
        CHECK_OK(
            ask(rig, (struct purge_request){.to_epoch = cases[at].epoch}, &outcome, &error),
            &error);
        CHECK(purge_rig_first(rig) == cases[at].first && outcome.first == cases[at].first);
        purge_outcome_release(&outcome);
    }
    purge_rig_free(rig);
}

static void files_without_an_epoch_go_with_those_around_them(void)
{
    struct purge_rig *rig = purge_rig_new();
    struct purge_outcome outcome;
    struct error error;

    rig->settings.is_automatic = false;
    purge_rig_renew(rig);
    purge_rig_add_file(rig, 0);
    purge_rig_add_file(rig, 1);
    purge_rig_add_file(rig, 0);
    purge_rig_add_file(rig, 1);
    CHECK_OK(ask(rig, (struct purge_request){.to_epoch = 10}, &outcome, &error), &error);
    CHECK(purge_rig_first(rig) == 3);
    purge_outcome_release(&outcome);
    CHECK_OK(ask(rig, (struct purge_request){.to_epoch = 20}, &outcome, &error), &error);
    CHECK(purge_rig_first(rig) == 4);
    purge_outcome_release(&outcome);
    purge_rig_free(rig);
}

static void an_applied_epoch_may_be_purged_to_and_none_behind_it(void)
{
    struct purge_rig *rig = rig_with_files();
    struct purge_outcome outcome;
    struct error error;

    rig->settings.is_automatic = false;
    purge_rig_renew(rig);
    purge_rig_add_applier(rig, 201, true, 0);
    purge_rig_report(rig, 201, 70);
    CHECK(purge_rig_stream(rig, 9, (struct binlog_position){4, 4}) != NULL);
    CHECK(ask(rig, (struct purge_request){.to_epoch = 80}, &outcome, &error) == STATUS_DENIED);
    CHECK(outcome.blocker_count == 2 && outcome.blockers[0].server_id == 9);
    CHECK(outcome.blockers[1].server_id == 201);
    purge_outcome_release(&outcome);
    CHECK_OK(ask(rig, (struct purge_request){.to_epoch = 70}, &outcome, &error), &error);
    CHECK(outcome.files == 3 && purge_rig_first(rig) == 4);
    purge_outcome_release(&outcome);
    purge_rig_free(rig);
}

static void files_are_asked_for_by_time(void)
{
    struct purge_rig *rig = rig_with_files();
    struct purge_outcome outcome;
    struct error error;

    rig->settings.is_automatic = false;
    purge_rig_renew(rig);
    CHECK_OK(
        ask(rig, (struct purge_request){.before_usec = rig->written_usec[3]}, &outcome, &error),
        &error);
    CHECK(outcome.files == 2 && purge_rig_first(rig) == 3);
    purge_outcome_release(&outcome);
    purge_rig_free(rig);
}

static void settings_keep_files_that_are_asked_for(void)
{
    struct purge_rig *rig = rig_with_files();
    struct purge_outcome outcome;
    struct error error;

    rig->settings = (struct purge_settings){.min_files = 4};
    purge_rig_renew(rig);
    CHECK_OK(ask(rig, (struct purge_request){.before_file = 6}, &outcome, &error), &error);
    CHECK(outcome.files == 2 && purge_rig_first(rig) == 3);
    CHECK(outcome.blocker_count == 1 && strstr(outcome.blockers[0].who, "min_files") != NULL);
    purge_outcome_release(&outcome);
    rig->settings = (struct purge_settings){.min_files = 1, .min_age_usec = 150 * second};
    purge_rig_renew(rig);
    CHECK_OK(ask(rig, (struct purge_request){.before_file = 6}, &outcome, &error), &error);
    CHECK(outcome.files == 1 && purge_rig_first(rig) == 4);
    CHECK(outcome.blocker_count == 1 && strstr(outcome.blockers[0].who, "min_age") != NULL);
    purge_outcome_release(&outcome);
    purge_rig_free(rig);
}

static void what_there_is_not_is_said(void)
{
    struct purge_rig *rig = rig_with_files();
    struct purge_outcome outcome;
    struct error error;

    CHECK(ask(rig, (struct purge_request){.before_file = 7}, &outcome, &error) ==
          STATUS_NOT_FOUND);
    CHECK(strstr(error.message, "binlog.000007") != NULL);
    purge_outcome_release(&outcome);
    CHECK_OK(ask(rig, (struct purge_request){.before_file = 3}, &outcome, &error), &error);
    purge_outcome_release(&outcome);
    CHECK_OK(ask(rig, (struct purge_request){.before_file = 2}, &outcome, &error), &error);
    CHECK(outcome.files == 0 && outcome.first == 3);
    purge_outcome_release(&outcome);
    purge_rig_free(rig);
}

static void force_names_the_losers_and_passes_them(void)
{
    struct purge_rig *rig = rig_with_files();
    struct purge_request request = {.before_file = 4, .is_forced = true, .is_dry_run = true};
    struct purge_outcome outcome;
    struct error error;

    rig->settings = (struct purge_settings){.min_files = 100, .min_age_usec = UINT64_MAX};
    purge_rig_renew(rig);
    purge_rig_add_applier(rig, 201, true, 0);
    purge_rig_add_applier(rig, 202, true, 0);
    purge_rig_add_applier(rig, 203, true, 0);
    purge_rig_report(rig, 201, 50);
    purge_rig_report(rig, 203, 70);
    CHECK(purge_rig_stream(rig, 201, (struct binlog_position){3, 4}) != NULL);
    CHECK(purge_rig_stream(rig, 9, (struct binlog_position){5, 4}) != NULL);
    CHECK_OK(ask(rig, request, &outcome, &error), &error);
    CHECK(outcome.files == 3 && outcome.first == 4 && outcome.loser_count == 3);
    CHECK(outcome.losers[0].server_id == 202); /* it needs everything */
    CHECK(purge_rig_first(rig) == 1 && !purge_rig_is_lost(rig, 201) && rig->ended_count == 0);
    purge_outcome_release(&outcome);
    request.is_dry_run = false;
    CHECK_OK(ask(rig, request, &outcome, &error), &error);
    CHECK(outcome.files == 3 && outcome.first == 4 && outcome.loser_count == 3);
    CHECK(purge_rig_first(rig) == 4);
    CHECK(purge_rig_is_lost(rig, 201) && purge_rig_is_lost(rig, 202) &&
          !purge_rig_is_lost(rig, 203));
    CHECK(rig->streams[0].is_dropped && !rig->streams[1].is_dropped);
    CHECK(purge_rig_count_events(rig, "applier.lost") == 2);
    CHECK(purge_rig_has_event(rig, "purge.forced", "applier 202 from the beginning on"));
    purge_outcome_release(&outcome);
    purge_rig_restart(rig);
    CHECK(purge_rig_is_lost(rig, 201) && purge_rig_is_lost(rig, 202) &&
          !purge_rig_is_lost(rig, 203));
    purge_rig_free(rig);
}

static void force_without_a_place_leaves_the_newest_file(void)
{
    struct purge_rig *rig = rig_with_files();
    struct purge_outcome outcome;
    struct error error;

    purge_rig_add_applier(rig, 201, true, 0);
    CHECK_OK(ask(rig, (struct purge_request){.is_forced = true}, &outcome, &error), &error);
    CHECK(outcome.files == 5 && purge_rig_first(rig) == 6 && purge_rig_is_lost(rig, 201));
    purge_outcome_release(&outcome);
    purge_rig_free(rig);
}

static void a_stream_that_was_passed_and_has_not_ended_holds_nothing_in_front(void)
{
    struct purge_rig *rig = rig_with_files();
    struct rig_stream *stream = purge_rig_stream(rig, 0, (struct binlog_position){2, 100});
    struct purge_outcome outcome;
    struct error error;

    purge_rig_add_applier(rig, 201, true, 0);
    purge_rig_report(rig, 201, 120);
    CHECK_OK(
        ask(rig, (struct purge_request){.before_file = 4, .is_forced = true}, &outcome, &error),
        &error);
    CHECK(outcome.loser_count == 1 && rig->ended_count == 0); /* nobody's: it ends by itself */
    purge_outcome_release(&outcome);
    purger_look(rig->purger);
    CHECK(purge_rig_first(rig) == 6);
    stream->from = (struct binlog_position){6, 4};
    purger_look(rig->purger);
    CHECK(rig->purger->given_up_count == 0);
    purge_rig_free(rig);
}

static void who_could_not_be_told_durably_keeps_the_files(void)
{
    struct purge_rig *rig = rig_with_files();
    struct purge_outcome outcome;
    struct error error;

    purge_rig_add_applier(rig, 201, true, 0);
    fake_disk_fail_at(rig->disk, fake_disk_operations(rig->disk) + 1, FAKE_FAULT_EIO);
    CHECK(ask(rig, (struct purge_request){.before_file = 4, .is_forced = true}, &outcome,
              &error) == STATUS_SYSTEM);
    CHECK(outcome.files == 0 && outcome.first == 1 && purge_rig_first(rig) == 1);
    CHECK(purge_rig_is_lost(rig, 201)); /* first it loses its place, then the files go */
    purge_outcome_release(&outcome);
    purge_rig_free(rig);
}

/* It connects again at once, to the last file that goes. */
static void come_back(struct purge_rig *rig, uint32_t server_id)
{
    memset(rig->streams, 0, sizeof(rig->streams)); /* all were its own */
    if (purge_rig_first(rig) <= 3) {
        CHECK(purge_rig_stream(rig, server_id, (struct binlog_position){3, 4}) != NULL);
    }
}

static void who_comes_back_while_its_files_go_has_lost_them_all_the_same(void)
{
    struct purge_rig *rig = rig_with_files();
    struct purge_outcome outcome;
    struct log_hold *holds = NULL;
    struct error error;

    rig->on_end = come_back;
    purge_rig_add_applier(rig, 201, true, 0);
    purge_rig_report(rig, 201, 10);
    CHECK_OK(
        ask(rig, (struct purge_request){.before_file = 4, .is_forced = true}, &outcome, &error),
        &error);
    CHECK(outcome.files == 3 && purge_rig_first(rig) == 4);
    CHECK(purge_rig_is_lost(rig, 201));
    CHECK(purge_rig_count_events(rig, "applier.lost") == 1);
    CHECK(purge_rig_has_event(rig, "applier.lost", "applied epoch 10"));
    CHECK(applier_registry_holds(rig->appliers, &holds) == 0);
    free(holds);
    purge_outcome_release(&outcome);
    purge_rig_free(rig);
}

static void begin_to_stop(struct purge_rig *rig, uint32_t server_id)
{
    (void)server_id;
    rig->purger->is_stopping = true;
}

static void what_a_stop_breaks_off_is_not_called_done(void)
{
    struct purge_rig *rig = rig_with_files();
    struct purge_outcome outcome;
    struct error error;

    rig->on_end = begin_to_stop;
    purge_rig_add_applier(rig, 201, true, 0);
    purge_rig_report(rig, 201, 10);
    CHECK(purge_rig_stream(rig, 201, (struct binlog_position){1, 4}) != NULL);
    CHECK(ask(rig, (struct purge_request){.before_file = 4, .is_forced = true}, &outcome,
              &error) == STATUS_CLOSED);
    CHECK(outcome.first == purge_rig_first(rig) && purge_rig_first(rig) < 4);
    purge_outcome_release(&outcome);
    purge_rig_free(rig);
}

/* ---- a log that cannot all be read ---- */

static void lose_index(const struct purge_rig *rig, uint64_t file)
{
    autofree char *path = mem_format("%s/binlog.%06u.epochs", rig->directory, (unsigned)file);

    CHECK(disk_remove(disk_system(), path) == 0);
}

/* Nothing can be read of it, and nobody knows which epochs it has. */
static void damage_file(const struct purge_rig *rig, uint64_t file)
{
    autofree char *path = mem_format("%s/binlog.%06u", rig->directory, (unsigned)file);
    FILE *opened = fopen(path, "r+");

    CHECK(opened != NULL);
    for (uint64_t at = 0; at < rig->file_bytes[file]; at++) {
        CHECK(fputc('x', opened) != EOF);
    }
    CHECK(fclose(opened) == 0);
    lose_index(rig, file);
}

/* What is behind it could not be numbered without it. */
static void a_file_that_numbers_the_rest_stays_and_that_is_said(void)
{
    struct purge_rig *rig = rig_with_files();
    struct purge_outcome outcome;
    struct error error;

    damage_file(rig, 2);
    lose_index(rig, 3);
    purge_rig_restart(rig);
    CHECK(ask(rig, (struct purge_request){.before_file = 5}, &outcome, &error) ==
          STATUS_SYSTEM);
    CHECK(strstr(error.message, "binlog.000002") != NULL);
    CHECK(outcome.files == 1 && outcome.first == 2 && purge_rig_first(rig) == 2);
    purge_outcome_release(&outcome);
    purge_rig_add_applier(rig, 201, false, 0); /* who needs nothing yet */
    purger_look(rig->purger);
    CHECK(purge_rig_first(rig) == 2);
    CHECK(purge_rig_has_event(rig, "purge.failed", "binlog.000002"));
    purge_rig_free(rig);
}

/* Where an epoch ends is not known then: nothing goes by a guess. */
static void an_epoch_that_is_not_found_purges_nothing(void)
{
    struct purge_rig *rig = rig_with_files();
    struct purge_request request = {.to_epoch = 50, .is_forced = true};
    struct purge_outcome outcome;
    struct error error;

    damage_file(rig, 3);
    purge_rig_restart(rig);
    CHECK(ask(rig, request, &outcome, &error) != STATUS_OK);
    CHECK(outcome.files == 0 && purge_rig_first(rig) == 1);
    purge_outcome_release(&outcome);
    request.is_forced = false;
    CHECK(ask(rig, request, &outcome, &error) != STATUS_OK);
    CHECK(outcome.files == 0 && purge_rig_first(rig) == 1);
    purge_outcome_release(&outcome);
    request.to_epoch = 80;
    CHECK_OK(ask(rig, request, &outcome, &error), &error);
    CHECK(purge_rig_first(rig) > 1);
    purge_outcome_release(&outcome);
    purge_rig_free(rig);
}

int main(void)
{
    asked_for_without_a_place_what_nobody_needs_goes();
    what_is_needed_is_refused_as_a_whole();
    files_are_asked_for_by_epoch();
    files_without_an_epoch_go_with_those_around_them();
    an_applied_epoch_may_be_purged_to_and_none_behind_it();
    files_are_asked_for_by_time();
    settings_keep_files_that_are_asked_for();
    what_there_is_not_is_said();
    force_names_the_losers_and_passes_them();
    force_without_a_place_leaves_the_newest_file();
    a_stream_that_was_passed_and_has_not_ended_holds_nothing_in_front();
    who_could_not_be_told_durably_keeps_the_files();
    who_comes_back_while_its_files_go_has_lost_them_all_the_same();
    what_a_stop_breaks_off_is_not_called_done();
    a_file_that_numbers_the_rest_stays_and_that_is_said();
    an_epoch_that_is_not_found_purges_nothing();
    return 0;
}
