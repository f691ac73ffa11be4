/* SPDX-License-Identifier: Apache-2.0 */
/* A puller that is told that its store may not grow, and that it may again. */
#include <string.h>

#include "binrelay/base/memory.h"
#include "check.h"
#include "fake_binlog.h"
#include "pull_scene.h"

static const char full[] = "the disk is 95% full, applier 201 needs binlog.000003";

/* A pulled log, and what its source has made since. */
struct room_scene {
    struct pull_scene pull;
    struct fake_binlog binlog;
    uint64_t pulled;
};

static void set_log(struct room_scene *scene, uint64_t size)
{
    struct fake_script *script = fake_source_lock(scene->pull.fake);

    fake_script_set_log(script, "binlog.000003",
                        (struct bytes){.data = scene->binlog.bytes.data, .size = size});
    fake_source_unlock(scene->pull.fake);
}

static void open_scene(struct room_scene *scene)
{
    struct fake_script script = fake_script_make();

    *scene = (struct room_scene){.binlog = {.checksum = BINLOG_CHECKSUM_CRC32}};
    fake_binlog_begin(&scene->binlog);
    (void)fake_binlog_add_transaction(&scene->binlog, 300);
    scene->pulled = scene->binlog.bytes.size;
    fake_script_set_log(&script, "binlog.000003", buffer_bytes(&scene->binlog.bytes));
    pull_scene_open(&scene->pull, script);
    pull_scene_start(&scene->pull);
    pull_scene_await_durable(&scene->pull, 3, scene->pulled);
    pull_scene_await_state(&scene->pull, PULL_STREAMING);
}

static void close_scene(struct room_scene *scene)
{
    pull_scene_close(&scene->pull);
    fake_binlog_release(&scene->binlog);
}

static void take_room(struct room_scene *scene)
{
    puller_set_room(scene->pull.puller, false, full);
    pull_scene_await_state(&scene->pull, PULL_STORE_FULL);
    pull_scene_check_reason(&scene->pull, full);
}

static unsigned connects(struct room_scene *scene)
{
    unsigned count = fake_source_lock(scene->pull.fake)->connects;

    fake_source_unlock(scene->pull.fake);
    return count;
}

/* When the reason is the new one, the loop has done what came before. */
static void await_reason(struct room_scene *scene, const char *reason)
{
    unsigned naps = 0;

    puller_set_room(scene->pull.puller, false, reason);
    while (strcmp(pull_scene_report(&scene->pull).reason, reason) != 0) {
        CHECK(pull_scene_may_wait(&naps));
    }
}

static bool is_durable_at(struct room_scene *scene, uint64_t offset)
{
    return binlog_store_durable_end(scene->pull.store).offset == offset;
}

static void check_gets_all(struct room_scene *scene)
{
    pull_scene_await_durable(&scene->pull, 3, scene->binlog.bytes.size);
    pull_scene_await_state(&scene->pull, PULL_STREAMING);
    CHECK(pull_scene_report(&scene->pull).reason[0] == '\0');
    pull_scene_stop(&scene->pull);
    pull_scene_check_file(&scene->pull, "binlog.000003", buffer_bytes(&scene->binlog.bytes));
}

static void pulls_nothing_without_room_and_all_with_it(void)
{
    struct room_scene scene;
    unsigned before = 0;

    open_scene(&scene);
    take_room(&scene);
    before = connects(&scene);
    (void)fake_binlog_add_transaction(&scene.binlog, 300);
    set_log(&scene, scene.binlog.bytes.size);
    await_reason(&scene, "still full");
    CHECK(connects(&scene) == before && is_durable_at(&scene, scene.pulled));
    puller_set_room(scene.pull.puller, true, NULL);
    check_gets_all(&scene);
    close_scene(&scene);
}

static void stops_at_the_end_of_a_transaction(void)
{
    struct room_scene scene;
    uint64_t xid = 0;
    unsigned naps = 0;

    open_scene(&scene);
    (void)fake_binlog_add_transaction(&scene.binlog, 4000);
    xid = scene.binlog.bytes.size - (BINLOG_EVENT_HEADER_BYTES + 8 + BINLOG_CHECKSUM_BYTES);
    set_log(&scene, xid); /* all but its end */
    while (pull_scene_report(&scene.pull).received.offset < xid) {
        CHECK(pull_scene_may_wait(&naps));
    }
    take_room(&scene);
    CHECK(is_durable_at(&scene, scene.pulled));
    set_log(&scene, scene.binlog.bytes.size);
    puller_set_room(scene.pull.puller, true, NULL);
    check_gets_all(&scene);
    close_scene(&scene);
}

static void a_new_password_and_a_pause_bring_no_room(void)
{
    static const char *const password = "secret";
    struct room_scene scene;
    unsigned before = 0;

    open_scene(&scene);
    take_room(&scene);
    before = connects(&scene);
    puller_set_passwords(scene.pull.puller, &password, 1);
    puller_pause(scene.pull.puller);
    pull_scene_await_state(&scene.pull, PULL_PAUSED);
    puller_resume(scene.pull.puller);
    pull_scene_await_state(&scene.pull, PULL_STORE_FULL);
    pull_scene_check_reason(&scene.pull, full);
    puller_pause(scene.pull.puller);
    pull_scene_await_state(&scene.pull, PULL_PAUSED);
    puller_set_room(scene.pull.puller, true, NULL); /* while it is paused */
    CHECK(connects(&scene) == before);
    puller_resume(scene.pull.puller);
    pull_scene_await_state(&scene.pull, PULL_STREAMING);
    close_scene(&scene);
}

static void a_store_without_room_is_recovered_and_served(void)
{
    struct room_scene scene;
    unsigned before = 0;

    open_scene(&scene);
    pull_scene_stop(&scene.pull);
    (void)fake_binlog_add_transaction(&scene.binlog, 300);
    set_log(&scene, scene.binlog.bytes.size);
    before = connects(&scene);
    gate_disk_hold_syncs(scene.pull.disk, true);
    pull_scene_start(&scene.pull);
    gate_disk_await_sync(scene.pull.disk); /* of the recovery */
    puller_set_room(scene.pull.puller, false, full);
    gate_disk_hold_syncs(scene.pull.disk, false);
    pull_scene_await_state(&scene.pull, PULL_STORE_FULL);
    /* The connection that it may have begun before it was told brought nothing or all. */
    CHECK(connects(&scene) <= before + 1);
    CHECK(is_durable_at(&scene, scene.pulled) ||
          is_durable_at(&scene, scene.binlog.bytes.size));
    puller_set_room(scene.pull.puller, true, NULL);
    check_gets_all(&scene);
    close_scene(&scene);
}

static void ends_without_room(void)
{
    struct room_scene scene;

    open_scene(&scene);
    take_room(&scene);
    pull_scene_stop(&scene.pull);
    pull_scene_check_file(&scene.pull, "binlog.000003", buffer_bytes(&scene.binlog.bytes));
    close_scene(&scene);
}

int main(void)
{
    pulls_nothing_without_room_and_all_with_it();
    stops_at_the_end_of_a_transaction();
    a_new_password_and_a_pause_bring_no_room();
    a_store_without_room_is_recovered_and_served();
    ends_without_room();
    return 0;
}
