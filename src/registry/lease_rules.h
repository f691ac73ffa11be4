/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which member of one group has the stream. A state machine without clock,
 * disk or threads: inputs change it, lease_next() says what is to be done, one
 * thing at a time, and lease_done() that it was done.
 *
 *   state    who streams       leaves it
 *   FREE     nobody            -> HELD     a member waits: it is granted the place behind
 *                                          what the group applied
 *   HELD     the holder        -> AWAY     its connection broke
 *                              -> CLOSING  its time ran out, it came a second time, it was
 *                                          fenced, or it is to give up
 *   CLOSING  the holder, until -> AWAY     closed, and it came a second time
 *            its end is known  -> OVER     closed for any other reason
 *   AWAY     nobody            -> HELD     the holder returned in time
 *                              -> OVER     its time ran out, or it was fenced
 *   OVER     nobody            -> HELD     the holder returned late
 *                              -> FREE     all that it was sent is applied, or it is fenced
 *
 * There is one way to a stream, the decision GRANT, and it is made only where
 * no session is the holder's any more: never two streams. A holder is followed
 * by another only through OVER and FREE: all it was sent is applied, or
 * somebody knows that it applies nothing more. GRANT and RELEASE are made
 * durable between lease_next() and lease_done(); a holder that is found after
 * a restart is AWAY, and counts as having been sent everything that is stored.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binrelay/storage/binlog_position.h"
#include "binrelay/storage/epoch_index.h"

enum lease_state {
    LEASE_FREE,
    LEASE_HELD,
    LEASE_CLOSING,
    LEASE_AWAY,
    LEASE_OVER,
    LEASE_STATE_COUNT,
};

/* "free", "held", "closing", "away", "over" */
const char *lease_state_name(enum lease_state state);

/* Why a session is ended. */
enum lease_end {
    LEASE_END_NONE,
    LEASE_END_EXPIRED,  /* the holder's time ran out */
    LEASE_END_RETURNED, /* the holder came a second time */
    LEASE_END_RELEASED, /* the holder is to give up */
    LEASE_END_FENCED,   /* the member is fenced */
    LEASE_END_PLACE,    /* what it asks for cannot be gone on from */
    LEASE_END_LOST,     /* what follows the group's applied epoch is not here any more */
    LEASE_END_YIELDS,   /* it gave up, and another one waits */
};

/* What outlives a restart. */
struct lease_record {
    uint64_t number;              /* of the last grant; 0: there was none */
    uint32_t holder;              /* 0: nobody */
    struct epoch_key applied;     /* of the group, when this was written; epoch 0: none */
    struct epoch_key start_epoch; /* that the last grant began behind; epoch 0: none */
    struct binlog_position start; /* of the last grant; {0, 0}: as its GTIDs said */
    struct binlog_position base;  /* where a group began that never reported; or {0, 0} */
    uint64_t granted_usec;        /* wall clock */
};

/* A session that waits, the oldest first. */
struct lease_member {
    uint64_t session; /* 1, 2, ... */
    uint32_t server_id;
    bool is_by_gtid;
    struct binlog_position asked; /* {0, 0}: by GTID, or a place that is not here */
    bool is_told;                 /* that it is held */
};

struct lease_fence {
    uint32_t server_id;
    struct binlog_position place; /* behind what the group had applied by then */
    bool is_lifted; /* it may come back, asking for a place that is not before that one */
};

struct lease {
    struct lease_record record;
    enum lease_state state;
    enum lease_end wants_end;    /* HELD: the holder's session is to be ended */
    enum lease_end ending;       /* CLOSING: why */
    uint64_t session;            /* the holder's; 0 but for HELD and CLOSING */
    struct binlog_position sent; /* to the holder, at most up to here */
    bool is_sent_unknown;        /* everything that is stored counts as sent */
    uint64_t ttl_usec;
    uint64_t deadline_usec; /* monotonic; HELD and AWAY */
    uint64_t since_usec;    /* monotonic: in this state */
    bool yields;            /* the holder is to give up ... */
    uint32_t next;          /* ... to this one; 0: to any ... */
    uint64_t
        yields_until_usec; /* ... and may return from then on, if nobody else could begin */
    bool is_waiting_told;
    struct lease_member *members; /* owned */
    size_t member_count;
    size_t member_capacity;
    struct lease_fence *fences; /* owned */
    size_t fence_count;
    size_t fence_capacity;
};

/* The world at the moment of a decision. */
struct lease_view {
    uint64_t now_usec;              /* monotonic */
    struct epoch_key applied;       /* of the group; epoch 0: it never reported */
    struct binlog_position place;   /* behind that epoch; {0, 0}: none, or it is not here */
    struct binlog_position settled; /* the same, past what no applier applies */
    struct binlog_position end;     /* the durable end; {0, 0}: not known yet */
    bool is_lost;                   /* what follows the applied epoch is not here */
    bool is_unclear;                /* where it ends is not known now, but may be soon */
};

enum lease_action {
    LEASE_DO_NOTHING,
    LEASE_DO_GRANT,   /* make `record` durable, then give the session the stream */
    LEASE_DO_RELEASE, /* make `record` durable */
    LEASE_DO_END,     /* end the session; lease_leave() follows if it is the holder's */
    LEASE_DO_HOLD,    /* tell the session that it waits */
    LEASE_DO_EXPIRE,  /* the time of a holder that is away is over */
    LEASE_DO_WAIT,    /* tell people that nobody can have it before the holder is fenced */
};

struct lease_decision {
    enum lease_action action;
    uint64_t session;
    uint32_t server_id;
    enum lease_end why;         /* END */
    struct lease_record record; /* GRANT, RELEASE; granted_usec is the doer's to set */
    bool clears_fence;          /* GRANT: to one whose fence was lifted */
};

/* A group that never had a holder, or what a restart found: its fences follow. */
void lease_init(struct lease *lease,
                const struct lease_record *record,
                uint64_t ttl_usec,
                uint64_t now_usec);
void lease_release_memory(struct lease *lease);

/* ---- inputs ---- */

/* A session asks for the stream. */
void lease_join(struct lease *lease, const struct lease_member *member);

/* A session has ended, and nothing will be sent to it any more. The holder's was sent at most
 * up to `sent`; {0, 0}: nothing. */
void lease_leave(struct lease *lease,
                 uint64_t session,
                 struct binlog_position sent,
                 uint64_t now_usec);

/*
 * Somebody reported for the group: of the holder by itself, which proves that
 * it lives (`is_own`), or with a higher applied epoch than before (`is_more`).
 * A report that is neither, or a sign of life without an epoch, counts only
 * while nothing is left to be applied.
 */
void lease_report(struct lease *lease,
                  bool is_own,
                  bool is_more,
                  const struct lease_view *view);

/* It is fenced, and that is durable. */
void lease_fence(struct lease *lease, const struct lease_fence *fenced, uint64_t now_usec);

/* Its fence is lifted, and that is durable. */
void lease_lift(struct lease *lease, uint32_t server_id);

/* The holder is to give up: to one that waits, or to any (0). */
void lease_yield(struct lease *lease, uint32_t next, uint64_t now_usec);

/* ---- decisions ---- */

/* What is to be done now. To be asked until it says NOTHING. */
struct lease_decision lease_next(struct lease *lease, const struct lease_view *view);

/* It was done. */
void lease_done(struct lease *lease, const struct lease_decision *decision, uint64_t now_usec);

/* ---- questions ---- */

/* NULL: it is not fenced. */
const struct lease_fence *lease_find_fence(const struct lease *lease, uint32_t server_id);

/* NULL: no session of it waits. */
const struct lease_member *lease_find_waiting(const struct lease *lease, uint32_t server_id);

/* Behind what the group is known to have applied. {0, 0}: nothing is known. */
struct binlog_position lease_place(const struct lease *lease, const struct lease_view *view);

/* All that the holder was sent is applied. */
bool lease_is_settled(const struct lease *lease, const struct lease_view *view);
