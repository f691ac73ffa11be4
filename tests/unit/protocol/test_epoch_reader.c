/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/protocol/epoch_reader.h"

#include "epoch_scene.h"
#include "table_list.h"

enum { WRITE_ROWS_V1 = 23, WRITE_ROWS = 30, UPDATE_ROWS = 31, DELETE_ROWS = 32 };
enum { STATUS_TABLE = 90, USER_TABLE = 91 };

static const uint64_t epoch_115_7 = (UINT64_C(115) << 32) + 7;

static const struct epoch_rules ndb = {.kind = EPOCH_KIND_NDB};
static void give_status_map(struct scene *scene)
{
    made_apply_status_map(&scene->body, STATUS_TABLE);
    give(scene, BINLOG_TABLE_MAP, 101);
}

static void give_status_row(struct scene *scene,
                            uint32_t header_id,
                            uint32_t row_id,
                            uint64_t epoch)
{
    made_rows(&scene->body, STATUS_TABLE, false, 5, 1);
    made_apply_status_row(&scene->body, row_id, epoch);
    give(scene, WRITE_ROWS, header_id);
}

/* A table of one INT. */
static void give_user_map(struct scene *scene, uint64_t table_id)
{
    static const struct made_column column = {.type = MADE_INT};

    made_table_map(&scene->body, table_id, "shop", "orders", &column, 1);
    give(scene, BINLOG_TABLE_MAP, 101);
}

static void add_user_images(struct buffer *body, unsigned count)
{
    for (unsigned at = 0; at < count; at++) {
        buffer_add_number(body, 0, 1);
        buffer_add_number(body, at, 4);
    }
}

static void give_user_rows(
    struct scene *scene, uint8_t type, uint64_t table_id, unsigned rows, bool ends_statement)
{
    unsigned images = type == UPDATE_ROWS ? 2 : 1;

    made_rows(&scene->body, table_id, ends_statement, 1, images);
    add_user_images(&scene->body, rows * images);
    give(scene, type, 101);
}

static void an_epoch_is_its_marker_and_the_rows_of_the_users(void)
{
    struct scene scene = scene_of(&ndb);
    struct epoch_transaction found;

    give_user_map(&scene, USER_TABLE);
    give_status_map(&scene);
    give_status_row(&scene, 101, 101, epoch_115_7);
    give_user_rows(&scene, WRITE_ROWS, USER_TABLE, 3, false);
    give_user_rows(&scene, UPDATE_ROWS, USER_TABLE, 2, false);
    give_user_rows(&scene, DELETE_ROWS, USER_TABLE, 1, true);
    found = end(&scene);
    CHECK(found.has_marker && found.epoch == epoch_115_7 && found.origin == 101);
    CHECK(found.inserts == 3 && found.updates == 2 && found.deletes == 1);
    CHECK(!found.is_count_partial && !found.is_incident);
    CHECK(found.commit_usec == 1000 * UINT64_C(1000000)); /* no GTID event said it */
    found = end(&scene);                                  /* nothing is left of it */
    CHECK(!found.has_marker && found.inserts == 0);
    close_scene(&scene);
}

static void rows_of_other_clusters_are_no_markers(void)
{
    struct scene scene = scene_of(&ndb);
    struct epoch_transaction found;

    give_status_map(&scene);
    give_user_map(&scene, USER_TABLE);
    give_status_row(&scene, 101, 201, 5); /* before, between and behind */
    give_status_row(&scene, 101, 101, epoch_115_7);
    give_status_row(&scene, 101, 202, 6);
    give_user_rows(&scene, WRITE_ROWS, USER_TABLE, 1, false);
    give_status_row(&scene, 301, 301, 7);
    found = end(&scene);
    CHECK(found.epoch == epoch_115_7 && found.origin == 101);
    CHECK(found.inserts == 1);

    give_status_map(&scene);
    give_status_row(&scene, 101, 201, 5);
    CHECK(!end(&scene).has_marker);
    give_status_map(&scene);
    give_status_row(&scene, 101, 101, 0); /* an applier's own row, not an epoch */
    CHECK(!end(&scene).has_marker);
    close_scene(&scene);
}

static void the_upper_bits_of_a_composite_id_do_not_count(void)
{
    struct epoch_rules rules = {.kind = EPOCH_KIND_NDB, .server_id_bits = 7};
    struct scene scene = scene_of(&rules);
    struct epoch_transaction found;

    give_status_map(&scene);
    give_status_row(&scene, 2147483521U, 1, epoch_115_7);
    found = end(&scene);
    CHECK(found.has_marker && found.origin == 1);
    close_scene(&scene);

    scene = scene_of(&ndb); /* all 32 */
    give_status_map(&scene);
    give_status_row(&scene, 2147483521U, 1, epoch_115_7);
    CHECK(!end(&scene).has_marker);
    close_scene(&scene);
}

static void epochs_may_fall(void)
{
    struct scene scene = scene_of(&ndb);

    for (uint64_t epoch = 9; epoch > 0; epoch--) {
        give_status_map(&scene);
        give_status_row(&scene, 101, 101, epoch);
        CHECK(end(&scene).epoch == epoch);
    }
    close_scene(&scene);
}

static void a_table_id_means_nothing_behind_its_statement(void)
{
    struct scene scene = scene_of(&ndb);
    struct epoch_transaction found;

    give_user_map(&scene, USER_TABLE);
    give_user_rows(&scene, WRITE_ROWS, USER_TABLE, 2, true);
    give_user_rows(&scene, WRITE_ROWS, USER_TABLE, 2, true); /* of a map that is gone */
    found = end(&scene);
    CHECK(found.inserts == 2 && found.is_count_partial);

    give_user_map(&scene, STATUS_TABLE); /* the id is another table's now */
    give_status_row(&scene, 101, 101, epoch_115_7);
    found = end(&scene);
    CHECK(!found.has_marker);

    give_status_map(&scene);
    give_user_map(&scene, STATUS_TABLE);
    give_user_rows(&scene, WRITE_ROWS, STATUS_TABLE, 4, true);
    found = end(&scene);
    CHECK(found.inserts == 4 && !found.is_count_partial);
    close_scene(&scene);
}

static void rows_of_version_1_and_with_extra_info_are_the_same(void)
{
    struct scene scene = scene_of(&ndb);
    struct epoch_transaction found;

    give_user_map(&scene, USER_TABLE);
    buffer_clear(&scene.body);
    buffer_add_number(&scene.body, USER_TABLE, 6);
    buffer_add_number(&scene.body, 0, 2);
    buffer_add_lenenc(&scene.body, 1);
    buffer_add_number(&scene.body, 1, 1);
    add_user_images(&scene.body, 5);
    give(&scene, WRITE_ROWS_V1, 101);

    buffer_clear(&scene.body); /* NDB's transaction id and conflict flags */
    buffer_add_number(&scene.body, USER_TABLE, 6);
    buffer_add_number(&scene.body, 1, 2);
    buffer_add_number(&scene.body, 2 + 12, 2);
    buffer_add_zeros(&scene.body, 12);
    buffer_add_lenenc(&scene.body, 1);
    buffer_add_number(&scene.body, 1, 1);
    add_user_images(&scene.body, 6);
    give(&scene, DELETE_ROWS, 101);
    found = end(&scene);
    CHECK(found.inserts == 5 && found.deletes == 6 && !found.is_count_partial);
    close_scene(&scene);
}

static void an_event_without_rows_only_ends_its_statement(void)
{
    struct scene scene = scene_of(&ndb);

    give_user_map(&scene, USER_TABLE);
    made_rows(&scene.body, UINT64_C(0xFFFFFF), true, 1, 1);
    give(&scene, WRITE_ROWS, 101);
    CHECK(!end(&scene).is_count_partial);
    close_scene(&scene);
}

static void says_what_it_could_not_count(void)
{
    static const uint8_t never[] = {20, 21, 22, 166, 169, 171};
    static const struct made_column strange[] = {{.type = MADE_INT}, {.type = 200}};
    struct scene scene = scene_of(&ndb);
    struct epoch_transaction found;

    for (size_t at = 0; at < sizeof(never); at++) {
        give_user_rows(&scene, never[at], USER_TABLE, 1, true);
        CHECK(end(&scene).is_count_partial);
    }
    give_user_map(&scene, USER_TABLE); /* half a row at the end */
    made_rows(&scene.body, USER_TABLE, true, 1, 1);
    add_user_images(&scene.body, 3);
    scene.body.size -= 2;
    give(&scene, WRITE_ROWS, 101);
    found = end(&scene);
    CHECK(found.inserts == 2 && found.is_count_partial);

    made_table_map(&scene.body, USER_TABLE, "shop", "strange", strange, 2);
    give(&scene, BINLOG_TABLE_MAP, 101);
    made_rows(&scene.body, USER_TABLE, true, 2, 1);
    buffer_add_zeros(&scene.body, 100);
    give(&scene, WRITE_ROWS, 101);
    CHECK(end(&scene).is_count_partial);

    give_user_map(&scene, USER_TABLE); /* more columns than the table has, and none */
    made_rows(&scene.body, USER_TABLE, true, 2, 1);
    buffer_add_zeros(&scene.body, 100);
    give(&scene, WRITE_ROWS, 101);
    CHECK(end(&scene).is_count_partial);
    give_user_map(&scene, USER_TABLE);
    made_rows(&scene.body, USER_TABLE, true, 1, 1);
    scene.body.data[scene.body.size - 1] = 0;
    buffer_add_zeros(&scene.body, 100);
    give(&scene, WRITE_ROWS, 101);
    found = end(&scene);
    CHECK(found.inserts == 0 && found.is_count_partial);
    close_scene(&scene);
}

static void an_event_that_is_cut_off_is_not_read(void)
{
    struct scene scene = scene_of(&ndb);
    struct binlog_event_header header = {.type = WRITE_ROWS};
    struct epoch_transaction found;

    give_user_map(&scene, USER_TABLE);
    made_rows(&scene.body, USER_TABLE, true, 1, 1);
    add_user_images(&scene.body, 3);
    epoch_reader_begin_event(scene.reader, header, (uint32_t)scene.body.size + 5);
    epoch_reader_add(scene.reader, buffer_bytes(&scene.body));
    CHECK(end(&scene).is_count_partial);

    epoch_reader_begin_event(scene.reader, header, (uint32_t)scene.body.size + 5);
    epoch_reader_add(scene.reader, buffer_bytes(&scene.body));
    epoch_reader_reset(scene.reader);
    found = end(&scene);
    CHECK(!found.is_count_partial && found.commit_usec == 0);
    close_scene(&scene);
}

static void what_is_behind_the_body_is_passed_over(void)
{
    struct scene scene = scene_of(&ndb);
    struct binlog_event_header header = {.type = WRITE_ROWS};
    struct epoch_transaction found;

    give_user_map(&scene, USER_TABLE);
    made_rows(&scene.body, USER_TABLE, true, 1, 1);
    add_user_images(&scene.body, 3);
    epoch_reader_begin_event(scene.reader, header, (uint32_t)scene.body.size);
    buffer_add_number(&scene.body, 0xABCDEF01, 4); /* the checksum */
    epoch_reader_add(scene.reader, buffer_bytes(&scene.body));
    epoch_reader_add(scene.reader, buffer_bytes(&scene.body));
    found = end(&scene);
    CHECK(found.inserts == 3 && !found.is_count_partial);
    close_scene(&scene);
}

static void give_query(struct scene *scene, const char *statement)
{
    buffer_clear(&scene->body);
    buffer_add_zeros(&scene->body, 4 + 4 + 1 + 2 + 2 + 1);
    buffer_add_text(&scene->body, statement);
    give(scene, BINLOG_QUERY, 101);
}

static void counts_drops_and_alters(void)
{
    static const char *const counted[] = {
        "DROP TABLE t",          "drop database d",        "ALTER TABLE t ADD b INT",
        "  \n/* why */ drop\tt", "/*!50001 DROP VIEW v*/", "alter/**/table t add c int"};
    static const char *const others[] = {"BEGIN",  "CREATE TABLE dropped (a INT)",
                                         "DROPS",  "drop",
                                         "COMMIT", "/* DROP TABLE t */ CREATE TABLE t (a INT)",
                                         "",       "/* no end"};
    struct scene scene = scene_of(&ndb);

    for (size_t at = 0; at < sizeof(counted) / sizeof(counted[0]); at++) {
        give_query(&scene, counted[at]);
        CHECK(end(&scene).schema_ops == 1);
    }
    for (size_t at = 0; at < sizeof(others) / sizeof(others[0]); at++) {
        give_query(&scene, others[at]);
        CHECK(end(&scene).schema_ops == 0);
    }
    close_scene(&scene);
}

static void remembers_only_so_many_tables(void)
{
    struct scene scene = scene_of(&ndb);
    struct epoch_transaction found;

    for (unsigned at = 0; at <= TABLE_LIST_MOST_TABLES; at++) {
        give_user_map(&scene, at);
    }
    give_user_rows(&scene, WRITE_ROWS, TABLE_LIST_MOST_TABLES - 1, 1, false);
    give_user_rows(&scene, WRITE_ROWS, 0, 1, false);
    found = end(&scene);
    CHECK(found.inserts == 2 && !found.is_count_partial);
    for (unsigned at = 0; at <= TABLE_LIST_MOST_TABLES; at++) {
        give_user_map(&scene, at);
    }
    give_user_rows(&scene, WRITE_ROWS, TABLE_LIST_MOST_TABLES, 1, false);
    CHECK(end(&scene).is_count_partial);
    close_scene(&scene);
}

int main(void)
{
    an_epoch_is_its_marker_and_the_rows_of_the_users();
    rows_of_other_clusters_are_no_markers();
    the_upper_bits_of_a_composite_id_do_not_count();
    epochs_may_fall();
    a_table_id_means_nothing_behind_its_statement();
    rows_of_version_1_and_with_extra_info_are_the_same();
    an_event_without_rows_only_ends_its_statement();
    says_what_it_could_not_count();
    an_event_that_is_cut_off_is_not_read();
    what_is_behind_the_body_is_passed_over();
    counts_drops_and_alters();
    remembers_only_so_many_tables();
    return 0;
}
