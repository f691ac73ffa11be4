/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/storage/sightings.h"

#include "store_internal.h"

void binlog_store_on_sighting(struct binlog_store *store,
                              const struct sighting_rules *rules,
                              sighting_fn fn,
                              void *context)
{
    store->on_sighting = fn;
    store->on_sighting_context = context;
    epoch_track_watch(&store->epochs, &store->epoch_rules, rules);
}

void store_tell_sightings(struct binlog_store *store, struct binlog_position durable)
{
    struct sighting_list *seen = &store->epochs.seen;
    size_t count = sighting_list_count(seen, durable.file, durable.offset);

    for (size_t at = 0; at < count; at++) {
        store->on_sighting(store->on_sighting_context, &seen->items[at].sighting);
    }
    if (count > 0) {
        sighting_list_drop(seen, count);
    }
}
