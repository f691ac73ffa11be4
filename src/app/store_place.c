/* SPDX-License-Identifier: Apache-2.0 */
#include "store_place.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "binrelay/base/memory.h"
#include "binrelay/storage/store_check.h"

void store_place_release(struct store_place *place)
{
    for (size_t at = 0; at < place->count; at++) {
        free(place->clusters[at].name);
        free(place->clusters[at].path);
    }
    free(place->clusters);
    free(place->data_dir);
    *place = (struct store_place){0};
}

/* One of the files that nobody but a relay makes; each may be the one that is missing. */
static bool is_data_dir(const char *directory)
{
    static const char *const names[] = {"FORMAT", "control.db", "lock"};

    for (size_t at = 0; at < sizeof(names) / sizeof(names[0]); at++) {
        autofree char *path = mem_format("%s/%s", directory, names[at]);

        if (access(path, F_OK) == 0) {
            return true;
        }
    }
    return false;
}

static void add_cluster(struct store_place *place, const char *name, const char *path)
{
    if (place->count == place->capacity) {
        place->clusters = mem_grow(place->clusters, &place->capacity, sizeof(*place->clusters));
    }
    place->clusters[place->count++] =
        (struct placed_cluster){.name = mem_text(name), .path = mem_text(path)};
}

static int by_name(const struct dirent **left, const struct dirent **right)
{
    return strcmp((*left)->d_name, (*right)->d_name);
}

static enum status find_clusters(struct store_place *place, struct error *error)
{
    struct dirent **entries = NULL;
    int count = scandir(place->data_dir, &entries, NULL, by_name);

    if (count < 0) {
        return error_set_errno(error, "read directory %s", place->data_dir);
    }
    for (int at = 0; at < count; at++) {
        const char *name = entries[at]->d_name;
        autofree char *path = mem_format("%s/%s", place->data_dir, name);

        if (*name != '.' && store_is_there(path)) {
            add_cluster(place, name, path);
        }
        free(entries[at]);
    }
    free(entries);
    return STATUS_OK;
}

enum status store_place_find(struct store_place *place,
                             const char *directory,
                             struct error *error)
{
    *place = (struct store_place){0};
    if (is_data_dir(directory)) {
        place->data_dir = mem_text(directory);
        return find_clusters(place, error);
    }
    if (store_is_there(directory)) {
        autofree char *real = realpath(directory, NULL);

        add_cluster(place, real == NULL ? directory : strrchr(real, '/') + 1, directory);
        return STATUS_OK;
    }
    if (access(directory, R_OK | X_OK) != 0) {
        return error_set_errno(error, "%s", directory);
    }
    return error_set(error, STATUS_NOT_FOUND,
                     "%s is neither a data_dir nor the directory of a cluster in one",
                     directory);
}
