/* SPDX-License-Identifier: Apache-2.0 */
/* A store in a directory of its own, and the short ways of filling it. */
#pragma once

#include <fcntl.h>
#include <string.h>

#include "binlog_maker.h"
#include "binrelay/base/memory.h"
#include "binrelay/protocol/binlog_walk.h"
#include "binrelay/storage/binlog_cursor.h"
#include "binrelay/storage/binlog_files.h"
#include "binrelay/storage/binlog_store.h"
#include "check.h"
#include "temp_dir.h"

struct fixture {
    const struct disk *disk; /* borrowed */
    char *root;              /* owned */
    char *directory;         /* owned */
    struct binlog_store *store;
    size_t gather_bytes;
    struct epoch_rules epochs;
};

static inline void fixture_make_store(struct fixture *fixture)
{
    fixture->store = binlog_store_new(&(struct binlog_store_options){
        .disk = fixture->disk,
        .clock = clock_system(),
        .directory = fixture->directory,
        .gather_bytes = fixture->gather_bytes,
        .epochs = fixture->epochs,
    });
}

/* A new store, recovered: empty. Epochs are found by the rules. */
static inline struct fixture fixture_new_with(struct epoch_rules epochs)
{
    struct fixture fixture = {.disk = disk_system(), .root = temp_dir_make(), .epochs = epochs};
    struct error error;

    fixture.directory = mem_format("%s/east", fixture.root);
    fixture_make_store(&fixture);
    CHECK_OK(binlog_store_recover(fixture.store, &error), &error);
    return fixture;
}

static inline struct fixture fixture_new(void)
{
    return fixture_new_with((struct epoch_rules){.kind = EPOCH_KIND_NONE});
}

static inline void fixture_free(struct fixture *fixture)
{
    binlog_store_free(fixture->store);
    temp_dir_remove(fixture->root);
    free(fixture->directory);
}

/* As after the end of the process, cleanly or not: what was not written is lost. */
static inline enum status fixture_restart(struct fixture *fixture, struct error *error)
{
    binlog_store_free(fixture->store);
    fixture_make_store(fixture);
    return binlog_store_recover(fixture->store, error);
}

static inline char *fixture_path(const struct fixture *fixture, const char *name)
{
    return mem_format("%s/%s", fixture->directory, name);
}

/* Appends the events of the maker's file from an offset on. */
static inline void append_from(struct binlog_store *store,
                               const struct binlog_maker *maker,
                               size_t offset)
{
    struct binlog_walk walk = binlog_walk_of(
        (struct bytes){.data = maker->file.data + offset, .size = maker->file.size - offset});
    struct bytes event;
    struct error error;

    while (binlog_walk_next(&walk, &event, &error) == STATUS_OK) {
        CHECK_OK(binlog_store_append(store, event, &error), &error);
    }
    CHECK(walk.left.size == 0);
}

/* Stores the maker's file whole, under a number. */
static inline void store_file_whole(struct binlog_store *store,
                                    const struct binlog_maker *maker,
                                    uint64_t number)
{
    struct error error;

    CHECK_OK(binlog_store_begin_file(store, "binlog", number, &error), &error);
    append_from(store, maker, BINLOG_MAGIC_BYTES);
}

static inline void sync_store(struct binlog_store *store)
{
    struct error error;

    CHECK_OK(binlog_store_sync(store, &error), &error);
}

static inline bool is_at(struct binlog_position position, uint64_t file, uint64_t offset)
{
    return position.file == file && position.offset == offset;
}

/* The bytes of a file on disk; the caller releases the buffer. */
static inline struct buffer read_whole(const char *path)
{
    const struct disk *disk = disk_system();
    int file = disk_open(disk, path, 0, 0);
    struct buffer bytes = {0};
    struct error error;
    size_t size = 0;
    int64_t all = file < 0 ? 0 : disk_file_bytes(file);

    if (file < 0) {
        return bytes;
    }
    CHECK_OK(disk_read_all(disk, file, buffer_room(&bytes, (size_t)all), (size_t)all, 0, &size,
                           &error),
             &error);
    bytes.size = size;
    CHECK(disk_close(disk, file) == 0);
    return bytes;
}

/* Not synced: tests lose no power here. */
static inline void write_whole(const char *path, const void *data, size_t size)
{
    const struct disk *disk = disk_system();
    int file = disk_open(disk, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    struct error error;

    CHECK(file >= 0);
    CHECK_OK(disk_write_all(disk, file, data, size, 0, &error), &error);
    CHECK(disk_close(disk, file) == 0);
}

static inline bool file_has(const struct fixture *fixture,
                            const char *name,
                            struct bytes wanted)
{
    autofree char *path = fixture_path(fixture, name);
    struct buffer bytes = read_whole(path);
    bool is_same = bytes_equal(buffer_bytes(&bytes), wanted);

    buffer_release(&bytes);
    return is_same;
}

static inline bool set_is(struct gtid_set *set, const char *text)
{
    struct buffer printed = {0};
    bool is_same = false;

    if (set == NULL) {
        return false;
    }
    gtid_set_print(set, &printed);
    buffer_add_number(&printed, 0, 1);
    is_same = strcmp((const char *)printed.data, text) == 0;
    if (!is_same) {
        fprintf(stderr, "the set is %s\n", (const char *)printed.data);
    }
    buffer_release(&printed);
    gtid_set_free(set);
    return is_same;
}
