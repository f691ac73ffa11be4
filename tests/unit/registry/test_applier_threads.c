/* SPDX-License-Identifier: Apache-2.0 */
/* Many threads report, stream and change appliers while others look. For the thread sanitizer.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "binrelay/base/log.h"
#include "binrelay/base/memory.h"
#include "check.h"
#include "registry_scene.h"

enum { REPORTERS = 4, ROUNDS = 200, SHARED_ID = 300 };

struct party {
    pthread_t thread;
    struct scene *scene;
    uint32_t server_id;
    atomic_bool *is_over;
};

static struct applier_registry *east(const struct party *party)
{
    return party->scene->appliers[SCENE_EAST];
}

/* Its own never goes back; the one that all report for may be ahead of it. */
static void *report_all(void *context)
{
    const struct party *party = context;
    struct error error;

    for (uint64_t round = 0; round < ROUNDS; round++) {
        uint64_t epoch = 1 + round * 60 / ROUNDS;
        struct heartbeat_row row = {
            .server_id = SHARED_ID, .has_applied_epoch = true, .applied_epoch = epoch};
        enum status status = STATUS_OK;

        CHECK_OK(
            applier_registry_report(east(party), party->server_id, epoch, REPORT_POLL, &error),
            &error);
        status = report_router_take_row(registry_reports(party->scene->registry), &row,
                                        REPORT_ENDPOINT, &error);
        CHECK(status == STATUS_OK || status == STATUS_INVALID);
        applier_registry_stream_began(east(party), party->server_id,
                                      (struct binlog_position){1, 4 + round});
        applier_registry_seen(east(party), SHARED_ID);
        applier_registry_stream_ended(east(party), party->server_id,
                                      (struct binlog_position){1, 5 + round});
    }
    return NULL;
}

static void *change(void *context)
{
    const struct party *party = context;
    struct applier_setting setting = {.server_id = 500, .group = "west"};
    struct error error;

    while (!atomic_load(party->is_over)) {
        setting.is_required = !setting.is_required;
        CHECK_OK(applier_registry_add(east(party), &setting, &error), &error);
        CHECK_OK(applier_registry_lose(east(party), 500, &error), &error);
        CHECK_OK(applier_registry_set_epoch(east(party), 500, 20, &error), &error);
        CHECK_OK(applier_registry_forget(east(party), 500, &error), &error);
    }
    return NULL;
}

static void *look(void *context)
{
    const struct party *party = context;
    uint64_t last = 0;

    while (!atomic_load(party->is_over)) {
        autofree struct log_hold *holds = NULL;
        struct applier_facts *facts = NULL;
        size_t count = applier_registry_list(east(party), &facts);
        uint64_t shared = 0;

        for (size_t at = 0; at < count; at++) {
            shared = facts[at].server_id == SHARED_ID ? facts[at].applied.epoch : shared;
        }
        applier_facts_free(facts, count);
        CHECK(shared >= last);
        last = shared;
        (void)applier_registry_holds(east(party), &holds);
        (void)applier_registry_group_applied(east(party), "west");
    }
    return NULL;
}

static void reports_changes_and_looks_go_together(void)
{
    struct party parties[REPORTERS + 2];
    atomic_bool is_over = false;
    struct scene scene;

    scene_open(&scene);
    scene_add(&scene, SHARED_ID, NULL, true);
    for (uint32_t at = 0; at < REPORTERS + 2; at++) {
        void *(*run)(void *) = at < REPORTERS ? report_all : at == REPORTERS ? change : look;

        parties[at] =
            (struct party){.scene = &scene, .server_id = 201 + at, .is_over = &is_over};
        scene_add(&scene, 201 + at, "west", true);
        CHECK(pthread_create(&parties[at].thread, NULL, run, &parties[at]) == 0);
    }
    for (uint32_t at = 0; at < REPORTERS; at++) {
        CHECK(pthread_join(parties[at].thread, NULL) == 0);
    }
    atomic_store(&is_over, true);
    CHECK(pthread_join(parties[REPORTERS].thread, NULL) == 0);
    CHECK(pthread_join(parties[REPORTERS + 1].thread, NULL) == 0);
    scene_restart(&scene);
    for (uint32_t at = 0; at < REPORTERS; at++) {
        CHECK(scene_facts(&scene, 201 + at).applied.epoch == 60);
    }
    CHECK(scene_facts(&scene, SHARED_ID).applied.epoch == 60);
    CHECK(!applier_registry_knows(scene.appliers[SCENE_EAST], 500));
    scene_close(&scene);
}

int main(void)
{
    log_set_level(LOG_ERROR); /* of two that report for one, the slower is refused */
    reports_changes_and_looks_go_together();
    return 0;
}
