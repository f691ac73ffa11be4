/* SPDX-License-Identifier: Apache-2.0 */
#include "gtid_sidecar.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "binrelay/base/checksum.h"

/*
 * Little-endian; the sets in the form of Previous_gtids, the states in that of
 * Gtid_list:
 *
 *   0         8        12     16          24     28    32        33    36
 *   "BRGTIDS" version  flags  file_bytes  first  last  checksum  zero  server_version
 *
 *   88                                                           104
 *   sizes: set before, set added, state before, state added      the four   crc32
 */
enum {
    SIDECAR_VERSION = 1,
    SIDECAR_FLAG_MARIADB = 1,
    SIDECAR_FLAG_GTIDS = 2,
    SIDECAR_SERVER_VERSION_BYTES = 52,
    SIDECAR_HEAD_BYTES = 104,
    SIDECAR_PARTS = 4,
    SIDECAR_CHECKSUM_BYTES = 4,
};

static const char sidecar_magic[8] = "BRGTIDS";

void gtid_sidecar_release(struct gtid_sidecar *sidecar)
{
    stored_gtids_release(&sidecar->before);
    stored_gtids_release(&sidecar->added);
    *sidecar = (struct gtid_sidecar){0};
}

/* Adds one part and puts its size into the head. */
static void add_part(struct buffer *output,
                     int part,
                     const struct gtid_set *set,
                     const struct mariadb_gtid_list *state)
{
    size_t start = output->size;

    if (set != NULL) {
        gtid_set_encode(set, output);
    } else {
        mariadb_gtid_list_encode(state, output);
    }
    bytes_put_u32(output->data + SIDECAR_HEAD_BYTES - (size_t)(SIDECAR_PARTS - part) * 4,
                  (uint32_t)(output->size - start));
}

void gtid_sidecar_encode(struct buffer *output,
                         const struct binlog_file_facts *facts,
                         const struct stored_gtids *before,
                         const struct stored_gtids *added)
{
    uint32_t flags = 0;

    static_assert(sizeof(facts->server_version) <= SIDECAR_SERVER_VERSION_BYTES, "it fits");
    flags |= facts->is_mariadb ? SIDECAR_FLAG_MARIADB : 0;
    flags |= facts->has_gtids ? SIDECAR_FLAG_GTIDS : 0;
    buffer_clear(output);
    buffer_add(output, sidecar_magic, sizeof(sidecar_magic));
    buffer_add_number(output, SIDECAR_VERSION, 4);
    buffer_add_number(output, flags, 4);
    buffer_add_number(output, facts->bytes, 8);
    buffer_add_number(output, facts->first_created_sec, 4);
    buffer_add_number(output, facts->last_created_sec, 4);
    buffer_add_number(output, (uint64_t)facts->checksum, 4);
    buffer_add(output, facts->server_version, sizeof(facts->server_version));
    buffer_add_zeros(output, SIDECAR_HEAD_BYTES - output->size);
    add_part(output, 0, before->set, NULL);
    add_part(output, 1, added->set, NULL);
    add_part(output, 2, NULL, &before->state);
    add_part(output, 3, NULL, &added->state);
    buffer_add_number(output, checksum_crc32(0, output->data, output->size), 4);
}

/* Checks what frames the sidecar; the head is in `reader` then, behind the magic. */
static enum status open_frame(struct byte_reader *reader,
                              struct bytes bytes,
                              struct error *error)
{
    size_t checked = bytes.size - SIDECAR_CHECKSUM_BYTES;

    if (bytes.size < SIDECAR_HEAD_BYTES + SIDECAR_CHECKSUM_BYTES ||
        memcmp(bytes.data, sidecar_magic, sizeof(sidecar_magic)) != 0) {
        return error_set(error, STATUS_CORRUPT, "not a GTID sidecar");
    }
    if (bytes_u32_at(bytes.data + checked) != checksum_crc32(0, bytes.data, checked)) {
        return error_set(error, STATUS_CORRUPT, "a GTID sidecar with a wrong checksum");
    }
    *reader = byte_reader_of((struct bytes){.data = bytes.data, .size = checked});
    byte_reader_skip(reader, sizeof(sidecar_magic));
    if (byte_reader_number(reader, 4) != SIDECAR_VERSION) {
        return error_set(error, STATUS_CORRUPT, "a GTID sidecar of another version");
    }
    return STATUS_OK;
}

static void read_facts(struct byte_reader *reader, struct binlog_file_facts *facts)
{
    uint32_t flags = (uint32_t)byte_reader_number(reader, 4);
    struct bytes version;

    facts->is_mariadb = (flags & SIDECAR_FLAG_MARIADB) != 0;
    facts->has_gtids = (flags & SIDECAR_FLAG_GTIDS) != 0;
    facts->bytes = byte_reader_number(reader, 8);
    facts->first_created_sec = (uint32_t)byte_reader_number(reader, 4);
    facts->last_created_sec = (uint32_t)byte_reader_number(reader, 4);
    facts->checksum = byte_reader_number(reader, 4) == BINLOG_CHECKSUM_CRC32
                          ? BINLOG_CHECKSUM_CRC32
                          : BINLOG_CHECKSUM_NONE;
    version = byte_reader_take(reader, SIDECAR_SERVER_VERSION_BYTES);
    memcpy(facts->server_version, version.data, sizeof(facts->server_version) - 1);
}

static enum status read_parts(struct byte_reader *reader,
                              struct gtid_sidecar *sidecar,
                              struct error *error)
{
    struct bytes parts[SIDECAR_PARTS];
    uint64_t sizes[SIDECAR_PARTS];
    enum status status = STATUS_OK;

    for (int part = 0; part < SIDECAR_PARTS; part++) {
        sizes[part] = byte_reader_number(reader, 4);
    }
    for (int part = 0; part < SIDECAR_PARTS; part++) {
        parts[part] = byte_reader_take(reader, sizes[part]);
    }
    if (reader->overran || reader->left > 0) {
        return error_set(error, STATUS_CORRUPT, "a GTID sidecar whose parts do not add up");
    }
    status = gtid_set_decode(&sidecar->before.set, parts[0], error);
    if (status == STATUS_OK) {
        status = gtid_set_decode(&sidecar->added.set, parts[1], error);
    }
    if (status == STATUS_OK) {
        status = mariadb_gtid_list_decode(&sidecar->before.state, parts[2], error);
    }
    if (status == STATUS_OK) {
        status = mariadb_gtid_list_decode(&sidecar->added.state, parts[3], error);
    }
    return status == STATUS_OK
               ? STATUS_OK
               : error_set(error, STATUS_CORRUPT, "a GTID sidecar with a set that is none");
}

enum status gtid_sidecar_decode(struct gtid_sidecar *sidecar,
                                struct bytes bytes,
                                struct error *error)
{
    struct gtid_sidecar found = {0};
    struct byte_reader reader;
    enum status status = open_frame(&reader, bytes, error);

    if (status != STATUS_OK) {
        return status;
    }
    read_facts(&reader, &found.facts);
    status = read_parts(&reader, &found, error);
    if (status != STATUS_OK) {
        gtid_sidecar_release(&found);
        return status;
    }
    *sidecar = found;
    return STATUS_OK;
}

enum status gtid_sidecar_read(struct gtid_sidecar *sidecar,
                              const struct disk *disk,
                              const char *path,
                              struct error *error)
{
    int file = disk_open(disk, path, O_RDONLY, 0);
    int64_t bytes = file < 0 ? -1 : disk_file_bytes(file);
    struct buffer buffer = {0};
    enum status status = STATUS_OK;
    size_t size = 0;

    if (bytes < 0) {
        status = errno == ENOENT ? error_set(error, STATUS_NOT_FOUND, "no GTID sidecar")
                                 : error_set_errno(error, "open %s", path);
    } else if (bytes > GTID_SIDECAR_MOST_BYTES) {
        status = error_set(error, STATUS_CORRUPT, "a GTID sidecar that is too long");
    } else {
        status = disk_read_all(disk, file, buffer_room(&buffer, (size_t)bytes), (size_t)bytes,
                               0, &size, error);
        buffer.size = size;
    }
    if (status == STATUS_OK) {
        status = gtid_sidecar_decode(sidecar, buffer_bytes(&buffer), error);
    }
    if (file >= 0) {
        (void)disk_close(disk, file); /* was read */
    }
    buffer_release(&buffer);
    return status;
}
