/* SPDX-License-Identifier: Apache-2.0 */
/* What the stream says of appliers is told when it is durable, once, and in order. */
#include "binrelay/storage/sightings.h"

#include "epoch_maker.h"
#include "sighting_list.h"
#include "store_fixture.h"

enum { APPLIER = 201, TOLD_MOST = 16 };

static const struct sighting_rules rules = {.database = "heartbeat", .table = "heartbeat"};

struct told {
    uint64_t counters[TOLD_MOST];
    size_t count;
};

static void on_sighting(void *context, const struct sighting *sighting)
{
    struct told *told = context;

    CHECK(sighting->kind == SIGHTING_HEARTBEAT && sighting->server_id == APPLIER);
    CHECK(told->count < TOLD_MOST);
    told->counters[told->count++] = sighting->counter;
}

static struct fixture watching(struct told *told, struct binlog_maker *maker)
{
    struct fixture fixture = fixture_new();

    binlog_store_on_sighting(fixture.store, &rules, on_sighting, told);
    binlog_maker_begin(maker);
    store_file_whole(fixture.store, maker, 1);
    return fixture;
}

static void heartbeat(struct fixture *fixture, struct binlog_maker *maker, uint64_t counter)
{
    append_from(fixture->store, maker, epoch_maker_heartbeat(maker, APPLIER, counter));
}

static void a_row_is_told_once_it_is_durable(void)
{
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32};
    struct told told = {0};
    struct fixture fixture = watching(&told, &maker);
    struct binlog_sync *sync = NULL;
    struct error error;

    heartbeat(&fixture, &maker, 5);
    append_from(fixture.store, &maker, epoch_maker_other(&maker));
    heartbeat(&fixture, &maker, 6);
    CHECK_OK(binlog_store_write(fixture.store, &error), &error);
    CHECK_OK(binlog_store_sync_begin(fixture.store, &sync), &error);
    heartbeat(&fixture, &maker, 7); /* while it runs */
    binlog_sync_run(sync);
    CHECK(told.count == 0);
    CHECK_OK(binlog_store_sync_end(fixture.store, sync, &error), &error);
    CHECK(told.count == 2 && told.counters[0] == 5 && told.counters[1] == 6);
    sync_store(fixture.store);
    CHECK(told.count == 3 && told.counters[2] == 7);
    sync_store(fixture.store);
    CHECK(told.count == 3);
    binlog_maker_release(&maker);
    fixture_free(&fixture);
}

/* Appends the events of the last transaction but its end. */
static void append_unfinished(struct fixture *fixture, struct binlog_maker *maker)
{
    size_t start = epoch_maker_heartbeat(maker, APPLIER, 9);
    struct binlog_walk walk = binlog_walk_of(
        (struct bytes){.data = maker->file.data + start, .size = maker->file.size - start});
    struct bytes event;
    struct error error;

    while (binlog_walk_next(&walk, &event, &error) == STATUS_OK && walk.left.size > 0) {
        CHECK_OK(binlog_store_append(fixture->store, event, &error), &error);
    }
    maker->file.size = start;
}

static void a_transaction_that_is_cut_off_says_nothing(void)
{
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32};
    struct told told = {0};
    struct fixture fixture = watching(&told, &maker);
    struct error error;

    append_unfinished(&fixture, &maker);
    CHECK_OK(binlog_store_cut_unfinished(fixture.store, &error), &error);
    heartbeat(&fixture, &maker, 5);
    append_unfinished(&fixture, &maker);
    sync_store(fixture.store);
    CHECK(told.count == 1 && told.counters[0] == 5);
    CHECK_OK(binlog_store_cut_unfinished(fixture.store, &error), &error);
    sync_store(fixture.store);
    CHECK(told.count == 1);
    binlog_maker_release(&maker);
    fixture_free(&fixture);
}

static void what_a_recovery_cuts_is_not_told(void)
{
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32};
    struct told told = {0};
    struct fixture fixture = watching(&told, &maker);
    struct error error;
    size_t end = 0;

    heartbeat(&fixture, &maker, 5);
    sync_store(fixture.store);
    end = maker.file.size;
    heartbeat(&fixture, &maker, 6);
    CHECK_OK(binlog_store_write(fixture.store, &error), &error);
    CHECK_OK(binlog_store_recover(fixture.store, &error), &error);
    CHECK(told.count == 1);
    maker.file.size = end;
    heartbeat(&fixture, &maker, 8); /* another comes in its place */
    sync_store(fixture.store);
    CHECK(told.count == 2 && told.counters[1] == 8);
    binlog_maker_release(&maker);
    fixture_free(&fixture);
}

static void a_restart_tells_nothing_again(void)
{
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32};
    struct told told = {0};
    struct fixture fixture = watching(&told, &maker);
    struct error error;

    heartbeat(&fixture, &maker, 5);
    sync_store(fixture.store);
    binlog_store_free(fixture.store);
    fixture_make_store(&fixture);
    binlog_store_on_sighting(fixture.store, &rules, on_sighting, &told);
    CHECK_OK(binlog_store_recover(fixture.store, &error), &error);
    heartbeat(&fixture, &maker, 6);
    sync_store(fixture.store);
    CHECK(told.count == 2 && told.counters[1] == 6);
    binlog_maker_release(&maker);
    fixture_free(&fixture);
}

static void of_too_many_that_wait_the_last_stay(void)
{
    struct sighting_list list = {0};
    struct sighting_seen seen = {.file = 1};

    for (seen.end = 1; seen.end <= UINT64_C(10) * SIGHTING_LIST_MOST; seen.end++) {
        sighting_list_add(&list, &seen);
        CHECK(list.count <= SIGHTING_LIST_MOST);
        CHECK(list.items[list.count - 1].end == seen.end);
    }
    CHECK(list.count >= SIGHTING_LIST_MOST / 2);
    sighting_list_cut(&list, 1, seen.end - 3);
    CHECK(list.items[list.count - 1].end == seen.end - 3);
    CHECK(sighting_list_count(&list, 1, list.items[2].end) == 3);
    CHECK(sighting_list_count(&list, 0, UINT64_MAX) == 0);
    CHECK(sighting_list_count(&list, 2, 0) == list.count);
    sighting_list_cut(&list, 0, 0);
    CHECK(list.count == 0);
    sighting_list_release(&list);
}

int main(void)
{
    a_row_is_told_once_it_is_durable();
    a_transaction_that_is_cut_off_says_nothing();
    what_a_recovery_cuts_is_not_told();
    a_restart_tells_nothing_again();
    of_too_many_that_wait_the_last_stay();
    return 0;
}
