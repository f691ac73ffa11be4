/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the stored stream says of appliers (protocol/sighting.h), told when the
 * transaction that says it is durable: nobody may act on what a crash could
 * take back. Rows from before a restart are not told again.
 */
#pragma once

#include "binrelay/protocol/sighting.h"
#include "binrelay/storage/binlog_store.h"

typedef void (*sighting_fn)(void *context, const struct sighting *sighting);

/*
 * The writer's thread, before a recovery. From then on fn is called there, in
 * the order of the log, for what is published. Where very many wait for one
 * sync the oldest are dropped: they are reports, and the next ones say more.
 * The rules are copied.
 */
void binlog_store_on_sighting(struct binlog_store *store,
                              const struct sighting_rules *rules,
                              sighting_fn fn,
                              void *context);
