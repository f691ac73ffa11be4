/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/base/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "binrelay/base/memory.h"

static int system_open(void *context, const char *path, int flags, mode_t mode)
{
    (void)context;
    return open(path, flags | O_CLOEXEC, mode);
}

static int system_close(void *context, int file)
{
    (void)context;
    return close(file);
}

static ssize_t system_read_at(void *context, int file, void *data, size_t size, off_t offset)
{
    (void)context;
    return pread(file, data, size, offset);
}

static ssize_t system_write_at(
    void *context, int file, const void *data, size_t size, off_t offset)
{
    (void)context;
    return pwrite(file, data, size, offset);
}

static int system_sync(void *context, int file)
{
    (void)context;
    return fdatasync(file);
}

static int system_truncate(void *context, int file, off_t size)
{
    (void)context;
    return ftruncate(file, size);
}

static int system_rename(void *context, const char *from, const char *to)
{
    (void)context;
    return rename(from, to);
}

static int system_remove(void *context, const char *path)
{
    (void)context;
    return unlink(path);
}

static int system_make_directory(void *context, const char *path, mode_t mode)
{
    (void)context;
    return mkdir(path, mode);
}

static int system_space(void *context,
                        const char *path,
                        uint64_t *free_bytes,
                        uint64_t *all_bytes)
{
    struct statvfs facts;

    (void)context;
    if (statvfs(path, &facts) != 0) {
        return -1;
    }
    *free_bytes = (uint64_t)facts.f_bavail * facts.f_frsize;
    *all_bytes = (uint64_t)facts.f_blocks * facts.f_frsize;
    return 0;
}

const struct disk *disk_system(void)
{
    static const struct disk disk = {
        .open = system_open,
        .close = system_close,
        .read_at = system_read_at,
        .write_at = system_write_at,
        .sync = system_sync,
        .truncate = system_truncate,
        .rename = system_rename,
        .remove = system_remove,
        .make_directory = system_make_directory,
        .space = system_space,
    };

    return &disk;
}

int disk_open(const struct disk *disk, const char *path, int flags, mode_t mode)
{
    return disk->open(disk->context, path, flags, mode);
}

int disk_close(const struct disk *disk, int file)
{
    return disk->close(disk->context, file);
}

ssize_t disk_read_at(const struct disk *disk, int file, void *data, size_t size, off_t offset)
{
    return disk->read_at(disk->context, file, data, size, offset);
}

enum status disk_write_all(const struct disk *disk,
                           int file,
                           const void *data,
                           size_t size,
                           off_t offset,
                           struct error *error)
{
    const uint8_t *next = data;

    while (size > 0) {
        ssize_t written = disk->write_at(disk->context, file, next, size, offset);

        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            errno = written == 0 ? EIO : errno;
            return error_set_errno(error, "write %zu bytes at %lld", size, (long long)offset);
        }
        next += written;
        size -= (size_t)written;
        offset += written;
    }
    return STATUS_OK;
}

enum status disk_read_all(const struct disk *disk,
                          int file,
                          void *data,
                          size_t size,
                          off_t offset,
                          size_t *found,
                          struct error *error)
{
    size_t done = 0;

    while (done < size) {
        ssize_t got = disk->read_at(disk->context, file, (uint8_t *)data + done, size - done,
                                    offset + (off_t)done);

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return error_set_errno(error, "read %zu bytes at %lld", size, (long long)offset);
        }
        if (got == 0) {
            break;
        }
        done += (size_t)got;
    }
    *found = done;
    return STATUS_OK;
}

int disk_sync(const struct disk *disk, int file)
{
    return disk->sync(disk->context, file);
}

int disk_truncate(const struct disk *disk, int file, off_t size)
{
    return disk->truncate(disk->context, file, size);
}

int disk_rename(const struct disk *disk, const char *from, const char *to)
{
    return disk->rename(disk->context, from, to);
}

int disk_remove(const struct disk *disk, const char *path)
{
    return disk->remove(disk->context, path);
}

int disk_make_directory(const struct disk *disk, const char *path, mode_t mode)
{
    return disk->make_directory(disk->context, path, mode);
}

enum status disk_sync_directory(const struct disk *disk, const char *path, struct error *error)
{
    int directory = disk_open(disk, path, O_RDONLY | O_DIRECTORY, 0);
    int code = 0;

    if (directory < 0) {
        return error_set_errno(error, "open directory %s", path);
    }
    if (disk_sync(disk, directory) != 0) {
        code = errno;
    }
    (void)disk_close(disk, directory); /* was opened for reading: nothing to lose */
    if (code != 0) {
        errno = code;
        return error_set_errno(error, "sync directory %s", path);
    }
    return STATUS_OK;
}

/* Writes and syncs the new contents under another name. */
static enum status write_aside(const struct disk *disk,
                               const char *path,
                               const void *data,
                               size_t size,
                               struct error *error)
{
    int file = disk_open(disk, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    enum status status = STATUS_OK;

    if (file < 0) {
        return error_set_errno(error, "open %s", path);
    }
    status = disk_write_all(disk, file, data, size, 0, error);
    if (status == STATUS_OK && disk_sync(disk, file) != 0) {
        status = error_set_errno(error, "sync %s", path);
    }
    if (disk_close(disk, file) != 0 && status == STATUS_OK) {
        status = error_set_errno(error, "close %s", path);
    }
    return status;
}

enum status disk_replace_file(const struct disk *disk,
                              const char *path,
                              const void *data,
                              size_t size,
                              struct error *error)
{
    autofree char *aside = mem_format("%s.new", path);
    autofree char *directory = mem_text(path);
    char *slash = strrchr(directory, '/');
    enum status status = write_aside(disk, aside, data, size, error);

    if (status == STATUS_OK && disk_rename(disk, aside, path) != 0) {
        status = error_set_errno(error, "rename %s", aside);
    }
    if (status != STATUS_OK) {
        (void)disk_remove(disk, aside); /* the room may be what is missing */
        return status;
    }
    if (slash != NULL) {
        *slash = '\0';
    }
    return disk_sync_directory(disk, slash == NULL ? "." : directory, error);
}

int64_t disk_file_bytes(int file)
{
    struct stat facts;

    return fstat(file, &facts) == 0 ? (int64_t)facts.st_size : -1;
}

uint64_t disk_file_written_usec(int file)
{
    struct stat facts;

    if (fstat(file, &facts) != 0 || facts.st_mtim.tv_sec < 0) {
        return 0;
    }
    return (uint64_t)facts.st_mtim.tv_sec * 1000000 + (uint64_t)facts.st_mtim.tv_nsec / 1000;
}

enum status disk_space(const struct disk *disk,
                       const char *path,
                       uint64_t *free_bytes,
                       uint64_t *all_bytes,
                       struct error *error)
{
    if (disk->space(disk->context, path, free_bytes, all_bytes) != 0) {
        return error_set_errno(error, "look for space at %s", path);
    }
    return STATUS_OK;
}
