/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GTIDs of incidents in front of the first epoch: nobody is ever sent them, so
 * nobody has to have them, neither while their files are here nor behind purges
 * and starts. What the store holds and held they belong to all the same.
 */
#include "binrelay/base/checksum.h"
#include "binrelay/storage/binlog_purge.h"
#include "epoch_scene.h"
#include "purge_record.h"

#define UUID1 "01010101-0101-0101-0101-010101010101"
#define UUID2 "02020202-0202-0202-0202-020202020202"

enum { OPENING = 1, OTHER = 2, EPOCHS_FROM = 100 };

struct scene {
    struct fixture fixture;
    struct binlog_maker maker;
    uint64_t file;
};

static struct scene scene_new(struct epoch_rules rules)
{
    return (struct scene){
        .fixture = fixture_new_with(rules),
        .maker = {.checksum = BINLOG_CHECKSUM_CRC32, .server_id = 5},
    };
}

static void scene_free(struct scene *scene)
{
    binlog_maker_release(&scene->maker);
    fixture_free(&scene->fixture);
}

static void begin_file(struct scene *scene)
{
    binlog_maker_begin(&scene->maker);
    scene->file++;
}

static void end_file(struct scene *scene)
{
    store_file_whole(scene->fixture.store, &scene->maker, scene->file);
    sync_store(scene->fixture.store);
}

static void add_lost_events(struct scene *scene)
{
    static const uint8_t body[] = {1, 0, 0}; /* LOST_EVENTS, and no message */

    (void)binlog_maker_add(&scene->maker, BINLOG_INCIDENT,
                           (struct bytes){.data = body, .size = sizeof(body)});
}

static void add_incident(struct scene *scene, uint8_t source, uint64_t number)
{
    (void)binlog_maker_gtid(&scene->maker, source, number);
    add_lost_events(scene);
}

/*
 * 1: 1:1, the incident 2:1, 1:2; 2: the incident 2:2; 3: 1:3, an epoch, the
 * incident 2:3, 1:4; 4: 1:5.
 */
static void store_four_files(struct scene *scene)
{
    begin_file(scene);
    binlog_maker_transaction(&scene->maker, OPENING, 1, 20);
    add_incident(scene, OTHER, 1);
    binlog_maker_transaction(&scene->maker, OPENING, 2, 20);
    end_file(scene);
    begin_file(scene);
    add_incident(scene, OTHER, 2);
    end_file(scene);
    begin_file(scene);
    binlog_maker_transaction(&scene->maker, OPENING, 3, 20);
    (void)epoch_maker_ndb(&scene->maker, EPOCHS_FROM, 1);
    add_incident(scene, OTHER, 3);
    binlog_maker_transaction(&scene->maker, OPENING, 4, 20);
    end_file(scene);
    begin_file(scene);
    binlog_maker_transaction(&scene->maker, OPENING, 5, 20);
    end_file(scene);
}

static void purge(struct scene *scene, uint64_t before)
{
    struct binlog_purged purged;
    struct error error;

    CHECK_OK(binlog_store_purge(scene->fixture.store, before, &purged, &error), &error);
    CHECK(purged.first == before);
}

static void restart(struct scene *scene)
{
    struct error error;

    CHECK_OK(fixture_restart(&scene->fixture, &error), &error);
}

/* The file to begin with; 0: refused, and `missing` is what is said to be missing. */
static uint64_t file_for(struct scene *scene, const char *text, const char *missing)
{
    struct gtid_set *set = NULL;
    struct gtid_set *lacking = NULL;
    struct error error;
    uint64_t file = 0;

    CHECK_OK(gtid_set_parse(&set, bytes_of_text(text), &error), &error);
    if (binlog_files_find_by_gtids(scene->fixture.store, set, &file, &lacking, &error) !=
        STATUS_OK) {
        CHECK(error.status == STATUS_NOT_FOUND);
        CHECK(set_is(lacking, missing));
        file = 0;
    }
    gtid_set_free(set);
    return file;
}

static void nobody_has_to_have_them_while_they_are_here(void)
{
    struct scene scene = scene_new(ndb_rules());

    store_four_files(&scene);
    for (int start = 0; start < 3; start++) {
        CHECK(file_for(&scene, "", NULL) == 1);
        CHECK(file_for(&scene, UUID1 ":1", NULL) == 1);
        CHECK(file_for(&scene, UUID1 ":1-2", NULL) == 3);
        CHECK(file_for(&scene, UUID1 ":1-4", NULL) == 3); /* 2:3 is sent, and lacks */
        CHECK(file_for(&scene, UUID1 ":1-4,\n" UUID2 ":3", NULL) == 4);
        CHECK(set_is(binlog_files_gtids_before(scene.fixture.store, 3),
                     UUID1 ":1-2,\n" UUID2 ":1-2"));
        CHECK(set_is(binlog_files_gtids(scene.fixture.store), UUID1 ":1-5,\n" UUID2 ":1-3"));
        restart(&scene);
    }
    scene_free(&scene);
}

/* Purged piece by piece, with and without a start in between. */
static void nor_behind_purges_and_starts(bool is_restarted)
{
    struct scene scene = scene_new(ndb_rules());

    store_four_files(&scene);
    for (uint64_t first = 2; first <= 3; first++) {
        purge(&scene, first);
        if (is_restarted) {
            restart(&scene);
        }
        CHECK(file_for(&scene, UUID1 ":1", UUID1 ":2") == 0);
        CHECK(file_for(&scene, UUID1 ":1-2", NULL) == 3);
        CHECK(set_is(binlog_files_gtids_purged(scene.fixture.store),
                     first == 2 ? UUID1 ":1-2,\n" UUID2 ":1" : UUID1 ":1-2,\n" UUID2 ":1-2"));
    }
    purge(&scene, 4);
    if (is_restarted) {
        restart(&scene);
        restart(&scene);
    }
    CHECK(file_for(&scene, UUID1 ":1-4", UUID2 ":3") == 0); /* behind an epoch: a gap */
    CHECK(file_for(&scene, UUID1 ":1-4,\n" UUID2 ":3", NULL) == 4);
    CHECK(set_is(binlog_files_gtids(scene.fixture.store), UUID1 ":1-5,\n" UUID2 ":1-3"));
    scene_free(&scene);
}

static void only_ndb_leaves_them_out(struct epoch_rules rules)
{
    struct scene scene = scene_new(rules);

    store_four_files(&scene);
    CHECK(file_for(&scene, UUID1 ":1-2", NULL) == 1);
    purge(&scene, 3);
    CHECK(file_for(&scene, UUID1 ":1-2", UUID2 ":1-2") == 0);
    restart(&scene);
    CHECK(file_for(&scene, UUID1 ":1-2", UUID2 ":1-2") == 0);
    scene_free(&scene);
}

/* A GTID whose transaction was cut off may be another's: only where the incident stands. */
static void what_was_cut_off_leaves_nothing_out(void)
{
    struct scene scene = scene_new(ndb_rules());
    struct error error;
    size_t end = 0;

    begin_file(&scene);
    binlog_maker_transaction(&scene.maker, OTHER, 1, 20);
    end_file(&scene);
    end = scene.maker.file.size;
    (void)binlog_maker_gtid(&scene.maker, OTHER, 2);
    append_from(scene.fixture.store, &scene.maker, end);
    CHECK_OK(binlog_store_cut_unfinished(scene.fixture.store, &error), &error);
    scene.maker.file.size = end;
    binlog_maker_transaction(&scene.maker, OTHER, 2, 20);
    add_incident(&scene, OTHER, 3);
    append_from(scene.fixture.store, &scene.maker, end);
    end = scene.maker.file.size;
    (void)binlog_maker_gtid(&scene.maker, OTHER, 4);
    append_from(scene.fixture.store, &scene.maker, end);
    CHECK_OK(binlog_store_cut_unfinished(scene.fixture.store, &error), &error);
    scene.maker.file.size = end;
    binlog_maker_transaction(&scene.maker, OTHER, 4, 20);
    append_from(scene.fixture.store, &scene.maker, end);
    sync_store(scene.fixture.store);
    begin_file(&scene);
    end_file(&scene);
    for (int start = 0; start < 2; start++) {
        CHECK(file_for(&scene, UUID2 ":1:4", NULL) == 1);
        CHECK(file_for(&scene, UUID2 ":1-2:4", NULL) == 2);
        restart(&scene);
    }
    scene_free(&scene);
}

/* More runs of GTIDs than wait for a sync one by one. */
static void they_are_kept_among_many_that_wait(void)
{
    struct scene scene = scene_new(ndb_rules());
    struct gtid_set *set = NULL;
    struct gtid_set *missing = NULL;
    struct error error;
    uint64_t file = 0;

    begin_file(&scene);
    for (uint64_t number = 1; number <= 6000; number++) {
        if (number == 50) {
            add_incident(&scene, OTHER, number);
        }
        binlog_maker_transaction(&scene.maker, OPENING, 2 * number, 1);
    }
    CHECK_OK(binlog_store_begin_file(scene.fixture.store, "binlog", 1, &error), &error);
    scene.fixture.gather_bytes = 0;
    append_from(scene.fixture.store, &scene.maker, BINLOG_MAGIC_BYTES);
    CHECK_OK(binlog_store_write(scene.fixture.store, &error), &error);
    begin_file(&scene);
    end_file(&scene);
    set = binlog_files_gtids(scene.fixture.store);
    gtid_set_keep_uuid(set, (const uint8_t *)"\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1");
    CHECK(gtid_set_count(set) == 6000);
    CHECK_OK(binlog_files_find_by_gtids(scene.fixture.store, set, &file, &missing, &error),
             &error);
    CHECK(file == 2);
    gtid_set_free(set);
    scene_free(&scene);
}

static void remove_index(const struct scene *scene, const char *name)
{
    autofree char *path = fixture_path(&scene->fixture, name);

    CHECK(disk_remove(disk_system(), path) == 0);
}

/* The record says what was in front, where the first file's index cannot: else a gap would pass
 * for an opening, and a later incarnation for the first. */
static void a_gap_behind_a_purge_is_no_opening(void)
{
    struct scene scene = scene_new(ndb_rules());
    struct scene_places before = {0};

    begin_file(&scene);
    (void)epoch_maker_ndb(&scene.maker, EPOCHS_FROM, 1);
    (void)epoch_maker_ndb(&scene.maker, EPOCHS_FROM / 2, 1); /* started anew */
    end_file(&scene);
    begin_file(&scene);
    add_incident(&scene, OTHER, 1);
    (void)epoch_maker_ndb(&scene.maker, EPOCHS_FROM, 1);
    end_file(&scene);
    begin_file(&scene);
    end_file(&scene);
    purge(&scene, 2);
    before = scene_all(scene.fixture.store, false);
    CHECK(before.count == 1 && before.items[0].key.incarnation == 2);
    remove_index(&scene, "binlog.000002.epochs");
    restart(&scene);
    CHECK(!epoch_index_is_opening(scene.fixture.store, (struct binlog_position){2, 4}));
    scene_check_all(scene.fixture.store, &before);
    CHECK(file_for(&scene, "", NULL) == 2);
    purge(&scene, 3);
    CHECK(file_for(&scene, "", UUID2 ":1") == 0);
    scene_places_release(&before);
    scene_free(&scene);
}

/* A record of the first version knows of nothing that was left out. */
static void a_record_of_the_first_version_is_gone_on_with(void)
{
    static const char version_1[] = "BRPURGE\0\1\0\0";
    struct scene scene = scene_new(ndb_rules());
    autofree char *path = fixture_path(&scene.fixture, "purged");
    struct purge_record record = {0};
    struct buffer bytes = {0};
    struct error error;

    store_four_files(&scene);
    purge(&scene, 2);
    CHECK_OK(purge_record_read(disk_system(), scene.fixture.directory, &record, &error),
             &error);
    CHECK(record.first == 2 && record.epochs == EPOCH_KIND_NDB);
    CHECK(gtid_set_count(record.left_out) == 1); /* the other one is still here */
    buffer_add(&bytes, version_1, sizeof(version_1));
    buffer_add_number(&bytes, record.first, 8);
    buffer_add_zeros(&bytes, 8);
    gtid_set_encode(record.held.set, &bytes);
    bytes_put_u32(bytes.data + 20, (uint32_t)(bytes.size - 28));
    mariadb_gtid_list_encode(&record.held.state, &bytes);
    bytes_put_u32(bytes.data + 24, (uint32_t)(bytes.size - 28 - bytes_u32_at(bytes.data + 20)));
    buffer_add_number(&bytes, checksum_crc32(0, bytes.data, bytes.size), 4);
    write_whole(path, bytes.data, bytes.size);
    restart(&scene);
    CHECK(file_for(&scene, UUID1 ":1-2", UUID2 ":1") == 0);
    CHECK(file_for(&scene, UUID1 ":1-2,\n" UUID2 ":1", NULL) == 3);
    purge(&scene, 3);
    restart(&scene);
    CHECK(file_for(&scene, UUID1 ":1-2", UUID2 ":1") == 0);
    CHECK(file_for(&scene, UUID1 ":1-2,\n" UUID2 ":1", NULL) == 3);
    buffer_release(&bytes);
    purge_record_release(&record);
    scene_free(&scene);
}

/*
 * A MariaDB server writes an incident without a GTID, and no stream to a
 * MariaDB replica leaves one out: so its positions need no such exception.
 */
static void a_mariadb_position_has_no_exception(void)
{
    struct scene scene = scene_new(ndb_rules());
    struct mariadb_gtid_list position = {0};
    struct error error;
    uint64_t file = 0;

    scene.maker.is_mariadb = true;
    begin_file(&scene);
    (void)binlog_maker_mariadb_gtid(&scene.maker, (struct mariadb_gtid){0, 1, 1}, 0);
    add_lost_events(&scene);
    end_file(&scene);
    begin_file(&scene);
    end_file(&scene);
    for (int start = 0; start < 2; start++) {
        CHECK_OK(binlog_files_find_by_mariadb(scene.fixture.store, &position, &file, &error),
                 &error);
        CHECK(file == 1);
        restart(&scene);
    }
    purge(&scene, 2);
    CHECK(binlog_files_find_by_mariadb(scene.fixture.store, &position, &file, &error) ==
          STATUS_NOT_FOUND);
    scene_free(&scene);
}

int main(void)
{
    nobody_has_to_have_them_while_they_are_here();
    nor_behind_purges_and_starts(false);
    nor_behind_purges_and_starts(true);
    only_ndb_leaves_them_out((struct epoch_rules){.kind = EPOCH_KIND_NONE});
    only_ndb_leaves_them_out(heartbeat_rules());
    what_was_cut_off_leaves_nothing_out();
    they_are_kept_among_many_that_wait();
    a_gap_behind_a_purge_is_no_opening();
    a_record_of_the_first_version_is_gone_on_with();
    a_mariadb_position_has_no_exception();
    return 0;
}
