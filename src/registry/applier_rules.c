/* SPDX-License-Identifier: Apache-2.0 */
/* What happens to one applier. */
#include <stdio.h>

#include "applier_table.h"
#include "binrelay/base/memory.h"

enum {
    USEC_IN_SEC = 1000000,
    REFUSAL_AGAIN_SEC = 600, /* of two ways one may be ahead now and the other then */
    REFUSALS_MOST = 10,      /* that are told of one way in that time */
};

struct applier applier_new(uint32_t server_id,
                           enum applier_origin origin,
                           struct applier_time now)
{
    struct applier applier = {.facts = {.server_id = server_id, .origin = origin},
                              .sign_usec = now.monotonic_usec};

    if (origin == APPLIER_REGISTERED) {
        applier.facts.expire_after_usec = (uint64_t)APPLIER_REGISTERED_EXPIRE_SEC * USEC_IN_SEC;
    }
    return applier;
}

static uint64_t since(uint64_t then_usec, uint64_t now_usec)
{
    return now_usec > then_usec ? now_usec - then_usec : 0;
}

/* What was never seen waits for its first time, and does not expire. */
static bool has_expired(const struct applier *applier, struct applier_time now)
{
    const struct applier_facts *facts = &applier->facts;

    if (facts->streams > 0 || facts->expire_after_usec == 0 || facts->seen_usec == 0) {
        return false;
    }
    return applier->is_expired ||
           since(applier->sign_usec, now.monotonic_usec) > facts->expire_after_usec;
}

enum applier_state applier_state_at(const struct applier *applier, struct applier_time now)
{
    const struct applier_facts *facts = &applier->facts;

    if (facts->is_lost || has_expired(applier, now)) {
        return APPLIER_EXPIRED;
    }
    if (facts->streams > 0) {
        return APPLIER_LIVE;
    }
    if (applier->alive_usec != 0 &&
        since(applier->alive_usec, now.wall_usec) <= APPLIER_LIVE_USEC) {
        return APPLIER_LIVE;
    }
    return facts->seen_usec == 0 ? APPLIER_ABSENT : APPLIER_STALE;
}

bool applier_note_expiry(struct applier *applier, struct applier_time now)
{
    if (applier->is_expired || !has_expired(applier, now)) {
        return false;
    }
    applier->is_expired = true;
    applier->is_changed = true;
    return true;
}

/* An expired one whose time was changed gets that time, from now on. */
void applier_take_setting(struct applier *applier,
                          const struct applier_setting *setting,
                          enum applier_origin origin,
                          struct applier_time now)
{
    struct applier_facts *facts = &applier->facts;

    (void)snprintf(facts->group, sizeof(facts->group), "%s",
                   setting->group == NULL ? "" : setting->group);
    if (facts->expire_after_usec != setting->expire_after_usec) {
        facts->expire_after_usec = setting->expire_after_usec;
        applier->is_expired = false;
        applier->sign_usec = now.monotonic_usec;
    }
    facts->is_required = setting->is_required;
    facts->origin = origin;
}

void applier_take_sign(struct applier *applier, struct applier_time now)
{
    applier->facts.seen_usec = now.wall_usec;
    applier->sign_usec = now.monotonic_usec;
    applier->is_expired = false;
    applier->is_changed = true;
}

void applier_take_heartbeat(struct applier *applier, struct applier_time now)
{
    applier->alive_usec = now.wall_usec;
    applier_take_sign(applier, now);
}

static void take_report(struct applier *applier,
                        enum report_way way,
                        bool is_place,
                        struct applier_time now)
{
    applier->facts.way = way;
    applier->facts.reported_usec = now.wall_usec;
    if (is_place) {
        applier->facts.is_lost = false;
        applier->regained = (struct binlog_position){0};
    }
    /* Where two ways report, the slower one may be below the other time and again. */
    if (applier->refusals[way].fault != REPORT_BELOW) {
        applier->refusals[way].fault = REPORT_GOOD;
    }
    applier_take_heartbeat(applier, now);
}

void applier_take_epoch(struct applier *applier,
                        struct epoch_key applied,
                        enum report_way way,
                        bool is_place,
                        struct applier_time now)
{
    applier->facts.applied = applied;
    take_report(applier, way, is_place, now);
}

void applier_take_gtids(struct applier *applier,
                        char *gtids,
                        enum report_way way,
                        bool is_place,
                        struct applier_time now)
{
    free(applier->facts.applied_gtids);
    applier->facts.applied_gtids = gtids;
    take_report(applier, way, is_place, now);
}

void applier_drop_report(struct applier *applier)
{
    free(applier->facts.applied_gtids);
    applier->facts.applied_gtids = NULL;
    applier->facts.applied = (struct epoch_key){0};
    applier->facts.way = REPORT_NONE;
    applier->facts.reported_usec = 0;
}

void applier_set_epoch(struct applier *applier,
                       struct epoch_key applied,
                       struct applier_time now)
{
    bool is_none = applied.epoch == 0;

    free(applier->facts.applied_gtids);
    applier->facts.applied_gtids = NULL;
    applier->facts.applied = applied;
    applier->facts.way = is_none ? REPORT_NONE : REPORT_ADMIN;
    applier->facts.reported_usec = is_none ? 0 : now.wall_usec;
    applier->facts.is_lost = false;
    applier->regained = (struct binlog_position){0};
    applier->is_expired = false;
    applier->sign_usec = now.monotonic_usec;
    for (int way = 0; way < REPORT_WAY_COUNT; way++) {
        applier->refusals[way] = (struct applier_refusal){0};
    }
}

void applier_lose(struct applier *applier)
{
    applier->facts.is_lost = true;
    applier->regained = (struct binlog_position){0};
}

/* ---- streams ---- */

static bool is_before(struct binlog_position left, struct binlog_position right)
{
    return binlog_position_compare(left, right) < 0;
}

/* What a replica asks for is what it has not: it may be before what it got once. */
void applier_stream_began(struct applier *applier,
                          struct binlog_position from,
                          struct applier_time now)
{
    struct applier_facts *facts = &applier->facts;

    if (facts->is_lost) {
        facts->is_lost = false;
        applier->regained = from;
    } else if (applier->regained.file != 0 && is_before(from, applier->regained)) {
        applier->regained = from;
    }
    if (facts->streams == 0 || is_before(from, facts->sent)) {
        facts->sent = from;
    }
    facts->streams++;
    applier_take_sign(applier, now);
}

/* Which of several streams it was is not known, so only what lowers the place counts then. */
static void take_got(struct applier *applier, struct binlog_position got)
{
    struct applier_facts *facts = &applier->facts;

    if (facts->streams == 1 || is_before(got, facts->sent)) {
        facts->sent = got;
    }
}

void applier_stream_got(struct applier *applier,
                        struct binlog_position got,
                        struct applier_time now)
{
    if (applier->facts.streams > 0) {
        take_got(applier, got);
        applier_take_sign(applier, now);
    }
}

void applier_stream_ended(struct applier *applier,
                          struct binlog_position got,
                          struct applier_time now)
{
    if (applier->facts.streams > 0) {
        take_got(applier, got);
        applier->facts.streams--;
        applier_take_sign(applier, now);
    }
}

/* ---- refusals ---- */

bool applier_note_refusal(struct applier *applier,
                          enum report_way way,
                          enum report_fault fault,
                          struct applier_time now)
{
    const uint64_t again_usec = (uint64_t)REFUSAL_AGAIN_SEC * USEC_IN_SEC;
    struct applier_refusal *last = &applier->refusals[way];

    if (last->fault == fault && since(last->at_usec, now.monotonic_usec) <= again_usec) {
        return false;
    }
    if (since(last->counted_usec, now.monotonic_usec) > again_usec) {
        last->counted_usec = now.monotonic_usec;
        last->told = 0;
    }
    if (last->told == REFUSALS_MOST) {
        return false;
    }
    last->fault = fault;
    last->at_usec = now.monotonic_usec;
    last->told++;
    return true;
}
