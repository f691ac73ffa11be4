/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random steps against a model that says, after each, who is known and what
 * each holds: the model keeps lists and looks through them. Seed and number of
 * steps are arguments: test_applier_model [SEED [STEPS]].
 */
#include <stdio.h>
#include <stdlib.h>

#include "applier_model.h"
#include "binrelay/base/log.h"
#include "binrelay/base/memory.h"
#include "check.h"

enum {
    SEED = 20261121,
    STEPS = 10000,
    MOST_EPOCHS = STEPS,
    FIRST_ID = 201, /* and seven more; every other one may be in a group */
    DAY_SEC = 24 * 60 * 60,
    USEC_IN_SEC = 1000000,
};

static unsigned pick(struct model *model, unsigned most)
{
    return (unsigned)rand_r(&model->seed) % most;
}

static struct applier_registry *east(struct model *model)
{
    return model->scene.appliers[SCENE_EAST];
}

static struct scene_log *log_of(struct model *model)
{
    return &model->scene.logs[SCENE_EAST];
}

/* ---- the log ---- */

static void add_epoch(struct model *model)
{
    struct scene_log *log = log_of(model);

    CHECK(model->count < MOST_EPOCHS);
    if (log->file == 0 || pick(model, 5) == 0) {
        scene_log_file(log);
    }
    if (model->count > 0 && pick(model, 30) == 0) {
        scene_log_gap(log);
    }
    if (model->count > 0 && pick(model, 60) == 0) {
        model->newest.incarnation++;
        model->newest.epoch = 1 + pick(model, (unsigned)model->newest.epoch);
    } else {
        model->newest.epoch += 1 + pick(model, 4);
    }
    model->epochs[model->count++] = (struct model_epoch){
        .key = model->newest, .end = scene_log_epoch(log, model->newest.epoch)};
}

static void purge(struct model *model)
{
    /* Not the file of the newest epoch: one epoch is here always. */
    uint64_t before = model->epochs[model->count - 1].end.file;

    if (before > model->first_file) {
        before = model->first_file + 1 + pick(model, (unsigned)(before - model->first_file));
        before = before > model->epochs[model->count - 1].end.file
                     ? model->epochs[model->count - 1].end.file
                     : before;
        scene_log_purge(log_of(model), before);
        model->first_file = before;
    }
}

/* ---- what a report is ---- */

/* Mostly something near. */
static uint64_t pick_epoch(struct model *model, const struct model_applier *applier)
{
    switch (pick(model, 6)) {
    case 0:
        return pick(model, (unsigned)model->newest.epoch + 3);
    case 1:
        return model->newest.epoch + pick(model, 2);
    case 2:
        return model->epochs[pick(model, (unsigned)model->count)].key.epoch;
    default:
        return applier->applied.epoch + pick(model, 6);
    }
}

static void sign(struct model *model, struct model_applier *applier)
{
    applier->is_seen = true;
    applier->is_expired = false;
    applier->sign_sec = model->now_sec;
}

static void report(struct model *model, uint32_t number)
{
    struct model_applier *applier = &model->appliers[number];
    uint64_t epoch = pick_epoch(model, applier);
    enum report_way way = (enum report_way)(1 + pick(model, REPORT_WAY_COUNT - 1));
    struct epoch_key meant = {0};
    struct error error;
    enum status status =
        applier_registry_report(east(model), FIRST_ID + number, epoch, way, &error);

    if (!applier->is_known || !model_find_meant(model, applier, epoch, &meant)) {
        CHECK(status == STATUS_INVALID);
        return;
    }
    CHECK_OK(status, &error);
    applier->applied = meant;
    if (model_is_place(model, meant)) {
        applier->is_lost = false;
        applier->regained = (struct binlog_position){0};
    }
    sign(model, applier);
}

/* ---- streams ---- */

static struct binlog_position pick_place(struct model *model)
{
    size_t first = model_first_here(model);

    return model->epochs[first + pick(model, (unsigned)(model->count - first))].end;
}

static bool is_before(struct binlog_position left, struct binlog_position right)
{
    return binlog_position_compare(left, right) < 0;
}

static void begin_stream(struct model *model, uint32_t number)
{
    struct model_applier *applier = &model->appliers[number];
    struct binlog_position from = pick_place(model);

    applier_registry_stream_began(east(model), FIRST_ID + number, from);
    if (!applier->is_known) {
        return;
    }
    if (applier->is_lost ||
        (applier->regained.file != 0 && is_before(from, applier->regained))) {
        applier->regained = from;
    }
    applier->is_lost = false;
    if (applier->streams == 0 || is_before(from, applier->sent)) {
        applier->sent = from;
    }
    applier->streams++;
    sign(model, applier);
}

static void go_on_with_stream(struct model *model, uint32_t number, bool ends)
{
    struct model_applier *applier = &model->appliers[number];
    struct binlog_position got = pick_place(model);

    if (ends) {
        applier_registry_stream_ended(east(model), FIRST_ID + number, got);
    } else {
        applier_registry_stream_got(east(model), FIRST_ID + number, got);
    }
    if (!applier->is_known || applier->streams == 0) {
        return;
    }
    if (applier->streams == 1 || is_before(got, applier->sent)) {
        applier->sent = got;
    }
    applier->streams -= ends ? 1 : 0;
    sign(model, applier);
}

/* ---- by hand ---- */

static bool has_members(const struct model *model)
{
    bool has = false;

    for (uint32_t number = 0; number < MODEL_IDS; number++) {
        has |= model->appliers[number].is_known && model->appliers[number].is_grouped;
    }
    return has;
}

static void add(struct model *model, uint32_t number)
{
    struct model_applier *applier = &model->appliers[number];
    uint64_t expire_sec = pick(model, 2) == 0 ? 0 : 3600;
    struct applier_setting setting = {.server_id = FIRST_ID + number,
                                      .group = number % 2 == 1 ? "west" : NULL,
                                      .is_required = pick(model, 2) == 0,
                                      .expire_after_usec = expire_sec * USEC_IN_SEC};
    struct error error;

    CHECK_OK(applier_registry_add(east(model), &setting, &error), &error);
    if (!applier->is_known) {
        *applier = (struct model_applier){.is_known = true, .sign_sec = model->now_sec};
    }
    if (applier->expire_sec != expire_sec) {
        applier->is_expired = false;
        applier->sign_sec = model->now_sec;
    }
    applier->expire_sec = expire_sec;
    applier->is_registered = false;
    applier->is_required = setting.is_required;
    if (model->scene.shares_groups && setting.group != NULL && !applier->is_grouped &&
        has_members(model)) {
        applier->applied = (struct epoch_key){0}; /* it was another target's */
    }
    applier->is_grouped = setting.group != NULL;
}

static void enroll(struct model *model, uint32_t number)
{
    struct model_applier *applier = &model->appliers[number];

    scene_register(&model->scene, FIRST_ID + number);
    if (!applier->is_known) {
        *applier = (struct model_applier){
            .is_known = true, .is_registered = true, .expire_sec = DAY_SEC};
    }
    sign(model, applier);
}

static void forget(struct model *model, uint32_t number)
{
    struct error error;

    CHECK(applier_registry_forget(east(model), FIRST_ID + number, &error) ==
          (model->appliers[number].is_known ? STATUS_OK : STATUS_NOT_FOUND));
    model->appliers[number] = (struct model_applier){0};
}

static void take_back(struct model *model, struct model_applier *applier, struct epoch_key key)
{
    applier->applied = key;
    applier->is_lost = false;
    applier->regained = (struct binlog_position){0};
    applier->is_expired = false;
    applier->sign_sec = model->now_sec;
}

static void set_epoch(struct model *model, uint32_t number)
{
    struct model_applier *applier = &model->appliers[number];
    struct epoch_key key = {0};

    if (!applier->is_known) {
        return;
    }
    if (pick(model, 4) != 0) {
        /* One that is here, in the newest incarnation that can go on from it. */
        size_t first = model_first_here(model);
        size_t at = first + pick(model, (unsigned)(model->count - first));

        if (model->epochs[at].key.incarnation != model->newest.incarnation) {
            return;
        }
        key = model->epochs[at].key;
    }
    scene_set_epoch(&model->scene, FIRST_ID + number, key.epoch);
    take_back(model, applier, key);
    for (uint32_t other = 0; other < MODEL_IDS; other++) {
        struct model_applier *member = &model->appliers[other];

        if (model->scene.shares_groups && applier->is_grouped && member->is_known &&
            member->is_grouped && epoch_key_compare(member->applied, key) > 0) {
            take_back(model, member, key);
        }
    }
}

static void lose(struct model *model, uint32_t number)
{
    struct model_applier *applier = &model->appliers[number];

    if (applier->is_known) {
        scene_lose(&model->scene, FIRST_ID + number);
        applier->is_lost = true;
        applier->regained = (struct binlog_position){0};
    }
}

/* ---- time ---- */

static void pass(struct model *model)
{
    uint64_t sec = pick(model, 4) == 0 ? DAY_SEC + 1 : pick(model, 2000);

    scene_pass(&model->scene, sec);
    model->now_sec += sec;
}

static void restart(struct model *model)
{
    scene_restart(&model->scene);
    for (uint32_t number = 0; number < MODEL_IDS; number++) {
        model->appliers[number].streams = 0;
        model->appliers[number].sign_sec = model->now_sec;
    }
}

/* ---- what must be ---- */

static void note_expiry(struct model *model)
{
    for (uint32_t number = 0; number < MODEL_IDS; number++) {
        struct model_applier *applier = &model->appliers[number];

        if (applier->streams == 0 && applier->expire_sec != 0 && applier->is_seen &&
            model->now_sec - applier->sign_sec > applier->expire_sec) {
            applier->is_expired = true;
        }
    }
}

static void check_all(struct model *model)
{
    autofree struct log_hold *holds = NULL;
    size_t count = applier_registry_holds(east(model), &holds);
    size_t wanted = 0;

    note_expiry(model);
    for (uint32_t number = 0; number < MODEL_IDS; number++) {
        const struct model_applier *applier = &model->appliers[number];
        struct binlog_position from;
        size_t at = 0;

        CHECK(applier_registry_knows(east(model), FIRST_ID + number) == applier->is_known);
        if (model_must_hold(model, applier, &from)) {
            while (at < count && holds[at].server_id != FIRST_ID + number) {
                at++;
            }
            CHECK(at < count && binlog_position_compare(holds[at].from, from) == 0);
            wanted++;
        }
    }
    CHECK(count == wanted);
    CHECK(epoch_key_compare(applier_registry_group_applied(east(model), "west"),
                            model_group_applied(model)) == 0);
}

static void step(struct model *model)
{
    uint32_t number = pick(model, MODEL_IDS);
    unsigned what = pick(model, 100);

    if (what < 12) {
        add_epoch(model);
    } else if (what < 50) {
        report(model, number);
    } else if (what < 60) {
        begin_stream(model, number);
    } else if (what < 78) {
        go_on_with_stream(model, number, what < 68);
    } else if (what < 84) {
        pass(model);
    } else if (what < 88) {
        add(model, number);
    } else if (what < 91) {
        enroll(model, number);
    } else if (what < 93) {
        forget(model, number);
    } else if (what < 95) {
        set_epoch(model, number);
    } else if (what < 97) {
        lose(model, number);
    } else if (what < 99) {
        purge(model);
    } else {
        restart(model);
    }
}

static void holds_what_the_model_says(unsigned seed, unsigned steps, bool shares_groups)
{
    struct model model = {.seed = seed, .newest = {.incarnation = 1}, .first_file = 1};

    fprintf(stderr, "seed %u, %u steps%s\n", seed, steps,
            shares_groups ? ", groups share a place" : "");
    model.epochs = mem_zeroed(MOST_EPOCHS * sizeof(*model.epochs));
    scene_prepare(&model.scene);
    model.scene.shares_groups = shares_groups;
    scene_start(&model.scene);
    add_epoch(&model);
    for (unsigned at = 0; at < steps; at++) {
        step(&model);
        check_all(&model);
    }
    scene_close(&model.scene);
    free(model.epochs);
}

int main(int count, char **arguments)
{
    unsigned seed = count > 1 ? (unsigned)strtoul(arguments[1], NULL, 10) : SEED;
    unsigned steps = count > 2 ? (unsigned)strtoul(arguments[2], NULL, 10) : STEPS;

    log_set_level(LOG_ERROR); /* what is refused and lost here is meant to be */
    CHECK(steps <= MOST_EPOCHS);
    holds_what_the_model_says(seed, steps / 2, false);
    holds_what_the_model_says(seed + 1, steps / 2, true);
    return 0;
}
