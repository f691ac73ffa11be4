/* SPDX-License-Identifier: Apache-2.0 */
/* What was asked, and what is answered at once: the first packets, or why not. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binrelay/base/log.h"
#include "binrelay/storage/binlog_files.h"
#include "binrelay/storage/epoch_index.h"
#include "binrelay/storage/epoch_locate.h"
#include "dump_internal.h"

#define NAME_OF_FIRST "first"
#define NAME_OF_LAST "last"

enum {
    MARIADB_CAPABILITY_GTID = 4,   /* MARIA_SLAVE_CAPABILITY_GTID: 10.0 and up */
    SETTLE_USEC = 2 * 1000 * 1000, /* a source that was just connected has not sent much yet */
};

bool dump_is_caught_up(const struct dump_request *request)
{
    struct cluster_report report;
    struct binlog_position end = binlog_store_durable_end(request->cluster->store);
    uint64_t now_usec = clock_wall_usec(request->clock);

    cluster_board_read(request->cluster->board, &report);
    return report.state == PULL_STREAMING && now_usec >= report.state_since_usec &&
           now_usec - report.state_since_usec >= SETTLE_USEC &&
           binlog_position_compare(report.received, end) <= 0;
}

enum status dump_refuse_for_now(const struct dump_request *request,
                                struct error *error,
                                const char *format,
                                ...)
{
    char message[sizeof(error->message)];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    if (dump_is_caught_up(request)) {
        return error_set(error, STATUS_INVALID, "%s", message);
    }
    return error_set(error, STATUS_AGAIN, "%s; cluster %s is still catching up", message,
                     request->cluster->name);
}

/* ---- by file and position ---- */

struct shown_name {
    char text[BINLOG_NAME_BYTES];
};

static struct shown_name name_of(const struct dump_request *request, uint64_t file)
{
    struct shown_name name;

    binlog_name_print(name.text, binlog_store_log_name(request->cluster->store), file);
    return name;
}

struct binlog_position dump_find_first(const struct dump_request *request)
{
    struct binlog_position first = binlog_store_first_visible(request->cluster->store);

    if (first.file == 0) {
        struct binlog_file_facts *facts = NULL;

        if (binlog_files_list(request->cluster->store, &facts) > 0) {
            first.file = facts[0].file;
        }
        free(facts);
    }
    if (first.offset < BINLOG_MAGIC_BYTES) {
        first.offset = BINLOG_MAGIC_BYTES;
    }
    return first;
}

static enum status refuse_unknown_file(const struct dump_request *request,
                                       bool is_later,
                                       struct error *error)
{
    struct binlog_position end = binlog_store_durable_end(request->cluster->store);
    struct shown_name first = name_of(request, dump_find_first(request).file);
    struct shown_name last = name_of(request, end.file);
    struct log_text wanted = log_safe(request->command.file_name);

    /* Start scripts of NDB appliers ask an empty index, and then begin at a file that their own
     * source would have. */
    if (dump_awaits_first_epoch(request)) {
        return error_set(error, STATUS_AGAIN,
                         "'%s' is not here, and cluster %s has no epoch yet", wanted.text,
                         request->cluster->name);
    }
    if (is_later) {
        return dump_refuse_for_now(request, error,
                                   "Could not find first log file name in binary log index "
                                   "file: '%s' is behind the last one, %s",
                                   wanted.text, last.text);
    }
    return error_set(error, STATUS_INVALID,
                     "Could not find first log file name in binary log index file: '%s' is not "
                     "here, cluster %s has %s to %s",
                     wanted.text, request->cluster->name, first.text, last.text);
}

/* Purged here, or stored before this relay came: what it holds cannot be had any more. */
static enum status refuse_older_file(const struct dump_request *request, struct error *error)
{
    struct error unknown;

    if (refuse_unknown_file(request, false, &unknown) != STATUS_INVALID) {
        *error = unknown;
        return unknown.status;
    }
    return error_set(error, STATUS_INVALID, "%.256s; %s", unknown.message,
                     dump_oldest(request).text);
}

/* The file of the asked name, as it is written here: "binlog.1" is no "binlog.000001". */
static enum status find_file(const struct dump_request *request,
                             uint64_t *found,
                             struct error *error)
{
    struct binlog_store *store = request->cluster->store;
    struct binlog_position end = binlog_store_durable_end(store);
    char base_name[BINLOG_NAME_MOST_BYTES + 1];
    uint64_t file = 0;
    struct binlog_file_facts facts;

    if (!binlog_name_split(request->command.file_name, base_name, &file) ||
        !bytes_equal(request->command.file_name, bytes_of_text(name_of(request, file).text))) {
        return refuse_unknown_file(request, false, error);
    }
    if (file > end.file) {
        return refuse_unknown_file(request, true, error);
    }
    if (binlog_files_find(store, file, &facts, error) != STATUS_OK) {
        return file < dump_find_first(request).file
                   ? refuse_older_file(request, error)
                   : refuse_unknown_file(request, false, error);
    }
    *found = file;
    return STATUS_OK;
}

static bool is_name(const struct dump_request *request, const char *name)
{
    return bytes_equal(request->command.file_name, bytes_of_text(name));
}

static bool is_name_of_place(const struct dump_request *request)
{
    return is_name(request, NAME_OF_FIRST) || is_name(request, NAME_OF_LAST) ||
           dump_asks_for_lookup(request);
}

/* Names that stand for a place, which the first Rotate tells. */
static enum status find_named_place(const struct dump_request *request,
                                    struct binlog_position first,
                                    struct binlog_position *found,
                                    struct error *error)
{
    uint64_t last = binlog_store_durable_end(request->cluster->store).file;

    if (request->command.position > BINLOG_MAGIC_BYTES) {
        return error_set(error, STATUS_INVALID,
                         "Client requested source to start replication from impossible "
                         "position: the file name '%s' says where, its position is 4",
                         log_safe(request->command.file_name).text);
    }
    *found = first;
    if (is_name(request, NAME_OF_LAST) && last > first.file) {
        *found = (struct binlog_position){.file = last, .offset = BINLOG_MAGIC_BYTES};
    }
    return dump_asks_for_lookup(request) ? dump_look_up(request, found, error) : STATUS_OK;
}

/* A replica that read the last purged file to its end, and was away since. */
static bool find_behind_purged(const struct dump_request *request,
                               struct binlog_position *found)
{
    struct binlog_position asked = {.offset = request->command.position};
    char base_name[BINLOG_NAME_MOST_BYTES + 1];

    return binlog_name_split(request->command.file_name, base_name, &asked.file) &&
           bytes_equal(request->command.file_name,
                       bytes_of_text(name_of(request, asked.file).text)) &&
           epoch_locate_behind_purged(request->cluster->store, asked, found);
}

/* A position in a file that is named, or in the first one if none is. */
static enum status find_in_file(const struct dump_request *request,
                                struct binlog_position first,
                                struct binlog_position *found,
                                struct error *error)
{
    struct binlog_position wanted = {.file = first.file, .offset = request->command.position};

    if (wanted.offset < BINLOG_MAGIC_BYTES) {
        return error_set(error, STATUS_INVALID,
                         "Client requested source to start replication from position < 4");
    }
    if (find_behind_purged(request, found)) {
        return STATUS_OK;
    }
    if (request->command.file_name.size == 0) {
        wanted.offset = wanted.offset < first.offset ? first.offset : wanted.offset;
    } else {
        enum status status = find_file(request, &wanted.file, error);

        if (status != STATUS_OK) {
            return status;
        }
    }
    *found = wanted;
    return STATUS_OK;
}

/* Finds what was asked for, as far as names and the first visible place say. */
static enum status find_position(const struct dump_request *request,
                                 struct binlog_position *found,
                                 struct error *error)
{
    struct binlog_position first = dump_find_first(request);
    if (request->begin_at.file != 0) {
        *found = request->begin_at;
        return STATUS_OK;
    }
    enum status status = is_name_of_place(request)
                             ? find_named_place(request, first, found, error)
                             : find_in_file(request, first, found, error);

    if (status != STATUS_OK || binlog_position_compare(*found, first) >= 0) {
        return status;
    }
    return error_set(error, STATUS_INVALID,
                     "Client requested source to start replication from impossible "
                     "position: the first one of cluster %s is %s, %" PRIu64,
                     request->cluster->name, name_of(request, first.file).text, first.offset);
}

static enum status check_offset(struct dump *dump,
                                const struct dump_request *request,
                                uint64_t offset,
                                struct error *error)
{
    uint64_t next_file = 0;
    bool is_finished = binlog_cursor_is_finished(dump->cursor, &next_file);
    uint64_t readable = binlog_cursor_readable(dump->cursor);
    struct shown_name name = name_of(request, dump->position.file);

    if (offset > readable && is_finished) {
        return error_set(error, STATUS_INVALID,
                         "Client requested source to start replication from position > file "
                         "size: %" PRIu64 " in %s, which has %" PRIu64 " bytes",
                         offset, name.text, readable);
    }
    if (offset > readable) {
        return dump_refuse_for_now(request, error,
                                   "Client requested source to start replication from "
                                   "position > file size: %" PRIu64
                                   " in %s is a position after the end, %" PRIu64,
                                   offset, name.text, readable);
    }
    enum status status = binlog_cursor_check_boundary(dump->cursor, offset, error);

    if (status == STATUS_INVALID) {
        return error_wrap(error,
                          "Client requested source to start replication from impossible "
                          "position %" PRIu64 " in %s",
                          offset, name.text);
    }
    return status;
}

enum status dump_find_by_file(struct dump *dump,
                              const struct dump_request *request,
                              struct error *error)
{
    struct binlog_position wanted = {0};
    enum status status = find_position(request, &wanted, error);

    if (status == STATUS_OK) {
        status = dump_open_file(dump, wanted.file, error);
    }
    if (status == STATUS_OK) {
        status = check_offset(dump, request, wanted.offset, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    dump->is_by_position = true;
    dump->position = wanted;
    dump->told = wanted;
    return STATUS_OK;
}

/* ---- by GTID ---- */

enum status dump_begin_filtered(struct dump *dump,
                                uint64_t file,
                                struct dump_filter *filter,
                                struct error *error)
{
    uint64_t next_file = 0;
    struct bytes format;

    dump->filter = filter;
    enum status status = dump_open_file(dump, file, error);

    if (status != STATUS_OK) {
        return status;
    }
    bool is_finished = binlog_cursor_is_finished(dump->cursor, &next_file);

    status = dump_filter_enter_file(filter, dump->cluster->store, file, is_finished, error);
    if (status == STATUS_OK) {
        status = binlog_cursor_format(dump->cursor, &format, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (dump_filter_need_of_rule(filter) == FILTER_NEEDED || dump->begin_at.file != 0) {
        dump->position.offset = BINLOG_MAGIC_BYTES + format.size;
        dump->told = dump->position;
    }
    return STATUS_OK;
}

/* ---- all ---- */

static enum status check_ready(const struct dump_request *request, struct error *error)
{
    struct cluster_report report;

    if (binlog_store_durable_end(request->cluster->store).file > 0) {
        return STATUS_OK;
    }
    cluster_board_read(request->cluster->board, &report);
    return error_set(error, STATUS_AGAIN, "cluster %s has nothing to serve yet: %s%s%s",
                     request->cluster->name, pull_state_name(report.state),
                     report.reason[0] != '\0' ? ": " : "", report.reason);
}

bool dump_goes_by_gtid(const struct dump_request *request)
{
    return request->has_connect_state ||
           (request->command.is_by_gtid && request->command.file_name.size == 0);
}

enum status dump_check_request(const struct dump_request *request, struct error *error)
{
    enum status status = check_ready(request, error);

    if (status != STATUS_OK) {
        return status;
    }
    if (request->is_mariadb && request->mariadb_capability < MARIADB_CAPABILITY_GTID) {
        return error_set(error, STATUS_INVALID,
                         "MariaDB replicas with @mariadb_slave_capability %d are not served: "
                         "10.0 and up have %d",
                         request->mariadb_capability, MARIADB_CAPABILITY_GTID);
    }
    if (request->has_until) {
        return error_set(error, STATUS_INVALID,
                         "START SLAVE UNTIL master_gtid_pos is not served here: the relay "
                         "does not stop a stream at a GTID");
    }
    return STATUS_OK;
}

static enum status find_place(struct dump *dump,
                              const struct dump_request *request,
                              struct error *error)
{
    enum status status = dump_check_request(request, error);

    if (status != STATUS_OK) {
        return status;
    }
    if (request->has_connect_state) {
        return dump_find_by_mariadb(dump, request, error);
    }
    if (request->command.is_by_gtid) {
        return dump_find_by_gtids(dump, request, error);
    }
    return dump_find_by_file(dump, request, error);
}

/* A stream that can meet what is before the first epoch leaves its incidents out. Not where
 * heartbeats are the epochs: such a server writes an incident only when it has lost something,
 * and the heartbeats may have begun long after. */
static enum status prepare_opening(struct dump *dump, struct error *error)
{
    struct binlog_store *store = dump->cluster->store;
    uint64_t next_file = 0;

    if (dump->is_mariadb || epoch_index_rules(store).kind != EPOCH_KIND_NDB) {
        return STATUS_OK;
    }
    if (dump->filter != NULL) {
        dump_filter_leave_opening(dump->filter, store);
        return STATUS_OK;
    }
    dump->filter = dump_filter_of_nothing();
    dump_filter_leave_opening(dump->filter, store);
    return dump_filter_enter_file(dump->filter, store, dump->position.file,
                                  binlog_cursor_is_finished(dump->cursor, &next_file), error);
}

enum status dump_start(struct dump **made,
                       const struct dump_request *request,
                       const struct dump_handler *handler,
                       void *context,
                       uint16_t *code,
                       struct error *error)
{
    struct dump *dump = dump_new(request, handler, context);
    enum status status = find_place(dump, request, error);

    if (status == STATUS_OK) {
        stream_hold_place(dump->hold, dump->connection, dump->position);
        status = prepare_opening(dump, error);
    }
    if (status == STATUS_OK) {
        status = dump_send_file_begin(dump, error);
    }
    if (status != STATUS_OK) {
        *code = dump_error_code(status);
        dump_free(dump);
        return status;
    }
    frame_cache_join(dump->frames, &dump->member, dump->position);
    dump->is_member = true;
    connection_flush(dump->connection);
    loop_timer_set(dump->turn_timer, 0); /* goes on by itself */
    *made = dump;
    return STATUS_OK;
}
