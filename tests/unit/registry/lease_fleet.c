/* SPDX-License-Identifier: Apache-2.0 */
#include "lease_fleet.h"

#include <string.h>

#include "check.h"

uint64_t fleet_random(struct lease_fleet *fleet, uint64_t below)
{
    fleet->random ^= fleet->random << 13;
    fleet->random ^= fleet->random >> 7;
    fleet->random ^= fleet->random << 17;
    return fleet->random % below;
}

bool fleet_happens(struct lease_fleet *fleet, unsigned one_in)
{
    return fleet_random(fleet, one_in) == 0;
}

uint64_t fleet_begin_of(uint64_t epoch)
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
    struct fleet_stream *stream = context;

    CHECK(stream->answer_count < FLEET_ANSWERS);
    stream->answers[stream->answer_count++] = *answer;
}

void fleet_check(struct lease_fleet *fleet)
{
    unsigned count = 0;

    for (size_t at = 0; at < SCENE_SESSIONS; at++) {
        count += fleet->streams[at].is_open && fleet->streams[at].is_granted;
    }
    DEMAND(fleet, count <= 1);
}

static void close_stream(struct lease_fleet *fleet, struct fleet_stream *stream)
{
    struct binlog_position sent = {0};

    if (stream->is_granted && stream->framed > stream->start) {
        sent = scene_at(stream->framed);
    }
    stream->is_open = false;
    lease_desk_leave(fleet->scene.desk, stream->session, sent);
}

/* A Rotate: once all before it is applied, the replica is there; but not in the middle of what
 * it has begun. */
static void move_receiver(struct fleet_member *member, uint64_t place)
{
    if (member->read_at != place && member->log_begin == member->log_end) {
        member->done_at = place;
    }
    member->read_at = place;
}

static void take_grant(struct lease_fleet *fleet,
                       struct fleet_stream *stream,
                       const struct lease_answer *answer)
{
    struct fleet_member *member = &fleet->members[stream->server_id];
    uint64_t start = answer->place.offset;

    DEMAND(fleet, answer->place.file == 1 || member->is_by_gtid);
    stream->is_granted = true;
    stream->start = start;
    stream->framed = start;
    fleet->grants++;
    fleet->hand_overs += fleet->last_holder != 0 && fleet->last_holder != stream->server_id;
    fleet->last_holder = stream->server_id;
    fleet_check(fleet);
    if (!stream->is_connected) {
        return;
    }
    if (member->is_by_gtid || start != member->read_at) {
        member->whole_from = start; /* a half that was there comes whole again */
    }
    move_receiver(member, start);
}

static void take_answer(struct lease_fleet *fleet, struct fleet_stream *stream)
{
    struct lease_answer answer = stream->answers[0];
    struct fleet_member *member = &fleet->members[stream->server_id];

    stream->answer_count--;
    memmove(stream->answers, stream->answers + 1,
            stream->answer_count * sizeof(stream->answers[0]));
    switch (answer.kind) {
    case LEASE_ANSWER_GRANT:
        take_grant(fleet, stream, &answer);
        break;
    case LEASE_ANSWER_HOLD:
        if (stream->is_connected &&
            answer.place.file != 0) { /* the Rotate moves its receiver */
            move_receiver(member, answer.place.offset);
            member->whole_from = member->read_at;
        }
        break;
    case LEASE_ANSWER_END:
        close_stream(fleet, stream);
        break;
    }
}

void fleet_turn_stream(struct lease_fleet *fleet)
{
    struct fleet_stream *stream = &fleet->streams[fleet_random(fleet, SCENE_SESSIONS)];

    if (!stream->is_open) {
        return;
    }
    if (stream->answer_count > 0) {
        take_answer(fleet, stream);
    } else if (!stream->is_connected && fleet_happens(fleet, 4)) {
        close_stream(fleet, stream); /* the relay learns that the peer is gone */
    } else if (stream->is_granted && stream->framed < fleet->scene.end) {
        uint64_t left = fleet->scene.end - stream->framed;

        stream->framed +=
            SCENE_QUIET_BYTES * (1 + fleet_random(fleet, left / SCENE_QUIET_BYTES));
    }
}

/* ---- replicas ---- */

static struct fleet_stream *free_stream(struct lease_fleet *fleet)
{
    for (size_t at = 0; at < SCENE_SESSIONS; at++) {
        struct fleet_stream *stream = &fleet->streams[at];
        bool is_read = false;

        for (size_t id = 1; id < SCENE_MEMBERS; id++) {
            is_read |= fleet->members[id].stream == stream;
        }
        if (!stream->is_open && !is_read) {
            return stream;
        }
    }
    return NULL;
}

static void connect_member(struct lease_fleet *fleet, uint32_t server_id)
{
    struct fleet_member *member = &fleet->members[server_id];
    struct fleet_stream *stream = free_stream(fleet);

    if (stream == NULL) {
        return;
    }
    if (member->stream != NULL) {
        member->stream->is_connected = false;
    }
    member->stream = stream;
    *stream =
        (struct fleet_stream){.is_open = true, .server_id = server_id, .is_connected = true};

    struct lease_request request = {.group = SCENE_GROUP,
                                    .server_id = server_id,
                                    .is_by_gtid = member->is_by_gtid,
                                    .answer = on_answer,
                                    .context = stream};

    if (!member->is_by_gtid && member->read_at <= fleet->scene.end) {
        request.asked = scene_at(member->read_at);
    }
    stream->session = lease_desk_join(fleet->scene.desk, &request);
}

/* The next epoch is whole: it goes to the relay log. */
static void receive_epoch(struct lease_fleet *fleet,
                          struct fleet_member *member,
                          uint64_t epoch)
{
    if (member->is_by_gtid && epoch <= member->last_had) {
        return; /* in its set: it was left out */
    }
    DEMAND(fleet, member->whole_from <= fleet_begin_of(epoch));
    DEMAND(fleet, member->log_end < FLEET_EPOCHS);
    member->log[member->log_end++] = epoch;
    member->last_had = epoch > member->last_had ? epoch : member->last_had;
}

/* Reads some of what was framed, also of what a closed connection left in its buffers. */
static void receive(struct lease_fleet *fleet, struct fleet_member *member)
{
    const struct fleet_stream *stream = member->stream;

    if (stream == NULL || !stream->is_granted || member->read_at >= stream->framed) {
        return;
    }
    uint64_t left = (stream->framed - member->read_at) / SCENE_QUIET_BYTES;
    uint64_t steps = 1 + fleet_random(fleet, left);

    for (; steps > 0; steps--) {
        member->read_at += SCENE_QUIET_BYTES;
        if (member->read_at % SCENE_EPOCH_BYTES == SCENE_EPOCH_BYTES - SCENE_QUIET_BYTES) {
            receive_epoch(fleet, member, member->read_at / SCENE_EPOCH_BYTES);
        }
    }
}

static void apply(struct lease_fleet *fleet, struct fleet_member *member)
{
    if (member->log_begin == member->log_end) {
        return;
    }
    uint64_t epoch = member->log[member->log_begin++];

    DEMAND(fleet, epoch > fleet->applied);      /* not twice */
    DEMAND(fleet, epoch == fleet->applied + 1); /* and none is left out */
    fleet->applied = epoch;
    member->last_done = epoch;
    member->done_at = end_of(epoch);
    if (member->log_begin == member->log_end) {
        member->log_begin = 0;
        member->log_end = 0;
    }
}

static void apply_some(struct lease_fleet *fleet, struct fleet_member *member)
{
    for (uint64_t count = fleet_random(fleet, 6); count > 0; count--) {
        apply(fleet, member);
    }
}

void fleet_disconnect(struct fleet_member *member)
{
    if (member->stream != NULL) {
        member->stream->is_connected = false;
        member->stream = NULL;
    }
}

void fleet_drop_relay_log(struct fleet_member *member)
{
    member->log_begin = 0;
    member->log_end = 0;
}

void fleet_die(struct fleet_member *member)
{
    fleet_disconnect(member);
    fleet_drop_relay_log(member);
    member->says = 0;
    member->is_frozen = false;
    member->last_had = member->last_done;
    member->read_at = member->done_at;
    member->whole_from = member->read_at;
}

void fleet_set_up(struct lease_fleet *fleet, struct fleet_member *member)
{
    fleet_disconnect(member);
    fleet_drop_relay_log(member);
    member->is_frozen = false;
    member->is_down = false;
    member->is_out = false;
    member->says = 0;
    member->last_had = fleet->applied;
    member->done_at = end_of(fleet->applied);
    member->read_at = member->done_at;
    member->whole_from = member->read_at;
}

static void report(struct lease_fleet *fleet, uint32_t server_id)
{
    struct fleet_member *member = &fleet->members[server_id];

    if (member->says == 0) {
        member->says = fleet->applied; /* read from the target; it comes later, or never */
        return;
    }
    if (!fleet_happens(fleet, 4)) {
        (void)lease_scene_report(&fleet->scene, server_id, member->says,
                                 !fleet_happens(fleet, 3));
    }
    member->says = 0;
}

void fleet_work(struct lease_fleet *fleet, uint32_t server_id)
{
    struct fleet_member *member = &fleet->members[server_id];

    if (member->is_frozen || member->is_out) {
        return;
    }
    switch (fleet_random(fleet, 6)) {
    case 0:
    case 1:
        receive(fleet, member);
        break;
    case 2:
    case 3:
        apply_some(fleet, member);
        break;
    case 4:
        report(fleet, server_id);
        break;
    default:
        if (!member->is_down &&
            (member->stream == NULL || !member->stream->is_open || fleet_happens(fleet, 50))) {
            connect_member(fleet, server_id);
        }
        break;
    }
}
