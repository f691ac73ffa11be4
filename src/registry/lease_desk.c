/* SPDX-License-Identifier: Apache-2.0 */
#include "lease_desk.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binrelay/base/log.h"
#include "binrelay/base/memory.h"
#include "lease_desk_internal.h"

/* After a write that failed: the disk is full, or gone. */
enum { TRY_AGAIN_USEC = 1000 * 1000 };

struct lease_desk *lease_desk_new(const struct lease_world *world, uint64_t ttl_usec)
{
    struct lease_desk *desk = mem_zeroed(sizeof(*desk));

    desk->world = *world;
    desk->ttl_usec = ttl_usec;
    return desk;
}

void lease_desk_free(struct lease_desk *desk)
{
    if (desk == NULL) {
        return;
    }
    while (desk->groups != NULL) {
        struct lease_group *group = desk->groups;

        desk->groups = group->next;
        lease_release_memory(&group->lease);
        free(group);
    }
    free(desk->seats);
    free(desk);
}

static uint64_t now_of(const struct lease_desk *desk)
{
    return clock_monotonic_usec(desk->world.clock);
}

/* ---- groups ---- */

struct lease_group *lease_desk_find(struct lease_desk *desk, const char *name)
{
    struct lease_group *group = desk->groups;

    while (group != NULL && strcmp(group->name, name) != 0) {
        group = group->next;
    }
    return group;
}

struct lease_group *lease_desk_group(struct lease_desk *desk, const char *name)
{
    struct lease_group *group = lease_desk_find(desk, name);
    struct lease_group **place = &desk->groups;
    const struct lease_record none = {0};

    if (group != NULL) {
        return group;
    }
    while (*place != NULL && strcmp((*place)->name, name) < 0) {
        place = &(*place)->next;
    }
    group = mem_zeroed(sizeof(*group));
    (void)snprintf(group->name, sizeof(group->name), "%s", name);
    lease_init(&group->lease, &none, desk->ttl_usec, now_of(desk));
    group->next = *place;
    *place = group;
    return group;
}

void lease_desk_load(struct lease_desk *desk,
                     const char *group_name,
                     const struct lease_record *record)
{
    struct lease_group *group = lease_desk_group(desk, group_name);

    lease_init(&group->lease, record, desk->ttl_usec, now_of(desk));
    group->applied = record->applied;
}

void lease_desk_load_fence(struct lease_desk *desk,
                           const char *group_name,
                           struct lease_fence fence)
{
    lease_fence(&lease_desk_group(desk, group_name)->lease, &fence, now_of(desk));
}

void lease_desk_set_ttl(struct lease_desk *desk, uint64_t ttl_usec)
{
    desk->ttl_usec = ttl_usec;
    for (struct lease_group *group = desk->groups; group != NULL; group = group->next) {
        group->lease.ttl_usec = ttl_usec;
    }
}

/* ---- what is known ---- */

static struct epoch_key highest(struct epoch_key left, struct epoch_key right)
{
    return epoch_key_compare(left, right) < 0 ? right : left;
}

struct lease_view lease_desk_look(struct lease_desk *desk, struct lease_group *group)
{
    struct lease_view view = {.now_usec = now_of(desk)};

    group->applied =
        highest(group->applied, desk->world.applied(desk->world.context, group->name));
    view.applied = group->applied;
    desk->world.locate(desk->world.context, &view);
    return view;
}

struct lease_place_text lease_desk_print(struct lease_desk *desk,
                                         struct binlog_position position)
{
    struct lease_place_text place = {"nowhere"};
    char name[BINLOG_NAME_BYTES];

    if (position.file != 0) {
        binlog_name_print(name, desk->world.log_name(desk->world.context), position.file);
        (void)snprintf(place.text, sizeof(place.text), "%s:%" PRIu64, name, position.offset);
    }
    return place;
}

/* ---- decisions ---- */

static const struct lease_seat *find_seat(const struct lease_desk *desk, uint64_t session)
{
    for (size_t at = 0; at < desk->seat_count; at++) {
        if (desk->seats[at].session == session) {
            return &desk->seats[at];
        }
    }
    return NULL;
}

/* The member may have left by itself: then nobody is answered. */
static void answer(struct lease_desk *desk, uint64_t session, const struct lease_answer *answer)
{
    const struct lease_seat *seat = find_seat(desk, session);

    if (seat != NULL) {
        seat->answer(seat->context, answer);
    }
}

static void answer_decision(struct lease_desk *desk,
                            struct lease_group *group,
                            const struct lease_decision *decision,
                            const struct lease_view *view)
{
    struct lease_answer reply = {.kind = LEASE_ANSWER_HOLD};

    switch (decision->action) {
    case LEASE_DO_GRANT:
        reply.kind = LEASE_ANSWER_GRANT;
        reply.number = decision->record.number;
        reply.place = decision->record.start;
        break;
    case LEASE_DO_END:
        reply.kind = LEASE_ANSWER_END;
        lease_desk_say_end(desk, group, decision, &reply);
        break;
    case LEASE_DO_HOLD:
        reply.place = lease_place(&group->lease, view);
        break;
    case LEASE_DO_NOTHING:
    case LEASE_DO_RELEASE:
    case LEASE_DO_EXPIRE:
    case LEASE_DO_WAIT:
        return;
    }
    answer(desk, decision->session, &reply);
}

static enum status save(struct lease_desk *desk,
                        struct lease_group *group,
                        struct lease_decision *decision,
                        struct error *error)
{
    struct lease_write write = {.group = group->name,
                                .record = &decision->record,
                                .previous_number = group->lease.record.number};

    if (decision->action == LEASE_DO_GRANT) {
        decision->record.granted_usec = clock_wall_usec(desk->world.clock);
        write.fence = lease_find_fence(&group->lease, decision->server_id);
        write.change = decision->clears_fence ? LEASE_FENCE_CLEARED : LEASE_FENCE_UNCHANGED;
    } else if (decision->action != LEASE_DO_RELEASE) {
        return STATUS_OK;
    }
    return desk->world.save(desk->world.context, &write, error);
}

/* False: it has to wait. */
static bool carry_out(struct lease_desk *desk,
                      struct lease_group *group,
                      struct lease_decision *decision,
                      const struct lease_view *view)
{
    struct error error;

    if (save(desk, group, decision, &error) != STATUS_OK) {
        log_error("lease of group %s: %s", group->name, error.message);
        (void)snprintf(group->reason, sizeof(group->reason), "it cannot be saved: %.150s",
                       error.message);
        group->is_behind = false;
        group->try_again_usec = view->now_usec + TRY_AGAIN_USEC;
        return false;
    }
    lease_desk_tell(desk, group, decision, view);
    lease_done(&group->lease, decision, view->now_usec);
    if (decision->action == LEASE_DO_GRANT) { /* signs of before are none of this time */
        group->life = desk->world.life(desk->world.context, decision->server_id);
        group->counted = group->applied;
    }
    answer_decision(desk, group, decision, view);
    return true;
}

void lease_desk_turn(struct lease_desk *desk, struct lease_group *group)
{
    if (now_of(desk) < group->try_again_usec) {
        return;
    }
    group->try_again_usec = 0;
    for (;;) {
        struct lease_view view = lease_desk_look(desk, group);
        struct lease_decision decision = lease_next(&group->lease, &view);

        if (decision.action == LEASE_DO_NOTHING || !carry_out(desk, group, &decision, &view)) {
            return;
        }
    }
}

/* ---- inputs ---- */

uint64_t lease_desk_join(struct lease_desk *desk, const struct lease_request *request)
{
    struct lease_group *group = lease_desk_group(desk, request->group);
    struct lease_member member = {.session = ++desk->last_session,
                                  .server_id = request->server_id,
                                  .is_by_gtid = request->is_by_gtid,
                                  .asked = request->asked};

    if (desk->seat_count == desk->seat_capacity) {
        desk->seats = mem_grow(desk->seats, &desk->seat_capacity, sizeof(*desk->seats));
    }
    desk->seats[desk->seat_count++] = (struct lease_seat){.session = member.session,
                                                          .group = group,
                                                          .answer = request->answer,
                                                          .context = request->context};
    lease_join(&group->lease, &member);
    lease_desk_turn(desk, group);
    return member.session;
}

void lease_desk_leave(struct lease_desk *desk, uint64_t session, struct binlog_position sent)
{
    for (size_t at = 0; at < desk->seat_count; at++) {
        struct lease_group *group = desk->seats[at].group;

        if (desk->seats[at].session == session) {
            desk->seats[at] = desk->seats[--desk->seat_count];
            lease_leave(&group->lease, session, sent, now_of(desk));
            lease_desk_turn(desk, group);
            return;
        }
    }
}

void lease_desk_know(struct lease_desk *desk, const char *group_name)
{
    (void)lease_desk_group(desk, group_name);
}

static enum status save_applied(struct lease_desk *desk,
                                struct lease_group *group,
                                struct epoch_key applied,
                                struct error *error)
{
    struct lease_record record = group->lease.record;
    struct lease_write write = {
        .group = group->name, .record = &record, .previous_number = record.number};
    enum status status = STATUS_OK;

    record.applied = applied;
    status = desk->world.save(desk->world.context, &write, error);
    if (status == STATUS_OK) {
        group->lease.record = record;
    }
    return status;
}

enum status lease_desk_set_epoch(struct lease_desk *desk,
                                 const char *group_name,
                                 struct epoch_key applied,
                                 struct error *error)
{
    struct lease_group *group = lease_desk_group(desk, group_name);
    enum status status = save_applied(desk, group, applied, error);

    if (status == STATUS_OK) {
        group->applied = applied;
        group->counted = applied;
    }
    return status;
}

void lease_desk_report(struct lease_desk *desk,
                       const char *group_name,
                       uint32_t server_id,
                       struct epoch_key applied,
                       bool is_own)
{
    struct lease_group *group = lease_desk_group(desk, group_name);
    bool is_holder = group->lease.record.holder == server_id;

    group->applied = highest(group->applied, applied);

    struct lease_view view = lease_desk_look(desk, group);
    /* The world may have known of it before, at a look that renewed nothing. */
    bool is_more = epoch_key_compare(group->counted, group->applied) < 0;

    group->counted = group->applied;
    lease_report(&group->lease, is_own && is_holder, is_more, &view);
    lease_desk_turn(desk, group);
}

/* A sign of life without an epoch, as the field's scripts give it. */
static void look_for_life(struct lease_desk *desk, struct lease_group *group)
{
    uint64_t life = 0;

    if (group->lease.state != LEASE_HELD) {
        return;
    }
    life = desk->world.life(desk->world.context, group->lease.record.holder);
    if (life != group->life) {
        struct lease_view view = lease_desk_look(desk, group);

        group->life = life;
        lease_report(&group->lease, false, false, &view);
    }
}

/* Who reported it is forgotten, or a member no longer: it would not be known after a restart.
 */
static void keep_applied(struct lease_desk *desk, struct lease_group *group)
{
    struct epoch_key known = desk->world.applied(desk->world.context, group->name);
    struct error error;

    if (epoch_key_compare(known, group->applied) < 0 &&
        epoch_key_compare(group->lease.record.applied, group->applied) < 0 &&
        save_applied(desk, group, group->applied, &error) != STATUS_OK) {
        log_error("lease of group %s: %s", group->name, error.message); /* and once more */
    }
}

void lease_desk_tick(struct lease_desk *desk)
{
    for (struct lease_group *group = desk->groups; group != NULL; group = group->next) {
        keep_applied(desk, group);
        look_for_life(desk, group);
        lease_desk_turn(desk, group);
    }
}

void lease_desk_each_bound(struct lease_desk *desk,
                           void (*fn)(void *context, uint32_t server_id, const char *group),
                           void *context)
{
    for (struct lease_group *group = desk->groups; group != NULL; group = group->next) {
        if (group->lease.record.holder != 0) {
            fn(context, group->lease.record.holder, group->name);
        }
        for (size_t at = 0; at < group->lease.fence_count; at++) {
            fn(context, group->lease.fences[at].server_id, group->name);
        }
    }
}
