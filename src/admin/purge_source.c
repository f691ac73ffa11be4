/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is durable here need not stay at the source. It keeps the file it
 * writes, the newest that is whole here and the one before it: a replica of
 * its own, or a relay that has to go back, finds a little more than nothing.
 */
#include <inttypes.h>

#include "binrelay/base/log.h"
#include "purger_internal.h"

enum { SOURCE_KEEPS_WHOLE_FILES = 2 };

/* The file up to which the source may purge; 0: none. */
static uint64_t find_limit(struct purger *purger)
{
    uint64_t newest = binlog_store_durable_end(purger->options.store).file;
    bool is_wanted = false;

    pthread_mutex_lock(&purger->lock);
    is_wanted = purger->settings.purges_source && purger->settings.is_automatic;
    pthread_mutex_unlock(&purger->lock);
    return is_wanted && purger->options.links.purge_source != NULL &&
                   newest > SOURCE_KEEPS_WHOLE_FILES
               ? newest - SOURCE_KEEPS_WHOLE_FILES
               : 0;
}

void purge_source(struct purger *purger)
{
    const struct purger_links *links = &purger->options.links;
    uint64_t limit = find_limit(purger);
    char name[BINLOG_NAME_BYTES];
    struct error error = {0};

    if (limit <= purger->source_purged || !purger_may_try(purger, &purger->asking_source)) {
        return;
    }
    binlog_name_print(name, binlog_store_log_name(purger->options.store), limit);
    if (links->purge_source(links->context, limit, &error) == STATUS_OK) {
        purger->source_purged = limit;
        purger_succeed(&purger->asking_source);
        log_info("cluster %s: the source purged what is in front of %s here",
                 purger->options.cluster, name);
        return;
    }
    (void)error_wrap(&error, "the source does not purge its own files");
    purger_fail(purger, &purger->asking_source, "source.purge_failed", &error);
}
