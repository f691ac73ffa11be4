/* SPDX-License-Identifier: Apache-2.0 */
#include "epoch_record.h"

#include <assert.h>
#include <string.h>

#include "binrelay/base/bytes.h"
#include "binrelay/base/checksum.h"

/*
 * Little-endian. The header:
 *
 *   0         8        12    20    24         28              32           40     48
 *   "BREPOCH" version  file  kind  server_id  server_id_bits  incarnation  epoch  latest_usec
 *
 *   56        316    576          580      636
 *   database  table  fingerprint  (zeros)  crc32
 *
 * A record:
 *
 *   0     4            8      16     24   32           40
 *   kind  incarnation  epoch  start  end  commit_usec  latest_usec
 *
 *   48       52       56       60          64      68
 *   inserts  updates  deletes  schema_ops  origin  crc32
 */
enum {
    NAME_BYTES = 260,
    CHECKSUM_BYTES = 4,
    KIND_PARTIAL = 0x100, /* in a record's kind: some rows could not be counted */
};

static const char header_magic[8] = "BREPOCH";

struct byte_writer {
    uint8_t *next;
};

static void put(struct byte_writer *writer, uint64_t number, size_t width)
{
    for (size_t at = 0; at < width; at++) {
        *writer->next++ = (uint8_t)(number >> (8 * at));
    }
}

static void put_name(struct byte_writer *writer, const char *name)
{
    static_assert((int)EPOCH_NAME_MOST_BYTES < (int)NAME_BYTES, "it fits, with its zero");
    strcpy((char *)writer->next, name);
    writer->next += NAME_BYTES;
}

void epoch_header_encode(uint8_t bytes[EPOCH_HEADER_BYTES], const struct epoch_header *header)
{
    const struct epoch_rules *rules = &header->rules;
    struct byte_writer writer = {bytes};

    memset(bytes, 0, EPOCH_HEADER_BYTES);
    memcpy(bytes, header_magic, sizeof(header_magic));
    writer.next += sizeof(header_magic);
    put(&writer, EPOCH_INDEX_VERSION, 4);
    put(&writer, header->file, 8);
    put(&writer, (uint64_t)rules->kind, 4);
    put(&writer, rules->server_id, 4);
    put(&writer, rules->server_id_bits, 4);
    put(&writer, header->before.last.incarnation, 8);
    put(&writer, header->before.last.epoch, 8);
    put(&writer, header->before.latest_usec, 8);
    put_name(&writer, rules->database);
    put_name(&writer, rules->table);
    put(&writer, header->fingerprint, 4);
    bytes_put_u32(bytes + EPOCH_HEADER_BYTES - CHECKSUM_BYTES,
                  checksum_crc32(0, bytes, EPOCH_HEADER_BYTES - CHECKSUM_BYTES));
}

static bool take_name(struct byte_reader *reader, char name[EPOCH_NAME_MOST_BYTES + 1])
{
    struct bytes bytes = byte_reader_take(reader, NAME_BYTES);

    memcpy(name, bytes.data, EPOCH_NAME_MOST_BYTES + 1);
    return memchr(name, '\0', EPOCH_NAME_MOST_BYTES + 1) != NULL;
}

enum status epoch_header_decode(struct epoch_header *header,
                                const uint8_t bytes[EPOCH_HEADER_BYTES],
                                struct error *error)
{
    struct byte_reader reader =
        byte_reader_of((struct bytes){.data = bytes, .size = EPOCH_HEADER_BYTES});
    struct epoch_rules *rules = &header->rules;
    uint64_t kind = 0;
    bool has_names = false;

    if (memcmp(bytes, header_magic, sizeof(header_magic)) != 0) {
        return error_set(error, STATUS_CORRUPT, "not an epoch index");
    }
    if (bytes_u32_at(bytes + EPOCH_HEADER_BYTES - CHECKSUM_BYTES) !=
        checksum_crc32(0, bytes, EPOCH_HEADER_BYTES - CHECKSUM_BYTES)) {
        return error_set(error, STATUS_CORRUPT, "an epoch index whose head is damaged");
    }
    byte_reader_skip(&reader, sizeof(header_magic));
    if (byte_reader_number(&reader, 4) != EPOCH_INDEX_VERSION) {
        return error_set(error, STATUS_CORRUPT, "an epoch index of another version");
    }
    *header = (struct epoch_header){.file = byte_reader_number(&reader, 8)};
    kind = byte_reader_number(&reader, 4);
    rules->kind = (enum epoch_kind)kind;
    rules->server_id = (uint32_t)byte_reader_number(&reader, 4);
    rules->server_id_bits = (uint8_t)byte_reader_number(&reader, 4);
    header->before.last.incarnation = (uint32_t)byte_reader_number(&reader, 8);
    header->before.last.epoch = byte_reader_number(&reader, 8);
    header->before.latest_usec = byte_reader_number(&reader, 8);
    has_names = take_name(&reader, rules->database);
    has_names = take_name(&reader, rules->table) && has_names;
    header->fingerprint = (uint32_t)byte_reader_number(&reader, 4);
    if (kind == EPOCH_KIND_NONE || kind >= EPOCH_KIND_COUNT || !has_names) {
        return error_set(error, STATUS_CORRUPT, "an epoch index by rules that are none");
    }
    return STATUS_OK;
}

void epoch_record_encode(uint8_t bytes[EPOCH_RECORD_BYTES], const struct epoch_record *record)
{
    struct byte_writer writer = {bytes};

    put(&writer, (uint64_t)record->kind | (record->is_count_partial ? KIND_PARTIAL : 0), 4);
    put(&writer, record->key.incarnation, 4);
    put(&writer, record->key.epoch, 8);
    put(&writer, record->start, 8);
    put(&writer, record->end, 8);
    put(&writer, record->commit_usec, 8);
    put(&writer, record->latest_usec, 8);
    put(&writer, record->inserts, 4);
    put(&writer, record->updates, 4);
    put(&writer, record->deletes, 4);
    put(&writer, record->schema_ops, 4);
    put(&writer, record->origin, 4);
    bytes_put_u32(writer.next, checksum_crc32(0, bytes, EPOCH_RECORD_BYTES - CHECKSUM_BYTES));
}

bool epoch_record_decode(struct epoch_record *record, const uint8_t bytes[EPOCH_RECORD_BYTES])
{
    uint32_t kind = bytes_u32_at(bytes);

    if (bytes_u32_at(bytes + EPOCH_RECORD_BYTES - CHECKSUM_BYTES) !=
        checksum_crc32(0, bytes, EPOCH_RECORD_BYTES - CHECKSUM_BYTES)) {
        return false;
    }
    *record = (struct epoch_record){
        .kind = (enum epoch_record_kind)(kind & ~(uint32_t)KIND_PARTIAL),
        .key = {.incarnation = bytes_u32_at(bytes + 4), .epoch = bytes_u64_at(bytes + 8)},
        .start = bytes_u64_at(bytes + 16),
        .end = bytes_u64_at(bytes + 24),
        .commit_usec = bytes_u64_at(bytes + 32),
        .latest_usec = bytes_u64_at(bytes + 40),
        .inserts = bytes_u32_at(bytes + 48),
        .updates = bytes_u32_at(bytes + 52),
        .deletes = bytes_u32_at(bytes + 56),
        .schema_ops = bytes_u32_at(bytes + 60),
        .origin = bytes_u32_at(bytes + 64),
        .is_count_partial = (kind & KIND_PARTIAL) != 0,
    };
    return record->kind >= EPOCH_RECORD_EPOCH && record->kind <= EPOCH_RECORD_SEAL;
}
