/* SPDX-License-Identifier: Apache-2.0 */
/* PURGE BINARY LOGS as clients write it: what is asked of who purges, and what is refused. */
#include "sql_asker.h"

static struct asker asker;

/* Who purges: notes what was asked, and answers as told. */
static struct {
    unsigned asked;
    uint64_t before_file;
    uint64_t before_usec;
    enum status answer;
} purger;

static enum status purge(void *context,
                         uint64_t before_file,
                         uint64_t before_usec,
                         struct error *error)
{
    CHECK(context == &purger);
    purger.asked++;
    purger.before_file = before_file;
    purger.before_usec = before_usec;
    return purger.answer == STATUS_OK
               ? STATUS_OK
               : error_set(error, purger.answer, "applier 201 needs it from binlog.000001");
}

static bool asks_for(const char *statement, uint64_t before_file, uint64_t before_usec)
{
    unsigned asked = purger.asked;
    int code = ask(&asker, statement);

    if (code != 0 || purger.asked != asked + 1) {
        fprintf(stderr, "%s: error %d %s\n", statement, code, asker.error.message);
        return false;
    }
    return purger.before_file == before_file && purger.before_usec == before_usec;
}

static void purges_to_a_file(void)
{
    CHECK(asks_for("PURGE BINARY LOGS TO 'binlog.000002'", 2, 0));
    CHECK(asks_for("purge master logs to \"binlog.000003\";", 3, 0));
    CHECK(asks_for("PURGE BINARY LOGS TO binlog.000002", 2, 0));
    CHECK(asks_for("PURGE BINARY LOGS TO `binlog.000001` ;", 1, 0));
    CHECK(asks_for("PURGE /* these */ BINARY LOGS TO binlog.000003;  ", 3, 0));
}

static void purges_what_is_older_than_a_time(void)
{
    const uint64_t now_usec = ASKER_CLOCK_SEC * UINT64_C(1000000);

    CHECK(asks_for("PURGE BINARY LOGS BEFORE '2023-11-14 22:13:20'", 0, now_usec));
    CHECK(asks_for("PURGE MASTER LOGS BEFORE 20231114221320", 0, now_usec));
    CHECK(asks_for("PURGE BINARY LOGS BEFORE NOW()", 0, now_usec));
    CHECK(asks_for("PURGE BINARY LOGS BEFORE DATE_SUB(NOW(), INTERVAL 2 DAY)", 0,
                   now_usec - 2 * 86400 * UINT64_C(1000000)));
    CHECK(asks_for("PURGE BINARY LOGS BEFORE NOW() - INTERVAL 1 HOUR;", 0,
                   now_usec - 3600 * UINT64_C(1000000)));
    cluster_board_set_clock_offset(asker.cluster.board, 10 * INT64_C(1000000));
    CHECK(asks_for("PURGE BINARY LOGS BEFORE '2023-11-14 22:13:30'", 0, now_usec));
    cluster_board_set_clock_offset(asker.cluster.board, 0);
}

static void refuses_what_a_server_would(void)
{
    unsigned asked = purger.asked;

    CHECK(ask(&asker, "PURGE BINARY LOGS TO 'binlog.000009'") == 1373);
    CHECK(ask(&asker, "PURGE BINARY LOGS TO 'binlog.2'") == 1373);
    CHECK(ask(&asker, "PURGE BINARY LOGS TO 'other.000002'") == 1373);
    CHECK(ask(&asker, "PURGE BINARY LOGS TO ''") == 1373);
    CHECK(ask(&asker, "PURGE BINARY LOGS TO '../control.db'") == 1373);
    CHECK(ask(&asker, "PURGE BINARY LOGS BEFORE NULL") == 1210);
    CHECK(ask(&asker, "PURGE BINARY LOGS BEFORE 'yesterday'") == 1210);
    CHECK(ask(&asker, "PURGE BINARY LOGS") == 1064);
    CHECK(ask(&asker, "PURGE LOGS TO 'binlog.000002'") == 1064);
    CHECK(ask(&asker, "PURGE BINARY LOGS TO 'binlog.000002' AND MORE") == 1064);
    CHECK(ask(&asker, "PURGE BINARY LOGS TO 'binlog.000002") == 1064);
    CHECK(ask(&asker, "PURGE BINARY LOGS BEFORE '2023-11-14' MORE") == 1064);
    asker.sql.rights = RIGHT_READ | RIGHT_REPORT | RIGHT_REPLICATE;
    CHECK(ask(&asker, "PURGE BINARY LOGS TO 'binlog.000002'") == 1227);
    asker.sql.rights = ASKER_RIGHTS;
    asker.sql.cluster = NULL;
    CHECK(ask(&asker, "PURGE BINARY LOGS TO 'binlog.000002'") == 1046);
    asker.sql.cluster = &asker.cluster.served;
    asker.cluster.served.purge_logs = NULL;
    CHECK(ask(&asker, "PURGE BINARY LOGS TO 'binlog.000002'") == 1235);
    asker.cluster.served.purge_logs = purge;
    CHECK(purger.asked == asked);
}

static void purges_for_one_at_a_time(void)
{
    unsigned asked = purger.asked;

    atomic_store(asker.world.is_purging, true);
    CHECK(ask(&asker, "PURGE BINARY LOGS TO 'binlog.000002'") == 1205);
    CHECK(purger.asked == asked);
    atomic_store(asker.world.is_purging, false);
    CHECK(asks_for("PURGE BINARY LOGS TO 'binlog.000002'", 2, 0));
    CHECK(!atomic_load(asker.world.is_purging));
}

static void says_who_needs_it(void)
{
    purger.answer = STATUS_DENIED;
    CHECK(ask(&asker, "PURGE BINARY LOGS TO 'binlog.000002'") == 1378);
    CHECK(strstr(asker.error.message, "applier 201 needs it") != NULL);
    purger.answer = STATUS_NOT_FOUND; /* it went just now */
    CHECK(ask(&asker, "PURGE BINARY LOGS TO 'binlog.000002'") == 1373);
    purger.answer = STATUS_SYSTEM;
    CHECK(ask(&asker, "PURGE BINARY LOGS TO 'binlog.000002'") == 1105);
    purger.answer = STATUS_OK;
}

int main(void)
{
    asker_open(&asker);
    asker.cluster.served.purge_logs = purge;
    asker.cluster.served.purge_context = &purger;
    test_cluster_fill(&asker.cluster, 1, "mysql97-mixed.binlog");
    test_cluster_fill(&asker.cluster, 2, "mysql97-compressed.binlog");
    test_cluster_fill(&asker.cluster, 3, "mysql97-mixed.binlog");
    purges_to_a_file();
    purges_what_is_older_than_a_time();
    refuses_what_a_server_would();
    says_who_needs_it();
    purges_for_one_at_a_time();
    asker_close(&asker);
    return 0;
}
