/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "binrelay/base/memory.h"
#include "store_internal.h"

struct binlog_store *binlog_store_new(const struct binlog_store_options *options)
{
    struct binlog_store *store = mem_zeroed(sizeof(*store));

    store->disk = options->disk;
    store->clock = options->clock;
    store->directory = mem_text(options->directory);
    store->mark_path = mem_format("%s/durable", options->directory);
    store->asked_log_name = mem_text(options->log_name);
    store->gathered_capacity =
        options->gather_bytes == 0 ? STORE_GATHER_BYTES : options->gather_bytes;
    store->gathered = mem_raw(store->gathered_capacity);
    store->follower.runs = &store->gtids;
    store->epoch_rules = options->epochs;
    epoch_track_init(&store->epochs, &store->epoch_rules);
    pthread_mutex_init(&store->mend_lock, NULL);
    pthread_mutex_init(&store->epoch_lock, NULL);
    epoch_handles_init(&store->epoch_handles, store->disk);
    durable_mark_init(&store->mark, store->disk, store->mark_path);
    file_list_init(&store->list);
    pthread_mutex_init(&store->purge_lock, NULL);
    return store;
}

void binlog_store_free(struct binlog_store *store)
{
    if (store == NULL) {
        return;
    }
    assert(store->sync.store == NULL); /* who began a sync ends it */
    store_drop_open_files(store, store->open_count);
    free(store->open_files);
    store_release_sync(store);
    free(store->sync.files);
    free(store->sync.sidecars);
    free(store->sync.epochs);
    free(store->sync.epoch_mends);
    epoch_track_release(&store->epochs);
    pthread_mutex_destroy(&store->mend_lock);
    pthread_mutex_destroy(&store->epoch_lock);
    epoch_handles_release(&store->epoch_handles);
    pending_gtids_release(&store->sync.gtids);
    pending_gtids_release(&store->gtids);
    file_list_release(&store->list);
    pthread_mutex_destroy(&store->purge_lock);
    durable_mark_close(&store->mark);
    buffer_release(&store->collected);
    free(store->gathered);
    free(atomic_load_explicit(&store->log_name, memory_order_relaxed));
    free(store->asked_log_name);
    free(store->mark_path);
    free(store->directory);
    free(store);
}

struct store_file *store_current(const struct binlog_store *store)
{
    return store->open_count == 0 ? NULL : store->open_files[store->open_count - 1];
}

char *store_file_path(const struct binlog_store *store, const char *log_name, uint64_t file)
{
    char name[BINLOG_NAME_BYTES];

    binlog_name_print(name, log_name, file);
    return mem_format("%s/%s", store->directory, name);
}

void store_write_sidecar(const struct binlog_store *store,
                         const char *file_path,
                         const struct buffer *sidecar)
{
    autofree char *path = mem_format("%s.gtids", file_path);
    struct error error;

    bool is_written =
        disk_replace_file(store->disk, path, sidecar->data, sidecar->size, &error) == STATUS_OK;

    (void)is_written; /* one that is missing, old or torn is not believed and made anew */
}

void store_set_log_name(struct binlog_store *store, const char *log_name)
{
    if (atomic_load_explicit(&store->log_name, memory_order_relaxed) == NULL) {
        atomic_store_explicit(&store->log_name, mem_text(log_name), memory_order_release);
    }
}

const char *binlog_store_log_name(const struct binlog_store *store)
{
    const char *name = atomic_load_explicit(&store->log_name, memory_order_acquire);

    return name == NULL ? "" : name;
}

enum status store_check_open(const struct binlog_store *store, struct error *error)
{
    if (store->state == STORE_OPEN) {
        return STATUS_OK;
    }
    return error_set(error, STATUS_SYSTEM, "%s: the store must be recovered first",
                     store->directory);
}

enum status store_refuse(struct binlog_store *store, enum status status)
{
    store->state = STORE_REFUSED;
    return status;
}

void store_close_descriptor(const struct binlog_store *store, struct store_file *file)
{
    if (file->descriptor >= 0) {
        (void)disk_close(store->disk, file->descriptor); /* what counts was synced before */
        file->descriptor = -1;
    }
}

void store_add_open_file(struct binlog_store *store, struct store_file *file)
{
    if (store->open_count == store->open_capacity) {
        store->open_files =
            mem_grow(store->open_files, &store->open_capacity, sizeof(struct store_file *));
    }
    store->open_files[store->open_count++] = file;
}

void store_drop_open_files(struct binlog_store *store, size_t count)
{
    if (count == 0) {
        return;
    }
    for (size_t at = 0; at < count; at++) {
        store_close_descriptor(store, store->open_files[at]);
        store_file_unref(store->open_files[at]);
    }
    store->open_count -= count;
    memmove(store->open_files, store->open_files + count,
            store->open_count * sizeof(struct store_file *));
}

struct binlog_file_facts store_facts_at(const struct file_follower *follower,
                                        const struct follower_place *place)
{
    struct binlog_file_facts facts = {
        .file = follower->file,
        .bytes = place->offset,
        .first_created_sec = place->first_created_sec,
        .last_created_sec = place->last_created_sec,
        .is_mariadb = follower->format.is_mariadb,
        .has_gtids = place->has_gtids,
        .is_rotated = place->is_rotated,
        .checksum = follower->format.checksum,
    };

    memcpy(facts.server_version, follower->format.server_version, sizeof(facts.server_version));
    return facts;
}

void store_follow_file(const struct binlog_store *store,
                       struct file_follower *follower,
                       uint64_t file,
                       struct pending_gtids *gtids)
{
    struct binlog_position visible = published_position_get(&store->first_visible);

    *follower = (struct file_follower){.file = file, .runs = gtids};
    if (visible.file >= file) {
        follower->visible_from = visible.file == file ? visible.offset : UINT64_MAX;
    }
    file_follower_begin(follower);
}

struct binlog_store_tail binlog_store_tail(const struct binlog_store *store)
{
    const struct store_file *current = store_current(store);
    struct binlog_store_tail tail = {.is_empty = current == NULL};

    if (current == NULL) {
        return tail;
    }
    tail.end = (struct binlog_position){.file = current->number, .offset = BINLOG_MAGIC_BYTES};
    tail.checksum = store->follower.format.checksum;
    if (store->whole.file == current->number) {
        tail.end.offset = store->whole.place.offset;
        tail.last_event_offset = store->whole.place.last_event_offset;
        tail.is_closed = store->whole.place.is_closed;
    }
    return tail;
}

static enum status read_from_file(struct binlog_store *store,
                                  struct binlog_position from,
                                  size_t size,
                                  uint8_t *room,
                                  struct error *error)
{
    autofree char *path = store_file_path(store, binlog_store_log_name(store), from.file);
    int file = disk_open(store->disk, path, O_RDONLY, 0);
    enum status status = STATUS_OK;
    size_t found = 0;

    if (file < 0) {
        return error_set_errno(error, "open %s", path);
    }
    status = disk_read_all(store->disk, file, room, size, (off_t)from.offset, &found, error);
    (void)disk_close(store->disk, file);
    if (status == STATUS_OK && found < size) {
        return error_set(error, STATUS_NOT_FOUND, "%s has no %zu bytes at %llu", path, size,
                         (unsigned long long)from.offset);
    }
    return status;
}

enum status binlog_store_read(struct binlog_store *store,
                              struct binlog_position from,
                              size_t size,
                              struct buffer *found,
                              struct error *error)
{
    const struct store_file *current = store_current(store);
    size_t gathered = 0; /* of the bytes that are wanted, the last ones may only be gathered */
    uint64_t end = from.offset + size;
    uint8_t *room = NULL;

    if (current != NULL && current->number == from.file && end > store->written_bytes) {
        if (end > store->written_bytes + store->gathered_size) {
            return error_set(error, STATUS_NOT_FOUND, "file %llu ends before %llu",
                             (unsigned long long)from.file, (unsigned long long)end);
        }
        gathered =
            end - store->written_bytes < size ? (size_t)(end - store->written_bytes) : size;
    }
    buffer_clear(found);
    room = buffer_room(found, size);
    if (gathered < size) {
        enum status status = read_from_file(store, from, size - gathered, room, error);

        if (status != STATUS_OK) {
            return status;
        }
    }
    if (gathered > 0) {
        size_t at = (size_t)(end - store->written_bytes) - gathered;

        memcpy(room + size - gathered, store->gathered + at, gathered);
    }
    found->size = size;
    return STATUS_OK;
}

void binlog_store_set_first_visible(struct binlog_store *store, struct binlog_position position)
{
    published_position_set(&store->first_visible, position);
}

void binlog_store_on_publish(struct binlog_store *store, binlog_published_fn fn, void *context)
{
    store->on_publish = fn;
    store->on_publish_context = context;
}

struct binlog_position binlog_store_durable_end(const struct binlog_store *store)
{
    return published_position_get(&store->durable_end);
}

struct binlog_position binlog_store_first_visible(const struct binlog_store *store)
{
    return published_position_get(&store->first_visible);
}
