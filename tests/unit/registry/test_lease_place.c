/* SPDX-License-Identifier: Apache-2.0 */
/* Places in the recording a1 of an NDB cluster, over all its files. */
#include "lease_place.h"

#include "binrelay/base/memory.h"
#include "binrelay/protocol/binlog_walk.h"
#include "check.h"
#include "temp_dir.h"
#include "test_data.h"

enum { FILES = 6 };

static void fill(struct binlog_store *store, uint64_t file)
{
    autofree char *name = mem_format("ndb/a1/binlog.%06u", (unsigned)file);
    struct buffer bytes = test_data_read(name);
    struct binlog_walk walk = binlog_walk_of((struct bytes){
        .data = bytes.data + BINLOG_MAGIC_BYTES, .size = bytes.size - BINLOG_MAGIC_BYTES});
    struct bytes event;
    struct error error;

    CHECK_OK(binlog_store_begin_file(store, "binlog", file, &error), &error);
    while (binlog_walk_next(&walk, &event, &error) == STATUS_OK) {
        CHECK_OK(binlog_store_append(store, event, &error), &error);
    }
    CHECK_OK(binlog_store_write(store, &error), &error);
    CHECK_OK(binlog_store_sync(store, &error), &error);
    buffer_release(&bytes);
}

static struct binlog_store *open_store(const char *directory)
{
    struct binlog_store_options options = {.disk = disk_system(),
                                           .clock = clock_system(),
                                           .directory = directory,
                                           .epochs = {.kind = EPOCH_KIND_NDB}};
    struct binlog_store *store = binlog_store_new(&options);
    struct error error;

    CHECK_OK(binlog_store_recover(store, &error), &error);
    return store;
}

static bool is_before(struct binlog_position left, struct binlog_position right)
{
    return binlog_position_compare(left, right) < 0;
}

/* What is settled reaches to the next transaction, in the next file too, and not into it. */
static void what_is_settled_ends_before_the_next_epoch(struct binlog_store *store)
{
    struct epoch_cursor *cursor = epoch_cursor_open(store, false);
    struct epoch_place place;
    struct epoch_place next;
    struct error error;
    unsigned crossed = 0;

    CHECK_OK(epoch_cursor_next(cursor, &place, &error), &error);
    while (epoch_cursor_next(cursor, &next, &error) == STATUS_OK) {
        struct lease_view view = {.applied = place.key};

        lease_place_locate(store, &view);
        CHECK(!view.is_lost && !view.is_unclear);
        CHECK(binlog_position_compare(view.place, place.end) == 0);
        CHECK(!is_before(view.settled, view.place) && !is_before(next.begin, view.settled));
        crossed += view.settled.file > place.end.file;
        place = next;
    }
    CHECK(crossed > 0);
    epoch_cursor_close(cursor);
}

static void behind_the_last_epoch_all_that_is_of_the_log_is_settled(struct binlog_store *store)
{
    struct lease_view view = {0};
    struct epoch_summary summary;
    struct error error;

    CHECK_OK(epoch_index_summary(store, &summary, &error), &error);
    view.applied = summary.last.key;
    lease_place_locate(store, &view);
    CHECK(!is_before(view.end, view.settled));
    CHECK(binlog_position_compare(view.settled, view.end) == 0); /* it ends with a Stop */
}

static void an_epoch_that_is_not_here_is_lost_or_to_come(struct binlog_store *store)
{
    struct lease_view view = {0};
    struct epoch_summary summary;
    struct error error;

    CHECK_OK(epoch_index_summary(store, &summary, &error), &error);
    view.applied = summary.last.key;
    view.applied.epoch += 1;
    lease_place_locate(store, &view);
    CHECK(view.is_unclear && view.place.file == 0);
    view.applied = summary.first.key;
    view.applied.epoch -= 1;
    lease_place_locate(store, &view);
    CHECK(view.is_lost || view.place.file != 0);
    view.applied = (struct epoch_key){0}; /* none was reported */
    lease_place_locate(store, &view);
    CHECK(!view.is_lost && !view.is_unclear && view.place.file == 0 && view.end.file == FILES);
}

int main(void)
{
    char *parent = temp_dir_make();
    autofree char *directory = mem_format("%s/west", parent);
    struct binlog_store *store = open_store(directory);

    for (uint64_t file = 1; file <= FILES; file++) {
        fill(store, file);
    }
    what_is_settled_ends_before_the_next_epoch(store);
    behind_the_last_epoch_all_that_is_of_the_log_is_settled(store);
    an_epoch_that_is_not_here_is_lost_or_to_come(store);
    binlog_store_free(store);
    temp_dir_remove(parent);
    return 0;
}
