/* SPDX-License-Identifier: Apache-2.0 */
/* The agent and a scripted source on a port. */
#include "binrelay/source/source_agent.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "binrelay/base/memory.h"
#include "check.h"
#include "fake_source.h"
#include "temp_dir.h"

enum { SEEN_MOST = 64, SEEN_BYTES = 512 };

/* What one statement is answered with. */
struct answer {
    const char *begins; /* what the statement begins with */
    unsigned code;      /* an error */
    const char *const *values;
    size_t columns; /* 0: an OK packet */
    size_t rows;
    bool is_silent;
    bool asks_for_file; /* LOAD DATA LOCAL, which nobody said */
};

/* A source's mind: what it answers and what it was asked. */
struct mind {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct answer answers[8];
    size_t answer_count;
    char seen[SEEN_MOST][SEEN_BYTES]; /* without the settings of a session */
    size_t seen_count;
};

struct scene {
    struct mind mind;
    char *directory;
    struct registry *registry;
    struct cluster_board *board;
    struct fake_source *source;
    struct source_options options;
    struct source_agent_options agent;
};

static const struct answer *find_answer(const struct mind *mind, const char *text)
{
    for (size_t at = 0; at < mind->answer_count; at++) {
        if (strncmp(text, mind->answers[at].begins, strlen(mind->answers[at].begins)) == 0) {
            return &mind->answers[at];
        }
    }
    return NULL;
}

static void ask_for_file(struct fake_session *session, struct buffer *output)
{
    static const char request[] = "\xFB/etc/hostname";

    fake_session_send(session, (struct bytes){(const uint8_t *)request, sizeof(request) - 1},
                      output);
}

static void give(const struct answer *answer,
                 struct fake_session *session,
                 struct buffer *output)
{
    if (answer == NULL) {
        fake_session_send_ok(session, output);
    } else if (answer->asks_for_file) {
        ask_for_file(session, output);
    } else if (answer->code != 0) {
        fake_session_send_error(session, answer->code, "no, says the script", output);
    } else if (answer->columns > 0) {
        fake_session_send_rows(session, answer->columns, answer->values, answer->rows, output);
    } else if (!answer->is_silent) {
        fake_session_send_ok(session, output);
    }
}

static bool on_query(void *context,
                     struct fake_session *session,
                     const char *text,
                     struct buffer *output)
{
    struct mind *mind = context;

    pthread_mutex_lock(&mind->lock);
    if (strncmp(text, "SET autocommit", 14) != 0 && mind->seen_count < SEEN_MOST) {
        (void)snprintf(mind->seen[mind->seen_count++], SEEN_BYTES, "%s", text);
    }
    give(find_answer(mind, text), session, output);
    pthread_cond_broadcast(&mind->changed);
    pthread_mutex_unlock(&mind->lock);
    return true;
}

/* The answers from now on. */
static void set_answers(struct scene *scene, const struct answer *answers, size_t count)
{
    pthread_mutex_lock(&scene->mind.lock);
    memcpy(scene->mind.answers, answers, count * sizeof(*answers));
    scene->mind.answer_count = count;
    scene->mind.seen_count = 0;
    pthread_mutex_unlock(&scene->mind.lock);
}

/* Waits for a statement that begins so, for the `times`th time; returns its number. */
static size_t await(struct scene *scene, const char *begin, int times)
{
    struct mind *mind = &scene->mind;
    size_t at = 0;

    pthread_mutex_lock(&mind->lock);
    while (times > 0) {
        while (at == mind->seen_count) {
            CHECK(at < SEEN_MOST);
            pthread_cond_wait(&mind->changed, &mind->lock);
        }
        times -= strncmp(mind->seen[at], begin, strlen(begin)) == 0;
        at++;
    }
    pthread_mutex_unlock(&mind->lock);
    return at - 1;
}

static void open_scene(struct scene *scene)
{
    struct fake_script script = fake_script_make();
    struct error error;

    memset(scene, 0, sizeof(*scene));
    CHECK(pthread_mutex_init(&scene->mind.lock, NULL) == 0);
    CHECK(pthread_cond_init(&scene->mind.changed, NULL) == 0);
    script.on_query = on_query;
    script.query_context = &scene->mind;
    scene->source = fake_source_start(script);
    scene->directory = temp_dir_make();
    scene->board = cluster_board_new();
    CHECK_OK(registry_open(&scene->registry, scene->directory, clock_system(), &error), &error);
    scene->options = (struct source_options){.host = "127.0.0.1",
                                             .port = fake_source_port(scene->source),
                                             .user = "relay",
                                             .password = "secret"};
    scene->agent = (struct source_agent_options){.cluster = "east",
                                                 .server_id = 199,
                                                 .sources = &scene->options,
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
    fake_source_stop(scene->source);
    registry_close(scene->registry);
    cluster_board_free(scene->board);
    temp_dir_remove(scene->directory);
    CHECK(pthread_cond_destroy(&scene->mind.changed) == 0);
    CHECK(pthread_mutex_destroy(&scene->mind.lock) == 0);
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
    set_answers(&scene, there, 1);
    scene.agent.writes_heartbeats = true;
    agent = start(&scene);
    CHECK(await(&scene,
                "INSERT INTO `beats`.`of` (server_id, counter) VALUES (199, 1)"
                " ON DUPLICATE KEY UPDATE counter = counter + 1",
                3) == 3); /* behind the question for the format */
    set_answers(&scene, missing, 2);
    CHECK(await(&scene, "CREATE DATABASE IF NOT EXISTS `beats`", 1) > 0);
    (void)await(&scene, "CREATE TABLE IF NOT EXISTS `beats`.`of`", 1);
    set_answers(&scene, there, 1);
    (void)await(&scene, "INSERT", 3);
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
    set_answers(&scene, mixed, 1);
    agent = start(&scene);
    CHECK(await(&scene, "SET SESSION binlog_format = 'ROW'", 1) == 1);
    CHECK(await(&scene, "INSERT", 1) == 2);
    source_agent_stop(agent);
    set_answers(&scene, refused, 2);
    agent = start(&scene);
    CHECK(await(&scene, "SET SESSION", 2) == 3); /* nothing was written between */
    source_agent_stop(agent);
    set_answers(&scene, unknown, 1);
    agent = start(&scene);
    CHECK(await(&scene, "INSERT", 1) == 1);
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
    set_answers(&scene, answers, 1);
    agent = start(&scene);
    (void)await(&scene, "INSERT", 2);
    fake_source_disconnect(scene.source);
    (void)await(&scene, "SELECT @@SESSION.binlog_format", 2);
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
    scene.options.password = "wrong";
    set_answers(&scene, answers, 1);
    agent = start(&scene);
    source_agent_set_passwords(agent, passwords, 1);
    (void)await(&scene, "INSERT", 1);
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
        (void)await(scene, "SELECT server_id, epoch", ++polls);
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
    set_answers(&scene, rows, 1);
    agent = start(&scene);
    CHECK(await_rows(&scene, 2, &found) == 2);
    CHECK(found[0].server_id == 7 && found[0].epoch == UINT64_MAX);
    CHECK(strcmp(found[0].log_name, "binlog.000003") == 0);
    CHECK(found[0].start_pos == 4 && found[0].end_pos == UINT64_C(4294967296));
    CHECK(found[1].server_id == UINT32_MAX && found[1].log_name[0] == '\0');
    set_answers(&scene, none, 1);
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
    set_answers(&scene, answers, 1);
    agent = start(&scene);
    (void)await(&scene, "SELECT server_id", 2);
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
    set_answers(&scene, answers, 3);
    agent = start(&scene);
    CHECK_OK(source_agent_execute(agent, "FLUSH BINARY LOGS", &error), &error);
    CHECK(source_agent_execute(agent, "FLUSH X", &error) == STATUS_DENIED);
    CHECK(error.sql_code == 1227 && strstr(error.message, "no, says the script") != NULL);
    CHECK(source_agent_execute(agent, "FLUSH ROWS", &error) == STATUS_INVALID);
    CHECK(source_agent_execute(agent, "FLUSH FILE", &error) != STATUS_OK);
    CHECK(fake_source_lock(scene.source)->empty_packets == 1); /* no byte of the file */
    fake_source_unlock(scene.source);
    CHECK_OK(source_agent_execute(agent, "FLUSH BINARY LOGS", &error), &error);
    source_agent_stop(agent);
    fake_source_stop(scene.source);
    scene.source = fake_source_start(fake_script_make());
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
    set_answers(&scene, answers, 1);
    flush.agent = start(&scene);
    CHECK(pthread_create(&flush.thread, NULL, run_flush, &flush) == 0);
    (void)await(&scene, "FLUSH", 1);
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
