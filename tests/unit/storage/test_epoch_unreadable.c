/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A start at which a file in the middle cannot be read, and has no index
 * either: what the epochs behind it are called is not guessed. Once it can be
 * read again all is as it was.
 */
#include <errno.h>
#include <fcntl.h>

#include "binrelay/storage/binlog_purge.h"
#include "epoch_scene.h"

enum { FILES = 5, EPOCHS = 4, BAD_FILE = 2, MOST_DESCRIPTORS = 1024 };

/* Reads of one binlog file fail while `is_bad`. */
struct bad_disk {
    struct disk disk;
    bool is_bad;
    bool is_of_bad_file[MOST_DESCRIPTORS];
};

struct bad_scene {
    struct fixture fixture;
    struct bad_disk disk;
    struct scene_places wanted;
    struct buffer indexes[FILES + 1];
};

static int open_and_note(void *context, const char *path, int flags, mode_t mode)
{
    struct bad_disk *bad = context;
    const char *name = strrchr(path, '/') + 1;
    int file = disk_open(disk_system(), path, flags, mode);

    CHECK(file < MOST_DESCRIPTORS);
    if (file >= 0) {
        bad->is_of_bad_file[file] = strcmp(name, "binlog.000002") == 0;
    }
    return file;
}

static ssize_t read_unless_bad(void *context, int file, void *data, size_t size, off_t offset)
{
    struct bad_disk *bad = context;

    if (bad->is_bad && bad->is_of_bad_file[file]) {
        errno = EIO;
        return -1;
    }
    return disk_read_at(disk_system(), file, data, size, offset);
}

static char *index_path_of(const struct bad_scene *scene, uint64_t file)
{
    return mem_format("%s/binlog.%06u.epochs", scene->fixture.directory, (unsigned)file);
}

/* Each file begins a new incarnation. */
static void store_files(struct binlog_store *store)
{
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32, .server_id = 5};

    for (uint64_t file = 1; file <= FILES; file++) {
        binlog_maker_begin(&maker);
        for (uint64_t at = 0; at < EPOCHS; at++) {
            (void)epoch_maker_ndb(&maker, 100 + at, 1);
        }
        store_file_whole(store, &maker, file);
        sync_store(store);
    }
    binlog_maker_release(&maker);
}

static struct bad_scene *bad_scene_new(void)
{
    struct bad_scene *scene = mem_zeroed(sizeof(*scene));
    struct error error;

    scene->disk.disk = *disk_system();
    scene->disk.disk.open = open_and_note;
    scene->disk.disk.read_at = read_unless_bad;
    scene->disk.disk.context = &scene->disk;
    scene->fixture = (struct fixture){
        .disk = &scene->disk.disk, .root = temp_dir_make(), .epochs = ndb_rules()};
    scene->fixture.directory = mem_format("%s/east", scene->fixture.root);
    fixture_make_store(&scene->fixture);
    CHECK_OK(binlog_store_recover(scene->fixture.store, &error), &error);
    store_files(scene->fixture.store);
    scene->wanted = scene_all(scene->fixture.store, false);
    CHECK(scene->wanted.count == (size_t)FILES * EPOCHS);
    for (uint64_t file = 1; file <= FILES; file++) {
        autofree char *path = index_path_of(scene, file);

        scene->indexes[file] = read_whole(path);
    }
    return scene;
}

static void bad_scene_free(struct bad_scene *scene)
{
    for (size_t file = 1; file <= FILES; file++) {
        buffer_release(&scene->indexes[file]);
    }
    scene_places_release(&scene->wanted);
    fixture_free(&scene->fixture);
    free(scene);
}

static void lose_index(const struct bad_scene *scene, uint64_t file)
{
    autofree char *path = index_path_of(scene, file);

    CHECK(disk_remove(disk_system(), path) == 0);
}

static void check_index(const struct bad_scene *scene, uint64_t file)
{
    autofree char *path = index_path_of(scene, file);
    struct buffer found = read_whole(path);

    CHECK(bytes_equal(buffer_bytes(&found), buffer_bytes(&scene->indexes[file])));
    buffer_release(&found);
}

static void check_as_it_was(struct bad_scene *scene)
{
    scene_check_all(scene->fixture.store, &scene->wanted);
    for (uint64_t file = 1; file <= FILES; file++) {
        check_index(scene, file);
    }
}

/* Neither found in the wrong place, nor told to be nowhere. */
static void nothing_is_guessed(struct bad_scene *scene)
{
    struct epoch_place found;
    struct error error;

    for (size_t at = 0; at < scene->wanted.count; at++) {
        const struct epoch_place *place = &scene->wanted.items[at];
        enum status status =
            epoch_index_at_or_after(scene->fixture.store, place->key, &found, &error);

        CHECK(status == STATUS_SYSTEM || (status == STATUS_OK && scene_is_same(&found, place)));
        status = epoch_index_at_or_before(scene->fixture.store, place->key, &found, &error);
        CHECK(status == STATUS_SYSTEM || (status == STATUS_OK && scene_is_same(&found, place)));
    }
    CHECK(!epoch_index_is_continuous(scene->fixture.store, scene->wanted.items[0].key,
                                     scene->wanted.items[scene->wanted.count - 1].key));
}

/* Its index says what was in front of the next one, or the next one's own does. */
static void later_files_keep_their_epochs(bool is_next_lost, bool is_restarted)
{
    struct bad_scene *scene = bad_scene_new();
    struct error error;

    lose_index(scene, BAD_FILE);
    if (is_next_lost) {
        lose_index(scene, BAD_FILE + 1);
    }
    scene->disk.is_bad = true;
    CHECK_OK(fixture_restart(&scene->fixture, &error), &error);
    nothing_is_guessed(scene);
    check_index(scene, BAD_FILE + 2);
    check_index(scene, FILES);
    if (is_restarted) {
        CHECK_OK(fixture_restart(&scene->fixture, &error), &error);
        nothing_is_guessed(scene);
    }
    scene->disk.is_bad = false;
    check_as_it_was(scene);
    CHECK_OK(fixture_restart(&scene->fixture, &error), &error);
    check_as_it_was(scene);
    bad_scene_free(scene);
}

/* What is appended could not be numbered: so nothing is, until it can be. */
static void without_the_newest_index_there_is_no_start(void)
{
    struct bad_scene *scene = bad_scene_new();
    struct error error;

    for (uint64_t file = BAD_FILE; file <= FILES; file++) {
        lose_index(scene, file);
    }
    scene->disk.is_bad = true;
    CHECK(fixture_restart(&scene->fixture, &error) == STATUS_SYSTEM);
    scene->disk.is_bad = false;
    CHECK_OK(binlog_store_recover(scene->fixture.store, &error), &error);
    check_as_it_was(scene);
    bad_scene_free(scene);
}

/* A purge stops in front of a file that could never be numbered behind it. */
static void a_purge_leaves_what_numbers_the_rest(void)
{
    struct bad_scene *scene = bad_scene_new();
    struct binlog_purged purged;
    struct error error;

    lose_index(scene, BAD_FILE);
    lose_index(scene, BAD_FILE + 1);
    scene->disk.is_bad = true;
    CHECK_OK(fixture_restart(&scene->fixture, &error), &error);
    CHECK_OK(binlog_store_purge(scene->fixture.store, BAD_FILE + 1, &purged, &error), &error);
    CHECK(purged.files == 1 && purged.first == BAD_FILE);
    CHECK_OK(binlog_store_purge(scene->fixture.store, BAD_FILE + 2, &purged, &error), &error);
    CHECK(purged.files == 2 && purged.first == BAD_FILE + 2);
    scene->disk.is_bad = false;
    struct scene_places left = {.items = scene->wanted.items + (BAD_FILE + 1) * EPOCHS,
                                .count = scene->wanted.count - (BAD_FILE + 1) * EPOCHS};

    scene_check_all(scene->fixture.store, &left);
    CHECK_OK(fixture_restart(&scene->fixture, &error), &error);
    scene_check_all(scene->fixture.store, &left);
    bad_scene_free(scene);
}

int main(void)
{
    later_files_keep_their_epochs(false, false);
    later_files_keep_their_epochs(false, true);
    later_files_keep_their_epochs(true, false);
    later_files_keep_their_epochs(true, true);
    without_the_newest_index_there_is_no_start();
    a_purge_leaves_what_numbers_the_rest();
    return 0;
}
