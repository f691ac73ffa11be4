/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The numbers of one GTID source as runs without holes.
 *
 * Settled runs ascend and neither overlap nor touch. All functions keep that
 * and want it, but for gtid_runs_append(), which gathers in any order until
 * gtid_runs_settle().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gtid_run {
    uint64_t first;
    uint64_t end; /* the first number behind it */
};

/* Zeroed is empty. */
struct gtid_runs {
    struct gtid_run *items; /* owned */
    size_t count;
    size_t capacity;
};

void gtid_runs_release(struct gtid_runs *runs);

/* Fills runs, which hold nothing yet. */
void gtid_runs_copy(struct gtid_runs *runs, const struct gtid_runs *from);

/* Joins the run to the last one if they touch, else puts it behind. */
void gtid_runs_append(struct gtid_runs *runs, struct gtid_run run);
void gtid_runs_settle(struct gtid_runs *runs);

/* In constant time where the number continues the last run or is greater. */
void gtid_runs_add(struct gtid_runs *runs, uint64_t number);

void gtid_runs_add_runs(struct gtid_runs *runs, const struct gtid_runs *other);
void gtid_runs_subtract(struct gtid_runs *runs, const struct gtid_runs *other);
void gtid_runs_intersect(struct gtid_runs *runs, const struct gtid_runs *other);

bool gtid_runs_has(const struct gtid_runs *runs, uint64_t number);
bool gtid_runs_contain(const struct gtid_runs *runs, const struct gtid_runs *other);
bool gtid_runs_equal(const struct gtid_runs *runs, const struct gtid_runs *other);
