/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store's directory with damaged files in it: verify and dump come to an end,
 * and change nothing.
 *
 *   flags (1)   what else is there, see below
 *   mark (2)    where the mark says that the file was durable
 *   size (2)    of what belongs to the file
 *   what belongs to the file: its epoch index and its sidecar
 *   the file
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../src/storage/durable_mark.h"
#include "binrelay/storage/store_check.h"
#include "binrelay/storage/store_dump.h"

enum { INPUT_HEAD_BYTES = 5 };

enum {
    FLAG_MARK = 1,     /* there is a mark, which may speak of the second file */
    FLAG_CHECKSUM = 2, /* it says that the file has checksums */
    FLAG_SECOND = 4,   /* the same bytes are the next file too, so that the first is closed */
    FLAG_NDB = 8,      /* dump looks for NDB's epochs */
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum place_file {
    PLACE_FIRST,
    PLACE_SECOND,
    PLACE_INDEX,
    PLACE_SIDECAR,
    PLACE_MARK,
    PLACE_FILES
};

struct place {
    char directory[64];
    char files[PLACE_FILES][96];
};

static struct place place_make(void)
{
    static const char *const names[PLACE_FILES] = {
        "log.000001", "log.000002", "log.000001.epochs", "log.000001.gtids", "durable"};
    struct place place = {.directory = "/tmp/binrelay-fuzz.XXXXXX"};

    if (mkdtemp(place.directory) == NULL) {
        abort();
    }
    for (size_t at = 0; at < PLACE_FILES; at++) {
        (void)snprintf(place.files[at], sizeof(place.files[at]), "%s/%s", place.directory,
                       names[at]);
    }
    return place;
}

static void place_remove(const struct place *place)
{
    for (size_t at = 0; at < PLACE_FILES; at++) {
        (void)unlink(place->files[at]);
    }
    if (rmdir(place->directory) != 0) {
        abort(); /* something was made */
    }
}

/* Without syncs, which would take all the time. */
static void write_file(const char *path, struct bytes bytes)
{
    FILE *file = fopen(path, "w");

    if (file == NULL || fwrite(bytes.data, 1, bytes.size, file) != bytes.size ||
        fclose(file) != 0) {
        abort();
    }
}

static int sync_nothing(void *context, int file)
{
    (void)context;
    (void)file;
    return 0;
}

static void write_mark(const char *path, struct durable_claim claim)
{
    struct disk disk = *disk_system();
    struct durable_mark mark;
    struct error error;

    disk.sync = sync_nothing;
    durable_mark_init(&mark, &disk, path);
    if (durable_mark_reset(&mark, claim, &error) != STATUS_OK) {
        abort();
    }
    durable_mark_close(&mark);
}

static void on_fault(void *context, const struct store_fault *fault)
{
    uint64_t *told = context;

    assert(fault->kind != NULL && fault->file != NULL && *fault->message != '\0');
    (*told)++;
}

static void verify(const struct place *place)
{
    struct store_verify_result result;
    struct error error;
    uint64_t told = 0;

    if (store_verify(&(struct store_verify_options){.disk = disk_system(),
                                                    .directory = place->directory,
                                                    .on_fault = on_fault,
                                                    .context = &told},
                     &result, &error) != STATUS_OK) {
        abort(); /* everything can be read */
    }
    assert(told <= result.faults && (told > 0) == (result.faults > 0));
}

static void on_entry(void *context, const struct store_entry *entry)
{
    struct binlog_position *last = context;

    assert(binlog_position_compare(entry->end, *last) >= 0);
    *last = entry->end;
}

static void dump(const struct place *place, bool is_ndb)
{
    static const struct epoch_rules ndb = {.kind = EPOCH_KIND_NDB};
    struct binlog_position last = {0};
    struct error error;
    enum status status = store_dump(&(struct store_dump_options){.disk = disk_system(),
                                                                 .directory = place->directory,
                                                                 .rules = is_ndb ? &ndb : NULL,
                                                                 .to_epoch = UINT64_MAX,
                                                                 .until_usec = UINT64_MAX,
                                                                 .on_entry = on_entry,
                                                                 .context = &last},
                                    &error);

    assert(status == STATUS_OK || status == STATUS_CORRUPT);
}

static void check_is_untouched(const char *path, struct bytes wanted)
{
    struct stat facts;

    if (stat(path, &facts) != 0 || (size_t)facts.st_size != wanted.size) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct durable_claim claim = {.end.file = 1};
    struct bytes beside = {0};
    struct bytes file = {0};
    struct place place;
    uint8_t flags = 0;

    if (size < INPUT_HEAD_BYTES) {
        return 0;
    }
    flags = bytes[0];
    claim.end.offset = bytes_u16_at(bytes + 1);
    claim.checksum =
        (flags & FLAG_CHECKSUM) != 0 ? BINLOG_CHECKSUM_CRC32 : BINLOG_CHECKSUM_NONE;
    beside = (struct bytes){.data = bytes + INPUT_HEAD_BYTES, .size = bytes_u16_at(bytes + 3)};
    if (beside.size > size - INPUT_HEAD_BYTES) {
        beside.size = size - INPUT_HEAD_BYTES;
    }
    file.data = beside.data + beside.size;
    file.size = size - INPUT_HEAD_BYTES - beside.size;
    place = place_make();
    write_file(place.files[PLACE_FIRST], file);
    write_file(place.files[PLACE_INDEX], beside);
    write_file(place.files[PLACE_SIDECAR], beside);
    if ((flags & FLAG_SECOND) != 0) {
        write_file(place.files[PLACE_SECOND], file);
        claim.end.file = 2;
    }
    if ((flags & FLAG_MARK) != 0) {
        write_mark(place.files[PLACE_MARK], claim);
    }
    verify(&place);
    dump(&place, (flags & FLAG_NDB) != 0);
    check_is_untouched(place.files[PLACE_FIRST], file);
    check_is_untouched(place.files[PLACE_INDEX], beside);
    check_is_untouched(place.files[PLACE_SIDECAR], beside);
    place_remove(&place);
    return 0;
}
