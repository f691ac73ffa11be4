/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer: events are gathered and go to the system in large pieces. At
 * each end of a transaction the place is remembered (`whole`), so that what is
 * unfinished can be cut off, and after each write how far the system has whole
 * transactions (`written`), so that a full disk costs only what was gathered.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "binrelay/base/log.h"
#include "binrelay/base/memory.h"
#include "store_internal.h"

/* Where the current file is whole: at `point`, or behind its magic if that is another file's.
 */
static struct follower_place whole_place(const struct binlog_store *store,
                                         const struct store_point *point)
{
    if (point->file == store->follower.file) {
        return point->place;
    }
    return (struct follower_place){.offset = BINLOG_MAGIC_BYTES, .gtids = point->place.gtids};
}

/* Cuts the current file, what is known of it and what is gathered back to a place. */
static enum status cut_to(struct binlog_store *store,
                          struct follower_place place,
                          struct error *error)
{
    struct store_file *current = store_current(store);

    store->event_left = 0;
    store->is_collecting = false;
    store->gathered_size = 0;
    store->written_bytes = place.offset;
    store->follower.now = place;
    pending_gtids_cut(&store->gtids, place.gtids);
    epoch_track_cut(&store->epochs, store->follower.file, place.offset);
    if (disk_truncate(store->disk, current->descriptor, (off_t)place.offset) != 0) {
        return store_refuse(store, error_set_errno(error, "cut %s back to %" PRIu64,
                                                   current->path, place.offset));
    }
    return STATUS_OK;
}

/* A write failed. A full disk is not the end: what is whole and written stays. */
static enum status give_up_gathered(struct binlog_store *store,
                                    enum status status,
                                    struct error *error)
{
    struct error cut_error;

    error_wrap(error, "%s", store_current(store)->path);
    if (status != STATUS_FULL) {
        return store_refuse(store, status);
    }
    store->whole = store->written;
    if (cut_to(store, whole_place(store, &store->written), &cut_error) != STATUS_OK) {
        *error = cut_error;
        return error->status;
    }
    return STATUS_FULL;
}

/* All that is whole is with the system now. */
static void note_written(struct binlog_store *store)
{
    store->written = store->whole;
    if (store->gtids.count > STORE_MOST_PENDING_GTIDS) {
        struct follower_place *now = &store->follower.now;
        struct pending_gtids_change change =
            pending_gtids_compact(&store->gtids, store->written.place.gtids);

        now->gtids = pending_gtids_moved(now->gtids, change);
        store->whole.place.gtids = pending_gtids_moved(store->whole.place.gtids, change);
        store->written.place.gtids = store->whole.place.gtids;
    }
}

static enum status write_bytes(struct binlog_store *store,
                               const void *data,
                               size_t size,
                               struct error *error)
{
    enum status status = disk_write_all(store->disk, store_current(store)->descriptor, data,
                                        size, (off_t)store->written_bytes, error);

    if (status != STATUS_OK) {
        return give_up_gathered(store, status, error);
    }
    store->written_bytes += size;
    store->stored_usec = clock_wall_usec(store->clock);
    return STATUS_OK;
}

static enum status write_gathered(struct binlog_store *store, struct error *error)
{
    enum status status = STATUS_OK;

    if (store->gathered_size > 0) {
        status = write_bytes(store, store->gathered, store->gathered_size, error);
        store->gathered_size = 0;
    }
    if (status == STATUS_OK) {
        note_written(store);
    }
    return status;
}

enum status binlog_store_write(struct binlog_store *store, struct error *error)
{
    enum status status = store_check_open(store, error);

    if (status != STATUS_OK || store_current(store) == NULL) {
        return status;
    }
    return write_gathered(store, error);
}

/* Gathers bytes, or writes through what would not fit. */
static enum status put(struct binlog_store *store, struct bytes bytes, struct error *error)
{
    enum status status = STATUS_OK;

    if (UNLIKELY(bytes.size > store->gathered_capacity - store->gathered_size)) {
        status = write_gathered(store, error);
        if (status == STATUS_OK && bytes.size >= store->gathered_capacity) {
            return write_bytes(store, bytes.data, bytes.size, error);
        }
    }
    if (LIKELY(status == STATUS_OK)) {
        memcpy(store->gathered + store->gathered_size, bytes.data, bytes.size);
        store->gathered_size += bytes.size;
    }
    return status;
}

/* Behind each event that is complete. */
static void note_whole(struct binlog_store *store)
{
    if (follower_place_is_whole(&store->follower.now)) {
        store->whole.file = store->follower.file;
        store->whole.checksum = store->follower.format.checksum;
        store->whole.place = store->follower.now;
        epoch_track_whole(&store->epochs, store->follower.now.offset);
    }
}

static enum status check_can_append(const struct binlog_store *store, struct error *error)
{
    enum status status = store_check_open(store, error);

    if (status == STATUS_OK && (store_current(store) == NULL || store->event_left > 0)) {
        return error_set(error, STATUS_INVALID, "%s: %s", store->directory,
                         store->event_left > 0 ? "the last event is not complete"
                                               : "no file was begun");
    }
    return status;
}

/* Serving leaves incidents out that stand in front of the first epoch, NDB's only
 * (dump_start.c). */
static enum status follow(struct binlog_store *store,
                          struct bytes start,
                          uint32_t size,
                          struct error *error)
{
    bool is_incident = start.size > BINLOG_EVENT_TYPE_AT &&
                       start.data[BINLOG_EVENT_TYPE_AT] == BINLOG_INCIDENT;

    if (UNLIKELY(is_incident)) {
        store->follower.is_opening = store->epoch_rules.kind == EPOCH_KIND_NDB &&
                                     store->epochs.now.last.incarnation == 0;
    }
    return file_follower_event(&store->follower, start, size, error);
}

static enum status append_whole(struct binlog_store *store,
                                struct bytes event,
                                struct error *error)
{
    enum status status = STATUS_OK;

    if (UNLIKELY(event.size > UINT32_MAX)) {
        return error_set(error, STATUS_INVALID, "an event of %zu bytes", event.size);
    }
    status = follow(store, event, (uint32_t)event.size, error);
    if (LIKELY(status == STATUS_OK)) {
        epoch_track_event(&store->epochs, event, (uint32_t)event.size,
                          store->follower.format.checksum);
        status = put(store, event, error);
    }
    if (LIKELY(status == STATUS_OK)) {
        note_whole(store);
    }
    return status;
}

enum status binlog_store_append(struct binlog_store *store,
                                struct bytes event,
                                struct error *error)
{
    enum status status = check_can_append(store, error);

    return status == STATUS_OK ? append_whole(store, event, error) : status;
}

static enum status append_part(struct binlog_store *store,
                               struct bytes part,
                               struct error *error)
{
    enum status status = STATUS_OK;

    if (store->is_collecting) {
        buffer_add_bytes(&store->collected, part);
        store->event_left -= part.size;
        if (store->event_left > 0) {
            return STATUS_OK;
        }
        status = append_whole(store, buffer_bytes(&store->collected), error);
        buffer_release(&store->collected); /* seldom, and large */
        return status;
    }
    status = put(store, part, error);
    if (status != STATUS_OK) {
        return status; /* nothing of the event is there any more */
    }
    store->event_left -= part.size;
    if (store->event_left == 0) {
        note_whole(store);
    }
    return STATUS_OK;
}

enum status binlog_store_append_begin(struct binlog_store *store,
                                      struct bytes first,
                                      uint32_t size,
                                      struct error *error)
{
    enum status status = check_can_append(store, error);

    if (status == STATUS_OK && (first.size < BINLOG_EVENT_HEADER_BYTES || first.size > size)) {
        return error_set(error, STATUS_INVALID, "%zu bytes of an event of %" PRIu32, first.size,
                         size);
    }
    if (status != STATUS_OK || first.size == size) {
        return status != STATUS_OK ? status : append_whole(store, first, error);
    }
    store->is_collecting =
        file_follower_needs_whole(&store->follower, first.data[BINLOG_EVENT_TYPE_AT]);
    if (store->is_collecting && size > FOLLOWER_MOST_COLLECTED_BYTES) {
        return error_set(error, STATUS_INVALID, "%s of %" PRIu32 " bytes is too long",
                         binlog_event_type_name(first.data[BINLOG_EVENT_TYPE_AT]), size);
    }
    if (!store->is_collecting) {
        status = follow(store, first, size, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (!store->is_collecting) {
        epoch_track_event(&store->epochs, first, size, store->follower.format.checksum);
    }
    buffer_clear(&store->collected);
    store->event_left = size;
    return append_part(store, first, error);
}

enum status binlog_store_append_more(struct binlog_store *store,
                                     struct bytes part,
                                     struct error *error)
{
    enum status status = store_check_open(store, error);

    if (status == STATUS_OK && part.size > store->event_left) {
        return error_set(error, STATUS_INVALID, "%zu bytes of an event that lacks %" PRIu64,
                         part.size, store->event_left);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (!store->is_collecting) {
        epoch_track_part(&store->epochs, part);
    }
    return append_part(store, part, error);
}

bool binlog_store_is_whole(const struct binlog_store *store)
{
    return store->event_left == 0 &&
           (store_current(store) == NULL ||
            store->follower.now.offset == whole_place(store, &store->whole).offset);
}

enum status binlog_store_cut_unfinished(struct binlog_store *store, struct error *error)
{
    enum status status = store_check_open(store, error);
    struct follower_place place;

    if (status != STATUS_OK || binlog_store_is_whole(store)) {
        return status;
    }
    place = whole_place(store, &store->whole);
    if (place.offset < store->written_bytes) {
        return cut_to(store, place, error);
    }
    store->event_left = 0;
    store->is_collecting = false;
    store->gathered_size = (size_t)(place.offset - store->written_bytes);
    store->follower.now = place;
    pending_gtids_cut(&store->gtids, place.gtids);
    epoch_track_cut(&store->epochs, store->follower.file, place.offset);
    return STATUS_OK;
}

/* Makes the file with its magic. On failure there is no such file. */
static enum status make_file(struct binlog_store *store,
                             struct store_file *file,
                             struct error *error)
{
    enum status status = STATUS_OK;

    file->descriptor = disk_open(store->disk, file->path, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (file->descriptor < 0) {
        return error_set_errno(error, "make %s", file->path);
    }
    status = disk_write_all(store->disk, file->descriptor, BINLOG_MAGIC, BINLOG_MAGIC_BYTES, 0,
                            error);
    if (status == STATUS_OK) {
        return STATUS_OK;
    }
    error_wrap(error, "%s", file->path);
    store_close_descriptor(store, file);
    if (disk_remove(store->disk, file->path) != 0) {
        return store_refuse(store, error_set_errno(error, "remove %s", file->path));
    }
    return status;
}

/*
 * Many small files may begin while one sync runs. The writer then syncs those
 * that ended itself, so that the number of open descriptors stays bounded.
 */
static enum status limit_open_files(struct binlog_store *store, struct error *error)
{
    if (store->open_count < STORE_MOST_OPEN_FILES) {
        return STATUS_OK;
    }
    for (size_t at = 0; at + 1 < store->open_count; at++) {
        struct store_file *file = store->open_files[at];

        if (file->descriptor < 0 || file->is_in_sync) {
            continue;
        }
        if (disk_sync(store->disk, file->descriptor) != 0) {
            return store_refuse(store, error_set_errno(error, "sync %s", file->path));
        }
        store_close_descriptor(store, file);
    }
    return STATUS_OK;
}

/*
 * The file ends here, inside a transaction too: its source's file ended that
 * way, and the transaction was rolled back. Its GTID is not counted, and the
 * durable end does not stop behind it but goes on to the next file's events.
 */
static void end_current(struct binlog_store *store)
{
    struct store_file *current = store_current(store);
    struct follower_place end = store->follower.now;

    if (current != NULL) {
        pending_gtids_cut(&store->gtids, whole_place(store, &store->whole).gtids);
        end.gtids = pending_gtids_end(&store->gtids);
        current->ended = store_facts_at(&store->follower, &end);
        current->ended.written_usec = store->stored_usec;
    }
}

static bool is_log_name(const char *log_name)
{
    char name[BINLOG_NAME_BYTES];
    char base_name[BINLOG_NAME_MOST_BYTES + 1];
    uint64_t file = 0;

    binlog_name_print(name, log_name, 1);
    return binlog_name_split(bytes_of_text(name), base_name, &file) &&
           strcmp(base_name, log_name) == 0;
}

/* The name that the log has or was told to have; `offered` is for a log that has none. */
static const char *name_of_log(const struct binlog_store *store, const char *offered)
{
    const char *name = binlog_store_log_name(store);

    if (*name != '\0') {
        return name;
    }
    return store->asked_log_name != NULL ? store->asked_log_name : offered;
}

enum status binlog_store_begin_file(struct binlog_store *store,
                                    const char *log_name,
                                    uint64_t file,
                                    struct error *error)
{
    struct store_file *current = store_current(store);
    struct store_file *made = NULL;
    const char *name = name_of_log(store, log_name);
    enum status status = store_check_open(store, error);

    if (status != STATUS_OK) {
        return status;
    }
    if (store->event_left > 0 || file <= (current == NULL ? 0 : current->number) ||
        !is_log_name(name)) {
        return error_set(error, STATUS_INVALID, "%s: %s.%" PRIu64 " cannot begin here",
                         store->directory, log_safe(bytes_of_text(name)).text, file);
    }
    if (current != NULL) {
        status = write_gathered(store, error);
    }
    if (status == STATUS_OK) {
        status = limit_open_files(store, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    made = store_file_new(file, store_file_path(store, name, file));
    status = make_file(store, made, error);
    if (status != STATUS_OK) {
        store_file_unref(made);
        return status;
    }
    end_current(store);
    store_set_log_name(store, name);
    store_add_open_file(store, made);
    store_follow_file(store, &store->follower, file, &store->gtids);
    store->follower.is_first = current == NULL;
    store->written_bytes = BINLOG_MAGIC_BYTES;
    store->stored_usec = clock_wall_usec(store->clock);
    epoch_track_begin_file(&store->epochs, file, BINLOG_MAGIC_BYTES);
    return STATUS_OK;
}
