/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/storage/data_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "binrelay/base/bytes.h"
#include "binrelay/base/log.h"
#include "binrelay/base/memory.h"

/*
 * FORMAT, text:
 *
 *   binrelay 1
 *   relay_id NAME
 */
enum { FORMAT_MOST_BYTES = 4096 };

struct data_dir {
    const struct disk *disk; /* borrowed */
    char *path;              /* owned */
    int lock;                /* -1: not locked */
};

static enum status make_directory(const struct data_dir *directory, struct error *error)
{
    autofree char *parent = mem_text(directory->path);
    char *slash = strrchr(parent, '/');

    if (disk_make_directory(directory->disk, directory->path, 0700) != 0) {
        return errno == EEXIST ? STATUS_OK
                               : error_set_errno(error, "make directory %s", directory->path);
    }
    if (slash != NULL) {
        slash[slash == parent ? 1 : 0] = '\0';
    }
    return disk_sync_directory(directory->disk, slash == NULL ? "." : parent, error);
}

/* Released with the descriptor, so by the end of the process too. */
static enum status take_lock(struct data_dir *directory, struct error *error)
{
    autofree char *path = mem_format("%s/lock", directory->path);
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    directory->lock = disk_open(directory->disk, path, O_RDWR | O_CREAT, 0600);
    if (directory->lock < 0) {
        return error_set_errno(error, "open %s", path);
    }
    if (fcntl(directory->lock, F_OFD_SETLK, &whole) == 0) {
        return STATUS_OK;
    }
    if (errno == EAGAIN || errno == EACCES) {
        return error_set(error, STATUS_DENIED, "%s is in use by another process",
                         directory->path);
    }
    return error_set_errno(error, "lock %s", path);
}

/* What an empty directory may hold: our own beginnings, and what a file system puts there. */
static bool may_be_there(const char *name)
{
    static const char *const names[] = {".", "..", "lock", "FORMAT.new", "lost+found"};

    for (size_t at = 0; at < sizeof(names) / sizeof(names[0]); at++) {
        if (strcmp(name, names[at]) == 0) {
            return true;
        }
    }
    return false;
}

/* A directory full of something else was named by mistake. Looked at before the lock is made.
 */
static enum status check_is_empty(const char *path, struct error *error)
{
    DIR *opened = opendir(path);
    enum status status = STATUS_OK;

    if (opened == NULL) {
        return error_set_errno(error, "read directory %s", path);
    }
    for (const struct dirent *entry = readdir(opened); entry != NULL && status == STATUS_OK;
         entry = readdir(opened)) {
        if (!may_be_there(entry->d_name)) {
            status = error_set(error, STATUS_INVALID,
                               "%s is not empty and no directory of a relay: it has %s", path,
                               log_safe(bytes_of_text(entry->d_name)).text);
        }
    }
    (void)closedir(opened);
    return status;
}

/* Takes one line without its newline. False if there is none. */
static bool take_line(struct bytes *text, struct bytes *line)
{
    const uint8_t *end = text->size == 0 ? NULL : memchr(text->data, '\n', text->size);

    if (end == NULL) {
        return false;
    }
    *line = (struct bytes){.data = text->data, .size = (size_t)(end - text->data)};
    text->data = end + 1;
    text->size -= line->size + 1;
    return true;
}

/* Takes "key " from the front of a line. */
static bool take_key(struct bytes *line, const char *key)
{
    struct bytes wanted = bytes_of_text(key);

    if (line->size < wanted.size || memcmp(line->data, wanted.data, wanted.size) != 0) {
        return false;
    }
    line->data += wanted.size;
    line->size -= wanted.size;
    return true;
}

/* A number of at most six digits, as whole line. */
static bool read_version(struct bytes digits, unsigned *version)
{
    unsigned read = 0;

    if (digits.size == 0 || digits.size > 6) {
        return false;
    }
    for (size_t at = 0; at < digits.size; at++) {
        if (digits.data[at] < '0' || digits.data[at] > '9') {
            return false;
        }
        read = read * 10 + (unsigned)(digits.data[at] - '0');
    }
    *version = read;
    return true;
}

/* Whose it is does not matter if relay_id is NULL. */
static enum status check_format(const char *path,
                                struct bytes text,
                                const char *relay_id,
                                struct error *error)
{
    struct bytes line = {0};
    unsigned version = 0;

    if (!take_line(&text, &line) || !take_key(&line, "binrelay ") ||
        !read_version(line, &version) || version == 0) {
        return error_set(error, STATUS_INVALID, "%s says no format of a relay", path);
    }
    if (version > DATA_DIR_FORMAT_VERSION) {
        return error_set(error, STATUS_INVALID,
                         "%s says format %u; this program knows formats up to %d", path,
                         version, DATA_DIR_FORMAT_VERSION);
    }
    if (!take_line(&text, &line) || !take_key(&line, "relay_id ")) {
        return error_set(error, STATUS_INVALID, "%s names no relay_id", path);
    }
    if (relay_id != NULL && !bytes_equal(line, bytes_of_text(relay_id))) {
        return error_set(error, STATUS_INVALID, "%s belongs to relay_id %s, not %s", path,
                         log_safe(line).text, relay_id);
    }
    return STATUS_OK;
}

/* STATUS_NOT_FOUND: there is no FORMAT. */
static enum status read_text(const struct disk *disk,
                             const char *path,
                             uint8_t room[FORMAT_MOST_BYTES],
                             struct bytes *text,
                             struct error *error)
{
    size_t size = 0;
    int file = disk_open(disk, path, O_RDONLY, 0);
    enum status status = STATUS_OK;

    if (file < 0) {
        status = error_set_errno(error, "open %s", path);
        return error->os_code == ENOENT ? STATUS_NOT_FOUND : status;
    }
    status = disk_read_all(disk, file, room, FORMAT_MOST_BYTES, 0, &size, error);
    (void)disk_close(disk, file); /* was opened for reading */
    *text = (struct bytes){.data = room, .size = size};
    return status == STATUS_OK ? STATUS_OK : error_wrap(error, "%s", path);
}

static enum status read_format(const struct data_dir *directory,
                               const char *path,
                               const char *relay_id,
                               struct error *error)
{
    uint8_t room[FORMAT_MOST_BYTES];
    struct bytes text = {0};
    enum status status = read_text(directory->disk, path, room, &text, error);

    return status == STATUS_OK ? check_format(path, text, relay_id, error) : status;
}

enum status data_dir_check(const struct disk *disk, const char *path, struct error *error)
{
    autofree char *format_path = mem_format("%s/FORMAT", path);
    uint8_t room[FORMAT_MOST_BYTES];
    struct bytes text = {0};
    struct bytes line = {0};
    enum status status = read_text(disk, format_path, room, &text, error);

    if (status == STATUS_OK) {
        status = check_format(format_path, text, NULL, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    /* Two lines and no more, which were taken above. */
    if (!take_line(&text, &line) || line.size != strlen("binrelay 1") ||
        !take_line(&text, &line) || line.size == strlen("relay_id ") || text.size > 0 ||
        memchr(line.data, '\0', line.size) != NULL) {
        return error_set(error, STATUS_INVALID, "%s is not as a relay writes it", format_path);
    }
    return STATUS_OK;
}

/* Nobody but the relay reads what is in it, whoever made the directory. */
static enum status close_to_others(const struct data_dir *directory, struct error *error)
{
    struct stat facts;

    if (stat(directory->path, &facts) != 0) {
        return error_set_errno(error, "look at %s", directory->path);
    }
    if ((facts.st_mode & (S_IRWXG | S_IRWXO)) != 0 && chmod(directory->path, 0700) != 0) {
        return error_set_errno(error, "chmod %s to 0700", directory->path);
    }
    return STATUS_OK;
}

static enum status open_locked(struct data_dir *directory,
                               const char *relay_id,
                               struct error *error)
{
    autofree char *path = mem_format("%s/FORMAT", directory->path);
    enum status status = read_format(directory, path, relay_id, error);
    bool is_new = status == STATUS_NOT_FOUND;

    if (is_new) {
        status = check_is_empty(directory->path, error);
    }
    if (status == STATUS_OK) {
        status = take_lock(directory, error);
    }
    if (status == STATUS_OK) {
        status = close_to_others(directory, error);
    }
    if (status == STATUS_OK && is_new) {
        /* Another process may have been faster between the look and the lock. */
        status = read_format(directory, path, relay_id, error);
    }
    if (status == STATUS_NOT_FOUND) {
        autofree char *text =
            mem_format("binrelay %d\nrelay_id %s\n", DATA_DIR_FORMAT_VERSION, relay_id);

        status = disk_replace_file(directory->disk, path, text, strlen(text), error);
    }
    return status;
}

enum status data_dir_open(struct data_dir **made,
                          const struct disk *disk,
                          const char *path,
                          const char *relay_id,
                          struct error *error)
{
    struct data_dir *directory = NULL;
    enum status status = STATUS_OK;

    if (*relay_id == '\0' || strpbrk(relay_id, "\r\n") != NULL ||
        strlen(relay_id) > FORMAT_MOST_BYTES / 2) {
        return error_set(error, STATUS_INVALID, "a relay_id is one line that is not empty");
    }
    directory = mem_zeroed(sizeof(*directory));
    directory->disk = disk;
    directory->path = mem_text(path);
    directory->lock = -1;
    status = make_directory(directory, error);
    if (status == STATUS_OK) {
        status = open_locked(directory, relay_id, error);
    }
    if (status != STATUS_OK) {
        data_dir_close(directory);
        return status;
    }
    *made = directory;
    return STATUS_OK;
}

enum status data_dir_lock(struct data_dir **made,
                          const struct disk *disk,
                          const char *path,
                          struct error *error)
{
    struct data_dir *directory = NULL;
    enum status status = data_dir_check(disk, path, error);

    if (status != STATUS_OK) {
        return status;
    }
    directory = mem_zeroed(sizeof(*directory));
    directory->disk = disk;
    directory->path = mem_text(path);
    directory->lock = -1;
    status = take_lock(directory, error);
    if (status != STATUS_OK) {
        data_dir_close(directory);
        return status;
    }
    *made = directory;
    return STATUS_OK;
}

void data_dir_close(struct data_dir *directory)
{
    if (directory == NULL) {
        return;
    }
    if (directory->lock >= 0) {
        (void)disk_close(directory->disk, directory->lock);
    }
    free(directory->path);
    free(directory);
}

const char *data_dir_path(const struct data_dir *directory)
{
    return directory->path;
}
