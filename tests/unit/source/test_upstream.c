/* SPDX-License-Identifier: Apache-2.0 */
/* A connection up to the dump. */
#include "upstream.h"

#include "upstream_scene.h"

/* ---- what the start says ---- */

static void check_located(struct scene *scene,
                          size_t by,
                          const char *base_name,
                          uint64_t file,
                          uint64_t first_visible)
{
    struct upstream upstream;

    CHECK(connect_once(scene, &upstream, by) == UPSTREAM_LOCATED);
    CHECK(strcmp(upstream.located.base_name, base_name) == 0);
    CHECK(upstream.located.file == file && upstream.located.offset == 4);
    CHECK(upstream.first_visible == first_visible);
    CHECK(upstream.facts.server_id == 101 && !upstream.facts.is_mariadb);
    CHECK(strcmp(upstream.facts.server_version, "8.0.40-fake") == 0);
    CHECK(strcmp(upstream.facts.gtid_mode, "ON") == 0);
    upstream_release(&upstream);
}

static void logs_in_and_locates_the_start_at_every_split_of_the_bytes(void)
{
    struct scene scene;

    open_scene(&scene);
    add_log(&scene, "binlog.000003", 1);
    add_log(&scene, "binlog.000004", 1);
    for (int plugin = AUTH_CACHING_SHA2; plugin <= AUTH_NATIVE; plugin++) {
        scene.script.plugin = (enum auth_plugin)plugin;
        for (size_t by = 1; by < 300; by++) {
            check_located(&scene, by, "binlog", 3, 0);
        }
    }
    scene.start.kind = PULL_FROM_LAST;
    check_located(&scene, 7, "binlog", 4, 0);
    close_scene(&scene);
}

static void locates_a_position_only_where_an_event_begins(void)
{
    struct scene scene;
    uint64_t position = 0;

    open_scene(&scene);
    add_log(&scene, "binlog.000003", 2);
    position = 4 + bytes_u32_at(scene.script.logs[0].bytes.data + 4 + BINLOG_EVENT_SIZE_AT);
    scene.start = (struct pull_start){
        .kind = PULL_FROM_POSITION, .file_name = "binlog.000003", .position = position};
    check_located(&scene, 11, "binlog", 3, position);
    scene.start.position = scene.script.logs[0].bytes.size;
    check_located(&scene, 11, "binlog", 3, scene.start.position);
    scene.start.position = 4;
    check_located(&scene, 11, "binlog", 3, 0);
    scene.start.position = position + 1;
    check_fails(&scene, PULL_MISCONFIGURED, "no event begins at");
    scene.start.position = scene.script.logs[0].bytes.size + 1;
    check_fails(&scene, PULL_MISCONFIGURED, "there is no position");
    scene.start.position = 4;
    scene.start.file_name = "binlog.000009";
    check_fails(&scene, PULL_MISCONFIGURED, "has no binlog.000009");
    scene.start.file_name = "binlog.000001";
    check_fails(&scene, PULL_SOURCE_PURGED, "has no binlog.000001");
    scene.start.file_name = "../binlog";
    check_fails(&scene, PULL_MISCONFIGURED, "no name of a binlog");
    close_scene(&scene);
}

static void locates_what_follows_an_epoch(void)
{
    struct scene scene;
    uint64_t position = 0;

    open_scene(&scene);
    add_log(&scene, "binlog.000003", 2);
    add_log(&scene, "binlog.000004", 1);
    position = 4 + bytes_u32_at(scene.script.logs[0].bytes.data + 4 + BINLOG_EVENT_SIZE_AT);
    scene.start = (struct pull_start){.kind = PULL_FROM_EPOCH, .epoch = 18446744073709551615U};
    check_fails(&scene, PULL_MISCONFIGURED, "start: the epoch: Table");
    scene.script.epoch = 4711;
    scene.script.epoch_file = "binlog.000003";
    scene.script.epoch_position = position;
    check_fails(&scene, PULL_MISCONFIGURED, "has no epoch 18446744073709551615");
    scene.start.epoch = 4711;
    check_located(&scene, 11, "binlog", 3, position);
    scene.script.epoch_file = "binlog.000004";
    scene.script.epoch_position = 4;
    check_located(&scene, 11, "binlog", 4, 0);
    scene.script.epoch_position = 5;
    check_fails(&scene, PULL_MISCONFIGURED, "no event begins at");
    scene.script.epoch_position = 0;
    check_fails(&scene, PULL_MISCONFIGURED, "does not say what follows");
    scene.script.epoch_position = 4;
    scene.script.epoch_file = "binlog.000002";
    check_fails(&scene, PULL_SOURCE_PURGED, "has no binlog.000002");
    scene.script.epoch_file = "/etc";
    check_fails(&scene, PULL_MISCONFIGURED, "no name of a binlog");
    close_scene(&scene);
}

static void locates_gtids_by_a_dump_that_ends(void)
{
    static const char known[] = "325477b7-e540-11f1-bc6f-02fc01000000:1-2";
    struct scene scene;
    struct fake_binlog binlog = {.checksum = BINLOG_CHECKSUM_CRC32};
    uint64_t third = 0;

    open_scene(&scene);
    scene.start = (struct pull_start){.kind = PULL_FROM_GTIDS, .gtids = known};
    fake_binlog_begin(&binlog);
    (void)fake_binlog_add_transaction(&binlog, 10);
    fake_binlog_add_rotate(&binlog, "binlog.000008");
    fake_script_set_log(&scene.script, "binlog.000007", buffer_bytes(&binlog.bytes));
    fake_binlog_begin(&binlog);
    (void)fake_binlog_add_transaction(&binlog, 10);
    fake_script_set_log(&scene.script, "binlog.000008", buffer_bytes(&binlog.bytes));
    check_located(&scene, 13, "binlog", 8, binlog.bytes.size); /* all is known: the end */
    third = fake_binlog_add_transaction(&binlog, 10);
    fake_script_set_log(&scene.script, "binlog.000008", buffer_bytes(&binlog.bytes));
    check_located(&scene, 13, "binlog", 8, third);
    scene.start.gtids = "no set at all";
    check_fails(&scene, PULL_MISCONFIGURED, "gtid_set");
    fake_binlog_release(&binlog);
    close_scene(&scene);
}

/* ---- what goes wrong before the dump ---- */

static void says_what_is_wrong_with_a_source(void)
{
    struct scene scene;

    open_scene(&scene);
    add_log(&scene, "binlog.000003", 1);
    scene.source.password = "wrong";
    check_fails(&scene, PULL_DENIED, "Access denied");
    scene.script.plugin = AUTH_NATIVE;
    check_fails(&scene, PULL_DENIED, "Access denied");
    scene.source.password = "secret";
    scene.script.login_code = 1040;
    check_fails(&scene, PULL_WAITING, "refused by the script");
    scene.script.login_code = 0;
    scene.source.tls_mode = SOURCE_TLS_REQUIRED;
    check_fails(&scene, PULL_MISCONFIGURED, "offers no TLS");
    scene.source.tls_mode = SOURCE_TLS_PREFERRED;
    scene.task.server_id = 101;
    check_fails(&scene, PULL_MISCONFIGURED, "server_id 101");
    scene.task.server_id = 199;
    scene.script.is_log_off = true;
    check_fails(&scene, PULL_MISCONFIGURED, "log_bin");
    scene.script.is_log_off = false;
    scene.script.listing_code = 1227;
    check_fails(&scene, PULL_DENIED, "REPLICATION CLIENT");
    close_scene(&scene);
}

static void refuses_peers_that_are_no_mysql_server(void)
{
    static const char *const greetings[] = {
        "SSH-2.0-OpenSSH_9.2\r\n",
        "\x05\0\0\0\x0b\0\0\0\0",
        "\xff\xff\xff\0\x0a",
        "\x01\0\0\0\0",
    };
    struct scene scene;

    open_scene(&scene);
    for (size_t at = 0; at < sizeof(greetings) / sizeof(greetings[0]); at++) {
        struct upstream upstream = {0};
        size_t taken = 0;

        upstream_begin(&upstream, &scene.task);
        CHECK(upstream_run(&upstream, (struct bytes){(const uint8_t *)greetings[at], 9},
                           &taken) == UPSTREAM_FAILED);
        CHECK(upstream.blame == PULL_MISCONFIGURED && upstream.error.message[0] != '\0');
        upstream_release(&upstream);
    }
    close_scene(&scene);
}

static void refuses_bytes_that_come_before_the_tls_handshake(void)
{
    struct scene scene;
    struct upstream upstream = {0};
    struct buffer bytes = {0};
    struct buffer payload = {0};
    struct greeting greeting = {
        .version = "8.0.40",
        .capabilities = CAPABILITY_PROTOCOL_41 | CAPABILITY_SECURE_CONNECTION |
                        CAPABILITY_PLUGIN_AUTH | CAPABILITY_SSL,
        .plugin = "caching_sha2_password",
    };
    size_t taken = 0;

    open_scene(&scene);
    scene.source.tls_mode = SOURCE_TLS_PREFERRED;
    memset(greeting.challenge, 'x', sizeof(greeting.challenge));
    greeting_encode(&payload, &greeting);
    buffer_add_number(&bytes, payload.size, 4);
    buffer_add_bytes(&bytes, buffer_bytes(&payload));
    upstream_begin(&upstream, &scene.task);
    CHECK(upstream_run(&upstream, buffer_bytes(&bytes), &taken) == UPSTREAM_SECURE);
    CHECK(taken == bytes.size && upstream.output.size > 0);
    upstream_release(&upstream);

    memset(&upstream, 0, sizeof(upstream));
    buffer_add_text(&bytes, "early");
    upstream_begin(&upstream, &scene.task);
    CHECK(upstream_run(&upstream, buffer_bytes(&bytes), &taken) == UPSTREAM_FAILED);
    CHECK(upstream.blame == PULL_MISCONFIGURED);
    upstream_release(&upstream);
    buffer_release(&payload);
    buffer_release(&bytes);
    close_scene(&scene);
}

static void moves_only_forward(void)
{
    for (int from = 0; from < UPSTREAM_STATE_COUNT; from++) {
        for (int next = 0; next <= from; next++) {
            CHECK(!upstream_may_move((enum upstream_state)from, (enum upstream_state)next));
        }
        CHECK(upstream_state_name((enum upstream_state)from)[0] != '\0');
    }
}

/* ---- its clock ---- */

/* Answers what the clock says with the context's two texts. */
static bool tell_time(void *context,
                      struct fake_session *session,
                      const char *text,
                      struct buffer *output)
{
    if (strncmp(text, "SELECT UNIX_TIMESTAMP()", 23) != 0) {
        return false;
    }
    fake_session_send_rows(session, 2, context, 1, output);
    return true;
}

static uint64_t hear_time(struct scene *scene, const char *seconds, const char *exact)
{
    const char *values[] = {seconds, exact};
    struct upstream upstream;
    uint64_t found = 0;

    scene->script.on_query = tell_time;
    scene->script.query_context = values;
    CHECK(connect_once(scene, &upstream, 1000000) == UPSTREAM_LOCATED);
    found = upstream.source_usec;
    upstream_release(&upstream);
    scene->script.on_query = NULL;
    return found;
}

static void hears_the_sources_clock(void)
{
    struct scene scene;
    struct upstream upstream;

    open_scene(&scene);
    add_log(&scene, "binlog.000003", 1);
    CHECK(hear_time(&scene, "1700000000", "1699996400.250000") == 1700000000250000);
    CHECK(hear_time(&scene, "1700000000", "1700000000.000007") == 1700000000000007);
    CHECK(hear_time(&scene, "1700000000", "1700000000.5") == 1700000000500000);
    CHECK(hear_time(&scene, "1700000000", "1700000000") == 1700000000000000);
    CHECK(hear_time(&scene, "1700000000", NULL) == 1700000000000000);
    CHECK(hear_time(&scene, "1700000000", "0.99999999999") == 1700000000999999);
    CHECK(hear_time(&scene, "99999999999999999", "1.0") == 0);
    CHECK(hear_time(&scene, "soon", "1.0") == 0);
    CHECK(hear_time(&scene, NULL, NULL) == 0);
    CHECK(connect_once(&scene, &upstream, 1000000) == UPSTREAM_LOCATED); /* it does not say */
    CHECK(upstream.source_usec == 0);
    upstream_release(&upstream);
    close_scene(&scene);
}

int main(void)
{
    hears_the_sources_clock();
    logs_in_and_locates_the_start_at_every_split_of_the_bytes();
    locates_a_position_only_where_an_event_begins();
    locates_what_follows_an_epoch();
    locates_gtids_by_a_dump_that_ends();
    says_what_is_wrong_with_a_source();
    refuses_peers_that_are_no_mysql_server();
    refuses_bytes_that_come_before_the_tls_handshake();
    moves_only_forward();
    return 0;
}
