/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The GTIDs of incidents in front of the first epoch, which serving leaves out
 * (dump_filter.c): read again from the files at each start, as far as the log
 * had no epoch. The writer goes on with it (binlog_append.c), and a purge
 * writes down what goes with its files (purge_record.h).
 */
#include <fcntl.h>

#include "binrelay/base/log.h"
#include "binrelay/base/memory.h"
#include "recovery.h"

/* How much of a file stands in front of the first epoch. */
static uint64_t opening_bytes(const struct recovery *recovery, size_t at)
{
    const struct store_file *file = recovery->files[at];

    if (file->epochs.epochs > 0) {
        return file->epochs.first.start;
    }
    return at + 1 == recovery->file_count ? recovery->tail.scan.whole.offset
                                          : file->facts.bytes;
}

static enum status scan_opening(struct recovery *recovery, size_t at, struct error *error)
{
    const struct disk *disk = recovery->store->disk;
    const struct store_file *entry = recovery->files[at];
    struct pending_gtids gtids = {0};
    struct file_follower follower;
    struct binlog_scan scan = {.disk = disk,
                               .file = disk_open(disk, entry->path, O_RDONLY, 0),
                               .bytes = opening_bytes(recovery, at),
                               .follower = &follower};
    enum status status = STATUS_OK;

    if (scan.file < 0) {
        return error_set_errno(error, "open %s", entry->path);
    }
    store_follow_file(recovery->store, &follower, entry->number, &gtids);
    follower.is_opening = true;
    status = binlog_scan_run(&scan, error);
    if (status == STATUS_OK && !scan.is_complete) {
        status = error_set(error, STATUS_CORRUPT, "%s", scan.why.message);
    }
    if (status == STATUS_OK) {
        gtid_set_add_set(recovery->left_out, scan.left_out);
    }
    binlog_scan_release(&scan);
    pending_gtids_release(&gtids);
    (void)disk_close(disk, scan.file); /* was opened for reading */
    return status == STATUS_OK ? STATUS_OK : error_wrap(error, "%s", entry->path);
}

void recovery_find_left_out(struct recovery *recovery)
{
    bool is_opening = recovery->store->epoch_rules.kind == EPOCH_KIND_NDB;

    for (size_t at = 0; is_opening && at < recovery->file_count; at++) {
        const struct store_file *file = recovery->files[at];
        struct error error;

        if (file->epochs.before.last.incarnation != 0 || !file->epochs.is_before_known) {
            break;
        }
        if (file->facts.has_gtids && scan_opening(recovery, at, &error) != STATUS_OK) {
            log_warning("%s; what it has in front of the first epoch is not known",
                        error.message);
            break;
        }
        /* In what cannot be read there may have been the first one. */
        is_opening = file->epochs.epochs == 0 && epoch_facts_lead_on(&file->epochs);
    }
}
