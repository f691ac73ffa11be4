/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/registry/applier.h"

#include <assert.h>
#include <stdlib.h>

static const char *const origins[APPLIER_ORIGIN_COUNT] = {
    [APPLIER_CONFIGURED] = "configured",
    [APPLIER_ADDED] = "added",
    [APPLIER_REGISTERED] = "registered",
};

static const char *const states[APPLIER_STATE_COUNT] = {
    [APPLIER_ABSENT] = "absent",
    [APPLIER_LIVE] = "live",
    [APPLIER_STALE] = "stale",
    [APPLIER_EXPIRED] = "expired",
};

static const char *const ways[REPORT_WAY_COUNT] = {
    [REPORT_NONE] = "none",     [REPORT_ENDPOINT] = "endpoint",
    [REPORT_STREAM] = "stream", [REPORT_STATUS] = "apply_status",
    [REPORT_POLL] = "poll",     [REPORT_ADMIN] = "admin",
};

const char *applier_origin_name(enum applier_origin origin)
{
    assert(origin < APPLIER_ORIGIN_COUNT);
    return origins[origin];
}

const char *applier_state_name(enum applier_state state)
{
    assert(state < APPLIER_STATE_COUNT);
    return states[state];
}

const char *report_way_name(enum report_way way)
{
    assert(way < REPORT_WAY_COUNT);
    return ways[way];
}

void applier_facts_free(struct applier_facts *facts, size_t count)
{
    if (facts == NULL) {
        return;
    }
    for (size_t at = 0; at < count; at++) {
        free(facts[at].applied_gtids);
    }
    free(facts);
}

/* Of one place the order is that of the ids, so that two calls tell the same. */
static int compare_holds(const void *left, const void *right)
{
    const struct log_hold *one = left;
    const struct log_hold *other = right;
    int order = binlog_position_compare(one->from, other->from);

    if (order != 0) {
        return order;
    }
    return one->server_id == other->server_id ? 0 : one->server_id < other->server_id ? -1 : 1;
}

void log_holds_sort(struct log_hold *holds, size_t count)
{
    if (count > 1) {
        qsort(holds, count, sizeof(*holds), compare_holds);
    }
}
