/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "binrelay/base/memory.h"
#include "epoch_lookup.h"

struct epoch_cursor {
    struct binlog_store *store; /* borrowed */
    bool is_descending;
    struct epoch_lookup lookup; /* the file it is in; none: look for the next one */
    uint64_t number;            /* ascending: of the next record; descending: one more */
    struct epoch_key after;     /* what was returned last, or what is to be passed over */
    bool is_inclusive;          /* the key itself may be returned */
};

struct epoch_cursor *epoch_cursor_open(struct binlog_store *store, bool is_descending)
{
    struct epoch_cursor *cursor = mem_zeroed(sizeof(*cursor));

    cursor->store = store;
    cursor->is_descending = is_descending;
    cursor->is_inclusive = true;
    if (is_descending) {
        cursor->after = (struct epoch_key){UINT32_MAX, UINT64_MAX};
    }
    return cursor;
}

void epoch_cursor_close(struct epoch_cursor *cursor)
{
    if (cursor == NULL) {
        return;
    }
    epoch_lookup_close(&cursor->lookup);
    free(cursor);
}

enum status epoch_cursor_seek(struct epoch_cursor *cursor,
                              struct epoch_key key,
                              struct error *error)
{
    (void)error;
    epoch_lookup_close(&cursor->lookup);
    cursor->after = key;
    cursor->is_inclusive = true;
    return STATUS_OK;
}

struct bound {
    struct epoch_key key;
    bool is_inclusive;
};

static bool is_behind(const struct epoch_record *record, const void *context)
{
    const struct bound *bound = context;
    int order = epoch_key_compare(record->key, bound->key);

    return bound->is_inclusive ? order >= 0 : order > 0;
}

static bool is_not_before(const struct epoch_record *record, const void *context)
{
    const struct bound *bound = context;
    int order = epoch_key_compare(record->key, bound->key);

    return bound->is_inclusive ? order > 0 : order >= 0;
}

/* Goes into the file that the next epoch is in. */
static enum status enter(struct epoch_cursor *cursor, uint64_t file, struct error *error)
{
    struct file_list *list = &cursor->store->list;
    struct bound bound = {cursor->after, cursor->is_inclusive};
    struct store_file *entry = NULL;
    enum status status = STATUS_OK;

    epoch_lookup_close(&cursor->lookup);
    pthread_mutex_lock(&list->lock);
    entry = file_list_find(list, file);
    if (entry != NULL) {
        epoch_lookup_take(&cursor->lookup, cursor->store, entry);
        store_file_unref(entry);
    }
    pthread_mutex_unlock(&list->lock);
    if (entry == NULL) {
        return error_set(error, STATUS_AGAIN, "the file was purged");
    }
    status = epoch_lookup_open(&cursor->lookup, error);
    return status == STATUS_OK
               ? epoch_search_first(&cursor->lookup.search,
                                    cursor->is_descending ? is_not_before : is_behind, &bound,
                                    &cursor->number, error)
               : status;
}

/* By the index, which also knows what is visible and mends what is damaged. */
static enum status find_next(struct epoch_cursor *cursor,
                             struct epoch_place *found,
                             struct error *error)
{
    struct epoch_key key = cursor->after;
    enum status status = STATUS_OK;

    if (!cursor->is_inclusive && !cursor->is_descending) {
        key.epoch++;
        key.incarnation += key.epoch == 0;
    } else if (!cursor->is_inclusive) {
        key.incarnation -= key.epoch == 0;
        key.epoch--;
    }
    status = cursor->is_descending ? epoch_index_at_or_before(cursor->store, key, found, error)
                                   : epoch_index_at_or_after(cursor->store, key, found, error);
    if (status != STATUS_OK) {
        return status;
    }
    cursor->after = found->key;
    cursor->is_inclusive = false;
    /* What follows is read in pages; if that cannot be, the next one is looked up as this was.
     */
    if (enter(cursor, found->end.file, error) != STATUS_OK) {
        epoch_lookup_close(&cursor->lookup);
    }
    return STATUS_OK;
}

/* False for a record that does not follow on what was returned: the index is damaged. */
static bool follows(const struct epoch_cursor *cursor, const struct epoch_record *record)
{
    int order = epoch_key_compare(record->key, cursor->after);

    return cursor->is_descending ? order < 0 : order > 0;
}

/* The next record of the file that it is in. STATUS_NOT_FOUND: there is none. */
static enum status read_next(struct epoch_cursor *cursor,
                             struct epoch_place *found,
                             struct error *error)
{
    struct epoch_lookup *lookup = &cursor->lookup;
    struct epoch_record record = {0};

    while (cursor->is_descending ? cursor->number > 0
                                 : cursor->number < lookup->search.records) {
        uint64_t number = cursor->is_descending ? --cursor->number : cursor->number++;
        enum status status = epoch_search_read(&lookup->search, number, &record, error);

        if (status != STATUS_OK) {
            return status;
        }
        if (record.kind != EPOCH_RECORD_EPOCH ||
            !epoch_is_visible(cursor->store, lookup->file->number, record.start)) {
            continue;
        }
        if (!follows(cursor, &record)) {
            epoch_lookup_distrust(lookup);
            return error_set(error, STATUS_CORRUPT, "an epoch index that does not rise");
        }
        return epoch_lookup_place(lookup, number, &record, found, error);
    }
    return error_set(error, STATUS_NOT_FOUND, "no epoch is left in the file");
}

enum status epoch_cursor_next(struct epoch_cursor *cursor,
                              struct epoch_place *found,
                              struct error *error)
{
    if (cursor->lookup.file != NULL) {
        if (read_next(cursor, found, error) == STATUS_OK) {
            cursor->after = found->key;
            return STATUS_OK;
        }
        epoch_lookup_close(&cursor->lookup); /* its end, or damage: the index sees to it */
    }
    return find_next(cursor, found, error);
}
