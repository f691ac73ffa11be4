/* SPDX-License-Identifier: Apache-2.0 */
/* What SQLite gets of a statement, and what never comes that far. */
#include "sql_asker.h"

#include "sql/sql_errors.h"
#include "sql/sql_tables.h"
#include "sql/sql_translate.h"

static struct asker asker;

/* Translates a SELECT; the error number, or 0 and the text in `text`. */
static int translate(const char *select, struct buffer *text)
{
    struct sql_statement statement = {.session = &asker.sql,
                                      .reader = sql_reader_of(bytes_of_text(select))};
    struct sql_translation translation = {0};
    struct error error = {0};
    enum status status = sql_translate_select(&statement, &translation, &error);

    buffer_clear(text);
    buffer_add_bytes(text, buffer_bytes(&translation.text));
    sql_translation_release(&translation);
    sql_memory_release(&statement.memory);
    return status == STATUS_OK ? 0 : error.sql_code;
}

static bool becomes(const char *select, const char *wanted)
{
    struct buffer text = {0};
    int code = translate(select, &text);
    bool is_same = code == 0 && bytes_equal(buffer_bytes(&text), bytes_of_text(wanted));

    if (!is_same) {
        fprintf(stderr, "%d %.*s\n", code, (int)text.size, (const char *)text.data);
    }
    buffer_release(&text);
    return is_same;
}

static void compares_columns_by_the_index_and_values_by_mysqls_rules(void)
{
    CHECK(becomes("SELECT epoch FROM mysql.ndb_binlog_index WHERE epoch > 5",
                  "SELECT \"epoch\" AS \"epoch\" FROM \"mysql.ndb_binlog_index\" AS "
                  "\"ndb_binlog_index\" WHERE (\"epoch\" > 5)"));
    CHECK(becomes("SELECT '1' = 1", "SELECT (fn_compare('1',1)=0) AS \"1\""));
    CHECK(
        becomes("SELECT a || b FROM (SELECT 1 AS a, 0 AS b) t",
                "SELECT (\"a\" OR \"b\") AS \"a || b\" FROM (SELECT 1 AS \"a\",0 AS \"b\") AS "
                "\"t\""));
}

static void keeps_the_precedence_of_operators(void)
{
    CHECK(becomes("SELECT 1 - 2 - 3 AS x", "SELECT (1 - 2 - 3) AS \"x\""));
    CHECK(becomes("SELECT 1 + 2 * 3 AS x", "SELECT (1 + (2 * 3)) AS \"x\""));
    CHECK(becomes("SELECT 6 / 2 * 3 AS x", "SELECT (fn_divide(6,2) * 3) AS \"x\""));
    CHECK(becomes("SELECT NOT 1 = 2 AS x", "SELECT (NOT (fn_compare(1,2)=0)) AS \"x\""));
    CHECK(becomes("SELECT !1 + 2 AS x", "SELECT ((NOT 1) + 2) AS \"x\""));
}

static void writes_text_so_that_nothing_leaves_it(void)
{
    CHECK(becomes("SELECT 'a''b\\'c\\\\' AS x", "SELECT 'a''b''c\\' AS \"x\""));
    CHECK(becomes("SELECT \"it's\" AS x", "SELECT 'it''s' AS \"x\""));
    CHECK(becomes("SELECT 'a\\0b' AS x", "SELECT CAST(x'610062' AS TEXT) AS \"x\""));
    CHECK(becomes("SELECT 1 AS `a\"b`", "SELECT 1 AS \"a\"\"b\""));
    CHECK(becomes("SELECT @`v w` AS x", "SELECT fn_variable('v w') AS \"x\""));
    CHECK(
        becomes("SELECT 18446744073709551615 AS x", "SELECT '18446744073709551615' AS \"x\""));
}

/* A statement of `count` times the middle. */
static int ask_many(const char *begin, const char *middle, const char *end, int count)
{
    struct buffer text = {0};
    int code = 0;

    buffer_add_text(&text, begin);
    for (int at = 0; at < count; at++) {
        buffer_add_text(&text, middle);
    }
    buffer_add_text(&text, end);
    code = ask_bytes(&asker, buffer_bytes(&text));
    buffer_release(&text);
    return code;
}

static void bounds_what_a_statement_may_be(void)
{
    CHECK(ask_many("SELECT 1", " OR 0", "", 300) == 0);
    CHECK(ask_many("SELECT 1", " OR 0", "", 100000) == 1235);
    CHECK(ask_many("SELECT 1", " = 1", "", 100000) == 1235);
    CHECK(ask_many("SELECT ", "(", "1", 100000) == 1064);
    CHECK(ask_many("SELECT ", "NOT ", "1 + 1", 100000) == 1064);
    CHECK(ask_many("SELECT ", "- ", "@a", 100000) == 1064);
    CHECK(ask_many("SELECT ", "(SELECT ", "1", 100000) == 1064);
    CHECK(ask_many("SELECT ", "IF(1, ", "1", 100000) == 1064);
    CHECK(ask_many("SELECT @a + 1", ", @a", "", 1000) == 1105);
    CHECK(ask_many("SELECT 1 IN (1", ", 1", ")", 200) == 1235);
    CHECK(ask(&asker, "SELECT REPEAT('x', 100000000)") == 1153);
    CHECK(ask(&asker, "SELECT SLEEP(10)") == 1305);
    CHECK(ask(&asker, "SELECT load_extension('x')") == 1305);
    CHECK(ask(&asker, "SELECT randomblob(10)") == 1305);
    CHECK(ask(&asker, "SELECT * FROM sqlite_master") == 1046);
    CHECK(ask(&asker, "SELECT * FROM main.sqlite_master") == 1146);
    CHECK(ask(&asker, "ATTACH DATABASE 'x' AS y") == 1064);
    CHECK(ask(&asker, "PRAGMA user_version") == 1064);
}

static void ends_what_takes_too_long(void)
{
    asker.clock_step_usec = 20000000;
    CHECK(ask(&asker,
              "SELECT COUNT(*) FROM "
              "(SELECT 1 AS x UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 "
              "UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT "
              "8) a, (SELECT 1 AS x UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL "
              "SELECT 4 UNION ALL SELECT 5) b, (SELECT 1 AS x UNION ALL SELECT 2 UNION "
              "ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5) c, (SELECT 1 AS x "
              "UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT "
              "5) d, (SELECT 1 AS x UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL "
              "SELECT 4 UNION ALL SELECT 5) e") == 3024);
    asker.clock_step_usec = 0;
    CHECK(ask(&asker, "SELECT 1 + 1") == 0);
}

static void names_what_is_wrong(void)
{
    CHECK(ask(&asker, "SELECT nothing FROM mysql.ndb_binlog_index") == 1054);
    CHECK(ask(&asker, "SELECT cluster FROM binrelay.files JOIN binrelay.clusters") == 1052);
    CHECK(ask(&asker, "SELECT * FROM nowhere.table1") == 1146);
    CHECK(ask(&asker, "SELECT 1 FROM ndb_binlog_index") == 1046);
    CHECK(ask(&asker, "SELECT 1 FROM mysql.ndb_binlog_index WHERE MAX(epoch) = 1") == 1111);
    CHECK(ask(&asker, "SELECT 1 UNION SELECT 1, 2") == 1222);
    CHECK(ask(&asker, "SELECT (SELECT 1, 2)") == 1241);
    CHECK(ask(&asker, "SELECT LEFT('a')") == 1582);
    CHECK(ask(&asker, "SELECT 9223372036854775807 + 1") == 1690);
    CHECK(ask(&asker, "SELECT 'a' REGEXP 'b'") == 1235);
    CHECK(ask(&asker, "SELECT 1 + 1 INTO OUTFILE '/tmp/x'") == 1235);
    CHECK(ask(&asker, "SELECT 1 FROM (SELECT 1)") == 1064);
}

static void presents_the_upstreams_server_id(void)
{
    CHECK(is_answer(&asker, "SELECT @@server_id", "199"));
    asker.cluster.served.presents_upstream = true;
    CHECK(is_answer(&asker, "SELECT @@server_id", "199")); /* not known yet */
    test_cluster_connect(&asker.cluster, "9.7.4", "OFF", false);
    CHECK(is_answer(&asker, "SELECT @@GLOBAL.SERVER_ID", "77"));
    CHECK(ask(&asker, "SHOW VARIABLES LIKE 'SERVER_ID'") == 0 && is_value(&asker, 0, 1, "77"));
}

int main(void)
{
    asker_open(&asker);
    compares_columns_by_the_index_and_values_by_mysqls_rules();
    keeps_the_precedence_of_operators();
    writes_text_so_that_nothing_leaves_it();
    bounds_what_a_statement_may_be();
    ends_what_takes_too_long();
    names_what_is_wrong();
    presents_the_upstreams_server_id();
    asker_close(&asker);
    return 0;
}
