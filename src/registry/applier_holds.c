/* SPDX-License-Identifier: Apache-2.0 */
/* What each applier holds. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "applier_place.h"
#include "binrelay/base/memory.h"

enum { USEC_IN_SEC = 1000000 };

struct holder {
    const struct applier_scope *scope;
    const struct applier *appliers;
    size_t count;
    bool shares_groups;
    struct applier_time now;
};

/* "3 s ago by poll" */
struct report_text {
    char text[48];
};

static struct report_text text_of_report(const struct applier_facts *facts,
                                         struct applier_time now)
{
    uint64_t age =
        now.wall_usec > facts->reported_usec ? now.wall_usec - facts->reported_usec : 0;
    struct report_text shown;

    (void)snprintf(shown.text, sizeof(shown.text), "%" PRIu64 " s ago by %s", age / USEC_IN_SEC,
                   report_way_name(facts->way));
    return shown;
}

static bool has_reported(const struct applier_facts *facts)
{
    return facts->applied.epoch != 0 || facts->applied_gtids != NULL;
}

static struct binlog_position place_of_report(const struct holder *holder,
                                              const struct applier_facts *facts)
{
    struct binlog_position place;

    /* Where something of it is not here, the place is that of all that is. */
    if (facts->applied.epoch != 0) {
        (void)applier_place_of_epoch(holder->scope->store, facts->applied, &place);
    } else {
        (void)applier_place_of_gtids(holder->scope->store, facts->applied_gtids, &place);
    }
    return place;
}

/* Whose report counts for it: its own, or the one of its group that is furthest. NULL: none. */
static const struct applier_facts *find_report(const struct holder *holder,
                                               const struct applier *applier,
                                               struct binlog_position *place)
{
    const struct applier_facts *furthest = NULL;

    if (has_reported(&applier->facts) && applier->regained.file == 0) {
        furthest = &applier->facts;
        *place = place_of_report(holder, furthest);
    }
    if (!holder->shares_groups || applier->facts.group[0] == '\0') {
        return furthest;
    }
    for (size_t at = 0; at < holder->count; at++) {
        const struct applier_facts *other = &holder->appliers[at].facts;
        struct binlog_position others;

        if (other == &applier->facts || !has_reported(other) ||
            strcmp(other->group, applier->facts.group) != 0) {
            continue;
        }
        others = place_of_report(holder, other);
        if (furthest == NULL || binlog_position_compare(others, *place) > 0) {
            furthest = other;
            *place = others;
        }
    }
    return furthest;
}

static void tell_report(const struct holder *holder,
                        const struct applier *applier,
                        const struct applier_facts *report,
                        struct log_hold *hold)
{
    bool is_own = report == &applier->facts;
    char whose[40] = "";

    hold->epoch = report->applied;
    if (!is_own) {
        (void)snprintf(whose, sizeof(whose), "its group by applier %" PRIu32 ": ",
                       report->server_id);
    }
    if (report->applied.epoch != 0) {
        (void)snprintf(hold->why, sizeof(hold->why), "%sapplied epoch %" PRIu64 ", reported %s",
                       whose, report->applied.epoch, text_of_report(report, holder->now).text);
    } else {
        (void)snprintf(hold->why, sizeof(hold->why), "%sexecuted GTIDs, reported %s", whose,
                       text_of_report(report, holder->now).text);
    }
}

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
        why = facts->streams > 0 ? "has a stream, never reported"
                                 : "had a stream, never reported";
        hold->from = facts->sent;
    } else if (facts->origin == APPLIER_REGISTERED) {
        why = "registered, and no stream of it began yet";
    } else {
        return false; /* it is only listed */
    }
    (void)snprintf(hold->why, sizeof(hold->why), "%s", why);
    return true;
}

static bool hold_of(const struct holder *holder,
                    const struct applier *applier,
                    struct log_hold *hold)
{
    const struct applier_facts *facts = &applier->facts;
    const struct applier_facts *report = NULL;

    if (applier_state_at(applier, holder->now) == APPLIER_EXPIRED) {
        return false;
    }
    *hold = (struct log_hold){.server_id = facts->server_id, .is_applier = true};
    if (facts->group[0] == '\0') {
        (void)snprintf(hold->who, sizeof(hold->who), "applier %" PRIu32, facts->server_id);
    } else {
        (void)snprintf(hold->who, sizeof(hold->who), "applier %" PRIu32 " (group %s)",
                       facts->server_id, facts->group);
    }
    report = find_report(holder, applier, &hold->from);
    if (report == NULL) {
        return hold_unreported(applier, hold);
    }
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
    const struct holder holder = {.scope = scope,
                                  .appliers = appliers,
                                  .count = count,
                                  .shares_groups = shares_groups,
                                  .now = now};
    struct log_hold *found = mem_zeroed((count + 1) * sizeof(*found));
    size_t held = 0;

    for (size_t at = 0; at < count; at++) {
        if (hold_of(&holder, &appliers[at], &found[held])) {
            held++;
        }
    }
    log_holds_sort(found, held);
    *holds = found;
    return held;
}
