/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store's directory with a damaged file in it: recovery comes back to a
 * prefix of the file, twice the same and readable, or refuses it and leaves it
 * alone.
 *
 *   flags (1)   what else is there, see below
 *   mark (2)    where the mark says that the file was durable
 *   the file
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../src/storage/durable_mark.h"
#include "binrelay/base/memory.h"
#include "binrelay/storage/binlog_cursor.h"
#include "binrelay/storage/binlog_files.h"

enum { INPUT_HEAD_BYTES = 3, MOST_FILES = 2 };

enum {
    FLAG_MARK = 1,      /* there is a mark */
    FLAG_CHECKSUM = 2,  /* which says that the file has checksums */
    FLAG_SECOND = 4,    /* the same bytes are the next file too */
    FLAG_REPAIR = 8,    /* the mark is removed if the store was refused for it */
    FLAG_INVISIBLE = 16 /* `start` was in the middle of the file */
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

struct place {
    char directory[64];
    char files[MOST_FILES][96];
    char mark[96];
    struct disk disk;
};

static int sync_nothing(void *context, int file)
{
    (void)context;
    (void)file;
    return 0;
}

/* Nobody cuts the power here, and real syncs would take all the time. */
static struct disk disk_without_syncs(void)
{
    struct disk disk = *disk_system();

    disk.sync = sync_nothing;
    return disk;
}

static struct place place_make(void)
{
    struct place place = {.directory = "/tmp/binrelay-fuzz.XXXXXX",
                          .disk = disk_without_syncs()};

    if (mkdtemp(place.directory) == NULL) {
        abort();
    }
    (void)snprintf(place.files[0], sizeof(place.files[0]), "%s/log.000001", place.directory);
    (void)snprintf(place.files[1], sizeof(place.files[1]), "%s/log.000002", place.directory);
    (void)snprintf(place.mark, sizeof(place.mark), "%s/durable", place.directory);
    return place;
}

static void place_remove(const struct place *place)
{
    static const char *const endings[] = {"", ".gtids", ".gtids.new"};

    for (size_t file = 0; file < MOST_FILES; file++) {
        for (size_t at = 0; at < sizeof(endings) / sizeof(endings[0]); at++) {
            char path[128];

            (void)snprintf(path, sizeof(path), "%s%s", place->files[file], endings[at]);
            (void)unlink(path);
        }
    }
    (void)unlink(place->mark);
    if (rmdir(place->directory) != 0) {
        abort(); /* recovery left something that nobody knows */
    }
}

static void write_file(const struct place *place, const char *path, struct bytes bytes)
{
    struct error error;

    if (disk_replace_file(&place->disk, path, bytes.data, bytes.size, &error) != STATUS_OK) {
        abort();
    }
}

static void write_mark(const struct place *place, struct durable_claim claim)
{
    struct durable_mark mark;
    struct error error;

    durable_mark_init(&mark, &place->disk, place->mark);
    if (durable_mark_reset(&mark, claim, &error) != STATUS_OK) {
        abort();
    }
    durable_mark_close(&mark);
}

/* Everything that is shown can be read, and is what was there. */
static void read_all(struct binlog_store *store, uint64_t file, struct bytes wanted)
{
    autofree uint8_t *room = mem_raw(wanted.size + 1);
    struct binlog_cursor *cursor = NULL;
    struct bytes format;
    struct error error;
    size_t found = 0;

    if (binlog_cursor_open(&cursor, store, file, &error) != STATUS_OK) {
        return; /* dropped */
    }
    assert(binlog_cursor_readable(cursor) <= wanted.size);
    if (binlog_cursor_read(cursor, 0, room, wanted.size, &found, &error) != STATUS_OK ||
        binlog_cursor_format(cursor, &format, &error) != STATUS_OK ||
        binlog_cursor_check_boundary(cursor, found, &error) != STATUS_OK) {
        abort();
    }
    assert(found == binlog_cursor_readable(cursor) && memcmp(room, wanted.data, found) == 0);
    for (size_t offset = 0; offset < found && offset < 512; offset++) {
        if (binlog_cursor_check_boundary(cursor, offset, &error) == STATUS_OK) {
            continue;
        }
    }
    binlog_cursor_close(cursor);
}

/* Returns the durable end, {0, 0} for an empty store; false if the store was refused. */
static bool recover(const struct place *place,
                    struct bytes file,
                    struct binlog_position visible,
                    struct binlog_position *end)
{
    struct binlog_store *store = binlog_store_new(&(struct binlog_store_options){
        .disk = &place->disk, .clock = clock_system(), .directory = place->directory});
    struct gtid_set *set = NULL;
    struct error error;
    bool is_recovered = false;

    binlog_store_set_first_visible(store, visible);
    is_recovered = binlog_store_recover(store, &error) == STATUS_OK;
    if (is_recovered) {
        *end = binlog_store_durable_end(store);
        assert(binlog_position_compare(*end, binlog_store_tail(store).end) == 0);
        read_all(store, 1, file);
        read_all(store, 2, file);
        set = binlog_files_gtids(store);
        gtid_set_free(set);
    }
    binlog_store_free(store);
    return is_recovered;
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
    struct binlog_position visible = {0};
    struct binlog_position first = {0};
    struct binlog_position second = {0};
    struct durable_claim claim = {.end.file = 1};
    struct bytes file;
    struct place place;
    uint8_t flags = 0;

    if (size < INPUT_HEAD_BYTES) {
        return 0;
    }
    flags = bytes[0];
    file = (struct bytes){.data = bytes + INPUT_HEAD_BYTES, .size = size - INPUT_HEAD_BYTES};
    claim.end.offset = bytes_u16_at(bytes + 1);
    claim.checksum =
        (flags & FLAG_CHECKSUM) != 0 ? BINLOG_CHECKSUM_CRC32 : BINLOG_CHECKSUM_NONE;
    if ((flags & FLAG_INVISIBLE) != 0) {
        visible = claim.end;
    }
    place = place_make();
    write_file(&place, place.files[0], file);
    if ((flags & FLAG_SECOND) != 0) {
        write_file(&place, place.files[1], file);
    }
    if ((flags & FLAG_MARK) != 0) {
        write_mark(&place, claim.end.offset == 0 ? (struct durable_claim){0} : claim);
    }
    if (recover(&place, file, visible, &first)) {
        if (!recover(&place, file, visible, &second) ||
            binlog_position_compare(first, second) != 0) {
            abort();
        }
    } else {
        check_is_untouched(place.files[0], file);
        if ((flags & FLAG_REPAIR) != 0 && unlink(place.mark) == 0) {
            (void)recover(&place, file, visible, &second);
        }
    }
    place_remove(&place);
    return 0;
}
