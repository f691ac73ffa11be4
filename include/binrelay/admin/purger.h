/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decides for one cluster which files may go, and lets them go: those wholly
 * below what every applier, pin and running stream needs (S3), oldest first.
 * Watches the room on the disk: warns at the soft mark, stops the pull at the
 * hard one, drops appliers only where the configuration says so.
 *
 * Files go one at a time, and before each one the holds are read again. So a
 * stream that begins meanwhile is seen before the next file goes, provided that
 * it holds before it looks whether its first file is there (stream_holds). If
 * that very file goes in between, the stream has it open and reads it to its
 * end, or does not find it and is refused. Who puts a pin looks again behind it.
 * docs/purge.md has the rules.
 *
 * One thread of its own, so that a slow disk holds up no other cluster. All
 * functions from any thread that may wait.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binrelay/base/clock.h"
#include "binrelay/base/error.h"
#include "binrelay/registry/applier_registry.h"
#include "binrelay/registry/pin_table.h"
#include "binrelay/registry/registry.h"

struct purger;

/* A plain value; what a reload may change. */
struct purge_settings {
    bool is_automatic;     /* policy "applied"; else by hand, or at the limit */
    uint64_t min_age_usec; /* a file stays for so long after its last event was stored */
    uint64_t min_files;    /* so many of the newest stay; at least 1 */
    uint64_t max_bytes;    /* 0: what the disk has */
    unsigned soft_percent; /* of what the store may take: warn */
    unsigned hard_percent; /* stop the pull */
    bool drops_appliers;   /* on_limit "drop_appliers" */
    bool purges_source;    /* source_purge */
};

/* What other rooms do for it. Called on any thread, no lock held. Each may be NULL. */
struct purger_links {
    /* What running streams need, and those that ended within min_age; as of holds lists. `who`
     * is one stream's alone; server_id is what the replica says of itself. */
    size_t (*stream_holds)(void *context, uint64_t min_age_usec, struct log_hold **holds);
    /* The pull may go on, or must not, with the reason. Called at changes. */
    void (*set_room)(void *context, bool has_room, const char *reason);
    /* What they need goes: streams of the id end and hold nothing from now on. Never 0. */
    void (*end_streams)(void *context, uint32_t server_id);
    /* PURGE BINARY LOGS TO the source's own file that has this number here; once for each new
     * file, on the purger's thread alone. May block for its time limit. */
    enum status (*purge_source)(void *context, uint64_t file, struct error *error);
    void *context; /* borrowed, as those below */
};

struct purger_options {
    const char *cluster;
    const char *directory; /* the store's: whose file system is watched */
    struct binlog_store *store;
    struct applier_registry *appliers;
    struct pin_table *pins;
    struct registry *registry; /* events; may be NULL */
    const struct clock *clock;
    const struct disk *disk;
    struct purge_settings settings;
    struct purger_links links;
};

MUST_CHECK enum status purger_start(struct purger **made,
                                    const struct purger_options *options,
                                    struct error *error);

/* Joins the thread and waits for who is in purger_purge(), which is broken off behind a file;
 * from then on no link is called, and purges are refused: both with STATUS_CLOSED. Accepts
 * NULL. */
void purger_stop(struct purger *purger);

/* The same, and frees it: when nobody uses it any more. Accepts NULL. */
void purger_free(struct purger *purger);

void purger_set_settings(struct purger *purger, const struct purge_settings *settings);

/* Something changed (a report, a pin, a stream's end): look soon. Never waits. */
void purger_poke(struct purger *purger);

/* What somebody asks to be purged. All three 0: all that nobody needs (forced: all). Of several
 * the least counts. Where nobody is known, all may go by hand. */
struct purge_request {
    uint64_t to_epoch;    /* files in front of its end: what one who applied it needs stays */
    uint64_t before_file; /* files before this one, which may be gone; 0: none */
    uint64_t before_usec; /* wall clock: the oldest whose last event was stored before */
    bool is_dry_run;
    bool is_forced; /* past what is needed; min_age and min_files too, never the newest file */
};

struct purge_outcome {
    uint64_t files; /* removed, or that would be */
    uint64_t bytes;
    uint64_t first; /* the oldest file that is left */
    struct log_hold
        *losers; /* owned: who loses what it needs (forced), the oldest need first */
    size_t loser_count;
    struct log_hold *blockers; /* owned: who keeps the files that were asked for and stay; also
                                  settings, by name */
    size_t blocker_count;
};

/*
 * STATUS_DENIED: not forced, and something that was asked for is needed:
 * nothing was purged; the error names who needs it and from where. A dry run
 * says so by its blockers instead. What only min_age or min_files keep stays
 * without an error. Forced: who loses its place does so durably before a file
 * goes. STATUS_NOT_FOUND: before_file is behind the newest one. STATUS_INVALID:
 * to_epoch without epochs; any other: it failed, or where to_epoch ends could
 * not be found. *outcome is set in any case and released by the caller.
 */
MUST_CHECK enum status purger_purge(struct purger *purger,
                                    const struct purge_request *request,
                                    struct purge_outcome *outcome,
                                    struct error *error);
void purge_outcome_release(struct purge_outcome *outcome);

/* For status and metrics. */
struct purge_report {
    struct binlog_position low_water; /* {0, 0}: everything is needed */
    uint64_t low_water_epoch;         /* the last epoch that is not needed any more; 0: none */
    bool has_appliers;                /* false: nobody is known, and nothing goes by itself */
    struct log_hold *holds;           /* owned: all of them, the oldest need first */
    size_t hold_count;
    uint64_t store_bytes;
    uint64_t limit_bytes; /* what the store may take: max_bytes, or it and what is free */
    double hours_left;    /* until the hard mark at the pace of late; negative: unknown */
    bool is_above_soft;
    bool is_above_hard;
    uint64_t purged_files; /* since the start */
    uint64_t purged_bytes;
};

void purger_report(struct purger *purger, struct purge_report *report);
void purge_report_release(struct purge_report *report);
