/* SPDX-License-Identifier: Apache-2.0 */
/* File numbers that part from the source's, and a crash at the wrong moment; a puller that
 * recovers. */
#include <stdio.h>
#include <string.h>

#include "binrelay/base/clock.h"
#include "binrelay/base/memory.h"
#include "check.h"
#include "fake_binlog.h"
#include "pull_scene.h"

static void set_log(struct fake_script *script, const char *name, size_t row_bytes)
{
    struct fake_binlog binlog = {.checksum = BINLOG_CHECKSUM_CRC32, .next_gtid = row_bytes};

    fake_binlog_begin(&binlog);
    (void)fake_binlog_add_transaction(&binlog, row_bytes);
    fake_script_set_log(script, name, buffer_bytes(&binlog.bytes));
    fake_binlog_release(&binlog);
}

static void add_log(struct pull_scene *scene, const char *name, size_t row_bytes)
{
    struct fake_script *script = fake_source_lock(scene->fake);

    set_log(script, name, row_bytes);
    fake_source_unlock(scene->fake);
}

static uint64_t log_size(struct pull_scene *scene, size_t at)
{
    uint64_t size = fake_source_lock(scene->fake)->logs[at].bytes.size;

    fake_source_unlock(scene->fake);
    return size;
}

static void open_scene(struct pull_scene *scene)
{
    struct fake_script script = fake_script_make();

    set_log(&script, "binlog.000004", 100);
    pull_scene_open(scene, script);
}

/* Between two lives of the relay. */
static struct registry_cluster change_kept(struct pull_scene *scene,
                                           const struct registry_cluster *kept)
{
    struct registry *registry = NULL;
    struct registry_cluster found;
    struct error error;

    CHECK_OK(registry_open(&registry, scene->path, clock_system(), &error), &error);
    CHECK_OK(registry_load_cluster(registry, "east", &found, &error), &error);
    if (kept != NULL) {
        registry_save_cluster(registry, "east", kept, NULL);
    }
    registry_close(registry);
    return found;
}

static void keeps_from_which_file_the_numbers_part(void)
{
    struct pull_scene scene;
    struct registry_cluster kept;

    open_scene(&scene);
    pull_scene_start(&scene);
    pull_scene_await_durable(&scene, 4, log_size(&scene, 0));
    add_log(&scene, "binlog.000100", 200);
    pull_scene_await_durable(&scene, 5, log_size(&scene, 1));
    pull_scene_stop(&scene);
    kept = change_kept(&scene, NULL);
    CHECK(kept.upstream_shift == 5 - 100 && kept.shift_from_file == 5);
    CHECK(kept.previous_shift == 0);
    pull_scene_close(&scene);
}

/* The shift was saved, and then the power went before its first file was on disk. */
static void goes_on_by_the_shift_of_the_newest_file_that_is_there(void)
{
    struct pull_scene scene;
    struct registry_cluster kept;

    open_scene(&scene);
    pull_scene_start(&scene);
    pull_scene_await_durable(&scene, 4, log_size(&scene, 0));
    pull_scene_stop(&scene);
    kept = change_kept(&scene, NULL);
    kept.upstream_shift = 5 - 100;
    kept.shift_from_file = 5;
    (void)change_kept(&scene, &kept);
    add_log(&scene, "binlog.000005", 300);
    pull_scene_start(&scene);
    pull_scene_await_durable(&scene, 5, log_size(&scene, 1));
    CHECK(strcmp(fake_source_lock(scene.fake)->asked_name, "binlog.000004") == 0);
    fake_source_unlock(scene.fake);
    CHECK(pull_scene_report(&scene).upstream.file == 5);
    pull_scene_stop(&scene);
    kept = change_kept(&scene, NULL);
    CHECK(kept.upstream_shift == 0 && kept.shift_from_file == 0);
    pull_scene_close(&scene);
}

/* Where nothing is known of the files, what is kept of them stays. */
static void keeps_the_shift_while_the_store_cannot_be_read(void)
{
    struct pull_scene scene;
    struct registry_cluster kept;
    autofree char *path = NULL;
    FILE *mark = NULL;

    open_scene(&scene);
    pull_scene_start(&scene);
    pull_scene_await_durable(&scene, 4, log_size(&scene, 0));
    add_log(&scene, "binlog.000100", 200);
    pull_scene_await_durable(&scene, 5, log_size(&scene, 1));
    pull_scene_stop(&scene);
    path = mem_format("%s/east/durable", scene.path);
    mark = fopen(path, "w");
    CHECK(mark != NULL && fputs("no mark at all", mark) > 0 && fclose(mark) == 0);
    pull_scene_start(&scene);
    pull_scene_await_state(&scene, PULL_STORE_ERROR);
    pull_scene_stop(&scene);
    kept = change_kept(&scene, NULL);
    CHECK(kept.upstream_shift == 5 - 100 && kept.shift_from_file == 5);
    pull_scene_close(&scene);
}

static void says_that_it_recovers(void)
{
    struct pull_scene scene;
    unsigned naps = 0;

    open_scene(&scene);
    pull_scene_start(&scene);
    pull_scene_await_durable(&scene, 4, log_size(&scene, 0));
    CHECK(!puller_is_recovering(scene.puller));
    pull_scene_stop(&scene);
    gate_disk_hold_syncs(scene.disk, true);
    pull_scene_start(&scene);
    gate_disk_await_sync(scene.disk); /* of the recovery */
    CHECK(puller_is_recovering(scene.puller));
    gate_disk_hold_syncs(scene.disk, false);
    while (puller_is_recovering(scene.puller)) {
        CHECK(pull_scene_may_wait(&naps));
    }
    pull_scene_await_state(&scene, PULL_STREAMING);
    pull_scene_close(&scene);
}

int main(void)
{
    keeps_from_which_file_the_numbers_part();
    goes_on_by_the_shift_of_the_newest_file_that_is_there();
    keeps_the_shift_while_the_store_cannot_be_read();
    says_that_it_recovers();
    return 0;
}
