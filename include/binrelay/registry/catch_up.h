/* SPDX-License-Identifier: Apache-2.0 */
/* Whether an applier can go on from where it is, with nothing missing; and how far behind it
 * is. Reads the epoch index: on a thread that may wait. */
#pragma once

#include <stdbool.h>

#include "binrelay/base/bytes.h"
#include "binrelay/base/error.h"
#include "binrelay/registry/applier_registry.h"
#include "binrelay/storage/binlog_store.h"

struct catch_up {
    bool is_possible;
    bool is_hopeless;            /* what it needs is not here any more; else it may come yet */
    struct binlog_position from; /* where it would go on */
    char reason[512];            /* why not; "" where it can */
    uint64_t oldest_epoch;       /* that is here; 0: none */
};

/*
 * The applier as the two below are to see it: where the groups of a cluster share
 * a place, a member goes on where its group is. The texts stay the list's.
 */
struct applier_facts catch_up_member(struct applier_registry *appliers,
                                     const struct applier_facts *applier);

/* By its applied epoch, else by the GTIDs that it reported, else by what its streams got, else
 * from the beginning of the log. */
struct catch_up catch_up_of(struct binlog_store *store, const struct applier_facts *applier);

/* Seconds since the oldest epoch was committed that it has not applied; 0: it has all. False:
 * not known. */
bool catch_up_lag(struct binlog_store *store,
                  const struct applier_facts *applier,
                  uint64_t now_usec,
                  double *seconds);

/* The newest epoch that is durable, and the oldest that is here; 0: none. */
uint64_t catch_up_newest_epoch(struct binlog_store *store);
uint64_t catch_up_oldest_epoch(struct binlog_store *store);

/* The file that a replica begins with that has executed a GTID set, or MariaDB's position, as
 * text. STATUS_AGAIN: nothing is stored yet. */
MUST_CHECK enum status catch_up_by_gtids(struct binlog_store *store,
                                         const char *executed,
                                         struct binlog_position *found,
                                         struct error *error);
