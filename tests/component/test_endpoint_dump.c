/* SPDX-License-Identifier: Apache-2.0 */
/* Dumps from a session's side: how they begin, move, and end. What is in the stream is tested
 * with the dumps. */
#include "endpoint_rig.h"

static const char uuid_a[] = "8a94f357-aab4-11df-86ab-c80aa9429562";
static const char uuid_b[] = "8a94f357-aab4-11df-86ab-c80aa9429563";

static struct sql_client replica(const struct rig *rig, const char *user, const char *uuid)
{
    struct sql_client client = rig_login(rig, user);
    char statement[160];

    CHECK(client_query(&client, "SET @master_binlog_checksum = @@global.binlog_checksum, "
                                "@source_binlog_checksum = @@global.binlog_checksum") == 0);
    CHECK(client_query(&client, "SET @source_heartbeat_period = 10000000000") == 0);
    if (uuid != NULL) {
        (void)snprintf(statement, sizeof(statement), "SET @slave_uuid='%s', @replica_uuid='%s'",
                       uuid, uuid);
        CHECK(client_query(&client, statement) == 0);
    }
    return client;
}

static void send_dump(struct sql_client *client, const struct command_dump *command)
{
    struct buffer payload = {0};

    command_dump_encode(&payload, command);
    client->sequence = 0;
    client_send(client, buffer_bytes(&payload));
    buffer_release(&payload);
}

static void send_dump_from(struct sql_client *client, uint32_t server_id, const char *file)
{
    const struct command_dump command = {
        .server_id = server_id, .position = 4, .file_name = bytes_of_text(file)};

    send_dump(client, &command);
}

/* Reads events until the server has said what it wants to. Returns the error number, 0 for EOF,
 * -1 for a connection that ended without a word. */
static int read_to_end(struct sql_client *client, size_t *events)
{
    *events = 0;
    while (client_next(client)) {
        if (result_is_error(client->payload)) {
            return client_error(client);
        }
        if (result_is_eof(client->payload)) {
            return 0;
        }
        CHECK(client->payload.data[0] == 0);
        (*events)++;
    }
    return -1;
}

/* Reads up to the last event of the recording, a Rotate that is no artificial one. */
static void read_recording(struct sql_client *client)
{
    struct binlog_event_header header = {0};

    do {
        CHECK(client_next(client));
        CHECK(client->payload.size > BINLOG_EVENT_HEADER_BYTES && client->payload.data[0] == 0);
        header = binlog_event_header_at(client->payload.data + 1);
    } while (header.type != BINLOG_ROTATE || (header.flags & BINLOG_FLAG_ARTIFICIAL) != 0);
}

static void dumps_to_the_end_and_takes_commands_again(struct rig *rig)
{
    struct sql_client client = replica(rig, "repl", NULL);
    const struct command_dump command = {
        .flags = DUMP_NON_BLOCK, .position = 4, .file_name = bytes_of_text("binlog.000001")};
    size_t events = 0;
    size_t again = 0;

    send_dump(&client, &command);
    CHECK(read_to_end(&client, &events) == 0 && events > 50);
    CHECK(client_query(&client, "SELECT @@server_id") == 0 && client_got(&client, "199"));
    CHECK(client_query(&client, "SHOW BINLOG EVENTS LIMIT 3") == 0 && rows_are(&client, 3));
    send_dump(&client, &command);
    CHECK(read_to_end(&client, &again) == 0 && again == events);
    client_close(&client);
}

static void sends_what_is_published_while_it_streams(struct rig *rig)
{
    struct sql_client client = replica(rig, "repl", uuid_a);
    struct session_facts facts;

    send_dump_from(&client, 201, "binlog.000001");
    read_recording(&client);
    rig_find(rig, "repl", &facts);
    CHECK(strcmp(facts.state, "streaming") == 0);
    CHECK(facts.server_id == 201 && strcmp(facts.replica_uuid, uuid_a) == 0);
    test_cluster_fill(&rig->clusters[EAST], 2, "mysql97-compressed.binlog");
    endpoint_wake(rig->endpoint, EAST);
    endpoint_wake(rig->endpoint, EAST);
    read_recording(&client);
    client_close(&client);
    rig_await_sessions(rig, 0);
}

static void a_second_stream_of_a_replica_ends_the_first(struct rig *rig)
{
    struct sql_client first = replica(rig, "repl", uuid_a);
    struct sql_client other = replica(rig, "repl", uuid_b);
    struct sql_client elsewhere = replica(rig, "many+west", uuid_a);
    struct sql_client second = replica(rig, "many+east", uuid_a);
    size_t events = 0;

    send_dump_from(&first, 201, "binlog.000001");
    read_recording(&first);
    send_dump_from(&other, 201, "binlog.000001");
    read_recording(&other);
    send_dump_from(&elsewhere, 201, "binlog.000001");
    read_recording(&elsewhere);
    send_dump_from(&second, 201, "binlog.000001");
    read_recording(&second);
    CHECK(read_to_end(&first, &events) == 1236);
    CHECK(strstr(first.error.message, "server_uuid") != NULL);
    CHECK(!client_next(&first));
    client_close(&first);
    rig_await_sessions(rig, 3); /* the others stay: another uuid, another cluster, and itself */
    client_close(&other);
    client_close(&elsewhere);
    client_close(&second);
    rig_await_sessions(rig, 0);
}

static void replicas_without_a_uuid_go_by_server_id(struct rig *rig)
{
    struct sql_client first = replica(rig, "maria", NULL);
    struct sql_client other = replica(rig, "maria", NULL);
    struct sql_client second = replica(rig, "maria", NULL);
    struct sql_client nobody = replica(rig, "maria", NULL);
    struct sql_client nobody_too = replica(rig, "maria", NULL);
    size_t events = 0;

    send_dump_from(&first, 301, "binlog.000001");
    read_recording(&first);
    send_dump_from(&other, 302, "binlog.000001");
    read_recording(&other);
    send_dump_from(&second, 301, "binlog.000001");
    read_recording(&second);
    CHECK(read_to_end(&first, &events) == 1236);
    client_close(&first);
    send_dump_from(&nobody, 1, "binlog.000001");
    read_recording(&nobody);
    send_dump_from(&nobody_too, 1, "binlog.000001"); /* mysqlbinlog --stop-never */
    read_recording(&nobody_too);
    rig_await_sessions(rig, 4);
    client_close(&other);
    client_close(&second);
    client_close(&nobody);
    client_close(&nobody_too);
    rig_await_sessions(rig, 0);
}

static void refuses_a_dump_with_the_reason(struct rig *rig)
{
    const struct command_dump nowhere = {
        .server_id = 201, .position = 5, .file_name = bytes_of_text("binlog.000001")};
    struct sql_client client = replica(rig, "many", NULL);
    size_t events = 0;

    send_dump_from(&client, 201, "binlog.000001");
    CHECK(read_to_end(&client, &events) == 1236);
    CHECK(strstr(client.error.message, "many+CLUSTER") != NULL);
    CHECK(!client_next(&client));
    client_close(&client);
    client = replica(rig, "repl", NULL);
    send_dump(&client, &nowhere);
    CHECK(read_to_end(&client, &events) == 1236 && events == 0);
    CHECK(!client_next(&client));
    client_close(&client);
    client = rig_login(rig, "admin+east");
    send_dump_from(&client, 201, "binlog.000001");
    CHECK(client_next(&client) && client_error(&client) == 1227);
    CHECK(client_ask(&client, COMMAND_PING, "") == 0); /* no dump was begun: it stays */
    client_command(&client, COMMAND_BINLOG_DUMP_GTID, bytes_of_text("abc"));
    CHECK(client_next(&client) && client_error(&client) == 1227);
    client_close(&client);
    client = replica(rig, "repl", NULL);
    client_command(&client, COMMAND_BINLOG_DUMP_GTID, bytes_of_text("abc"));
    CHECK(client_next(&client) && client_error(&client) == 1236);
    client_close(&client);
    rig_await_sessions(rig, 0);
}

static void a_peer_that_talks_while_it_streams_is_left(struct rig *rig)
{
    struct sql_client client = replica(rig, "repl", uuid_a);
    char talk[8192];

    memset(talk, 0, sizeof(talk));
    send_dump_from(&client, 201, "binlog.000001");
    read_recording(&client);
    client_send_bytes(&client,
                      (struct bytes){.data = (const uint8_t *)talk, .size = sizeof(talk)});
    rig_await_sessions(rig, 0);
    client_close(&client);
}

static void streams_can_be_killed(struct rig *rig)
{
    struct sql_client client = replica(rig, "repl", uuid_a);
    struct session_facts facts;
    struct error error;
    size_t events = 0;

    send_dump_from(&client, 201, "binlog.000001");
    read_recording(&client);
    rig_find(rig, "repl", &facts);
    CHECK_OK(endpoint_kill(rig->endpoint, facts.id, &error), &error);
    CHECK(read_to_end(&client, &events) == -1); /* no error: the replica connects again */
    client_close(&client);
    rig_await_sessions(rig, 0);
}

static void kill_query_ends_streams_only(struct rig *rig)
{
    struct sql_client streams = replica(rig, "repl", uuid_a);
    struct sql_client admin = rig_login(rig, "admin");
    struct session_facts facts;
    char statement[40];
    size_t events = 0;

    rig_find(rig, "repl", &facts);
    (void)snprintf(statement, sizeof(statement), "KILL QUERY %lu", (unsigned long)facts.id);
    CHECK(client_query(&admin, statement) == 0);
    CHECK(client_ask(&streams, COMMAND_PING, "") == 0);
    send_dump_from(&streams, 201, "binlog.000001");
    read_recording(&streams);
    CHECK(client_query(&admin, statement) == 0);
    CHECK(read_to_end(&streams, &events) == -1);
    client_close(&streams);
    client_close(&admin);
    rig_await_sessions(rig, 0);
}

static void the_end_of_the_endpoint_is_said(struct rig *rig)
{
    struct sql_client streams = replica(rig, "repl", uuid_a);
    struct sql_client idle = rig_login(rig, "repl");
    struct sql_client greeted = client_dial(rig_port(rig, 0), "127.0.0.1");
    size_t events = 0;

    client_greet(&greeted);
    send_dump_from(&streams, 201, "binlog.000001");
    read_recording(&streams);
    rig_stop(rig);
    CHECK(read_to_end(&streams, &events) == 1053);
    CHECK(!client_next(&streams) && !client_next(&idle) && !client_next(&greeted));
    client_close(&streams);
    client_close(&idle);
    client_close(&greeted);
}

int main(void)
{
    struct rig rig = {0};

    rig_open(&rig);
    dumps_to_the_end_and_takes_commands_again(&rig);
    sends_what_is_published_while_it_streams(&rig);
    a_second_stream_of_a_replica_ends_the_first(&rig);
    replicas_without_a_uuid_go_by_server_id(&rig);
    refuses_a_dump_with_the_reason(&rig);
    a_peer_that_talks_while_it_streams_is_left(&rig);
    streams_can_be_killed(&rig);
    kill_query_ends_streams_only(&rig);
    the_end_of_the_endpoint_is_said(&rig);
    rig_close(&rig);
    return 0;
}
