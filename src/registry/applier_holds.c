/* SPDX-License-Identifier: Apache-2.0 */
/* What each applier holds. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "applier_place.h"
#include "binrelay/base/memory.h"

enum { USEC_IN_SEC = 1000000 };

/* What somebody reported, and the place behind it. */
struct report {
    const struct applier *applier; /* borrowed; NULL: it did not report */
    struct binlog_position place;
};

struct holder {
    const struct applier_scope *scope;
    const struct applier *appliers;
    size_t count;
    struct report *reports; /* owned: of each applier */
    struct report
        *groups; /* owned: of those with a group, by group and place; the next of them */
    size_t group_count;
    struct applier_time now;
};

/* ---- places ---- */

static struct report report_of(const struct applier_scope *scope, const struct applier *applier)
{
    const struct applier_facts *facts = &applier->facts;
    struct report report = {0};

    /* Where something of it is not here any more, the place is that of all that is. */
    if (facts->applied.epoch != 0) {
        report.applier = applier;
        (void)applier_place_of_epoch(scope->store, facts->applied, &report.place);
    } else if (facts->applied_gtids != NULL) {
        report.applier = applier;
        (void)applier_place_of_gtids(scope->store, facts->applied_gtids, &report.place);
    }
    return report;
}

static int compare_reports(const void *left, const void *right)
{
    const struct report *one = left;
    const struct report *other = right;
    int order = strcmp(one->applier->facts.group, other->applier->facts.group);

    if (order == 0) {
        order = binlog_position_compare(one->place, other->place);
    }
    return order != 0
               ? order
               : epoch_key_compare(one->applier->facts.applied, other->applier->facts.applied);
}

static void find_reports(struct holder *holder, bool shares_groups)
{
    for (size_t at = 0; at < holder->count; at++) {
        const struct applier *applier = &holder->appliers[at];

        holder->reports[at] = report_of(holder->scope, applier);
        if (shares_groups && applier->facts.group[0] != '\0' &&
            holder->reports[at].applier != NULL) {
            holder->groups[holder->group_count++] = holder->reports[at];
        }
    }
    if (holder->group_count > 1) {
        qsort(holder->groups, holder->group_count, sizeof(struct report), compare_reports);
    }
}

/* The one of the group that is furthest; NULL: nobody of it reported. */
static const struct report *find_of_group(const struct holder *holder, const char *group)
{
    size_t low = 0;
    size_t high = holder->group_count;

    while (low < high) { /* what is below low is not behind the group */
        size_t middle = low + (high - low) / 2;

        if (strcmp(holder->groups[middle].applier->facts.group, group) <= 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low > 0 && strcmp(holder->groups[low - 1].applier->facts.group, group) == 0
               ? &holder->groups[low - 1]
               : NULL;
}

/* Whose report counts for it: its own, or that of its group. NULL: none. */
static const struct report *find_report(const struct holder *holder, size_t at)
{
    const struct applier *applier = &holder->appliers[at];
    const struct report *of_group =
        applier->facts.group[0] == '\0' ? NULL : find_of_group(holder, applier->facts.group);

    if (of_group != NULL) {
        return of_group;
    }
    /* What it reported before it lost its place says no more what it needs. */
    return holder->reports[at].applier != NULL && applier->regained.file == 0
               ? &holder->reports[at]
               : NULL;
}

/* ---- texts ---- */

static void tell_report(const struct holder *holder,
                        const struct applier *applier,
                        const struct report *report,
                        struct log_hold *hold)
{
    const struct applier_facts *facts = &report->applier->facts;
    uint64_t now_usec = holder->now.wall_usec;
    uint64_t age =
        now_usec > facts->reported_usec ? (now_usec - facts->reported_usec) / USEC_IN_SEC : 0;
    char whose[40] = "";
    char what[40] = "executed GTIDs";

    if (report->applier != applier) {
        (void)snprintf(whose, sizeof(whose), "its group by applier %" PRIu32 ": ",
                       facts->server_id);
    }
    if (facts->applied.epoch != 0) {
        (void)snprintf(what, sizeof(what), "applied epoch %" PRIu64, facts->applied.epoch);
    }
    (void)snprintf(hold->why, sizeof(hold->why), "%s%s, reported %" PRIu64 " s ago by %s",
                   whose, what, age, report_way_name(facts->way));
}

static void tell_who(const struct applier_facts *facts, struct log_hold *hold)
{
    if (facts->group[0] == '\0') {
        (void)snprintf(hold->who, sizeof(hold->who), "applier %" PRIu32, facts->server_id);
    } else {
        (void)snprintf(hold->who, sizeof(hold->who), "applier %" PRIu32 " (group %s)",
                       facts->server_id, facts->group);
    }
}

/* ---- holds ---- */

/* Of one for which nobody reported. False: it holds nothing. */
static bool hold_unreported(const struct applier *applier, struct log_hold *hold)
{
    const struct applier_facts *facts = &applier->facts;
    const char *why = NULL;

    if (applier->regained.file != 0) {
        why = "lost its place, went on here and did not report since";
        hold->from = applier->regained;
    } else if (facts->is_required) {
        why = "is required and never reported";
    } else if (facts->sent.file != 0) {
        why = facts->streams > 0 ? "has a stream and never reported"
                                 : "had a stream and never reported";
        hold->from = facts->sent;
    } else if (facts->origin == APPLIER_REGISTERED) {
        why = "registered, and no stream of it began yet";
    } else {
        return false; /* it is only listed */
    }
    (void)snprintf(hold->why, sizeof(hold->why), "%s", why);
    return true;
}

static bool hold_of(const struct holder *holder, size_t at, struct log_hold *hold)
{
    const struct applier *applier = &holder->appliers[at];
    const struct report *report = NULL;

    if (applier_state_at(applier, holder->now) == APPLIER_EXPIRED) {
        return false;
    }
    *hold = (struct log_hold){.server_id = applier->facts.server_id, .is_applier = true};
    tell_who(&applier->facts, hold);
    report = find_report(holder, at);
    if (report == NULL) {
        return hold_unreported(applier, hold);
    }
    hold->from = report->place;
    hold->epoch = report->applier->facts.applied;
    tell_report(holder, applier, report, hold);
    return true;
}

size_t applier_holds(const struct applier_scope *scope,
                     const struct applier *appliers,
                     size_t count,
                     bool shares_groups,
                     struct applier_time now,
                     struct log_hold **holds)
{
    struct holder holder = {
        .scope = scope,
        .appliers = appliers,
        .count = count,
        .reports = mem_zeroed((count + 1) * sizeof(struct report)),
        .groups = mem_zeroed((count + 1) * sizeof(struct report)),
        .now = now,
    };
    struct log_hold *found = mem_zeroed((count + 1) * sizeof(*found));
    size_t held = 0;

    find_reports(&holder, shares_groups);
    for (size_t at = 0; at < count; at++) {
        if (hold_of(&holder, at, &found[held])) {
            held++;
        }
    }
    log_holds_sort(found, held);
    free(holder.reports);
    free(holder.groups);
    *holds = found;
    return held;
}
