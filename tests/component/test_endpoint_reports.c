/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes to the heartbeat table as reports: what is taken, what is refused,
 * what is only shown; and the clock that its times have. "east" is NDB's a1
 * and "west" a3.
 */
#include "../../src/serve/settings.h"
#include "binrelay/registry/registry.h"
#include "sql_asker.h"

enum { EAST, WEST };

static struct asker asker;
static struct test_cluster west;
static struct served_cluster clusters[2];
static char epochs[3][24]; /* three that east has, rising */
static char newest[24];    /* of east */

static struct applier_registry *open_appliers(struct served_cluster *cluster)
{
    const struct registry_applied applied = {.name = cluster->name,
                                             .server_id = cluster->server_id,
                                             .store = cluster->store,
                                             .board = cluster->board};
    struct error error;

    CHECK_OK(registry_open_appliers(asker.registry, &applied, &cluster->appliers, &error),
             &error);
    return cluster->appliers;
}

static void add_applier(struct applier_registry *appliers, uint32_t server_id)
{
    const struct applier_setting setting = {.server_id = server_id, .is_required = true};
    struct error error;

    CHECK_OK(applier_registry_add(appliers, &setting, &error), &error);
}

static void take_value(char text[24], size_t row)
{
    const struct bytes value = result_set_value(&asker.set, row, 0);

    (void)snprintf(text, 24, "%.*s", (int)value.size, (const char *)value.data);
}

static void open_all(void)
{
    asker_open_by(&asker, EPOCH_KIND_NDB);
    for (uint64_t file = 1; file <= 6; file++) {
        autofree char *name = mem_format("ndb/a1/binlog.%06llu", (unsigned long long)file);

        test_cluster_fill(&asker.cluster, file, name);
    }
    test_cluster_open_with(&west, "west", 299, (struct epoch_rules){.kind = EPOCH_KIND_NDB});
    test_cluster_fill(&west, 1, "ndb/a3/binlog.000001");
    test_cluster_fill(&west, 2, "ndb/a3/binlog.000002");
    test_cluster_fill(&west, 3, "ndb/a3/binlog.000003");
    clusters[EAST] = asker.cluster.served;
    clusters[WEST] = west.served;
    asker.world.clusters = clusters;
    asker.world.cluster_count = 2;
    asker.sql.cluster = &clusters[EAST];
    add_applier(open_appliers(&clusters[EAST]), 201);
    add_applier(open_appliers(&clusters[WEST]), 301);
    add_applier(clusters[EAST].appliers, 202);
    add_applier(clusters[WEST].appliers, 202); /* follows both */
    CHECK(ask(&asker, "SELECT epoch FROM mysql.ndb_binlog_index ORDER BY epoch DESC") == 0);
    CHECK(rows_of(&asker) > 10);
    take_value(newest, 0);
    for (size_t at = 0; at < 3; at++) {
        take_value(epochs[at], 8 - 2 * at);
    }
}

static void close_all(void)
{
    asker_close(&asker);
    test_cluster_close(&west);
}

static struct applier_facts facts_of(struct applier_registry *appliers, uint32_t server_id)
{
    struct applier_facts *found = NULL;
    struct applier_facts facts;
    struct error error;

    CHECK_OK(applier_registry_find(appliers, server_id, &found, &error), &error);
    facts = *found;
    applier_facts_free(found, 1);
    return facts;
}

static bool has_applied(struct applier_registry *appliers, uint32_t server_id, const char *text)
{
    return facts_of(appliers, server_id).applied.epoch == strtoull(text, NULL, 10);
}

/* How often it was said of this applier that its report was refused. */
static size_t refusals(const char *part)
{
    struct registry_event *events = NULL;
    struct error error;
    size_t count = 0;
    size_t found = 0;

    CHECK_OK(registry_list_events(asker.registry, 0, 0, 1000, &events, &count, &error), &error);
    for (size_t at = 0; at < count; at++) {
        found += strcmp(events[at].event, "report.refused") == 0 &&
                         strstr(events[at].message, part) != NULL
                     ? 1
                     : 0;
    }
    free(events);
    return found;
}

static int ask_and_free(char *statement)
{
    int code = ask(&asker, statement);

    free(statement);
    return code;
}

#define ask_with(format, value) ask_and_free(mem_format(format, value))

#define UPDATE_201                                                                             \
    "UPDATE heartbeat.heartbeat SET counter = counter + 1, applied_epoch = %s "                \
    "WHERE server_id = 201"

static void takes_what_appliers_write(void)
{
    CHECK(facts_of(clusters[EAST].appliers, 201).way == REPORT_NONE);
    CHECK(ask_with(UPDATE_201, epochs[0]) == 0 && asker.affected == 1 && asker.warnings == 0);
    CHECK(has_applied(clusters[EAST].appliers, 201, epochs[0]));
    CHECK(facts_of(clusters[EAST].appliers, 201).way == REPORT_ENDPOINT);
    CHECK(
        ask_with("INSERT INTO heartbeat.heartbeat (server_id, applied_epoch) VALUES (201, %s) "
                 "ON DUPLICATE KEY UPDATE applied_epoch = VALUES(applied_epoch)",
                 epochs[1]) == 0);
    CHECK(has_applied(clusters[EAST].appliers, 201, epochs[1]));
    CHECK(
        ask_with("REPLACE INTO heartbeat.heartbeat (server_id, applied_epoch, source_cluster) "
                 "VALUES (201, %s, 199)",
                 epochs[2]) == 0);
    CHECK(has_applied(clusters[EAST].appliers, 201, epochs[2]));
}

static void a_counter_is_a_sign_of_life_and_no_report(void)
{
    struct error error;

    /* Were the row's old epoch reported again, it would be taken: it was set back by hand. */
    CHECK_OK(applier_registry_set_epoch(clusters[EAST].appliers, 201,
                                        strtoull(epochs[0], NULL, 10), &error),
             &error);
    asker.clock_usec += 30 * UINT64_C(1000000);
    CHECK(ask(&asker, "UPDATE heartbeat.heartbeat SET counter = counter + 1 WHERE server_id = "
                      "201") == 0);
    CHECK(has_applied(clusters[EAST].appliers, 201, epochs[0]));
    CHECK(facts_of(clusters[EAST].appliers, 201).seen_usec == asker.clock_usec);
    asker.clock_usec += 30 * UINT64_C(1000000);
    CHECK(ask(&asker,
              "UPDATE heartbeat.heartbeat SET counter = counter WHERE server_id = 201") == 0);
    CHECK(asker.affected == 0); /* the row stays as it is */
    CHECK(facts_of(clusters[EAST].appliers, 201).seen_usec == asker.clock_usec);
    CHECK(ask_with(UPDATE_201, epochs[0]) == 0);
}

static void refuses_epochs_that_cannot_be(void)
{
    size_t before = refusals("applier 201");

    CHECK(ask(&asker, "UPDATE heartbeat.heartbeat SET counter = 5 WHERE server_id = 201") == 0);
    CHECK(ask_with(UPDATE_201, epochs[1]) == 0);
    CHECK(ask_with(UPDATE_201, epochs[0]) == 3819);
    CHECK(strstr(asker.error.message, "which it reported before") != NULL);
    CHECK(refusals("applier 201") == before + 1);
    CHECK(ask_with(UPDATE_201, "0") == 3819);
    CHECK(strstr(asker.error.message, "0 is no epoch") != NULL);
    CHECK(ask_with(UPDATE_201, "18446744073709551615") == 3819);
    CHECK(strstr(asker.error.message, newest) != NULL);
    CHECK(ask_with(UPDATE_201, "18446744073709551616") == 1264);
    CHECK(ask_with(UPDATE_201, "'many'") == 1366);
    CHECK(ask_with("UPDATE heartbeat.heartbeat SET applied_epoch = %s, source_cluster = 299 "
                   "WHERE server_id = 201",
                   epochs[1]) == 3819); /* it is no applier of west */
    CHECK(ask(&asker, "UPDATE heartbeat.heartbeat SET source_cluster = 299 WHERE server_id = "
                      "201") == 3819); /* whose epoch it is, is a report too */
    CHECK(ask_with("UPDATE heartbeat.heartbeat SET applied_epoch = %s, source_cluster = 7 "
                   "WHERE server_id = 201",
                   epochs[1]) == 3819);
    CHECK(ask_with("UPDATE heartbeat.heartbeat SET applied_epoch = %s WHERE server_id = 202",
                   epochs[1]) == 3819); /* of which of the two clusters? */
    CHECK(has_applied(clusters[EAST].appliers, 201, epochs[1]));
    CHECK(is_answer(&asker, "SELECT counter FROM heartbeat.heartbeat WHERE server_id = 201",
                    "6"));
    CHECK(is_answer(&asker,
                    "SELECT applied_epoch FROM heartbeat.heartbeat WHERE server_id = 201",
                    epochs[1]));
}

static void one_bad_row_changes_nothing(void)
{
    CHECK(ask_with("INSERT INTO heartbeat.heartbeat (server_id, counter, applied_epoch) VALUES "
                   "(900, 1, 7), (201, 77, %s), (201, 78, 0) ON DUPLICATE KEY UPDATE counter = "
                   "VALUES(counter), applied_epoch = VALUES(applied_epoch)",
                   epochs[2]) == 3819);
    CHECK(is_answer(&asker, "SELECT COUNT(*) FROM heartbeat.heartbeat WHERE server_id = 900",
                    "0"));
    CHECK(is_answer(&asker, "SELECT counter FROM heartbeat.heartbeat WHERE server_id = 201",
                    "6"));
    CHECK(has_applied(clusters[EAST].appliers, 201, epochs[1]));
}

static void who_is_unknown_is_shown_with_a_warning(void)
{
    CHECK(ask(&asker, "INSERT INTO heartbeat.heartbeat (server_id, applied_epoch) VALUES (999, "
                      "7)") == 0);
    CHECK(asker.affected == 1 && asker.warnings == 1);
    CHECK(is_answer(&asker, "SELECT @@warning_count", "1"));
    CHECK(ask(&asker, "SHOW WARNINGS") == 0 && rows_of(&asker) == 1);
    CHECK(is_value(&asker, 0, 0, "Warning") && is_value(&asker, 0, 1, "3819") &&
          is_value(&asker, 0, 2, "no cluster knows applier 999"));
    CHECK(is_answer(
        &asker, "SELECT applied_epoch FROM heartbeat.heartbeat WHERE server_id = 999", "7"));
    CHECK(ask(&asker,
              "UPDATE heartbeat.heartbeat SET applied_epoch = 6 WHERE server_id = 999") == 0);
    CHECK(asker.warnings == 1);
    CHECK(refusals("applier 999") == 1); /* said once */
    CHECK(ask(&asker, "UPDATE heartbeat.heartbeat SET counter = 1 WHERE server_id = 201") == 0);
    CHECK(asker.warnings == 0);
    CHECK(ask(&asker, "SHOW WARNINGS") == 0 && rows_of(&asker) == 0);
}

static void an_account_reports_for_its_own_clusters(void)
{
    size_t number = EAST;
    const struct account account = {.clusters = &number, .cluster_count = 1};
    char epoch[24];

    asker.sql.cluster = &clusters[WEST];
    CHECK(ask(&asker, "SELECT epoch FROM mysql.ndb_binlog_index ORDER BY epoch") == 0);
    take_value(epoch, 0);
    asker.sql.cluster = &clusters[EAST];
    asker.sql.account = &account;
    CHECK(ask_with("UPDATE heartbeat.heartbeat SET applied_epoch = %s WHERE server_id = 301",
                   epoch) == 3819);
    CHECK(strstr(asker.error.message, "west") != NULL);
    CHECK(ask_with("UPDATE heartbeat.heartbeat SET applied_epoch = %s, source_cluster = 299 "
                   "WHERE server_id = 202",
                   epoch) == 3819);
    CHECK(refusals("Report refused") == 0 && refusals("the cluster (by endpoint)") >= 1);
    CHECK(refusals("applier 301") == 1 && refusals("applier 202") >= 1);
    CHECK(facts_of(clusters[WEST].appliers, 301).applied.epoch == 0);
    CHECK(ask_with("UPDATE heartbeat.heartbeat SET applied_epoch = %s, source_cluster = 199 "
                   "WHERE server_id = 202",
                   epochs[0]) == 0);
    asker.sql.account = NULL;
    CHECK(ask_with("UPDATE heartbeat.heartbeat SET applied_epoch = %s WHERE server_id = 301",
                   epoch) == 0);
    CHECK(has_applied(clusters[WEST].appliers, 301, epoch));
}

/* What liveness probes ask, where the source's clock is an hour ahead. */
static void times_are_those_of_the_sources_clock(void)
{
    static const char probe[] = "SELECT TIMESTAMPDIFF(SECOND, updated_at, NOW()) FROM "
                                "heartbeat.heartbeat WHERE server_id = 201";

    cluster_board_set_clock_offset(clusters[EAST].board, 3600 * INT64_C(1000000));
    asker.clock_usec = (ASKER_CLOCK_SEC + 100) * UINT64_C(1000000);
    CHECK(is_answer(&asker, "SELECT NOW()", "2023-11-14 23:15:00"));
    CHECK(is_answer(&asker, "SELECT UNIX_TIMESTAMP()", "1700003700"));
    CHECK(is_answer(&asker, "SELECT UNIX_TIMESTAMP(NOW(6)) - 0.0 = 1700003700", "1"));
    CHECK(ask(&asker, "UPDATE heartbeat.heartbeat SET counter = 100 WHERE server_id = 201") ==
          0);
    CHECK(is_answer(&asker, "SELECT updated_at FROM heartbeat.heartbeat WHERE server_id = 201",
                    "2023-11-14 23:15:00"));
    asker.clock_usec += 42 * UINT64_C(1000000);
    CHECK(is_answer(&asker, probe, "42"));
    cluster_board_set_clock_offset(clusters[EAST].board, 3600 * INT64_C(1000000) + 20000);
    CHECK(cluster_board_clock_offset(clusters[EAST].board) == 3600 * INT64_C(1000000));
    cluster_board_set_clock_offset(clusters[EAST].board, -5000000);
    CHECK(is_answer(&asker, "SELECT UNIX_TIMESTAMP()", "1700000137"));
}

int main(void)
{
    open_all();
    takes_what_appliers_write();
    a_counter_is_a_sign_of_life_and_no_report();
    refuses_epochs_that_cannot_be();
    one_bad_row_changes_nothing();
    who_is_unknown_is_shown_with_a_warning();
    an_account_reports_for_its_own_clusters();
    times_are_those_of_the_sources_clock();
    close_all();
    return 0;
}
