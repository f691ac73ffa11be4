/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The epoch index of a file against what a new reading of the file finds: the
 * records that the reading makes are encoded, and must be the bytes of the
 * index, one after the other. The index of the newest file may lack its end,
 * or be further than the mark: it is written behind it.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "binrelay/base/memory.h"
#include "epoch_mend.h"
#include "index_rules.h"
#include "store_verify.h"

static void tell(struct verify *verify, const char *name, uint64_t offset, const char *message)
{
    verify_fault(verify, FAULT_INDEX, name, offset, message);
}

/* Nothing more of this index is compared. */
static void give_up(struct verify *verify,
                    struct verified_file *file,
                    uint64_t offset,
                    const char *message)
{
    if (file->is_sound) { /* else it is the binlog that is wrong */
        tell(verify, file->index_name, offset, message);
    }
    file->is_index_compared = false;
}

enum status verify_find_rules(struct verify *verify, struct error *error)
{
    struct epoch_rules rules = {.kind = EPOCH_KIND_NONE};
    const struct store_verify_options *options = verify->options;
    enum status status =
        index_rules_find(options->disk, options->directory, &verify->listing, &rules, error);

    verify->rules = rules;
    epoch_track_init(&verify->epochs, &rules);
    if (rules.kind != EPOCH_KIND_NONE && rules.kind == verify->purged_epochs) {
        epoch_track_restart(&verify->epochs, verify->purged_state);
        verify->is_state_known = true;
    }
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

/* Where two runs of bytes differ. */
static size_t first_difference(const uint8_t *left, const uint8_t *right, size_t size)
{
    size_t at = 0;

    while (at < size && left[at] == right[at]) {
        at++;
    }
    return at;
}

/* The head must be what a relay would write now; what was before, the first one may say. */
static enum status check_head(struct verify *verify,
                              struct verified_file *file,
                              const struct epoch_header *head,
                              struct error *error)
{
    autofree char *path = mem_format("%s/%s", verify->options->directory, file->name);
    uint8_t found[EPOCH_HEADER_BYTES];
    uint8_t wanted[EPOCH_HEADER_BYTES];
    struct epoch_header right = *head;
    enum status status = STATUS_OK;
    size_t at = 0;

    if (verify->rules.kind == EPOCH_KIND_NONE) { /* a relay has made the first index since */
        verify->rules = head->rules;
        epoch_track_set_rules(&verify->epochs, &verify->rules);
    }
    right.file = verify->listing.files[file->at];
    right.rules = verify->rules;
    /* A source may have told another number since: that is for what comes behind. */
    right.rules.server_id_bits = head->rules.server_id_bits;
    if (right.rules.server_id_bits != verify->rules.server_id_bits) {
        verify->rules = right.rules;
        epoch_track_set_rules(&verify->epochs, &verify->rules);
    }
    if (verify->is_state_known) {
        right.before = verify->epochs.now;
    }
    status = epoch_fingerprint(verify->options->disk, path, &right.fingerprint, error);
    if (status == STATUS_CORRUPT) {
        file->is_index_compared = false; /* the binlog's fault is told where it is read */
        return STATUS_OK;
    }
    epoch_header_encode(found, head);
    epoch_header_encode(wanted, &right);
    at = first_difference(found, wanted, sizeof(found));
    if (status == STATUS_OK && at < sizeof(found)) {
        give_up(verify, file, at, "its head is not that of this file's index");
    }
    if (status == STATUS_OK && !verify->is_state_known) {
        epoch_track_restart(&verify->epochs, head->before);
        verify->is_state_known = true;
    }
    return status;
}

enum status verify_index_begin(struct verify *verify,
                               struct verified_file *file,
                               struct error *error)
{
    autofree char *path = index_path(verify->options->directory, &verify->listing, file->at);
    struct epoch_header head;
    enum status status = STATUS_OK;

    (void)snprintf(file->index_name, sizeof(file->index_name), "%s.epochs", file->name);
    do {
        status = index_read_head(verify->options->disk, path, &head, error);
    } while (status == STATUS_NOT_FOUND && verify->rules.kind != EPOCH_KIND_NONE &&
             file->is_closed && !verify_is_gone(verify, file) && verify_wait(verify));
    file->is_index_compared = status == STATUS_OK;
    if (status == STATUS_NOT_FOUND) {
        if (verify->rules.kind != EPOCH_KIND_NONE && file->is_closed &&
            !verify_is_gone(verify, file)) {
            tell(verify, file->index_name, 0,
                 "missing: the relay makes it anew at its next start");
        }
        file->is_index_late = !file->is_closed;
    } else if (status == STATUS_CORRUPT) {
        tell(verify, file->index_name, 0, error->message);
    } else if (status == STATUS_OK) {
        status = check_head(verify, file, &head, error);
    }
    epoch_track_begin_file(&verify->epochs, verify->listing.files[file->at],
                           BINLOG_MAGIC_BYTES);
    if (status == STATUS_SYSTEM || !file->is_index_compared) {
        return status == STATUS_SYSTEM ? status : STATUS_OK;
    }
    file->index = disk_open(verify->options->disk, path, O_RDONLY, 0);
    return file->index < 0 ? error_set_errno(error, "open %s", path) : STATUS_OK;
}

/* Reads the next place for a record; *found is how many bytes of it there are. */
static enum status read_slot(struct verify *verify,
                             const struct verified_file *file,
                             uint8_t bytes[EPOCH_RECORD_BYTES],
                             size_t *found,
                             struct error *error)
{
    const off_t offset = (off_t)epoch_record_offset(file->index_records);
    enum status status = STATUS_OK;

    do {
        status = disk_read_all(verify->options->disk, file->index, bytes, EPOCH_RECORD_BYTES,
                               offset, found, error);
    } while (status == STATUS_OK && *found < EPOCH_RECORD_BYTES && file->is_closed &&
             file->is_sound && verify_wait(verify));
    return status;
}

/* The next record of the index must be this one. */
static enum status compare_record(struct verify *verify,
                                  struct verified_file *file,
                                  const struct epoch_record *record,
                                  struct error *error)
{
    const uint64_t offset = epoch_record_offset(file->index_records);
    uint8_t wanted[EPOCH_RECORD_BYTES];
    uint8_t there[EPOCH_RECORD_BYTES];
    size_t found = 0;
    size_t at = 0;

    if (read_slot(verify, file, there, &found, error) != STATUS_OK) {
        return error->status;
    }
    epoch_record_encode(wanted, record);
    at = first_difference(wanted, there, found);
    if (at < found) {
        give_up(verify, file, offset + at,
                record->kind == EPOCH_RECORD_SEAL
                    ? "no seal of this index stands here"
                    : "not the record that the binlog gives here");
    } else if (found < sizeof(there) && file->is_closed) {
        give_up(verify, file, offset + found,
                "cut short: the relay mends it at its next start");
    } else if (found < sizeof(there)) {
        file->is_index_compared = false; /* the newest may lack its end */
        file->is_index_late = true;
    }
    file->index_records++;
    return STATUS_OK;
}

enum status verify_index_whole(struct verify *verify,
                               struct verified_file *file,
                               struct error *error)
{
    struct epoch_track *epochs = &verify->epochs;
    enum status status = STATUS_OK;

    epoch_track_whole(epochs, file->follower.now.offset);
    for (size_t at = 0; at < epochs->count && status == STATUS_OK; at++) {
        const struct epoch_record *record = &epochs->pending[at].record;

        if (file->is_index_compared) {
            status = compare_record(verify, file, record, error);
        }
        file->gaps += record->kind == EPOCH_RECORD_GAP;
        if (record->kind == EPOCH_RECORD_EPOCH) {
            verify->result->epochs++;
            verify->result->unindexed_epochs += file->is_index_late;
        }
    }
    epoch_track_drop(epochs, epochs->count);
    return status;
}

/* What the index of the newest file has beyond the mark is of the right form. */
static enum status check_rest(struct verify *verify,
                              struct verified_file *file,
                              struct error *error)
{
    size_t found = EPOCH_RECORD_BYTES;

    while (found == EPOCH_RECORD_BYTES && file->is_index_compared) {
        uint8_t bytes[EPOCH_RECORD_BYTES];
        struct epoch_record record;
        uint64_t offset = epoch_record_offset(file->index_records);

        if (read_slot(verify, file, bytes, &found, error) != STATUS_OK) {
            return error->status;
        }
        if (found == sizeof(bytes) &&
            (!epoch_record_decode(&record, bytes) ||
             (record.kind != EPOCH_RECORD_SEAL && record.start < file->bytes))) {
            give_up(verify, file, offset, "a record of nothing that is in the binlog");
        }
        file->index_records++;
    }
    return STATUS_OK;
}

enum status verify_index_end(struct verify *verify,
                             struct verified_file *file,
                             struct error *error)
{
    const struct epoch_record seal = {.kind = EPOCH_RECORD_SEAL,
                                      .start = file->index_records,
                                      .end = file->bytes,
                                      .commit_usec = file->gaps};
    enum status status = STATUS_OK;
    uint8_t more = 0;
    size_t found = 0;

    verify->is_state_known = verify->is_state_known && file->is_sound && file->scan.is_complete;
    if (!file->is_index_compared || !file->scan.is_complete) {
        return STATUS_OK;
    }
    if (!file->is_closed) {
        return check_rest(verify, file, error);
    }
    status = compare_record(verify, file, &seal, error);
    if (status == STATUS_OK && file->is_index_compared) {
        uint64_t end = epoch_record_offset(file->index_records);

        status = disk_read_all(verify->options->disk, file->index, &more, 1, (off_t)end, &found,
                               error);
        if (status == STATUS_OK && found > 0) {
            give_up(verify, file, end, "bytes behind the seal");
        }
    }
    return status;
}
