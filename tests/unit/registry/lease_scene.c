/* SPDX-License-Identifier: Apache-2.0 */
#include "lease_scene.h"

#include <stdio.h>
#include <string.h>

#include "check.h"

static uint64_t now(void *context)
{
    const struct lease_scene *scene = context;

    return scene->now_usec;
}

struct binlog_position scene_at(uint64_t offset)
{
    return (struct binlog_position){.file = 1, .offset = offset};
}

struct binlog_position scene_behind(uint64_t epoch)
{
    return scene_at(epoch * SCENE_EPOCH_BYTES + SCENE_EPOCH_BYTES - SCENE_QUIET_BYTES);
}

static struct epoch_key applied(void *context, const char *group)
{
    const struct lease_scene *scene = context;
    struct epoch_key highest = {0};

    CHECK(strcmp(group, SCENE_GROUP) == 0);
    for (size_t at = 0; at < SCENE_MEMBERS; at++) {
        if (epoch_key_compare(highest, scene->reported[at]) < 0) {
            highest = scene->reported[at];
        }
    }
    return highest;
}

static void locate(void *context, struct lease_view *view)
{
    const struct lease_scene *scene = context;

    view->end = scene->end > 0 ? scene_at(scene->end) : (struct binlog_position){0};
    if (view->applied.epoch == 0) {
        return;
    }
    view->is_lost = view->applied.epoch < scene->lost_to;
    if (!view->is_lost) {
        uint64_t settled = (view->applied.epoch + 1) * SCENE_EPOCH_BYTES;

        view->place = scene_behind(view->applied.epoch);
        view->settled = scene_at(settled < scene->end ? settled : scene->end);
    }
}

static uint64_t life(void *context, uint32_t server_id)
{
    const struct lease_scene *scene = context;

    return scene->life[server_id];
}

static void keep_fence(struct lease_scene *scene, const struct lease_write *write)
{
    size_t at = 0;

    if (write->change == LEASE_FENCE_UNCHANGED) {
        return;
    }
    while (at < scene->fence_count && scene->fences[at].server_id != write->fence->server_id) {
        at++;
    }
    if (write->change == LEASE_FENCE_CLEARED) {
        CHECK(at < scene->fence_count);
        scene->fences[at] = scene->fences[--scene->fence_count];
    } else {
        scene->fences[at] = *write->fence;
        scene->fence_count += at == scene->fence_count;
    }
}

static enum status save(void *context, const struct lease_write *write, struct error *error)
{
    struct lease_scene *scene = context;
    enum scene_disk disk = scene->disk;

    scene->disk = SCENE_DISK_GOOD;
    scene->writes++;
    if (disk != SCENE_DISK_LOSES) {
        CHECK(write->previous_number == scene->record.number);
        scene->record = *write->record;
        keep_fence(scene, write);
    }
    if (disk == SCENE_DISK_GOOD) {
        return STATUS_OK;
    }
    scene->has_failed = true;
    return error_set(error, STATUS_SYSTEM, "the disk is gone");
}

static void tell(void *context, const char *event, const char *text)
{
    struct lease_scene *scene = context;

    CHECK(text[0] != '\0');
    (void)snprintf(scene->told, sizeof(scene->told), "%s", event);
}

static const char *log_name(void *context)
{
    (void)context;
    return "binlog";
}

static void open_desk(struct lease_scene *scene)
{
    struct lease_world world = {.clock = &scene->clock,
                                .applied = applied,
                                .locate = locate,
                                .life = life,
                                .save = save,
                                .tell = tell,
                                .log_name = log_name,
                                .context = scene};

    scene->desk = lease_desk_new(&world, SCENE_TTL_USEC);
}

void lease_scene_open(struct lease_scene *scene)
{
    *scene = (struct lease_scene){
        .clock = {.monotonic_usec = now, .wall_usec = now, .context = scene},
        .now_usec = 1000 * 1000,
        .end = SCENE_EPOCH_BYTES};
    open_desk(scene);
}

void lease_scene_close(struct lease_scene *scene)
{
    lease_desk_free(scene->desk);
    scene->desk = NULL;
}

void lease_scene_restart(struct lease_scene *scene)
{
    lease_scene_close(scene);
    scene->has_failed = false;
    scene->disk = SCENE_DISK_GOOD;
    open_desk(scene);
    if (scene->record.number > 0) {
        lease_desk_load(scene->desk, SCENE_GROUP, &scene->record);
    }
    for (size_t at = 0; at < scene->fence_count; at++) {
        lease_desk_load_fence(scene->desk, SCENE_GROUP, scene->fences[at]);
    }
}

bool lease_scene_report(struct lease_scene *scene,
                        uint32_t server_id,
                        uint64_t epoch,
                        bool is_own)
{
    struct epoch_key key = {.incarnation = 1, .epoch = epoch};

    if (epoch == 0 || epoch_key_compare(key, scene->reported[server_id]) < 0) {
        return false;
    }
    scene->reported[server_id] = key;
    lease_desk_report(scene->desk, SCENE_GROUP, server_id, key, is_own);
    return true;
}
