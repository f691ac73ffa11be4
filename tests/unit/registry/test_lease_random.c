/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Groups whose members die, freeze, are cut off and lie in wait, under a relay
 * that is killed at any of its writes: what the members apply, put together, is
 * the source's sequence, each epoch once and by one of them. At no time do two
 * sessions stream.
 *
 *   test_lease_random [STEPS [SEED]]
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "lease_scene.h"

enum {
    STEPS = 20000, /* of each seed */
    SEEDS = 40,
    EPOCHS_MOST = STEPS,
    ANSWERS_MOST = 8,
    SECOND = 1000 * 1000,
};

/* A session of the relay's. */
struct stream {
    bool is_open;
    bool is_granted;
    uint32_t server_id;
    uint64_t session;
    bool is_connected; /* the member is at its other end */
    uint64_t start;
    uint64_t framed; /* what the member can still come to have, an offset */
    struct lease_answer answers[ANSWERS_MOST];
    unsigned answer_count;
};

/* A replica with its relay log. All members write to one target. */
struct member {
    bool is_by_gtid;
    bool is_down;              /* or cut off for long: it does not connect */
    bool is_frozen;            /* SIGSTOP */
    bool is_out;               /* somebody made sure that it applies nothing */
    struct stream *stream;     /* that it reads, were it closed already */
    uint64_t read_at;          /* an offset */
    uint64_t whole_from;       /* what was read without a break begins here */
    uint64_t log[EPOCHS_MOST]; /* epochs that are received ... */
    size_t log_begin;
    size_t log_end;     /* ... and not applied */
    uint64_t last_had;  /* by GTID: the highest it received or applied */
    uint64_t last_done; /* the highest it applied itself */
    uint64_t done_at;   /* an offset: where it goes on without its relay log */
    uint64_t says;      /* a report on its way; 0: none */
};

struct world {
    struct lease_scene scene;
    struct member members[SCENE_MEMBERS];
    struct stream streams[SCENE_SESSIONS];
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

#define DEMAND(world, claim)                                                                   \
    do {                                                                                       \
        if (!(claim)) {                                                                        \
            fprintf(stderr, "seed %" PRIu64 ", step %" PRIu64 ": not true: %s\n",              \
                    (world)->seed, (world)->step, #claim);                                     \
            abort();                                                                           \
        }                                                                                      \
    } while (0)

static uint64_t next_random(struct world *world, uint64_t below)
{
    world->random ^= world->random << 13;
    world->random ^= world->random >> 7;
    world->random ^= world->random << 17;
    return world->random % below;
}

static bool happens(struct world *world, unsigned one_in)
{
    return next_random(world, one_in) == 0;
}

static uint64_t begin_of(uint64_t epoch)
{
    return epoch * SCENE_EPOCH_BYTES;
}

static uint64_t end_of(uint64_t epoch)
{
    return scene_behind(epoch).offset;
}

/* ---- the relay's sessions ---- */

/* In the relay an answer reaches the session later than it is given. */
static void on_answer(void *context, const struct lease_answer *answer)
{
    struct stream *stream = context;

    CHECK(stream->answer_count < ANSWERS_MOST);
    stream->answers[stream->answer_count++] = *answer;
}

static void check_one_streams(struct world *world)
{
    unsigned count = 0;

    for (size_t at = 0; at < SCENE_SESSIONS; at++) {
        count += world->streams[at].is_open && world->streams[at].is_granted;
    }
    DEMAND(world, count <= 1);
}

static void close_stream(struct world *world, struct stream *stream)
{
    struct binlog_position sent = {0};

    if (stream->is_granted && stream->framed > stream->start) {
        sent = scene_at(stream->framed);
    }
    stream->is_open = false;
    lease_desk_leave(world->scene.desk, stream->session, sent);
}

/* A Rotate: once all before it is applied, the replica is there; but not in the middle of what
 * it has begun. */
static void move_receiver(struct member *member, uint64_t place)
{
    if (member->read_at != place && member->log_begin == member->log_end) {
        member->done_at = place;
    }
    member->read_at = place;
}

static void take_grant(struct world *world,
                       struct stream *stream,
                       const struct lease_answer *answer)
{
    struct member *member = &world->members[stream->server_id];
    uint64_t start = answer->place.offset;

    DEMAND(world, answer->place.file == 1 || member->is_by_gtid);
    stream->is_granted = true;
    stream->start = start;
    stream->framed = start;
    world->grants++;
    world->hand_overs += world->last_holder != 0 && world->last_holder != stream->server_id;
    world->last_holder = stream->server_id;
    check_one_streams(world);
    if (!stream->is_connected) {
        return;
    }
    if (member->is_by_gtid || start != member->read_at) {
        member->whole_from = start; /* a half that was there comes whole again */
    }
    move_receiver(member, start);
}

static void take_answer(struct world *world, struct stream *stream)
{
    struct lease_answer answer = stream->answers[0];
    struct member *member = &world->members[stream->server_id];

    stream->answer_count--;
    memmove(stream->answers, stream->answers + 1,
            stream->answer_count * sizeof(stream->answers[0]));
    switch (answer.kind) {
    case LEASE_ANSWER_GRANT:
        take_grant(world, stream, &answer);
        break;
    case LEASE_ANSWER_HOLD:
        if (stream->is_connected &&
            answer.place.file != 0) { /* the Rotate moves its receiver */
            move_receiver(member, answer.place.offset);
            member->whole_from = member->read_at;
        }
        break;
    case LEASE_ANSWER_END:
        close_stream(world, stream);
        break;
    }
}

/* Something happens to one session of the relay. */
static void turn_stream(struct world *world)
{
    struct stream *stream = &world->streams[next_random(world, SCENE_SESSIONS)];

    if (!stream->is_open) {
        return;
    }
    if (stream->answer_count > 0) {
        take_answer(world, stream);
    } else if (!stream->is_connected && happens(world, 4)) {
        close_stream(world, stream); /* the relay learns that the peer is gone */
    } else if (stream->is_granted && stream->framed < world->scene.end) {
        uint64_t left = world->scene.end - stream->framed;

        stream->framed +=
            SCENE_QUIET_BYTES * (1 + next_random(world, left / SCENE_QUIET_BYTES));
    }
}

/* ---- replicas ---- */

static struct stream *free_stream(struct world *world)
{
    for (size_t at = 0; at < SCENE_SESSIONS; at++) {
        struct stream *stream = &world->streams[at];
        bool is_read = false;

        for (size_t id = 1; id < SCENE_MEMBERS; id++) {
            is_read |= world->members[id].stream == stream;
        }
        if (!stream->is_open && !is_read) {
            return stream;
        }
    }
    return NULL;
}

static void connect_member(struct world *world, uint32_t server_id)
{
    struct member *member = &world->members[server_id];
    struct stream *stream = free_stream(world);

    if (stream == NULL) {
        return;
    }
    if (member->stream != NULL) {
        member->stream->is_connected = false;
    }
    member->stream = stream;
    *stream = (struct stream){.is_open = true, .server_id = server_id, .is_connected = true};

    struct lease_request request = {.group = SCENE_GROUP,
                                    .server_id = server_id,
                                    .is_by_gtid = member->is_by_gtid,
                                    .answer = on_answer,
                                    .context = stream};

    if (!member->is_by_gtid && member->read_at <= world->scene.end) {
        request.asked = scene_at(member->read_at);
    }
    stream->session = lease_desk_join(world->scene.desk, &request);
}

/* The next epoch is whole: it goes to the relay log. */
static void receive_epoch(struct world *world, struct member *member, uint64_t epoch)
{
    if (member->is_by_gtid && epoch <= member->last_had) {
        return; /* in its set: it was left out */
    }
    DEMAND(world, member->whole_from <= begin_of(epoch));
    DEMAND(world, member->log_end < EPOCHS_MOST);
    member->log[member->log_end++] = epoch;
    member->last_had = epoch > member->last_had ? epoch : member->last_had;
}

/* Reads some of what was framed, also of what a closed connection left in its buffers. */
static void receive(struct world *world, struct member *member)
{
    const struct stream *stream = member->stream;

    if (stream == NULL || !stream->is_granted || member->read_at >= stream->framed) {
        return;
    }
    uint64_t left = (stream->framed - member->read_at) / SCENE_QUIET_BYTES;
    uint64_t steps = 1 + next_random(world, left);

    for (; steps > 0; steps--) {
        member->read_at += SCENE_QUIET_BYTES;
        if (member->read_at % SCENE_EPOCH_BYTES == SCENE_EPOCH_BYTES - SCENE_QUIET_BYTES) {
            receive_epoch(world, member, member->read_at / SCENE_EPOCH_BYTES);
        }
    }
}

static void apply(struct world *world, struct member *member)
{
    if (member->log_begin == member->log_end) {
        return;
    }
    uint64_t epoch = member->log[member->log_begin++];

    DEMAND(world, epoch > world->applied);      /* not twice */
    DEMAND(world, epoch == world->applied + 1); /* and none is left out */
    world->applied = epoch;
    member->last_done = epoch;
    member->done_at = end_of(epoch);
    if (member->log_begin == member->log_end) {
        member->log_begin = 0;
        member->log_end = 0;
    }
}

static void apply_some(struct world *world, struct member *member)
{
    for (uint64_t count = next_random(world, 6); count > 0; count--) {
        apply(world, member);
    }
}

static void disconnect(struct member *member)
{
    if (member->stream != NULL) {
        member->stream->is_connected = false;
        member->stream = NULL;
    }
}

static void drop_relay_log(struct member *member)
{
    member->log_begin = 0;
    member->log_end = 0;
}

/* kill -9: the relay log is gone, and it goes on from what it has executed. */
static void die(struct member *member)
{
    disconnect(member);
    drop_relay_log(member);
    member->says = 0;
    member->is_frozen = false;
    member->last_had = member->last_done;
    member->read_at = member->done_at;
    member->whole_from = member->read_at;
}

/* An administrator sets it up anew from what the target has. */
static void set_up(struct world *world, struct member *member)
{
    disconnect(member);
    drop_relay_log(member);
    member->is_frozen = false;
    member->is_down = false;
    member->is_out = false;
    member->says = 0;
    member->last_had = world->applied;
    member->done_at = end_of(world->applied);
    member->read_at = member->done_at;
    member->whole_from = member->read_at;
}

static void report(struct world *world, uint32_t server_id)
{
    struct member *member = &world->members[server_id];

    if (member->says == 0) {
        member->says = world->applied; /* read from the target; it comes later, or never */
        return;
    }
    if (!happens(world, 4)) {
        (void)lease_scene_report(&world->scene, server_id, member->says, !happens(world, 3));
    }
    member->says = 0;
}

static void work(struct world *world, uint32_t server_id)
{
    struct member *member = &world->members[server_id];

    if (member->is_frozen || member->is_out) {
        return;
    }
    switch (next_random(world, 6)) {
    case 0:
    case 1:
        receive(world, member);
        break;
    case 2:
    case 3:
        apply_some(world, member);
        break;
    case 4:
        report(world, server_id);
        break;
    default:
        if (!member->is_down &&
            (member->stream == NULL || !member->stream->is_open || happens(world, 50))) {
            connect_member(world, server_id);
        }
        break;
    }
}

/* ---- what befalls them ---- */

static void suffer(struct world *world, uint32_t server_id)
{
    struct member *member = &world->members[server_id];

    switch (next_random(world, 8)) {
    case 0:
        die(member);
        break;
    case 1:
    case 2:
        member->is_frozen = !member->is_frozen;
        break;
    case 3:
        disconnect(member);
        break;
    case 4:
        member->is_down = !member->is_down;
        if (member->is_down) {
            disconnect(member);
        }
        break;
    default: /* it recovers */
        member->is_frozen = false;
        member->is_down = false;
        break;
    }
}

static void crash(struct world *world)
{
    world->crashes++;
    for (size_t at = 0; at < SCENE_SESSIONS; at++) {
        world->streams[at].is_open = false; /* what is framed may still arrive */
        world->streams[at].answer_count = 0;
    }
    if (happens(world, 2)) {
        memcpy(world->scene.reported, world->saved, sizeof(world->saved));
    }
    world->scene.now_usec += next_random(world, 60) * SECOND;
    lease_scene_restart(&world->scene);
}

/* Makes sure that it applies nothing any more, looks what the target has, and fences it. */
static void fence(struct world *world, uint32_t server_id)
{
    struct member *member = &world->members[server_id];
    struct error error;

    disconnect(member);
    drop_relay_log(member);
    member->is_out = true;
    member->says = 0;
    (void)lease_scene_report(&world->scene, server_id, world->applied, true);
    if (lease_desk_fence(world->scene.desk, SCENE_GROUP, server_id, &error) == STATUS_OK) {
        world->fences++;
    }
}

static void command(struct world *world)
{
    uint32_t server_id = (uint32_t)(1 + next_random(world, SCENE_MEMBERS - 1));
    struct member *member = &world->members[server_id];
    struct error error;

    switch (next_random(world, 5)) {
    case 0:
        (void)!lease_desk_release(world->scene.desk, SCENE_GROUP, 0, &error);
        break;
    case 1:
        if (happens(world, 4)) { /* rather one that the group waits for */
            bool is_waiting = strcmp(world->scene.told, "lease.waiting") == 0;

            fence(world, is_waiting && world->scene.record.holder != 0
                             ? world->scene.record.holder
                             : server_id);
        }
        break;
    default:
        if (member->is_out && happens(world, 2)) {
            set_up(world, member);
        }
        if (!member->is_out) {
            (void)!lease_desk_grant(world->scene.desk, SCENE_GROUP, server_id, &error);
        }
        break;
    }
}

static void pass_time(struct world *world)
{
    world->scene.now_usec += next_random(world, 4 * SECOND);
    lease_desk_tick(world->scene.desk);
}

static void grow(struct world *world)
{
    uint64_t most = begin_of(EPOCHS_MOST - 1);

    if (world->scene.end < most &&
        world->scene.end < begin_of(world->applied + 1 + world->backlog)) {
        world->scene.end += SCENE_QUIET_BYTES * (1 + next_random(world, 10));
    }
}

static void take_step(struct world *world)
{
    uint32_t server_id = (uint32_t)(1 + next_random(world, SCENE_MEMBERS - 1));
    uint64_t choice = next_random(world, 1000);

    if (choice < 250) {
        turn_stream(world);
    } else if (choice < 750) {
        work(world, server_id);
    } else if (choice < 850) {
        grow(world);
    } else if (choice < 970) {
        pass_time(world);
    } else if (choice < 980) {
        suffer(world, server_id);
    } else if (choice < 985) {
        memcpy(world->saved, world->scene.reported, sizeof(world->saved));
    } else if (choice < 995) {
        command(world);
    } else if (choice < 996) {
        world->scene.disk = happens(world, 2) ? SCENE_DISK_LOSES : SCENE_DISK_KEEPS;
    } else if (choice < 999) {
        world->backlog = happens(world, 2) ? 0 : next_random(world, 40);
    } else if (happens(world, 2)) {
        crash(world);
    }
    if (world->scene.has_failed) {
        crash(world);
    }
    check_one_streams(world);
}

/* Everybody is well, and an administrator fences whom the group waits for. */
static void check_heals(struct world *world)
{
    uint64_t newest = world->scene.end / SCENE_EPOCH_BYTES - 1;
    unsigned rounds = 0;

    world->scene.disk = SCENE_DISK_GOOD;
    world->scene.end = begin_of(newest + 1);
    for (uint32_t id = 1; id < SCENE_MEMBERS; id++) {
        suffer(world, id);
        world->members[id].is_frozen = false;
        world->members[id].is_down = false;
    }
    while (world->applied < newest) {
        DEMAND(world, ++rounds < 200000);
        turn_stream(world);
        work(world, (uint32_t)(1 + next_random(world, SCENE_MEMBERS - 1)));
        if (happens(world, 10)) {
            pass_time(world);
        }
        if (happens(world, 2000)) {
            uint32_t holder = world->scene.record.holder;

            if (holder != 0 && strcmp(world->scene.told, "lease.waiting") == 0) {
                fence(world, holder);
            }
            for (uint32_t id = 1; id < SCENE_MEMBERS; id++) {
                struct error error;

                if (world->members[id].is_out) {
                    set_up(world, &world->members[id]);
                    (void)!lease_desk_grant(world->scene.desk, SCENE_GROUP, id, &error);
                }
            }
        }
        check_one_streams(world);
    }
}

static void run(uint64_t seed, uint64_t steps)
{
    struct world *world = calloc(1, sizeof(*world));

    CHECK(world != NULL);
    world->seed = seed;
    world->random = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
    lease_scene_open(&world->scene);
    for (uint32_t id = 1; id < SCENE_MEMBERS; id++) {
        world->members[id].is_by_gtid = seed % 3 == 0 || (seed % 3 == 1 && id == 2);
        world->members[id].done_at = begin_of(1);
        world->members[id].read_at = begin_of(1);
        world->members[id].whole_from = begin_of(1);
    }
    for (world->step = 0; world->step < steps; world->step++) {
        take_step(world);
    }
    check_heals(world);
    printf("seed %" PRIu64 ": %" PRIu64 " epochs, %u grants, %u hand-overs, %u fences, "
           "%u crashes\n",
           seed, world->applied, world->grants, world->hand_overs, world->fences,
           world->crashes);
    lease_scene_close(&world->scene);
    free(world);
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
