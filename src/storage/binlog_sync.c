/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From written to durable to shown, in this order and never in another:
 *
 *   1. the bytes of each file, oldest first        (sync thread)
 *   2. the names of new files: the directory
 *   3. the mark; synced where it names another file than before
 *   4. the sidecars of files that are closed now and the records of epochs:
 *      derived, so after all else
 *   5. the durable end, and what readers know      (writer's thread)
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "binrelay/base/memory.h"
#include "gtid_sidecar.h"
#include "store_internal.h"

/* How many of the open files the sync covers: up to that of its target. */
static size_t count_files(const struct binlog_store *store, uint64_t last)
{
    size_t count = 0;

    while (count < store->open_count && store->open_files[count]->number <= last) {
        count++;
    }
    return count;
}

static void take_files(struct binlog_store *store, struct binlog_sync *sync)
{
    size_t count = count_files(store, sync->target.file);

    while (sync->capacity < count) {
        size_t capacity = sync->capacity;

        sync->files = mem_grow(sync->files, &capacity, sizeof(struct store_file *));
        capacity = sync->capacity;
        sync->sidecars = mem_grow(sync->sidecars, &capacity, sizeof(struct buffer));
        capacity = sync->capacity;
        sync->epoch_mends = mem_grow(sync->epoch_mends, &capacity, sizeof(uint64_t));
        sync->capacity = capacity;
    }
    for (size_t at = 0; at < count; at++) {
        struct store_file *file = store->open_files[at];

        store_file_ref(file);
        file->is_in_sync = true;
        sync->has_new_names = sync->has_new_names || !file->is_named;
        sync->files[at] = file;
        sync->sidecars[at] = (struct buffer){0};
    }
    sync->count = count;
}

/* What the sidecars of the files that this sync closes will say. */
static void prepare_sidecars(struct binlog_store *store, struct binlog_sync *sync)
{
    struct stored_gtids before = {0};
    size_t next = 0;

    if (sync->count < 2) {
        return; /* the end stays in its file */
    }
    stored_gtids_copy(&before, &store->list.before_last);
    for (size_t at = 0; at + 1 < sync->count; at++) {
        const struct store_file *file = sync->files[at];
        struct stored_gtids added = {0};

        stored_gtids_copy(&added, &file->added);
        while (next < sync->gtids.count && sync->gtids.items[next].file <= file->number) {
            const struct pending_gtid *gtid = &sync->gtids.items[next++];

            pending_gtid_settle(gtid, gtid->is_before ? &before : &added);
        }
        gtid_sidecar_encode(&sync->sidecars[at], &file->ended, &before, &added);
        stored_gtids_add(&before, &added);
        stored_gtids_release(&added);
    }
    stored_gtids_release(&before);
}

/* The epochs up to the target. */
static void take_epochs(struct binlog_store *store, struct binlog_sync *sync)
{
    size_t count =
        epoch_track_count(&store->epochs, sync->target.file, sync->target.place.offset);

    while (sync->epoch_capacity < count) {
        sync->epochs =
            mem_grow(sync->epochs, &sync->epoch_capacity, sizeof(struct epoch_pending));
    }
    if (count > 0) {
        memcpy(sync->epochs, store->epochs.pending, count * sizeof(struct epoch_pending));
    }
    sync->epoch_count = count;
    sync->epochs_before = store->epochs.taken;
    epoch_track_drop(&store->epochs, count);
}

enum status binlog_store_sync_begin(struct binlog_store *store, struct binlog_sync **begun)
{
    struct binlog_sync *sync = &store->sync;
    struct binlog_position end = binlog_store_durable_end(store);
    struct binlog_position target = {.file = store->written.file,
                                     .offset = store->written.place.offset};
    struct pending_gtids_change change;

    assert(sync->store == NULL); /* one at a time */
    if (store->state != STORE_OPEN || binlog_position_compare(target, end) <= 0) {
        return STATUS_NOT_FOUND;
    }
    sync->store = store;
    sync->target = store->written;
    sync->stored_usec = store->stored_usec;
    sync->has_new_names = false;
    sync->status = STATUS_OK;
    take_files(store, sync);
    change = pending_gtids_take(&store->gtids, store->written.place.gtids, &sync->gtids);
    store->follower.now.gtids = pending_gtids_moved(store->follower.now.gtids, change);
    store->whole.place.gtids = pending_gtids_moved(store->whole.place.gtids, change);
    store->written.place.gtids = pending_gtids_moved(store->written.place.gtids, change);
    prepare_sidecars(store, sync);
    take_epochs(store, sync);
    *begun = sync;
    return STATUS_OK;
}

/* Bytes and names. */
static enum status sync_files(struct binlog_sync *sync)
{
    const struct disk *disk = sync->store->disk;

    for (size_t at = 0; at < sync->count; at++) {
        struct store_file *file = sync->files[at];

        if (file->descriptor >= 0 && disk_sync(disk, file->descriptor) != 0) {
            return error_set_errno(&sync->error, "sync %s", file->path);
        }
    }
    if (sync->has_new_names) {
        return disk_sync_directory(disk, sync->store->directory, &sync->error);
    }
    return STATUS_OK;
}

static enum status mark_durable(struct binlog_sync *sync)
{
    struct durable_mark *mark = &sync->store->mark;
    struct durable_claim claim = {
        .end = {.file = sync->target.file, .offset = sync->target.place.offset},
        .checksum = sync->target.checksum};

    if (mark->claimed.file != claim.end.file) {
        return durable_mark_write_synced(mark, claim, &sync->error);
    }
    durable_mark_write(mark, claim);
    return STATUS_OK;
}

static void write_sidecars(struct binlog_sync *sync)
{
    for (size_t at = 0; at + 1 < sync->count; at++) {
        store_write_sidecar(sync->store, sync->files[at]->path, &sync->sidecars[at]);
    }
}

void binlog_sync_run(struct binlog_sync *sync)
{
    sync->status = sync_files(sync);
    if (sync->status == STATUS_OK) {
        sync->status = mark_durable(sync);
    }
    if (sync->status == STATUS_OK) {
        write_sidecars(sync);
        store_write_epochs(sync);
    }
}

void store_release_sync(struct binlog_store *store)
{
    struct binlog_sync *sync = &store->sync;

    for (size_t at = 0; at < sync->count; at++) {
        sync->files[at]->is_in_sync = false;
        store_file_unref(sync->files[at]);
        buffer_release(&sync->sidecars[at]);
    }
    sync->count = 0;
    pending_gtids_clear(&sync->gtids);
    sync->store = NULL;
}

/* Under the lock: the GTIDs up to the end of a file are stored. Returns where the next begin.
 */
static size_t settle_gtids(struct file_list *list,
                           struct store_file *file,
                           const struct pending_gtids *gtids,
                           size_t next)
{
    for (; next < gtids->count && gtids->items[next].file <= file->number; next++) {
        const struct pending_gtid *gtid = &gtids->items[next];

        pending_gtid_settle_left_out(gtid, list->left_out);
        if (gtid->is_before) {
            pending_gtid_settle(gtid, &list->purged);
            pending_gtid_settle(gtid, &list->before_last);
        } else {
            pending_gtid_settle(gtid, &file->added);
        }
    }
    return next;
}

/* The newest file's facts up to the target; the writer may have ended the file since. */
static struct binlog_file_facts target_facts(const struct binlog_store *store,
                                             const struct binlog_sync *sync)
{
    struct binlog_file_facts facts = sync->files[sync->count - 1]->ended;

    if (facts.file == store->follower.file) {
        facts = store_facts_at(&store->follower, &sync->target.place);
        facts.written_usec = sync->stored_usec;
        return facts;
    }
    facts.bytes = sync->target.place.offset;
    return facts;
}

/* Lets readers know what is durable now. */
static void publish(struct binlog_store *store, struct binlog_sync *sync)
{
    struct file_list *list = &store->list;
    size_t next = 0;

    pthread_mutex_lock(&list->lock);
    for (size_t at = 0; at < sync->count; at++) {
        struct store_file *file = sync->files[at];

        file->is_named = true;
        if (list->count == 0 || list->files[list->count - 1] != file) {
            file_list_add(list, file);
        }
        next = settle_gtids(list, file, &sync->gtids, next);
    }
    sync->files[sync->count - 1]->facts = target_facts(store, sync);
    store_publish_epochs(sync);
    /* Before somebody can find an epoch that ends there, and after what a reader of it needs.
     */
    published_position_set(&store->durable_end,
                           (struct binlog_position){.file = sync->target.file,
                                                    .offset = sync->target.place.offset});
    pthread_mutex_unlock(&list->lock);
    store_drop_open_files(store, sync->count - 1);
}

enum status binlog_store_sync_end(struct binlog_store *store,
                                  struct binlog_sync *sync,
                                  struct error *error)
{
    enum status status = sync->status;

    assert(sync->store == store);
    if (status == STATUS_OK) {
        publish(store, sync);
        store_tell_epochs(sync);
        store_tell_sightings(store, binlog_store_durable_end(store));
    } else {
        *error = sync->error;
        store_refuse(store, status);
    }
    store_release_sync(store);
    if (status == STATUS_OK && store->on_publish != NULL) {
        store->on_publish(store->on_publish_context);
    }
    return status;
}

enum status binlog_store_sync(struct binlog_store *store, struct error *error)
{
    struct binlog_sync *sync = NULL;
    enum status status = binlog_store_write(store, error);

    if (status != STATUS_OK || binlog_store_sync_begin(store, &sync) != STATUS_OK) {
        return status;
    }
    binlog_sync_run(sync);
    return binlog_store_sync_end(store, sync, error);
}
