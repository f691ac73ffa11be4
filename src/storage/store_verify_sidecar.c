/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sidecar of a closed file against what was read in the file. What was
 * stored before it follows from the files in front of it and from the record
 * of a purge. Where there is none, the first file's sidecar may know more than
 * its file says: what is not visible.
 */
#include <stdio.h>
#include <string.h>

#include "binrelay/base/memory.h"
#include "gtid_sidecar.h"
#include "store_internal.h"
#include "store_verify.h"

static bool state_has(const struct mariadb_gtid_list *state, struct mariadb_gtid gtid)
{
    for (size_t at = 0; at < state->count; at++) {
        const struct mariadb_gtid *item = &state->items[at];

        if (item->domain_id == gtid.domain_id && item->server_id == gtid.server_id &&
            item->sequence == gtid.sequence) {
            return true;
        }
    }
    return false;
}

/* True if each item of `part` is in one of the two states; `other` may be NULL. */
static bool states_have(const struct mariadb_gtid_list *state,
                        const struct mariadb_gtid_list *other,
                        const struct mariadb_gtid_list *part)
{
    for (size_t at = 0; at < part->count; at++) {
        if (!state_has(state, part->items[at]) &&
            (other == NULL || !state_has(other, part->items[at]))) {
            return false;
        }
    }
    return true;
}

static bool is_same(const struct stored_gtids *left, const struct stored_gtids *right)
{
    return gtid_set_equals(left->set, right->set) && left->state.count == right->state.count &&
           states_have(&left->state, NULL, &right->state);
}

/* The first file: GTIDs in front of the first visible place count as before it. */
static const char *compare_first(const struct gtid_sidecar *sidecar,
                                 const struct binlog_scan *scan)
{
    struct stored_gtids all = {0};
    bool has_all = false;

    stored_gtids_copy(&all, &sidecar->before);
    gtid_set_add_set(all.set, sidecar->added.set);
    has_all = gtid_set_contains(all.set, scan->before.set) &&
              gtid_set_contains(all.set, scan->added.set) &&
              states_have(&sidecar->before.state, &sidecar->added.state, &scan->added.state);
    stored_gtids_release(&all);
    if (!has_all) {
        return "it lacks GTIDs that are in the file";
    }
    if (!gtid_set_contains(scan->added.set, sidecar->added.set) ||
        !states_have(&scan->added.state, NULL, &sidecar->added.state)) {
        return "it has GTIDs that are not in the file";
    }
    return NULL;
}

static bool is_same_facts(const struct binlog_file_facts *left,
                          const struct binlog_file_facts *right)
{
    return left->bytes == right->bytes && left->first_created_sec == right->first_created_sec &&
           left->last_created_sec == right->last_created_sec &&
           left->is_mariadb == right->is_mariadb && left->has_gtids == right->has_gtids &&
           left->checksum == right->checksum &&
           strcmp(left->server_version, right->server_version) == 0;
}

/* What is wrong with the sidecar; NULL: nothing. */
static const char *compare(const struct verify *verify,
                           const struct verified_file *file,
                           const struct gtid_sidecar *sidecar)
{
    struct binlog_file_facts facts = store_facts_at(&file->follower, &file->follower.now);

    if (!is_same_facts(&facts, &sidecar->facts)) {
        return "size, times or format are not the file's";
    }
    if (verify_is_first(verify, file)) {
        return compare_first(sidecar, &file->scan);
    }
    if (!is_same(&sidecar->added, &file->scan.added)) {
        return "its GTIDs are not the file's";
    }
    if (verify->is_before_known && !is_same(&sidecar->before, &verify->before)) {
        return "what it says was stored before is not what the files before have";
    }
    return NULL;
}

/* Moves on to what is before the next file, by the better witness of the two. */
static void settle_before(struct verify *verify,
                          const struct verified_file *file,
                          const struct gtid_sidecar *sidecar)
{
    const struct store_listing *listing = &verify->listing;

    if (sidecar != NULL) {
        stored_gtids_copy(&verify->before, &sidecar->before);
        stored_gtids_add(&verify->before, &sidecar->added);
        verify->is_before_known = true;
    } else if (verify_is_first(verify, file) || !file->is_sound) {
        verify->is_before_known = false;
    } else if (verify->is_before_known) {
        stored_gtids_add(&verify->before, &file->scan.added);
    }
    if (file->at + 1 < listing->count &&
        listing->files[file->at + 1] != listing->files[file->at] + 1) {
        verify->is_before_known = false;
    }
}

static enum status read_sidecar(struct verify *verify,
                                const struct verified_file *file,
                                const char *path,
                                struct gtid_sidecar *found,
                                struct error *error)
{
    enum status status = gtid_sidecar_read(found, verify->options->disk, path, error);

    while (status == STATUS_NOT_FOUND && !verify_is_gone(verify, file) && verify_wait(verify)) {
        status = gtid_sidecar_read(found, verify->options->disk, path, error);
    }
    return status;
}

enum status verify_sidecar(struct verify *verify,
                           const struct verified_file *file,
                           struct error *error)
{
    autofree char *name = mem_format("%s.gtids", file->name);
    autofree char *path = mem_format("%s/%s", verify->options->directory, name);
    struct gtid_sidecar sidecar = {0};
    enum status status = read_sidecar(verify, file, path, &sidecar, error);
    const char *why = NULL;

    if (status == STATUS_NOT_FOUND && !verify_is_gone(verify, file)) {
        why = "missing: the relay makes it anew at its next start";
    } else if (status != STATUS_OK && status != STATUS_SYSTEM) {
        why = error->message;
    } else if (status == STATUS_OK && file->is_sound) {
        why = compare(verify, file, &sidecar);
    }
    if (why != NULL) {
        verify_fault(verify, FAULT_SIDECAR, name, 0, why);
    }
    if (status != STATUS_SYSTEM) {
        settle_before(verify, file, status == STATUS_OK && why == NULL ? &sidecar : NULL);
        status = STATUS_OK;
    }
    gtid_sidecar_release(&sidecar);
    return status;
}
