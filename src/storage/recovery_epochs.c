/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The epoch indexes at a start, file by file: what the files in front have come
 * to numbers the epochs of the next. A file that cannot be read leaves that
 * open: then only what an index says of itself is believed, and the file waits
 * without epochs until what is in front of it can be read (store_epochs.c).
 */
#include "binrelay/base/log.h"
#include "epoch_mend.h"
#include "recovery.h"

static void recover_file(struct binlog_store *store,
                         struct store_file *file,
                         struct epoch_mend *mend)
{
    struct epoch_facts facts = {0};
    struct epoch_facts old;
    struct error error;

    if (store_mend_file(store, file, mend, &facts, &error) != STATUS_OK) {
        log_warning("%s; it is tried again when it is needed", error.message);
    } else if (store->epoch_rules.server_id_bits == 0 && facts.server_id_bits != 0) {
        epoch_index_set_server_id_bits(store, facts.server_id_bits);
    }
    pthread_mutex_lock(&store->list.lock);
    old = file->epochs;
    file->epochs = facts;
    file->epoch_mends++;
    pthread_mutex_unlock(&store->list.lock);
    epoch_facts_release(&old);
}

/* The newest file's epochs number those that are appended. */
static enum status lead_on(const struct store_file *newest,
                           struct epoch_state *state,
                           struct error *error)
{
    *state = newest->epochs.after;
    if (epoch_facts_lead_on(&newest->epochs)) {
        return STATUS_OK;
    }
    return error_set(error, STATUS_SYSTEM,
                     "%s: which epochs came before is not known: a file in front of it "
                     "cannot be read",
                     newest->path);
}

static enum status recover_newest(struct recovery *recovery,
                                  struct epoch_state *state,
                                  struct error *error)
{
    struct binlog_store *store = recovery->store;
    struct file_list *list = &store->list;
    struct epoch_mend mend = {.bytes = recovery->tail.scan.whole.offset};
    struct store_file *file = NULL;
    enum status status = STATUS_OK;

    pthread_mutex_lock(&list->lock);
    if (list->count > 0) {
        file = list->files[list->count - 1];
        mend.before = file->epochs.before;
        store_file_ref(file);
    }
    pthread_mutex_unlock(&list->lock);
    if (file != NULL) {
        recover_file(store, file, &mend);
        status = lead_on(file, state, error);
    }
    store_file_unref(file);
    return status;
}

/* What was in front of the first file. */
static void begin_state(const struct recovery *recovery, struct epoch_mend *mend)
{
    const struct purge_record *record = &recovery->record;

    mend->before_is = EPOCH_BEFORE_GUESSED;
    if (record->first != 0 && record->epochs == recovery->store->epoch_rules.kind) {
        mend->before_is = EPOCH_BEFORE_GIVEN;
        mend->before = record->state;
    }
}

static enum status recover_files(struct recovery *recovery,
                                 struct epoch_state *state,
                                 struct error *error)
{
    struct epoch_mend mend = {0};
    size_t last = recovery->file_count - 1;

    begin_state(recovery, &mend);
    for (size_t at = 0; at <= last; at++) {
        struct store_file *file = recovery->files[at];

        mend.is_closed = at < last;
        mend.bytes = at < last ? file->facts.bytes : recovery->tail.scan.whole.offset;
        recover_file(recovery->store, file, &mend);
        mend.before = file->epochs.after;
        mend.before_is =
            epoch_facts_lead_on(&file->epochs) ? EPOCH_BEFORE_GIVEN : EPOCH_BEFORE_UNKNOWN;
    }
    return lead_on(recovery->files[last], state, error);
}

enum status recovery_mend_epochs(struct recovery *recovery, struct error *error)
{
    struct binlog_store *store = recovery->store;
    struct epoch_state state = {0};
    enum status status = STATUS_OK;

    sighting_list_drop(&store->epochs.seen, store->epochs.seen.count); /* they come again */
    if (store->epoch_rules.kind == EPOCH_KIND_NONE) {
        return STATUS_OK;
    }
    epoch_handles_clear(&store->epoch_handles);
    pthread_mutex_lock(&store->epoch_lock);
    if (recovery->kept > 0) {
        status = recovery->is_again ? recover_newest(recovery, &state, error)
                                    : recover_files(recovery, &state, error);
    }
    pthread_mutex_unlock(&store->epoch_lock);
    if (status == STATUS_OK) {
        epoch_track_restart(&store->epochs, state);
    }
    return status;
}
