/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which transactions were stored: MySQL's GTID set and MariaDB's binlog state
 * side by side. A log has one of them, or neither; both are kept, so that
 * nobody has to ask.
 */
#pragma once

#include <stdbool.h>

#include "binrelay/protocol/gtid_set.h"
#include "binrelay/protocol/mariadb_gtid.h"

/* Zeroed is not usable: stored_gtids_init() first. */
struct stored_gtids {
    struct gtid_set *set;           /* owned */
    struct mariadb_gtid_list state; /* owned; as added piece, what changed */
};

void stored_gtids_init(struct stored_gtids *gtids);

/* Accepts a zeroed one. */
void stored_gtids_release(struct stored_gtids *gtids);

/* Adds what was stored behind what is there: a state's later entries win. */
void stored_gtids_add(struct stored_gtids *gtids, const struct stored_gtids *added);

/* A copy in place of what was there; `gtids` may be zeroed. */
void stored_gtids_copy(struct stored_gtids *gtids, const struct stored_gtids *from);
