/* SPDX-License-Identifier: Apache-2.0 */
#include "dump_filter.h"

#include <inttypes.h>
#include <stdlib.h>

#include "binrelay/base/memory.h"
#include "binrelay/storage/binlog_files.h"
#include "binrelay/storage/epoch_index.h"

enum {
    WINDOW_BYTES = 64 * 1024, /* a GTID event is never larger */
    READ_LEAST = 4096,        /* after a jump over a large event */
    READ_GROWTH = 4,
};

struct dump_filter {
    const struct filter_rule *rule;
    void *object;                 /* owned, by the rule's free() */
    struct binlog_store *opening; /* borrowed; NULL: incidents are sent, or all are passed */
    uint64_t file;                /* that the scan is in */
    bool is_left_out;             /* the group the scan is in */
    uint64_t decided_at;   /* the group that was decided last: a rule is asked once for each */
    bool decided;          /* it is left out */
    size_t read_size;      /* of the next read */
    uint64_t window_begin; /* the part of the file that is in the window */
    uint64_t window_end;
    uint8_t window[WINDOW_BYTES];
};

/* One event as the scan sees it. */
struct seen_event {
    struct binlog_event_header header;
    bool is_left_out;
    bool begins_group;
};

struct dump_filter *dump_filter_new(const struct filter_rule *rule, void *object)
{
    struct dump_filter *filter = mem_zeroed(sizeof(*filter));

    filter->rule = rule;
    filter->object = object;
    filter->read_size = WINDOW_BYTES;
    return filter;
}

void dump_filter_free(struct dump_filter *filter)
{
    if (filter == NULL) {
        return;
    }
    filter->rule->free(filter->object);
    free(filter);
}

enum status dump_filter_enter_file(struct dump_filter *filter,
                                   struct binlog_store *store,
                                   uint64_t file,
                                   bool is_finished,
                                   struct error *error)
{
    filter->file = file;
    filter->is_left_out = false;
    filter->decided_at = 0;
    filter->decided = false;
    filter->window_begin = 0;
    filter->window_end = 0;
    enum status status =
        filter->rule->enter_file(filter->object, store, file, is_finished, error);

    /* The dump has it open, but what was before it is not known any more. */
    return status == STATUS_NOT_FOUND
               ? error_set(error, STATUS_AGAIN, "binlog file %" PRIu64 " was purged just now",
                           file)
               : status;
}

/* ---- incidents before the first epoch ---- */

void dump_filter_leave_opening(struct dump_filter *filter, struct binlog_store *store)
{
    filter->opening = store;
}

enum filter_need dump_filter_need_of_rule(const struct dump_filter *filter)
{
    /* A group that is left out must be scanned to its end, were it the last of all. */
    return filter->decided ? FILTER_NEEDED : filter->rule->need(filter->object);
}

enum filter_need dump_filter_need(struct dump_filter *filter, struct binlog_position position)
{
    /* Asked anew each time: the first epoch may have come since. What is read was durable
     * before, and epochs are known no later than their bytes are. Behind a purge the first
     * epoch that is left is not the first that was: an incident before it may be a gap. */
    if (filter->opening != NULL && !epoch_index_is_opening(filter->opening, position)) {
        filter->opening = NULL;
    }
    return filter->opening != NULL ? FILTER_NEEDED : dump_filter_need_of_rule(filter);
}

void *dump_filter_object(const struct dump_filter *filter)
{
    return filter->object;
}

uint64_t dump_filter_next_file(struct binlog_store *store, uint64_t file)
{
    struct binlog_file_facts *facts = NULL;
    size_t count = binlog_files_list(store, &facts);
    uint64_t next_file = 0;

    for (size_t i = 0; i < count && next_file == 0; i++) {
        next_file = facts[i].file > file ? facts[i].file : 0;
    }
    free(facts);
    return next_file;
}

static enum status complain(uint64_t offset, struct error *error, const char *what)
{
    return error_set(error, STATUS_CORRUPT, "the event at %" PRIu64 " %s", offset, what);
}

/* Makes `size` bytes at offset available, and some more behind them. */
static enum status see(struct dump_filter *filter,
                       struct frame_source *source,
                       struct frame_range range,
                       size_t size,
                       struct error *error)
{
    size_t found = 0;

    if (range.offset >= filter->window_begin && range.offset + size <= filter->window_end) {
        return STATUS_OK;
    }
    if (size > range.limit - range.offset || size > WINDOW_BYTES) {
        return complain(range.offset, error, "does not fit where it stands");
    }
    if (range.offset > filter->window_end) {
        filter->read_size = READ_LEAST;
    }
    size_t wanted = filter->read_size < size ? size : filter->read_size;

    if (wanted > range.limit - range.offset) {
        wanted = (size_t)(range.limit - range.offset);
    }
    filter->window_begin = 0;
    filter->window_end = 0;
    enum status status =
        source->read(source->context, range.offset, filter->window, wanted, &found, error);

    if (status != STATUS_OK) {
        return status;
    }
    if (found < size) {
        return complain(range.offset, error, "is not all in the file");
    }
    filter->window_begin = range.offset;
    filter->window_end = range.offset + found;
    filter->read_size *= READ_GROWTH;
    if (filter->read_size > WINDOW_BYTES) {
        filter->read_size = WINDOW_BYTES;
    }
    return STATUS_OK;
}

static const uint8_t *seen_bytes(const struct dump_filter *filter, uint64_t offset)
{
    return filter->window + (offset - filter->window_begin);
}

/* Is it an incident before the first epoch that stands behind the GTID at range.offset? A
 * transaction that is readable is so to its end. */
static enum status look_for_opening(struct dump_filter *filter,
                                    struct frame_source *source,
                                    struct frame_range range,
                                    uint32_t gtid_size,
                                    struct error *error)
{
    struct binlog_position position = {.file = filter->file, .offset = range.offset};

    range.offset += gtid_size;
    if (range.offset + BINLOG_EVENT_HEADER_BYTES > range.limit) {
        return STATUS_OK;
    }
    enum status status = see(filter, source, range, BINLOG_EVENT_HEADER_BYTES, error);

    if (status == STATUS_OK &&
        binlog_event_header_at(seen_bytes(filter, range.offset)).type == BINLOG_INCIDENT) {
        filter->decided |= epoch_index_is_opening(filter->opening, position);
    }
    return status;
}

/* Asks the rule about the group that the event at range.offset begins. */
static enum status decide(struct dump_filter *filter,
                          struct frame_source *source,
                          struct frame_range range,
                          enum binlog_checksum checksum,
                          struct seen_event *seen,
                          struct error *error)
{
    if (filter->decided_at != range.offset) {
        enum status status = see(filter, source, range, seen->header.event_size, error);

        if (status != STATUS_OK) {
            return status;
        }
        struct bytes event = {.data = seen_bytes(filter, range.offset),
                              .size = seen->header.event_size};

        status =
            filter->rule->decide(filter->object, seen->header,
                                 binlog_event_body(event, checksum), &filter->decided, error);
        if (status == STATUS_OK && filter->opening != NULL) {
            status = look_for_opening(filter, source, range, seen->header.event_size, error);
        }
        if (status != STATUS_OK) {
            return status;
        }
        filter->decided_at = range.offset;
    }
    seen->is_left_out = filter->decided;
    return STATUS_OK;
}

/* Looks at the event at range.offset. filter->is_left_out is not changed yet. */
static enum status look(struct dump_filter *filter,
                        struct frame_source *source,
                        struct frame_range range,
                        enum binlog_checksum checksum,
                        struct seen_event *seen,
                        struct error *error)
{
    enum status status = see(filter, source, range, BINLOG_EVENT_HEADER_BYTES, error);

    if (status != STATUS_OK) {
        return status;
    }
    seen->header = binlog_event_header_at(seen_bytes(filter, range.offset));
    seen->is_left_out = filter->is_left_out;
    seen->begins_group = filter->rule->begins_group(seen->header.type);
    if (seen->header.event_size < BINLOG_EVENT_HEADER_BYTES ||
        seen->header.event_size > range.limit - range.offset) {
        return complain(range.offset, error, "has an impossible size");
    }
    if (filter->rule->ends_group(seen->header.type)) {
        seen->is_left_out = false;
    }
    if (!seen->begins_group) {
        return STATUS_OK;
    }
    return decide(filter, source, range, checksum, seen, error);
}

enum status dump_filter_next(struct dump_filter *filter,
                             struct frame_source *source,
                             struct frame_range range,
                             enum binlog_checksum checksum,
                             struct filter_run *found,
                             struct error *error)
{
    uint64_t stop = frame_block_stop(range.offset);
    uint64_t begun = range.offset;
    struct filter_run run = {0};

    while (range.offset < range.limit && range.offset < stop) {
        struct seen_event seen = {0};
        enum status status = look(filter, source, range, checksum, &seen, error);

        if (status != STATUS_OK) {
            return status;
        }
        if (range.offset == begun) {
            run.is_left_out = seen.is_left_out;
        } else if (seen.is_left_out != run.is_left_out) {
            break;
        }
        run.has_group |= seen.begins_group;
        filter->is_left_out = seen.is_left_out;
        range.offset += seen.header.event_size;
    }
    run.end = range.offset;
    *found = run;
    return STATUS_OK;
}
