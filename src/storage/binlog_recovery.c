/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Brings the directory and the store into line with what recovery_plan.c
 * found. Each step leaves a directory from which recovery comes to the same
 * end: files go from the last one down, and nothing is shown before it is
 * synced, since a kill leaves bytes in memory that no disk has.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "binrelay/base/memory.h"
#include "recovery.h"

static enum status make_directory(const struct binlog_store *store, struct error *error)
{
    autofree char *parent = mem_text(store->directory);
    char *slash = strrchr(parent, '/');

    if (disk_make_directory(store->disk, store->directory, 0700) != 0) {
        if (errno == EEXIST) {
            return STATUS_OK;
        }
        return error_set_errno(error, "make directory %s", store->directory);
    }
    if (slash == parent) {
        slash++;
    }
    if (slash != NULL) {
        *slash = '\0';
    }
    return disk_sync_directory(store->disk, slash == NULL ? "." : parent, error);
}

static enum binlog_checksum published_checksum(struct binlog_store *store)
{
    struct file_list *list = &store->list;
    enum binlog_checksum checksum = BINLOG_CHECKSUM_NONE;

    pthread_mutex_lock(&list->lock);
    if (list->count > 0) {
        checksum = list->files[list->count - 1]->facts.checksum;
    }
    pthread_mutex_unlock(&list->lock);
    return checksum;
}

/* Where nothing may be missing: the published end, or else what the mark says. */
static enum status find_durable(struct recovery *recovery, struct error *error)
{
    struct binlog_store *store = recovery->store;
    enum status status = STATUS_OK;

    if (recovery->is_again) {
        recovery->durable.end = binlog_store_durable_end(store);
        recovery->durable.checksum = published_checksum(store);
        return STATUS_OK;
    }
    status = durable_mark_open(&store->mark, &recovery->durable, error);
    if (status != STATUS_NOT_FOUND) {
        return status;
    }
    recovery->is_unmarked = true;
    if (recovery->listing.count > 0) {
        return STATUS_OK;
    }
    /* From the first file on there is a mark, so that one that is missing was removed. */
    recovery->is_unmarked = false;
    return durable_mark_reset(&store->mark, recovery->durable, error);
}

static enum status remove_file(struct recovery *recovery, size_t at, struct error *error)
{
    const struct binlog_store *store = recovery->store;
    autofree char *path =
        store_file_path(store, recovery->listing.log_name, recovery->listing.files[at]);

    if (store_remove_derived(store, path, error) != STATUS_OK) {
        return error->status;
    }
    if (disk_remove(store->disk, path) != 0) {
        return error_set_errno(error, "remove %s", path);
    }
    return STATUS_OK;
}

/* Cuts the newest file to its end and makes sure that the disk has all that stays. */
static enum status cut_tail(struct recovery *recovery, struct error *error)
{
    const struct recovered_tail *tail = &recovery->tail;
    const struct disk *disk = recovery->store->disk;
    uint64_t end = tail->scan.whole.offset;
    uint64_t file = recovery->listing.files[recovery->kept - 1];

    if (tail->bytes > end && disk_truncate(disk, tail->descriptor, (off_t)end) != 0) {
        return error_set_errno(error, "cut file %" PRIu64 " back to %" PRIu64, file, end);
    }
    if (disk_sync(disk, tail->descriptor) != 0) {
        return error_set_errno(error, "sync file %" PRIu64, file);
    }
    return STATUS_OK;
}

static enum status mark_end(struct recovery *recovery, struct error *error)
{
    struct durable_mark *mark = &recovery->store->mark;
    struct durable_claim claim = {0};

    if (recovery->kept > 0) {
        claim.end.file = recovery->listing.files[recovery->kept - 1];
        claim.end.offset = recovery->tail.scan.whole.offset;
        claim.checksum = recovery->tail.follower.format.checksum;
    }
    if (recovery->is_unmarked) {
        return durable_mark_reset(mark, claim, error);
    }
    /* Written again if it says so already: what was read may be in memory only. */
    return durable_mark_write_synced(mark, claim, error);
}

static enum status apply(struct recovery *recovery, struct error *error)
{
    struct binlog_store *store = recovery->store;
    enum status status = STATUS_OK;

    /* A sync that failed late has marked what is cut now: the mark goes back first. */
    if (recovery->is_again &&
        (store->mark.descriptor < 0 ||
         binlog_position_compare(store->mark.claimed, recovery->durable.end) > 0)) {
        status = durable_mark_reset(&store->mark, recovery->durable, error);
    }
    if (status == STATUS_OK && recovery->leftover_count > 0) {
        status = store_remove_files(store, recovery->listing.log_name, recovery->leftovers,
                                    recovery->leftover_count, error);
    }
    for (size_t at = recovery->listing.count; at > recovery->kept && status == STATUS_OK;
         at--) {
        status = remove_file(recovery, at - 1, error);
    }
    if (status == STATUS_OK && recovery->kept > 0) {
        status = cut_tail(recovery, error);
    }
    if (status == STATUS_OK) {
        status = disk_sync_directory(store->disk, store->directory, error);
    }
    return status == STATUS_OK ? mark_end(recovery, error) : status;
}

/* Gives readers the files that were found. They see none of them before the end is published.
 */
static void adopt_files(struct recovery *recovery)
{
    struct binlog_store *store = recovery->store;
    struct file_list *list = &store->list;

    pthread_mutex_lock(&list->lock);
    stored_gtids_copy(&list->purged, &recovery->purged);
    list->purged_end = recovery->purged_end;
    stored_gtids_copy(&list->before_last, &recovery->purged);
    gtid_set_add_set(list->left_out, recovery->left_out);
    for (size_t at = 0; at < recovery->file_count; at++) {
        file_list_add(list, recovery->files[at]);
        if (store->epoch_rules.kind != EPOCH_KIND_NONE &&
            !recovery->files[at]->epochs.is_before_known) {
            atomic_store_explicit(&store->is_unsettled, true, memory_order_release);
        }
    }
    pthread_mutex_unlock(&list->lock);
    store_raise_first_visible(store, recovery->listing.files[0]);
}

/* With a reference for the caller. */
static struct store_file *newest_file(struct file_list *list)
{
    struct store_file *file = NULL;

    pthread_mutex_lock(&list->lock);
    file = list->files[list->count - 1];
    store_file_ref(file);
    pthread_mutex_unlock(&list->lock);
    return file;
}

/* The writer goes on behind the newest file's last whole transaction. */
static void adopt_tail(struct recovery *recovery)
{
    struct binlog_store *store = recovery->store;
    struct recovered_tail *tail = &recovery->tail;
    struct store_file *file = newest_file(&store->list);

    file->descriptor = tail->descriptor;
    tail->descriptor = -1;
    store_add_open_file(store, file);
    store->follower = tail->follower;
    store->follower.runs = &store->gtids;
    store->follower.now = tail->scan.whole;
    store->follower.now.gtids = (struct pending_gtids_place){0};
    epoch_track_begin_file(&store->epochs, file->number, store->follower.now.offset);
    store->whole.file = file->number;
    store->whole.checksum = store->follower.format.checksum;
    store->whole.place = store->follower.now;
    store->written = store->whole;
    store->written_bytes = store->follower.now.offset;
    store->stored_usec = file->facts.written_usec;
}

static void adopt(struct recovery *recovery)
{
    struct binlog_store *store = recovery->store;
    bool is_publishing = !recovery->is_again && recovery->kept > 0;

    if (is_publishing) {
        store_set_log_name(store, recovery->listing.log_name);
        adopt_files(recovery);
    }
    if (recovery->kept > 0) {
        adopt_tail(recovery);
    }
    store->state = STORE_OPEN;
    store->was_opened = true;
    if (is_publishing) {
        published_position_set(&store->durable_end,
                               (struct binlog_position){.file = store->whole.file,
                                                        .offset = store->whole.place.offset});
        if (store->on_publish != NULL) {
            store->on_publish(store->on_publish_context);
        }
    }
}

/* Forgets what was appended and not published. */
static void forget_unpublished(struct binlog_store *store)
{
    store->state = STORE_REFUSED;
    store_drop_open_files(store, store->open_count);
    pending_gtids_clear(&store->gtids);
    store->gathered_size = 0;
    store->event_left = 0;
    store->is_collecting = false;
    store->whole = (struct store_point){0};
    store->written = (struct store_point){0};
}

static enum status recover(struct binlog_store *store, struct error *error)
{
    struct recovery recovery = {
        .store = store, .is_again = store->was_opened, .tail = {.descriptor = -1}};
    const char *log_name = store->asked_log_name;
    enum status status = STATUS_OK;

    assert(store->sync.store == NULL); /* who began a sync ends it first */
    forget_unpublished(store);
    stored_gtids_init(&recovery.purged);
    stored_gtids_init(&recovery.before);
    recovery.left_out = gtid_set_new();
    if (store->was_opened && *binlog_store_log_name(store) != '\0') {
        log_name = binlog_store_log_name(store);
    }
    status = make_directory(store, error);
    if (status == STATUS_OK) {
        status = store_listing_read(&recovery.listing, store->directory, log_name, error);
    }
    if (status == STATUS_OK) {
        status = find_durable(&recovery, error);
    }
    if (status == STATUS_OK) {
        status = recovery_make_plan(&recovery, error);
    }
    if (status == STATUS_OK) {
        status = apply(&recovery, error);
    }
    if (status == STATUS_OK) {
        status = recovery_mend_epochs(&recovery, error);
    }
    if (status == STATUS_OK) {
        recovery_find_left_out(&recovery);
        adopt(&recovery);
    }
    recovery_release(&recovery);
    return status;
}

enum status binlog_store_recover(struct binlog_store *store, struct error *error)
{
    enum status status = STATUS_OK;

    pthread_mutex_lock(&store->purge_lock);
    status = recover(store, error);
    pthread_mutex_unlock(&store->purge_lock);
    return status;
}
