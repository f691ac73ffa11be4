/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Carries out the rules of lease_rules.h for the groups of one cluster: gets
 * the inputs one after the other on one thread, makes decisions durable and
 * hands them to the members. What it needs of the world it is given, so tests
 * run it with a world of their own.
 */
#pragma once

#include "binrelay/base/clock.h"
#include "binrelay/registry/lease_table.h"
#include "lease_rules.h"

enum lease_fence_change {
    LEASE_FENCE_UNCHANGED,
    LEASE_FENCE_SET, /* or lifted */
    LEASE_FENCE_CLEARED,
};

/* One durable write, all or nothing. */
struct lease_write {
    const char *group;
    const struct lease_record *record;
    uint64_t previous_number; /* of the record that is replaced */
    enum lease_fence_change change;
    const struct lease_fence *fence; /* what changes; of a CLEARED one only whose it is */
};

struct lease_world {
    const struct clock *clock;
    /* The highest epoch that a member has reported; epoch 0: none. */
    struct epoch_key (*applied)(void *context, const char *group);
    /* Fills all but now_usec and applied, of which it says where it is. */
    void (*locate)(void *context, struct lease_view *view);
    /* A number that changes with each sign of life of the applier. */
    uint64_t (*life)(void *context, uint32_t server_id);
    enum status (*save)(void *context, const struct lease_write *write, struct error *error);
    void (*tell)(void *context, const char *event, const char *text);
    const char *(*log_name)(void *context); /* for texts */
    void *context;                          /* borrowed */
};

struct lease_desk;

/* The world is copied. */
struct lease_desk *lease_desk_new(const struct lease_world *world, uint64_t ttl_usec);

/* Accepts NULL. */
void lease_desk_free(struct lease_desk *desk);

/* At start: what is kept of a group, and then of its fences. */
void lease_desk_load(struct lease_desk *desk,
                     const char *group,
                     const struct lease_record *record);
void lease_desk_load_fence(struct lease_desk *desk,
                           const char *group,
                           struct lease_fence fence);

/* There is a group of that name, were nobody of it ever here. */
void lease_desk_know(struct lease_desk *desk, const char *group);

/* The group is set to an epoch by hand, which may be below what it had; epoch 0: none. That is
 * durable, or has failed. The world says so before anything else is done here. */
MUST_CHECK enum status lease_desk_set_epoch(struct lease_desk *desk,
                                            const char *group,
                                            struct epoch_key applied,
                                            struct error *error);

void lease_desk_set_ttl(struct lease_desk *desk, uint64_t ttl_usec);

/* ---- inputs ---- */

/* Returns the session's number. */
uint64_t lease_desk_join(struct lease_desk *desk, const struct lease_request *request);
void lease_desk_leave(struct lease_desk *desk, uint64_t session, struct binlog_position sent);

/* is_own: the applier itself said so now, it was not read somewhere. */
void lease_desk_report(struct lease_desk *desk,
                       const char *group,
                       uint32_t server_id,
                       struct epoch_key applied,
                       bool is_own);

/* Time has passed. */
void lease_desk_tick(struct lease_desk *desk);

/* ---- by hand: as lease_table_...() ---- */

MUST_CHECK enum status lease_desk_grant(struct lease_desk *desk,
                                        const char *group,
                                        uint32_t server_id,
                                        struct error *error);
MUST_CHECK enum status lease_desk_release(struct lease_desk *desk,
                                          const char *group,
                                          uint32_t server_id,
                                          struct error *error);
MUST_CHECK enum status lease_desk_fence(struct lease_desk *desk,
                                        const char *group,
                                        uint32_t server_id,
                                        struct error *error);
size_t lease_desk_list(struct lease_desk *desk, struct lease_facts **facts);

/* Calls fn for each applier that is bound to a group whatever the registry says of it. */
void lease_desk_each_bound(struct lease_desk *desk,
                           void (*fn)(void *context, uint32_t server_id, const char *group),
                           void *context);
