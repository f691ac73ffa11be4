/* SPDX-License-Identifier: Apache-2.0 */
#include "syncer.h"

#include <assert.h>

static void run_on_worker(struct message *message)
{
    struct syncer *syncer = ((struct syncer_message *)message)->syncer;

    binlog_sync_run(syncer->sync);
    loop_post(syncer->loop, &syncer->done.message);
}

static void end_on_loop(struct message *message)
{
    struct syncer *syncer = ((struct syncer_message *)message)->syncer;
    struct binlog_sync *sync = syncer->sync;
    struct error error = {0};
    enum status status = binlog_store_sync_end(syncer->store, sync, &error);

    syncer->sync = NULL;
    syncer->on_end(syncer->context, status, &error);
}

enum status syncer_start(struct syncer *syncer, const char *name, struct error *error)
{
    syncer->run = (struct syncer_message){{.run = run_on_worker}, syncer};
    syncer->done = (struct syncer_message){{.run = end_on_loop}, syncer};
    return worker_start(&syncer->worker, name, error);
}

void syncer_stop(struct syncer *syncer)
{
    assert(syncer->sync == NULL);
    worker_stop(syncer->worker);
    syncer->worker = NULL;
}

bool syncer_begin(struct syncer *syncer)
{
    if (syncer->sync != NULL ||
        binlog_store_sync_begin(syncer->store, &syncer->sync) != STATUS_OK) {
        return false;
    }
    worker_post(syncer->worker, &syncer->run.message);
    return true;
}

bool syncer_is_busy(const struct syncer *syncer)
{
    return syncer->sync != NULL;
}
