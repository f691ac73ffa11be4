/* SPDX-License-Identifier: Apache-2.0 */
#include "epoch_beyond.h"

#include "binrelay/storage/binlog_cursor.h"
#include "binrelay/storage/epoch_locate.h"
#include "store_internal.h"

/* Under the lock: the end of its last epoch; 0: it has none, or it is not known. */
static uint64_t last_epoch_end(const struct store_file *file)
{
    return epoch_facts_lead_on(&file->epochs) && file->epochs.epochs > 0 ? file->epochs.last.end
                                                                         : 0;
}

/* Is one event all that the file has behind the offset, and is it that which closes it? */
static bool read_closed_at(struct binlog_store *store, uint64_t file, uint64_t offset)
{
    uint8_t header[BINLOG_EVENT_HEADER_BYTES];
    struct binlog_cursor *cursor = NULL;
    struct error ignored; /* what cannot be read proves nothing */
    uint64_t bytes = 0;
    size_t found = 0;
    bool is_closed = false;

    if (binlog_cursor_open(&cursor, store, file, &ignored) != STATUS_OK) {
        return false;
    }
    bytes = binlog_cursor_readable(cursor);
    if (binlog_cursor_read(cursor, offset, header, sizeof(header), &found, &ignored) ==
            STATUS_OK &&
        found == sizeof(header)) {
        uint8_t type = header[BINLOG_EVENT_TYPE_AT];

        is_closed = (type == BINLOG_ROTATE || type == BINLOG_STOP) &&
                    bytes_u32_at(header + BINLOG_EVENT_SIZE_AT) == bytes - offset;
    }
    binlog_cursor_close(cursor);
    return is_closed;
}

/*
 * The same, read once: a file may go by the answer, and with the file what
 * proves it. Then it must not be wanted again of a disk that fails meanwhile.
 */
static bool is_closed_at(struct binlog_store *store, uint64_t file, uint64_t offset)
{
    struct store_file *entry = NULL;
    bool is_closed = false;

    pthread_mutex_lock(&store->list.lock);
    entry = file_list_find(&store->list, file);
    is_closed = entry != NULL && offset != 0 && entry->closed_at == offset;
    pthread_mutex_unlock(&store->list.lock);
    if (entry != NULL && !is_closed && read_closed_at(store, file, offset)) {
        is_closed = true;
        pthread_mutex_lock(&store->list.lock);
        entry->closed_at = offset;
        pthread_mutex_unlock(&store->list.lock);
    }
    store_file_unref(entry);
    return is_closed;
}

void epoch_find_purged_end(struct binlog_store *store, uint64_t file, struct purged_end *end)
{
    struct purged_end found = {.file = file};
    struct store_file *entry = NULL;

    pthread_mutex_lock(&store->list.lock);
    entry = file_list_find(&store->list, file);
    if (entry != NULL) {
        found.offset = last_epoch_end(entry);
        found.bytes = entry->facts.bytes;
    }
    pthread_mutex_unlock(&store->list.lock);
    *end = (struct purged_end){0};
    if (entry != NULL && found.offset != 0 && is_closed_at(store, file, found.offset)) {
        *end = found;
    }
    store_file_unref(entry);
}

/* Under the lock. */
static struct binlog_position first_place(const struct file_list *list)
{
    return (struct binlog_position){list->files[0]->number, BINLOG_MAGIC_BYTES};
}

bool epoch_find_behind_purged(struct binlog_store *store,
                              struct epoch_key key,
                              struct binlog_position *found)
{
    struct file_list *list = &store->list;
    bool is_last = false;

    pthread_mutex_lock(&list->lock);
    if (list->count > 0 && list->purged_end.file != 0) {
        struct epoch_key last = list->files[0]->epochs.before.last;

        is_last = list->files[0]->epochs.is_before_known && epoch_key_compare(last, key) == 0;
        *found = is_last ? first_place(list) : *found;
    }
    pthread_mutex_unlock(&list->lock);
    return is_last;
}

bool epoch_locate_behind_purged(struct binlog_store *store,
                                struct binlog_position position,
                                struct binlog_position *found)
{
    struct file_list *list = &store->list;
    const struct purged_end *end = &list->purged_end;
    bool is_there = false;

    pthread_mutex_lock(&list->lock);
    is_there = list->count > 0 && end->file != 0 && position.file == end->file &&
               (position.offset == end->offset || position.offset == end->bytes);
    *found = is_there ? first_place(list) : *found;
    pthread_mutex_unlock(&list->lock);
    return is_there;
}

/* Under the lock: the file behind one that ends with the epoch, if a later one has epochs, too:
 * the newest epoch's file stays, so that it is known. 0: none. */
static uint64_t find_next(const struct file_list *list, struct binlog_position end)
{
    for (size_t at = list->count; at > 0; at--) {
        const struct store_file *file = list->files[at - 1];

        if (file->number == end.file) {
            return 0; /* no later one has any */
        }
        if (file->epochs.epochs > 0) {
            break;
        }
    }
    for (size_t at = 0; at + 1 < list->count; at++) {
        if (list->files[at]->number == end.file &&
            last_epoch_end(list->files[at]) == end.offset) {
            return list->files[at + 1]->number;
        }
    }
    return 0;
}

struct binlog_position epoch_locate_beyond(struct binlog_store *store,
                                           struct binlog_position end)
{
    uint64_t next = 0;

    pthread_mutex_lock(&store->list.lock);
    next = end.file == 0 ? 0 : find_next(&store->list, end);
    pthread_mutex_unlock(&store->list.lock);
    return next != 0 && is_closed_at(store, end.file, end.offset)
               ? (struct binlog_position){next, BINLOG_MAGIC_BYTES}
               : end;
}
