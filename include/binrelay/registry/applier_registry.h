/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who applies one cluster's log, and how far each one is. Durable in
 * control.db; outlives connections, restarts and reloads. Only `applier
 * forget` or an expiry releases an applier's hold (S3).
 *
 * Any thread. What says "waits" returns when it is durable and belongs on a
 * thread that may wait. Reports and places of streams are saved within a second
 * or so: one that a crash loses only holds more, and the next one says more;
 * but one that gave a place back to who had lost it must come again.
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

/* At start and reload: those of the configuration, all of them. One that is listed no more
 * stays, as if an administrator had added it, until it is forgotten. Each that becomes known
 * gets a row in the heartbeat table. Waits. STATUS_INVALID: a server_id 0 or a group too long.
 */
MUST_CHECK enum status applier_registry_configure(struct applier_registry *appliers,
                                                  const struct applier_setting *settings,
                                                  size_t count,
                                                  struct error *error);

/* ---- by hand; all wait; STATUS_NOT_FOUND: no such applier ---- */

/* Adds one, or changes group, is_required and expire_after of one that is there; one that the
 * configuration lists is as it says again at the next reload. */
MUST_CHECK enum status applier_registry_add(struct applier_registry *appliers,
                                            const struct applier_setting *setting,
                                            struct error *error);

/* And its heartbeat row, unless another cluster knows it. STATUS_DENIED: it is configured. */
MUST_CHECK enum status applier_registry_forget(struct applier_registry *appliers,
                                               uint32_t server_id,
                                               struct error *error);

/*
 * The only way back: any epoch that can be gone on from here, in the newest
 * incarnation that has it, or 0 for never; else STATUS_INVALID. One that lost its
 * place has one again. In a cluster that shares_groups the members of its
 * group that are above it are taken back too: they are at one place.
 */
MUST_CHECK enum status applier_registry_set_epoch(struct applier_registry *appliers,
                                                  uint32_t server_id,
                                                  uint64_t epoch,
                                                  struct error *error);

/* What it needs is about to be purged: it holds nothing until it has a place again (a report
 * or a stream that fits what is left, or set_epoch). The caller tells why
 * (applier.lost). Ask for the holds again before the purge: a report may have come meanwhile.
 */
MUST_CHECK enum status applier_registry_lose(struct applier_registry *appliers,
                                             uint32_t server_id,
                                             struct error *error);

/* A replica registers itself; of one that is known it is a sign of life and does not wait.
 * Until its first stream begins it holds all that is here, and it expires after a day of
 * silence. Waits. STATUS_FULL: APPLIER_MOST are known, and none that registered itself has
 * expired. */
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
 * 0, above the newest durable one, or lower than reported before; equal is
 * fine. `check` only asks. A refused report is an event (report.refused), once
 * for as long as the reason stays the same. A pseudo-epoch of a restore counts
 * as of its global checkpoint. A number that several incarnations have is of the
 * lowest that is not lower than before: that holds more, until set_epoch says else.
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
 * STATUS_INVALID: neither, or it holds what this cluster never had of a uuid (MariaDB: a
 * domain) that it has, or lacks what it reported before. Where epochs are reported too, they
 * count. */
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
