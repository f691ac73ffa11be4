/* SPDX-License-Identifier: Apache-2.0 */
#include "pending_gtids.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "binrelay/base/memory.h"

static void release_run(struct pending_gtid *run)
{
    if (run->kind == PENDING_GTID_STORED) {
        stored_gtids_release(&run->stored);
    }
}

void pending_gtids_clear(struct pending_gtids *runs)
{
    while (runs->count > 0) {
        release_run(&runs->items[--runs->count]);
    }
}

void pending_gtids_release(struct pending_gtids *runs)
{
    pending_gtids_clear(runs);
    free(runs->items);
    *runs = (struct pending_gtids){0};
}

static struct pending_gtid *new_run(struct pending_gtids *runs)
{
    if (runs->count == runs->capacity) {
        runs->items = mem_grow(runs->items, &runs->capacity, sizeof(*runs->items));
    }
    return &runs->items[runs->count++];
}

/* The run that a GTID of this kind, file and side would go on; NULL if there is none. */
static struct pending_gtid *last_run(const struct pending_gtids *runs,
                                     enum pending_gtid_kind kind,
                                     uint64_t file,
                                     bool is_before)
{
    struct pending_gtid *last = runs->count == 0 ? NULL : &runs->items[runs->count - 1];

    return last != NULL && last->kind == kind && last->file == file &&
                   last->is_before == is_before && !last->is_left_out
               ? last
               : NULL;
}

static bool is_same_source(const struct gtid_source *left, const struct gtid_source *right)
{
    return memcmp(left->uuid, right->uuid, GTID_UUID_BYTES) == 0 &&
           strcmp(left->tag, right->tag) == 0;
}

void pending_gtids_add(struct pending_gtids *runs,
                       uint64_t file,
                       bool is_before,
                       const struct gtid *gtid)
{
    struct pending_gtid *last = last_run(runs, PENDING_GTID_NUMBERS, file, is_before);

    if (last != NULL && gtid->number == last->numbers.last + 1 &&
        is_same_source(&last->numbers.source, &gtid->source)) {
        last->numbers.last = gtid->number;
        return;
    }
    *new_run(runs) = (struct pending_gtid){
        .kind = PENDING_GTID_NUMBERS,
        .is_before = is_before,
        .file = file,
        .numbers = {.source = gtid->source, .first = gtid->number, .last = gtid->number},
    };
}

void pending_gtids_add_mariadb(struct pending_gtids *runs,
                               uint64_t file,
                               bool is_before,
                               struct mariadb_gtid gtid)
{
    struct pending_gtid *last = last_run(runs, PENDING_GTID_MARIADB, file, is_before);

    if (last != NULL && last->mariadb.domain_id == gtid.domain_id &&
        last->mariadb.server_id == gtid.server_id) {
        last->mariadb.sequence = gtid.sequence;
        return;
    }
    *new_run(runs) = (struct pending_gtid){
        .kind = PENDING_GTID_MARIADB,
        .is_before = is_before,
        .file = file,
        .mariadb = gtid,
    };
}

void pending_gtids_leave_out_last(struct pending_gtids *runs)
{
    struct pending_gtid *last = runs->count == 0 ? NULL : &runs->items[runs->count - 1];
    struct pending_gtid left_out;

    if (last == NULL || last->kind != PENDING_GTID_NUMBERS) {
        return;
    }
    left_out = *last;
    left_out.is_left_out = true;
    if (last->numbers.first == last->numbers.last) {
        *last = left_out;
        return;
    }
    left_out.numbers.first = left_out.numbers.last;
    last->numbers.last--;
    *new_run(runs) = left_out;
}

void pending_gtids_add_before(struct pending_gtids *runs,
                              uint64_t file,
                              struct stored_gtids *stored)
{
    *new_run(runs) = (struct pending_gtid){
        .kind = PENDING_GTID_STORED,
        .is_before = true,
        .file = file,
        .stored = *stored,
    };
    *stored = (struct stored_gtids){0};
}

/* How far a run has come: what moves when it goes on. */
static uint64_t *reach_of(struct pending_gtid *run)
{
    switch (run->kind) {
    case PENDING_GTID_NUMBERS:
        return &run->numbers.last;
    case PENDING_GTID_MARIADB:
        return &run->mariadb.sequence;
    case PENDING_GTID_STORED:
        break; /* never goes on */
    }
    return NULL;
}

struct pending_gtids_place pending_gtids_end(const struct pending_gtids *runs)
{
    struct pending_gtids_place end = {.count = runs->count};
    const uint64_t *reach = runs->count == 0 ? NULL : reach_of(&runs->items[runs->count - 1]);

    if (reach != NULL) {
        end.reached = *reach;
    }
    return end;
}

void pending_gtids_cut(struct pending_gtids *runs, struct pending_gtids_place place)
{
    uint64_t *reach = NULL;

    assert(place.count <= runs->count);
    while (runs->count > place.count) {
        release_run(&runs->items[--runs->count]);
    }
    reach = runs->count == 0 ? NULL : reach_of(&runs->items[runs->count - 1]);
    if (reach != NULL) {
        *reach = place.reached;
    }
}

/* Makes two runs of the one that goes on behind the place. Returns true if one did. */
static bool split_at(struct pending_gtids *runs, struct pending_gtids_place place)
{
    struct pending_gtid rest;
    uint64_t *reach = place.count == 0 ? NULL : reach_of(&runs->items[place.count - 1]);

    if (reach == NULL || *reach == place.reached) {
        return false;
    }
    rest = runs->items[place.count - 1];
    if (rest.kind == PENDING_GTID_NUMBERS) {
        rest.numbers.first = place.reached + 1;
    }
    *reach = place.reached;
    (void)new_run(runs);
    memmove(&runs->items[place.count + 1], &runs->items[place.count],
            (runs->count - 1 - place.count) * sizeof(*runs->items));
    runs->items[place.count] = rest;
    return true;
}

struct pending_gtids_change pending_gtids_take(struct pending_gtids *runs,
                                               struct pending_gtids_place upto,
                                               struct pending_gtids *taken)
{
    struct pending_gtids_change change = {.upto = upto};

    assert(upto.count <= runs->count && taken->count == 0);
    change.is_split = split_at(runs, upto);
    for (size_t at = 0; at < upto.count; at++) {
        *new_run(taken) = runs->items[at];
    }
    runs->count -= upto.count;
    if (upto.count > 0) {
        memmove(runs->items, &runs->items[upto.count], runs->count * sizeof(*runs->items));
    }
    return change;
}

/* The run of `runs` that settles what `run` says, made if it is not there. */
static struct pending_gtid *settling_run(struct pending_gtids *runs,
                                         const struct pending_gtid *run)
{
    struct pending_gtid *found = NULL;

    for (size_t at = runs->count; at > 0 && runs->items[at - 1].file == run->file; at--) {
        if (runs->items[at - 1].is_before == run->is_before &&
            runs->items[at - 1].is_left_out == run->is_left_out) {
            return &runs->items[at - 1];
        }
    }
    found = new_run(runs);
    *found = (struct pending_gtid){.kind = PENDING_GTID_STORED,
                                   .is_before = run->is_before,
                                   .is_left_out = run->is_left_out,
                                   .file = run->file};
    stored_gtids_init(&found->stored);
    return found;
}

struct pending_gtids_change pending_gtids_compact(struct pending_gtids *runs,
                                                  struct pending_gtids_place upto)
{
    struct pending_gtids front = {0};
    struct pending_gtids settled = {0};
    struct pending_gtids_change change = pending_gtids_take(runs, upto, &front);

    for (size_t at = 0; at < front.count; at++) {
        pending_gtid_settle(&front.items[at],
                            &settling_run(&settled, &front.items[at])->stored);
    }
    change.left = settled.count;
    for (size_t at = 0; at < runs->count; at++) {
        *new_run(&settled) = runs->items[at];
    }
    runs->count = 0; /* they moved */
    pending_gtids_release(&front);
    pending_gtids_release(runs);
    *runs = settled;
    return change;
}

struct pending_gtids_place pending_gtids_moved(struct pending_gtids_place place,
                                               struct pending_gtids_change change)
{
    assert(place.count >= change.upto.count);
    if (place.count == change.upto.count && place.reached == change.upto.reached) {
        return (struct pending_gtids_place){.count = change.left};
    }
    place.count = place.count - change.upto.count + change.left + (change.is_split ? 1 : 0);
    return place;
}

/* MySQL's numbers from first to last. */
static void add_numbers(struct gtid_set *set, const struct pending_gtid *run)
{
    struct gtid gtid = {.source = run->numbers.source};

    for (gtid.number = run->numbers.first; gtid.number <= run->numbers.last; gtid.number++) {
        gtid_set_add(set, &gtid);
    }
}

void pending_gtid_settle(const struct pending_gtid *run, struct stored_gtids *into)
{
    switch (run->kind) {
    case PENDING_GTID_NUMBERS:
        add_numbers(into->set, run);
        break;
    case PENDING_GTID_MARIADB:
        mariadb_gtid_state_update(&into->state, run->mariadb);
        break;
    case PENDING_GTID_STORED:
        stored_gtids_add(into, &run->stored);
        break;
    }
}

void pending_gtid_settle_left_out(const struct pending_gtid *run, struct gtid_set *left_out)
{
    if (!run->is_left_out) {
        return;
    }
    if (run->kind == PENDING_GTID_NUMBERS) {
        add_numbers(left_out, run);
    } else if (run->kind == PENDING_GTID_STORED) {
        gtid_set_add_set(left_out, run->stored.set);
    }
}
