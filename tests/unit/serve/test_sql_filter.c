/* SPDX-License-Identifier: Apache-2.0 */
#include "sql/sql_filter.h"

#include "check.h"

static bool is_like(const char *text, const char *pattern)
{
    return sql_text_is_like(bytes_of_text(text), bytes_of_text(pattern));
}

static void matches_as_like_does(void)
{
    CHECK(is_like("server_id", "SERVER_ID"));
    CHECK(is_like("server_id", "server%"));
    CHECK(is_like("server_id", "%id"));
    CHECK(is_like("server_id", "%r_i%"));
    CHECK(is_like("serverxid", "server_id"));
    CHECK(!is_like("serverxid", "server\\_id"));
    CHECK(is_like("server_id", "server\\_id"));
    CHECK(is_like("", "%"));
    CHECK(is_like("", ""));
    CHECK(!is_like("", "_"));
    CHECK(!is_like("server_id", "server"));
    CHECK(!is_like("server", "server_id"));
    CHECK(is_like("aab", "%ab"));
    CHECK(is_like("mississippi", "m%iss%pp_"));
    CHECK(!is_like("mississippi", "m%iss%x%"));
    CHECK(is_like("a\\", "a\\"));
}

static struct sql_statement statement_of(const char *text)
{
    return (struct sql_statement){.reader = sql_reader_of(bytes_of_text(text))};
}

static bool lets_through(const char *filter_text, const char *name)
{
    struct sql_statement statement = statement_of(filter_text);
    struct sql_filter filter;
    struct error error;
    bool matches = false;

    CHECK_OK(sql_filter_read(&statement, "Variable_name", &filter, &error), &error);
    matches = sql_filter_matches(&filter, bytes_of_text(name));
    sql_memory_release(&statement.memory);
    return matches;
}

static void reads_like_and_where(void)
{
    CHECK(lets_through("", "anything"));
    CHECK(lets_through(" ;", "anything"));
    CHECK(lets_through("LIKE 'gtid%'", "gtid_mode"));
    CHECK(!lets_through("LIKE 'gtid%'", "server_id"));
    CHECK(lets_through("WHERE Variable_name = 'server_id'", "server_id"));
    CHECK(!lets_through("WHERE Variable_name = 'server%'", "server_id"));
    CHECK(lets_through("where `variable_name` in ('a', \"server_id\")", "SERVER_ID"));
    CHECK(lets_through(
        "WHERE Variable_name ='a' OR Variable_name = 'b' OR Variable_name LIKE 'c%'", "cd"));
    CHECK(lets_through("WHERE (Variable_name = 'a') OR ((Variable_name = 'b'))", "b"));
}

static void refuses_what_it_does_not_know(void)
{
    static const char *const bad[] = {
        "LIKE",
        "LIKE x",
        "LIKE 'a' 'b'",
        "WHERE Value = 'a'",
        "WHERE",
        "WHERE Variable_name",
        "WHERE (Variable_name = 'a'",
        "WHERE Variable_name = 'a' AND Value = 'b'",
        "WHERE Variable_name IN ('a'",
        "LIKE 'a",
    };

    for (size_t at = 0; at < sizeof(bad) / sizeof(bad[0]); at++) {
        struct sql_statement statement = statement_of(bad[at]);
        struct sql_filter filter;
        struct error error;

        CHECK(sql_filter_read(&statement, "Variable_name", &filter, &error) == STATUS_INVALID);
        CHECK(error.sql_code == 1064);
        sql_memory_release(&statement.memory);
    }
}

int main(void)
{
    matches_as_like_does();
    reads_like_and_where();
    refuses_what_it_does_not_know();
    return 0;
}
