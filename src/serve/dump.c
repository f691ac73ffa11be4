/* SPDX-License-Identifier: Apache-2.0 */
#include "dump.h"

#include <inttypes.h>
#include <stdlib.h>

#include "binrelay/base/log.h"
#include "binrelay/base/memory.h"
#include "binrelay/storage/binlog_files.h"
#include "binrelay/storage/epoch_index.h"
#include "dump_internal.h"

enum {
    QUEUE_HIGH_BYTES = 1024 * 1024,
    QUEUE_LOW_BYTES = 256 * 1024,
    TURN_BYTES = 4 * 1024 * 1024, /* framed or scanned, then others have their turn */
    HEARTBEAT_LEAST_USEC = 1000,  /* as mysqld */
    ERROR_FATAL_READING = 1236,   /* ER_SOURCE_FATAL_ERROR_READING_BINLOG */
    ERROR_SHUTDOWN = 1053,        /* ER_SERVER_SHUTDOWN */
};

/* What one step of a dump came to. */
enum step {
    STEP_MORE, /* there may be more to do now */
    STEP_WAIT, /* nothing until the store publishes */
    STEP_END,  /* a non-blocking dump is at the end of the log */
    STEP_FAIL,
};

uint16_t dump_error_code(enum status status)
{
    switch (status) {
    case STATUS_AGAIN:
    case STATUS_CLOSED:
    case STATUS_SYSTEM:
        return ERROR_SHUTDOWN;
    case STATUS_OK:
    case STATUS_NOT_FOUND:
    case STATUS_DENIED:
    case STATUS_INVALID:
    case STATUS_CORRUPT:
    case STATUS_FULL:
    case STATUS_COUNT:
        break;
    }
    return ERROR_FATAL_READING;
}

static enum status read_cursor(
    void *context, uint64_t offset, void *data, size_t size, size_t *found, struct error *error)
{
    const struct dump *dump = context;

    return binlog_cursor_read(dump->cursor, offset, data, size, found, error);
}

static bool is_same_place(struct binlog_position left, struct binlog_position right)
{
    return binlog_position_compare(left, right) == 0;
}

static void close_file(struct dump *dump)
{
    if (dump->opened != NULL) {
        shared_unref(&dump->opened->shared);
        dump->opened = NULL;
    }
    if (dump->cursor != NULL) {
        binlog_cursor_close(dump->cursor);
        dump->cursor = NULL;
    }
}

enum status dump_open_file(struct dump *dump, uint64_t file, struct error *error)
{
    struct binlog_cursor *cursor = NULL;
    enum status status = binlog_cursor_open(&cursor, dump->cluster->store, file, error);

    if (status == STATUS_NOT_FOUND) {
        /* Who chose it, or read the file before it, comes again and is told what is here then.
         */
        return error_set(error, STATUS_AGAIN,
                         "binlog file %" PRIu64 " of cluster %s was purged just now", file,
                         dump->cluster->name);
    }
    if (status != STATUS_OK) {
        return status;
    }
    close_file(dump);
    dump->cursor = cursor;
    dump->position = (struct binlog_position){.file = file, .offset = BINLOG_MAGIC_BYTES};
    dump->told = dump->position;
    dump->source.read_size = 0;
    dump->run = (struct filter_run){0};
    if (dump->is_member) {
        frame_cache_move(dump->frames, &dump->member, dump->position);
    }
    return STATUS_OK;
}

/* ---- what is left out ---- */

/* Something was left out before the position: the replica must not count on from where it is.
 */
static void mend_position(struct dump *dump)
{
    if (is_same_place(dump->told, dump->position)) {
        return;
    }
    dump->told = dump->position;
    if (!dump->is_mariadb) {
        dump_send_rotate(dump);
        return;
    }
    /* MariaDB needs a format description behind each Rotate, but has its own way, and counts
     * by GTID anyway where 32 bits do not do. */
    if (dump->told.offset <= UINT32_MAX && dump->filter != NULL) {
        dump_send_gtid_list(dump, dump_filter_mariadb_state(dump->filter));
    }
}

static bool is_hidden(const struct dump *dump)
{
    return binlog_position_compare(dump->position, dump->first_visible) < 0;
}

/* It is not the replica's to apply. */
static bool is_applied(const struct dump *dump)
{
    return binlog_position_compare(dump->position, dump->begin_at) < 0;
}

/* No run may reach over a place where the rules change. */
static void stop_at(struct frame_range *range, struct binlog_position place, uint64_t file)
{
    if (place.file == file && place.offset > range->offset && place.offset < range->limit) {
        range->limit = place.offset;
    }
}

/* Scans what comes next into dump->run. */
static enum status scan(struct dump *dump, uint64_t readable, struct error *error)
{
    struct frame_range range = {.offset = dump->position.offset, .limit = readable};

    stop_at(&range, dump->first_visible, dump->position.file);
    stop_at(&range, dump->begin_at, dump->position.file);
    enum status status =
        dump_filter_next(dump->filter, &dump->source, range, dump->checksum, &dump->run, error);

    if (status != STATUS_OK || dump->run.is_left_out) {
        return status;
    }
    if (is_applied(dump)) {
        dump->run.is_left_out = true;
        return STATUS_OK;
    }
    if (!is_hidden(dump)) {
        return STATUS_OK;
    }
    if (dump->run.has_group) {
        return error_set(error, STATUS_INVALID,
                         "Cannot replicate because the replica misses transactions that were "
                         "stored before cluster %s begins to be served",
                         dump->cluster->name);
    }
    dump->run.is_left_out = true;
    return STATUS_OK;
}

/* Looks what of the readable events may be sent: up to where, and whether it is all. */
static enum status filter_events(struct dump *dump, uint64_t *limit, struct error *error)
{
    if (dump->filter == NULL) {
        return STATUS_OK;
    }
    if (dump->run.end > dump->position.offset) {
        *limit = dump->run.end; /* the rest of a run that is sent */
        return STATUS_OK;
    }
    enum filter_need need = dump_filter_need(dump->filter, dump->position);

    if (need == FILTER_NEEDED || is_hidden(dump) || is_applied(dump)) {
        enum status status = scan(dump, *limit, error);

        *limit = dump->run.end;
        return status;
    }
    if (need == FILTER_DONE) {
        mend_position(dump);
        dump_filter_free(dump->filter);
        dump->filter = NULL;
    }
    return STATUS_OK;
}

/* ---- steps ---- */

static enum status step_events(struct dump *dump, uint64_t readable, struct error *error)
{
    uint64_t limit = readable;
    enum status status = filter_events(dump, &limit, error);

    if (status != STATUS_OK) {
        return status;
    }
    if (dump->run.is_left_out && dump->run.end > dump->position.offset) {
        dump->position.offset = dump->run.end;
        return STATUS_OK;
    }
    mend_position(dump);
    return dump_send_events(dump, limit, limit == readable, error);
}

static enum status begin_file(struct dump *dump, bool is_finished, struct error *error)
{
    enum status status = dump_send_file_begin(dump, error);

    if (status == STATUS_OK && dump->filter != NULL) {
        status = dump_filter_enter_file(dump->filter, dump->cluster->store, dump->position.file,
                                        is_finished, error);
    }
    return status;
}

/* All of the file before is with the connection. */
static enum status open_next_file(struct dump *dump, uint64_t file, struct error *error)
{
    enum status status = dump_open_file(dump, file, error);

    if (status == STATUS_OK) {
        stream_hold_mark(dump->hold, dump->connection, dump->position);
    }
    return status;
}

/* Looked up once for each turn: what comes in between is sent in the next one. */
static void find_whole_end(struct dump *dump)
{
    const struct epoch_key most = {.incarnation = UINT32_MAX, .epoch = UINT64_MAX};
    struct epoch_place last;
    struct error ignored; /* there is none yet: nothing is sent */

    if (dump->sends_whole_epochs &&
        epoch_index_at_or_before(dump->cluster->store, most, &last, &ignored) == STATUS_OK) {
        dump->whole_end = last.end;
    }
}

/* What of the readable bytes is in whole epochs, were that asked for. */
static uint64_t limit_to_whole(const struct dump *dump, uint64_t readable)
{
    if (!dump->sends_whole_epochs || dump->position.file < dump->whole_end.file) {
        return readable;
    }
    if (dump->position.file > dump->whole_end.file) {
        return 0;
    }
    return dump->whole_end.offset < readable ? dump->whole_end.offset : readable;
}

static enum step next_step(struct dump *dump, struct error *error)
{
    uint64_t next_file = 0;
    /* Asked before the readable bytes: a file that is finished does not grow any more. */
    bool is_finished = binlog_cursor_is_finished(dump->cursor, &next_file);
    uint64_t stored = binlog_cursor_readable(dump->cursor);
    uint64_t readable = limit_to_whole(dump, stored);
    enum status status = STATUS_OK;

    if (dump->position.offset < readable) {
        status = dump->position.offset == BINLOG_MAGIC_BYTES
                     ? begin_file(dump, is_finished, error)
                     : step_events(dump, readable, error);
    } else if (is_finished && readable == stored) {
        status = open_next_file(dump, next_file, error);
    } else {
        if (dump->position.offset > BINLOG_MAGIC_BYTES) {
            mend_position(dump);
        }
        return dump->is_blocking ? STEP_WAIT : STEP_END;
    }
    return status == STATUS_OK ? STEP_MORE : STEP_FAIL;
}

static enum step run_steps(struct dump *dump, struct error *error)
{
    uint64_t turn_bytes = 0;

    while (connection_queued(dump->connection) < QUEUE_HIGH_BYTES) {
        struct binlog_position before = dump->position;
        enum step step = next_step(dump, error);

        if (step != STEP_MORE) {
            return step;
        }
        if (dump->position.file == before.file) {
            turn_bytes += dump->position.offset - before.offset;
        }
        if (turn_bytes >= TURN_BYTES) {
            break;
        }
    }
    /* Above the low mark the connection says when to go on. */
    if (connection_queued(dump->connection) <= QUEUE_LOW_BYTES) {
        loop_timer_set(dump->turn_timer, 0);
    }
    return STEP_MORE;
}

static void fail(struct dump *dump, const struct error *error)
{
    if (error->status == STATUS_CORRUPT || error->status == STATUS_SYSTEM) {
        log_error("cluster %s: binlog file %" PRIu64 ": %s", dump->cluster->name,
                  dump->position.file, error->message);
    }
    dump->handler->on_fail(dump->handler_context, dump_error_code(error->status), error);
}

/* The handler may free the dump: calling it is the last that is done. */
void dump_pump(struct dump *dump)
{
    struct error error = {0};

    if (dump->is_ended || dump->is_held) {
        return;
    }
    find_whole_end(dump);
    enum step step = run_steps(dump, &error);

    if (dump->has_sent) {
        dump->has_sent = false;
        connection_flush(dump->connection);
        if (dump->heartbeat_usec > 0) {
            loop_timer_set(dump->heartbeat_timer, dump->heartbeat_usec);
        }
    }
    stream_hold_sent(dump->hold, dump->connection);
    if (step == STEP_MORE || step == STEP_WAIT) {
        return;
    }
    dump->is_ended = true;
    loop_timer_clear(dump->heartbeat_timer);
    if (step == STEP_FAIL) {
        fail(dump, &error);
        return;
    }
    dump_send_eof(dump);
    connection_flush(dump->connection);
    dump->handler->on_end(dump->handler_context);
}

static void on_turn(void *context)
{
    dump_pump(context);
}

/*
 * A file was ended and the next is not there yet, as when a source dies just after it
 * rotated. The replica was told the next file's name by the Rotate, and takes no heartbeat
 * of another.
 */
static bool is_between_files(const struct dump *dump)
{
    struct binlog_file_facts facts;
    struct error error;

    return binlog_files_find(dump->cluster->store, dump->position.file, &facts, &error) ==
               STATUS_OK &&
           facts.is_rotated && facts.bytes == dump->position.offset;
}

static void send_heartbeat_between_files(struct dump *dump)
{
    struct binlog_position told = dump->told;

    dump->told = (struct binlog_position){.file = told.file + 1, .offset = BINLOG_MAGIC_BYTES};
    dump_send_heartbeats(dump, 1);
    dump->told = told;
}

/* Nothing was sent for the heartbeat's time. */
static void on_heartbeat(void *context)
{
    struct dump *dump = context;

    if (dump->is_ended) {
        return;
    }
    loop_timer_set(dump->heartbeat_timer, dump->heartbeat_usec);
    if (connection_queued(dump->connection) > 0) {
        return; /* the replica is slow, not the log: bytes are on their way */
    }
    if (!dump->is_held && is_between_files(dump)) {
        send_heartbeat_between_files(dump);
    } else if (dump_can_send_heartbeat(dump)) {
        dump_send_heartbeats(dump, 1);
    } else if (!dump->is_mariadb || dump->told.offset == BINLOG_MAGIC_BYTES) {
        dump_send_rotate(dump); /* says more, and keeps the connection alive as well */
    }
    dump->has_sent = false;
    connection_flush(dump->connection);
}

struct dump *dump_new(const struct dump_request *request,
                      const struct dump_handler *handler,
                      void *context)
{
    struct dump *dump = mem_zeroed(sizeof(*dump));

    dump->cluster = request->cluster;
    dump->frames = request->frames;
    dump->connection = request->connection;
    dump->loop = request->loop;
    dump->hold = request->hold;
    dump->handler = handler;
    dump->handler_context = context;
    /* A replica has a server id; mysqlbinlog comes with 0 to read what there is (as mysqld). */
    dump->is_blocking =
        request->command.server_id != 0 && (request->command.flags & DUMP_NON_BLOCK) == 0;
    dump->is_mariadb = request->is_mariadb;
    dump->knows_checksums = request->knows_checksums;
    dump->is_heartbeat_v2 =
        !request->is_mariadb && (request->command.flags & DUMP_HEARTBEAT_V2) != 0;
    if (request->heartbeat_usec > 0) {
        dump->heartbeat_usec = request->heartbeat_usec < HEARTBEAT_LEAST_USEC
                                   ? HEARTBEAT_LEAST_USEC
                                   : request->heartbeat_usec;
    }
    dump->source = (struct frame_source){.read = read_cursor, .context = dump};
    dump->sequence = request->sequence;
    dump->checksum = request->checksum;
    dump->bytes_since_aligned = UINT64_MAX;
    dump->first_visible = binlog_store_first_visible(request->cluster->store);
    dump->begin_at = request->begin_at;
    dump->sends_whole_epochs = request->sends_whole_epochs;
    dump->heartbeat_timer = loop_timer_new(request->loop, on_heartbeat, dump);
    dump->turn_timer = loop_timer_new(request->loop, on_turn, dump);
    connection_set_low_mark(request->connection, QUEUE_LOW_BYTES);
    return dump;
}

void dump_free(struct dump *dump)
{
    if (dump == NULL) {
        return;
    }
    stream_hold_sent(dump->hold, dump->connection);
    if (dump->is_member) {
        frame_cache_leave(dump->frames, &dump->member);
    }
    loop_timer_free(dump->heartbeat_timer);
    loop_timer_free(dump->turn_timer);
    dump_filter_free(dump->filter);
    close_file(dump);
    free(dump);
}

struct binlog_position dump_position(const struct dump *dump)
{
    return dump->position;
}

uint8_t dump_sequence(const struct dump *dump)
{
    return dump->sequence;
}

enum binlog_checksum dump_checksum(const struct dump *dump)
{
    return dump->checksum;
}
