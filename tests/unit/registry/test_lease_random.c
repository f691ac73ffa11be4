/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Groups whose members die, freeze, are cut off and lie in wait, under a relay
 * that is killed at any of its writes: what the members apply, put together, is
 * the source's sequence, each epoch once and by one of them. At no time do two
 * sessions stream.
 *
 *   test_lease_random [STEPS [SEED]]
 */
#include <string.h>

#include "check.h"
#include "lease_fleet.h"

enum {
    STEPS = 20000, /* of each seed */
    SEEDS = 40,
    SECOND = 1000 * 1000,
};

/* ---- what befalls them ---- */

static void suffer(struct lease_fleet *fleet, uint32_t server_id)
{
    struct fleet_member *member = &fleet->members[server_id];

    switch (fleet_random(fleet, 8)) {
    case 0:
        fleet_die(member);
        break;
    case 1:
    case 2:
        member->is_frozen = !member->is_frozen;
        break;
    case 3:
        fleet_disconnect(member);
        break;
    case 4:
        member->is_down = !member->is_down;
        if (member->is_down) {
            fleet_disconnect(member);
        }
        break;
    default: /* it recovers */
        member->is_frozen = false;
        member->is_down = false;
        break;
    }
}

static void crash(struct lease_fleet *fleet)
{
    fleet->crashes++;
    for (size_t at = 0; at < SCENE_SESSIONS; at++) {
        fleet->streams[at].is_open = false; /* what is framed may still arrive */
        fleet->streams[at].answer_count = 0;
    }
    if (fleet_happens(fleet, 2)) {
        memcpy(fleet->scene.reported, fleet->saved, sizeof(fleet->saved));
    }
    fleet->scene.now_usec += fleet_random(fleet, 60) * SECOND;
    lease_scene_restart(&fleet->scene);
}

/* Makes sure that it applies nothing any more, looks what the target has, and fences it. */
static void fence(struct lease_fleet *fleet, uint32_t server_id)
{
    struct fleet_member *member = &fleet->members[server_id];
    struct error error;

    fleet_disconnect(member);
    fleet_drop_relay_log(member);
    member->is_out = true;
    member->says = 0;
    (void)lease_scene_report(&fleet->scene, server_id, fleet->applied, true);
    if (lease_desk_fence(fleet->scene.desk, SCENE_GROUP, server_id, &error) == STATUS_OK) {
        fleet->fences++;
    }
}

static void command(struct lease_fleet *fleet)
{
    uint32_t server_id = (uint32_t)(1 + fleet_random(fleet, SCENE_MEMBERS - 1));
    struct fleet_member *member = &fleet->members[server_id];
    struct error error;

    switch (fleet_random(fleet, 5)) {
    case 0:
        (void)!lease_desk_release(fleet->scene.desk, SCENE_GROUP, 0, &error);
        break;
    case 1:
        if (fleet_happens(fleet, 4)) { /* rather one that the group waits for */
            bool is_waiting = strcmp(fleet->scene.told, "lease.waiting") == 0;

            fence(fleet, is_waiting && fleet->scene.record.holder != 0
                             ? fleet->scene.record.holder
                             : server_id);
        }
        break;
    default:
        if (member->is_out && fleet_happens(fleet, 2)) {
            fleet_set_up(fleet, member);
        }
        if (!member->is_out) {
            (void)!lease_desk_grant(fleet->scene.desk, SCENE_GROUP, server_id, &error);
        }
        break;
    }
}

static void pass_time(struct lease_fleet *fleet)
{
    fleet->scene.now_usec += fleet_random(fleet, 4 * SECOND);
    lease_desk_tick(fleet->scene.desk);
}

static void grow(struct lease_fleet *fleet)
{
    uint64_t most = fleet_begin_of(FLEET_EPOCHS - 1);

    if (fleet->scene.end < most &&
        fleet->scene.end < fleet_begin_of(fleet->applied + 1 + fleet->backlog)) {
        fleet->scene.end += SCENE_QUIET_BYTES * (1 + fleet_random(fleet, 10));
    }
}

static void take_step(struct lease_fleet *fleet)
{
    uint32_t server_id = (uint32_t)(1 + fleet_random(fleet, SCENE_MEMBERS - 1));
    uint64_t choice = fleet_random(fleet, 1000);

    if (choice < 250) {
        fleet_turn_stream(fleet);
    } else if (choice < 750) {
        fleet_work(fleet, server_id);
    } else if (choice < 850) {
        grow(fleet);
    } else if (choice < 970) {
        pass_time(fleet);
    } else if (choice < 980) {
        suffer(fleet, server_id);
    } else if (choice < 985) {
        memcpy(fleet->saved, fleet->scene.reported, sizeof(fleet->saved));
    } else if (choice < 995) {
        command(fleet);
    } else if (choice < 996) {
        fleet->scene.disk = fleet_happens(fleet, 2) ? SCENE_DISK_LOSES : SCENE_DISK_KEEPS;
    } else if (choice < 999) {
        fleet->backlog = fleet_happens(fleet, 2) ? 0 : fleet_random(fleet, 40);
    } else if (fleet_happens(fleet, 2)) {
        crash(fleet);
    }
    if (fleet->scene.has_failed) {
        crash(fleet);
    }
    fleet_check(fleet);
}

/* Everybody is well, and an administrator fences whom the group waits for. */
static void check_heals(struct lease_fleet *fleet)
{
    uint64_t newest = fleet->scene.end / SCENE_EPOCH_BYTES - 1;
    unsigned rounds = 0;

    fleet->scene.disk = SCENE_DISK_GOOD;
    fleet->scene.end = fleet_begin_of(newest + 1);
    for (uint32_t id = 1; id < SCENE_MEMBERS; id++) {
        suffer(fleet, id);
        fleet->members[id].is_frozen = false;
        fleet->members[id].is_down = false;
    }
    while (fleet->applied < newest) {
        DEMAND(fleet, ++rounds < 200000);
        fleet_turn_stream(fleet);
        fleet_work(fleet, (uint32_t)(1 + fleet_random(fleet, SCENE_MEMBERS - 1)));
        if (fleet_happens(fleet, 10)) {
            pass_time(fleet);
        }
        if (fleet_happens(fleet, 2000)) {
            uint32_t holder = fleet->scene.record.holder;

            if (holder != 0 && strcmp(fleet->scene.told, "lease.waiting") == 0) {
                fence(fleet, holder);
            }
            for (uint32_t id = 1; id < SCENE_MEMBERS; id++) {
                struct error error;

                if (fleet->members[id].is_out) {
                    fleet_set_up(fleet, &fleet->members[id]);
                    (void)!lease_desk_grant(fleet->scene.desk, SCENE_GROUP, id, &error);
                }
            }
        }
        fleet_check(fleet);
    }
}

static void run(uint64_t seed, uint64_t steps)
{
    struct lease_fleet *fleet = calloc(1, sizeof(*fleet));

    CHECK(fleet != NULL);
    fleet->seed = seed;
    fleet->random = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
    lease_scene_open(&fleet->scene);
    for (uint32_t id = 1; id < SCENE_MEMBERS; id++) {
        fleet->members[id].is_by_gtid = seed % 3 == 0 || (seed % 3 == 1 && id == 2);
        fleet->members[id].done_at = fleet_begin_of(1);
        fleet->members[id].read_at = fleet_begin_of(1);
        fleet->members[id].whole_from = fleet_begin_of(1);
    }
    for (fleet->step = 0; fleet->step < steps; fleet->step++) {
        take_step(fleet);
    }
    check_heals(fleet);
    printf("seed %" PRIu64 ": %" PRIu64 " epochs, %u grants, %u hand-overs, %u fences, "
           "%u crashes\n",
           seed, fleet->applied, fleet->grants, fleet->hand_overs, fleet->fences,
           fleet->crashes);
    lease_scene_close(&fleet->scene);
    free(fleet);
}

int main(int argc, char **argv)
{
    uint64_t steps = argc > 1 ? strtoull(argv[1], NULL, 10) : STEPS;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;

    if (seed != 0) {
        run(seed, steps);
        return 0;
    }
    for (seed = 1; seed <= SEEDS; seed++) {
        run(seed, steps);
    }
    return 0;
}
