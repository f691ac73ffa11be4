/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the desk share. */
#pragma once

#include "lease_desk.h"

struct lease_group {
    struct lease_group *next; /* owned by the desk */
    char name[APPLIER_GROUP_BYTES];
    struct lease lease;
    struct epoch_key applied; /* the highest that was ever reported */
    struct epoch_key counted; /* the same, as far as it has renewed the lease */
    uint64_t life;            /* of the holder, at the last look */
    uint64_t try_again_usec;  /* monotonic: a write failed; 0: none did */
    char reason[200];         /* why nobody can have it; "" */
    bool is_behind;           /* the reason is what was sent and is not known to be applied */
};

/* Where the answers for a session go. */
struct lease_seat {
    uint64_t session;
    struct lease_group *group; /* borrowed */
    lease_answer_fn answer;
    void *context; /* borrowed */
};

struct lease_desk {
    struct lease_world world;
    uint64_t ttl_usec;
    uint64_t last_session;
    struct lease_group *groups; /* owned: a list, ordered by name */
    struct lease_seat *seats;   /* owned */
    size_t seat_count;
    size_t seat_capacity;
};

/* NULL: there is none. */
struct lease_group *lease_desk_find(struct lease_desk *desk, const char *name);

/* Finds it or makes it. */
struct lease_group *lease_desk_group(struct lease_desk *desk, const char *name);

/* What the world says of the group now. */
struct lease_view lease_desk_look(struct lease_desk *desk, struct lease_group *group);

/* Carries out all that is to be done. */
void lease_desk_turn(struct lease_desk *desk, struct lease_group *group);

/* That the holder was sent more than the applied epoch, which rises while the group waits. */
void lease_desk_say_behind(struct lease_desk *desk,
                           const struct lease_group *group,
                           uint64_t applied,
                           char *text,
                           size_t size);

/* "binlog.000012:4711" */
struct lease_place_text {
    char text[BINLOG_NAME_BYTES + 24];
};
struct lease_place_text lease_desk_print(struct lease_desk *desk,
                                         struct binlog_position position);

/* ---- lease_desk_words.c ---- */

/* What a member is told that is ended. */
void lease_desk_say_end(struct lease_desk *desk,
                        const struct lease_group *group,
                        const struct lease_decision *decision,
                        struct lease_answer *answer);

/* Tells people what was decided, if it is of interest. */
void lease_desk_tell(struct lease_desk *desk,
                     struct lease_group *group,
                     const struct lease_decision *decision,
                     const struct lease_view *view);
