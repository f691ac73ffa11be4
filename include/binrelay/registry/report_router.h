/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes reports in the forms in which they come and finds the cluster and the
 * applier that they are for. A report that is refused is an event
 * (report.refused) with its reason, once for as long as the reason stays the
 * same. Any thread; never waits.
 */
#pragma once

#include "binrelay/registry/applier_registry.h"
#include "binrelay/registry/heartbeat_table.h"

struct report_router; /* the registry's */

/*
 * A row of the heartbeat table. Its cluster is the one whose server_id, or one
 * of whose source's, is source_cluster, or, where that is NULL, the only one
 * that knows the applier.
 * Without an applied_epoch it is a sign of life everywhere the applier is known.
 * STATUS_NOT_FOUND: no cluster knows the applier. STATUS_INVALID: refused, with the reason.
 * `check` asks only, and causes no event.
 */
MUST_CHECK enum status report_router_check_row(struct report_router *router,
                                               const struct heartbeat_row *row,
                                               struct error *error);
MUST_CHECK enum status report_router_take_row(struct report_router *router,
                                              const struct heartbeat_row *row,
                                              enum report_way way,
                                              struct error *error);

/*
 * A row of mysql.ndb_apply_status seen in the stream of `stream_cluster`: its
 * servers have applied `epoch` of the cluster whose server_id, or one of whose
 * source's server ids, is `origin`. It counts for the appliers of that
 * cluster whose group is called as `stream_cluster`. Rows of other origins, and of the
 * stream's own cluster (its markers), say nothing and are no error.
 */
MUST_CHECK enum status report_router_take_apply_status(struct report_router *router,
                                                       const char *stream_cluster,
                                                       uint32_t origin,
                                                       uint64_t epoch,
                                                       struct error *error);

/* The cluster whose epochs a row of that origin counts, or NULL: none, or the sources of
 * several call themselves so. Borrowed. */
struct applier_registry *report_router_cluster_of(struct report_router *router,
                                                  uint32_t origin);
