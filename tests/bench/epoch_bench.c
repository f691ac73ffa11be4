/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long a store of many epochs takes to be opened, and a look-up in it.
 *
 *   epoch_bench [EPOCHS] [DIRECTORY]     10000000, and a new one below /var/tmp
 *   epoch_bench append [TRANSACTIONS]    what looking for heartbeats, and for reports, costs
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "binrelay/base/memory.h"
#include "binrelay/storage/epoch_index.h"
#include "binrelay/storage/sightings.h"
#include "check.h"
#include "epoch_maker.h"

enum {
    DEFAULT_EPOCHS = 10000000,
    EPOCHS_IN_FILE = 1000000,
    BATCH = 1000,
    LOOKUPS = 100000,
    PERCENT = 100,
};

static struct binlog_store *new_store(const char *directory, enum epoch_kind kind)
{
    return binlog_store_new(&(struct binlog_store_options){
        .disk = disk_system(),
        .clock = clock_system(),
        .directory = directory,
        .epochs = {.kind = kind, .server_id = 1, .database = "hb", .table = "hb"},
    });
}

static uint64_t now_usec(void)
{
    return clock_monotonic_usec(clock_system());
}

static uint64_t cpu_usec(void)
{
    struct timespec time;

    CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0);
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

/* An event as it is in the template, at its place in the file: position and checksum are new.
 */
static void append_moved(struct binlog_store *store, struct bytes event, uint64_t offset)
{
    uint8_t moved[512];
    struct error error;

    CHECK(event.size <= sizeof(moved));
    memcpy(moved, event.data, event.size);
    bytes_put_u32(moved + BINLOG_EVENT_POSITION_AT, (uint32_t)(offset + event.size));
    CHECK_OK(
        binlog_store_append(store, (struct bytes){.data = moved, .size = event.size}, &error),
        &error);
}

/* Appends the template's transactions behind `from` and returns where they end. */
static uint64_t append_all(struct binlog_store *store,
                           const struct binlog_maker *maker,
                           size_t from,
                           uint64_t offset)
{
    for (size_t at = from; at < maker->file.size;) {
        uint32_t size = bytes_u32_at(maker->file.data + at + BINLOG_EVENT_SIZE_AT);

        append_moved(store, (struct bytes){.data = maker->file.data + at, .size = size},
                     offset);
        offset += size;
        at += size;
    }
    return offset;
}

static void fill(struct binlog_store *store, uint64_t epochs)
{
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_NONE};
    struct error error;
    uint64_t offset = 0;
    size_t from = 0;

    for (uint64_t epoch = 0; epoch < epochs;) {
        if (epoch % EPOCHS_IN_FILE == 0) {
            binlog_maker_begin(&maker);
            maker.created_at_sec = 1700000000 + (uint32_t)(epoch / 10);
            from = maker.file.size;
            CHECK_OK(
                binlog_store_begin_file(store, "binlog", 1 + epoch / EPOCHS_IN_FILE, &error),
                &error);
            offset = append_all(store, &maker, BINLOG_MAGIC_BYTES, BINLOG_MAGIC_BYTES);
        }
        maker.file.size = from;
        for (uint64_t last = epoch + BATCH; epoch < last; epoch++) {
            maker.created_at_sec = 1700000000 + (uint32_t)(epoch / 10);
            (void)epoch_maker_ndb(&maker, (epoch + 1) * 3, 0);
        }
        offset = append_all(store, &maker, from, offset);
        if (epoch % (BATCH * 100) == 0) {
            CHECK_OK(binlog_store_sync(store, &error), &error);
        }
    }
    CHECK_OK(binlog_store_sync(store, &error), &error);
    binlog_maker_release(&maker);
}

enum look_kind { LOOK_EPOCH, LOOK_TIME, LOOK_POSITION, LOOK_KINDS };

static int compare_times(const void *left, const void *right)
{
    uint64_t one = *(const uint64_t *)left;
    uint64_t other = *(const uint64_t *)right;

    return (one > other) - (one < other);
}

static void look(struct binlog_store *store, enum look_kind kind, uint64_t epoch)
{
    struct epoch_key key = {.incarnation = 1, .epoch = epoch * 3};
    struct epoch_place place;
    struct binlog_position position = {1 + epoch / EPOCHS_IN_FILE,
                                       200 + epoch % EPOCHS_IN_FILE * 350};
    struct error error;
    enum status status = STATUS_OK;

    if (kind == LOOK_EPOCH) {
        status = epoch_index_at_or_before(store, key, &place, &error);
        CHECK(place.key.epoch == key.epoch);
    } else if (kind == LOOK_TIME) {
        status = epoch_index_by_time(store, (1700000000 + epoch / 10) * UINT64_C(1000000),
                                     &place, &error);
    } else {
        status = epoch_index_by_position(store, position, &place, &error);
    }
    CHECK(status == STATUS_OK || status == STATUS_NOT_FOUND);
}

static void measure_lookups(struct binlog_store *store, uint64_t epochs)
{
    static const char *const names[LOOK_KINDS] = {"epoch", "time", "position"};
    autofree uint64_t *times = mem_zeroed(LOOKUPS * sizeof(uint64_t));
    unsigned seed = 1;

    for (int kind = 0; kind < LOOK_KINDS; kind++) {
        uint64_t began = now_usec();

        for (size_t at = 0; at < LOOKUPS; at++) {
            uint64_t random = (uint64_t)rand_r(&seed) << 31 | (uint64_t)rand_r(&seed);
            uint64_t before = now_usec();

            look(store, (enum look_kind)kind, 1 + random % (epochs - 1));
            times[at] = now_usec() - before;
        }
        began = now_usec() - began;
        qsort(times, LOOKUPS, sizeof(*times), compare_times);
        printf("look-up by %-8s mean %.1f us, p99 %" PRIu64 " us, most %" PRIu64 " us\n",
               names[kind], (double)began / LOOKUPS, times[LOOKUPS / PERCENT * 99],
               times[LOOKUPS - 1]);
    }
}

static void measure_epochs(uint64_t epochs, const char *directory)
{
    struct binlog_store *store = new_store(directory, EPOCH_KIND_NDB);
    struct epoch_summary summary;
    struct error error;
    uint64_t began = now_usec();

    CHECK_OK(binlog_store_recover(store, &error), &error);
    if (binlog_store_durable_end(store).file == 0) {
        fill(store, epochs);
        printf("filled with %" PRIu64 " epochs in %.1f s\n", epochs,
               (double)(now_usec() - began) / 1e6);
    }
    binlog_store_free(store);
    for (int round = 0; round < 3; round++) {
        store = new_store(directory, round == 0 ? EPOCH_KIND_NONE : EPOCH_KIND_NDB);
        began = now_usec();
        CHECK_OK(binlog_store_recover(store, &error), &error);
        printf("opened %s in %.3f s\n", round == 0 ? "without epochs" : "with epochs",
               (double)(now_usec() - began) / 1e6);
        if (round < 2) {
            binlog_store_free(store);
        }
    }
    CHECK_OK(epoch_index_summary(store, &summary, &error), &error);
    CHECK(summary.count == epochs);
    measure_lookups(store, epochs);
    binlog_store_free(store);
}

/* A plain stream of a server, without a marker in it. */
static void on_sighting(void *context, const struct sighting *sighting)
{
    (void)context;
    (void)sighting;
}

static void measure_append(enum epoch_kind kind, bool is_watching, uint64_t transactions)
{
    static const struct sighting_rules watched = {.database = "hb", .table = "hb"};
    char directory[] = "/var/tmp/binrelay-bench.XXXXXX";
    autofree char *command = NULL;
    autofree char *cluster = NULL;
    struct binlog_store *store = NULL;
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_NONE};
    struct error error;
    uint64_t offset = 0;
    uint64_t began = 0;
    size_t from = 0;

    CHECK(mkdtemp(directory) != NULL);
    cluster = mem_format("%s/east", directory);
    command = mem_format("rm -r %s", directory);
    store = new_store(cluster, kind);
    if (is_watching) {
        binlog_store_on_sighting(store, &watched, on_sighting, NULL);
    }
    CHECK_OK(binlog_store_recover(store, &error), &error);
    binlog_maker_begin(&maker);
    from = maker.file.size;
    (void)epoch_maker_other(&maker);
    CHECK_OK(binlog_store_begin_file(store, "binlog", 1, &error), &error);
    offset = append_all(store, &maker, BINLOG_MAGIC_BYTES, BINLOG_MAGIC_BYTES);
    began = cpu_usec(); /* the disk's time says nothing here */
    for (uint64_t at = 0; at < transactions; at++) {
        offset = append_all(store, &maker, from, offset);
    }
    CHECK_OK(binlog_store_write(store, &error), &error);
    began = cpu_usec() - began;
    printf("append, epochs %s%-10s %.0f ns of CPU a transaction of %zu bytes\n",
           kind == EPOCH_KIND_NONE ? "none" : "heartbeat", is_watching ? ", reports:" : ":",
           (double)began * 1000 / (double)transactions, maker.file.size - from);
    CHECK_OK(binlog_store_sync(store, &error), &error);
    binlog_store_free(store);
    binlog_maker_release(&maker);
    CHECK(system(command) == 0); /* NOLINT: our own name */
}

int main(int count, char **args)
{
    char made[] = "/var/tmp/binrelay-bench.XXXXXX";
    uint64_t epochs = count > 1 ? strtoull(args[1], NULL, 10) : DEFAULT_EPOCHS;
    autofree char *cluster = NULL;

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (count > 1 && strcmp(args[1], "append") == 0) {
        uint64_t transactions = count > 2 ? strtoull(args[2], NULL, 10) : 2000000;

        for (int round = 0; round < 3; round++) {
            measure_append(EPOCH_KIND_NONE, false, transactions);
            measure_append(EPOCH_KIND_NONE, true, transactions);
            measure_append(EPOCH_KIND_HEARTBEAT, false, transactions);
            measure_append(EPOCH_KIND_HEARTBEAT, true, transactions);
        }
        return 0;
    }
    cluster = mem_format("%s/east", count > 2 ? args[2] : mkdtemp(made));
    measure_epochs(epochs / BATCH * BATCH, cluster);
    printf("left in %s\n", cluster);
    return 0;
}
