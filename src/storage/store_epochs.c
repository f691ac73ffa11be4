/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store's side of its epoch indexes: records are appended behind each sync,
 * and an index that does not agree with its binlog is mended at the start or
 * when a reader comes upon it. An index that cannot be written stops nothing:
 * it is mended by the next who needs it.
 */
#include "binrelay/base/log.h"
#include "binrelay/base/memory.h"
#include "binrelay/storage/epoch_index.h"
#include "epoch_mend.h"
#include "epoch_writer.h"
#include "store_internal.h"

enum { MEND_MOST_ATTEMPTS = 8 };

void epoch_index_set_server_id_bits(struct binlog_store *store, uint8_t bits)
{
    if (store->epoch_rules.server_id_bits == bits) {
        return;
    }
    pthread_mutex_lock(&store->list.lock);
    store->epoch_rules.server_id_bits = bits;
    pthread_mutex_unlock(&store->list.lock);
    epoch_track_set_rules(&store->epochs, &store->epoch_rules);
}

struct epoch_key epoch_index_received(const struct binlog_store *store)
{
    return store->epochs.now.last;
}

void epoch_index_on_notice(struct binlog_store *store, epoch_notice_fn fn, void *context)
{
    store->on_epoch_notice = fn;
    store->on_epoch_notice_context = context;
}

enum status store_mend_file(struct binlog_store *store,
                            const struct store_file *file,
                            struct epoch_mend *mend,
                            struct epoch_facts *facts,
                            struct error *error)
{
    struct epoch_rules rules = epoch_index_rules(store);
    enum status status = STATUS_OK;

    mend->disk = store->disk;
    mend->path = file->path;
    mend->file = file->number;
    mend->rules = &rules;
    status = epoch_mend_run(mend, facts, error);
    mend->rules = NULL;
    return status == STATUS_OK ? STATUS_OK : error_wrap(error, "epoch index of %s", file->path);
}

enum mend_need { MEND_NONE, MEND_NEEDED, MEND_PURGED, MEND_TOO_EARLY };

/* What there is to mend; somebody else may have done it meanwhile. */
static enum mend_need plan_mend(struct binlog_store *store,
                                struct store_file *file,
                                struct epoch_mend *mend)
{
    enum mend_need need = MEND_NONE;

    pthread_mutex_lock(&store->list.lock);
    if (file->is_purged) {
        need = MEND_PURGED;
    } else if (!file->epochs.is_known) {
        need = file->epochs.is_before_known ? MEND_NEEDED : MEND_TOO_EARLY;
    }
    mend->before = file->epochs.before;
    mend->is_closed = file->next != 0;
    mend->bytes = file->epochs.covered;
    mend->is_suspect = file->epochs.is_suspect;
    file->epochs.is_suspect = false;
    file->epoch_mends++;
    pthread_mutex_unlock(&store->list.lock);
    return need;
}

/* Puts mended facts in the place of what was there. False: the file has grown meanwhile, and
 * more is to be read. */
static bool take_facts(struct binlog_store *store,
                       struct store_file *file,
                       const struct epoch_mend *mend,
                       struct epoch_facts *facts)
{
    struct epoch_facts old;
    bool is_all = false;

    pthread_mutex_lock(&store->list.lock);
    is_all = file->epochs.covered == mend->bytes && (file->next != 0) == mend->is_closed;
    if (is_all) {
        old = file->epochs;
        file->epochs = *facts;
        *facts = old; /* and the caller releases it */
    }
    pthread_mutex_unlock(&store->list.lock);
    return is_all;
}

/* One attempt. *is_done: the file did not grow meanwhile. */
static enum status mend_once(struct binlog_store *store,
                             struct store_file *file,
                             struct epoch_mend *mend,
                             bool *is_done,
                             struct error *error)
{
    struct epoch_facts facts = {0};
    enum status status = store_mend_file(store, file, mend, &facts, error);

    *is_done = status == STATUS_OK && take_facts(store, file, mend, &facts);
    if (status != STATUS_OK && mend->is_suspect) {
        pthread_mutex_lock(&store->list.lock);
        file->epochs.is_suspect = true; /* it still is */
        pthread_mutex_unlock(&store->list.lock);
    }
    epoch_facts_release(&facts);
    return status;
}

static enum status refuse_purged(const struct store_file *file, struct error *error)
{
    return error_set(error, STATUS_NOT_FOUND, "%s was purged", file->path);
}

/* Under the locks. */
static enum status mend(struct binlog_store *store,
                        struct store_file *file,
                        struct error *error)
{
    for (int attempt = 0; attempt < MEND_MOST_ATTEMPTS; attempt++) {
        struct epoch_mend mend = {0};
        bool is_done = false;
        enum mend_need need = plan_mend(store, file, &mend);

        if (need == MEND_NONE) {
            return STATUS_OK;
        }
        if (need == MEND_PURGED) {
            return refuse_purged(file, error);
        }
        if (need == MEND_TOO_EARLY) {
            return error_set(error, STATUS_SYSTEM, "%s: which epochs came before is not known",
                             file->path);
        }
        if (attempt == 0) {
            log_warning("%s: its epoch index is damaged and is made anew", file->path);
        }
        if (mend_once(store, file, &mend, &is_done, error) != STATUS_OK) {
            return error->status;
        }
        if (is_done) {
            return STATUS_OK;
        }
    }
    return error_set(error, STATUS_SYSTEM, "%s grows faster than its index is made",
                     file->path);
}

bool store_is_purged(struct binlog_store *store, const struct store_file *file)
{
    bool is_purged = false;

    pthread_mutex_lock(&store->list.lock);
    is_purged = file->is_purged;
    pthread_mutex_unlock(&store->list.lock);
    return is_purged;
}

enum status store_mend_epochs(struct binlog_store *store,
                              struct store_file *file,
                              struct error *error)
{
    enum status status = STATUS_OK;

    if (store_is_purged(store, file)) {
        return refuse_purged(file, error); /* without a lock that a sync would like to have */
    }
    pthread_mutex_lock(&store->mend_lock);
    pthread_mutex_lock(&store->epoch_lock);
    status = mend(store, file, error);
    epoch_handles_clear(&store->epoch_handles);
    pthread_mutex_unlock(&store->epoch_lock);
    pthread_mutex_unlock(&store->mend_lock);
    return status;
}

void store_await_mends(struct binlog_store *store)
{
    pthread_mutex_lock(&store->mend_lock);
    pthread_mutex_unlock(&store->mend_lock);
}

/* ---- files whose epochs were not known at the start ---- */

/* The first file of which it is not known what came before, and the one in front of it; with
 * references. False: there is none. */
static bool find_unsettled(struct binlog_store *store,
                           struct store_file **file,
                           struct store_file **front)
{
    struct file_list *list = &store->list;
    size_t at = 0;

    pthread_mutex_lock(&list->lock);
    while (at < list->count && list->files[at]->epochs.is_before_known) {
        at++;
    }
    if (at < list->count) {
        *file = list->files[at];
        *front = list->files[at > 0 ? at - 1 : 0]; /* a purge leaves no such file in front */
        store_file_ref(*file);
        store_file_ref(*front);
    } else {
        atomic_store_explicit(&store->is_unsettled, false, memory_order_release);
    }
    pthread_mutex_unlock(&list->lock);
    return at < list->count;
}

enum status store_settle_epochs(struct binlog_store *store, struct error *error)
{
    struct store_file *file = NULL;
    struct store_file *front = NULL;
    enum status status = STATUS_OK;

    while (status == STATUS_OK &&
           atomic_load_explicit(&store->is_unsettled, memory_order_acquire) &&
           find_unsettled(store, &file, &front)) {
        status = store_mend_epochs(store, front, error);
        pthread_mutex_lock(&store->list.lock);
        if (status == STATUS_OK) {
            file->epochs.before = front->epochs.after;
            file->epochs.is_before_known = true;
        }
        pthread_mutex_unlock(&store->list.lock);
        status = status == STATUS_NOT_FOUND ? STATUS_OK : status; /* purged: look again */
        store_file_unref(file);
        store_file_unref(front);
    }
    return status;
}

/* ---- behind a sync ---- */

/* What a sync has for one file. */
struct epoch_run {
    const struct epoch_pending *pending; /* borrowed */
    size_t count;
    struct epoch_state before; /* what the files in front come to */
    uint64_t bytes;            /* of the file that are durable now */
    bool is_closed;
};

/* Of the file with a number in the sync; `next` goes on behind its records. */
static struct epoch_run run_of(const struct binlog_sync *sync,
                               size_t file,
                               size_t *next,
                               struct epoch_state *state)
{
    uint64_t number = sync->files[file]->number;
    struct epoch_run run = {
        .pending = sync->epochs == NULL ? NULL : sync->epochs + *next,
        .before = *state,
        .is_closed = file + 1 < sync->count,
    };

    run.bytes = run.is_closed ? sync->files[file]->ended.bytes : sync->target.place.offset;
    while (*next < sync->epoch_count && sync->epochs[*next].file == number) {
        *state = sync->epochs[*next].after;
        (*next)++;
        run.count++;
    }
    return run;
}

static enum status append_records(struct epoch_writer *writer,
                                  const struct epoch_facts *facts,
                                  const struct epoch_run *run,
                                  struct error *error)
{
    struct epoch_record seal = {.kind = EPOCH_RECORD_SEAL,
                                .start = facts->records + run->count,
                                .end = run->bytes,
                                .commit_usec = facts->gap_count};
    enum status status = STATUS_OK;

    for (size_t at = 0; status == STATUS_OK && at < run->count; at++) {
        const struct epoch_record *record = &run->pending[at].record;

        seal.commit_usec += record->kind == EPOCH_RECORD_GAP;
        status = epoch_writer_put(writer, record, error);
    }
    if (status == STATUS_OK && run->is_closed) {
        status = epoch_writer_put(writer, &seal, error);
    }
    return status == STATUS_OK ? epoch_writer_finish(writer, error) : status;
}

/* Under the epoch lock. The facts are only changed by who holds that, and by the writer's
 * thread, which waits for the sync. */
static enum status write_run(struct binlog_store *store,
                             const struct store_file *file,
                             const struct epoch_run *run,
                             struct error *error)
{
    const struct epoch_facts *facts = &file->epochs;
    autofree char *path = epoch_index_path(file->path);
    struct epoch_writer writer = {0};
    struct epoch_header header = {.file = file->number,
                                  .rules = epoch_index_rules(store),
                                  .before = facts->covered == 0 ? run->before : facts->before};

    if ((facts->records == 0 &&
         epoch_fingerprint(store->disk, file->path, &header.fingerprint, error) != STATUS_OK) ||
        epoch_writer_open_at(&writer, store->disk, path, &header, facts->records, error) !=
            STATUS_OK) {
        return error->status;
    }
    if (append_records(&writer, facts, run, error) != STATUS_OK) {
        error_wrap(error, "%s", path);
    }
    epoch_writer_close(&writer);
    return error->status;
}

void store_write_epochs(struct binlog_sync *sync)
{
    struct binlog_store *store = sync->store;
    struct epoch_state state = sync->epochs_before;
    size_t next = 0;

    sync->epochs_written = 0;
    if (store->epoch_rules.kind == EPOCH_KIND_NONE ||
        pthread_mutex_trylock(&store->epoch_lock) != 0) {
        return; /* the index is being mended: who reads it next goes on with that */
    }
    for (size_t at = 0; at < sync->count; at++) {
        struct store_file *file = sync->files[at];
        struct epoch_run run = run_of(sync, at, &next, &state);
        bool is_known = false;
        struct error error = {0};

        pthread_mutex_lock(&store->list.lock);
        is_known = file->epochs.is_known || file->epochs.covered == 0;
        sync->epoch_mends[at] = file->epoch_mends;
        pthread_mutex_unlock(&store->list.lock);
        if (is_known && (run.count > 0 || run.is_closed) &&
            write_run(store, file, &run, &error) != STATUS_OK) {
            log_warning("%s; it is made anew when it is needed", error.message);
            break;
        }
        sync->epochs_written = at + 1;
    }
    pthread_mutex_unlock(&store->epoch_lock);
}

void store_publish_epochs(struct binlog_sync *sync)
{
    struct epoch_state state = sync->epochs_before;
    size_t next = 0;

    for (size_t at = 0; at < sync->count && sync->store->epoch_rules.kind != EPOCH_KIND_NONE;
         at++) {
        struct store_file *file = sync->files[at];
        struct epoch_run run = run_of(sync, at, &next, &state);

        if (file->epochs.covered == 0) {
            epoch_facts_begin(&file->epochs, run.before);
        }
        for (size_t record = 0; record < run.count; record++) {
            epoch_facts_add(&file->epochs, &run.pending[record].record);
        }
        file->epochs.covered = run.bytes;
        if (at >= sync->epochs_written || sync->epoch_mends[at] != file->epoch_mends) {
            file->epochs.is_known = false;
        }
    }
}

void store_tell_epochs(const struct binlog_sync *sync)
{
    const struct binlog_store *store = sync->store;
    struct epoch_key before = sync->epochs_before.last;

    for (size_t at = 0; at < sync->epoch_count && store->on_epoch_notice != NULL; at++) {
        const struct epoch_pending *pending = &sync->epochs[at];
        struct epoch_notice notice = {
            .kind = pending->record.kind == EPOCH_RECORD_GAP ? EPOCH_NOTICE_GAP
                                                             : EPOCH_NOTICE_INCARNATION,
            .before = before,
            .key = pending->record.key,
            .at = {pending->file, pending->record.start},
        };

        if (notice.kind == EPOCH_NOTICE_GAP ||
            (before.incarnation != 0 && before.incarnation != notice.key.incarnation)) {
            store->on_epoch_notice(store->on_epoch_notice_context, &notice);
        }
        before = notice.key;
    }
}
