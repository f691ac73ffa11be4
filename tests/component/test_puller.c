/* SPDX-License-Identifier: Apache-2.0 */
/* A puller pulls from a scripted source: what it stores, and how it goes on. */
#include <string.h>

#include "check.h"
#include "fake_binlog.h"
#include "pull_scene.h"

/* Three logs: two closed ones and one that grows; the first without checksums. */
static struct fake_script make_script(void)
{
    struct fake_script script = fake_script_make();
    struct fake_binlog binlog = {.checksum = BINLOG_CHECKSUM_NONE};

    fake_binlog_begin(&binlog);
    (void)fake_binlog_add_transaction(&binlog, 3000);
    (void)fake_binlog_add_transaction(&binlog, 10);
    fake_binlog_add_rotate(&binlog, "binlog.000004");
    fake_script_set_log(&script, "binlog.000003", buffer_bytes(&binlog.bytes));
    binlog.checksum = BINLOG_CHECKSUM_CRC32;
    fake_binlog_begin(&binlog);
    (void)fake_binlog_add_transaction(&binlog, 100000);
    fake_binlog_add_stop(&binlog);
    fake_script_set_log(&script, "binlog.000004", buffer_bytes(&binlog.bytes));
    fake_binlog_begin(&binlog);
    (void)fake_binlog_add_transaction(&binlog, 500);
    fake_script_set_log(&script, "binlog.000005", buffer_bytes(&binlog.bytes));
    fake_binlog_release(&binlog);
    return script;
}

/* Adds a transaction to the last log, as a source that goes on writing. Returns its new size.
 */
static uint64_t write_more(struct pull_scene *scene, size_t row_bytes)
{
    struct fake_script *script = fake_source_lock(scene->fake);
    struct fake_log *last = &script->logs[script->log_count - 1];
    struct fake_binlog binlog = {.checksum = BINLOG_CHECKSUM_CRC32, .next_gtid = 1000};
    uint64_t size = 0;

    buffer_add_bytes(&binlog.bytes, buffer_bytes(&last->bytes));
    (void)fake_binlog_add_transaction(&binlog, row_bytes);
    fake_script_set_log(script, last->name, buffer_bytes(&binlog.bytes));
    size = last->bytes.size;
    fake_source_unlock(scene->fake);
    fake_binlog_release(&binlog);
    return size;
}

/* Every log of the script is stored as it is; the puller must be stopped or at rest. */
static void check_files(struct pull_scene *scene)
{
    struct fake_script *script = fake_source_lock(scene->fake);

    for (size_t at = 0; at < script->log_count; at++) {
        pull_scene_check_file(scene, script->logs[at].name,
                              buffer_bytes(&script->logs[at].bytes));
    }
    fake_source_unlock(scene->fake);
}

static uint64_t last_size(struct pull_scene *scene)
{
    struct fake_script *script = fake_source_lock(scene->fake);
    uint64_t size = script->logs[script->log_count - 1].bytes.size;

    fake_source_unlock(scene->fake);
    return size;
}

static void stores_all_files_of_a_source_byte_for_byte(enum auth_plugin plugin,
                                                       enum store_sync_mode mode)
{
    struct pull_scene scene;
    struct fake_script script = make_script();
    struct cluster_report report;

    script.plugin = plugin;
    pull_scene_open(&scene, script);
    scene.options.sync_mode = mode;
    scene.options.sync_interval_usec = 3000;
    pull_scene_start(&scene);
    pull_scene_await_durable(&scene, 5, last_size(&scene));
    pull_scene_await_durable(&scene, 5, write_more(&scene, 70000));
    pull_scene_await_durable(&scene, 5, write_more(&scene, 7));
    pull_scene_await_state(&scene, PULL_STREAMING);
    report = pull_scene_report(&scene);
    CHECK(report.connects == 1 && report.connect_failures == 0 && report.bad_events == 0);
    CHECK(report.syncs > 0 && report.received_events > 10);
    CHECK(strcmp(report.facts.server_version, "8.0.40-fake") == 0);
    CHECK(report.facts.server_id == 101);
    pull_scene_stop(&scene);
    check_files(&scene);
    pull_scene_close(&scene);
}

static void goes_on_where_the_store_ends_after_a_restart(void)
{
    struct pull_scene scene;
    uint64_t size = 0;

    pull_scene_open(&scene, make_script());
    pull_scene_start(&scene);
    pull_scene_await_durable(&scene, 5, last_size(&scene));
    pull_scene_stop(&scene);
    size = write_more(&scene, 900);
    pull_scene_start(&scene);
    pull_scene_await_durable(&scene, 5, size);
    pull_scene_stop(&scene);
    CHECK(fake_source_lock(scene.fake)->asked_position > 4);
    fake_source_unlock(scene.fake);
    check_files(&scene);
    pull_scene_close(&scene);
}

/* Hangs up after each number of bytes in turn: inside headers, events, transactions, files. */
static void heals_a_connection_that_is_cut_anywhere(void)
{
    for (uint64_t cut = 1; cut < 9000; cut += cut < 500 ? 23 : 611) {
        struct pull_scene scene;
        struct fake_script script = make_script();

        script.cut_after = cut;
        pull_scene_open(&scene, script);
        pull_scene_start(&scene);
        pull_scene_await_durable(&scene, 5, last_size(&scene));
        CHECK(pull_scene_report(&scene).connects + pull_scene_report(&scene).connect_failures >
              1);
        pull_scene_stop(&scene);
        check_files(&scene);
        pull_scene_close(&scene);
    }
}

static void pulls_an_event_over_16_mib(void)
{
    enum { ROW_BYTES = 20 * 1024 * 1024 };
    struct pull_scene scene;

    pull_scene_open(&scene, make_script());
    pull_scene_start(&scene);
    pull_scene_await_durable(&scene, 5, write_more(&scene, ROW_BYTES));
    fake_source_disconnect(scene.fake);
    pull_scene_await_durable(&scene, 5, write_more(&scene, ROW_BYTES));
    pull_scene_stop(&scene);
    check_files(&scene);
    pull_scene_close(&scene);
}

static void begins_in_the_last_file_when_told_so(void)
{
    struct pull_scene scene;
    struct fake_script *script = NULL;

    pull_scene_open(&scene, make_script());
    scene.options.start.kind = PULL_FROM_LAST;
    pull_scene_start(&scene);
    pull_scene_await_durable(&scene, 5, last_size(&scene));
    CHECK(binlog_store_first_visible(scene.store).file == 0);
    pull_scene_stop(&scene);
    script = fake_source_lock(scene.fake);
    pull_scene_check_file(&scene, "binlog.000005", buffer_bytes(&script->logs[2].bytes));
    fake_source_unlock(scene.fake);
    pull_scene_close(&scene);
}

/* By a position or by GTIDs: the whole file is stored, and the place outlives a restart. */
static void keeps_the_first_visible_position(enum pull_start_kind kind)
{
    struct pull_scene scene;
    struct fake_binlog binlog = {.checksum = BINLOG_CHECKSUM_CRC32};
    struct fake_script script = fake_script_make();
    uint64_t second = 0;

    fake_binlog_begin(&binlog);
    (void)fake_binlog_add_transaction(&binlog, 60);
    second = fake_binlog_add_transaction(&binlog, 70);
    fake_script_set_log(&script, "binlog.000042", buffer_bytes(&binlog.bytes));
    pull_scene_open(&scene, script);
    scene.options.start = (struct pull_start){
        .kind = kind,
        .file_name = "binlog.000042",
        .position = second,
        .gtids = "325477b7-e540-11f1-bc6f-02fc01000000:1",
    };
    pull_scene_start(&scene);
    pull_scene_await_durable(&scene, 42, binlog.bytes.size);
    CHECK(binlog_store_first_visible(scene.store).file == 42);
    CHECK(binlog_store_first_visible(scene.store).offset == second);
    pull_scene_stop(&scene);
    check_files(&scene);
    pull_scene_start(&scene);
    CHECK(scene.options.kept.first_visible.offset == second);
    pull_scene_await_state(&scene, PULL_STREAMING);
    CHECK(binlog_store_first_visible(scene.store).offset == second);
    fake_binlog_release(&binlog);
    pull_scene_close(&scene);
}

/* The files have our name, and their closing Rotates name our next file. */
static void stores_under_a_name_of_its_own(void)
{
    struct pull_scene scene;
    struct fake_script script = fake_script_make();
    struct fake_binlog theirs = {.checksum = BINLOG_CHECKSUM_CRC32};
    struct fake_binlog ours = {.checksum = BINLOG_CHECKSUM_CRC32};

    fake_binlog_begin(&theirs);
    fake_binlog_begin(&ours);
    fake_binlog_add_rotate(&theirs, "binlog.000004");
    fake_binlog_add_rotate(&ours, "shop-east.000004");
    fake_script_set_log(&script, "binlog.000003", buffer_bytes(&theirs.bytes));
    fake_binlog_begin(&theirs);
    (void)fake_binlog_add_transaction(&theirs, 99);
    fake_script_set_log(&script, "binlog.000004", buffer_bytes(&theirs.bytes));
    pull_scene_open(&scene, script);
    scene.options.log_name = "shop-east";
    pull_scene_start(&scene);
    pull_scene_await_durable(&scene, 4, theirs.bytes.size);
    pull_scene_stop(&scene);
    pull_scene_check_file(&scene, "shop-east.000003", buffer_bytes(&ours.bytes));
    pull_scene_check_file(&scene, "shop-east.000004", buffer_bytes(&theirs.bytes));
    pull_scene_start(&scene);
    pull_scene_await_state(&scene, PULL_STREAMING);
    fake_binlog_release(&theirs);
    fake_binlog_release(&ours);
    pull_scene_close(&scene);
}

static void numbers_on_where_the_sources_numbers_jump_and_keeps_that(void)
{
    struct pull_scene scene;
    struct fake_script *script = NULL;
    struct fake_binlog binlog = {.checksum = BINLOG_CHECKSUM_CRC32, .next_gtid = 50};

    pull_scene_open(&scene, make_script());
    pull_scene_start(&scene);
    pull_scene_await_durable(&scene, 5, last_size(&scene));
    fake_binlog_begin(&binlog);
    (void)fake_binlog_add_transaction(&binlog, 80);
    script = fake_source_lock(scene.fake);
    fake_script_set_log(script, "binlog.000100", buffer_bytes(&binlog.bytes));
    fake_source_unlock(scene.fake);
    pull_scene_await_durable(&scene, 6, binlog.bytes.size);
    CHECK(pull_scene_report(&scene).upstream.file == 100);
    pull_scene_stop(&scene);
    pull_scene_check_file(&scene, "binlog.000006", buffer_bytes(&binlog.bytes));
    pull_scene_start(&scene);
    CHECK(scene.options.kept.upstream_shift == 6 - 100);
    pull_scene_await_durable(&scene, 6, write_more(&scene, 40));
    CHECK(strcmp(fake_source_lock(scene.fake)->asked_name, "binlog.000100") == 0);
    fake_source_unlock(scene.fake);
    fake_binlog_release(&binlog);
    pull_scene_close(&scene);
}

/* Waits until the source has an acknowledgement up to this position of its last log. */
static unsigned await_ack(struct pull_scene *scene, uint64_t position)
{
    unsigned naps = 0;
    unsigned acks = 0;
    bool is_there = false;

    while (!is_there) {
        struct fake_script *script = fake_source_lock(scene->fake);

        acks = script->acks;
        is_there = script->acked_position == position &&
                   strcmp(script->acked_name, "binlog.000005") == 0;
        fake_source_unlock(scene->fake);
        CHECK(is_there || pull_scene_may_wait(&naps));
    }
    return acks;
}

static void acknowledges_only_what_is_on_disk(void)
{
    struct pull_scene scene;
    struct fake_script script = make_script();
    uint64_t size = 0;
    unsigned acks = 0;

    script.has_semi_sync = true;
    pull_scene_open(&scene, script);
    scene.options.semi_sync = true;
    pull_scene_start(&scene);
    pull_scene_await_durable(&scene, 5, last_size(&scene));
    acks = await_ack(&scene, last_size(&scene));

    gate_disk_hold_syncs(scene.disk, true);
    size = write_more(&scene, 100);
    gate_disk_await_sync(scene.disk); /* it arrived and was written */
    CHECK(fake_source_lock(scene.fake)->acks == acks);
    fake_source_unlock(scene.fake);
    CHECK(binlog_store_durable_end(scene.store).offset < size);
    gate_disk_hold_syncs(scene.disk, false);
    CHECK(await_ack(&scene, size) == acks + 1);
    CHECK(binlog_store_durable_end(scene.store).offset == size);
    CHECK(pull_scene_report(&scene).semisync_replies == acks + 1);
    pull_scene_close(&scene);
}

static void receives_on_while_a_sync_runs(void)
{
    struct pull_scene scene;
    uint64_t first = 0;
    uint64_t second = 0;
    unsigned naps = 0;

    pull_scene_open(&scene, make_script());
    pull_scene_start(&scene);
    pull_scene_await_durable(&scene, 5, last_size(&scene));
    gate_disk_hold_syncs(scene.disk, true);
    first = write_more(&scene, 100);
    gate_disk_await_sync(scene.disk);
    second = write_more(&scene, 200);
    while (pull_scene_report(&scene).received.offset != second) {
        CHECK(pull_scene_may_wait(&naps));
    }
    CHECK(binlog_store_durable_end(scene.store).offset < first);
    gate_disk_hold_syncs(scene.disk, false);
    pull_scene_await_durable(&scene, 5, second);
    pull_scene_close(&scene);
}

int main(void)
{
    stores_all_files_of_a_source_byte_for_byte(AUTH_CACHING_SHA2, STORE_SYNC_GROUP);
    stores_all_files_of_a_source_byte_for_byte(AUTH_NATIVE, STORE_SYNC_ALWAYS);
    stores_all_files_of_a_source_byte_for_byte(AUTH_NATIVE, STORE_SYNC_INTERVAL);
    goes_on_where_the_store_ends_after_a_restart();
    heals_a_connection_that_is_cut_anywhere();
    pulls_an_event_over_16_mib();
    begins_in_the_last_file_when_told_so();
    keeps_the_first_visible_position(PULL_FROM_POSITION);
    keeps_the_first_visible_position(PULL_FROM_GTIDS);
    stores_under_a_name_of_its_own();
    numbers_on_where_the_sources_numbers_jump_and_keeps_that();
    acknowledges_only_what_is_on_disk();
    receives_on_while_a_sync_runs();
    return 0;
}
