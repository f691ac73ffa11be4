/* SPDX-License-Identifier: Apache-2.0 */
/* SHOW of what the relay stores, pulls and serves. */
#include "sql_asker.h"

static struct asker asker;

/* A recording has other sizes, ids and positions each time: what is compared comes from the
 * store. */
static void shows_the_logs_of_mysql(void)
{
    char offset[24];
    struct binlog_position end;

    CHECK(ask(&asker, "SHOW MASTER STATUS") == 0 && rows_of(&asker) == 0);
    CHECK(ask(&asker, "SHOW BINARY LOGS") == 0 && rows_of(&asker) == 0);
    CHECK(ask(&asker, "SHOW BINLOG EVENTS") == 0 && rows_of(&asker) == 0);
    test_cluster_fill(&asker.cluster, 41, "mysql97-mixed.binlog");
    test_cluster_fill(&asker.cluster, 42, "mysql97-compressed.binlog");
    test_cluster_connect(&asker.cluster, "9.7.4", "ON", false);
    end = binlog_store_durable_end(asker.cluster.store);
    (void)snprintf(offset, sizeof(offset), "%lu", (unsigned long)end.offset);
    CHECK(ask(&asker, "show binary log status;") == 0 && asker.set.columns == 5);
    CHECK(is_value(&asker, 0, 0, "binlog.000042") && is_value(&asker, 0, 1, offset));
    CHECK(result_set_value(&asker.set, 0, 4).size > 36);
    CHECK(ask(&asker, "SHOW MASTER LOGS") == 0 && rows_of(&asker) == 2);
    CHECK(asker.set.columns == 3 && is_value(&asker, 0, 0, "binlog.000041"));
    CHECK(is_value(&asker, 1, 1, offset) && is_value(&asker, 1, 2, "No"));
}

static void shows_the_logs_of_mariadb(void)
{
    struct asker maria;

    asker_open(&maria);
    test_cluster_fill(&maria.cluster, 1, "mariadb1011-mixed.binlog");
    CHECK(ask(&maria, "SHOW MASTER STATUS") == 0 && maria.set.columns == 4);
    CHECK(ask(&maria, "SHOW BINARY LOGS") == 0 && maria.set.columns == 2);
    CHECK(is_answer(&maria, "SELECT @@GLOBAL.gtid_domain_id", "0"));
    CHECK(ask(&maria, "SELECT @@GLOBAL.gtid_mode") == 1193);
    CHECK(is_answer(&maria, "SELECT binlog_gtid_pos('binlog.000001',4)", ""));
    CHECK(is_answer(&maria, "SELECT binlog_gtid_pos('binlog.000001',5)", NULL));
    CHECK(is_answer(&maria, "SELECT binlog_gtid_pos('epoch.77',4)", NULL));
    CHECK(is_answer(&maria, "SELECT binlog_gtid_pos('other.000001',4)", NULL));
    CHECK(ask(&maria, "SELECT @@gtid_binlog_pos, @@gtid_binlog_state") == 0);
    CHECK(result_set_value(&maria.set, 0, 0).size >= 5);
    CHECK(ask(&maria, "SELECT VERSION()") == 0);
    CHECK(memcmp(result_set_value(&maria.set, 0, 0).data, "10.11", 5) == 0);
    CHECK(ask(&maria, "SHOW SLAVE STATUS") == 0 && maria.set.columns == 54);
    CHECK(ask(&maria, "SHOW ALL SLAVES STATUS") == 0 && maria.set.columns == 62);
    CHECK(ask(&maria, "SHOW BINLOG EVENTS LIMIT 3") == 0 && rows_of(&maria) == 3);
    CHECK(is_value(&maria, 1, 2, "Gtid_list") && is_value(&maria, 1, 5, "[]"));
    asker_close(&maria);
}

static void shows_the_events_of_a_file(void)
{
    uint64_t position = 0;
    size_t rows = 0;
    char statement[96];
    bool has_gtid = false;

    CHECK(ask(&asker, "SHOW BINLOG EVENTS IN 'binlog.000041' LIMIT 2") == 0);
    CHECK(rows_of(&asker) == 2 && is_value(&asker, 0, 1, "4"));
    CHECK(is_value(&asker, 0, 2, "Format_desc"));
    CHECK(memcmp(result_set_value(&asker.set, 0, 5).data, "Server ver: 9.7.4", 17) == 0);
    CHECK(is_value(&asker, 1, 2, "Previous_gtids"));
    CHECK(sql_text_to_number(result_set_value(&asker.set, 1, 1), &position));
    (void)snprintf(statement, sizeof(statement),
                   "SHOW BINLOG EVENTS IN 'binlog.000041' FROM %lu LIMIT 1, 5",
                   (unsigned long)position);
    CHECK(ask(&asker, statement) == 0 && rows_of(&asker) == 5);
    CHECK(ask(&asker, "SHOW BINLOG EVENTS IN 'binlog.000041'") == 0);
    rows = rows_of(&asker);
    CHECK(rows > 50 && rows <= 1000);
    for (size_t at = 0; at < rows; at++) {
        struct bytes info = result_set_value(&asker.set, at, 5);

        has_gtid = has_gtid ||
                   (info.size > 30 && memcmp(info.data, "SET @@SESSION.GTID_NEXT= '", 26) == 0);
    }
    CHECK(has_gtid);
    CHECK(is_value(&asker, rows - 1, 2, "Rotate"));
    CHECK(ask(&asker, "SHOW BINLOG EVENTS IN 'binlog.000041' FROM 5") == 1220);
    CHECK(ask(&asker, "SHOW BINLOG EVENTS IN 'binlog.000040'") == 1220);
    CHECK(ask(&asker, "SHOW BINLOG EVENTS IN '../etc/passwd'") == 1220);
    CHECK(ask(&asker, "SHOW BINLOG EVENTS FROM x") == 1064);
    CHECK(ask(&asker, "SHOW BINLOG EVENTS LIMIT 100000") == 0 && rows_of(&asker) == rows);
}

static void shows_the_relay_as_a_replica(void)
{
    CHECK(ask(&asker, "SHOW REPLICA STATUS FOR CHANNEL ''") == 0 && asker.set.columns == 60);
    CHECK(is_value(&asker, 0, 0, "Waiting for source to send event"));
    CHECK(is_value(&asker, 0, 1, "10.1.0.5") && is_value(&asker, 0, 3, "3307"));
    CHECK(is_value(&asker, 0, 10, "Yes") && is_value(&asker, 0, 11, "Yes"));
    CHECK(is_value(&asker, 0, 32, "0"));
    CHECK(ask(&asker, "SHOW SLAVE STATUS") == 0 && asker.set.columns == 60);
    CHECK(is_value(&asker, 0, 0, "Waiting for master to send event"));
    (void)cluster_board_set_state(asker.cluster.board, PULL_DENIED, "access denied", 2000000);
    CHECK(ask(&asker, "SHOW REPLICA STATUS") == 0);
    CHECK(is_value(&asker, 0, 10, "No") && is_value(&asker, 0, 32, NULL));
    CHECK(is_value(&asker, 0, 34, "1045") && is_value(&asker, 0, 35, "access denied"));
}

static void shows_how_tables_look(void)
{
    CHECK(ask(&asker, "SHOW COLUMNS FROM heartbeat.heartbeat") == 0 && asker.set.columns == 6);
    CHECK(rows_of(&asker) == 5 && is_value(&asker, 2, 0, "applied_epoch"));
    CHECK(is_value(&asker, 2, 1, "bigint unsigned") && is_value(&asker, 2, 2, "YES"));
    CHECK(ask(&asker, "show full fields from `files` in binrelay like 'name'") == 0);
    CHECK(asker.set.columns == 9 && is_value(&asker, 0, 0, "name"));
    CHECK(is_value(&asker, 0, 2, "utf8mb4_general_ci"));
    CHECK(ask(&asker, "DESCRIBE mysql.ndb_binlog_index") == 0 && rows_of(&asker) == 12);
    CHECK(ask(&asker, "desc mysql.ndb_binlog_index epoch;") == 0 && rows_of(&asker) == 1);
    CHECK(is_value(&asker, 0, 0, "epoch"));
    CHECK(ask(&asker, "DESCRIBE mysql.user") == 1146);
    CHECK(ask(&asker, "DESCRIBE") == 1064);
    CHECK(ask(&asker, "SHOW COLUMNS heartbeat") == 1064);
    CHECK(ask(&asker, "SHOW COLUMNS FROM heartbeat.") == 1064);
    asker.sql.rights = RIGHT_REPLICATE;
    CHECK(ask(&asker, "DESCRIBE binrelay.appliers") == 1227);
    asker.sql.rights = ASKER_RIGHTS;
}

static void shows_that_all_text_is_utf8(void)
{
    CHECK(ask(&asker, "SHOW COLLATION") == 0 && rows_of(&asker) == 1);
    CHECK(is_value(&asker, 0, 0, "utf8mb4_general_ci") && is_value(&asker, 0, 2, "45"));
    CHECK(ask(&asker, "SHOW COLLATION LIKE 'latin1%'") == 0 && rows_of(&asker) == 0);
    CHECK(ask(&asker, "SHOW CHARACTER SET WHERE Charset = 'utf8mb4'") == 0);
    CHECK(rows_of(&asker) == 1 && is_value(&asker, 0, 3, "4"));
}

static void fill_replica(struct session_entry *entry, const void *context)
{
    (void)context;
    strcpy(entry->facts.cluster, "east");
    strcpy(entry->facts.user, "other");
    strcpy(entry->replica_host, "replica-1");
    entry->facts.server_id = 201;
    entry->replica_port = 3306;
    entry->is_registered = true;
    entry->is_streaming = true;
}

static void move_west(struct session_entry *entry, const void *context)
{
    (void)context;
    strcpy(entry->facts.cluster, "west");
}

static void shows_sessions_and_replicas(void)
{
    const struct session_facts facts = {.state = "ready", .peer = "10.0.0.9:1234"};
    struct session_card *card = session_directory_add(asker.sql.directory, NULL, NULL, &facts);

    CHECK(ask(&asker, "SHOW FULL PROCESSLIST") == 0 && rows_of(&asker) == 1);
    CHECK(is_value(&asker, 0, 1, "unauthenticated user") && is_value(&asker, 0, 4, "Sleep"));
    CHECK(ask(&asker, "SHOW REPLICAS") == 0 && rows_of(&asker) == 0);
    session_directory_update(asker.sql.directory, card, fill_replica, NULL);
    CHECK(ask(&asker, "SHOW REPLICAS") == 0 && rows_of(&asker) == 1);
    CHECK(is_value(&asker, 0, 0, "201") && is_value(&asker, 0, 1, "replica-1"));
    CHECK(is_value(&asker, 0, 3, "199"));
    CHECK(ask(&asker, "SHOW PROCESSLIST") == 0 && is_value(&asker, 0, 4, "Binlog Dump"));
    asker.sql.rights = RIGHT_REPLICATE;
    CHECK(ask(&asker, "SHOW PROCESSLIST") == 0 && rows_of(&asker) == 0); /* another's */
    asker.sql.rights = RIGHT_READ;
    CHECK(ask(&asker, "SHOW PROCESSLIST") == 0 && rows_of(&asker) == 1);
    session_directory_update(asker.sql.directory, card, move_west, NULL);
    CHECK(ask(&asker, "SHOW PROCESSLIST") == 0 && rows_of(&asker) == 0); /* another cluster's */
    asker.sql.rights = RIGHT_ADMIN;
    CHECK(ask(&asker, "SHOW PROCESSLIST") == 0 && rows_of(&asker) == 1);
    asker.sql.rights = ASKER_RIGHTS;
    session_directory_remove(asker.sql.directory, card);
}

static void a_session_without_a_cluster_is_told_how_to_choose_one(void)
{
    asker.sql.cluster = NULL;
    CHECK(ask(&asker, "SHOW BINARY LOGS") == 1046);
    CHECK(strstr(asker.error.message, "repl+CLUSTER") != NULL);
    CHECK(ask(&asker, "SHOW REPLICA STATUS") == 1046);
    CHECK(ask(&asker, "SHOW BINLOG EVENTS") == 1046);
    CHECK(is_answer(&asker, "SELECT VERSION()", "8.4.0"));
    CHECK(is_answer(&asker, "SELECT @@gtid_executed", ""));
    CHECK(ask(&asker, "SHOW VARIABLES") == 0);
    asker.sql.cluster = &asker.cluster.served;
}

static void before_the_first_connect_it_goes_by_the_files(void)
{
    struct asker fresh;

    asker_open(&fresh);
    CHECK(ask(&fresh, "SELECT @@gtid_mode") == 1053); /* a replica comes again */
    test_cluster_fill(&fresh.cluster, 1, "mysql97-nochecksum.binlog");
    CHECK(is_answer(&fresh, "SELECT @@gtid_mode", "ON"));
    CHECK(is_answer(&fresh, "SELECT @@binlog_checksum", "NONE"));
    CHECK(is_answer(&fresh, "SELECT @@log_bin", "1"));
    asker_close(&fresh);
}

int main(void)
{
    asker_open(&asker);
    shows_the_logs_of_mysql();
    shows_the_logs_of_mariadb();
    shows_the_events_of_a_file();
    shows_the_relay_as_a_replica();
    shows_how_tables_look();
    shows_that_all_text_is_utf8();
    shows_sessions_and_replicas();
    a_session_without_a_cluster_is_told_how_to_choose_one();
    before_the_first_connect_it_goes_by_the_files();
    asker_close(&asker);
    return 0;
}
