/* SPDX-License-Identifier: Apache-2.0 */
#include "gtid_runs.h"

#include <stdlib.h>
#include <string.h>

#include "binrelay/base/memory.h"

void gtid_runs_release(struct gtid_runs *runs)
{
    free(runs->items);
    *runs = (struct gtid_runs){0};
}

void gtid_runs_copy(struct gtid_runs *runs, const struct gtid_runs *from)
{
    *runs = (struct gtid_runs){0};
    if (from->count > 0) {
        runs->items = mem_raw(from->count * sizeof(*runs->items));
        memcpy(runs->items, from->items, from->count * sizeof(*runs->items));
        runs->count = from->count;
        runs->capacity = from->count;
    }
}

static void make_room(struct gtid_runs *runs)
{
    if (runs->capacity == 0) {
        /* One run is what a source has where nothing was lost: a set of many sources that are
         * so stays small. */
        runs->items = mem_raw(sizeof(*runs->items));
        runs->capacity = 1;
    } else if (runs->count == runs->capacity) {
        runs->items = mem_grow(runs->items, &runs->capacity, sizeof(*runs->items));
    }
}

void gtid_runs_append(struct gtid_runs *runs, struct gtid_run run)
{
    struct gtid_run *last = runs->count == 0 ? NULL : &runs->items[runs->count - 1];

    if (last != NULL && run.first >= last->first && run.first <= last->end) {
        last->end = run.end > last->end ? run.end : last->end;
        return;
    }
    make_room(runs);
    runs->items[runs->count++] = run;
}

static int compare_firsts(const void *left, const void *right)
{
    const struct gtid_run *one = left;
    const struct gtid_run *other = right;

    return (one->first > other->first) - (one->first < other->first);
}

static bool is_settled(const struct gtid_runs *runs)
{
    for (size_t at = 1; at < runs->count; at++) {
        if (runs->items[at].first <= runs->items[at - 1].end) {
            return false;
        }
    }
    return true;
}

void gtid_runs_settle(struct gtid_runs *runs)
{
    size_t count = runs->count;

    if (is_settled(runs)) {
        return;
    }
    qsort(runs->items, count, sizeof(*runs->items), compare_firsts);
    runs->count = 0;
    for (size_t at = 0; at < count; at++) {
        gtid_runs_append(runs, runs->items[at]); /* never past what is read */
    }
}

/* The first run that ends at or behind the number: the only one it can be in or continue. */
static size_t find_run(const struct gtid_runs *runs, uint64_t number)
{
    size_t low = 0;
    size_t high = runs->count;

    while (low < high) { /* all runs below low end before the number */
        size_t middle = low + (high - low) / 2;

        if (runs->items[middle].end < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void insert_run(struct gtid_runs *runs, size_t at, struct gtid_run run)
{
    make_room(runs);
    memmove(runs->items + at + 1, runs->items + at, (runs->count - at) * sizeof(*runs->items));
    runs->items[at] = run;
    runs->count++;
}

/* Makes one run of two where the first grew up to the second. */
static void join_with_next(struct gtid_runs *runs, size_t at)
{
    struct gtid_run *run = &runs->items[at];

    if (at + 1 < runs->count && run[1].first == run->end) {
        run->end = run[1].end;
        memmove(run + 1, run + 2, (runs->count - at - 2) * sizeof(*run));
        runs->count--;
    }
}

void gtid_runs_add(struct gtid_runs *runs, uint64_t number)
{
    struct gtid_run alone = {.first = number, .end = number + 1};
    struct gtid_run *run = NULL;
    size_t at = 0;

    if (runs->count == 0 || number >= runs->items[runs->count - 1].end) {
        gtid_runs_append(runs, alone);
        return;
    }
    at = find_run(runs, number);
    run = &runs->items[at];
    if (number == run->end) {
        run->end++;
        join_with_next(runs, at);
    } else if (number + 1 == run->first) {
        run->first--;
    } else if (number < run->first) {
        insert_run(runs, at, alone);
    }
}

/* Puts the result of an operation in the place of what it was made from. */
static void replace(struct gtid_runs *runs, struct gtid_runs result)
{
    gtid_runs_release(runs);
    *runs = result;
}

void gtid_runs_add_runs(struct gtid_runs *runs, const struct gtid_runs *other)
{
    struct gtid_runs sum = {0};
    size_t mine = 0;
    size_t theirs = 0;

    while (mine < runs->count || theirs < other->count) {
        bool is_mine =
            theirs == other->count ||
            (mine < runs->count && runs->items[mine].first <= other->items[theirs].first);

        gtid_runs_append(&sum, is_mine ? runs->items[mine] : other->items[theirs]);
        mine += is_mine ? 1 : 0;
        theirs += is_mine ? 0 : 1;
    }
    replace(runs, sum);
}

/*
 * Appends what is left of a run without the holes from *at on, and moves *at
 * to the first hole that may reach into the next run.
 */
static void append_without(struct gtid_runs *rest,
                           struct gtid_run run,
                           const struct gtid_runs *holes,
                           size_t *at)
{
    uint64_t first = run.first;

    for (; *at < holes->count && holes->items[*at].first < run.end; (*at)++) {
        struct gtid_run hole = holes->items[*at];

        if (hole.first > first) {
            gtid_runs_append(rest, (struct gtid_run){.first = first, .end = hole.first});
        }
        first = hole.end > first ? hole.end : first;
        if (hole.end > run.end) {
            return;
        }
    }
    if (first < run.end) {
        gtid_runs_append(rest, (struct gtid_run){.first = first, .end = run.end});
    }
}

void gtid_runs_subtract(struct gtid_runs *runs, const struct gtid_runs *other)
{
    struct gtid_runs rest = {0};
    size_t theirs = 0;

    for (size_t mine = 0; mine < runs->count; mine++) {
        append_without(&rest, runs->items[mine], other, &theirs);
    }
    replace(runs, rest);
}

void gtid_runs_intersect(struct gtid_runs *runs, const struct gtid_runs *other)
{
    struct gtid_runs both = {0};
    size_t mine = 0;
    size_t theirs = 0;

    while (mine < runs->count && theirs < other->count) {
        struct gtid_run one = runs->items[mine];
        struct gtid_run two = other->items[theirs];
        struct gtid_run shared = {
            .first = one.first > two.first ? one.first : two.first,
            .end = one.end < two.end ? one.end : two.end,
        };

        if (shared.first < shared.end) {
            gtid_runs_append(&both, shared);
        }
        if (one.end < two.end) {
            mine++;
        } else {
            theirs++;
        }
    }
    replace(runs, both);
}

bool gtid_runs_has(const struct gtid_runs *runs, uint64_t number)
{
    size_t at = find_run(runs, number + 1);

    return at < runs->count && runs->items[at].first <= number;
}

bool gtid_runs_contain(const struct gtid_runs *runs, const struct gtid_runs *other)
{
    size_t mine = 0;

    for (size_t theirs = 0; theirs < other->count; theirs++) {
        struct gtid_run wanted = other->items[theirs];

        while (mine < runs->count && runs->items[mine].end < wanted.end) {
            mine++;
        }
        if (mine == runs->count || runs->items[mine].first > wanted.first) {
            return false;
        }
    }
    return true;
}

bool gtid_runs_equal(const struct gtid_runs *runs, const struct gtid_runs *other)
{
    return runs->count == other->count &&
           (runs->count == 0 ||
            memcmp(runs->items, other->items, runs->count * sizeof(*runs->items)) == 0);
}
