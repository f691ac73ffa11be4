/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions at the desk of a scene, and what happens to them, in few words. */
#pragma once

#include <stdio.h>
#include <string.h>

#include "check.h"
#include "lease_scene.h"

enum { ONE = 1, OTHER = 2, THIRD = 3, SECOND = 1000 * 1000, ANSWERS_MOST = 8 };

/* A session, and what it was told. */
struct seat {
    uint64_t session;
    struct lease_answer answers[ANSWERS_MOST];
    unsigned count;
};

static inline void on_answer(void *context, const struct lease_answer *answer)
{
    struct seat *seat = context;

    CHECK(seat->count < ANSWERS_MOST);
    seat->answers[seat->count++] = *answer;
}

static inline void join(struct lease_scene *scene,
                        struct seat *seat,
                        uint32_t id,
                        uint64_t asked)
{
    struct lease_request request = {.group = SCENE_GROUP,
                                    .server_id = id,
                                    .asked = asked == 0 ? (struct binlog_position){0}
                                                        : scene_at(asked),
                                    .answer = on_answer,
                                    .context = seat};

    *seat = (struct seat){0};
    seat->session = lease_desk_join(scene->desk, &request);
}

static inline void join_by_gtid(struct lease_scene *scene, struct seat *seat, uint32_t id)
{
    struct lease_request request = {.group = SCENE_GROUP,
                                    .server_id = id,
                                    .is_by_gtid = true,
                                    .answer = on_answer,
                                    .context = seat};

    *seat = (struct seat){0};
    seat->session = lease_desk_join(scene->desk, &request);
}

/* The last that it was told. */
static inline bool was_told(const struct seat *seat,
                            enum lease_answer_kind kind,
                            uint64_t place)
{
    const struct lease_answer *last = seat->count > 0 ? &seat->answers[seat->count - 1] : NULL;

    return last != NULL && last->kind == kind && last->place.offset == place;
}

static inline bool was_granted(const struct seat *seat, uint64_t place)
{
    return was_told(seat, LEASE_ANSWER_GRANT, place);
}

static inline bool was_ended(const struct seat *seat, const char *text)
{
    return was_told(seat, LEASE_ANSWER_END, 0) &&
           strstr(seat->answers[seat->count - 1].text, text) != NULL;
}

static inline void leave(struct lease_scene *scene, const struct seat *seat, uint64_t sent)
{
    lease_desk_leave(scene->desk, seat->session,
                     sent == 0 ? (struct binlog_position){0} : scene_at(sent));
}

static inline void pass(struct lease_scene *scene, uint64_t usec)
{
    scene->now_usec += usec;
    lease_desk_tick(scene->desk);
}

static inline void report(struct lease_scene *scene, uint32_t id, uint64_t epoch)
{
    CHECK(lease_scene_report(scene, id, epoch, true));
}

/* As a poll of the target does. */
static inline void report_of_target(struct lease_scene *scene, uint32_t id, uint64_t epoch)
{
    CHECK(lease_scene_report(scene, id, epoch, false));
}

static inline uint64_t behind(uint64_t epoch)
{
    return scene_behind(epoch).offset;
}

static inline bool is_in_state(struct lease_scene *scene, const char *state, uint32_t holder)
{
    struct lease_facts *facts = NULL;
    size_t count = lease_desk_list(scene->desk, &facts);
    bool is = count == 1 && strcmp(facts[0].state, state) == 0 && facts[0].holder == holder;

    lease_facts_free(facts, count);
    return is;
}

/* ONE has the stream from the beginning of epoch 1, OTHER is held, 9 epochs are stored. */
static inline void open_held(struct lease_scene *scene, struct seat *one, struct seat *other)
{
    lease_scene_open(scene);
    scene->end = 1000;
    join(scene, one, ONE, 100);
    CHECK(was_granted(one, 100));
    join(scene, other, OTHER, 0);
    CHECK(was_told(other, LEASE_ANSWER_HOLD, 100));
}
