/* SPDX-License-Identifier: Apache-2.0 */
#include "applier_model.h"

size_t model_first_here(const struct model *model)
{
    size_t at = 0;

    while (model->epochs[at].end.file < model->first_file) {
        at++;
    }
    return at;
}

struct binlog_position model_place_of(const struct model *model, struct epoch_key key)
{
    struct binlog_position place = {.file = model->first_file, .offset = 4};

    for (size_t at = model_first_here(model); at < model->count; at++) {
        if (epoch_key_compare(model->epochs[at].key, key) <= 0) {
            place = model->epochs[at].end;
        }
    }
    return place;
}

bool model_is_place(const struct model *model, struct epoch_key key)
{
    size_t first = model_first_here(model);

    return epoch_key_compare(model->epochs[first].key, key) <= 0 ||
           (first > 0 && epoch_key_compare(model->epochs[first - 1].key, key) == 0);
}

/* An incarnation can have had the number: it is within what is here of it; of the first one
 * here it may be before that. */
static bool can_be(const struct model *model, struct epoch_key key)
{
    size_t first = model_first_here(model);
    bool has_floor = model->epochs[first].key.incarnation == key.incarnation;
    bool has_ceiling = false;

    for (size_t at = first; at < model->count; at++) {
        if (model->epochs[at].key.incarnation == key.incarnation) {
            has_floor = has_floor || model->epochs[at].key.epoch <= key.epoch;
            has_ceiling = has_ceiling || model->epochs[at].key.epoch >= key.epoch;
        }
    }
    return has_floor && has_ceiling;
}

bool model_find_meant(const struct model *model,
                      const struct model_applier *applier,
                      uint64_t epoch,
                      struct epoch_key *meant)
{
    uint32_t first = model->epochs[model_first_here(model)].key.incarnation;

    /* The same again means the same, be its incarnation gone. */
    if (epoch != 0 && epoch == applier->applied.epoch && applier->applied.incarnation < first) {
        *meant = applier->applied;
        return true;
    }
    for (uint32_t incarnation = 1; incarnation <= model->newest.incarnation; incarnation++) {
        *meant = (struct epoch_key){incarnation, epoch};
        if (epoch != 0 && can_be(model, *meant) &&
            (applier->applied.epoch == 0 || epoch_key_compare(*meant, applier->applied) >= 0)) {
            return true;
        }
    }
    return false;
}

struct epoch_key model_group_applied(const struct model *model)
{
    struct epoch_key highest = {0};

    for (uint32_t number = 0; number < MODEL_IDS; number++) {
        const struct model_applier *member = &model->appliers[number];

        if (member->is_known && member->is_grouped &&
            epoch_key_compare(member->applied, highest) > 0) {
            highest = member->applied;
        }
    }
    return highest;
}

bool model_must_hold(const struct model *model,
                     const struct model_applier *applier,
                     struct binlog_position *from)
{
    struct epoch_key of_group = model_group_applied(model);

    *from = (struct binlog_position){0};
    if (!applier->is_known || applier->is_lost ||
        (applier->is_expired && applier->streams == 0 && applier->expire_sec != 0)) {
        return false;
    }
    if (model->scene.shares_groups && applier->is_grouped && of_group.epoch != 0) {
        *from = model_place_of(model, of_group);
    } else if (applier->regained.file != 0) {
        *from = applier->regained;
    } else if (applier->applied.epoch != 0) {
        *from = model_place_of(model, applier->applied);
    } else if (!applier->is_required && applier->sent.file != 0) {
        *from = applier->sent;
    } else {
        return applier->is_required || applier->is_registered;
    }
    return true;
}
