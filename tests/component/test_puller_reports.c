/* SPDX-License-Identifier: Apache-2.0 */
/* Reports in a pulled stream: when they count, and for whom. */
#include <string.h>

#include "binrelay/base/memory.h"
#include "check.h"
#include "epoch_maker.h"
#include "pull_scene.h"

enum { EAST = 199, WEST = 198, APPLIER = 201, OTHER = 202 };

/* Cluster east is pulled; west is kept by the same registry, with epochs of its own. */
struct scene {
    struct pull_scene pull;
    struct binlog_maker maker;       /* east's log */
    struct binlog_store *west_store; /* owned */
    struct cluster_board *west_board;
    struct applier_registry *west;
};

static void serve_log(struct scene *scene)
{
    struct fake_script *script = fake_source_lock(scene->pull.fake);

    fake_script_set_log(script, "binlog.000003", buffer_bytes(&scene->maker.file));
    fake_source_unlock(scene->pull.fake);
}

static void await_all(struct scene *scene)
{
    pull_scene_await_durable(&scene->pull, 3, scene->maker.file.size);
}

static struct applier_facts facts_of(struct applier_registry *appliers, uint32_t server_id)
{
    struct applier_facts *found = NULL;
    struct applier_facts copy;
    struct error error;

    CHECK_OK(applier_registry_find(appliers, server_id, &found, &error), &error);
    copy = *found;
    copy.applied_gtids = NULL;
    applier_facts_free(found, 1);
    return copy;
}

/* What is durable is told a moment later. */
static void await_epoch(struct applier_registry *appliers, uint32_t server_id, uint64_t epoch)
{
    unsigned naps = 0;

    while (facts_of(appliers, server_id).applied.epoch != epoch) {
        CHECK(pull_scene_may_wait(&naps));
    }
}

static void add(struct applier_registry *appliers, uint32_t server_id, const char *group)
{
    struct applier_setting setting = {.server_id = server_id, .group = group};
    struct error error;

    CHECK_OK(applier_registry_add(appliers, &setting, &error), &error);
}

/* ---- west, which has the epochs 1 to 50 ---- */

static void append_west(struct scene *scene)
{
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32};
    struct error error;

    binlog_maker_begin(&maker);
    for (uint64_t epoch = 1; epoch <= 50; epoch++) {
        (void)epoch_maker_heartbeat(&maker, WEST, epoch);
    }
    CHECK_OK(binlog_store_begin_file(scene->west_store, "binlog", 1, &error), &error);
    for (size_t at = BINLOG_MAGIC_BYTES; at < maker.file.size;) {
        uint32_t size = bytes_u32_at(maker.file.data + at + BINLOG_EVENT_SIZE_AT);

        CHECK_OK(binlog_store_append(scene->west_store,
                                     (struct bytes){.data = maker.file.data + at, .size = size},
                                     &error),
                 &error);
        at += size;
    }
    CHECK_OK(binlog_store_sync(scene->west_store, &error), &error);
    binlog_maker_release(&maker);
}

static struct epoch_rules rules_of(uint32_t server_id)
{
    return (struct epoch_rules){.kind = EPOCH_KIND_HEARTBEAT,
                                .server_id = server_id,
                                .database = "heartbeat",
                                .table = "heartbeat"};
}

static void open_west(struct scene *scene)
{
    autofree char *directory = mem_format("%s/west", scene->pull.path);
    struct registry_applied applied = {.name = "west", .server_id = WEST};
    struct error error;

    scene->west_board = cluster_board_new();
    scene->west_store = binlog_store_new(&(struct binlog_store_options){
        .disk = disk_system(),
        .clock = clock_system(),
        .directory = directory,
        .epochs = rules_of(WEST),
    });
    CHECK_OK(binlog_store_recover(scene->west_store, &error), &error);
    append_west(scene);
    applied.store = scene->west_store;
    applied.board = scene->west_board;
    CHECK_OK(registry_open_appliers(scene->pull.registry, &applied, &scene->west, &error),
             &error);
}

/* ---- */

static void open_scene(struct scene *scene)
{
    *scene = (struct scene){.maker = {.checksum = BINLOG_CHECKSUM_CRC32, .server_id = 1}};
    binlog_maker_begin(&scene->maker);
    for (uint64_t epoch = 1; epoch <= 10; epoch++) {
        (void)epoch_maker_heartbeat(&scene->maker, EAST, epoch);
    }
    pull_scene_open(&scene->pull, fake_script_make());
    serve_log(scene);
    scene->pull.epochs = rules_of(EAST);
    scene->pull.has_appliers = true;
    pull_scene_start(&scene->pull);
    open_west(scene);
    add(scene->pull.appliers, APPLIER, NULL);
    add(scene->west, OTHER, "east");
    await_all(scene);
}

static void close_scene(struct scene *scene)
{
    pull_scene_close(&scene->pull);
    binlog_store_free(scene->west_store);
    cluster_board_free(scene->west_board);
    binlog_maker_release(&scene->maker);
}

static void rows_report_to_the_cluster_that_they_name(void)
{
    struct scene scene;

    open_scene(&scene);
    (void)epoch_maker_report(&scene.maker, APPLIER, 7, EAST);
    (void)epoch_maker_report(&scene.maker, OTHER, 40, WEST);
    serve_log(&scene);
    await_epoch(scene.pull.appliers, APPLIER, 7);
    await_epoch(scene.west, OTHER, 40);
    CHECK(facts_of(scene.west, OTHER).way == REPORT_STREAM);
    close_scene(&scene);
}

static void apply_status_rows_report_for_the_group_that_is_the_streams_cluster(void)
{
    struct scene scene;

    open_scene(&scene);
    (void)epoch_maker_applied(&scene.maker, WEST, 33);
    (void)epoch_maker_applied(&scene.maker, EAST, 5); /* seen from elsewhere */
    (void)epoch_maker_applied(&scene.maker, 77, 8);   /* nobody's */
    serve_log(&scene);
    await_epoch(scene.west, OTHER, 33);
    CHECK(facts_of(scene.west, OTHER).way == REPORT_STATUS);
    CHECK(facts_of(scene.pull.appliers, APPLIER).applied.epoch == 0);
    close_scene(&scene);
}

static void a_report_that_is_not_durable_does_not_count(void)
{
    struct scene scene;
    unsigned naps = 0;

    open_scene(&scene);
    gate_disk_hold_syncs(scene.pull.disk, true);
    (void)epoch_maker_report(&scene.maker, APPLIER, 7, EAST);
    serve_log(&scene);
    gate_disk_await_sync(scene.pull.disk);
    while (pull_scene_report(&scene.pull).received.offset < scene.maker.file.size) {
        CHECK(pull_scene_may_wait(&naps));
    }
    CHECK(facts_of(scene.pull.appliers, APPLIER).applied.epoch == 0);
    gate_disk_hold_syncs(scene.pull.disk, false);
    await_epoch(scene.pull.appliers, APPLIER, 7);
    close_scene(&scene);
}

static void a_report_that_is_too_high_is_refused_and_later_ones_count(void)
{
    struct scene scene;

    open_scene(&scene);
    (void)epoch_maker_report(&scene.maker, APPLIER, 11, EAST);
    (void)epoch_maker_report(&scene.maker, APPLIER, 9, EAST);
    serve_log(&scene);
    await_epoch(scene.pull.appliers, APPLIER, 9);
    close_scene(&scene);
}

int main(void)
{
    rows_report_to_the_cluster_that_they_name();
    apply_status_rows_report_for_the_group_that_is_the_streams_cluster();
    a_report_that_is_not_durable_does_not_count();
    a_report_that_is_too_high_is_refused_and_later_ones_count();
    return 0;
}
