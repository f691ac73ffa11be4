/* SPDX-License-Identifier: Apache-2.0 */
#include "purger_internal.h"

/* Lets one file go. False: none goes by the rules, or it failed. */
static bool purge_one(struct purger *purger,
                      const struct purge_view *view,
                      struct purge_round *round)
{
    static const struct purge_ask ask = {.files = 1};
    struct error error;

    if (!view->settings.is_automatic || !view->has_appliers ||
        purge_plan_make(&view->scene, &ask).files == 0) {
        return false;
    }
    purge_warn_of_stranding(purger, view);
    if (purge_oldest(purger, view, round, &error) != STATUS_OK) {
        purger_fail(purger, &purger->purging, "purge.failed", &error);
        return false;
    }
    return true;
}

static bool purge_next(struct purger *purger, struct purge_round *round)
{
    struct purge_view view;
    bool has_gone = false;

    purge_view_take(&view, purger);
    has_gone = purge_one(purger, &view, round);
    purge_view_release(&view);
    return has_gone;
}

void purge_by_rules(struct purger *purger)
{
    struct purge_round round = {0};

    if (!purger_may_try(purger, &purger->purging) || !purge_leftovers(purger)) {
        return;
    }
    while (!purger_is_stopping(purger) && purge_next(purger, &round)) {
    }
    purge_round_tell(purger, &round, "purge.done", "");
}

void purger_look(struct purger *purger)
{
    purger_begin_turn(purger);
    purge_by_rules(purger);
    purge_at_limit(purger);
    purger_end_turn(purger);
    purge_source(purger);
}
