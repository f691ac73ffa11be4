/* SPDX-License-Identifier: Apache-2.0 */
/* Sightings that wait until their transactions are durable. Bounded. One thread. */
#pragma once

#include <stddef.h>

#include "binrelay/protocol/sighting.h"

enum { SIGHTING_LIST_MOST = 4096 };

struct sighting_seen {
    uint64_t file;
    uint64_t end; /* of its transaction in the file */
    struct sighting sighting;
};

/* Zeroed is empty. In the order of the log. */
struct sighting_list {
    struct sighting_seen *items; /* owned */
    size_t count;
    size_t capacity;
};

void sighting_list_release(struct sighting_list *list);

/* Drops the oldest where it becomes too long. */
void sighting_list_add(struct sighting_list *list, const struct sighting_seen *seen);

/* Forgets what lies behind a place. */
void sighting_list_cut(struct sighting_list *list, uint64_t file, uint64_t end);

/* How many in front end at a place or before it. */
size_t sighting_list_count(const struct sighting_list *list, uint64_t file, uint64_t end);

/* Forgets so many in front. */
void sighting_list_drop(struct sighting_list *list, size_t count);
