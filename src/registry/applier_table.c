/* SPDX-License-Identifier: Apache-2.0 */
#include "applier_table.h"

#include <string.h>

#include "binrelay/base/memory.h"

void applier_release(struct applier *applier)
{
    free(applier->facts.applied_gtids);
    applier->facts.applied_gtids = NULL;
}

struct applier applier_copy(const struct applier *applier)
{
    struct applier copy = *applier;

    copy.facts.applied_gtids = mem_text(applier->facts.applied_gtids);
    return copy;
}

void applier_table_release(struct applier_table *table)
{
    applier_copies_free(table->appliers, table->count);
    *table = (struct applier_table){0};
}

struct applier *applier_table_copy(const struct applier_table *table)
{
    struct applier *copies = mem_raw((table->count + 1) * sizeof(*copies));

    for (size_t at = 0; at < table->count; at++) {
        copies[at] = applier_copy(&table->appliers[at]);
    }
    return copies;
}

void applier_copies_free(struct applier *appliers, size_t count)
{
    for (size_t at = 0; at < count; at++) {
        applier_release(&appliers[at]);
    }
    free(appliers);
}

/* The place of the first applier that is not before the id. */
static size_t find_place(const struct applier_table *table, uint32_t server_id)
{
    size_t low = 0;
    size_t high = table->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (table->appliers[middle].facts.server_id < server_id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct applier *applier_table_find(const struct applier_table *table, uint32_t server_id)
{
    size_t place = find_place(table, server_id);

    return place < table->count && table->appliers[place].facts.server_id == server_id
               ? &table->appliers[place]
               : NULL;
}

struct applier *applier_table_insert(struct applier_table *table, const struct applier *applier)
{
    size_t place = find_place(table, applier->facts.server_id);
    struct applier *at = NULL;

    if (table->count == table->capacity) {
        table->appliers = mem_grow(table->appliers, &table->capacity, sizeof(*at));
    }
    at = table->appliers + place;
    memmove(at + 1, at, (table->count - place) * sizeof(*at));
    table->count++;
    *at = *applier;
    return at;
}

void applier_table_remove(struct applier_table *table, uint32_t server_id)
{
    size_t place = find_place(table, server_id);
    struct applier *at = table->appliers + place;

    if (place < table->count && at->facts.server_id == server_id) {
        applier_release(at);
        table->count--;
        memmove(at, at + 1, (table->count - place) * sizeof(*at));
    }
}

struct epoch_key applier_highest_of_group(const struct applier *appliers,
                                          size_t count,
                                          const char *group)
{
    struct epoch_key highest = {0};

    for (size_t at = 0; at < count; at++) {
        const struct applier_facts *facts = &appliers[at].facts;

        if (strcmp(facts->group, group) == 0 && facts->applied.epoch != 0 &&
            (highest.epoch == 0 || epoch_key_compare(facts->applied, highest) > 0)) {
            highest = facts->applied;
        }
    }
    return highest;
}
