/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The appliers of one cluster in memory, and the rules of what happens to one:
 * signs of life, streams, reports, settings, expiry. Pure: knows neither the
 * store nor the disk, and gets the time. Its owner locks.
 */
#pragma once

#include "binrelay/registry/applier_registry.h"

/* Expiry is measured on the monotonic clock and from the relay's start on at the earliest: a
 * jump of the wall clock, or a time in which nobody could report, releases nothing. */
struct applier_time {
    uint64_t wall_usec;
    uint64_t monotonic_usec;
};

/* Why a report was refused. */
enum report_fault {
    REPORT_GOOD,
    REPORT_UNKNOWN,    /* the applier is not known here */
    REPORT_ZERO,       /* epoch 0 */
    REPORT_NOTHING,    /* nothing is stored that it could have applied */
    REPORT_ABOVE,      /* the newest durable one, or never stored */
    REPORT_BELOW,      /* what it reported before */
    REPORT_UNREADABLE, /* neither a GTID set nor a position */
    REPORT_CLUSTER,    /* of a cluster that does not know it, or that nobody can tell */
};

/* The last fault of one way, so that it is told once; and how many were told lately, so that
 * two that alternate do not fill the events. */
struct applier_refusal {
    enum report_fault fault;
    uint64_t at_usec; /* monotonic, as the next */
    uint64_t counted_usec;
    unsigned told; /* since then */
};

struct applier {
    struct applier_facts facts; /* owned text; state and sent_epoch are not kept */
    struct binlog_position
        regained;        /* lost its place, and began a stream there; {0, 0}: it did not */
    bool is_expired;     /* was noticed; until the next sign of life */
    uint64_t sign_usec;  /* monotonic: last sign of life, or when it became known here */
    uint64_t alive_usec; /* wall clock: last report or heartbeat; not saved */
    bool is_changed;     /* is to be saved */
    struct applier_refusal refusals[REPORT_WAY_COUNT]; /* not saved */
};

/* Zeroed is empty. */
struct applier_table {
    struct applier *appliers; /* owned; ordered by server_id */
    size_t count;
    size_t capacity;
};

void applier_table_release(struct applier_table *table);

/* NULL: not known. Borrowed until the next one is added or removed. */
struct applier *applier_table_find(const struct applier_table *table, uint32_t server_id);

/* Puts it in its place, where none of its id is; takes what it owns. */
struct applier *applier_table_insert(struct applier_table *table,
                                     const struct applier *applier);
void applier_table_remove(struct applier_table *table, uint32_t server_id);

/* A copy that owns its text; released by applier_release(). */
struct applier applier_copy(const struct applier *applier);
void applier_release(struct applier *applier);

/* All of them; freed by applier_copies_free(). */
struct applier *applier_table_copy(const struct applier_table *table);
void applier_copies_free(struct applier *appliers, size_t count);

/* The highest epoch that a member of the group reported; epoch 0: none did. */
struct epoch_key applier_highest_of_group(const struct applier *appliers,
                                          size_t count,
                                          const char *group);

/* ---- one applier ---- */

enum { APPLIER_REGISTERED_EXPIRE_SEC = 24 * 60 * 60 };

struct applier applier_new(uint32_t server_id,
                           enum applier_origin origin,
                           struct applier_time now);

enum applier_state applier_state_at(const struct applier *applier, struct applier_time now);

/* True once: it has been silent for longer than it may, and is_expired says so now. */
bool applier_note_expiry(struct applier *applier, struct applier_time now);

void applier_take_setting(struct applier *applier,
                          const struct applier_setting *setting,
                          enum applier_origin origin,
                          struct applier_time now);
void applier_take_sign(struct applier *applier, struct applier_time now);
void applier_take_heartbeat(struct applier *applier, struct applier_time now);

/* A good report; is_place: what follows is here. GTIDs: the text is taken; NULL: none. */
void applier_take_epoch(struct applier *applier,
                        struct epoch_key applied,
                        enum report_way way,
                        bool is_place,
                        struct applier_time now);
void applier_take_gtids(struct applier *applier,
                        char *gtids,
                        enum report_way way,
                        bool is_place,
                        struct applier_time now);

/* As an administrator says; epoch 0: it reported none. */
void applier_set_epoch(struct applier *applier,
                       struct epoch_key applied,
                       struct applier_time now);
void applier_lose(struct applier *applier);
void applier_drop_report(struct applier *applier); /* it never reported */

void applier_stream_began(struct applier *applier,
                          struct binlog_position from,
                          struct applier_time now);
void applier_stream_got(struct applier *applier,
                        struct binlog_position got,
                        struct applier_time now);
void applier_stream_ended(struct applier *applier,
                          struct binlog_position got,
                          struct applier_time now);

/* True if the refusal is to be told: the last one of this way was another one, or long ago. */
bool applier_note_refusal(struct applier *applier,
                          enum report_way way,
                          enum report_fault fault,
                          struct applier_time now);
