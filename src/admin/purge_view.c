/* SPDX-License-Identifier: Apache-2.0 */
#include "purge_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binrelay/base/memory.h"
#include "binrelay/storage/epoch_locate.h"
#include "purger_internal.h"

/* ---- streams that were passed ---- */

void purge_view_give_up(struct purger *purger, const struct log_hold *hold, uint64_t before)
{
    struct given_up *entry = NULL;

    pthread_mutex_lock(&purger->lock);
    for (size_t at = 0; at < purger->given_up_count; at++) {
        if (strcmp(purger->given_up[at].who, hold->who) == 0) {
            entry = &purger->given_up[at];
        }
    }
    if (entry == NULL) {
        if (purger->given_up_count == purger->given_up_capacity) {
            purger->given_up = mem_grow(purger->given_up, &purger->given_up_capacity,
                                        sizeof(*purger->given_up));
        }
        entry = &purger->given_up[purger->given_up_count++];
        *entry = (struct given_up){0};
        (void)snprintf(entry->who, sizeof(entry->who), "%s", hold->who);
    }
    entry->before = before > entry->before ? before : entry->before;
    pthread_mutex_unlock(&purger->lock);
}

static bool is_of(const struct given_up *entry, const struct log_hold *hold)
{
    return strcmp(entry->who, hold->who) == 0 && hold->from.file < entry->before;
}

/* Under the lock. */
static bool is_given_up(const struct purger *purger, const struct log_hold *hold)
{
    for (size_t at = 0; at < purger->given_up_count; at++) {
        if (is_of(&purger->given_up[at], hold)) {
            return true;
        }
    }
    return false;
}

static bool is_in_use(const struct given_up *entry, const struct log_hold *holds, size_t count)
{
    for (size_t at = 0; at < count; at++) {
        if (is_of(entry, &holds[at])) {
            return true;
        }
    }
    return false;
}

/* Those that ended, or went on behind what is gone, need not be remembered. */
static size_t without_given_up(struct purger *purger, struct log_hold *holds, size_t count)
{
    size_t left = 0;
    size_t kept = 0;

    pthread_mutex_lock(&purger->lock);
    for (size_t at = 0; at < purger->given_up_count; at++) {
        if (is_in_use(&purger->given_up[at], holds, count)) {
            purger->given_up[kept++] = purger->given_up[at];
        }
    }
    purger->given_up_count = kept;
    for (size_t at = 0; at < count; at++) {
        if (!is_given_up(purger, &holds[at])) {
            holds[left++] = holds[at];
        }
    }
    pthread_mutex_unlock(&purger->lock);
    return left;
}

/* ---- what there is ---- */

static size_t take_streams(struct purger *purger,
                           const struct purge_settings *settings,
                           struct log_hold **holds)
{
    const struct purger_links *links = &purger->options.links;
    size_t count = 0;

    *holds = NULL;
    if (links->stream_holds != NULL) {
        count = links->stream_holds(links->context, settings->min_age_usec, holds);
    }
    return without_given_up(purger, *holds, count);
}

static bool has_appliers(struct purger *purger)
{
    struct applier_facts *facts = NULL;
    size_t count = applier_registry_list(purger->options.appliers, &facts);

    applier_facts_free(facts, count);
    return count > 0;
}

static void add_holds(struct purge_view *view, const struct log_hold *holds, size_t count)
{
    if (count > 0) {
        memcpy(view->holds + view->scene.hold_count, holds, count * sizeof(*holds));
        view->scene.hold_count += count;
    }
}

/* Who applied the last epoch of a file does not need the file. */
static void step_over_ends(struct purge_view *view, struct binlog_store *store)
{
    for (size_t at = 0; at < view->scene.hold_count; at++) {
        struct log_hold *hold = &view->holds[at];

        if (hold->epoch.epoch != 0) {
            hold->from = epoch_locate_beyond(store, hold->from);
        }
    }
}

static void take_holds(struct purge_view *view, struct purger *purger)
{
    const struct purger_options *options = &purger->options;
    autofree struct log_hold *appliers = NULL;
    autofree struct log_hold *pins = NULL;
    autofree struct log_hold *streams = NULL;
    size_t stream_count = take_streams(purger, &view->settings, &streams);
    size_t applier_count = applier_registry_holds(options->appliers, &appliers);
    size_t pin_count = pin_table_holds(options->pins, options->cluster, &pins);

    view->has_appliers = applier_count > 0 || has_appliers(purger);
    view->holds =
        mem_zeroed((applier_count + pin_count + stream_count + 1) * sizeof(*view->holds));
    add_holds(view, appliers, applier_count);
    add_holds(view, pins, pin_count);
    add_holds(view, streams, stream_count);
    step_over_ends(view, options->store);
    log_holds_sort(view->holds, view->scene.hold_count);
}

void purge_view_take(struct purge_view *view, struct purger *purger)
{
    *view = (struct purge_view){0};
    pthread_mutex_lock(&purger->lock);
    view->settings = purger->settings;
    pthread_mutex_unlock(&purger->lock);
    view->scene.file_count = binlog_files_list(purger->options.store, &view->files);
    take_holds(view, purger);
    view->scene.files = view->files;
    view->scene.holds = view->holds;
    view->scene.settings = &view->settings;
    view->scene.now_usec = clock_wall_usec(purger->options.clock);
    for (size_t at = 0; at < view->scene.file_count; at++) {
        view->bytes += view->files[at].bytes;
    }
}

void purge_view_release(struct purge_view *view)
{
    free(view->files);
    free(view->holds);
    *view = (struct purge_view){0};
}
