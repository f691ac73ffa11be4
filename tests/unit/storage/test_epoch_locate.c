/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules, over an index that is written down in the test: each epoch N
 * begins at N * 10 and ends at N * 10 + 5 of its incarnation's file.
 */
#include <stdlib.h>
#include <string.h>

#include "../../src/storage/epoch_beyond.h"
#include "binrelay/base/memory.h"
#include "binrelay/storage/binlog_files.h"
#include "binrelay/storage/epoch_locate.h"
#include "check.h"

enum { SECOND = 1000000, NOW = 1000 };

struct written_epoch {
    uint32_t incarnation;
    uint64_t epoch;
    uint64_t second;   /* running maximum */
    bool behind_a_gap; /* of the epoch before */
};

/* Stands in for the store: what the rules ask is answered from here. */
struct binlog_store {
    const struct written_epoch *epochs; /* ends with incarnation 0 */
    uint64_t first_file;                /* 0: there is no file */
    struct binlog_position first_visible;
    size_t hidden;                /* epochs at the end that are still to come ... */
    unsigned summaries;           /* ... and come once so many summaries were asked for */
    struct epoch_key purged_last; /* with which what was purged ended; {0, 0}: not known */
};

int epoch_key_compare(struct epoch_key left, struct epoch_key right)
{
    if (left.incarnation != right.incarnation) {
        return left.incarnation < right.incarnation ? -1 : 1;
    }
    return left.epoch == right.epoch ? 0 : left.epoch < right.epoch ? -1 : 1;
}

static struct epoch_place place_of(const struct written_epoch *written)
{
    return (struct epoch_place){
        .key = {.incarnation = written->incarnation, .epoch = written->epoch},
        .begin = {.file = written->incarnation, .offset = written->epoch * 10},
        .end = {.file = written->incarnation, .offset = written->epoch * 10 + 5},
        .latest_usec = written->second * SECOND,
    };
}

static size_t count_of(const struct binlog_store *store)
{
    size_t count = 0;

    while (store->epochs[count].incarnation != 0) {
        count++;
    }
    return count - store->hidden;
}

bool epoch_find_behind_purged(struct binlog_store *store,
                              struct epoch_key key,
                              struct binlog_position *found)
{
    if (epoch_key_compare(store->purged_last, key) != 0) {
        return false;
    }
    *found = (struct binlog_position){store->first_file, 4};
    return true;
}

enum status epoch_index_summary(struct binlog_store *store,
                                struct epoch_summary *summary,
                                struct error *error)
{
    size_t count = 0;

    if (store->summaries > 0 && --store->summaries == 0) {
        store->hidden = 0;
    }
    count = count_of(store);
    if (count == 0) {
        return error_set(error, STATUS_NOT_FOUND, "no epoch");
    }
    *summary = (struct epoch_summary){.count = count,
                                      .first = place_of(&store->epochs[0]),
                                      .last = place_of(&store->epochs[count - 1])};
    return STATUS_OK;
}

enum status epoch_index_at_or_before(struct binlog_store *store,
                                     struct epoch_key key,
                                     struct epoch_place *found,
                                     struct error *error)
{
    for (size_t at = count_of(store); at > 0; at--) {
        *found = place_of(&store->epochs[at - 1]);
        if (epoch_key_compare(found->key, key) <= 0) {
            return STATUS_OK;
        }
    }
    return error_set(error, STATUS_NOT_FOUND, "none before");
}

enum status epoch_index_at_or_after(struct binlog_store *store,
                                    struct epoch_key key,
                                    struct epoch_place *found,
                                    struct error *error)
{
    for (size_t at = 0; at < count_of(store); at++) {
        *found = place_of(&store->epochs[at]);
        if (epoch_key_compare(found->key, key) >= 0) {
            return STATUS_OK;
        }
    }
    return error_set(error, STATUS_NOT_FOUND, "none after");
}

enum status epoch_index_by_time(struct binlog_store *store,
                                uint64_t usec,
                                struct epoch_place *found,
                                struct error *error)
{
    for (size_t at = 0; at < count_of(store); at++) {
        *found = place_of(&store->epochs[at]);
        if (found->latest_usec >= usec) {
            return STATUS_OK;
        }
    }
    return error_set(error, STATUS_NOT_FOUND, "none so late");
}

bool epoch_index_is_continuous(struct binlog_store *store,
                               struct epoch_key before,
                               struct epoch_key after)
{
    for (size_t at = 0; at < count_of(store); at++) {
        struct epoch_key key = place_of(&store->epochs[at]).key;

        if (store->epochs[at].behind_a_gap && epoch_key_compare(before, key) < 0 &&
            epoch_key_compare(key, after) <= 0) {
            return false;
        }
    }
    return true;
}

size_t binlog_files_list(struct binlog_store *store, struct binlog_file_facts **facts)
{
    *facts = mem_zeroed(sizeof(**facts));
    (*facts)->file = store->first_file;
    return store->first_file > 0 ? 1 : 0;
}

uint64_t binlog_files_first(struct binlog_store *store)
{
    return store->first_file;
}

struct binlog_position binlog_store_first_visible(const struct binlog_store *store)
{
    return store->first_visible;
}

/* ---- what is asked ---- */

static const struct written_epoch plain[] = {
    {1, 100, 10, false}, {1, 110, 20, false}, {1, 120, 30, true},
    {1, 130, 40, false}, {0, 0, 0, false},
};

/* Started anew behind 130: the second has epochs that the first has too. */
static const struct written_epoch anew[] = {
    {1, 100, 10, false}, {1, 110, 20, false}, {2, 50, 30, false},
    {2, 105, 40, false}, {2, 115, 50, false}, {0, 0, 0, false},
};

static const struct written_epoch none[] = {{0, 0, 0, false}};

static bool is_at(struct binlog_position found, uint64_t file, uint64_t offset)
{
    return found.file == file && found.offset == offset;
}

static void expect_after(struct binlog_store *store, struct epoch_key key, uint64_t offset)
{
    struct binlog_position found = {0};
    struct error error;

    CHECK_OK(epoch_locate_after(store, key, &found, &error), &error);
    CHECK(found.offset == offset);
}

static void refuse_after(struct binlog_store *store,
                         struct epoch_key key,
                         enum status status,
                         const char *part)
{
    struct binlog_position found = {0};
    struct error error;

    CHECK(epoch_locate_after(store, key, &found, &error) == status);
    CHECK(found.file == 0);
    if (strstr(error.message, part) == NULL) {
        fprintf(stderr, "'%s' is not in: %s\n", part, error.message);
        abort();
    }
}

static void goes_on_behind_an_epoch_that_is_here(void)
{
    struct binlog_store store = {.epochs = plain, .first_file = 3};

    expect_after(&store, (struct epoch_key){0, 100}, 1005);
    expect_after(&store, (struct epoch_key){1, 110}, 1105); /* before the gap */
    expect_after(&store, (struct epoch_key){0, 120}, 1205);
    expect_after(&store, (struct epoch_key){0, 130}, 1305);
}

static void goes_on_in_the_first_file_behind_the_epoch_that_ended_what_was_purged(void)
{
    struct binlog_store store = {.epochs = plain, .first_file = 3, .purged_last = {1, 90}};

    expect_after(&store, (struct epoch_key){0, 90}, 4);
    expect_after(&store, (struct epoch_key){1, 90}, 4);
    refuse_after(&store, (struct epoch_key){2, 90}, STATUS_NOT_FOUND, "no incarnation 2");
    refuse_after(&store, (struct epoch_key){0, 89}, STATUS_NOT_FOUND, "is older than");
    refuse_after(&store, (struct epoch_key){0, 91}, STATUS_NOT_FOUND, "is older than");
    /* Of which incarnation is not said, and another one began since. */
    store.epochs = anew;
    store.purged_last.epoch = 45;
    refuse_after(&store, (struct epoch_key){0, 45}, STATUS_NOT_FOUND, "is older than");
    expect_after(&store, (struct epoch_key){1, 45}, 4);
}

static void goes_on_behind_the_one_before_where_an_epoch_was_empty(void)
{
    struct binlog_store store = {.epochs = plain, .first_file = 3};

    expect_after(&store, (struct epoch_key){0, 101}, 1005);
    expect_after(&store, (struct epoch_key){0, 109}, 1005);
    expect_after(&store, (struct epoch_key){1, 125}, 1205);
}

static void refuses_what_is_not_covered(void)
{
    struct binlog_store store = {.epochs = plain, .first_file = 3};

    refuse_after(&store, (struct epoch_key){0, 99}, STATUS_NOT_FOUND,
                 "applied epoch 99 is older than the first one here, 100:");
    refuse_after(&store, (struct epoch_key){0, 131}, STATUS_AGAIN,
                 "applied epoch 131 is above the newest one here, 130");
    refuse_after(&store, (struct epoch_key){0, 115}, STATUS_NOT_FOUND,
                 "epochs between 110 and 120 may be lost");
    refuse_after(&store, (struct epoch_key){2, 115}, STATUS_NOT_FOUND, "no incarnation 2");
    store.epochs = none;
    refuse_after(&store, (struct epoch_key){0, 115}, STATUS_AGAIN, "no epoch is stored");
    refuse_after(&store, (struct epoch_key){1, 115}, STATUS_AGAIN, "no epoch is stored");
}

/* What is before the first epoch of a whole log is still not what an applier says it has. */
static void refuses_an_older_epoch_even_where_the_log_is_whole(void)
{
    struct binlog_store store = {.epochs = plain, .first_file = 1};

    refuse_after(&store, (struct epoch_key){0, 99}, STATUS_NOT_FOUND, "older than the first");
}

static void takes_the_only_incarnation_that_covers_an_epoch(void)
{
    struct binlog_store store = {.epochs = anew, .first_file = 3};

    expect_after(&store, (struct epoch_key){0, 50}, 505); /* older than all of the first */
    expect_after(&store, (struct epoch_key){0, 70}, 505);
    expect_after(&store, (struct epoch_key){0, 112}, 1055); /* above all of the first */
    expect_after(&store, (struct epoch_key){2, 100}, 505);
    expect_after(&store, (struct epoch_key){1, 100}, 1005);
    expect_after(&store, (struct epoch_key){1, 105}, 1005);
    expect_after(&store, (struct epoch_key){2, 105}, 1055);
}

static void asks_which_incarnation_is_meant(void)
{
    struct binlog_store store = {.epochs = anew, .first_file = 3};

    refuse_after(&store, (struct epoch_key){0, 105}, STATUS_NOT_FOUND,
                 "covered by incarnations 1, 2");
    refuse_after(&store, (struct epoch_key){0, 105}, STATUS_NOT_FOUND, "epoch.105.2");
    refuse_after(&store, (struct epoch_key){0, 49}, STATUS_NOT_FOUND,
                 "older than the first one here, 50 since the cluster was started anew");
    refuse_after(&store, (struct epoch_key){0, 116}, STATUS_AGAIN, "above the newest");
    refuse_after(&store, (struct epoch_key){1, 111}, STATUS_NOT_FOUND, "ended with 110");
}

/* A source may count as it likes: what is asked stays cheap. */
static void does_not_try_incarnations_without_end(void)
{
    static const struct written_epoch many[] = {
        {1, 100, 10, false}, {2000000000, 100, 20, false}, {0, 0, 0, false}};
    struct binlog_store store = {.epochs = many, .first_file = 3};

    refuse_after(&store, (struct epoch_key){0, 100}, STATUS_NOT_FOUND, "1 to 2000000000");
    expect_after(&store, (struct epoch_key){2000000000, 100}, 1005);
}

/* ---- backups ---- */

static void expect_backup(struct binlog_store *store, uint64_t epoch, uint64_t offset)
{
    struct binlog_position found = {0};
    struct error error;

    CHECK_OK(epoch_locate_after_backup(store, epoch, &found, &error), &error);
    CHECK(found.offset == offset);
}

static void refuse_backup(struct binlog_store *store, uint64_t epoch, const char *part)
{
    struct binlog_position found = {0};
    struct error error;

    CHECK(epoch_locate_after_backup(store, epoch, &found, &error) == STATUS_NOT_FOUND);
    CHECK(strstr(error.message, part) != NULL);
}

static void goes_on_with_the_first_epoch_behind_a_backup(void)
{
    struct binlog_store store = {.epochs = plain, .first_file = 3};

    expect_backup(&store, 100, 1005); /* that very epoch */
    expect_backup(&store, 105, 1100);
    expect_backup(&store, 125, 1300);
    expect_backup(&store, 130, 1305);
    expect_backup(&store, 999, 1305); /* none is greater */
}

static void refuses_a_backup_before_a_gap_or_the_first_epoch(void)
{
    struct binlog_store store = {.epochs = plain, .first_file = 3};
    struct binlog_position found;
    struct error error;

    refuse_backup(&store, 115, "between 110 and 120");
    refuse_backup(&store, 99, "older than the first one here, 100");
    store.first_file = 2; /* epochs may have been in the file before */
    refuse_backup(&store, 99, "older than the first one here, 100");
    store.epochs = none;
    CHECK(epoch_locate_after_backup(&store, 99, &found, &error) == STATUS_AGAIN);
}

static void goes_on_with_the_first_epoch_of_a_log_that_is_whole(void)
{
    struct binlog_store store = {.epochs = plain, .first_file = 1};

    expect_backup(&store, 99, 1000);
    store.first_visible = (struct binlog_position){.file = 1, .offset = 4};
    expect_backup(&store, 99, 1000);
    store.first_visible.offset = 200; /* the rest of the file is not shown */
    refuse_backup(&store, 99, "older than the first");
}

static void takes_a_backup_of_one_incarnation(void)
{
    struct binlog_store store = {.epochs = anew, .first_file = 3};

    expect_backup(&store, 60, 1050);
    expect_backup(&store, 112, 1150); /* behind all of the first, which has ended */
    refuse_backup(&store, 105, "incarnations 1, 2");
    expect_backup(&store, 200, 1155);
}

/* ---- times ---- */

static enum status locate_time(struct binlog_store *store,
                               uint64_t usec,
                               struct binlog_position *found,
                               struct error *error)
{
    *found = (struct binlog_position){0};
    return epoch_locate_time(store, usec, (uint64_t)NOW * SECOND, found, error);
}

/* What was the newest epoch at the first look is not at the last one, and nothing was refused
 * for good by that. */
static void a_log_that_grows_meanwhile_refuses_nobody_for_good(void)
{
    struct binlog_store store = {.epochs = plain, .first_file = 3, .hidden = 1, .summaries = 2};
    struct binlog_position found = {0};
    struct error error;

    CHECK(epoch_locate_after(&store, (struct epoch_key){1, 999}, &found, &error) ==
          STATUS_AGAIN);
    store.hidden = 1;
    store.summaries = 2;
    CHECK_OK(epoch_locate_after_backup(&store, 999, &found, &error), &error);
    CHECK(is_at(found, 1, 1205)); /* in front of what came */
}

static void begins_with_the_first_epoch_that_reaches_a_time(void)
{
    struct binlog_store store = {.epochs = plain, .first_file = 3};
    struct binlog_position found;
    struct error error;

    CHECK(locate_time(&store, 20 * SECOND, &found, &error) == STATUS_OK);
    CHECK(is_at(found, 1, 1100));
    CHECK(locate_time(&store, 10 * SECOND + 1, &found, &error) == STATUS_OK);
    CHECK(is_at(found, 1, 1100));
    CHECK(locate_time(&store, 40 * SECOND, &found, &error) == STATUS_OK);
    CHECK(is_at(found, 1, 1300));
    CHECK(locate_time(&store, 41 * SECOND, &found, &error) == STATUS_OK);
    CHECK(is_at(found, 1, 1305)); /* nothing since */
    CHECK(locate_time(&store, (uint64_t)NOW * SECOND, &found, &error) == STATUS_OK);
}

static void refuses_times_of_which_something_may_be_missing(void)
{
    struct binlog_store store = {.epochs = plain, .first_file = 3};
    struct binlog_position found;
    struct error error;

    CHECK(locate_time(&store, 10 * SECOND, &found, &error) == STATUS_NOT_FOUND);
    CHECK(strstr(error.message, "first epoch here, 100 of 1970-01-01T00:00:10.000000Z") !=
          NULL);
    CHECK(locate_time(&store, 0, &found, &error) == STATUS_NOT_FOUND);
    store.first_file = 1;
    CHECK(locate_time(&store, 0, &found, &error) == STATUS_OK && is_at(found, 1, 1000));
    CHECK(locate_time(&store, 25 * SECOND, &found, &error) == STATUS_NOT_FOUND);
    CHECK(strstr(error.message, "between 110 of") != NULL);
    CHECK(locate_time(&store, (uint64_t)NOW * SECOND + 1, &found, &error) == STATUS_NOT_FOUND);
    CHECK(strstr(error.message, "still to come") != NULL);
    store.epochs = none;
    CHECK(locate_time(&store, 0, &found, &error) == STATUS_AGAIN);
}

int main(void)
{
    goes_on_behind_an_epoch_that_is_here();
    goes_on_in_the_first_file_behind_the_epoch_that_ended_what_was_purged();
    goes_on_behind_the_one_before_where_an_epoch_was_empty();
    refuses_what_is_not_covered();
    refuses_an_older_epoch_even_where_the_log_is_whole();
    takes_the_only_incarnation_that_covers_an_epoch();
    asks_which_incarnation_is_meant();
    does_not_try_incarnations_without_end();
    goes_on_with_the_first_epoch_behind_a_backup();
    refuses_a_backup_before_a_gap_or_the_first_epoch();
    goes_on_with_the_first_epoch_of_a_log_that_is_whole();
    takes_a_backup_of_one_incarnation();
    a_log_that_grows_meanwhile_refuses_nobody_for_good();
    begins_with_the_first_epoch_that_reaches_a_time();
    refuses_times_of_which_something_may_be_missing();
    return 0;
}
