/* SPDX-License-Identifier: Apache-2.0 */
/* What an administrator does with leases, and sees of them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "binrelay/base/memory.h"
#include "lease_desk_internal.h"

static enum status find_group(struct lease_desk *desk,
                              const char *name,
                              struct lease_group **found,
                              struct error *error)
{
    *found = lease_desk_find(desk, name);
    return *found != NULL ? STATUS_OK
                          : error_set(error, STATUS_NOT_FOUND,
                                      "there is no group %s with a lease here", name);
}

static enum status save_fence(struct lease_desk *desk,
                              const struct lease_group *group,
                              const struct lease_fence *fence,
                              struct error *error)
{
    struct lease_record record = group->lease.record;
    struct lease_write write = {.group = group->name,
                                .record = &record,
                                .previous_number = record.number,
                                .change = LEASE_FENCE_SET,
                                .fence = fence};

    record.applied = group->applied;
    return desk->world.save(desk->world.context, &write, error);
}

static enum status lift(struct lease_desk *desk,
                        struct lease_group *group,
                        uint32_t server_id,
                        struct error *error)
{
    struct lease_fence fence = *lease_find_fence(&group->lease, server_id);

    if (group->lease.record.holder == server_id) {
        return error_set(error, STATUS_AGAIN,
                         "applier %" PRIu32 " is still being passed over: try again",
                         server_id);
    }
    fence.is_lifted = true;
    if (save_fence(desk, group, &fence, error) != STATUS_OK) {
        return error->status;
    }
    lease_lift(&group->lease, server_id);
    return STATUS_OK;
}

/* May the holder give up to another one? */
static enum status check_heir(struct lease_desk *desk,
                              struct lease_group *group,
                              uint32_t server_id,
                              struct error *error)
{
    const struct lease *lease = &group->lease;
    struct lease_view view = lease_desk_look(desk, group);

    if (lease_find_waiting(lease, server_id) == NULL) {
        return error_set(error, STATUS_NOT_FOUND,
                         "applier %" PRIu32 " of group %s is not connected", server_id,
                         group->name);
    }
    if (lease->state == LEASE_OVER && !lease_is_settled(lease, &view)) {
        return error_set(error, STATUS_DENIED,
                         "applier %" PRIu32 " was sent up to %s, and the group has applied "
                         "epoch %" PRIu64 ": make sure that it applies nothing any more, then: "
                         "lease fence %s %" PRIu32,
                         lease->record.holder, lease_desk_print(desk, lease->sent).text,
                         view.applied.epoch, group->name, lease->record.holder);
    }
    return STATUS_OK;
}

enum status lease_desk_grant(struct lease_desk *desk,
                             const char *group_name,
                             uint32_t server_id,
                             struct error *error)
{
    struct lease_group *group = NULL;
    enum status status = find_group(desk, group_name, &group, error);

    if (status != STATUS_OK) {
        return status;
    }
    const struct lease_fence *fence = lease_find_fence(&group->lease, server_id);
    bool is_waiting = lease_find_waiting(&group->lease, server_id) != NULL;

    if (fence != NULL && !(fence->is_lifted && is_waiting)) {
        return lift(desk, group, server_id, error);
    }
    if (group->lease.session != 0 && group->lease.record.holder == server_id) {
        return STATUS_OK; /* it has it */
    }
    status = check_heir(desk, group, server_id, error);
    if (status == STATUS_OK) {
        lease_yield(&group->lease, server_id, clock_monotonic_usec(desk->world.clock));
        lease_desk_turn(desk, group);
    }
    return status;
}

enum status lease_desk_release(struct lease_desk *desk,
                               const char *group_name,
                               uint32_t server_id,
                               struct error *error)
{
    struct lease_group *group = NULL;
    enum status status = find_group(desk, group_name, &group, error);

    if (status != STATUS_OK) {
        return status;
    }
    uint32_t holder = group->lease.record.holder;

    if (holder == 0 || (server_id != 0 && server_id != holder)) {
        return error_set(error, STATUS_DENIED,
                         holder == 0 ? "nobody has the lease of group %s"
                                     : "another one has the lease of group %s",
                         group_name);
    }
    lease_yield(&group->lease, 0, clock_monotonic_usec(desk->world.clock));
    lease_desk_turn(desk, group);
    return STATUS_OK;
}

enum status lease_desk_fence(struct lease_desk *desk,
                             const char *group_name,
                             uint32_t server_id,
                             struct error *error)
{
    struct lease_group *group = NULL;
    enum status status = find_group(desk, group_name, &group, error);
    char text[256];
    int used = 0;

    if (status != STATUS_OK) {
        return status;
    }
    struct lease_view view = lease_desk_look(desk, group);
    struct lease_fence fence = {.server_id = server_id, .place = view.place};

    status = save_fence(desk, group, &fence, error);
    if (status != STATUS_OK) {
        return status;
    }
    lease_fence(&group->lease, &fence, view.now_usec);
    used = snprintf(text, sizeof(text), "applier %" PRIu32 " of group %s is fenced", server_id,
                    group_name);
    if (group->applied.epoch != 0 && used > 0 && (size_t)used < sizeof(text)) {
        (void)snprintf(text + used, sizeof(text) - (size_t)used,
                       "; the group has applied epoch %" PRIu64, group->applied.epoch);
    }
    desk->world.tell(desk->world.context, "lease.fenced", text);
    lease_desk_turn(desk, group);
    return STATUS_OK;
}

/* ---- show ---- */

static void fill_lists(const struct lease *lease, struct lease_facts *facts)
{
    facts->waiting = mem_zeroed((lease->member_count + 1) * sizeof(*facts->waiting));
    facts->fenced = mem_zeroed((lease->fence_count + 1) * sizeof(*facts->fenced));
    for (size_t at = 0; at < lease->member_count; at++) {
        facts->waiting[facts->waiting_count++] = lease->members[at].server_id;
    }
    for (size_t at = 0; at < lease->fence_count; at++) {
        facts->fenced[facts->fenced_count++] = lease->fences[at].server_id;
    }
}

static void fill(struct lease_desk *desk, struct lease_group *group, struct lease_facts *facts)
{
    const struct lease *lease = &group->lease;
    const struct lease_record *record = &lease->record;
    uint64_t now = clock_monotonic_usec(desk->world.clock);
    bool has_time = lease->state == LEASE_HELD || lease->state == LEASE_AWAY;

    *facts = (struct lease_facts){.holder = record->holder,
                                  .number = record->number,
                                  .start = record->start,
                                  .start_epoch = record->start_epoch,
                                  .granted_usec = record->granted_usec,
                                  .applied = lease_desk_look(desk, group).applied};
    (void)snprintf(facts->group, sizeof(facts->group), "%s", group->name);
    (void)snprintf(facts->state, sizeof(facts->state), "%s", lease_state_name(lease->state));
    (void)snprintf(facts->reason, sizeof(facts->reason), "%s", group->reason);
    if (group->is_behind) {
        lease_desk_say_behind(desk, group, facts->applied.epoch, facts->reason,
                              sizeof(facts->reason));
    }
    if (lease->session == 0 && record->holder != 0) {
        facts->sent = lease->sent;
    }
    if (has_time && lease->deadline_usec > now) {
        facts->expires_in_usec = lease->deadline_usec - now;
    }
    fill_lists(lease, facts);
}

size_t lease_desk_list(struct lease_desk *desk, struct lease_facts **facts)
{
    size_t count = 0;

    for (const struct lease_group *group = desk->groups; group != NULL; group = group->next) {
        count++;
    }
    *facts = mem_zeroed((count + 1) * sizeof(**facts));
    count = 0;
    for (struct lease_group *group = desk->groups; group != NULL; group = group->next) {
        fill(desk, group, &(*facts)[count++]);
    }
    return count;
}

void lease_facts_free(struct lease_facts *facts, size_t count)
{
    for (size_t at = 0; facts != NULL && at < count; at++) {
        free(facts[at].waiting);
        free(facts[at].fenced);
    }
    free(facts);
}
