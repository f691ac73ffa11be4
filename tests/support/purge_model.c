/* SPDX-License-Identifier: Apache-2.0 */
#include "purge_model.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "binrelay/base/memory.h"
#include "check.h"

static uint64_t next_random(struct model *model)
{
    model->random ^= model->random << 13;
    model->random ^= model->random >> 7;
    model->random ^= model->random << 17;
    return model->random;
}

uint64_t model_between(struct model *model, uint64_t low, uint64_t high)
{
    return low + next_random(model) % (high - low + 1);
}

uint64_t model_now(const struct model *model)
{
    return atomic_load(&model->rig->now_usec);
}

/* ---- what the model says ---- */

static bool has_expired(const struct model *model, const struct model_applier *applier)
{
    return applier->streams == 0 && applier->expire_after_usec != 0 && applier->is_seen &&
           (applier->is_expired ||
            model_now(model) - applier->sign_usec > applier->expire_after_usec);
}

bool model_applier_hold(const struct model *model,
                        const struct model_applier *applier,
                        struct binlog_position *from)
{
    *from = (struct binlog_position){0};
    if (!applier->is_known || applier->is_lost || has_expired(model, applier)) {
        return false;
    }
    if (applier->applied != 0) {
        *from = purge_rig_needed_behind(model->rig, applier->applied);
        return true;
    }
    if (applier->is_required) {
        return true;
    }
    *from = applier->sent;
    return applier->sent.file != 0 || applier->is_registered;
}

bool model_stream_hold(const struct model *model, size_t at)
{
    const struct rig_stream *stream = &model->rig->streams[at];

    return stream->session != 0 && !stream->is_dropped &&
           stream->from.file >= model->given_before[at] &&
           (stream->ended_usec == 0 ||
            model_now(model) - stream->ended_usec < model->rig->settings.min_age_usec);
}

bool model_pin_hold(const struct model *model, size_t at, struct binlog_position *from)
{
    const struct model_pin *pin = &model->pins[at];

    *from = purge_rig_needed_behind(model->rig, pin->epoch);
    return pin->is_there && !pin->is_expired;
}

bool model_needs(const struct model *model, struct binlog_position place, uint64_t file)
{
    return place.file < file ||
           (place.file == file && place.offset < model->rig->file_bytes[file]);
}

bool model_is_needed(const struct model *model, uint64_t file)
{
    struct binlog_position from;

    for (size_t at = 0; at < MODEL_APPLIERS; at++) {
        if (model_applier_hold(model, &model->appliers[at], &from) &&
            model_needs(model, from, file)) {
            return true;
        }
    }
    for (size_t at = 0; at < MODEL_PINS; at++) {
        if (model_pin_hold(model, at, &from) && model_needs(model, from, file)) {
            return true;
        }
    }
    for (size_t at = 0; at < RIG_MOST_STREAMS; at++) {
        if (model_stream_hold(model, at) &&
            model_needs(model, model->rig->streams[at].from, file)) {
            return true;
        }
    }
    return false;
}

bool model_knows_somebody(const struct model *model)
{
    for (size_t at = 0; at < MODEL_APPLIERS; at++) {
        if (model->appliers[at].is_known) {
            return true;
        }
    }
    return false;
}

uint64_t model_expect_first(const struct model *model, uint64_t before)
{
    const struct purge_rig *rig = model->rig;
    uint64_t first = model->first;

    while (first < before && first < rig->file &&
           rig->file - first + 1 > rig->settings.min_files &&
           model_now(model) - rig->written_usec[first] >= rig->settings.min_age_usec &&
           !model_is_needed(model, first)) {
        first++;
    }
    return first;
}

/* ---- what is there ---- */

static bool is_on_disk(const struct model *model, uint64_t file)
{
    autofree char *path = mem_format("%s/binlog.%06u", model->rig->directory, (unsigned)file);
    struct stat facts;

    return stat(path, &facts) == 0;
}

void model_check_files(struct model *model)
{
    struct binlog_file_facts *files = NULL;
    size_t count = binlog_files_list(model->rig->store, &files);

    CHECK(count == model->rig->file - model->first + 1);
    for (size_t at = 0; at < count; at++) {
        CHECK(files[at].file == model->first + at);
    }
    free(files);
    CHECK(is_on_disk(model, model->first));
    CHECK(is_on_disk(model, model_between(model, model->first, model->rig->file)));
    CHECK(model->first == 1 || !is_on_disk(model, model->first - 1));
}

void model_note_expiry(struct model *model)
{
    for (size_t at = 0; at < MODEL_APPLIERS; at++) {
        model->appliers[at].is_expired =
            model->appliers[at].is_expired || has_expired(model, &model->appliers[at]);
    }
    for (size_t at = 0; at < MODEL_PINS; at++) {
        struct model_pin *pin = &model->pins[at];

        pin->is_expired = pin->is_expired ||
                          (pin->expires_usec != 0 && pin->expires_usec <= model_now(model));
    }
}

void model_advance(struct model *model, uint64_t first)
{
    model->purged += first - model->first;
    model->first = first;
}

uint32_t model_id(size_t applier)
{
    return MODEL_FIRST_APPLIER + (uint32_t)applier;
}
