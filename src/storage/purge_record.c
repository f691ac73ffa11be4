/* SPDX-License-Identifier: Apache-2.0 */
#include "purge_record.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "binrelay/base/checksum.h"
#include "binrelay/base/memory.h"

/*
 * Little-endian; the set in the form of Previous_gtids, the state in that of
 * Gtid_list:
 *
 *   0         8        12    20        24          28
 *   "BRPURGE" version  first set_size  state_size  set state crc32
 */
enum {
    RECORD_VERSION = 1,
    RECORD_HEAD_BYTES = 28,
    RECORD_CHECKSUM_BYTES = 4,
    RECORD_SET_SIZE_AT = 20,
    RECORD_STATE_SIZE_AT = 24,
    RECORD_MOST_BYTES = 128 * 1024 * 1024,
};

static const char record_magic[8] = "BRPURGE";

void purge_record_release(struct purge_record *record)
{
    stored_gtids_release(&record->held);
    *record = (struct purge_record){0};
}

void purge_record_encode(struct buffer *output, uint64_t first, const struct stored_gtids *held)
{
    size_t start = 0;

    buffer_clear(output);
    buffer_add(output, record_magic, sizeof(record_magic));
    buffer_add_number(output, RECORD_VERSION, 4);
    buffer_add_number(output, first, 8);
    buffer_add_zeros(output, RECORD_HEAD_BYTES - output->size);
    start = output->size;
    gtid_set_encode(held->set, output);
    bytes_put_u32(output->data + RECORD_SET_SIZE_AT, (uint32_t)(output->size - start));
    start = output->size;
    mariadb_gtid_list_encode(&held->state, output);
    bytes_put_u32(output->data + RECORD_STATE_SIZE_AT, (uint32_t)(output->size - start));
    buffer_add_number(output, checksum_crc32(0, output->data, output->size), 4);
}

static enum status read_parts(struct byte_reader *reader,
                              struct purge_record *record,
                              struct error *error)
{
    uint64_t set_size = 0;
    uint64_t state_size = 0;
    struct bytes set;
    struct bytes state;

    record->first = byte_reader_number(reader, 8);
    set_size = byte_reader_number(reader, 4);
    state_size = byte_reader_number(reader, 4);
    set = byte_reader_take(reader, set_size);
    state = byte_reader_take(reader, state_size);
    if (reader->overran || reader->left > 0 || record->first == 0 ||
        gtid_set_decode(&record->held.set, set, error) != STATUS_OK ||
        mariadb_gtid_list_decode(&record->held.state, state, error) != STATUS_OK) {
        return error_set(error, STATUS_CORRUPT, "a purge record whose parts are wrong");
    }
    return STATUS_OK;
}

enum status purge_record_decode(struct purge_record *record,
                                struct bytes bytes,
                                struct error *error)
{
    struct purge_record found = {0};
    struct byte_reader reader;
    size_t checked = 0;

    if (bytes.size < RECORD_HEAD_BYTES + RECORD_CHECKSUM_BYTES ||
        memcmp(bytes.data, record_magic, sizeof(record_magic)) != 0) {
        return error_set(error, STATUS_CORRUPT, "not a purge record");
    }
    checked = bytes.size - RECORD_CHECKSUM_BYTES;
    if (bytes_u32_at(bytes.data + checked) != checksum_crc32(0, bytes.data, checked)) {
        return error_set(error, STATUS_CORRUPT, "a purge record with a wrong checksum");
    }
    reader = byte_reader_of((struct bytes){.data = bytes.data, .size = checked});
    byte_reader_skip(&reader, sizeof(record_magic));
    if (byte_reader_number(&reader, 4) != RECORD_VERSION) {
        return error_set(error, STATUS_CORRUPT, "a purge record of another version");
    }
    if (read_parts(&reader, &found, error) != STATUS_OK) {
        purge_record_release(&found);
        return error->status;
    }
    *record = found;
    return STATUS_OK;
}

static char *path_in(const char *directory)
{
    return mem_format("%s/purged", directory);
}

enum status purge_record_write(const struct disk *disk,
                               const char *directory,
                               uint64_t first,
                               const struct stored_gtids *held,
                               struct error *error)
{
    autofree char *path = path_in(directory);
    struct buffer bytes = {0};
    enum status status = STATUS_OK;

    purge_record_encode(&bytes, first, held);
    status = disk_replace_file(disk, path, bytes.data, bytes.size, error);
    buffer_release(&bytes);
    return status == STATUS_OK ? STATUS_OK : error_wrap(error, "%s", path);
}

enum status purge_record_read(const struct disk *disk,
                              const char *directory,
                              struct purge_record *record,
                              struct error *error)
{
    autofree char *path = path_in(directory);
    int file = disk_open(disk, path, O_RDONLY, 0);
    int64_t size = file < 0 ? -1 : disk_file_bytes(file);
    struct buffer bytes = {0};
    enum status status = STATUS_OK;

    if (file < 0 && errno == ENOENT) {
        return error_set(error, STATUS_NOT_FOUND, "%s is not there", path);
    }
    if (size < 0) {
        status = error_set_errno(error, "open %s", path);
    } else if (size > RECORD_MOST_BYTES) {
        status = error_set(error, STATUS_CORRUPT, "%s is no purge record", path);
    } else {
        status = disk_read_all(disk, file, buffer_room(&bytes, (size_t)size), (size_t)size, 0,
                               &bytes.size, error);
    }
    if (status == STATUS_OK) {
        status = purge_record_decode(record, buffer_bytes(&bytes), error);
    }
    if (file >= 0) {
        (void)disk_close(disk, file); /* was opened for reading */
    }
    buffer_release(&bytes);
    return status;
}
