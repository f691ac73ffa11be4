/* SPDX-License-Identifier: Apache-2.0 */
#include "store_script.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/storage/epoch_record.h"
#include "binrelay/base/memory.h"
#include "binrelay/protocol/binlog_walk.h"
#include "binrelay/storage/epoch_index.h"
#include "check.h"
#include "epoch_maker.h"

/* What the feeder does behind every so many events; prime to each other, so that they mix. */
enum { STEPS_TO_WRITE = 3, STEPS_TO_SYNC = 7, STEPS_TO_LOSE_CONNECTION = 11 };

/* The source of transactions that no source has in the end. */
enum { LOST_SOURCE = 9 };

/* Events of a size from which on they are fed in parts. */
enum { LARGE_BYTES = 75 * 1024, PART_BYTES = 10000 };

/* Notes the events that were added to the maker's file since the last time. */
static void note(struct script_file *file,
                 const struct binlog_maker *maker,
                 uint8_t source,
                 uint64_t number)
{
    size_t offset = file->count == 0 ? BINLOG_MAGIC_BYTES
                                     : file->events[file->count - 1].offset +
                                           file->events[file->count - 1].size;
    struct binlog_walk walk = binlog_walk_of(
        (struct bytes){.data = maker->file.data + offset, .size = maker->file.size - offset});
    struct bytes event;
    struct error error;

    while (binlog_walk_next(&walk, &event, &error) == STATUS_OK) {
        CHECK(file->count < SCRIPT_MOST_EVENTS);
        file->events[file->count++] =
            (struct script_event){.offset = offset, .size = event.size};
        offset += event.size;
    }
    file->events[file->count - 1].is_whole = true;
    file->events[file->count - 1].source = source;
    file->events[file->count - 1].number = number;
}

static void transact(struct script_file *file,
                     struct binlog_maker *maker,
                     uint8_t source,
                     uint64_t number,
                     size_t size)
{
    binlog_maker_transaction(maker, source, number, size);
    note(file, maker, source, number);
}

static void add_epoch(struct script_file *file,
                      struct binlog_maker *maker,
                      struct script_epoch epoch)
{
    epoch.start =
        epoch.is_gap ? epoch_maker_incident(maker) : epoch_maker_ndb(maker, epoch.epoch, 1);
    epoch.end = maker->file.size;
    CHECK(file->epoch_count < SCRIPT_MOST_EPOCHS);
    file->epochs[file->epoch_count++] = epoch;
    note(file, maker, 0, 0);
}

static void make_first(struct script_file *file, struct binlog_maker *maker)
{
    struct buffer nothing = {0};

    buffer_add_zeros(&nothing, 8);
    note(file, maker, 0, 0);
    (void)binlog_maker_add(maker, BINLOG_PREVIOUS_GTIDS, buffer_bytes(&nothing));
    note(file, maker, 0, 0);
    transact(file, maker, 1, 1, 40);
    add_epoch(file, maker, (struct script_epoch){.incarnation = 1, .epoch = 10});
    transact(file, maker, 1, 2, 700);
    transact(file, maker, 2, 1, 40);
    transact(file, maker, 1, 3, 3000);
    add_epoch(file, maker, (struct script_epoch){.incarnation = 1, .epoch = 20});
    (void)binlog_maker_rotate(maker, "binlog.000002");
    note(file, maker, 0, 0);
    buffer_release(&nothing);
}

/* Large events, and at the end a server that dies inside a transaction. */
static void make_second(struct script_file *file, struct binlog_maker *maker)
{
    note(file, maker, 0, 0);
    transact(file, maker, 1, 4, 20000);
    transact(file, maker, 2, 2, 90000);
    add_epoch(file, maker, (struct script_epoch){.incarnation = 1, .epoch = 30});
    transact(file, maker, 1, 5, 10);
    (void)binlog_maker_gtid(maker, 1, 6);
    (void)binlog_maker_query(maker, "BEGIN");
    (void)binlog_maker_rows(maker, 600, 9);
    note(file, maker, 0, 0);
    file->events[file->count - 1].is_whole = false;
}

/* A statement that is a transaction of its own, and a clean shutdown. */
static void make_third(struct script_file *file, struct binlog_maker *maker)
{
    note(file, maker, 0, 0);
    (void)binlog_maker_gtid(maker, 1, 6);
    (void)binlog_maker_query(maker, "CREATE TABLE shop.t (a INT)");
    note(file, maker, 1, 6);
    add_epoch(file, maker,
              (struct script_epoch){.incarnation = 1, .epoch = 30, .is_gap = true});
    add_epoch(file, maker, (struct script_epoch){.incarnation = 2, .epoch = 5});
    (void)binlog_maker_stop(maker);
    note(file, maker, 0, 0);
}

static void make_empty(struct script_file *file, struct binlog_maker *maker)
{
    note(file, maker, 0, 0);
    (void)binlog_maker_rotate(maker, "binlog.000005");
    note(file, maker, 0, 0);
}

static void make_many(struct script_file *file, struct binlog_maker *maker)
{
    note(file, maker, 0, 0);
    for (uint64_t number = 7; number < 19; number++) {
        transact(file, maker, number % 4 == 0 ? 2 : 1, number, 90 * (size_t)number);
        if (number % 5 == 0) {
            add_epoch(file, maker, (struct script_epoch){.incarnation = 2, .epoch = number});
        }
    }
}

void script_make(struct script *script)
{
    static void (*const makers[SCRIPT_FILES])(struct script_file *, struct binlog_maker *) = {
        make_first, make_second, make_third, make_empty, make_many, make_empty};

    memset(script, 0, sizeof(*script));
    for (size_t at = 0; at < SCRIPT_FILES; at++) {
        struct binlog_maker maker = {.checksum = at % 3 == 2 ? BINLOG_CHECKSUM_NONE
                                                             : BINLOG_CHECKSUM_CRC32};

        binlog_maker_begin(&maker);
        makers[at](&script->files[at], &maker);
        script->files[at].bytes = maker.file; /* the script's now */
    }
}

void script_release(struct script *script)
{
    for (size_t at = 0; at < SCRIPT_FILES; at++) {
        buffer_release(&script->files[at].bytes);
    }
}

struct binlog_position script_end(const struct script *script)
{
    return (struct binlog_position){.file = SCRIPT_FILES,
                                    .offset = script->files[SCRIPT_FILES - 1].bytes.size};
}

struct gtid_set *script_gtids(const struct script *script, struct binlog_position end)
{
    struct gtid_set *set = gtid_set_new();

    for (uint64_t number = 1; number <= SCRIPT_FILES; number++) {
        const struct script_file *file = &script->files[number - 1];

        for (size_t at = 0; at < file->count; at++) {
            const struct script_event *event = &file->events[at];
            struct binlog_position behind = {.file = number,
                                             .offset = event->offset + event->size};
            struct gtid gtid = {.number = event->number};

            if (event->source == 0 || binlog_position_compare(behind, end) > 0) {
                continue;
            }
            memset(gtid.source.uuid, event->source, sizeof(gtid.source.uuid));
            gtid_set_add(set, &gtid);
        }
    }
    return set;
}

void feeder_resume(struct feeder *feeder, struct binlog_store *store)
{
    struct binlog_store_tail tail = binlog_store_tail(store);

    feeder->store = store;
    feeder->has_file = !tail.is_empty;
    feeder->file = 0;
    feeder->event = 0;
    if (tail.is_empty) {
        return;
    }
    CHECK(tail.end.file >= 1 && tail.end.file <= SCRIPT_FILES);
    feeder->file = (size_t)tail.end.file - 1;
    while (feeder->event < feeder->script->files[feeder->file].count &&
           feeder->script->files[feeder->file].events[feeder->event].offset < tail.end.offset) {
        feeder->event++;
    }
}

static enum status feed_event(struct feeder *feeder, struct error *error)
{
    const struct script_file *file = &feeder->script->files[feeder->file];
    const struct script_event *event = &file->events[feeder->event];
    struct bytes bytes = {.data = file->bytes.data + event->offset, .size = event->size};
    size_t done = LARGE_BYTES;
    enum status status = STATUS_OK;

    if (event->size <= LARGE_BYTES) {
        return binlog_store_append(feeder->store, bytes, error);
    }
    bytes.size = done;
    status = binlog_store_append_begin(feeder->store, bytes, (uint32_t)event->size, error);
    while (status == STATUS_OK && done < event->size) {
        size_t left = event->size - done;

        bytes.data = file->bytes.data + event->offset + done;
        bytes.size = left < PART_BYTES ? left : PART_BYTES;
        status = binlog_store_append_more(feeder->store, bytes, error);
        done += bytes.size;
    }
    return status;
}

/*
 * The connection is lost inside a transaction, and the source that comes back
 * does not have it any more: it must leave no trace.
 */
static enum status lose_connection(struct feeder *feeder, struct error *error)
{
    struct binlog_store_tail tail = binlog_store_tail(feeder->store);
    struct binlog_maker maker = {.checksum = tail.checksum, .server_id = 1};
    struct binlog_walk walk;
    struct bytes event;
    enum status status = binlog_store_cut_unfinished(feeder->store, error);

    buffer_add_zeros(&maker.file, (size_t)tail.end.offset);
    (void)binlog_maker_gtid(&maker, LOST_SOURCE, 1);
    (void)binlog_maker_query(&maker, "BEGIN");
    (void)binlog_maker_rows(&maker, 1000 + feeder->steps, feeder->steps);
    walk = binlog_walk_of((struct bytes){.data = maker.file.data + tail.end.offset,
                                         .size = maker.file.size - (size_t)tail.end.offset});
    while (status == STATUS_OK && tail.last_event_offset > 0 &&
           binlog_walk_next(&walk, &event, error) == STATUS_OK) {
        status = binlog_store_append(feeder->store, event, error);
    }
    if (status == STATUS_OK && feeder->steps % 2 == 0) {
        status = binlog_store_write(feeder->store, error);
    }
    if (status == STATUS_OK) {
        status = binlog_store_cut_unfinished(feeder->store, error);
    }
    if (status == STATUS_OK) {
        feeder_resume(feeder, feeder->store);
    }
    binlog_maker_release(&maker);
    return status;
}

/* What happens beside the events. */
static enum status step(struct feeder *feeder, struct error *error)
{
    enum status status = STATUS_OK;

    feeder->steps++;
    if (feeder->steps % STEPS_TO_WRITE == 0) {
        status = binlog_store_write(feeder->store, error);
    }
    if (status == STATUS_OK && feeder->steps % STEPS_TO_SYNC == 0) {
        status = binlog_store_sync(feeder->store, error);
    }
    if (status == STATUS_OK && feeder->steps % STEPS_TO_LOSE_CONNECTION == 0) {
        status = lose_connection(feeder, error);
    }
    return status;
}

static enum status begin_file(struct feeder *feeder, struct error *error)
{
    enum status status =
        binlog_store_begin_file(feeder->store, "binlog", feeder->file + 1, error);

    feeder->has_file = status == STATUS_OK;
    feeder->event = 0;
    return status;
}

enum status feeder_run(struct feeder *feeder, struct error *error)
{
    enum status status = STATUS_OK;

    while (status == STATUS_OK) {
        if (!feeder->has_file) {
            status = begin_file(feeder, error);
        } else if (feeder->event < feeder->script->files[feeder->file].count) {
            status = feed_event(feeder, error);
            feeder->event++;
            if (status == STATUS_OK) {
                status = step(feeder, error);
            }
        } else if (feeder->file + 1 < SCRIPT_FILES) {
            feeder->file++;
            status = begin_file(feeder, error);
        } else {
            return binlog_store_sync(feeder->store, error);
        }
    }
    return status;
}

/* The file begins on disk with so many bytes of the script's; a closed one has no more. */
static void check_bytes(const struct script *script,
                        const char *directory,
                        uint64_t number,
                        size_t bytes)
{
    bool is_whole = bytes == script->files[number - 1].bytes.size;
    autofree char *path = mem_format("%s/binlog.%06llu", directory, (unsigned long long)number);
    autofree uint8_t *found = mem_raw(bytes + 1);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    struct error error;
    size_t size = 0;

    CHECK(file >= 0);
    CHECK_OK(disk_read_all(disk_system(), file, found, bytes, 0, &size, &error), &error);
    CHECK(size == bytes);
    CHECK(!is_whole || disk_file_bytes(file) == (int64_t)bytes);
    CHECK(memcmp(found, script->files[number - 1].bytes.data, bytes) == 0);
    CHECK(disk_close(disk_system(), file) == 0);
}

static void check_bytes_up_to(const struct script *script,
                              const char *directory,
                              struct binlog_position end)
{
    for (uint64_t number = 1; number <= end.file; number++) {
        check_bytes(script, directory, number,
                    number == end.file ? (size_t)end.offset
                                       : script->files[number - 1].bytes.size);
    }
}

static void check_is_whole(const struct script *script, struct binlog_position end)
{
    const struct script_file *file = &script->files[end.file - 1];

    bool is_found = false;

    for (size_t at = 0; at < file->count; at++) {
        if (file->events[at].offset + file->events[at].size == end.offset) {
            CHECK(file->events[at].is_whole);
            is_found = true;
        }
    }
    CHECK(is_found);
}

static void check_lists(const struct script *script,
                        struct binlog_store *store,
                        struct binlog_position end)
{
    struct gtid_set *expected = script_gtids(script, end);
    struct gtid_set *found = binlog_files_gtids(store);
    struct binlog_file_facts *facts = NULL;
    size_t count = binlog_files_list(store, &facts);

    CHECK(gtid_set_equals(found, expected));
    CHECK(count == end.file); /* numbers begin at 1 and none is left out */
    for (size_t at = 0; at < count; at++) {
        struct gtid_set *before = binlog_files_gtids_before(store, at + 1);
        struct gtid_set *wanted =
            script_gtids(script, (struct binlog_position){.file = at + 1, .offset = 0});

        CHECK(facts[at].file == at + 1);
        CHECK(facts[at].bytes ==
              (at + 1 == end.file ? end.offset : script->files[at].bytes.size));
        CHECK(before != NULL && gtid_set_equals(before, wanted));
        gtid_set_free(before);
        gtid_set_free(wanted);
    }
    free(facts);
    gtid_set_free(found);
    gtid_set_free(expected);
}

/* No record of the index on disk speaks of what is behind the end. */
static void check_index_file(const char *directory, uint64_t number, uint64_t end)
{
    autofree char *path =
        mem_format("%s/binlog.%06llu.epochs", directory, (unsigned long long)number);
    uint8_t bytes[EPOCH_RECORD_BYTES];
    int file = open(path, O_RDONLY | O_CLOEXEC);
    struct epoch_record record;
    struct error error;
    size_t size = sizeof(bytes);

    for (uint64_t slot = 0; file >= 0 && size == sizeof(bytes); slot++) {
        CHECK_OK(disk_read_all(disk_system(), file, bytes, sizeof(bytes),
                               (off_t)epoch_record_offset(slot), &size, &error),
                 &error);
        CHECK(size < sizeof(bytes) || !epoch_record_decode(&record, bytes) ||
              record.end <= end);
    }
    if (file >= 0) {
        CHECK(disk_close(disk_system(), file) == 0);
    }
}

static void check_epoch(struct epoch_cursor *cursor,
                        const struct script_epoch *wanted,
                        uint64_t file)
{
    struct epoch_place found;
    struct error error;

    CHECK_OK(epoch_cursor_next(cursor, &found, &error), &error);
    CHECK(found.key.incarnation == wanted->incarnation && found.key.epoch == wanted->epoch);
    CHECK(found.begin.file == file && found.begin.offset == wanted->start);
    CHECK(found.end.file == file && found.end.offset == wanted->end);
}

/* The index says what the binlog has, up to the end and no more. */
static void check_epochs(const struct script *script,
                         struct binlog_store *store,
                         const char *directory,
                         struct binlog_position end)
{
    struct epoch_cursor *cursor = epoch_cursor_open(store, false);
    struct epoch_gap *gaps = NULL;
    struct epoch_place none;
    struct error error;
    size_t wanted_gaps = 0;

    for (uint64_t number = 1; number <= end.file; number++) {
        const struct script_file *file = &script->files[number - 1];
        uint64_t file_end = number == end.file ? end.offset : file->bytes.size;

        for (size_t at = 0; at < file->epoch_count && file->epochs[at].end <= file_end; at++) {
            wanted_gaps += file->epochs[at].is_gap ? 1 : 0;
            if (!file->epochs[at].is_gap) {
                check_epoch(cursor, &file->epochs[at], number);
            }
        }
        check_index_file(directory, number, file_end);
    }
    CHECK(epoch_cursor_next(cursor, &none, &error) == STATUS_NOT_FOUND);
    epoch_cursor_close(cursor);
    CHECK(epoch_index_gaps(store, &gaps) == wanted_gaps);
    free(gaps);
}

void script_check(const struct script *script,
                  struct binlog_store *store,
                  const char *directory,
                  struct binlog_position shown)
{
    struct binlog_position end = binlog_store_durable_end(store);

    CHECK(binlog_position_compare(end, shown) >= 0);
    CHECK(end.file <= SCRIPT_FILES);
    if (end.file > 0) {
        check_bytes_up_to(script, directory, end);
        check_is_whole(script, end);
    }
    check_lists(script, store, end);
    if (epoch_index_rules(store).kind == EPOCH_KIND_NDB) {
        check_epochs(script, store, directory, end);
    }
}
