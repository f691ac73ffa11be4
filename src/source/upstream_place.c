/* SPDX-License-Identifier: Apache-2.0 */
/* Where the dump begins: behind what is stored, or where `start` says. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "binrelay/base/log.h"
#include "binrelay/protocol/command.h"
#include "binrelay/protocol/gtid_set.h"
#include "binrelay/protocol/mariadb_gtid.h"
#include "upstream_internal.h"

enum { FIRST_EVENT_OFFSET = BINLOG_MAGIC_BYTES };

PRINTF_LIKE(3, 4)
static enum upstream_step fail_place(struct upstream *upstream,
                                     enum pull_state blame,
                                     const char *format,
                                     ...)
{
    char what[400];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    (void)error_set(&upstream->error, STATUS_INVALID, "%s", what);
    return upstream_fail(upstream, blame);
}

/* ---- going on behind what is stored ---- */

static void set_place(struct dump_place *place,
                      const char *base_name,
                      uint64_t file,
                      uint64_t offset)
{
    *place = (struct dump_place){.file = file, .offset = offset};
    (void)snprintf(place->base_name, sizeof(place->base_name), "%s", base_name);
}

/* The file we hold whole is gone at the source, and the next one is its oldest. */
static bool can_go_on_in_next_file(const struct upstream *upstream, uint64_t file)
{
    const struct source_log *first = source_logs_first(&upstream->logs);

    return upstream->intake.tail.is_closed && first != NULL && first->file == file + 1 &&
           !upstream->has_other_uuid;
}

static enum upstream_step check_logs(struct upstream *upstream, struct dump_place *place)
{
    const struct binlog_store_tail *tail = &upstream->intake.tail;
    const struct source_log *first = source_logs_first(&upstream->logs);
    const struct source_log *last = source_logs_last(&upstream->logs);
    const struct source_log *log =
        source_logs_find(&upstream->logs, place->base_name, place->file);

    if (last == NULL) {
        return UPSTREAM_AGAIN; /* listing is denied: the dump will show */
    }
    if (log == NULL && can_go_on_in_next_file(upstream, place->file)) {
        set_place(place, first->base_name, first->file, FIRST_EVENT_OFFSET);
        place->is_new_file = true;
        return UPSTREAM_AGAIN;
    }
    if (log == NULL && last->file < place->file) {
        return fail_place(upstream, PULL_SOURCE_BEHIND,
                          "the source's newest file is %s.%06" PRIu64
                          ", stored is up to its %s.%06" PRIu64 ":%" PRIu64,
                          last->base_name, last->file, place->base_name, place->file,
                          tail->end.offset);
    }
    if (log == NULL) {
        return fail_place(
            upstream, PULL_SOURCE_PURGED,
            "the source has no longer %s.%06" PRIu64 ", which is needed from %" PRIu64
            "; its oldest file is %s.%06" PRIu64,
            place->base_name, place->file, tail->end.offset, first->base_name, first->file);
    }
    if (log->bytes <= tail->last_event_offset) {
        return fail_place(upstream, PULL_SOURCE_BEHIND,
                          "the source's %s.%06" PRIu64 " ends at %" PRIu64
                          ", stored is up to %" PRIu64,
                          log->base_name, log->file, log->bytes, tail->end.offset);
    }
    return UPSTREAM_AGAIN;
}

static enum upstream_step choose_next(struct upstream *upstream)
{
    const struct binlog_store_tail *tail = &upstream->intake.tail;
    struct dump_place *place = &upstream->intake.asked;
    const char *base_name = upstream->log_base_name[0] != '\0'
                                ? upstream->log_base_name
                                : binlog_store_log_name(upstream->task.store);
    /* COM_BINLOG_DUMP has 32 bits for it: farther on, what is stored is passed over. */
    bool is_near =
        tail->last_event_offset >= FIRST_EVENT_OFFSET && tail->last_event_offset <= UINT32_MAX;
    enum upstream_step step = UPSTREAM_AGAIN;

    set_place(place, base_name,
              (uint64_t)((int64_t)tail->end.file - upstream->task.kept->upstream_shift),
              is_near ? tail->last_event_offset : FIRST_EVENT_OFFSET);
    step = check_logs(upstream, place);
    if (step != UPSTREAM_AGAIN) {
        return step;
    }
    if (upstream->has_other_uuid && tail->last_event_offset == 0) {
        return fail_place(
            upstream, PULL_SOURCE_BEHIND,
            "another server (server_uuid %s instead of %s), and no event is stored"
            " to compare with",
            upstream->facts.server_uuid, upstream->task.kept->facts.server_uuid);
    }
    return UPSTREAM_AGAIN;
}

static enum upstream_step begin_pull(struct upstream *upstream)
{
    struct command_register command = {.server_id = upstream_replica_id(upstream)};
    struct buffer payload = {0};

    intake_begin(&upstream->intake);
    command_register_encode(&payload, &command);
    upstream_send_command(upstream, &payload);
    buffer_release(&payload);
    upstream_move_to(upstream, UPSTREAM_REGISTERING);
    return UPSTREAM_AGAIN;
}

enum upstream_step upstream_choose_place(struct upstream *upstream)
{
    enum upstream_step step = UPSTREAM_AGAIN;

    if (!upstream->intake.tail.is_empty) {
        step = choose_next(upstream);
        return step == UPSTREAM_AGAIN ? begin_pull(upstream) : step;
    }
    if (upstream->task.first_place != NULL) {
        upstream->intake.asked = *upstream->task.first_place;
        return begin_pull(upstream);
    }
    upstream_move_to(upstream, UPSTREAM_LOCATING);
    return UPSTREAM_AGAIN;
}

/* ---- where an empty store begins ---- */

static enum upstream_step locate_at(struct upstream *upstream,
                                    const char *base_name,
                                    uint64_t file,
                                    uint64_t first_visible)
{
    set_place(&upstream->located, base_name, file, FIRST_EVENT_OFFSET);
    upstream->located.is_new_file = true;
    upstream->first_visible = first_visible > FIRST_EVENT_OFFSET ? first_visible : 0;
    return UPSTREAM_LOCATED;
}

/* A start that only the list can tell. */
static enum upstream_step fail_without_logs(struct upstream *upstream)
{
    if (upstream->logs_denied.sql_code != 0) {
        upstream->error = upstream->logs_denied;
        return upstream_fail_answer(upstream, SOURCE_STAGE_SETUP);
    }
    return fail_place(upstream, PULL_MISCONFIGURED, "the source has no binary log");
}

static enum upstream_step locate_log(struct upstream *upstream, const struct source_log *log)
{
    return log == NULL ? fail_without_logs(upstream)
                       : locate_at(upstream, log->base_name, log->file, 0);
}

static enum upstream_step locate_position(struct upstream *upstream)
{
    const struct pull_start *start = &upstream->start;
    const struct source_log *first = source_logs_first(&upstream->logs);
    const struct source_log *log = NULL;
    char base_name[BINLOG_NAME_MOST_BYTES + 1];
    uint64_t file = 0;

    if (!binlog_name_split(bytes_of_text(start->file_name), base_name, &file)) {
        return fail_place(upstream, PULL_MISCONFIGURED, "start: \"%s\" is no name of a binlog",
                          log_safe(bytes_of_text(start->file_name)).text);
    }
    log = source_logs_find(&upstream->logs, base_name, file);
    if (first != NULL && log == NULL) {
        return fail_place(upstream,
                          file < first->file ? PULL_SOURCE_PURGED : PULL_MISCONFIGURED,
                          "start: the source has no %s; its oldest file is %s.%06" PRIu64,
                          start->file_name, first->base_name, first->file);
    }
    if (log != NULL && start->position > log->bytes) {
        return fail_place(upstream, PULL_MISCONFIGURED,
                          "start: %s has %" PRIu64 " bytes, there is no position %" PRIu64,
                          start->file_name, log->bytes, start->position);
    }
    return locate_at(upstream, base_name, file, start->position);
}

static enum upstream_step send_mysql_search(struct upstream *upstream)
{
    struct bytes text = bytes_of_text(upstream->start.gtids);
    struct command_dump command = {
        .flags = DUMP_NON_BLOCK | DUMP_THROUGH_GTID,
        .server_id = upstream_replica_id(upstream),
        .position = FIRST_EVENT_OFFSET,
        .is_by_gtid = true,
    };
    struct gtid_set *set = NULL;
    struct buffer encoded = {0};
    struct buffer payload = {0};

    if (gtid_set_parse(&set, text, &upstream->error) != STATUS_OK) {
        (void)error_wrap(&upstream->error, "start: gtid_set");
        return upstream_fail(upstream, PULL_MISCONFIGURED);
    }
    gtid_set_encode(set, &encoded);
    command.gtid_set = buffer_bytes(&encoded);
    command_dump_encode(&payload, &command);
    upstream_send_command(upstream, &payload);
    buffer_release(&payload);
    buffer_release(&encoded);
    gtid_set_free(set);
    return UPSTREAM_AGAIN;
}

/* @slave_connect_state, which was set before, makes it a dump by GTIDs. */
static enum upstream_step send_mariadb_search(struct upstream *upstream)
{
    struct bytes text = bytes_of_text(upstream->start.gtids);
    struct command_dump command = {
        .flags = DUMP_NON_BLOCK,
        .server_id = upstream_replica_id(upstream),
        .position = FIRST_EVENT_OFFSET,
    };
    struct mariadb_gtid_list position = {0};
    struct buffer payload = {0};
    enum status status = mariadb_gtid_list_parse(&position, text, &upstream->error);

    mariadb_gtid_list_release(&position);
    if (status != STATUS_OK) {
        (void)error_wrap(&upstream->error, "start: gtid_set");
        return upstream_fail(upstream, PULL_MISCONFIGURED);
    }
    command_dump_encode(&payload, &command);
    upstream_send_command(upstream, &payload);
    buffer_release(&payload);
    return UPSTREAM_AGAIN;
}

/* Everything up to the end is in the set. The list was made before the dump looked, so what was
 * written in between is not passed over. */
static enum upstream_step locate_end(struct upstream *upstream)
{
    const struct source_log *last = source_logs_last(&upstream->logs);

    return last == NULL ? fail_without_logs(upstream)
                        : locate_at(upstream, last->base_name, last->file, last->bytes);
}

static enum upstream_step take_search_item(struct upstream *upstream,
                                           const struct dump_item *item)
{
    struct place_search *search = &upstream->search;
    enum status status = STATUS_OK;

    if (item->kind == DUMP_ERROR) {
        return upstream_refused(upstream, item->bytes, SOURCE_STAGE_SETUP);
    }
    if (item->kind == DUMP_END) {
        return locate_end(upstream);
    }
    status = place_search_take(search, item, &upstream->error);
    if (status == STATUS_OK) {
        return locate_at(upstream, search->base_name, search->file, search->position);
    }
    if (status == STATUS_AGAIN) {
        return UPSTREAM_AGAIN;
    }
    return upstream_fail(upstream,
                         status == STATUS_INVALID ? PULL_MISCONFIGURED : PULL_WAITING);
}

static enum upstream_step search(struct upstream *upstream)
{
    enum upstream_step step = UPSTREAM_AGAIN;

    while (step == UPSTREAM_AGAIN) {
        struct dump_item item;
        enum status status =
            dump_reader_next(&upstream->reader, upstream->input, &item, &upstream->error);

        if (status == STATUS_AGAIN) {
            return UPSTREAM_WAIT;
        }
        if (status != STATUS_OK) {
            return upstream_fail(upstream, PULL_WAITING);
        }
        upstream->input.data += item.taken;
        upstream->input.size -= item.taken;
        step = take_search_item(upstream, &item);
    }
    return step;
}

static enum upstream_step begin_search(struct upstream *upstream)
{
    enum upstream_step step = upstream->facts.is_mariadb ? send_mariadb_search(upstream)
                                                         : send_mysql_search(upstream);

    if (upstream->task.semi_sync && !upstream->lacks_semi_sync) {
        upstream->reader.semisync = DUMP_SEMISYNC_ASKED;
    }
    place_search_begin(&upstream->search);
    upstream->is_searching = true;
    return step;
}

enum upstream_step upstream_locate(struct upstream *upstream)
{
    enum upstream_step step = UPSTREAM_AGAIN;

    switch (upstream->start.kind) {
    case PULL_FROM_FIRST:
        return locate_log(upstream, source_logs_first(&upstream->logs));
    case PULL_FROM_LAST:
        return locate_log(upstream, source_logs_last(&upstream->logs));
    case PULL_FROM_POSITION:
    case PULL_FROM_EPOCH: /* has become a position */
        return locate_position(upstream);
    case PULL_FROM_GTIDS:
        break;
    }
    if (!upstream->is_searching) {
        step = begin_search(upstream);
    }
    return step == UPSTREAM_AGAIN ? search(upstream) : step;
}
