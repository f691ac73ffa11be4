/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "binrelay/base/memory.h"
#include "check.h"
#include "fake_disk_model.h"

enum { MOST_DESCRIPTORS = 1024, BLOCK_BYTES = 4096 };

#define NO_LIMIT_BLOCKS (INT64_MAX / 2)

struct fake_disk {
    struct disk calls;
    struct fake_disk_model model;
    struct node *open_nodes[MOST_DESCRIPTORS];
    char *open_directories[MOST_DESCRIPTORS]; /* owned paths */
    uint64_t operations;
    uint64_t fail_at;
    enum fake_fault fault;
    bool is_full;
    _Atomic int64_t blocks_left;
    bool is_dead;
    bool is_short; /* the next write finds the disk full */
    uint64_t free_bytes;
    uint64_t all_bytes; /* both as they are said; 0: the system's */
};

static void end_process(void)
{
    (void)kill(getpid(), SIGKILL);
    for (;;) {
        (void)pause();
    }
}

/* Counts an operation. True if it must fail, with errno set. */
static bool meets_fault(struct fake_disk *fake, bool needs_room)
{
    bool is_hit = false;

    if (fake->is_dead) {
        errno = EIO;
        return true;
    }
    fake->operations++;
    is_hit = fake->operations == fake->fail_at;
    if (is_hit && fake->fault == FAKE_FAULT_DEATH) {
        fake->is_dead = true;
    }
    errno = is_hit && (fake->fault == FAKE_FAULT_EIO || fake->fault == FAKE_FAULT_DEATH)
                ? EIO
                : ENOSPC;
    return is_hit || (fake->is_full && needs_room);
}

/* The same, of what is done whole or not at all. */
static bool must_fail(struct fake_disk *fake, bool needs_room)
{
    bool fails = meets_fault(fake, needs_room);

    if (fails && fake->fault == FAKE_FAULT_KILL && fake->operations == fake->fail_at) {
        end_process();
    }
    return fails;
}

static int64_t blocks_of(int64_t bytes)
{
    return (bytes + BLOCK_BYTES - 1) / BLOCK_BYTES;
}

/* A name takes part of a block that is there. */
static int64_t blocks_at(const char *path)
{
    struct stat facts;

    return stat(path, &facts) == 0 ? blocks_of(facts.st_size) : 0;
}

/* False, with errno set, if a file that grows finds no room. */
static bool take_blocks(struct fake_disk *fake, int64_t had, int64_t has)
{
    int64_t left = fake->blocks_left;

    do {
        if (has > had && has - had > left) {
            errno = ENOSPC;
            return false;
        }
    } while (!atomic_compare_exchange_weak(&fake->blocks_left, &left, left - (has - had)));
    return true;
}

static int fake_open(void *context, const char *path, int flags, mode_t mode)
{
    struct fake_disk *fake = context;
    bool is_directory = (flags & O_DIRECTORY) != 0;
    struct node *node = is_directory ? NULL : fake_disk_model_find(&fake->model, path);
    bool is_made = node == NULL && (flags & O_CREAT) != 0;
    bool is_emptied = node != NULL && (flags & O_TRUNC) != 0;
    int file = -1;

    if ((is_made || is_emptied) && must_fail(fake, true)) {
        return -1;
    }
    if (is_emptied) {
        (void)take_blocks(fake, blocks_at(path), 0);
    }
    file = open(path, flags | O_CLOEXEC, mode);
    if (file < 0) {
        return -1;
    }
    CHECK(file < MOST_DESCRIPTORS);
    if (is_made) {
        node = fake_disk_model_add(&fake->model, path);
    } else if (is_emptied) {
        fake_disk_model_change(node, 0, NULL, 0);
    }
    fake->open_nodes[file] = node;
    fake->open_directories[file] = is_directory ? mem_text(path) : NULL;
    return file;
}

static int fake_close(void *context, int file)
{
    struct fake_disk *fake = context;

    fake->open_nodes[file] = NULL;
    free(fake->open_directories[file]);
    fake->open_directories[file] = NULL;
    return close(file);
}

static ssize_t fake_read_at(void *context, int file, void *data, size_t size, off_t offset)
{
    (void)context;
    return pread(file, data, size, offset);
}

static ssize_t write_through(
    struct fake_disk *fake, int file, const void *data, size_t size, off_t offset)
{
    int64_t had = disk_file_bytes(file);
    int64_t has = (int64_t)offset + (int64_t)size;

    if (!take_blocks(fake, blocks_of(had), blocks_of(has > had ? has : had))) {
        return -1;
    }
    fake_disk_model_change(fake->open_nodes[file], (uint64_t)offset, data, size);
    CHECK(pwrite(file, data, size, offset) == (ssize_t)size);
    return (ssize_t)size;
}

static ssize_t fake_write_at(
    void *context, int file, const void *data, size_t size, off_t offset)
{
    struct fake_disk *fake = context;
    bool was_dead = fake->is_dead;
    bool is_short = fake->is_short;

    fake->is_short = false;
    if (!meets_fault(fake, offset + (off_t)size > disk_file_bytes(file)) && !is_short) {
        return write_through(fake, file, data, size, offset);
    }
    if (is_short || was_dead || fake->operations != fake->fail_at) {
        errno = is_short ? ENOSPC : errno;
        return -1;
    }
    if (fake->fault == FAKE_FAULT_SHORT_WRITE && size > 1) {
        fake->is_short = true;
        return write_through(fake, file, data, size / 2, offset);
    }
    if (fake->fault == FAKE_FAULT_DEATH) {
        (void)write_through(fake, file, data, size / 2, offset);
        errno = EIO;
    }
    if (fake->fault == FAKE_FAULT_KILL) {
        (void)write_through(fake, file, data, size / 2, offset);
        end_process();
    }
    return -1;
}

static int fake_sync(void *context, int file)
{
    struct fake_disk *fake = context;
    struct node *node = fake->open_nodes[file];

    if (must_fail(fake, false)) {
        if (node != NULL && !fake->is_dead) {
            fake_disk_model_lose_changes(
                node); /* the pages are clean now, and the disk never had them */
        }
        return -1;
    }
    if (node != NULL) {
        fake_disk_model_sync(node);
    } else {
        fake_disk_model_sync_names(&fake->model, fake->open_directories[file]);
    }
    return 0;
}

static int fake_truncate(void *context, int file, off_t size)
{
    struct fake_disk *fake = context;

    if (must_fail(fake, false)) {
        return -1;
    }
    (void)take_blocks(fake, blocks_of(disk_file_bytes(file)), blocks_of(size));
    fake_disk_model_change(fake->open_nodes[file], (uint64_t)size, NULL, 0);
    return ftruncate(file, size);
}

static int fake_rename(void *context, const char *from, const char *to)
{
    struct fake_disk *fake = context;
    struct node *node = fake_disk_model_find(&fake->model, from);

    (void)fake_disk_model_find(&fake->model, to);
    if (must_fail(fake, true)) {
        return -1;
    }
    (void)take_blocks(fake, blocks_at(to), 0);
    if (rename(from, to) != 0) {
        return -1;
    }
    fake_disk_model_name(&fake->model, to, node, from);
    return 0;
}

static int fake_remove(void *context, const char *path)
{
    struct fake_disk *fake = context;

    if (fake_disk_model_find(&fake->model, path) == NULL) {
        errno = ENOENT;
        return -1;
    }
    if (must_fail(fake, false)) {
        return -1;
    }
    int64_t blocks = blocks_at(path);

    if (unlink(path) != 0) {
        return -1;
    }
    (void)take_blocks(fake, blocks, 0);
    fake_disk_model_name(&fake->model, path, NULL, NULL);
    return 0;
}

/* Directories are made before the tests begin, or are tested for on their own: not taken back.
 */
static int fake_make_directory(void *context, const char *path, mode_t mode)
{
    struct fake_disk *fake = context;

    if (access(path, F_OK) == 0) {
        errno = EEXIST;
        return -1;
    }
    return must_fail(fake, true) ? -1 : mkdir(path, mode);
}

static int fake_space(void *context,
                      const char *path,
                      uint64_t *free_bytes,
                      uint64_t *all_bytes)
{
    const struct fake_disk *fake = context;

    if (fake->all_bytes == 0) {
        return disk_system()->space(disk_system()->context, path, free_bytes, all_bytes);
    }
    *free_bytes = fake->free_bytes;
    *all_bytes = fake->all_bytes;
    return 0;
}

struct fake_disk *fake_disk_new(void)
{
    struct fake_disk *fake = mem_zeroed(sizeof(*fake));

    fake->blocks_left = NO_LIMIT_BLOCKS;
    fake->calls = (struct disk){
        .open = fake_open,
        .close = fake_close,
        .read_at = fake_read_at,
        .write_at = fake_write_at,
        .sync = fake_sync,
        .truncate = fake_truncate,
        .rename = fake_rename,
        .remove = fake_remove,
        .make_directory = fake_make_directory,
        .space = fake_space,
        .context = fake,
    };
    return fake;
}

void fake_disk_free(struct fake_disk *fake)
{
    if (fake == NULL) {
        return;
    }
    fake_disk_model_release(&fake->model);
    free(fake);
}

const struct disk *fake_disk_calls(struct fake_disk *fake)
{
    return &fake->calls;
}

void fake_disk_fail_at(struct fake_disk *fake, uint64_t operation, enum fake_fault fault)
{
    fake->fail_at = operation;
    fake->fault = fault;
}

void fake_disk_set_full(struct fake_disk *fake, bool is_full)
{
    fake->is_full = is_full;
}

void fake_disk_set_blocks(struct fake_disk *fake, uint64_t left)
{
    fake->blocks_left = left == UINT64_MAX ? NO_LIMIT_BLOCKS : (int64_t)left;
}

bool fake_disk_take_blocks(struct fake_disk *fake, uint64_t count)
{
    return take_blocks(fake, 0, (int64_t)count);
}

void fake_disk_set_space(struct fake_disk *fake, uint64_t free_bytes, uint64_t all_bytes)
{
    fake->free_bytes = free_bytes;
    fake->all_bytes = all_bytes;
}

uint64_t fake_disk_operations(const struct fake_disk *fake)
{
    return fake->operations;
}

bool fake_disk_is_dead(const struct fake_disk *fake)
{
    return fake->is_dead;
}

void fake_disk_revive(struct fake_disk *fake)
{
    fake->is_dead = false;
    fake->is_short = false;
    fake->fail_at = 0;
    fake->operations = 0;
}

void fake_disk_lose_power(struct fake_disk *fake, enum fake_loss loss, unsigned seed)
{
    fake_disk_model_lose_power(&fake->model, loss == FAKE_LOSS_SOME, seed);
}
