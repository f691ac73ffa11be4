/* SPDX-License-Identifier: Apache-2.0 */
/* The store and its disk: the marks, who is dropped at the limit; the source's own files; the
 * thread. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "binrelay/base/memory.h"
#include "check.h"
#include "purge_rig.h"

enum { FILES = 10 };

static const uint64_t second = 1000000;

/* Files 1 to 10, two epochs in each: 10 to 200. */
static struct purge_rig *rig_with_files(void)
{
    struct purge_rig *rig = purge_rig_new();

    for (int file = 1; file <= FILES; file++) {
        purge_rig_add_file(rig, 2);
        purge_rig_pass(rig, second);
    }
    return rig;
}

static uint64_t store_bytes(const struct purge_rig *rig)
{
    uint64_t bytes = 0;

    for (uint64_t file = purge_rig_first(rig); file <= rig->file; file++) {
        bytes += rig->file_bytes[file];
    }
    return bytes;
}

/* From now on the store has so many percent of what it may take. */
static void fill_to(struct purge_rig *rig, unsigned percent)
{
    rig->settings.max_bytes = store_bytes(rig) * 100 / percent;
    purger_set_settings(rig->purger, &rig->settings);
    purger_look(rig->purger);
}

static void look(struct purge_rig *rig)
{
    purge_rig_pass(rig, second);
    purger_look(rig->purger);
}

/* ---- marks ---- */

static void the_soft_mark_names_who_holds_what(void)
{
    struct purge_rig *rig = rig_with_files();

    purge_rig_add_applier(rig, 201, true, 0);
    purge_rig_report(rig, 201, 10);
    fill_to(rig, 79);
    CHECK(purge_rig_count_events(rig, "disk.soft") == 0);
    fill_to(rig, 81);
    look(rig);
    CHECK(purge_rig_count_events(rig, "disk.soft") == 1);
    CHECK(purge_rig_has_event(rig, "disk.soft", "applier 201 from binlog.000001:"));
    CHECK(purge_rig_has_event(rig, "purge.blocked", "applier 201"));
    CHECK(purge_rig_count_events(rig, "purge.blocked") == 1);
    fill_to(rig, 50);
    fill_to(rig, 90);
    CHECK(purge_rig_count_events(rig, "disk.soft") == 2);
    CHECK(purge_rig_count_events(rig, "purge.blocked") == 2);
    CHECK(rig->has_room && rig->room_changes == 0);
    purge_rig_free(rig);
}

static void the_pull_stops_at_the_hard_mark_and_goes_on_below_it(void)
{
    struct purge_rig *rig = rig_with_files();
    struct purge_report report;

    purge_rig_add_applier(rig, 201, true, 0);
    fill_to(rig, 96);
    look(rig);
    CHECK(!rig->has_room && rig->room_changes == 1);
    CHECK(strstr(rig->room_reason, "applier 201") != NULL);
    CHECK(purge_rig_has_event(rig, "disk.hard", "applier 201"));
    CHECK(purge_rig_count_events(rig, "disk.soft") == 1);
    CHECK(purge_rig_first(rig) == 1);
    purger_report(rig->purger, &report);
    CHECK(report.is_above_soft && report.is_above_hard && report.hours_left == 0);
    CHECK(report.limit_bytes == rig->settings.max_bytes);
    CHECK(report.store_bytes == store_bytes(rig));
    purge_report_release(&report);
    purge_rig_report(rig, 201, 50);
    look(rig);
    CHECK(purge_rig_first(rig) == 3);
    CHECK(rig->has_room && rig->room_changes == 2);
    CHECK(purge_rig_count_events(rig, "disk.ok") == 1);
    purge_rig_free(rig);
}

static void a_disk_that_others_fill_stops_the_pull_too(void)
{
    struct purge_rig *rig = rig_with_files();
    uint64_t bytes = store_bytes(rig);

    purge_rig_add_applier(rig, 201, true, 0);
    fake_disk_set_space(rig->disk, bytes, bytes * 100);
    look(rig);
    CHECK(rig->has_room);
    fake_disk_set_space(rig->disk, bytes / 100, bytes * 100);
    look(rig);
    CHECK(!rig->has_room);
    fake_disk_set_space(rig->disk, bytes, bytes * 100);
    look(rig);
    CHECK(rig->has_room);
    purge_rig_free(rig);
}

static void another_start_above_the_mark_stops_the_pull_again(void)
{
    struct purge_rig *rig = rig_with_files();

    purge_rig_add_applier(rig, 201, true, 0);
    fill_to(rig, 96);
    CHECK(!rig->has_room);
    purge_rig_restart(rig);
    CHECK(rig->has_room);
    look(rig);
    CHECK(!rig->has_room);
    purge_rig_free(rig);
}

/* ---- dropping ---- */

/* 201 needs file 2 on, 202 file 4 on, 203 file 8 on. */
static struct purge_rig *rig_with_appliers(void)
{
    struct purge_rig *rig = rig_with_files();

    rig->settings.drops_appliers = true;
    rig->settings.min_age_usec = 3600 * second;
    rig->settings.min_files = 3;
    purge_rig_renew(rig);
    purge_rig_add_applier(rig, 201, true, 0);
    purge_rig_add_applier(rig, 202, true, 0);
    purge_rig_add_applier(rig, 203, true, 0);
    purge_rig_report(rig, 201, 30);
    purge_rig_report(rig, 202, 70);
    purge_rig_report(rig, 203, 150);
    return rig;
}

static void young_files_that_nobody_needs_go_first(void)
{
    struct purge_rig *rig = rig_with_appliers();

    fill_to(rig, 96);
    CHECK(purge_rig_first(rig) == 2);
    CHECK(!purge_rig_is_lost(rig, 201) && !purge_rig_is_lost(rig, 202) &&
          !purge_rig_is_lost(rig, 203));
    CHECK(rig->room_changes == 0); /* it was enough */
    CHECK(purge_rig_count_events(rig, "disk.hard") == 0);
    purge_rig_free(rig);
}

static void the_oldest_need_is_dropped_first_and_no_more_than_it_takes(void)
{
    struct purge_rig *rig = rig_with_appliers();

    CHECK(purge_rig_stream(rig, 201, (struct binlog_position){2, 400}) != NULL);
    fill_to(rig, 96);
    fill_to(rig, 96);
    CHECK(purge_rig_first(rig) == 3);
    CHECK(purge_rig_is_lost(rig, 201) && !purge_rig_is_lost(rig, 202) &&
          !purge_rig_is_lost(rig, 203));
    CHECK(rig->ended_count > 0 && rig->ended_ids[0] == 201);
    CHECK(purge_rig_has_event(rig, "applier.lost", "applier 201 from binlog.000002:"));
    CHECK(purge_rig_count_events(rig, "applier.lost") == 1);
    fill_to(rig, 200); /* eight files, and room for four */
    look(rig);
    CHECK(purge_rig_is_lost(rig, 202) && !purge_rig_is_lost(rig, 203));
    CHECK(purge_rig_first(rig) == 8);
    purge_rig_free(rig);
}

static void when_nothing_is_left_to_drop_the_pull_stops(void)
{
    struct purge_rig *rig = rig_with_appliers();

    fill_to(rig, 10000);
    for (int looks = 0; looks < 5; looks++) {
        look(rig);
    }
    CHECK(purge_rig_is_lost(rig, 201) && purge_rig_is_lost(rig, 202) &&
          purge_rig_is_lost(rig, 203));
    CHECK(purge_rig_first(rig) == FILES);
    CHECK(!rig->has_room);
    CHECK(purge_rig_count_events(rig, "applier.lost") == 3);
    purge_rig_free(rig);
}

static void pins_and_streams_of_nobody_are_never_dropped(void)
{
    struct purge_rig *rig = rig_with_appliers();
    struct rig_stream *stream = purge_rig_stream(rig, 99, (struct binlog_position){3, 4});
    struct error error;

    purge_rig_pin(rig, "backup-7", 50, 0);
    for (int looks = 0; looks < 3; looks++) {
        fill_to(rig, 100);
    }
    CHECK(purge_rig_is_lost(rig, 201)); /* its need alone kept file 2 */
    CHECK(purge_rig_first(rig) == 3);
    CHECK(!purge_rig_is_lost(rig, 202) && !rig->has_room && !stream->is_dropped);
    CHECK_OK(pin_table_remove(rig->pins, "backup-7", &error), &error);
    look(rig);
    CHECK(purge_rig_first(rig) == 3);
    purge_rig_move(rig, stream, (struct binlog_position){5, 4});
    look(rig);
    CHECK(purge_rig_first(rig) > 3);
    purge_rig_free(rig);
}

static void nobody_is_dropped_for_nothing(void)
{
    struct purge_rig *rig = rig_with_files();

    rig->settings.drops_appliers = true;
    purge_rig_renew(rig);
    purge_rig_add_applier(rig, 201, true, 0); /* needs everything, as the pin does */
    purge_rig_pin(rig, "backup-7", 10, 0);
    fill_to(rig, 100);
    look(rig);
    CHECK(!purge_rig_is_lost(rig, 201) && purge_rig_first(rig) == 1 && !rig->has_room);
    purge_rig_free(rig);
}

static void without_the_policy_nobody_is_dropped(void)
{
    struct purge_rig *rig = rig_with_appliers();

    rig->settings.drops_appliers = false;
    purge_rig_renew(rig);
    fill_to(rig, 100);
    look(rig);
    CHECK(!purge_rig_is_lost(rig, 201) && purge_rig_first(rig) == 1 && !rig->has_room);
    purge_rig_free(rig);
}

static int fail_to_say(void *context, const char *path, uint64_t *free_bytes, uint64_t *all)
{
    (void)context;
    (void)path;
    (void)free_bytes;
    (void)all;
    errno = EIO;
    return -1;
}

/* It cannot be seen then whether it was enough. */
static void while_the_disk_does_not_say_nobody_is_dropped(void)
{
    struct purge_rig *rig = rig_with_appliers();
    struct disk disk = *fake_disk_calls(rig->disk);

    rig->settings.drops_appliers = false;
    purge_rig_renew(rig);
    fake_disk_set_space(rig->disk, 1, store_bytes(rig));
    look(rig);
    CHECK(!rig->has_room);
    disk.space = fail_to_say;
    rig->purger->options.disk = &disk;
    rig->settings.drops_appliers = true;
    purger_set_settings(rig->purger, &rig->settings);
    look(rig);
    look(rig);
    CHECK(!purge_rig_is_lost(rig, 201) && purge_rig_first(rig) == 1 && !rig->has_room);
    rig->purger->options.disk = fake_disk_calls(rig->disk);
    look(rig);
    CHECK(purge_rig_is_lost(rig, 201) && purge_rig_first(rig) > 1);
    purge_rig_free(rig);
}

/* ---- the forecast ---- */

static void the_report_says_how_long_the_room_lasts(void)
{
    struct purge_rig *rig = rig_with_files();
    struct purge_report report;

    purge_rig_add_applier(rig, 201, true, 0);
    rig->settings.max_bytes = store_bytes(rig) * 3;
    purge_rig_renew(rig);
    purger_report(rig->purger, &report);
    CHECK(report.hours_left < 0);
    purge_report_release(&report);
    for (int minute = 0; minute < FILES; minute++) {
        purge_rig_pass(rig, 60 * second);
        purge_rig_add_file(rig, 2);
        purger_look(rig->purger);
    }
    purger_report(rig->purger, &report);
    /* Twenty files of thirty, one a minute; the hard mark is at 95 percent. */
    CHECK(report.hours_left > 7.5 / 60 && report.hours_left < 9.5 / 60);
    purge_report_release(&report);
    purge_rig_free(rig);
}

static void the_report_says_what_is_needed_from_where(void)
{
    struct purge_rig *rig = rig_with_files();
    struct binlog_position wanted = purge_rig_end_of(rig, 70);
    struct purge_report report;

    purge_rig_add_applier(rig, 201, true, 0);
    purge_rig_report(rig, 201, 70);
    purge_rig_pin(rig, "backup-7", 110, 0);
    look(rig);
    purger_report(rig->purger, &report);
    CHECK(report.has_appliers && report.hold_count == 2 && report.holds[0].server_id == 201);
    CHECK(binlog_position_compare(report.low_water, wanted) == 0);
    CHECK(report.low_water_epoch == 70);
    CHECK(report.purged_files == 3);
    CHECK(report.purged_bytes == rig->file_bytes[1] + rig->file_bytes[2] + rig->file_bytes[3]);
    purge_report_release(&report);
    purge_rig_free(rig);
}

/* ---- the source ---- */

static void the_source_purges_what_is_durable_here_but_for_a_margin(void)
{
    struct purge_rig *rig = rig_with_files();

    purge_rig_add_applier(rig, 201, true, 0);
    look(rig);
    CHECK(rig->source_count == 0);
    rig->settings.purges_source = true;
    purge_rig_renew(rig);
    look(rig);
    look(rig);
    CHECK(rig->source_count == 1 && rig->source_files[0] == FILES - 2);
    purge_rig_add_file(rig, 1);
    look(rig);
    CHECK(rig->source_count == 2 && rig->source_files[1] == FILES - 1);
    CHECK(purge_rig_first(rig) == 1);
    purge_rig_free(rig);
}

static void a_source_that_does_not_purge_is_told_of_once_and_asked_again(void)
{
    struct purge_rig *rig = rig_with_files();

    rig->settings.purges_source = true;
    rig->is_source_away = true;
    purge_rig_renew(rig);
    purger_look(rig->purger);
    purger_look(rig->purger);
    CHECK(rig->source_count == 1);
    purge_rig_pass(rig, 600 * second);
    look(rig);
    CHECK(rig->source_count == 2);
    CHECK(purge_rig_count_events(rig, "source.purge_failed") == 1);
    rig->is_source_away = false;
    purge_rig_pass(rig, 600 * second);
    look(rig);
    look(rig);
    CHECK(rig->source_count == 3);
    purge_rig_free(rig);
}

/* ---- the thread ---- */

struct awaited {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t asked; /* the source was asked to purge up to here */
};

/* The last thing that a look does. */
static enum status note_asked(void *context, uint64_t file, struct error *error)
{
    struct awaited *awaited = context;

    (void)error;
    pthread_mutex_lock(&awaited->lock);
    awaited->asked = file;
    pthread_cond_signal(&awaited->changed);
    pthread_mutex_unlock(&awaited->lock);
    return STATUS_OK;
}

static void await(struct awaited *awaited, uint64_t file)
{
    pthread_mutex_lock(&awaited->lock);
    while (awaited->asked < file) {
        pthread_cond_wait(&awaited->changed, &awaited->lock);
    }
    pthread_mutex_unlock(&awaited->lock);
}

static void its_thread_looks_at_start_and_when_it_is_poked(void)
{
    struct purge_rig *rig = rig_with_files();
    struct awaited awaited = {.lock = PTHREAD_MUTEX_INITIALIZER,
                              .changed = PTHREAD_COND_INITIALIZER};
    struct purger_options options = rig->purger->options;
    struct purge_outcome outcome;
    struct purger *purger = NULL;
    struct error error;

    purge_rig_add_applier(rig, 201, true, 0);
    purge_rig_report(rig, 201, 70);
    options.settings.purges_source = true;
    options.links = (struct purger_links){.purge_source = note_asked, .context = &awaited};
    CHECK_OK(purger_start(&purger, &options, &error), &error);
    await(&awaited, FILES - 2);
    CHECK(purge_rig_first(rig) == 4);
    purge_rig_add_file(rig, 1);
    purge_rig_report(rig, 201, 110);
    purger_poke(purger);
    await(&awaited, FILES - 1);
    CHECK(purge_rig_first(rig) == 6);
    CHECK(purger_purge(purger, &(struct purge_request){.before_file = 8}, &outcome, &error) ==
          STATUS_DENIED);
    purge_outcome_release(&outcome);
    purger_stop(purger);
    CHECK(purger_purge(purger, &(struct purge_request){0}, &outcome, &error) == STATUS_CLOSED);
    purge_outcome_release(&outcome);
    purger_free(purger);
    purger_stop(NULL);
    purge_rig_free(rig);
}

int main(void)
{
    the_soft_mark_names_who_holds_what();
    the_pull_stops_at_the_hard_mark_and_goes_on_below_it();
    a_disk_that_others_fill_stops_the_pull_too();
    another_start_above_the_mark_stops_the_pull_again();
    young_files_that_nobody_needs_go_first();
    the_oldest_need_is_dropped_first_and_no_more_than_it_takes();
    when_nothing_is_left_to_drop_the_pull_stops();
    pins_and_streams_of_nobody_are_never_dropped();
    nobody_is_dropped_for_nothing();
    without_the_policy_nobody_is_dropped();
    while_the_disk_does_not_say_nobody_is_dropped();
    the_report_says_how_long_the_room_lasts();
    the_report_says_what_is_needed_from_where();
    the_source_purges_what_is_durable_here_but_for_a_margin();
    a_source_that_does_not_purge_is_told_of_once_and_asked_again();
    its_thread_looks_at_start_and_when_it_is_poked();
    return 0;
}
