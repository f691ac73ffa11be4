/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/registry/catch_up.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "applier_registry_internal.h"
#include "binrelay/storage/binlog_files.h"
#include "binrelay/storage/epoch_locate.h"

enum { SET_SHOWN_BYTES = 300 };

static const struct epoch_key last_of_all = {.incarnation = UINT32_MAX, .epoch = UINT64_MAX};

uint64_t catch_up_newest_epoch(struct binlog_store *store)
{
    struct epoch_place newest;
    struct error error;

    return epoch_index_at_or_before(store, last_of_all, &newest, &error) == STATUS_OK
               ? newest.key.epoch
               : 0;
}

uint64_t catch_up_oldest_epoch(struct binlog_store *store)
{
    struct epoch_place oldest;
    struct error error;

    return epoch_index_at_or_after(store, (struct epoch_key){0}, &oldest, &error) == STATUS_OK
               ? oldest.key.epoch
               : 0;
}

static enum status find_by_set(struct binlog_store *store,
                               const char *executed,
                               uint64_t *file,
                               struct error *error)
{
    struct gtid_set *set = NULL;
    struct gtid_set *missing = NULL;
    struct buffer text = {0};
    enum status status = gtid_set_parse(&set, bytes_of_text(executed), error);

    if (status != STATUS_OK) {
        return status;
    }
    status = binlog_files_find_by_gtids(store, set, file, &missing, error);
    if (status == STATUS_NOT_FOUND && missing != NULL) {
        gtid_set_print(missing, &text);
        status = error_set(error, STATUS_NOT_FOUND,
                           "the set misses transactions that are not here any more: %.*s",
                           (int)(text.size < SET_SHOWN_BYTES ? text.size : SET_SHOWN_BYTES),
                           (const char *)text.data);
    }
    buffer_release(&text);
    gtid_set_free(missing);
    gtid_set_free(set);
    return status;
}

static enum status find_by_mariadb(struct binlog_store *store,
                                   const char *executed,
                                   uint64_t *file,
                                   struct error *error)
{
    struct mariadb_gtid_list position = {0};
    enum status status = mariadb_gtid_list_parse(&position, bytes_of_text(executed), error);

    if (status == STATUS_OK) {
        status = binlog_files_find_by_mariadb(store, &position, file, error);
    }
    mariadb_gtid_list_release(&position);
    return status;
}

enum status catch_up_by_gtids(struct binlog_store *store,
                              const char *executed,
                              struct binlog_position *found,
                              struct error *error)
{
    struct binlog_position end = binlog_store_durable_end(store);
    struct binlog_file_facts facts;
    uint64_t file = 0;
    enum status status = binlog_files_find(store, end.file, &facts, error);

    if (status == STATUS_NOT_FOUND) {
        return error_set(error, STATUS_AGAIN, "nothing is stored here yet");
    }
    if (status == STATUS_OK) {
        status = facts.is_mariadb ? find_by_mariadb(store, executed, &file, error)
                                  : find_by_set(store, executed, &file, error);
    }
    if (status == STATUS_OK) {
        *found = (struct binlog_position){.file = file, .offset = BINLOG_MAGIC_BYTES};
    }
    return status;
}

/* Where what is here and may be seen begins; {0, 0}: nothing is here. */
static struct binlog_position beginning_of(struct binlog_store *store)
{
    struct binlog_position visible = binlog_store_first_visible(store);
    struct binlog_position begin = {0};
    struct binlog_file_facts *files = NULL;
    size_t count = binlog_files_list(store, &files);

    if (count > 0) {
        begin = (struct binlog_position){.file = files[0].file, .offset = BINLOG_MAGIC_BYTES};
    }
    free(files);
    return binlog_position_compare(visible, begin) > 0 ? visible : begin;
}

/* A place that its streams came to: is all behind it here? */
static enum status find_sent(struct binlog_store *store,
                             struct binlog_position sent,
                             struct binlog_position *found,
                             struct error *error)
{
    struct binlog_position begin = beginning_of(store);
    char name[BINLOG_NAME_BYTES];

    if (begin.file == 0 || binlog_position_compare(sent, begin) < 0) {
        binlog_name_print(name, binlog_store_log_name(store), sent.file);
        return error_set(error, STATUS_NOT_FOUND,
                         "its streams came to %s:%" PRIu64 ", which is not here any more", name,
                         sent.offset);
    }
    *found = sent;
    return STATUS_OK;
}

/* One of which nothing is known can only begin where the log began. */
static enum status find_beginning(struct binlog_store *store,
                                  struct binlog_position *found,
                                  struct error *error)
{
    struct binlog_position begin = beginning_of(store);
    bool has_epochs = epoch_index_rules(store).kind != EPOCH_KIND_NONE;
    bool is_whole = has_epochs ? epoch_index_is_opening(store, begin)
                               : begin.file == 1 && begin.offset == BINLOG_MAGIC_BYTES;

    if (begin.file == 0) {
        return error_set(error, STATUS_AGAIN, "nothing is stored here yet");
    }
    if (!is_whole) {
        return error_set(error, STATUS_NOT_FOUND,
                         "it never reported, and the log here does not begin at its beginning");
    }
    *found = begin;
    return STATUS_OK;
}

struct applier_facts catch_up_member(struct applier_registry *appliers,
                                     const struct applier_facts *applier)
{
    struct applier_facts member = *applier;
    struct epoch_key highest = {0};

    if (appliers->shares_groups && applier->group[0] != '\0') {
        highest = applier_registry_group_applied(appliers, applier->group);
    }
    if (epoch_key_compare(highest, member.applied) > 0) {
        member.applied = highest;
    }
    return member;
}

struct catch_up catch_up_of(struct binlog_store *store, const struct applier_facts *applier)
{
    struct catch_up outcome = {.oldest_epoch = catch_up_oldest_epoch(store)};
    struct error error = {0};
    enum status status = STATUS_OK;

    if (applier->applied.epoch != 0) {
        status = epoch_locate_after(store, applier->applied, &outcome.from, &error);
    } else if (applier->applied_gtids != NULL) {
        status = catch_up_by_gtids(store, applier->applied_gtids, &outcome.from, &error);
    } else if (applier->sent.file != 0) {
        status = find_sent(store, applier->sent, &outcome.from, &error);
    } else {
        status = find_beginning(store, &outcome.from, &error);
    }
    outcome.is_possible = status == STATUS_OK;
    outcome.is_hopeless = status == STATUS_NOT_FOUND;
    if (!outcome.is_possible) {
        (void)snprintf(outcome.reason, sizeof(outcome.reason), "%s", error.message);
    }
    return outcome;
}

bool catch_up_lag(struct binlog_store *store,
                  const struct applier_facts *applier,
                  uint64_t now_usec,
                  double *seconds)
{
    struct epoch_key next = applier->applied;
    struct epoch_place oldest;
    struct error error;
    enum status status = STATUS_OK;

    if (next.epoch == 0) {
        return false;
    }
    if (next.epoch == UINT64_MAX) {
        next.incarnation++;
        next.epoch = 0;
    } else {
        next.epoch++;
    }
    status = epoch_index_at_or_after(store, next, &oldest, &error);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
        return false;
    }
    *seconds = status == STATUS_OK && now_usec > oldest.commit_usec
                   ? (double)(now_usec - oldest.commit_usec) / 1e6
                   : 0;
    return true;
}
