/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of a store that readers know: those that begin at or before the
 * durable end, each with what was published of it.
 *
 * The writer's thread adds to the list and a purge takes from its front, both
 * under its lock; whoever reads locks, too. A file is counted: the list, the writer and each
 * cursor hold a reference, so that a file that leaves the list stays for who
 * has it open.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "binrelay/storage/binlog_files.h"
#include "epoch_facts.h"
#include "stored_gtids.h"

struct store_file {
    uint64_t number;
    char *path; /* owned */
    atomic_int references;

    /* Under the list's lock once the file is in the list. */
    struct binlog_file_facts facts; /* .bytes is final once `next` is set */
    struct stored_gtids added;      /* owned: what was published of the file */
    uint64_t next;                  /* the file that the log goes on in; 0: this is the last */
    bool is_purged;                 /* it is in the list no more */
    struct epoch_facts epochs;      /* owned: of its index; also changed by who mends it */
    uint64_t epoch_mends;           /* how often that was begun */
    uint64_t closed_at; /* where the event begins that closes it, if it was read; else 0 */

    /* The writer's, and of the sync that it began. */
    struct binlog_file_facts ended; /* what the facts will be when the durable end moves on */
    int descriptor;                 /* -1: nothing of the file is to be written or synced */
    bool is_named;                  /* the directory was synced since the file was made */
    bool is_in_sync;                /* a sync that runs has its descriptor */
};

/* Where the last file that was purged ended, if that was right behind an epoch: who applied
 * that one goes on in the first file that is left. file 0: it is not known. */
struct purged_end {
    uint64_t file;
    uint64_t offset; /* behind the epoch: what follows is the event that closed the file */
    uint64_t bytes;  /* of the whole file */
};

struct file_list {
    pthread_mutex_t lock;
    struct store_file **files; /* owned; numbers ascend; a reference each */
    size_t count;
    size_t capacity;
    struct stored_gtids purged; /* owned: stored before the first file */
    struct purged_end purged_end;
    struct stored_gtids before_last; /* owned: stored before the last file */
    struct gtid_set *left_out; /* owned: of all that is or was stored, what nobody is sent:
                                  incidents before the first epoch */
};

/* Takes over the path. The caller has the first reference. */
struct store_file *store_file_new(uint64_t number, char *path);
void store_file_ref(struct store_file *file);

/* Accepts NULL. The descriptor is closed by the writer before it lets go. */
void store_file_unref(struct store_file *file);

void file_list_init(struct file_list *list);
void file_list_release(struct file_list *list);

/* The writer, under the lock: adds a file behind the last, which ends as its `ended` says. */
void file_list_add(struct file_list *list, struct store_file *file);

/* Under the lock: the file of a number with a reference for the caller; NULL if there is none.
 */
struct store_file *file_list_find(struct file_list *list, uint64_t number);
