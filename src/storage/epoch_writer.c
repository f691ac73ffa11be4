/* SPDX-License-Identifier: Apache-2.0 */
#include "epoch_writer.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "binrelay/base/memory.h"

enum { PAGE_RECORDS = 1024, PAGE_BYTES = PAGE_RECORDS * EPOCH_RECORD_BYTES };

static enum status cut_at(struct epoch_writer *writer, uint64_t bytes, struct error *error)
{
    if (disk_truncate(writer->disk, writer->descriptor, (off_t)bytes) != 0) {
        return error_set_errno(error, "cut the epoch index");
    }
    return STATUS_OK;
}

/* True if the file begins with these bytes. */
static bool has_head(const struct epoch_writer *writer, const uint8_t head[EPOCH_HEADER_BYTES])
{
    uint8_t found[EPOCH_HEADER_BYTES];
    struct error ignored;
    size_t size = 0;

    return disk_read_all(writer->disk, writer->descriptor, found, sizeof(found), 0, &size,
                         &ignored) == STATUS_OK &&
           size == sizeof(found) && memcmp(found, head, sizeof(found)) == 0;
}

static enum status begin_anew(struct epoch_writer *writer,
                              const struct epoch_header *header,
                              struct error *error)
{
    uint8_t head[EPOCH_HEADER_BYTES];

    if (cut_at(writer, 0, error) != STATUS_OK) {
        return error->status;
    }
    epoch_header_encode(head, header);
    return disk_write_all(writer->disk, writer->descriptor, head, sizeof(head), 0, error);
}

static enum status begin(struct epoch_writer *writer,
                         const struct epoch_header *header,
                         struct error *error)
{
    uint8_t head[EPOCH_HEADER_BYTES];
    int64_t bytes = disk_file_bytes(writer->descriptor);

    if (bytes < 0) {
        return error_set_errno(error, "look at the epoch index");
    }
    epoch_header_encode(head, header);
    if (bytes >= EPOCH_HEADER_BYTES && has_head(writer, head)) {
        writer->found = (uint64_t)bytes;
        return STATUS_OK;
    }
    return begin_anew(writer, header, error);
}

/* What an append that failed left behind the records goes. */
static enum status cut_behind(struct epoch_writer *writer, uint64_t bytes, struct error *error)
{
    int64_t found = disk_file_bytes(writer->descriptor);

    if (found < 0) {
        return error_set_errno(error, "look at the epoch index");
    }
    if ((uint64_t)found < bytes) {
        return error_set(error, STATUS_CORRUPT, "the epoch index was cut short");
    }
    return (uint64_t)found > bytes ? cut_at(writer, bytes, error) : STATUS_OK;
}

static enum status open_file(struct epoch_writer *writer,
                             const struct disk *disk,
                             const char *path,
                             struct error *error)
{
    *writer = (struct epoch_writer){.disk = disk};
    writer->descriptor = disk_open(disk, path, O_RDWR | O_CREAT, 0600);
    if (writer->descriptor < 0) {
        return error_set_errno(error, "open %s", path);
    }
    writer->page = mem_raw(PAGE_BYTES);
    return STATUS_OK;
}

enum status epoch_writer_open(struct epoch_writer *writer,
                              const struct disk *disk,
                              const char *path,
                              const struct epoch_header *header,
                              struct error *error)
{
    enum status status = open_file(writer, disk, path, error);

    if (status == STATUS_OK && begin(writer, header, error) != STATUS_OK) {
        epoch_writer_close(writer);
        return error_wrap(error, "%s", path);
    }
    return status;
}

enum status epoch_writer_open_at(struct epoch_writer *writer,
                                 const struct disk *disk,
                                 const char *path,
                                 const struct epoch_header *header,
                                 uint64_t count,
                                 struct error *error)
{
    enum status status = open_file(writer, disk, path, error);

    if (status == STATUS_OK) {
        status = count == 0 ? begin_anew(writer, header, error)
                            : cut_behind(writer, epoch_record_offset(count), error);
        if (status != STATUS_OK) {
            epoch_writer_close(writer);
            return error_wrap(error, "%s", path);
        }
    }
    writer->count = count;
    writer->page_first = count;
    return status;
}

/* The bytes of the next record in the file; NULL if it has no more that are believed. */
static const uint8_t *next_in_file(struct epoch_writer *writer)
{
    uint64_t offset = epoch_record_offset(writer->count);
    struct error ignored;
    size_t size = 0;

    if (offset + EPOCH_RECORD_BYTES > writer->found) {
        return NULL;
    }
    if (writer->count >= writer->page_first + writer->page_count) {
        if (disk_read_all(writer->disk, writer->descriptor, writer->page, PAGE_BYTES,
                          (off_t)offset, &size, &ignored) != STATUS_OK ||
            size < EPOCH_RECORD_BYTES) {
            return NULL;
        }
        writer->page_first = writer->count;
        writer->page_count = size / EPOCH_RECORD_BYTES;
    }
    return writer->page + (writer->count - writer->page_first) * EPOCH_RECORD_BYTES;
}

static enum status write_page(struct epoch_writer *writer, struct error *error)
{
    size_t size = writer->page_count * EPOCH_RECORD_BYTES;
    off_t offset = (off_t)epoch_record_offset(writer->page_first);

    writer->page_first += writer->page_count;
    writer->page_count = 0;
    return size == 0 ? STATUS_OK
                     : disk_write_all(writer->disk, writer->descriptor, writer->page, size,
                                      offset, error);
}

/* From here on the file is written. */
static enum status differ(struct epoch_writer *writer, struct error *error)
{
    bool has_more = writer->found > epoch_record_offset(writer->count);

    writer->found = 0;
    writer->page_first = writer->count;
    writer->page_count = 0;
    return has_more ? cut_at(writer, epoch_record_offset(writer->count), error) : STATUS_OK;
}

enum status epoch_writer_put(struct epoch_writer *writer,
                             const struct epoch_record *record,
                             struct error *error)
{
    uint8_t bytes[EPOCH_RECORD_BYTES];
    enum status status = STATUS_OK;

    epoch_record_encode(bytes, record);
    if (writer->found > 0) {
        const uint8_t *there = next_in_file(writer);

        if (there != NULL && memcmp(there, bytes, sizeof(bytes)) == 0) {
            writer->count++;
            return STATUS_OK;
        }
        status = differ(writer, error);
    }
    if (status == STATUS_OK && writer->page_count == PAGE_RECORDS) {
        status = write_page(writer, error);
    }
    if (status == STATUS_OK) {
        memcpy(writer->page + writer->page_count * EPOCH_RECORD_BYTES, bytes, sizeof(bytes));
        writer->page_count++;
        writer->count++;
    }
    return status;
}

enum status epoch_writer_finish(struct epoch_writer *writer, struct error *error)
{
    return writer->found > 0 ? differ(writer, error) : write_page(writer, error);
}

void epoch_writer_close(struct epoch_writer *writer)
{
    if (writer->disk != NULL && writer->descriptor >= 0) {
        (void)disk_close(writer->disk, writer->descriptor); /* what is wrong in it is noticed */
        writer->descriptor = -1;
    }
    free(writer->page);
    writer->page = NULL;
}
