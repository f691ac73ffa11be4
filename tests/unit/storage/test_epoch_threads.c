/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readers look epochs up while the writer appends and somebody damages the
 * indexes: nothing is found behind the durable end, nothing is missing in front
 * of it, and the writer goes on.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "epoch_scene.h"

enum { FILES = 4, EPOCHS_IN_FILE = 60, READERS = 2, MOST_EPOCHS = FILES * EPOCHS_IN_FILE };

struct shared {
    struct fixture fixture;
    atomic_bool is_over;
};

static void read_once(struct binlog_store *store, unsigned *seed)
{
    struct binlog_position end = binlog_store_durable_end(store);
    struct epoch_key key = {1, 1 + (uint64_t)rand_r(seed) % MOST_EPOCHS};
    struct epoch_summary summary;
    struct epoch_place place;
    struct error error;
    enum status status = epoch_index_summary(store, &summary, &error);

    CHECK(status == STATUS_OK || status == STATUS_NOT_FOUND || status == STATUS_SYSTEM ||
          status == STATUS_CORRUPT);
    if (status == STATUS_OK) {
        CHECK(binlog_position_compare(summary.last.end, binlog_store_durable_end(store)) <= 0);
        CHECK(summary.first.key.epoch == 1);
    }
    status = epoch_index_at_or_before(store, key, &place, &error);
    if (status == STATUS_OK) {
        CHECK(epoch_key_compare(place.key, key) <= 0);
        CHECK(place.key.epoch == key.epoch || binlog_position_compare(place.end, end) >= 0 ||
              place.end.file == end.file);
    }
}

static void *read_on(void *context)
{
    struct shared *shared = context;
    unsigned seed = 7;

    while (!atomic_load(&shared->is_over)) {
        read_once(shared->fixture.store, &seed);
    }
    return NULL;
}

static void *damage_on(void *context)
{
    struct shared *shared = context;
    unsigned seed = 3;

    while (!atomic_load(&shared->is_over)) {
        autofree char *path = mem_format("%s/binlog.%06d.epochs", shared->fixture.directory,
                                         1 + rand_r(&seed) % FILES);
        int file = disk_open(disk_system(), path, O_RDWR, 0);
        int64_t bytes = file < 0 ? 0 : disk_file_bytes(file);
        uint8_t wrong = 0x5a;
        struct error error;

        if (bytes > 0) {
            CHECK_OK(
                disk_write_all(disk_system(), file, &wrong, 1, rand_r(&seed) % bytes, &error),
                &error);
        }
        if (file >= 0) {
            CHECK(disk_close(disk_system(), file) == 0);
        }
    }
    return NULL;
}

static void write_all(struct binlog_store *store)
{
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32};
    struct error error;
    uint64_t epoch = 1;

    for (uint64_t number = 1; number <= FILES; number++) {
        size_t done = BINLOG_MAGIC_BYTES;

        binlog_maker_begin(&maker);
        CHECK_OK(binlog_store_begin_file(store, "binlog", number, &error), &error);
        for (int at = 0; at < EPOCHS_IN_FILE; at++) {
            (void)epoch_maker_ndb(&maker, epoch++, 1);
            append_from(store, &maker, done);
            done = maker.file.size;
            sync_store(store);
        }
    }
    binlog_maker_release(&maker);
}

int main(void)
{
    struct shared shared = {.fixture = fixture_new_with(ndb_rules())};
    pthread_t threads[READERS + 1];
    struct scene_places found = {0};
    struct error error;

    for (int at = 0; at <= READERS; at++) {
        CHECK(pthread_create(&threads[at], NULL, at < READERS ? read_on : damage_on, &shared) ==
              0);
    }
    write_all(shared.fixture.store);
    atomic_store(&shared.is_over, true);
    for (int at = 0; at <= READERS; at++) {
        CHECK(pthread_join(threads[at], NULL) == 0);
    }
    for (int start = 0; start < 2; start++) { /* running, and after a start */
        found = scene_all(shared.fixture.store, false);
        CHECK(found.count == MOST_EPOCHS);
        for (size_t at = 0; at < found.count; at++) {
            CHECK(found.items[at].key.epoch == at + 1 && found.items[at].key.incarnation == 1);
        }
        scene_places_release(&found);
        CHECK_OK(fixture_restart(&shared.fixture, &error), &error);
    }
    fixture_free(&shared.fixture);
    return 0;
}
