/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session without a socket: its port is a pair of buffers, and notes what it
 * was told. For unit tests and the fuzzer.
 */
#pragma once

#include <string.h>

#include "../../src/serve/session.h"
#include "served_cluster.h"

struct session_script {
    struct session session; /* first: is turned back into the script */
    struct test_cluster cluster;
    struct served_cluster clusters[2]; /* "east" and "west", on one store */
    struct frame_cache *frames[2];
    struct session_house house;
    struct session_door door;
    struct buffer input;     /* what the peer has sent and is not consumed */
    struct buffer output;    /* what the session has sent */
    struct buffer statement; /* of the last start_answer() */
    uint64_t deadline_usec;
    uint64_t now_usec; /* of the clock */
    int turns_asked;
    int tls_started;
    int dumps_started;
    int streams_ended;
    int answers_asked;
    int registrations_asked;
    int finished;
    bool is_full;
    bool has_certificate;
    size_t room; /* the most that was asked for */
};

static inline struct session_script *script_of(struct session *session)
{
    return (struct session_script *)session;
}

static inline struct bytes script_input(struct session *session)
{
    return buffer_bytes(&script_of(session)->input);
}

static inline void script_consume(struct session *session, size_t size)
{
    struct buffer *input = &script_of(session)->input;

    CHECK(size <= input->size);
    if (size < input->size) {
        memmove(input->data, input->data + size, input->size - size);
    }
    input->size -= size;
}

static inline void script_make_room(struct session *session, size_t size)
{
    struct session_script *script = script_of(session);

    script->room = size > script->room ? size : script->room;
}

static inline void script_send(struct session *session, struct bytes bytes)
{
    buffer_add_bytes(&script_of(session)->output, bytes);
}

static inline bool script_is_full(struct session *session)
{
    return script_of(session)->is_full;
}

static inline void script_start_tls(struct session *session, struct tls *tls)
{
    (void)tls;
    script_of(session)->tls_started++;
}

static inline bool script_has_certificate(struct session *session)
{
    return script_of(session)->has_certificate;
}

static inline void script_set_name(struct session *session, const char *name)
{
    (void)session;
    CHECK(name[0] != '\0');
}

static inline void script_set_deadline(struct session *session, uint64_t usec)
{
    script_of(session)->deadline_usec = usec;
}

static inline void script_ask_for_turn(struct session *session)
{
    script_of(session)->turns_asked++;
}

static inline void script_start_answer(struct session *session, struct bytes statement)
{
    struct session_script *script = script_of(session);

    script->answers_asked++;
    buffer_clear(&script->statement);
    buffer_add_bytes(&script->statement, statement);
}

static inline void script_start_registration(struct session *session)
{
    script_of(session)->registrations_asked++;
}

static inline void script_start_dump(struct session *session)
{
    script_of(session)->dumps_started++;
}

static inline void script_end_stream(struct session *session)
{
    script_of(session)->streams_ended++;
}

static inline struct session_numbers script_numbers(struct session *session)
{
    (void)session;
    return (struct session_numbers){0};
}

static inline void script_finish(struct session *session, uint64_t usec)
{
    (void)usec;
    script_of(session)->finished++;
}

static const struct session_port script_port = {
    .input = script_input,
    .consume = script_consume,
    .make_room = script_make_room,
    .send = script_send,
    .is_full = script_is_full,
    .start_tls = script_start_tls,
    .has_certificate = script_has_certificate,
    .set_name = script_set_name,
    .set_deadline = script_set_deadline,
    .ask_for_turn = script_ask_for_turn,
    .start_answer = script_start_answer,
    .start_registration = script_start_registration,
    .start_dump = script_start_dump,
    .end_stream = script_end_stream,
    .numbers = script_numbers,
    .finish = script_finish,
};

/* What outlives a session: made once, for many. */
static inline void script_open_house(struct session_script *script)
{
    *script = (struct session_script){0};
    test_cluster_open(&script->cluster, "east", 199);
    script->clusters[0] = script->cluster.served;
    script->clusters[1] = script->cluster.served;
    script->clusters[1].name = "west";
    script->frames[0] = frame_cache_new();
    script->frames[1] = frame_cache_new();
    script->house = (struct session_house){
        .clock = clock_system(),
        .directory = session_directory_new(session_end),
        .limits = login_limits_new(),
        .clusters = script->clusters,
        .cluster_count = 2,
        .frames = script->frames,
    };
    script->door = (struct session_door){.cluster_count = 2, .port = 3306, .version = "8.4.0"};
}

static inline void script_close_house(struct session_script *script)
{
    session_directory_unref(script->house.directory);
    login_limits_free(script->house.limits);
    frame_cache_free(script->frames[0]);
    frame_cache_free(script->frames[1]);
    test_cluster_close(&script->cluster);
}

/* Greets. The settings are given away. */
static inline void script_begin(struct session_script *script, struct settings *settings)
{
    script->session = (struct session){.house = &script->house,
                                       .door = &script->door,
                                       .port = &script_port,
                                       .settings = settings};
    script->turns_asked = 0;
    script->finished = 0;
    script->is_full = false;
    session_init(&script->session, NULL, "10.0.0.7:51200");
}

static inline void script_end(struct session_script *script)
{
    session_release(&script->session);
    buffer_release(&script->input);
    buffer_release(&script->output);
    buffer_release(&script->statement);
}

/* The peer sends bytes. */
static inline void script_feed(struct session_script *script, struct bytes bytes)
{
    buffer_add_bytes(&script->input, bytes);
    session_run(&script->session);
}
