/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole directory: first the mark, which says how far the files count,
 * then the listing, so that what the mark speaks of is in it, then each file.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "binrelay/base/memory.h"
#include "purge_record.h"
#include "store_verify.h"

enum {
    WAIT_MSEC = 20,
    NSEC_IN_MSEC = 1000 * 1000,
};

static const char *const kind_words[FAULT_KIND_COUNT] = {
    [FAULT_MAGIC] = "magic",         [FAULT_CHECKSUM] = "checksum",
    [FAULT_BOUNDARY] = "boundary",   [FAULT_TRANSACTION] = "transaction",
    [FAULT_NUMBERING] = "numbering", [FAULT_ROTATE] = "rotate",
    [FAULT_MARK] = "mark",           [FAULT_SIDECAR] = "sidecar",
    [FAULT_INDEX] = "index",
};

static const char mark_name[] = "durable";
static const char purged_name[] = "purged";
static const char directory_name[] = ".";

void verify_fault(struct verify *verify,
                  enum fault_kind kind,
                  const char *file,
                  uint64_t offset,
                  const char *message)
{
    unsigned bit = 1U << kind;

    verify->result->faults++;
    if ((verify->told & bit) == 0) {
        verify->told |= bit;
        verify->options->on_fault(
            verify->options->context,
            &(struct store_fault){
                .kind = kind_words[kind], .file = file, .offset = offset, .message = message});
    }
}

bool verify_wait(struct verify *verify)
{
    const struct timespec wait = {.tv_nsec = WAIT_MSEC * NSEC_IN_MSEC};

    if (verify->waited_msec >= verify->options->most_wait_msec) {
        return false;
    }
    verify->waited_msec += WAIT_MSEC;
    (void)nanosleep(&wait, NULL); /* a signal only makes the next look earlier */
    return true;
}

static void on_mark_fault(void *context, uint64_t offset, const char *message)
{
    verify_fault(context, FAULT_MARK, mark_name, offset, message);
}

/*
 * Up to where the files count. Without a mark that can be read: to their end,
 * as recovery would take them.
 */
static enum status read_mark(struct verify *verify, struct error *error)
{
    const struct store_verify_options *options = verify->options;
    autofree char *path = mem_format("%s/%s", options->directory, mark_name);
    enum status status =
        durable_mark_check(options->disk, path, on_mark_fault, verify, &verify->durable, error);

    if (status == STATUS_SYSTEM || status == STATUS_FULL) {
        return status;
    }
    if (status == STATUS_NOT_FOUND) {
        verify_fault(verify, FAULT_MARK, mark_name, 0,
                     "missing: nothing says how far the files were durable");
    } else if (status != STATUS_OK) {
        verify_fault(verify, FAULT_MARK, mark_name, 0,
                     status == STATUS_INVALID ? "written by a newer version"
                                              : "none of its records can be read");
    }
    verify->is_marked = status == STATUS_OK;
    return STATUS_OK;
}

static enum status list_files(struct verify *verify, struct error *error)
{
    struct store_listing *listing = &verify->listing;
    enum status status = store_listing_read(listing, verify->options->directory, NULL, error);

    if (status == STATUS_INVALID) {
        verify_fault(verify, FAULT_NUMBERING, directory_name, 0, error->message);
        return STATUS_OK;
    }
    if (status == STATUS_OK && !verify->is_marked && listing->count > 0) {
        verify->durable.end.file = listing->files[listing->count - 1];
        verify->durable.end.offset = UINT64_MAX;
    }
    return status;
}

/* Read behind the listing: a purge that runs writes the record in front of what it removes. */
static enum status read_purge_record(struct verify *verify, struct error *error)
{
    const struct store_verify_options *options = verify->options;
    struct store_listing *listing = &verify->listing;
    struct purge_record record = {0};
    enum status status = purge_record_read(options->disk, options->directory, &record, error);

    verify->told = 0;
    if (status == STATUS_CORRUPT) {
        verify_fault(verify, FAULT_NUMBERING, purged_name, 0, error->message);
    } else if (status == STATUS_OK && listing->count > 0) {
        if (listing->files[listing->count - 1] >= record.first) {
            /* Gone, though a purge did not come to them yet. */
            (void)store_listing_drop_front(listing, record.first);
        }
        verify->is_purged = listing->files[0] == record.first;
        if (verify->is_purged) {
            stored_gtids_add(&verify->before, &record.held);
            verify->is_before_known = true;
            verify->purged_epochs = record.epochs;
            verify->purged_state = record.state;
        } else {
            verify_fault(verify, FAULT_NUMBERING, purged_name, 0,
                         "it speaks of another first file than there is");
        }
    }
    purge_record_release(&record);
    return status == STATUS_CORRUPT || status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static void check_numbers(struct verify *verify)
{
    const struct store_listing *listing = &verify->listing;
    bool has_last = verify->durable.end.file == 0;
    char message[128];

    for (size_t at = 0; at < listing->count; at++) {
        uint64_t file = listing->files[at];

        has_last = has_last || file == verify->durable.end.file;
        if (at > 0 && file != listing->files[at - 1] + 1 && file <= verify->durable.end.file) {
            char name[BINLOG_NAME_BYTES];

            verify->told = 0;
            binlog_name_print(name, listing->log_name, file);
            (void)snprintf(message, sizeof(message),
                           "the file before it is number %" PRIu64 ", so that %" PRIu64
                           " are missing",
                           listing->files[at - 1], file - listing->files[at - 1] - 1);
            verify_fault(verify, FAULT_NUMBERING, name, 0, message);
        }
    }
    if (!has_last) {
        verify->told = 0;
        (void)snprintf(message, sizeof(message),
                       "file %" PRIu64 " was durable up to %" PRIu64 " and is missing",
                       verify->durable.end.file, verify->durable.end.offset);
        verify_fault(verify, FAULT_MARK, mark_name, 0, message);
    }
}

static enum status verify_files(struct verify *verify, struct error *error)
{
    enum status status = STATUS_OK;

    for (size_t at = 0; at < verify->listing.count && status == STATUS_OK; at++) {
        verify->told = 0;
        status = verify_file(verify, at, error);
    }
    return status;
}

enum status store_verify(const struct store_verify_options *options,
                         struct store_verify_result *result,
                         struct error *error)
{
    struct verify verify = {.options = options, .result = result};
    enum status status = STATUS_OK;

    *result = (struct store_verify_result){0};
    stored_gtids_init(&verify.before);
    status = read_mark(&verify, error);
    if (status == STATUS_OK) {
        status = list_files(&verify, error);
    }
    if (status == STATUS_OK) {
        status = read_purge_record(&verify, error);
    }
    if (status == STATUS_OK) {
        check_numbers(&verify);
        status = verify_find_rules(&verify, error);
    }
    if (status == STATUS_OK) {
        status = verify_files(&verify, error);
    }
    if (verify.is_marked) {
        result->durable_end = verify.durable.end;
    }
    epoch_track_release(&verify.epochs);
    stored_gtids_release(&verify.before);
    store_listing_release(&verify.listing);
    return status;
}

bool store_is_there(const char *directory)
{
    autofree char *mark_path = mem_format("%s/%s", directory, mark_name);
    struct store_listing listing = {0};
    struct error error;
    enum status status = STATUS_OK;
    bool has_files = false;

    if (access(mark_path, F_OK) == 0) {
        return true;
    }
    status = store_listing_read(&listing, directory, NULL, &error);
    has_files = status == STATUS_INVALID || listing.count > 0;
    store_listing_release(&listing);
    return has_files;
}
