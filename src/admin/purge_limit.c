/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store and its disk: warns at the soft mark, stops the pull at the hard
 * one. With drops_appliers, above the hard mark: first what nobody needs goes,
 * however young, then the applier with the oldest need loses its place. One
 * file at a time, and only until it is enough.
 */
#include <stdio.h>

#include "binrelay/base/log.h"
#include "purger_internal.h"

static const double bytes_per_mib = 1024.0 * 1024;

/* "812.0 of the 1000.0 MiB that it may take" */
struct fill_text {
    char text[80];
};

static struct fill_text text_of(const struct disk_sample *sample)
{
    struct fill_text shown;

    (void)snprintf(shown.text, sizeof(shown.text),
                   "the store has %.1f of the %.1f MiB that it may take",
                   (double)sample->store_bytes / bytes_per_mib,
                   (double)sample->limit_bytes / bytes_per_mib);
    return shown;
}

struct disk_sample purger_sample(struct purger *purger, uint64_t store_bytes)
{
    const struct purger_options *options = &purger->options;
    struct disk_sample sample = {.now_usec = clock_monotonic_usec(options->clock),
                                 .store_bytes = store_bytes};
    uint64_t max_bytes = 0;
    uint64_t free_bytes = 0;
    uint64_t all_bytes = 0;
    struct error error;

    if (disk_space(options->disk, options->directory, &free_bytes, &all_bytes, &error) !=
        STATUS_OK) {
        free_bytes = UINT64_MAX;
    }
    pthread_mutex_lock(&purger->lock);
    max_bytes = purger->settings.max_bytes;
    pthread_mutex_unlock(&purger->lock);
    sample.limit_bytes = disk_marks_limit(max_bytes, store_bytes, free_bytes);
    return sample;
}

/* ---- making room ---- */

/* As it would be with a look now. Where the disk does not say, nobody is to lose anything: it
 * could not be seen when it is enough. */
static bool is_too_full(struct purger *purger, const struct purge_view *view)
{
    struct disk_sample sample = purger_sample(purger, view->bytes);
    struct disk_marks marks;

    pthread_mutex_lock(&purger->lock);
    marks = purger->marks;
    pthread_mutex_unlock(&purger->lock);
    (void)disk_marks_look(&marks, &view->settings, &sample);
    return sample.limit_bytes != 0 && marks.is_above_hard;
}

/* Lets one file go that nobody needs, if there must be room. */
static bool make_room(struct purger *purger, struct purge_round *round)
{
    static const struct purge_ask ask = {.files = 1, .passes_age = true};
    struct purge_view view;
    struct error error;
    enum status status = STATUS_NOT_FOUND;

    purge_view_take(&view, purger);
    if (view.has_appliers && is_too_full(purger, &view) &&
        purge_plan_make(&view.scene, &ask).files == 1) {
        purge_warn_of_stranding(purger, &view);
        status = purge_oldest(purger, &view, round, &error);
        if (status != STATUS_OK) {
            purger_fail(purger, &purger->purging, "purge.failed", &error);
        }
    }
    purge_view_release(&view);
    return status == STATUS_OK;
}

/* Pins, and streams of nobody that is known, are never dropped. */
static bool may_drop(struct purger *purger, const struct log_hold *hold)
{
    return hold->is_applier ||
           (hold->server_id != 0 &&
            applier_registry_knows(purger->options.appliers, hold->server_id));
}

/* All that need the oldest file, or nobody: an applier is not dropped for nothing. */
static bool drop_oldest_need(struct purger *purger, const struct purge_view *view)
{
    size_t count = purge_plan_needs(&view->scene, 0);
    struct error error;

    for (size_t at = 0; at < count; at++) {
        if (!may_drop(purger, &view->holds[at])) {
            return false;
        }
    }
    if (purge_drop_holds(purger, view->holds, count, view->files[1].file,
                         "at the limit of the store", &error) != STATUS_OK) {
        purger_fail(purger, &purger->purging, "purge.failed", &error);
        return false;
    }
    return count > 0;
}

/* One need at a look: the file goes from the disk when those who read it have closed it. */
static bool drop(struct purger *purger)
{
    struct purge_view view;
    bool has_dropped = false;

    purge_view_take(&view, purger);
    if (view.has_appliers && view.scene.file_count > 1 && is_too_full(purger, &view)) {
        has_dropped = drop_oldest_need(purger, &view);
    }
    purge_view_release(&view);
    return has_dropped;
}

static void relieve(struct purger *purger)
{
    struct purge_round round = {0};

    while (!purger_is_stopping(purger) && make_room(purger, &round)) {
    }
    if (purger_may_try(purger, &purger->purging) && drop(purger)) {
        while (!purger_is_stopping(purger) && make_room(purger, &round)) {
        }
    }
    purge_round_tell(purger, &round, "purge.done", ", at the limit of the store");
}

/* ---- telling ---- */

static void tell_hard(struct purger *purger,
                      const struct purge_view *view,
                      const struct disk_sample *sample)
{
    const struct purger_links *links = &purger->options.links;
    char holders[PURGE_TEXT_BYTES];
    char reason[PURGE_TEXT_BYTES];

    (void)snprintf(reason, sizeof(reason), "%s, above the hard mark of %u %%; held by %.700s",
                   text_of(sample).text, view->settings.hard_percent,
                   purger_print_holds(purger, holders, view->holds, view->scene.hold_count));
    if (links->set_room != NULL) {
        links->set_room(links->context, false, reason);
    }
    purger_tell(purger, "disk.hard", "the pull stops: %s", reason);
}

static void tell_soft(struct purger *purger,
                      const struct purge_view *view,
                      const struct disk_sample *sample,
                      double hours_left)
{
    char holders[PURGE_TEXT_BYTES];
    char left[64] = "";

    if (hours_left > 0) {
        (void)snprintf(left, sizeof(left), ", %.1f hours to the hard one", hours_left);
    }
    purger_tell(purger, "disk.soft", "%s, above the soft mark of %u %%%s; held by %s",
                text_of(sample).text, view->settings.soft_percent, left,
                purger_print_holds(purger, holders, view->holds, view->scene.hold_count));
}

static void tell_ok(struct purger *purger, const struct disk_sample *sample)
{
    const struct purger_links *links = &purger->options.links;

    if (links->set_room != NULL) {
        links->set_room(links->context, true, "");
    }
    purger_tell(purger, "disk.ok", "%s: the pull goes on", text_of(sample).text);
}

/* Once; the marks stay as they are until somebody can say again. */
static void tell_unknown(struct purger *purger, bool is_unknown)
{
    if (is_unknown && !purger->is_disk_unknown) {
        log_warning("cluster %s: cannot tell how much room %s has", purger->options.cluster,
                    purger->options.directory);
    }
    purger->is_disk_unknown = is_unknown;
}

static void look(struct purger *purger, const struct purge_view *view)
{
    struct disk_sample sample = purger_sample(purger, view->bytes);
    unsigned changes = 0;
    double hours_left = 0;

    tell_unknown(purger, sample.limit_bytes == 0);
    pthread_mutex_lock(&purger->lock);
    if (purger->has_new_limits) {
        disk_marks_forget_growth(&purger->marks);
        purger->has_new_limits = false;
    }
    changes = disk_marks_look(&purger->marks, &view->settings, &sample);
    hours_left = disk_marks_hours_left(&purger->marks);
    pthread_mutex_unlock(&purger->lock);
    if ((changes & DISK_CHANGE_SOFT) != 0) {
        tell_soft(purger, view, &sample, hours_left);
    }
    if ((changes & DISK_CHANGE_HARD) != 0) {
        tell_hard(purger, view, &sample);
    }
    if ((changes & DISK_CHANGE_OK) != 0) {
        tell_ok(purger, &sample);
    }
}

void purge_at_limit(struct purger *purger)
{
    struct purge_view view;

    purge_view_take(&view, purger);
    if (view.settings.drops_appliers && is_too_full(purger, &view) &&
        purger_may_try(purger, &purger->purging)) {
        purge_view_release(&view);
        relieve(purger);
        purge_view_take(&view, purger);
    }
    look(purger, &view);
    purge_warn(purger, &view);
    purge_view_release(&view);
}
