/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From an epoch, a backup or a time to the place where an applier goes on. A
 * place is given only where nothing can be missing between what the applier
 * has and what follows there (S5); every refusal names the epochs, in a text
 * that fits an error packet. Any thread.
 *
 * What was before the store's first epoch is known only where the store has
 * its source's log from file 1 on, byte 4: then nothing was. Nothing else
 * proves it: a log that begins at a later file may have had epochs before.
 */
#pragma once

#include "binrelay/storage/epoch_index.h"

/*
 * Behind an applied epoch: its end if it is here, or the end of the one before
 * where the next is here too and no gap lies between. incarnation 0: the only
 * one that covers it; where more do, refused. STATUS_NOT_FOUND: not covered, with the
 * text for error 1236. STATUS_AGAIN: the same, but the epoch is above the newest one or
 * there is none at all, so that it may come yet.
 */
MUST_CHECK enum status epoch_locate_after(struct binlog_store *store,
                                          struct epoch_key key,
                                          struct binlog_position *found,
                                          struct error *error);

/*
 * From the end of an epoch to where the file is needed from: there, or, where
 * nothing follows in the file but the event that closes it and later files have
 * epochs, at the beginning of the next one. Then the file may go: the epoch is
 * found all the same (epoch_locate_after()), while it is the last one that went.
 */
struct binlog_position epoch_locate_beyond(struct binlog_store *store,
                                           struct binlog_position end);

/* True for the end of the last file that was purged, where that is known: a reader that came as
 * far goes on at *found. */
bool epoch_locate_behind_purged(struct binlog_store *store,
                                struct binlog_position position,
                                struct binlog_position *found);

/*
 * Behind a restored backup, by its pseudo-epoch (StopGCP << 32 | 0xFFFFFFFF):
 * the end of that very epoch; else the beginning of the next one, if the one
 * before it is here and no gap lies between, or nothing was before it; else,
 * where all epochs are smaller, the end of the newest (MySQL
 * mysql-test/suite/ndb_rpl, ndb_rpl_change_replication_source_to_epoch.inc).
 * Any number is taken. STATUS_NOT_FOUND and STATUS_AGAIN (there is no epoch) as above.
 */
MUST_CHECK enum status epoch_locate_after_backup(struct binlog_store *store,
                                                 uint64_t pseudo_epoch,
                                                 struct binlog_position *found,
                                                 struct error *error);

/*
 * Where the first epoch begins whose running maximum of commit times reaches
 * the time; behind the newest if none does. Wall clock. STATUS_NOT_FOUND: what was then
 * is not here, a gap lies there, or the time is still to come. STATUS_AGAIN as above.
 */
MUST_CHECK enum status epoch_locate_time(struct binlog_store *store,
                                         uint64_t usec,
                                         uint64_t now_usec,
                                         struct binlog_position *found,
                                         struct error *error);

/* "4711" is of incarnation 0, "4711.2" of 2. False: neither. */
bool epoch_key_parse(struct bytes text, struct epoch_key *key);

/* "2026-11-20T12:00:00Z", a blank for the T, with a fraction, "+01:00" for the Z, or neither
 * for UTC; wall clock. False: no time. */
bool epoch_time_parse(struct bytes text, uint64_t *usec);
