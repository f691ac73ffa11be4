/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One writer, one sync thread, several readers: a reader sees whole
 * transactions, in order, byte for byte, and never waits for the others.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "binrelay/base/worker.h"
#include "store_fixture.h"

enum { READERS = 3, FILES = 8, TRANSACTIONS = 60 };

struct source {
    struct binlog_maker files[FILES];
};

struct reader {
    struct binlog_store *store;
    const struct source *source;
    atomic_bool *is_done;
    uint64_t seen;
};

static void make_source(struct source *source)
{
    for (uint64_t at = 0; at < FILES; at++) {
        struct binlog_maker *maker = &source->files[at];

        *maker = (struct binlog_maker){.checksum = BINLOG_CHECKSUM_CRC32};
        binlog_maker_begin(maker);
        for (uint64_t number = 1; number <= TRANSACTIONS; number++) {
            binlog_maker_transaction(maker, 1, at * TRANSACTIONS + number, 50);
        }
        (void)binlog_maker_rotate(maker, "binlog.next");
    }
}

/* Everything that a file shows is as in the source. */
static uint64_t read_file(struct reader *reader, uint64_t file, uint64_t *next)
{
    const struct buffer *wanted = &reader->source->files[file - 1].file;
    struct binlog_cursor *cursor = NULL;
    autofree uint8_t *room = mem_raw(wanted->size);
    struct error error;
    uint64_t readable = 0;
    size_t found = 0;

    CHECK_OK(binlog_cursor_open(&cursor, reader->store, file, &error), &error);
    readable = binlog_cursor_readable(cursor);
    CHECK(readable > 0 && readable <= wanted->size);
    CHECK_OK(binlog_cursor_read(cursor, 0, room, (size_t)readable, &found, &error), &error);
    CHECK(found == readable && memcmp(room, wanted->data, found) == 0);
    CHECK_OK(binlog_cursor_check_boundary(cursor, readable, &error), &error);
    *next = 0;
    if (binlog_cursor_is_finished(cursor, next)) {
        CHECK(*next == file + 1 && binlog_cursor_readable(cursor) == wanted->size);
    }
    binlog_cursor_close(cursor);
    return readable;
}

static void read_lists(struct reader *reader, struct binlog_position end)
{
    struct gtid_set *held = binlog_files_gtids(reader->store);
    struct gtid_set *before = binlog_files_gtids_before(reader->store, end.file);
    struct binlog_file_facts *facts = NULL;
    struct gtid_set *missing = NULL;
    struct error error;
    uint64_t file = 0;

    CHECK(binlog_files_list(reader->store, &facts) >= end.file);
    CHECK(before != NULL && gtid_set_contains(held, before));
    CHECK(gtid_set_count(before) == (end.file - 1) * TRANSACTIONS);
    CHECK_OK(binlog_files_find_by_gtids(reader->store, before, &file, &missing, &error),
             &error);
    CHECK(file == end.file);
    CHECK(strcmp(binlog_store_log_name(reader->store), "binlog") == 0);
    free(facts);
    gtid_set_free(held);
    gtid_set_free(before);
}

static void *read_on(void *context)
{
    struct reader *reader = context;
    struct binlog_position last = {0};

    while (!atomic_load(reader->is_done) || reader->seen < FILES) {
        struct binlog_position end = binlog_store_durable_end(reader->store);
        uint64_t next = 0;

        CHECK(binlog_position_compare(end, last) >= 0);
        last = end;
        if (end.file == 0) {
            continue;
        }
        CHECK(end.offset <= reader->source->files[end.file - 1].file.size);
        (void)read_file(reader, end.file, &next);
        read_lists(reader, end);
        reader->seen = end.file;
    }
    return NULL;
}

/* A sync that a worker runs. */
struct sync_job {
    struct message message;
    struct binlog_sync *sync;
    atomic_bool is_run;
};

static void run_sync(struct message *message)
{
    struct sync_job *job = (struct sync_job *)message;

    binlog_sync_run(job->sync);
    atomic_store(&job->is_run, true);
}

/* Ends a sync that is done, and begins the next: as a puller does between packets. */
static void keep_syncing(struct binlog_store *store,
                         struct worker *worker,
                         struct sync_job *job)
{
    struct error error;

    if (job->sync != NULL && atomic_load(&job->is_run)) {
        CHECK_OK(binlog_store_sync_end(store, job->sync, &error), &error);
        job->sync = NULL;
    }
    if (job->sync == NULL && binlog_store_sync_begin(store, &job->sync) == STATUS_OK) {
        atomic_store(&job->is_run, false);
        job->message.run = run_sync;
        worker_post(worker, &job->message);
    }
}

static void write_all(struct binlog_store *store, const struct source *source)
{
    struct worker *worker = NULL;
    struct sync_job job = {.sync = NULL};
    struct error error;

    CHECK_OK(worker_start(&worker, "sync", &error), &error);
    for (uint64_t file = 1; file <= FILES; file++) {
        const struct buffer *bytes = &source->files[file - 1].file;
        struct binlog_walk walk =
            binlog_walk_of((struct bytes){.data = bytes->data + 4, .size = bytes->size - 4});
        struct bytes event;

        CHECK_OK(binlog_store_begin_file(store, "binlog", file, &error), &error);
        while (binlog_walk_next(&walk, &event, &error) == STATUS_OK) {
            CHECK_OK(binlog_store_append(store, event, &error), &error);
            CHECK_OK(binlog_store_write(store, &error), &error);
            keep_syncing(store, worker, &job);
        }
    }
    worker_stop(worker); /* runs what waits */
    if (job.sync != NULL) {
        CHECK_OK(binlog_store_sync_end(store, job.sync, &error), &error);
    }
    sync_store(store);
}

static void readers_see_whole_transactions_while_it_writes_and_syncs(void)
{
    struct fixture fixture = fixture_new();
    struct source source;
    pthread_t threads[READERS];
    struct reader readers[READERS];
    atomic_bool is_done = false;

    make_source(&source);
    for (int at = 0; at < READERS; at++) {
        readers[at] =
            (struct reader){.store = fixture.store, .source = &source, .is_done = &is_done};
        CHECK(pthread_create(&threads[at], NULL, read_on, &readers[at]) == 0);
    }
    write_all(fixture.store, &source);
    atomic_store(&is_done, true);
    for (int at = 0; at < READERS; at++) {
        CHECK(pthread_join(threads[at], NULL) == 0);
    }
    CHECK(is_at(binlog_store_durable_end(fixture.store), FILES,
                source.files[FILES - 1].file.size));
    for (int at = 0; at < FILES; at++) {
        binlog_maker_release(&source.files[at]);
    }
    fixture_free(&fixture);
}

/* S7: a disk that hangs in a sync. Who reads meanwhile does not notice. */
struct stuck_disk {
    struct disk disk;
    atomic_bool is_stuck;
    pthread_mutex_t lock;
};

static int stuck_sync(void *context, int file)
{
    struct stuck_disk *stuck = context;

    if (atomic_load(&stuck->is_stuck)) {
        pthread_mutex_lock(&stuck->lock); /* held by the test until the readers are through */
        pthread_mutex_unlock(&stuck->lock);
    }
    return disk_system()->sync(NULL, file);
}

static void *run_stuck_sync(void *context)
{
    binlog_sync_run(context);
    return NULL;
}

static void readers_do_not_wait_for_a_sync_that_hangs(void)
{
    struct stuck_disk stuck = {.disk = *disk_system()};
    struct fixture fixture = {.root = temp_dir_make()};
    struct source source;
    struct binlog_sync *sync = NULL;
    struct error error;
    pthread_t thread;
    struct binlog_position end;
    atomic_bool is_done = true;
    struct reader reader = {.source = &source, .is_done = &is_done};
    uint64_t next = 0;

    pthread_mutex_init(&stuck.lock, NULL);
    stuck.disk.context = &stuck;
    stuck.disk.sync = stuck_sync;
    fixture.disk = &stuck.disk;
    fixture.directory = mem_format("%s/east", fixture.root);
    fixture_make_store(&fixture);
    reader.store = fixture.store;
    make_source(&source);
    CHECK_OK(binlog_store_recover(fixture.store, &error), &error);
    store_file_whole(fixture.store, &source.files[0], 1);
    sync_store(fixture.store);
    end = binlog_store_durable_end(fixture.store);
    store_file_whole(fixture.store, &source.files[1], 2);
    CHECK_OK(binlog_store_write(fixture.store, &error), &error);
    CHECK(binlog_store_sync_begin(fixture.store, &sync) == STATUS_OK);
    pthread_mutex_lock(&stuck.lock);
    atomic_store(&stuck.is_stuck, true);
    CHECK(pthread_create(&thread, NULL, run_stuck_sync, sync) == 0);
    CHECK(binlog_position_compare(binlog_store_durable_end(fixture.store), end) == 0);
    CHECK(read_file(&reader, 1, &next) == end.offset && next == 0);
    read_lists(&reader, end);
    store_file_whole(fixture.store, &source.files[2], 3); /* the writer neither */
    CHECK_OK(binlog_store_write(fixture.store, &error), &error);
    pthread_mutex_unlock(&stuck.lock);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK_OK(binlog_store_sync_end(fixture.store, sync, &error), &error);
    CHECK(binlog_store_durable_end(fixture.store).file == 2);
    for (int at = 0; at < FILES; at++) {
        binlog_maker_release(&source.files[at]);
    }
    fixture_free(&fixture);
    pthread_mutex_destroy(&stuck.lock);
}

int main(void)
{
    readers_see_whole_transactions_while_it_writes_and_syncs();
    readers_do_not_wait_for_a_sync_that_hangs();
    return 0;
}
