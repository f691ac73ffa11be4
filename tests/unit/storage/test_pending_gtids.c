/* SPDX-License-Identifier: Apache-2.0 */
#include "pending_gtids.h"

#include "store_fixture.h"

static struct gtid gtid_of(uint8_t source, uint64_t number)
{
    struct gtid gtid = {.number = number};

    memset(gtid.source.uuid, source, sizeof(gtid.source.uuid));
    return gtid;
}

static void add(struct pending_gtids *pending, uint8_t source, uint64_t number)
{
    struct gtid gtid = gtid_of(source, number);

    pending_gtids_add(pending, 1, false, &gtid);
}

/* Settles all and compares; the list stays. */
static bool settles_to(const struct pending_gtids *pending, const char *text)
{
    struct stored_gtids stored = {0};
    struct gtid_set *set = NULL;

    stored_gtids_init(&stored);
    for (size_t at = 0; at < pending->count; at++) {
        pending_gtid_settle(&pending->items[at], &stored);
    }
    set = stored.set;
    mariadb_gtid_list_release(&stored.state);
    return set_is(set, text);
}

static void keeps_one_run_for_what_follows(void)
{
    struct pending_gtids pending = {0};

    for (uint64_t number = 5; number < 1000; number++) {
        add(&pending, 1, number);
    }
    CHECK(pending.count == 1);
    add(&pending, 2, 1);
    add(&pending, 1, 1000);
    CHECK(pending.count == 3);
    CHECK(settles_to(&pending, "01010101-0101-0101-0101-010101010101:5-1000,\n"
                               "02020202-0202-0202-0202-020202020202:1"));
    pending_gtids_release(&pending);
}

static void cuts_back_inside_a_run(void)
{
    struct pending_gtids pending = {0};
    struct pending_gtids_place place;

    pending_gtids_cut(&pending, pending_gtids_end(&pending));
    add(&pending, 1, 1);
    add(&pending, 1, 2);
    place = pending_gtids_end(&pending);
    add(&pending, 1, 3);
    add(&pending, 2, 1);
    pending_gtids_cut(&pending, place);
    CHECK(settles_to(&pending, "01010101-0101-0101-0101-010101010101:1-2"));
    add(&pending, 1, 3);
    CHECK(settles_to(&pending, "01010101-0101-0101-0101-010101010101:1-3"));
    pending_gtids_release(&pending);
}

/* Takes or compacts at one place, with another one behind it that must move along. */
static void moves_places_along(bool is_take, bool goes_on)
{
    struct pending_gtids pending = {0};
    struct pending_gtids taken = {0};
    struct pending_gtids_place upto;
    struct pending_gtids_place later;
    struct pending_gtids_change change;

    add(&pending, 1, 1);
    add(&pending, 2, 1);
    add(&pending, 1, 2);
    upto = pending_gtids_end(&pending);
    add(&pending, goes_on ? 1 : 3, 3);
    later = pending_gtids_end(&pending);
    add(&pending, 2, 9);
    change = is_take ? pending_gtids_take(&pending, upto, &taken)
                     : pending_gtids_compact(&pending, upto);
    upto = pending_gtids_moved(upto, change);
    later = pending_gtids_moved(later, change);
    pending_gtids_cut(&pending, later);
    if (is_take) {
        CHECK(settles_to(&taken, "01010101-0101-0101-0101-010101010101:1-2,\n"
                                 "02020202-0202-0202-0202-020202020202:1"));
        CHECK(settles_to(&pending, goes_on ? "01010101-0101-0101-0101-010101010101:3"
                                           : "03030303-0303-0303-0303-030303030303:3"));
        CHECK(upto.count == 0);
    } else {
        CHECK(pending.count == 2);
        CHECK(settles_to(&pending, goes_on ? "01010101-0101-0101-0101-010101010101:1-3,\n"
                                             "02020202-0202-0202-0202-020202020202:1"
                                           : "01010101-0101-0101-0101-010101010101:1-2,\n"
                                             "02020202-0202-0202-0202-020202020202:1,\n"
                                             "03030303-0303-0303-0303-030303030303:3"));
    }
    pending_gtids_cut(&pending, upto);
    CHECK(pending.count == (is_take ? 0 : 1));
    pending_gtids_release(&taken);
    pending_gtids_release(&pending);
}

static void takes_and_compacts_and_moves_places_along(void)
{
    moves_places_along(true, false);
    moves_places_along(true, true);
    moves_places_along(false, false);
    moves_places_along(false, true);
}

static void keeps_files_and_what_was_before_apart_when_it_compacts(void)
{
    struct pending_gtids pending = {0};
    struct stored_gtids before = {0};
    struct gtid gtid = gtid_of(1, 9);

    stored_gtids_init(&before);
    gtid_set_add(before.set, &gtid);
    pending_gtids_add_before(&pending, 1, &before);
    CHECK(before.set == NULL);
    for (uint64_t file = 1; file <= 3; file++) {
        for (uint8_t source = 1; source <= 5; source++) {
            gtid = gtid_of(source, file * 10);
            pending_gtids_add(&pending, file, false, &gtid);
            pending_gtids_add_mariadb(
                &pending, file, false,
                (struct mariadb_gtid){.domain_id = source, .sequence = file});
        }
    }
    (void)pending_gtids_compact(&pending, pending_gtids_end(&pending));
    CHECK(pending.count == 4);
    CHECK(pending.items[0].is_before && !pending.items[1].is_before);
    CHECK(pending.items[3].file == 3 && pending.items[3].stored.state.count == 5);
    pending_gtids_release(&pending);
}

static void keeps_the_last_of_a_mariadb_server(void)
{
    struct pending_gtids pending = {0};
    struct pending_gtids_place place;
    struct mariadb_gtid gtid = {.domain_id = 0, .server_id = 7, .sequence = 1};

    for (; gtid.sequence < 100; gtid.sequence++) {
        pending_gtids_add_mariadb(&pending, 1, false, gtid);
    }
    place = pending_gtids_end(&pending);
    pending_gtids_add_mariadb(&pending, 1, false, gtid);
    CHECK(pending.count == 1 && pending.items[0].mariadb.sequence == 100);
    pending_gtids_cut(&pending, place);
    CHECK(pending.count == 1 && pending.items[0].mariadb.sequence == 99);
    gtid.domain_id = 1;
    pending_gtids_add_mariadb(&pending, 1, false, gtid);
    CHECK(pending.count == 2);
    pending_gtids_release(&pending);
}

int main(void)
{
    keeps_one_run_for_what_follows();
    cuts_back_inside_a_run();
    takes_and_compacts_and_moves_places_along();
    keeps_files_and_what_was_before_apart_when_it_compacts();
    keeps_the_last_of_a_mariadb_server();
    return 0;
}
