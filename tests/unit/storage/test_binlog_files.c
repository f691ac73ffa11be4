/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/storage/binlog_files.h"

#include "store_fixture.h"

#define UUID1 "01010101-0101-0101-0101-010101010101"
#define UUID2 "02020202-0202-0202-0202-020202020202"

static struct gtid_set *parse(const char *text)
{
    struct gtid_set *set = NULL;
    struct error error;

    CHECK_OK(gtid_set_parse(&set, bytes_of_text(text), &error), &error);
    return set;
}

/* Previous_gtids as a server writes it. */
static void add_previous(struct binlog_maker *maker, const char *text)
{
    struct gtid_set *set = parse(text);
    struct buffer body = {0};

    gtid_set_encode(set, &body);
    (void)binlog_maker_add(maker, BINLOG_PREVIOUS_GTIDS, buffer_bytes(&body));
    buffer_release(&body);
    gtid_set_free(set);
}

/*
 * Four files: 1:1-100 was before; then 1:101-110, 1:111-120, 2:1-10, 1:121.
 * The later files' Previous_gtids lie.
 */
static struct fixture four_files(void)
{
    struct fixture fixture = fixture_new();
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32};

    for (uint64_t file = 1; file <= 4; file++) {
        uint64_t first = file == 3 ? 1 : file == 4 ? 121 : 91 + file * 10;

        maker.created_at_sec = (uint32_t)(1000 * file);
        binlog_maker_begin(&maker);
        add_previous(&maker, file == 1 ? UUID1 ":1-100" : UUID2 ":500-600");
        for (uint64_t number = first; number < first + (file == 4 ? 1 : 10); number++) {
            binlog_maker_transaction(&maker, file == 3 ? 2 : 1, number, 20);
        }
        store_file_whole(fixture.store, &maker, file);
        if (file % 2 == 0) {
            sync_store(fixture.store);
        }
    }
    binlog_maker_release(&maker);
    return fixture;
}

static void computes_sets_from_what_was_stored(void)
{
    struct fixture fixture = four_files();
    struct error error;

    for (int start = 0; start < 3; start++) {
        CHECK(set_is(binlog_files_gtids_purged(fixture.store), UUID1 ":1-100"));
        CHECK(set_is(binlog_files_gtids_before(fixture.store, 1), UUID1 ":1-100"));
        CHECK(set_is(binlog_files_gtids_before(fixture.store, 3), UUID1 ":1-120"));
        CHECK(set_is(binlog_files_gtids_before(fixture.store, 4),
                     UUID1 ":1-120,\n" UUID2 ":1-10"));
        CHECK(set_is(binlog_files_gtids(fixture.store), UUID1 ":1-121,\n" UUID2 ":1-10"));
        CHECK(binlog_files_gtids_before(fixture.store, 5) == NULL);
        CHECK_OK(fixture_restart(&fixture, &error), &error);
    }
    fixture_free(&fixture);
}

/* A set that comes in parts is kept whole. */
static void believes_a_first_set_of_any_length(void)
{
    struct fixture fixture = fixture_new();
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32};
    struct gtid_set *before = gtid_set_new();
    struct buffer body = {0};
    struct error error;
    size_t start = 0;
    size_t size = 0;

    for (uint64_t number = 1; number < 40000; number += 2) {
        struct gtid gtid = {.number = number};

        gtid_set_add(before, &gtid);
    }
    gtid_set_encode(before, &body);
    binlog_maker_begin(&maker);
    store_file_whole(fixture.store, &maker, 1);
    start = maker.file.size;
    size = binlog_maker_add(&maker, BINLOG_PREVIOUS_GTIDS, buffer_bytes(&body)).size;
    CHECK_OK(binlog_store_append_begin(
                 fixture.store, (struct bytes){.data = maker.file.data + start, .size = 80000},
                 (uint32_t)size, &error),
             &error);
    for (size_t done = 80000; done < size; done += 40000) {
        size_t part = size - done < 40000 ? size - done : 40000;

        CHECK_OK(binlog_store_append_more(
                     fixture.store,
                     (struct bytes){.data = maker.file.data + start + done, .size = part},
                     &error),
                 &error);
    }
    sync_store(fixture.store);
    CHECK(file_has(&fixture, "binlog.000001", buffer_bytes(&maker.file)));
    for (int again = 0; again < 2; again++) {
        struct gtid_set *purged = binlog_files_gtids_purged(fixture.store);

        CHECK(gtid_set_equals(purged, before));
        gtid_set_free(purged);
        CHECK_OK(fixture_restart(&fixture, &error), &error);
    }
    gtid_set_free(before);
    buffer_release(&body);
    binlog_maker_release(&maker);
    fixture_free(&fixture);
}

static void lists_files_with_their_facts(void)
{
    struct fixture fixture = four_files();
    struct binlog_file_facts *facts = NULL;
    struct binlog_file_facts found;
    struct error error;

    for (int start = 0; start < 2; start++) {
        CHECK(binlog_files_list(fixture.store, &facts) == 4);
        CHECK(facts[1].file == 2 && facts[1].has_gtids && !facts[1].is_mariadb);
        CHECK(facts[1].first_created_sec == 2000 && facts[1].last_created_sec == 2041);
        CHECK(facts[3].last_created_sec == 4005);
        CHECK(strcmp(facts[2].server_version, "9.7.4") == 0);
        CHECK(facts[2].checksum == BINLOG_CHECKSUM_CRC32);
        CHECK_OK(binlog_files_find(fixture.store, 4, &found, &error), &error);
        CHECK(found.bytes == binlog_store_durable_end(fixture.store).offset);
        CHECK(binlog_files_find(fixture.store, 5, &found, &error) == STATUS_NOT_FOUND);
        free(facts);
        CHECK_OK(fixture_restart(&fixture, &error), &error);
    }
    fixture_free(&fixture);
}

static uint64_t file_for(struct fixture *fixture, const char *text)
{
    struct gtid_set *set = parse(text);
    struct gtid_set *missing = NULL;
    struct error error;
    uint64_t file = 0;

    CHECK_OK(binlog_files_find_by_gtids(fixture->store, set, &file, &missing, &error), &error);
    gtid_set_free(set);
    return file;
}

static void finds_the_newest_file_that_leaves_nothing_out(void)
{
    struct fixture fixture = four_files();
    struct gtid_set *set = parse(UUID1 ":1-50:90-121");
    struct gtid_set *missing = NULL;
    struct error error;
    uint64_t file = 0;

    CHECK(file_for(&fixture, UUID1 ":1-100") == 1);
    CHECK(file_for(&fixture, UUID1 ":1-109") == 1);
    CHECK(file_for(&fixture, UUID1 ":1-110") == 2);
    CHECK(file_for(&fixture, UUID1 ":1-120") == 3);
    CHECK(file_for(&fixture, UUID1 ":1-121") == 3);
    CHECK(file_for(&fixture, UUID1 ":1-120," UUID2 ":1-10") == 4);
    CHECK(file_for(&fixture, UUID1 ":1-109:111-121," UUID2 ":1-10") == 1); /* a hole */
    CHECK(file_for(&fixture, UUID1 ":1-5000," UUID2 ":1-5000") == 4);
    CHECK(binlog_files_find_by_gtids(fixture.store, set, &file, &missing, &error) ==
          STATUS_NOT_FOUND);
    CHECK(set_is(missing, UUID1 ":51-89"));
    gtid_set_free(set);
    fixture_free(&fixture);
}

static void says_that_an_empty_log_has_no_file(void)
{
    struct fixture fixture = fixture_new();
    struct gtid_set *set = gtid_set_new();
    struct gtid_set *missing = NULL;
    struct binlog_file_facts *facts = NULL;
    struct mariadb_gtid_list position = {0};
    struct error error;
    uint64_t file = 0;

    CHECK(binlog_files_find_by_gtids(fixture.store, set, &file, &missing, &error) ==
          STATUS_NOT_FOUND);
    CHECK(missing == NULL);
    CHECK(binlog_files_find_by_mariadb(fixture.store, &position, &file, &error) ==
          STATUS_NOT_FOUND);
    CHECK(binlog_files_list(fixture.store, &facts) == 0);
    CHECK(set_is(binlog_files_gtids(fixture.store), ""));
    free(facts);
    gtid_set_free(set);
    fixture_free(&fixture);
}

static struct gtid_set *all_gtids(struct fixture *fixture)
{
    struct error error;

    CHECK_OK(fixture_restart(fixture, &error), &error);
    return binlog_files_gtids(fixture->store);
}

/* A set that is made in memory between syncs, and one that recovery makes in pieces. */
static void keeps_many_sources_that_take_turns(void)
{
    struct fixture fixture = fixture_new();
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_NONE};
    struct error error;

    binlog_maker_begin(&maker);
    for (uint64_t number = 1; number <= 6000; number++) {
        (void)binlog_maker_gtid(&maker, number % 2 == 0 ? 2 : 1, number);
        (void)binlog_maker_query(&maker, "CREATE");
    }
    (void)binlog_maker_gtid(&maker, 3, 1); /* of a transaction that does not end */
    CHECK_OK(binlog_store_begin_file(fixture.store, "binlog", 1, &error), &error);
    append_from(fixture.store, &maker, BINLOG_MAGIC_BYTES);
    CHECK_OK(binlog_store_write(fixture.store, &error), &error);
    CHECK_OK(binlog_store_cut_unfinished(fixture.store, &error), &error);
    sync_store(fixture.store);
    for (int start = 0; start < 2; start++) {
        struct gtid_set *all =
            start == 0 ? binlog_files_gtids(fixture.store) : all_gtids(&fixture);

        CHECK(gtid_set_count(all) == 6000);
        gtid_set_free(all);
    }
    binlog_maker_release(&maker);
    fixture_free(&fixture);
}

/* `start` in the middle of a file: the file is stored whole, and shown from there on. */
static void counts_what_is_not_visible_as_purged(void)
{
    struct fixture fixture = fixture_new();
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32};
    struct binlog_position visible = {.file = 9};
    struct gtid_set *set = parse(UUID1 ":6");
    struct gtid_set *missing = NULL;
    struct error error;
    uint64_t file = 0;

    binlog_maker_begin(&maker);
    add_previous(&maker, UUID1 ":1-3");
    binlog_maker_transaction(&maker, 1, 4, 10);
    binlog_maker_transaction(&maker, 1, 5, 10);
    visible.offset = maker.file.size;
    binlog_maker_transaction(&maker, 1, 6, 10);
    binlog_store_set_first_visible(fixture.store, visible);
    store_file_whole(fixture.store, &maker, 9);
    sync_store(fixture.store);
    for (int start = 0; start < 2; start++) {
        CHECK(is_at(binlog_store_first_visible(fixture.store), 9, visible.offset));
        CHECK(set_is(binlog_files_gtids_purged(fixture.store), UUID1 ":1-5"));
        CHECK(set_is(binlog_files_gtids(fixture.store), UUID1 ":1-6"));
        CHECK(binlog_files_find_by_gtids(fixture.store, set, &file, &missing, &error) ==
              STATUS_NOT_FOUND);
        CHECK(set_is(missing, UUID1 ":1-5"));
        binlog_store_free(fixture.store);
        fixture_make_store(&fixture);
        binlog_store_set_first_visible(fixture.store, visible);
        CHECK_OK(binlog_store_recover(fixture.store, &error), &error);
    }
    gtid_set_free(set);
    binlog_maker_release(&maker);
    fixture_free(&fixture);
}

static void add_mariadb_transaction(struct binlog_maker *maker,
                                    uint32_t domain,
                                    uint32_t server,
                                    uint64_t sequence)
{
    (void)binlog_maker_mariadb_gtid(
        maker,
        (struct mariadb_gtid){.domain_id = domain, .server_id = server, .sequence = sequence},
        MARIADB_GTID_STANDALONE);
    (void)binlog_maker_query(maker, "CREATE TABLE t (a INT)");
}

static void add_mariadb_list(struct binlog_maker *maker, const char *text)
{
    struct mariadb_gtid_list list = {0};
    struct buffer body = {0};
    struct error error;

    CHECK_OK(mariadb_gtid_list_parse(&list, bytes_of_text(text), &error), &error);
    mariadb_gtid_list_encode(&list, &body);
    (void)binlog_maker_add(maker, BINLOG_MARIADB_GTID_LIST, buffer_bytes(&body));
    buffer_release(&body);
    mariadb_gtid_list_release(&list);
}

/*
 * Domain 0: 0-1-10 was before. File 1: 0-1-11, 1-1-1; file 2: 0-2-12; file 3:
 * 0-1-13, 1-1-2.
 */
static struct fixture three_mariadb_files(void)
{
    struct fixture fixture = fixture_new();
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32, .is_mariadb = true};

    for (uint64_t file = 1; file <= 3; file++) {
        binlog_maker_begin(&maker);
        add_mariadb_list(&maker, file == 1 ? "0-1-10" : "7-7-7");
        if (file == 2) {
            add_mariadb_transaction(&maker, 0, 2, 12);
        } else {
            add_mariadb_transaction(&maker, 0, 1, 10 + file);
            add_mariadb_transaction(&maker, 1, 1, file == 1 ? 1 : 2);
        }
        store_file_whole(fixture.store, &maker, file);
    }
    sync_store(fixture.store);
    binlog_maker_release(&maker);
    return fixture;
}

static bool list_is(struct mariadb_gtid_list *list, const char *text)
{
    struct buffer printed = {0};
    bool is_same = false;

    mariadb_gtid_list_print(list, &printed);
    buffer_add_number(&printed, 0, 1);
    is_same = strcmp((const char *)printed.data, text) == 0;
    buffer_release(&printed);
    mariadb_gtid_list_release(list);
    return is_same;
}

static void computes_mariadb_states(void)
{
    struct fixture fixture = three_mariadb_files();
    struct mariadb_gtid_list state = {0};
    struct error error;

    for (int start = 0; start < 2; start++) {
        CHECK_OK(binlog_files_mariadb_state_before(fixture.store, 1, &state, &error), &error);
        CHECK(list_is(&state, "0-1-10"));
        CHECK_OK(binlog_files_mariadb_state_before(fixture.store, 3, &state, &error), &error);
        CHECK(list_is(&state, "0-1-11,0-2-12,1-1-1"));
        CHECK(binlog_files_mariadb_state_before(fixture.store, 4, &state, &error) ==
              STATUS_NOT_FOUND);
        binlog_files_mariadb_state(fixture.store, &state);
        CHECK(list_is(&state, "0-2-12,0-1-13,1-1-2"));
        CHECK_OK(fixture_restart(&fixture, &error), &error);
    }
    fixture_free(&fixture);
}

/* 0: not found. */
static uint64_t file_for_mariadb(struct fixture *fixture, const char *text)
{
    struct mariadb_gtid_list position = {0};
    struct error error;
    uint64_t file = 0;

    CHECK_OK(mariadb_gtid_list_parse(&position, bytes_of_text(text), &error), &error);
    if (binlog_files_find_by_mariadb(fixture->store, &position, &file, &error) != STATUS_OK) {
        file = 0;
    }
    mariadb_gtid_list_release(&position);
    return file;
}

static void finds_the_file_of_a_mariadb_position(void)
{
    struct fixture fixture = three_mariadb_files();

    CHECK(file_for_mariadb(&fixture, "0-1-10") == 1); /* domain 1 begins in file 1 */
    CHECK(file_for_mariadb(&fixture, "0-1-11") == 1);
    CHECK(file_for_mariadb(&fixture, "0-1-11,1-1-1") == 2);
    CHECK(file_for_mariadb(&fixture, "0-2-12,1-1-1") == 3);
    CHECK(file_for_mariadb(&fixture, "0-1-13,1-1-2") == 3);
    CHECK(file_for_mariadb(&fixture, "0-1-13,1-1-2,5-5-5") == 3);
    CHECK(file_for_mariadb(&fixture, "0-2-12,1-1-0") == 1);
    CHECK(file_for_mariadb(&fixture, "0-1-9") == 0); /* purged */
    CHECK(file_for_mariadb(&fixture, "1-1-1") == 0); /* domain 0 from its beginning: purged */
    CHECK(file_for_mariadb(&fixture, "") == 0);
    fixture_free(&fixture);
}

int main(void)
{
    computes_sets_from_what_was_stored();
    believes_a_first_set_of_any_length();
    lists_files_with_their_facts();
    finds_the_newest_file_that_leaves_nothing_out();
    says_that_an_empty_log_has_no_file();
    keeps_many_sources_that_take_turns();
    counts_what_is_not_visible_as_purged();
    computes_mariadb_states();
    finds_the_file_of_a_mariadb_position();
    return 0;
}
