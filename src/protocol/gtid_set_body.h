/* SPDX-License-Identifier: Apache-2.0 */
/* What a GTID set is made of: for its operations, its text and its binary form. */
#pragma once

#include "binrelay/protocol/gtid_set.h"
#include "gtid_runs.h"

/* Numbers are below this (GNO_END of sql/rpl_gtid.h). */
#define GTID_NUMBER_END ((uint64_t)INT64_MAX)

struct gtid_set_entry {
    struct gtid_source source;
    struct gtid_runs runs; /* owned; never empty in a settled set */
};

/* Settled: the sources strictly ascend, and so do their runs. */
struct gtid_set {
    struct gtid_set_entry *entries; /* owned */
    size_t count;
    size_t capacity;
    size_t last;     /* the entry that was added to last: mostly the next one's too */
    size_t gathered; /* runs, since the set was new */
};

/*
 * Puts a run into a set that is being read, in whatever order a peer sends
 * them: gtid_set_settle() then sorts once. A run without numbers is left out.
 * STATUS_FULL at GTID_SET_MOST_INTERVALS.
 */
MUST_CHECK enum status gtid_set_gather(struct gtid_set *set,
                                       const struct gtid_source *source,
                                       struct gtid_run run,
                                       struct error *error);
void gtid_set_settle(struct gtid_set *set);

/* True if the text is one: a letter or underscore first, then digits too, at most 32, lower
 * case. */
bool gtid_tag_is_valid(struct bytes tag);
