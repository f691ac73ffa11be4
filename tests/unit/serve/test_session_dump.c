/* SPDX-License-Identifier: Apache-2.0 */
/* What a replica said in user variables and in its command, as one request. */
#include "session_dump.h"

#include "session_script.h"

static struct session_script script;

static void set(const char *name, const char *value)
{
    struct error error;

    CHECK_OK(sql_assigned_set(&script.session.sql.assigned, SQL_SCOPE_USER, bytes_of_text(name),
                              value == NULL ? sql_null() : sql_text(value), &error),
             &error);
}

static struct dump_request request_of(void)
{
    struct dump_request request;

    session_dump_request(&script.session, &request);
    return request;
}

static void begin(void)
{
    struct settings *settings = NULL;
    struct error error;

    CHECK_OK(
        settings_new(&settings, &(struct endpoint_settings){0}, script.clusters, 2, &error),
        &error);
    script_begin(&script, settings);
    script.session.cluster = 1;
    script.session.sql.cluster = &script.clusters[1];
}

static void reads_the_names_of_mysql_and_the_old_ones(void)
{
    begin();
    CHECK(!request_of().knows_checksums && request_of().heartbeat_usec == 0);
    CHECK(request_of().cluster == &script.clusters[1]);
    CHECK(request_of().frames == script.frames[1] && request_of().sequence == 1);
    set("master_binlog_checksum", "CRC32");
    set("master_heartbeat_period", "1500000999");
    CHECK(request_of().knows_checksums && request_of().checksum == BINLOG_CHECKSUM_CRC32);
    CHECK(request_of().heartbeat_usec == 1500000);
    set("source_binlog_checksum", "NONE");
    set("source_heartbeat_period", "30000000000");
    CHECK(request_of().knows_checksums && request_of().checksum == BINLOG_CHECKSUM_NONE);
    CHECK(request_of().heartbeat_usec == 30000000);
    set("source_heartbeat_period", "-1");
    CHECK(request_of().heartbeat_usec == 0);
    set("source_heartbeat_period", NULL);
    CHECK(request_of().heartbeat_usec == 0);
    CHECK(!request_of().is_mariadb);
    script_end(&script);
}

static void reads_what_mariadb_sets(void)
{
    begin();
    set("slave_connect_state", "0-1-5");
    CHECK(!request_of().has_connect_state); /* only MariaDB's replicas set it */
    set("mariadb_slave_capability", "4");
    set("slave_gtid_strict_mode", "1");
    CHECK(request_of().is_mariadb && request_of().mariadb_capability == 4);
    CHECK(request_of().has_connect_state && request_of().is_strict_gtid);
    CHECK(bytes_equal(request_of().connect_state, bytes_of_text("0-1-5")));
    set("slave_connect_state", "");
    CHECK(request_of().has_connect_state && request_of().connect_state.size == 0);
    CHECK(!request_of().has_until);
    set("slave_until_gtid", "0-1-7");
    CHECK(request_of().has_until);
    script_end(&script);
}

static void takes_a_uuid_only_if_it_is_one(void)
{
    char text[UUID_TEXT_BYTES];

    begin();
    session_dump_uuid(&script.session, text);
    CHECK(text[0] == '\0');
    set("slave_uuid", "8A94F357-aab4-11df-86ab-c80aa9429562");
    session_dump_uuid(&script.session, text);
    CHECK(strcmp(text, "8a94f357-aab4-11df-86ab-c80aa9429562") == 0);
    set("replica_uuid", "nonsense");
    session_dump_uuid(&script.session, text);
    CHECK(text[0] == '\0');
    script_end(&script);
}

int main(void)
{
    script_open_house(&script);
    reads_the_names_of_mysql_and_the_old_ones();
    reads_what_mariadb_sets();
    takes_a_uuid_only_if_it_is_one();
    script_close_house(&script);
    return 0;
}
