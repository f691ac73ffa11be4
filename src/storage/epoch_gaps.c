/* SPDX-License-Identifier: Apache-2.0 */
/* Where epochs may be missing. What is known of gaps stands in memory. */
#include <stdlib.h>
#include <string.h>

#include "binrelay/base/memory.h"
#include "epoch_lookup.h"

bool epoch_index_is_continuous(struct binlog_store *store,
                               struct epoch_key before,
                               struct epoch_key after)
{
    struct file_list *list = &store->list;
    bool is_continuous = true;

    pthread_mutex_lock(&list->lock);
    /* What was purged since `before` was found may have been a gap; behind the last epoch that
     * was purged there was none where its file ended with it. */
    if (list->count > 0) {
        int order = epoch_key_compare(before, list->files[0]->epochs.before.last);

        is_continuous = order > 0 || (order == 0 && list->purged_end.file != 0);
    }
    for (size_t at = 0; at < list->count; at++) {
        const struct epoch_facts *facts = &list->files[at]->epochs;

        is_continuous = is_continuous && (facts->is_complete || facts->covered == 0);
        for (size_t gap = 0; gap < facts->gap_count; gap++) {
            struct epoch_key key = facts->gaps[gap].key;

            if (epoch_key_compare(before, key) <= 0 && epoch_key_compare(key, after) < 0) {
                is_continuous = false;
            }
        }
    }
    pthread_mutex_unlock(&list->lock);
    return is_continuous;
}

bool epoch_index_is_opening(struct binlog_store *store, struct binlog_position position)
{
    struct file_list *list = &store->list;
    const struct store_file *file = NULL;
    bool is_opening = true;

    pthread_mutex_lock(&list->lock);
    if (list->count > 0) {
        is_opening = list->files[0]->epochs.before.last.incarnation == 0;
        file = epoch_file_from(list, 0, false);
    }
    if (file != NULL) {
        struct binlog_position end = {file->number, file->epochs.first.end};

        is_opening = is_opening &&
                     epoch_is_visible(store, file->number, file->epochs.first.start) &&
                     binlog_position_compare(position, end) < 0;
    }
    pthread_mutex_unlock(&list->lock);
    return is_opening;
}

/* Drops those whose files were purged, so that the rest is of one state of the list. */
static size_t drop_purged(struct binlog_store *store, struct epoch_gap *gaps, size_t count)
{
    uint64_t first = binlog_files_first(store);
    size_t purged = 0;

    while (purged < count && gaps[purged].incident.file < first) {
        purged++;
    }
    if (purged > 0) {
        memmove(gaps, gaps + purged, (count - purged) * sizeof(*gaps));
    }
    return count - purged;
}

size_t epoch_index_gaps(struct binlog_store *store, struct epoch_gap **gaps)
{
    struct file_list *list = &store->list;
    struct epoch_gap *copies = NULL;
    size_t capacity = 0;
    size_t count = 0;

    pthread_mutex_lock(&list->lock);
    for (size_t at = 0; at < list->count; at++) {
        const struct epoch_facts *facts = &list->files[at]->epochs;

        for (size_t gap = 0; gap < facts->gap_count; gap++) {
            const struct epoch_record *record = &facts->gaps[gap];
            uint64_t file = list->files[at]->number;

            if (!epoch_is_visible(store, file, record->start)) {
                continue;
            }
            if (count == capacity) {
                copies = mem_grow(copies, &capacity, sizeof(*copies));
            }
            copies[count++] = (struct epoch_gap){.before = record->key,
                                                 .incident = {file, record->start},
                                                 .end = {file, record->end}};
        }
    }
    pthread_mutex_unlock(&list->lock);
    for (size_t at = 0; at < count; at++) {
        struct epoch_place next;
        struct error ignored;

        if (epoch_index_by_position(store, copies[at].end, &next, &ignored) == STATUS_OK) {
            copies[at].after = next.key;
        }
    }
    *gaps = copies;
    return drop_purged(store, copies, count);
}
