/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All epoch indexes anew: each file's is mended as recovery mends it, with
 * nothing believed that is in it. What is right stays where it is, so that an
 * end in between leaves indexes that are right or are mended by the next start.
 */
#include <errno.h>
#include <fcntl.h>

#include "binrelay/base/memory.h"
#include "binrelay/storage/store_check.h"
#include "durable_mark.h"
#include "epoch_mend.h"
#include "index_rules.h"
#include "purge_record.h"

struct reindex {
    const struct disk *disk;      /* borrowed */
    const char *directory;        /* borrowed */
    struct store_listing listing; /* owned */
    struct epoch_rules rules;
    struct binlog_position end; /* up to where the files count */
    bool is_state_recorded;     /* what was purged came to, by the record of the purge */
    struct epoch_state state;   /* what the files so far have come to */
    uint64_t files;
    uint64_t epochs;
};

static void on_mark_fault(void *context, uint64_t offset, const char *message)
{
    (void)context; /* verify tells of it */
    (void)offset;
    (void)message;
}

static enum status find_end(struct reindex *reindex, struct error *error)
{
    autofree char *path = mem_format("%s/durable", reindex->directory);
    struct durable_claim claim = {0};
    enum status status =
        durable_mark_check(reindex->disk, path, on_mark_fault, NULL, &claim, error);

    reindex->end = claim.end;
    return status;
}

/* What a purge did not come to is gone all the same, and what it held is known by its record.
 */
static enum status use_purge_record(struct reindex *reindex, struct error *error)
{
    struct store_listing *listing = &reindex->listing;
    struct purge_record record = {0};
    enum status status = purge_record_read(reindex->disk, reindex->directory, &record, error);

    if (status == STATUS_OK && listing->count > 0 &&
        listing->files[listing->count - 1] >= record.first) {
        (void)store_listing_drop_front(listing, record.first);
        if (listing->files[0] == record.first && record.epochs == reindex->rules.kind) {
            reindex->is_state_recorded = true;
            reindex->state = record.state;
        }
    }
    purge_record_release(&record);
    return status == STATUS_SYSTEM ? status : STATUS_OK;
}

/* Else only the first file's index can say what was before it, if it is by the same rules. */
static enum status find_state(struct reindex *reindex, struct error *error)
{
    autofree char *path = index_path(reindex->directory, &reindex->listing, 0);
    struct epoch_header head;
    enum status status = STATUS_OK;

    if (reindex->is_state_recorded) {
        return STATUS_OK;
    }
    status = index_read_head(reindex->disk, path, &head, error);
    if (status == STATUS_OK && head.file == reindex->listing.files[0] &&
        head.rules.kind == reindex->rules.kind) {
        reindex->state = head.before;
    }
    return status == STATUS_SYSTEM ? status : STATUS_OK;
}

static enum status file_bytes(const struct disk *disk,
                              const char *path,
                              uint64_t *bytes,
                              struct error *error)
{
    int file = disk_open(disk, path, O_RDONLY, 0);
    int64_t found = file < 0 ? -1 : disk_file_bytes(file);

    if (found < 0) {
        return error_set_errno(error, "open %s", path);
    }
    (void)disk_close(disk, file); /* nothing was written */
    *bytes = (uint64_t)found;
    return STATUS_OK;
}

static enum status reindex_file(struct reindex *reindex, size_t at, struct error *error)
{
    uint64_t number = reindex->listing.files[at];
    char name[BINLOG_NAME_BYTES];
    autofree char *path = NULL;
    struct epoch_mend mend = {
        .disk = reindex->disk,
        .file = number,
        .rules = &reindex->rules,
        .before = reindex->state,
        .before_is =
            at == 0 && !reindex->is_state_recorded ? EPOCH_BEFORE_GUESSED : EPOCH_BEFORE_GIVEN,
        .is_closed = number < reindex->end.file,
        .is_suspect = true,
    };
    struct epoch_facts facts = {0};
    enum status status = STATUS_OK;

    binlog_name_print(name, reindex->listing.log_name, number);
    path = mem_format("%s/%s", reindex->directory, name);
    mend.path = path;
    status = file_bytes(reindex->disk, path, &mend.bytes, error);
    if (status == STATUS_OK && !mend.is_closed && mend.bytes > reindex->end.offset) {
        mend.bytes = reindex->end.offset;
    }
    if (status == STATUS_OK) {
        status = epoch_mend_run(&mend, &facts, error);
    }
    if (status == STATUS_OK) {
        reindex->files++;
        reindex->epochs += facts.epochs;
        reindex->state = facts.after;
    }
    epoch_facts_release(&facts);
    return status == STATUS_OK ? STATUS_OK : error_wrap(error, "%s", name);
}

static enum status reindex_files(struct reindex *reindex, struct error *error)
{
    enum status status = use_purge_record(reindex, error);

    if (status == STATUS_OK && reindex->listing.count > 0) {
        status = find_state(reindex, error);
    }

    for (size_t at = 0; status == STATUS_OK && at < reindex->listing.count; at++) {
        if (reindex->listing.files[at] <= reindex->end.file) {
            status = reindex_file(reindex, at, error);
        }
    }
    return status;
}

enum status store_reindex(const struct disk *disk,
                          const char *directory,
                          const struct epoch_rules *rules,
                          uint64_t *files,
                          uint64_t *epochs,
                          struct error *error)
{
    struct reindex reindex = {.disk = disk, .directory = directory};
    enum status status = find_end(&reindex, error);

    if (status == STATUS_OK) {
        status = store_listing_read(&reindex.listing, directory, NULL, error);
    }
    if (status == STATUS_OK && rules != NULL) {
        reindex.rules = *rules;
    } else if (status == STATUS_OK) {
        status = index_rules_find(disk, directory, &reindex.listing, &reindex.rules, error);
        if (status == STATUS_NOT_FOUND) {
            status = error->status = STATUS_INVALID;
        }
    }
    if (status == STATUS_OK) {
        status = reindex_files(&reindex, error);
    }
    if (status == STATUS_OK) {
        *files = reindex.files;
        *epochs = reindex.epochs;
    }
    store_listing_release(&reindex.listing);
    return status;
}
