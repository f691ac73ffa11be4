/* SPDX-License-Identifier: Apache-2.0 */
#include "epoch_lookup.h"

#include "binrelay/base/log.h"
#include "epoch_mend.h"

void epoch_lookup_take(struct epoch_lookup *lookup,
                       struct binlog_store *store,
                       struct store_file *file)
{
    *lookup = (struct epoch_lookup){.store = store, .file = file, .facts = file->epochs};
    lookup->facts.gaps = NULL;
    lookup->facts.gap_count = 0;
    store_file_ref(file);
}

void epoch_lookup_close(struct epoch_lookup *lookup)
{
    epoch_search_close(&lookup->search);
    store_file_unref(lookup->file);
    *lookup = (struct epoch_lookup){0};
}

static void copy_facts(struct epoch_lookup *lookup)
{
    struct store_file *file = lookup->file;

    pthread_mutex_lock(&lookup->store->list.lock);
    lookup->facts = file->epochs;
    pthread_mutex_unlock(&lookup->store->list.lock);
    lookup->facts.gaps = NULL;
    lookup->facts.gap_count = 0;
}

void epoch_lookup_distrust(struct epoch_lookup *lookup)
{
    pthread_mutex_lock(&lookup->store->list.lock);
    lookup->file->epochs.is_known = false;
    lookup->file->epochs.is_suspect = true;
    pthread_mutex_unlock(&lookup->store->list.lock);
    epoch_search_drop(&lookup->search);
}

enum status epoch_lookup_open(struct epoch_lookup *lookup, struct error *error)
{
    enum status status = STATUS_OK;

    epoch_search_close(&lookup->search);
    copy_facts(lookup);
    if (!lookup->facts.is_known) {
        status = store_mend_epochs(lookup->store, lookup->file, error);
        copy_facts(lookup);
    }
    return status == STATUS_OK
               ? epoch_search_open(&lookup->search, &lookup->store->epoch_handles, lookup->file,
                                   lookup->facts.records, error)
               : status;
}

struct store_file *epoch_file_from(struct file_list *list, size_t at, bool is_backwards)
{
    /* One whose index is not known may have some. */
    while (at < list->count && list->files[at]->epochs.epochs == 0 &&
           (list->files[at]->epochs.is_known || list->files[at]->epochs.covered == 0)) {
        at += is_backwards ? (size_t)-1 : 1; /* in front of the first is behind the last */
    }
    return at < list->count ? list->files[at] : NULL;
}

size_t epoch_file_place(const struct file_list *list, uint64_t number)
{
    size_t low = 0;
    size_t high = list->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (list->files[middle]->number < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

bool epoch_is_visible(const struct binlog_store *store, uint64_t file, uint64_t start)
{
    struct binlog_position visible = published_position_get(&store->first_visible);

    return binlog_position_compare((struct binlog_position){file, start}, visible) >= 0;
}

/* Where the log begins for a reader. */
static struct binlog_position log_begin(struct binlog_store *store)
{
    struct binlog_position begin = published_position_get(&store->first_visible);

    if (begin.file == 0) {
        pthread_mutex_lock(&store->list.lock);
        begin.file = store->list.count == 0 ? 0 : store->list.files[0]->number;
        pthread_mutex_unlock(&store->list.lock);
        begin.offset = BINLOG_MAGIC_BYTES;
    }
    return begin;
}

/* The end of the last epoch in the files in front, or where the log begins. */
static struct binlog_position end_in_front(const struct epoch_lookup *lookup)
{
    struct binlog_store *store = lookup->store;
    struct binlog_position end = log_begin(store);
    struct store_file *file = NULL;

    pthread_mutex_lock(&store->list.lock);
    file = epoch_file_from(&store->list,
                           epoch_file_place(&store->list, lookup->file->number) - 1, true);
    if (file != NULL && epoch_is_visible(store, file->number, file->epochs.last.start)) {
        end = (struct binlog_position){file->number, file->epochs.last.end};
    }
    pthread_mutex_unlock(&store->list.lock);
    return end;
}

/* HEARTBEAT: all since the epoch before belongs to the epoch. */
static enum status find_begin(struct epoch_lookup *lookup,
                              uint64_t number,
                              struct binlog_position *begin,
                              struct error *error)
{
    while (number > 0) {
        struct epoch_record before;

        if (epoch_search_read(&lookup->search, --number, &before, error) != STATUS_OK) {
            return error->status;
        }
        if (!epoch_is_visible(lookup->store, lookup->file->number, before.start)) {
            break;
        }
        if (before.kind == EPOCH_RECORD_EPOCH) {
            *begin = (struct binlog_position){lookup->file->number, before.end};
            return STATUS_OK;
        }
    }
    *begin = end_in_front(lookup);
    return STATUS_OK;
}

enum status epoch_lookup_place(struct epoch_lookup *lookup,
                               uint64_t number,
                               const struct epoch_record *record,
                               struct epoch_place *place,
                               struct error *error)
{
    *place = (struct epoch_place){
        .key = record->key,
        .begin = {.file = lookup->file->number, .offset = record->start},
        .end = {.file = lookup->file->number, .offset = record->end},
        .commit_usec = record->commit_usec,
        .latest_usec = record->latest_usec,
        .inserts = record->inserts,
        .updates = record->updates,
        .deletes = record->deletes,
        .schema_ops = record->schema_ops,
        .origin = record->origin,
        .is_count_partial = record->is_count_partial,
    };
    return lookup->store->epoch_rules.kind == EPOCH_KIND_HEARTBEAT
               ? find_begin(lookup, number, &place->begin, error)
               : STATUS_OK;
}
