/* SPDX-License-Identifier: Apache-2.0 */
#include "lease_place.h"

#include "binrelay/protocol/binlog_event.h"
#include "binrelay/storage/binlog_cursor.h"
#include "binrelay/storage/epoch_locate.h"

/* Far more than stand between two transactions, but for many files that are empty. */
enum { EVENTS_MOST = 1000 };

/* It belongs to the log, not to a transaction. */
static bool is_of_log(uint8_t type)
{
    switch (type) {
    case BINLOG_STOP:
    case BINLOG_ROTATE:
    case BINLOG_FORMAT_DESCRIPTION:
    case BINLOG_PREVIOUS_GTIDS:
    case BINLOG_MARIADB_CHECKPOINT:
    case BINLOG_MARIADB_GTID_LIST:
    case BINLOG_MARIADB_START_ENCRYPTION:
        return true;
    default:
        return false;
    }
}

/* Moves the place over the next event, or into the next file. False: it stays. */
static bool step(struct binlog_store *store,
                 struct binlog_cursor **cursor,
                 struct binlog_position *place)
{
    uint8_t bytes[BINLOG_EVENT_HEADER_BYTES];
    uint64_t next_file = 0;
    size_t found = 0;
    struct error ignored;

    if (*cursor == NULL &&
        binlog_cursor_open(cursor, store, place->file, &ignored) != STATUS_OK) {
        *cursor = NULL;
        return false;
    }
    /* Asked before the readable bytes: a file that is finished does not grow any more. */
    bool is_finished = binlog_cursor_is_finished(*cursor, &next_file);

    if (place->offset >= binlog_cursor_readable(*cursor)) {
        binlog_cursor_close(*cursor);
        *cursor = NULL;
        if (is_finished) {
            *place = (struct binlog_position){.file = next_file, .offset = BINLOG_MAGIC_BYTES};
        }
        return is_finished;
    }
    if (binlog_cursor_read(*cursor, place->offset, bytes, sizeof(bytes), &found, &ignored) !=
            STATUS_OK ||
        found < sizeof(bytes)) {
        return false;
    }
    struct binlog_event_header header = binlog_event_header_at(bytes);

    if (!is_of_log(header.type) || header.event_size < BINLOG_EVENT_HEADER_BYTES) {
        return false;
    }
    place->offset += header.event_size;
    return true;
}

struct binlog_position lease_place_settle(struct binlog_store *store,
                                          struct binlog_position place)
{
    struct binlog_cursor *cursor = NULL;
    unsigned events = 0;

    while (events++ < EVENTS_MOST && step(store, &cursor, &place)) {
    }
    if (cursor != NULL) {
        binlog_cursor_close(cursor);
    }
    return place;
}

void lease_place_locate(struct binlog_store *store, struct lease_view *view)
{
    struct error ignored;

    view->place = (struct binlog_position){0};
    view->is_lost = false;
    view->is_unclear = false;
    if (view->applied.epoch != 0) {
        enum status status = epoch_locate_after(store, view->applied, &view->place, &ignored);

        view->is_lost = status == STATUS_NOT_FOUND;
        view->is_unclear = status != STATUS_OK && status != STATUS_NOT_FOUND;
        if (status != STATUS_OK) {
            view->place = (struct binlog_position){0};
        }
    }
    view->settled = view->place;
    if (view->place.file != 0) {
        view->settled = lease_place_settle(store, view->place);
    }
    /* Last, so that nothing settled lies behind it by a write in between. */
    view->end = binlog_store_durable_end(store);
}
