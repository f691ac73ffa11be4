/* SPDX-License-Identifier: Apache-2.0 */
#include "binlog_scan.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "binrelay/base/checksum.h"
#include "binrelay/base/memory.h"

enum {
    SCAN_BUFFER_BYTES = 1024 * 1024,
    CHECKSUM_PIECE_BYTES = 256 * 1024,
    SCAN_MOST_PENDING_GTIDS = 4096,
};

/* A window on the file: the bytes from `offset` on. */
struct window {
    const struct binlog_scan *scan; /* borrowed */
    uint8_t *data;                  /* owned */
    size_t capacity;
    uint64_t offset;
    size_t size;
};

/* Makes `size` bytes at `offset` visible, or as many as the file has. */
static enum status show(struct window *window,
                        uint64_t offset,
                        size_t size,
                        struct bytes *shown,
                        struct error *error)
{
    const struct binlog_scan *scan = window->scan;
    enum status status = STATUS_OK;

    if (offset < window->offset || offset + size > window->offset + window->size) {
        uint64_t wanted = scan->bytes - offset;

        if (size > window->capacity) {
            free(window->data);
            window->data = mem_raw(size);
            window->capacity = size;
        }
        if (wanted > window->capacity) {
            wanted = window->capacity;
        }
        window->offset = offset;
        window->size = 0;
        status = disk_read_all(scan->disk, scan->file, window->data, (size_t)wanted,
                               (off_t)offset, &window->size, error);
    }
    if (status == STATUS_OK) {
        size_t at = (size_t)(offset - window->offset);

        *shown = (struct bytes){.data = window->data + at, .size = window->size - at};
    }
    return status;
}

/* An event that is read in pieces: what of it is left, and the checksum of what was read. */
struct event_rest {
    uint64_t offset;
    uint64_t end; /* of the event */
    uint32_t checksum;
    const struct binlog_scan_watcher *watcher; /* borrowed; NULL: nobody */
};

static void show_part(const struct binlog_scan_watcher *watcher, struct bytes part)
{
    if (watcher != NULL && watcher->on_part != NULL && part.size > 0) {
        watcher->on_part(watcher->context, part);
    }
}

/* Reads the rest, at least the checksum's bytes, and compares them with those before. */
static enum status read_rest(const struct disk *disk,
                             int file,
                             struct event_rest rest,
                             bool *is_right,
                             struct error *error)
{
    autofree uint8_t *piece = mem_raw(CHECKSUM_PIECE_BYTES);
    uint64_t body_end = rest.end - BINLOG_CHECKSUM_BYTES;
    uint8_t stored[BINLOG_CHECKSUM_BYTES] = {0};
    size_t found = 0;

    while (rest.offset < body_end) {
        size_t wanted = body_end - rest.offset < CHECKSUM_PIECE_BYTES
                            ? (size_t)(body_end - rest.offset)
                            : CHECKSUM_PIECE_BYTES;
        enum status status =
            disk_read_all(disk, file, piece, wanted, (off_t)rest.offset, &found, error);

        if (status != STATUS_OK) {
            return status;
        }
        if (found < wanted) {
            *is_right = false;
            return STATUS_OK;
        }
        rest.checksum = checksum_crc32(rest.checksum, piece, wanted);
        rest.offset += wanted;
        show_part(rest.watcher, (struct bytes){.data = piece, .size = wanted});
    }
    if (disk_read_all(disk, file, stored, sizeof(stored), (off_t)body_end, &found, error) !=
        STATUS_OK) {
        return error->status;
    }
    show_part(rest.watcher, (struct bytes){.data = stored, .size = found});
    *is_right = found == sizeof(stored) && bytes_u32_at(stored) == rest.checksum;
    return STATUS_OK;
}

enum status binlog_scan_checksum(const struct disk *disk,
                                 int file,
                                 uint64_t offset,
                                 uint32_t size,
                                 bool *is_right,
                                 struct error *error)
{
    return read_rest(disk, file, (struct event_rest){.offset = offset, .end = offset + size},
                     is_right, error);
}

/* Makes sets of what was found up to the last whole place, so that the list stays short. */
static void settle(struct binlog_scan *scan)
{
    struct pending_gtids taken = {0};
    struct file_follower *follower = scan->follower;
    struct pending_gtids_change change =
        pending_gtids_take(follower->runs, scan->whole.gtids, &taken);

    follower->now.gtids = pending_gtids_moved(follower->now.gtids, change);
    scan->whole.gtids = (struct pending_gtids_place){0};
    for (size_t at = 0; at < taken.count; at++) {
        pending_gtid_settle_left_out(&taken.items[at], scan->left_out);
        pending_gtid_settle(&taken.items[at],
                            taken.items[at].is_before ? &scan->before : &scan->added);
    }
    pending_gtids_release(&taken);
}

/* Behind a good event. */
static void note_place(struct binlog_scan *scan)
{
    const struct follower_place *now = &scan->follower->now;
    const struct binlog_scan_watcher *watcher = scan->watcher;
    bool is_whole = follower_place_is_whole(now);

    if (watcher != NULL && watcher->on_end != NULL) {
        watcher->on_end(watcher->context, is_whole);
    }
    if (!is_whole) {
        return;
    }
    scan->whole = *now;
    scan->has_durable = scan->has_durable || now->offset == scan->durable;
    if (scan->follower->runs->count > SCAN_MOST_PENDING_GTIDS) {
        settle(scan);
    }
}

/* Tells of a fault. False if somebody watches who wants to go on all the same. */
static bool is_end(struct binlog_scan *scan,
                   enum binlog_scan_fault fault,
                   uint64_t offset,
                   const char *message)
{
    const struct binlog_scan_watcher *watcher = scan->watcher;

    return watcher == NULL || watcher->on_fault == NULL ||
           !watcher->on_fault(watcher->context, fault, offset, message);
}

/* Says why the file is not right from here on; the scan itself did not fail. */
static enum status stop_at(struct binlog_scan *scan, uint64_t offset, const char *why)
{
    (void)error_set(&scan->why, STATUS_CORRUPT, "at %" PRIu64 ": %s", offset, why);
    (void)is_end(scan, offset == 0 ? BINLOG_SCAN_MAGIC : BINLOG_SCAN_BOUNDARY, offset, why);
    return STATUS_NOT_FOUND;
}

/* The event's header may not stand there. Says first whether its bytes changed. */
static enum status stop_at_event(struct binlog_scan *scan,
                                 uint64_t offset,
                                 struct bytes shown,
                                 uint32_t size)
{
    if (scan->watcher != NULL && scan->follower->format.checksum == BINLOG_CHECKSUM_CRC32 &&
        shown.size == size && size >= BINLOG_EVENT_HEADER_BYTES + BINLOG_CHECKSUM_BYTES &&
        !binlog_event_checksum_is_right(shown)) {
        (void)is_end(scan, BINLOG_SCAN_CHECKSUM, offset, "an event with a wrong checksum");
    }
    (void)is_end(scan, BINLOG_SCAN_BOUNDARY, offset, scan->why.message);
    return STATUS_NOT_FOUND;
}

/*
 * Shows the event to who watches and checks its checksum, where the file has
 * any. What is not in sight of a long one is read for one of the two only.
 */
static enum status take_event(struct binlog_scan *scan,
                              uint64_t offset,
                              struct bytes shown,
                              uint32_t size,
                              struct error *error)
{
    const struct binlog_scan_watcher *watcher = scan->watcher;
    bool is_summed = scan->follower->format.checksum == BINLOG_CHECKSUM_CRC32;
    bool is_right = true;
    enum status status = STATUS_OK;

    if (shown.size < size && size - shown.size < BINLOG_CHECKSUM_BYTES) {
        shown.size = size - BINLOG_CHECKSUM_BYTES; /* it is read in one piece */
    }
    if (watcher != NULL && watcher->on_event != NULL) {
        watcher->on_event(watcher->context, offset, shown, size);
    }
    if (shown.size == size) {
        is_right = !is_summed || binlog_event_checksum_is_right(shown);
    } else if (is_summed || (watcher != NULL && watcher->on_part != NULL)) {
        struct event_rest rest = {
            .offset = offset + shown.size,
            .end = offset + size,
            .checksum = checksum_crc32(0, shown.data, shown.size),
            .watcher = watcher,
        };

        status = read_rest(scan->disk, scan->file, rest, &is_right, error);
        is_right = is_right || !is_summed;
    }
    if (status == STATUS_OK && !is_right &&
        is_end(scan, BINLOG_SCAN_CHECKSUM, offset, "an event with a wrong checksum")) {
        (void)error_set(&scan->why, STATUS_CORRUPT,
                        "at %" PRIu64 ": an event with a wrong checksum", offset);
        return STATUS_NOT_FOUND;
    }
    return status;
}

/* STATUS_NOT_FOUND: no good event begins here, and `why` says so. */
static enum status scan_event(struct binlog_scan *scan,
                              struct window *window,
                              struct error *error)
{
    uint64_t offset = scan->follower->now.offset;
    uint64_t left = scan->bytes - offset;
    struct bytes shown = {0};
    uint32_t size = 0;
    size_t wanted = 0;
    enum status status = STATUS_OK;

    if (left < BINLOG_EVENT_HEADER_BYTES) {
        return stop_at(scan, offset, "an event header that is cut short");
    }
    status = show(window, offset, BINLOG_EVENT_HEADER_BYTES, &shown, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (shown.size < BINLOG_EVENT_HEADER_BYTES) {
        return stop_at(scan, offset, "the file is shorter than it was");
    }
    size = bytes_u32_at(shown.data + BINLOG_EVENT_SIZE_AT);
    if (size < BINLOG_EVENT_HEADER_BYTES || size > left) {
        return stop_at(scan, offset, "an event that is cut short");
    }
    wanted = size < FOLLOWER_START_BYTES ? size : FOLLOWER_START_BYTES;
    if (file_follower_needs_whole(scan->follower, shown.data[BINLOG_EVENT_TYPE_AT]) &&
        size <= FOLLOWER_MOST_COLLECTED_BYTES) {
        wanted = size;
    }
    status = show(window, offset, wanted, &shown, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (shown.size < wanted) {
        return stop_at(scan, offset, "the file is shorter than it was");
    }
    shown.size = shown.size < size ? shown.size : size;
    if (file_follower_event(scan->follower, shown, size, &scan->why) != STATUS_OK) {
        return stop_at_event(scan, offset, shown, size);
    }
    return take_event(scan, offset, shown, size, error);
}

static enum status scan_events(struct binlog_scan *scan,
                               struct window *window,
                               struct error *error)
{
    enum status status = STATUS_OK;
    struct bytes magic = {0};

    if (scan->bytes < BINLOG_MAGIC_BYTES) {
        return stop_at(scan, 0, "the file is shorter than its first bytes");
    }
    status = show(window, 0, BINLOG_MAGIC_BYTES, &magic, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (magic.size < BINLOG_MAGIC_BYTES ||
        memcmp(magic.data, BINLOG_MAGIC, BINLOG_MAGIC_BYTES) != 0) {
        return stop_at(scan, 0, "not the first bytes of a binlog file");
    }
    while (status == STATUS_OK && scan->follower->now.offset < scan->bytes) {
        status = scan_event(scan, window, error);
        if (status == STATUS_OK) {
            note_place(scan);
        }
    }
    scan->is_complete = status == STATUS_OK;
    return status;
}

enum status binlog_scan_run(struct binlog_scan *scan, struct error *error)
{
    struct window window = {.scan = scan, .capacity = SCAN_BUFFER_BYTES};
    enum status status = STATUS_OK;

    window.data = mem_raw(window.capacity);
    stored_gtids_init(&scan->before);
    stored_gtids_init(&scan->added);
    scan->left_out = gtid_set_new();
    status = scan_events(scan, &window, error);
    settle(scan);
    free(window.data);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

void binlog_scan_release(struct binlog_scan *scan)
{
    stored_gtids_release(&scan->before);
    stored_gtids_release(&scan->added);
    gtid_set_free(scan->left_out);
    scan->left_out = NULL;
}
