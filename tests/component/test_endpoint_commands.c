/* SPDX-License-Identifier: Apache-2.0 */
/* Commands, administration and reload at a real endpoint. */
#include "endpoint_rig.h"

#define TEN                                                                                    \
    "(SELECT 1 AS x UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL "       \
    "SELECT "                                                                                  \
    "5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9 UNION ALL " \
    "SELECT 10) "

static void obeys_the_commands_it_knows(struct rig *rig)
{
    struct sql_client client = rig_login(rig, "many+east");

    CHECK(client_ask(&client, COMMAND_PING, "") == 0);
    CHECK(client_ask(&client, COMMAND_INIT_DB, "mysql") == 0);
    CHECK(client_query(&client, "SELECT DATABASE()") == 0 && client_got(&client, "mysql"));
    CHECK(client_ask(&client, COMMAND_INIT_DB, "nowhere") == 1049);
    CHECK(client_query(&client, "SET @a = 1") == 0);
    CHECK(client_ask(&client, COMMAND_RESET_CONNECTION, "") == 0);
    CHECK(client_query(&client, "SELECT @a") == 0 && rows_are(&client, 1));
    CHECK(result_set_value(&client.set, 0, 0).data == NULL);
    client_command(&client, COMMAND_STATISTICS, (struct bytes){0});
    CHECK(client_next(&client) && memcmp(client.payload.data, "Uptime: ", 8) == 0);
    client_command(&client, COMMAND_QUIT, (struct bytes){0});
    CHECK(!client_next(&client));
    client_close(&client);
}

static void answers_an_unknown_command_and_stays(struct rig *rig)
{
    static const uint8_t unknown[] = {0x00, 0x04, 0x11, 0x16, 0x1B, 0x7F, 0xFF};
    struct sql_client client = rig_login(rig, "repl");

    for (size_t at = 0; at < sizeof(unknown); at++) {
        CHECK(client_ask(&client, unknown[at], "whatever") == 1047);
    }
    CHECK(client_query(&client, "CREATE DATABASE x") == 1064);
    client.sequence = 0;
    client_send(&client, (struct bytes){0}); /* no command at all */
    client_command(&client, COMMAND_PING, (struct bytes){0});
    client.sequence = 1;
    CHECK(client_next(&client) && client_error(&client) == 1047);
    client.sequence = 1;
    CHECK(client_next(&client) && client_error(&client) == 0);
    client_close(&client);
}

static void answers_a_statement_that_reads_files(struct rig *rig)
{
    struct sql_client client = rig_login(rig, "repl");
    struct sql_client other = rig_login(rig, "repl");

    for (int times = 0; times < 20; times++) {
        CHECK(client_query(&client, "SHOW BINLOG EVENTS LIMIT 10") == 0 &&
              rows_are(&client, 10));
        CHECK(client_query(&other, "show /* x */ binlog events in 'binlog.000001'") == 0);
    }
    CHECK(client_query(&client, "SHOW BINLOG EVENTS IN 'binlog.000099'") == 1220);
    CHECK(client_ask(&client, COMMAND_PING, "") == 0);
    client_command(&client, COMMAND_QUERY, bytes_of_text("SHOW BINLOG EVENTS"));
    client_close(&client); /* does not wait for it */
    client_close(&other);
}

static void answers_what_comes_at_once_in_order(struct rig *rig)
{
    enum { STATEMENTS = 2000 };
    struct sql_client client = rig_login(rig, "repl");
    char text[40];

    for (int at = 0; at < STATEMENTS; at++) {
        (void)snprintf(text, sizeof(text), "SELECT %d", at);
        client_command(&client, COMMAND_QUERY, bytes_of_text(text));
    }
    for (int at = 0; at < STATEMENTS; at++) {
        client.sequence = 1;
        (void)snprintf(text, sizeof(text), "%d", at);
        CHECK(client_gather(&client) == 0 && client_got(&client, text));
    }
    client_close(&client);
}

static void registers_replicas(struct rig *rig)
{
    struct sql_client client = rig_login(rig, "repl");
    struct sql_client reader = rig_login(rig, "many+east");
    struct sql_client admin = rig_login(rig, "admin+east");
    const struct command_register command = {
        .server_id = 4711, .host = bytes_of_text("box-1"), .port = 3310};
    struct session_facts facts;
    struct buffer payload = {0};

    command_register_encode(&payload, &command);
    client.sequence = 0;
    client_send(&client, buffer_bytes(&payload));
    CHECK(client_next(&client) && client_error(&client) == 0);
    CHECK(client_query(&reader, "SHOW REPLICAS") == 0 && rows_are(&reader, 1));
    CHECK(client_got(&reader, "4711"));
    rig_find(rig, "repl", &facts);
    CHECK(facts.server_id == 4711);
    CHECK(strcmp(facts.cluster, "east") == 0 && strcmp(facts.state, "ready") == 0);
    admin.sequence = 0;
    client_send(&admin, buffer_bytes(&payload)); /* without the right */
    CHECK(client_next(&admin) && client_error(&admin) == 1227);
    client_command(&client, COMMAND_REGISTER_REPLICA, bytes_of_text("abc"));
    CHECK(client_next(&client) && client_error(&client) != 0);
    buffer_release(&payload);
    client_close(&client);
    client_close(&reader);
    client_close(&admin);
}

static void takes_variables_to_the_agents_and_back(struct rig *rig)
{
    struct sql_client client = rig_login(rig, "many+east");

    CHECK(client_query(&client, "SET @a = 2, @b = @a * 3") == 0);
    CHECK(client_query(&client, "SELECT @c := @a + @b") == 0 && client_got(&client, "8"));
    CHECK(client_query(&client, "SELECT @c") == 0 && client_got(&client, "8"));
    CHECK(client_query(&client, "SELECT nothing + 1") == 1054);
    CHECK(client_query(&client, "SELECT @a, @b") == 0 && client_got(&client, "2"));
    CHECK(client_query(&client, "SELECT COUNT(*) FROM mysql.ndb_binlog_index") == 0);
    CHECK(client_got(&client, "0"));
    CHECK(client_query(&client, "SELECT cluster FROM binrelay.clusters") == 0);
    CHECK(rows_are(&client, 1) && client_got(&client, "east"));
    client_close(&client);
}

/* Ten to the power of nine rows. */
static const char long_statement[] =
    "SELECT SUM(a.x + b.x + c.x) FROM " TEN "a, " TEN "b, " TEN "c, " TEN "d, " TEN "e, " TEN
    "f, " TEN "g, " TEN "h, " TEN "i";

static void await_answering(struct sql_client *admin, const char *id)
{
    autofree char *text = mem_format("SELECT state FROM binrelay.sessions WHERE id = %s", id);

    do {
        CHECK(client_query(admin, text) == 0 && rows_are(admin, 1));
    } while (!client_got(admin, "answering"));
}

static void a_long_statement_holds_up_nobody_and_can_be_killed(struct rig *rig)
{
    enum { VICTIMS = 3 };
    struct sql_client admin = rig_login(rig, "admin");
    struct sql_client victims[VICTIMS];
    char ids[VICTIMS][24];

    for (size_t at = 0; at < VICTIMS; at++) {
        struct bytes id;

        victims[at] = rig_login(rig, "many+east");
        CHECK(client_query(&victims[at], "SELECT CONNECTION_ID()") == 0);
        id = result_set_value(&victims[at].set, 0, 0);
        (void)snprintf(ids[at], sizeof(ids[at]), "%.*s", (int)id.size, (const char *)id.data);
        client_command(&victims[at], COMMAND_QUERY, bytes_of_text(long_statement));
        await_answering(&admin, ids[at]);
    }
    CHECK(client_query(&admin, "SELECT 1 + 1") == 0 && client_got(&admin, "2"));
    for (size_t at = 0; at < VICTIMS; at++) {
        autofree char *text = mem_format("KILL QUERY %s", ids[at]);

        CHECK(client_query(&admin, text) == 0);
        CHECK(client_gather(&victims[at]) == 1317);
        CHECK(client_query(&victims[at], "SELECT 1") == 0);
        client_command(&victims[at], COMMAND_QUERY, bytes_of_text(long_statement));
        client_close(&victims[at]); /* ends it too */
    }
    client_close(&admin);
}

static void kills_sessions(struct rig *rig)
{
    struct sql_client victim = rig_login(rig, "repl");
    struct sql_client other = rig_login(rig, "many+east");
    struct sql_client admin = rig_login(rig, "admin");
    struct session_facts facts;
    struct error error;
    char statement[40];

    rig_find(rig, "repl", &facts);
    (void)snprintf(statement, sizeof(statement), "KILL CONNECTION %lu",
                   (unsigned long)facts.id);
    CHECK(client_query(&victim, statement) == 1227); /* not by itself */
    CHECK(client_query(&admin, statement) == 0);
    CHECK(!client_next(&victim));
    CHECK(client_query(&admin, "KILL 123456") == 1094);
    rig_find(rig, "many", &facts);
    CHECK_OK(endpoint_kill(rig->endpoint, facts.id, &error), &error);
    CHECK(!client_next(&other));
    CHECK(endpoint_kill(rig->endpoint, 123456, &error) == STATUS_NOT_FOUND);
    CHECK(client_query(&admin, "SHOW PROCESSLIST") == 0);
    client_close(&victim);
    client_close(&other);
    client_close(&admin);
}

static void reload_one_account(struct rig *rig)
{
    const struct account_options account = {
        .user = "fresh", .password = "secret", .rights = RIGHT_READ};
    struct endpoint_settings settings = rig->settings;
    struct error error;

    settings.accounts = &account;
    settings.account_count = 1;
    settings.max_connections = 3;
    CHECK_OK(endpoint_reload(rig->endpoint, &settings, &error), &error);
}

static void reload_nonsense(struct rig *rig)
{
    const struct account_options account = {.user = "lost",
                                            .password = "x",
                                            .clusters = (const char *const[]){"north"},
                                            .cluster_count = 1};
    static const char *const network = "10.0.0.300/32";
    struct endpoint_settings settings = rig->settings;
    struct error error;

    settings.accounts = &account;
    settings.account_count = 1;
    CHECK(endpoint_reload(rig->endpoint, &settings, &error) == STATUS_INVALID);
    CHECK(strstr(error.message, "north") != NULL);
    settings = rig->settings;
    settings.proxies = &network;
    settings.proxy_count = 1;
    CHECK(endpoint_reload(rig->endpoint, &settings, &error) == STATUS_INVALID);
}

static void a_reload_changes_logins_and_leaves_sessions(struct rig *rig)
{
    struct sql_client before = rig_login(rig, "repl");
    struct sql_client after;
    struct sql_client third;
    struct sql_client fourth;

    rig_call(rig, reload_nonsense); /* changes nothing */
    rig_call(rig, reload_one_account);
    CHECK(client_query(&before, "SHOW BINARY LOGS") == 0);
    after = rig_login(rig, "fresh+west");
    third = client_dial(rig_port(rig, 0), "127.0.0.1");
    client_greet(&third);
    CHECK(client_login(&third, &(struct login){.user = "repl",
                                               .password = "secret",
                                               .wants_tls = true}) == 1045);
    CHECK(!client_next(&third));
    client_close(&third);
    rig_await_sessions(rig, 2);
    third = rig_login(rig, "fresh+east");
    fourth = client_dial(rig_port(rig, 0), "127.0.0.1");
    CHECK(client_next(&fourth) && client_error(&fourth) == 1040);
    CHECK(!client_next(&fourth));
    client_close(&before);
    client_close(&after);
    client_close(&third);
    client_close(&fourth);
}

int main(void)
{
    struct rig rig = {0};

    rig_open(&rig);
    obeys_the_commands_it_knows(&rig);
    answers_an_unknown_command_and_stays(&rig);
    answers_a_statement_that_reads_files(&rig);
    answers_what_comes_at_once_in_order(&rig);
    rig_await_sessions(&rig, 0);
    registers_replicas(&rig);
    rig_await_sessions(&rig, 0);
    takes_variables_to_the_agents_and_back(&rig);
    a_long_statement_holds_up_nobody_and_can_be_killed(&rig);
    rig_await_sessions(&rig, 0);
    kills_sessions(&rig);
    rig_await_sessions(&rig, 0);
    a_reload_changes_logins_and_leaves_sessions(&rig);
    rig_close(&rig);
    return 0;
}
