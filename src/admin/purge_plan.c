/* SPDX-License-Identifier: Apache-2.0 */
#include "purge_plan.h"

bool purge_file_is_below(const struct binlog_file_facts *file, struct binlog_position place)
{
    return file->file < place.file || (file->file == place.file && file->bytes <= place.offset);
}

size_t purge_plan_needs(const struct purge_scene *scene, size_t file)
{
    size_t count = 0;

    while (count < scene->hold_count &&
           !purge_file_is_below(&scene->files[file], scene->holds[count].from)) {
        count++;
    }
    return count;
}

/* A file from the future is a clock that was set back: the file is as young as can be. */
static bool is_young(const struct purge_scene *scene, size_t file)
{
    uint64_t written_usec = scene->files[file].written_usec;

    if (written_usec == 0 || scene->settings->min_age_usec == 0) {
        return false;
    }
    return written_usec > scene->now_usec ||
           scene->now_usec - written_usec < scene->settings->min_age_usec;
}

static bool is_among_newest(const struct purge_scene *scene, size_t file)
{
    return scene->file_count - file <= scene->settings->min_files;
}

static enum purge_stop stop_at(const struct purge_scene *scene,
                               const struct purge_ask *ask,
                               size_t file)
{
    if (file + 1 >= scene->file_count) {
        return PURGE_STOP_NEWEST;
    }
    if (!ask->passes_needs && purge_plan_needs(scene, file) > 0) {
        return PURGE_STOP_NEEDED;
    }
    if (!ask->passes_age && is_among_newest(scene, file)) {
        return PURGE_STOP_KEPT;
    }
    return !ask->passes_age && is_young(scene, file) ? PURGE_STOP_YOUNG : PURGE_STOP_NONE;
}

struct purge_plan purge_plan_make(const struct purge_scene *scene, const struct purge_ask *ask)
{
    struct purge_plan plan = {0};

    while (plan.files < ask->files && plan.files < scene->file_count) {
        plan.stop = stop_at(scene, ask, plan.files);
        if (plan.stop != PURGE_STOP_NONE) {
            break;
        }
        plan.bytes += scene->files[plan.files].bytes;
        plan.files++;
    }
    return plan;
}

size_t purge_count_before_file(const struct purge_scene *scene, uint64_t file)
{
    size_t count = 0;

    while (count < scene->file_count && scene->files[count].file < file) {
        count++;
    }
    return count;
}

size_t purge_count_before_time(const struct purge_scene *scene, uint64_t before_usec)
{
    size_t count = 0;

    while (count < scene->file_count && scene->files[count].written_usec < before_usec) {
        count++;
    }
    return count;
}
