/* SPDX-License-Identifier: Apache-2.0 */
/* What a replica is told that cannot catch up: what is still here, and what to do. */
#include <inttypes.h>
#include <stdio.h>

#include "binrelay/storage/epoch_index.h"
#include "dump_internal.h"

struct oldest_text dump_oldest(const struct dump_request *request)
{
    struct binlog_store *store = request->cluster->store;
    struct oldest_text oldest;
    struct epoch_summary epochs;
    struct error ignored; /* then there are no epochs */
    char name[BINLOG_NAME_BYTES];

    binlog_name_print(name, binlog_store_log_name(store), dump_find_first(request).file);
    if (epoch_index_rules(store).kind != EPOCH_KIND_NONE &&
        epoch_index_summary(store, &epochs, &ignored) == STATUS_OK) {
        (void)snprintf(oldest.text, sizeof(oldest.text),
                       "the oldest here is %s, and %" PRIu64
                       " is the oldest epoch to go on from: the replica needs a copy of the "
                       "data of that epoch or a later one",
                       name, epochs.first.key.epoch);
    } else {
        (void)snprintf(oldest.text, sizeof(oldest.text),
                       "the oldest here is %s: the replica needs a newer copy of the data",
                       name);
    }
    return oldest;
}
