/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file `durable`: how far the store is known to be on disk.
 *
 * It is written after each successful sync of the binlog files and says less
 * than is true or exactly that, never more. It is synced itself only when the
 * durable end moves on to another file; so after a power loss it may be old,
 * but always names the file that the durable end was in. Recovery refuses a
 * store that does not read back right up to there, and cuts only behind it.
 *
 *   0          4096       8192       12288      16384
 *   synced, by turns      unsynced, by turns
 *
 * Each block begins with one record (durable_mark.c) and is zero behind it.
 * The valid record with the highest serial counts. A write touches the older
 * block of its pair, so that whatever a torn write leaves, the newest record
 * that was synced is whole.
 *
 * One thread at a time.
 */
#pragma once

#include <stdbool.h>

#include "binrelay/base/disk.h"
#include "binrelay/base/error.h"
#include "binrelay/protocol/binlog_event.h"
#include "binrelay/storage/binlog_position.h"

struct durable_claim {
    struct binlog_position end;
    enum binlog_checksum checksum; /* of the file: a format description may be damaged so that
                                      it promises none */
};

struct durable_mark {
    const struct disk *disk; /* borrowed */
    const char *path;        /* borrowed: the store's */
    int descriptor;          /* -1: not open */
    uint64_t serial;         /* of the newest record */
    uint64_t serials[4];     /* of each block's; 0: none is valid */
    struct binlog_position
        claimed; /* the furthest that the file may say, failed writes included */
};

void durable_mark_init(struct durable_mark *mark, const struct disk *disk, const char *path);
void durable_mark_close(struct durable_mark *mark);

/*
 * Opens the file and reads it; {0, 0} is what a store says in which nothing
 * was durable yet. STATUS_NOT_FOUND: there is no such file. STATUS_CORRUPT: no
 * record in it is valid. STATUS_INVALID: a newer format.
 */
MUST_CHECK enum status durable_mark_open(struct durable_mark *mark,
                                         struct durable_claim *found,
                                         struct error *error);

/* Replaces the whole file so that nothing but this is claimed, on disk before it returns. */
MUST_CHECK enum status durable_mark_reset(struct durable_mark *mark,
                                          struct durable_claim claim,
                                          struct error *error);

/* The end moved on in its file. If it cannot be written the mark is old, as after a power loss.
 */
void durable_mark_write(struct durable_mark *mark, struct durable_claim claim);

/* The end moved on to another file: on disk before it returns. */
MUST_CHECK enum status durable_mark_write_synced(struct durable_mark *mark,
                                                 struct durable_claim claim,
                                                 struct error *error);

/* Something in the file that the relay did not write; `offset` in the file. */
typedef void (*durable_mark_fault_fn)(void *context, uint64_t offset, const char *message);

/*
 * Reads the file, beside a relay that writes it too, and changes nothing.
 * Tells of every byte that is not as it was written; what fails otherwise fails
 * as in durable_mark_open().
 */
MUST_CHECK enum status durable_mark_check(const struct disk *disk,
                                          const char *path,
                                          durable_mark_fault_fn on_fault,
                                          void *context,
                                          struct durable_claim *found,
                                          struct error *error);
