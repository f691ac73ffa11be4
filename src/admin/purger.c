/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/admin/purger.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "binrelay/base/memory.h"
#include "binrelay/storage/epoch_index.h"
#include "purger_internal.h"

enum {
    LOOK_USEC = 1000000,
    LOOK_FULL_USEC = 200000, /* above the soft mark, and until the store is recovered */
    LOOK_LEAST_USEC = 50000, /* however often it is poked */
    LOOK_SHARE = 20,         /* looks take a twentieth of the time at most ... */
    LOOK_POKED_SHARE = 2,    /* ... and half of it while everybody reports */
    LOOK_LONGEST_USEC = 10000000,
};

/* ---- who is in here ---- */

bool purger_enter(struct purger *purger)
{
    bool is_open = false;

    pthread_mutex_lock(&purger->lock);
    is_open = !purger->is_stopping;
    purger->users += is_open;
    pthread_mutex_unlock(&purger->lock);
    return is_open;
}

void purger_leave(struct purger *purger)
{
    pthread_mutex_lock(&purger->lock);
    purger->users--;
    pthread_cond_broadcast(&purger->passed);
    pthread_mutex_unlock(&purger->lock);
}

void purger_begin_turn(struct purger *purger)
{
    pthread_mutex_lock(&purger->lock);
    while (purger->is_in_turn) {
        pthread_cond_wait(&purger->passed, &purger->lock);
    }
    purger->is_in_turn = true;
    pthread_mutex_unlock(&purger->lock);
}

void purger_end_turn(struct purger *purger)
{
    pthread_mutex_lock(&purger->lock);
    purger->is_in_turn = false;
    pthread_cond_broadcast(&purger->passed);
    pthread_mutex_unlock(&purger->lock);
}

bool purger_is_stopping(struct purger *purger)
{
    bool is_stopping = false;

    pthread_mutex_lock(&purger->lock);
    is_stopping = purger->is_stopping;
    pthread_mutex_unlock(&purger->lock);
    return is_stopping;
}

/* ---- the thread ---- */

/* Of the system's clock, not of the options': the thread sleeps by it. */
static uint64_t now_usec(void)
{
    return clock_monotonic_usec(clock_system());
}

/* Under the lock. False: the time is over. */
static bool sleep_until(struct purger *purger, uint64_t until_usec)
{
    struct timespec until = {.tv_sec = (time_t)(until_usec / 1000000),
                             .tv_nsec = (long)(until_usec % 1000000 * 1000)};

    return pthread_cond_timedwait(&purger->woken, &purger->lock, &until) != ETIMEDOUT;
}

static uint64_t at_most(uint64_t usec, uint64_t most_usec)
{
    return usec < most_usec ? usec : most_usec;
}

/* False: it is to stop. A look that took long is followed by a longer rest. */
static bool wait_for_work(struct purger *purger, uint64_t began_usec)
{
    uint64_t ended_usec = now_usec();
    uint64_t took_usec = at_most(ended_usec - began_usec, LOOK_LONGEST_USEC / LOOK_SHARE);
    uint64_t rest_usec = 0;
    bool goes_on = true;
    bool is_empty = binlog_store_durable_end(purger->options.store).file == 0;

    pthread_mutex_lock(&purger->lock);
    rest_usec = purger->marks.is_above_soft || is_empty ? LOOK_FULL_USEC : LOOK_USEC;
    rest_usec = took_usec * LOOK_SHARE > rest_usec ? took_usec * LOOK_SHARE : rest_usec;
    while (!purger->is_stopping && !purger->is_poked &&
           sleep_until(purger, ended_usec + rest_usec)) {
    }
    while (!purger->is_stopping &&
           sleep_until(purger, ended_usec + LOOK_LEAST_USEC + took_usec * LOOK_POKED_SHARE)) {
    }
    purger->is_poked = false;
    goes_on = !purger->is_stopping;
    pthread_mutex_unlock(&purger->lock);
    return goes_on;
}

static void *run_thread(void *context)
{
    struct purger *purger = context;
    uint64_t began_usec = 0;

    do {
        began_usec = now_usec();
        purger_look(purger);
    } while (wait_for_work(purger, began_usec));
    return NULL;
}

/* Signals are the control thread's: no other thread may be chosen for them. */
static enum status start_thread(struct purger *purger, struct error *error)
{
    sigset_t all;
    sigset_t before;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    errno = pthread_create(&purger->thread, NULL, run_thread, purger);
    if (errno != 0) {
        error_set_errno(error, "start the purger's thread");
    }
    purger->is_started = errno == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!purger->is_started) {
        return error->status;
    }
    (void)pthread_setname_np(purger->thread, "purger"); /* only a name */
    return STATUS_OK;
}

/* ---- life ---- */

struct purger *purger_new(const struct purger_options *options)
{
    struct purger *purger = mem_zeroed(sizeof(*purger));
    pthread_condattr_t monotonic;

    purger->options = *options;
    purger->options.cluster = mem_text(options->cluster);
    purger->options.directory = mem_text(options->directory);
    purger->settings = options->settings;
    (void)pthread_mutex_init(&purger->lock, NULL); /* none of these can fail on Linux */
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&purger->woken, &monotonic);
    (void)pthread_cond_init(&purger->passed, NULL);
    (void)pthread_condattr_destroy(&monotonic);
    return purger;
}

void purger_free(struct purger *purger)
{
    if (purger == NULL) {
        return;
    }
    purger_stop(purger);
    (void)pthread_cond_destroy(&purger->woken);
    (void)pthread_cond_destroy(&purger->passed);
    (void)pthread_mutex_destroy(&purger->lock);
    free((char *)purger->options.cluster);
    free((char *)purger->options.directory);
    free(purger->given_up);
    free(purger->stranding.server_ids);
    free(purger->lost.server_ids);
    free(purger);
}

enum status purger_start(struct purger **made,
                         const struct purger_options *options,
                         struct error *error)
{
    struct purger *purger = purger_new(options);
    enum status status = start_thread(purger, error);

    if (status != STATUS_OK) {
        purger_free(purger);
        return status;
    }
    *made = purger;
    return STATUS_OK;
}

void purger_stop(struct purger *purger)
{
    if (purger == NULL) {
        return;
    }
    pthread_mutex_lock(&purger->lock);
    purger->is_stopping = true;
    pthread_cond_signal(&purger->woken);
    pthread_mutex_unlock(&purger->lock);
    if (purger->is_started) {
        (void)pthread_join(purger->thread, NULL);
        purger->is_started = false;
    }
    pthread_mutex_lock(&purger->lock);
    while (purger->users > 0) {
        pthread_cond_wait(&purger->passed, &purger->lock);
    }
    pthread_mutex_unlock(&purger->lock);
}

void purger_set_settings(struct purger *purger, const struct purge_settings *settings)
{
    pthread_mutex_lock(&purger->lock);
    purger->has_new_limits = purger->has_new_limits ||
                             purger->settings.max_bytes != settings->max_bytes ||
                             purger->settings.hard_percent != settings->hard_percent;
    purger->settings = *settings;
    pthread_mutex_unlock(&purger->lock);
    purger_poke(purger);
}

void purger_poke(struct purger *purger)
{
    pthread_mutex_lock(&purger->lock);
    purger->is_poked = true;
    pthread_cond_signal(&purger->woken);
    pthread_mutex_unlock(&purger->lock);
}

/* ---- the report ---- */

/* The last epoch that ends at or in front of a place, as far as the index goes back. */
static uint64_t find_epoch_at(struct binlog_store *store, struct binlog_position place)
{
    struct epoch_place found;
    struct epoch_summary summary;
    struct error error;

    if (epoch_index_summary(store, &summary, &error) != STATUS_OK) {
        return 0;
    }
    if (epoch_index_by_position(store, place, &found, &error) != STATUS_OK) {
        return summary.last.key.epoch;
    }
    if (epoch_key_compare(found.key, summary.first.key) <= 0 || found.key.epoch == 0) {
        return 0;
    }
    found.key.epoch--;
    return epoch_index_at_or_before(store, found.key, &found, &error) == STATUS_OK
               ? found.key.epoch
               : 0;
}

static void report_low_water(struct purger *purger,
                             const struct purge_view *view,
                             struct purge_report *report)
{
    const struct log_hold *lowest = view->scene.hold_count > 0 ? &view->holds[0] : NULL;

    if (lowest != NULL) {
        report->low_water = lowest->from;
    } else if (view->has_appliers) {
        report->low_water = binlog_store_durable_end(purger->options.store);
    }
    if (lowest != NULL && lowest->epoch.epoch != 0) {
        report->low_water_epoch = lowest->epoch.epoch;
    } else if (report->low_water.file != 0) {
        report->low_water_epoch = find_epoch_at(purger->options.store, report->low_water);
    }
}

static void report_needs(struct purger *purger, struct purge_report *report)
{
    struct purge_view view;

    purge_view_take(&view, purger);
    report_low_water(purger, &view, report);
    report->has_appliers = view.has_appliers;
    report->hold_count = view.scene.hold_count;
    report->holds = view.holds;
    view.holds = NULL; /* the report's now */
    report->store_bytes = view.bytes;
    report->limit_bytes = purger_sample(purger, view.bytes).limit_bytes;
    purge_view_release(&view);
}

void purger_report(struct purger *purger, struct purge_report *report)
{
    *report = (struct purge_report){0};
    if (purger_enter(purger)) {
        report_needs(purger, report);
        purger_leave(purger);
    }
    pthread_mutex_lock(&purger->lock);
    report->hours_left = disk_marks_hours_left(&purger->marks);
    report->is_above_soft = purger->marks.is_above_soft;
    report->is_above_hard = purger->marks.is_above_hard;
    report->purged_files = purger->purged_files;
    report->purged_bytes = purger->purged_bytes;
    pthread_mutex_unlock(&purger->lock);
}

void purge_report_release(struct purge_report *report)
{
    free(report->holds);
    *report = (struct purge_report){0};
}
