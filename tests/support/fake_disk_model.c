/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_disk_model.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "binrelay/base/memory.h"
#include "check.h"
#include "fake_disk.h"

static struct name *find_name(struct names *names, const char *path)
{
    for (size_t at = 0; at < names->count; at++) {
        if (strcmp(names->items[at].path, path) == 0) {
            return &names->items[at];
        }
    }
    return NULL;
}

static void set_name(struct names *names, const char *path, struct node *node)
{
    struct name *name = find_name(names, path);

    if (name == NULL) {
        if (names->count == names->capacity) {
            names->items = mem_grow(names->items, &names->capacity, sizeof(*names->items));
        }
        name = &names->items[names->count++];
        name->path = mem_text(path);
    }
    name->node = node;
}

static struct node *new_node(struct fake_disk_model *model)
{
    struct node *node = mem_zeroed(sizeof(*node));

    node->next = model->nodes;
    model->nodes = node;
    return node;
}

/* A file that was there before us: as it is, it is durable. */
static struct node *adopt(struct fake_disk_model *model, const char *path)
{
    struct node *node = new_node(model);
    struct stat facts;
    int file = open(path, O_RDONLY | O_CLOEXEC);

    CHECK(file >= 0 && fstat(file, &facts) == 0);
    node->durable.size = (size_t)facts.st_size;
    node->durable.bytes = mem_raw(node->durable.size + 1);
    CHECK(pread(file, node->durable.bytes, node->durable.size, 0) == facts.st_size);
    CHECK(close(file) == 0);
    set_name(&model->current, path, node);
    set_name(&model->durable, path, node);
    return node;
}

struct node *fake_disk_model_find(struct fake_disk_model *model, const char *path)
{
    const struct name *name = find_name(&model->current, path);

    if (name != NULL) {
        return name->node;
    }
    return access(path, F_OK) == 0 ? adopt(model, path) : NULL;
}

void fake_disk_model_name(struct fake_disk_model *model,
                          const char *path,
                          struct node *node,
                          const char *gone)
{
    set_name(&model->current, path, node);
    if (gone != NULL) {
        set_name(&model->current, gone, NULL);
    }
    if (model->naming_count == model->naming_capacity) {
        model->namings =
            mem_grow(model->namings, &model->naming_capacity, sizeof(*model->namings));
    }
    model->namings[model->naming_count++] =
        (struct naming){.path = mem_text(path), .node = node, .gone = mem_text(gone)};
}

void fake_disk_model_change(struct node *node, uint64_t offset, const void *data, size_t size)
{
    struct change change = {.offset = offset, .size = size};

    if (data != NULL) {
        change.data = mem_raw(size + 1);
        memcpy(change.data, data, size);
    }
    if (node->count == node->capacity) {
        node->changes = mem_grow(node->changes, &node->capacity, sizeof(*node->changes));
    }
    node->changes[node->count++] = change;
}

static void resize(struct contents *contents, size_t size)
{
    uint8_t *grown = realloc(contents->bytes, size + 1);

    CHECK(grown != NULL);
    if (size > contents->size) {
        memset(grown + contents->size, 0, size - contents->size);
    }
    contents->bytes = grown;
    contents->size = size;
}

static void apply_bytes(struct contents *contents,
                        uint64_t offset,
                        const uint8_t *data,
                        size_t size)
{
    if (offset + size > contents->size) {
        resize(contents, (size_t)offset + size);
    }
    memcpy(contents->bytes + offset, data, size);
}

void fake_disk_model_lose_changes(struct node *node)
{
    while (node->count > 0) {
        free(node->changes[--node->count].data);
    }
}

void fake_disk_model_sync(struct node *node)
{
    for (size_t at = 0; at < node->count; at++) {
        const struct change *change = &node->changes[at];

        if (change->data == NULL) {
            resize(&node->durable, (size_t)change->offset);
        } else {
            apply_bytes(&node->durable, change->offset, change->data, change->size);
        }
    }
    fake_disk_model_lose_changes(node);
}

static void apply_naming(struct names *names, const struct naming *naming)
{
    set_name(names, naming->path, naming->node);
    if (naming->gone != NULL) {
        set_name(names, naming->gone, NULL);
    }
}

static void release_naming(struct naming *naming)
{
    free(naming->path);
    free(naming->gone);
}

static bool is_in(const char *path, const char *directory)
{
    size_t size = strlen(directory);

    return strncmp(path, directory, size) == 0 && path[size] == '/' &&
           strchr(path + size + 1, '/') == NULL;
}

void fake_disk_model_sync_names(struct fake_disk_model *model, const char *directory)
{
    size_t kept = 0;

    for (size_t at = 0; at < model->naming_count; at++) {
        if (is_in(model->namings[at].path, directory)) {
            apply_naming(&model->durable, &model->namings[at]);
            release_naming(&model->namings[at]);
        } else {
            model->namings[kept++] = model->namings[at];
        }
    }
    model->naming_count = kept;
}

static bool happens(unsigned *seed)
{
    return rand_r(seed) % 2 == 0;
}

/* Brings some sectors of a change to the disk. */
static void keep_some(struct contents *durable, const struct change *change, unsigned *seed)
{
    size_t done = 0;

    if (change->data == NULL) {
        if (happens(seed)) {
            resize(durable, (size_t)change->offset);
        }
        return;
    }
    while (done < change->size) {
        uint64_t at = change->offset + done;
        size_t size = FAKE_DISK_SECTOR_BYTES - (size_t)(at % FAKE_DISK_SECTOR_BYTES);

        size = size < change->size - done ? size : change->size - done;
        if (happens(seed)) {
            apply_bytes(durable, at, change->data + done, size);
        }
        done += size;
    }
}

static void write_back(const struct name *name)
{
    const struct contents *contents = &name->node->durable;
    int file = open(name->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    CHECK(file >= 0);
    CHECK(pwrite(file, contents->bytes, contents->size, 0) == (ssize_t)contents->size);
    CHECK(close(file) == 0);
}

void fake_disk_model_lose_power(struct fake_disk_model *model, bool keeps_some, unsigned seed)
{
    for (size_t at = 0; keeps_some && at < model->naming_count; at++) {
        if (happens(&seed)) {
            apply_naming(&model->durable, &model->namings[at]);
        }
    }
    for (struct node *node = model->nodes; node != NULL; node = node->next) {
        for (size_t at = 0; keeps_some && at < node->count; at++) {
            keep_some(&node->durable, &node->changes[at], &seed);
        }
    }
    for (size_t at = 0; at < model->current.count; at++) {
        (void)unlink(model->current.items[at].path); /* most are written again below */
    }
    for (size_t at = 0; at < model->durable.count; at++) {
        if (model->durable.items[at].node != NULL) {
            write_back(&model->durable.items[at]);
        }
    }
}

struct node *fake_disk_model_add(struct fake_disk_model *model, const char *path)
{
    struct node *node = new_node(model);

    fake_disk_model_name(model, path, node, NULL);
    return node;
}

static void release_names(struct names *names)
{
    for (size_t at = 0; at < names->count; at++) {
        free(names->items[at].path);
    }
    free(names->items);
}

void fake_disk_model_release(struct fake_disk_model *model)
{
    while (model->nodes != NULL) {
        struct node *node = model->nodes;

        model->nodes = node->next;
        fake_disk_model_lose_changes(node);
        free(node->changes);
        free(node->durable.bytes);
        free(node);
    }
    for (size_t at = 0; at < model->naming_count; at++) {
        release_naming(&model->namings[at]);
    }
    free(model->namings);
    release_names(&model->current);
    release_names(&model->durable);
}
