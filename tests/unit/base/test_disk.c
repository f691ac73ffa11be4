/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/base/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "binrelay/base/memory.h"
#include "check.h"
#include "temp_dir.h"

/* A disk that writes at most three bytes at a time, and fails a sync on demand. */
static ssize_t write_three(void *context, int file, const void *data, size_t size, off_t offset)
{
    (void)context;
    return disk_system()->write_at(NULL, file, data, size > 3 ? 3 : size, offset);
}

static int fail_to_sync(void *context, int file)
{
    (void)context;
    (void)file;
    errno = EIO;
    return -1;
}

static void goes_on_after_short_writes(void)
{
    char *directory = temp_dir_make();
    autofree char *path = mem_format("%s/file", directory);
    struct disk disk = *disk_system();
    struct error error;
    char found[16] = "";
    size_t size = 0;
    int file = -1;

    disk.write_at = write_three;
    file = disk_open(&disk, path, O_RDWR | O_CREAT, 0600);
    CHECK(file >= 0);
    CHECK_OK(disk_write_all(&disk, file, "0123456789", 10, 0, &error), &error);
    CHECK_OK(disk_read_all(&disk, file, found, sizeof(found), 0, &size, &error), &error);
    CHECK(size == 10 && memcmp(found, "0123456789", 10) == 0);
    CHECK(disk_close(&disk, file) == 0);
    temp_dir_remove(directory);
}

static void keeps_the_old_file_when_the_new_one_cannot_be_synced(void)
{
    char *directory = temp_dir_make();
    autofree char *path = mem_format("%s/file", directory);
    struct disk broken = *disk_system();
    struct error error;
    char found[4] = "";
    size_t size = 0;
    int file = -1;

    broken.sync = fail_to_sync;
    CHECK_OK(disk_replace_file(disk_system(), path, "old", 3, &error), &error);
    CHECK(disk_replace_file(&broken, path, "new", 3, &error) == STATUS_SYSTEM);
    file = disk_open(disk_system(), path, O_RDONLY, 0);
    CHECK_OK(disk_read_all(disk_system(), file, found, 3, 0, &size, &error), &error);
    CHECK(size == 3 && memcmp(found, "old", 3) == 0);
    CHECK(disk_close(disk_system(), file) == 0);
    temp_dir_remove(directory);
}

int main(void)
{
    goes_on_after_short_writes();
    keeps_the_old_file_when_the_new_one_cannot_be_synced();
    return 0;
}
