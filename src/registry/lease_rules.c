/* SPDX-License-Identifier: Apache-2.0 */
#include "lease_rules.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "binrelay/base/memory.h"

static const char *const state_names[LEASE_STATE_COUNT] = {
    [LEASE_FREE] = "free", [LEASE_HELD] = "held", [LEASE_CLOSING] = "closing",
    [LEASE_AWAY] = "away", [LEASE_OVER] = "over",
};

const char *lease_state_name(enum lease_state state)
{
    return state_names[state];
}

static bool is_before(struct binlog_position left, struct binlog_position right)
{
    return binlog_position_compare(left, right) < 0;
}

static struct binlog_position latest(struct binlog_position left, struct binlog_position right)
{
    return is_before(left, right) ? right : left;
}

static void move_to(struct lease *lease, enum lease_state state, uint64_t now_usec)
{
    lease->state = state;
    lease->since_usec = now_usec;
    lease->is_waiting_told = false;
}

void lease_init(struct lease *lease,
                const struct lease_record *record,
                uint64_t ttl_usec,
                uint64_t now_usec)
{
    *lease = (struct lease){.record = *record, .ttl_usec = ttl_usec, .since_usec = now_usec};
    if (record->holder != 0) {
        lease->state = LEASE_AWAY;
        lease->is_sent_unknown = true;
        lease->deadline_usec = now_usec + ttl_usec;
    }
}

void lease_release_memory(struct lease *lease)
{
    free(lease->members);
    free(lease->fences);
    lease->members = NULL;
    lease->fences = NULL;
}

/* ---- questions ---- */

static struct lease_fence *find_fence(const struct lease *lease, uint32_t server_id)
{
    for (size_t at = 0; at < lease->fence_count; at++) {
        if (lease->fences[at].server_id == server_id) {
            return &lease->fences[at];
        }
    }
    return NULL;
}

const struct lease_fence *lease_find_fence(const struct lease *lease, uint32_t server_id)
{
    return find_fence(lease, server_id);
}

const struct lease_member *lease_find_waiting(const struct lease *lease, uint32_t server_id)
{
    for (size_t at = 0; at < lease->member_count; at++) {
        if (lease->members[at].server_id == server_id) {
            return &lease->members[at];
        }
    }
    return NULL;
}

struct binlog_position lease_place(const struct lease *lease, const struct lease_view *view)
{
    return view->applied.epoch != 0 ? view->place : lease->record.base;
}

bool lease_is_settled(const struct lease *lease, const struct lease_view *view)
{
    struct binlog_position settled =
        view->applied.epoch != 0 ? view->settled : lease->record.base;

    return !lease->is_sent_unknown && !is_before(settled, lease->sent);
}

/* Nothing that is stored is left to be applied. */
static bool has_nothing_to_apply(const struct lease_view *view)
{
    return view->applied.epoch != 0 && !view->is_lost && !view->is_unclear &&
           !is_before(view->settled, view->end);
}

/* ---- inputs ---- */

void lease_join(struct lease *lease, const struct lease_member *member)
{
    if (lease->member_count == lease->member_capacity) {
        lease->members =
            mem_grow(lease->members, &lease->member_capacity, sizeof(*lease->members));
    }
    lease->members[lease->member_count++] = *member;
}

static void remove_member(struct lease *lease, uint64_t session)
{
    for (size_t at = 0; at < lease->member_count; at++) {
        if (lease->members[at].session == session) {
            lease->member_count--;
            memmove(&lease->members[at], &lease->members[at + 1],
                    (lease->member_count - at) * sizeof(*lease->members));
            return;
        }
    }
}

void lease_leave(struct lease *lease,
                 uint64_t session,
                 struct binlog_position sent,
                 uint64_t now_usec)
{
    if (session != lease->session) {
        remove_member(lease, session);
        return;
    }
    bool is_in_time = (lease->state == LEASE_HELD && lease->wants_end == LEASE_END_NONE) ||
                      lease->ending == LEASE_END_RETURNED;

    lease->session = 0;
    lease->sent = latest(lease->sent, sent);
    lease->wants_end = LEASE_END_NONE;
    lease->ending = LEASE_END_NONE;
    move_to(lease, is_in_time ? LEASE_AWAY : LEASE_OVER, now_usec);
}

void lease_report(struct lease *lease, bool is_own, bool is_more, const struct lease_view *view)
{
    if (lease->state == LEASE_HELD && (is_own || is_more || has_nothing_to_apply(view))) {
        lease->deadline_usec = view->now_usec + lease->ttl_usec;
    }
}

void lease_fence(struct lease *lease, const struct lease_fence *fenced, uint64_t now_usec)
{
    struct lease_fence *fence = find_fence(lease, fenced->server_id);

    if (fence == NULL) {
        if (lease->fence_count == lease->fence_capacity) {
            lease->fences =
                mem_grow(lease->fences, &lease->fence_capacity, sizeof(*lease->fences));
        }
        fence = &lease->fences[lease->fence_count++];
    }
    *fence = *fenced;
    if (fence->is_lifted || lease->record.holder != fence->server_id) {
        return;
    }
    if (lease->state == LEASE_HELD) {
        lease->wants_end = LEASE_END_FENCED;
    } else if (lease->state == LEASE_CLOSING) {
        lease->ending = LEASE_END_FENCED;
    } else {
        move_to(lease, LEASE_OVER, now_usec);
    }
}

void lease_lift(struct lease *lease, uint32_t server_id)
{
    struct lease_fence *fence = find_fence(lease, server_id);

    if (fence != NULL) {
        fence->is_lifted = true;
    }
}

void lease_yield(struct lease *lease, uint32_t next, uint64_t now_usec)
{
    lease->yields = true;
    lease->yields_until_usec = now_usec + lease->ttl_usec;
    lease->next = next;
    if (lease->state == LEASE_HELD) {
        lease->wants_end = LEASE_END_RELEASED;
    } else if (lease->state == LEASE_CLOSING && lease->ending == LEASE_END_RETURNED) {
        lease->ending = LEASE_END_RELEASED;
    } else if (lease->state == LEASE_AWAY) {
        move_to(lease, LEASE_OVER, now_usec);
    }
}

/* ---- what was done ---- */

static void remove_fence(struct lease *lease, uint32_t server_id)
{
    struct lease_fence *fence = find_fence(lease, server_id);

    if (fence != NULL) {
        *fence = lease->fences[--lease->fence_count];
    }
}

static void granted(struct lease *lease,
                    const struct lease_decision *decision,
                    uint64_t now_usec)
{
    assert(lease->session == 0); /* never two streams */
    bool is_return = lease->record.holder == decision->server_id;

    lease->sent =
        is_return ? latest(lease->sent, decision->record.start) : decision->record.start;
    lease->record = decision->record;
    lease->session = decision->session;
    lease->deadline_usec = now_usec + lease->ttl_usec;
    lease->yields = false;
    lease->next = 0;
    if (decision->clears_fence) {
        remove_fence(lease, decision->server_id);
    }
    remove_member(lease, decision->session);
    move_to(lease, LEASE_HELD, now_usec);
}

static void ended(struct lease *lease, const struct lease_decision *decision, uint64_t now_usec)
{
    if (decision->session != lease->session) {
        remove_member(lease, decision->session);
        return;
    }
    lease->wants_end = LEASE_END_NONE;
    lease->ending = decision->why;
    move_to(lease, LEASE_CLOSING, now_usec);
}

static void told(struct lease *lease, uint64_t session)
{
    for (size_t at = 0; at < lease->member_count; at++) {
        if (lease->members[at].session == session) {
            lease->members[at].is_told = true;
        }
    }
}

void lease_done(struct lease *lease, const struct lease_decision *decision, uint64_t now_usec)
{
    switch (decision->action) {
    case LEASE_DO_NOTHING:
        break;
    case LEASE_DO_GRANT:
        granted(lease, decision, now_usec);
        break;
    case LEASE_DO_RELEASE:
        lease->record = decision->record;
        lease->sent = (struct binlog_position){0};
        lease->yields = false;
        move_to(lease, LEASE_FREE, now_usec);
        break;
    case LEASE_DO_END:
        ended(lease, decision, now_usec);
        break;
    case LEASE_DO_HOLD:
        told(lease, decision->session);
        break;
    case LEASE_DO_EXPIRE:
        move_to(lease, LEASE_OVER, now_usec);
        break;
    case LEASE_DO_WAIT:
        lease->is_waiting_told = true;
        break;
    }
}
