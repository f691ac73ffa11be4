/* SPDX-License-Identifier: Apache-2.0 */
/* What store_verify() finds in epoch indexes, and what store_reindex() makes of them. */
#include <errno.h>
#include <unistd.h>

#include "binrelay/storage/binlog_purge.h"
#include "binrelay/storage/store_check.h"
#include "epoch_maker.h"
#include "store_fixture.h"
#include "test_data.h"

static const struct epoch_rules ndb = {.kind = EPOCH_KIND_NDB};

struct faults {
    size_t count;
    size_t of_index;
    char file[64]; /* of the last one */
    uint64_t offset;
    struct store_verify_result result;
};

static void on_fault(void *context, const struct store_fault *fault)
{
    struct faults *faults = context;

    faults->count++;
    faults->of_index += strcmp(fault->kind, "index") == 0;
    (void)snprintf(faults->file, sizeof(faults->file), "%s", fault->file);
    faults->offset = fault->offset;
}

static struct faults verify(const struct fixture *fixture)
{
    struct faults faults = {0};
    struct error error;

    CHECK_OK(store_verify(&(struct store_verify_options){.disk = fixture->disk,
                                                         .directory = fixture->directory,
                                                         .on_fault = on_fault,
                                                         .context = &faults},
                          &faults.result, &error),
             &error);
    return faults;
}

static void store_recording(struct fixture *fixture, const char *server, unsigned number)
{
    autofree char *name = mem_format("ndb/%s/binlog.%06u", server, number);
    struct binlog_maker maker = {.file = test_data_read(name)};

    maker.file.data[BINLOG_MAGIC_BYTES + BINLOG_EVENT_FLAGS_AT] &= (uint8_t)~BINLOG_FLAG_IN_USE;
    store_file_whole(fixture->store, &maker, number);
    sync_store(fixture->store);
    binlog_maker_release(&maker);
}

/* The files `first` to `last` of a recorded NDB log, with indexes. */
static struct fixture ndb_store(const char *server, unsigned first, unsigned last)
{
    struct fixture fixture = {.disk = disk_system(), .root = temp_dir_make()};
    struct error error;

    fixture.directory = mem_format("%s/east", fixture.root);
    fixture.store = binlog_store_new(&(struct binlog_store_options){
        .disk = fixture.disk,
        .clock = clock_system(),
        .directory = fixture.directory,
        .epochs = ndb,
    });
    CHECK_OK(binlog_store_recover(fixture.store, &error), &error);
    for (unsigned number = first; number <= last; number++) {
        store_recording(&fixture, server, number);
    }
    return fixture;
}

static void put_byte(const char *path, size_t at, uint8_t byte)
{
    const struct disk *disk = disk_system();
    int file = disk_open(disk, path, O_WRONLY, 0);
    struct error error;

    CHECK(file >= 0);
    CHECK_OK(disk_write_all(disk, file, &byte, 1, (off_t)at, &error), &error);
    CHECK(disk_close(disk, file) == 0);
}

static void indexes_of_recordings_are_right(void)
{
    static const struct {
        const char *server;
        unsigned files;
        uint64_t epochs;
    } logs[] = {{"a1", 6, 251}, {"a3", 3, 256}};

    for (size_t at = 0; at < sizeof(logs) / sizeof(logs[0]); at++) {
        struct fixture fixture = ndb_store(logs[at].server, 1, logs[at].files);
        struct faults faults = verify(&fixture);

        CHECK(faults.count == 0 && faults.result.epochs == logs[at].epochs);
        CHECK(faults.result.unindexed_epochs == 0);
        fixture_free(&fixture);
    }
}

/* The index of the newest file, or of a closed one. */
static void check_each_byte(unsigned last)
{
    struct fixture fixture = ndb_store("a1", 3, last);
    autofree char *path = fixture_path(&fixture, "binlog.000003.epochs");
    struct buffer whole = read_whole(path);

    CHECK(whole.size > 640 && verify(&fixture).count == 0);
    for (size_t at = 0; at < whole.size; at++) {
        struct faults faults;

        put_byte(path, at, whole.data[at] ^ (uint8_t)(1U << at % 8));
        faults = verify(&fixture);
        if (faults.of_index == 0) {
            fprintf(stderr, "byte %zu of %zu may change unseen\n", at, whole.size);
        }
        CHECK(faults.of_index > 0 && strcmp(faults.file, "binlog.000003.epochs") == 0);
        CHECK(at < 640 || faults.offset == at);
        put_byte(path, at, whole.data[at]);
    }
    CHECK(verify(&fixture).count == 0);
    buffer_release(&whole);
    fixture_free(&fixture);
}

static void each_damaged_byte_is_found(void)
{
    check_each_byte(3);
    check_each_byte(4);
}

static void a_closed_index_that_is_cut_is_found(void)
{
    struct fixture fixture = ndb_store("a1", 3, 4);
    autofree char *path = fixture_path(&fixture, "binlog.000003.epochs");
    struct buffer whole = read_whole(path);

    for (size_t size = whole.size; size > 0; size -= size > 1100 ? 72 : 23) {
        CHECK(truncate(path, (off_t)size - 1) == 0);
        CHECK(verify(&fixture).of_index > 0);
        if (size < 23) {
            break;
        }
    }
    CHECK(unlink(path) == 0);
    CHECK(verify(&fixture).of_index > 0);
    write_whole(path, whole.data, whole.size);
    put_byte(path, whole.size, 0);
    CHECK(verify(&fixture).of_index > 0);
    buffer_release(&whole);
    fixture_free(&fixture);
}

static void a_newest_index_that_lacks_its_end_is_said_and_no_fault(void)
{
    struct fixture fixture = ndb_store("a1", 3, 3);
    autofree char *path = fixture_path(&fixture, "binlog.000003.epochs");
    struct buffer whole = read_whole(path);
    uint64_t epochs = verify(&fixture).result.epochs;

    CHECK(whole.size == 640 + epochs * 72);
    for (uint64_t have = 0; have < epochs; have++) {
        struct faults faults;

        CHECK(truncate(path, (off_t)(640 + have * 72 + have % 72)) == 0);
        faults = verify(&fixture);
        CHECK(faults.count == 0 && faults.result.unindexed_epochs == epochs - have);
        write_whole(path, whole.data, whole.size);
    }
    CHECK(truncate(path, 639) == 0 && verify(&fixture).of_index == 1);
    buffer_release(&whole);
    fixture_free(&fixture);
}

static void another_files_index_is_found(void)
{
    struct fixture fixture = ndb_store("a1", 1, 6);
    autofree char *path = fixture_path(&fixture, "binlog.000003.epochs");
    autofree char *other_path = fixture_path(&fixture, "binlog.000005.epochs");
    struct buffer other = read_whole(other_path);

    write_whole(path, other.data, other.size);
    CHECK(verify(&fixture).of_index > 0);
    buffer_release(&other);
    fixture_free(&fixture);
}

static void a_store_without_indexes_lacks_none(void)
{
    struct fixture fixture = fixture_new();
    struct faults faults;

    store_recording(&fixture, "a1", 3);
    store_recording(&fixture, "a1", 4);
    faults = verify(&fixture);
    CHECK(faults.count == 0 && faults.result.epochs == 0);
    fixture_free(&fixture);
}

/* A disk on which nobody saw the first indexes yet when they were looked for. */
struct late_disk {
    struct disk disk;
    unsigned hidden; /* so many more openings of an index find none */
};

static int open_late(void *context, const char *path, int flags, mode_t mode)
{
    struct late_disk *late = context;

    if (late->hidden > 0 && strstr(path, ".epochs") != NULL) {
        late->hidden--;
        errno = ENOENT;
        return -1;
    }
    return disk_open(disk_system(), path, flags, mode);
}

static void indexes_that_come_meanwhile_are_no_fault(void)
{
    enum { FILES = 6 };
    struct fixture fixture = ndb_store("a1", 1, FILES);

    for (unsigned seen = 0; seen < FILES; seen++) {
        struct late_disk late = {.disk = *disk_system(), .hidden = FILES + seen};

        late.disk.open = open_late;
        late.disk.context = &late;
        fixture.disk = &late.disk;
        CHECK(verify(&fixture).count == 0 && late.hidden == 0);
    }
    fixture.disk = disk_system();
    fixture_free(&fixture);
}

static void reindexed(const struct fixture *fixture,
                      const struct epoch_rules *rules,
                      uint64_t wanted)
{
    uint64_t files = 0;
    uint64_t epochs = 0;
    struct error error;
    struct faults faults;

    CHECK_OK(store_reindex(fixture->disk, fixture->directory, rules, &files, &epochs, &error),
             &error);
    CHECK(files == 6 && epochs == wanted);
    faults = verify(fixture);
    CHECK(faults.count == 0 && faults.result.epochs == wanted);
    CHECK(faults.result.unindexed_epochs == 0);
}

static void reindex_makes_indexes_that_are_byte_for_byte_the_same(void)
{
    struct fixture fixture = ndb_store("a1", 1, 6);
    struct buffer before[6];
    uint64_t files = 0;
    uint64_t epochs = 0;
    struct error error;

    for (unsigned file = 0; file < 6; file++) {
        autofree char *name = mem_format("binlog.%06u.epochs", file + 1);
        autofree char *path = fixture_path(&fixture, name);

        before[file] = read_whole(path);
        CHECK(before[file].size >= 640);
        if (file % 2 == 0) {
            CHECK(unlink(path) == 0);
        } else {
            put_byte(path, before[file].size - 1, 0x55);
        }
    }
    reindexed(&fixture, NULL, 251);
    for (unsigned file = 0; file < 6; file++) {
        autofree char *name = mem_format("binlog.%06u.epochs", file + 1);

        CHECK(file_has(&fixture, name, buffer_bytes(&before[file])));
        if (file % 2 == 0) {
            autofree char *path = fixture_path(&fixture, name);

            CHECK(unlink(path) == 0);
        } else {
            autofree char *path = fixture_path(&fixture, name);

            CHECK(truncate(path, 100) == 0);
        }
        buffer_release(&before[file]);
    }
    CHECK(store_reindex(fixture.disk, fixture.directory, NULL, &files, &epochs, &error) ==
          STATUS_INVALID);
    reindexed(&fixture, &ndb, 251);
    fixture_free(&fixture);
}

static void reindex_by_other_rules_finds_other_epochs(void)
{
    const struct epoch_rules heartbeat = {.kind = EPOCH_KIND_HEARTBEAT,
                                          .server_id = 199,
                                          .database = "heartbeat",
                                          .table = "heartbeat"};
    struct fixture fixture = ndb_store("a1", 1, 6);
    uint64_t files = 0;
    uint64_t epochs = 0;
    struct error error;

    CHECK_OK(
        store_reindex(fixture.disk, fixture.directory, &heartbeat, &files, &epochs, &error),
        &error);
    CHECK(epochs != 251);
    CHECK(verify(&fixture).count == 0);
    reindexed(&fixture, &ndb, 251);
    fixture_free(&fixture);
}

static void a_damaged_binlog_is_not_reindexed(void)
{
    struct fixture fixture = ndb_store("a1", 3, 4);
    autofree char *path = fixture_path(&fixture, "binlog.000003");
    uint64_t files = 0;
    uint64_t epochs = 0;
    struct error error;

    put_byte(path, 2000, 0x55);
    CHECK(store_reindex(fixture.disk, fixture.directory, &ndb, &files, &epochs, &error) ==
          STATUS_CORRUPT);
    CHECK(strstr(error.message, "binlog.000003") != NULL && files == 0);
    CHECK(verify(&fixture).of_index == 0);
    fixture_free(&fixture);
}

static void check_first_epoch(struct binlog_store *store, uint32_t incarnation)
{
    struct epoch_summary summary;
    struct error error;

    CHECK_OK(epoch_index_summary(store, &summary, &error), &error);
    CHECK(summary.first.key.incarnation == incarnation);
}

/*
 * Behind a purge the record numbers the first file's epochs. Where it was missing for a start,
 * and the index with it, they were numbered from 1; then it is found, and made right.
 */
static void the_record_of_a_purge_numbers_the_first_index(void)
{
    struct fixture fixture = fixture_new_with(ndb);
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32, .server_id = 5};
    autofree char *record = fixture_path(&fixture, "purged");
    autofree char *aside = fixture_path(&fixture, "aside");
    autofree char *index = fixture_path(&fixture, "binlog.000003.epochs");
    struct binlog_purged purged;
    uint64_t files = 0;
    uint64_t epochs = 0;
    struct error error;

    for (uint64_t file = 1; file <= 4; file++) {
        binlog_maker_begin(&maker);
        (void)epoch_maker_ndb(&maker, 100, 1); /* each a cluster that was started anew */
        store_file_whole(fixture.store, &maker, file);
        sync_store(fixture.store);
    }
    CHECK_OK(binlog_store_purge(fixture.store, 3, &purged, &error), &error);
    CHECK(verify(&fixture).count == 0);
    CHECK(rename(record, aside) == 0 && unlink(index) == 0);
    CHECK_OK(fixture_restart(&fixture, &error), &error);
    check_first_epoch(fixture.store, 1);
    CHECK(rename(aside, record) == 0);
    CHECK(verify(&fixture).of_index > 0);
    CHECK_OK(store_reindex(fixture.disk, fixture.directory, NULL, &files, &epochs, &error),
             &error);
    CHECK(verify(&fixture).count == 0 && epochs == 2);
    CHECK_OK(fixture_restart(&fixture, &error), &error);
    check_first_epoch(fixture.store, 3);
    binlog_maker_release(&maker);
    fixture_free(&fixture);
}

int main(void)
{
    indexes_of_recordings_are_right();
    each_damaged_byte_is_found();
    a_closed_index_that_is_cut_is_found();
    a_newest_index_that_lacks_its_end_is_said_and_no_fault();
    another_files_index_is_found();
    a_store_without_indexes_lacks_none();
    indexes_that_come_meanwhile_are_no_fault();
    reindex_makes_indexes_that_are_byte_for_byte_the_same();
    reindex_by_other_rules_finds_other_epochs();
    a_damaged_binlog_is_not_reindexed();
    the_record_of_a_purge_numbers_the_first_index();
    return 0;
}
