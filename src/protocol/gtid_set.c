/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/protocol/gtid_set.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "binrelay/base/memory.h"
#include "gtid_set_body.h"

static int compare_sources(const struct gtid_source *left, const struct gtid_source *right)
{
    int order = memcmp(left->uuid, right->uuid, GTID_UUID_BYTES);

    return order != 0 ? order : strcmp(left->tag, right->tag);
}

static int compare_entries(const void *left, const void *right)
{
    const struct gtid_set_entry *one = left;
    const struct gtid_set_entry *other = right;

    return compare_sources(&one->source, &other->source);
}

struct gtid_set *gtid_set_new(void)
{
    return mem_zeroed(sizeof(struct gtid_set));
}

struct gtid_set *gtid_set_copy(const struct gtid_set *set)
{
    struct gtid_set *copy = gtid_set_new();

    if (set->count > 0) {
        copy->entries = mem_raw(set->count * sizeof(*copy->entries));
        copy->count = set->count;
        copy->capacity = set->count;
        copy->last = set->last;
    }
    for (size_t at = 0; at < set->count; at++) {
        copy->entries[at].source = set->entries[at].source;
        gtid_runs_copy(&copy->entries[at].runs, &set->entries[at].runs);
    }
    return copy;
}

void gtid_set_free(struct gtid_set *set)
{
    if (set == NULL) {
        return;
    }
    for (size_t at = 0; at < set->count; at++) {
        gtid_runs_release(&set->entries[at].runs);
    }
    free(set->entries);
    free(set);
}

/* Finds the entry of a source, or where it would stand. */
static bool find_entry(const struct gtid_set *set, const struct gtid_source *source, size_t *at)
{
    size_t low = 0;
    size_t high = set->count;

    while (low < high) { /* all entries below low come before the source */
        size_t middle = low + (high - low) / 2;
        int order = compare_sources(&set->entries[middle].source, source);

        if (order == 0) {
            *at = middle;
            return true;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *at = low;
    return false;
}

static void insert_entry(struct gtid_set *set, size_t at, const struct gtid_source *source)
{
    if (set->count == set->capacity) {
        set->entries = mem_grow(set->entries, &set->capacity, sizeof(*set->entries));
    }
    memmove(set->entries + at + 1, set->entries + at,
            (set->count - at) * sizeof(*set->entries));
    set->entries[at] = (struct gtid_set_entry){.source = *source};
    set->count++;
}

void gtid_set_add(struct gtid_set *set, const struct gtid *gtid)
{
    size_t at = set->last;

    assert(gtid->number >= 1 && gtid->number < GTID_NUMBER_END);
    if (at >= set->count || compare_sources(&set->entries[at].source, &gtid->source) != 0) {
        if (!find_entry(set, &gtid->source, &at)) {
            insert_entry(set, at, &gtid->source);
        }
        set->last = at;
    }
    gtid_runs_add(&set->entries[at].runs, gtid->number);
}

enum status gtid_set_gather(struct gtid_set *set,
                            const struct gtid_source *source,
                            struct gtid_run run,
                            struct error *error)
{
    if (run.first >= run.end) {
        return STATUS_OK;
    }
    if (set->gathered == GTID_SET_MOST_INTERVALS) {
        return error_set(error, STATUS_FULL, "a GTID set of more than %d intervals",
                         GTID_SET_MOST_INTERVALS);
    }
    set->gathered++;
    if (set->count == 0 || compare_sources(&set->entries[set->count - 1].source, source) != 0) {
        insert_entry(set, set->count, source);
    }
    gtid_runs_append(&set->entries[set->count - 1].runs, run);
    return STATUS_OK;
}

static bool has_ascending_sources(const struct gtid_set *set)
{
    for (size_t at = 1; at < set->count; at++) {
        if (compare_entries(&set->entries[at - 1], &set->entries[at]) >= 0) {
            return false;
        }
    }
    return true;
}

/* Makes one entry of neighbours with the same source. */
static void join_entries(struct gtid_set *set)
{
    size_t kept = 0;

    for (size_t at = 1; at < set->count; at++) {
        struct gtid_set_entry *entry = &set->entries[at];
        struct gtid_set_entry *into = &set->entries[kept];

        if (compare_entries(into, entry) != 0) {
            set->entries[++kept] = *entry;
            continue;
        }
        for (size_t run = 0; run < entry->runs.count; run++) {
            gtid_runs_append(&into->runs, entry->runs.items[run]);
        }
        gtid_runs_release(&entry->runs);
    }
    set->count = kept + 1;
}

void gtid_set_settle(struct gtid_set *set)
{
    if (!has_ascending_sources(set)) {
        qsort(set->entries, set->count, sizeof(*set->entries), compare_entries);
        join_entries(set);
    }
    for (size_t at = 0; at < set->count; at++) {
        gtid_runs_settle(&set->entries[at].runs);
    }
}

/* Which entry of two sets comes next: below 0 the first set's, above 0 the other's, 0 both. */
static int compare_next(const struct gtid_set *set,
                        size_t mine,
                        const struct gtid_set *other,
                        size_t theirs)
{
    if (mine == set->count) {
        return 1;
    }
    if (theirs == other->count) {
        return -1;
    }
    return compare_entries(&set->entries[mine], &other->entries[theirs]);
}

void gtid_set_add_set(struct gtid_set *set, const struct gtid_set *other)
{
    size_t most = set->count + other->count;
    struct gtid_set_entry *sum = NULL;
    size_t count = 0;
    size_t mine = 0;
    size_t theirs = 0;

    assert(set != other);
    if (other->count == 0) {
        return;
    }
    sum = mem_raw(most * sizeof(*sum));
    while (mine < set->count || theirs < other->count) {
        int order = compare_next(set, mine, other, theirs);

        if (order > 0) {
            sum[count].source = other->entries[theirs].source;
            gtid_runs_copy(&sum[count].runs, &other->entries[theirs].runs);
        } else {
            sum[count] = set->entries[mine++];
        }
        if (order == 0) {
            gtid_runs_add_runs(&sum[count].runs, &other->entries[theirs].runs);
        }
        theirs += order >= 0 ? 1 : 0;
        count++;
    }
    free(set->entries);
    set->entries = sum;
    set->count = count;
    set->capacity = most;
}

/* Drops the entries whose runs are all gone. */
static void drop_empty_entries(struct gtid_set *set)
{
    size_t kept = 0;

    for (size_t at = 0; at < set->count; at++) {
        if (set->entries[at].runs.count == 0) {
            gtid_runs_release(&set->entries[at].runs);
        } else {
            set->entries[kept++] = set->entries[at];
        }
    }
    set->count = kept;
}

void gtid_set_subtract(struct gtid_set *set, const struct gtid_set *other)
{
    assert(set != other);
    for (size_t mine = 0; mine < set->count; mine++) {
        size_t theirs = 0;

        if (find_entry(other, &set->entries[mine].source, &theirs)) {
            gtid_runs_subtract(&set->entries[mine].runs, &other->entries[theirs].runs);
        }
    }
    drop_empty_entries(set);
}

void gtid_set_intersect(struct gtid_set *set, const struct gtid_set *other)
{
    assert(set != other);
    for (size_t mine = 0; mine < set->count; mine++) {
        size_t theirs = 0;

        if (find_entry(other, &set->entries[mine].source, &theirs)) {
            gtid_runs_intersect(&set->entries[mine].runs, &other->entries[theirs].runs);
        } else {
            gtid_runs_release(&set->entries[mine].runs);
        }
    }
    drop_empty_entries(set);
}

void gtid_set_keep_uuid(struct gtid_set *set, const uint8_t uuid[GTID_UUID_BYTES])
{
    for (size_t at = 0; at < set->count; at++) {
        if (memcmp(set->entries[at].source.uuid, uuid, GTID_UUID_BYTES) != 0) {
            gtid_runs_release(&set->entries[at].runs);
        }
    }
    drop_empty_entries(set);
}

bool gtid_set_has(const struct gtid_set *set, const struct gtid *gtid)
{
    size_t at = 0;

    return gtid->number < GTID_NUMBER_END && find_entry(set, &gtid->source, &at) &&
           gtid_runs_has(&set->entries[at].runs, gtid->number);
}

bool gtid_set_contains(const struct gtid_set *set, const struct gtid_set *other)
{
    for (size_t theirs = 0; theirs < other->count; theirs++) {
        size_t mine = 0;

        if (!find_entry(set, &other->entries[theirs].source, &mine) ||
            !gtid_runs_contain(&set->entries[mine].runs, &other->entries[theirs].runs)) {
            return false;
        }
    }
    return true;
}

bool gtid_set_equals(const struct gtid_set *set, const struct gtid_set *other)
{
    if (set->count != other->count) {
        return false;
    }
    for (size_t at = 0; at < set->count; at++) {
        if (compare_entries(&set->entries[at], &other->entries[at]) != 0 ||
            !gtid_runs_equal(&set->entries[at].runs, &other->entries[at].runs)) {
            return false;
        }
    }
    return true;
}

bool gtid_set_is_empty(const struct gtid_set *set)
{
    return set->count == 0;
}

uint64_t gtid_set_count(const struct gtid_set *set)
{
    uint64_t count = 0;

    for (size_t at = 0; at < set->count; at++) {
        const struct gtid_runs *runs = &set->entries[at].runs;

        for (size_t run = 0; run < runs->count; run++) {
            uint64_t more = runs->items[run].end - runs->items[run].first;

            count = more > UINT64_MAX - count ? UINT64_MAX : count + more;
        }
    }
    return count;
}
