/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One cluster's binlogs on disk: a directory of binlog files that only grows
 * at its end, and the durable end up to which replicas may read.
 *
 * One thread writes (the cluster's pull thread): append events, mark where
 * transactions are whole, write, sync, publish. Any thread reads the durable
 * end, the list of files and, through binlog_cursor.h, the bytes up to the end.
 *
 *   append -> mark whole -> write -> sync (any thread) -> publish -> readers
 * Nothing behind the durable end is ever shown, and nothing before it is ever
 * cut or changed (S1, S4). docs/durability.md and docs/file-format.md say more.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "binrelay/base/bytes.h"
#include "binrelay/base/clock.h"
#include "binrelay/base/disk.h"
#include "binrelay/base/error.h"
#include "binrelay/protocol/binlog_event.h"
#include "binrelay/protocol/epoch.h"
#include "binrelay/storage/binlog_position.h"

struct binlog_store;

struct binlog_store_options {
    const struct disk *disk;   /* borrowed */
    const struct clock *clock; /* borrowed */
    const char *directory;     /* data_dir/CLUSTER; made if it is not there */
    const char
        *log_name; /* base name, or NULL: found in the directory or set by the first file */
    size_t gather_bytes;       /* events are gathered up to so many before a write; 0: 1 MiB */
    struct epoch_rules epochs; /* kind NONE: no index is kept */
};

/* Knows the directory and touches nothing yet: until it is recovered it has no durable end. */
struct binlog_store *binlog_store_new(const struct binlog_store_options *options);

/* What is written and not synced is left to recovery. Accepts NULL. */
void binlog_store_free(struct binlog_store *store);

/* ---- the writer's thread ---- */

/*
 * Finds the files, checks the last one's tail (checksums, transaction
 * boundary), cuts what is not a whole transaction behind the last known
 * durable end, syncs, and publishes. Again after a failure, when it also cuts
 * to the durable end that was published last: what the system wrote in
 * between is not believed. STATUS_CORRUPT, and nothing is changed, if bytes
 * that were durable do not read back right.
 */
MUST_CHECK enum status binlog_store_recover(struct binlog_store *store, struct error *error);

/* Where the log ends and how to go on from there. */
struct binlog_store_tail {
    bool is_empty;              /* no file at all */
    struct binlog_position end; /* behind the last whole transaction */
    uint64_t
        last_event_offset; /* where the last event begins that ends there; 0: only the magic */
    bool is_closed;        /* the last event is a Rotate or Stop: the file is whole */
    enum binlog_checksum checksum; /* of the last file */
};

struct binlog_store_tail binlog_store_tail(const struct binlog_store *store);

/* Reads bytes that are stored, durable or not: to compare the last event with the source's. */
MUST_CHECK enum status binlog_store_read(struct binlog_store *store,
                                         struct binlog_position from,
                                         size_t size,
                                         struct buffer *found,
                                         struct error *error);

/* Ends the file that is open, if one is, and begins the next (number must grow). The magic is
 * written. */
MUST_CHECK enum status binlog_store_begin_file(struct binlog_store *store,
                                               const char *log_name,
                                               uint64_t file,
                                               struct error *error);

/*
 * One whole event, as it goes to disk, checksum verified by the caller. It is
 * parsed for what the store keeps: format, GTIDs, times, boundaries. Gathered
 * in memory and written in large pieces.
 */
MUST_CHECK enum status binlog_store_append(struct binlog_store *store,
                                           struct bytes event,
                                           struct error *error);

/*
 * An event too large for memory, in parts: `first` holds at least its header
 * and, where it has so many, 70 KiB; `size` is the whole event's. The parts
 * must add up before anything else is appended.
 */
MUST_CHECK enum status binlog_store_append_begin(struct binlog_store *store,
                                                 struct bytes first,
                                                 uint32_t size,
                                                 struct error *error);
MUST_CHECK enum status binlog_store_append_more(struct binlog_store *store,
                                                struct bytes part,
                                                struct error *error);

/* True if all that is appended is whole transactions. */
bool binlog_store_is_whole(const struct binlog_store *store);

/* Hands what was gathered to the system. STATUS_FULL: the disk is full; what is whole stays. */
MUST_CHECK enum status binlog_store_write(struct binlog_store *store, struct error *error);

/* Drops everything behind the last whole transaction: a connection was lost in the middle. */
MUST_CHECK enum status binlog_store_cut_unfinished(struct binlog_store *store,
                                                   struct error *error);

/*
 * A sync that somebody runs: begin on the writer's thread, run on any one
 * thread, end on the writer's. Between begin and end the writer goes on
 * appending. One at a time. Begin says STATUS_NOT_FOUND if there is nothing
 * whole, written and not yet durable.
 */
struct binlog_sync;
MUST_CHECK enum status binlog_store_sync_begin(struct binlog_store *store,
                                               struct binlog_sync **begun);
void binlog_sync_run(struct binlog_sync *sync);

/* Publishes on success. After a failure the store refuses everything until it is recovered. */
MUST_CHECK enum status binlog_store_sync_end(struct binlog_store *store,
                                             struct binlog_sync *sync,
                                             struct error *error);

/* Begin, run and end in one, for tests and for closing. */
MUST_CHECK enum status binlog_store_sync(struct binlog_store *store, struct error *error);

/* Nothing before this place is shown: `start` in the middle of a file. Before the first
 * publish. */
void binlog_store_set_first_visible(struct binlog_store *store,
                                    struct binlog_position position);

/* Called on the writer's thread after each publish. */
typedef void (*binlog_published_fn)(void *context);
void binlog_store_on_publish(struct binlog_store *store, binlog_published_fn fn, void *context);

/* ---- any thread ---- */

/* Up to where readers may read; {0, 0} while there is nothing. Without a lock. */
struct binlog_position binlog_store_durable_end(const struct binlog_store *store);
struct binlog_position binlog_store_first_visible(const struct binlog_store *store);

/* "" while there is no file. Borrowed; never changes once set. */
const char *binlog_store_log_name(const struct binlog_store *store);
