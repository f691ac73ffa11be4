/* SPDX-License-Identifier: Apache-2.0 */
/* When a file was written last, by the store's clock and by the disk's. */
#include <sys/stat.h>

#include "store_fixture.h"

static const uint64_t second = 1000000;

struct hand_clock {
    struct clock calls;
    uint64_t wall_usec;
};

static uint64_t read_wall(void *context)
{
    return ((const struct hand_clock *)context)->wall_usec;
}

static struct hand_clock hand_clock_at(uint64_t wall_usec)
{
    return (struct hand_clock){.calls = {.monotonic_usec = read_wall, .wall_usec = read_wall},
                               .wall_usec = wall_usec};
}

struct scene {
    struct hand_clock clock;
    struct fixture fixture;
    struct binlog_maker maker;
};

static void open_store(struct scene *scene)
{
    struct error error;

    binlog_store_free(scene->fixture.store);
    scene->clock.calls.context = &scene->clock;
    scene->fixture.store = binlog_store_new(&(struct binlog_store_options){
        .disk = scene->fixture.disk,
        .clock = &scene->clock.calls,
        .directory = scene->fixture.directory,
    });
    CHECK_OK(binlog_store_recover(scene->fixture.store, &error), &error);
}

static struct scene *scene_new(void)
{
    struct scene *scene = mem_zeroed(sizeof(*scene));

    scene->clock = hand_clock_at(1000 * second);
    scene->fixture = fixture_new();
    scene->maker = (struct binlog_maker){.checksum = BINLOG_CHECKSUM_CRC32};
    open_store(scene);
    return scene;
}

static void scene_free(struct scene *scene)
{
    binlog_maker_release(&scene->maker);
    fixture_free(&scene->fixture);
    free(scene);
}

static void store_file(struct scene *scene, uint64_t file, int transactions)
{
    binlog_maker_begin(&scene->maker);
    for (int at = 0; at < transactions; at++) {
        binlog_maker_transaction(&scene->maker, 1, file * 100 + (uint64_t)at, 20);
    }
    store_file_whole(scene->fixture.store, &scene->maker, file);
}

static void store_more(struct scene *scene, uint64_t number)
{
    size_t size = scene->maker.file.size;

    binlog_maker_transaction(&scene->maker, 1, number, 20);
    append_from(scene->fixture.store, &scene->maker, size);
}

static uint64_t written(const struct scene *scene, uint64_t file)
{
    struct binlog_file_facts facts;
    struct error error;

    CHECK_OK(binlog_files_find(scene->fixture.store, file, &facts, &error), &error);
    return facts.written_usec;
}

static void set_disk_time(const struct scene *scene, const char *name, time_t sec)
{
    autofree char *path = fixture_path(&scene->fixture, name);
    struct timespec times[2] = {{.tv_sec = sec, .tv_nsec = 5000},
                                {.tv_sec = sec, .tv_nsec = 5000}};

    CHECK(utimensat(AT_FDCWD, path, times, 0) == 0);
}

static void a_file_is_as_old_as_its_last_event(void)
{
    struct scene *scene = scene_new();

    store_file(scene, 1, 2);
    sync_store(scene->fixture.store);
    CHECK(written(scene, 1) == 1000 * second);
    scene->clock.wall_usec = 2000 * second;
    store_more(scene, 200);
    CHECK(written(scene, 1) == 1000 * second); /* it is not durable yet */
    sync_store(scene->fixture.store);
    CHECK(written(scene, 1) == 2000 * second);
    scene->clock.wall_usec = 3000 * second;
    store_file(scene, 2, 1);
    scene->clock.wall_usec = 4000 * second; /* what is gathered is stored when it is written */
    sync_store(scene->fixture.store);
    CHECK(written(scene, 1) == 2000 * second && written(scene, 2) == 4000 * second);
    scene_free(scene);
}

static void what_ends_while_it_is_synced_keeps_its_own_time(void)
{
    struct scene *scene = scene_new();
    struct binlog_store *store = scene->fixture.store;
    struct binlog_sync *sync = NULL;
    struct error error;

    store_file(scene, 1, 2);
    CHECK_OK(binlog_store_write(store, &error), &error);
    CHECK(binlog_store_sync_begin(store, &sync) == STATUS_OK);
    scene->clock.wall_usec = 2000 * second;
    store_more(scene, 200);
    CHECK_OK(binlog_store_write(store, &error), &error);
    scene->clock.wall_usec = 3000 * second;
    store_file(scene, 2, 1);
    binlog_sync_run(sync);
    CHECK_OK(binlog_store_sync_end(store, sync, &error), &error);
    CHECK(written(scene, 1) == 2000 * second);
    sync_store(store);
    CHECK(written(scene, 1) == 2000 * second && written(scene, 2) == 3000 * second);
    scene_free(scene);
}

static void a_start_asks_the_disk(void)
{
    struct scene *scene = scene_new();
    autofree char *sidecar = fixture_path(&scene->fixture, "binlog.000002.gtids");

    for (uint64_t file = 1; file <= 3; file++) {
        store_file(scene, file, 2);
        sync_store(scene->fixture.store);
    }
    set_disk_time(scene, "binlog.000001", 5000);
    set_disk_time(scene, "binlog.000002", 6000);
    set_disk_time(scene, "binlog.000003", 7000);
    CHECK(remove(sidecar) == 0);
    open_store(scene);
    CHECK(written(scene, 1) == 5000 * second + 5); /* by its sidecar */
    CHECK(written(scene, 2) == 6000 * second + 5); /* read whole */
    CHECK(written(scene, 3) == 7000 * second + 5); /* the newest */
    scene->clock.wall_usec = 8000 * second;
    store_file(scene, 4, 1);
    sync_store(scene->fixture.store);
    CHECK(written(scene, 3) == 7000 * second + 5 && written(scene, 4) == 8000 * second);
    scene_free(scene);
}

static void a_second_recovery_changes_no_time(void)
{
    struct scene *scene = scene_new();
    struct error error;

    store_file(scene, 1, 2);
    sync_store(scene->fixture.store);
    set_disk_time(scene, "binlog.000001", 5000);
    CHECK_OK(binlog_store_recover(scene->fixture.store, &error), &error);
    CHECK(written(scene, 1) == 1000 * second);
    scene->clock.wall_usec = 9000 * second;
    store_file(scene, 2, 1);
    sync_store(scene->fixture.store);
    CHECK(written(scene, 1) == 1000 * second && written(scene, 2) == 9000 * second);
    scene_free(scene);
}

int main(void)
{
    a_file_is_as_old_as_its_last_event();
    what_ends_while_it_is_synced_keeps_its_own_time();
    a_start_asks_the_disk();
    a_second_recovery_changes_no_time();
    return 0;
}
