/* SPDX-License-Identifier: Apache-2.0 */
/* Where an applier would go on in a log, by what is known of it. */
#pragma once

#include "binrelay/registry/applier.h"
#include "binrelay/storage/binlog_store.h"

enum applier_place {
    APPLIER_PLACE_UNKNOWN, /* it never said, or a gap lies there, or it is ahead of the log */
    APPLIER_PLACE_HERE,
    APPLIER_PLACE_GONE, /* before the first file: it cannot catch up */
};

/* By its applied epoch, else by its GTIDs, else by what its streams got. *found is set with
 * HERE. Any thread; may read an index. */
enum applier_place applier_place_find(struct binlog_store *store,
                                      const struct applier_facts *facts,
                                      struct binlog_position *found);
