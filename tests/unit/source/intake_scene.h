/* SPDX-License-Identifier: Apache-2.0 */
/* For the tests of the intake: a store of its own, and dumps into it. */
#pragma once

#include <string.h>

#include "binrelay/base/clock.h"
#include "binrelay/base/disk.h"
#include "check.h"
#include "fake_binlog.h"
#include "intake.h"
#include "temp_dir.h"

struct scene {
    char *path;
    struct binlog_store *store;
    struct cluster_report numbers;
    int64_t shift;
    const char *log_name;
};

static struct scene open_scene(void)
{
    struct scene scene = {.path = temp_dir_make()};
    struct binlog_store_options options = {
        .disk = disk_system(), .clock = clock_system(), .directory = scene.path};
    struct error error = {0};

    scene.store = binlog_store_new(&options);
    CHECK_OK(binlog_store_recover(scene.store, &error), &error);
    return scene;
}

static void close_scene(struct scene *scene)
{
    binlog_store_free(scene->store);
    temp_dir_remove(scene->path);
}

/* A dump of `file` from `offset`; behind an empty store it begins the file. */
static struct intake begin(struct scene *scene, uint64_t file, uint64_t offset)
{
    struct intake intake = {
        .cluster = "east",
        .store = scene->store,
        .log_name = scene->log_name,
        .asked = {.base_name = "binlog", .file = file, .offset = offset},
        .tail = binlog_store_tail(scene->store),
        .shift = scene->shift,
    };

    intake.asked.is_new_file = intake.tail.is_empty;
    intake_begin(&intake);
    return intake;
}

static enum status take(struct intake *intake, struct bytes event, struct error *error)
{
    struct dump_item item = {.kind = DUMP_EVENT, .bytes = event};

    return intake_take(intake, &item, error);
}

static enum status take_name(struct intake *intake, const char *name, uint64_t position)
{
    struct binlog_rotate rotate = {position, bytes_of_text(name)};
    struct buffer event = {0};
    struct error error = {0};
    enum status status = STATUS_OK;

    binlog_rotate_add_artificial(&event, 1, rotate, intake->checksum);
    status = take(intake, buffer_bytes(&event), &error);
    buffer_release(&event);
    return status;
}

/* Takes the events of a file from an offset on, until one fails. */
static enum status take_file(struct intake *intake,
                             const struct fake_binlog *binlog,
                             uint64_t offset,
                             struct error *error)
{
    while (offset < binlog->bytes.size) {
        struct bytes event = fake_binlog_event(binlog, offset);
        enum status status = take(intake, event, error);

        if (status != STATUS_OK) {
            return status;
        }
        offset += event.size;
    }
    return STATUS_OK;
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

/* A store with a whole file of `count` transactions in it, and that file. */
static struct fake_binlog store_file(struct scene *scene, uint64_t file, int count)
{
    struct fake_binlog binlog = {.checksum = BINLOG_CHECKSUM_CRC32};
    struct intake intake = begin(scene, file, 4);
    char name[BINLOG_NAME_BYTES];
    struct error error = {0};

    fake_binlog_begin(&binlog);
    for (int at = 0; at < count; at++) {
        (void)fake_binlog_add_transaction(&binlog, 100);
    }
    binlog_name_print(name, "binlog", file);
    CHECK(take_name(&intake, name, 4) == STATUS_OK);
    CHECK_OK(take_file(&intake, &binlog, 4, &error), &error);
    intake_release(&intake);
    return binlog;
}

/* A dump behind a store of two transactions, from its last event on. */
static struct intake resume(struct scene *scene, uint64_t *offset)
{
    struct binlog_store_tail tail = binlog_store_tail(scene->store);
    struct intake intake = begin(scene, 7, tail.last_event_offset);

    *offset = tail.last_event_offset;
    CHECK(take_name(&intake, "binlog.000007", *offset) == STATUS_OK);
    return intake;
}
