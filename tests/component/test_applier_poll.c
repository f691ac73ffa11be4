/* SPDX-License-Identifier: Apache-2.0 */
/* Polls of a scripted server, and what the registry takes of them. */
#include "binrelay/source/applier_poll.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "answering_source.h"
#include "binlog_maker.h"
#include "binrelay/base/memory.h"
#include "binrelay/protocol/binlog_walk.h"
#include "check.h"
#include "epoch_maker.h"
#include "temp_dir.h"

enum { CLUSTER_ID = 199, APPLIER = 201, OTHER = 202, EPOCHS = 10, EVENTS_MOST = 100 };

/* Cluster east with the epochs 1 to 10, or as many GTIDs, its appliers 201 and 202, and a
 * server to poll. */
struct scene {
    struct answering_source server;
    char *directory; /* owned */
    struct registry *registry;
    struct cluster_board *board;
    struct binlog_store *store;
    struct applier_registry *appliers;
    struct applier_poll *poll;
    struct applier_poll_options options;

    pthread_mutex_t lock;
    pthread_cond_t reported;
    uint64_t applied[2]; /* of 201 and 202, as reported last; under the lock */
    unsigned reports[2];
};

static void on_report(void *context, uint32_t server_id, struct epoch_key applied)
{
    struct scene *scene = context;

    pthread_mutex_lock(&scene->lock);
    scene->applied[server_id == OTHER] = applied.epoch;
    scene->reports[server_id == OTHER]++;
    pthread_cond_broadcast(&scene->reported);
    pthread_mutex_unlock(&scene->lock);
}

static void await_epoch(struct scene *scene, uint32_t server_id, uint64_t epoch)
{
    pthread_mutex_lock(&scene->lock);
    while (scene->applied[server_id == OTHER] != epoch) {
        pthread_cond_wait(&scene->reported, &scene->lock);
    }
    pthread_mutex_unlock(&scene->lock);
}

static unsigned reports_of(struct scene *scene, uint32_t server_id)
{
    unsigned count = 0;

    pthread_mutex_lock(&scene->lock);
    count = scene->reports[server_id == OTHER];
    pthread_mutex_unlock(&scene->lock);
    return count;
}

/* ---- the cluster ---- */

enum log_kind { LOG_OF_EPOCHS, LOG_OF_GTIDS, LOG_OF_MARIADB };

/* The epochs, or as many transactions of source 1 or domain 0. */
static void make_log(struct binlog_maker *maker, enum log_kind kind)
{
    binlog_maker_begin(maker);
    for (uint64_t number = 1; number <= EPOCHS; number++) {
        if (kind == LOG_OF_EPOCHS) {
            (void)epoch_maker_heartbeat(maker, CLUSTER_ID, number);
        } else if (kind == LOG_OF_GTIDS) {
            binlog_maker_transaction(maker, 1, number, 100);
        } else {
            (void)binlog_maker_mariadb_gtid(
                maker, (struct mariadb_gtid){.server_id = 1, .sequence = number}, 0);
            (void)binlog_maker_rows(maker, 100, 1);
            (void)binlog_maker_xid(maker);
        }
    }
}

static void fill_store(struct binlog_store *store, enum log_kind kind)
{
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32,
                                 .is_mariadb = kind == LOG_OF_MARIADB};
    struct binlog_walk walk;
    struct bytes event;
    struct error error;

    make_log(&maker, kind);
    CHECK_OK(binlog_store_begin_file(store, "binlog", 1, &error), &error);
    walk = binlog_walk_of((struct bytes){.data = maker.file.data + BINLOG_MAGIC_BYTES,
                                         .size = maker.file.size - BINLOG_MAGIC_BYTES});
    while (binlog_walk_next(&walk, &event, &error) == STATUS_OK) {
        CHECK_OK(binlog_store_append(store, event, &error), &error);
    }
    CHECK_OK(binlog_store_sync(store, &error), &error);
    binlog_maker_release(&maker);
}

static void open_store(struct scene *scene, enum log_kind kind)
{
    autofree char *directory = mem_format("%s/east", scene->directory);
    struct binlog_store_options options = {
        .disk = disk_system(),
        .clock = clock_system(),
        .directory = directory,
        .epochs = {.kind = kind == LOG_OF_EPOCHS ? EPOCH_KIND_HEARTBEAT : EPOCH_KIND_NONE,
                   .server_id = CLUSTER_ID,
                   .database = "heartbeat",
                   .table = "heartbeat"}};
    struct error error;

    scene->store = binlog_store_new(&options);
    CHECK_OK(binlog_store_recover(scene->store, &error), &error);
    fill_store(scene->store, kind);
}

static void open_appliers(struct scene *scene)
{
    struct registry_applied applied = {
        .name = "east", .server_id = CLUSTER_ID, .store = scene->store, .board = scene->board};
    struct applier_setting setting = {.server_id = APPLIER};
    struct error error;

    CHECK_OK(registry_open_appliers(scene->registry, &applied, &scene->appliers, &error),
             &error);
    CHECK_OK(applier_registry_add(scene->appliers, &setting, &error), &error);
    setting.server_id = OTHER;
    CHECK_OK(applier_registry_add(scene->appliers, &setting, &error), &error);
    applier_registry_on_report(scene->appliers, on_report, scene);
}

static void open_scene(struct scene *scene, enum log_kind kind)
{
    struct error error;

    memset(scene, 0, sizeof(*scene));
    CHECK(pthread_mutex_init(&scene->lock, NULL) == 0);
    CHECK(pthread_cond_init(&scene->reported, NULL) == 0);
    answering_source_open(&scene->server);
    scene->directory = temp_dir_make();
    scene->board = cluster_board_new();
    CHECK_OK(registry_open(&scene->registry, scene->directory, clock_system(), &error), &error);
    open_store(scene, kind);
    open_appliers(scene);
    scene->options = (struct applier_poll_options){
        .cluster = "east",
        .server = &scene->server.options,
        .heartbeat_table = "beats.of",
        .interval_usec = 2000,
        .reads_gtids = kind != LOG_OF_EPOCHS,
        .clock = clock_system(),
        .registry = scene->registry,
        .reports = registry_reports(scene->registry),
        .appliers = scene->appliers,
    };
}

static void begin(struct scene *scene)
{
    struct error error;

    CHECK_OK(applier_poll_start(&scene->poll, &scene->options, &error), &error);
}

static void close_scene(struct scene *scene)
{
    applier_poll_stop(scene->poll);
    answering_source_close(&scene->server);
    registry_close(scene->registry);
    binlog_store_free(scene->store);
    cluster_board_free(scene->board);
    temp_dir_remove(scene->directory);
    CHECK(pthread_cond_destroy(&scene->reported) == 0);
    CHECK(pthread_mutex_destroy(&scene->lock) == 0);
}

/* How many events of a kind there are; what the last of them said is copied. */
static unsigned events_of(struct scene *scene, const char *event, char *text, size_t size)
{
    struct registry_event *events = NULL;
    size_t count = 0;
    unsigned found = 0;
    struct error error;

    CHECK_OK(registry_list_events(scene->registry, 0, 0, EVENTS_MOST, &events, &count, &error),
             &error);
    for (size_t at = 0; at < count; at++) {
        if (strcmp(events[at].event, event) == 0) {
            CHECK(size >= sizeof(events[at].message));
            memcpy(text, events[at].message, sizeof(events[at].message));
            found++;
        }
    }
    free(events);
    return found;
}

/* ---- what servers answer ---- */

static const char *const ids[] = {"201", "202", "300"};

#define ID(number)                                                                             \
    {                                                                                          \
        .begins = "SELECT @@GLOBAL.server_id", .columns = 1, .rows = 1, .values = number       \
    }
#define NO_TABLE(statement)                                                                    \
    {                                                                                          \
        .begins = statement, .code = 1146                                                      \
    }
#define OURS "SELECT server_id, counter, applied_epoch"
#define OLDER "SELECT server_id, counter, NULL"
#define STATUS "SELECT server_id, epoch"

/* ---- the heartbeat table ---- */

static void a_row_with_an_epoch_is_a_report(void)
{
    static const char *const values[] = {
        "201",        "7",  "4",   "199", "1700000000", "202", "8", NULL, NULL,
        "1700000000", "0",  "1",   "2",   NULL,         NULL,  "x", "1",  "2",
        NULL,         NULL, "202", "-1",  "9",          NULL,  NULL};
    static const struct answer answers[] = {
        ID(ids), {.begins = OURS, .columns = 5, .rows = 5, .values = values}, NO_TABLE(STATUS)};
    struct scene scene;
    struct applier_facts *facts = NULL;
    struct error error;

    open_scene(&scene, LOG_OF_EPOCHS);
    answering_source_set(&scene.server, answers, 3);
    begin(&scene);
    await_epoch(&scene, APPLIER, 4);
    CHECK_OK(applier_registry_find(scene.appliers, APPLIER, &facts, &error), &error);
    CHECK(facts->applied.epoch == 4 && facts->way == REPORT_POLL);
    applier_facts_free(facts, 1);
    (void)answering_source_await(&scene.server, STATUS, 2); /* the row of 202 was taken */
    CHECK_OK(applier_registry_find(scene.appliers, OTHER, &facts, &error), &error);
    CHECK(facts->applied.epoch == 0 && facts->seen_usec != 0 && facts->reported_usec == 0);
    applier_facts_free(facts, 1);
    close_scene(&scene);
}

static void another_servers_row_counts_when_it_changes(void)
{
    static const char *const values[] = {"202", "8", "5", NULL, "1700000000"};
    static const char *const later[] = {"202", "9", "5", NULL, "1700000001"};
    static const struct answer answers[] = {
        ID(ids), {.begins = OURS, .columns = 5, .rows = 1, .values = values}, NO_TABLE(STATUS)};
    static const struct answer changed[] = {
        ID(ids), {.begins = OURS, .columns = 5, .rows = 1, .values = later}, NO_TABLE(STATUS)};
    struct scene scene;

    open_scene(&scene, LOG_OF_EPOCHS);
    answering_source_set(&scene.server, answers, 3);
    begin(&scene);
    await_epoch(&scene, OTHER, 5);
    (void)answering_source_await(&scene.server, STATUS, 4);
    CHECK(reports_of(&scene, OTHER) == 1);
    answering_source_set(&scene.server, changed, 3);
    (void)answering_source_await(&scene.server, STATUS, 4);
    CHECK(reports_of(&scene, OTHER) == 2);
    close_scene(&scene);
}

static void the_servers_own_row_counts_each_time(void)
{
    static const char *const values[] = {"202", "8", "5", NULL, "1700000000"};
    static const struct answer answers[] = {
        ID(ids + 1),
        {.begins = OURS, .columns = 5, .rows = 1, .values = values},
        NO_TABLE(STATUS)};
    struct scene scene;

    open_scene(&scene, LOG_OF_EPOCHS);
    answering_source_set(&scene.server, answers, 3);
    begin(&scene);
    (void)answering_source_await(&scene.server, STATUS, 4);
    CHECK(reports_of(&scene, OTHER) >= 3);
    close_scene(&scene);
}

static void the_older_form_is_read_too(void)
{
    static const char *const values[] = {"202", "8", NULL, NULL, "1700000000"};
    static const struct answer answers[] = {
        ID(ids),
        {.begins = OURS, .code = 1054},
        {.begins = OLDER, .columns = 5, .rows = 1, .values = values},
        NO_TABLE(STATUS)};
    struct scene scene;
    struct applier_facts *facts = NULL;
    struct error error;

    open_scene(&scene, LOG_OF_EPOCHS);
    answering_source_set(&scene.server, answers, 4);
    begin(&scene);
    CHECK(answering_source_await(&scene.server,
                                 "SELECT server_id, counter, NULL, NULL,"
                                 " UNIX_TIMESTAMP(updated_at) FROM `beats`.`of`",
                                 1) == 2);
    (void)answering_source_await(&scene.server, STATUS, 1);
    CHECK_OK(applier_registry_find(scene.appliers, OTHER, &facts, &error), &error);
    CHECK(facts->seen_usec != 0);
    applier_facts_free(facts, 1);
    close_scene(&scene);
}

/* ---- mysql.ndb_apply_status ---- */

static void the_highest_epoch_of_the_cluster_is_the_servers(void)
{
    static const char *const values[] = {"0", "9", "199", "6", "77", "8", "199", "3"};
    static const struct answer answers[] = {
        ID(ids), NO_TABLE(OURS), {.begins = STATUS, .columns = 2, .rows = 4, .values = values}};
    struct scene scene;

    open_scene(&scene, LOG_OF_EPOCHS);
    answering_source_set(&scene.server, answers, 3);
    begin(&scene);
    await_epoch(&scene, APPLIER, 6);
    (void)answering_source_await(&scene.server, STATUS, 4);
    CHECK(reports_of(&scene, APPLIER) >= 3 && reports_of(&scene, OTHER) == 0);
    close_scene(&scene);
}

static void a_server_that_is_no_applier_says_nothing_of_others(void)
{
    static const char *const values[] = {"199", "6"};
    static const struct answer answers[] = {
        ID(ids + 2),
        NO_TABLE(OURS),
        {.begins = STATUS, .columns = 2, .rows = 1, .values = values}};
    struct scene scene;

    open_scene(&scene, LOG_OF_EPOCHS);
    answering_source_set(&scene.server, answers, 3);
    begin(&scene);
    (void)answering_source_await(&scene.server, STATUS, 3);
    CHECK(reports_of(&scene, APPLIER) == 0 && reports_of(&scene, OTHER) == 0);
    close_scene(&scene);
}

/* ---- GTIDs ---- */

static void check_gtids(enum log_kind kind,
                        const struct answer *answers,
                        size_t count,
                        const char *wanted)
{
    struct scene scene;
    struct applier_facts *facts = NULL;
    struct error error;

    open_scene(&scene, kind);
    answering_source_set(&scene.server, answers, count);
    begin(&scene);
    (void)answering_source_await(&scene.server, "SELECT @@GLOBAL.server_id", 3);
    CHECK_OK(applier_registry_find(scene.appliers, APPLIER, &facts, &error), &error);
    CHECK(wanted == NULL
              ? facts->applied_gtids == NULL
              : facts->applied_gtids != NULL && strcmp(facts->applied_gtids, wanted) == 0);
    applier_facts_free(facts, 1);
    close_scene(&scene);
}

static void a_cluster_without_epochs_gets_gtids(void)
{
    static const char *const set[] = {"01010101-0101-0101-0101-010101010101:1-5"};
    static const char *const position[] = {"0-1-7"};
    static const char *const none[] = {""};
    static const struct answer mysql[] = {
        ID(ids),
        NO_TABLE(OURS),
        NO_TABLE(STATUS),
        {.begins = "SELECT @@GLOBAL.gtid_executed", .columns = 1, .rows = 1, .values = set}};
    static const struct answer mariadb[] = {
        ID(ids),
        NO_TABLE(OURS),
        NO_TABLE(STATUS),
        {.begins = "SELECT @@GLOBAL.gtid_executed", .code = 1193},
        {.begins = "SELECT @@GLOBAL.gtid_slave_pos",
         .columns = 1,
         .rows = 1,
         .values = position}};
    static const struct answer empty[] = {
        ID(ids),
        NO_TABLE(OURS),
        NO_TABLE(STATUS),
        {.begins = "SELECT @@GLOBAL.gtid_executed", .columns = 1, .rows = 1, .values = none}};

    check_gtids(LOG_OF_GTIDS, mysql, 4, set[0]);
    check_gtids(LOG_OF_MARIADB, mariadb, 5, position[0]);
    check_gtids(LOG_OF_GTIDS, empty, 4, NULL);
}

/* ---- trouble ---- */

static void what_a_server_lacks_or_keeps_is_no_trouble_while_it_has_another_way(void)
{
    static const char *const values[] = {"199", "6"};
    static const struct answer answers[] = {
        ID(ids),
        {.begins = OURS, .code = 1142},
        {.begins = STATUS, .columns = 2, .rows = 1, .values = values}};
    struct scene scene;
    char text[1024] = "";

    open_scene(&scene, LOG_OF_EPOCHS);
    answering_source_set(&scene.server, answers, 3);
    begin(&scene);
    await_epoch(&scene, APPLIER, 6);
    (void)answering_source_await(&scene.server, STATUS, 3);
    CHECK(events_of(&scene, "poll.failed", text, sizeof(text)) == 0);
    close_scene(&scene);
}

static void says_once_what_fails_and_that_it_goes_on(void)
{
    static const char *const values[] = {"199", "6"};
    static const struct answer denied[] = {ID(ids),
                                           {.begins = "SELECT server_id", .code = 1142}};
    static const struct answer missing[] = {ID(ids), NO_TABLE("SELECT server_id")};
    static const struct answer good[] = {
        ID(ids), NO_TABLE(OURS), {.begins = STATUS, .columns = 2, .rows = 1, .values = values}};
    struct scene scene;
    char text[1024] = "";

    open_scene(&scene, LOG_OF_EPOCHS);
    answering_source_set(&scene.server, denied, 2);
    begin(&scene);
    (void)answering_source_await(&scene.server, STATUS, 4);
    CHECK(events_of(&scene, "poll.failed", text, sizeof(text)) == 1);
    CHECK(strstr(text, "polled server 127.0.0.1:") != NULL && strstr(text, "1142") != NULL);
    answering_source_set(&scene.server, missing, 2);
    (void)answering_source_await(&scene.server, STATUS, 4);
    CHECK(events_of(&scene, "poll.failed", text, sizeof(text)) == 2);
    CHECK(strstr(text, "neither beats.of nor mysql.ndb_apply_status") != NULL);
    CHECK(events_of(&scene, "poll.ok", text, sizeof(text)) == 0);
    answering_source_set(&scene.server, good, 3);
    (void)answering_source_await(&scene.server, STATUS, 3);
    CHECK(events_of(&scene, "poll.ok", text, sizeof(text)) == 1);
    close_scene(&scene);
}

static void comes_back_after_the_server_was_away_and_takes_a_new_password(void)
{
    static const char *const values[] = {"199", "6"};
    static const struct answer good[] = {
        ID(ids), NO_TABLE(OURS), {.begins = STATUS, .columns = 2, .rows = 1, .values = values}};
    struct scene scene;

    open_scene(&scene, LOG_OF_EPOCHS);
    answering_source_set(&scene.server, good, 3);
    scene.server.options.password = "wrong";
    begin(&scene);
    applier_poll_set_password(scene.poll, "secret");
    (void)answering_source_await(&scene.server, STATUS, 2);
    fake_source_disconnect(scene.server.source);
    answering_source_set(&scene.server, good, 3);
    (void)answering_source_await(&scene.server, STATUS, 2);
    close_scene(&scene);
}

static void a_server_that_hangs_holds_up_no_end(void)
{
    static const struct answer silent[] = {ID(ids), {.begins = OURS, .is_silent = true}};
    struct scene scene;

    open_scene(&scene, LOG_OF_EPOCHS);
    answering_source_set(&scene.server, silent, 2);
    begin(&scene);
    (void)answering_source_await(&scene.server, OURS, 1);
    applier_poll_interrupt(scene.poll);
    close_scene(&scene);
}

static void refuses_what_cannot_be_a_table(void)
{
    struct scene scene;
    struct error error;

    open_scene(&scene, LOG_OF_EPOCHS);
    scene.options.heartbeat_table = "be`ats.of";
    CHECK(applier_poll_start(&scene.poll, &scene.options, &error) == STATUS_INVALID);
    CHECK(scene.poll == NULL);
    close_scene(&scene);
}

int main(void)
{
    a_row_with_an_epoch_is_a_report();
    another_servers_row_counts_when_it_changes();
    the_servers_own_row_counts_each_time();
    the_older_form_is_read_too();
    the_highest_epoch_of_the_cluster_is_the_servers();
    a_server_that_is_no_applier_says_nothing_of_others();
    a_cluster_without_epochs_gets_gtids();
    what_a_server_lacks_or_keeps_is_no_trouble_while_it_has_another_way();
    says_once_what_fails_and_that_it_goes_on();
    comes_back_after_the_server_was_away_and_takes_a_new_password();
    a_server_that_hangs_holds_up_no_end();
    refuses_what_cannot_be_a_table();
    return 0;
}
