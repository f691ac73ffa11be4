/* SPDX-License-Identifier: Apache-2.0 */
/* What is to be done about a lease: the rules that lease_rules.h sums up, in their order. */
#include "lease_rules.h"

static bool is_before(struct binlog_position left, struct binlog_position right)
{
    return binlog_position_compare(left, right) < 0;
}

static struct binlog_position latest(struct binlog_position left, struct binlog_position right)
{
    return is_before(left, right) ? right : left;
}

static bool is_fenced(const struct lease *lease, uint32_t server_id)
{
    const struct lease_fence *fence = lease_find_fence(lease, server_id);

    return fence != NULL && !fence->is_lifted;
}

/* ---- each returns true if it has something to do ---- */

static struct lease_decision end_of(uint64_t session, uint32_t server_id, enum lease_end why)
{
    return (struct lease_decision){
        .action = LEASE_DO_END, .session = session, .server_id = server_id, .why = why};
}

static struct lease_decision end_member(const struct lease_member *member, enum lease_end why)
{
    return end_of(member->session, member->server_id, why);
}

/* One whose fence was lifted says by its place that it was set up again. */
static bool has_place(const struct lease_fence *fence, const struct lease_member *member)
{
    return member->is_by_gtid ||
           (member->asked.file != 0 && !is_before(member->asked, fence->place));
}

static bool next_fenced(const struct lease *lease, struct lease_decision *next)
{
    for (size_t at = 0; at < lease->member_count; at++) {
        const struct lease_member *member = &lease->members[at];
        const struct lease_fence *fence = lease_find_fence(lease, member->server_id);

        if (fence != NULL && !fence->is_lifted) {
            *next = end_member(member, LEASE_END_FENCED);
            return true;
        }
        if (fence != NULL && !member->is_told && !has_place(fence, member)) {
            *next = end_member(member, LEASE_END_PLACE);
            return true;
        }
    }
    return false;
}

static bool next_end(const struct lease *lease,
                     const struct lease_view *view,
                     struct lease_decision *next)
{
    enum lease_end why = lease->wants_end;

    if (lease->state != LEASE_HELD) {
        return false;
    }
    if (why == LEASE_END_NONE && lease_find_waiting(lease, lease->record.holder) != NULL) {
        why = LEASE_END_RETURNED;
    }
    if (why == LEASE_END_NONE && view->now_usec >= lease->deadline_usec) {
        why = LEASE_END_EXPIRED;
    }
    *next = end_of(lease->session, lease->record.holder, why);
    return why != LEASE_END_NONE;
}

static bool next_expiry(const struct lease *lease,
                        const struct lease_view *view,
                        struct lease_decision *next)
{
    if (lease->state != LEASE_AWAY ||
        (view->now_usec < lease->deadline_usec && !is_fenced(lease, lease->record.holder))) {
        return false;
    }
    *next =
        (struct lease_decision){.action = LEASE_DO_EXPIRE, .server_id = lease->record.holder};
    return true;
}

static struct lease_decision grant_to(const struct lease *lease,
                                      const struct lease_member *member,
                                      const struct lease_view *view,
                                      struct binlog_position start)
{
    struct lease_record record = lease->record;
    const struct lease_fence *fence = lease_find_fence(lease, member->server_id);

    record.number++;
    record.holder = member->server_id;
    record.start = start;
    record.start_epoch = view->applied;
    record.applied = view->applied;
    if (view->applied.epoch != 0) {
        record.base = (struct binlog_position){0};
    } else if (record.base.file == 0) {
        record.base = start;
    }
    return (struct lease_decision){.action = LEASE_DO_GRANT,
                                   .session = member->session,
                                   .server_id = member->server_id,
                                   .record = record,
                                   .clears_fence = fence != NULL};
}

/*
 * True if one waits that the holder is to give up to. Not for ever: who was cut
 * off in the middle of an epoch could never finish it else.
 */
static bool has_heir(const struct lease *lease, uint64_t now_usec)
{
    if (!lease->yields || now_usec >= lease->yields_until_usec) {
        return false;
    }
    for (size_t at = 0; at < lease->member_count; at++) {
        uint32_t server_id = lease->members[at].server_id;

        if (server_id != lease->record.holder &&
            (lease->next == 0 || lease->next == server_id)) {
            return true;
        }
    }
    return false;
}

/* The holder is there again, and nobody else has had the stream. */
static bool next_return(const struct lease *lease,
                        const struct lease_view *view,
                        struct lease_decision *next)
{
    const struct lease_member *member = lease_find_waiting(lease, lease->record.holder);

    if ((lease->state != LEASE_AWAY && lease->state != LEASE_OVER) || member == NULL) {
        return false;
    }
    struct binlog_position place = lease_place(lease, view);
    bool is_within = member->is_by_gtid
                         ? !view->is_lost
                         : member->asked.file != 0 && !is_before(lease->sent, member->asked);

    if (has_heir(lease, view->now_usec)) {
        *next = end_member(member, LEASE_END_YIELDS);
    } else if (view->is_unclear) {
        return false;
    } else if (is_within) {
        *next = grant_to(lease, member, view,
                         member->is_by_gtid ? place : latest(member->asked, place));
    } else if (lease_is_settled(lease, view) && !view->is_lost && place.file != 0) {
        *next = grant_to(lease, member, view, place);
    } else {
        *next = end_member(member, view->is_lost ? LEASE_END_LOST : LEASE_END_PLACE);
    }
    return true;
}

static bool next_release(const struct lease *lease,
                         const struct lease_view *view,
                         struct lease_decision *next)
{
    bool is_passed = is_fenced(lease, lease->record.holder);

    if (lease->state != LEASE_OVER || (!is_passed && !lease_is_settled(lease, view))) {
        return false;
    }
    *next = (struct lease_decision){
        .action = LEASE_DO_RELEASE, .server_id = lease->record.holder, .record = lease->record};
    next->record.holder = 0;
    next->record.applied = view->applied;
    if (!is_passed && lease->record.number == 1) { /* nothing was sent to anybody */
        next->record.base = (struct binlog_position){0};
    }
    return true;
}

static bool next_grant(const struct lease *lease,
                       const struct lease_view *view,
                       struct lease_decision *next)
{
    const struct lease_member *member =
        lease->next != 0 ? lease_find_waiting(lease, lease->next) : NULL;

    if (lease->state != LEASE_FREE || lease->member_count == 0 || view->is_unclear) {
        return false;
    }
    if (member == NULL) {
        member = &lease->members[0];
    }
    struct binlog_position start = lease_place(lease, view);

    if (view->is_lost) {
        *next = end_member(member, LEASE_END_LOST);
        return true;
    }
    if (start.file == 0) {
        start = member->asked; /* the first holder of all begins where it asks */
    }
    *next = start.file == 0 && !member->is_by_gtid ? end_member(member, LEASE_END_PLACE)
                                                   : grant_to(lease, member, view, start);
    return true;
}

/*
 * Those that wait are told so, and to which place their receivers are moved
 * meanwhile. Never the holder: what it has and has not applied would be asked
 * for once more from there.
 */
static bool next_hold(const struct lease *lease, struct lease_decision *next)
{
    for (size_t at = 0; at < lease->member_count; at++) {
        const struct lease_member *member = &lease->members[at];

        if (!member->is_told && member->server_id != lease->record.holder) {
            *next = (struct lease_decision){.action = LEASE_DO_HOLD,
                                            .session = member->session,
                                            .server_id = member->server_id};
            return true;
        }
    }
    return false;
}

static bool next_wait(const struct lease *lease, struct lease_decision *next)
{
    if (lease->state != LEASE_OVER || lease->is_waiting_told || lease->member_count == 0) {
        return false;
    }
    *next = (struct lease_decision){.action = LEASE_DO_WAIT, .server_id = lease->record.holder};
    return true;
}

struct lease_decision lease_next(struct lease *lease, const struct lease_view *view)
{
    struct lease_decision next = {0};

    if (view->end.file == 0) {
        return next; /* what is stored is not known yet */
    }
    if (lease->is_sent_unknown) {
        lease->sent = latest(lease->record.start, view->end);
        lease->is_sent_unknown = false;
    }
    if (next_fenced(lease, &next) || next_end(lease, view, &next) ||
        next_expiry(lease, view, &next) || next_return(lease, view, &next) ||
        next_release(lease, view, &next) || next_grant(lease, view, &next) ||
        next_hold(lease, &next) || next_wait(lease, &next)) {
        return next;
    }
    return (struct lease_decision){0};
}
