/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A purge in steps that each may be the last thing the process does:
 *
 *   1. the record says which file is the first one now  (durable). On a disk that is full,
 *      what was derived from the files in front of it goes before that: the room for it
 *   2. the list lets go of the files in front of it
 *   3. what was derived from them goes from the disk
 *   4. they go themselves, oldest first; the directory is synced before and after
 *
 * A start that finds files in front of the recorded first one takes them for
 * purged and goes on at 3.
 */
#include "binrelay/storage/binlog_purge.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "binrelay/base/memory.h"
#include "epoch_beyond.h"
#include "purge_record.h"
#include "store_internal.h"
#include "store_listing.h"

static enum status remove_if_there(const struct binlog_store *store,
                                   const char *path,
                                   struct error *error)
{
    if (disk_remove(store->disk, path) != 0 && errno != ENOENT) {
        return error_set_errno(error, "remove %s", path);
    }
    return STATUS_OK;
}

enum status store_remove_derived(const struct binlog_store *store,
                                 const char *path,
                                 struct error *error)
{
    static const char *const suffixes[] = {".gtids", ".epochs"};
    enum status status = STATUS_OK;

    for (size_t at = 0; status == STATUS_OK && at < sizeof(suffixes) / sizeof(suffixes[0]);
         at++) {
        autofree char *derived = mem_format("%s%s", path, suffixes[at]);

        status = remove_if_there(store, derived, error);
    }
    return status;
}

static enum status remove_derived_of(const struct binlog_store *store,
                                     const char *log_name,
                                     const uint64_t *files,
                                     size_t count,
                                     struct error *error)
{
    enum status status = STATUS_OK;

    for (size_t at = 0; status == STATUS_OK && at < count; at++) {
        autofree char *path = store_file_path(store, log_name, files[at]);

        status = store_remove_derived(store, path, error);
    }
    return status == STATUS_OK ? disk_sync_directory(store->disk, store->directory, error)
                               : status;
}

enum status store_remove_files(const struct binlog_store *store,
                               const char *log_name,
                               const uint64_t *files,
                               size_t count,
                               struct error *error)
{
    enum status status = remove_derived_of(store, log_name, files, count, error);

    for (size_t at = 0; status == STATUS_OK && at < count; at++) {
        autofree char *path = store_file_path(store, log_name, files[at]);

        status = remove_if_there(store, path, error);
    }
    return status == STATUS_OK ? disk_sync_directory(store->disk, store->directory, error)
                               : status;
}

/* Under the list's lock: how many files are in front of the number, the newest left out. With
 * `is_numbered` there are epochs to number. */
static size_t count_in_front(const struct file_list *list, uint64_t number, bool is_numbered)
{
    size_t count = 0;

    while (count + 1 < list->count && list->files[count]->number < number) {
        count++;
    }
    /* The first file must know what was in front of it: nobody can say it then. */
    while (count > 0 && is_numbered && !list->files[count]->epochs.is_before_known) {
        count--;
    }
    return count;
}

/* What the record will say of the files that go. Returns how many they are. */
static size_t plan(struct binlog_store *store, uint64_t before, struct purge_record *record)
{
    struct file_list *list = &store->list;
    uint64_t last = 0;
    size_t count = 0;

    pthread_mutex_lock(&list->lock);
    count = count_in_front(list, before, store->epoch_rules.kind != EPOCH_KIND_NONE);
    stored_gtids_add(&record->held, &list->purged);
    for (size_t at = 0; at < count; at++) {
        stored_gtids_add(&record->held, &list->files[at]->added);
    }
    gtid_set_add_set(record->left_out, list->left_out);
    gtid_set_intersect(record->left_out, record->held.set); /* the rest is still here */
    if (list->count > 0) {
        record->first = list->files[count]->number;
        record->epochs = store->epoch_rules.kind;
        record->state = list->files[count]->epochs.before;
        record->end = list->purged_end;
        last = count > 0 ? list->files[count - 1]->number : 0;
    }
    pthread_mutex_unlock(&list->lock);
    if (last != 0) {
        epoch_find_purged_end(store, last, &record->end);
    }
    return count;
}

/* Only a purge removes from the front, and there is one at a time: the plan still holds. */
static void let_go(struct binlog_store *store,
                   size_t count,
                   const struct purge_record *record,
                   struct binlog_purged *purged)
{
    struct file_list *list = &store->list;

    pthread_mutex_lock(&list->lock);
    for (size_t at = 0; at < count; at++) {
        purged->bytes += list->files[at]->facts.bytes;
        list->files[at]->is_purged = true;
        store_file_unref(list->files[at]);
    }
    list->count -= count;
    memmove(list->files, list->files + count, list->count * sizeof(struct store_file *));
    stored_gtids_copy(&list->purged, &record->held);
    list->purged_end = record->end;
    pthread_mutex_unlock(&list->lock);
    purged->files = count;
}

void store_raise_first_visible(struct binlog_store *store, uint64_t first)
{
    struct binlog_position visible = published_position_get(&store->first_visible);

    if (visible.file != 0 && visible.file < first) {
        published_position_set(&store->first_visible,
                               (struct binlog_position){first, BINLOG_MAGIC_BYTES});
    }
}

/* What is in the directory in front of a file, so that what an earlier purge left goes too. */
static enum status list_in_front(const struct binlog_store *store,
                                 uint64_t first,
                                 struct store_listing *listing,
                                 struct error *error)
{
    size_t count = 0;
    enum status status =
        store_listing_read(listing, store->directory, binlog_store_log_name(store), error);

    while (status == STATUS_OK && count < listing->count && listing->files[count] < first) {
        count++;
    }
    listing->count = count;
    return status;
}

static enum status remove_in_front(const struct binlog_store *store,
                                   uint64_t first,
                                   struct error *error)
{
    struct store_listing listing = {0};
    enum status status = list_in_front(store, first, &listing, error);

    if (status == STATUS_OK) {
        status =
            store_remove_files(store, listing.log_name, listing.files, listing.count, error);
    }
    store_listing_release(&listing);
    return status;
}

/* Who needs one of them before the files are gone makes it anew, if there is room. */
static enum status remove_derived_in_front(const struct binlog_store *store,
                                           uint64_t first,
                                           struct error *error)
{
    struct store_listing listing = {0};
    enum status status = list_in_front(store, first, &listing, error);

    if (status == STATUS_OK) {
        status =
            remove_derived_of(store, listing.log_name, listing.files, listing.count, error);
    }
    store_listing_release(&listing);
    return status;
}

/* A full disk is where a purge is needed most. */
static enum status write_record(const struct binlog_store *store,
                                const struct purge_record *record,
                                struct error *error)
{
    enum status status = purge_record_write(store->disk, store->directory, record, error);

    if (status == STATUS_FULL) {
        struct error ignored; /* what failed is that the disk is full */

        if (remove_derived_in_front(store, record->first, &ignored) == STATUS_OK) {
            status = purge_record_write(store->disk, store->directory, record, error);
        }
    }
    return status;
}

/*
 * After a failure to write it: could a start find the record all the same? Then the files are
 * as good as gone, and nobody may come to need them any more.
 */
static bool may_be_recorded(const struct binlog_store *store, uint64_t first)
{
    struct purge_record found = {0};
    struct error ignored;
    enum status status = purge_record_read(store->disk, store->directory, &found, &ignored);
    bool is_other = status == STATUS_NOT_FOUND || (status == STATUS_OK && found.first != first);

    purge_record_release(&found);
    return !is_other;
}

/* The record is written, or might be. */
static void begin_without(struct binlog_store *store,
                          size_t count,
                          const struct purge_record *record,
                          struct binlog_purged *purged)
{
    let_go(store, count, record, purged);
    store_raise_first_visible(store, record->first);
    epoch_handles_drop_front(&store->epoch_handles, record->first);
    purged->first = record->first;
    store->has_leftovers = true;
}

static enum status run_purge(struct binlog_store *store,
                             size_t count,
                             const struct purge_record *record,
                             struct binlog_purged *purged,
                             struct error *error)
{
    enum status status = write_record(store, record, error);

    if (status == STATUS_OK || may_be_recorded(store, record->first)) {
        begin_without(store, count, record, purged);
    }
    if (status == STATUS_OK) {
        /* Who mends an index of theirs would make it anew behind us. */
        store_await_mends(store);
        status = remove_in_front(store, record->first, error);
        store->has_leftovers = status != STATUS_OK;
    }
    return status;
}

static enum status purge(struct binlog_store *store,
                         uint64_t before,
                         struct binlog_purged *purged,
                         struct error *error)
{
    struct purge_record record;
    size_t count = 0;
    enum status status = STATUS_OK;

    purge_record_init(&record);
    count = plan(store, before, &record);
    purged->first = binlog_files_first(store);
    if (count > 0 || store->has_leftovers) {
        status = run_purge(store, count, &record, purged, error);
    }
    purge_record_release(&record);
    return status;
}

enum status binlog_store_purge(struct binlog_store *store,
                               uint64_t before,
                               struct binlog_purged *purged,
                               struct error *error)
{
    enum status status = STATUS_OK;

    *purged = (struct binlog_purged){0};
    pthread_mutex_lock(&store->purge_lock);
    status = purge(store, before, purged, error);
    pthread_mutex_unlock(&store->purge_lock);
    return status;
}

enum status binlog_store_make_room(struct binlog_store *store,
                                   uint64_t before,
                                   struct error *error)
{
    uint64_t first = 0;
    enum status status = STATUS_OK;

    pthread_mutex_lock(&store->purge_lock);
    pthread_mutex_lock(&store->list.lock);
    if (store->list.count > 0) {
        first = store->list.files[count_in_front(&store->list, before, false)]->number;
    }
    pthread_mutex_unlock(&store->list.lock);
    if (first != 0) {
        status = remove_derived_in_front(store, first, error);
    }
    pthread_mutex_unlock(&store->purge_lock);
    return status;
}
