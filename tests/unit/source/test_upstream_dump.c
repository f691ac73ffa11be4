/* SPDX-License-Identifier: Apache-2.0 */
/* A connection that pulls. */
#include "upstream_scene.h"

/* Pulls from the beginning of the first log; the upstream is the caller's. */
static enum upstream_step pull_first(struct scene *scene, struct upstream *upstream, size_t by)
{
    struct dump_place place = {
        .base_name = "binlog", .file = 3, .offset = 4, .is_new_file = true};

    scene->task.first_place = &place;
    return connect_once(scene, upstream, by);
}

static void check_stored(struct scene *scene, uint64_t file, struct bytes expected)
{
    struct buffer found = {0};
    struct error error = {0};

    CHECK_OK(binlog_store_read(scene->store, (struct binlog_position){file, 0}, expected.size,
                               &found, &error),
             &error);
    CHECK(bytes_equal(buffer_bytes(&found), expected));
    buffer_release(&found);
}

static void pulls_logs_byte_for_byte_at_every_split(void)
{
    for (size_t by = 1; by < 400; by += 3) {
        struct scene scene;
        struct upstream upstream;

        open_scene(&scene);
        add_log(&scene, "binlog.000003", 3);
        add_log(&scene, "binlog.000004", 2);
        scene.script.has_semi_sync = true;
        scene.task.semi_sync = by % 2 == 0;
        CHECK(pull_first(&scene, &upstream, by) == UPSTREAM_WAIT);
        CHECK(upstream.state == UPSTREAM_STREAMING);
        check_stored(&scene, 3, buffer_bytes(&scene.script.logs[0].bytes));
        check_stored(&scene, 4, buffer_bytes(&scene.script.logs[1].bytes));
        CHECK(binlog_store_tail(scene.store).end.offset == scene.script.logs[1].bytes.size);
        CHECK((upstream.intake.ack.stored.file != 0) == scene.task.semi_sync);
        upstream_release(&upstream);
        close_scene(&scene);
    }
}

static void goes_on_behind_what_is_stored(void)
{
    struct scene scene;
    struct upstream upstream;

    open_scene(&scene);
    add_log(&scene, "binlog.000003", 3);
    CHECK(pull_first(&scene, &upstream, 1000) == UPSTREAM_WAIT);
    upstream_release(&upstream);
    add_log(&scene, "binlog.000003", 5);
    scene.script.listing_code = 1227; /* not needed for going on */
    CHECK(connect_once(&scene, &upstream, 1000) == UPSTREAM_WAIT);
    CHECK(upstream.state == UPSTREAM_STREAMING);
    CHECK(scene.script.asked_position > 4);
    check_stored(&scene, 3, buffer_bytes(&scene.script.logs[0].bytes));
    upstream_release(&upstream);
    close_scene(&scene);
}

static void tells_a_lost_tail_from_purged_logs(void)
{
    struct scene scene;
    struct upstream upstream;

    open_scene(&scene);
    add_log(&scene, "binlog.000003", 3);
    CHECK(pull_first(&scene, &upstream, 1000) == UPSTREAM_WAIT);
    upstream_release(&upstream);
    add_log(&scene, "binlog.000003", 2);
    check_fails(&scene, PULL_SOURCE_BEHIND, "stored is up to");
    scene.script.listing_code = 1227; /* then the dump says it */
    check_fails(&scene, PULL_SOURCE_BEHIND, "position > file size");
    scene.script.listing_code = 0;
    (void)strcpy(scene.script.logs[0].name, "binlog.000002");
    check_fails(&scene, PULL_SOURCE_BEHIND, "newest file is binlog.000002");
    (void)strcpy(scene.script.logs[0].name, "binlog.000009");
    check_fails(&scene, PULL_SOURCE_PURGED, "oldest file is binlog.000009");
    close_scene(&scene);
}

static void goes_on_in_the_next_file_when_the_closed_one_was_purged(void)
{
    struct scene scene;
    struct upstream upstream;
    struct fake_binlog binlog = {.checksum = BINLOG_CHECKSUM_CRC32};

    open_scene(&scene);
    fake_binlog_begin(&binlog);
    (void)fake_binlog_add_transaction(&binlog, 50);
    fake_binlog_add_rotate(&binlog, "binlog.000004");
    fake_script_set_log(&scene.script, "binlog.000003", buffer_bytes(&binlog.bytes));
    CHECK(pull_first(&scene, &upstream, 1000) == UPSTREAM_WAIT);
    upstream_release(&upstream);
    (void)strcpy(scene.script.logs[0].name, "binlog.000004");
    add_log(&scene, "binlog.000004", 2);
    CHECK(connect_once(&scene, &upstream, 1000) == UPSTREAM_WAIT);
    check_stored(&scene, 4, buffer_bytes(&scene.script.logs[0].bytes));
    upstream_release(&upstream);
    fake_binlog_release(&binlog);
    close_scene(&scene);
}

static void stops_at_a_whole_transaction_when_asked_to(void)
{
    struct scene scene;
    struct upstream upstream;

    open_scene(&scene);
    add_log(&scene, "binlog.000003", 3);
    scene.task.one_at_a_time = true;
    CHECK(pull_first(&scene, &upstream, 1000000) == UPSTREAM_WHOLE);
    CHECK(binlog_store_is_whole(scene.store));
    upstream_release(&upstream);
    close_scene(&scene);
}

static void says_why_a_dump_ended(void)
{
    struct scene scene;
    struct upstream upstream;

    open_scene(&scene);
    add_log(&scene, "binlog.000003", 1);
    scene.script.ends_dump = true;
    CHECK(pull_first(&scene, &upstream, 1000) == UPSTREAM_FAILED);
    CHECK(upstream.blame == PULL_WAITING);
    CHECK(strstr(upstream.error.message, "ended the dump") != NULL);
    upstream_release(&upstream);
    scene.script.dump_code = 1236;
    scene.script.dump_message = "A replica with the same server_uuid/server_id as this replica "
                                "has connected to the source";
    check_fails(&scene, PULL_MISCONFIGURED, "same server_uuid");
    close_scene(&scene);
}

static void acknowledges_with_the_sources_names(void)
{
    struct scene scene;
    struct upstream upstream = {0};
    struct intake_ack ack = {.upstream = {3, 4711}};

    open_scene(&scene);
    upstream_begin(&upstream, &scene.task);
    (void)strcpy(upstream.intake.base_name, "binlog");
    upstream_acknowledge(&upstream, &ack);
    CHECK(bytes_equal(buffer_bytes(&upstream.output),
                      (struct bytes){(const uint8_t *)"\x16\0\0\0\xef\x67\x12\0\0\0\0\0\0"
                                                      "binlog.000003",
                                     26}));
    upstream_release(&upstream);
    close_scene(&scene);
}

int main(void)
{
    pulls_logs_byte_for_byte_at_every_split();
    goes_on_behind_what_is_stored();
    tells_a_lost_tail_from_purged_logs();
    goes_on_in_the_next_file_when_the_closed_one_was_purged();
    stops_at_a_whole_transaction_when_asked_to();
    says_why_a_dump_ended();
    acknowledges_with_the_sources_names();
    return 0;
}
