/* SPDX-License-Identifier: Apache-2.0 */
/* For the tests of an upstream: a store of its own, and a scripted source to talk to. */
#pragma once

#include <string.h>

#include "binrelay/base/clock.h"
#include "binrelay/base/disk.h"
#include "check.h"
#include "fake_binlog.h"
#include "fake_session.h"
#include "temp_dir.h"
#include "upstream.h"

/* An upstream on a store of its own, and the session it talks to. */
struct scene {
    char *path;
    struct binlog_store *store;
    struct fake_script script;
    struct source_options source;
    struct pull_start start;
    struct registry_cluster kept;
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
