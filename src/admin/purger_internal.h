/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the purger share: purger.c (life, thread, report),
 * purger_look.c (one look, as the thread takes it), purge_by_hand.c,
 * purge_files.c (lets files go), purge_limit.c (the disk), purge_warn.c,
 * purge_source.c.
 *
 * Who lets files go has the turn, one at a time; it is no lock and is kept
 * while the disk and the links work. The lock guards plain values, and is
 * never held for longer than a copy takes.
 */
#pragma once

#include <pthread.h>

#include "disk_marks.h"
#include "purge_view.h"

/* Appliers that something was said of, which is said once. */
struct told {
    uint32_t *server_ids; /* owned; ascending */
    size_t count;
};

/* A failure that comes again is said once, and tried again later and later. */
struct purge_retry {
    char message[512]; /* "": the last try went well */
    unsigned failures; /* in a row */
    uint64_t at_usec;  /* of the monotonic clock: not before */
};

struct purger {
    struct purger_options options; /* cluster and directory are owned, the rest is borrowed */

    pthread_mutex_t lock;
    pthread_cond_t woken;  /* for the thread */
    pthread_cond_t passed; /* the turn is free, or a user left */
    pthread_t thread;
    bool is_started;

    /* Under the lock. */
    struct purge_settings settings;
    bool has_new_limits;
    bool is_poked;
    bool is_stopping;
    bool is_in_turn;
    unsigned users; /* other threads that are in a function that calls links */
    struct disk_marks marks;
    uint64_t purged_files;
    uint64_t purged_bytes;
    struct given_up *given_up; /* owned */
    size_t given_up_count;
    size_t given_up_capacity;

    /* Of who has the turn. */
    struct purge_retry purging;
    bool has_leftovers;   /* a purge failed, and files may be left that are listed no more */
    bool is_disk_unknown; /* said so */
    char blocked_by[128]; /* who the last purge.blocked named; "": none */
    struct told stranding;
    struct told lost;

    /* The thread's. */
    struct purge_retry asking_source;
    uint64_t source_purged; /* what it was asked last */
};

/* ---- purger.c ---- */

/* Without its thread: looks when purger_look() is called. */
struct purger *purger_new(const struct purger_options *options);

/* Another thread comes in. False: it is stopping, and nothing may be done any more. */
bool purger_enter(struct purger *purger);
void purger_leave(struct purger *purger);

void purger_begin_turn(struct purger *purger);
void purger_end_turn(struct purger *purger);
bool purger_is_stopping(struct purger *purger);

/* One look, by the caller, and all that follows from it: what the thread does when it wakes. */
void purger_look(struct purger *purger);

/* ---- purge_events.c ---- */

enum { PURGE_PLACE_BYTES = BINLOG_NAME_BYTES + 24, PURGE_TEXT_BYTES = 1024 };

/* Into the log, and to the numbered events. */
void purger_tell(struct purger *purger, const char *event, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* "binlog.000003:1234", "the beginning". */
const char *purger_print_place(const struct purger *purger,
                               char text[PURGE_PLACE_BYTES],
                               struct binlog_position place);

/* "applier 201 from binlog.000003:1234 on (applied epoch 4711, ...)" of the first three, and
 * how many more; "nobody". */
const char *purger_print_holds(const struct purger *purger,
                               char text[PURGE_TEXT_BYTES],
                               const struct log_hold *holds,
                               size_t count);

/* Counts a failure and tells the event, unless it is the one of the last time. */
void purger_fail(struct purger *purger,
                 struct purge_retry *retry,
                 const char *event,
                 const struct error *error);
void purger_succeed(struct purge_retry *retry);
bool purger_may_try(const struct purger *purger, const struct purge_retry *retry);

/* ---- purge_files.c; with the turn ---- */

/* What went in one go. */
struct purge_round {
    uint64_t first_file;
    uint64_t last_file;
    uint64_t files;
    uint64_t bytes;
};

/* Lets the oldest file of the view go. */
MUST_CHECK enum status purge_oldest(struct purger *purger,
                                    const struct purge_view *view,
                                    struct purge_round *round,
                                    struct error *error);

/* Tries again to remove what a purge that failed has left. False: that failed, too, and nothing
 * more may leave the list: what cannot be removed takes its room, and would not be counted. */
bool purge_leftovers(struct purger *purger);

/* Tells the event, if anything went; `how` ends the text. */
void purge_round_tell(struct purger *purger,
                      const struct purge_round *round,
                      const char *event,
                      const char *how);

/* The appliers among the first holds lose their place, durably, and their streams end; streams
 * end and are given up. `before`: all in front of this file is about to go. */
MUST_CHECK enum status purge_drop_holds(struct purger *purger,
                                        const struct log_hold *holds,
                                        size_t count,
                                        uint64_t before,
                                        const char *why,
                                        struct error *error);

/* ---- one look; with the turn ---- */

void purge_by_rules(struct purger *purger);
void purge_at_limit(struct purger *purger);
void purge_warn(struct purger *purger, const struct purge_view *view);

/* Before the oldest file goes: who would not find its place any more? */
void purge_warn_of_stranding(struct purger *purger, const struct purge_view *view);

/* An applier loses its place: applier.lost, with what it needed. Once, until it has one again.
 */
void purge_tell_lost(struct purger *purger, const struct log_hold *hold, const char *why);

/* Without the turn, on the thread. */
void purge_source(struct purger *purger);

/* Samples the disk now. limit_bytes 0: it cannot be asked. */
struct disk_sample purger_sample(struct purger *purger, uint64_t store_bytes);
