/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The disk, behind a seam: every call of the store on files goes through here,
 * so that a test can fail it, cut it short, or end the process there.
 *
 * The functions behave as the POSIX calls of the same names, errno included.
 * Any thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "binrelay/base/error.h"

struct disk {
    int (*open)(void *context, const char *path, int flags, mode_t mode);
    int (*close)(void *context, int file);
    ssize_t (*read_at)(void *context, int file, void *data, size_t size, off_t offset);
    ssize_t (*write_at)(void *context, int file, const void *data, size_t size, off_t offset);
    int (*sync)(void *context, int file); /* fdatasync, or fsync for a directory */
    int (*truncate)(void *context, int file, off_t size);
    int (*rename)(void *context, const char *from, const char *to);
    int (*remove)(void *context, const char *path);                      /* unlink */
    int (*make_directory)(void *context, const char *path, mode_t mode); /* mkdir */
    /* statvfs: bytes that an ordinary process may still use where path is, and all there are */
    int (*space)(void *context, const char *path, uint64_t *free_bytes, uint64_t *all_bytes);
    void *context; /* borrowed */
};

const struct disk *disk_system(void);

int disk_open(const struct disk *disk, const char *path, int flags, mode_t mode);
int disk_close(const struct disk *disk, int file);
ssize_t disk_read_at(const struct disk *disk, int file, void *data, size_t size, off_t offset);

/* Writes all of it, over short writes and signals. */
MUST_CHECK enum status disk_write_all(const struct disk *disk,
                                      int file,
                                      const void *data,
                                      size_t size,
                                      off_t offset,
                                      struct error *error);

/* Reads until size bytes or the end of the file; *found is how many there were. */
MUST_CHECK enum status disk_read_all(const struct disk *disk,
                                     int file,
                                     void *data,
                                     size_t size,
                                     off_t offset,
                                     size_t *found,
                                     struct error *error);

int disk_sync(const struct disk *disk, int file);
int disk_truncate(const struct disk *disk, int file, off_t size);
int disk_rename(const struct disk *disk, const char *from, const char *to);
int disk_remove(const struct disk *disk, const char *path);
int disk_make_directory(const struct disk *disk, const char *path, mode_t mode);

/* Syncs a directory, so that names made, changed or removed in it last. */
MUST_CHECK enum status disk_sync_directory(const struct disk *disk,
                                           const char *path,
                                           struct error *error);

/* Writes a whole small file so that after a crash it is either the old one or the new one.
 * After a failure it may be either, too, if only the directory could not be synced. */
MUST_CHECK enum status disk_replace_file(const struct disk *disk,
                                         const char *path,
                                         const void *data,
                                         size_t size,
                                         struct error *error);

/* Size of an open file in bytes, or -1 with errno. Not behind the seam: it changes nothing. */
int64_t disk_file_bytes(int file);

/* When an open file's bytes changed last, by its mtime (wall clock); 0 if that cannot be asked.
 * As above. */
uint64_t disk_file_written_usec(int file);

/* Bytes that an ordinary process may still use where path is, and all there are. */
MUST_CHECK enum status disk_space(const struct disk *disk,
                                  const char *path,
                                  uint64_t *free_bytes,
                                  uint64_t *all_bytes,
                                  struct error *error);
