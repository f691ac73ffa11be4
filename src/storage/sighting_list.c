/* SPDX-License-Identifier: Apache-2.0 */
#include "sighting_list.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "binrelay/base/memory.h"

void sighting_list_release(struct sighting_list *list)
{
    free(list->items);
    *list = (struct sighting_list){0};
}

void sighting_list_add(struct sighting_list *list, const struct sighting_seen *seen)
{
    if (list->count == SIGHTING_LIST_MOST) {
        sighting_list_drop(list, SIGHTING_LIST_MOST / 2); /* not one by one: each drop moves */
    }
    if (list->count == list->capacity) {
        list->items = mem_grow(list->items, &list->capacity, sizeof(*list->items));
    }
    list->items[list->count++] = *seen;
}

static bool is_behind(const struct sighting_seen *seen, uint64_t file, uint64_t end)
{
    return seen->file > file || (seen->file == file && seen->end > end);
}

void sighting_list_cut(struct sighting_list *list, uint64_t file, uint64_t end)
{
    while (list->count > 0 && is_behind(&list->items[list->count - 1], file, end)) {
        list->count--;
    }
}

size_t sighting_list_count(const struct sighting_list *list, uint64_t file, uint64_t end)
{
    size_t count = 0;

    while (count < list->count && !is_behind(&list->items[count], file, end)) {
        count++;
    }
    return count;
}

void sighting_list_drop(struct sighting_list *list, size_t count)
{
    if (count == 0) {
        return; /* an empty list has no memory */
    }
    list->count -= count;
    if (count > 0 &&
        list->count > 0) { /* items may be NULL, which memmove() must not be given */
        memmove(list->items, list->items + count, list->count * sizeof(*list->items));
    }
}
