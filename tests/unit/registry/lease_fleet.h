/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Simulated replicas of one group, which all write to one target, and the
 * relay's sessions with them. They check by themselves that no epoch is applied
 * twice, or left out, or got by halves.
 */
#pragma once

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "lease_scene.h"

enum {
    FLEET_EPOCHS = 20000, /* at most */
    FLEET_ANSWERS = 8,
};

/* A session of the relay's. */
struct fleet_stream {
    bool is_open;
    bool is_granted;
    uint32_t server_id;
    uint64_t session;
    bool is_connected; /* the member is at its other end */
    uint64_t start;
    uint64_t framed; /* what the member can still come to have, an offset */
    struct lease_answer answers[FLEET_ANSWERS];
    unsigned answer_count;
};

/* A replica with its relay log. All members write to one target. */
struct fleet_member {
    bool is_by_gtid;
    bool is_down;                /* or cut off for long: it does not connect */
    bool is_frozen;              /* SIGSTOP */
    bool is_out;                 /* somebody made sure that it applies nothing */
    struct fleet_stream *stream; /* that it reads, were it closed already */
    uint64_t read_at;            /* an offset */
    uint64_t whole_from;         /* what was read without a break begins here */
    uint64_t log[FLEET_EPOCHS];  /* epochs that are received ... */
    size_t log_begin;
    size_t log_end;     /* ... and not applied */
    uint64_t last_had;  /* by GTID: the highest it received or applied */
    uint64_t last_done; /* the highest it applied itself */
    uint64_t done_at;   /* an offset: where it goes on without its relay log */
    uint64_t says;      /* a report on its way; 0: none */
};

struct lease_fleet {
    struct lease_scene scene;
    struct fleet_member members[SCENE_MEMBERS];
    struct fleet_stream streams[SCENE_SESSIONS];
    struct epoch_key saved[SCENE_MEMBERS]; /* of what was reported, what a crash leaves */
    uint64_t applied;                      /* by the target */
    uint64_t backlog;                      /* epochs that the source is ahead, at most */
    uint64_t random;
    uint64_t seed;
    uint64_t step;
    unsigned grants;
    unsigned hand_overs;
    unsigned fences;
    unsigned crashes;
    uint32_t last_holder;
};

#define DEMAND(fleet, claim)                                                                   \
    do {                                                                                       \
        if (!(claim)) {                                                                        \
            fprintf(stderr, "seed %" PRIu64 ", step %" PRIu64 ": not true: %s\n",              \
                    (fleet)->seed, (fleet)->step, #claim);                                     \
            abort();                                                                           \
        }                                                                                      \
    } while (0)

uint64_t fleet_random(struct lease_fleet *fleet, uint64_t below);
bool fleet_happens(struct lease_fleet *fleet, unsigned one_in);

/* An offset. */
uint64_t fleet_begin_of(uint64_t epoch);

/* At most one session streams. */
void fleet_check(struct lease_fleet *fleet);

/* Something happens to one session of the relay; a replica does something. */
void fleet_turn_stream(struct lease_fleet *fleet);
void fleet_work(struct lease_fleet *fleet, uint32_t server_id);

/* Its connection is gone, and the relay does not know yet. */
void fleet_disconnect(struct fleet_member *member);
void fleet_drop_relay_log(struct fleet_member *member);

/* kill -9: the relay log is gone, and it goes on from what it has executed. */
void fleet_die(struct fleet_member *member);

/* An administrator sets it up anew from what the target has. */
void fleet_set_up(struct lease_fleet *fleet, struct fleet_member *member);
