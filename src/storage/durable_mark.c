/* SPDX-License-Identifier: Apache-2.0 */
#include "durable_mark.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "binrelay/base/checksum.h"

/*
 * One record, little-endian:
 *
 *   0          8        12        16      24    32      40     44
 *   "BRDURABL" version  checksum  serial  file  offset  crc32
 */
enum {
    RECORD_VERSION_AT = 8,
    RECORD_FILE_CHECKSUM_AT = 12,
    RECORD_SERIAL_AT = 16,
    RECORD_FILE_AT = 24,
    RECORD_OFFSET_AT = 32,
    RECORD_CHECKSUM_AT = 40,
    RECORD_BYTES = 44,
    RECORD_VERSION = 1,

    BLOCK_BYTES = 4096, /* of the largest sectors that disks write as one */
    BLOCK_COUNT = 4,
    MARK_BYTES = BLOCK_BYTES * BLOCK_COUNT,

    /* A record may be read while it is written: then it is whole at the next look. */
    CHECK_MOST_LOOKS = 8,
};

/* Two pairs of blocks, each written by turns: the newest of a pair is never touched. */
enum { PAIR_SYNCED = 0, PAIR_UNSYNCED = 2 };

static const char record_magic[8] = "BRDURABL";

static void put_u64(uint8_t *at, uint64_t number)
{
    bytes_put_u32(at, (uint32_t)number);
    bytes_put_u32(at + 4, (uint32_t)(number >> 32));
}

static void encode(uint8_t record[RECORD_BYTES], uint64_t serial, struct durable_claim claim)
{
    memset(record, 0, RECORD_BYTES);
    memcpy(record, record_magic, sizeof(record_magic));
    bytes_put_u32(record + RECORD_VERSION_AT, RECORD_VERSION);
    bytes_put_u32(record + RECORD_FILE_CHECKSUM_AT, (uint32_t)claim.checksum);
    put_u64(record + RECORD_SERIAL_AT, serial);
    put_u64(record + RECORD_FILE_AT, claim.end.file);
    put_u64(record + RECORD_OFFSET_AT, claim.end.offset);
    bytes_put_u32(record + RECORD_CHECKSUM_AT, checksum_crc32(0, record, RECORD_CHECKSUM_AT));
}

static bool is_valid(const uint8_t *record)
{
    return memcmp(record, record_magic, sizeof(record_magic)) == 0 &&
           bytes_u32_at(record + RECORD_CHECKSUM_AT) ==
               checksum_crc32(0, record, RECORD_CHECKSUM_AT);
}

void durable_mark_init(struct durable_mark *mark, const struct disk *disk, const char *path)
{
    *mark = (struct durable_mark){.disk = disk, .path = path, .descriptor = -1};
}

void durable_mark_close(struct durable_mark *mark)
{
    if (mark->descriptor >= 0) {
        /* What a close could still fail to write is not what safety rests on. */
        (void)disk_close(mark->disk, mark->descriptor);
        mark->descriptor = -1;
    }
}

/* The newest valid record of the file's bytes. */
static enum status decode(struct durable_mark *mark,
                          const uint8_t *bytes,
                          struct durable_claim *found,
                          struct error *error)
{
    bool is_found = false;

    for (int block = 0; block < BLOCK_COUNT; block++) {
        const uint8_t *record = bytes + (size_t)block * BLOCK_BYTES;

        if (!is_valid(record)) {
            continue;
        }
        if (bytes_u32_at(record + RECORD_VERSION_AT) != RECORD_VERSION) {
            return error_set(error, STATUS_INVALID, "%s: written by a newer version",
                             mark->path);
        }
        mark->serials[block] = bytes_u64_at(record + RECORD_SERIAL_AT);
        if (!is_found || mark->serials[block] > mark->serial) {
            is_found = true;
            mark->serial = mark->serials[block];
            found->end.file = bytes_u64_at(record + RECORD_FILE_AT);
            found->end.offset = bytes_u64_at(record + RECORD_OFFSET_AT);
            found->checksum = bytes_u32_at(record + RECORD_FILE_CHECKSUM_AT) == 0
                                  ? BINLOG_CHECKSUM_NONE
                                  : BINLOG_CHECKSUM_CRC32;
        }
    }
    if (!is_found) {
        return error_set(error, STATUS_CORRUPT,
                         "%s is damaged: remove it to go on with what reads back right",
                         mark->path);
    }
    return STATUS_OK;
}

/* Opens the file and reads it. */
static enum status read_file(struct durable_mark *mark,
                             int flags,
                             uint8_t bytes[MARK_BYTES],
                             size_t *size,
                             struct error *error)
{
    memset(bytes, 0, MARK_BYTES);
    mark->descriptor = disk_open(mark->disk, mark->path, flags, 0);
    if (mark->descriptor < 0) {
        if (errno == ENOENT) {
            return error_set(error, STATUS_NOT_FOUND, "%s is missing", mark->path);
        }
        return error_set_errno(error, "open %s", mark->path);
    }
    return disk_read_all(mark->disk, mark->descriptor, bytes, MARK_BYTES, 0, size, error);
}

enum status durable_mark_open(struct durable_mark *mark,
                              struct durable_claim *found,
                              struct error *error)
{
    uint8_t bytes[MARK_BYTES];
    size_t size = 0;
    enum status status = STATUS_OK;

    durable_mark_close(mark);
    mark->serial = 0;
    memset(mark->serials, 0, sizeof(mark->serials));
    status = read_file(mark, O_RDWR, bytes, &size, error);
    if (status == STATUS_OK) {
        status = decode(mark, bytes, found, error);
    }
    if (status != STATUS_OK) {
        durable_mark_close(mark);
        return status;
    }
    mark->claimed = found->end;
    return STATUS_OK;
}

static bool has_all_records(const uint8_t *bytes)
{
    for (int block = 0; block < BLOCK_COUNT; block++) {
        if (!is_valid(bytes + (size_t)block * BLOCK_BYTES)) {
            return false;
        }
    }
    return true;
}

/* Tells of what is no record, and of what is behind the records. */
static void check_bytes(const uint8_t *bytes, durable_mark_fault_fn on_fault, void *context)
{
    for (uint64_t offset = 0; offset < MARK_BYTES; offset += BLOCK_BYTES) {
        if (!is_valid(bytes + offset)) {
            on_fault(context, offset, "a record that is none");
        }
        for (uint64_t at = offset + RECORD_BYTES; at < offset + BLOCK_BYTES; at++) {
            if (bytes[at] != 0) {
                on_fault(context, at, "bytes behind a record that are not zero");
                break;
            }
        }
    }
}

enum status durable_mark_check(const struct disk *disk,
                               const char *path,
                               durable_mark_fault_fn on_fault,
                               void *context,
                               struct durable_claim *found,
                               struct error *error)
{
    struct durable_mark mark;
    uint8_t bytes[MARK_BYTES];
    enum status status = STATUS_OK;
    bool is_sound = false;
    int64_t all = 0;
    size_t size = 0;

    durable_mark_init(&mark, disk, path);
    for (int look = 0; look < CHECK_MOST_LOOKS && !is_sound && status == STATUS_OK; look++) {
        durable_mark_close(&mark);
        status = read_file(&mark, O_RDONLY, bytes, &size, error);
        is_sound = status == STATUS_OK && has_all_records(bytes);
    }
    if (status == STATUS_OK) {
        all = disk_file_bytes(mark.descriptor);
        if (all != MARK_BYTES) {
            on_fault(context, all > MARK_BYTES ? MARK_BYTES : (uint64_t)size,
                     all > MARK_BYTES ? "the file is too long" : "the file is cut short");
        }
        check_bytes(bytes, on_fault, context);
        status = decode(&mark, bytes, found, error);
    }
    durable_mark_close(&mark);
    return status;
}

enum status durable_mark_reset(struct durable_mark *mark,
                               struct durable_claim claim,
                               struct error *error)
{
    uint8_t bytes[MARK_BYTES] = {0};
    struct durable_claim found;
    enum status status = STATUS_OK;

    for (int block = 0; block < BLOCK_COUNT; block++) {
        encode(bytes + (size_t)block * BLOCK_BYTES, 1, claim);
    }
    status = disk_replace_file(mark->disk, mark->path, bytes, sizeof(bytes), error);
    if (status == STATUS_OK) {
        status = durable_mark_open(mark, &found, error);
    }
    return status == STATUS_OK ? STATUS_OK : error_wrap(error, "mark what is durable");
}

/* Writes the older block of a pair. One that was torn on the way is the older one again. */
static enum status write_block(struct durable_mark *mark,
                               int pair,
                               struct durable_claim claim,
                               struct error *error)
{
    int block = mark->serials[pair] > mark->serials[pair + 1] ? pair + 1 : pair;
    uint8_t record[RECORD_BYTES];
    enum status status = STATUS_OK;

    if (binlog_position_compare(claim.end, mark->claimed) > 0) {
        mark->claimed = claim.end;
    }
    encode(record, mark->serial + 1, claim);
    status = disk_write_all(mark->disk, mark->descriptor, record, sizeof(record),
                            (off_t)block * BLOCK_BYTES, error);
    if (status != STATUS_OK) {
        return error_wrap(error, "%s", mark->path);
    }
    mark->serial++;
    mark->serials[block] = mark->serial;
    return STATUS_OK;
}

void durable_mark_write(struct durable_mark *mark, struct durable_claim claim)
{
    struct error error;
    bool is_written = write_block(mark, PAIR_UNSYNCED, claim, &error) == STATUS_OK;

    (void)is_written; /* the newest whole record counts, whichever that is */
}

enum status durable_mark_write_synced(struct durable_mark *mark,
                                      struct durable_claim claim,
                                      struct error *error)
{
    enum status status = write_block(mark, PAIR_SYNCED, claim, error);

    if (status == STATUS_OK && disk_sync(mark->disk, mark->descriptor) != 0) {
        status = error_set_errno(error, "sync %s", mark->path);
    }
    return status;
}
