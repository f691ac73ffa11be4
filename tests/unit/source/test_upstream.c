/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream.h"

#include <string.h>

#include "binrelay/base/clock.h"
#include "binrelay/base/disk.h"
#include "check.h"
#include "fake_binlog.h"
#include "fake_session.h"
#include "temp_dir.h"

/* An upstream on a store of its own, and the session it talks to. */
struct scene {
    char *path;
    struct binlog_store *store;
    struct fake_script script;
    struct source_options source;
    struct pull_start start;
    struct registry_cluster kept;
    struct cluster_report numbers;
    struct upstream_task task;
};

static void open_scene(struct scene *scene)
{
    struct binlog_store_options options = {.disk = disk_system(), .clock = clock_system()};
    struct error error = {0};

    memset(scene, 0, sizeof(*scene));
    scene->path = temp_dir_make();
    options.directory = scene->path;
    scene->store = binlog_store_new(&options);
    CHECK_OK(binlog_store_recover(scene->store, &error), &error);
    scene->script = fake_script_make();
    scene->source =
        (struct source_options){.host = "127.0.0.1", .user = "relay", .password = "secret"};
    scene->task = (struct upstream_task){
        .cluster = "east",
        .server_id = 199,
        .replica_uuid = "11111111-1111-1111-1111-111111111111",
        .source = &scene->source,
        .start = &scene->start,
        .heartbeat_period_usec = 1000000,
        .store = scene->store,
        .kept = &scene->kept,
        .numbers = &scene->numbers,
    };
}

static void close_scene(struct scene *scene)
{
    binlog_store_free(scene->store);
    fake_script_release(&scene->script);
    temp_dir_remove(scene->path);
}

/* Lends the upstream what it has not consumed, and a little more each time. */
static enum upstream_step run_in_steps(struct upstream *upstream,
                                       struct buffer *bytes,
                                       size_t by)
{
    enum upstream_step step = UPSTREAM_WAIT;
    size_t begun = 0;
    size_t end = 0;

    while (end < bytes->size && step == UPSTREAM_WAIT) {
        size_t taken = 0;

        end = end + by < bytes->size ? end + by : bytes->size;
        step = upstream_run(upstream, (struct bytes){bytes->data + begun, end - begun}, &taken);
        begun += taken;
    }
    memmove(bytes->data, bytes->data + begun, bytes->size - begun);
    bytes->size -= begun;
    return step;
}

/* Lets the two talk until the upstream ends, or both have nothing to say. */
static enum upstream_step talk(struct upstream *upstream,
                               struct fake_session *session,
                               size_t by)
{
    enum upstream_step step = UPSTREAM_WAIT;
    struct buffer down = {0};
    struct buffer up = {0};

    fake_session_begin(session, session->script, &down);
    while (step == UPSTREAM_WAIT) {
        size_t taken = 0;

        step = run_in_steps(upstream, &down, by);
        buffer_add_bytes(&up, buffer_bytes(&upstream->output));
        buffer_clear(&upstream->output);
        taken = fake_session_take(session, buffer_bytes(&up), &down);
        CHECK(taken == up.size);
        buffer_clear(&up);
        fake_session_pump(session, &down, 1024 * 1024);
        if (down.size == 0 || session->is_over) {
            step = step == UPSTREAM_WAIT && down.size > 0 ? run_in_steps(upstream, &down, by)
                                                          : step;
            break;
        }
    }
    buffer_release(&down);
    buffer_release(&up);
    return step;
}

/* One whole connection; the upstream is the caller's to release. */
static enum upstream_step connect_once(struct scene *scene,
                                       struct upstream *upstream,
                                       size_t by)
{
    struct fake_session session = {.script = &scene->script};
    enum upstream_step step = UPSTREAM_WAIT;

    memset(upstream, 0, sizeof(*upstream));
    upstream_begin(upstream, &scene->task);
    step = talk(upstream, &session, by);
    fake_session_release(&session);
    return step;
}

/* Fails as it should: the blame, and a part of the reason. */
static void check_fails(struct scene *scene, enum pull_state blame, const char *words)
{
    struct upstream upstream;

    CHECK(connect_once(scene, &upstream, 1000000) == UPSTREAM_FAILED);
    if (upstream.blame != blame || strstr(upstream.error.message, words) == NULL) {
        fprintf(stderr, "%s: %s\n", pull_state_name(upstream.blame), upstream.error.message);
    }
    CHECK(upstream.blame == blame);
    CHECK(strstr(upstream.error.message, words) != NULL);
    upstream_release(&upstream);
}

static void add_log(struct scene *scene, const char *name, int transactions)
{
    struct fake_binlog binlog = {.checksum = BINLOG_CHECKSUM_CRC32};

    fake_binlog_begin(&binlog);
    for (int count = 0; count < transactions; count++) {
        (void)fake_binlog_add_transaction(&binlog, 200);
    }
    fake_script_set_log(&scene->script, name, buffer_bytes(&binlog.bytes));
    fake_binlog_release(&binlog);
}

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

/* ---- the dump ---- */

/* Pulls from the beginning of the first log; the upstream is the caller's. */
static enum upstream_step pull_first(struct scene *scene, struct upstream *upstream, size_t by)
{
    struct dump_place place = {
        .base_name = "binlog", .file = 3, .offset = 4, .is_new_file = true};

    scene->task.first_place = &place;
    return connect_once(scene, upstream, by);
}

static void check_stored(struct scene *scene, uint64_t file, struct bytes expected)
{
    struct buffer found = {0};
    struct error error = {0};

    CHECK_OK(binlog_store_read(scene->store, (struct binlog_position){file, 0}, expected.size,
                               &found, &error),
             &error);
    CHECK(bytes_equal(buffer_bytes(&found), expected));
    buffer_release(&found);
}

static void pulls_logs_byte_for_byte_at_every_split(void)
{
    for (size_t by = 1; by < 400; by += 3) {
        struct scene scene;
        struct upstream upstream;

        open_scene(&scene);
        add_log(&scene, "binlog.000003", 3);
        add_log(&scene, "binlog.000004", 2);
        scene.script.has_semi_sync = true;
        scene.task.semi_sync = by % 2 == 0;
        CHECK(pull_first(&scene, &upstream, by) == UPSTREAM_WAIT);
        CHECK(upstream.state == UPSTREAM_STREAMING);
        check_stored(&scene, 3, buffer_bytes(&scene.script.logs[0].bytes));
        check_stored(&scene, 4, buffer_bytes(&scene.script.logs[1].bytes));
        CHECK(binlog_store_tail(scene.store).end.offset == scene.script.logs[1].bytes.size);
        CHECK((upstream.intake.ack.stored.file != 0) == scene.task.semi_sync);
        upstream_release(&upstream);
        close_scene(&scene);
    }
}

static void goes_on_behind_what_is_stored(void)
{
    struct scene scene;
    struct upstream upstream;

    open_scene(&scene);
    add_log(&scene, "binlog.000003", 3);
    CHECK(pull_first(&scene, &upstream, 1000) == UPSTREAM_WAIT);
    upstream_release(&upstream);
    add_log(&scene, "binlog.000003", 5);
    scene.script.listing_code = 1227; /* not needed for going on */
    CHECK(connect_once(&scene, &upstream, 1000) == UPSTREAM_WAIT);
    CHECK(upstream.state == UPSTREAM_STREAMING);
    CHECK(scene.script.asked_position > 4);
    check_stored(&scene, 3, buffer_bytes(&scene.script.logs[0].bytes));
    upstream_release(&upstream);
    close_scene(&scene);
}

static void tells_a_lost_tail_from_purged_logs(void)
{
    struct scene scene;
    struct upstream upstream;

    open_scene(&scene);
    add_log(&scene, "binlog.000003", 3);
    CHECK(pull_first(&scene, &upstream, 1000) == UPSTREAM_WAIT);
    upstream_release(&upstream);
    add_log(&scene, "binlog.000003", 2);
    check_fails(&scene, PULL_SOURCE_BEHIND, "stored is up to");
    scene.script.listing_code = 1227; /* then the dump says it */
    check_fails(&scene, PULL_SOURCE_BEHIND, "position > file size");
    scene.script.listing_code = 0;
    (void)strcpy(scene.script.logs[0].name, "binlog.000002");
    check_fails(&scene, PULL_SOURCE_BEHIND, "newest file is binlog.000002");
    (void)strcpy(scene.script.logs[0].name, "binlog.000009");
    check_fails(&scene, PULL_SOURCE_PURGED, "oldest file is binlog.000009");
    close_scene(&scene);
}

static void goes_on_in_the_next_file_when_the_closed_one_was_purged(void)
{
    struct scene scene;
    struct upstream upstream;
    struct fake_binlog binlog = {.checksum = BINLOG_CHECKSUM_CRC32};

    open_scene(&scene);
    fake_binlog_begin(&binlog);
    (void)fake_binlog_add_transaction(&binlog, 50);
    fake_binlog_add_rotate(&binlog, "binlog.000004");
    fake_script_set_log(&scene.script, "binlog.000003", buffer_bytes(&binlog.bytes));
    CHECK(pull_first(&scene, &upstream, 1000) == UPSTREAM_WAIT);
    upstream_release(&upstream);
    (void)strcpy(scene.script.logs[0].name, "binlog.000004");
    add_log(&scene, "binlog.000004", 2);
    CHECK(connect_once(&scene, &upstream, 1000) == UPSTREAM_WAIT);
    check_stored(&scene, 4, buffer_bytes(&scene.script.logs[0].bytes));
    upstream_release(&upstream);
    fake_binlog_release(&binlog);
    close_scene(&scene);
}

static void stops_at_a_whole_transaction_when_asked_to(void)
{
    struct scene scene;
    struct upstream upstream;

    open_scene(&scene);
    add_log(&scene, "binlog.000003", 3);
    scene.task.one_at_a_time = true;
    CHECK(pull_first(&scene, &upstream, 1000000) == UPSTREAM_WHOLE);
    CHECK(binlog_store_is_whole(scene.store));
    upstream_release(&upstream);
    close_scene(&scene);
}

static void says_why_a_dump_ended(void)
{
    struct scene scene;
    struct upstream upstream;

    open_scene(&scene);
    add_log(&scene, "binlog.000003", 1);
    scene.script.ends_dump = true;
    CHECK(pull_first(&scene, &upstream, 1000) == UPSTREAM_FAILED);
    CHECK(upstream.blame == PULL_WAITING);
    CHECK(strstr(upstream.error.message, "ended the dump") != NULL);
    upstream_release(&upstream);
    scene.script.dump_code = 1236;
    scene.script.dump_message = "A replica with the same server_uuid/server_id as this replica "
                                "has connected to the source";
    check_fails(&scene, PULL_MISCONFIGURED, "same server_uuid");
    close_scene(&scene);
}

static void acknowledges_with_the_sources_names(void)
{
    struct scene scene;
    struct upstream upstream = {0};
    struct intake_ack ack = {.upstream = {3, 4711}};

    open_scene(&scene);
    upstream_begin(&upstream, &scene.task);
    (void)strcpy(upstream.intake.base_name, "binlog");
    upstream_acknowledge(&upstream, &ack);
    CHECK(bytes_equal(buffer_bytes(&upstream.output),
                      (struct bytes){(const uint8_t *)"\x16\0\0\0\xef\x67\x12\0\0\0\0\0\0"
                                                      "binlog.000003",
                                     26}));
    upstream_release(&upstream);
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

int main(void)
{
    logs_in_and_locates_the_start_at_every_split_of_the_bytes();
    locates_a_position_only_where_an_event_begins();
    locates_gtids_by_a_dump_that_ends();
    says_what_is_wrong_with_a_source();
    refuses_peers_that_are_no_mysql_server();
    refuses_bytes_that_come_before_the_tls_handshake();
    pulls_logs_byte_for_byte_at_every_split();
    goes_on_behind_what_is_stored();
    tells_a_lost_tail_from_purged_logs();
    goes_on_in_the_next_file_when_the_closed_one_was_purged();
    stops_at_a_whole_transaction_when_asked_to();
    says_why_a_dump_ended();
    acknowledges_with_the_sources_names();
    moves_only_forward();
    return 0;
}
