/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One binlog file, read in the same scan that recovery makes. A checksum that
 * is wrong does not end it; an event that may not stand where it is does, as
 * nobody knows where the next begins.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "binrelay/base/memory.h"
#include "store_verify.h"

/* What the watcher remembers from event to event. */
struct reading {
    struct verify *verify;      /* borrowed */
    struct verified_file *file; /* borrowed */
    enum transaction_place place;
    enum transaction_place previous; /* in front of the last event */
    uint8_t type;                    /* of the last event */
    uint64_t rotate_offset;          /* of the last Rotate; 0: none */
    uint64_t next_position;          /* that it says */
    char next_name[BINLOG_NAME_BYTES];
    enum status status;  /* the first failure behind an event */
    struct error *error; /* borrowed: where it says why */
};

static void fault_at(struct reading *reading,
                     enum fault_kind kind,
                     uint64_t offset,
                     const char *message)
{
    reading->file->is_sound = false;
    verify_fault(reading->verify, kind, reading->file->name, offset, message);
}

static bool on_fault(void *context,
                     enum binlog_scan_fault fault,
                     uint64_t offset,
                     const char *message)
{
    static const enum fault_kind kinds[] = {
        [BINLOG_SCAN_MAGIC] = FAULT_MAGIC,
        [BINLOG_SCAN_BOUNDARY] = FAULT_BOUNDARY,
        [BINLOG_SCAN_CHECKSUM] = FAULT_CHECKSUM,
    };

    fault_at(context, kinds[fault], offset, message);
    return true;
}

/* Remembers what a Rotate says; one that cannot be read says nothing that is right. */
static void take_rotate(struct reading *reading,
                        uint64_t offset,
                        struct bytes event,
                        uint32_t size)
{
    struct bytes body = {0};
    struct binlog_rotate rotate = {0};
    struct error error;

    reading->rotate_offset = offset;
    reading->next_name[0] = '\0';
    reading->next_position = 0;
    if (event.size == size) {
        body = binlog_event_body(event, reading->file->follower.format.checksum);
    }
    if (binlog_rotate_decode(&rotate, body, &error) == STATUS_OK &&
        rotate.file_name.size < sizeof(reading->next_name)) {
        memcpy(reading->next_name, rotate.file_name.data, rotate.file_name.size);
        reading->next_name[rotate.file_name.size] = '\0';
        reading->next_position = rotate.position;
    }
}

static void on_event(void *context, uint64_t offset, struct bytes start, uint32_t size)
{
    struct reading *reading = context;

    reading->verify->result->events++;
    epoch_track_event(&reading->verify->epochs, start, size,
                      reading->file->follower.format.checksum);
    if (reading->type == BINLOG_ROTATE) {
        fault_at(reading, FAULT_ROTATE, reading->rotate_offset,
                 "events follow the Rotate that closes the file");
    }
    reading->previous = reading->place;
    reading->place = reading->file->follower.now.tracker.place;
    reading->type = start.data[BINLOG_EVENT_TYPE_AT];
    switch (reading->type) {
    case BINLOG_FORMAT_DESCRIPTION:
        if ((start.data[BINLOG_EVENT_FLAGS_AT] & BINLOG_FLAG_IN_USE) != 0) {
            fault_at(reading, FAULT_BOUNDARY, offset,
                     "a format description that says the file is in use");
        }
        break;
    case BINLOG_GTID:
    case BINLOG_ANONYMOUS_GTID:
    case BINLOG_GTID_TAGGED:
    case BINLOG_MARIADB_GTID:
        if (reading->previous != TRANSACTION_OUTSIDE) {
            fault_at(reading, FAULT_TRANSACTION, offset, "a transaction begins inside another");
        }
        break;
    case BINLOG_ROTATE:
        take_rotate(reading, offset, start, size);
        /* fall through */
    case BINLOG_STOP:
        if (reading->previous != TRANSACTION_OUTSIDE) {
            fault_at(reading, FAULT_TRANSACTION, offset,
                     "the file is closed inside a transaction");
        }
        break;
    default:
        break;
    }
}

static void on_part(void *context, struct bytes part)
{
    struct reading *reading = context;

    epoch_track_part(&reading->verify->epochs, part);
}

static void on_end(void *context, bool is_whole)
{
    struct reading *reading = context;

    if (!is_whole) {
        return;
    }
    if (reading->previous != TRANSACTION_OUTSIDE || reading->type == BINLOG_QUERY) {
        reading->verify->result->transactions++;
    }
    if (reading->status == STATUS_OK) {
        reading->status = verify_index_whole(reading->verify, reading->file, reading->error);
    }
}

/* A file that ends in no Rotate is none the worse: its source's did so too. */
static void check_rotate(struct reading *reading)
{
    const struct store_listing *listing = &reading->verify->listing;
    char wanted[BINLOG_NAME_BYTES];
    char message[256];

    if (reading->type != BINLOG_ROTATE) {
        return;
    }
    binlog_name_print(wanted, listing->log_name, listing->files[reading->file->at] + 1);
    if (strcmp(wanted, reading->next_name) == 0 &&
        reading->next_position == BINLOG_MAGIC_BYTES) {
        return;
    }
    (void)snprintf(message, sizeof(message),
                   "the closing Rotate does not name %s at 4 as the next file", wanted);
    fault_at(reading, FAULT_ROTATE, reading->rotate_offset, message);
}

/* The file must be whole at the mark, and of the kind that the mark says. */
static void check_mark(struct reading *reading)
{
    const struct verify *verify = reading->verify;
    const struct verified_file *file = reading->file;

    if (!verify->is_marked || file->is_closed) {
        return;
    }
    if (!file->scan.has_durable) {
        fault_at(reading, FAULT_MARK, verify->durable.end.offset,
                 file->bytes < verify->durable.end.offset
                     ? "the file was durable up to here and is shorter"
                     : "the file was durable up to here, where no transaction ends");
    } else if (file->follower.format.checksum != verify->durable.checksum) {
        fault_at(reading, FAULT_MARK, BINLOG_MAGIC_BYTES,
                 "the format description speaks of other checksums than the mark");
    }
}

static enum status read_events(struct reading *reading, struct error *error)
{
    struct verify *verify = reading->verify;
    struct verified_file *file = reading->file;
    const struct binlog_scan_watcher watcher = {
        .on_event = on_event,
        .on_part = on_part,
        .on_end = on_end,
        .on_fault = on_fault,
        .context = reading,
    };
    enum status status = STATUS_OK;

    file->follower = (struct file_follower){
        .file = verify->listing.files[file->at],
        .is_first = verify_is_first(verify, file),
        .runs = &file->gtids,
    };
    file_follower_begin(&file->follower);
    file->scan = (struct binlog_scan){
        .disk = verify->options->disk,
        .file = file->descriptor,
        .bytes = file->bytes,
        .durable = file->is_closed ? 0 : verify->durable.end.offset,
        .follower = &file->follower,
        .watcher = &watcher,
    };
    status = binlog_scan_run(&file->scan, error);
    file->scan.watcher = NULL;
    verify->result->bytes += file->scan.is_complete ? file->bytes : file->follower.now.offset;
    return status == STATUS_OK ? reading->status : status;
}

static enum status verify_open(struct verify *verify,
                               struct verified_file *file,
                               struct error *error)
{
    struct reading reading = {.verify = verify, .file = file, .error = error};
    enum status status = verify_index_begin(verify, file, error);

    if (status == STATUS_OK) {
        status = read_events(&reading, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    verify->result->files++;
    if (file->scan.is_complete) {
        check_rotate(&reading);
    }
    check_mark(&reading);
    status = verify_index_end(verify, file, error);
    return status == STATUS_OK && file->is_closed ? verify_sidecar(verify, file, error)
                                                  : status;
}

static enum status open_file(struct verify *verify,
                             struct verified_file *file,
                             struct error *error)
{
    autofree char *path = mem_format("%s/%s", verify->options->directory, file->name);
    const struct disk *disk = verify->options->disk;
    int64_t bytes = -1;

    file->descriptor = disk_open(disk, path, O_RDONLY, 0);
    if (file->descriptor >= 0) {
        bytes = disk_file_bytes(file->descriptor);
    }
    if (bytes < 0) {
        return errno == ENOENT ? STATUS_NOT_FOUND : error_set_errno(error, "open %s", path);
    }
    file->bytes = (uint64_t)bytes;
    return STATUS_OK;
}

bool verify_is_gone(const struct verify *verify, const struct verified_file *file)
{
    autofree char *path = mem_format("%s/%s", verify->options->directory, file->name);

    return access(path, F_OK) != 0 && errno == ENOENT;
}

/* What is behind the durable end does not count. False if that is the whole file. */
static bool cut_to_durable(struct verify *verify, struct verified_file *file)
{
    const struct binlog_position end = verify->durable.end;
    uint64_t number = verify->listing.files[file->at];
    uint64_t counts = file->bytes;

    if (number >= end.file) {
        counts = number > end.file ? 0 : end.offset;
    }
    file->is_closed = number < end.file;
    if (counts < file->bytes) {
        verify->result->unread_bytes += file->bytes - counts;
        file->bytes = counts;
    }
    return number <= end.file;
}

enum status verify_file(struct verify *verify, size_t at, struct error *error)
{
    struct verified_file file = {.at = at, .descriptor = -1, .index = -1, .is_sound = true};
    enum status status = STATUS_OK;

    binlog_name_print(file.name, verify->listing.log_name, verify->listing.files[at]);
    status = open_file(verify, &file, error);
    if (status == STATUS_OK && cut_to_durable(verify, &file)) {
        status = verify_open(verify, &file, error);
    } else if (status == STATUS_NOT_FOUND) {
        verify->is_before_known = false; /* it was removed since the directory was read */
        verify->is_state_known = false;
        status = STATUS_OK;
    }
    binlog_scan_release(&file.scan);
    pending_gtids_release(&file.gtids);
    if (file.descriptor >= 0) {
        (void)disk_close(verify->options->disk, file.descriptor); /* was read, as below */
    }
    if (file.index >= 0) {
        (void)disk_close(verify->options->disk, file.index);
    }
    return status == STATUS_OK ? STATUS_OK : error_wrap(error, "%s", file.name);
}
