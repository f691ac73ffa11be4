/* SPDX-License-Identifier: Apache-2.0 */
/* What replicas, clients and connectors ask, and what they get. */
#include "sql_asker.h"

static struct asker asker;

static void answers_what_a_receiver_of_mysql_asks(void)
{
    test_cluster_fill(&asker.cluster, 1, "mysql97-mixed.binlog");
    test_cluster_connect(&asker.cluster, "9.7.4", "ON", false);
    CHECK(is_answer(&asker, "SELECT UNIX_TIMESTAMP()", "1700000000"));
    CHECK(is_answer(&asker, "SELECT @@GLOBAL.SERVER_ID", "199"));
    CHECK(ask(&asker, "SET @master_heartbeat_period = 30000001024, @source_heartbeat_period = "
                      "30000001024") == 0);
    CHECK(is_answer(&asker, "SELECT @source_heartbeat_period", "30000001024"));
    CHECK(ask(&asker, "SET @master_binlog_checksum = @@global.binlog_checksum, "
                      "@source_binlog_checksum = @@global.binlog_checksum") == 0);
    CHECK(is_answer(&asker, "SELECT @source_binlog_checksum", "CRC32"));
    CHECK(is_answer(&asker, "SELECT @master_binlog_checksum", "CRC32"));
    CHECK(is_answer(&asker, "SELECT @@GLOBAL.GTID_MODE", "ON"));
    CHECK(is_answer(&asker, "SELECT @@GLOBAL.SERVER_UUID", asker.cluster.uuid));
    CHECK(ask(&asker, "SET @slave_uuid = '8a94f357-aab4-11df-86ab-c80aa9429562', "
                      "@replica_uuid = '8a94f357-aab4-11df-86ab-c80aa9429562'") == 0);
    CHECK(ask(&asker, "SELECT @@global.rpl_semi_sync_source_enabled") == 1193);
    CHECK(ask(&asker, "SET @rpl_semi_sync_replica= 1") == 0);
    CHECK(ask(&asker, "SET @`master_binlog_checksum`='NONE'") == 0);
    CHECK(is_answer(&asker, "SELECT @master_binlog_checksum", "NONE"));
}

static void answers_what_the_mysql_client_asks(void)
{
    CHECK(is_answer(&asker, "select @@version_comment limit 1", "binrelay"));
    CHECK(ask(&asker, "select $$") == 1054);
    CHECK(is_answer(&asker, "SELECT DATABASE()", NULL));
    CHECK(ask(&asker, "USE mysql") == 0);
    CHECK(is_answer(&asker, "SELECT DATABASE()", "mysql"));
    CHECK(ask(&asker, "use nowhere") == 1049);
    CHECK(ask(&asker, "SET NAMES utf8mb4") == 0);
    CHECK(ask(&asker, "show warnings") == 0 && rows_of(&asker) == 0);
    CHECK(ask(&asker, "show databases") == 0 && rows_of(&asker) == 5);
    CHECK(ask(&asker, "select USER(), CURRENT_USER(), CONNECTION_ID() limit 1") == 0);
    CHECK(is_value(&asker, 0, 0, "repl@10.0.0.7"));
    CHECK(is_value(&asker, 0, 1, "repl@%"));
    CHECK(is_value(&asker, 0, 2, "7"));
}

static void answers_what_connectors_ask(void)
{
    CHECK(ask(&asker,
              "/* mysql-connector-j-8.3.0 (Revision: 123) */SELECT  "
              "@@session.auto_increment_increment AS auto_increment_increment, "
              "@@character_set_client AS character_set_client, @@character_set_connection AS "
              "character_set_connection, @@character_set_results AS character_set_results, "
              "@@character_set_server AS character_set_server, @@collation_server AS "
              "collation_server, @@collation_connection AS collation_connection, "
              "@@init_connect AS init_connect, @@interactive_timeout AS interactive_timeout, "
              "@@license AS license, @@lower_case_table_names AS lower_case_table_names, "
              "@@max_allowed_packet AS max_allowed_packet, @@net_write_timeout AS "
              "net_write_timeout, @@performance_schema AS performance_schema, @@sql_mode AS "
              "sql_mode, @@system_time_zone AS system_time_zone, @@time_zone AS time_zone, "
              "@@transaction_isolation AS transaction_isolation, @@wait_timeout AS "
              "wait_timeout") == 0);
    CHECK(rows_of(&asker) == 1 && asker.set.columns == 19);
    CHECK(is_value(&asker, 0, 0, "1"));
    CHECK(is_value(&asker, 0, 13, "0")); /* a switch is a number in SELECT */
    CHECK(ask(&asker, "SET character_set_results = NULL") == 0);
    CHECK(is_answer(&asker, "SELECT @@character_set_results", NULL));
    CHECK(ask(&asker, "SET autocommit=1, sql_mode = concat(@@sql_mode,',STRICT_ALL_TABLES')") ==
          0);
    CHECK(ask(&asker, "SET sql_mode='STRICT_TRANS_TABLES'") == 0);
    CHECK(is_answer(&asker, "SELECT @@SESSION.sql_mode", "STRICT_TRANS_TABLES"));
    CHECK(ask(&asker, "SET sql_mode=(SELECT REPLACE(@@sql_mode, 'A,B', '')), autocommit=0") ==
          0);
    CHECK(is_answer(&asker, "SELECT @@autocommit", "0"));
    CHECK(is_answer(&asker, "SELECT @@global.autocommit", "1"));
    CHECK(ask(&asker, "SET autocommit=DEFAULT;") == 0);
    CHECK(is_answer(&asker, "SELECT @@autocommit", "1"));
    CHECK(ask(&asker, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY") ==
          0);
    CHECK(ask(&asker, "START TRANSACTION WITH CONSISTENT SNAPSHOT") == 0);
    CHECK(ask(&asker, "begin") == 0 && ask(&asker, "COMMIT") == 0 &&
          ask(&asker, "ROLLBACK") == 0);
    CHECK(ask(&asker, "SELECT 1 AS one, 'x' y, NULL, -5, 1.5 FROM DUAL LIMIT 1") == 0);
    CHECK(is_value(&asker, 0, 0, "1") && is_value(&asker, 0, 1, "x"));
    CHECK(is_value(&asker, 0, 2, NULL) && is_value(&asker, 0, 3, "-5"));
    CHECK(ask(&asker, "SELECT 1 LIMIT 0") == 0 && rows_of(&asker) == 0);
    CHECK(is_answer(&asker, "SELECT @a := 5", "5"));
    CHECK(is_answer(&asker, "SELECT IFNULL(@nothing, @A)", "5"));
    CHECK(is_answer(&asker, "SELECT NOW()", "2023-11-14 22:13:20"));
    CHECK(is_answer(&asker, "/*!40101 SELECT */ VERSION()", "9.7.4"));
}

static void shows_variables(void)
{
    CHECK(ask(&asker, "SHOW GLOBAL VARIABLES LIKE 'BINLOG_CHECKSUM'") == 0);
    CHECK(rows_of(&asker) == 1 && is_value(&asker, 0, 0, "binlog_checksum"));
    CHECK(is_value(&asker, 0, 1, "CRC32"));
    CHECK(ask(&asker, "SHOW VARIABLES LIKE 'SERVER_ID'") == 0 && is_value(&asker, 0, 1, "199"));
    CHECK(ask(&asker, "SHOW VARIABLES LIKE 'log_bin'") == 0 && is_value(&asker, 0, 1, "ON"));
    CHECK(ask(&asker, "SHOW VARIABLES LIKE 'rpl_semi_sync%'") == 0 && rows_of(&asker) == 0);
    CHECK(ask(&asker, "SHOW VARIABLES WHERE Variable_name IN ('version', 'gtid_mode')") == 0);
    CHECK(rows_of(&asker) == 2 && is_value(&asker, 0, 0, "gtid_mode"));
    CHECK(ask(&asker, "SHOW VARIABLES") == 0 && rows_of(&asker) > 100);
    CHECK(ask(&asker, "SHOW VARIABLES LIKE 'identity'") == 0 && rows_of(&asker) == 0);
    CHECK(ask(&asker, "SHOW STATUS LIKE 'Uptime'") == 0 && rows_of(&asker) == 1);
    CHECK(ask(&asker, "SHOW GLOBAL STATUS LIKE 'nothing'") == 0 && rows_of(&asker) == 0);
}

static void stays_calm_about_what_it_does_not_know(void)
{
    CHECK(ask(&asker, "CREATE TABLE t (a INT)") == 1064);
    CHECK(strstr(asker.error.message, "CREATE TABLE t") != NULL);
    CHECK(ask(&asker, "") == 1065);
    CHECK(ask(&asker, " ;\n") == 1065);
    CHECK(ask(&asker, " ; /* nothing */ ") == 0 && ask(&asker, "-- nothing") == 0);
    CHECK(ask(&asker, "SELECT") == 1064);
    CHECK(ask(&asker, "SELECT 1; SELECT 2") == 1064);
    CHECK(ask(&asker, "SELECT 1 +") == 1064);
    CHECK(ask(&asker, "SELECT 'open") == 1064);
    CHECK(ask(&asker, "SELECT @@no_such_thing") == 1193);
    CHECK(ask(&asker, "SELECT no_such_function(1)") == 1305);
    CHECK(ask(&asker, "SELECT version(1)") == 1305);
    CHECK(is_answer(&asker, "SELECT ((((((((((((((((((((1))))))))))))))))))))", "1"));
    CHECK(ask(&asker,
              "SELECT (((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((1"
              ")))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))") == 1064);
    CHECK(ask(&asker, "SET no_such_thing = 1") == 1193);
    CHECK(ask(&asker, "SET version = '1'") == 1238);
    CHECK(ask(&asker, "SET GLOBAL sql_mode = ''") == 1235);
    CHECK(ask(&asker, "SET @a") == 1064);
    CHECK(ask(&asker, "SET @ = 1") == 1064);
    CHECK(ask(&asker, "SHOW NOTHING") == 1064);
    CHECK(ask(&asker, "SELECT epoch FROM mysql.no_such_table WHERE epoch = 1") == 1146);
    CHECK(strstr(asker.error.message, "mysql.no_such_table") != NULL);
    CHECK(ask(&asker, "FLUSH BINARY LOGS") == 1235);
    CHECK(ask(&asker, "KILL 99") == 1094);
    CHECK(ask(&asker, "KILL x") == 1064);
}

static void asks_for_rights(void)
{
    asker.sql.rights = RIGHT_REPLICATE;
    CHECK(ask(&asker, "SHOW BINARY LOGS") == 0);
    CHECK(ask(&asker, "SHOW REPLICA STATUS") == 1227);
    CHECK(ask(&asker, "SELECT * FROM mysql.ndb_binlog_index") == 0);
    CHECK(ask(&asker, "SELECT * FROM binrelay.clusters") == 1142);
    CHECK(ask(&asker, "KILL 1") == 1227);
    CHECK(ask(&asker, "FLUSH BINARY LOGS") == 1227);
    CHECK(ask(&asker, "PURGE BINARY LOGS TO 'binlog.000002'") == 1227);
    CHECK(ask(&asker, "SET GLOBAL sql_mode = ''") == 1227);
    CHECK(ask(&asker, "SHOW GRANTS FOR CURRENT_USER()") == 0);
    CHECK(is_value(&asker, 0, 0,
                   "GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO `repl`@`%`"));
    asker.sql.rights = RIGHT_REPORT;
    CHECK(ask(&asker, "SHOW BINARY LOGS") == 1227);
    CHECK(is_answer(&asker, "SELECT @@server_id", "199"));
    asker.sql.rights = ASKER_RIGHTS;
}

static void keeps_only_so_much_for_a_session(void)
{
    autofree char *long_value = mem_raw(100001);
    autofree char *statement = NULL;
    char name[40];
    int code = 0;

    memset(long_value, 'x', 100000);
    long_value[100000] = '\0';
    for (int at = 0; at < 3; at++) {
        free(statement);
        statement = mem_format("SET @long%d = '%s'", at, long_value);
        code = ask(&asker, statement);
    }
    CHECK(code == 1105); /* three are over 256 KiB */
    CHECK(ask(&asker, "SET @long0 = 1, @long1 = 1") == 0);
    for (int at = 0; at < 200; at++) {
        (void)snprintf(name, sizeof(name), "SET @n%d = %d", at, at);
        code = ask(&asker, name);
    }
    CHECK(code == 1105);
    CHECK(is_answer(&asker, "SELECT @n5", "5")); /* what was set stays */
}

static void an_answer_that_would_be_huge_is_refused(void)
{
    autofree char *value = mem_raw(200001);
    autofree char *statement = NULL;
    struct buffer many = {0};

    memset(value, 'x', 200000);
    value[200000] = '\0';
    sql_assigned_release(&asker.sql.assigned);
    statement = mem_format("SET @x = '%s'", value);
    CHECK(ask(&asker, statement) == 0);
    buffer_add_text(&many, "SELECT @x");
    for (int at = 0; at < 200; at++) {
        buffer_add_text(&many, ",@x");
    }
    CHECK(ask_bytes(&asker, buffer_bytes(&many)) == 1153);
    for (int at = 0; at < 400; at++) {
        buffer_add_text(&many, ",@y");
    }
    CHECK(ask_bytes(&asker, buffer_bytes(&many)) != 0);
    buffer_release(&many);
}

int main(void)
{
    asker_open(&asker);
    answers_what_a_receiver_of_mysql_asks();
    answers_what_the_mysql_client_asks();
    answers_what_connectors_ask();
    shows_variables();
    stays_calm_about_what_it_does_not_know();
    asks_for_rights();
    keeps_only_so_much_for_a_session();
    an_answer_that_would_be_huge_is_refused();
    asker_close(&asker);
    return 0;
}
