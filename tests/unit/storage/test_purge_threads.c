/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Purges while a writer appends, rotates and syncs, and readers do all there is
 * to do: each look says what the store had in front of a purge or behind it,
 * never a mixture; who has a file open reads it to its end; and of what is gone
 * nothing stays open.
 *
 * File f of the log holds the transactions f * 10 to f * 10 + 2 and the epochs
 * f * 10 and f * 10 + 1, so that whatever is found can be told to be right.
 */
#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>

#include "binrelay/storage/binlog_purge.h"
#include "binrelay/storage/epoch_locate.h"
#include "epoch_scene.h"

enum {
    FILES = 120,
    BEHIND = 12, /* files that a purge leaves */
    STEP = 10,
    TRANSACTIONS = 3,
    EPOCHS = 2,
    CYCLES = 10000, /* of the test for leaks */
};

struct log_image {
    struct binlog_maker files[FILES + 1]; /* from 1 on */
};

struct shared {
    struct fixture fixture;
    struct log_image image;
    atomic_ullong first; /* in front of it files may be purged: raised in front of each purge */
    atomic_bool is_over;
    atomic_ullong looks; /* that found something */
};

static void make_image(struct log_image *image)
{
    for (uint64_t file = 1; file <= FILES; file++) {
        struct binlog_maker *maker = &image->files[file];

        *maker = (struct binlog_maker){.checksum = BINLOG_CHECKSUM_CRC32, .server_id = 5};
        maker->created_at_sec = (uint32_t)(file * 100);
        binlog_maker_begin(maker);
        for (uint64_t at = 0; at < TRANSACTIONS; at++) {
            binlog_maker_transaction(maker, 1, file * STEP + at, 200);
            if (at < EPOCHS) {
                (void)epoch_maker_ndb(maker, file * STEP + at, 1);
            }
        }
        (void)binlog_maker_rotate(maker, "binlog.next");
    }
}

static void release_image(struct log_image *image)
{
    for (size_t file = 1; file <= FILES; file++) {
        binlog_maker_release(&image->files[file]);
    }
}

static uint64_t pick(struct shared *shared, unsigned *seed)
{
    uint64_t first = atomic_load(&shared->first);
    uint64_t low = first > BEHIND ? first - BEHIND : 1;

    return low + (uint64_t)rand_r(seed) % (2 * BEHIND);
}

/* ---- readers ---- */

/* In pieces, so that purges come in between. */
static void read_to_its_end(struct shared *shared, struct binlog_cursor *cursor, uint64_t file)
{
    const struct buffer *wanted = &shared->image.files[file].file;
    struct bytes format;
    uint8_t piece[100];
    struct error error;
    uint64_t offset = 0;
    uint64_t next = 0;
    size_t found = 1;

    while (found > 0) {
        CHECK_OK(binlog_cursor_read(cursor, offset, piece, sizeof(piece), &found, &error),
                 &error);
        CHECK(offset + found <= wanted->size);
        CHECK(memcmp(piece, wanted->data + offset, found) == 0);
        offset += found;
    }
    CHECK(offset == 0 || binlog_cursor_format(cursor, &format, &error) == STATUS_OK);
    if (binlog_cursor_is_finished(cursor, &next)) {
        CHECK(next == file + 1 && binlog_cursor_readable(cursor) == wanted->size);
    }
}

static void read_a_file(struct shared *shared, unsigned *seed)
{
    uint64_t file = pick(shared, seed);
    bool was_purged = file < binlog_files_first(shared->fixture.store);
    uint64_t end = binlog_store_durable_end(shared->fixture.store).file;
    struct binlog_cursor *cursor = NULL;
    struct error error;

    if (file > FILES) {
        return;
    }
    if (binlog_cursor_open(&cursor, shared->fixture.store, file, &error) != STATUS_OK) {
        CHECK(error.status == STATUS_NOT_FOUND);
        CHECK(file < binlog_files_first(shared->fixture.store) || file > end);
        return;
    }
    CHECK(!was_purged);
    read_to_its_end(shared, cursor, file);
    binlog_cursor_close(cursor);
    atomic_fetch_add(&shared->looks, 1);
}

static void list_files(struct shared *shared)
{
    struct binlog_file_facts *facts = NULL;
    size_t count = binlog_files_list(shared->fixture.store, &facts);

    for (size_t at = 0; at < count; at++) {
        CHECK(facts[at].file == facts[0].file + at); /* no hole, whatever goes */
        CHECK(facts[at].bytes <= shared->image.files[facts[at].file].file.size);
        CHECK(at + 1 == count ||
              facts[at].bytes == shared->image.files[facts[at].file].file.size);
    }
    free(facts);
}

/* All up to a file's end: what was purged counts as had. */
static struct gtid_set *gtids_up_to(uint64_t file)
{
    struct gtid_set *set = gtid_set_new();

    for (uint64_t at = 1; at <= file; at++) {
        for (uint64_t number = at * STEP; number < at * STEP + TRANSACTIONS; number++) {
            struct gtid gtid = {.number = number};

            memset(gtid.source.uuid, 1, sizeof(gtid.source.uuid));
            gtid_set_add(set, &gtid);
        }
    }
    return set;
}

static void search_gtids(struct shared *shared, unsigned *seed)
{
    struct binlog_store *store = shared->fixture.store;
    uint64_t file = pick(shared, seed);
    uint64_t first = binlog_files_first(store);
    struct gtid_set *set = gtids_up_to(file);
    struct gtid_set *missing = NULL;
    struct gtid_set *before = binlog_files_gtids_before(store, file + 1);
    struct error error;
    uint64_t found = 0;

    if (binlog_files_find_by_gtids(store, set, &found, &missing, &error) == STATUS_OK) {
        CHECK(file + 1 >= first); /* what was purged then is in it */
        CHECK(found == file + 1 || found == binlog_store_durable_end(store).file ||
              found <= file);
        atomic_fetch_add(&shared->looks, 1);
    } else {
        CHECK(error.status == STATUS_NOT_FOUND);
        CHECK(missing == NULL || file + 1 < binlog_files_first(store));
    }
    CHECK(before == NULL || gtid_set_equals(before, set)); /* the file, or nothing */
    gtid_set_free(missing);
    gtid_set_free(before);
    gtid_set_free(set);
}

static void check_place(const struct shared *shared, const struct epoch_place *place)
{
    uint64_t file = place->key.epoch / STEP;

    CHECK(place->key.incarnation == 1 && place->key.epoch % STEP < EPOCHS);
    CHECK(place->end.file == file && place->begin.file == file);
    CHECK(place->begin.offset < place->end.offset);
    CHECK(place->end.offset < shared->image.files[file].file.size);
}

/* What is looked for, or the first that is left, but for what was not there yet. */
static void look_an_epoch_up(struct shared *shared, unsigned *seed)
{
    struct binlog_store *store = shared->fixture.store;
    uint64_t wanted = pick(shared, seed) * STEP;
    struct epoch_key key = {1, wanted};
    struct epoch_place found;
    struct epoch_summary summary;
    struct error error;
    uint64_t first = binlog_files_first(store);
    bool has_epochs = binlog_store_durable_end(store).file > 1;
    enum status status = epoch_index_at_or_after(store, key, &found, &error);

    CHECK(status == STATUS_OK || status == STATUS_NOT_FOUND);
    if (status == STATUS_OK) {
        check_place(shared, &found);
        CHECK(found.key.epoch == wanted ||
              (found.key.epoch % STEP == 0 && found.end.file <= binlog_files_first(store) &&
               found.end.file >= first));
        atomic_fetch_add(&shared->looks, 1);
    }
    status = epoch_index_at_or_before(store, key, &found, &error);
    CHECK(status == STATUS_OK || status == STATUS_NOT_FOUND);
    CHECK(status == STATUS_OK || !has_epochs || wanted / STEP < binlog_files_first(store));
    if (status == STATUS_OK) {
        check_place(shared, &found);
        CHECK(found.key.epoch <= wanted);
    }
    status = epoch_index_summary(store, &summary, &error);
    CHECK(status == STATUS_OK || status == STATUS_NOT_FOUND);
    if (status == STATUS_OK) {
        uint64_t whole = summary.last.end.file - summary.first.begin.file;

        CHECK(summary.first.key.epoch % STEP == 0); /* whole files went */
        CHECK(summary.count >= whole * EPOCHS && summary.count <= (whole + 1) * EPOCHS);
    }
}

static void locate_an_epoch(struct shared *shared, unsigned *seed)
{
    struct binlog_store *store = shared->fixture.store;
    uint64_t file = pick(shared, seed);
    struct epoch_key key = {0, file * STEP + 5}; /* an empty one, in front of the next file's */
    struct binlog_position found;
    struct error error;
    enum status status = epoch_locate_after(store, key, &found, &error);

    CHECK(status == STATUS_OK || status == STATUS_NOT_FOUND || status == STATUS_AGAIN);
    CHECK(status != STATUS_OK || found.file == file);
    CHECK(status != STATUS_NOT_FOUND || file < binlog_files_first(store));
}

static void follow_a_cursor(struct shared *shared, bool is_descending)
{
    struct epoch_cursor *cursor = epoch_cursor_open(shared->fixture.store, is_descending);
    struct epoch_place found;
    struct error error;
    uint64_t last = is_descending ? UINT64_MAX : 0;
    enum status status = epoch_cursor_next(cursor, &found, &error);

    while (status == STATUS_OK) {
        check_place(shared, &found);
        CHECK(is_descending ? found.key.epoch < last : found.key.epoch > last);
        last = found.key.epoch;
        status = epoch_cursor_next(cursor, &found, &error);
    }
    CHECK(status == STATUS_NOT_FOUND);
    epoch_cursor_close(cursor);
}

static void *read_on(void *context)
{
    struct shared *shared = context;
    unsigned seed = (unsigned)(uintptr_t)&seed;

    while (!atomic_load(&shared->is_over)) {
        read_a_file(shared, &seed);
        list_files(shared);
        search_gtids(shared, &seed);
    }
    return NULL;
}

static void *look_up_on(void *context)
{
    struct shared *shared = context;
    unsigned seed = 7;

    while (!atomic_load(&shared->is_over)) {
        look_an_epoch_up(shared, &seed);
        locate_an_epoch(shared, &seed);
        follow_a_cursor(shared, rand_r(&seed) % 2 == 0);
    }
    return NULL;
}

/* ---- the purger and the writer ---- */

static void *purge_on(void *context)
{
    struct shared *shared = context;
    struct binlog_store *store = shared->fixture.store;

    while (!atomic_load(&shared->is_over)) {
        uint64_t end = binlog_store_durable_end(store).file;
        uint64_t before = end > BEHIND ? end - BEHIND : 1;
        struct binlog_purged purged;
        struct error error;

        if (before > atomic_load(&shared->first)) {
            atomic_store(&shared->first, before);
            CHECK_OK(binlog_store_purge(store, before, &purged, &error), &error);
            CHECK(purged.first == before);
        }
    }
    return NULL;
}

static void write_all(struct shared *shared)
{
    for (uint64_t file = 1; file <= FILES; file++) {
        const struct binlog_maker *maker = &shared->image.files[file];
        struct binlog_walk walk =
            binlog_walk_of((struct bytes){.data = maker->file.data + BINLOG_MAGIC_BYTES,
                                          .size = maker->file.size - BINLOG_MAGIC_BYTES});
        struct bytes event;
        struct error error;

        CHECK_OK(binlog_store_begin_file(shared->fixture.store, "binlog", file, &error),
                 &error);
        for (unsigned at = 0; binlog_walk_next(&walk, &event, &error) == STATUS_OK; at++) {
            CHECK_OK(binlog_store_append(shared->fixture.store, event, &error), &error);
            if (at % 4 == 3) {
                sync_store(shared->fixture.store);
            }
        }
        if (file % 3 == 0) {
            sync_store(shared->fixture.store);
        }
    }
    sync_store(shared->fixture.store);
}

static size_t open_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    size_t count = 0;

    CHECK(directory != NULL);
    while (readdir(directory) != NULL) {
        count++;
    }
    CHECK(closedir(directory) == 0);
    return count;
}

/* Only of the files that are left, and what belongs to the store itself. */
static size_t names_in(const char *path)
{
    DIR *directory = opendir(path);
    size_t count = 0;

    CHECK(directory != NULL);
    while (readdir(directory) != NULL) {
        count++;
    }
    CHECK(closedir(directory) == 0);
    return count;
}

static void readers_see_one_state_or_the_other(void)
{
    struct shared *shared = mem_zeroed(sizeof(*shared));
    void *(*const bodies[])(void *) = {read_on, read_on, look_up_on, look_up_on, purge_on};
    enum { THREADS = sizeof(bodies) / sizeof(bodies[0]) };
    pthread_t threads[THREADS];
    struct binlog_purged purged;
    struct error error;

    shared->fixture = fixture_new_with(ndb_rules());
    make_image(&shared->image);
    atomic_store(&shared->first, 1);
    for (size_t at = 0; at < THREADS; at++) {
        CHECK(pthread_create(&threads[at], NULL, bodies[at], shared) == 0);
    }
    write_all(shared);
    atomic_store(&shared->is_over, true);
    for (size_t at = 0; at < THREADS; at++) {
        CHECK(pthread_join(threads[at], NULL) == 0);
    }
    CHECK(atomic_load(&shared->looks) > 0);
    CHECK_OK(binlog_store_purge(shared->fixture.store, FILES, &purged, &error), &error);
    /* ".", "..", the file, its index, the mark and the record: no index was made anew behind a
     * purge */
    CHECK(names_in(shared->fixture.directory) == 6);
    CHECK(file_has(&shared->fixture, "binlog.000120",
                   buffer_bytes(&shared->image.files[FILES].file)));
    release_image(&shared->image);
    fixture_free(&shared->fixture);
    free(shared);
}

static int sync_nothing(void *context, int file)
{
    (void)context;
    (void)file;
    return 0;
}

static void who_has_a_file_open_reads_it_to_its_end(void)
{
    struct shared *shared = mem_zeroed(sizeof(*shared));
    struct binlog_cursor *cursor = NULL;
    struct binlog_cursor *second = NULL;
    struct binlog_purged purged;
    struct error error;

    shared->fixture = fixture_new_with(ndb_rules());
    make_image(&shared->image);
    write_all(shared);
    CHECK_OK(binlog_cursor_open(&cursor, shared->fixture.store, 2, &error), &error);
    CHECK_OK(binlog_store_purge(shared->fixture.store, 5, &purged, &error), &error);
    CHECK(purged.files == 4 && purged.first == 5 &&
          binlog_files_first(shared->fixture.store) == 5);
    read_to_its_end(shared, cursor, 2);
    for (uint64_t file = 1; file < 5; file++) {
        CHECK(binlog_cursor_open(&second, shared->fixture.store, file, &error) ==
              STATUS_NOT_FOUND);
    }
    binlog_cursor_close(cursor);
    release_image(&shared->image);
    fixture_free(&shared->fixture);
    free(shared);
}

/* Each file is looked into, by its index too, and then purged. */
static void nothing_stays_open_of_what_is_gone(void)
{
    struct disk disk = *disk_system();
    struct fixture fixture = {.disk = &disk, .root = temp_dir_make(), .epochs = ndb_rules()};
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32, .server_id = 5};
    size_t descriptors = 0;
    struct error error;

    disk.sync = sync_nothing; /* nobody cuts the power here */
    fixture.directory = mem_format("%s/east", fixture.root);
    fixture_make_store(&fixture);
    CHECK_OK(binlog_store_recover(fixture.store, &error), &error);
    for (uint64_t file = 1; file <= CYCLES; file++) {
        struct binlog_purged purged;
        struct epoch_place found;

        binlog_maker_begin(&maker);
        (void)epoch_maker_ndb(&maker, file, 1);
        store_file_whole(fixture.store, &maker, file);
        sync_store(fixture.store);
        CHECK_OK(
            epoch_index_at_or_after(fixture.store, (struct epoch_key){1, file}, &found, &error),
            &error);
        CHECK_OK(binlog_store_purge(fixture.store, file, &purged, &error), &error);
        if (file == 3) { /* fewer than the descriptors that are kept for reading */
            descriptors = open_descriptors();
        }
    }
    CHECK(open_descriptors() == descriptors);
    CHECK(names_in(fixture.directory) == 6);
    binlog_maker_release(&maker);
    fixture_free(&fixture);
}

int main(void)
{
    who_has_a_file_open_reads_it_to_its_end();
    readers_see_one_state_or_the_other();
    nothing_stays_open_of_what_is_gone();
    return 0;
}
