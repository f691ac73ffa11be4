/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who applies one cluster's log, and how far each one is. Durable in
 * control.db; outlives connections, restarts and reloads. Only `applier
 * forget` or an expiry releases an applier's hold (S3).
 *
 * Any thread. What says "waits" returns when it is durable and belongs on a
 * thread that may wait. A report need not be durable: one that is lost only
 * holds more, and the next one says more.
 */
#pragma once

#include "binrelay/base/clock.h"
#include "binrelay/base/error.h"
#include "binrelay/registry/applier.h"
#include "binrelay/storage/binlog_store.h"

struct applier_registry; /* of one cluster; the registry's */

/* One that the configuration or an administrator names. */
struct applier_setting {
    uint32_t server_id;
    const char *group; /* NULL: none */
    bool is_required;
    uint64_t expire_after_usec; /* 0: never */
};

/*
 * At start and reload: those of the configuration, all of them. One that is
 * listed no more stays, as if an administrator had added it, until it is
 * forgotten. Waits.
 */
MUST_CHECK enum status applier_registry_configure(struct applier_registry *appliers,
                                                  const struct applier_setting *settings,
                                                  size_t count,
                                                  struct error *error);

/* ---- by hand; all wait; STATUS_NOT_FOUND: no such applier ---- */

/* Adds one, or changes group, is_required and expire_after of one that is there. */
MUST_CHECK enum status applier_registry_add(struct applier_registry *appliers,
                                            const struct applier_setting *setting,
                                            struct error *error);

/* STATUS_DENIED: the configuration lists it. */
MUST_CHECK enum status applier_registry_forget(struct applier_registry *appliers,
                                               uint32_t server_id,
                                               struct error *error);

/* The only way back: any epoch that can be gone on from here, or 0 for never. One that lost
 * its place has one again. */
MUST_CHECK enum status applier_registry_set_epoch(struct applier_registry *appliers,
                                                  uint32_t server_id,
                                                  uint64_t epoch,
                                                  struct error *error);

/* What it needs is about to be purged: it holds nothing until it has a place again (a report
 * or a stream that fits what is left, or set_epoch). */
MUST_CHECK enum status applier_registry_lose(struct applier_registry *appliers,
                                             uint32_t server_id,
                                             struct error *error);

/* A replica registers itself. Nothing changes if it is known. Until its first stream begins it
 * holds all that is here. Waits. STATUS_FULL: APPLIER_MOST are known. */
MUST_CHECK enum status applier_registry_register(struct applier_registry *appliers,
                                                 uint32_t server_id,
                                                 struct error *error);

/* ---- what happens; never waits; those that are not known are passed over ---- */

/* A stream of a replica begins at a place, is known to have got all before a place, and ends.
 * Of several streams the lowest counts. Saved now and then. */
void applier_registry_stream_began(struct applier_registry *appliers,
                                   uint32_t server_id,
                                   struct binlog_position from);
void applier_registry_stream_got(struct applier_registry *appliers,
                                 uint32_t server_id,
                                 struct binlog_position got);
void applier_registry_stream_ended(struct applier_registry *appliers,
                                   uint32_t server_id,
                                   struct binlog_position got);

/* A sign of life without an epoch. */
void applier_registry_seen(struct applier_registry *appliers, uint32_t server_id);

/*
 * STATUS_INVALID with the reason if the applier is not known here, the epoch is
 * 0, above the newest durable one, or lower than reported before. `check` only
 * asks.
 */
MUST_CHECK enum status applier_registry_check(struct applier_registry *appliers,
                                              uint32_t server_id,
                                              uint64_t epoch,
                                              struct error *error);
MUST_CHECK enum status applier_registry_report(struct applier_registry *appliers,
                                               uint32_t server_id,
                                               uint64_t epoch,
                                               enum report_way way,
                                               struct error *error);

/* Clusters without epochs: what it has executed, a GTID set or a MariaDB position as text.
 * STATUS_INVALID: neither, or it holds what this cluster never had of a uuid that it has. */
MUST_CHECK enum status applier_registry_report_gtids(struct applier_registry *appliers,
                                                     uint32_t server_id,
                                                     struct bytes executed,
                                                     enum report_way way,
                                                     struct error *error);

/* ---- reading ---- */

bool applier_registry_knows(struct applier_registry *appliers, uint32_t server_id);

/* A list of one, released by applier_facts_free(*facts, 1). STATUS_NOT_FOUND: no such applier.
 */
MUST_CHECK enum status applier_registry_find(struct applier_registry *appliers,
                                             uint32_t server_id,
                                             struct applier_facts **facts,
                                             struct error *error);

/* Ordered by server_id; released by applier_facts_free(). */
size_t applier_registry_list(struct applier_registry *appliers, struct applier_facts **facts);

/* What appliers hold, the oldest need first; *holds is the caller's to free. */
size_t applier_registry_holds(struct applier_registry *appliers, struct log_hold **holds);

/* The highest epoch that a member of the group reported; epoch 0: none did. */
struct epoch_key applier_registry_group_applied(struct applier_registry *appliers,
                                                const char *group);

/* Called after each report that was taken, on the thread that brought it. Set at start. */
typedef void (*applier_reported_fn)(void *context,
                                    uint32_t server_id,
                                    struct epoch_key applied);
void applier_registry_on_report(struct applier_registry *appliers,
                                applier_reported_fn fn,
                                void *context);
