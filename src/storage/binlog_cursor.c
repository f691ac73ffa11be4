/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/storage/binlog_cursor.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "binlog_scan.h"
#include "binrelay/base/memory.h"
#include "store_internal.h"

enum {
    CURSOR_MOST_FORMAT_BYTES = 64 * 1024,
    /* So many headers in a row that fit together are no chance. */
    CURSOR_MOST_HEADERS = 1024,
};

struct binlog_cursor {
    struct binlog_store *store; /* borrowed */
    struct store_file *file;    /* referenced */
    int descriptor;
    struct buffer format; /* owned: the format description; empty until it is asked for */
    enum binlog_checksum checksum; /* both with it */
    bool is_mariadb;
};

static enum status not_found(const struct binlog_store *store,
                             uint64_t file,
                             struct error *error)
{
    return error_set(error, STATUS_NOT_FOUND, "%s has no file %" PRIu64,
                     binlog_store_log_name(store), file);
}

enum status binlog_cursor_open(struct binlog_cursor **made,
                               struct binlog_store *store,
                               uint64_t file,
                               struct error *error)
{
    struct binlog_cursor *cursor = NULL;
    struct store_file *found = NULL;
    int descriptor = -1;

    pthread_mutex_lock(&store->list.lock);
    found = file_list_find(&store->list, file);
    pthread_mutex_unlock(&store->list.lock);
    if (found == NULL) {
        return not_found(store, file, error);
    }
    descriptor = disk_open(store->disk, found->path, O_RDONLY, 0);
    if (descriptor < 0) {
        error_set_errno(error, "open %s", found->path);
        if (store_is_purged(store, found)) { /* between the list and the disk */
            (void)not_found(store, file, error);
        }
        store_file_unref(found);
        return error->status;
    }
    cursor = mem_zeroed(sizeof(*cursor));
    cursor->store = store;
    cursor->file = found;
    cursor->descriptor = descriptor;
    *made = cursor;
    return STATUS_OK;
}

void binlog_cursor_close(struct binlog_cursor *cursor)
{
    if (cursor == NULL) {
        return;
    }
    (void)disk_close(cursor->store->disk, cursor->descriptor); /* was opened for reading */
    store_file_unref(cursor->file);
    buffer_release(&cursor->format);
    free(cursor);
}

uint64_t binlog_cursor_readable(const struct binlog_cursor *cursor)
{
    struct binlog_position end = binlog_store_durable_end(cursor->store);

    if (end.file == cursor->file->number) {
        return end.offset;
    }
    /* What ended the file was written before the end moved on, and never changes again. */
    return end.file > cursor->file->number ? cursor->file->facts.bytes : 0;
}

bool binlog_cursor_is_finished(const struct binlog_cursor *cursor, uint64_t *next)
{
    if (binlog_store_durable_end(cursor->store).file <= cursor->file->number) {
        return false;
    }
    *next = cursor->file->next;
    return true;
}

enum status binlog_cursor_read(struct binlog_cursor *cursor,
                               uint64_t offset,
                               void *data,
                               size_t size,
                               size_t *found,
                               struct error *error)
{
    uint64_t readable = binlog_cursor_readable(cursor);

    if (offset >= readable) {
        *found = 0;
        return STATUS_OK;
    }
    if (size > readable - offset) {
        size = (size_t)(readable - offset);
    }
    if (disk_read_all(cursor->store->disk, cursor->descriptor, data, size, (off_t)offset, found,
                      error) != STATUS_OK) {
        return error_wrap(error, "%s", cursor->file->path);
    }
    if (*found < size) {
        return error_set(error, STATUS_CORRUPT, "%s ends at %" PRIu64 ", not at %" PRIu64,
                         cursor->file->path, offset + *found, readable);
    }
    return STATUS_OK;
}

/* Reads the header of the event at offset. STATUS_INVALID if there cannot be one. */
static enum status read_header(struct binlog_cursor *cursor,
                               uint64_t offset,
                               struct binlog_event_header *header,
                               struct error *error)
{
    uint64_t readable = binlog_cursor_readable(cursor);
    uint8_t bytes[BINLOG_EVENT_HEADER_BYTES] = {0};
    size_t found = 0;
    enum status status = STATUS_OK;

    if (offset < BINLOG_MAGIC_BYTES || offset > readable ||
        readable - offset < BINLOG_EVENT_HEADER_BYTES) {
        return error_set(error, STATUS_INVALID,
                         "no event begins at %" PRIu64 ": what may be read ends at %" PRIu64,
                         offset, readable);
    }
    status = binlog_cursor_read(cursor, offset, bytes, sizeof(bytes), &found, error);
    if (status != STATUS_OK) {
        return status;
    }
    *header = binlog_event_header_at(bytes);
    if (header->event_size < BINLOG_EVENT_HEADER_BYTES ||
        header->event_size > readable - offset) {
        return error_set(error, STATUS_INVALID, "no event begins at %" PRIu64, offset);
    }
    return STATUS_OK;
}

static enum status read_format(struct binlog_cursor *cursor, struct error *error)
{
    struct binlog_event_header header = {0};
    struct binlog_format format = {0};
    size_t found = 0;
    enum status status = read_header(cursor, BINLOG_MAGIC_BYTES, &header, error);

    if (status == STATUS_OK && header.event_size > CURSOR_MOST_FORMAT_BYTES) {
        status = error_set(error, STATUS_CORRUPT, "a format description of %" PRIu32 " bytes",
                           header.event_size);
    }
    if (status == STATUS_OK) {
        status = binlog_cursor_read(cursor, BINLOG_MAGIC_BYTES,
                                    buffer_room(&cursor->format, header.event_size),
                                    header.event_size, &found, error);
    }
    if (status == STATUS_OK) {
        cursor->format.size = found;
        status = binlog_format_decode(&format, buffer_bytes(&cursor->format), error);
    }
    if (status != STATUS_OK) {
        buffer_clear(&cursor->format);
        return error_wrap(error, "%s", cursor->file->path);
    }
    cursor->checksum = format.checksum;
    cursor->is_mariadb = format.is_mariadb;
    return STATUS_OK;
}

enum status binlog_cursor_format(struct binlog_cursor *cursor,
                                 struct bytes *event,
                                 struct error *error)
{
    enum status status = STATUS_OK;

    if (cursor->format.size == 0) {
        status = read_format(cursor, error);
    }
    if (status == STATUS_OK) {
        *event = buffer_bytes(&cursor->format);
    }
    return status;
}

static enum status check_checksum(struct binlog_cursor *cursor,
                                  uint64_t offset,
                                  uint32_t size,
                                  struct error *error)
{
    bool is_right = false;
    enum status status = STATUS_OK;

    if (size < BINLOG_EVENT_HEADER_BYTES + BINLOG_CHECKSUM_BYTES) {
        return error_set(error, STATUS_INVALID, "no event begins at %" PRIu64, offset);
    }
    status = binlog_scan_checksum(cursor->store->disk, cursor->descriptor, offset, size,
                                  &is_right, error);
    if (status == STATUS_OK && !is_right) {
        return error_set(error, STATUS_INVALID,
                         "no event begins at %" PRIu64 ": its checksum is wrong", offset);
    }
    return status;
}

/*
 * MariaDB 11.4 and up leave log_pos 0 inside transactions, and such a file may
 * have no checksums: then it is the events behind, each at the end of the one
 * before, up to one that says where it is, that prove the place.
 */
static enum status check_chain(struct binlog_cursor *cursor,
                               uint64_t offset,
                               struct error *error)
{
    uint64_t next = offset;

    for (int headers = 0; headers < CURSOR_MOST_HEADERS; headers++) {
        struct binlog_event_header header = {0};
        enum status status = STATUS_OK;

        if (next == binlog_cursor_readable(cursor)) {
            return STATUS_OK;
        }
        status = read_header(cursor, next, &header, error);
        if (status != STATUS_OK) {
            return status;
        }
        next += header.event_size;
        if (header.next_position == (uint32_t)next) {
            return STATUS_OK;
        }
        if (header.next_position != 0 || !cursor->is_mariadb ||
            strcmp(binlog_event_type_name(header.type), "unknown") == 0) {
            return error_set(error, STATUS_INVALID, "no event begins at %" PRIu64, offset);
        }
    }
    return STATUS_OK;
}

enum status binlog_cursor_check_boundary(struct binlog_cursor *cursor,
                                         uint64_t offset,
                                         struct error *error)
{
    struct binlog_event_header header = {0};
    struct bytes format;
    enum status status = STATUS_OK;

    if (offset == BINLOG_MAGIC_BYTES || offset == binlog_cursor_readable(cursor)) {
        return STATUS_OK;
    }
    status = read_header(cursor, offset, &header, error);
    if (status == STATUS_OK) {
        status = binlog_cursor_format(cursor, &format, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (header.next_position != 0 &&
        header.next_position != (uint32_t)(offset + header.event_size)) {
        return error_set(error, STATUS_INVALID,
                         "no event begins at %" PRIu64
                         ": what is there says that the next begins at %" PRIu32,
                         offset, header.next_position);
    }
    if (cursor->checksum == BINLOG_CHECKSUM_CRC32) {
        return check_checksum(cursor, offset, header.event_size, error);
    }
    return check_chain(cursor, offset, error);
}

int binlog_cursor_descriptor(const struct binlog_cursor *cursor)
{
    return fcntl(cursor->descriptor, F_DUPFD_CLOEXEC, 0);
}
