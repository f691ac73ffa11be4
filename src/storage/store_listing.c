/* SPDX-License-Identifier: Apache-2.0 */
#include "store_listing.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "binrelay/base/memory.h"

void store_listing_release(struct store_listing *listing)
{
    free(listing->files);
    *listing = (struct store_listing){0};
}

/* Only the one way in which we write a number: "log.1" is not the first file. */
static bool is_ours(const char *name,
                    char base_name[BINLOG_NAME_MOST_BYTES + 1],
                    uint64_t *file)
{
    char printed[BINLOG_NAME_BYTES];

    if (!binlog_name_split(bytes_of_text(name), base_name, file)) {
        return false;
    }
    binlog_name_print(printed, base_name, *file);
    return strcmp(printed, name) == 0;
}

static enum status add_name(struct store_listing *listing,
                            const char *name,
                            const char *log_name,
                            struct error *error)
{
    char base_name[BINLOG_NAME_MOST_BYTES + 1];
    const char *wanted = log_name;
    uint64_t file = 0;

    if (!is_ours(name, base_name, &file)) {
        return STATUS_OK;
    }
    if (wanted == NULL && listing->count > 0) {
        wanted = listing->log_name;
    }
    if (wanted != NULL && strcmp(wanted, base_name) != 0) {
        return error_set(error, STATUS_INVALID, "%s is no file of the log %s", name, wanted);
    }
    memcpy(listing->log_name, base_name, strlen(base_name) + 1);
    if (listing->count == listing->capacity) {
        listing->files = mem_grow(listing->files, &listing->capacity, sizeof(*listing->files));
    }
    listing->files[listing->count++] = file;
    return STATUS_OK;
}

static int compare_files(const void *left, const void *right)
{
    uint64_t one = *(const uint64_t *)left;
    uint64_t other = *(const uint64_t *)right;

    return (one > other) - (one < other);
}

enum status store_listing_read(struct store_listing *listing,
                               const char *directory,
                               const char *log_name,
                               struct error *error)
{
    DIR *opened = opendir(directory);
    enum status status = STATUS_OK;
    const struct dirent *entry = NULL;

    *listing = (struct store_listing){0};
    if (opened == NULL) {
        return error_set_errno(error, "read directory %s", directory);
    }
    do {
        errno = 0;
        entry = readdir(opened);
        if (entry == NULL && errno != 0) {
            status = error_set_errno(error, "read directory %s", directory);
        }
        if (entry != NULL) {
            status = add_name(listing, entry->d_name, log_name, error);
        }
    } while (entry != NULL && status == STATUS_OK);
    (void)closedir(opened);
    if (status != STATUS_OK) {
        store_listing_release(listing);
        return error_wrap(error, "%s", directory);
    }
    if (listing->count > 0) {
        qsort(listing->files, listing->count, sizeof(*listing->files), compare_files);
    }
    return STATUS_OK;
}

size_t store_listing_drop_front(struct store_listing *listing, uint64_t first)
{
    size_t count = 0;

    while (count < listing->count && listing->files[count] < first) {
        count++;
    }
    if (count > 0) {
        listing->count -= count;
        memmove(listing->files, listing->files + count,
                listing->count * sizeof(*listing->files));
    }
    return count;
}
