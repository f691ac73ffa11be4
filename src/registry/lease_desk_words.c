/* SPDX-License-Identifier: Apache-2.0 */
/* What a desk says to replicas and to people. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "binrelay/base/log.h"
#include "lease_desk_internal.h"

void lease_desk_say_end(struct lease_desk *desk,
                        const struct lease_group *group,
                        const struct lease_decision *decision,
                        struct lease_answer *answer)
{
    const char *name = group->name;
    char *text = answer->text;
    size_t size = sizeof(answer->text);

    switch (decision->why) {
    case LEASE_END_EXPIRED:
        (void)snprintf(text, size,
                       "The lease of group %.64s has run out: replica %" PRIu32
                       " did not report for %" PRIu64 " ms",
                       name, decision->server_id, desk->ttl_usec / 1000);
        break;
    case LEASE_END_RETURNED:
        (void)snprintf(text, size, "Replica %" PRIu32 " has connected once more",
                       decision->server_id);
        break;
    case LEASE_END_RELEASED:
    case LEASE_END_YIELDS:
        (void)snprintf(text, size,
                       "Replica %" PRIu32 " gives the lease of group %.64s to another one",
                       decision->server_id, name);
        break;
    case LEASE_END_FENCED:
        (void)snprintf(text, size,
                       "Replica %" PRIu32 " of group %.64s is fenced, until: lease grant",
                       decision->server_id, name);
        break;
    case LEASE_END_PLACE:
        (void)snprintf(text, size,
                       "Replica %" PRIu32
                       " asks for a place that group %.64s cannot go on from: see lease show",
                       decision->server_id, name);
        answer->is_about_place = true;
        break;
    case LEASE_END_LOST:
        (void)snprintf(text, size,
                       "Group %.64s has applied epoch %" PRIu64
                       ", and what follows that is not here any more",
                       name, group->applied.epoch);
        answer->is_final = true;
        break;
    case LEASE_END_NONE:
        break;
    }
}

static void tell(struct lease_desk *desk, const char *event, const char *text)
{
    log_info("%s: %s", event, text);
    desk->world.tell(desk->world.context, event, text);
}

static void tell_grant(struct lease_desk *desk,
                       const struct lease_group *group,
                       const struct lease_decision *decision,
                       char *text,
                       size_t size)
{
    const struct lease_record *record = &decision->record;
    struct lease_place_text start = lease_desk_print(desk, record->start);

    (void)snprintf(text, size,
                   "applier %" PRIu32 " of group %s has the stream: grant %" PRIu64 ", %s %s",
                   decision->server_id, group->name, record->number,
                   record->start.file != 0 ? "from" : "as it asks,", start.text);
    if (record->applied.epoch != 0) {
        size_t used = strlen(text);

        (void)snprintf(text + used, size - used, "; the group has applied epoch %" PRIu64,
                       record->applied.epoch);
    }
    tell(desk, "lease.granted", text);
}

void lease_desk_say_behind(struct lease_desk *desk,
                           const struct lease_group *group,
                           uint64_t applied,
                           char *text,
                           size_t size)
{
    struct lease_place_text sent = lease_desk_print(desk, group->lease.sent);
    uint32_t holder = group->lease.record.holder;

    if (applied == 0) {
        (void)snprintf(text, size,
                       "applier %" PRIu32
                       " was sent up to %s, and nothing was reported as applied",
                       holder, sent.text);
    } else {
        (void)snprintf(text, size,
                       "applier %" PRIu32 " was sent up to %s, and applied epoch %" PRIu64
                       " is all that was reported",
                       holder, sent.text, applied);
    }
}

static void say_wait(struct lease_desk *desk,
                     struct lease_group *group,
                     const struct lease_view *view,
                     char *text,
                     size_t size)
{
    uint32_t holder = group->lease.record.holder;

    lease_desk_say_behind(desk, group, view->applied.epoch, group->reason,
                          sizeof(group->reason));
    group->is_behind = true;
    (void)snprintf(
        text, size,
        "group %s waits: %s; it goes on when %" PRIu32
        " returns or its applied epoch is reported, or after: lease fence %s %" PRIu32,
        group->name, group->reason, holder, group->name, holder);
}

void lease_desk_tell(struct lease_desk *desk,
                     struct lease_group *group,
                     const struct lease_decision *decision,
                     const struct lease_view *view)
{
    char text[512];
    const char *name = group->name;
    uint32_t id = decision->server_id;

    switch (decision->action) {
    case LEASE_DO_GRANT:
        group->reason[0] = '\0';
        group->is_behind = false;
        tell_grant(desk, group, decision, text, sizeof(text));
        break;
    case LEASE_DO_RELEASE:
        group->reason[0] = '\0';
        group->is_behind = false;
        (void)snprintf(text, sizeof(text),
                       "applier %" PRIu32
                       " of group %s has the stream no longer; the group has "
                       "applied epoch %" PRIu64,
                       id, name, view->applied.epoch);
        tell(desk, "lease.released", text);
        break;
    case LEASE_DO_END:
        if (decision->why == LEASE_END_EXPIRED) {
            (void)snprintf(text, sizeof(text),
                           "applier %" PRIu32 " of group %s did not report for %" PRIu64
                           " ms: its connection is closed",
                           id, name, desk->ttl_usec / 1000);
            tell(desk, "lease.expired", text);
        }
        break;
    case LEASE_DO_EXPIRE:
        (void)snprintf(text, sizeof(text),
                       "applier %" PRIu32 " of group %s did not come back in time", id, name);
        tell(desk, "lease.expired", text);
        break;
    case LEASE_DO_WAIT:
        say_wait(desk, group, view, text, sizeof(text));
        tell(desk, "lease.waiting", text);
        break;
    case LEASE_DO_HOLD:
    case LEASE_DO_NOTHING:
        break;
    }
}
