/* SPDX-License-Identifier: Apache-2.0 */
#include "purge_rig.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "binrelay/base/memory.h"
#include "binrelay/protocol/binlog_walk.h"
#include "check.h"
#include "epoch_maker.h"
#include "temp_dir.h"

enum { EPOCH_STEP = 10, MOST_EVENTS = 100000 };

static const uint64_t begin_usec = UINT64_C(1700000000000000);
static const uint64_t large_disk = UINT64_C(1) << 50;

static uint64_t rig_now(void *context)
{
    struct purge_rig *rig = context;

    return atomic_load(&rig->now_usec);
}

/* ---- what the endpoint and the puller would do ---- */

static bool is_held(const struct purge_rig *rig, const struct rig_stream *stream, uint64_t age)
{
    return stream->session != 0 && !stream->is_dropped &&
           (stream->ended_usec == 0 || atomic_load(&rig->now_usec) - stream->ended_usec < age);
}

static size_t stream_holds(void *context, uint64_t min_age_usec, struct log_hold **holds)
{
    struct purge_rig *rig = context;
    size_t count = 0;

    *holds = mem_zeroed((RIG_MOST_STREAMS + 1) * sizeof(**holds));
    for (size_t at = 0; at < RIG_MOST_STREAMS; at++) {
        const struct rig_stream *stream = &rig->streams[at];

        if (is_held(rig, stream, min_age_usec)) {
            struct log_hold *hold = &(*holds)[count++];

            hold->from = stream->from;
            hold->server_id = stream->server_id;
            (void)snprintf(hold->who, sizeof(hold->who), "session %llu",
                           (unsigned long long)stream->session);
            (void)snprintf(hold->why, sizeof(hold->why), "stream");
        }
    }
    log_holds_sort(*holds, count);
    return count;
}

static void set_room(void *context, bool has_room, const char *reason)
{
    struct purge_rig *rig = context;

    rig->has_room = has_room;
    rig->room_changes++;
    (void)snprintf(rig->room_reason, sizeof(rig->room_reason), "%s", reason);
}

static void end_streams(void *context, uint32_t server_id)
{
    struct purge_rig *rig = context;

    CHECK(server_id != 0);
    if (rig->ended_count < RIG_MOST_CALLS) {
        rig->ended_ids[rig->ended_count++] = server_id;
    }
    for (size_t at = 0; at < RIG_MOST_STREAMS; at++) {
        if (rig->streams[at].server_id == server_id) {
            rig->streams[at].is_dropped = true;
        }
    }
    if (rig->on_end != NULL) {
        rig->on_end(rig, server_id);
    }
}

static enum status purge_source_file(void *context, uint64_t file, struct error *error)
{
    struct purge_rig *rig = context;

    if (rig->source_count < RIG_MOST_CALLS) {
        rig->source_files[rig->source_count++] = file;
    }
    return rig->is_source_away ? error_set(error, STATUS_CLOSED, "the source is away")
                               : STATUS_OK;
}

/* ---- life ---- */

static void open_all(struct purge_rig *rig)
{
    struct error error;

    rig->store = binlog_store_new(&(struct binlog_store_options){
        .disk = fake_disk_calls(rig->disk),
        .clock = &rig->clock,
        .directory = rig->directory,
        .epochs = {.kind = EPOCH_KIND_NDB},
    });
    CHECK_OK(binlog_store_recover(rig->store, &error), &error);
    rig->board = cluster_board_new();
    CHECK_OK(registry_open(&rig->registry, rig->root, &rig->clock, &error), &error);
    CHECK_OK(registry_open_appliers(rig->registry,
                                    &(struct registry_applied){.name = "east",
                                                               .server_id = 199,
                                                               .store = rig->store,
                                                               .board = rig->board},
                                    &rig->appliers, &error),
             &error);
    rig->pins = registry_pins(rig->registry);
    purge_rig_renew(rig);
}

static void close_all(struct purge_rig *rig)
{
    purger_free(rig->purger);
    rig->purger = NULL;
    registry_close(rig->registry);
    cluster_board_free(rig->board);
    binlog_store_free(rig->store);
}

void purge_rig_renew(struct purge_rig *rig)
{
    purger_free(rig->purger);
    rig->has_room = true;
    rig->purger = purger_new(&(struct purger_options){
        .cluster = "east",
        .directory = rig->directory,
        .store = rig->store,
        .appliers = rig->appliers,
        .pins = rig->pins,
        .registry = rig->registry,
        .clock = &rig->clock,
        .disk = fake_disk_calls(rig->disk),
        .settings = rig->settings,
        .links = {.stream_holds = stream_holds,
                  .set_room = set_room,
                  .end_streams = end_streams,
                  .purge_source = purge_source_file,
                  .context = rig},
    });
}

struct purge_rig *purge_rig_new(void)
{
    struct purge_rig *rig = mem_zeroed(sizeof(*rig));

    rig->root = temp_dir_make();
    rig->directory = mem_format("%s/east", rig->root);
    rig->now_usec = begin_usec;
    rig->clock = (struct clock){rig_now, rig_now, rig};
    rig->disk = fake_disk_new();
    fake_disk_set_space(rig->disk, large_disk, large_disk);
    rig->maker.checksum = BINLOG_CHECKSUM_CRC32;
    rig->settings = (struct purge_settings){
        .is_automatic = true, .min_files = 1, .soft_percent = 80, .hard_percent = 95};
    open_all(rig);
    return rig;
}

void purge_rig_free(struct purge_rig *rig)
{
    close_all(rig);
    fake_disk_free(rig->disk);
    binlog_maker_release(&rig->maker);
    temp_dir_remove(rig->root);
    free(rig->directory);
    free(rig);
}

/* The files were written by the rig's clock. */
static void set_times(const struct purge_rig *rig, uint64_t first)
{
    for (uint64_t file = first; file <= rig->file; file++) {
        autofree char *path = mem_format("%s/binlog.%06u", rig->directory, (unsigned)file);
        struct timespec at = {.tv_sec = (time_t)(rig->written_usec[file] / 1000000),
                              .tv_nsec = (long)(rig->written_usec[file] % 1000000 * 1000)};
        struct timespec times[] = {at, at};

        CHECK(utimensat(AT_FDCWD, path, times, 0) == 0);
    }
}

void purge_rig_restart(struct purge_rig *rig)
{
    uint64_t first = purge_rig_first(rig);

    close_all(rig);
    set_times(rig, first);
    memset(rig->streams, 0, sizeof(rig->streams));
    open_all(rig);
}

/* ---- the log ---- */

static void publish(struct purge_rig *rig, size_t from)
{
    struct binlog_walk walk = binlog_walk_of((struct bytes){
        .data = rig->maker.file.data + from, .size = rig->maker.file.size - from});
    struct bytes event;
    struct error error;

    while (binlog_walk_next(&walk, &event, &error) == STATUS_OK) {
        CHECK_OK(binlog_store_append(rig->store, event, &error), &error);
    }
    CHECK_OK(binlog_store_sync(rig->store, &error), &error);
    rig->written_usec[rig->file] = atomic_load(&rig->now_usec);
    rig->file_bytes[rig->file] = rig->maker.file.size;
}

void purge_rig_add_epochs(struct purge_rig *rig, unsigned epochs)
{
    size_t from = rig->maker.file.size;

    for (unsigned at = 0; at < epochs; at++) {
        rig->new_epoch += EPOCH_STEP;
        CHECK(rig->new_epoch / EPOCH_STEP < RIG_MOST_EPOCHS);
        (void)epoch_maker_ndb(&rig->maker, rig->new_epoch, 1);
        rig->epochs[rig->new_epoch / EPOCH_STEP] =
            (struct rig_epoch){.file = rig->file, .end = {rig->file, rig->maker.file.size}};
    }
    if (epochs > 0) {
        publish(rig, from);
    }
}

void purge_rig_add_file(struct purge_rig *rig, unsigned epochs)
{
    char next[BINLOG_NAME_BYTES];
    size_t from = rig->maker.file.size;
    struct error error;

    CHECK(rig->file + 1 < RIG_MOST_EPOCHS);
    if (rig->file != 0) {
        binlog_name_print(next, "binlog", rig->file + 1);
        (void)binlog_maker_rotate(&rig->maker, next);
        publish(rig, from);
    }
    rig->file++;
    CHECK_OK(binlog_store_begin_file(rig->store, "binlog", rig->file, &error), &error);
    binlog_maker_begin(&rig->maker);
    publish(rig, BINLOG_MAGIC_BYTES);
    purge_rig_add_epochs(rig, epochs);
}

void purge_rig_pass(struct purge_rig *rig, uint64_t usec)
{
    atomic_fetch_add(&rig->now_usec, usec);
}

struct binlog_position purge_rig_end_of(const struct purge_rig *rig, uint64_t epoch)
{
    return rig->epochs[epoch / EPOCH_STEP].end;
}

struct binlog_position purge_rig_needed_behind(const struct purge_rig *rig, uint64_t epoch)
{
    const struct rig_epoch *applied = &rig->epochs[epoch / EPOCH_STEP];

    return epoch < rig->new_epoch && applied[1].file > applied->file
               ? (struct binlog_position){applied->file + 1, BINLOG_MAGIC_BYTES}
               : applied->end;
}

uint64_t purge_rig_first(const struct purge_rig *rig)
{
    struct binlog_file_facts *files = NULL;
    uint64_t first = binlog_files_list(rig->store, &files) == 0 ? 0 : files[0].file;

    free(files);
    return first;
}

/* ---- who needs it ---- */

void purge_rig_add_applier(struct purge_rig *rig,
                           uint32_t server_id,
                           bool is_required,
                           uint64_t expire_after_usec)
{
    struct error error;

    CHECK_OK(
        applier_registry_add(rig->appliers,
                             &(struct applier_setting){.server_id = server_id,
                                                       .is_required = is_required,
                                                       .expire_after_usec = expire_after_usec},
                             &error),
        &error);
}

bool purge_rig_is_lost(const struct purge_rig *rig, uint32_t server_id)
{
    struct applier_facts *facts = NULL;
    struct error error;
    bool is_lost = false;

    CHECK_OK(applier_registry_find(rig->appliers, server_id, &facts, &error), &error);
    is_lost = facts->is_lost;
    applier_facts_free(facts, 1);
    return is_lost;
}

void purge_rig_report(struct purge_rig *rig, uint32_t server_id, uint64_t epoch)
{
    struct error error;

    CHECK_OK(applier_registry_report(rig->appliers, server_id, epoch, REPORT_POLL, &error),
             &error);
}

void purge_rig_pin(struct purge_rig *rig, const char *name, uint64_t epoch, uint64_t ttl_usec)
{
    uint64_t now_usec = atomic_load(&rig->now_usec);
    struct pin_facts pin = {.cluster = "east",
                            .epoch = {.incarnation = 1, .epoch = epoch},
                            .from = purge_rig_end_of(rig, epoch),
                            .created_usec = now_usec,
                            .expires_usec = ttl_usec == 0 ? 0 : now_usec + ttl_usec};
    struct error error;

    (void)snprintf(pin.name, sizeof(pin.name), "%s", name);
    CHECK_OK(pin_table_put(rig->pins, &pin, &error), &error);
}

/* ---- streams ---- */

struct rig_stream *purge_rig_stream(struct purge_rig *rig,
                                    uint32_t server_id,
                                    struct binlog_position from)
{
    for (size_t at = 0; at < RIG_MOST_STREAMS; at++) {
        struct rig_stream *stream = &rig->streams[at];

        if (stream->session == 0) {
            *stream = (struct rig_stream){
                .session = ++rig->sessions, .server_id = server_id, .from = from};
            applier_registry_stream_began(rig->appliers, server_id, from);
            return stream;
        }
    }
    return NULL;
}

void purge_rig_move(struct purge_rig *rig,
                    struct rig_stream *stream,
                    struct binlog_position place)
{
    stream->from = place;
    applier_registry_stream_got(rig->appliers, stream->server_id, place);
}

void purge_rig_end(struct purge_rig *rig, struct rig_stream *stream)
{
    stream->ended_usec = atomic_load(&rig->now_usec);
    applier_registry_stream_ended(rig->appliers, stream->server_id, stream->from);
}

/* ---- events ---- */

static size_t list_events(const struct purge_rig *rig, struct registry_event **events)
{
    size_t count = 0;
    struct error error;

    CHECK_OK(registry_list_events(rig->registry, 0, 0, MOST_EVENTS, events, &count, &error),
             &error);
    return count;
}

size_t purge_rig_count_events(const struct purge_rig *rig, const char *event)
{
    struct registry_event *events = NULL;
    size_t count = list_events(rig, &events);
    size_t found = 0;

    for (size_t at = 0; at < count; at++) {
        found += strcmp(events[at].event, event) == 0;
    }
    free(events);
    return found;
}

bool purge_rig_has_event(const struct purge_rig *rig, const char *event, const char *text)
{
    struct registry_event *events = NULL;
    size_t count = list_events(rig, &events);
    bool is_found = false;

    for (size_t at = 0; at < count; at++) {
        if (strcmp(events[at].event, event) == 0) {
            is_found = strstr(events[at].message, text) != NULL;
        }
    }
    free(events);
    return is_found;
}
