/* SPDX-License-Identifier: Apache-2.0 */
/* The agent and a scripted source on a port. */
#include "binrelay/source/source_agent.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "answering_source.h"
#include "binrelay/base/memory.h"
#include "check.h"
#include "temp_dir.h"

struct scene {
    struct answering_source server;
    char *directory;
    struct registry *registry;
    struct cluster_board *board;
    struct source_agent_options agent;
};

static void open_scene(struct scene *scene)
{
    struct error error;

    memset(scene, 0, sizeof(*scene));
    answering_source_open(&scene->server);
    scene->directory = temp_dir_make();
    scene->board = cluster_board_new();
    CHECK_OK(registry_open(&scene->registry, scene->directory, clock_system(), &error), &error);
    scene->agent = (struct source_agent_options){.cluster = "east",
                                                 .server_id = 199,
                                                 .sources = &scene->server.options,
                                                 .source_count = 1,
                                                 .heartbeat_table = "beats.of",
                                                 .heartbeat_interval_usec = 2000,
                                                 .poll_interval_usec = 2000,
                                                 .clock = clock_system(),
                                                 .board = scene->board,
                                                 .registry = scene->registry};
}

static void close_scene(struct scene *scene)
{
    answering_source_close(&scene->server);
    registry_close(scene->registry);
    cluster_board_free(scene->board);
    temp_dir_remove(scene->directory);
}

static struct source_agent *start(struct scene *scene)
{
    struct source_agent *agent = NULL;
    struct error error;

    CHECK_OK(source_agent_start(&agent, &scene->agent, &error), &error);
    return agent;
}

static const char *const row_format[] = {"ROW"};
static const char *const mixed_format[] = {"MIXED"};

#define FORMAT(words)                                                                          \
    {                                                                                          \
        .begins = "SELECT @@SESSION.binlog_format", .columns = 1, .rows = 1, .values = words   \
    }

/* ---- heartbeats ---- */

static void makes_the_table_only_where_it_is_missing(void)
{
    static const struct answer missing[] = {FORMAT(row_format),
                                            {.begins = "INSERT", .code = 1146}};
    static const struct answer there[] = {FORMAT(row_format)};
    struct scene scene;
    struct source_agent *agent = NULL;

    open_scene(&scene);
    answering_source_set(&scene.server, there, 1);
    scene.agent.writes_heartbeats = true;
    agent = start(&scene);
    CHECK(answering_source_await(&scene.server,
                                 "INSERT INTO `beats`.`of` (server_id, counter) VALUES (199, 1)"
                                 " ON DUPLICATE KEY UPDATE counter = counter + 1",
                                 3) == 3); /* behind the question for the format */
    answering_source_set(&scene.server, missing, 2);
    CHECK(answering_source_await(&scene.server, "CREATE DATABASE IF NOT EXISTS `beats`", 1) >
          0);
    (void)answering_source_await(&scene.server, "CREATE TABLE IF NOT EXISTS `beats`.`of`", 1);
    answering_source_set(&scene.server, there, 1);
    (void)answering_source_await(&scene.server, "INSERT", 3);
    source_agent_stop(agent);
    close_scene(&scene);
}

static void makes_its_own_statements_rows(void)
{
    static const struct answer mixed[] = {FORMAT(mixed_format)};
    static const struct answer refused[] = {FORMAT(mixed_format),
                                            {.begins = "SET SESSION", .code = 1227}};
    static const struct answer unknown[] = {
        {.begins = "SELECT @@SESSION.binlog_format", .code = 1193}};
    struct scene scene;
    struct source_agent *agent = NULL;

    open_scene(&scene);
    scene.agent.writes_heartbeats = true;
    answering_source_set(&scene.server, mixed, 1);
    agent = start(&scene);
    CHECK(answering_source_await(&scene.server, "SET SESSION binlog_format = 'ROW'", 1) == 1);
    CHECK(answering_source_await(&scene.server, "INSERT", 1) == 2);
    source_agent_stop(agent);
    answering_source_set(&scene.server, refused, 2);
    agent = start(&scene);
    CHECK(answering_source_await(&scene.server, "SET SESSION", 2) ==
          3); /* nothing was written between */
    source_agent_stop(agent);
    answering_source_set(&scene.server, unknown, 1);
    agent = start(&scene);
    CHECK(answering_source_await(&scene.server, "INSERT", 1) == 1);
    source_agent_stop(agent);
    close_scene(&scene);
}

static void goes_on_when_the_source_comes_back(void)
{
    static const struct answer answers[] = {FORMAT(row_format)};
    struct scene scene;
    struct source_agent *agent = NULL;

    open_scene(&scene);
    scene.agent.writes_heartbeats = true;
    answering_source_set(&scene.server, answers, 1);
    agent = start(&scene);
    (void)answering_source_await(&scene.server, "INSERT", 2);
    fake_source_disconnect(scene.server.source);
    (void)answering_source_await(&scene.server, "SELECT @@SESSION.binlog_format", 2);
    source_agent_stop(agent);
    close_scene(&scene);
}

static void takes_a_new_password(void)
{
    static const struct answer answers[] = {FORMAT(row_format)};
    static const char *const passwords[] = {"secret"};
    struct scene scene;
    struct source_agent *agent = NULL;

    open_scene(&scene);
    scene.agent.writes_heartbeats = true;
    scene.server.options.password = "wrong";
    answering_source_set(&scene.server, answers, 1);
    agent = start(&scene);
    source_agent_set_passwords(agent, passwords, 1);
    (void)answering_source_await(&scene.server, "INSERT", 1);
    source_agent_stop(agent);
    close_scene(&scene);
}

/* ---- mysql.ndb_apply_status ---- */

static size_t await_rows(struct scene *scene, size_t wanted, struct apply_status_row **rows)
{
    size_t count = 0;
    uint64_t read_usec = 0;
    int polls = 0;

    do {
        free(*rows);
        (void)answering_source_await(&scene->server, "SELECT server_id, epoch", ++polls);
        count = cluster_board_apply_status(scene->board, rows, &read_usec);
    } while (count != wanted || read_usec == 0);
    return count;
}

static void shows_the_apply_status_of_the_source(void)
{
    static const char *const values[] = {"7",
                                         "18446744073709551615",
                                         "binlog.000003",
                                         "4",
                                         "4294967296",
                                         "4294967295",
                                         "0",
                                         NULL,
                                         "",
                                         "0"};
    static const struct answer rows[] = {
        {.begins = "SELECT server_id", .columns = 5, .rows = 2, .values = values}};
    static const struct answer none[] = {{.begins = "SELECT server_id", .code = 1146}};
    struct scene scene;
    struct source_agent *agent = NULL;
    struct apply_status_row *found = NULL;

    open_scene(&scene);
    scene.agent.polls_apply_status = true;
    answering_source_set(&scene.server, rows, 1);
    agent = start(&scene);
    CHECK(await_rows(&scene, 2, &found) == 2);
    CHECK(found[0].server_id == 7 && found[0].epoch == UINT64_MAX);
    CHECK(strcmp(found[0].log_name, "binlog.000003") == 0);
    CHECK(found[0].start_pos == 4 && found[0].end_pos == UINT64_C(4294967296));
    CHECK(found[1].server_id == UINT32_MAX && found[1].log_name[0] == '\0');
    answering_source_set(&scene.server, none, 1);
    CHECK(await_rows(&scene, 0, &found) == 0);
    free(found);
    source_agent_stop(agent);
    close_scene(&scene);
}

static void gives_up_an_answer_of_another_shape(void)
{
    static const char *const values[] = {"1", "2"};
    static const struct answer answers[] = {
        {.begins = "SELECT server_id", .columns = 2, .rows = 1, .values = values}};
    struct scene scene;
    struct source_agent *agent = NULL;
    struct apply_status_row *rows = NULL;
    uint64_t read_usec = 0;

    open_scene(&scene);
    scene.agent.polls_apply_status = true;
    answering_source_set(&scene.server, answers, 1);
    agent = start(&scene);
    (void)answering_source_await(&scene.server, "SELECT server_id", 2);
    CHECK(cluster_board_apply_status(scene.board, &rows, &read_usec) == 0 && read_usec == 0);
    free(rows);
    source_agent_stop(agent);
    close_scene(&scene);
}

/* ---- statements of others ---- */

static void runs_a_statement_and_returns_what_the_source_says(void)
{
    static const struct answer answers[] = {
        {.begins = "FLUSH X", .code = 1227},
        {.begins = "FLUSH ROWS", .columns = 1, .rows = 1, .values = row_format},
        {.begins = "FLUSH FILE", .asks_for_file = true}};
    struct scene scene;
    struct source_agent *agent = NULL;
    struct error error;

    open_scene(&scene);
    answering_source_set(&scene.server, answers, 3);
    agent = start(&scene);
    CHECK_OK(source_agent_execute(agent, "FLUSH BINARY LOGS", &error), &error);
    CHECK(source_agent_execute(agent, "FLUSH X", &error) == STATUS_DENIED);
    CHECK(error.sql_code == 1227 && strstr(error.message, "no, says the script") != NULL);
    CHECK(source_agent_execute(agent, "FLUSH ROWS", &error) == STATUS_INVALID);
    CHECK(source_agent_execute(agent, "FLUSH FILE", &error) != STATUS_OK);
    CHECK(fake_source_lock(scene.server.source)->empty_packets == 1); /* no byte of the file */
    fake_source_unlock(scene.server.source);
    CHECK_OK(source_agent_execute(agent, "FLUSH BINARY LOGS", &error), &error);
    source_agent_stop(agent);
    fake_source_stop(scene.server.source);
    scene.server.source = fake_source_start(fake_script_make());
    agent = start(&scene); /* nobody is at its port any more */
    CHECK(source_agent_execute(agent, "FLUSH BINARY LOGS", &error) == STATUS_CLOSED);
    CHECK(error.sql_code == 0 && strstr(error.message, "source 127.0.0.1:") != NULL);
    source_agent_stop(agent);
    close_scene(&scene);
}

struct flush {
    pthread_t thread;
    struct source_agent *agent;
    enum status status;
};

static void *run_flush(void *context)
{
    struct flush *flush = context;
    struct error error;

    flush->status = source_agent_execute(flush->agent, "FLUSH SILENCE", &error);
    return NULL;
}

static void ends_at_once_what_a_hung_source_holds_up(void)
{
    static const struct answer answers[] = {{.begins = "FLUSH", .is_silent = true}};
    struct scene scene;
    struct flush flush = {.status = STATUS_OK};
    struct error error;

    open_scene(&scene);
    answering_source_set(&scene.server, answers, 1);
    flush.agent = start(&scene);
    CHECK(pthread_create(&flush.thread, NULL, run_flush, &flush) == 0);
    (void)answering_source_await(&scene.server, "FLUSH", 1);
    source_agent_interrupt(flush.agent);
    CHECK(pthread_join(flush.thread, NULL) == 0);
    CHECK(flush.status == STATUS_CLOSED);
    CHECK(source_agent_execute(flush.agent, "FLUSH LOGS", &error) == STATUS_CLOSED);
    CHECK(strstr(error.message, "shuts down") != NULL);
    source_agent_stop(flush.agent);
    close_scene(&scene);
}

static void refuses_what_cannot_be_a_table(void)
{
    struct scene scene;
    struct source_agent *agent = NULL;
    struct error error;

    open_scene(&scene);
    scene.agent.heartbeat_table = "a`b.c";
    CHECK(source_agent_start(&agent, &scene.agent, &error) == STATUS_INVALID);
    scene.agent.heartbeat_table = "beats";
    CHECK(source_agent_start(&agent, &scene.agent, &error) == STATUS_INVALID);
    scene.agent.heartbeat_table = "beats.of";
    scene.agent.source_count = 0;
    CHECK(source_agent_start(&agent, &scene.agent, &error) == STATUS_INVALID && agent == NULL);
    close_scene(&scene);
}

int main(void)
{
    makes_the_table_only_where_it_is_missing();
    makes_its_own_statements_rows();
    goes_on_when_the_source_comes_back();
    takes_a_new_password();
    shows_the_apply_status_of_the_source();
    gives_up_an_answer_of_another_shape();
    runs_a_statement_and_returns_what_the_source_says();
    ends_at_once_what_a_hung_source_holds_up();
    refuses_what_cannot_be_a_table();
    return 0;
}
