/* SPDX-License-Identifier: Apache-2.0 */
/* What the epoch reader sees of appliers: heartbeat rows and other clusters' apply_status. */
#include "sighting_scene.h"

/* ---- heartbeat rows ---- */

static void a_row_of_our_form_is_a_report_in_every_kind_of_stream(void)
{
    for (size_t kind = 0; kind < KINDS; kind++) {
        struct scene scene = watching(&kinds[kind]);
        const struct sighting *found = NULL;

        for (scene.part_bytes = 0; scene.part_bytes < PARTS_MOST; scene.part_bytes++) {
            give_report(&scene, 201, 4711);
            CHECK(see(&scene, &found) == 1);
            CHECK(found->kind == SIGHTING_HEARTBEAT && found->server_id == 201);
            CHECK(found->has_epoch && found->epoch == 4711 && found->counter == 7);
            CHECK(found->has_source_cluster && found->source_cluster == 198);
            CHECK(found->written_sec == 1000);
            CHECK(see(&scene, &found) == 0); /* they are the transaction's */
        }
        close_scene(&scene);
    }
}

static void a_row_of_the_older_form_is_a_sign_of_life(void)
{
    struct scene scene = watching(&kinds[0]);
    const struct sighting *found = NULL;

    give_map(&scene, field_form, 3);
    begin_rows(&scene, 3, 1);
    buffer_add_number(&scene.body, 0, 1);
    buffer_add_number(&scene.body, 201, 4);
    buffer_add_number(&scene.body, 5, 8);
    buffer_add_number(&scene.body, 0x12345678, 4);
    give(&scene, WRITE_ROWS, 1);
    CHECK(see(&scene, &found) == 1);
    CHECK(found->server_id == 201 && found->counter == 5);
    CHECK(!found->has_epoch && !found->has_source_cluster);
    close_scene(&scene);
}

static void columns_that_were_added_at_the_end_are_known(void)
{
    struct scene scene = watching(&kinds[0]);
    const struct sighting *found = NULL;

    give_map(&scene, added_form, 5);
    begin_rows(&scene, 5, 1);
    buffer_add_number(&scene.body, 0x10, 1);
    buffer_add_number(&scene.body, 201, 4);
    buffer_add_number(&scene.body, 5, 8);
    buffer_add_number(&scene.body, 0x12345678, 4);
    buffer_add_number(&scene.body, 4711, 8);
    give(&scene, WRITE_ROWS, 1);
    CHECK(see(&scene, &found) == 1);
    CHECK(found->has_epoch && found->epoch == 4711 && !found->has_source_cluster);
    close_scene(&scene);
}

static void names_are_believed_before_the_order(void)
{
    static const struct made_column columns[] = {
        {.type = MADE_BIGINT, .is_nullable = true, .name = "applied_epoch"},
        {.type = MADE_INT, .is_nullable = true, .name = "source_cluster"},
        {.type = MADE_BIGINT, .name = "counter"},
        {.type = MADE_INT, .name = "server_id"}};
    struct scene scene = watching(&kinds[0]);
    const struct sighting *found = NULL;

    give_map(&scene, columns, 4);
    begin_rows(&scene, 4, 1);
    buffer_add_number(&scene.body, 0, 1);
    buffer_add_number(&scene.body, 4711, 8);
    buffer_add_number(&scene.body, 198, 4);
    buffer_add_number(&scene.body, 7, 8);
    buffer_add_number(&scene.body, 201, 4);
    give(&scene, WRITE_ROWS, 1);
    CHECK(see(&scene, &found) == 1);
    CHECK(found->server_id == 201 && found->epoch == 4711 && found->source_cluster == 198);
    close_scene(&scene);
}

static void an_epoch_that_is_no_integer_is_none(void)
{
    static const struct made_column columns[] = {{.type = MADE_INT, .name = "server_id"},
                                                 {.type = MADE_BIGINT, .name = "counter"},
                                                 {.type = MADE_VARCHAR,
                                                  .metadata = {20, 0},
                                                  .metadata_bytes = 2,
                                                  .name = "applied_epoch"}};
    struct scene scene = watching(&kinds[0]);
    const struct sighting *found = NULL;

    give_map(&scene, columns, 3);
    begin_rows(&scene, 3, 1);
    buffer_add_number(&scene.body, 0, 1);
    buffer_add_number(&scene.body, 201, 4);
    buffer_add_number(&scene.body, 5, 8);
    buffer_add_number(&scene.body, 4, 1);
    buffer_add_text(&scene.body, "4711");
    give(&scene, WRITE_ROWS, 1);
    CHECK(see(&scene, &found) == 1);
    CHECK(found->server_id == 201 && !found->has_epoch);
    close_scene(&scene);
}

/* SIGNEDNESS of the map: a bit that is set is an unsigned column. */
static void give_map_with_signs(struct scene *scene, uint8_t bits)
{
    made_table_map(&scene->body, HEARTBEAT_TABLE, "heartbeat", "heartbeat", our_form, 5);
    buffer_add_number(&scene->body, 1, 1);
    buffer_add_number(&scene->body, 1, 1);
    buffer_add_number(&scene->body, bits, 1);
    give(scene, BINLOG_TABLE_MAP, 1);
}

static void an_epoch_below_zero_is_none_and_a_large_one_is(void)
{
    struct scene scene = watching(&kinds[0]);
    const struct sighting *found = NULL;

    give_map_with_signs(&scene, 0xD0);
    begin_rows(&scene, 5, 1);
    add_ours(&scene, 0, 201, UINT64_MAX, 198);
    give(&scene, WRITE_ROWS, 1);
    CHECK(see(&scene, &found) == 1 && !found->has_epoch && found->has_source_cluster);
    give_map_with_signs(&scene, 0xF0);
    begin_rows(&scene, 5, 1);
    add_ours(&scene, 0, UINT32_MAX, UINT64_MAX, UINT32_MAX);
    give(&scene, WRITE_ROWS, 1);
    CHECK(see(&scene, &found) == 1 && found->has_epoch && found->epoch == UINT64_MAX);
    CHECK(found->server_id == UINT32_MAX && found->source_cluster == UINT32_MAX);
    give_map_with_signs(&scene, 0x70);
    begin_rows(&scene, 5, 1);
    add_ours(&scene, 0, UINT32_MAX, 4711, 198);
    give(&scene, WRITE_ROWS, 1);
    CHECK(see(&scene, &found) == 0);
    close_scene(&scene);
}

static void what_is_null_is_not_there(void)
{
    struct scene scene = watching(&kinds[0]);
    const struct sighting *found = NULL;

    give_map(&scene, our_form, 5);
    begin_rows(&scene, 5, 2); /* and an update to NULL is not what was before */
    add_ours(&scene, 0, 201, 4711, 198);
    add_ours(&scene, NULL_APPLIED | NULL_SOURCE, 201, 0, 0);
    give(&scene, UPDATE_ROWS, 1);
    CHECK(see(&scene, &found) == 1);
    CHECK(found->server_id == 201 && !found->has_epoch && !found->has_source_cluster);
    close_scene(&scene);
}

/* binlog_row_image=MINIMAL: the key before, what changed behind. */
static void an_update_that_says_only_what_changed_is_a_report(void)
{
    struct scene scene = watching(&kinds[0]);
    const struct sighting *found = NULL;

    give_map(&scene, our_form, 5);
    buffer_clear(&scene.body);
    buffer_add_number(&scene.body, HEARTBEAT_TABLE, 6);
    buffer_add_number(&scene.body, 1, 2);
    buffer_add_number(&scene.body, 2, 2);
    buffer_add_lenenc(&scene.body, 5);
    buffer_add_number(&scene.body, 0x01, 1);
    buffer_add_number(&scene.body, 0x14, 1); /* applied_epoch and updated_at */
    buffer_add_number(&scene.body, 0, 1);
    buffer_add_number(&scene.body, 201, 4);
    buffer_add_number(&scene.body, 0, 1);
    buffer_add_number(&scene.body, 4712, 8);
    buffer_add_number(&scene.body, 0x12345678, 4);
    give(&scene, UPDATE_ROWS, 1);
    CHECK(see(&scene, &found) == 1);
    CHECK(found->server_id == 201 && found->has_epoch && found->epoch == 4712);
    CHECK(!found->has_source_cluster);
    close_scene(&scene);
}

static void a_deleted_row_and_the_clusters_own_are_no_reports(void)
{
    struct scene scene = watching(&kinds[2]);
    const struct sighting *found = NULL;
    struct epoch_transaction transaction;

    give_map(&scene, our_form, 5);
    begin_rows(&scene, 5, 1);
    add_ours(&scene, 0, 201, 4711, 198);
    give(&scene, DELETE_ROWS, 1);
    give_report(&scene, OWN, 4711);
    give_report(&scene, 0, 4711);
    transaction = end(&scene);
    CHECK(transaction.has_marker && transaction.origin == OWN && transaction.epoch == 7);
    CHECK(epoch_reader_sightings(scene.reader, &found) == 0);
    close_scene(&scene);
}

/* ---- mysql.ndb_apply_status ---- */

static void give_status(struct scene *scene, uint32_t writer, uint32_t origin, uint64_t epoch)
{
    made_apply_status_map(&scene->body, STATUS_TABLE);
    give(scene, BINLOG_TABLE_MAP, writer);
    made_rows(&scene->body, STATUS_TABLE, true, 5, 1);
    made_apply_status_row(&scene->body, origin, epoch);
    give(scene, WRITE_ROWS, writer);
}

static void rows_behind_the_marker_are_other_clusters(void)
{
    struct scene scene = watching(&kinds[1]);
    const struct sighting *found = NULL;
    struct epoch_transaction transaction;

    for (scene.part_bytes = 0; scene.part_bytes < PARTS_MOST; scene.part_bytes++) {
        give_status(&scene, 102, 102, 900);
        give_status(&scene, 101, 101, 800); /* an applier wrote it with its source's id */
        give_status(&scene, 102, 103, 700);
        give_status(&scene, 102, 103, 0);
        transaction = end(&scene);
        CHECK(transaction.has_marker && transaction.epoch == 900 && transaction.origin == 102);
        CHECK(epoch_reader_sightings(scene.reader, &found) == 2);
        CHECK(found[0].kind == SIGHTING_APPLY_STATUS && found[0].server_id == 101);
        CHECK(found[0].has_epoch && found[0].epoch == 800);
        CHECK(found[1].server_id == 103 && found[1].epoch == 700);
    }
    close_scene(&scene);
}

static void elsewhere_every_row_is_another_clusters(void)
{
    struct scene scene = watching(&kinds[0]);
    const struct sighting *found = NULL;

    give_status(&scene, 101, 101, 800); /* a plain MySQL that applies an NDB cluster's log */
    CHECK(see(&scene, &found) == 1 && found->server_id == 101 && found->epoch == 800);
    close_scene(&scene);
}

/* ---- what it costs, and what it must not change ---- */

static void give_user_map(struct scene *scene)
{
    made_table_map(&scene->body, USER_TABLE, "shop", "heartbeat", our_form, 5);
    give(scene, BINLOG_TABLE_MAP, 1);
}

static void without_epochs_only_table_maps_and_payloads_are_wanted(void)
{
    struct scene scene = watching(&kinds[0]);
    const struct sighting *found = NULL;
    unsigned wanted = 0;

    give_user_map(&scene);
    for (unsigned type = 0; type <= UINT8_MAX; type++) {
        wanted += epoch_reader_wants(scene.reader, (uint8_t)type) ? 1 : 0;
    }
    CHECK(wanted == 3 && epoch_reader_wants(scene.reader, BINLOG_TABLE_MAP));
    CHECK(epoch_reader_wants(scene.reader, BINLOG_TRANSACTION_PAYLOAD));
    CHECK(epoch_reader_wants(scene.reader, BINLOG_INCIDENT));
    give_map(&scene, our_form, 5);
    CHECK(epoch_reader_wants(scene.reader, WRITE_ROWS));
    CHECK(!epoch_reader_wants(scene.reader, BINLOG_QUERY));
    begin_rows(&scene, 5, 1);
    add_ours(&scene, 0, 201, 4711, 198);
    give(&scene, WRITE_ROWS, 1);
    CHECK(!epoch_reader_wants(scene.reader, WRITE_ROWS)); /* the statement ended */
    CHECK(epoch_reader_wants(scene.reader, BINLOG_QUERY));
    CHECK(see(&scene, &found) == 1);
    CHECK(!epoch_reader_wants(scene.reader, BINLOG_QUERY));
    close_scene(&scene);
}

static void a_table_id_that_becomes_anothers_says_nothing(void)
{
    struct scene scene = watching(&kinds[0]);
    const struct sighting *found = NULL;

    give_map(&scene, our_form, 5);
    made_table_map(&scene.body, HEARTBEAT_TABLE, "shop", "other", our_form, 5);
    give(&scene, BINLOG_TABLE_MAP, 1);
    begin_rows(&scene, 5, 1);
    add_ours(&scene, 0, 201, 4711, 198);
    give(&scene, WRITE_ROWS, 1);
    CHECK(see(&scene, &found) == 0);
    close_scene(&scene);
}

static void rows_of_a_watched_table_are_counted_as_before(void)
{
    struct scene scene = watching(&kinds[1]);
    const struct sighting *found = NULL;
    struct epoch_transaction transaction;

    give_status(&scene, 102, 102, 900);
    give_report(&scene, 201, 4711);
    transaction = end(&scene);
    CHECK(transaction.inserts == 1 && !transaction.is_count_partial);
    CHECK(epoch_reader_sightings(scene.reader, &found) == 1);
    close_scene(&scene);
}

static void of_too_many_rows_the_last_are_kept(void)
{
    struct scene scene = watching(&kinds[0]);
    const struct sighting *found = NULL;
    size_t count = 0;

    give_map(&scene, our_form, 5);
    begin_rows(&scene, 5, 1);
    for (uint32_t row = 1; row <= 100000; row++) {
        add_ours(&scene, 0, row, row, 198);
    }
    give(&scene, WRITE_ROWS, 1);
    count = see(&scene, &found);
    CHECK(count >= SIGHTINGS_MOST / 2 && count <= SIGHTINGS_MOST);
    CHECK(found[count - 1].server_id == 100000 && found[0].server_id == 100001 - count);
    close_scene(&scene);
}

int main(void)
{
    a_row_of_our_form_is_a_report_in_every_kind_of_stream();
    a_row_of_the_older_form_is_a_sign_of_life();
    columns_that_were_added_at_the_end_are_known();
    names_are_believed_before_the_order();
    an_epoch_that_is_no_integer_is_none();
    an_epoch_below_zero_is_none_and_a_large_one_is();
    what_is_null_is_not_there();
    an_update_that_says_only_what_changed_is_a_report();
    a_deleted_row_and_the_clusters_own_are_no_reports();
    rows_behind_the_marker_are_other_clusters();
    elsewhere_every_row_is_another_clusters();
    without_epochs_only_table_maps_and_payloads_are_wanted();
    a_table_id_that_becomes_anothers_says_nothing();
    rows_of_a_watched_table_are_counted_as_before();
    of_too_many_rows_the_last_are_kept();
    return 0;
}
