/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small index with every byte damaged in turn, cut at every length, missing,
 * empty and of another file: it is noticed and made anew, and then everything
 * is found as before.
 */
#include <errno.h>
#include <fcntl.h>

#include "epoch_scene.h"

enum { EPOCHS = 6, FILES = 3 };

struct damage {
    struct fixture fixture;
    struct disk disk; /* syncs nothing: nobody cuts the power here */
    struct scene_places wanted;
    struct buffer indexes[FILES]; /* as they are right */
};

static int sync_nothing(void *context, int file)
{
    (void)context;
    (void)file;
    return 0;
}

static char *index_path(const struct damage *damage, unsigned file)
{
    return mem_format("%s/binlog.%06u.epochs", damage->fixture.directory, file + 1);
}

static void make_files(struct binlog_store *store)
{
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32, .server_id = 5};
    uint64_t epoch = 100;

    for (uint64_t number = 1; number <= FILES; number++) {
        binlog_maker_begin(&maker);
        for (unsigned at = 0; at < EPOCHS; at++) {
            (void)epoch_maker_ndb(&maker, epoch++, at);
            if (number == 2 && at == 3) {
                (void)epoch_maker_incident(&maker);
                epoch = 50; /* a new incarnation */
            }
        }
        store_file_whole(store, &maker, number);
    }
    binlog_maker_release(&maker);
    sync_store(store);
}

static void damage_begin(struct damage *damage)
{
    *damage = (struct damage){.fixture = fixture_new_with(ndb_rules())};
    damage->disk = *disk_system();
    damage->disk.sync = sync_nothing;
    damage->fixture.disk = &damage->disk;
    make_files(damage->fixture.store);
    damage->wanted = scene_all(damage->fixture.store, false);
    CHECK(damage->wanted.count == (size_t)EPOCHS * FILES);
    for (unsigned file = 0; file < FILES; file++) {
        autofree char *path = index_path(damage, file);

        damage->indexes[file] = read_whole(path);
        CHECK(damage->indexes[file].size > 0);
    }
}

static void damage_end(struct damage *damage)
{
    for (unsigned file = 0; file < FILES; file++) {
        buffer_release(&damage->indexes[file]);
    }
    scene_places_release(&damage->wanted);
    fixture_free(&damage->fixture);
}

static void check_mended(struct damage *damage)
{
    for (unsigned file = 0; file < FILES; file++) {
        autofree char *path = index_path(damage, file);
        struct buffer found = read_whole(path);

        if (!bytes_equal(buffer_bytes(&found), buffer_bytes(&damage->indexes[file]))) {
            fprintf(stderr, "%s has %zu bytes, not %zu\n", path, found.size,
                    damage->indexes[file].size);
            CHECK(false);
        }
        buffer_release(&found);
    }
}

static void check_gaps(struct binlog_store *store)
{
    struct epoch_gap *gaps = NULL;

    CHECK(epoch_index_gaps(store, &gaps) == 1);
    CHECK(gaps[0].before.epoch == 109 && gaps[0].before.incarnation == 1);
    CHECK(gaps[0].after.epoch == 50 && gaps[0].after.incarnation == 2);
    CHECK(gaps[0].incident.file == 2);
    free(gaps);
}

/* At a start: the index is right again before anybody asks. */
static void restart(struct damage *damage)
{
    struct error error;

    CHECK_OK(fixture_restart(&damage->fixture, &error), &error);
    scene_check_all(damage->fixture.store, &damage->wanted);
    check_gaps(damage->fixture.store);
    check_mended(damage);
}

static void notices_every_flipped_byte_at_a_start(struct damage *damage)
{
    for (unsigned file = 0; file < FILES; file++) {
        autofree char *path = index_path(damage, file);
        const struct buffer *right = &damage->indexes[file];
        autofree uint8_t *bytes = mem_raw(right->size);

        for (size_t at = 0; at < right->size; at++) {
            memcpy(bytes, right->data, right->size);
            bytes[at] ^= (uint8_t)(1 << at % 8);
            write_whole(path, bytes, right->size);
            restart(damage);
        }
    }
}

static void notices_every_length_at_a_start(struct damage *damage)
{
    for (unsigned file = 0; file < FILES; file++) {
        autofree char *path = index_path(damage, file);
        const struct buffer *right = &damage->indexes[file];

        for (size_t size = 0; size < right->size; size++) {
            write_whole(path, right->data, size);
            restart(damage);
        }
    }
}

static void notices_what_is_added_missing_or_of_another_file(struct damage *damage)
{
    for (unsigned file = 0; file < FILES; file++) {
        autofree char *path = index_path(damage, file);
        const struct buffer *right = &damage->indexes[file];
        const struct buffer *other = &damage->indexes[(file + 1) % FILES];
        struct buffer longer = {0};

        CHECK(disk_remove(disk_system(), path) == 0);
        restart(damage);
        write_whole(path, other->data, other->size);
        restart(damage);
        buffer_add_bytes(&longer, buffer_bytes(right));
        buffer_add_zeros(&longer, 1);
        write_whole(path, longer.data, longer.size);
        restart(damage);
        buffer_add_bytes(&longer, buffer_bytes(right));
        write_whole(path, longer.data, longer.size);
        restart(damage);
        buffer_release(&longer);
    }
}

static void notices_other_rules_at_a_start(struct damage *damage)
{
    struct error error;
    struct scene_places found = {0};

    damage->fixture.epochs = heartbeat_rules();
    CHECK_OK(fixture_restart(&damage->fixture, &error), &error);
    found = scene_all(damage->fixture.store, false);
    CHECK(found.count == 0);
    damage->fixture.epochs = ndb_rules();
    restart(damage);
}

/* Nothing tells the store of it: whoever reads the record notices. */
static void notices_flipped_bytes_while_it_runs(struct damage *damage)
{
    for (unsigned file = 0; file < FILES; file++) {
        autofree char *path = index_path(damage, file);
        const struct buffer *right = &damage->indexes[file];
        autofree uint8_t *bytes = mem_raw(right->size);

        for (size_t at = 0; at < right->size; at++) {
            memcpy(bytes, right->data, right->size);
            bytes[at] ^= (uint8_t)(1 << at % 8);
            write_whole(path, bytes, right->size);
            scene_check_all(damage->fixture.store, &damage->wanted);
        }
        write_whole(path, right->data, right->size);
    }
}

static void notices_every_length_while_it_runs(struct damage *damage)
{
    for (unsigned file = 0; file < FILES; file++) {
        autofree char *path = index_path(damage, file);
        const struct buffer *right = &damage->indexes[file];

        for (size_t size = 0; size < right->size; size += 5) {
            write_whole(path, right->data, size);
            scene_check_all(damage->fixture.store, &damage->wanted);
        }
        write_whole(path, right->data, right->size);
    }
}

/* The open file's index is mended by a reader, and then the writer goes on with it. */
static void goes_on_behind_a_mended_index(void)
{
    struct fixture fixture = fixture_new_with(ndb_rules());
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32, .server_id = 5};
    autofree char *path = fixture_path(&fixture, "binlog.000001.epochs");
    struct scene_places found = {0};
    size_t done = BINLOG_MAGIC_BYTES;
    struct error error;

    binlog_maker_begin(&maker);
    CHECK_OK(binlog_store_begin_file(fixture.store, "binlog", 1, &error), &error);
    for (uint64_t epoch = 1; epoch <= 40; epoch++) {
        (void)epoch_maker_ndb(&maker, epoch, 1);
        append_from(fixture.store, &maker, done);
        done = maker.file.size;
        sync_store(fixture.store);
        if (epoch % 3 == 0) {
            write_whole(path, "nonsense", epoch % 9);
        }
        if (epoch % 5 == 0) {
            found = scene_all(fixture.store, false);
            CHECK(found.count == epoch);
            scene_check_all(fixture.store, &found);
            scene_places_release(&found);
        }
    }
    CHECK_OK(fixture_restart(&fixture, &error), &error);
    found = scene_all(fixture.store, true);
    CHECK(found.count == 40);
    scene_places_release(&found);
    binlog_maker_release(&maker);
    fixture_free(&fixture);
}

/* Opens no index to write while `is_full`. */
struct full_disk {
    struct disk disk;
    bool is_full;
};

static int open_unless_full(void *context, const char *path, int flags, mode_t mode)
{
    const struct full_disk *full = context;
    const char *dot = strrchr(path, '.');

    if (full->is_full && (flags & O_RDWR) != 0 && strcmp(dot, ".epochs") == 0) {
        errno = ENOSPC;
        return -1;
    }
    return disk_system()->open(disk_system()->context, path, flags, mode);
}

/* Appends and syncs an epoch at a time; indexes cannot be written for those that `is_full` is
 * true for, closing ones among them. */
static void fill(struct damage *damage, struct full_disk *full, bool (*is_full)(unsigned at))
{
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32, .server_id = 5};
    struct error error;
    unsigned at = 0;

    for (uint64_t number = 1; number <= FILES; number++) {
        size_t done = BINLOG_MAGIC_BYTES;

        binlog_maker_begin(&maker);
        CHECK_OK(binlog_store_begin_file(damage->fixture.store, "binlog", number, &error),
                 &error);
        for (unsigned epoch = 0; epoch < EPOCHS; epoch++, at++) {
            (void)epoch_maker_ndb(&maker, at % 10 + 100, at); /* incarnations, too */
            if (epoch == 2) {
                (void)epoch_maker_incident(&maker);
            }
            append_from(damage->fixture.store, &maker, done);
            done = maker.file.size;
            full->is_full = is_full(at);
            sync_store(damage->fixture.store);
        }
    }
    full->is_full = false;
    binlog_maker_release(&maker);
}

static bool is_never_full(unsigned at)
{
    (void)at;
    return false;
}

/* In the middle of file 1; from the end of file 1 to that of file 2's third epoch. */
static bool is_full_at_times(unsigned at)
{
    return at == 2 || (at >= EPOCHS - 1 && at < EPOCHS + 3);
}

static bool is_always_full(unsigned at)
{
    (void)at;
    return true;
}

static void full_begin(struct damage *damage, struct full_disk *full)
{
    struct error error;

    *full = (struct full_disk){.disk = *disk_system()};
    full->disk.open = open_unless_full;
    full->disk.sync = sync_nothing;
    full->disk.context = full;
    *damage = (struct damage){.fixture = fixture_new_with(ndb_rules())};
    damage->fixture.disk = &full->disk;
    CHECK_OK(fixture_restart(&damage->fixture, &error), &error);
}

/* Readers mend it while it runs, to the bytes that a disk with room would have had. */
static void an_index_that_was_not_written_is_as_if_it_were(bool (*is_full)(unsigned at))
{
    struct full_disk roomy;
    struct full_disk full;
    struct damage right;
    struct damage damage;

    full_begin(&right, &roomy);
    fill(&right, &roomy, is_never_full);
    full_begin(&damage, &full);
    fill(&damage, &full, is_full);
    damage.wanted = scene_all(right.fixture.store, false);
    CHECK(damage.wanted.count == (size_t)EPOCHS * FILES);
    for (unsigned file = 0; file < FILES; file++) {
        autofree char *path = index_path(&right, file);

        damage.indexes[file] = read_whole(path);
    }
    scene_check_all(damage.fixture.store, &damage.wanted);
    check_mended(&damage);
    damage_end(&damage);
    damage_end(&right);
}

int main(void)
{
    struct damage damage;

    damage_begin(&damage);
    notices_every_flipped_byte_at_a_start(&damage);
    notices_every_length_at_a_start(&damage);
    notices_what_is_added_missing_or_of_another_file(&damage);
    notices_other_rules_at_a_start(&damage);
    notices_flipped_bytes_while_it_runs(&damage);
    notices_every_length_while_it_runs(&damage);
    damage_end(&damage);
    goes_on_behind_a_mended_index();
    an_index_that_was_not_written_is_as_if_it_were(is_full_at_times);
    an_index_that_was_not_written_is_as_if_it_were(is_always_full);
    return 0;
}
