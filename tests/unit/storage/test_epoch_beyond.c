/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that end with an epoch: who applied that one does not need the file,
 * and finds its place all the same when it is gone, also after a start.
 */
#include <errno.h>

#include "binrelay/storage/binlog_purge.h"
#include "binrelay/storage/epoch_locate.h"
#include "epoch_scene.h"

struct scene {
    struct fixture fixture;
    struct binlog_maker maker;
    uint64_t ends[6]; /* of the last epoch in each file */
    uint64_t bytes[6];
    uint64_t file;
};

static void begin_file(struct scene *scene)
{
    binlog_maker_begin(&scene->maker);
    scene->file++;
}

static void end_file(struct scene *scene, bool is_rotated)
{
    if (is_rotated) {
        (void)binlog_maker_rotate(&scene->maker, "binlog.000099");
    }
    store_file_whole(scene->fixture.store, &scene->maker, scene->file);
    sync_store(scene->fixture.store);
    scene->bytes[scene->file] = binlog_store_durable_end(scene->fixture.store).offset;
}

/* Epochs 10 N and 10 N + 1 in the file N. */
static void store_file(struct scene *scene, bool has_more)
{
    begin_file(scene);
    (void)epoch_maker_ndb(&scene->maker, scene->file * 10, 1);
    (void)epoch_maker_ndb(&scene->maker, scene->file * 10 + 1, 1);
    if (has_more) {
        (void)epoch_maker_other(&scene->maker);
    }
    end_file(scene, true);
}

/* 1 and 2 end with epochs, 3 does not, 4 does and is the newest that has any. */
static struct scene scene_new(void)
{
    struct scene scene = {.fixture = fixture_new_with(ndb_rules()),
                          .maker = {.checksum = BINLOG_CHECKSUM_CRC32, .server_id = 5}};
    struct error error;

    store_file(&scene, false);
    store_file(&scene, false);
    store_file(&scene, true);
    store_file(&scene, false);
    begin_file(&scene);
    end_file(&scene, false);
    for (uint64_t file = 1; file <= 4; file++) {
        struct epoch_summary summary;

        CHECK_OK(epoch_index_file_summary(scene.fixture.store, file, &summary, &error), &error);
        scene.ends[file] = summary.last.end.offset;
        CHECK(summary.last.end.file == file && scene.ends[file] < scene.bytes[file]);
    }
    return scene;
}

static void scene_free(struct scene *scene)
{
    binlog_maker_release(&scene->maker);
    fixture_free(&scene->fixture);
}

static struct binlog_position beyond(struct scene *scene, uint64_t file, uint64_t offset)
{
    return epoch_locate_beyond(scene->fixture.store, (struct binlog_position){file, offset});
}

static void purge(struct scene *scene, uint64_t before)
{
    struct binlog_purged purged;
    struct error error;

    CHECK_OK(binlog_store_purge(scene->fixture.store, before, &purged, &error), &error);
    CHECK(purged.first == before);
}

static bool goes_on_at(struct scene *scene, uint64_t epoch, uint64_t file, uint64_t offset)
{
    struct binlog_position found = {0};
    struct error error;

    for (uint32_t incarnation = 0; incarnation <= 1; incarnation++) {
        if (epoch_locate_after(scene->fixture.store, (struct epoch_key){incarnation, epoch},
                               &found, &error) != STATUS_OK) {
            CHECK(error.status == STATUS_NOT_FOUND);
            return false;
        }
        CHECK(is_at(found, file, offset));
    }
    return true;
}

static bool reader_goes_on(struct scene *scene, uint64_t file, uint64_t offset)
{
    struct binlog_position found = {0};

    return epoch_locate_behind_purged(scene->fixture.store,
                                      (struct binlog_position){file, offset}, &found) &&
           is_at(found, file + 1, 4);
}

static void only_the_end_of_a_file_is_stepped_over(void)
{
    struct scene scene = scene_new();

    CHECK(is_at(beyond(&scene, 1, scene.ends[1]), 2, 4));
    CHECK(is_at(beyond(&scene, 2, scene.ends[2]), 3, 4));
    CHECK(is_at(beyond(&scene, 1, scene.ends[1] - 1), 1, scene.ends[1] - 1));
    CHECK(is_at(beyond(&scene, 1, 4), 1, 4));
    CHECK(is_at(beyond(&scene, 3, scene.ends[3]), 3, scene.ends[3])); /* more follows */
    CHECK(is_at(beyond(&scene, 4, scene.ends[4]), 4, scene.ends[4])); /* the newest epoch */
    CHECK(is_at(beyond(&scene, 5, 4), 5, 4));
    CHECK(is_at(beyond(&scene, 2, 0), 2, 0));
    CHECK(is_at(beyond(&scene, 0, 0), 0, 0));
    CHECK(is_at(beyond(&scene, 99, 4), 99, 4));
    scene_free(&scene);
}

static void who_applied_the_last_epoch_that_went_goes_on_in_the_first_file(void)
{
    struct scene scene = scene_new();
    struct error error;

    CHECK(goes_on_at(&scene, 11, 1, scene.ends[1]));
    purge(&scene, 2);
    for (int start = 0; start < 3; start++) {
        CHECK(goes_on_at(&scene, 11, 2, 4));
        CHECK(!goes_on_at(&scene, 10, 0, 0));
        CHECK(!goes_on_at(&scene, 12, 0, 0));
        CHECK(goes_on_at(&scene, 21, 2, scene.ends[2]));
        CHECK(reader_goes_on(&scene, 1, scene.ends[1]));
        CHECK(reader_goes_on(&scene, 1, scene.bytes[1]));
        CHECK(!reader_goes_on(&scene, 1, scene.ends[1] - 1));
        CHECK(!reader_goes_on(&scene, 1, 4));
        CHECK(epoch_index_is_continuous(scene.fixture.store, (struct epoch_key){1, 11},
                                        (struct epoch_key){1, 20}));
        CHECK(!epoch_index_is_continuous(scene.fixture.store, (struct epoch_key){1, 10},
                                         (struct epoch_key){1, 20}));
        CHECK_OK(fixture_restart(&scene.fixture, &error), &error);
    }
    purge(&scene, 3);
    CHECK(goes_on_at(&scene, 21, 3, 4) && !goes_on_at(&scene, 11, 0, 0));
    CHECK(reader_goes_on(&scene, 2, scene.bytes[2]) &&
          !reader_goes_on(&scene, 1, scene.bytes[1]));
    scene_free(&scene);
}

static void nothing_is_proven_where_more_followed_the_epoch(void)
{
    struct scene scene = scene_new();
    struct error error;

    purge(&scene, 2);
    purge(&scene, 4);
    for (int start = 0; start < 2; start++) {
        CHECK(!goes_on_at(&scene, 31, 0, 0) && !goes_on_at(&scene, 11, 0, 0));
        CHECK(!reader_goes_on(&scene, 3, scene.ends[3]));
        CHECK(!epoch_index_is_continuous(scene.fixture.store, (struct epoch_key){1, 31},
                                         (struct epoch_key){1, 40}));
        CHECK_OK(fixture_restart(&scene.fixture, &error), &error);
    }
    scene_free(&scene);
}

/* ---- a disk that fails between two looks ---- */

static bool is_bad;

static ssize_t read_unless_bad(void *context, int file, void *data, size_t size, off_t offset)
{
    (void)context;
    if (is_bad) {
        errno = EIO;
        return -1;
    }
    return disk_read_at(disk_system(), file, data, size, offset);
}

/* By what was proven then its file is let go: the proof must not be wanted again. */
static void what_was_stepped_over_is_found_when_it_is_gone(void)
{
    struct disk disk = *disk_system();
    struct scene scene = scene_new();
    struct error error;

    disk.read_at = read_unless_bad;
    scene.fixture.disk = &disk;
    CHECK_OK(fixture_restart(&scene.fixture, &error), &error);
    CHECK(is_at(beyond(&scene, 1, scene.ends[1]), 2, 4));
    is_bad = true;
    CHECK(is_at(beyond(&scene, 1, scene.ends[1]), 2, 4));
    CHECK(is_at(beyond(&scene, 2, scene.ends[2]), 2, scene.ends[2])); /* was not read */
    purge(&scene, 2);
    is_bad = false;
    for (int start = 0; start < 2; start++) {
        CHECK(goes_on_at(&scene, 11, 2, 4));
        CHECK_OK(fixture_restart(&scene.fixture, &error), &error);
    }
    scene_free(&scene);
}

int main(void)
{
    only_the_end_of_a_file_is_stepped_over();
    who_applied_the_last_epoch_that_went_goes_on_in_the_first_file();
    nothing_is_proven_where_more_followed_the_epoch();
    what_was_stepped_over_is_found_when_it_is_gone();
    return 0;
}
