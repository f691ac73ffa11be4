/* SPDX-License-Identifier: Apache-2.0 */
/* Adds transactions with epoch markers to a binlog that is made. One thread. */
#pragma once

#include "binlog_maker.h"

/*
 * An epoch of an NDB cluster, as its binlog server writes it: the row of
 * mysql.ndb_apply_status, and so many rows of a table of users. Of `created_at_sec`,
 * which the maker is set to first. Returns where the transaction begins.
 */
uint64_t epoch_maker_ndb(struct binlog_maker *maker, uint64_t epoch, unsigned rows);

/* The row of heartbeat.heartbeat with a counter. Returns where the transaction begins. */
uint64_t epoch_maker_heartbeat(struct binlog_maker *maker,
                               uint32_t server_id,
                               uint64_t counter);

/* A row of heartbeat.heartbeat in which an applier reports. Returns where the transaction
 * begins. */
uint64_t epoch_maker_report(struct binlog_maker *maker,
                            uint32_t server_id,
                            uint64_t applied_epoch,
                            uint32_t source_cluster);

/* A row of mysql.ndb_apply_status that an applier left: what it applied of another cluster. */
uint64_t epoch_maker_applied(struct binlog_maker *maker, uint32_t origin, uint64_t epoch);

/* A transaction without a marker: one row. Returns where it begins. */
uint64_t epoch_maker_other(struct binlog_maker *maker);

/* LOST_EVENTS. Returns where its transaction begins. */
uint64_t epoch_maker_incident(struct binlog_maker *maker);
