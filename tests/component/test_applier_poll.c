/* SPDX-License-Identifier: Apache-2.0 */
/* Polls of a scripted server, and what the registry takes of them. */
#include "poll_scene.h"

/* ---- what servers answer ---- */

static const char *const ids[] = {"201", "202", "300"};

#define ID(number)                                                                             \
    {                                                                                          \
        .begins = "SELECT @@GLOBAL.server_id", .columns = 1, .rows = 1, .values = number       \
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
        ID(ids),
        {.begins = OURS, .columns = 5, .rows = 5, .values = values},
        {.begins = STATUS, .code = 1146}};
    struct poll_scene scene;
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
        ID(ids),
        {.begins = OURS, .columns = 5, .rows = 1, .values = values},
        {.begins = STATUS, .code = 1146}};
    static const struct answer changed[] = {
        ID(ids),
        {.begins = OURS, .columns = 5, .rows = 1, .values = later},
        {.begins = STATUS, .code = 1146}};
    struct poll_scene scene;

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

static void a_row_that_was_not_taken_is_handed_on_again(void)
{
    static const char *const values[] = {"300", "8", "5", NULL, "1700000000"};
    static const struct answer answers[] = {
        ID(ids),
        {.begins = OURS, .columns = 5, .rows = 1, .values = values},
        {.begins = STATUS, .code = 1146}};
    struct applier_setting setting = {.server_id = 300};
    struct poll_scene scene;
    struct error error;

    open_scene(&scene, LOG_OF_EPOCHS);
    answering_source_set(&scene.server, answers, 3);
    begin(&scene);
    (void)answering_source_await(&scene.server, STATUS, 3); /* nobody knows it */
    CHECK_OK(applier_registry_add(scene.appliers, &setting, &error), &error);
    await_epoch(&scene, 300, 5);
    close_scene(&scene);
}

static void the_servers_own_row_counts_each_time(void)
{
    static const char *const values[] = {"202", "8", "5", NULL, "1700000000"};
    static const struct answer answers[] = {
        ID(ids + 1),
        {.begins = OURS, .columns = 5, .rows = 1, .values = values},
        {.begins = STATUS, .code = 1146}};
    struct poll_scene scene;

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
        {.begins = STATUS, .code = 1146}};
    struct poll_scene scene;
    struct applier_facts *facts = NULL;
    struct error error;

    open_scene(&scene, LOG_OF_EPOCHS);
    answering_source_set(&scene.server, answers, 4);
    begin(&scene);
    CHECK(answering_source_await(&scene.server,
                                 "SELECT server_id, counter, NULL, NULL,"
                                 " UNIX_TIMESTAMP(updated_at) FROM `beats`.`of`",
                                 1) == 4);
    (void)answering_source_await(&scene.server, STATUS, 2);
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
        ID(ids),
        {.begins = OURS, .code = 1146},
        {.begins = STATUS, .columns = 2, .rows = 4, .values = values}};
    struct poll_scene scene;

    open_scene(&scene, LOG_OF_EPOCHS);
    answering_source_set(&scene.server, answers, 3);
    begin(&scene);
    await_epoch(&scene, APPLIER, 6);
    (void)answering_source_await(&scene.server, STATUS, 4);
    CHECK(reports_of(&scene, APPLIER) >= 3 && reports_of(&scene, OTHER) == 0);
    close_scene(&scene);
}

/* The event that keeps the row runs once a second. */
static void an_own_row_that_is_behind_is_no_wrong_report(void)
{
    static const char *const row[] = {"201", "8", "4", "199", "1700000000"};
    static const char *const values[] = {"199", "6"};
    static const struct answer answers[] = {
        ID(ids),
        {.begins = OURS, .columns = 5, .rows = 1, .values = row},
        {.begins = STATUS, .columns = 2, .rows = 1, .values = values}};
    struct poll_scene scene;
    char text[TEXT_BYTES] = "";

    open_scene(&scene, LOG_OF_EPOCHS);
    answering_source_set(&scene.server, answers, 3);
    begin(&scene);
    await_epoch(&scene, APPLIER, 6);
    (void)answering_source_await(&scene.server, STATUS, 3);
    CHECK(events_of(&scene, "report.refused", text) == 0);
    close_scene(&scene);
}

static void a_server_that_is_no_applier_says_nothing_of_others(void)
{
    static const char *const values[] = {"199", "6"};
    static const struct answer answers[] = {
        ID(ids + 2),
        {.begins = OURS, .code = 1146},
        {.begins = STATUS, .columns = 2, .rows = 1, .values = values}};
    struct poll_scene scene;

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
    struct poll_scene scene;
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
        {.begins = OURS, .code = 1146},
        {.begins = STATUS, .code = 1146},
        {.begins = "SELECT @@GLOBAL.gtid_executed", .columns = 1, .rows = 1, .values = set}};
    static const struct answer mariadb[] = {
        ID(ids),
        {.begins = OURS, .code = 1146},
        {.begins = STATUS, .code = 1146},
        {.begins = "SELECT @@GLOBAL.gtid_executed", .code = 1193},
        {.begins = "SELECT @@GLOBAL.gtid_slave_pos",
         .columns = 1,
         .rows = 1,
         .values = position}};
    static const struct answer empty[] = {
        ID(ids),
        {.begins = OURS, .code = 1146},
        {.begins = STATUS, .code = 1146},
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
    struct poll_scene scene;
    char text[TEXT_BYTES] = "";

    open_scene(&scene, LOG_OF_EPOCHS);
    answering_source_set(&scene.server, answers, 3);
    begin(&scene);
    await_epoch(&scene, APPLIER, 6);
    (void)answering_source_await(&scene.server, STATUS, 3);
    CHECK(events_of(&scene, "poll.failed", text) == 0);
    close_scene(&scene);
}

static void says_once_what_fails_and_that_it_goes_on(void)
{
    static const char *const values[] = {"199", "6"};
    static const struct answer denied[] = {ID(ids),
                                           {.begins = "SELECT server_id", .code = 1142}};
    static const struct answer missing[] = {ID(ids),
                                            {.begins = "SELECT server_id", .code = 1146}};
    static const struct answer good[] = {
        ID(ids),
        {.begins = OURS, .code = 1146},
        {.begins = STATUS, .columns = 2, .rows = 1, .values = values}};
    struct poll_scene scene;
    char text[TEXT_BYTES] = "";

    open_scene(&scene, LOG_OF_EPOCHS);
    answering_source_set(&scene.server, denied, 2);
    begin(&scene);
    (void)answering_source_await(&scene.server, STATUS, 4);
    CHECK(events_of(&scene, "poll.failed", text) == 1);
    CHECK(strstr(text, "polled server 127.0.0.1:") != NULL && strstr(text, "1142") != NULL);
    answering_source_set(&scene.server, missing, 2);
    (void)answering_source_await(&scene.server, STATUS, 4);
    CHECK(events_of(&scene, "poll.failed", text) == 2);
    CHECK(strstr(text, "neither beats.of nor mysql.ndb_apply_status") != NULL);
    CHECK(events_of(&scene, "poll.ok", text) == 0);
    answering_source_set(&scene.server, good, 3);
    (void)answering_source_await(&scene.server, STATUS, 3);
    CHECK(events_of(&scene, "poll.ok", text) == 1);
    close_scene(&scene);
}

static void comes_back_after_the_server_was_away_and_takes_a_new_password(void)
{
    static const char *const values[] = {"199", "6"};
    static const struct answer good[] = {
        ID(ids),
        {.begins = OURS, .code = 1146},
        {.begins = STATUS, .columns = 2, .rows = 1, .values = values}};
    struct poll_scene scene;

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

/* What an applier has not committed it may still lose, and READ UNCOMMITTED may be its default.
 */
static void reads_only_what_is_committed(void)
{
    static const char isolation[] = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED";
    static const char *const values[] = {"199", "6"};
    static const struct answer good[] = {
        ID(ids),
        {.begins = OURS, .code = 1146},
        {.begins = STATUS, .columns = 2, .rows = 1, .values = values}};
    static const struct answer refusing[] = {ID(ids), {.begins = isolation, .code = 1568}};
    struct poll_scene scene;
    char text[TEXT_BYTES] = "";

    open_scene(&scene, LOG_OF_EPOCHS);
    answering_source_set(&scene.server, refusing, 2);
    begin(&scene);
    (void)answering_source_await(&scene.server, isolation, 2);
    CHECK(events_of(&scene, "poll.failed", text) == 1);
    CHECK(strstr(text, "no, says the script") != NULL);
    answering_source_set(&scene.server, good, 3);
    CHECK(answering_source_await(&scene.server, isolation, 1) <
          answering_source_await(&scene.server, STATUS, 1));
    await_epoch(&scene, APPLIER, 6);
    close_scene(&scene);
}

static void a_server_that_hangs_holds_up_no_end(void)
{
    static const struct answer silent[] = {
        ID(ids), {.begins = STATUS, .code = 1146}, {.begins = OURS, .is_silent = true}};
    struct poll_scene scene;

    open_scene(&scene, LOG_OF_EPOCHS);
    answering_source_set(&scene.server, silent, 3);
    begin(&scene);
    (void)answering_source_await(&scene.server, OURS, 1);
    applier_poll_interrupt(scene.poll);
    close_scene(&scene);
}

static void refuses_what_cannot_be_a_table(void)
{
    struct poll_scene scene;
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
    a_row_that_was_not_taken_is_handed_on_again();
    the_servers_own_row_counts_each_time();
    the_older_form_is_read_too();
    the_highest_epoch_of_the_cluster_is_the_servers();
    an_own_row_that_is_behind_is_no_wrong_report();
    a_server_that_is_no_applier_says_nothing_of_others();
    a_cluster_without_epochs_gets_gtids();
    what_a_server_lacks_or_keeps_is_no_trouble_while_it_has_another_way();
    says_once_what_fails_and_that_it_goes_on();
    comes_back_after_the_server_was_away_and_takes_a_new_password();
    reads_only_what_is_committed();
    a_server_that_hangs_holds_up_no_end();
    refuses_what_cannot_be_a_table();
    return 0;
}
