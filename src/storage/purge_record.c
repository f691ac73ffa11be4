/* SPDX-License-Identifier: Apache-2.0 */
#include "purge_record.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "binrelay/base/checksum.h"
#include "binrelay/base/memory.h"

/*
 * Little-endian; the sets in the form of Previous_gtids, the state of MariaDB in
 * that of Gtid_list. Version 1 ends its head at 28 and has no left_out:
 *
 *   0         8        12    20        24
 *   "BRPURGE" version  first set_size  state_size
 *
 *   28            32      36           40     48           56        64          72
 *   left_out_size epochs  incarnation  epoch  latest_usec  end_file  end_offset  end_bytes
 *
 *   80
 *   set state left_out crc32
 */
enum {
    RECORD_VERSION = 2,
    RECORD_FIRST_VERSION = 1,
    RECORD_FIRST_HEAD_BYTES = 28,
    RECORD_HEAD_BYTES = 80,
    RECORD_CHECKSUM_BYTES = 4,
    RECORD_SET_SIZE_AT = 20,
    RECORD_STATE_SIZE_AT = 24,
    RECORD_LEFT_OUT_SIZE_AT = 28,
    RECORD_MOST_BYTES = 128 * 1024 * 1024,
};

static const char record_magic[8] = "BRPURGE";

void purge_record_init(struct purge_record *record)
{
    *record = (struct purge_record){.left_out = gtid_set_new()};
    stored_gtids_init(&record->held);
}

void purge_record_release(struct purge_record *record)
{
    stored_gtids_release(&record->held);
    gtid_set_free(record->left_out);
    *record = (struct purge_record){0};
}

/* What was added since `start` is a part, and its size goes into the head. */
static void note_size(struct buffer *output, size_t size_at, size_t start)
{
    bytes_put_u32(output->data + size_at, (uint32_t)(output->size - start));
}

void purge_record_encode(struct buffer *output, const struct purge_record *record)
{
    size_t start = 0;

    buffer_clear(output);
    buffer_add(output, record_magic, sizeof(record_magic));
    buffer_add_number(output, RECORD_VERSION, 4);
    buffer_add_number(output, record->first, 8);
    buffer_add_zeros(output, 3 * 4); /* the sizes */
    buffer_add_number(output, (uint64_t)record->epochs, 4);
    buffer_add_number(output, record->state.last.incarnation, 4);
    buffer_add_number(output, record->state.last.epoch, 8);
    buffer_add_number(output, record->state.latest_usec, 8);
    buffer_add_number(output, record->end.file, 8);
    buffer_add_number(output, record->end.offset, 8);
    buffer_add_number(output, record->end.bytes, 8);
    start = output->size;
    gtid_set_encode(record->held.set, output);
    note_size(output, RECORD_SET_SIZE_AT, start);
    start = output->size;
    mariadb_gtid_list_encode(&record->held.state, output);
    note_size(output, RECORD_STATE_SIZE_AT, start);
    start = output->size;
    gtid_set_encode(record->left_out, output);
    note_size(output, RECORD_LEFT_OUT_SIZE_AT, start);
    buffer_add_number(output, checksum_crc32(0, output->data, output->size), 4);
}

/* The sizes of the parts. */
struct part_sizes {
    uint64_t set;
    uint64_t state;
    uint64_t left_out;
};

/* False: it ended behind its end, or in front of it stood nothing that an epoch could be in. */
static bool read_end(struct byte_reader *reader, struct purge_record *record)
{
    struct purged_end *end = &record->end;

    end->file = byte_reader_number(reader, 8);
    end->offset = byte_reader_number(reader, 8);
    end->bytes = byte_reader_number(reader, 8);
    if (end->file == 0) {
        return end->offset == 0 && end->bytes == 0;
    }
    return end->file < record->first && end->offset > BINLOG_MAGIC_BYTES &&
           end->offset <= end->bytes && record->state.last.incarnation != 0;
}

/* False: an epoch kind that there is not, or a state that says there were epochs of none. */
static bool read_epochs(struct byte_reader *reader, struct purge_record *record)
{
    uint64_t kind = byte_reader_number(reader, 4);

    record->state.last.incarnation = (uint32_t)byte_reader_number(reader, 4);
    record->state.last.epoch = byte_reader_number(reader, 8);
    record->state.latest_usec = byte_reader_number(reader, 8);
    if (kind >= EPOCH_KIND_COUNT) {
        return false;
    }
    record->epochs = (enum epoch_kind)kind;
    return record->epochs != EPOCH_KIND_NONE || record->state.last.incarnation == 0;
}

static enum status read_sets(struct byte_reader *reader,
                             const struct part_sizes *sizes,
                             struct purge_record *record,
                             struct error *error)
{
    struct bytes set = byte_reader_take(reader, sizes->set);
    struct bytes state = byte_reader_take(reader, sizes->state);
    struct bytes left_out = byte_reader_take(reader, sizes->left_out);

    if (reader->overran || reader->left > 0) {
        return error_set(error, STATUS_CORRUPT, "parts that do not add up");
    }
    if (gtid_set_decode(&record->held.set, set, error) != STATUS_OK ||
        mariadb_gtid_list_decode(&record->held.state, state, error) != STATUS_OK) {
        return error->status;
    }
    if (left_out.size == 0) { /* version 1 */
        record->left_out = gtid_set_new();
        return STATUS_OK;
    }
    return gtid_set_decode(&record->left_out, left_out, error);
}

static enum status read_parts(struct byte_reader *reader,
                              uint64_t version,
                              struct purge_record *record,
                              struct error *error)
{
    struct part_sizes sizes = {0};
    bool is_right = true;

    record->first = byte_reader_number(reader, 8);
    sizes.set = byte_reader_number(reader, 4);
    sizes.state = byte_reader_number(reader, 4);
    if (version != RECORD_FIRST_VERSION) {
        sizes.left_out = byte_reader_number(reader, 4);
        is_right =
            read_epochs(reader, record) && read_end(reader, record) && sizes.left_out > 0;
    }
    if (!is_right || record->first == 0 ||
        read_sets(reader, &sizes, record, error) != STATUS_OK ||
        !gtid_set_contains(record->held.set, record->left_out)) {
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
    uint64_t version = 0;
    size_t checked = 0;

    if (bytes.size < RECORD_FIRST_HEAD_BYTES + RECORD_CHECKSUM_BYTES ||
        memcmp(bytes.data, record_magic, sizeof(record_magic)) != 0) {
        return error_set(error, STATUS_CORRUPT, "not a purge record");
    }
    checked = bytes.size - RECORD_CHECKSUM_BYTES;
    if (bytes_u32_at(bytes.data + checked) != checksum_crc32(0, bytes.data, checked)) {
        return error_set(error, STATUS_CORRUPT, "a purge record with a wrong checksum");
    }
    reader = byte_reader_of((struct bytes){.data = bytes.data, .size = checked});
    byte_reader_skip(&reader, sizeof(record_magic));
    version = byte_reader_number(&reader, 4);
    if (version < RECORD_FIRST_VERSION || version > RECORD_VERSION) {
        return error_set(error, STATUS_CORRUPT, "a purge record of another version");
    }
    if (read_parts(&reader, version, &found, error) != STATUS_OK) {
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
                               const struct purge_record *record,
                               struct error *error)
{
    autofree char *path = path_in(directory);
    struct buffer bytes = {0};
    enum status status = STATUS_OK;

    purge_record_encode(&bytes, record);
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
