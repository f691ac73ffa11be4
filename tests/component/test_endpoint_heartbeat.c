/* SPDX-License-Identifier: Apache-2.0 */
/* What appliers' scripts write to the heartbeat table, and what they read back. */
#include "sql_asker.h"

static struct asker asker;

static const char all[] =
    "SELECT server_id, counter, applied_epoch, source_cluster, updated_at "
    "FROM heartbeat.heartbeat ORDER BY server_id";

static bool is_row(size_t row, const char *const values[5])
{
    for (size_t column = 0; column < 5; column++) {
        if (!is_value(&asker, row, column, values[column])) {
            return false;
        }
    }
    return true;
}

static void inserts_with_defaults(void)
{
    CHECK(ask(&asker, "INSERT INTO heartbeat.heartbeat (server_id) VALUES (201)") == 0);
    CHECK(asker.affected == 1);
    CHECK(ask(&asker, all) == 0 && rows_of(&asker) == 1 && asker.set.columns == 5);
    CHECK(is_row(0, (const char *const[5]){"201", "0", NULL, NULL, "2023-11-14 22:13:20"}));
    CHECK(ask(&asker, "INSERT INTO heartbeat.heartbeat (server_id) VALUES (201)") == 1062);
    CHECK(ask(&asker,
              "INSERT IGNORE INTO heartbeat.heartbeat (server_id) VALUES (201), (202)") == 0);
    CHECK(asker.affected == 1);
    CHECK(ask(&asker, "INSERT heartbeat.heartbeat SET server_id = 203, counter = 1 + 1, "
                      "updated_at = '2020-02-03 04:05:06'") == 0);
    CHECK(ask(&asker, all) == 0 && rows_of(&asker) == 3);
    CHECK(is_row(2, (const char *const[5]){"203", "2", NULL, NULL, "2020-02-03 04:05:06"}));
    CHECK(ask(&asker, "INSERT INTO heartbeat.heartbeat VALUES (204, DEFAULT, 7, 199, DEFAULT), "
                      "(205, 1, NULL, NULL, NOW())") == 0);
    CHECK(asker.affected == 2);
    CHECK(ask(&asker, all) == 0 && rows_of(&asker) == 5);
    CHECK(is_row(3, (const char *const[5]){"204", "0", "7", "199", "2023-11-14 22:13:20"}));
}

static void updates_as_the_fields_scripts_do(void)
{
    asker.clock_usec += 5000000;
    CHECK(ask(&asker, "UPDATE heartbeat.heartbeat SET counter = counter + 1 WHERE "
                      "server_id=201") == 0);
    CHECK(asker.affected == 1);
    CHECK(ask(&asker, "UPDATE heartbeat.heartbeat SET counter=counter+1, "
                      "applied_epoch=94489280525 WHERE server_id=201;\n") == 0);
    CHECK(ask(&asker, all) == 0);
    CHECK(is_row(
        0, (const char *const[5]){"201", "2", "94489280525", NULL, "2023-11-14 22:13:25"}));
    CHECK(ask(&asker, "UPDATE heartbeat.heartbeat SET counter = 1 WHERE server_id = 999") == 0);
    CHECK(asker.affected == 0);
    CHECK(ask(&asker, "UPDATE heartbeat.heartbeat SET applied_epoch = 94489280525 WHERE "
                      "server_id = 201") == 0);
    CHECK(asker.affected == 0); /* nothing changed */
    CHECK(ask(&asker, "UPDATE heartbeat.heartbeat SET applied_epoch = 0x160000000D WHERE "
                      "server_id = 0xC9") == 0);
    CHECK(asker.affected == 0); /* the same in other words */
    CHECK(is_answer(&asker,
                    "SELECT server_id FROM heartbeat.heartbeat WHERE applied_epoch = "
                    "x'160000000D'",
                    "201"));
    CHECK(ask(&asker,
              "UPDATE heartbeat.heartbeat h SET h.counter = 9 ORDER BY h.server_id DESC "
              "LIMIT 2") == 0);
    CHECK(asker.affected == 2);
    CHECK(is_answer(&asker,
                    "SELECT COUNT(*) FROM heartbeat.heartbeat WHERE counter = 9 AND server_id "
                    "IN (204, 205)",
                    "2"));
    CHECK(ask(&asker,
              "SELECT server_id, TIMESTAMPDIFF(SECOND, updated_at, NOW()) AS "
              "seconds_since_update FROM heartbeat.heartbeat WHERE server_id = 202") == 0);
    CHECK(is_value(&asker, 0, 1, "5"));
}

static void inserts_or_updates(void)
{
    CHECK(ask(&asker,
              "INSERT INTO heartbeat.heartbeat (server_id, counter, applied_epoch) "
              "VALUES (201, 1, 94489280526) ON DUPLICATE KEY UPDATE counter = counter + "
              "1, applied_epoch = VALUES(applied_epoch)") == 0);
    CHECK(asker.affected == 2);
    CHECK(ask(&asker, "INSERT INTO heartbeat.heartbeat (server_id, counter) VALUES (206, 4) AS "
                      "new ON DUPLICATE KEY UPDATE counter = new.counter") == 0);
    CHECK(asker.affected == 1);
    CHECK(ask(&asker,
              "INSERT INTO heartbeat.heartbeat (server_id, counter) VALUES (206, 6) AS "
              "new ON DUPLICATE KEY UPDATE counter = new.counter + heartbeat.counter") == 0);
    CHECK(asker.affected == 2);
    CHECK(is_answer(&asker, "SELECT counter FROM heartbeat.heartbeat WHERE server_id = 206",
                    "10"));
    CHECK(is_answer(&asker,
                    "SELECT applied_epoch FROM heartbeat.heartbeat WHERE server_id = "
                    "201",
                    "94489280526"));
    CHECK(ask(&asker,
              "REPLACE INTO heartbeat.heartbeat (server_id, counter) VALUES (206, 1)") == 0);
    CHECK(asker.affected == 2);
    CHECK(ask(&asker, "REPLACE INTO heartbeat.heartbeat SET server_id = 207") == 0);
    CHECK(asker.affected == 1);
}

static void keeps_64_bits(void)
{
    CHECK(ask(&asker, "UPDATE heartbeat.heartbeat SET applied_epoch = 18446744073709551615 "
                      "WHERE server_id = 201") == 0);
    CHECK(is_answer(&asker,
                    "SELECT applied_epoch FROM heartbeat.heartbeat WHERE server_id = "
                    "201",
                    "18446744073709551615"));
    CHECK(is_answer(&asker,
                    "SELECT COUNT(*) FROM heartbeat.heartbeat WHERE applied_epoch > "
                    "9223372036854775807",
                    "1"));
    CHECK(ask(&asker, "UPDATE heartbeat.heartbeat SET counter = 18446744073709551615 + 1 WHERE "
                      "server_id = 201") == 1264);
}

/* Rounded up it would say more than was applied. */
static void takes_no_epoch_that_was_rounded(void)
{
    CHECK(ask(&asker, "UPDATE heartbeat.heartbeat SET applied_epoch = 4899916394579099648 * "
                      "1e0 WHERE server_id = 201") == 1264);
    CHECK(ask(&asker, "UPDATE heartbeat.heartbeat SET applied_epoch = 1234567890123 * 1e0 "
                      "WHERE server_id = 201") == 0);
    CHECK(is_answer(&asker,
                    "SELECT applied_epoch FROM heartbeat.heartbeat WHERE server_id = 201",
                    "1234567890123"));
    CHECK(ask(&asker, "UPDATE heartbeat.heartbeat SET applied_epoch = 4899916394579099648 "
                      "WHERE server_id = 201") == 0);
    CHECK(is_answer(&asker,
                    "SELECT applied_epoch FROM heartbeat.heartbeat WHERE server_id = 201",
                    "4899916394579099648"));
}

static void refuses_what_a_server_would(void)
{
    CHECK(ask(&asker, "INSERT INTO heartbeat.heartbeat (server_id) VALUES (4294967296)") ==
          1264);
    CHECK(ask(&asker, "INSERT INTO heartbeat.heartbeat (server_id) VALUES (-1)") == 1264);
    CHECK(ask(&asker, "INSERT INTO heartbeat.heartbeat (server_id) VALUES ('x')") == 1366);
    CHECK(ask(&asker, "INSERT INTO heartbeat.heartbeat (server_id) VALUES (NULL)") == 1048);
    CHECK(ask(&asker, "INSERT INTO heartbeat.heartbeat (counter) VALUES (1)") == 1364);
    CHECK(ask(&asker, "INSERT INTO heartbeat.heartbeat (server_id) VALUES (1, 2)") == 1136);
    CHECK(ask(&asker, "INSERT INTO heartbeat.heartbeat (nothing) VALUES (1)") == 1054);
    CHECK(ask(&asker, "INSERT INTO heartbeat.heartbeat (counter, counter) VALUES (1, 2)") ==
          1110);
    CHECK(ask(&asker, "UPDATE heartbeat.heartbeat SET counter = nothing") == 1054);
    CHECK(ask(&asker, "UPDATE heartbeat.heartbeat SET counter = counter + 1 WHERE") == 1064);
    CHECK(ask(&asker, "DELETE FROM heartbeat.heartbeat WHERE server_id = 201") == 1142);
    CHECK(ask(&asker, "TRUNCATE TABLE heartbeat.heartbeat") == 1142);
    CHECK(ask(&asker, "INSERT INTO mysql.ndb_apply_status (server_id) VALUES (1)") == 1142);
    CHECK(ask(&asker, "UPDATE mysql.ndb_binlog_index SET epoch = 1") == 1142);
    CHECK(ask(&asker, "UPDATE heartbeat.no_such_table SET counter = 1") == 1146);
    asker.sql.rights = RIGHT_READ | RIGHT_REPLICATE;
    CHECK(ask(&asker, "UPDATE heartbeat.heartbeat SET counter = 1") == 1142);
    asker.sql.rights = RIGHT_REPORT;
    CHECK(ask(&asker, "UPDATE heartbeat.heartbeat SET counter = 77 WHERE server_id = 201") ==
          0);
    CHECK(ask(&asker, all) == 0);
    CHECK(ask(&asker, "SELECT * FROM binrelay.sessions") == 1142);
    asker.sql.rights = ASKER_RIGHTS;
}

static void shows_the_tables_of_the_admin_commands(void)
{
    static const char *const tables[] = {"clusters", "sources", "appliers", "sessions",
                                         "files",    "gaps",    "pins",     "events"};

    test_cluster_fill(&asker.cluster, 1, "mysql97-mixed.binlog");
    for (size_t at = 0; at < sizeof(tables) / sizeof(tables[0]); at++) {
        autofree char *text = mem_format("SELECT * FROM binrelay.%s", tables[at]);

        CHECK(ask(&asker, text) == 0);
    }
    CHECK(is_answer(&asker, "SELECT name FROM binrelay.files", "binlog.000001"));
    CHECK(is_answer(&asker,
                    "SELECT f.bytes = c.store_bytes FROM binrelay.files f JOIN "
                    "binrelay.clusters c ON f.cluster = c.cluster",
                    "1"));
    CHECK(is_answer(&asker, "SELECT state FROM binrelay.clusters WHERE CLUSTER = 'EAST'",
                    "starting"));
}

int main(void)
{
    asker_open(&asker);
    inserts_with_defaults();
    updates_as_the_fields_scripts_do();
    inserts_or_updates();
    keeps_64_bits();
    takes_no_epoch_that_was_rounded();
    refuses_what_a_server_would();
    shows_the_tables_of_the_admin_commands();
    asker_close(&asker);
    return 0;
}
