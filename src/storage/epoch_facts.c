/* SPDX-License-Identifier: Apache-2.0 */
#include "epoch_facts.h"

#include <stdlib.h>

#include "binrelay/base/memory.h"

void epoch_facts_release(struct epoch_facts *facts)
{
    free(facts->gaps);
    *facts = (struct epoch_facts){0};
}

void epoch_facts_begin(struct epoch_facts *facts, struct epoch_state before)
{
    epoch_facts_release(facts);
    facts->is_known = true;
    facts->is_complete = true;
    facts->is_before_known = true;
    facts->before = before;
    facts->after = before;
}

static void add_gap(struct epoch_facts *facts, const struct epoch_record *record)
{
    if (facts->gap_count == facts->gap_capacity) {
        facts->gaps = mem_grow(facts->gaps, &facts->gap_capacity, sizeof(*facts->gaps));
    }
    facts->gaps[facts->gap_count++] = *record;
}

void epoch_facts_add(struct epoch_facts *facts, const struct epoch_record *record)
{
    facts->records++;
    facts->after.last = record->key;
    facts->after.latest_usec = record->latest_usec;
    if (record->kind == EPOCH_RECORD_GAP) {
        add_gap(facts, record);
        return;
    }
    facts->epochs++;
    facts->last = *record;
    if (facts->epochs == 1) {
        facts->first = *record;
    }
}
