/* SPDX-License-Identifier: Apache-2.0 */
/* Where in a store the next one of a group goes on. */
#pragma once

#include "lease_rules.h"

/* Fills all but now_usec and applied. Reads the store. Any thread. */
void lease_place_locate(struct binlog_store *store, struct lease_view *view);

/*
 * Moves a place past the events that are no transaction's: the end of a file,
 * and what opens the next. A receiver that was sent them has got nothing to
 * apply. Stops at the durable end, or at once where the store cannot be read.
 */
struct binlog_position lease_place_settle(struct binlog_store *store,
                                          struct binlog_position place);
