/* SPDX-License-Identifier: Apache-2.0 */
/* What store_verify() finds in a store that is damaged, and that it finds nothing in one that
 * is not. */
#include "binrelay/storage/store_check.h"

#include <unistd.h>

#include "binrelay/storage/binlog_purge.h"
#include "store_fixture.h"
#include "test_data.h"

enum { MOST_FAULTS = 64 };

/* The faults of one verify, as "FILE KIND". */
struct faults {
    char texts[MOST_FAULTS][64];
    uint64_t offsets[MOST_FAULTS];
    size_t count;
    struct store_verify_result result;
};

static void on_fault(void *context, const struct store_fault *fault)
{
    struct faults *faults = context;

    CHECK(*fault->message != '\0' && faults->count < MOST_FAULTS);
    (void)snprintf(faults->texts[faults->count], sizeof(faults->texts[0]), "%s %s", fault->file,
                   fault->kind);
    faults->offsets[faults->count++] = fault->offset;
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
    CHECK((faults.count == 0) == (faults.result.faults == 0));
    return faults;
}

static bool has_fault(const struct faults *faults, const char *text)
{
    for (size_t at = 0; at < faults->count; at++) {
        if (strcmp(faults->texts[at], text) == 0) {
            return true;
        }
    }
    for (size_t at = 0; at < faults->count; at++) {
        fprintf(stderr, "%s at %llu\n", faults->texts[at],
                (unsigned long long)faults->offsets[at]);
    }
    return false;
}

static bool is_clean(const struct fixture *fixture)
{
    struct faults faults = verify(fixture);

    return faults.count == 0 || has_fault(&faults, "none");
}

static void store_recording(struct fixture *fixture, const char *name, uint64_t number)
{
    struct binlog_maker maker = {.file = test_data_read(name)};

    maker.file.data[BINLOG_MAGIC_BYTES + BINLOG_EVENT_FLAGS_AT] &= (uint8_t)~BINLOG_FLAG_IN_USE;
    store_file_whole(fixture->store, &maker, number);
    sync_store(fixture->store);
    binlog_maker_release(&maker);
}

/* Two closed files of MySQL and one that is open, 1 to 3. Small, so that each byte can be
 * damaged. */
static struct fixture small_store(void)
{
    struct fixture fixture = fixture_new();
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32, .server_id = 7};

    for (uint64_t file = 1; file <= 3; file++) {
        autofree char *next = mem_format("binlog.%06u", (unsigned)file + 1);

        binlog_maker_begin(&maker);
        binlog_maker_transaction(&maker, 1, file, 20);
        if (file < 3) {
            binlog_maker_rotate(&maker, next);
        }
        store_file_whole(fixture.store, &maker, file);
        sync_store(fixture.store);
    }
    binlog_maker_release(&maker);
    return fixture;
}

static void recordings_are_without_fault(void)
{
    static const struct {
        const char *name;
        uint64_t number; /* that it had: its Rotate names the next */
    } recordings[] = {
        {"mysql97-mixed.binlog", 1},          {"mysql97-compressed.binlog", 1},
        {"mysql97-nochecksum.binlog", 1},     {"mysql97-anonymous.binlog", 1},
        {"mysql97-tagged.binlog", 2},         {"mariadb1011-mixed.binlog", 1},
        {"mariadb1011-compressed.binlog", 1}, {"mariadb1011-second.binlog", 2},
    };

    for (size_t at = 0; at < sizeof(recordings) / sizeof(recordings[0]); at++) {
        struct fixture fixture = fixture_new();

        store_recording(&fixture, recordings[at].name, recordings[at].number);
        CHECK(is_clean(&fixture));
        fixture_free(&fixture);
    }
}

static void a_whole_log_is_without_fault_and_counted(void)
{
    struct fixture fixture = fixture_new();
    struct faults faults;

    for (unsigned file = 1; file <= 6; file++) {
        autofree char *name = mem_format("ndb/a1/binlog.%06u", file);

        store_recording(&fixture, name, file);
    }
    faults = verify(&fixture);
    CHECK(!has_fault(&faults, "none") && faults.count == 0);
    CHECK(faults.result.files == 6 && faults.result.unread_bytes == 0);
    CHECK(faults.result.bytes == 181 + 323 + 34195 + 323 + 1574507 + 8629);
    CHECK(faults.result.transactions > 251 && faults.result.events > 251 * 5);
    CHECK(is_at(faults.result.durable_end, 6, 8629));
    fixture_free(&fixture);
}

static void an_empty_store_is_without_fault(void)
{
    struct fixture fixture = fixture_new();

    CHECK(is_clean(&fixture) && store_is_there(fixture.directory));
    CHECK(!store_is_there(fixture.root));
    fixture_free(&fixture);
}

/* Changes one byte where it stands: writing whole files anew takes the disk's time. */
static void put_byte(const char *path, size_t at, uint8_t byte)
{
    const struct disk *disk = disk_system();
    int file = disk_open(disk, path, O_WRONLY, 0);
    struct error error;

    CHECK(file >= 0);
    CHECK_OK(disk_write_all(disk, file, &byte, 1, (off_t)at, &error), &error);
    CHECK(disk_close(disk, file) == 0);
}

static void each_damaged_byte_is_found(void)
{
    static const char *const names[] = {"binlog.000001", "binlog.000001.gtids",
                                        "binlog.000002", "binlog.000002.gtids",
                                        "binlog.000003", "durable"};
    struct fixture fixture = small_store();

    CHECK(is_clean(&fixture));
    for (size_t name = 0; name < sizeof(names) / sizeof(names[0]); name++) {
        autofree char *path = fixture_path(&fixture, names[name]);
        struct buffer whole = read_whole(path);

        CHECK(whole.size > 0);
        for (size_t at = 0; at < whole.size; at++) {
            struct faults faults;

            put_byte(path, at, whole.data[at] ^ (uint8_t)(1U << at % 8));
            faults = verify(&fixture);
            if (faults.count == 0) {
                fprintf(stderr, "%s: byte %zu may change unseen\n", names[name], at);
            }
            CHECK(faults.count > 0);
            put_byte(path, at, whole.data[at]);
        }
        buffer_release(&whole);
    }
    CHECK(is_clean(&fixture));
    fixture_free(&fixture);
}

static void each_length_that_is_too_short_is_found(void)
{
    static const char *const names[] = {"binlog.000001", "binlog.000001.gtids", "binlog.000003",
                                        "durable"};
    struct fixture fixture = small_store();

    for (size_t name = 0; name < sizeof(names) / sizeof(names[0]); name++) {
        autofree char *path = fixture_path(&fixture, names[name]);
        struct buffer whole = read_whole(path);

        for (size_t size = whole.size; size > 0; size--) {
            CHECK(truncate(path, (off_t)size - 1) == 0);
            CHECK(verify(&fixture).count > 0);
        }
        write_whole(path, whole.data, whole.size);
        buffer_release(&whole);
    }
    CHECK(is_clean(&fixture));
    fixture_free(&fixture);
}

/* Takes a file away, returns what is found, and puts it back. */
static struct faults verify_without(const struct fixture *fixture, const char *name)
{
    autofree char *path = fixture_path(fixture, name);
    autofree char *aside = mem_format("%s/aside", fixture->root);
    struct faults faults;

    CHECK(disk_rename(fixture->disk, path, aside) == 0);
    faults = verify(fixture);
    CHECK(disk_rename(fixture->disk, aside, path) == 0);
    return faults;
}

static void a_missing_file_is_found(void)
{
    struct fixture fixture = small_store();
    struct faults faults = verify_without(&fixture, "binlog.000002");

    CHECK(has_fault(&faults, "binlog.000003 numbering"));
    faults = verify_without(&fixture, "binlog.000003");
    CHECK(has_fault(&faults, "durable mark"));
    faults = verify_without(&fixture, "durable");
    CHECK(has_fault(&faults, "durable mark") && faults.count == 1);
    faults = verify_without(&fixture, "binlog.000001.gtids");
    CHECK(has_fault(&faults, "binlog.000001.gtids sidecar") && faults.count == 1);
    faults = verify_without(&fixture, "binlog.000001"); /* as if it was purged */
    CHECK(faults.count == 0);
    fixture_free(&fixture);
}

static void what_was_purged_is_known_and_checked(void)
{
    struct fixture fixture = small_store();
    autofree char *path = fixture_path(&fixture, "purged");
    struct binlog_purged purged;
    struct buffer whole = {0};
    struct error error;

    CHECK_OK(binlog_store_purge(fixture.store, 2, &purged, &error), &error);
    CHECK(purged.files == 1 && is_clean(&fixture));
    whole = read_whole(path);
    CHECK(whole.size > 0);
    for (size_t at = 0; at < whole.size; at++) {
        struct faults faults;

        put_byte(path, at, whole.data[at] ^ 1);
        faults = verify(&fixture);
        CHECK(has_fault(&faults, "purged numbering"));
        put_byte(path, at, whole.data[at]);
    }
    CHECK(is_clean(&fixture));
    CHECK(verify_without(&fixture, "purged").count == 0); /* the first file is believed then */
    CHECK(verify_without(&fixture, "binlog.000002").count > 0);
    buffer_release(&whole);
    fixture_free(&fixture);
}

static void a_file_of_another_log_is_found(void)
{
    struct fixture fixture = small_store();
    autofree char *stranger = fixture_path(&fixture, "other.000001");
    autofree char *note = fixture_path(&fixture, "README");
    struct faults faults;

    write_whole(note, "hello", 5);
    CHECK(is_clean(&fixture));
    write_whole(stranger, "hello", 5);
    faults = verify(&fixture);
    CHECK(has_fault(&faults, ". numbering"));
    fixture_free(&fixture);
}

static void another_files_sidecar_is_found(void)
{
    struct fixture fixture = small_store();
    autofree char *path = fixture_path(&fixture, "binlog.000001.gtids");
    autofree char *other = fixture_path(&fixture, "binlog.000002.gtids");
    struct buffer first = read_whole(path);
    struct buffer second = read_whole(other);
    struct faults faults;

    write_whole(path, second.data, second.size);
    faults = verify(&fixture);
    CHECK(has_fault(&faults, "binlog.000001.gtids sidecar") && faults.count == 1);
    write_whole(path, first.data, first.size);
    write_whole(other, first.data, first.size);
    faults = verify(&fixture);
    CHECK(has_fault(&faults, "binlog.000002.gtids sidecar") && faults.count == 1);
    buffer_release(&first);
    buffer_release(&second);
    fixture_free(&fixture);
}

static void what_is_behind_the_mark_is_no_fault(void)
{
    struct fixture fixture = small_store();
    autofree char *path = fixture_path(&fixture, "binlog.000003");
    autofree char *next = fixture_path(&fixture, "binlog.000004");
    struct buffer whole = read_whole(path);
    uint8_t *rest = buffer_room(&whole, 50);
    struct faults faults;

    memset(rest, 0xAA, 50);
    write_whole(path, whole.data, whole.size + 50);
    write_whole(next, rest, 7);
    faults = verify(&fixture);
    CHECK(faults.count == 0 && faults.result.unread_bytes == 57 && faults.result.files == 3);
    buffer_release(&whole);
    fixture_free(&fixture);
}

/* Stores one file of the maker as it is, and says which fault is found in it. */
static struct faults verify_made(struct binlog_maker *maker)
{
    struct fixture fixture = fixture_new();
    struct faults faults;

    binlog_maker_transaction(maker, 1, 99, 20);
    store_file_whole(fixture.store, maker, 1);
    sync_store(fixture.store);
    faults = verify(&fixture);
    binlog_maker_release(maker);
    fixture_free(&fixture);
    return faults;
}

static void a_transaction_inside_another_is_found(void)
{
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32, .server_id = 7};
    struct faults faults;

    binlog_maker_begin(&maker);
    binlog_maker_gtid(&maker, 1, 98);
    binlog_maker_query(&maker, "BEGIN");
    faults = verify_made(&maker);
    CHECK(has_fault(&faults, "binlog.000001 transaction") && faults.count == 1);
}

static void a_rotate_to_another_file_is_found(void)
{
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32, .server_id = 7};
    struct fixture fixture = fixture_new();
    struct faults faults;

    binlog_maker_begin(&maker);
    binlog_maker_rotate(&maker, "binlog.000003");
    store_file_whole(fixture.store, &maker, 1);
    sync_store(fixture.store);
    faults = verify(&fixture);
    CHECK(has_fault(&faults, "binlog.000001 rotate") && faults.count == 1);
    fixture_free(&fixture);
    faults = verify_made(&maker);
    CHECK(has_fault(&faults, "binlog.000001 rotate") && faults.count == 1);
}

/* Events that no window shows whole are read in pieces. */
static void damage_anywhere_in_a_large_event_is_found(void)
{
    struct fixture fixture = fixture_new();
    autofree char *path = fixture_path(&fixture, "binlog.000001");
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32, .server_id = 7};
    struct buffer whole = {0};
    size_t last = 0;

    binlog_maker_begin(&maker);
    binlog_maker_transaction(&maker, 1, 1, 3 * 1024 * 1024);
    binlog_maker_transaction(&maker, 1, 2, 300 * 1024);
    last = maker.file.size;
    store_file_whole(fixture.store, &maker, 1);
    sync_store(fixture.store);
    CHECK(is_clean(&fixture) && verify(&fixture).result.transactions == 2);
    whole = read_whole(path);
    for (size_t at = 1000; at < last; at += last / 97) {
        struct faults faults;

        put_byte(path, at, whole.data[at] ^ 1);
        faults = verify(&fixture);
        CHECK(faults.count == 1 && has_fault(&faults, "binlog.000001 checksum"));
        CHECK(faults.result.transactions == 2);
        put_byte(path, at, whole.data[at]);
    }
    buffer_release(&whole);
    binlog_maker_release(&maker);
    fixture_free(&fixture);
}

static void each_kind_is_told_once_a_file_and_counted_always(void)
{
    struct fixture fixture = fixture_new();
    autofree char *path = fixture_path(&fixture, "binlog.000001");
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32, .server_id = 7};
    struct buffer whole = {0};
    struct faults faults;
    size_t ends[3];

    binlog_maker_begin(&maker);
    for (unsigned at = 0; at < 3; at++) {
        binlog_maker_transaction(&maker, 1, at + 1, 20);
        ends[at] = maker.file.size;
    }
    store_file_whole(fixture.store, &maker, 1);
    sync_store(fixture.store);
    whole = read_whole(path);
    for (unsigned at = 0; at < 3; at++) {
        whole.data[ends[at] - 1] ^= 1;
    }
    write_whole(path, whole.data, whole.size);
    faults = verify(&fixture);
    CHECK(faults.count == 1 && has_fault(&faults, "binlog.000001 checksum"));
    CHECK(faults.result.faults == 3 && faults.result.transactions == 3);
    CHECK(faults.offsets[0] < ends[0] && faults.offsets[0] > BINLOG_MAGIC_BYTES);
    buffer_release(&whole);
    binlog_maker_release(&maker);
    fixture_free(&fixture);
}

int main(void)
{
    recordings_are_without_fault();
    a_whole_log_is_without_fault_and_counted();
    an_empty_store_is_without_fault();
    each_damaged_byte_is_found();
    each_length_that_is_too_short_is_found();
    a_missing_file_is_found();
    what_was_purged_is_known_and_checked();
    a_file_of_another_log_is_found();
    another_files_sidecar_is_found();
    what_is_behind_the_mark_is_no_fault();
    a_transaction_inside_another_is_found();
    a_rotate_to_another_file_is_found();
    damage_anywhere_in_a_large_event_is_found();
    each_kind_is_told_once_a_file_and_counted_always();
    return 0;
}
