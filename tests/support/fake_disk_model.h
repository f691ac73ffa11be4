/* SPDX-License-Identifier: Apache-2.0 */
/* What a fake disk remembers of files and names, and what a power loss makes of it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A write, or (data NULL) a cut to `offset`. */
struct change {
    uint64_t offset;
    uint8_t *data; /* owned */
    size_t size;
};

struct contents {
    uint8_t *bytes; /* owned */
    size_t size;
};

/* A file without its name. */
struct node {
    struct node *next;
    struct contents durable; /* as of the last sync */
    struct change *changes;  /* owned; since then */
    size_t count;
    size_t capacity;
};

struct name {
    char *path;        /* owned */
    struct node *node; /* borrowed from the list of nodes; NULL: no such name */
};

struct names {
    struct name *items; /* owned */
    size_t count;
    size_t capacity;
};

/* The name `path` now means `node`, and `gone` (may be NULL) nothing: in one step. */
struct naming {
    char *path;        /* owned */
    struct node *node; /* borrowed */
    char *gone;        /* owned */
};

struct fake_disk_model {
    struct node *nodes; /* owned */
    struct names current;
    struct names durable;
    struct naming *namings; /* owned; since their directory was synced */
    size_t naming_count;
    size_t naming_capacity;
};

void fake_disk_model_release(struct fake_disk_model *model);

/* The node of a name; NULL if there is no such file. One that was there before us is durable.
 */
struct node *fake_disk_model_find(struct fake_disk_model *model, const char *path);
struct node *fake_disk_model_add(struct fake_disk_model *model, const char *path);

/* `path` means `node` (NULL: nothing) from now on, and `gone` (may be NULL) nothing. */
void fake_disk_model_name(struct fake_disk_model *model,
                          const char *path,
                          struct node *node,
                          const char *gone);

/* A write, or with data NULL a cut to `offset`. */
void fake_disk_model_change(struct node *node, uint64_t offset, const void *data, size_t size);

/* A sync of a file; and one that failed: the disk will never have the changes. */
void fake_disk_model_sync(struct node *node);
void fake_disk_model_lose_changes(struct node *node);
void fake_disk_model_sync_names(struct fake_disk_model *model, const char *directory);

/* Writes the files as a power loss leaves them: what is not synced is gone, or some of it. */
void fake_disk_model_lose_power(struct fake_disk_model *model, bool keeps_some, unsigned seed);
