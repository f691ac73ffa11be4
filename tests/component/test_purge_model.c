/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Anything may happen, in any order, and a model says after each step which
 * files must still be there: no file is gone that was needed, and none is left
 * that is old enough and that nobody needs (S3).
 *
 *     component_test_purge_model [SEED [STEPS]]
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "binrelay/base/log.h"
#include "check.h"
#include "purge_model.h"

enum { STEPS = 12000, FIRST_STRANGER = 900, STRANGERS = 3, EPOCH_STEP = 10 };

static const uint64_t second = 1000000;
static const uint64_t day = UINT64_C(86400) * 1000000;

static uint64_t below(struct model *model, uint64_t limit)
{
    return model_between(model, 0, limit - 1);
}

/* After each step. */
static void look_and_check(struct model *model)
{
    uint64_t first = model->first;

    model_note_expiry(model);
    if (model->rig->settings.is_automatic && model_knows_somebody(model)) {
        first = model_expect_first(model, UINT64_MAX);
    }
    purger_look(model->rig->purger);
    CHECK(purge_rig_first(model->rig) == first);
    model_advance(model, first);
    model_check_files(model);
}

/* ---- what happens ---- */

static void give_sign(struct model *model, struct model_applier *applier)
{
    applier->is_seen = true;
    applier->is_expired = false;
    applier->sign_usec = model_now(model);
}

static void add_epochs(struct model *model)
{
    purge_rig_add_epochs(model->rig, (unsigned)model_between(model, 1, 3));
}

static void add_file(struct model *model)
{
    purge_rig_add_file(model->rig, (unsigned)model_between(model, 1, 2));
}

static void pass_time(struct model *model)
{
    purge_rig_pass(model->rig, model_between(model, 1, 60) * second);
}

/* The oldest epoch that ends in a file that is there. */
static uint64_t oldest_epoch(const struct model *model)
{
    uint64_t epoch = model->rig->new_epoch;

    while (epoch > EPOCH_STEP &&
           purge_rig_end_of(model->rig, epoch - EPOCH_STEP).file >= model->first) {
        epoch -= EPOCH_STEP;
    }
    return epoch;
}

static uint64_t some_epoch(struct model *model, uint64_t least)
{
    uint64_t oldest = oldest_epoch(model);

    least = least > oldest ? least : oldest;
    return model_between(model, least / EPOCH_STEP, model->rig->new_epoch / EPOCH_STEP) *
           EPOCH_STEP;
}

static void report(struct model *model)
{
    size_t at = below(model, MODEL_APPLIERS);
    struct model_applier *applier = &model->appliers[at];
    uint64_t epoch = some_epoch(model, applier->applied);

    if (applier->is_known) {
        purge_rig_report(model->rig, model_id(at), epoch);
        applier->applied = epoch;
        applier->is_lost = false;
        give_sign(model, applier);
    }
}

static void report_wrongly(struct model *model)
{
    size_t at = below(model, MODEL_APPLIERS);
    uint64_t applied = model->appliers[at].applied;
    uint64_t wrong[] = {0, model->rig->new_epoch + EPOCH_STEP,
                        applied > EPOCH_STEP ? applied - EPOCH_STEP : 0};
    struct error error;

    CHECK(applier_registry_report(model->rig->appliers, model_id(at), wrong[below(model, 3)],
                                  REPORT_ENDPOINT, &error) == STATUS_INVALID);
}

static void go_back(struct model *model)
{
    size_t at = below(model, MODEL_APPLIERS);
    struct model_applier *applier = &model->appliers[at];
    uint64_t epoch = some_epoch(model, 0);
    struct error error;

    if (applier->is_known) {
        CHECK_OK(applier_registry_set_epoch(model->rig->appliers, model_id(at), epoch, &error),
                 &error);
        applier->applied = epoch;
        applier->is_lost = false;
        applier->is_expired = false;
        applier->sign_usec = model_now(model);
    }
}

static void add_applier(struct model *model)
{
    size_t at = below(model, MODEL_FIRST_REGISTERED - MODEL_FIRST_APPLIER);
    struct model_applier *applier = &model->appliers[at];
    bool is_required = below(model, 4) == 0;
    uint64_t expire_after_usec = below(model, 2) * 600 * second;

    purge_rig_add_applier(model->rig, model_id(at), is_required, expire_after_usec);
    if (!applier->is_known || applier->expire_after_usec != expire_after_usec) {
        applier->is_expired = false;
        applier->sign_usec = model_now(model);
    }
    applier->is_known = true;
    applier->is_required = is_required;
    applier->expire_after_usec = expire_after_usec;
}

static void register_applier(struct model *model)
{
    size_t at =
        model_between(model, MODEL_FIRST_REGISTERED - MODEL_FIRST_APPLIER, MODEL_APPLIERS - 1);
    struct model_applier *applier = &model->appliers[at];
    struct error error;

    CHECK_OK(applier_registry_register(model->rig->appliers, model_id(at), &error), &error);
    if (!applier->is_known) {
        *applier = (struct model_applier){
            .is_known = true, .is_registered = true, .expire_after_usec = day};
    }
    give_sign(model, applier);
}

static void forget_applier(struct model *model)
{
    size_t at = below(model, MODEL_APPLIERS);
    struct error error;
    enum status status = applier_registry_forget(model->rig->appliers, model_id(at), &error);

    CHECK(status == (model->appliers[at].is_known ? STATUS_OK : STATUS_NOT_FOUND));
    model->appliers[at] = (struct model_applier){0};
}

static void put_pin(struct model *model)
{
    size_t at = below(model, MODEL_PINS);
    char name[] = {'p', 'i', 'n', (char)('0' + at), '\0'};
    uint64_t epoch = some_epoch(model, 0);
    uint64_t ttl_usec = below(model, 2) * 120 * second;

    if (!model->pins[at].is_there) {
        purge_rig_pin(model->rig, name, epoch, ttl_usec);
        model->pins[at] =
            (struct model_pin){.is_there = true,
                               .epoch = epoch,
                               .expires_usec = ttl_usec == 0 ? 0 : model_now(model) + ttl_usec};
    }
}

static void remove_pin(struct model *model)
{
    size_t at = below(model, MODEL_PINS);
    char name[] = {'p', 'i', 'n', (char)('0' + at), '\0'};
    struct error error;
    enum status status = pin_table_remove(model->rig->pins, name, &error);

    CHECK(status == (model->pins[at].is_there ? STATUS_OK : STATUS_NOT_FOUND));
    model->pins[at] = (struct model_pin){0};
}

/* ---- streams ---- */

static struct model_applier *find_applier(struct model *model, uint32_t server_id)
{
    for (size_t at = 0; at < MODEL_APPLIERS; at++) {
        if (model_id(at) == server_id && model->appliers[at].is_known) {
            return &model->appliers[at];
        }
    }
    return NULL;
}

/* Behind an epoch, at a file's beginning, at its last byte, or behind that. */
static struct binlog_position some_place(struct model *model)
{
    uint64_t file = model_between(model, model->first, model->rig->file);

    switch (below(model, 4)) {
    case 0:
        return (struct binlog_position){file, 4};
    case 1:
        return (struct binlog_position){file, model->rig->file_bytes[file] - 1};
    case 2:
        return (struct binlog_position){file, model->rig->file_bytes[file]};
    default:
        return purge_rig_end_of(model->rig, some_epoch(model, 0));
    }
}

static void begin_stream(struct model *model)
{
    uint32_t server_id = below(model, 2) == 0
                             ? model_id(below(model, MODEL_APPLIERS))
                             : (uint32_t)below(model, STRANGERS) + FIRST_STRANGER;
    struct model_applier *applier = find_applier(model, server_id);
    struct rig_stream *stream = NULL;

    if (server_id == FIRST_STRANGER) {
        server_id = 0; /* a client that says nothing of itself */
    }
    if (applier != NULL && (applier->is_lost || applier->streams > 0)) {
        return;
    }
    stream = purge_rig_stream(model->rig, server_id, some_place(model));
    if (stream == NULL) {
        return;
    }
    model->given_before[stream - model->rig->streams] = 0;
    if (applier == NULL) {
        return;
    }
    applier->sent = stream->from;
    applier->streams++;
    give_sign(model, applier);
}

static void move_stream(struct model *model)
{
    struct rig_stream *stream = &model->rig->streams[below(model, RIG_MOST_STREAMS)];
    struct model_applier *applier = find_applier(model, stream->server_id);
    struct binlog_position place = some_place(model);

    if (stream->session == 0 || stream->ended_usec != 0 || stream->is_dropped ||
        binlog_position_compare(place, stream->from) < 0) {
        return;
    }
    purge_rig_move(model->rig, stream, place);
    if (applier != NULL && applier->streams > 0) {
        applier->sent = place;
        give_sign(model, applier);
    }
}

static void end_stream(struct model *model)
{
    struct rig_stream *stream = &model->rig->streams[below(model, RIG_MOST_STREAMS)];
    struct model_applier *applier = find_applier(model, stream->server_id);

    if (stream->session == 0) {
        return;
    }
    if (stream->ended_usec != 0) {
        if (model_now(model) - stream->ended_usec >= 600 * second || stream->is_dropped) {
            *stream = (struct rig_stream){0}; /* long ago */
        }
        return;
    }
    purge_rig_end(model->rig, stream);
    if (applier != NULL && applier->streams > 0) {
        applier->sent = stream->from;
        applier->streams--;
        give_sign(model, applier);
    }
}

/* ---- purges ---- */

static void change_settings(struct model *model)
{
    struct purge_settings *settings = &model->rig->settings;

    settings->is_automatic = below(model, 5) != 0;
    settings->min_age_usec = below(model, 2) * 90 * second;
    settings->min_files = below(model, 3) == 0 ? 4 : 1;
    purger_set_settings(model->rig->purger, settings);
}

static void purge_by_hand(struct model *model)
{
    uint64_t before = model_between(model, model->first, model->rig->file);
    struct purge_request request = {.before_file = before, .is_dry_run = below(model, 4) == 0};
    struct purge_outcome outcome;
    struct error error;
    enum status status = STATUS_OK;
    bool is_denied = false;
    uint64_t first = 0;

    model_note_expiry(model);
    is_denied = before > model->first && model_is_needed(model, before - 1);
    first = is_denied ? model->first : model_expect_first(model, before);
    status = purger_purge(model->rig->purger, &request, &outcome, &error);
    CHECK(status == (is_denied && !request.is_dry_run ? STATUS_DENIED : STATUS_OK));
    CHECK(outcome.first == first && outcome.files == first - model->first);
    CHECK((outcome.blocker_count > 0) == (first < before));
    CHECK(purge_rig_first(model->rig) == (request.is_dry_run ? model->first : first));
    model->denied += is_denied;
    if (!request.is_dry_run) {
        model_advance(model, first);
    }
    purge_outcome_release(&outcome);
}

/* All whose need is in front of the number: they lose it. Returns how many. */
static size_t take_from(struct model *model, uint64_t before, bool dropped[RIG_MOST_STREAMS])
{
    const struct purge_rig *rig = model->rig;
    uint32_t ids[MODEL_APPLIERS + RIG_MOST_STREAMS];
    struct binlog_position from;
    size_t id_count = 0;
    size_t losers = 0;

    for (size_t at = 0; at < RIG_MOST_STREAMS; at++) {
        if (model_stream_hold(model, at) &&
            model_needs(model, rig->streams[at].from, before - 1)) {
            losers++;
            ids[id_count++] = rig->streams[at].server_id;
            if (rig->streams[at].server_id == 0) {
                model->given_before[at] = before;
            }
        }
    }
    for (size_t at = 0; at < MODEL_APPLIERS; at++) {
        if (model_applier_hold(model, &model->appliers[at], &from) &&
            model_needs(model, from, before - 1)) {
            losers++;
            ids[id_count++] = model_id(at);
            model->appliers[at].is_lost = true;
        }
    }
    for (size_t at = 0; at < MODEL_PINS; at++) {
        losers += model_pin_hold(model, at, &from) && model_needs(model, from, before - 1);
    }
    for (size_t at = 0; at < RIG_MOST_STREAMS; at++) {
        dropped[at] = rig->streams[at].is_dropped;
        for (size_t id = 0; id < id_count; id++) {
            dropped[at] = dropped[at] || (rig->streams[at].session != 0 && ids[id] != 0 &&
                                          rig->streams[at].server_id == ids[id]);
        }
    }
    return losers;
}

static void purge_by_force(struct model *model)
{
    uint64_t before = model_between(model, model->first, model->rig->file);
    struct purge_request request = {.before_file = before, .is_forced = true};
    bool dropped[RIG_MOST_STREAMS] = {0};
    struct purge_outcome outcome;
    struct error error;
    size_t losers = 0;

    if (before == model->first || below(model, 2) == 0) {
        return; /* often enough */
    }
    model_note_expiry(model);
    losers = take_from(model, before, dropped);
    CHECK_OK(purger_purge(model->rig->purger, &request, &outcome, &error), &error);
    CHECK(outcome.first == before && outcome.files == before - model->first);
    CHECK(outcome.loser_count == losers);
    CHECK(purge_rig_first(model->rig) == before);
    for (size_t at = 0; at < RIG_MOST_STREAMS; at++) {
        CHECK(model->rig->streams[at].is_dropped == dropped[at]);
    }
    purge_outcome_release(&outcome);
    model_advance(model, before);
    model->forced++;
}

/* A look while the disk fails at one of its next operations. */
static void fail(struct model *model)
{
    uint64_t most = 0;
    uint64_t first = 0;

    model_note_expiry(model);
    most = model_expect_first(model, UINT64_MAX);
    fake_disk_fail_at(model->rig->disk,
                      fake_disk_operations(model->rig->disk) + model_between(model, 1, 12),
                      FAKE_FAULT_EIO);
    purger_look(model->rig->purger);
    fake_disk_fail_at(model->rig->disk, 0, FAKE_FAULT_EIO);
    first = purge_rig_first(model->rig);
    CHECK(first >= model->first && first <= most);
    model_advance(model, first);
    purge_rig_pass(model->rig, 100 * second); /* until it is tried again */
}

static void restart(struct model *model)
{
    purge_rig_restart(model->rig);
    for (size_t at = 0; at < MODEL_APPLIERS; at++) {
        model->appliers[at].streams = 0;
        model->appliers[at].sign_usec = model_now(model);
    }
    memset(model->given_before, 0, sizeof(model->given_before));
}

static const struct {
    void (*happen)(struct model *model);
    unsigned weight;
} actions[] = {
    {add_epochs, 6},     {add_file, 10},  {pass_time, 12},      {report, 26},
    {report_wrongly, 2}, {go_back, 1},    {add_applier, 3},     {register_applier, 2},
    {forget_applier, 3}, {put_pin, 2},    {remove_pin, 4},      {begin_stream, 6},
    {move_stream, 10},   {end_stream, 6}, {change_settings, 1}, {purge_by_hand, 4},
    {purge_by_force, 1}, {fail, 2},       {restart, 1},
};

enum { ACTIONS = sizeof(actions) / sizeof(actions[0]) };

static void step(struct model *model)
{
    uint64_t total = 0;
    uint64_t chosen = 0;
    size_t at = 0;

    for (size_t action = 0; action < ACTIONS; action++) {
        total += actions[action].weight;
    }
    chosen = below(model, total);
    while (chosen >= actions[at].weight) {
        chosen -= actions[at++].weight;
    }
    actions[at].happen(model);
    look_and_check(model);
}

static void files_go_when_nobody_needs_them_and_not_before(uint64_t seed, unsigned long steps)
{
    struct model model = {.rig = purge_rig_new(), .random = seed, .first = 1};

    fprintf(stderr, "seed %" PRIu64 ", %lu steps\n", seed, steps);
    purge_rig_add_file(model.rig, 1);
    for (unsigned long at = 0; at < steps; at++) {
        step(&model);
    }
    fprintf(stderr, "%lu files purged of %" PRIu64 ", %lu forced, %lu denied\n", model.purged,
            model.rig->file, model.forced, model.denied);
    CHECK(model.purged > steps / 40); /* else the actions are not worth much */
    CHECK(model.forced > steps / 1000 && model.denied > steps / 1000);
    purge_rig_free(model.rig);
}

int main(int count, char **arguments)
{
    uint64_t seed = count > 1 ? strtoull(arguments[1], NULL, 10) : 20261121;
    unsigned long steps = count > 2 ? strtoul(arguments[2], NULL, 10) : STEPS;

    log_set_level(LOG_ERROR);
    files_go_when_nobody_needs_them_and_not_before(seed == 0 ? 1 : seed, steps);
    return 0;
}
