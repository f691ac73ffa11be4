/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A disk without a free block, on which the files, their indexes and control.db
 * all are: a purge makes room all the same, and what it goes by is durable
 * before a file is gone.
 */
#include <sqlite3.h>
#include <unistd.h>

#include "check.h"
#include "purge_rig.h"

enum { BLOCK_BYTES = 4096, FILES = 12, EPOCHS_IN_FILE = 300, APPLIER = 201 };

/* SQLite's calls have no context. */
static struct fake_disk *_Atomic shared_disk; /* NULL: there is room */

static uint64_t blocks_of(int64_t bytes)
{
    return (uint64_t)(bytes + BLOCK_BYTES - 1) / BLOCK_BYTES;
}

static ssize_t write_where_there_is_room(int file, const void *data, size_t size, off_t offset)
{
    uint64_t had = blocks_of(disk_file_bytes(file));
    uint64_t has = blocks_of(offset + (int64_t)size);

    if (shared_disk != NULL && has > had && !fake_disk_take_blocks(shared_disk, has - had)) {
        return -1;
    }
    return pwrite(file, data, size, offset);
}

static void replace_write(const char *name)
{
    sqlite3_vfs *files = sqlite3_vfs_find(NULL);

    CHECK(files != NULL && files->iVersion >= 3);
    if (files->xGetSystemCall(files, name) != NULL) { /* which one it uses it was built to */
        CHECK(files->xSetSystemCall(
                  files, name, (sqlite3_syscall_ptr)write_where_there_is_room) == SQLITE_OK);
    }
}

static struct purge_rig *full_rig(void)
{
    struct purge_rig *rig = purge_rig_new();

    for (int file = 0; file < FILES; file++) {
        purge_rig_add_file(rig, EPOCHS_IN_FILE);
    }
    purge_rig_add_applier(rig, APPLIER, true, 0);
    shared_disk = rig->disk;
    fake_disk_set_blocks(rig->disk, 0);
    return rig;
}

static void check_applied(struct purge_rig *rig, uint64_t epoch)
{
    struct applier_facts *facts = NULL;
    struct error error;

    CHECK_OK(applier_registry_find(rig->appliers, APPLIER, &facts, &error), &error);
    CHECK(facts->applied.epoch == epoch && !facts->is_lost);
    applier_facts_free(facts, 1);
}

/* One after the other, and what each leaves is taken by somebody else at once. */
static void files_go_where_there_is_no_room(void)
{
    struct purge_rig *rig = full_rig();
    uint64_t applied = 0;

    rig->settings.is_automatic = true;
    purge_rig_renew(rig);
    for (uint64_t file = 1; file < FILES; file++) {
        fake_disk_set_blocks(rig->disk, 0);
        applied = 10 * (EPOCHS_IN_FILE * file + 1); /* the first one behind the file */
        purge_rig_report(rig, APPLIER, applied);
        purger_look(rig->purger);
        CHECK(purge_rig_first(rig) == file + 1);
    }
    fake_disk_set_blocks(rig->disk, UINT64_MAX);
    purge_rig_restart(rig);
    CHECK(purge_rig_first(rig) == FILES);
    check_applied(rig, applied);
    purge_rig_free(rig);
}

int main(void)
{
    replace_write("pwrite");
    replace_write("pwrite64");
    files_go_where_there_is_no_room();
    return 0;
}
