/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binrelay/base/memory.h"
#include "binrelay/storage/data_dir.h"
#include "binrelay/storage/store_check.h"
#include "store_tool.h"

/*
 * Keeps relays off. The directory of a cluster that stands alone, as a copy
 * does, is in no data_dir, and no relay can have it.
 */
static enum status lock(struct data_dir **made,
                        const struct store_place *place,
                        struct error *error)
{
    autofree char *cluster = NULL;
    char *slash = NULL;
    enum status status = STATUS_OK;

    if (place->data_dir != NULL) {
        return data_dir_lock(made, disk_system(), place->data_dir, error);
    }
    cluster = realpath(place->clusters[0].path, NULL);
    slash = cluster == NULL ? NULL : strrchr(cluster, '/');
    if (slash == NULL) {
        return error_set_errno(error, "%s", place->clusters[0].path);
    }
    slash[slash == cluster ? 1 : 0] = '\0';
    status = data_dir_lock(made, disk_system(), cluster, error);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status reindex_cluster(const struct store_command_line *line,
                                   const struct placed_cluster *cluster,
                                   struct error *error)
{
    const struct epoch_rules *rules = line->rules.kind == EPOCH_KIND_NONE ? NULL : &line->rules;
    uint64_t files = 0;
    uint64_t epochs = 0;
    enum status status =
        store_reindex(disk_system(), cluster->path, rules, &files, &epochs, error);

    if (status != STATUS_OK) {
        return error_wrap(error, "%s", cluster->path);
    }
    if (line->is_json) {
        json_t *object = json_pack("{s:s, s:I, s:I}", "cluster", cluster->name, "files",
                                   (json_int_t)files, "epochs", (json_int_t)epochs);

        (void)json_dumpf(object, stdout, JSON_COMPACT);
        (void)fputc('\n', stdout);
        json_decref(object);
    } else {
        (void)printf("%s: %" PRIu64 " epochs in %" PRIu64 " files\n", cluster->name, epochs,
                     files);
    }
    return STATUS_OK;
}

enum status store_tool_reindex(const struct store_command_line *line,
                               bool *is_clean,
                               struct error *error)
{
    const struct store_place *place = line->place;
    struct data_dir *locked = NULL;
    enum status status = lock(&locked, place, error);

    for (size_t at = 0; at < place->count && status == STATUS_OK; at++) {
        status = reindex_cluster(line, &place->clusters[at], error);
    }
    data_dir_close(locked);
    *is_clean = status == STATUS_OK;
    return status;
}
