/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/storage/binlog_files.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "binrelay/base/memory.h"
#include "store_internal.h"

size_t binlog_files_list(struct binlog_store *store, struct binlog_file_facts **facts)
{
    struct file_list *list = &store->list;
    struct binlog_file_facts *copies = NULL;
    size_t count = 0;

    pthread_mutex_lock(&list->lock);
    count = list->count;
    copies = mem_zeroed((count + 1) * sizeof(*copies));
    for (size_t at = 0; at < count; at++) {
        copies[at] = list->files[at]->facts;
    }
    pthread_mutex_unlock(&list->lock);
    *facts = copies;
    return count;
}

static enum status not_found(const struct binlog_store *store,
                             uint64_t file,
                             struct error *error)
{
    return error_set(error, STATUS_NOT_FOUND, "%s has no file %" PRIu64,
                     binlog_store_log_name(store), file);
}

enum status binlog_files_find(struct binlog_store *store,
                              uint64_t file,
                              struct binlog_file_facts *found,
                              struct error *error)
{
    struct store_file *entry = NULL;

    pthread_mutex_lock(&store->list.lock);
    entry = file_list_find(&store->list, file);
    if (entry != NULL) {
        *found = entry->facts;
    }
    pthread_mutex_unlock(&store->list.lock);
    if (entry == NULL) {
        return not_found(store, file, error);
    }
    store_file_unref(entry);
    return STATUS_OK;
}

uint64_t binlog_files_first(struct binlog_store *store)
{
    uint64_t first = 0;

    pthread_mutex_lock(&store->list.lock);
    first = store->list.count == 0 ? 0 : store->list.files[0]->number;
    pthread_mutex_unlock(&store->list.lock);
    return first;
}

/* Under the lock: what was stored before a file. False if there is no such file. */
static bool copy_before(struct file_list *list, uint64_t file, struct stored_gtids *before)
{
    struct store_file *last = list->count == 0 ? NULL : list->files[list->count - 1];

    if (last != NULL && last->number == file) {
        stored_gtids_copy(before, &list->before_last);
        return true;
    }
    stored_gtids_copy(before, &list->purged);
    for (size_t at = 0; at < list->count; at++) {
        if (list->files[at]->number == file) {
            return true;
        }
        stored_gtids_add(before, &list->files[at]->added);
    }
    return false;
}

static bool stored_before(struct binlog_store *store,
                          uint64_t file,
                          struct stored_gtids *before)
{
    bool is_found = false;

    pthread_mutex_lock(&store->list.lock);
    is_found = copy_before(&store->list, file, before);
    pthread_mutex_unlock(&store->list.lock);
    return is_found;
}

struct gtid_set *binlog_files_gtids_before(struct binlog_store *store, uint64_t file)
{
    struct stored_gtids before = {0};
    struct gtid_set *set = NULL;

    if (stored_before(store, file, &before)) {
        set = before.set;
        before.set = NULL; /* the caller's now */
    }
    stored_gtids_release(&before);
    return set;
}

static void copy_all(struct binlog_store *store, struct stored_gtids *all)
{
    struct file_list *list = &store->list;

    pthread_mutex_lock(&list->lock);
    stored_gtids_copy(all, &list->before_last);
    if (list->count > 0) {
        stored_gtids_add(all, &list->files[list->count - 1]->added);
    }
    pthread_mutex_unlock(&list->lock);
}

struct gtid_set *binlog_files_gtids(struct binlog_store *store)
{
    struct stored_gtids all = {0};

    copy_all(store, &all);
    mariadb_gtid_list_release(&all.state);
    return all.set;
}

struct gtid_set *binlog_files_gtids_purged(struct binlog_store *store)
{
    struct gtid_set *set = NULL;

    pthread_mutex_lock(&store->list.lock);
    set = gtid_set_copy(store->list.purged.set);
    pthread_mutex_unlock(&store->list.lock);
    return set;
}

void binlog_files_mariadb_state(struct binlog_store *store, struct mariadb_gtid_list *state)
{
    struct stored_gtids all = {0};

    copy_all(store, &all);
    gtid_set_free(all.set);
    mariadb_gtid_list_release(state);
    *state = all.state;
}

enum status binlog_files_mariadb_state_before(struct binlog_store *store,
                                              uint64_t file,
                                              struct mariadb_gtid_list *state,
                                              struct error *error)
{
    struct stored_gtids before = {0};
    bool is_found = stored_before(store, file, &before);

    gtid_set_free(before.set);
    if (!is_found) {
        mariadb_gtid_list_release(&before.state);
        return not_found(store, file, error);
    }
    mariadb_gtid_list_release(state);
    *state = before.state;
    return STATUS_OK;
}

/* The files that are closed, and what was there before them: none of it changes any more. */
struct closed_files {
    struct store_file **files; /* owned array, a reference each */
    size_t count;
    uint64_t last; /* the file behind them; 0: the log has none */
    struct gtid_set *purged;
    struct gtid_set *left_out; /* need not be had; NULL: nothing */
};

/* So that a peer's long set is compared without the lock. */
static struct closed_files take_closed_files(struct file_list *list)
{
    struct closed_files closed = {0};

    pthread_mutex_lock(&list->lock);
    closed.files = mem_zeroed((list->count + 1) * sizeof(struct store_file *));
    closed.purged = gtid_set_copy(list->purged.set);
    closed.left_out = gtid_set_is_empty(list->left_out) ? NULL : gtid_set_copy(list->left_out);
    if (list->count > 0) {
        closed.count = list->count - 1;
        closed.last = list->files[list->count - 1]->number;
    }
    for (size_t at = 0; at < closed.count; at++) {
        closed.files[at] = list->files[at];
        store_file_ref(closed.files[at]);
    }
    pthread_mutex_unlock(&list->lock);
    return closed;
}

static void release_closed_files(struct closed_files *closed)
{
    for (size_t at = 0; at < closed->count; at++) {
        store_file_unref(closed->files[at]);
    }
    free(closed->files);
    gtid_set_free(closed->purged);
    gtid_set_free(closed->left_out);
}

static bool has_all_of(const struct gtid_set *set,
                       const struct closed_files *closed,
                       size_t first,
                       size_t end)
{
    struct gtid_set *added = gtid_set_new();
    bool has_all = false;

    for (size_t at = first; at < end; at++) {
        gtid_set_add_set(added, closed->files[at]->added.set);
    }
    if (closed->left_out != NULL) {
        gtid_set_subtract(added, closed->left_out);
    }
    has_all = gtid_set_contains(set, added);
    gtid_set_free(added);
    return has_all;
}

/* How many files the set has whole, from the oldest on. By halves: each look reads the set. */
static size_t count_contained(const struct gtid_set *set, const struct closed_files *closed)
{
    size_t low = 0;
    size_t high = closed->count;

    while (low < high) { /* the set has all files below low */
        size_t middle = high - (high - low) / 2;

        if (has_all_of(set, closed, low, middle)) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    return low;
}

enum status binlog_files_find_by_gtids(struct binlog_store *store,
                                       const struct gtid_set *set,
                                       uint64_t *file,
                                       struct gtid_set **missing,
                                       struct error *error)
{
    struct closed_files closed = take_closed_files(&store->list);
    enum status status = STATUS_OK;

    if (closed.left_out != NULL) {
        gtid_set_subtract(closed.purged, closed.left_out);
    }
    if (!gtid_set_contains(set, closed.purged)) {
        gtid_set_subtract(closed.purged, set);
        *missing = closed.purged;
        closed.purged = NULL; /* the caller's now */
        status =
            error_set(error, STATUS_NOT_FOUND, "the set lacks transactions that are purged");
    } else if (closed.last == 0) {
        *missing = NULL;
        status = error_set(error, STATUS_NOT_FOUND, "the log has no file yet");
    } else {
        size_t contained = count_contained(set, &closed);

        *file = contained < closed.count ? closed.files[contained]->number : closed.last;
    }
    release_closed_files(&closed);
    return status;
}

static const struct mariadb_gtid *find_server(const struct mariadb_gtid_list *state,
                                              struct mariadb_gtid gtid)
{
    for (size_t at = 0; at < state->count; at++) {
        if (state->items[at].domain_id == gtid.domain_id &&
            state->items[at].server_id == gtid.server_id) {
            return &state->items[at];
        }
    }
    return NULL;
}

/*
 * True if a position begins at or behind the end of what the state tells of, as
 * mariadb's contains_all_slave_gtid() (sql/sql_repl.cc) decides: in each of the
 * state's domains its GTID is not in the state, or is the domain's last.
 */
static bool is_behind(const struct mariadb_gtid_list *position,
                      const struct mariadb_gtid_list *state)
{
    for (size_t at = 0; at < state->count; at++) {
        uint32_t domain = state->items[at].domain_id;
        const struct mariadb_gtid *from = mariadb_gtid_list_domain(position, domain);
        const struct mariadb_gtid *logged = from == NULL ? NULL : find_server(state, *from);

        if (from == NULL) {
            return false;
        }
        if (logged != NULL && (from->sequence < logged->sequence ||
                               (from->sequence == logged->sequence &&
                                logged != mariadb_gtid_list_domain(state, domain)))) {
            return false;
        }
    }
    return true;
}

/* A peer's position may be long; the domains that the files have are few. */
static void keep_known_domains(const struct mariadb_gtid_list *state,
                               const struct mariadb_gtid_list *position,
                               struct mariadb_gtid_list *known)
{
    for (size_t at = 0; at < state->count; at++) {
        uint32_t domain = state->items[at].domain_id;
        bool is_known = mariadb_gtid_list_domain(known, domain) != NULL;
        const struct mariadb_gtid *from =
            is_known ? NULL : mariadb_gtid_list_domain(position, domain);

        if (from != NULL) {
            mariadb_gtid_position_update(known, *from);
        }
    }
}

enum status binlog_files_find_by_mariadb(struct binlog_store *store,
                                         const struct mariadb_gtid_list *position,
                                         uint64_t *file,
                                         struct error *error)
{
    struct file_list *list = &store->list;
    struct mariadb_gtid_list known = {0};
    struct stored_gtids before = {0};
    uint64_t found = 0;

    pthread_mutex_lock(&list->lock);
    keep_known_domains(&list->before_last.state, position, &known);
    stored_gtids_copy(&before, &list->purged);
    for (size_t at = 0; at < list->count && is_behind(&known, &before.state); at++) {
        found = list->files[at]->number;
        stored_gtids_add(&before, &list->files[at]->added);
    }
    pthread_mutex_unlock(&list->lock);
    mariadb_gtid_list_release(&known);
    stored_gtids_release(&before);
    if (found == 0) {
        return error_set(error, STATUS_NOT_FOUND,
                         "the position lies before the oldest file of the log");
    }
    *file = found;
    return STATUS_OK;
}
