/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A purge that somebody asks for. What is asked is turned into a file number
 * at once, so that files which come or go meanwhile do not change it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binrelay/base/memory.h"
#include "binrelay/storage/epoch_index.h"
#include "binrelay/storage/epoch_locate.h"
#include "purger_internal.h"

enum { FORCE_MOST_LOOKS = 3 };

/* What runs. */
struct by_hand {
    struct purger *purger;               /* borrowed, as the next two */
    const struct purge_request *request; /* as it was asked */
    struct purge_outcome *outcome;
    size_t loser_capacity; /* of the outcome's lists */
    size_t blocker_capacity;
    uint64_t before; /* files in front of this number are asked for */
    bool is_strict;  /* something is named: all of it that is old enough, or nothing */
    struct binlog_position passed; /* to_epoch: where it ends; else {0, 0} */
    unsigned looks;                /* by force: since the last file went */
};

/* ---- what is asked for ---- */

/* Where the last epoch ends in front of the first one above the number. {0, 0}: there is none.
 * By number alone: where a cluster was started anew and counts again from a small one, nothing
 * is asked for behind the first that is larger. An index that cannot be read is an error: what
 * is above the number is not known then. */
static enum status find_end_of(struct binlog_store *store,
                               uint64_t epoch,
                               struct binlog_position *end,
                               struct error *error)
{
    struct epoch_summary summary;
    struct epoch_place above = {0};
    struct epoch_place last;
    struct epoch_key key;
    enum status status = epoch_index_summary(store, &summary, error);

    *end = (struct binlog_position){0};
    if (status != STATUS_OK) {
        return status == STATUS_NOT_FOUND ? STATUS_OK : status;
    }
    key = (struct epoch_key){summary.first.key.incarnation, epoch + 1};
    while (epoch < UINT64_MAX && status == STATUS_OK) {
        status = epoch_index_at_or_after(store, key, &above, error);
        if (status == STATUS_OK && above.key.incarnation == key.incarnation) {
            key.epoch = epoch;
            status = epoch_index_at_or_before(store, key, &last, error);
            *end = status == STATUS_OK ? last.end : *end;
            return status == STATUS_NOT_FOUND ? STATUS_OK : status;
        }
        key.incarnation = above.key.incarnation;
    }
    *end = summary.last.end;
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

/* A file that is gone already is fine: who asks may ask again. */
static enum status find_file(struct by_hand *by_hand,
                             const struct purge_scene *scene,
                             size_t *count,
                             struct error *error)
{
    uint64_t file = by_hand->request->before_file;
    char name[BINLOG_NAME_BYTES];
    size_t before = purge_count_before_file(scene, file);

    if (before == scene->file_count) {
        binlog_name_print(name, binlog_store_log_name(by_hand->purger->options.store), file);
        return error_set(error, STATUS_NOT_FOUND, "there is no file %s", name);
    }
    *count = before < *count ? before : *count;
    return STATUS_OK;
}

static enum status find_epoch(struct by_hand *by_hand,
                              const struct purge_scene *scene,
                              size_t *count,
                              struct error *error)
{
    struct purger *purger = by_hand->purger;
    struct binlog_position end;
    size_t to = 0;

    if (epoch_index_rules(purger->options.store).kind == EPOCH_KIND_NONE) {
        return error_set(error, STATUS_INVALID, "cluster %s has no epochs",
                         purger->options.cluster);
    }
    if (find_end_of(purger->options.store, by_hand->request->to_epoch, &end, error) !=
        STATUS_OK) {
        return error_wrap(error, "where epoch %" PRIu64 " ends is not known",
                          by_hand->request->to_epoch);
    }
    by_hand->passed = epoch_locate_beyond(purger->options.store, end);
    while (to < *count && purge_file_is_below(&scene->files[to], by_hand->passed)) {
        to++;
    }
    *count = to;
    return STATUS_OK;
}

static enum status find_asked(struct by_hand *by_hand,
                              const struct purge_scene *scene,
                              struct error *error)
{
    const struct purge_request *request = by_hand->request;
    size_t count = scene->file_count == 0 ? 0 : scene->file_count - 1; /* never the newest */
    enum status status = STATUS_OK;

    by_hand->is_strict =
        request->before_file != 0 || request->to_epoch != 0 || request->before_usec != 0;
    if (request->before_file != 0) {
        status = find_file(by_hand, scene, &count, error);
    }
    if (status == STATUS_OK && request->to_epoch != 0) {
        status = find_epoch(by_hand, scene, &count, error);
    }
    if (status == STATUS_OK && request->before_usec != 0) {
        size_t before = purge_count_before_time(scene, request->before_usec);

        count = before < count ? before : count;
    }
    by_hand->before = scene->file_count == 0 ? 0 : scene->files[count].file;
    return status;
}

/* How many of the files that are there now were asked for. */
static size_t count_asked(const struct by_hand *by_hand, const struct purge_scene *scene)
{
    return purge_count_before_file(scene, by_hand->before);
}

/* ---- the outcome ---- */

static void add_hold(struct log_hold **holds,
                     size_t *count,
                     size_t *capacity,
                     const struct log_hold *hold)
{
    for (size_t at = 0; at < *count; at++) {
        if (strcmp((*holds)[at].who, hold->who) == 0) {
            return;
        }
    }
    if (*count == *capacity) {
        *holds = mem_grow(*holds, capacity, sizeof(**holds));
    }
    (*holds)[(*count)++] = *hold;
}

static void add_losers(struct by_hand *by_hand, const struct log_hold *holds, size_t count)
{
    struct purge_outcome *outcome = by_hand->outcome;

    for (size_t at = 0; at < count; at++) {
        add_hold(&outcome->losers, &outcome->loser_count, &by_hand->loser_capacity, &holds[at]);
    }
}

static void add_blockers(struct by_hand *by_hand, const struct log_hold *holds, size_t count)
{
    struct purge_outcome *outcome = by_hand->outcome;

    for (size_t at = 0; at < count; at++) {
        add_hold(&outcome->blockers, &outcome->blocker_count, &by_hand->blocker_capacity,
                 &holds[at]);
    }
}

/* A setting keeps a file, too. */
static void add_setting(struct by_hand *by_hand,
                        const struct binlog_file_facts *file,
                        const char *setting,
                        const char *why)
{
    char name[BINLOG_NAME_BYTES];
    struct log_hold hold = {.from = {file->file, 0}};

    binlog_name_print(name, binlog_store_log_name(by_hand->purger->options.store), file->file);
    (void)snprintf(hold.who, sizeof(hold.who), "the setting %s", setting);
    (void)snprintf(hold.why, sizeof(hold.why), "%s %s", name, why);
    add_blockers(by_hand, &hold, 1);
}

/* Who keeps the first of the files that were asked for and stay. */
static void note_blockers(struct by_hand *by_hand,
                          const struct purge_view *view,
                          const struct purge_plan *plan)
{
    if (plan->stop == PURGE_STOP_NEEDED) {
        add_blockers(by_hand, view->holds, purge_plan_needs(&view->scene, plan->files));
    } else if (plan->stop == PURGE_STOP_YOUNG) {
        add_setting(by_hand, &view->files[plan->files], "min_age", "was written not long ago");
    } else if (plan->stop == PURGE_STOP_KEPT) {
        add_setting(by_hand, &view->files[plan->files], "min_files", "is among the newest");
    }
}

static void note_plan(struct by_hand *by_hand,
                      const struct purge_view *view,
                      const struct purge_plan *plan)
{
    struct purge_outcome *outcome = by_hand->outcome;

    outcome->files = plan->files;
    outcome->bytes = plan->bytes;
    outcome->first = view->scene.file_count == 0 ? 0 : view->files[plan->files].file;
}

/* What really went. */
static void note_round(struct by_hand *by_hand, const struct purge_round *round)
{
    struct binlog_file_facts *files = NULL;
    size_t count = binlog_files_list(by_hand->purger->options.store, &files);

    by_hand->outcome->files = round->files;
    by_hand->outcome->bytes = round->bytes;
    by_hand->outcome->first = count == 0 ? 0 : files[0].file;
    free(files);
}

/* ---- by the rules ---- */

/* Lets one file go. *is_done: there is no other that may. */
static enum status obey_once(struct by_hand *by_hand,
                             struct purge_round *round,
                             bool *is_done,
                             struct error *error)
{
    struct purge_view view;
    struct purge_plan plan;
    enum status status = STATUS_OK;

    purge_view_take(&view, by_hand->purger);
    plan = purge_plan_make(&view.scene,
                           &(struct purge_ask){.files = count_asked(by_hand, &view.scene)});
    *is_done = plan.files == 0;
    if (*is_done) {
        note_blockers(by_hand, &view, &plan);
    } else {
        purge_warn_of_stranding(by_hand->purger, &view);
        status = purge_oldest(by_hand->purger, &view, round, error);
    }
    purge_view_release(&view);
    return status;
}

/* Not all that was asked for is gone. */
static enum status break_off(const struct by_hand *by_hand,
                             const struct purge_round *round,
                             struct error *error)
{
    return error_set(error, STATUS_CLOSED,
                     "cluster %s: the relay is stopping; %" PRIu64 " files are gone",
                     by_hand->purger->options.cluster, round->files);
}

static enum status obey(struct by_hand *by_hand, struct error *error)
{
    struct purge_round round = {0};
    bool is_done = false;
    enum status status = STATUS_OK;

    while (status == STATUS_OK && !is_done && !purger_is_stopping(by_hand->purger)) {
        status = obey_once(by_hand, &round, &is_done, error);
    }
    if (status == STATUS_OK && !is_done) {
        status = break_off(by_hand, &round, error);
    }
    note_round(by_hand, &round);
    purge_round_tell(by_hand->purger, &round, "purge.done", ", by hand");
    return status;
}

/* An epoch that somebody needs is not passed, even where its file stays. Streams need bytes. */
static bool is_in_the_way(const struct by_hand *by_hand,
                          const struct purge_view *view,
                          size_t asked,
                          const struct log_hold *hold)
{
    bool knows_epochs = hold->is_applier || hold->epoch.epoch != 0;

    return (asked > 0 && !purge_file_is_below(&view->files[asked - 1], hold->from)) ||
           (knows_epochs && binlog_position_compare(hold->from, by_hand->passed) < 0);
}

static enum status deny(struct by_hand *by_hand, struct error *error)
{
    const struct purge_outcome *outcome = by_hand->outcome;
    char holders[PURGE_TEXT_BYTES];

    if (by_hand->request->is_dry_run) {
        return STATUS_OK; /* that nothing would go, and why, is what was asked */
    }
    return error_set(error, STATUS_DENIED, "what is to be purged is needed by %s",
                     purger_print_holds(by_hand->purger, holders, outcome->blockers,
                                        outcome->blocker_count));
}

static enum status check(struct by_hand *by_hand,
                         const struct purge_view *view,
                         struct error *error)
{
    size_t asked = count_asked(by_hand, &view->scene);
    struct purge_plan plan = purge_plan_make(&view->scene, &(struct purge_ask){.files = asked});

    for (size_t at = 0; by_hand->is_strict && at < view->scene.hold_count; at++) {
        if (is_in_the_way(by_hand, view, asked, &view->holds[at])) {
            add_blockers(by_hand, &view->holds[at], 1);
        }
    }
    if (by_hand->outcome->blocker_count > 0) {
        return deny(by_hand, error);
    }
    if (by_hand->request->is_dry_run) {
        note_plan(by_hand, view, &plan);
        note_blockers(by_hand, view, &plan);
    }
    return STATUS_OK;
}

/* ---- by force ---- */

static const struct purge_ask by_force = {
    .files = SIZE_MAX, .passes_age = true, .passes_needs = true};

static void plan_by_force(struct by_hand *by_hand, const struct purge_view *view)
{
    size_t asked = count_asked(by_hand, &view->scene);
    struct purge_ask ask = by_force;
    struct purge_plan plan;

    ask.files = asked;
    plan = purge_plan_make(&view->scene, &ask);
    note_plan(by_hand, view, &plan);
    if (asked > 0) {
        add_losers(by_hand, view->holds, purge_plan_needs(&view->scene, asked - 1));
    }
}

static bool has_applier(const struct log_hold *holds, size_t count)
{
    for (size_t at = 0; at < count; at++) {
        if (holds[at].is_applier) {
            return true;
        }
    }
    return false;
}

/*
 * Lets one file go. All who need any of the files lose their place in front of
 * the first one, durably; and again before each, for a stream that was not yet
 * ended may have given its applier a place. Whose report came in between is
 * seen by another look, but nobody holds up a purge by reporting all the time.
 */
static enum status force_once(struct by_hand *by_hand,
                              struct purge_round *round,
                              bool *is_done,
                              struct error *error)
{
    struct purge_view view;
    size_t asked = 0;
    size_t needs = 0;
    enum status status = STATUS_OK;

    purge_view_take(&view, by_hand->purger);
    asked = count_asked(by_hand, &view.scene);
    *is_done = asked == 0;
    if (asked > 0) {
        needs = purge_plan_needs(&view.scene, asked - 1);
        add_losers(by_hand, view.holds, needs);
        status = purge_drop_holds(by_hand->purger, view.holds, needs, by_hand->before,
                                  "by force", error);
    }
    if (has_applier(view.holds, needs) && by_hand->looks < FORCE_MOST_LOOKS) {
        by_hand->looks++;
    } else if (asked > 0 && status == STATUS_OK) {
        by_hand->looks = 0;
        purge_warn_of_stranding(by_hand->purger, &view);
        status = purge_oldest(by_hand->purger, &view, round, error);
    }
    purge_view_release(&view);
    return status;
}

/* A stream that was still there may have given an applier a place in what is gone now. */
static enum status lose_again(struct by_hand *by_hand, struct error *error)
{
    struct purger *purger = by_hand->purger;
    struct log_hold *holds = NULL;
    size_t count = applier_registry_holds(purger->options.appliers, &holds);
    enum status status = STATUS_OK;

    for (size_t at = 0; status == STATUS_OK && at < count; at++) {
        if (holds[at].from.file != 0 && holds[at].from.file < by_hand->before) {
            status =
                purge_drop_holds(purger, &holds[at], 1, by_hand->before, "by force", error);
        }
    }
    free(holds);
    return status;
}

static enum status force(struct by_hand *by_hand, struct error *error)
{
    struct purge_outcome *outcome = by_hand->outcome;
    struct purge_round round = {0};
    char holders[PURGE_TEXT_BYTES];
    autofree char *how = NULL;
    bool is_done = false;
    enum status status = STATUS_OK;

    while (status == STATUS_OK && !is_done && !purger_is_stopping(by_hand->purger)) {
        status = force_once(by_hand, &round, &is_done, error);
    }
    if (status == STATUS_OK && outcome->loser_count > 0) {
        status = lose_again(by_hand, error);
    }
    if (status == STATUS_OK && !is_done) {
        status = break_off(by_hand, &round, error);
    }
    note_round(by_hand, &round);
    how =
        mem_format("; needed by %s", purger_print_holds(by_hand->purger, holders,
                                                        outcome->losers, outcome->loser_count));
    purge_round_tell(by_hand->purger, &round, "purge.forced", how);
    return status;
}

/* ---- asking ---- */

static enum status plan_request(struct by_hand *by_hand, struct error *error)
{
    struct purge_view view;
    enum status status = STATUS_OK;

    purge_view_take(&view, by_hand->purger);
    note_plan(by_hand, &view, &(struct purge_plan){0});
    status = find_asked(by_hand, &view.scene, error);
    if (status == STATUS_OK && by_hand->request->is_forced) {
        plan_by_force(by_hand, &view);
    } else if (status == STATUS_OK) {
        status = check(by_hand, &view, error);
    }
    purge_view_release(&view);
    return status;
}

static enum status run(struct by_hand *by_hand, struct error *error)
{
    enum status status = STATUS_OK;

    purger_begin_turn(by_hand->purger);
    status = plan_request(by_hand, error);
    if (status == STATUS_OK && !by_hand->request->is_dry_run) {
        status = by_hand->request->is_forced ? force(by_hand, error) : obey(by_hand, error);
    }
    purger_end_turn(by_hand->purger);
    return status;
}

enum status purger_purge(struct purger *purger,
                         const struct purge_request *request,
                         struct purge_outcome *outcome,
                         struct error *error)
{
    struct by_hand by_hand = {.purger = purger, .request = request, .outcome = outcome};
    enum status status = STATUS_OK;

    *outcome = (struct purge_outcome){0};
    if (!purger_enter(purger)) {
        return error_set(error, STATUS_CLOSED, "cluster %s: the relay is stopping",
                         purger->options.cluster);
    }
    status = run(&by_hand, error);
    purger_poke(purger);
    purger_leave(purger);
    return status;
}

void purge_outcome_release(struct purge_outcome *outcome)
{
    free(outcome->losers);
    free(outcome->blockers);
    *outcome = (struct purge_outcome){0};
}
