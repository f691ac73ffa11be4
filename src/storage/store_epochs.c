/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store's side of its epoch indexes: records are appended behind each sync,
 * and an index that does not agree with its binlog is mended at the start or
 * when a reader comes upon it. An index that cannot be written stops nothing:
 * it is mended by the next who needs it.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "binrelay/base/log.h"
#include "binrelay/base/memory.h"
#include "binrelay/storage/epoch_index.h"
#include "epoch_mend.h"
#include "epoch_writer.h"
#include "recovery.h"

void epoch_index_set_server_id_bits(struct binlog_store *store, uint8_t bits)
{
    if (store->epoch_rules.server_id_bits == bits) {
        return;
    }
    pthread_mutex_lock(&store->epoch_lock);
    pthread_mutex_lock(&store->list.lock);
    store->epoch_rules.server_id_bits = bits;
    pthread_mutex_unlock(&store->list.lock);
    pthread_mutex_unlock(&store->epoch_lock);
    epoch_track_set_rules(&store->epochs, &store->epoch_rules);
}

struct epoch_key epoch_index_received(const struct binlog_store *store)
{
    return store->epochs.now.last;
}

static void set_facts(struct binlog_store *store,
                      struct store_file *file,
                      const struct epoch_facts *facts)
{
    struct epoch_facts old;

    pthread_mutex_lock(&store->list.lock);
    old = file->epochs;
    file->epochs = *facts;
    pthread_mutex_unlock(&store->list.lock);
    epoch_facts_release(&old);
}

/* Under the epoch lock. */
static enum status mend_file(struct binlog_store *store,
                             struct store_file *file,
                             struct epoch_mend *mend,
                             struct error *error)
{
    struct epoch_facts facts = {0};
    enum status status = STATUS_OK;

    mend->disk = store->disk;
    mend->path = file->path;
    mend->file = file->number;
    mend->rules = &store->epoch_rules;
    status = epoch_mend_run(mend, &facts, error);
    if (status != STATUS_OK) {
        (void)error_wrap(error, "epoch index of %s", file->path);
        facts.before = mend->before; /* for the next try */
        facts.covered = mend->bytes;
    }
    set_facts(store, file, &facts);
    return status;
}

enum status store_mend_epochs(struct binlog_store *store,
                              struct store_file *file,
                              struct error *error)
{
    struct epoch_mend mend = {.is_suspect = true};
    enum status status = STATUS_OK;
    bool is_known = false;

    pthread_mutex_lock(&store->epoch_lock);
    pthread_mutex_lock(&store->list.lock);
    is_known = file->epochs.is_known; /* somebody else may have mended it meanwhile */
    mend.before = file->epochs.before;
    mend.is_closed = file->next != 0;
    mend.bytes = file->next != 0 ? file->facts.bytes : file->epochs.covered;
    pthread_mutex_unlock(&store->list.lock);
    if (!is_known) {
        log_warning("%s: its epoch index is damaged and is made anew", file->path);
        status = mend_file(store, file, &mend, error);
    }
    pthread_mutex_unlock(&store->epoch_lock);
    return status;
}

/* ---- behind a sync ---- */

static enum status open_index(struct binlog_sync *sync,
                              struct store_file *file,
                              struct epoch_writer *writer,
                              struct error *error)
{
    autofree char *path = epoch_index_path(file->path);
    struct epoch_header header = {
        .file = file->number, .rules = sync->store->epoch_rules, .before = file->epochs.before};

    if (file->epochs.records == 0 &&
        epoch_fingerprint(sync->store->disk, file->path, &header.fingerprint, error) !=
            STATUS_OK) {
        return error->status;
    }
    return epoch_writer_open_at(writer, sync->store->disk, path, &header, file->epochs.records,
                                error);
}

/* What the file's records in the sync are: from `first` on, so many. */
struct epoch_run {
    size_t first;
    size_t count;
    bool is_closed;
    uint64_t bytes; /* of the file that are durable now */
};

static enum status append_records(struct binlog_sync *sync,
                                  struct store_file *file,
                                  const struct epoch_run *run,
                                  struct error *error)
{
    struct epoch_writer writer = {0};
    struct epoch_record seal = {.kind = EPOCH_RECORD_SEAL,
                                .start = file->epochs.records + run->count,
                                .end = run->bytes};
    enum status status = open_index(sync, file, &writer, error);

    seal.commit_usec = file->epochs.gap_count;
    for (size_t at = 0; status == STATUS_OK && at < run->count; at++) {
        const struct epoch_record *record = &sync->epochs[run->first + at].record;

        seal.commit_usec += record->kind == EPOCH_RECORD_GAP;
        status = epoch_writer_put(&writer, record, error);
    }
    if (status == STATUS_OK && run->is_closed) {
        status = epoch_writer_put(&writer, &seal, error);
    }
    if (status == STATUS_OK) {
        status = epoch_writer_finish(&writer, error);
    }
    epoch_writer_close(&writer);
    return status;
}

/* A reader may have come upon damage meanwhile. */
static bool is_known(struct binlog_store *store, const struct store_file *file)
{
    bool is_known = false;

    pthread_mutex_lock(&store->list.lock);
    is_known = file->epochs.is_known;
    pthread_mutex_unlock(&store->list.lock);
    return is_known;
}

/* Under the epoch lock: nobody else counts records, so the counts are read without a lock. */
static void write_run(struct binlog_sync *sync,
                      struct store_file *file,
                      const struct epoch_run *run)
{
    struct file_list *list = &sync->store->list;
    struct error error;
    bool is_written = is_known(sync->store, file);

    if (is_written && (run->count > 0 || run->is_closed)) {
        is_written = append_records(sync, file, run, &error) == STATUS_OK;
        if (!is_written) {
            log_warning("%s: its epoch index cannot be written: %s", file->path, error.message);
        }
    }
    pthread_mutex_lock(&list->lock);
    for (size_t at = 0; at < run->count; at++) {
        epoch_facts_add(&file->epochs, &sync->epochs[run->first + at].record);
    }
    file->epochs.is_known = file->epochs.is_known && is_written;
    file->epochs.covered = run->bytes;
    pthread_mutex_unlock(&list->lock);
}

/* The file has no facts yet: it was begun since the last sync. */
static void begin_facts(struct binlog_sync *sync, struct store_file *file)
{
    if (file->epochs.covered == 0) {
        pthread_mutex_lock(&sync->store->list.lock);
        epoch_facts_begin(&file->epochs, sync->epochs_before);
        pthread_mutex_unlock(&sync->store->list.lock);
    }
}

void store_write_epochs(struct binlog_sync *sync)
{
    struct binlog_store *store = sync->store;
    size_t next = 0;

    if (store->epoch_rules.kind == EPOCH_KIND_NONE) {
        return;
    }
    pthread_mutex_lock(&store->epoch_lock);
    for (size_t at = 0; at < sync->count; at++) {
        struct store_file *file = sync->files[at];
        bool is_last = at + 1 == sync->count;
        struct epoch_run run = {.first = next,
                                .is_closed = !is_last,
                                .bytes =
                                    is_last ? sync->target.place.offset : file->ended.bytes};

        begin_facts(sync, file);
        while (next < sync->epoch_count && sync->epochs[next].file == file->number) {
            sync->epochs_before = sync->epochs[next++].after;
        }
        run.count = next - run.first;
        write_run(sync, file, &run);
    }
    pthread_mutex_unlock(&store->epoch_lock);
}

/* ---- at the start ---- */

static void recover_file(struct binlog_store *store,
                         struct store_file *file,
                         struct epoch_mend *mend)
{
    struct error error;

    if (mend_file(store, file, mend, &error) != STATUS_OK) {
        log_warning("%s; it is tried again when it is needed", error.message);
    }
}

static struct epoch_state recover_newest(struct recovery *recovery)
{
    struct binlog_store *store = recovery->store;
    struct file_list *list = &store->list;
    struct epoch_mend mend = {.bytes = recovery->tail.scan.whole.offset};
    struct store_file *file = NULL;
    struct epoch_state state = {0};

    pthread_mutex_lock(&list->lock);
    if (list->count > 0) {
        file = list->files[list->count - 1];
        mend.before = file->epochs.before;
        store_file_ref(file);
    }
    pthread_mutex_unlock(&list->lock);
    if (file != NULL) {
        recover_file(store, file, &mend);
        state = file->epochs.after;
    }
    store_file_unref(file);
    return state;
}

static struct epoch_state recover_files(struct recovery *recovery)
{
    struct epoch_state state = {0};

    for (size_t at = 0; at < recovery->file_count; at++) {
        struct store_file *file = recovery->files[at];
        bool is_last = at + 1 == recovery->file_count;
        struct epoch_mend mend = {.bytes = is_last ? recovery->tail.scan.whole.offset
                                                   : file->facts.bytes,
                                  .before = state,
                                  .is_first = at == 0,
                                  .is_closed = !is_last};

        recover_file(recovery->store, file, &mend);
        state = file->epochs.after;
    }
    return state;
}

void recovery_mend_epochs(struct recovery *recovery)
{
    struct binlog_store *store = recovery->store;
    struct epoch_state state = {0};

    if (store->epoch_rules.kind == EPOCH_KIND_NONE) {
        return;
    }
    pthread_mutex_lock(&store->epoch_lock);
    if (recovery->kept > 0) {
        state = recovery->is_again ? recover_newest(recovery) : recover_files(recovery);
    }
    pthread_mutex_unlock(&store->epoch_lock);
    epoch_track_restart(&store->epochs, state);
}
