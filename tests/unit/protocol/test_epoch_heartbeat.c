/* SPDX-License-Identifier: Apache-2.0 */
/* The epoch reader where the counter of a heartbeat table is the epoch. */
#include "binrelay/protocol/epoch_reader.h"

#include "epoch_scene.h"

enum { WRITE_ROWS_V1 = 23, WRITE_ROWS = 30, UPDATE_ROWS = 31, DELETE_ROWS = 32 };
enum { HEARTBEAT_TABLE = 92 };

static const struct epoch_rules heartbeat = {.kind = EPOCH_KIND_HEARTBEAT,
                                             .server_id = 42,
                                             .database = "heartbeat",
                                             .table = "heartbeat"};

static const struct made_column field_columns[] = {
    {.type = MADE_INT},
    {.type = MADE_BIGINT},
    {.type = MADE_TIMESTAMP2, .metadata = {0}, .metadata_bytes = 1}};

static void give_heartbeat_map(struct scene *scene, const char *database, const char *table)
{
    made_table_map(&scene->body, HEARTBEAT_TABLE, database, table, field_columns, 3);
    give(scene, BINLOG_TABLE_MAP, 1);
}

static void add_heartbeat(struct buffer *body, uint32_t server_id, uint64_t counter)
{
    buffer_add_number(body, 0, 1);
    buffer_add_number(body, server_id, 4);
    buffer_add_number(body, counter, 8);
    buffer_add_number(body, 0x12345678, 4);
}

static void the_last_heartbeat_of_our_server_is_the_marker(void)
{
    struct scene scene = scene_of(&heartbeat);
    struct epoch_transaction found;

    for (scene.part_bytes = 0; scene.part_bytes < 12; scene.part_bytes++) {
        give_heartbeat_map(&scene, "heartbeat", "heartbeat");
        made_rows(&scene.body, HEARTBEAT_TABLE, false, 3, 2);
        add_heartbeat(&scene.body, 41, 5);
        add_heartbeat(&scene.body, 41, 6);
        add_heartbeat(&scene.body, 42, 7);
        add_heartbeat(&scene.body, 42, 8);
        add_heartbeat(&scene.body, 43, 9);
        add_heartbeat(&scene.body, 43, 10);
        give(&scene, UPDATE_ROWS, 1);
        made_rows(&scene.body, HEARTBEAT_TABLE, true, 3, 1);
        add_heartbeat(&scene.body, 42, 11);
        add_heartbeat(&scene.body, 44, 12);
        give(&scene, WRITE_ROWS, 1);
        found = end(&scene);
        CHECK(found.has_marker && found.epoch == 11 && found.origin == 42);
        CHECK(found.inserts == 0 && found.updates == 0 && !found.is_count_partial);
    }
    close_scene(&scene);
}

static void a_deleted_heartbeat_and_one_of_0_are_none(void)
{
    struct scene scene = scene_of(&heartbeat);

    give_heartbeat_map(&scene, "heartbeat", "heartbeat");
    made_rows(&scene.body, HEARTBEAT_TABLE, false, 3, 1);
    add_heartbeat(&scene.body, 42, 11);
    give(&scene, DELETE_ROWS, 1);
    made_rows(&scene.body, HEARTBEAT_TABLE, true, 3, 1);
    add_heartbeat(&scene.body, 42, 0);
    give(&scene, WRITE_ROWS, 1);
    CHECK(!end(&scene).has_marker);
    close_scene(&scene);
}

static void an_update_that_leaves_the_counter_is_none(void)
{
    struct scene scene = scene_of(&heartbeat);

    give_heartbeat_map(&scene, "heartbeat", "heartbeat");
    made_rows(&scene.body, HEARTBEAT_TABLE, true, 3, 2);
    add_heartbeat(&scene.body, 42, 11);
    add_heartbeat(&scene.body, 42, 11);
    give(&scene, UPDATE_ROWS, 1);
    CHECK(!end(&scene).has_marker);
    close_scene(&scene);
}

static void rows_of_other_tables_are_not_wanted(void)
{
    struct scene scene = scene_of(&heartbeat);

    CHECK(epoch_reader_wants(scene.reader, BINLOG_TABLE_MAP));
    CHECK(epoch_reader_wants(scene.reader, BINLOG_GTID));
    CHECK(epoch_reader_wants(scene.reader, BINLOG_TRANSACTION_PAYLOAD));
    CHECK(!epoch_reader_wants(scene.reader, BINLOG_QUERY));
    CHECK(!epoch_reader_wants(scene.reader, BINLOG_XID));
    give_heartbeat_map(&scene, "heartbeat", "other");
    give_heartbeat_map(&scene, "shop", "heartbeat");
    CHECK(!epoch_reader_wants(scene.reader, WRITE_ROWS));
    give_heartbeat_map(&scene, "heartbeat", "heartbeat");
    CHECK(epoch_reader_wants(scene.reader, WRITE_ROWS));
    CHECK(epoch_reader_wants(scene.reader, WRITE_ROWS_V1));
    CHECK(!end(&scene).has_marker);
    CHECK(!epoch_reader_wants(scene.reader, WRITE_ROWS));

    give_heartbeat_map(&scene, "heartbeat", "heartbeat"); /* and the id becomes another's */
    give_heartbeat_map(&scene, "heartbeat", "other");
    made_rows(&scene.body, HEARTBEAT_TABLE, true, 3, 1);
    add_heartbeat(&scene.body, 42, 11);
    give(&scene, WRITE_ROWS, 1);
    CHECK(!end(&scene).has_marker);
    close_scene(&scene);
}

static void a_table_without_the_two_columns_has_no_markers(void)
{
    static const struct made_column columns[] = {{.type = MADE_INT}, {.type = MADE_TIMESTAMP}};
    struct scene scene = scene_of(&heartbeat);

    made_table_map(&scene.body, HEARTBEAT_TABLE, "heartbeat", "heartbeat", columns, 2);
    give(&scene, BINLOG_TABLE_MAP, 1);
    made_rows(&scene.body, HEARTBEAT_TABLE, true, 2, 1);
    buffer_add_number(&scene.body, 0, 1);
    buffer_add_number(&scene.body, 42, 4);
    buffer_add_number(&scene.body, 42, 4);
    give(&scene, WRITE_ROWS, 1);
    CHECK(!end(&scene).has_marker);
    close_scene(&scene);
}

int main(void)
{
    the_last_heartbeat_of_our_server_is_the_marker();
    a_deleted_heartbeat_and_one_of_0_are_none();
    an_update_that_leaves_the_counter_is_none();
    rows_of_other_tables_are_not_wanted();
    a_table_without_the_two_columns_has_no_markers();
    return 0;
}
