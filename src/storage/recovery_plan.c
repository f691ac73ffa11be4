/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which files stay, and where the log ends.
 *
 * Files in front of the mark's file were closed and durable before the mark
 * named it: they are taken as they are. The mark's file must read back right
 * up to the mark. Behind the mark nothing was ever shown: there a transaction
 * stays if it is whole, and a file if all in front of it is whole and closed,
 * with no number missing. All else goes, and is pulled again.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "binrelay/base/log.h"
#include "binrelay/base/memory.h"
#include "gtid_sidecar.h"
#include "recovery.h"

static void release_tail(const struct binlog_store *store, struct recovered_tail *tail)
{
    if (tail->descriptor >= 0) {
        (void)disk_close(store->disk, tail->descriptor); /* was read, and synced */
        tail->descriptor = -1;
    }
    binlog_scan_release(&tail->scan);
    pending_gtids_release(&tail->gtids);
}

void recovery_release(struct recovery *recovery)
{
    release_tail(recovery->store, &recovery->tail);
    for (size_t at = 0; at < recovery->file_count; at++) {
        store_file_unref(recovery->files[at]);
    }
    free(recovery->files);
    free(recovery->leftovers);
    purge_record_release(&recovery->record);
    stored_gtids_release(&recovery->purged);
    stored_gtids_release(&recovery->before);
    gtid_set_free(recovery->left_out);
    store_listing_release(&recovery->listing);
}

static char *path_of(const struct recovery *recovery, size_t at)
{
    return store_file_path(recovery->store, recovery->listing.log_name,
                           recovery->listing.files[at]);
}

/* Adds a file whose facts and GTIDs are known, and counts its GTIDs as before the next. */
static void add_file(struct recovery *recovery,
                     size_t at,
                     const struct binlog_file_facts *facts,
                     const struct stored_gtids *added)
{
    struct store_file *file =
        store_file_new(recovery->listing.files[at], path_of(recovery, at));

    file->ended = *facts;
    file->ended.file = file->number;
    file->facts = file->ended;
    file->is_named = true;
    stored_gtids_add(&file->added, added);
    recovery->files[recovery->file_count++] = file;
}

/* True for the file that has to say itself what was stored before it. */
static bool is_first(const struct recovery *recovery, size_t at)
{
    return at == 0 && recovery->record.first == 0;
}

/* Reads a closed file whole, as its sidecar does not tell of it, and makes the sidecar anew. */
static enum status read_closed_file(
    struct recovery *recovery, size_t at, int file, uint64_t bytes, struct error *error)
{
    struct binlog_store *store = recovery->store;
    autofree char *path = path_of(recovery, at);
    struct pending_gtids gtids = {0};
    struct file_follower follower;
    struct binlog_scan scan = {
        .disk = store->disk, .file = file, .bytes = bytes, .follower = &follower};
    struct buffer sidecar = {0};
    enum status status = STATUS_OK;

    store_follow_file(store, &follower, recovery->listing.files[at], &gtids);
    follower.is_first = is_first(recovery, at);
    status = binlog_scan_run(&scan, error);
    if (status == STATUS_OK && !scan.is_complete) {
        status = error_set(error, STATUS_CORRUPT, "%s: %s", path, scan.why.message);
    }
    if (status == STATUS_OK) {
        struct binlog_file_facts facts = store_facts_at(&follower, &follower.now);

        facts.written_usec = disk_file_written_usec(file);
        stored_gtids_add(&recovery->purged, &scan.before);
        stored_gtids_add(&recovery->before, &scan.before);
        gtid_sidecar_encode(&sidecar, &facts, &recovery->before, &scan.added);
        store_write_sidecar(store, path, &sidecar);
        add_file(recovery, at, &facts, &scan.added);
        stored_gtids_add(&recovery->before, &scan.added);
    }
    buffer_release(&sidecar);
    binlog_scan_release(&scan);
    pending_gtids_release(&gtids);
    return status;
}

static enum status take_closed_file(struct recovery *recovery, size_t at, struct error *error)
{
    const struct disk *disk = recovery->store->disk;
    autofree char *path = path_of(recovery, at);
    autofree char *sidecar_path = mem_format("%s.gtids", path);
    struct gtid_sidecar sidecar = {0};
    int file = disk_open(disk, path, O_RDONLY, 0);
    int64_t bytes = file < 0 ? -1 : disk_file_bytes(file);
    struct error ignored;
    enum status status = STATUS_OK;

    if (bytes < 0) {
        status = error_set_errno(error, "open %s", path);
    } else if (gtid_sidecar_read(&sidecar, disk, sidecar_path, &ignored) == STATUS_OK &&
               sidecar.facts.bytes == (uint64_t)bytes) {
        if (is_first(recovery, at)) {
            stored_gtids_add(&recovery->purged, &sidecar.before);
            stored_gtids_add(&recovery->before, &sidecar.before);
        }
        sidecar.facts.written_usec = disk_file_written_usec(file);
        add_file(recovery, at, &sidecar.facts, &sidecar.added);
        stored_gtids_add(&recovery->before, &sidecar.added);
    } else {
        status = read_closed_file(recovery, at, file, (uint64_t)bytes, error);
    }
    gtid_sidecar_release(&sidecar);
    if (file >= 0) {
        (void)disk_close(disk, file);
    }
    return status;
}

/*
 * Opens a file that may have been written to when the end came. What the
 * system keeps in memory is not proof that the disk has it: after a failed
 * write-back its pages look clean. So they are written, dropped and read again.
 */
static enum status open_written(struct recovery *recovery,
                                size_t at,
                                struct recovered_tail *tail,
                                struct error *error)
{
    const struct disk *disk = recovery->store->disk;
    autofree char *path = path_of(recovery, at);
    int64_t bytes = -1;
    uint64_t known = 0;

    if (recovery->listing.files[at] == recovery->durable.end.file) {
        known = recovery->durable.end.offset & ~(uint64_t)4095;
    }
    tail->descriptor = disk_open(disk, path, O_RDWR, 0);
    if (tail->descriptor < 0) {
        return error_set_errno(error, "open %s", path);
    }
    if (disk_sync(disk, tail->descriptor) != 0) {
        return error_set_errno(error, "sync %s", path);
    }
    (void)posix_fadvise(tail->descriptor, (off_t)known, 0, POSIX_FADV_DONTNEED);
    bytes = disk_file_bytes(tail->descriptor);
    if (bytes < 0) {
        return error_set_errno(error, "look at %s", path);
    }
    tail->bytes = (uint64_t)bytes;
    tail->written_usec = disk_file_written_usec(tail->descriptor);
    return STATUS_OK;
}

/* The file must be whole at the mark, and of the kind that the mark says. */
static enum status check_durable(const struct recovery *recovery,
                                 size_t at,
                                 const struct recovered_tail *tail,
                                 struct error *error)
{
    const struct binlog_scan *scan = &tail->scan;
    const char *why = scan->is_complete ? "no transaction ends there" : scan->why.message;
    autofree char *path = path_of(recovery, at);

    if (scan->has_durable && tail->follower.format.checksum == recovery->durable.checksum) {
        return STATUS_OK;
    }
    if (scan->has_durable) {
        why = "its format description speaks of other checksums";
    }
    return error_set(error, STATUS_CORRUPT,
                     "%s does not read back as it was stored up to %" PRIu64 ": %s", path,
                     recovery->durable.end.offset, why);
}

static enum status scan_tail(struct recovery *recovery,
                             size_t at,
                             struct recovered_tail *tail,
                             struct error *error)
{
    uint64_t number = recovery->listing.files[at];
    bool is_marked = number == recovery->durable.end.file;
    struct binlog_scan *scan = &tail->scan;
    enum status status = open_written(recovery, at, tail, error);

    if (status != STATUS_OK) {
        return status;
    }
    store_follow_file(recovery->store, &tail->follower, number, &tail->gtids);
    tail->follower.is_first = is_first(recovery, at);
    *scan = (struct binlog_scan){
        .disk = recovery->store->disk,
        .file = tail->descriptor,
        .bytes = tail->bytes,
        .durable = is_marked ? recovery->durable.end.offset : 0,
        .follower = &tail->follower,
    };
    if (recovery->is_again && scan->bytes > recovery->durable.end.offset) {
        scan->bytes = recovery->durable.end.offset;
    }
    status = binlog_scan_run(scan, error);
    return status == STATUS_OK && is_marked ? check_durable(recovery, at, tail, error) : status;
}

/* The file stays, and is the newest for now. */
static void keep_tail(struct recovery *recovery, size_t at, struct recovered_tail *tail)
{
    struct binlog_file_facts facts = store_facts_at(&tail->follower, &tail->scan.whole);

    facts.written_usec = tail->written_usec;
    release_tail(recovery->store, &recovery->tail);
    recovery->tail = *tail;
    recovery->tail.follower.runs = &recovery->tail.gtids;
    recovery->tail.scan.follower = &recovery->tail.follower;
    recovery->kept = at + 1;
    if (!recovery->is_again) { /* else the list has it */
        stored_gtids_add(&recovery->purged, &tail->scan.before);
        add_file(recovery, at, &facts, &tail->scan.added);
    }
}

/* Looks at the files from `closed` to `end` (not included) and keeps those that may stay. */
static enum status keep_files(struct recovery *recovery, size_t end, struct error *error)
{
    bool goes_on = true;

    recovery->kept = recovery->closed;
    for (size_t at = recovery->closed; at < end && goes_on; at++) {
        const uint64_t *files = recovery->listing.files;
        struct recovered_tail next = {.descriptor = -1};
        enum status status = STATUS_OK;

        if (at > recovery->closed && files[at] != files[at - 1] + 1) {
            break; /* a file is missing, and nothing behind it was shown */
        }
        status = scan_tail(recovery, at, &next, error);
        if (status != STATUS_OK || next.scan.whole.offset == 0) {
            release_tail(recovery->store, &next);
            return status;
        }
        keep_tail(recovery, at, &next);
        goes_on = !recovery->is_again && next.scan.is_complete && next.scan.whole.is_closed &&
                  next.scan.whole.offset == next.bytes;
    }
    return STATUS_OK;
}

/* How many files are in front of that which the durable end is in. */
static enum status count_closed(struct recovery *recovery, struct error *error)
{
    const struct store_listing *listing = &recovery->listing;

    if (recovery->is_unmarked) {
        recovery->closed = listing->count == 0 ? 0 : listing->count - 1;
        return STATUS_OK;
    }
    recovery->closed = 0;
    if (recovery->durable.end.file == 0) {
        return STATUS_OK;
    }
    while (recovery->closed < listing->count &&
           listing->files[recovery->closed] < recovery->durable.end.file) {
        recovery->closed++;
    }
    if (recovery->closed == listing->count ||
        listing->files[recovery->closed] != recovery->durable.end.file) {
        return error_set(error, STATUS_CORRUPT,
                         "%s: file %" PRIu64 " was durable and is missing",
                         recovery->store->directory, recovery->durable.end.file);
    }
    return STATUS_OK;
}

/* Files in front of the recorded first one are gone, though a purge did not come to them. */
static void set_leftovers_aside(struct recovery *recovery)
{
    struct store_listing *listing = &recovery->listing;

    recovery->leftovers = mem_zeroed((listing->count + 1) * sizeof(*recovery->leftovers));
    memcpy(recovery->leftovers, listing->files, listing->count * sizeof(*listing->files));
    recovery->leftover_count = store_listing_drop_front(listing, recovery->record.first);
}

/* A record that cannot be read, or speaks of another first file, is of no use: then the first
 * file says what was before it. */
static void use_purge_record(struct recovery *recovery)
{
    const struct binlog_store *store = recovery->store;
    const struct store_listing *listing = &recovery->listing;
    struct purge_record *record = &recovery->record;
    struct error error;
    enum status status = purge_record_read(store->disk, store->directory, record, &error);

    if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
        log_warning("%s: %s; going on without it", store->directory, error.message);
    }
    if (status != STATUS_OK) {
        return;
    }
    if (listing->count == 0 || listing->files[listing->count - 1] < record->first) {
        purge_record_release(record); /* never all of them: what is there is not ours to drop */
        return;
    }
    set_leftovers_aside(recovery);
    if (listing->files[0] != record->first) {
        purge_record_release(record);
        return;
    }
    stored_gtids_add(&recovery->purged, &record->held);
    stored_gtids_add(&recovery->before, &record->held);
    gtid_set_add_set(recovery->left_out, record->left_out);
    recovery->purged_end = record->end;
}

enum status recovery_make_plan(struct recovery *recovery, struct error *error)
{
    enum status status = STATUS_OK;
    size_t end = 0;

    use_purge_record(recovery);
    status = count_closed(recovery, error);
    end = recovery->listing.count;

    if (status != STATUS_OK || (recovery->is_again && recovery->durable.end.file == 0)) {
        return status; /* nothing was ever shown: all goes */
    }
    recovery->files = mem_zeroed((end + 1) * sizeof(struct store_file *));
    for (size_t at = 0; at < recovery->closed && !recovery->is_again; at++) {
        status = take_closed_file(recovery, at, error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    status = keep_files(recovery, end, error);
    /* Without a mark, a last file with nothing in it leaves the end to the one before. */
    while (status == STATUS_OK && recovery->is_unmarked && recovery->closed > 0 &&
           recovery->kept == recovery->closed) {
        end = recovery->closed--;
        recovery->file_count--;
        store_file_unref(recovery->files[recovery->file_count]);
        status = keep_files(recovery, end, error);
    }
    return status;
}
