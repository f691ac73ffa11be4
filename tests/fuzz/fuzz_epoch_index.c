/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store whose epoch index has hostile bytes: it is opened all the same, and
 * every look-up and every cursor comes to an end.
 *
 *   flags (1)  1: the newest file's index, else the first one's, which is closed;
 *              2: it is written while the store runs
 *   the index
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "binrelay/base/log.h"
#include "binrelay/protocol/binlog_walk.h"
#include "binrelay/storage/epoch_index.h"
#include "epoch_maker.h"

enum { FILES = 2, EPOCHS_IN_FILE = 3, FLAG_NEWEST = 1, FLAG_RUNNING = 2 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

struct place {
    char directory[64];
    struct disk disk;
};

static int sync_nothing(void *context, int file)
{
    (void)context;
    (void)file;
    return 0;
}

static void say_nothing(void *context, enum log_level level, const char *line)
{
    (void)context;
    (void)level;
    (void)line;
}

static struct place place_make(void)
{
    struct place place = {.directory = "/tmp/binrelay-fuzz.XXXXXX", .disk = *disk_system()};

    place.disk.sync = sync_nothing; /* nobody cuts the power here */
    if (mkdtemp(place.directory) == NULL) {
        abort();
    }
    return place;
}

static void place_remove(const struct place *place)
{
    static const char *const names[] = {
        "log.000001", "log.000001.epochs", "log.000001.gtids", "log.000001.gtids.new",
        "log.000002", "log.000002.epochs", "durable"};

    for (size_t at = 0; at < sizeof(names) / sizeof(names[0]); at++) {
        char path[128];

        (void)snprintf(path, sizeof(path), "%s/%s", place->directory, names[at]);
        (void)unlink(path);
    }
    if (rmdir(place->directory) != 0) {
        abort(); /* something is left that nobody knows */
    }
}

static struct binlog_store *open_store(const struct place *place)
{
    struct binlog_store *store =
        binlog_store_new(&(struct binlog_store_options){.disk = &place->disk,
                                                        .clock = clock_system(),
                                                        .directory = place->directory,
                                                        .epochs = {.kind = EPOCH_KIND_NDB}});
    struct error error;

    if (binlog_store_recover(store, &error) != STATUS_OK) {
        abort();
    }
    return store;
}

static void store_file(struct binlog_store *store, struct binlog_maker *maker, uint64_t number)
{
    struct binlog_walk walk;
    struct bytes event;
    struct error error;

    binlog_maker_begin(maker);
    for (uint64_t at = 0; at < EPOCHS_IN_FILE; at++) {
        (void)epoch_maker_ndb(maker, number * 10 + at, 1);
    }
    (void)epoch_maker_incident(maker);
    walk = binlog_walk_of((struct bytes){.data = maker->file.data + BINLOG_MAGIC_BYTES,
                                         .size = maker->file.size - BINLOG_MAGIC_BYTES});
    if (binlog_store_begin_file(store, "log", number, &error) != STATUS_OK) {
        abort();
    }
    while (binlog_walk_next(&walk, &event, &error) == STATUS_OK) {
        if (binlog_store_append(store, event, &error) != STATUS_OK) {
            abort();
        }
    }
}

static void make_store(const struct place *place)
{
    struct binlog_store *store = open_store(place);
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32};
    struct error error;

    for (uint64_t number = 1; number <= FILES; number++) {
        store_file(store, &maker, number);
    }
    if (binlog_store_sync(store, &error) != STATUS_OK) {
        abort();
    }
    binlog_maker_release(&maker);
    binlog_store_free(store);
}

static void write_index(const struct place *place, uint64_t number, struct bytes bytes)
{
    char path[128];
    FILE *file = NULL;

    (void)snprintf(path, sizeof(path), "%s/log.%06u.epochs", place->directory,
                   (unsigned)number);
    file = fopen(path, "wb"); /* in place: the store may have it open */
    if (file == NULL || fwrite(bytes.data, 1, bytes.size, file) != bytes.size ||
        fclose(file) != 0) {
        abort();
    }
}

/* Records that were made up with a right checksum are believed while a store runs; nothing but
 * that can be wrong with what is found. */
static void look_at_all(struct binlog_store *store)
{
    struct epoch_summary summary;
    struct epoch_gap *gaps = NULL;
    struct error error;

    for (int descending = 0; descending < 2; descending++) {
        struct epoch_cursor *cursor = epoch_cursor_open(store, descending == 1);
        struct epoch_place place;
        unsigned count = 0;

        while (epoch_cursor_next(cursor, &place, &error) == STATUS_OK) {
            struct epoch_place same;

            assert(place.end.file >= 1 && place.end.file <= FILES);
            (void)!epoch_index_at_or_before(store, place.key, &same, &error);
            (void)!epoch_index_by_position(store, place.begin, &same, &error);
            (void)!epoch_index_by_time(store, place.latest_usec, &same, &error);
            assert(++count <= 1000);
        }
        epoch_cursor_close(cursor);
    }
    (void)!epoch_index_summary(store, &summary, &error);
    (void)epoch_index_gaps(store, &gaps);
    free(gaps);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct binlog_store *store = NULL;
    struct place place;
    struct bytes index;
    uint64_t number = 0;

    if (size < 1 || size > 8192) {
        return 0;
    }
    log_set_sink(say_nothing, NULL);
    index = (struct bytes){.data = bytes + 1, .size = size - 1};
    number = (bytes[0] & FLAG_NEWEST) != 0 ? FILES : 1;
    place = place_make();
    make_store(&place);
    if ((bytes[0] & FLAG_RUNNING) != 0) {
        store = open_store(&place);
        write_index(&place, number, index);
    } else {
        write_index(&place, number, index);
        store = open_store(&place);
    }
    look_at_all(store);
    binlog_store_free(store);
    store = open_store(&place); /* and again with what was made of it */
    look_at_all(store);
    binlog_store_free(store);
    place_remove(&place);
    return 0;
}
