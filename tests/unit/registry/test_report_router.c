/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/registry/report_router.h"

#include <string.h>

#include "check.h"
#include "registry_scene.h"

enum { EAST_ID = 199, WEST_ID = 299, EAST_SOURCE = 101, WEST_SOURCE = 102 };

/* 201 applies east in group "west"; 301 applies west; 202 both; west has the epochs 100, 200.
 */
static void open_both(struct scene *scene)
{
    const struct applier_setting of_west[] = {{.server_id = 301, .group = "east"},
                                              {.server_id = 202}};
    struct error error;

    scene_open(scene);
    scene_log_file(&scene->logs[SCENE_WEST]);
    (void)scene_log_epoch(&scene->logs[SCENE_WEST], 100);
    (void)scene_log_epoch(&scene->logs[SCENE_WEST], 200);
    scene_add(scene, 201, "west", true);
    scene_add(scene, 202, NULL, false);
    CHECK_OK(applier_registry_configure(scene->appliers[SCENE_WEST], of_west, 2, &error),
             &error);
}

static struct heartbeat_row row_of(uint32_t server_id, uint64_t epoch)
{
    return (struct heartbeat_row){
        .server_id = server_id, .has_applied_epoch = true, .applied_epoch = epoch};
}

static struct heartbeat_row row_of_cluster(uint32_t server_id, uint64_t epoch, uint32_t cluster)
{
    struct heartbeat_row row = row_of(server_id, epoch);

    row.has_source_cluster = true;
    row.source_cluster = cluster;
    return row;
}

/* Check and take say the same. */
static enum status take(struct scene *scene, struct heartbeat_row row, struct error *error)
{
    struct report_router *router = registry_reports(scene->registry);
    enum status checked = report_router_check_row(router, &row, error);
    enum status taken = report_router_take_row(router, &row, REPORT_ENDPOINT, error);

    CHECK(checked == taken);
    return taken;
}

static uint64_t applied(struct scene *scene, int cluster, uint32_t server_id)
{
    struct applier_facts *facts = NULL;
    uint64_t epoch = 0;
    struct error error;

    CHECK_OK(applier_registry_find(scene->appliers[cluster], server_id, &facts, &error),
             &error);
    epoch = facts->applied.epoch;
    CHECK(epoch == 0 || facts->way == REPORT_ENDPOINT || facts->way == REPORT_STATUS);
    applier_facts_free(facts, 1);
    return epoch;
}

static void finds_the_only_cluster_that_knows_the_applier(void)
{
    struct scene scene;
    struct error error;

    open_both(&scene);
    CHECK_OK(take(&scene, row_of(201, 30), &error), &error);
    CHECK_OK(take(&scene, row_of(301, 100), &error), &error);
    CHECK(applied(&scene, SCENE_EAST, 201) == 30 && applied(&scene, SCENE_WEST, 301) == 100);
    CHECK(take(&scene, row_of(999, 30), &error) == STATUS_NOT_FOUND);
    CHECK(strstr(error.message, "999") != NULL);
    CHECK(scene_count_events(&scene, "report.refused", NULL) == 0);
    scene_close(&scene);
}

static void where_two_know_it_the_row_must_say_which(void)
{
    struct scene scene;
    struct error error;

    open_both(&scene);
    CHECK(take(&scene, row_of(202, 30), &error) == STATUS_INVALID);
    CHECK(strstr(error.message, "source_cluster") != NULL);
    CHECK(take(&scene, row_of(202, 40), &error) == STATUS_INVALID);
    CHECK(scene_count_events(&scene, "report.refused", NULL) == 1);
    CHECK_OK(take(&scene, row_of_cluster(202, 30, EAST_ID), &error), &error);
    CHECK(applied(&scene, SCENE_EAST, 202) == 30 && applied(&scene, SCENE_WEST, 202) == 0);
    CHECK_OK(take(&scene, row_of_cluster(202, 40, EAST_SOURCE), &error), &error);
    CHECK(applied(&scene, SCENE_EAST, 202) == 40);
    CHECK_OK(take(&scene, row_of_cluster(202, 200, WEST_ID), &error), &error);
    CHECK(applied(&scene, SCENE_EAST, 202) == 40 && applied(&scene, SCENE_WEST, 202) == 200);
    scene_close(&scene);
}

static void refuses_a_row_of_a_wrong_cluster(void)
{
    struct scene scene;
    struct error error;

    open_both(&scene);
    CHECK(take(&scene, row_of_cluster(201, 30, WEST_ID), &error) == STATUS_INVALID);
    CHECK(strstr(error.message, "no applier of the cluster") != NULL);
    CHECK(take(&scene, row_of_cluster(201, 30, 4711), &error) == STATUS_INVALID);
    CHECK(strstr(error.message, "no cluster here") != NULL);
    CHECK(take(&scene, row_of_cluster(201, 30, WEST_SOURCE), &error) == STATUS_INVALID);
    CHECK(take(&scene, row_of_cluster(999, 30, EAST_ID), &error) == STATUS_NOT_FOUND);
    CHECK(applied(&scene, SCENE_EAST, 201) == 0);
    CHECK(scene_count_events(&scene, "report.refused", NULL) == 1);
    CHECK(take(&scene, row_of(201, 0), &error) == STATUS_INVALID);
    CHECK(take(&scene, row_of(201, 100), &error) == STATUS_INVALID); /* west has it */
    CHECK(scene_count_events(&scene, "report.refused", NULL) == 3);
    scene_close(&scene);
}

static void to_check_causes_no_event(void)
{
    struct heartbeat_row row = row_of(201, 0);
    struct scene scene;
    struct error error;

    open_both(&scene);
    CHECK(report_router_check_row(registry_reports(scene.registry), &row, &error) ==
          STATUS_INVALID);
    row = row_of_cluster(201, 10, WEST_ID);
    CHECK(report_router_check_row(registry_reports(scene.registry), &row, &error) ==
          STATUS_INVALID);
    CHECK(scene_count_events(&scene, "report.refused", NULL) == 0);
    scene_close(&scene);
}

static void a_row_without_an_epoch_is_a_sign_of_life_everywhere(void)
{
    struct heartbeat_row row = {.server_id = 202, .counter = 1};
    struct applier_facts *facts = NULL;
    struct scene scene;
    struct error error;

    open_both(&scene);
    CHECK_OK(take(&scene, row, &error), &error);
    for (int cluster = 0; cluster < SCENE_CLUSTERS; cluster++) {
        CHECK_OK(applier_registry_find(scene.appliers[cluster], 202, &facts, &error), &error);
        CHECK(facts->state == APPLIER_LIVE && facts->seen_usec == scene.wall_usec);
        CHECK(facts->applied.epoch == 0 && facts->reported_usec == 0);
        applier_facts_free(facts, 1);
    }
    row.server_id = 999;
    CHECK(take(&scene, row, &error) == STATUS_NOT_FOUND);
    scene_close(&scene);
}

static enum status take_status(struct scene *scene,
                               const char *stream,
                               uint32_t origin,
                               uint64_t epoch)
{
    struct error error;

    return report_router_take_apply_status(registry_reports(scene->registry), stream, origin,
                                           epoch, &error);
}

static void apply_status_rows_report_for_the_appliers_of_the_group(void)
{
    struct scene scene;

    open_both(&scene);
    CHECK(take_status(&scene, "west", EAST_ID, 20) == STATUS_OK);
    CHECK(applied(&scene, SCENE_EAST, 201) == 20 && applied(&scene, SCENE_EAST, 202) == 0);
    CHECK(scene_facts(&scene, 201).way == REPORT_STATUS);
    CHECK(take_status(&scene, "west", EAST_SOURCE, 30) == STATUS_OK);
    CHECK(applied(&scene, SCENE_EAST, 201) == 30);
    CHECK(take_status(&scene, "west", WEST_ID, 100) == STATUS_OK); /* its own markers */
    CHECK(take_status(&scene, "west", WEST_SOURCE, 100) == STATUS_OK);
    CHECK(take_status(&scene, "west", 4711, 40) == STATUS_OK);
    CHECK(take_status(&scene, "south", EAST_ID, 40) == STATUS_OK);
    CHECK(take_status(&scene, "west", 0, 40) == STATUS_OK);
    CHECK(applied(&scene, SCENE_EAST, 201) == 30 && applied(&scene, SCENE_WEST, 301) == 0);
    CHECK(take_status(&scene, "east", WEST_ID, 100) == STATUS_OK);
    CHECK(applied(&scene, SCENE_WEST, 301) == 100);
    CHECK(take_status(&scene, "west", EAST_ID, 99) == STATUS_INVALID);
    CHECK(applied(&scene, SCENE_EAST, 201) == 30);
    CHECK(scene_count_events(&scene, "report.refused", NULL) == 1);
    scene_close(&scene);
}

/* The board forgot the source that wrote the markers: a newer one is in use. */
static void an_origin_is_known_by_its_markers(void)
{
    struct source_facts facts = {.server_id = 111};
    struct report_router *router = NULL;
    struct scene scene;

    open_both(&scene);
    router = registry_reports(scene.registry);
    cluster_board_set_facts(scene.logs[SCENE_EAST].board, &facts);
    CHECK(report_router_cluster_of(router, EAST_SOURCE) == scene.appliers[SCENE_EAST]);
    CHECK(report_router_cluster_of(router, 111) == scene.appliers[SCENE_EAST]);
    CHECK(report_router_cluster_of(router, EAST_ID) == scene.appliers[SCENE_EAST]);
    CHECK(report_router_cluster_of(router, WEST_ID) == scene.appliers[SCENE_WEST]);
    CHECK(report_router_cluster_of(router, 4711) == NULL);
    scene_close(&scene);
}

/* Servers of different clusters often have the same server_id, above all 1. */
static void an_origin_that_two_sources_share_tells_no_cluster(void)
{
    struct source_facts facts = {.server_id = 1};
    struct report_router *router = NULL;
    struct scene scene;
    struct error error;

    open_both(&scene);
    router = registry_reports(scene.registry);
    cluster_board_set_facts(scene.logs[SCENE_WEST].board, &facts);
    CHECK(report_router_cluster_of(router, 1) == scene.appliers[SCENE_WEST]);
    CHECK_OK(take(&scene, row_of_cluster(202, 100, 1), &error), &error);
    cluster_board_set_facts(scene.logs[SCENE_EAST].board, &facts);
    CHECK(report_router_cluster_of(router, 1) == NULL);
    CHECK(take(&scene, row_of_cluster(202, 30, 1), &error) == STATUS_INVALID);
    CHECK(strstr(error.message, "of one cluster's source alone") != NULL);
    CHECK(take_status(&scene, "west", 1, 30) == STATUS_OK);
    CHECK(applied(&scene, SCENE_EAST, 201) == 0 && applied(&scene, SCENE_EAST, 202) == 0);
    CHECK(applied(&scene, SCENE_WEST, 202) == 100);
    CHECK_OK(take(&scene, row_of_cluster(202, 30, EAST_ID), &error), &error);
    scene_close(&scene);
}

/* It has no epochs that could be meant. */
static void the_source_of_a_cluster_without_epochs_is_no_origin(void)
{
    struct source_facts facts = {.server_id = 102};
    struct report_router *router = NULL;
    struct scene scene;

    scene_prepare(&scene);
    scene_log_close(&scene.logs[SCENE_EAST]);
    scene_log_open(&scene.logs[SCENE_EAST], EPOCH_KIND_NONE, 102);
    scene_start(&scene);
    cluster_board_set_facts(scene.logs[SCENE_EAST].board, &facts);
    router = registry_reports(scene.registry);
    CHECK(report_router_cluster_of(router, WEST_SOURCE) == scene.appliers[SCENE_WEST]);
    CHECK(report_router_cluster_of(router, EAST_ID) == scene.appliers[SCENE_EAST]);
    scene_close(&scene);
}

int main(void)
{
    finds_the_only_cluster_that_knows_the_applier();
    where_two_know_it_the_row_must_say_which();
    refuses_a_row_of_a_wrong_cluster();
    to_check_causes_no_event();
    a_row_without_an_epoch_is_a_sign_of_life_everywhere();
    apply_status_rows_report_for_the_appliers_of_the_group();
    an_origin_is_known_by_its_markers();
    an_origin_that_two_sources_share_tells_no_cluster();
    the_source_of_a_cluster_without_epochs_is_no_origin();
    return 0;
}
