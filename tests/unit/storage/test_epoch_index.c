/* SPDX-License-Identifier: Apache-2.0 */
/* Look-ups, cursors, gaps, incarnations and what is visible, over made stores. */
#include "epoch_scene.h"

enum { FIRST_SEC = 1800000000 };
#define USEC(seconds) ((uint64_t)(FIRST_SEC + (seconds)) * 1000000)

static struct epoch_key key_of(uint32_t incarnation, uint64_t epoch)
{
    return (struct epoch_key){.incarnation = incarnation, .epoch = epoch};
}

static struct binlog_maker new_maker(void)
{
    return (struct binlog_maker){.checksum = BINLOG_CHECKSUM_CRC32,
                                 .server_id = SCENE_SERVER_ID};
}

/* An epoch that is committed at a second. */
static uint64_t epoch_at(struct binlog_maker *maker, uint64_t epoch, uint32_t sec)
{
    maker->created_at_sec = FIRST_SEC + sec;
    return epoch_maker_ndb(maker, epoch, 2);
}

/* Files 1 to 4: epochs 10, 20, 30 | none | 40 gap 50 | 60, with others between them. */
static void make_log(struct fixture *fixture, struct binlog_position *other)
{
    struct binlog_maker maker = new_maker();

    for (uint64_t number = 1; number <= 4; number++) {
        binlog_maker_begin(&maker);
        if (number == 1) {
            (void)epoch_maker_incident(&maker); /* in front of the first: no gap */
            (void)epoch_at(&maker, 10, 10);
            *other = (struct binlog_position){1, epoch_maker_other(&maker)};
            (void)epoch_at(&maker, 20, 20);
            (void)epoch_at(&maker, 30, 30);
        } else if (number == 2) {
            (void)epoch_maker_other(&maker);
        } else if (number == 3) {
            (void)epoch_at(&maker, 40, 40);
            (void)epoch_maker_incident(&maker);
            (void)epoch_at(&maker, 50, 50);
        } else {
            (void)epoch_at(&maker, 60, 60);
        }
        store_file_whole(fixture->store, &maker, number);
    }
    sync_store(fixture->store);
    binlog_maker_release(&maker);
}

static bool finds(enum status (*look)(struct binlog_store *,
                                      struct epoch_key,
                                      struct epoch_place *,
                                      struct error *),
                  struct binlog_store *store,
                  uint64_t epoch,
                  uint64_t wanted)
{
    struct epoch_place place = {0};
    struct error error;
    enum status status = look(store, key_of(1, epoch), &place, &error);

    CHECK(status == STATUS_OK || status == STATUS_NOT_FOUND);
    return status == STATUS_OK ? place.key.epoch == wanted : wanted == 0;
}

static void finds_by_epoch(struct binlog_store *store)
{
    CHECK(finds(epoch_index_at_or_before, store, 9, 0));
    CHECK(finds(epoch_index_at_or_before, store, 10, 10));
    CHECK(finds(epoch_index_at_or_before, store, 39, 30));
    CHECK(finds(epoch_index_at_or_before, store, 49, 40));
    CHECK(finds(epoch_index_at_or_before, store, UINT64_MAX, 60));
    CHECK(finds(epoch_index_at_or_after, store, 0, 10));
    CHECK(finds(epoch_index_at_or_after, store, 11, 20));
    CHECK(finds(epoch_index_at_or_after, store, 31, 40));
    CHECK(finds(epoch_index_at_or_after, store, 41, 50));
    CHECK(finds(epoch_index_at_or_after, store, 60, 60));
    CHECK(finds(epoch_index_at_or_after, store, 61, 0));
}

static void finds_by_time(struct binlog_store *store)
{
    struct epoch_place place;
    struct error error;

    for (uint32_t sec = 0; sec <= 60; sec++) {
        uint32_t wanted = sec <= 10 ? 10 : (sec + 9) / 10 * 10;

        CHECK_OK(epoch_index_by_time(store, USEC(sec), &place, &error), &error);
        CHECK(place.key.epoch == wanted && place.commit_usec == USEC(wanted));
    }
    CHECK(epoch_index_by_time(store, USEC(60) + 1, &place, &error) == STATUS_NOT_FOUND);
}

static void finds_by_position(struct binlog_store *store, struct binlog_position other)
{
    struct binlog_position in_empty = {2, 200};
    struct epoch_place place;
    struct error error;

    CHECK_OK(epoch_index_by_position(store, (struct binlog_position){0}, &place, &error),
             &error);
    CHECK(place.key.epoch == 10 && place.inserts == 2);
    CHECK_OK(epoch_index_by_position(store, other, &place, &error), &error);
    CHECK(place.key.epoch == 20);
    CHECK_OK(epoch_index_by_position(store, place.end, &place, &error), &error);
    CHECK(place.key.epoch == 30);
    CHECK_OK(epoch_index_by_position(store, in_empty, &place, &error), &error);
    CHECK(place.key.epoch == 40);
    CHECK(epoch_index_by_position(store, binlog_store_durable_end(store), &place, &error) ==
          STATUS_NOT_FOUND);
}

static void tells_of_gaps(struct binlog_store *store)
{
    struct epoch_gap *gaps = NULL;

    CHECK(epoch_index_gaps(store, &gaps) == 1);
    CHECK(gaps[0].before.epoch == 40 && gaps[0].after.epoch == 50);
    CHECK(gaps[0].incident.file == 3 && gaps[0].end.offset > gaps[0].incident.offset);
    CHECK(epoch_index_is_continuous(store, key_of(1, 10), key_of(1, 40)));
    CHECK(!epoch_index_is_continuous(store, key_of(1, 40), key_of(1, 50)));
    CHECK(!epoch_index_is_continuous(store, key_of(1, 10), key_of(1, 60)));
    CHECK(epoch_index_is_continuous(store, key_of(1, 50), key_of(1, 60)));
    free(gaps);
}

static void sums_up(struct binlog_store *store)
{
    struct epoch_summary summary;
    struct error error;

    CHECK_OK(epoch_index_summary(store, &summary, &error), &error);
    CHECK(summary.count == 6 && summary.first.key.epoch == 10 && summary.last.key.epoch == 60);
    CHECK_OK(epoch_index_file_summary(store, 3, &summary, &error), &error);
    CHECK(summary.count == 2 && summary.first.key.epoch == 40 && summary.last.key.epoch == 50);
    CHECK(epoch_index_file_summary(store, 2, &summary, &error) == STATUS_NOT_FOUND);
    CHECK(epoch_index_file_summary(store, 5, &summary, &error) == STATUS_NOT_FOUND);
}

static void goes_both_ways(struct binlog_store *store)
{
    struct scene_places up = scene_all(store, false);
    struct scene_places down = scene_all(store, true);
    struct epoch_cursor *cursor = epoch_cursor_open(store, true);
    struct epoch_place place;
    struct error error;

    CHECK(up.count == 6 && down.count == 6);
    for (size_t at = 0; at < up.count; at++) {
        CHECK(scene_is_same(&up.items[at], &down.items[down.count - 1 - at]));
    }
    CHECK_OK(epoch_cursor_seek(cursor, key_of(1, 45), &error), &error);
    CHECK_OK(epoch_cursor_next(cursor, &place, &error), &error);
    CHECK(place.key.epoch == 40);
    CHECK_OK(epoch_cursor_next(cursor, &place, &error), &error);
    CHECK(place.key.epoch == 30);
    CHECK_OK(epoch_cursor_seek(cursor, key_of(1, 5), &error), &error);
    CHECK(epoch_cursor_next(cursor, &place, &error) == STATUS_NOT_FOUND);
    epoch_cursor_close(cursor);
    cursor = epoch_cursor_open(store, false);
    CHECK_OK(epoch_cursor_seek(cursor, key_of(1, 31), &error), &error);
    CHECK_OK(epoch_cursor_next(cursor, &place, &error), &error);
    CHECK(place.key.epoch == 40);
    epoch_cursor_close(cursor);
    scene_places_release(&up);
    scene_places_release(&down);
}

static void finds_everything_before_and_after_a_start(void)
{
    struct fixture fixture = fixture_new_with(ndb_rules());
    struct binlog_position other;
    struct error error;

    make_log(&fixture, &other);
    for (int start = 0; start < 2; start++) {
        finds_by_epoch(fixture.store);
        finds_by_time(fixture.store);
        finds_by_position(fixture.store, other);
        tells_of_gaps(fixture.store);
        sums_up(fixture.store);
        goes_both_ways(fixture.store);
        CHECK_OK(fixture_restart(&fixture, &error), &error);
    }
    fixture_free(&fixture);
}

static void shows_nothing_in_front_of_the_first_visible_place(void)
{
    struct fixture fixture = fixture_new_with(ndb_rules());
    struct epoch_summary summary;
    struct epoch_place place;
    struct binlog_position other;
    struct scene_places up = {0};
    struct error error;

    make_log(&fixture, &other);
    binlog_store_free(fixture.store);
    fixture_make_store(&fixture);
    binlog_store_set_first_visible(fixture.store, other);
    CHECK_OK(binlog_store_recover(fixture.store, &error), &error);
    CHECK(epoch_index_at_or_before(fixture.store, key_of(1, 10), &place, &error) ==
          STATUS_NOT_FOUND);
    CHECK(finds(epoch_index_at_or_after, fixture.store, 0, 20));
    CHECK_OK(epoch_index_by_time(fixture.store, 0, &place, &error), &error);
    CHECK(place.key.epoch == 20);
    CHECK_OK(epoch_index_summary(fixture.store, &summary, &error), &error);
    CHECK(summary.count == 5 && summary.first.key.epoch == 20);
    CHECK_OK(epoch_index_file_summary(fixture.store, 1, &summary, &error), &error);
    CHECK(summary.count == 2);
    up = scene_all(fixture.store, true);
    CHECK(up.count == 5);
    scene_places_release(&up);
    fixture_free(&fixture);
}

/* The running maximum decides: a clock that goes back hides nothing behind it. */
static void finds_by_times_that_go_back(void)
{
    static const uint32_t seconds[] = {50, 10, 20, 60, 5, 70};
    static const uint64_t at_second[] = {1, 1, 4, 4, 6}; /* asked for 0, 50, 51, 60, 61 */
    static const uint32_t asked[] = {0, 50, 51, 60, 61};
    struct fixture fixture = fixture_new_with(ndb_rules());
    struct binlog_maker maker = new_maker();
    struct epoch_place place;
    struct error error;

    for (uint64_t file = 1; file <= 2; file++) {
        binlog_maker_begin(&maker);
        for (uint64_t epoch = file * 3 - 2; epoch <= file * 3; epoch++) {
            (void)epoch_at(&maker, epoch, seconds[epoch - 1]);
        }
        store_file_whole(fixture.store, &maker, file);
    }
    sync_store(fixture.store);
    for (int start = 0; start < 2; start++) {
        for (size_t at = 0; at < sizeof(asked) / sizeof(asked[0]); at++) {
            CHECK_OK(epoch_index_by_time(fixture.store, USEC(asked[at]), &place, &error),
                     &error);
            CHECK(place.key.epoch == at_second[at]);
        }
        CHECK_OK(fixture_restart(&fixture, &error), &error);
    }
    binlog_maker_release(&maker);
    fixture_free(&fixture);
}

struct told {
    struct epoch_notice notices[8];
    size_t count;
};

static void note(void *context, const struct epoch_notice *notice)
{
    struct told *told = context;

    CHECK(told->count < sizeof(told->notices) / sizeof(told->notices[0]));
    told->notices[told->count++] = *notice;
}

/* Over files, syncs, starts and an index that is made anew. */
static void counts_incarnations_and_tells_of_them(void)
{
    static const uint64_t epochs[] = {100, 200, 200, 50, 60, 10};
    static const uint32_t incarnations[] = {1, 1, 2, 3, 3, 4};
    struct fixture fixture = fixture_new_with(ndb_rules());
    autofree char *first = fixture_path(&fixture, "binlog.000001.epochs");
    struct binlog_maker maker = new_maker();
    struct told told = {0};
    struct scene_places found = {0};
    struct error error;

    for (uint64_t file = 1; file <= 3; file++) {
        epoch_index_on_notice(fixture.store, note, &told);
        binlog_maker_begin(&maker);
        (void)epoch_maker_ndb(&maker, epochs[file * 2 - 2], 0);
        if (file == 2) {
            (void)epoch_maker_incident(&maker);
        }
        (void)epoch_maker_ndb(&maker, epochs[file * 2 - 1], 0);
        store_file_whole(fixture.store, &maker, file);
        sync_store(fixture.store);
        if (file == 2) {
            CHECK(disk_remove(disk_system(), first) == 0);
        }
        CHECK_OK(fixture_restart(&fixture, &error), &error);
    }
    found = scene_all(fixture.store, false);
    CHECK(found.count == 6);
    for (size_t at = 0; at < found.count; at++) {
        CHECK(epoch_key_compare(found.items[at].key, key_of(incarnations[at], epochs[at])) ==
              0);
    }
    CHECK(told.count == 4);
    CHECK(told.notices[0].kind == EPOCH_NOTICE_INCARNATION);
    CHECK(told.notices[0].before.epoch == 200 && told.notices[0].key.incarnation == 2);
    CHECK(told.notices[1].kind == EPOCH_NOTICE_GAP && told.notices[1].at.file == 2);
    CHECK(told.notices[2].key.incarnation == 3 && told.notices[3].key.incarnation == 4);
    scene_places_release(&found);
    binlog_maker_release(&maker);
    fixture_free(&fixture);
}

/* All since the marker before belongs to it, over the end of a file too. */
static void heartbeats_begin_where_the_one_before_ended(void)
{
    struct fixture fixture = fixture_new_with(heartbeat_rules());
    struct binlog_maker maker = new_maker();
    struct scene_places found = {0};
    struct error error;

    for (uint64_t file = 1; file <= 3; file++) {
        binlog_maker_begin(&maker);
        (void)epoch_maker_other(&maker);
        if (file != 2) {
            (void)epoch_maker_heartbeat(&maker, SCENE_SERVER_ID, file * 10);
            (void)epoch_maker_heartbeat(&maker, SCENE_SERVER_ID + 1, 999); /* another's row */
            (void)epoch_maker_heartbeat(&maker, SCENE_SERVER_ID, file * 10 + 1);
        }
        store_file_whole(fixture.store, &maker, file);
    }
    sync_store(fixture.store);
    for (int start = 0; start < 2; start++) {
        found = scene_all(fixture.store, start == 1);
        CHECK(found.count == 4);
        for (size_t at = 0; start == 0 && at + 1 < found.count; at++) {
            CHECK(binlog_position_compare(found.items[at].end, found.items[at + 1].begin) == 0);
        }
        CHECK(start == 1 || is_at(found.items[0].begin, 1, BINLOG_MAGIC_BYTES));
        CHECK(start == 1 || (found.items[2].begin.file == 1 && found.items[2].end.file == 3));
        scene_places_release(&found);
        CHECK_OK(fixture_restart(&fixture, &error), &error);
    }
    binlog_maker_release(&maker);
    fixture_free(&fixture);
}

/* What is cut off the log before it was durable leaves no trace. */
static void what_is_cut_off_is_no_epoch(void)
{
    struct fixture fixture = fixture_new_with(ndb_rules());
    struct binlog_maker maker = new_maker();
    struct epoch_summary summary;
    struct scene_places found = {0};
    size_t whole = 0;
    struct error error;

    binlog_maker_begin(&maker);
    (void)epoch_at(&maker, 1, 1);
    store_file_whole(fixture.store, &maker, 1);
    CHECK(epoch_index_summary(fixture.store, &summary, &error) == STATUS_NOT_FOUND);
    CHECK_OK(binlog_store_write(fixture.store, &error), &error);
    CHECK(epoch_index_summary(fixture.store, &summary, &error) == STATUS_NOT_FOUND);
    sync_store(fixture.store);
    whole = maker.file.size;
    (void)epoch_at(&maker, 900, 90);
    maker.file.size -= 31; /* the Xid, which ends the transaction */
    append_from(fixture.store, &maker, whole);
    CHECK_OK(binlog_store_cut_unfinished(fixture.store, &error), &error);
    maker.file.size = whole;
    (void)epoch_at(&maker, 2, 2);
    append_from(fixture.store, &maker, whole);
    sync_store(fixture.store);
    found = scene_all(fixture.store, false);
    CHECK(found.count == 2 && found.items[1].key.epoch == 2);
    CHECK(found.items[1].begin.offset == whole && found.items[1].latest_usec == USEC(2));
    scene_places_release(&found);
    binlog_maker_release(&maker);
    fixture_free(&fixture);
}

int main(void)
{
    finds_everything_before_and_after_a_start();
    shows_nothing_in_front_of_the_first_visible_place();
    finds_by_times_that_go_back();
    counts_incarnations_and_tells_of_them();
    heartbeats_begin_where_the_one_before_ended();
    what_is_cut_off_is_no_epoch();
    return 0;
}
