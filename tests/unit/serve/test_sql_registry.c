/* SPDX-License-Identifier: Apache-2.0 */
/* What the registry keeps, as tables: appliers, pins and events, and who may see which. */
#include "epoch_maker.h"
#include "settings.h"
#include "sql_asker.h"

static const uint64_t first_epoch = (UINT64_C(101) << 32) | 5;
static const uint64_t second_epoch = (UINT64_C(102) << 32) | 5;

/* "east" is the session's cluster, "west" the other one. */
struct scene {
    struct asker asker;
    struct test_cluster west;
    struct served_cluster both[2];
    struct applier_registry *appliers[2];
};

static void store_epochs(struct binlog_store *store)
{
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32,
                                 .server_id = 7,
                                 .created_at_sec = ASKER_CLOCK_SEC - 60};
    struct binlog_walk walk;
    struct bytes event;
    struct error error;

    binlog_maker_begin(&maker);
    (void)epoch_maker_ndb(&maker, first_epoch, 1);
    (void)epoch_maker_ndb(&maker, second_epoch, 1);
    walk = binlog_walk_of((struct bytes){.data = maker.file.data + BINLOG_MAGIC_BYTES,
                                         .size = maker.file.size - BINLOG_MAGIC_BYTES});
    CHECK_OK(binlog_store_begin_file(store, "binlog", 1, &error), &error);
    while (binlog_walk_next(&walk, &event, &error) == STATUS_OK) {
        CHECK_OK(binlog_store_append(store, event, &error), &error);
    }
    CHECK_OK(binlog_store_write(store, &error), &error);
    CHECK_OK(binlog_store_sync(store, &error), &error);
    binlog_maker_release(&maker);
}

static void open_appliers(struct scene *scene, size_t at, struct test_cluster *cluster)
{
    struct error error;

    CHECK_OK(registry_open_appliers(
                 scene->asker.registry,
                 &(struct registry_applied){.name = cluster->served.name,
                                            .server_id = cluster->served.server_id,
                                            .store = cluster->store,
                                            .board = cluster->board},
                 &scene->appliers[at], &error),
             &error);
    scene->both[at] = cluster->served;
    scene->both[at].appliers = scene->appliers[at];
}

static void add(struct scene *scene, size_t at, uint32_t id, const char *group)
{
    struct error error;

    CHECK_OK(applier_registry_add(scene->appliers[at],
                                  &(struct applier_setting){
                                      .server_id = id, .group = group, .is_required = true},
                                  &error),
             &error);
}

static void pin(struct scene *scene, const char *name, const char *cluster, uint64_t epoch)
{
    struct pin_facts facts = {.epoch = {.epoch = epoch}, .from = {.file = 1, .offset = 4}};
    struct error error;

    strcpy(facts.name, name);
    strcpy(facts.cluster, cluster);
    facts.created_usec = ASKER_CLOCK_SEC * UINT64_C(1000000);
    CHECK_OK(pin_table_put(registry_pins(scene->asker.registry), &facts, &error), &error);
}

static void open_scene(struct scene *scene)
{
    *scene = (struct scene){0};
    asker_open_by(&scene->asker, EPOCH_KIND_NDB);
    store_epochs(scene->asker.cluster.store);
    test_cluster_open(&scene->west, "west", 299);
    open_appliers(scene, 0, &scene->asker.cluster);
    open_appliers(scene, 1, &scene->west);
    scene->asker.world.clusters = scene->both;
    scene->asker.world.cluster_count = 2;
    scene->asker.sql.cluster = &scene->both[0];
    scene->asker.sql.rights = RIGHT_READ;
    add(scene, 0, 201, "west");
    add(scene, 0, 202, NULL);
    add(scene, 1, 301, NULL);
    pin(scene, "backup-7", "east", (UINT64_C(101) << 32) | 0xFFFFFFFF);
    pin(scene, "export", "west", 17);
}

static void close_scene(struct scene *scene)
{
    asker_close(&scene->asker);
    test_cluster_close(&scene->west);
}

static void appliers_are_shown_as_they_are(void)
{
    struct scene scene;
    struct error error;

    open_scene(&scene);
    CHECK_OK(applier_registry_report(scene.appliers[0], 201, first_epoch, REPORT_POLL, &error),
             &error);
    CHECK(ask(&scene.asker,
              "SELECT server_id, applier_group, state, required, applied_epoch, report_way, "
              "holds_why IS NOT NULL, lost, lag_seconds > 0 FROM binrelay.appliers "
              "ORDER BY server_id") == 0);
    CHECK(rows_of(&scene.asker) == 2);
    CHECK(is_value(&scene.asker, 0, 0, "201") && is_value(&scene.asker, 0, 1, "west"));
    CHECK(is_value(&scene.asker, 0, 2, "live") && is_value(&scene.asker, 0, 3, "1"));
    CHECK(is_value(&scene.asker, 0, 4, "433791696901") && is_value(&scene.asker, 0, 5, "poll"));
    CHECK(is_value(&scene.asker, 0, 6, "1") && is_value(&scene.asker, 0, 7, "0"));
    CHECK(is_value(&scene.asker, 0, 8, "1"));
    CHECK(is_value(&scene.asker, 1, 0, "202") && is_value(&scene.asker, 1, 4, NULL));
    CHECK(is_value(&scene.asker, 1, 5, NULL) && is_value(&scene.asker, 1, 8, NULL));
    CHECK(is_answer(&scene.asker,
                    "SELECT holds FROM binrelay.appliers WHERE applied_epoch IS NULL",
                    "everything"));
    CHECK(is_answer(&scene.asker,
                    "SELECT i.gci FROM binrelay.appliers a JOIN mysql.ndb_binlog_index i "
                    "ON i.epoch = a.applied_epoch",
                    "101"));
    close_scene(&scene);
}

static void pins_are_shown(void)
{
    struct scene scene;

    open_scene(&scene);
    CHECK(ask(&scene.asker, "SELECT name, cluster, gcp, state, holds, expired, expires_at "
                            "FROM binrelay.pins") == 0);
    CHECK(rows_of(&scene.asker) == 1 && is_value(&scene.asker, 0, 0, "backup-7"));
    CHECK(is_value(&scene.asker, 0, 2, "101") && is_value(&scene.asker, 0, 3, "running"));
    CHECK(is_value(&scene.asker, 0, 4, "binlog.000001:4"));
    CHECK(is_value(&scene.asker, 0, 5, "0") && is_value(&scene.asker, 0, 6, NULL));
    close_scene(&scene);
}

static void clusters_show_their_epochs(void)
{
    struct scene scene;

    open_scene(&scene);
    CHECK(is_answer(&scene.asker,
                    "SELECT c.epoch_durable = (SELECT MAX(epoch) FROM mysql.ndb_binlog_index) "
                    "FROM binrelay.clusters c",
                    "1"));
    CHECK(is_answer(&scene.asker, "SELECT epoch_received FROM binrelay.clusters", NULL));
    close_scene(&scene);
}

static void sessions_show_their_position_as_a_name(void)
{
    const struct session_facts facts = {
        .state = "streaming", .cluster = "east", .position = {.file = 3, .offset = 4711}};
    struct session_card *card = NULL;
    struct scene scene;

    open_scene(&scene);
    card = session_directory_add(scene.asker.sql.directory, NULL, NULL, &facts);
    CHECK(is_answer(&scene.asker, "SELECT position FROM binrelay.sessions",
                    "binlog.000003:4711"));
    session_directory_remove(scene.asker.sql.directory, card);
    close_scene(&scene);
}

static void an_account_sees_the_sessions_of_its_clusters(void)
{
    static const struct session_facts facts[] = {
        {.state = "streaming", .cluster = "east", .user = "replica"},
        {.state = "streaming", .cluster = "west", .user = "replica"},
        {.state = "ready", .cluster = "", .user = "newcomer"},
    };
    size_t west = 1;
    const struct account of_west = {.clusters = &west, .cluster_count = 1};
    struct session_card *cards[3];
    struct scene scene;

    open_scene(&scene);
    for (size_t at = 0; at < 3; at++) {
        cards[at] = session_directory_add(scene.asker.sql.directory, NULL, NULL, &facts[at]);
    }
    CHECK(is_answer(&scene.asker, "SELECT cluster FROM binrelay.sessions", "east"));
    scene.asker.sql.rights = RIGHT_ADMIN;
    CHECK(is_answer(&scene.asker, "SELECT COUNT(*) FROM binrelay.sessions", "3"));
    scene.asker.sql.account = &of_west;
    CHECK(is_answer(&scene.asker, "SELECT GROUP_CONCAT(cluster) FROM binrelay.sessions",
                    "west,"));
    for (size_t at = 0; at < 3; at++) {
        session_directory_remove(scene.asker.sql.directory, cards[at]);
    }
    close_scene(&scene);
}

static void a_session_sees_what_its_account_may(void)
{
    size_t west = 1;
    const struct account of_west = {.clusters = &west, .cluster_count = 1};
    struct scene scene;

    open_scene(&scene);
    registry_add_event(scene.asker.registry, "", "relay.started", "of no cluster");
    CHECK(is_answer(&scene.asker, "SELECT COUNT(*) FROM binrelay.appliers", "2"));
    CHECK(is_answer(&scene.asker, "SELECT COUNT(*) FROM binrelay.pins", "1"));
    CHECK(is_answer(&scene.asker, "SELECT GROUP_CONCAT(DISTINCT cluster) FROM binrelay.events",
                    "east"));
    scene.asker.sql.rights = RIGHT_ADMIN;
    CHECK(is_answer(&scene.asker, "SELECT COUNT(*) FROM binrelay.appliers", "3"));
    CHECK(is_answer(&scene.asker, "SELECT COUNT(*) FROM binrelay.pins", "2"));
    CHECK(is_answer(&scene.asker, "SELECT COUNT(DISTINCT cluster) FROM binrelay.events", "3"));
    scene.asker.sql.account = &of_west;
    CHECK(is_answer(&scene.asker, "SELECT server_id FROM binrelay.appliers", "301"));
    CHECK(is_answer(&scene.asker, "SELECT name FROM binrelay.pins", "export"));
    CHECK(is_answer(&scene.asker, "SELECT cluster FROM binrelay.clusters", "west"));
    CHECK(is_answer(&scene.asker, "SELECT COUNT(*) FROM binrelay.events WHERE cluster = 'east'",
                    "0"));
    scene.asker.sql.rights = RIGHT_REPLICATE;
    CHECK(ask(&scene.asker, "SELECT * FROM binrelay.appliers") != 0);
    CHECK(ask(&scene.asker, "SELECT * FROM binrelay.events") != 0);
    close_scene(&scene);
}

/* More than are read at a time: the newest are shown. */
static void the_newest_events_are_shown(void)
{
    struct scene scene;

    open_scene(&scene);
    for (int at = 0; at < 11000; at++) {
        registry_add_event(scene.asker.registry, "east", "test.event", "one of many");
    }
    registry_add_event(scene.asker.registry, "east", "test.last", "the last one");
    CHECK(is_answer(&scene.asker, "SELECT text FROM binrelay.events ORDER BY id DESC LIMIT 1",
                    "the last one"));
    CHECK(is_answer(&scene.asker, "SELECT COUNT(*) >= 5000 FROM binrelay.events", "1"));
    CHECK(is_answer(&scene.asker,
                    "SELECT MAX(id) - MIN(id) + 1 = COUNT(*) FROM binrelay.events", "1"));
    close_scene(&scene);
}

static void without_a_registry_the_tables_are_empty(void)
{
    struct scene scene;

    open_scene(&scene);
    scene.asker.world.registry = NULL;
    scene.asker.world.pins = NULL;
    scene.both[0].appliers = NULL;
    CHECK(is_answer(&scene.asker, "SELECT COUNT(*) FROM binrelay.appliers", "0"));
    CHECK(is_answer(&scene.asker, "SELECT COUNT(*) FROM binrelay.pins", "0"));
    CHECK(is_answer(&scene.asker, "SELECT COUNT(*) FROM binrelay.events", "0"));
    close_scene(&scene);
}

int main(void)
{
    appliers_are_shown_as_they_are();
    pins_are_shown();
    clusters_show_their_epochs();
    sessions_show_their_position_as_a_name();
    an_account_sees_the_sessions_of_its_clusters();
    a_session_sees_what_its_account_may();
    the_newest_events_are_shown();
    without_a_registry_the_tables_are_empty();
    return 0;
}
