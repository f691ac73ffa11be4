/* SPDX-License-Identifier: Apache-2.0 */
#include "stream_holds.h"

#include <inttypes.h>
#include <linux/sockios.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "binrelay/base/memory.h"
#include "binrelay/protocol/uuid.h"

enum {
    MARKS_MOST = 32,
    MARKS_OF_TIME = 8, /* those of every second leave room for those of files */
    ENDED_MOST = 1024, /* streams that ended; then the oldest two become one */
    SECOND_USEC = 1000000,
};

/* What was handed to the connection up to `bytes` is all that is before the place. */
struct mark {
    uint64_t bytes; /* since the connection began */
    struct binlog_position place;
};

/* Who it is, beyond a stream's end. */
struct owner {
    size_t cluster;
    uint64_t session;
    uint32_t server_id;
    char uuid[UUID_TEXT_BYTES];
    char peer[64];
};

struct stream_hold {
    struct stream_holds *holds; /* borrowed */
    struct stream_hold *next;   /* this and the rest under its lock */
    struct stream_hold *previous;
    struct owner owner;
    int descriptor; /* owned: the socket a second time, as the connection closes its own when it
                       likes; -1: none */
    bool is_dropped;
    struct mark marks[MARKS_MOST]; /* in order; the first one is the place that stays */
    unsigned mark_count;           /* 0: the place is not decided */
    uint64_t acknowledged;         /* the most that was seen */
    _Atomic uint64_t sent;         /* written by the stream's thread alone */
};

/* A stream that is over. */
struct ended {
    struct owner owner;
    struct binlog_position place;
    uint64_t at_usec; /* monotonic */
};

struct stream_holds {
    const struct clock *clock; /* borrowed */
    pthread_mutex_t lock;      /* of all below */
    struct stream_hold *first;
    size_t count;
    struct ended *ended; /* owned; in the order in which they ended */
    size_t ended_count;
    size_t ended_capacity;
};

struct stream_holds *stream_holds_new(const struct clock *clock)
{
    struct stream_holds *holds = mem_zeroed(sizeof(*holds));

    holds->clock = clock;
    (void)pthread_mutex_init(&holds->lock, NULL); /* cannot fail for a default mutex */
    return holds;
}

void stream_holds_free(struct stream_holds *holds)
{
    if (holds == NULL) {
        return;
    }
    (void)pthread_mutex_destroy(&holds->lock);
    free(holds->ended);
    free(holds);
}

/* ---- marks; the lock is held ---- */

/*
 * What the kernel took is read before what waits there: bytes that it takes in
 * between only make the difference smaller. A socket that does not say holds
 * what was seen before.
 */
static void look_at_socket(struct stream_hold *hold)
{
    uint64_t sent = atomic_load_explicit(&hold->sent, memory_order_acquire);
    int waiting = 0;

    if (hold->descriptor < 0 || ioctl(hold->descriptor, SIOCOUTQ, &waiting) != 0 ||
        waiting < 0) {
        return;
    }
    if (sent > (uint64_t)waiting && sent - (uint64_t)waiting > hold->acknowledged) {
        hold->acknowledged = sent - (uint64_t)waiting;
    }
}

static void drop_acknowledged(struct stream_hold *hold)
{
    unsigned passed = 0;

    while (passed + 1 < hold->mark_count &&
           hold->marks[passed + 1].bytes <= hold->acknowledged) {
        passed++;
    }
    hold->mark_count -= passed;
    memmove(hold->marks, hold->marks + passed, hold->mark_count * sizeof(*hold->marks));
}

/* The place before which the peer has all. */
static struct binlog_position find_place(struct stream_hold *hold)
{
    if (hold->mark_count == 0) {
        return (struct binlog_position){0};
    }
    look_at_socket(hold);
    drop_acknowledged(hold);
    return hold->marks[0].place;
}

/* Where there is no room a mark takes the last one's: what is between holds for longer. */
static void add_mark(struct stream_hold *hold, struct mark mark)
{
    if (hold->mark_count == MARKS_MOST) {
        drop_acknowledged(hold);
    }
    if (hold->mark_count == MARKS_MOST) {
        hold->mark_count--;
    }
    hold->marks[hold->mark_count++] = mark;
}

/* What a connection that has failed does not queue any more would count as handed over. */
static void mark_place(struct stream_hold *hold,
                       const struct connection *connection,
                       struct binlog_position place)
{
    if (connection_is_open(connection)) {
        add_mark(hold, (struct mark){.bytes = connection_sent(connection) +
                                              connection_queued(connection),
                                     .place = place});
    }
}

/* ---- those that ended; the lock is held ---- */

static bool is_same_replica(const struct owner *left, const struct owner *right)
{
    if (left->cluster != right->cluster) {
        return false;
    }
    if (left->uuid[0] != '\0' || right->uuid[0] != '\0') {
        return strcmp(left->uuid, right->uuid) == 0;
    }
    return left->server_id != 0 && left->server_id == right->server_id;
}

static void remove_ended(struct stream_holds *holds, size_t at)
{
    holds->ended_count--;
    memmove(holds->ended + at, holds->ended + at + 1,
            (holds->ended_count - at) * sizeof(*holds->ended));
}

static void remove_ended_of(struct stream_holds *holds, const struct owner *owner)
{
    for (size_t at = holds->ended_count; at > 0; at--) {
        if (is_same_replica(&holds->ended[at - 1].owner, owner)) {
            remove_ended(holds, at - 1);
        }
    }
}

/* The two of one cluster that ended first: the later one gets the earlier one's need. There
 * are more of them than clusters. */
static void join_oldest(struct stream_holds *holds)
{
    for (size_t at = 0; at < holds->ended_count; at++) {
        for (size_t other = at + 1; other < holds->ended_count; other++) {
            struct ended *later = &holds->ended[other];
            const struct ended *earlier = &holds->ended[at];

            if (later->owner.cluster != earlier->owner.cluster) {
                continue;
            }
            if (binlog_position_compare(earlier->place, later->place) < 0) {
                later->place = earlier->place;
            }
            remove_ended(holds, at);
            return;
        }
    }
}

static void add_ended(struct stream_holds *holds,
                      const struct owner *owner,
                      struct binlog_position place)
{
    remove_ended_of(holds, owner);
    if (holds->ended_count == ENDED_MOST) {
        join_oldest(holds);
    }
    if (holds->ended_count == holds->ended_capacity) {
        holds->ended = mem_grow(holds->ended, &holds->ended_capacity, sizeof(*holds->ended));
    }
    holds->ended[holds->ended_count++] = (struct ended){
        .owner = *owner, .place = place, .at_usec = clock_monotonic_usec(holds->clock)};
}

/* ---- lists ---- */

static void name_owner(struct log_hold *listed, const struct owner *owner)
{
    if (owner->server_id != 0) {
        (void)snprintf(listed->who, sizeof(listed->who), "session %" PRIu64 " (replica %u)",
                       owner->session, owner->server_id);
    } else {
        (void)snprintf(listed->who, sizeof(listed->who), "session %" PRIu64, owner->session);
    }
    listed->server_id = owner->server_id;
}

static void list_running(struct stream_hold *hold, struct log_hold *listed)
{
    *listed = (struct log_hold){.from = find_place(hold)};
    name_owner(listed, &hold->owner);
    if (hold->mark_count == 0) {
        (void)snprintf(listed->why, sizeof(listed->why), "%s is about to begin a stream",
                       hold->owner.peer);
        return;
    }
    (void)snprintf(listed->why, sizeof(listed->why),
                   "stream to %s, which has not acknowledged what follows", hold->owner.peer);
}

static void list_ended(const struct ended *ended, uint64_t now_usec, struct log_hold *listed)
{
    *listed = (struct log_hold){.from = ended->place};
    name_owner(listed, &ended->owner);
    (void)snprintf(listed->why, sizeof(listed->why),
                   "stream to %s, which ended %" PRIu64 " s ago", ended->owner.peer,
                   (now_usec - ended->at_usec) / SECOND_USEC);
}

size_t stream_holds_list(struct stream_holds *holds,
                         size_t cluster,
                         uint64_t min_age_usec,
                         struct log_hold **list)
{
    uint64_t now_usec = clock_monotonic_usec(holds->clock);
    struct log_hold *found = NULL;
    size_t count = 0;

    pthread_mutex_lock(&holds->lock);
    found = mem_raw((holds->count + holds->ended_count + 1) * sizeof(*found));
    for (struct stream_hold *hold = holds->first; hold != NULL; hold = hold->next) {
        if (hold->owner.cluster == cluster && !hold->is_dropped) {
            list_running(hold, &found[count++]);
        }
    }
    for (size_t at = 0; at < holds->ended_count; at++) {
        const struct ended *ended = &holds->ended[at];
        /* It may have ended after this look began. */
        uint64_t age_usec = now_usec > ended->at_usec ? now_usec - ended->at_usec : 0;

        if (ended->owner.cluster == cluster && age_usec < min_age_usec) {
            list_ended(ended, ended->at_usec + age_usec, &found[count++]);
        }
    }
    pthread_mutex_unlock(&holds->lock);
    log_holds_sort(found, count);
    *list = found;
    return count;
}

void stream_holds_drop(struct stream_holds *holds, size_t cluster, uint32_t server_id)
{
    pthread_mutex_lock(&holds->lock);
    for (struct stream_hold *hold = holds->first; hold != NULL; hold = hold->next) {
        if (hold->owner.cluster == cluster && hold->owner.server_id == server_id) {
            hold->is_dropped = true;
        }
    }
    for (size_t at = holds->ended_count; at > 0; at--) {
        const struct owner *owner = &holds->ended[at - 1].owner;

        if (owner->cluster == cluster && owner->server_id == server_id) {
            remove_ended(holds, at - 1);
        }
    }
    pthread_mutex_unlock(&holds->lock);
}

/* ---- a stream ---- */

struct stream_hold *stream_hold_begin(struct stream_holds *holds,
                                      const struct stream_owner *owner)
{
    struct stream_hold *hold = NULL;

    if (holds == NULL) {
        return NULL;
    }
    hold = mem_zeroed(sizeof(*hold));
    hold->holds = holds;
    hold->descriptor = -1;
    hold->owner.cluster = owner->cluster;
    hold->owner.session = owner->session;
    hold->owner.server_id = owner->server_id;
    (void)snprintf(hold->owner.uuid, sizeof(hold->owner.uuid), "%s", owner->uuid);
    (void)snprintf(hold->owner.peer, sizeof(hold->owner.peer), "%s", owner->peer);
    pthread_mutex_lock(&holds->lock);
    hold->next = holds->first;
    if (holds->first != NULL) {
        holds->first->previous = hold;
    }
    holds->first = hold;
    holds->count++;
    pthread_mutex_unlock(&holds->lock);
    return hold;
}

void stream_hold_place(struct stream_hold *hold,
                       const struct connection *connection,
                       struct binlog_position place)
{
    if (hold == NULL) {
        return;
    }
    pthread_mutex_lock(&hold->holds->lock);
    if (hold->descriptor < 0) {
        hold->descriptor = connection_duplicate(connection); /* none: the place never moves */
    }
    hold->marks[0] = (struct mark){.place = place};
    hold->mark_count = 1;
    hold->is_dropped = false;
    remove_ended_of(hold->holds, &hold->owner);
    pthread_mutex_unlock(&hold->holds->lock);
}

void stream_hold_mark(struct stream_hold *hold,
                      const struct connection *connection,
                      struct binlog_position place)
{
    if (hold == NULL) {
        return;
    }
    pthread_mutex_lock(&hold->holds->lock);
    mark_place(hold, connection, place);
    pthread_mutex_unlock(&hold->holds->lock);
}

void stream_hold_sent(struct stream_hold *hold, const struct connection *connection)
{
    if (hold != NULL) {
        atomic_store_explicit(&hold->sent, connection_sent(connection), memory_order_release);
    }
}

struct binlog_position stream_hold_look(struct stream_hold *hold,
                                        const struct connection *connection,
                                        struct binlog_position framed)
{
    struct binlog_position place = {0};

    if (hold == NULL) {
        return place;
    }
    stream_hold_sent(hold, connection);
    pthread_mutex_lock(&hold->holds->lock);
    if (hold->mark_count > 0 && hold->mark_count < MARKS_OF_TIME &&
        binlog_position_compare(hold->marks[hold->mark_count - 1].place, framed) < 0) {
        mark_place(hold, connection, framed);
    }
    place = find_place(hold);
    pthread_mutex_unlock(&hold->holds->lock);
    return place;
}

/* True if the same replica has a later stream, whose place says what it needs. */
static bool is_followed(const struct stream_hold *hold)
{
    for (const struct stream_hold *other = hold->holds->first; other != NULL;
         other = other->next) {
        if (other->owner.session > hold->owner.session && other->mark_count > 0 &&
            is_same_replica(&other->owner, &hold->owner)) {
            return true;
        }
    }
    return false;
}

struct binlog_position stream_hold_end(struct stream_hold *hold, bool had_begun)
{
    struct binlog_position place = {0};
    struct stream_holds *holds = NULL;

    if (hold == NULL) {
        return place;
    }
    holds = hold->holds;
    pthread_mutex_lock(&holds->lock);
    place = find_place(hold);
    if (hold->previous != NULL) {
        hold->previous->next = hold->next;
    } else {
        holds->first = hold->next;
    }
    if (hold->next != NULL) {
        hold->next->previous = hold->previous;
    }
    holds->count--;
    if (had_begun && hold->mark_count > 0 && !hold->is_dropped && !is_followed(hold)) {
        add_ended(holds, &hold->owner, place);
    }
    pthread_mutex_unlock(&holds->lock);
    if (hold->descriptor >= 0) {
        (void)close(hold->descriptor); /* it was only looked at */
    }
    free(hold);
    return place;
}
