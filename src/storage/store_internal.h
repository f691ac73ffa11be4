/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the store share: binlog_store.c (life and state),
 * binlog_recovery.c, binlog_append.c, binlog_sync.c, and for readers
 * binlog_files.c and binlog_cursor.c.
 *
 * Everything is the writer's thread's, but for what file_list.h and
 * published_position.h give to others, and a sync that runs.
 */
#pragma once

#include <stdatomic.h>

#include "binrelay/storage/binlog_store.h"
#include "binrelay/storage/epoch_index.h"
#include "binrelay/storage/sightings.h"
#include "durable_mark.h"
#include "epoch_handles.h"
#include "epoch_track.h"
#include "file_follower.h"
#include "file_list.h"
#include "published_position.h"

enum {
    STORE_GATHER_BYTES = 1024 * 1024,
    /* Files that wait for a sync with their descriptors open; then beginning one more syncs. */
    STORE_MOST_OPEN_FILES = 64,
    /* Runs of GTIDs that wait for a sync; then they are made sets. */
    STORE_MOST_PENDING_GTIDS = 4096,
};

/*
 *   CLOSED -> OPEN <-> REFUSED      CLOSED: not recovered yet
 *      |                  ^         REFUSED: a write, cut or sync failed, so that nobody
 *      +------------------+                  knows what the disk has: recover
 */
enum store_state { STORE_CLOSED, STORE_OPEN, STORE_REFUSED };

/* A place where everything is whole, and the file it is in. */
struct store_point {
    uint64_t file; /* 0: none yet */
    enum binlog_checksum checksum;
    struct follower_place place;
};

struct binlog_sync {
    struct binlog_store *store; /* borrowed; NULL: no sync was begun */
    struct store_point target;
    struct store_file **files; /* owned array, referenced files: from the durable end's on */
    size_t count;
    size_t capacity;
    uint64_t stored_usec; /* of the store, when it began */
    bool has_new_names;
    struct pending_gtids gtids;   /* owned: from the durable end to the target */
    struct buffer *sidecars;      /* owned: of all files but the last */
    struct epoch_pending *epochs; /* owned array: of these files, in their order */
    size_t epoch_count;
    size_t epoch_capacity;
    struct epoch_state epochs_before; /* what the log had come to in front of them */
    uint64_t *epoch_mends; /* owned array: of each file, when its index was written */
    size_t epochs_written; /* files whose index has the records */
    enum status status;    /* how it went; the error is the sync thread's until the end */
    struct error error;
};

struct binlog_store {
    const struct disk *disk;   /* borrowed */
    const struct clock *clock; /* borrowed */
    char *directory;           /* owned */
    char *mark_path;           /* owned */
    char *asked_log_name;      /* owned; NULL: whatever is found */
    _Atomic(char *) log_name;  /* owned; NULL until it is known, then for ever the same */
    binlog_published_fn on_publish;
    void *on_publish_context; /* borrowed */

    enum store_state state;
    bool was_opened; /* since then the published end, not the mark, is what recovery goes by */
    struct durable_mark mark;
    struct file_list list;
    struct published_position durable_end;
    struct published_position first_visible;
    pthread_mutex_t purge_lock; /* one purge at a time, and none while the store is recovered */
    bool has_leftovers;         /* of a purge that failed half done; under the purge lock */

    /* The files that are written and not wholly durable: from the durable end's to the one that
     * is appended to, which is the last. */
    struct store_file **open_files; /* owned array, a reference each */
    size_t open_count;
    size_t open_capacity;

    struct epoch_rules epoch_rules; /* the bits: under the list's lock */
    struct epoch_track epochs;
    pthread_mutex_t mend_lock;  /* of who mends an index while the store is open; then ... */
    pthread_mutex_t epoch_lock; /* ... of who writes an index: the sync, or who mends one */
    atomic_bool is_unsettled;   /* a file was there whose `epochs.before` is not known */
    struct epoch_handles epoch_handles;
    epoch_notice_fn on_epoch_notice;
    void *on_epoch_notice_context; /* borrowed */
    sighting_fn on_sighting;
    void *on_sighting_context; /* borrowed */

    /* The file that is appended to. */
    struct file_follower follower;
    struct pending_gtids gtids; /* owned: of what is behind the durable end, or its sync */
    struct store_point whole;   /* the last whole transaction that was appended */
    struct store_point written; /* the last whole transaction that the system has */
    uint64_t written_bytes;     /* of the file; what follows is gathered */
    uint8_t *gathered;          /* owned */
    size_t gathered_size;
    size_t gathered_capacity;
    uint64_t event_left;     /* bytes of a large event that are still to come */
    bool is_collecting;      /* that event is needed whole, and gathers in `collected` */
    struct buffer collected; /* owned */
    uint64_t stored_usec;    /* wall clock: the file's bytes went to the system last */

    struct binlog_sync sync;
};

/* The file that is appended to; NULL if there is none. */
struct store_file *store_current(const struct binlog_store *store);

/* "DIRECTORY/NAME.000001"; the caller frees it. */
char *store_file_path(const struct binlog_store *store, const char *log_name, uint64_t file);

/* Writes a sidecar beside its file. If that fails the next start reads the file instead. */
void store_write_sidecar(const struct binlog_store *store,
                         const char *file_path,
                         const struct buffer *sidecar);

/* Removes what was derived from a binlog file. What is not there is no fault. */
MUST_CHECK enum status store_remove_derived(const struct binlog_store *store,
                                            const char *path,
                                            struct error *error);

/* Removes binlog files in their order, durably, and before them what was derived from them. */
MUST_CHECK enum status store_remove_files(const struct binlog_store *store,
                                          const char *log_name,
                                          const uint64_t *files,
                                          size_t count,
                                          struct error *error);

/* What is shown begins at this file, if it began before it: the files in front are gone. */
void store_raise_first_visible(struct binlog_store *store, uint64_t first);

/* Sets the name once. */
void store_set_log_name(struct binlog_store *store, const char *log_name);

/* Fails unless the store is open. */
MUST_CHECK enum status store_check_open(const struct binlog_store *store, struct error *error);

/* The state after a failure that only recovery mends; passes the status on. */
enum status store_refuse(struct binlog_store *store, enum status status);

void store_close_descriptor(const struct binlog_store *store, struct store_file *file);
void store_add_open_file(struct binlog_store *store, struct store_file *file);

/* Lets go of the first `count` open files. */
void store_drop_open_files(struct binlog_store *store, size_t count);

/* The facts of a followed file up to a place, but for `written_usec`. */
struct binlog_file_facts store_facts_at(const struct file_follower *follower,
                                        const struct follower_place *place);

/* Sets up the follower for a file that will be appended to or scanned. */
void store_follow_file(const struct binlog_store *store,
                       struct file_follower *follower,
                       uint64_t file,
                       struct pending_gtids *gtids);

/* True once the file is in the list no more. */
bool store_is_purged(struct binlog_store *store, const struct store_file *file);

/* Under the epoch lock: mends what `mend` says of a file, with the store's rules. */
struct epoch_mend;
MUST_CHECK enum status store_mend_file(struct binlog_store *store,
                                       const struct store_file *file,
                                       struct epoch_mend *mend,
                                       struct epoch_facts *facts,
                                       struct error *error);

/* Returns once nobody mends an index any more of what is purged already. */
void store_await_mends(struct binlog_store *store);

/* In front of each look-up over several files: they must be in order. STATUS_SYSTEM: a file
 * that could not be read at the start still cannot. */
MUST_CHECK enum status store_settle_epochs(struct binlog_store *store, struct error *error);

/*
 * Makes a file's index right, from the binlog where it must be. Any thread that
 * may wait. STATUS_NOT_FOUND: it was purged.
 */
MUST_CHECK enum status store_mend_epochs(struct binlog_store *store,
                                         struct store_file *file,
                                         struct error *error);

/* The sync's thread, once all is durable: the records go to their indexes. */
void store_write_epochs(struct binlog_sync *sync);

/* The writer's thread, under the list's lock: they are found from now on. */
void store_publish_epochs(struct binlog_sync *sync);

/* The writer's thread, without a lock: what is to be known of them. */
void store_tell_epochs(const struct binlog_sync *sync);

/* The same for what the transactions up to a place say of appliers. */
void store_tell_sightings(struct binlog_store *store, struct binlog_position durable);

/* Drops an unfinished sync's references and buffers. */
void store_release_sync(struct binlog_store *store);
