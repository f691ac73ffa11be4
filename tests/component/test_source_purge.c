/* SPDX-License-Identifier: Apache-2.0 */
/* PURGE BINARY LOGS at a source, by what a puller has made durable. */
#include <stdio.h>
#include <string.h>

#include "binrelay/base/memory.h"
#include "binrelay/source/source_agent.h"
#include "check.h"
#include "fake_binlog.h"
#include "pull_scene.h"

/* The source as the puller sees it, and as the agent does: each has a server of its own. */
struct purge_scene {
    struct pull_scene pull;
    struct fake_source *asked;
    struct source_options server;
    struct source_agent *agent;
    const char *server_id;
    char purged[128]; /* the last PURGE statement; under the lock of `asked` */
};

static void set_log(struct fake_script *script, const char *name)
{
    struct fake_binlog binlog = {.checksum = BINLOG_CHECKSUM_CRC32};

    fake_binlog_begin(&binlog);
    (void)fake_binlog_add_transaction(&binlog, 100);
    fake_script_set_log(script, name, buffer_bytes(&binlog.bytes));
    fake_binlog_release(&binlog);
}

static bool on_query(void *context,
                     struct fake_session *session,
                     const char *text,
                     struct buffer *output)
{
    struct purge_scene *scene = context;

    if (strncmp(text, "PURGE", 5) == 0) {
        (void)snprintf(scene->purged, sizeof(scene->purged), "%s", text);
        fake_session_send_ok(session, output);
    } else if (strncmp(text, "SELECT @@GLOBAL.server_id", 25) == 0) {
        fake_session_send_rows(session, 1, &scene->server_id, 1, output);
    } else if (strncmp(text, "SHOW", 4) == 0) {
        return false;
    } else {
        fake_session_send_ok(session, output);
    }
    return true;
}

static void await_file(struct purge_scene *scene, uint64_t file)
{
    unsigned naps = 0;

    while (binlog_store_durable_end(scene->pull.store).file < file) {
        CHECK(pull_scene_may_wait(&naps));
    }
    pull_scene_await_state(&scene->pull, PULL_STREAMING);
}

static void start_agent(struct purge_scene *scene, struct binlog_store *store)
{
    struct source_agent_options options = {.cluster = "east",
                                           .server_id = 199,
                                           .sources = &scene->server,
                                           .source_count = 1,
                                           .heartbeat_table = "beats.of",
                                           .clock = clock_system(),
                                           .store = store,
                                           .board = scene->pull.board,
                                           .registry = scene->pull.registry};
    struct error error;

    CHECK_OK(source_agent_start(&scene->agent, &options, &error), &error);
}

/* Both have logs 4, 5 and the last one, which is pulled. */
static void open_scene(struct purge_scene *scene, const char *last)
{
    struct fake_script pulled = fake_script_make();
    struct fake_script asked = fake_script_make();
    static char server_id[16];
    const char *const names[] = {"binlog.000004", "binlog.000005", last};

    memset(scene, 0, sizeof(*scene));
    for (size_t at = 0; at < sizeof(names) / sizeof(names[0]); at++) {
        set_log(&pulled, names[at]);
        set_log(&asked, names[at]);
    }
    (void)snprintf(server_id, sizeof(server_id), "%u", asked.server_id);
    scene->server_id = server_id;
    asked.on_query = on_query;
    asked.query_context = scene;
    pull_scene_open(&scene->pull, pulled);
    pull_scene_start(&scene->pull);
    await_file(scene, 6);
    scene->asked = fake_source_start(asked);
    scene->server = (struct source_options){.host = "127.0.0.1",
                                            .port = fake_source_port(scene->asked),
                                            .user = "relay",
                                            .password = "secret"};
    start_agent(scene, scene->pull.store);
}

static void close_scene(struct purge_scene *scene)
{
    source_agent_stop(scene->agent);
    fake_source_stop(scene->asked);
    pull_scene_close(&scene->pull);
}

/* "": nothing was purged since the last look. */
static bool purged(struct purge_scene *scene, const char *statement)
{
    bool is_so = false;

    (void)fake_source_lock(scene->asked);
    is_so = strcmp(scene->purged, statement) == 0;
    scene->purged[0] = '\0';
    fake_source_unlock(scene->asked);
    return is_so;
}

static enum status purge(struct purge_scene *scene, uint64_t file, const char *words)
{
    struct error error = {0};
    enum status status = source_agent_purge(scene->agent, file, &error);

    if (words != NULL && strstr(error.message, words) == NULL) {
        fprintf(stderr, "the error is: %s\n", error.message);
        CHECK(false);
    }
    return status;
}

static void purges_up_to_a_file_and_nothing_that_is_not_durable(void)
{
    struct purge_scene scene;

    open_scene(&scene, "binlog.000006");
    CHECK(purge(&scene, 5, NULL) == STATUS_OK);
    CHECK(purged(&scene, "PURGE BINARY LOGS TO 'binlog.000005'"));
    CHECK(purge(&scene, 6, NULL) == STATUS_OK);
    CHECK(purged(&scene, "PURGE BINARY LOGS TO 'binlog.000006'"));
    CHECK(purge(&scene, 7, "not known to be durable") == STATUS_AGAIN);
    CHECK(purge(&scene, 4, NULL) == STATUS_OK); /* it is the oldest one */
    CHECK(purge(&scene, 0, "not known any more") == STATUS_NOT_FOUND);
    CHECK(purged(&scene, ""));
    close_scene(&scene);
}

static void goes_by_the_sources_own_numbers(void)
{
    struct purge_scene scene;

    open_scene(&scene, "binlog.000100"); /* here it is 6 */
    CHECK(purge(&scene, 6, NULL) == STATUS_OK);
    CHECK(purged(&scene, "PURGE BINARY LOGS TO 'binlog.000100'"));
    CHECK(purge(&scene, 5, "not known any more") == STATUS_NOT_FOUND);
    CHECK(purged(&scene, ""));
    close_scene(&scene);
}

static void purges_only_the_source_that_is_pulled(void)
{
    struct purge_scene scene;

    open_scene(&scene, "binlog.000006");
    (void)fake_source_lock(scene.asked);
    scene.server_id = "4000000000";
    fake_source_unlock(scene.asked);
    CHECK(purge(&scene, 5, "its server_id is 4000000000") == STATUS_AGAIN);
    puller_pause(scene.pull.puller);
    pull_scene_await_state(&scene.pull, PULL_PAUSED);
    CHECK(purge(&scene, 5, "paused") == STATUS_AGAIN);
    CHECK(purged(&scene, ""));
    source_agent_stop(scene.agent);
    start_agent(&scene, NULL);
    CHECK(purge(&scene, 5, "durable") == STATUS_AGAIN);
    CHECK(purged(&scene, ""));
    close_scene(&scene);
}

static void a_file_that_the_source_does_not_list_is_left_alone(void)
{
    struct purge_scene scene;
    struct fake_script *script = NULL;

    open_scene(&scene, "binlog.000006");
    script = fake_source_lock(scene.asked);
    (void)snprintf(script->logs[1].name, sizeof(script->logs[1].name), "bin'log.000005");
    fake_source_unlock(scene.asked);
    CHECK(purge(&scene, 5, "no file with the number 5") == STATUS_NOT_FOUND);
    script = fake_source_lock(scene.asked);
    (void)snprintf(script->logs[0].name, sizeof(script->logs[0].name), "binlog.000006");
    fake_source_unlock(scene.asked);
    CHECK(purge(&scene, 5, NULL) == STATUS_OK); /* it is gone already */
    CHECK(purged(&scene, ""));
    close_scene(&scene);
}

int main(void)
{
    purges_up_to_a_file_and_nothing_that_is_not_durable();
    goes_by_the_sources_own_numbers();
    purges_only_the_source_that_is_pulled();
    a_file_that_the_source_does_not_list_is_left_alone();
    return 0;
}
