/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/protocol/transaction.h"

#include <string.h>

#include "binlog_file.h"
#include "binrelay/protocol/mariadb_gtid.h"

enum { APPEND_BLOCK = 9, BEGIN_LOAD_QUERY = 17, EXECUTE_LOAD_QUERY = 18, WRITE_ROWS = 30 };

static bool is_gtid(uint8_t type)
{
    return type == BINLOG_GTID || type == BINLOG_ANONYMOUS_GTID || type == BINLOG_GTID_TAGGED ||
           type == BINLOG_MARIADB_GTID;
}

/* Follows a whole file. Every GTID event must find the tracker outside, and the end too. */
static size_t count_transactions(const char *name)
{
    struct binlog_file file = binlog_file_open(name);
    struct transaction_tracker tracker = {0};
    struct binlog_file_event event;
    size_t gtids = 0;
    size_t ends = 0;

    while (binlog_file_next(&file, &event)) {
        bool was_outside = tracker.place == TRANSACTION_OUTSIDE;
        bool is_outside = transaction_tracker_follow(&tracker, event.header.type, event.body);

        CHECK(!is_gtid(event.header.type) || (was_outside && !is_outside));
        gtids += is_gtid(event.header.type) ? 1 : 0;
        ends += is_outside && !was_outside ? 1 : 0;
    }
    CHECK(tracker.place == TRANSACTION_OUTSIDE);
    CHECK(ends == gtids);
    binlog_file_close(&file);
    return ends;
}

static void finds_each_transaction_of_recorded_files(void)
{
    CHECK(count_transactions("mysql97-mixed.binlog") == 51);
    CHECK(count_transactions("mysql97-anonymous.binlog") == 55);
    CHECK(count_transactions("mysql97-tagged.binlog") == 8);
    CHECK(count_transactions("mysql97-compressed.binlog") == 15);
    CHECK(count_transactions("mysql97-nochecksum.binlog") == 8);
    CHECK(count_transactions("mariadb1011-mixed.binlog") == 91);
    CHECK(count_transactions("mariadb1011-second.binlog") == 1);
    CHECK(count_transactions("mariadb1011-compressed.binlog") == 17);
    CHECK(count_transactions("ndb/a1/binlog.000002") == 1);
    CHECK(count_transactions("ndb/a1/binlog.000006") == 11);
}

static void needs_only_the_beginning_of_an_event(void)
{
    struct binlog_file file = binlog_file_open("mysql97-mixed.binlog");
    struct transaction_tracker whole = {0};
    struct transaction_tracker cut = {0};
    struct binlog_file_event event;

    while (binlog_file_next(&file, &event)) {
        bool is_outside = transaction_tracker_follow(&whole, event.header.type, event.body);

        event.body.size = event.body.size < 128 ? event.body.size : 128;
        CHECK(transaction_tracker_follow(&cut, event.header.type, event.body) == is_outside);
    }
    binlog_file_close(&file);
}

static bool follow(struct transaction_tracker *tracker, uint8_t type)
{
    return transaction_tracker_follow(tracker, type, (struct bytes){0});
}

static bool follow_query_of(struct transaction_tracker *tracker,
                            uint8_t type,
                            const char *statement)
{
    uint8_t head[4 + 4 + 1 + 2 + 2 + 1] = {0};
    struct buffer body = {0};
    bool is_outside = false;

    buffer_add(&body, head, sizeof(head));
    buffer_add_text(&body, statement);
    is_outside = transaction_tracker_follow(tracker, type, buffer_bytes(&body));
    buffer_release(&body);
    return is_outside;
}

static bool follow_query(struct transaction_tracker *tracker, const char *statement)
{
    return follow_query_of(tracker, BINLOG_QUERY, statement);
}

static bool follow_mariadb_gtid(struct transaction_tracker *tracker, uint8_t flags)
{
    uint8_t body[19] = {[12] = flags};

    return transaction_tracker_follow(tracker, BINLOG_MARIADB_GTID,
                                      (struct bytes){.data = body, .size = sizeof(body)});
}

static void a_savepoint_is_no_end(void)
{
    struct transaction_tracker tracker = {0};

    CHECK(!follow(&tracker, BINLOG_GTID));
    CHECK(!follow_query(&tracker, "BEGIN"));
    CHECK(!follow_query(&tracker, "SAVEPOINT `one`"));
    CHECK(!follow_query(&tracker, "ROLLBACK TO `one`"));
    CHECK(!follow_query(&tracker, "COMMIT "));
    CHECK(!follow_query(&tracker, "begin"));
    CHECK(follow_query(&tracker, "rollback"));
}

static void a_statement_alone_is_a_transaction(void)
{
    static const char *const statements[] = {"create table t (a int)", "COMMIT",
                                             "XA COMMIT 'x'", "BEGINNING", ""};

    for (size_t at = 0; at < sizeof(statements) / sizeof(statements[0]); at++) {
        struct transaction_tracker tracker = {0};

        CHECK(!follow(&tracker, BINLOG_GTID_TAGGED));
        CHECK(tracker.place == TRANSACTION_ANNOUNCED);
        CHECK(follow_query(&tracker, statements[at]));
    }
}

static void xa_transactions_end_with_their_prepare_and_again_with_their_commit(void)
{
    struct transaction_tracker tracker = {0};

    CHECK(!follow(&tracker, BINLOG_GTID));
    CHECK(!follow_query(&tracker, "XA START X'78',X'',1"));
    CHECK(!follow(&tracker, BINLOG_TABLE_MAP) && !follow(&tracker, WRITE_ROWS));
    CHECK(!follow_query(&tracker, "XA END X'78',X'',1"));
    CHECK(follow(&tracker, BINLOG_XA_PREPARE));
    CHECK(!follow(&tracker, BINLOG_GTID));
    CHECK(follow_query(&tracker, "XA ROLLBACK X'78',X'',1"));
}

static void a_payload_and_an_incident_are_whole(void)
{
    struct transaction_tracker tracker = {0};

    CHECK(!follow(&tracker, BINLOG_GTID) && follow(&tracker, BINLOG_TRANSACTION_PAYLOAD));
    CHECK(!follow(&tracker, BINLOG_ANONYMOUS_GTID) && follow(&tracker, BINLOG_INCIDENT));
    CHECK(follow(&tracker, BINLOG_INCIDENT));
}

static void works_without_gtids(void)
{
    struct transaction_tracker tracker = {0};

    CHECK(follow_query(&tracker, "create table t (a int)"));
    CHECK(!follow_query(&tracker, "BEGIN"));
    CHECK(!follow(&tracker, BINLOG_TABLE_MAP) && !follow(&tracker, WRITE_ROWS));
    CHECK(!follow_query(&tracker, "insert into t values (1)"));
    CHECK(follow(&tracker, BINLOG_XID));
    CHECK(!follow(&tracker, BINLOG_TABLE_MAP) && !follow(&tracker, WRITE_ROWS));
    CHECK(follow_query(&tracker, "COMMIT"));
}

static void variables_belong_to_the_statement_behind_them(void)
{
    struct transaction_tracker tracker = {0};

    CHECK(!follow(&tracker, BINLOG_INTVAR) && !follow(&tracker, BINLOG_RAND));
    CHECK(!follow(&tracker, BINLOG_USER_VAR));
    CHECK(follow_query(&tracker, "insert into t values (@a)"));
    CHECK(!follow(&tracker, BINLOG_GTID) && !follow(&tracker, BINLOG_USER_VAR));
    CHECK(follow_query(&tracker, "drop table t"));
    CHECK(!follow(&tracker, BEGIN_LOAD_QUERY) && !follow(&tracker, APPEND_BLOCK));
    CHECK(follow(&tracker, EXECUTE_LOAD_QUERY));
}

static void mariadbs_gtid_stands_for_the_begin(void)
{
    struct transaction_tracker tracker = {0};

    CHECK(!follow_mariadb_gtid(&tracker, MARIADB_GTID_TRANSACTIONAL));
    CHECK(!follow(&tracker, BINLOG_MARIADB_ANNOTATE_ROWS));
    CHECK(!follow_query(&tracker, "insert into t values (1)"));
    CHECK(!follow_query_of(&tracker, BINLOG_MARIADB_QUERY_COMPRESSED, "insert"));
    CHECK(follow(&tracker, BINLOG_XID));
    CHECK(!follow_mariadb_gtid(&tracker, MARIADB_GTID_PREPARED_XA));
    CHECK(!follow_query(&tracker, "XA END X'78',X'',1"));
    CHECK(follow(&tracker, BINLOG_XA_PREPARE));
}

static void mariadbs_standalone_group_is_one_statement(void)
{
    struct transaction_tracker tracker = {0};

    CHECK(!follow_mariadb_gtid(&tracker, MARIADB_GTID_STANDALONE | MARIADB_GTID_DDL));
    CHECK(tracker.place == TRANSACTION_STANDALONE);
    CHECK(!follow(&tracker, BINLOG_USER_VAR) && !follow(&tracker, BINLOG_RAND));
    CHECK(tracker.place == TRANSACTION_STANDALONE);
    CHECK(follow_query(&tracker, "BEGIN"));
    CHECK(!follow_mariadb_gtid(&tracker, MARIADB_GTID_STANDALONE));
    CHECK(follow_query_of(&tracker, BINLOG_MARIADB_QUERY_COMPRESSED, "create"));
    CHECK(!follow_mariadb_gtid(&tracker, MARIADB_GTID_STANDALONE | MARIADB_GTID_COMPLETED_XA));
    CHECK(follow_query(&tracker, "XA COMMIT X'78',X'',1"));
}

static void events_about_the_log_change_nothing(void)
{
    static const uint8_t types[] = {
        BINLOG_ROTATE,
        BINLOG_STOP,
        BINLOG_PREVIOUS_GTIDS,
        BINLOG_HEARTBEAT,
        BINLOG_HEARTBEAT_V2,
        BINLOG_MARIADB_CHECKPOINT,
        BINLOG_MARIADB_GTID_LIST,
        BINLOG_MARIADB_START_ENCRYPTION,
        99,
    };

    for (size_t at = 0; at < sizeof(types); at++) {
        for (int place = TRANSACTION_OUTSIDE; place <= TRANSACTION_STANDALONE; place++) {
            struct transaction_tracker tracker = {.place = (enum transaction_place)place};

            (void)follow(&tracker, types[at]);
            CHECK((int)tracker.place == place);
        }
    }
}

static void a_format_description_ends_what_was_torn(void)
{
    for (int place = TRANSACTION_OUTSIDE; place <= TRANSACTION_STANDALONE; place++) {
        struct transaction_tracker tracker = {.place = (enum transaction_place)place};

        CHECK(follow(&tracker, BINLOG_FORMAT_DESCRIPTION));
    }
}

static void a_query_cut_before_its_statement_is_a_plain_one(void)
{
    struct transaction_tracker tracker = {.place = TRANSACTION_INSIDE};
    uint8_t body[64] = {[11] = 0xFF, [12] = 0xFF};

    CHECK(!transaction_tracker_follow(&tracker, BINLOG_QUERY, (struct bytes){0}));
    CHECK(!transaction_tracker_follow(&tracker, BINLOG_QUERY,
                                      (struct bytes){.data = body, .size = sizeof(body)}));
}

int main(void)
{
    finds_each_transaction_of_recorded_files();
    needs_only_the_beginning_of_an_event();
    a_savepoint_is_no_end();
    a_statement_alone_is_a_transaction();
    xa_transactions_end_with_their_prepare_and_again_with_their_commit();
    a_payload_and_an_incident_are_whole();
    works_without_gtids();
    variables_belong_to_the_statement_behind_them();
    mariadbs_gtid_stands_for_the_begin();
    mariadbs_standalone_group_is_one_statement();
    events_about_the_log_change_nothing();
    a_format_description_ends_what_was_torn();
    a_query_cut_before_its_statement_is_a_plain_one();
    return 0;
}
