/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reports against the log: whether one can be true, and what stays for it. Asks
 * the store, which may read a file: no lock is held. Any thread.
 */
#pragma once

#include "applier_table.h"

/* Both borrowed. */
struct applier_scope {
    const char *cluster;
    struct binlog_store *store;
};

enum { APPLIER_GTIDS_MOST_BYTES = 1 << 20 };

/*
 * Whether an applier that reported `before` (epoch 0: nothing) can have applied
 * the epoch; *key is it with its incarnation. A number that more incarnations
 * could have is taken for the lowest of them that is not below `before`: that
 * holds more. Anything but REPORT_GOOD fills the error with STATUS_INVALID.
 */
enum report_fault applier_check_epoch(const struct applier_scope *scope,
                                      uint32_t server_id,
                                      struct epoch_key before,
                                      uint64_t epoch,
                                      struct epoch_key *key,
                                      struct error *error);

/* Says that an epoch is below what was reported before. */
enum report_fault applier_refuse_below(const char *cluster,
                                       uint32_t server_id,
                                       uint64_t epoch,
                                       uint64_t before,
                                       struct error *error);

/* The newest incarnation behind whose epoch one can go on from here. STATUS_INVALID: none. */
MUST_CHECK enum status applier_find_epoch(const struct applier_scope *scope,
                                          uint64_t epoch,
                                          struct epoch_key *key,
                                          struct error *error);

/* The same as applier_check_epoch() of a GTID set or a MariaDB position; before: NULL or what
 * was reported. *normal is its text as it is kept, the caller's. */
enum report_fault applier_check_gtids(const struct applier_scope *scope,
                                      uint32_t server_id,
                                      const char *before,
                                      struct bytes executed,
                                      char **normal,
                                      struct error *error);

/*
 * What must stay for one that has applied the epoch, or executed the GTIDs:
 * never behind the true place. False: not all that follows is here, and
 * *place is the beginning of what is ({0, 0}: nothing is).
 */
bool applier_place_of_epoch(struct binlog_store *store,
                            struct epoch_key applied,
                            struct binlog_position *place);
bool applier_place_of_gtids(struct binlog_store *store,
                            const char *gtids,
                            struct binlog_position *place);

/* The last epoch that ends at the place or before; epoch 0: none does. */
struct epoch_key applier_epoch_before(struct binlog_store *store, struct binlog_position place);

/* True if the first or the last marker that is here is of that server id. */
bool applier_is_origin(struct binlog_store *store, uint32_t origin);

/*
 * What each of them holds, the oldest need first; *holds is the caller's.
 * shares_groups: where a member of a group reported, the report of the group that
 * is furthest counts for each of its members.
 */
size_t applier_holds(const struct applier_scope *scope,
                     const struct applier *appliers,
                     size_t count,
                     bool shares_groups,
                     struct applier_time now,
                     struct log_hold **holds);
