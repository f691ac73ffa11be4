/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/storage/epoch_locate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "binrelay/storage/binlog_files.h"
#include "epoch_beyond.h"

enum {
    FIRST_FILE = 1,           /* as servers count from a log's beginning */
    INCARNATIONS_MOST = 1000, /* tried where none is named */
    LIST_BYTES = 100,         /* of incarnations in a text */
    USEC_PER_SECOND = 1000000,
};

/* What the index has of one incarnation around an epoch. */
struct neighbours {
    bool has_floor; /* the last epoch that is not behind it */
    bool has_ceiling;
    struct epoch_place floor;
    struct epoch_place ceiling;
};

/* The index's answer; absence is no failure. */
static enum status look_up(struct binlog_store *store,
                           struct epoch_key key,
                           struct neighbours *around,
                           struct error *error)
{
    enum status status = epoch_index_at_or_before(store, key, &around->floor, error);

    if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
        return status;
    }
    around->has_floor = status == STATUS_OK && around->floor.key.incarnation == key.incarnation;
    status = epoch_index_at_or_after(store, key, &around->ceiling, error);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
        return status;
    }
    around->has_ceiling =
        status == STATUS_OK && around->ceiling.key.incarnation == key.incarnation;
    return STATUS_OK;
}

static enum status summarize(struct binlog_store *store,
                             struct epoch_summary *summary,
                             struct error *error)
{
    enum status status = epoch_index_summary(store, summary, error);

    if (status == STATUS_NOT_FOUND) {
        return error_set(error, STATUS_AGAIN, "no epoch is stored here yet");
    }
    return status;
}

/* Nothing can have been before the first epoch but what is here. */
static bool is_from_the_beginning(struct binlog_store *store)
{
    struct binlog_position visible = binlog_store_first_visible(store);
    struct binlog_file_facts *facts = NULL;
    size_t count = binlog_files_list(store, &facts);
    bool has_first = count > 0 && facts[0].file == FIRST_FILE;

    free(facts);
    return has_first && (visible.file == 0 ||
                         (visible.file == FIRST_FILE && visible.offset <= BINLOG_MAGIC_BYTES));
}

static bool is_continuous(struct binlog_store *store, const struct neighbours *around)
{
    return epoch_index_is_continuous(store, around->floor.key, around->ceiling.key);
}

/* ---- behind an applied epoch ---- */

static enum status refuse_gap(uint64_t epoch,
                              const struct neighbours *around,
                              struct error *error)
{
    return error_set(
        error, STATUS_NOT_FOUND,
        "epoch %" PRIu64 " lies in a gap: epochs between %" PRIu64 " and %" PRIu64
        " may be lost here (LOST_EVENTS); the applier needs another source that has "
        "them, or a new copy",
        epoch, around->floor.key.epoch, around->ceiling.key.epoch);
}

static enum status refuse_older(struct binlog_store *store,
                                struct epoch_key key,
                                const struct neighbours *around,
                                struct error *error)
{
    struct epoch_summary summary;
    enum status status = summarize(store, &summary, error);

    if (status != STATUS_OK) {
        return status;
    }
    return error_set(error, STATUS_NOT_FOUND,
                     "applied epoch %" PRIu64 " is older than the first one here, %" PRIu64
                     "%s: the applier needs a new copy of the data (epochs %" PRIu64
                     " to %" PRIu64 " are stored)",
                     key.epoch, around->ceiling.key.epoch,
                     key.incarnation > summary.first.key.incarnation
                         ? " since the cluster was started anew"
                         : "",
                     around->ceiling.key.epoch, summary.last.key.epoch);
}

/* An incarnation that another one followed gets no more epochs. */
static enum status refuse_above(struct binlog_store *store,
                                struct epoch_key key,
                                const struct epoch_place *newest,
                                struct error *error)
{
    struct epoch_summary summary;
    enum status status = summarize(store, &summary, error);

    if (status != STATUS_OK) {
        return status;
    }
    if (summary.last.key.incarnation == newest->key.incarnation) { /* it may have grown since */
        return error_set(error, STATUS_AGAIN,
                         "applied epoch %" PRIu64 " is above the newest one here, %" PRIu64
                         ": the applier is ahead of this relay, or follows another cluster",
                         key.epoch, newest->key.epoch);
    }
    return error_set(error, STATUS_NOT_FOUND,
                     "applied epoch %" PRIu64 " is above all of incarnation %" PRIu32
                     ", which ended with %" PRIu64,
                     key.epoch, key.incarnation, newest->key.epoch);
}

static enum status locate_in(struct binlog_store *store,
                             struct epoch_key key,
                             struct binlog_position *found,
                             struct error *error)
{
    struct neighbours around = {0};
    enum status status = look_up(store, key, &around, error);

    if (status != STATUS_OK) {
        return status;
    }
    if (!around.has_floor && !around.has_ceiling) {
        return error_set(error, STATUS_NOT_FOUND,
                         "there is no incarnation %" PRIu32 " of epochs here, so epoch %" PRIu64
                         " is not either",
                         key.incarnation, key.epoch);
    }
    if (around.has_floor && around.floor.key.epoch == key.epoch) {
        *found = around.floor.end;
        return STATUS_OK;
    }
    if (!around.has_floor) {
        return refuse_older(store, key, &around, error);
    }
    if (!around.has_ceiling) {
        return refuse_above(store, key, &around.floor, error);
    }
    if (!is_continuous(store, &around)) {
        return refuse_gap(key.epoch, &around, error);
    }
    *found = around.floor.end;
    return STATUS_OK;
}

/* What is tried where several incarnations may be meant. */
struct trial {
    uint32_t covered;      /* how many cover it */
    char list[LIST_BYTES]; /* their numbers */
    size_t list_size;
    uint32_t newest; /* of those that cover it, and where */
    struct binlog_position found;
};

static void note_covered(struct trial *trial, uint32_t incarnation, struct binlog_position at)
{
    size_t room = sizeof(trial->list) - trial->list_size;
    int size = snprintf(trial->list + trial->list_size, room, "%s%" PRIu32,
                        trial->covered > 0 ? ", " : "", incarnation);

    if (size > 0 && (size_t)size < room) {
        trial->list_size += (size_t)size;
    } else {
        trial->list[trial->list_size] = '\0';
    }
    trial->newest = incarnation;
    trial->found = at;
    trial->covered++;
}

/* The outcome of all; `newest` is why the newest incarnation has it not. */
static enum status conclude(const struct trial *trial,
                            uint64_t epoch,
                            enum status newest,
                            struct binlog_position *found,
                            struct error *error)
{
    if (trial->covered == 1) {
        *found = trial->found;
        return STATUS_OK;
    }
    if (trial->covered == 0) {
        return newest;
    }
    return error_set(
        error, STATUS_NOT_FOUND,
        "epoch %" PRIu64 " is covered by incarnations %s of the cluster, which was "
        "started anew between them: epoch.N.INCARNATION says which, for the newest "
        "epoch.%" PRIu64 ".%" PRIu32,
        epoch, trial->list, epoch, trial->newest);
}

static enum status check_countable(const struct epoch_summary *summary,
                                   uint64_t epoch,
                                   struct error *error)
{
    uint32_t first = summary->first.key.incarnation;
    uint32_t last = summary->last.key.incarnation;

    if (last - first < INCARNATIONS_MOST) {
        return STATUS_OK;
    }
    return error_set(error, STATUS_NOT_FOUND,
                     "epochs have incarnations %" PRIu32 " to %" PRIu32
                     " here: say which with epoch.%" PRIu64 ".INCARNATION",
                     first, last, epoch);
}

/* One way to look into one incarnation. */
typedef enum status (*locate_fn)(struct binlog_store *store,
                                 struct epoch_key key,
                                 struct binlog_position *found,
                                 struct error *error);

/* Oldest first, so that the error that stays is the newest one's. */
static enum status locate_in_all(struct binlog_store *store,
                                 uint64_t epoch,
                                 locate_fn locate,
                                 struct binlog_position *found,
                                 struct error *error)
{
    struct epoch_summary summary;
    struct trial trial = {0};
    enum status status = summarize(store, &summary, error);

    if (status == STATUS_OK) {
        status = check_countable(&summary, epoch, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    for (uint32_t incarnation = summary.first.key.incarnation;
         incarnation <= summary.last.key.incarnation; incarnation++) {
        struct epoch_key key = {.incarnation = incarnation, .epoch = epoch};
        struct binlog_position at;

        status = locate(store, key, &at, error);
        if (status == STATUS_OK) {
            note_covered(&trial, incarnation, at);
        } else if (status != STATUS_NOT_FOUND && status != STATUS_AGAIN) {
            return status;
        }
    }
    return conclude(&trial, epoch, status, found, error);
}

static enum status locate_after(struct binlog_store *store,
                                struct epoch_key key,
                                struct binlog_position *found,
                                struct error *error)
{
    struct epoch_summary summary = {0};
    enum status status = summarize(store, &summary, error);
    bool is_unnamed = key.incarnation == 0;

    if (is_unnamed && summary.first.key.incarnation == summary.last.key.incarnation) {
        key.incarnation = summary.last.key.incarnation;
    }
    if (status == STATUS_OK && epoch_find_behind_purged(store, key, found)) {
        return STATUS_OK;
    }
    if (status == STATUS_OK && is_unnamed) {
        return locate_in_all(store, key.epoch, locate_in, found, error);
    }
    return status == STATUS_OK ? locate_in(store, key, found, error) : status;
}

/*
 * Several looks make one answer, and a purge between two of them would mix what
 * was with what is: then all is looked up once more. Purges are seldom.
 */
enum status epoch_locate_after(struct binlog_store *store,
                               struct epoch_key key,
                               struct binlog_position *found,
                               struct error *error)
{
    uint64_t first = 0;
    enum status status = STATUS_OK;

    do {
        first = binlog_files_first(store);
        status = locate_after(store, key, found, error);
    } while (binlog_files_first(store) != first);
    return status;
}

/* ---- behind a backup ---- */

/* Where all epochs are smaller: of the newest incarnation only, as others have ended. */
static enum status locate_behind_all(struct binlog_store *store,
                                     struct epoch_key key,
                                     const struct epoch_place *newest,
                                     struct binlog_position *found,
                                     struct error *error)
{
    struct epoch_summary summary;
    enum status status = summarize(store, &summary, error);

    if (status != STATUS_OK) {
        return status;
    }
    if (summary.last.key.incarnation != newest->key.incarnation) {
        return error_set(error, STATUS_NOT_FOUND,
                         "the backup's epoch %" PRIu64 " is behind all of incarnation %" PRIu32
                         ", whose newest is %" PRIu64,
                         key.epoch, key.incarnation, newest->key.epoch);
    }
    *found = newest->end;
    return STATUS_OK;
}

static enum status locate_backup_in(struct binlog_store *store,
                                    struct epoch_key key,
                                    struct binlog_position *found,
                                    struct error *error)
{
    struct neighbours around = {0};
    enum status status = look_up(store, key, &around, error);

    if (status != STATUS_OK) {
        return status;
    }
    if (around.has_floor && around.floor.key.epoch == key.epoch) {
        *found = around.floor.end;
        return STATUS_OK;
    }
    if (around.has_floor && !around.has_ceiling) {
        return locate_behind_all(store, key, &around.floor, found, error);
    }
    if (around.has_floor && !is_continuous(store, &around)) {
        return refuse_gap(key.epoch, &around, error);
    }
    if (around.has_floor || (around.has_ceiling && is_from_the_beginning(store))) {
        *found = around.ceiling.begin;
        return STATUS_OK;
    }
    return error_set(error, STATUS_NOT_FOUND,
                     "the backup's epoch %" PRIu64 " is older than the first one here, %" PRIu64
                     ", and what was between them is not here: a newer backup is needed",
                     key.epoch, around.ceiling.key.epoch);
}

enum status epoch_locate_after_backup(struct binlog_store *store,
                                      uint64_t pseudo_epoch,
                                      struct binlog_position *found,
                                      struct error *error)
{
    uint64_t first = 0;
    enum status status = STATUS_OK;

    do { /* as above */
        first = binlog_files_first(store);
        status = locate_in_all(store, pseudo_epoch, locate_backup_in, found, error);
    } while (binlog_files_first(store) != first);
    return status;
}

/* ---- by time ---- */

struct time_text {
    char text[40];
};

static struct time_text text_of_time(uint64_t usec)
{
    time_t seconds = (time_t)(usec / USEC_PER_SECOND);
    struct time_text shown = {{0}};
    struct tm parts;

    if (gmtime_r(&seconds, &parts) != NULL) {
        size_t size = strftime(shown.text, sizeof(shown.text), "%Y-%m-%dT%H:%M:%S", &parts);

        (void)snprintf(shown.text + size, sizeof(shown.text) - size, ".%06uZ",
                       (unsigned)(usec % USEC_PER_SECOND));
    }
    return shown;
}

/* The epoch before one that is in the index. STATUS_NOT_FOUND: it is the first. */
static enum status find_one_before(struct binlog_store *store,
                                   struct epoch_key key,
                                   struct epoch_place *found,
                                   struct error *error)
{
    if (key.epoch > 0) {
        key.epoch--;
    } else {
        key.incarnation--;
        key.epoch = UINT64_MAX;
    }
    return epoch_index_at_or_before(store, key, found, error);
}

/* The first epoch that reaches the time: is all there that was committed since? */
static enum status check_before(struct binlog_store *store,
                                uint64_t usec,
                                const struct epoch_place *place,
                                struct error *error)
{
    struct epoch_place before;
    enum status status = find_one_before(store, place->key, &before, error);

    if (status == STATUS_NOT_FOUND) {
        if (is_from_the_beginning(store)) {
            return STATUS_OK;
        }
        return error_set(error, STATUS_NOT_FOUND,
                         "%s is not after the first epoch here, %" PRIu64
                         " of %s, and what was before it is not here",
                         text_of_time(usec).text, place->key.epoch,
                         text_of_time(place->latest_usec).text);
    }
    if (status != STATUS_OK || epoch_index_is_continuous(store, before.key, place->key)) {
        return status;
    }
    return error_set(error, STATUS_NOT_FOUND,
                     "%s lies in a gap: epochs between %" PRIu64 " of %s and %" PRIu64
                     " of %s may be lost here (LOST_EVENTS)",
                     text_of_time(usec).text, before.key.epoch,
                     text_of_time(before.latest_usec).text, place->key.epoch,
                     text_of_time(place->latest_usec).text);
}

static enum status locate_time(struct binlog_store *store,
                               uint64_t usec,
                               struct binlog_position *found,
                               struct error *error)
{
    struct epoch_summary summary;
    struct epoch_place place;
    enum status status = summarize(store, &summary, error);

    if (status != STATUS_OK) {
        return status;
    }
    status = epoch_index_by_time(store, usec, &place, error);
    if (status == STATUS_NOT_FOUND) {
        *found = summary.last.end;
        return STATUS_OK;
    }
    if (status == STATUS_OK) {
        status = check_before(store, usec, &place, error);
    }
    if (status == STATUS_OK) {
        *found = place.begin;
    }
    return status;
}

enum status epoch_locate_time(struct binlog_store *store,
                              uint64_t usec,
                              uint64_t now_usec,
                              struct binlog_position *found,
                              struct error *error)
{
    uint64_t first = 0;
    enum status status = STATUS_OK;

    if (usec > now_usec) {
        return error_set(error, STATUS_NOT_FOUND, "%s is still to come: it is %s now",
                         text_of_time(usec).text, text_of_time(now_usec).text);
    }
    do { /* as above */
        first = binlog_files_first(store);
        status = locate_time(store, usec, found, error);
    } while (binlog_files_first(store) != first);
    return status;
}
